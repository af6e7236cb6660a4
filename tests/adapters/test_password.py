"""The factor that shows knowledge asks the portal's own check, and closes when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest

from hht_closure.account import Account, AccountId, Principal
from hht_closure.adapters.password import LONGEST_PASSWORD, PasswordVerifier
from hht_closure.errors import InvalidValueError, PortError
from hht_closure.ports import Asked, ChallengeJob, Offer, PersonAnswer, RequestInfo, Verifier
from hht_closure.testing.contracts.verifier import VerifierContract
from hht_closure.values import Secret
from hht_closure.verification import password

SHAO = AccountId("shao")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = ChallengeJob(
    account=Account(id=SHAO),
    principal=Principal(account=SHAO, session="session-1", logged_in_at=NOW),
    contact=None,
    challenge="c1",
    secret=Secret(b"s" * 32),
    now=NOW,
    expires=NOW + timedelta(minutes=10),
    valid_for=timedelta(minutes=10),
    locale="en",
    portal="shop",
)
RIGHT = "p\u00e4ss w\u00f6rd"


class Passwords:
    """A portal's check that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check(self, account: AccountId, password: Secret[str]) -> bool:
        """Whether it is the one password of the one account."""
        self.asked.append(password.reveal())
        return account == SHAO and password.matches(RIGHT)


class AsyncPasswords:
    """The same check on an event loop."""

    async def check(self, account: AccountId, password: Secret[str]) -> bool:
        """Whether it is the one password of the one account."""
        return account == SHAO and password.matches(RIGHT)


class BrokenPasswords:
    """A check whose error quotes the password."""

    def check(self, account: AccountId, password: Secret[str]) -> bool:
        """Never an answer."""
        raise RuntimeError(password.reveal())


class AsyncBrokenPasswords:
    """A check on an event loop whose error quotes the password."""

    async def check(self, account: AccountId, password: Secret[str]) -> bool:
        """Never an answer."""
        raise RuntimeError(password.reveal())


class TalkativePasswords:
    """A check that breaks its port and gives a text where a truth belongs."""

    def check(self, account: AccountId, password: Secret[str]) -> bool:
        """A text that is true as a condition."""
        return "no"  # type: ignore[return-value]


def check(verifier: PasswordVerifier, answer: PersonAnswer) -> bool:
    """The verdict on an answer, awaited where that is needed."""
    given = verifier.check(JOB, answer, RequestInfo())
    return asyncio.run(awaited(given)) if isinstance(given, Awaitable) else given


async def awaited(given: Awaitable[bool]) -> bool:
    """The verdict of an asynchronous check."""
    return await given


def test_it_is_the_factor_that_requirements_name() -> None:
    """The verifier says of itself what ``hht_closure.verification.password`` says."""
    verifier: Verifier = PasswordVerifier(Passwords())
    assert (verifier.factor, verifier.assurance, verifier.channel) == (password.name, "knowledge", None)


def test_nothing_is_sent() -> None:
    """There is no destination to show, and asking hands nothing over."""
    verifier = PasswordVerifier(Passwords())
    assert (verifier.offer(JOB.account), verifier.begin(JOB)) == (Offer(), Asked())


@pytest.mark.parametrize("passwords", [Passwords(), AsyncPasswords()])
def test_the_right_password_proves_the_factor(passwords: Passwords | AsyncPasswords) -> None:
    """What the portal calls right is right, whether it answers at once or later."""
    assert check(PasswordVerifier(passwords), RIGHT) is True


@pytest.mark.parametrize("passwords", [Passwords(), AsyncPasswords()])
def test_a_wrong_password_is_a_value(passwords: Passwords | AsyncPasswords) -> None:
    """A wrong password is a verdict and not an exception."""
    assert check(PasswordVerifier(passwords), "guess") is False


def test_the_password_goes_on_as_it_came() -> None:
    """NFC or NFD, spaces at the ends, any script: to normalise is the hasher's (NIST SP 800-63B, 3.1.1.2)."""
    passwords = Passwords()
    given = [" a\u0308 ", "\u00e4", "\uff11\uff12", "\u4f60\u597d", "x" * LONGEST_PASSWORD]
    for text in given:
        check(PasswordVerifier(passwords), text)
    assert passwords.asked == given


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "too_short"),
        ("x" * (LONGEST_PASSWORD + 1), "too_long"),
        ("\ud800", "not_encodable"),
        ({"password": RIGHT}, "not_a_text"),
    ],
)
def test_what_is_no_password_is_not_passed_on(answer: PersonAnswer, problem: str) -> None:
    """Empty, huge, not encodable or no text: the portal's hasher never sees it, and the error names no part of it."""
    passwords = Passwords()
    with pytest.raises(InvalidValueError) as caught:
        check(PasswordVerifier(passwords), answer)
    assert (caught.value.args, passwords.asked) == (("answer", problem), [])


@pytest.mark.parametrize("passwords", [BrokenPasswords(), AsyncBrokenPasswords()])
def test_a_check_that_fails_proves_nothing(passwords: BrokenPasswords | AsyncBrokenPasswords) -> None:
    """An exception is no verdict: it comes out as a port's failure, told apart from a wrong password."""
    with pytest.raises(PortError) as caught:
        check(PasswordVerifier(passwords), RIGHT)
    assert caught.value.args == ("passwords.check", "RuntimeError")


@pytest.mark.parametrize("passwords", [BrokenPasswords(), AsyncBrokenPasswords()])
def test_a_failing_check_does_not_carry_the_password_out(passwords: BrokenPasswords | AsyncBrokenPasswords) -> None:
    """The error has neither cause nor context, since what the hasher raised may quote the password (L7)."""
    with pytest.raises(PortError) as caught:
        check(PasswordVerifier(passwords), RIGHT)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_only_true_is_true() -> None:
    """A check that gives something else than a truth value proves nothing."""
    assert check(PasswordVerifier(TalkativePasswords()), RIGHT) is False


def test_an_asynchronous_check_never_blocks() -> None:
    """A plain check is taken to block, unless it says otherwise; one on an event loop is not."""
    assert [PasswordVerifier(one).never_blocks for one in (Passwords(), AsyncPasswords())] == [False, True]


class TestPasswordVerifier(VerifierContract):
    """The suite of a verifier over the portal's check."""

    def make_verifier(self) -> Verifier:
        """A portal with one password."""
        return PasswordVerifier(Passwords())

    def an_account(self) -> Account:
        """The account that has it."""
        return JOB.account

    def right_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """The password."""
        return RIGHT

    def wrong_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """A guess."""
        return "guess"


class TestAsyncPasswordVerifier(TestPasswordVerifier):
    """The same over a check on an event loop."""

    def make_verifier(self) -> Verifier:
        """A portal with one password, asked on a loop."""
        return PasswordVerifier(AsyncPasswords())
