"""Histories for the tests of the machine: what was commanded, what happened, and how the closure is.

A :class:`History` is a value. Each walk goes on from the one before, with nothing but ``decide`` and ``evolve``::

    opened() -> eligible() -> reasoned() -> proved() -> confirmed() -> erasing() -> closed()

``then`` gives a command that must be accepted; ``decision`` asks for one and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import attrs

from hht_closure import commands, events
from hht_closure.account import Account, AccountId, ContactPoint, Principal
from hht_closure.commands import Command, Findings
from hht_closure.errors import Refusal
from hht_closure.events import Event
from hht_closure.lifecycle import Accepted, Decision, Refused, decide, fold, next_task
from hht_closure.policy import Blocked, Blocker, Clean, LegalHold, NoticeText, Portion, Terms
from hht_closure.stages import NOTHING, Closing, Closure, Erasure, Open
from hht_closure.tasks import PendingTask, PlannedTask
from hht_closure.verification import captcha, email_code, sms_code

A = TypeVar("A", bound=attrs.AttrsInstance)

T0: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

SMS: Final = ContactPoint(channel="sms", address="+8613800001234", version="s1")
EMAIL: Final = ContactPoint(channel="email", address="li@example.com", version="e1")
LI: Final = Account(id=AccountId("li"), contacts=(SMS, EMAIL), login_name="li.weiguo")
FROZEN: Final = attrs.evolve(LI, standing="frozen")

TERMS: Final = Terms(
    version="1",
    requirement=captcha & (sms_code | email_code),
    preconditions=("orders_done", "no_money_owed"),
    data_sets=("messages", "orders"),
    notice_version="1",
    notices=(NoticeText("en", "Closing is final."),),
)
DIGEST: Final = "d" * 43
CLEAN: Final[Findings] = (("orders_done", Clean()), ("no_money_owed", Clean()))
OWING: Final[Findings] = (
    ("orders_done", Clean()),
    ("no_money_owed", Blocked((Blocker(code="unpaid", ground="contract 4.2", remedy="/bills"),))),
)
PLAN: Final = (PlannedTask("messages"), PlannedTask("orders", ("messages",)))
KEPT_UNTIL: Final = T0 + 100 * DAY


def principal(now: datetime = T0, account: Account = LI) -> Principal:
    """Somebody who logged in at that time."""
    return Principal(account=account.id, session="session", logged_in_at=now)


def codes(decision: Decision) -> tuple[str, ...]:
    """The codes of a refused decision; of an accepted one there are none to be had."""
    assert isinstance(decision, Refused)
    return tuple(one.code for one in decision.refusals)


def refusals(decision: Decision) -> tuple[Refusal, ...]:
    """The refusals of a refused decision."""
    assert isinstance(decision, Refused)
    return decision.refusals


def changed(value: A, changes: Mapping[str, object]) -> A:
    """The value with other fields, whatever their types say: what is wrong is for the value to find."""
    fields = {one.alias: getattr(value, one.name) for one in attrs.fields(type(value))}
    return type(value)(**{**fields, **changes})


@attrs.frozen
class History:
    """What has happened so far, and what time it is."""

    closure: Closure = NOTHING
    happened: tuple[Event, ...] = ()
    now: datetime = T0

    def later(self, duration: timedelta) -> History:
        """Time goes by."""
        return attrs.evolve(self, now=self.now + duration)

    def decision(self, command: Command) -> Decision:
        """What the machine says to the command now."""
        return decide(self.closure, command, now=self.now)

    def events_of(self, command: Command) -> tuple[Event, ...]:
        """The events that the command leads to, which is accepted."""
        decision = self.decision(command)
        assert isinstance(decision, Accepted), decision
        return decision.events

    def then(self, *given: Command) -> History:
        """The commands are given one after the other, and accepted."""
        told = self
        for command in given:
            told = told.with_events(*told.events_of(command))
        return told

    def with_events(self, *happened: Event) -> History:
        """These events happen, whoever decided them."""
        return History(fold(happened, self.closure), (*self.happened, *happened), self.now)

    @property
    def open(self) -> Open:
        """The stage, which is open."""
        assert isinstance(self.closure.stage, Open)
        return self.closure.stage

    @property
    def closing(self) -> Closing:
        """The stage, which is closing."""
        assert isinstance(self.closure.stage, Closing)
        return self.closure.stage

    @property
    def erasure(self) -> Erasure:
        """The erasure that has begun."""
        assert self.closing.erasure is not None
        return self.closing.erasure

    @property
    def task_names(self) -> tuple[str, ...]:
        """The names of what is pending, in order."""
        return tuple(one.name for one in self.closure.tasks)

    def task(self, name: str) -> PendingTask:
        """The pending task of that name."""
        return next(one for one in self.closure.tasks if one.name == name)

    @property
    def next_name(self) -> str | None:
        """The name of the task to run now."""
        task = next_task(self.closure, self.now)
        return None if task is None else task.name


# --- commands with everything as it should be ---------------------------------------------------------------


def open_round(terms: Terms = TERMS, findings: Findings = CLEAN, account: Account = LI) -> commands.OpenRound:
    """Begin."""
    return commands.OpenRound(account=account, terms=terms, terms_digest=DIGEST, findings=findings)


def statement(code: str, answer: str = "done", account: Account = LI, wording: str = "1") -> commands.AnswerStatement:
    """Declare."""
    return commands.AnswerStatement(account=account, statement=code, answer=answer, wording=wording, locale="en")


def reason(code: str = "rather_not_say", note: str = "", *, share: bool = False) -> commands.GiveReason:
    """Say why."""
    return commands.GiveReason(account=LI, reason=code, note=note, share_note=share)


def ask(
    factor: str, channel: str | None = None, account: Account = LI, logged_in: datetime = T0
) -> commands.MakeChallenge:
    """Ask for a factor."""
    return commands.MakeChallenge(
        principal=principal(logged_in), account=account, factor=factor, channel=channel, key="k1"
    )


STOP: Final = commands.StopSending(channel="sms", budget="overall", until=T0 + timedelta(days=1))


def count(factor: str, account: Account = LI, logged_in: datetime = T0) -> commands.CountAttempt:
    """An answer has come."""
    return commands.CountAttempt(principal=principal(logged_in), account=account, factor=factor)


def judge(factor: str, number: int, challenge: str, *, right: bool) -> commands.JudgeAttempt:
    """It was compared."""
    return commands.JudgeAttempt(factor=factor, number=number, challenge=challenge, right=right)


CONFIRM: Final = commands.ConfirmClosure(
    principal=principal(),
    account=LI,
    findings=CLEAN,
    terms_digest=DIGEST,
    nonce="valid",
    nonce_digest="n" * 43,
    notice_version="1",
    notice_digest="o" * 43,
    locale="en",
    fates_digest="f" * 43,
    key="k1",
)

RECHECK: Final = commands.RecheckAccount(
    account=FROZEN, findings=CLEAN, data_sets=PLAN, host_tasks=(), farewell=events.Clear("sealed later"), jitter=0
)


COURT: Final = LegalHold("messages", T0 + timedelta(days=400), "Court order 7")
HOLD: Final = commands.SetLegalHold(holds=(COURT,), actor="legal", reason="court_order")
LIFT: Final = commands.LiftLegalHold(
    data_sets=("messages",), ground="Court order 7", actor="legal", reason="case_closed"
)
LATER: Final = commands.AddDataSets(data_sets=(*PLAN, PlannedTask("drafts", ("messages",)), PlannedTask("notes")))
"""What is registered long after: all of the plan, and two more."""


def finish(task: str) -> commands.FinishTask:
    """A task has happened."""
    return commands.FinishTask(task=task)


def fail(task: str, kind: events.FailureKind = "retryable", jitter: int = 2**31) -> commands.FailTask:
    """A task did not happen."""
    return commands.FailTask(task=task, kind=kind, code="gone_wrong", jitter=jitter)


def settle(task: str, *portions: Portion, remaining: int = 0) -> commands.SettleDataSet:
    """The eraser thinks that it is done."""
    return commands.SettleDataSet(task=task, remaining=remaining, portions=portions, jitter=2**31)


def destroy(task: str) -> tuple[Command, Command]:
    """A key goes: the intent, then the end."""
    return commands.IntendKeyDestruction(task=task), finish(task)


# --- walks --------------------------------------------------------------------------------------------------


def opened(terms: Terms = TERMS) -> History:
    """A round is open, and nothing is in the way."""
    return History().then(open_round(terms))


def eligible(terms: Terms = TERMS) -> History:
    """Every statement is answered."""
    return opened(terms).then(statement("data_backed_up"), statement("contacts_told", "waived"))


def reasoned(terms: Terms = TERMS) -> History:
    """The person chose not to say."""
    return eligible(terms).then(reason())


def asked(terms: Terms = TERMS) -> History:
    """The captcha is passed, and a code went out by SMS."""
    return with_proof(reasoned(terms), "captcha").then(ask("sms_code", "sms"))


def proved(terms: Terms = TERMS) -> History:
    """Everything that the requirement asks for is proved."""
    return with_proof(with_proof(reasoned(terms), "captcha"), "sms_code", "sms")


def with_proof(told: History, factor: str, channel: str | None = None) -> History:
    """That factor asked for, and answered rightly."""
    told = told.then(ask(factor, channel, logged_in=told.now), count(factor, logged_in=told.now))
    attempt = told.closure.attempts.in_flight[-1]
    return told.then(judge(factor, attempt.number, attempt.challenge, right=True))


def with_failures(told: History, factor: str, times: int) -> History:
    """So many wrong answers to the challenge that stands."""
    for _ in range(times):
        told = told.then(count(factor))
        attempt = told.closure.attempts.in_flight[-1]
        told = told.then(judge(factor, attempt.number, attempt.challenge, right=False))
    return told


def confirmed(terms: Terms = TERMS) -> History:
    """The person confirmed for good."""
    return proved(terms).then(CONFIRM)


def frozen(terms: Terms = TERMS) -> History:
    """The account is held, its sessions are ended, and the recheck is due."""
    return confirmed(terms).then(finish("freeze"), finish("revoke_sessions"))


def erasing(terms: Terms = TERMS, recheck: commands.RecheckAccount = RECHECK) -> History:
    """The point of no return is behind us."""
    return frozen(terms).then(recheck)


def erased(terms: Terms = TERMS) -> History:
    """Every data set is settled; some orders are kept by law."""
    return erasing(terms).then(
        finish("ledger_begun"),
        settle("erase:messages", Portion("erased", 2)),
        settle("erase:orders", Portion("erased", 1), Portion("restricted", 1, KEPT_UNTIL, "law")),
    )


def closed(terms: Terms = TERMS) -> History:
    """The account is closed."""
    return erased(terms).then(
        finish("tombstone"), finish("retire"), *destroy("destroy_key:1"), commands.CloseAccount(receipt="receipt")
    )


def given_back() -> History:
    """The recheck found something in the way."""
    return frozen().then(attrs.evolve(RECHECK, findings=OWING))


def withdrawn() -> History:
    """The person kept the account."""
    return proved().then(commands.WithdrawClosure())


def lapsed() -> History:
    """Nobody confirmed in time."""
    return proved().later(TERMS.round_valid_for).then(commands.LapseRound())
