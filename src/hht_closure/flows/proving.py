"""Proving who you are: a challenge is sent within its budgets, an answer counted before it is compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from typing_extensions import TypeIs

from hht_closure.account import Account, ContactPoint, Principal
from hht_closure.canonical import b64
from hht_closure.commands import Command, CountAttempt, JudgeAttempt, MakeChallenge
from hht_closure.errors import (
    ClosureError,
    ClosureRefused,
    InvalidValueError,
    PortError,
    StoreUnavailableError,
    WiringError,
    refusal,
)
from hht_closure.events import AttemptCounted, FactorProved
from hht_closure.flows.calls import VerifierCalls
from hht_closure.flows.outside import Outside, account_of
from hht_closure.flows.stream import Loaded, Streams, nothing
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import attempts_left
from hht_closure.ports import Allowance, Asked, ChallengeJob, PersonAnswer, RequestInfo
from hht_closure.stages import Open
from hht_closure.texts import match_locale
from hht_closure.verification import Challenge, PendingChallenge, Verdict

LONGEST_ANSWER: Final = 16_384
"""How long an answer may be, in code points over all its tokens."""

_DAY: Final = timedelta(days=1)


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

        async def ask(_: Loaded, account: Account) -> Command:
            return MakeChallenge(
                principal=principal,
                account=account,
                factor=factor,
                channel=verifier.channel,
                key=self._wiring.keyring.current,
            )

        async def before(loaded: Loaded, account: Account) -> None:
            nonlocal paid_for
            if await verifier.offer(account) is None:
                raise ClosureRefused((refusal("factor_unavailable", factor=factor),))
            contact = None if verifier.channel is None else account.contact(verifier.channel)
            if contact is not None and contact != paid_for:
                await self._spend(loaded, contact, factor)
                paid_for = contact

        stream = self._streams.name(account_of(principal))
        look = partial(self._outside.account, principal)
        loaded, _, account = await self._streams.perform(stream, look, ask, before=before)
        stage, pending = _pending(loaded, factor)
        asked = await self._begin(verifier, self._job(loaded, stage, pending, account))
        return Challenge(
            factor=factor,
            id=pending.id,
            expires=pending.expires,
            resend_at=pending.sent_at + stage.round.terms.codes.resend_after,
            destination=await verifier.offer(account) if verifier.channel else None,
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

        async def ask(_: Loaded, account: Account) -> Command:
            return CountAttempt(principal=principal, account=account, factor=factor)

        stream = self._streams.name(account_of(principal))
        look = partial(self._outside.account, principal)
        loaded, counted, account = await self._streams.perform(stream, look, ask)
        attempt = next(one for one in counted if isinstance(one, AttemptCounted))
        stage, pending = _pending(loaded, factor)
        job = self._job(loaded, stage, pending, account)
        malformed = False
        try:
            right = await verifier.check(job, answer, request or RequestInfo())
        except InvalidValueError:
            right, malformed = False, True
        except WiringError:
            raise
        except ClosureError:
            raise ClosureRefused((refusal("temporarily_unavailable"),)) from None
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

    async def _spend(self, loaded: Loaded, contact: ContactPoint, factor: str) -> None:
        """Take one from every budget, or send nothing; a budget that cannot be asked is used up (L8)."""
        stage = loaded.closure.stage
        if not isinstance(stage, Open):
            return
        limits, hold_off = stage.round.terms.sends, stage.round.terms.codes.resend_after
        to = self._wiring.keyring.mac("hht-closure/destination", contact.channel, contact.address)
        stream, channel = loaded.stream, contact.channel
        allowances = (
            Allowance(name="hold_off", key=f"{stream}/{factor}/hold_off", limit=1, window=hold_off),
            Allowance(name="account", key=f"{stream}/{channel}", limit=limits.per_account, window=_DAY),
            Allowance(name="destination", key=b64(to), limit=limits.per_destination, window=_DAY),
            Allowance(name="overall", key=f"{self._wiring.name}/{channel}", limit=limits.overall, window=_DAY),
        )
        try:
            exhausted = await self._wiring.budgets.take(allowances, now=loaded.now(self._wiring.clock))
        except (StoreUnavailableError, PortError) as error:
            raise ClosureRefused((refusal("temporarily_unavailable"),)) from error
        if exhausted is not None:
            if exhausted.name == "hold_off":
                raise ClosureRefused((refusal("too_soon", until=exhausted.until),))
            raise ClosureRefused((refusal("send_limit_reached", until=exhausted.until),))

    def _job(self, loaded: Loaded, stage: Open, pending: PendingChallenge, account: Account) -> ChallengeJob:
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
            contact=None if pending.channel is None else account.contact(pending.channel),
            challenge=f"{loaded.stream}.{stage.round.number}.{pending.id}",
            sending=f"{pending.sent_at:%Y%m%d%H%M%S%f}",
            secret=secret,
            expires=pending.expires,
            valid_for=stage.round.terms.codes.challenge_valid_for,
            locale=match_locale(account.locale) or "en",
            portal=self._wiring.name,
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
