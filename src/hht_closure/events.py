"""What has happened to a closure: the events that its stream is made of.

Each is plain data with the time ``at`` which it was decided. The names and fields stand in stored streams for
ever; a change of meaning is a new version with a lift from the old one (:mod:`hht_closure.codec`, L29).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import attrs

from hht_closure.policy import LegalHold, Portion, Terms
from hht_closure.tasks import PendingTask, PlannedTask
from hht_closure.verification import Assurance, Attempts


@attrs.frozen
class Clear:
    """A confidential text before it is sealed; it does not show itself."""

    text: str = attrs.field(repr=False)


@attrs.frozen
class Sealed:
    """A confidential text as the journal holds it (L22)."""

    data: bytes = attrs.field(repr=False)


Confidential = Clear | Sealed
"""A text that leaves the machine in clear and stands in the journal sealed."""


@attrs.frozen
class Carried:
    """What a new round takes over from all that was before, so that folding may begin with it."""

    attempts: Attempts
    tasks: tuple[PendingTask, ...]
    holds: tuple[LegalHold, ...]


# --- the dialogue -------------------------------------------------------------------------------------------


@attrs.frozen
class RoundOpened:
    """A round of closing begins, under these terms."""

    at: datetime
    number: int
    account: Confidential
    terms: Terms
    terms_digest: str
    carried: Carried


CheckResult = Literal["clean", "blocked", "unknown"]


@attrs.frozen
class CheckOutcome:
    """What one precondition came to: its codes when something is in the way; amounts are not kept."""

    name: str
    result: CheckResult
    blockers: tuple[str, ...] = ()


@attrs.frozen
class ChecksMade:
    """The preconditions were asked."""

    at: datetime
    outcomes: tuple[CheckOutcome, ...]


@attrs.frozen
class StatementAnswered:
    """The person declared something, in this wording and language, or did not need it."""

    at: datetime
    statement: str
    answer: Literal["done", "waived"]
    wording: str
    locale: str


@attrs.frozen
class ReasonGiven:
    """The person said why, or chose not to."""

    at: datetime
    reason: str
    note: Confidential | None
    share_note: bool


@attrs.frozen
class ChallengeMade:
    """The person was asked for a factor; a code goes to that version of the contact point."""

    at: datetime
    challenge: str
    factor: str
    channel: str | None
    contact_version: str | None
    key: str
    expires: datetime


@attrs.frozen
class ChallengeRepeated:
    """The same challenge was sent once more."""

    at: datetime
    challenge: str


@attrs.frozen
class AttemptCounted:
    """An answer came; it counts from now on, whatever becomes of it (L4)."""

    at: datetime
    number: int
    challenge: str


@attrs.frozen
class FactorProved:
    """The answer was right; the challenge is used up."""

    at: datetime
    attempt: int
    factor: str
    assurance: Assurance
    challenge: str
    expires: datetime


BudgetName = Literal["number_block", "overall"]


@attrs.frozen
class SendingStopped:
    """A budget that many people share is used up, and was asked for once more: an alarm, once a day (L8)."""

    at: datetime
    channel: str
    budget: BudgetName
    until: datetime


@attrs.frozen
class AnswerRejected:
    """The answer was wrong."""

    at: datetime
    attempt: int


@attrs.frozen
class ClosingLocked:
    """Too many answers were wrong; nothing is asked or answered until then, and old challenges are dead."""

    at: datetime
    until: datetime


@attrs.frozen
class ClosureConfirmed:
    """The person confirmed for good, having been shown exactly this."""

    at: datetime
    nonce_digest: str
    notice_version: str
    notice_digest: str
    locale: str
    fates_digest: str
    contacts: tuple[tuple[str, str], ...]
    key: str
    due: datetime


@attrs.frozen
class RoundWithdrawn:
    """The person changed their mind in time."""

    at: datetime


@attrs.frozen
class RoundLapsed:
    """Nobody confirmed in time."""

    at: datetime


# --- the work after it --------------------------------------------------------------------------------------


@attrs.frozen
class TaskBegun:
    """A worker is about to run a task, and others were lost over this closure: it counts before it is tried (L19)."""

    at: datetime
    task: str


@attrs.frozen
class TaskDone:
    """A task has happened."""

    at: datetime
    task: str


FailureKind = Literal["retryable", "permanent", "ambiguous"]


@attrs.frozen
class TaskFailed:
    """A task did not happen, or nobody knows; it is tried again from ``due``."""

    at: datetime
    task: str
    kind: FailureKind
    code: str
    due: datetime


@attrs.frozen
class TaskPostponed:
    """A task goes on, and is called again from ``due``."""

    at: datetime
    task: str
    due: datetime


@attrs.frozen
class TaskSetAside:
    """A mandatory task keeps failing and waits for an operator: an alarm (L19)."""

    at: datetime
    task: str
    code: str


@attrs.frozen
class TaskPassedOver:
    """A best-effort task kept failing, or its time was over."""

    at: datetime
    task: str
    code: str


@attrs.frozen
class TaskReleased:
    """An operator had a task tried again: who, and a code that says why; no text, since nothing may be personal."""

    at: datetime
    task: str
    actor: str
    reason: str


@attrs.frozen
class LegalHoldSet:
    """An operator had a data set of the account kept, whatever the closing comes to (L20)."""

    at: datetime
    hold: LegalHold
    actor: str
    reason: str


@attrs.frozen
class LegalHoldLifted:
    """An operator ended a hold before its time: what it alone kept goes now."""

    at: datetime
    data_set: str
    ground: str
    actor: str
    reason: str


@attrs.frozen
class DataSetsAdded:
    """These data sets were registered after the account was closed, and are erased for it, too (L21)."""

    at: datetime
    data_sets: tuple[PlannedTask, ...]


@attrs.frozen
class AccountGivenBack:
    """The recheck found something in the way: the account goes back to its person, nothing was erased (L14)."""

    at: datetime
    causes: tuple[str, ...]


@attrs.frozen
class ErasureBegun:
    """The point of no return (L15): the recheck was clean, and these data sets and tasks are what goes."""

    at: datetime
    data_sets: tuple[PlannedTask, ...]
    host_tasks: tuple[PlannedTask, ...]
    tombstone: bool
    farewell: Confidential | None


@attrs.frozen
class BatchErased:
    """A batch of a data set went; the next begins at the cursor."""

    at: datetime
    task: str
    erased: int
    cursor: str


@attrs.frozen
class DataSetErased:
    """The data set says itself that nothing remains that must go (L17); what became of its items."""

    at: datetime
    data_set: str
    portions: tuple[Portion, ...]


@attrs.frozen
class KeyDestructionIntended:
    """The key will be destroyed; from here on it may be gone at any time (L23)."""

    at: datetime
    task: str


@attrs.frozen
class KeyDestroyed:
    """The key is destroyed, and what it sealed cannot be read by anybody."""

    at: datetime
    task: str


@attrs.frozen
class ClosureClosed:
    """The account is closed; this is the receipt."""

    at: datetime
    receipt: str


@attrs.frozen
class RetentionPurged:
    """Of a data set that the law kept, what may go went; the next of it may go at ``next`` (L20)."""

    at: datetime
    data_set: str
    next: datetime | None


Event = (
    RoundOpened
    | ChecksMade
    | StatementAnswered
    | ReasonGiven
    | ChallengeMade
    | ChallengeRepeated
    | AttemptCounted
    | FactorProved
    | SendingStopped
    | AnswerRejected
    | ClosingLocked
    | ClosureConfirmed
    | RoundWithdrawn
    | RoundLapsed
    | TaskBegun
    | TaskDone
    | TaskFailed
    | TaskPostponed
    | TaskSetAside
    | TaskPassedOver
    | TaskReleased
    | LegalHoldSet
    | LegalHoldLifted
    | DataSetsAdded
    | AccountGivenBack
    | ErasureBegun
    | BatchErased
    | DataSetErased
    | KeyDestructionIntended
    | KeyDestroyed
    | ClosureClosed
    | RetentionPurged
)
