"""A log-in proves the factor if it came after the challenge, by a means that counts, at a time that can be believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
import pytest

from hht_closure.account import CLOCK_SKEW, Account, AccountId, Principal
from hht_closure.adapters.login_again import LoginAgainVerifier
from hht_closure.errors import InvalidValueError
from hht_closure.ports import Asked, ChallengeJob, Offer, PersonAnswer, RequestInfo, Verifier
from hht_closure.testing.contracts.verifier import VerifierContract
from hht_closure.values import Secret
from hht_closure.verification import Assurance, Factor, login_again
from tests.service.doubles import loose

DENG: Final = AccountId("deng")
ASKED_AT: Final = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
BACK_AT: Final = ASKED_AT + timedelta(minutes=2)
TICK: Final = timedelta(microseconds=1)
VALID_FOR: Final = timedelta(minutes=10)


def came_back(logged_in_at: datetime | None, means: str = "password") -> ChallengeJob:
    """The challenge of ``ASKED_AT`` as it is answered at ``BACK_AT``, by whoever logged in then and so."""
    return ChallengeJob(
        account=Account(id=DENG),
        principal=Principal(account=DENG, session="session-2", logged_in_at=logged_in_at, means=means),
        contact=None,
        challenge="c1",
        secret=Secret(b"s" * 32),
        now=BACK_AT,
        expires=ASKED_AT + VALID_FOR,
        valid_for=VALID_FOR,
        locale="en",
        portal="shop",
    )


def is_right(verifier: LoginAgainVerifier, job: ChallengeJob, answer: PersonAnswer = "") -> bool:
    """The verdict."""
    return verifier.check(job, answer, RequestInfo())


class TestLoginAgainVerifier(VerifierContract):
    """The suite; where it tells right from wrong by the text of an answer, the log-in makes the difference here."""

    def make_verifier(self) -> Verifier:
        """A verifier of passwords."""
        return LoginAgainVerifier()

    def right_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """No text: the log-in is the answer, and the suite's person has just logged in."""
        return ""

    def test_a_wrong_answer_is_a_value(self) -> None:
        """``check`` gives False for a log-in that does not count, and raises nothing."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        self._begin(verifier, job)
        stayed = attrs.evolve(job, principal=attrs.evolve(job.principal, logged_in_at=job.asked_at - TICK))
        assert self._is_right(verifier, stayed, "") is False

    def test_a_malformed_answer_is_an_error(self) -> None:
        """There is none: of whatever is longer, shorter or stranger than an answer, nothing is looked at."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        self._begin(verifier, job)
        assert self._is_right(verifier, job, self.malformed_answer()) is True


def test_it_is_the_factor_that_requirements_name() -> None:
    """The verifier says of itself what ``hht_closure.verification.login_again`` says, and sends nothing."""
    verifier: Verifier = LoginAgainVerifier()
    assert (verifier.factor, verifier.assurance, verifier.channel) == (login_again.name, "knowledge", None)


def test_a_log_in_that_shows_more_has_a_factor_of_its_own() -> None:
    """A passkey is held and not known; the portal names the class."""
    verifier = LoginAgainVerifier(Factor("passkey_again", "possession"), means=("passkey",))
    shows: tuple[str, Assurance] = ("passkey_again", "possession")
    assert (verifier.factor, verifier.assurance) == shows


def test_nothing_is_sent() -> None:
    """There is no destination to show, and asking hands nothing over."""
    verifier = LoginAgainVerifier()
    assert (verifier.offer(Account(id=DENG)), verifier.begin(came_back(None))) == (Offer(), Asked())


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logged_in_at", "right"),
    [
        pytest.param(None, False, id="nobody says when"),
        pytest.param(ASKED_AT - timedelta(seconds=5), False, id="the log-in that opened the session"),
        pytest.param(ASKED_AT - TICK, False, id="a microsecond before the challenge"),
        pytest.param(ASKED_AT, True, id="at the challenge"),
        pytest.param(BACK_AT - TICK, True, id="just now"),
        pytest.param(BACK_AT + CLOCK_SKEW, True, id="as far ahead as clocks may be"),
        pytest.param(BACK_AT + CLOCK_SKEW + TICK, False, id="further ahead than that"),
    ],
)
def test_a_log_in_counts_from_the_challenge_on(logged_in_at: datetime | None, right: bool) -> None:
    """No grace before, none for who does not say when, and no belief in the future (L2)."""
    assert is_right(LoginAgainVerifier(), came_back(logged_in_at)) is right


# --- by what ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "right"),
    [
        (("password",), ["password"]),
        (("passkey",), ["passkey"]),
        (("sso", "passkey"), ["passkey", "sso"]),
    ],
    ids=["a password", "a passkey", "either of two"],
)
def test_only_the_means_that_were_named_count(accepted: tuple[str, ...], right: list[str]) -> None:
    """A log-in by another means proves nothing here, however fresh (L2)."""
    verifier = LoginAgainVerifier(means=accepted)
    means = ("password", "passkey", "sso", "pass", "PASSWORD")
    assert [one for one in means if is_right(verifier, came_back(BACK_AT, one))] == right


@pytest.mark.parametrize("answer", ["", "no", "123456", "x" * 10_000, {}, {"code": "123456"}, {"logged_in_at": "now"}])
def test_the_text_of_the_answer_changes_nothing(answer: PersonAnswer) -> None:
    """The log-in is the answer, whatever the page sends with it (L1)."""
    verifier = LoginAgainVerifier()
    assert [is_right(verifier, came_back(one), answer) for one in (ASKED_AT - TICK, ASKED_AT)] == [False, True]


# --- how it is made --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("means", "problem"),
    [
        pytest.param((), "empty", id="none"),
        pytest.param(("password", "sso", "password"), "named_twice", id="one twice"),
        pytest.param("password", "not_a_tuple", id="a text"),
        pytest.param(["password"], "not_a_tuple", id="a list"),
        pytest.param(("",), "too_short", id="an empty name"),
        pytest.param(("p" * 65,), "too_long", id="a name that no principal has"),
        pytest.param((None,), "not_a_text", id="nothing"),
    ],
)
def test_means_that_are_none_are_refused(means: object, problem: str) -> None:
    """When it is made, and not at the first customer (L30)."""
    make: Callable[..., object] = loose(LoginAgainVerifier)
    with pytest.raises(InvalidValueError) as caught:
        make(means=means)
    assert caught.value.args == ("means", problem)
