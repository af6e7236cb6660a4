"""Tasks: what must happen outside, as the closure remembers it until it has (L16)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

import attrs

TaskKind = Literal[
    "freeze",
    "revoke_sessions",
    "recheck",
    "unfreeze",
    "tell_locked",
    "tell_given_back",
    "ledger_begun",
    "erase",
    "host",
    "tombstone",
    "retire",
    "destroy_key",
    "close",
    "ledger_closed",
    "farewell",
    "destroy_farewell_key",
    "purge",
]
"""What kinds there are, in the order in which a closing meets them."""

INTENDED: Final = "intended"
"""The cursor of a key's destruction once the intent is in the journal (L23)."""


@attrs.frozen
class PendingTask:
    """One thing that has not happened yet.

    Attributes:
        kind: what it is.
        subject: of what: a data set's name, a host task's, a round's number; empty where there is just one.
        due: not before that time; for one that is set aside, when its alarm is raised again.
        after: names of the tasks that must have happened first; a name that is no longer pending has.
        mandatory: whether the closing waits for it, or passes it over when it keeps failing (L19).
        tries: how often it failed since it last got on.
        begun: how often it was begun, where workers were lost, and nobody lived to say what came of it.
        cursor: where the next batch of an erasure begins; :data:`INTENDED` for a key's destruction.
        erased: how many items the batches so far have erased.
        empty: how many of its batches in a row erased nothing, while it went on searching.
        set_aside: whether it waits for an operator.
        deadline: after which it is passed over, whatever happens.
    """

    kind: TaskKind
    subject: str
    due: datetime
    after: tuple[str, ...] = ()
    mandatory: bool = True
    tries: int = 0
    begun: int = 0
    cursor: str = ""
    erased: int = 0
    empty: int = 0
    set_aside: bool = False
    deadline: datetime | None = None

    @property
    def name(self) -> str:
        """The name by which events speak of it: ``freeze``, ``erase:messages``, ``destroy_key:1``."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind

    @property
    def cursor_after_a_failure(self) -> str:
        """Where it goes on: an erasure with its first batch, which costs little and finds what was missed."""
        return "" if self.kind in {"erase", "purge"} else self.cursor


@attrs.frozen
class PlannedTask:
    """A data set or a task of the host's, as it stood when the erasure began: its name and what comes before it."""

    name: str
    after: tuple[str, ...] = ()
    mandatory: bool = True


def runnable(pending: tuple[PendingTask, ...]) -> tuple[PendingTask, ...]:
    """The tasks that nothing stands in front of, in order; what was set aside is none of them."""
    if not pending:
        return ()
    names = {one.name for one in pending}
    return tuple(one for one in pending if not one.set_aside and names.isdisjoint(one.after))


def without(pending: tuple[PendingTask, ...], name: str) -> tuple[PendingTask, ...]:
    """The tasks but for the one of that name."""
    return tuple(one for one in pending if one.name != name)


def changed(
    pending: tuple[PendingTask, ...], name: str, change: Callable[[PendingTask], PendingTask]
) -> tuple[PendingTask, ...]:
    """The tasks, with the one of that name changed."""
    return tuple(change(one) if one.name == name else one for one in pending)
