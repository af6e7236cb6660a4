"""The factor that tells people from programs: one or several captcha providers side by side.

A captcha that needs a script, or eyes, or ears, shuts people out. So one factor takes several providers:
a proof of work for those whose browser runs it, and something to read or to hear for those who cannot or
will not. The person solves whichever suits::

    CaptchaVerifier(AltchaCaptcha(...), TypedCaptcha(...))

That is also the way round a provider that is down: one whose widget fails is left out, and the others are asked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Iterable, Mapping
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Final, TypeAlias

from hht_closure.account import CLOCK_SKEW, Account, Channel
from hht_closure.errors import InvalidValueError, PortError, WiringError
from hht_closure.flows.wiring import fits
from hht_closure.keys.derivation import hmac_of
from hht_closure.ports import (
    Answer,
    Asked,
    CaptchaAnswer,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    ChallengeJob,
    Offer,
    PersonAnswer,
    RequestInfo,
)
from hht_closure.values import Secret
from hht_closure.verification import Assurance, Factor

ACTION: Final = "close_account"
"""What the captcha guards, as providers that know actions are told."""

_HOST: Final = re.compile(r"[^\s/:?#@]{1,253}\Z")
_Widget: TypeAlias = Mapping[str, str] | PortError
"""What a provider's widget needs, under its name, or how the provider failed."""

_log = logging.getLogger(__name__)


class CaptchaVerifier:
    """A :class:`~hht_closure.ports.Verifier` over captcha providers; any one of them proves the factor.

    ``begin`` gives the parameters of all providers, each key after its provider's name: ``altcha.challenge``,
    ``typed.picture``. ``check`` takes the fields that a page sent, by their names, those of exactly one provider
    filled in (``{"altcha": "..."}``), or a plain text where there is one provider with one field. Each provider is
    given a secret of its own, bound to the challenge and to the session, so that what was asked in one session is
    answered in that one.

    Tokens that do not solve the challenge give False. So does evidence that does not fit: a host or an action that
    is not ours, another challenge's id, a time before the challenge was made; it is logged, since it may be that the
    portal is configured wrongly. A provider that raises, or whose reason is ``unavailable``, has not judged at all:
    that comes out as :class:`PortError`, so the factor is not proved and the person is not told that the answer was
    wrong. They may answer with the same tokens again, or by another provider.

    Where a provider's methods give awaitables, so do ``begin`` and ``check``.
    """

    channel: Channel | None = None

    def __init__(
        self,
        *providers: CaptchaProvider,
        hosts: tuple[str, ...] = (),
        timeout: timedelta = timedelta(seconds=5),
        factor: str = "captcha",
    ) -> None:
        """A verifier over these providers, in the order a page should offer them.

        Args:
            providers: at least one.
            hosts: the host names on which the portal's pages are served (without scheme and port), where a provider
                says where it was solved.
            timeout: how long a provider may take to judge.
            factor: the factor's name.

        Raises:
            WiringError: no provider, or what is none, two of one name or with the same field, a name that cannot be a
                key, hosts that a provider needs and nobody named, or hosts that are no host names.
            InvalidValueError: the factor's name is not one, or the time-out is no duration.
        """
        for one in providers:
            fits(one, CaptchaProvider, "a captcha provider")
        self._factor = Factor(factor, "human_check")
        self._providers = {one.name: one for one in providers}
        self._hosts = _host_names(hosts)
        self._timeout = timeout
        if not timedelta(0) < timeout <= timedelta(minutes=1):
            raise InvalidValueError("timeout", "duration_out_of_range")
        _check_providers(providers, hosts)

    @property
    def factor(self) -> str:
        """The factor's name."""
        return self._factor.name

    @property
    def assurance(self) -> Assurance:
        """``human_check``: somebody is there, nobody knows who."""
        return self._factor.assurance

    @property
    def never_blocks(self) -> bool:
        """Whether every provider says so, or is asynchronous."""
        return all(
            getattr(one, "never_blocks", False) is True
            or (iscoroutinefunction(one.widget) and iscoroutinefunction(one.verify))
            for one in self._providers.values()
        )

    @property
    def is_async(self) -> bool:
        """Whether any provider is asynchronous, so that only the asynchronous service can use them."""
        return any(
            iscoroutinefunction(one.widget) or iscoroutinefunction(one.verify) for one in self._providers.values()
        )

    def offer(self, account: Account) -> Offer:
        """Everybody can be asked, and nothing is sent."""
        return Offer()

    def begin(self, job: ChallengeJob) -> Answer[Asked]:
        """What the widgets need; a provider that fails is left out, so that there is a way round it.

        Raises:
            PortError: every provider failed.
        """
        asked = {name: self._ask(name, job) for name in self._providers}
        plain = {name: one for name, one in asked.items() if not isinstance(one, Awaitable)}
        return _begun(plain) if len(plain) == len(asked) else _begun_later(asked)

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> Answer[bool]:
        """Whether the tokens solve this challenge for the provider whose fields they are.

        Raises:
            InvalidValueError: not the fields of exactly one provider of this verifier, or no texts.
            PortError: the provider failed or could not be asked.
        """
        name, tokens = self._tokens(answer)
        asked = self._job_for(name, job)
        given = CaptchaAnswer(
            tokens=tokens,
            remote_address=request.remote_address,
            idempotency=_idempotency(asked, tokens),
            timeout=self._timeout,
        )
        provider = self._providers[name]
        try:
            result = provider.verify(asked, given)
        except Exception as cause:  # noqa: BLE001 - raised below, without a cause that may quote a token
            problem = type(cause).__name__
        else:
            if isinstance(result, Awaitable):
                return _judged_later(provider, asked, result)
            return _judged(provider, asked, result)
        raise _failed(name, "verify", problem)

    def _ask(self, name: str, job: ChallengeJob) -> Awaitable[Mapping[str, str]] | _Widget:
        try:
            asked = self._providers[name].widget(self._job_for(name, job))
            return asked if isinstance(asked, Awaitable) else _prefixed(name, asked)
        except Exception as cause:  # noqa: BLE001 - a value, without a cause that may quote a secret
            return _failed(name, "widget", type(cause).__name__)

    def _tokens(self, answer: PersonAnswer) -> tuple[str, Mapping[str, str]]:
        """The provider whose fields an answer fills in, and what it filled in; empty fields were left alone."""
        if isinstance(answer, str):
            return self._single(answer)
        if not isinstance(answer, Mapping):
            raise InvalidValueError("answer", "not_a_token")
        if not all(isinstance(part, str) for pair in answer.items() for part in pair):
            raise InvalidValueError("answer", "not_a_token")
        filled = {name: token for name, token in answer.items() if token}
        for name, provider in self._providers.items():
            if filled.keys() == set(provider.fields):
                return name, filled
        raise InvalidValueError("answer", "not_one_token")

    def _single(self, token: str) -> tuple[str, Mapping[str, str]]:
        (name, provider), *others = self._providers.items()
        if others or len(provider.fields) != 1:
            raise InvalidValueError("answer", "provider_not_named")
        return name, {provider.fields[0]: token}

    def _job_for(self, name: str, job: ChallengeJob) -> CaptchaJob:
        """The provider's own job: no provider can compute what another one asks, and no session what another was."""
        return CaptchaJob(
            challenge=job.challenge,
            secret=Secret(hmac_of(job.secret, "hht-closure/captcha", name, job.principal.session)),
            action=ACTION,
            hosts=self._hosts,
            now=job.now,
            asked_at=job.asked_at,
            expires=job.expires,
            locale=job.locale,
        )


def _host_names(hosts: Iterable[str]) -> tuple[str, ...]:
    """The hosts as providers write them; a text by itself would be taken for its letters."""
    if isinstance(hosts, str) or not all(_HOST.match(one) for one in hosts):
        raise WiringError("the captcha's hosts are a tuple of host names, without scheme and port")
    return tuple(one.lower() for one in hosts)


def _check_providers(providers: tuple[CaptchaProvider, ...], hosts: tuple[str, ...]) -> None:
    """Whether they can stand side by side, and know what they need."""
    if not providers:
        raise WiringError("a captcha verifier needs at least one provider")
    if len({one.name for one in providers}) != len(providers):
        raise WiringError("two captcha providers have the same name")
    if not all(one.name.isascii() and one.name.isidentifier() for one in providers):
        raise WiringError("a captcha provider's name is not a name")
    fields = [field for one in providers for field in one.fields]
    if not all(one.fields for one in providers) or len(set(fields)) != len(fields):
        raise WiringError("each captcha provider has fields of its own")
    needing = [one.name for one in providers if one.names_hosts]
    if needing and not hosts:
        raise WiringError(f"the captcha provider {needing[0]!r} says on which host it was solved: name yours in hosts")


def _idempotency(job: CaptchaJob, tokens: Mapping[str, str]) -> str:
    parts = [part for pair in sorted(tokens.items()) for part in pair]
    return hmac_of(job.secret, "idempotency", *parts).hex()[:32]


def _prefixed(name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}.{key}": value for key, value in parameters.items()}


def _begun(asked: Mapping[str, _Widget]) -> Asked:
    """The parameters of those that could be asked.

    Raises:
        PortError: none could.
    """
    failures = [one for one in asked.values() if isinstance(one, PortError)]
    if len(failures) == len(asked):
        raise failures[0]
    for one in failures:
        _log.warning("%s, and is left out", one)
    widgets = [one for one in asked.values() if not isinstance(one, PortError)]
    return Asked(parameters={key: value for widget in widgets for key, value in widget.items()})


async def _begun_later(asked: Mapping[str, Awaitable[Mapping[str, str]] | _Widget]) -> Asked:
    return _begun(
        {name: await _settled(name, one) if isinstance(one, Awaitable) else one for name, one in asked.items()}
    )


def _judged(provider: CaptchaProvider, job: CaptchaJob, result: CaptchaResult) -> bool:
    name = provider.name
    if not isinstance(result, CaptchaResult):
        raise _failed(name, "verify", "wrong_type")
    if result.reason == "unavailable":
        raise _failed(name, "verify", "unavailable")
    if result.accepted is not True:
        return False
    strange = "host" if provider.names_hosts and result.host is None else _misfit(job, result)
    if strange is not None:
        _log.warning("captcha provider %s: solved for another %s, or wrongly configured", name, strange)
    return strange is None


def _misfit(job: CaptchaJob, result: CaptchaResult) -> str | None:
    """What of the evidence, as far as there is any, is not this job's: solved here, for this, since it was asked."""
    if result.action is not None and result.action != job.action:
        return "action"
    if result.host is not None and result.host.lower() not in job.hosts:
        return "host"
    if result.challenge is not None and result.challenge != job.challenge:
        return "challenge"
    if result.at is not None and not job.asked_at - CLOCK_SKEW <= result.at <= job.now + CLOCK_SKEW:
        return "time"
    return None


def _failed(name: str, method: str, problem: str) -> PortError:
    return PortError(f"captcha provider {name}.{method}", problem)


async def _settled(name: str, pending: Awaitable[Mapping[str, str]]) -> _Widget:
    try:
        return _prefixed(name, await pending)
    except Exception as cause:  # noqa: BLE001 - a value, without a cause that may quote a secret
        return _failed(name, "widget", type(cause).__name__)


async def _judged_later(provider: CaptchaProvider, job: CaptchaJob, pending: Awaitable[CaptchaResult]) -> bool:
    try:
        result = await pending
    except Exception as cause:  # noqa: BLE001 - raised below, without a cause that may quote a token
        problem = type(cause).__name__
    else:
        return _judged(provider, job, result)
    raise _failed(provider.name, "verify", problem)
