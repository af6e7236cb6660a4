"""The factor that tells people from programs: one or several captcha providers side by side.

A captcha that needs a script, or eyes, or ears, shuts people out. So one factor takes several providers:
a proof of work for those whose browser runs it, and something to read or to hear for those who cannot or
will not. The person solves whichever suits::

    CaptchaVerifier(AltchaCaptcha(...), TypedCaptcha(...))
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Mapping
from inspect import iscoroutinefunction

from hht_closure.account import Account, Channel
from hht_closure.errors import InvalidValueError, PortError, WiringError
from hht_closure.ports import (
    Answer,
    Asked,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    ChallengeJob,
    PersonAnswer,
    RequestInfo,
)
from hht_closure.values import Secret
from hht_closure.verification import Assurance, Factor


class CaptchaVerifier:
    """A :class:`~hht_closure.ports.Verifier` over captcha providers; any one of them proves the factor.

    ``begin`` gives the parameters of all providers, each key after its provider's name: ``altcha.challenge``,
    ``typed.picture``. ``check`` takes a mapping from one provider's name to its token, or a plain text where
    there is only one provider. Each provider is given a secret of its own, derived from the challenge's.

    A token that does not solve the challenge gives False. A provider that raises, or whose result is the
    problem ``unavailable``, has not judged at all: that comes out as :class:`PortError`, so the factor is
    not proved and the person is not told that the answer was wrong.

    Where a provider's methods give awaitables, so do ``begin`` and ``check``.
    """

    channel: Channel | None = None

    def __init__(self, *providers: CaptchaProvider, factor: str = "captcha") -> None:
        """A verifier over these providers, in the order a page should offer them.

        Raises:
            WiringError: no provider, two of one name, or a name that cannot be a key.
            InvalidValueError: the factor's name is not one.
        """
        self._factor = Factor(factor, "human_check")
        self._providers = {one.name: one for one in providers}
        if not providers:
            raise WiringError("a captcha verifier needs at least one provider")
        if len(self._providers) != len(providers):
            raise WiringError("two captcha providers have the same name")
        if not all(name.isascii() and name.isidentifier() for name in self._providers):
            raise WiringError("a captcha provider's name is not a name")

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

    def offer(self, account: Account) -> str:
        """An empty text: nothing is sent, and everybody can be asked."""
        return ""

    def begin(self, job: ChallengeJob) -> Answer[Asked]:
        """What every provider's widget needs.

        Raises:
            PortError: a provider failed.
        """
        parameters: dict[str, str] = {}
        for name in self._providers:
            asked = self._ask(name, job)
            if isinstance(asked, Awaitable):
                return self._begin_later(job, parameters, name, asked)
            parameters |= _prefixed(name, asked)
        return Asked(parameters=parameters)

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> Answer[bool]:
        """Whether the token solves this challenge for the provider that it is for.

        Raises:
            InvalidValueError: not exactly one token, for no provider of this verifier, or not a text.
            PortError: the provider failed or could not be asked.
        """
        name, token = self._token(answer)
        try:
            given = self._providers[name].verify(_job_for(name, job), token, request)
        except Exception as cause:
            raise _failed(name, "verify", cause) from cause
        return _judged_later(name, given) if isinstance(given, Awaitable) else _judged(name, given)

    def _ask(self, name: str, job: ChallengeJob) -> Answer[Mapping[str, str]]:
        try:
            return self._providers[name].widget(_job_for(name, job))
        except Exception as cause:
            raise _failed(name, "widget", cause) from cause

    async def _begin_later(
        self, job: ChallengeJob, asked: dict[str, str], first: str, pending: Awaitable[Mapping[str, str]]
    ) -> Asked:
        """Go on from the first provider that gave an awaitable."""
        parameters = asked | _prefixed(first, await _settled(first, pending))
        names = list(self._providers)
        for name in names[names.index(first) + 1 :]:
            given = self._ask(name, job)
            parameters |= _prefixed(name, await _settled(name, given) if isinstance(given, Awaitable) else given)
        return Asked(parameters=parameters)

    def _token(self, answer: PersonAnswer) -> tuple[str, str]:
        """The provider's name and the token that an answer holds."""
        if isinstance(answer, str):
            if len(self._providers) > 1:
                raise InvalidValueError("answer", "provider_not_named")
            return next(iter(self._providers)), answer
        if not isinstance(answer, Mapping):
            raise InvalidValueError("answer", "not_a_token")
        if len(answer) != 1:
            raise InvalidValueError("answer", "not_one_token")
        name, token = next(iter(answer.items()))
        if name not in self._providers:
            raise InvalidValueError("answer", "provider_unknown")
        if not isinstance(token, str):
            raise InvalidValueError("answer", "not_a_token")
        return name, token


def _job_for(name: str, job: ChallengeJob) -> CaptchaJob:
    """The provider's own job: no provider can compute what another one asks."""
    secret = hmac.digest(job.secret.reveal(), b"hht-closure captcha provider 1\x00" + name.encode(), "sha256")
    return CaptchaJob(challenge=job.challenge, secret=Secret(secret), expires=job.expires, locale=job.locale)


def _prefixed(name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}.{key}": value for key, value in parameters.items()}


def _judged(name: str, result: CaptchaResult) -> bool:
    if result.problem == "unavailable":
        raise PortError(f"captcha provider {name}.verify", "unavailable")
    return result.accepted is True


def _failed(name: str, method: str, cause: Exception) -> PortError:
    return PortError(f"captcha provider {name}.{method}", type(cause).__name__)


async def _settled(name: str, pending: Awaitable[Mapping[str, str]]) -> Mapping[str, str]:
    try:
        return await pending
    except Exception as cause:
        raise _failed(name, "widget", cause) from cause


async def _judged_later(name: str, pending: Awaitable[CaptchaResult]) -> bool:
    try:
        result = await pending
    except Exception as cause:
        raise _failed(name, "verify", cause) from cause
    return _judged(name, result)
