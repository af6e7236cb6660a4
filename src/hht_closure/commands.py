"""What is asked of the machine: orders, with everything that was found outside as their arguments.

The findings, the account as it stands, and the verdict of a comparison are facts that the flows fetch; the
machine decides on them and fetches nothing itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import attrs

from hht_closure.account import Account, Principal
from hht_closure.events import BudgetName, Clear, FailureKind
from hht_closure.policy import Finding, LegalHold, Portion, Terms
from hht_closure.tasks import PlannedTask
from hht_closure.values import is_duration, is_name

Findings = tuple[tuple[str, Finding], ...]
"""What each precondition answered, by its name."""


# --- the person's -------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OpenRound:
    """Begin to close this account, under these terms; a round that is open already stays as it is."""

    account: Account
    terms: Terms
    terms_digest: str
    findings: Findings


@attrs.frozen(kw_only=True)
class RecordChecks:
    """Keep what the preconditions answer now."""

    account: Account
    findings: Findings


@attrs.frozen(kw_only=True)
class AnswerStatement:
    """Declare something, ``done`` or ``waived``."""

    account: Account
    statement: str
    answer: str
    wording: str
    locale: str


@attrs.frozen(kw_only=True)
class GiveReason:
    """Say why, or choose not to say."""

    account: Account
    reason: str
    note: str = attrs.field(repr=False)
    share_note: bool


@attrs.frozen(kw_only=True)
class MakeChallenge:
    """Ask the person for a factor, or send the same once more; ``key`` is the key ring's current key."""

    principal: Principal
    account: Account
    factor: str
    channel: str | None
    key: str


@attrs.frozen(kw_only=True)
class StopSending:
    """Nothing goes out until then, since a budget that many people share is used up: raise the alarm (L8)."""

    channel: str
    budget: BudgetName
    until: datetime


@attrs.frozen(kw_only=True)
class CountAttempt:
    """An answer has come: count it before anybody looks at it (L4)."""

    principal: Principal
    account: Account
    factor: str


@attrs.frozen(kw_only=True)
class JudgeAttempt:
    """The answer that was counted under this number is right, or is not."""

    factor: str
    number: int
    challenge: str
    right: bool


NonceState = Literal["valid", "expired", "invalid"]
"""What was found of a nonce: of what is in force and in time, of that but too late, of something else."""


@attrs.frozen(kw_only=True)
class ConfirmClosure:
    """Close the account for good: everything that must hold at this moment (L2)."""

    principal: Principal
    account: Account
    findings: Findings
    terms_digest: str
    nonce: NonceState
    nonce_digest: str
    notice_version: str
    notice_digest: str
    locale: str
    fates_digest: str
    key: str


@attrs.frozen(kw_only=True)
class WithdrawClosure:
    """The person wants to keep the account."""


# --- the worker's -------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class LapseRound:
    """Nobody confirmed in time."""


@attrs.frozen(kw_only=True)
class SayAgain:
    """Raise the alarm of what is still set aside once more, where a day has gone by."""


@attrs.frozen(kw_only=True)
class BeginTask:
    """This task is about to be run, where workers were lost over its closure: count it first."""

    task: str


@attrs.frozen(kw_only=True)
class FinishTask:
    """This task has happened."""

    task: str


@attrs.frozen(kw_only=True)
class FailTask:
    """This task did not happen; ``jitter`` is 32 bits of entropy that spread the next try (L19)."""

    task: str
    kind: FailureKind
    code: str = attrs.field(validator=is_name)
    jitter: int


@attrs.frozen(kw_only=True)
class PostponeTask:
    """This task goes well and wants to be called again after that time."""

    task: str
    after: timedelta = attrs.field(validator=is_duration)


@attrs.frozen(kw_only=True)
class RecheckAccount:
    """Look once more before anything is erased: begin the erasure, give the account back, or ask again (L13, L14)."""

    account: Account | None
    findings: Findings
    data_sets: tuple[PlannedTask, ...]
    host_tasks: tuple[PlannedTask, ...]
    farewell: Clear | None
    jitter: int


@attrs.frozen(kw_only=True)
class GiveAccountBack:
    """Something came up before the freeze that no freeze may hide: the account goes back (L14)."""

    cause: str = attrs.field(validator=is_name)


@attrs.frozen(kw_only=True)
class RecordBatch:
    """A batch of an erasure went."""

    task: str
    erased: int
    cursor: str


@attrs.frozen(kw_only=True)
class SettleDataSet:
    """The eraser thinks that it is done; so much remains that must go, and this became of the rest (L17)."""

    task: str
    remaining: int
    portions: tuple[Portion, ...]
    jitter: int


@attrs.frozen(kw_only=True)
class IntendKeyDestruction:
    """A key is about to be destroyed."""

    task: str


@attrs.frozen(kw_only=True)
class CloseAccount:
    """All is done: this is the receipt; and these data sets are registered now, some of them too late for it (L21)."""

    receipt: str
    data_sets: tuple[PlannedTask, ...] = ()


# --- an operator's ------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ReleaseTask:
    """Have a task that was set aside tried again; actor and reason are names, codes and no texts."""

    task: str
    actor: str = attrs.field(validator=is_name)
    reason: str = attrs.field(validator=is_name)


@attrs.frozen(kw_only=True)
class SetLegalHold:
    """Keep data sets of this account; each in the place of an earlier hold on that set and ground (L20)."""

    holds: tuple[LegalHold, ...]
    actor: str = attrs.field(validator=is_name)
    reason: str = attrs.field(validator=is_name)


@attrs.frozen(kw_only=True)
class LiftLegalHold:
    """End the hold on the first data set before its time, and on the others where there is one on that ground."""

    data_sets: tuple[str, ...]
    ground: str
    actor: str = attrs.field(validator=is_name)
    reason: str = attrs.field(validator=is_name)


@attrs.frozen(kw_only=True)
class AddDataSets:
    """These data sets are registered now; a closed account has those erased that it was never asked about (L21)."""

    data_sets: tuple[PlannedTask, ...]


Command = (
    OpenRound
    | RecordChecks
    | AnswerStatement
    | GiveReason
    | MakeChallenge
    | StopSending
    | CountAttempt
    | JudgeAttempt
    | ConfirmClosure
    | WithdrawClosure
    | LapseRound
    | SayAgain
    | BeginTask
    | FinishTask
    | FailTask
    | PostponeTask
    | RecheckAccount
    | GiveAccountBack
    | RecordBatch
    | SettleDataSet
    | IntendKeyDestruction
    | CloseAccount
    | ReleaseTask
    | SetLegalHold
    | LiftLegalHold
    | AddDataSets
)
