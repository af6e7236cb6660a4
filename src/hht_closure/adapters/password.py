"""The factor that shows knowledge: the account's password, asked for again before the closing.

Hashes, and how a password is normalised before it is hashed (NIST SP 800-63B, 3.1.1.2), are the portal's; so
the portal writes one method, and this module asks it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import iscoroutinefunction
from typing import Final, Protocol

from hht_closure.account import Account, AccountId, Channel
from hht_closure.errors import InvalidValueError, PortError
from hht_closure.ports import Answer, Asked, ChallengeJob, Offer, PersonAnswer, RequestInfo
from hht_closure.values import Secret
from hht_closure.verification import Assurance, password

LONGEST_PASSWORD: Final = 1024
"""The most code points of a password that are passed on; a longer one is no password but a load."""


class PasswordCheck(Protocol):
    """The portal's own check of a password."""

    def check(self, account: AccountId, password: Secret[str]) -> Answer[bool]:
        """Whether this is the account's password now. Changes nothing but the portal's own counters.

        The text comes as the person gave it, not normalised. False for an account without a password, after
        as much work as for one with. An exception counts as "could not be asked": the factor is not proved.
        """
        ...


class PasswordVerifier:
    """A :class:`~hht_closure.ports.Verifier` that asks the portal's :class:`PasswordCheck`.

    A wrong password gives False. A check that raises has not judged: that comes out as :class:`PortError`,
    so the factor is not proved and the person is not told that the password was wrong. Where the check gives
    an awaitable, so does ``check``.
    """

    channel: Channel | None = None

    def __init__(self, passwords: PasswordCheck) -> None:
        self._passwords = passwords

    @property
    def factor(self) -> str:
        """``password``."""
        return password.name

    @property
    def assurance(self) -> Assurance:
        """``knowledge``."""
        return password.assurance

    @property
    def never_blocks(self) -> bool:
        """Whether the portal's check says so, or is asynchronous."""
        return getattr(self._passwords, "never_blocks", False) is True or iscoroutinefunction(self._passwords.check)

    def offer(self, account: Account) -> Offer:
        """Nothing is sent. Whether an account has a password is not told here."""
        return Offer()

    def begin(self, job: ChallengeJob) -> Asked:
        """Nothing to send and nothing to show: the page has a field for it."""
        return Asked()

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> Answer[bool]:
        """Whether the portal says that this is the account's password.

        Raises:
            InvalidValueError: not a text, empty, longer than :data:`LONGEST_PASSWORD`, or not encodable.
            PortError: the portal's check failed; what it raised may quote the password and is left out.
        """
        text = Secret(_text(answer))
        try:
            given = self._passwords.check(job.account.id, text)
        except Exception as cause:  # noqa: BLE001 - raised below, without the cause that may quote the password
            problem = type(cause).__name__
        else:
            return _judged_later(given) if isinstance(given, Awaitable) else given is True
        raise PortError("passwords.check", problem)


def _text(answer: PersonAnswer) -> str:
    """The answer as it was given; NFC and NFD are the hasher's to reconcile."""
    if not isinstance(answer, str):
        raise InvalidValueError("answer", "not_a_text")
    if not answer:
        raise InvalidValueError("answer", "too_short")
    if len(answer) > LONGEST_PASSWORD:
        raise InvalidValueError("answer", "too_long")
    if any("\ud800" <= c <= "\udfff" for c in answer):
        raise InvalidValueError("answer", "not_encodable")
    return answer


async def _judged_later(pending: Awaitable[bool]) -> bool:
    try:
        return (await pending) is True
    except Exception as cause:  # noqa: BLE001 - raised below, without the cause that may quote the password
        problem = type(cause).__name__
    raise PortError("passwords.check", problem)
