"""How a closure is: its stages, and the facts that outlive them.

A stage is made by events alone. What a person sees within ``open`` (:data:`Step`) is computed from the stage
and the time, because proofs and checks die by time and no event tells of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import attrs

from hht_closure.events import CheckOutcome
from hht_closure.policy import LegalHold, Portion, Terms
from hht_closure.tasks import PendingTask
from hht_closure.verification import Attempts, PendingChallenge, Proof

ContactVersions = tuple[tuple[str, str], ...]
"""Channel and version of each contact point, in the order of the channels' names."""


@attrs.frozen
class Round:
    """One round of closing: what it is held to from its first event to its last."""

    number: int
    terms: Terms
    terms_digest: str
    opened_at: datetime


@attrs.frozen
class Checks:
    """What the preconditions answered, and when."""

    at: datetime
    outcomes: tuple[CheckOutcome, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was in the way and nothing unknown."""
        return all(one.result == "clean" for one in self.outcomes)


@attrs.frozen
class Said:
    """What the person has said so far: the statements that are answered, and the reason."""

    statements: tuple[tuple[str, str, str], ...] = ()
    reason: str | None = None

    def has_answered(self, statement: str) -> bool:
        """Whether that statement was answered, ``done`` or ``waived``."""
        return any(code == statement for code, _, _ in self.statements)


@attrs.frozen
class Proving:
    """What the person was asked, and what is proved."""

    challenges: tuple[PendingChallenge, ...] = ()
    proofs: tuple[Proof, ...] = ()

    def challenge_of(self, factor: str) -> PendingChallenge | None:
        """The challenge of that factor, used up or not."""
        return next((one for one in self.challenges if one.factor == factor), None)


@attrs.frozen
class Unopened:
    """Nobody has asked to close this account."""


@attrs.frozen
class Open:
    """The person is on the way to the confirmation."""

    round: Round
    lapses: datetime
    checks: Checks | None
    said: Said
    proving: Proving
    given_back: int


@attrs.frozen
class Confirmed:
    """What was confirmed: it is enough to answer the same confirmation again for ever (L12)."""

    at: datetime
    due: datetime
    nonce_digest: str
    notice_version: str
    notice_digest: str
    locale: str
    fates_digest: str
    contacts: ContactVersions
    key: str


@attrs.frozen
class Erasure:
    """What has become of the data so far, since the point of no return."""

    began_at: datetime
    fates: tuple[tuple[str, tuple[Portion, ...]], ...]
    outcomes: tuple[tuple[str, Literal["done", "passed_over"]], ...]
    has_farewell: bool


@attrs.frozen
class Closing:
    """Confirmed: frozen or about to be, then checked again, then erased. ``dialogue`` is what it goes back to."""

    round: Round
    dialogue: Open
    confirmed: Confirmed
    erasure: Erasure | None


@attrs.frozen
class Closed:
    """The account is closed and its data are erased; ``data_sets`` are all that were erased for it, or will be."""

    round: Round
    confirmed: Confirmed
    closed_at: datetime
    data_sets: tuple[str, ...]


@attrs.frozen
class Withdrawn:
    """The person kept the account."""

    round: Round
    at: datetime


@attrs.frozen
class Lapsed:
    """The round ended because nobody confirmed in time."""

    round: Round
    at: datetime


Stage = Unopened | Open | Closing | Closed | Withdrawn | Lapsed

Step = Literal[
    "none",
    "eligibility",
    "reason",
    "verification",
    "confirmation",
    "cooling_off",
    "closing",
    "closed",
    "withdrawn",
    "lapsed",
]
"""What a person sees: the stage, with the steps of ``open`` and the ``cooling_off`` of ``closing`` told apart."""


@attrs.frozen
class Closure:
    """The whole closing history of one account, folded.

    Attributes:
        at: the time of the last event; ``now`` is never before it (L6). None before the first.
        stage: how the closure is.
        attempts: the account's counters, over all rounds (L5).
        tasks: what must still happen outside (L16).
        holds: the legal holds that were set and not lifted, also those whose time is over (L20).
    """

    at: datetime | None
    stage: Stage
    attempts: Attempts
    tasks: tuple[PendingTask, ...]
    holds: tuple[LegalHold, ...]

    @property
    def round(self) -> Round | None:
        """The round that is under way, or the last one."""
        return None if isinstance(self.stage, Unopened) else self.stage.round


NOTHING: Final = Closure(None, Unopened(), Attempts(), (), ())
"""The closure of an account that nobody has asked to close."""


def is_over(at: datetime, duration: timedelta, now: datetime) -> bool:
    """Whether the time that began at ``at`` is over: half open, over exactly at its end (L6)."""
    return now - at >= duration
