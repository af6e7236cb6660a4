"""``decide`` for the dialogue: from the first look to the final confirmation.

The steps are taken in the document's order: eligibility, reason, verification, confirmation. What was done can
be done again; what comes too early is refused, with everything that is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hht_closure import commands, events
from hht_closure.account import Account, Principal
from hht_closure.commands import Findings
from hht_closure.errors import Parameter, Refusal, refusal
from hht_closure.lifecycle.decision import Accepted, Decision, Refused, refused
from hht_closure.policy import Blocked, Clean, Finding, Terms, Unknown
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
from hht_closure.values import text_problem
from hht_closure.verification import Attempts, PendingChallenge, holds, is_reached, missing_factors

LONGEST_NOTE = 2_000
"""How long a note may be, in code points."""


# --- what is, at this moment --------------------------------------------------------------------------------


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
    """Everything that must be done before that step, each named exactly (DOM-03)."""
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
    return (*_checks_missing(stage, now), *_statements_missing(stage))


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


def _statements_missing(stage: Open) -> Iterable[Refusal]:
    for one in stage.round.terms.statements:
        if not stage.said.has_answered(one.code):
            yield refusal("statement_unanswered", statement=one.code)


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
                        "precondition": name,
                        "blocker": one.code,
                        "ground": one.ground,
                        "remedy": one.remedy,
                        **one.parameters,
                    }
                    yield Refusal("blocked", parameters)
        case Unknown() | None:
            yield refusal("check_unknown", precondition=name)


def _outcomes(terms: Terms, findings: Findings) -> tuple[events.CheckOutcome, ...]:
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


def _standing(account: Account) -> tuple[Refusal, ...]:
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


def _under_way(closure: Closure, account: Account, now: datetime) -> Open | Refused:
    """The open round of an account that may be closed, or why there is none."""
    match closure.stage:
        case Open() as stage:
            if now >= stage.lapses:
                return refused("no_round")
            wrong = _standing(account)
            return Refused(wrong) if wrong else stage
        case Closing() | Closed():
            return refused("already_confirmed")
        case Unopened() | Withdrawn() | Lapsed():
            return refused("no_round")


# --- conditions, statements, reason -------------------------------------------------------------------------


def open_round(closure: Closure, command: commands.OpenRound, now: datetime) -> Decision:
    """A new round, or the one that is open already."""
    wrong = _standing(command.account)
    if wrong:
        return Refused(wrong)
    before: tuple[events.Event, ...] = ()
    match closure.stage:
        case Open() as stage:
            if now < stage.lapses:
                return Accepted()
            return refused("try_again")
        case Closing() | Closed():
            return refused("already_confirmed")
        case Unopened() | Withdrawn() | Lapsed():
            pass
    number = 1 if closure.round is None else closure.round.number + 1
    opened = events.RoundOpened(
        now,
        number,
        events.Clear(command.account.id),
        command.terms,
        command.terms_digest,
        events.Carried(closure.attempts, closure.tasks),
    )
    return Accepted((*before, opened, events.ChecksMade(now, _outcomes(command.terms, command.findings))))


def record_checks(closure: Closure, command: commands.RecordChecks, now: datetime) -> Decision:
    """The findings of this moment."""
    stage = _under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    return Accepted((events.ChecksMade(now, _outcomes(stage.round.terms, command.findings)),))


def answer_statement(closure: Closure, command: commands.AnswerStatement, now: datetime) -> Decision:
    """A statement is answered ``done`` or ``waived``; either way it holds nobody up."""
    stage = _under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    statement = stage.round.terms.statement(command.statement)
    if statement is None:
        return refused("statement_unknown")
    match command.answer:
        case "done" | "waived" as answer:
            pass
        case _:
            return refused("statement_answer_unknown")
    if command.wording != statement.wording:
        return refused("wording_unknown", wording=statement.wording)
    if (statement.code, answer, command.wording) in stage.said.statements:
        return Accepted()
    return Accepted((events.StatementAnswered(now, statement.code, answer, command.wording, command.locale),))


def give_reason(closure: Closure, command: commands.GiveReason, now: datetime) -> Decision:
    """One of the terms' reasons, with a note where the reason wants one."""
    stage = _under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    missing = missing_for(stage, "reason", command.account.contact_versions, now)
    if missing:
        return Refused(missing)
    reason = stage.round.terms.reason(command.reason)
    if reason is None:
        return refused("reason_unknown")
    wrong = _note_problem(reason.note, command.note)
    if wrong is not None:
        return Refused((wrong,))
    note = events.Clear(command.note) if command.note else None
    if note is None and stage.said.reason == reason.code:
        return Accepted()
    return Accepted((events.ReasonGiven(now, reason.code, note, command.share_note and note is not None),))


def _note_problem(wanted: str, note: str) -> Refusal | None:
    if wanted == "not_wanted" and note:
        return refusal("note_not_wanted")
    match text_problem(note, longest=LONGEST_NOTE):
        case None:
            pass
        case "too_long":
            return refusal("note_too_long", longest=LONGEST_NOTE)
        case _:
            return refusal("note_invalid")
    if wanted == "required" and not note.strip():
        return refusal("note_required")
    return None


# --- proving who you are ------------------------------------------------------------------------------------


def _locked(attempts: Attempts, principal: Principal, now: datetime) -> tuple[Refusal, ...]:
    """Locked until a time, and then only after a log-in that is younger than the lock (L5)."""
    until = attempts.locked_until
    if until is None:
        return ()
    if now < until:
        return (refusal("locked", until=until),)
    if principal.logged_in_at is None or principal.logged_in_at < until:
        return (refusal("reauth_required"),)
    return ()


def make_challenge(closure: Closure, command: commands.MakeChallenge, now: datetime) -> Decision:
    """A new challenge, the same once more, or no: only what stands in front of it being proved (L8)."""
    stage = _under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    terms = stage.round.terms
    if terms.factor(command.factor) is None:
        return refused("factor_unknown")
    contacts = command.account.contact_versions
    missing = missing_for(stage, "verification", contacts, now)
    if missing:
        return Refused(missing)
    locked = _locked(closure.attempts, command.principal, now)
    if locked:
        return Refused(locked)
    proved = proved_factors(stage, contacts, now)
    if not is_reached(terms.requirement, command.factor, proved):
        return refused("factor_out_of_order", factor=command.factor)
    version = None
    if command.channel is not None:
        contact = command.account.contact(command.channel)
        if contact is None:
            return refused("factor_unavailable", factor=command.factor)
        version = contact.version
    return _ask(closure, stage, command, version, now)


def _ask(
    closure: Closure, stage: Open, command: commands.MakeChallenge, version: str | None, now: datetime
) -> Decision:
    times = stage.round.terms.codes
    last = stage.proving.challenge_of(command.factor)
    sends = command.channel is not None
    if last is not None and sends and not is_over(last.sent_at, times.resend_after, now):
        return refused("too_soon", until=last.sent_at + times.resend_after)
    if last is not None and _is_live(last, command.channel, version, now):
        return Accepted((events.ChallengeRepeated(now, last.id),)) if sends else Accepted()
    challenge = events.ChallengeMade(
        now,
        str(closure.attempts.challenges + 1),
        command.factor,
        command.channel,
        version,
        command.key,
        now + times.challenge_valid_for,
    )
    return Accepted((challenge,))


def _is_live(challenge: PendingChallenge, channel: str | None, version: str | None, now: datetime) -> bool:
    return (
        not challenge.consumed
        and now < challenge.expires
        and (challenge.channel, challenge.contact_version) == (channel, version)
    )


def count_attempt(closure: Closure, command: commands.CountAttempt, now: datetime) -> Decision:
    """The answer counts from now on; what cannot be right any more is not compared at all (L4, L5, L6)."""
    stage = _under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    if stage.round.terms.factor(command.factor) is None:
        return refused("factor_unknown")
    locked = _locked(closure.attempts, command.principal, now)
    if locked:
        return Refused(locked)
    challenge = stage.proving.challenge_of(command.factor)
    dead = _why_dead(challenge, command.account.contact_versions, now)
    if dead is not None or challenge is None:
        return Refused((dead or refusal("challenge_missing", factor=command.factor),))
    limit = stage.round.terms.attempts
    start = now - limit.within
    if closure.attempts.failed_since(start) + closure.attempts.in_flight_since(start) >= limit.failures:
        return refused("try_again")
    return Accepted((events.AttemptCounted(now, closure.attempts.counted + 1, challenge.id),))


def _why_dead(challenge: PendingChallenge | None, contacts: ContactVersions, now: datetime) -> Refusal | None:
    if challenge is None:
        return None
    if challenge.consumed:
        return refusal("consumed", factor=challenge.factor)
    if now >= challenge.expires:
        return refusal("challenge_expired", factor=challenge.factor)
    if challenge.channel is not None and (challenge.channel, challenge.contact_version) not in contacts:
        return refusal("challenge_voided", factor=challenge.factor)
    return None


def judge_attempt(closure: Closure, command: commands.JudgeAttempt, now: datetime) -> Decision:
    """Right: the factor is proved and the challenge used up. Wrong: a failure, and perhaps the lock (L5, L6)."""
    stage = closure.stage
    if not isinstance(stage, Open):
        return refused("no_round")
    challenge = stage.proving.challenge_of(command.factor)
    if challenge is None or challenge.id != command.challenge:
        return refused("challenge_voided", factor=command.factor)
    if challenge.consumed:
        return refused("consumed", factor=command.factor)
    if all(one.number != command.number for one in closure.attempts.in_flight):
        return refused("try_again")
    if command.right:
        return _prove(stage, challenge, command.number, now)
    rejected = events.AnswerRejected(now, command.number)
    limit = stage.round.terms.attempts
    if closure.attempts.failed_since(now - limit.within) + 1 >= limit.failures:
        return Accepted((rejected, events.ClosingLocked(now, now + limit.locked_for)))
    return Accepted((rejected,))


def _prove(stage: Open, challenge: PendingChallenge, number: int, now: datetime) -> Decision:
    factor = stage.round.terms.factor(challenge.factor)
    if factor is None:
        return refused("factor_unknown")
    expires = now + stage.round.terms.codes.proof_valid_for
    return Accepted((events.FactorProved(now, number, factor.name, factor.assurance, challenge.id, expires),))


# --- the final confirmation, and the way back ---------------------------------------------------------------


def confirm_closure(closure: Closure, command: commands.ConfirmClosure, now: datetime) -> Decision:
    """The only command that can lead to an erasure; everything is looked at once more, now (L2, L11, L12)."""
    stage = closure.stage
    if isinstance(stage, Closing | Closed):
        same = stage.confirmed.nonce_digest == command.nonce_digest
        return Accepted() if same or command.nonce == "valid" else refused("already_confirmed")
    under_way = _under_way(closure, command.account, now)
    if isinstance(under_way, Refused):
        return under_way
    wrong = (
        *_locked(closure.attempts, command.principal, now),
        *_not_logged_in(under_way, command.principal, now),
        *blocker_refusals(under_way.round.terms, command.findings),
        *_statements_missing(under_way),
        *_said_and_proved(under_way, command.account, now),
        *_not_accepted(under_way, command),
    )
    if wrong:
        return Refused(wrong)
    cooling_off = under_way.round.terms.cooling_off
    return Accepted(
        (
            events.ClosureConfirmed(
                now,
                command.nonce_digest,
                command.notice_version,
                command.notice_digest,
                command.locale,
                command.fates_digest,
                command.account.contact_versions,
                command.key,
                now if cooling_off is None else now + cooling_off,
            ),
        )
    )


def _not_logged_in(stage: Open, principal: Principal, now: datetime) -> Iterable[Refusal]:
    if not principal.logged_in_within(stage.round.terms.login_valid_for, now):
        yield refusal("reauth_required")


def _said_and_proved(stage: Open, account: Account, now: datetime) -> Iterable[Refusal]:
    if stage.said.reason is None:
        yield refusal("reason_missing")
    proved = proved_factors(stage, account.contact_versions, now)
    for name in missing_factors(stage.round.terms.requirement, proved):
        yield refusal("factor_unproved", factor=name)


def _not_accepted(stage: Open, command: commands.ConfirmClosure) -> Iterable[Refusal]:
    if command.terms_digest != stage.round.terms_digest:
        yield refusal("terms_changed")
        return
    match command.nonce:
        case "valid":
            return
        case "expired":
            yield refusal("nonce_expired")
        case "changed":
            yield refusal("notice_changed")
        case "invalid":
            yield refusal("nonce_invalid")


def withdraw_closure(closure: Closure, _: commands.WithdrawClosure, now: datetime) -> Decision:
    """The account is kept; after the point of no return there is no way back (L15)."""
    match closure.stage:
        case Open():
            return Accepted((events.RoundWithdrawn(now),))
        case Closing() as stage:
            return refused("irreversible") if stage.erasure is not None else Accepted((events.RoundWithdrawn(now),))
        case Closed():
            return refused("irreversible")
        case Withdrawn():
            return Accepted()
        case Unopened() | Lapsed():
            return refused("no_round")
