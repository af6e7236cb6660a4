"""What the service answers: plain values, with everything a page needs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import attrs

from hht_closure.errors import Refusal
from hht_closure.policy import Blocker, Portion, Reason
from hht_closure.stages import Step
from hht_closure.verification import Assurance

Call = Literal[
    "open",
    "recheck",
    "attest",
    "give_reason",
    "challenge",
    "answer",
    "notice",
    "confirm",
    "withdraw",
    "status",
    "receipt",
]
"""A call that makes sense now."""


@attrs.frozen(kw_only=True)
class StatementView:
    """A statement, in which wording it is to be shown, and what the person has answered so far."""

    code: str
    wording: str
    answer: str | None


@attrs.frozen(kw_only=True)
class FactorView:
    """A factor of the requirement.

    Attributes:
        name, assurance: which, and what it shows.
        available: whether this account can be asked for it now.
        destination: where a code would go, masked; None where nothing is sent.
        reached: whether it is its turn.
        proved: whether it is proved, and the proof lives.
    """

    name: str
    assurance: Assurance
    available: bool
    destination: str | None
    reached: bool
    proved: bool


@attrs.frozen(kw_only=True)
class View:
    """What a person's closing is at this moment, and what can be done next.

    Attributes:
        step: where they are.
        can: the calls that make sense now.
        missing: everything that is still to be done before the confirmation, each named.
        blockers: what is in the way, all of it, with where to put it right; advisory ones included.
        statements, reasons, factors: what there is to answer, choose, and prove.
        requirement_met: whether enough factors are proved.
        attempts_left: how many wrong answers are borne before the lock, over all factors.
        locked_until: until when nothing is asked or answered; None where there is no lock now.
        lapses: when the round ends if nobody confirms.
        due: when the freeze comes, after the confirmation.
        irreversible: whether the erasure has begun.
        reference: the ticket for status and receipt, once confirmed.
        erased: how many items each data set has lost so far, while the erasure runs.
    """

    step: Step
    can: tuple[Call, ...]
    missing: tuple[Refusal, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    statements: tuple[StatementView, ...] = ()
    reasons: tuple[Reason, ...] = ()
    factors: tuple[FactorView, ...] = ()
    requirement_met: bool = False
    attempts_left: int = 0
    locked_until: datetime | None = None
    lapses: datetime | None = None
    due: datetime | None = None
    irreversible: bool = False
    reference: str | None = attrs.field(default=None, repr=False)
    erased: tuple[tuple[str, int], ...] = ()


@attrs.frozen(kw_only=True)
class Explanation:
    """What closing this account would mean, before anything is begun.

    Attributes:
        locale: the language of ``text``.
        text: the notice's wording.
        blockers: what is in the way now, all of it.
        unknown: the preconditions whose source could not be asked.
        statements: what the person will be asked to declare.
        fates: of each data set, what is erased and what is kept, until when, and on what ground.
        tombstone_days: for how many days the login name stays reserved; None for not at all.
    """

    locale: str
    text: str
    blockers: tuple[Blocker, ...]
    unknown: tuple[str, ...]
    statements: tuple[StatementView, ...]
    fates: tuple[tuple[str, tuple[Portion, ...]], ...]
    tombstone_days: int | None


@attrs.frozen(kw_only=True)
class Confirmation:
    """The closing was confirmed for good. The same nonce gives an equal one for ever (L12).

    ``due`` is when the account is frozen: the time of the confirmation, or the end of the cooling-off.
    """

    reference: str = attrs.field(repr=False)
    at: datetime
    due: datetime


@attrs.frozen(kw_only=True)
class Status:
    """What the holder of a reference may know: how far it is, and nothing about whom."""

    step: Step
    confirmed_at: datetime | None
    irreversible: bool
    erased: tuple[tuple[str, int], ...]
    closed_at: datetime | None


@attrs.frozen(kw_only=True)
class WorkReport:
    """What one pass of a worker came to.

    Attributes:
        streams: how many closures it worked on.
        done: tasks that have happened.
        failed: tasks that will be tried again.
        set_aside: tasks that wait for an operator: an alarm.
        passed_over: best-effort tasks that were given up.
        leases_lost: closures on which somebody else acted meanwhile.
        unworkable: closures that could not be read or written: an alarm.
    """

    streams: int = 0
    done: int = 0
    failed: int = 0
    set_aside: int = 0
    passed_over: int = 0
    leases_lost: int = 0
    unworkable: int = 0

    def __add__(self, other: WorkReport) -> WorkReport:
        """Both passes together."""
        return WorkReport(**{name: value + getattr(other, name) for name, value in attrs.asdict(self).items()})


@attrs.frozen(kw_only=True)
class SweepReport:
    """What one sweep over a part of the ledger came to.

    Attributes:
        position: of the last entry that it looked at; where it is the one that was given, there is nothing behind it.
        closed: how many closed accounts it looked at.
        added: how many data sets of theirs, registered since, are erased from now on by the workers.
        unworkable: how many closed accounts could not be looked at, since their stream cannot be read: an alarm.
    """

    position: int
    closed: int = 0
    added: int = 0
    unworkable: int = 0
