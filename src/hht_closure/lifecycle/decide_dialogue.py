"""``decide`` for the dialogue: from the first look to the final confirmation.

The steps are taken in the document's order: eligibility, reason, verification, confirmation. What was done can
be done again; what comes too early is refused, with everything that is missing. Proving who you are is in
:mod:`~hht_closure.lifecycle.decide_proving`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from hht_closure import commands, events
from hht_closure.account import Account, Principal
from hht_closure.errors import Refusal, refusal
from hht_closure.lifecycle.decision import Accepted, Decision, Refused, refused
from hht_closure.lifecycle.evolution import fold
from hht_closure.lifecycle.facts import (
    blocker_refusals,
    lock_refusals,
    missing_for,
    outcomes,
    proved_factors,
    standing_refusals,
    statements_missing,
    under_way,
)
from hht_closure.stages import (
    Closed,
    Closing,
    Closure,
    Lapsed,
    Open,
    Unopened,
    Withdrawn,
    is_over,
)
from hht_closure.values import text_problem
from hht_closure.verification import missing_factors

LONGEST_NOTE = 2_000
"""How long a note may be, in code points."""


_CHECKED_LATELY: Final = timedelta(minutes=1)
"""For how long the same findings need not be written again, so that nobody makes a stream grow by asking."""


MOST_ENDED_ROUNDS: Final = 20
"""How many ended rounds may wait for their keys' destruction before another is opened: the worker comes first."""


def open_round(closure: Closure, command: commands.OpenRound, now: datetime) -> Decision:
    """A new round, or the one that is open already."""
    wrong = standing_refusals(command.account)
    if wrong:
        return Refused(wrong)
    before: tuple[events.Event, ...] = ()
    match closure.stage:
        case Open() as stage:
            if now < stage.lapses:
                return Accepted()
            before = (events.RoundLapsed(now),)
            closure = fold(before, closure)
        case Closing() | Closed():
            return refused("already_confirmed")
        case Unopened() | Withdrawn() | Lapsed():
            pass
    if sum(one.kind == "destroy_key" for one in closure.tasks) >= MOST_ENDED_ROUNDS:
        return refused("too_many_changes")
    opened = events.RoundOpened(
        now,
        1 if closure.round is None else closure.round.number + 1,
        events.Clear(command.account.id),
        command.terms,
        command.terms_digest,
        events.Carried(closure.attempts, closure.tasks, closure.holds),
    )
    return Accepted((*before, opened, events.ChecksMade(now, outcomes(command.terms, command.findings))))


def record_checks(closure: Closure, command: commands.RecordChecks, now: datetime) -> Decision:
    """The findings of this moment; the same ones again within a minute are not written down again."""
    stage = under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    found, last = outcomes(stage.round.terms, command.findings), stage.checks
    if last is not None and last.outcomes == found and not is_over(last.at, _CHECKED_LATELY, now):
        return Accepted()
    return Accepted((events.ChecksMade(now, found),))


def answer_statement(closure: Closure, command: commands.AnswerStatement, now: datetime) -> Decision:
    """A statement is answered ``done`` or ``waived``; either way it holds nobody up."""
    stage = under_way(closure, command.account, now)
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
    stage = under_way(closure, command.account, now)
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


def confirm_closure(closure: Closure, command: commands.ConfirmClosure, now: datetime) -> Decision:
    """The only command that can lead to an erasure; everything is looked at once more, now (L2, L11, L12)."""
    stage = closure.stage
    if isinstance(stage, Closing | Closed):
        same = stage.confirmed.nonce_digest == command.nonce_digest
        return Accepted() if same or command.nonce == "valid" else refused("already_confirmed")
    open_now = under_way(closure, command.account, now)
    if isinstance(open_now, Refused):
        return open_now
    locked = lock_refusals(closure, command.principal, now)
    wrong = (
        *(locked or _not_logged_in(open_now, command.principal, now)),
        *blocker_refusals(open_now.round.terms, command.findings),
        *statements_missing(open_now),
        *_said_and_proved(open_now, command.account, now),
        *_not_accepted(open_now, command),
    )
    if wrong:
        return Refused(wrong)
    cooling_off = open_now.round.terms.cooling_off
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
