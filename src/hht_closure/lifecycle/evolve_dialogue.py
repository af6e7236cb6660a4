"""What the events of the dialogue make of a closure."""

from __future__ import annotations

from datetime import datetime

import attrs

from hht_closure import events
from hht_closure.errors import ImpossibleEventError
from hht_closure.events import Event
from hht_closure.lifecycle.evolution import on
from hht_closure.policy.terms import MOST_FAILURES
from hht_closure.stages import (
    Checks,
    Closing,
    Closure,
    Confirmed,
    Lapsed,
    Open,
    Proving,
    Round,
    Said,
    Unopened,
    Withdrawn,
)
from hht_closure.tasks import PendingTask
from hht_closure.verification import Attempt, Attempts, PendingChallenge, Proof


@on(events.RoundOpened, within=(Unopened, Withdrawn, Lapsed), to=Open)
def _round_opened(_: Closure, __: Unopened | Withdrawn | Lapsed, event: events.RoundOpened) -> Closure:
    """A round begins with what the event carries over, so that folding may begin here."""
    this = Round(event.number, event.terms, event.terms_digest, event.at)
    stage = Open(this, event.at + event.terms.round_valid_for, None, Said(), Proving(), 0)
    return Closure(event.at, stage, event.carried.attempts, event.carried.tasks, event.carried.holds)


def _open(
    stage: Open, *, checks: Checks | None = None, said: Said | None = None, proving: Proving | None = None
) -> Open:
    return Open(
        stage.round,
        stage.lapses,
        checks or stage.checks,
        said or stage.said,
        proving or stage.proving,
        stage.given_back,
    )


@on(events.ChecksMade, within=(Open,))
def _checks_made(closure: Closure, stage: Open, event: events.ChecksMade) -> Closure:
    checks = Checks(event.at, event.outcomes)
    return Closure(event.at, _open(stage, checks=checks), closure.attempts, closure.tasks, closure.holds)


@on(events.StatementAnswered, within=(Open,))
def _statement_answered(closure: Closure, stage: Open, event: events.StatementAnswered) -> Closure:
    others = tuple(one for one in stage.said.statements if one[0] != event.statement)
    said = Said((*others, (event.statement, event.answer, event.wording)), stage.said.reason)
    return Closure(event.at, _open(stage, said=said), closure.attempts, closure.tasks, closure.holds)


@on(events.ReasonGiven, within=(Open,))
def _reason_given(closure: Closure, stage: Open, event: events.ReasonGiven) -> Closure:
    said = Said(stage.said.statements, event.reason)
    return Closure(event.at, _open(stage, said=said), closure.attempts, closure.tasks, closure.holds)


@on(events.ChallengeMade, within=(Open,))
def _challenge_made(closure: Closure, stage: Open, event: events.ChallengeMade) -> Closure:
    challenge = PendingChallenge(
        event.challenge, event.factor, event.channel, event.contact_version, event.key, event.at, event.expires
    )
    others = tuple(one for one in stage.proving.challenges if one.factor != event.factor)
    proving = Proving((*others, challenge), stage.proving.proofs)
    before = closure.attempts
    attempts = Attempts(before.challenges + 1, before.counted, before.failures, before.in_flight, before.locked_until)
    return Closure(event.at, _open(stage, proving=proving), attempts, closure.tasks, closure.holds)


@on(events.ChallengeRepeated, within=(Open,))
def _challenge_repeated(closure: Closure, stage: Open, event: events.ChallengeRepeated) -> Closure:
    challenges = tuple(
        attrs.evolve(one, sent_at=event.at) if one.id == event.challenge else one for one in stage.proving.challenges
    )
    proving = Proving(challenges, stage.proving.proofs)
    return Closure(event.at, _open(stage, proving=proving), closure.attempts, closure.tasks, closure.holds)


@on(events.SendingStopped, within=(Open, Closing, Withdrawn, Lapsed))
def _sending_stopped(
    closure: Closure, stage: Open | Closing | Withdrawn | Lapsed, event: events.SendingStopped
) -> Closure:
    """Somebody else's concern: nothing of this closing changes."""
    return Closure(event.at, stage, closure.attempts, closure.tasks, closure.holds)


@on(events.AttemptCounted, within=(Open,))
def _attempt_counted(closure: Closure, stage: Open, event: events.AttemptCounted) -> Closure:
    """As many are remembered as any terms may bear, however old: another round's window may reach further back (L5)."""
    before = closure.attempts
    attempts = Attempts(
        before.challenges,
        event.number,
        before.failures[-MOST_FAILURES:],
        (*before.in_flight[1 - MOST_FAILURES :], Attempt(event.number, event.at, event.challenge)),
        before.locked_until,
    )
    return Closure(event.at, stage, attempts, closure.tasks, closure.holds)


@on(events.FactorProved, within=(Open,))
def _factor_proved(closure: Closure, stage: Open, event: events.FactorProved) -> Closure:
    """The challenge is used up, and so is every answer to it that is still in flight (L5)."""
    challenges = tuple(
        PendingChallenge(c.id, c.factor, c.channel, c.contact_version, c.key, c.sent_at, c.expires, consumed=True)
        if c.id == event.challenge
        else c
        for c in stage.proving.challenges
    )
    proofs = (
        *(one for one in stage.proving.proofs if one.factor != event.factor),
        *(
            Proof(event.factor, event.assurance, c.id, c.channel, c.contact_version, event.expires)
            for c in challenges
            if c.id == event.challenge
        ),
    )
    before = closure.attempts
    attempts = Attempts(
        before.challenges,
        before.counted,
        before.failures,
        tuple(one for one in before.in_flight if one.challenge != event.challenge),
        before.locked_until,
    )
    return Closure(event.at, _open(stage, proving=Proving(challenges, proofs)), attempts, closure.tasks, closure.holds)


@on(events.AnswerRejected, within=(Open,))
def _answer_rejected(closure: Closure, stage: Open, event: events.AnswerRejected) -> Closure:
    before = closure.attempts
    attempts = Attempts(
        before.challenges,
        before.counted,
        (*before.failures, event.at),
        tuple(one for one in before.in_flight if one.number != event.attempt),
        before.locked_until,
    )
    return Closure(event.at, stage, attempts, closure.tasks, closure.holds)


@on(events.ClosingLocked, within=(Open,))
def _closing_locked(closure: Closure, stage: Open, event: events.ClosingLocked) -> Closure:
    """Old challenges are dead, and the person is told; what is proved stays proved (L5)."""
    before = closure.attempts
    attempts = Attempts(before.challenges, before.counted, before.failures, before.in_flight, event.until)
    telling = PendingTask("tell_locked", str(before.counted), event.at, mandatory=False)
    proving = Proving((), stage.proving.proofs)
    return Closure(event.at, _open(stage, proving=proving), attempts, (*closure.tasks, telling), closure.holds)


@on(events.ClosureConfirmed, within=(Open,), to=Closing)
def _closure_confirmed(closure: Closure, stage: Open, event: events.ClosureConfirmed) -> Closure:
    """Freeze first, then check again; a new freeze waits for every unfreezing that is pending (L13)."""
    confirmed = Confirmed(
        event.at,
        event.due,
        event.nonce_digest,
        event.notice_version,
        event.notice_digest,
        event.locale,
        event.fates_digest,
        event.contacts,
        event.key,
    )
    unfreezing = tuple(one.name for one in closure.tasks if one.kind == "unfreeze")
    tasks = (
        *closure.tasks,
        PendingTask("freeze", "", event.due, unfreezing),
        PendingTask("revoke_sessions", "", event.due, ("freeze",)),
        PendingTask("recheck", "", event.due, ("freeze", "revoke_sessions")),
    )
    return Closure(event.at, Closing(stage.round, stage, confirmed, None), closure.attempts, tasks, closure.holds)


@on(events.RoundWithdrawn, within=(Open, Closing), to=Withdrawn)
def _round_withdrawn(closure: Closure, stage: Open | Closing, event: events.RoundWithdrawn) -> Closure:
    if isinstance(stage, Closing):
        before_the_point_of_no_return(stage, event)
    return Closure(
        event.at,
        Withdrawn(stage.round, event.at),
        closure.attempts,
        _tasks_of_an_ended_round(closure, stage, event.at),
        closure.holds,
    )


@on(events.RoundLapsed, within=(Open,), to=Lapsed)
def _round_lapsed(closure: Closure, stage: Open, event: events.RoundLapsed) -> Closure:
    return Closure(
        event.at,
        Lapsed(stage.round, event.at),
        closure.attempts,
        _tasks_of_an_ended_round(closure, stage, event.at),
        closure.holds,
    )


def _tasks_of_an_ended_round(closure: Closure, stage: Open | Closing, at: datetime) -> tuple[PendingTask, ...]:
    """Unfreeze, where there was a freeze to come or done; the round's key dies after everything else (L23)."""
    tasks = without_the_freeze(closure.tasks)
    if isinstance(stage, Closing):
        tasks = (*tasks, unfreezing(stage.round, stage.dialogue.given_back, at))
    number = str(stage.round.number)
    others = tuple(one.name for one in tasks if one.kind != "destroy_key")
    return (*tasks, PendingTask("destroy_key", number, at, others))


def before_the_point_of_no_return(stage: Closing, event: Event) -> None:
    """Nothing leads back once the erasure has begun, and it begins once (L15).

    Raises:
        ImpossibleEventError: it has begun.
    """
    if stage.erasure is not None:
        raise ImpossibleEventError(type(event).__name__, "Closing")


def without_the_freeze(tasks: tuple[PendingTask, ...]) -> tuple[PendingTask, ...]:
    """The tasks but for those that lead to the erasure."""
    return tuple(one for one in tasks if one.kind not in {"freeze", "revoke_sessions", "recheck"})


def unfreezing(this: Round, given_back: int, at: datetime) -> PendingTask:
    """Back to the earlier standing; its name is new each time, so that a later freeze waits for it."""
    return PendingTask("unfreeze", f"{this.number}.{given_back}", at)
