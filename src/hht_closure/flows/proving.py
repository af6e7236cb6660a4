"""Proving who you are: a challenge is sent within its budgets, an answer counted before it is compared."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from typing_extensions import TypeIs

from hht_closure.account import Account, ContactPoint, Principal
from hht_closure.commands import Command, CountAttempt, JudgeAttempt, MakeChallenge, StopSending
from hht_closure.errors import (
    ClosureError,
    ClosureRefused,
    InvalidValueError,
    PortError,
    StoreUnavailableError,
    WiringError,
    refusal,
)
from hht_closure.events import AttemptCounted, FactorProved, SendingStopped
from hht_closure.flows.calls import VerifierCalls
from hht_closure.flows.outside import Outside, account_of
from hht_closure.flows.stream import Loaded, Streams, nothing
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import attempts_left
from hht_closure.policy import Terms
from hht_closure.ports import Allowance, Asked, ChallengeJob, Exhausted, Offer, PersonAnswer, RequestInfo
from hht_closure.stages import Open
from hht_closure.texts import match_locale
from hht_closure.verification import Challenge, PendingChallenge, Verdict

LONGEST_ANSWER: Final = 16_384
"""How long an answer may be, in code points over all its tokens."""

_DAY: Final = timedelta(days=1)
_log = logging.getLogger(__name__)


class Proving:
    """Challenges and answers, for the principal's own account (L1)."""

    def __init__(self, wiring: Wiring, streams: Streams, outside: Outside) -> None:
        self._wiring = wiring
        self._streams = streams
        self._outside = outside

    async def challenge(self, principal: Principal, factor: str) -> Challenge:
        """Ask for a factor: first the commit, with the budgets taken before it, and only then the sending (L8)."""
        verifier = self._verifier(factor)
        paid_for: ContactPoint | None = None
        offer: Offer | None = None

        async def ask(loaded: Loaded, account: Account) -> Command:
            self._must_know_the_key(loaded, factor)
            return MakeChallenge(
                principal=principal,
                account=account,
                factor=factor,
                channel=verifier.channel,
                key=self._wiring.keyring.current,
            )

        async def before(loaded: Loaded, account: Account) -> None:
            nonlocal paid_for, offer
            offer = await _offered(verifier, account)
            contact = None if verifier.channel is None else account.contact(verifier.channel)
            if contact is not None and contact != paid_for:
                await self._spend(loaded, contact.channel, offer, factor)
                paid_for = contact

        stream = self._streams.name(account_of(principal))
        look = partial(self._outside.account, principal)
        loaded, _, account = await self._streams.perform(stream, look, ask, before=before)
        stage, pending = _pending(loaded, factor)
        asked = await self._begin(verifier, self._job(loaded, stage, pending, account, principal))
        return Challenge(
            factor=factor,
            id=pending.id,
            expires=pending.expires,
            resend_at=pending.sent_at + stage.round.terms.codes.resend_after,
            destination=offer.shown if offer is not None and verifier.channel else None,
            delivered=asked.delivered,
            parameters=asked.parameters,
        )

    async def answer(
        self, principal: Principal, factor: str, answer: PersonAnswer, request: RequestInfo | None
    ) -> Verdict:
        """Judge an answer; the attempt is counted, and that is committed, before anything is compared (L4)."""
        if not _is_answer(answer):
            raise ClosureRefused((refusal("answer_malformed"),))
        if request is not None and not isinstance(request, RequestInfo):
            raise TypeError("request: a RequestInfo is wanted")
        verifier = self._verifier(factor)

        async def ask(loaded: Loaded, account: Account) -> Command:
            self._must_know_the_key(loaded, factor)
            return CountAttempt(principal=principal, account=account, factor=factor)

        stream = self._streams.name(account_of(principal))
        look = partial(self._outside.account, principal)
        loaded, counted, account = await self._streams.perform(stream, look, ask)
        attempt = next(one for one in counted if isinstance(one, AttemptCounted))
        stage, pending = _pending(loaded, factor)
        job = self._job(loaded, stage, pending, account, principal)
        malformed = False
        try:
            right = await verifier.check(job, answer, request or RequestInfo())
        except InvalidValueError:
            right, malformed = False, True
        except WiringError:
            raise
        except ClosureError:
            left = attempts_left(loaded.closure, loaded.now(self._wiring.clock))
            raise ClosureRefused((refusal("answer_not_judged", attempts_left=left),)) from None
        verdict = await self._judge(stream, factor, attempt, right=right)
        if malformed:
            raise ClosureRefused((refusal("answer_malformed", attempts_left=verdict.attempts_left),))
        return verdict

    async def _judge(self, stream: str, factor: str, attempt: AttemptCounted, *, right: bool) -> Verdict:
        async def ask(_: Loaded, __: None) -> Command:
            return JudgeAttempt(factor=factor, number=attempt.number, challenge=attempt.challenge, right=right)

        loaded, judged, _ = await self._streams.perform(stream, nothing, ask)
        now = loaded.now(self._wiring.clock)
        locked = loaded.closure.attempts.locked_until
        return Verdict(
            factor=factor,
            accepted=any(isinstance(one, FactorProved) for one in judged),
            attempts_left=attempts_left(loaded.closure, now),
            locked_until=locked if locked is not None and now < locked else None,
        )

    def _must_know_the_key(self, loaded: Loaded, factor: str) -> None:
        """Leave a challenge of a key that this key ring does not have yet to an instance that has it, uncounted.

        Raises:
            ClosureRefused: the ring was rotated, and this instance has not heard of it.
        """
        stage = loaded.closure.stage
        pending = stage.proving.challenge_of(factor) if isinstance(stage, Open) else None
        is_live = pending is not None and loaded.now(self._wiring.clock) < pending.expires and not pending.consumed
        if pending is not None and is_live and pending.key not in self._wiring.keyring.secrets:
            _log.error("challenge of a key that this key ring does not have: %s", pending.key)
            raise ClosureRefused((refusal("temporarily_unavailable"),))

    def _verifier(self, factor: str) -> VerifierCalls:
        verifier = self._wiring.verifiers.get(factor)
        if verifier is None:
            raise ClosureRefused((refusal("factor_unknown"),))
        return verifier

    async def _begin(self, verifier: VerifierCalls, job: ChallengeJob) -> Asked:
        """Ask; a verifier that fails keeps the challenge and the hold-off, and the person is told (L8)."""
        try:
            return await verifier.begin(job)
        except WiringError:
            raise
        except ClosureError:
            return Asked(delivered=False)

    async def _spend(self, loaded: Loaded, channel: str, offer: Offer, factor: str) -> None:
        """Take one from every budget, or send nothing; a budget that cannot be asked is used up (L8).

        Many people share the budgets, so they go by the clock, and not by what this account was last seen at.
        """
        stage = loaded.closure.stage
        if not isinstance(stage, Open):
            return
        allowances = tuple(self._allowances(stage.round.terms, loaded.stream, channel, offer, factor))
        now = self._wiring.clock.now()
        try:
            exhausted = await self._wiring.budgets.take(allowances, now=now)
        except (StoreUnavailableError, PortError) as error:
            raise ClosureRefused((refusal("temporarily_unavailable"),)) from error
        match exhausted:
            case None:
                return
            case Exhausted(name="hold_off"):
                raise ClosureRefused((refusal("too_soon", until=exhausted.until),))
            case Exhausted(name="number_block" | "overall" as budget):
                key = next(one.key for one in allowances if one.name == budget)
                alarm = StopSending(channel=channel, budget=budget, until=exhausted.until)
                await self._raise_alarm(loaded, alarm, key)
                raise ClosureRefused((refusal("temporarily_unavailable"),))
            case Exhausted(name="account"):
                raise ClosureRefused((refusal("send_limit_reached", until=exhausted.until),))
            case _:  # another account may have written to that destination, and when is nobody's business
                raise ClosureRefused((refusal("send_limit_reached"),))

    def _allowances(self, terms: Terms, stream: str, channel: str, offer: Offer, factor: str) -> Iterator[Allowance]:
        """What a sending is counted by: first what is the person's own, then what many people share."""
        limits, portal = terms.sends, self._wiring.name
        own, hold_off = f"{stream}/{channel}", terms.codes.resend_after
        yield Allowance(name="hold_off", key=f"{stream}/{factor}/hold_off", limit=1, window=hold_off)
        yield Allowance(name="account", key=own, limit=limits.per_account, window=_DAY)
        for name, part, limit in (
            ("destination", offer.destination, limits.per_destination),
            ("number_block", offer.number_block, limits.per_number_block),
        ):
            if part is not None:
                key = self._wiring.keyring.counted(portal, name, channel, part.reveal())
                yield Allowance(name=name, key=key, limit=limit, window=_DAY)
        yield Allowance(name="overall", key=f"{portal}/{channel}", limit=limits.overall, window=_DAY)

    async def _raise_alarm(self, found: Loaded, alarm: StopSending, key: str) -> None:
        """Say that a shared budget is used up: once a day for each, and not for everybody who is refused (L8).

        The day's alarm belongs to the round that took it first; where the journal failed, that round may try again.
        """
        now = self._wiring.clock.now()
        taker = f"{found.stream}.{found.events[0][0]}"
        once = Allowance(name="alarm", key=f"{alarm.budget}/{key}", limit=1, window=_DAY, taker=taker)

        async def ask(_: Loaded, __: None) -> Command:
            return alarm

        async def before(loaded: Loaded, _: None) -> None:
            if _has_raised(loaded, alarm, now) or await self._wiring.budgets.take((once,), now=now) is not None:
                raise ClosureRefused((refusal("temporarily_unavailable"),))
            _log.error("messages by %s are held back: the budget %r is used up", alarm.channel, alarm.budget)

        try:
            await self._streams.perform(found.stream, nothing, ask, before=before)
        except ClosureRefused:
            return
        except ClosureError as error:
            _log.error("an alarm could not be raised: %s", error)

    def _job(
        self, loaded: Loaded, stage: Open, pending: PendingChallenge, account: Account, principal: Principal
    ) -> ChallengeJob:
        """The challenge with its secret: derived anew each time from everything it is bound to (L3, L7)."""
        secret = self._wiring.keyring.challenge_secret(
            portal=self._wiring.name,
            stream=loaded.stream,
            round_number=stage.round.number,
            factor=pending.factor,
            channel=pending.channel,
            contact_version=pending.contact_version,
            challenge=pending.id,
            key=pending.key,
        )
        return ChallengeJob(
            account=account,
            principal=principal,
            contact=None if pending.channel is None else account.contact(pending.channel),
            challenge=f"{loaded.stream}.{stage.round.number}.{pending.id}",
            sending=f"{pending.sent_at:%Y%m%d%H%M%S%f}",
            secret=secret,
            now=self._wiring.clock.now(),
            expires=pending.expires,
            valid_for=stage.round.terms.codes.challenge_valid_for,
            locale=match_locale(account.locale) or "en",
            portal=self._wiring.name,
        )


async def _offered(verifier: VerifierCalls, account: Account) -> Offer:
    """Where the message goes.

    Raises:
        ClosureRefused: there is no way to ask this account, or nobody can say now.
    """
    try:
        offer = await verifier.offer(account)
    except (StoreUnavailableError, PortError) as error:
        raise ClosureRefused((refusal("temporarily_unavailable"),)) from error
    if offer is None:
        raise ClosureRefused((refusal("factor_unavailable", factor=verifier.factor),))
    return offer


def _has_raised(loaded: Loaded, alarm: StopSending, now: datetime) -> bool:
    """Whether this round holds that alarm already, of this day."""
    return any(
        isinstance(one, SendingStopped)
        and (one.channel, one.budget) == (alarm.channel, alarm.budget)
        and one.at > now - _DAY
        for _, one in loaded.events
    )


def _pending(loaded: Loaded, factor: str) -> tuple[Open, PendingChallenge]:
    """The challenge that was just made or answered."""
    stage = loaded.closure.stage
    pending = stage.proving.challenge_of(factor) if isinstance(stage, Open) else None
    if pending is None or not isinstance(stage, Open):
        raise ClosureRefused((refusal("challenge_missing", factor=factor),))
    return stage, pending


def _is_answer(answer: object) -> bool:
    """A text, or a mapping of texts, of a length that is worth looking at; nothing is counted for anything else."""
    if isinstance(answer, str):
        return len(answer) <= LONGEST_ANSWER
    if not _is_mapping(answer):
        return False
    parts = [part for pair in answer.items() for part in pair]
    return sum(len(part) if isinstance(part, str) else LONGEST_ANSWER + 1 for part in parts) <= LONGEST_ANSWER


def _is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    return isinstance(value, Mapping)
