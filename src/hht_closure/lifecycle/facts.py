"""What is true of a closure at this moment, and what is missing: computed, since proofs and checks die by time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hht_closure import events
from hht_closure.account import CLOCK_SKEW, Account, Principal
from hht_closure.commands import Findings
from hht_closure.errors import Parameter, Refusal, refusal
from hht_closure.lifecycle.decision import Refused, refused
from hht_closure.policy import AttemptLimit, Blocked, Clean, Finding, LegalHold, Terms, Unknown
from hht_closure.stages import (
    Closed,
    Closing,
    Closure,
    ContactVersions,
    Lapsed,
    Open,
    Step,
    Unopened,
    Withdrawn,
    is_over,
)
from hht_closure.verification import holds, missing_factors


def step_of(closure: Closure, contacts: ContactVersions, now: datetime) -> Step:
    """What the person sees now; within ``open`` it is computed, since proofs and checks die by time."""
    stage = closure.stage
    match stage:
        case Open():
            if now >= stage.lapses:
                return "lapsed"
            if _not_eligible(stage, now):
                return "eligibility"
            if stage.said.reason is None:
                return "reason"
            if not holds(stage.round.terms.requirement, proved_factors(stage, contacts, now)):
                return "verification"
            return "confirmation"
        case Closing():
            return "cooling_off" if now < stage.confirmed.due else "closing"
        case Closed():
            return "closed"
        case Withdrawn():
            return "withdrawn"
        case Lapsed():
            return "lapsed"
        case Unopened():
            return "none"


def proved_factors(stage: Open, contacts: ContactVersions, now: datetime) -> frozenset[str]:
    """The factors whose proof lives: in time, and of the contact version that stands (L2, L3)."""
    return frozenset(
        one.factor
        for one in stage.proving.proofs
        if now < one.expires and (one.channel is None or (one.channel, one.contact_version) in contacts)
    )


def missing_for(stage: Open, step: Step, contacts: ContactVersions, now: datetime) -> tuple[Refusal, ...]:
    """Everything that must be done before that step, each named exactly."""
    missing = list(_not_eligible(stage, now))
    if step == "reason":
        return tuple(missing)
    if stage.said.reason is None:
        missing.append(refusal("reason_missing"))
    if step == "verification":
        return tuple(missing)
    proved = proved_factors(stage, contacts, now)
    missing.extend(
        refusal("factor_unproved", factor=name) for name in missing_factors(stage.round.terms.requirement, proved)
    )
    return tuple(missing)


def _not_eligible(stage: Open, now: datetime) -> tuple[Refusal, ...]:
    return (*_checks_missing(stage, now), *statements_missing(stage))


def _checks_missing(stage: Open, now: datetime) -> Iterable[Refusal]:
    checks = stage.checks
    if checks is None or is_over(checks.at, stage.round.terms.check_valid_for, now):
        yield refusal("check_needed")
        return
    if checks.clean:
        return
    for one in checks.outcomes:
        if one.result == "unknown":
            yield refusal("check_unknown", precondition=one.name)
        for code in one.blockers:
            yield refusal("blocked", precondition=one.name, blocker=code)


def statements_missing(stage: Open) -> Iterable[Refusal]:
    """The statements that nobody has answered, ``done`` or ``waived``."""
    for one in stage.round.terms.statements:
        if not stage.said.has_answered(one.code):
            yield refusal("statement_unanswered", statement=one.code)


def attempts_left(closure: Closure, now: datetime) -> int:
    """How many wrong answers are borne before the lock: the limit less failures and answers in flight (L5)."""
    if closure.round is None:
        return 0
    limit = closure.round.terms.attempts
    start = now - limit.within
    used = closure.attempts.failed_since(start) + closure.attempts.in_flight_since(start)
    return max(limit.failures - used, 0)


def blocker_refusals(terms: Terms, findings: Findings) -> tuple[Refusal, ...]:
    """What the findings put in the way, each with its parameters; a check that is not among them is unknown."""
    found = dict(findings)
    return tuple(one for name in terms.preconditions for one in _in_the_way(name, found.get(name)))


def _in_the_way(name: str, finding: Finding | None) -> Iterable[Refusal]:
    match finding:
        case Clean():
            return
        case Blocked():
            for one in finding.blockers:
                if not one.advisory:
                    parameters: dict[str, Parameter] = {
                        **one.parameters,
                        "precondition": name,
                        "blocker": one.code,
                        "ground": one.ground,
                        "remedy": one.remedy,
                    }
                    yield Refusal("blocked", parameters)
        case Unknown() | None:
            yield refusal("check_unknown", precondition=name)


def outcomes(terms: Terms, findings: Findings) -> tuple[events.CheckOutcome, ...]:
    """What is kept of the findings: codes, and no amounts."""
    found = dict(findings)
    return tuple(_outcome(name, found.get(name)) for name in terms.preconditions)


def _outcome(name: str, finding: Finding | None) -> events.CheckOutcome:
    match finding:
        case Clean():
            return events.CheckOutcome(name, "clean")
        case Blocked():
            codes = tuple(one.code for one in finding.blockers if not one.advisory)
            return events.CheckOutcome(name, "blocked" if codes else "clean", codes)
        case Unknown() | None:
            return events.CheckOutcome(name, "unknown")


def hold_on(closure: Closure, data_set: str, now: datetime) -> LegalHold | None:
    """Of the legal holds on that data set that are in force the one that ends last; half open, over exactly at its end.

    Several matters on one account are usual; what one of them keeps, the end of another does not give up.
    """
    in_force = (one for one in closure.holds if one.data_set == data_set and now < one.until)
    return max(in_force, key=lambda one: one.until, default=None)


def standing_refusals(account: Account) -> tuple[Refusal, ...]:
    """A sanctioned account cannot be closed to escape the sanction; a frozen one is being closed or given back."""
    match account.standing:
        case "open":
            return ()
        case "suspended":
            return (refusal("account_suspended"),)
        case "frozen":
            return (refusal("account_frozen"),)
        case "retired":
            return (refusal("account_unknown"),)


def under_way(closure: Closure, account: Account, now: datetime) -> Open | Refused:
    """The open round of an account that may be closed, or why there is none."""
    match closure.stage:
        case Open() as stage:
            if now >= stage.lapses:
                return refused("no_round")
            wrong = standing_refusals(account)
            return Refused(wrong) if wrong else stage
        case Closing() | Closed():
            return refused("already_confirmed")
        case Unopened() | Withdrawn() | Lapsed():
            return refused("no_round")


def lock_refusals(closure: Closure, principal: Principal, now: datetime) -> tuple[Refusal, ...]:
    """Locked until a time, and then only after a log-in that is younger than the lock (L5)."""
    until = closure.attempts.locked_until
    if until is not None and now < until:
        return (refusal("locked", until=until),)
    if until is not None and not _logged_in_since(principal, until, now):
        return (refusal("reauth_required"),)
    beyond = _beyond_the_limit_until(closure)
    if beyond is not None and now < beyond:
        return (refusal("locked", until=beyond),)
    return ()


def _logged_in_since(principal: Principal, start: datetime, now: datetime) -> bool:
    return principal.logged_in_at is not None and start <= principal.logged_in_at <= now + CLOCK_SKEW


def _beyond_the_limit_until(closure: Closure) -> datetime | None:
    """Until when the failures alone use up the limit: without a lock, where this round's terms are stricter (L5)."""
    return None if closure.round is None else _used_up_until(closure.round.terms.attempts, closure.attempts.failures)


def try_again_refusal(closure: Closure, limit: AttemptLimit) -> Refusal:
    """Answers in flight use up the limit: at the latest it is free again when the oldest of them no longer counts."""
    until = _used_up_until(limit, (*closure.attempts.failures, *(one.at for one in closure.attempts.in_flight)))
    return refusal("try_again") if until is None else refusal("try_again", until=until)


def _used_up_until(limit: AttemptLimit, counted: tuple[datetime, ...]) -> datetime | None:
    """When one more is borne, if nothing is added; None where so many were never counted."""
    return sorted(counted)[-limit.failures] + limit.within if len(counted) >= limit.failures else None
