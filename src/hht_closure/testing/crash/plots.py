"""The harness's own scenarios, before it is known where they are played: what happens, and under which terms."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

import attrs

from hht_closure.account import Account
from hht_closure.policy import AttemptLimit, Blocked, Blocker, Clean, Finding, NoticeText, Retries, Terms, Unknown
from hht_closure.ports import Again, Done, Failed, Precondition, Task, TaskJob
from hht_closure.testing.crash.kept import Kept, Notes, OutboxTask
from hht_closure.testing.crash.life import Step
from hht_closure.testing.crash.operating import holds, lifts, releases
from hht_closure.testing.crash.steps import (
    confirms,
    fails,
    gives_reason,
    goes_on,
    logs_in,
    looks,
    opens,
    proves,
    reads_receipt,
    settles,
    waits,
    withdraws,
    works,
)
from hht_closure.verification import email_code, sms_code

_PAID: Final = "pay the last bill"
_MENDED: Final = "mend the downstream system"
_DONE: Final = Done()
_RETRIES: Final = Retries()
_DAY: Final = timedelta(days=1)

AtFreeze = Literal["nothing", "bill", "silence"]
"""What comes of an account that is frozen: nothing, a last bill, or no answer any more from those who know of bills."""

Downstream = Literal["quick", "slow", "broken"]
"""What the system that must be told says: done; at first that it goes on, then that it failed; or, until it is mended,
that this is no use."""


@attrs.frozen(kw_only=True)
class Plot:
    """A scenario of ours.

    Attributes:
        name, steps, ends, worker_between: as the scenario has them.
        cooling_off, retries, failures: as the terms have them.
        at_freeze: what comes of an account that is frozen.
        downstream: what the system says that must be told.
        newsletter: what comes of the task that is not mandatory.
    """

    name: str
    steps: tuple[Step, ...]
    ends: str
    worker_between: bool = True
    cooling_off: timedelta | None = None
    retries: Retries = _RETRIES
    failures: int = 5
    at_freeze: AtFreeze = "nothing"
    downstream: Downstream = "quick"
    newsletter: Done | Failed = _DONE

    def preconditions(self, notes: Notes) -> tuple[Precondition, ...]:
        """The check that this plot is about, where it is about one."""
        return () if self.at_freeze == "nothing" else (_LastBill(notes, self.at_freeze),)

    def tasks(self, kept: Kept) -> tuple[Task, ...]:
        """The host's tasks: a system that must be told, one that is told after it, and a newsletter."""
        return (
            _DownstreamTask(OutboxTask(kept.outbox, "downstream"), kept.notes, self.downstream),
            OutboxTask(kept.outbox, "partners", after=("downstream",)),
            OutboxTask(kept.outbox, "newsletter", mandatory=False, outcome=self.newsletter),
        )

    def terms(self, preconditions: tuple[str, ...], data_sets: tuple[str, ...]) -> Terms:
        """What the closing is held to."""
        return Terms(
            version="crash-1",
            requirement=sms_code & email_code,
            preconditions=preconditions,
            data_sets=data_sets,
            notice_version="1",
            notices=(NoticeText("en", "Closing is final."),),
            attempts=AttemptLimit(failures=self.failures),
            cooling_off=self.cooling_off,
            recheck_for=timedelta(minutes=15),
            retries=self.retries,
        )


@attrs.frozen
class _LastBill:
    """A precondition of a telecom operator's: the last bill is written when the account is frozen, and not before."""

    notes: Notes
    at_freeze: AtFreeze
    name: str = "no_last_bill"

    def check(self, account: Account) -> Finding:
        """Blocked, or unknown, from the freeze on until the bill is paid."""
        if account.standing != "frozen" or self.notes.read(_PAID) is not None:
            return Clean()
        if self.at_freeze == "silence":
            return Unknown()
        return Blocked((Blocker(code="last_bill", ground="service agreement 9.3", remedy="/invoices"),))


@attrs.frozen
class _DownstreamTask:
    """A system that takes its time, or that must be mended first."""

    task: OutboxTask
    notes: Notes
    says: Downstream
    name: str = "downstream"
    after: tuple[str, ...] = ()
    mandatory: bool = True

    def run(self, job: TaskJob) -> Done | Again | Failed:
        """What it says this time."""
        run = int(self.notes.read("downstream was told") or "0") + 1
        self.notes.write("downstream was told", str(run))
        if self.says == "slow" and run == 1:
            return Again(timedelta(minutes=5))
        if self.says == "slow" and run == 2:
            return Failed("retryable", "busy")
        if self.says == "broken" and self.notes.read(_MENDED) is None:
            return Failed("permanent", "customer_unknown")
        return self.task.run(job)


_PROVED: Final = (proves("sms_code", "sms"), proves("email_code", "email"))
_OPENED: Final = (logs_in(), opens(), gives_reason())
_CONFIRMED: Final = (*_OPENED, *_PROVED, confirms())

PLOTS: Final = (
    Plot(name="closing", steps=(looks(), *_CONFIRMED, works(), reads_receipt()), ends="closed"),
    Plot(
        name="withdrawn_in_cooling_off",
        steps=(*_CONFIRMED, waits(_DAY), withdraws()),
        ends="withdrawn",
        cooling_off=3 * _DAY,
    ),
    Plot(name="withdrawn_when_frozen", steps=(*_CONFIRMED, withdraws()), ends="withdrawn", worker_between=False),
    Plot(
        name="closed_in_a_second_round",
        steps=(*_CONFIRMED, waits(_DAY), withdraws(), *_CONFIRMED, waits(4 * _DAY)),
        ends="closed",
        cooling_off=3 * _DAY,
    ),
    Plot(name="given_back", steps=(*_CONFIRMED, works()), ends="open", at_freeze="silence"),
    Plot(
        name="given_back_and_closed",
        steps=(*_CONFIRMED, works(), settles(_PAID), logs_in(), goes_on(), *_PROVED, confirms()),
        ends="closed",
        at_freeze="bill",
    ),
    Plot(name="lapsed", steps=(*_OPENED, *_PROVED, waits(8 * _DAY)), ends="lapsed"),
    Plot(
        name="locked_out",
        steps=(
            *_OPENED,
            fails("sms_code", "sms"),
            waits(timedelta(hours=2)),
            logs_in(),
            goes_on(),
            *_PROVED,
            confirms(),
        ),
        ends="closed",
        failures=3,
    ),
    Plot(name="downstream_is_slow", steps=_CONFIRMED, ends="closed", downstream="slow"),
    Plot(
        name="set_aside_and_released",
        steps=(*_CONFIRMED, works(), settles(_MENDED), releases("host:downstream")),
        ends="closed",
        downstream="broken",
    ),
    Plot(
        name="held_by_law",
        steps=(holds("messages", 30 * _DAY), *_CONFIRMED, works(), lifts("messages")),
        ends="closed",
    ),
    Plot(
        name="best_effort_task_fails",
        steps=_CONFIRMED,
        ends="closed",
        newsletter=Failed("retryable", "unreachable"),
        retries=Retries(tries=3),
    ),
    Plot(name="retention_ends", steps=(*_CONFIRMED, works(), waits(4 * 366 * _DAY)), ends="closed"),
)
"""Every one of them, by what is special about it."""
