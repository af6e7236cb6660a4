"""The factor that shows possession: the digits of the person's authenticator (TOTP, RFC 6238 over RFC 4226).

The secrets are the portal's, whose log-in asks for the same authenticator; so the portal writes one method, and
says where it is remembered which time steps were used::

    verifiers=(TotpVerifier(secrets, spent=store.budgets), ...)
"""

from __future__ import annotations

import logging
import re
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol, TypeVar, assert_never, get_args

from hht_closure.account import Account, AccountId, Channel
from hht_closure.adapters.codes import digits_of
from hht_closure.canonical import b64
from hht_closure.errors import InvalidValueError, PortError
from hht_closure.flows.calls import BudgetCalls, Caller, call_directly, call_on_the_loop, driven, is_async
from hht_closure.flows.wiring import fits
from hht_closure.keys.derivation import hmac_of
from hht_closure.ports import Allowance, Answer, Asked, ChallengeJob, Offer, PersonAnswer, RequestInfo, SendBudget
from hht_closure.values import Secret, checked_text, instant
from hht_closure.verification import Assurance, Factor, totp

Algorithm = Literal["SHA1", "SHA256", "SHA512"]
"""The hash under the HMAC, as ``otpauth://`` addresses call it; RFC 6238, 1.2."""

SHORTEST_KEY: Final = 16
"""The least bytes of a secret: 128 bits (RFC 4226, 4, R6, which recommends 160)."""

REMEMBERED_FOR: Final = timedelta(days=1)
"""How long a used step is remembered: far beyond the ten minutes that the widest setting could accept it, so that a
clock that ran ahead, by which the store forgets, and was put right revives nothing (L6)."""

_LABEL: Final = "hht-closure/totp-step"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger(__name__)

T = TypeVar("T")


class TotpSecrets(Protocol):
    """The portal's authenticators."""

    def secret(self, account: AccountId) -> Answer[Secret[bytes] | None]:
        """The bytes that the account's authenticator shares with the portal; None where it has none. Changes nothing.

        They are bytes and no Base32, drawn at random, and at least :data:`SHORTEST_KEY`. Who may set up a new
        authenticator is for the portal to guard: whoever can, can prove this factor.
        """
        ...


class TotpVerifier:
    """A :class:`~hht_closure.ports.Verifier` of what an authenticator shows now.

    A time step of an authenticator is used once (RFC 6238, 5.2): for one challenge, and for no other of whatever
    round, session or account. For the challenge that used it, it stays right, so that a click that comes twice accuses
    nobody. Digits that several steps show use up all of them, and are wrong where one of them was used. A store that
    does not answer is no yes: it raises, and the factor is not proved. It gets digests alone, made under the
    authenticator's secret.

    Attributes:
        is_async: whether the portal's method or the store is asynchronous, and so the verifier; what blocks of the two
            then runs in a thread.
        never_blocks: whether the loop need not wait for it.
    """

    channel: Channel | None = None

    def __init__(
        self,
        secrets: TotpSecrets,
        *,
        spent: SendBudget,
        factor: str = totp.name,
        digits: int = 6,
        algorithm: Algorithm = "SHA1",
        step: timedelta = timedelta(seconds=30),
        drift: int = 1,
    ) -> None:
        """A verifier of these authenticators; digits, algorithm and step are those with which they were set up.

        Args:
            secrets: the portal's.
            spent: where used steps are remembered; one for all instances, and the log-in's, too (:meth:`spend`).
            factor: the factor's name.
            digits: how many an authenticator shows, from 6 to 8.
            algorithm: its hash.
            step: for how long it shows the same, from 15 seconds to 2 minutes.
            drift: how many steps before and after the present one are accepted, at most 2 (RFC 6238, 5.2 and 6); each
                makes guessing easier.

        Raises:
            InvalidValueError: one of them is not what it may be.
            WiringError: the secrets or the memory have not their methods.
        """
        fits(secrets, TotpSecrets, "the authenticators' secrets")
        fits(spent, SendBudget, "the memory of used steps")
        self._factor = Factor(factor, totp.assurance)
        self._digits = _number(digits, "digits", 6, 8)
        self._drift = _number(drift, "drift", 0, 2)
        if algorithm not in get_args(Algorithm):
            raise InvalidValueError("algorithm", "unknown")
        self._algorithm: Algorithm = algorithm
        self._step = _checked_step(step)
        self.is_async = is_async(secrets) or is_async(spent)
        self.never_blocks = self.is_async or all(
            getattr(one, "never_blocks", False) is True for one in (secrets, spent)
        )
        self._caller: Caller = call_on_the_loop if self.is_async else call_directly
        self._secrets = secrets
        self._spent = BudgetCalls(spent, self._caller)

    @property
    def factor(self) -> str:
        """The factor's name."""
        return self._factor.name

    @property
    def assurance(self) -> Assurance:
        """``possession``."""
        return self._factor.assurance

    def offer(self, account: Account) -> Answer[Offer | None]:
        """Nothing is sent; None where the account has no authenticator."""
        return self._run(self._offer(account))

    def begin(self, job: ChallengeJob) -> Asked:
        """Nothing to send and nothing to show: the person looks at the authenticator."""
        return Asked()

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> Answer[bool]:
        """Whether the account's authenticator shows these digits now, and nobody but this challenge has used them.

        A mapping holds them under ``code``. White space is left out, and digits in full width count as digits.

        Raises:
            InvalidValueError: it is not that many digits.
            StoreUnavailableError: the store does not answer; the digits are not used up.
        """
        return self._run(self._check(job, self._form_of(answer)))

    def spend(self, secret: Secret[bytes], answer: PersonAnswer, *, taker: str, now: datetime) -> Answer[bool]:
        """Whether these digits are right now and used by nobody else; from now on they are the taker's alone.

        For the portal's own log-in with the same authenticators. Where that judges by this method, on the same store,
        what was read over a shoulder at the log-in closes no account; where it does not, nothing here keeps that off.

        Args:
            secret: the authenticator's.
            answer: as in :meth:`check`.
            taker: one name for each use, a log-in's own id, say; who asks again under it is told the same.
            now: the time.

        Raises:
            InvalidValueError: it is not that many digits, or nobody is named who takes them.
            ValueError: the secret is shorter than :data:`SHORTEST_KEY`.
            StoreUnavailableError: the store does not answer; the digits are not used up.
        """
        checked_text(taker, "taker", longest=1000)
        return self._run(self._spend(secret, self._form_of(answer), taker, now))

    def _run(self, flow: Coroutine[object, None, T]) -> Answer[T]:
        return flow if self.is_async else driven(flow)

    async def _offer(self, account: Account) -> Offer | None:
        return None if await self._secret(account.id) is None else Offer()

    async def _check(self, job: ChallengeJob, digits: str) -> bool:
        secret = await self._secret(job.account.id)
        return secret is not None and await self._spend(secret, digits, job.challenge, job.now)

    async def _secret(self, account: AccountId) -> Secret[bytes] | None:
        """The account's secret, if it is one that may be used.

        Raises:
            PortError: it is none at all.
        """
        secret = await self._caller(self._secrets.secret, account)
        if secret is None:
            return None
        if not _holds_bytes(secret):
            raise PortError(f"{type(self._secrets).__name__}.secret", "wrong_type")
        if len(secret.reveal()) < SHORTEST_KEY:
            _log.error("an authenticator's secret is shorter than 128 bits, and is not used")
            return None
        return secret

    async def _spend(self, secret: Secret[bytes], digits: str, taker: str, now: datetime) -> bool:
        """Take every step that shows these digits, or none: in one go, so that of many callers one gets them (L6)."""
        steps = self._steps(secret, digits, now)
        if not steps:
            return False
        allowances = [
            Allowance(name="totp", key=_mac(secret, step), limit=1, window=REMEMBERED_FOR, taker=_mac(secret, taker))
            for step in steps
        ]
        return await self._spent.take(allowances, now=now) is None

    def _steps(self, secret: Secret[bytes], digits: str, now: datetime) -> tuple[int, ...]:
        """The steps around now that show these digits; all are compared, so that the time taken names none of them."""
        present = (instant(now, "now") - _EPOCH) // self._step
        around = range(max(present - self._drift, 0), present + self._drift + 1)
        compared = [
            (step, code.matches(digits)) for step, code in zip(around, self._shown(secret, around), strict=True)
        ]
        return tuple(step for step, is_shown in compared if is_shown)

    def _shown(self, secret: Secret[bytes], steps: Iterable[int]) -> list[Secret[bytes]]:
        """What an authenticator shows in these steps (RFC 4226, 5.3), leading zeros included."""
        from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512  # noqa: PLC0415
        from cryptography.hazmat.primitives.twofactor.hotp import HOTP, HOTPHashTypes  # noqa: PLC0415

        algorithm: HOTPHashTypes
        match self._algorithm:
            case "SHA1":
                algorithm = SHA1()  # noqa: S303 - an HMAC needs no more of it than it keeps (RFC 4226, B.2)
            case "SHA256":
                algorithm = SHA256()
            case "SHA512":
                algorithm = SHA512()
            case _:
                assert_never(self._algorithm)
        hotp = HOTP(secret.reveal(), self._digits, algorithm, enforce_key_length=True)
        return [Secret(hotp.generate(step)) for step in steps]

    def _form_of(self, answer: PersonAnswer) -> str:
        given = digits_of(answer)
        if not re.fullmatch(rf"[0-9]{{{self._digits}}}", given):
            raise InvalidValueError("answer", "not_a_code")
        return given


def _mac(secret: Secret[bytes], part: int | str) -> str:
    """What the store is told of a step or a taker.

    The digits are an HMAC over eight bytes under the same secret; this one is over many more, so that neither tells
    anything of the other. Without the secret, which is too long to be guessed, it names no account, person or time.
    """
    return b64(hmac_of(secret, _LABEL, part))


def _number(value: object, field: str, least: int, most: int) -> int:
    """The whole number between the two; a boolean is not a number (L30)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(field, "not_a_number")
    if not least <= value <= most:
        raise InvalidValueError(field, "number_out_of_range")
    return value


def _checked_step(value: timedelta) -> timedelta:
    if not isinstance(value, timedelta):
        raise InvalidValueError("step", "not_a_duration")
    if not timedelta(seconds=15) <= value <= timedelta(minutes=2):
        raise InvalidValueError("step", "duration_out_of_range")
    if value.microseconds:
        raise InvalidValueError("step", "duration_not_in_seconds")
    return value


def _holds_bytes(secret: Secret[bytes]) -> bool:
    """Whether it is what the type says: a secret, and of bytes; a portal's Base32 text is neither right nor safe."""
    if not isinstance(secret, Secret):
        return False
    return isinstance(secret.reveal(), bytes)
