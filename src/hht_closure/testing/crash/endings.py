"""What a closing has come to, when nothing is due any more: the same as undisturbed, and nothing in between."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from hht_closure import events as happened
from hht_closure.stages import Closed, Closing, Lapsed, Withdrawn
from hht_closure.testing.crash.findings import Finding, Harm
from hht_closure.testing.crash.promises import CODES
from hht_closure.testing.crash.state import Belongings, State

_SOON: Final = timedelta(hours=1)

Outcome = Mapping[str, tuple[str, ...]]
"""What a closing has come to, as lines; the same however often it was disturbed."""


def outcome(state: State, ended_by_the_freeze: tuple[str, ...]) -> Outcome:
    """What it has come to; of what the freeze ends, only where that must have come to its end."""
    pending = state.closure.tasks
    uncertain = () if isinstance(state.closure.stage, Closed) else ended_by_the_freeze
    return {
        "stage": (type(state.closure.stage).__name__.lower(),),
        "standing": (state.theirs.standing,),
        "events": tuple(_line(one) for one in state.events if _is_same(one)),
        "items": tuple(_items(state.theirs, uncertain)),
        "keys": tuple(f"{name} {fate}" for name, fate in state.keys.items()),
        "ledger": tuple(f"{one.kind} {one.subject}" for one in state.ledger if one.kind != "held"),
        "sent": tuple(sorted({_without(state, one.id) for one in state.sent if one.kind not in CODES})),
        "reserved": ("reserved",) if state.reserved else (),
        "receipt": _receipt(state),
        "pending": tuple(_unnumbered(one.name) for one in pending),
    }


_SAME: Final = (
    happened.RoundOpened,
    happened.ClosingLocked,
    happened.ClosureConfirmed,
    happened.RoundWithdrawn,
    happened.RoundLapsed,
    happened.AccountGivenBack,
    happened.ErasureBegun,
    happened.DataSetErased,
    happened.TaskDone,
    happened.TaskPassedOver,
    happened.TaskSetAside,
    happened.TaskReleased,
    happened.LegalHoldLifted,
    happened.KeyDestructionIntended,
    happened.KeyDestroyed,
    happened.ClosureClosed,
    happened.RetentionPurged,
)
"""The events that a disturbance adds none of and takes none away; it may add a failure of a task, or a batch."""

_UNTIL_THE_ERASURE: Final = frozenset({"freeze", "revoke_sessions"})
"""Who withdraws in between may come before them or after; what they are for is promised elsewhere."""


def _is_same(event: happened.Event) -> bool:
    return isinstance(event, _SAME) and not (isinstance(event, happened.TaskDone) and event.task in _UNTIL_THE_ERASURE)


def _line(event: happened.Event) -> str:
    about = getattr(event, "task", None) or getattr(event, "data_set", None)
    return type(event).__name__ if about is None else f"{type(event).__name__} {_unnumbered(about)}"


def _items(theirs: Belongings, uncertain: tuple[str, ...]) -> Iterator[str]:
    for name, portions in theirs.portions.items():
        for one in portions:
            if one.count and name not in uncertain:
                until = "" if one.until is None else f" until {one.until:%Y-%m-%d}"
                yield f"{one.count} {one.disposition} {name}{until}"


def _receipt(state: State) -> tuple[str, ...]:
    claims = state.receipt
    if claims is None:
        return ()
    return (*(one.name for one in claims.data_sets), *(f"{one.name} {one.outcome}" for one in claims.tasks))


def _without(state: State, text: str) -> str:
    """An id without the stream's name, which is another one in each trial."""
    return _unnumbered(text.replace(state.stream, "stream"))


def _unnumbered(text: str) -> str:
    """Without the number of the answer over which it was locked: one that was lost on the way counts, too."""
    return re.sub(r"tell_locked:\d+", "tell_locked", text)


_MISSING: Final[Mapping[str, Harm]] = {"items": "doubled"}
_MORE: Final[Mapping[str, Harm]] = {"items": "lost", "pending": "stuck", "standing": "stuck", "stage": "stuck"}
"""What it is called when a line of an outcome is missing or too many: lost and doubled, but for these."""


def differences(found: Outcome, expected: Outcome) -> Iterator[Finding]:
    """What an undisturbed closing comes to and this one does not, and the other way round."""
    for about, lines in expected.items():
        is_, should = Counter(found[about]), Counter(lines)
        for line in (should - is_).elements():
            yield Finding(_MISSING.get(about, "lost"), f"{about}: {line!r} is missing")
        for line in (is_ - should).elements():
            yield Finding(_MORE.get(about, "doubled"), f"{about}: {line!r} is too many")


def in_between(state: State, before: State) -> Iterator[Finding]:
    """What keeps it from being closed and wholly erased, or open and whole, when it has come to its end."""
    if isinstance(state.closure.stage, Closed):
        yield from _not_wholly_erased(state)
        return
    if isinstance(state.closure.stage, Closing):
        yield Finding("stuck", "the closing does not come to its end")
    if state.theirs.account != before.theirs.account:
        yield Finding("lost", f"the account is not closed, and not what it was: {state.theirs.standing}")
    if isinstance(state.closure.stage, Withdrawn | Lapsed) and "present" in state.keys.values():
        yield Finding("stuck", "the round is over, and its key is not destroyed")


def _not_wholly_erased(state: State) -> Iterator[Finding]:
    if state.theirs.standing != "retired":
        yield Finding("lost", f"it is closed, and the account is {state.theirs.standing}")
    for name, count in state.theirs.remaining.items():
        if count and name not in state.held:
            yield Finding("lost", f"it is closed, and {count} items of {name!r} remain that must go")
    for name, fate in state.keys.items():
        if fate != "destroyed":
            yield Finding("stuck", f"it is closed, and the key of {name!r} is {fate}")
    missing = {"begun", "closed"}.difference(one.kind for one in state.ledger)
    for kind in sorted(missing):
        yield Finding("lost", f"it is closed, and the ledger has no entry {kind!r}")
    if state.receipt is None or {one.name for one in state.receipt.data_sets} != set(state.theirs.portions):
        yield Finding("lost", "it is closed, and no receipt names every data set")


def stuck(state: State) -> Iterator[Finding]:
    """What goes no further when nothing is due any more."""
    for one in state.closure.tasks:
        if one.set_aside:
            yield Finding("stuck", f"the task {one.name!r} is set aside")
        elif one.due <= state.now + _SOON:
            yield Finding("stuck", f"the task {one.name!r} is still pending")
