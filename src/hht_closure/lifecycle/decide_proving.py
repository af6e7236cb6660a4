"""``decide`` for proving who you are: challenges, answers counted, answers judged."""

from __future__ import annotations

from datetime import datetime

from hht_closure import commands, events
from hht_closure.errors import Refusal, refusal
from hht_closure.lifecycle.decision import Accepted, Decision, Refused, refused
from hht_closure.lifecycle.facts import (
    attempts_left,
    lock_refusals,
    missing_for,
    proved_factors,
    try_again_refusal,
    under_way,
)
from hht_closure.stages import (
    Closed,
    Closing,
    Closure,
    ContactVersions,
    Open,
    Unopened,
    is_over,
)
from hht_closure.verification import PendingChallenge, first_in_front, is_reached


def make_challenge(closure: Closure, command: commands.MakeChallenge, now: datetime) -> Decision:
    """A new challenge, the same once more, or no: only what stands in front of it being proved (L8)."""
    stage = under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    terms = stage.round.terms
    if terms.factor(command.factor) is None:
        return refused("factor_unknown")
    contacts = command.account.contact_versions
    missing = missing_for(stage, "verification", contacts, now)
    if missing:
        return Refused(missing)
    locked = lock_refusals(closure, command.principal, now)
    if locked:
        return Refused(locked)
    proved = proved_factors(stage, contacts, now)
    if not is_reached(terms.requirement, command.factor, proved):
        first = first_in_front(terms.requirement, command.factor, proved)
        return refused("factor_out_of_order", factor=command.factor, first=first)
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
        if sends:
            return Accepted((events.ChallengeRepeated(now, last.id),))
        if all(one.challenge != last.id for one in closure.attempts.in_flight):
            return Accepted()
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


def stop_sending(closure: Closure, command: commands.StopSending, now: datetime) -> Decision:
    """The alarm stands where the budget was found used up, also when that round has just ended (L8)."""
    if isinstance(closure.stage, Unopened | Closed):
        return refused("no_round")
    return Accepted((events.SendingStopped(now, command.channel, command.budget, command.until),))


def count_attempt(closure: Closure, command: commands.CountAttempt, now: datetime) -> Decision:
    """The answer counts from now on; what cannot be right any more is not compared at all (L4, L5, L6)."""
    stage = under_way(closure, command.account, now)
    if isinstance(stage, Refused):
        return stage
    if stage.round.terms.factor(command.factor) is None:
        return refused("factor_unknown")
    locked = lock_refusals(closure, command.principal, now)
    if locked:
        return Refused(locked)
    challenge = stage.proving.challenge_of(command.factor)
    dead = _why_dead(challenge, command.account.contact_versions, now)
    if dead is not None or challenge is None:
        return Refused((dead or refusal("challenge_missing", factor=command.factor),))
    if attempts_left(closure, now) == 0:
        return Refused((try_again_refusal(closure, stage.round.terms.attempts),))
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
        return refused("already_confirmed" if isinstance(stage, Closing | Closed) else "no_round")
    challenge = stage.proving.challenge_of(command.factor)
    if challenge is None or challenge.id != command.challenge:
        return refused("challenge_missing", factor=command.factor)
    if challenge.consumed:
        return refused("consumed", factor=command.factor)
    if all((one.number, one.challenge) != (command.number, challenge.id) for one in closure.attempts.in_flight):
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
