"""Proving by an authenticator or by logging in again: who has no password gets through, and nobody by a used proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

import attrs
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from hht_closure.account import CLOCK_SKEW, AccountId, Principal
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.adapters.login_again import LoginAgainVerifier
from hht_closure.adapters.totp import TotpVerifier
from hht_closure.errors import StoreUnavailableError
from hht_closure.events import AnswerRejected, AttemptCounted, FactorProved
from hht_closure.service import ClosureService
from hht_closure.values import Secret
from hht_closure.verification import Factor, Requirement, captcha, login_again, sms_code, totp
from tests.service.doubles import built
from tests.stage import LI, TERMS, WANG, MakeStage, Stage, WordCaptcha, at_a_barrier, refusal_codes

KEY: Final = b"12345678901234567890"
STEP: Final = timedelta(seconds=30)
TICK: Final = timedelta(microseconds=1)
AHEAD: Final = timedelta(minutes=20)
LIMIT: Final = TERMS.attempts.failures
PASSKEY_AGAIN: Final = Factor("passkey_again", "possession")


class Authenticators:
    """The portal's authenticators: the secret of each account that has one."""

    never_blocks = True

    def __init__(self, keys: Mapping[AccountId, bytes]) -> None:
        self._keys = keys

    def secret(self, account: AccountId) -> Secret[bytes] | None:
        """The account's."""
        key = self._keys.get(account)
        return None if key is None else Secret(key)


class Prepare(Protocol):
    """Makes a stage whose terms ask for that, with every verifier there is."""

    def __call__(self, requirement: Requirement, *, people: tuple[AccountId, ...] = (LI.id, WANG.id)) -> Stage:
        """A new stage; those people have an authenticator, and all of them the same."""
        ...


@pytest.fixture
def prepare(make_stage: MakeStage) -> Prepare:
    """Stages on both stores in turn, with authenticators and log-ins."""

    def prepared(requirement: Requirement, *, people: tuple[AccountId, ...] = (LI.id, WANG.id)) -> Stage:
        stage = make_stage()
        stage.terms = stage.policy.terms = attrs.evolve(TERMS, requirement=requirement)
        stage.service = built(
            ClosureService,
            stage,
            verifiers=(
                CaptchaVerifier(WordCaptcha()),
                sms_code_verifier(stage.sms),
                email_code_verifier(stage.email),
                TotpVerifier(Authenticators(dict.fromkeys(people, KEY)), spent=stage.store.budgets),
                LoginAgainVerifier(means=("password", "sso")),
                LoginAgainVerifier(PASSKEY_AGAIN, means=("passkey",)),
            ),
        )
        return stage

    return prepared


def shown(stage: Stage) -> str:
    """What the authenticator shows now."""
    return TOTP(KEY, 6, SHA1(), 30).generate(stage.clock.now().timestamp()).decode()  # noqa: S303 - as most of them do


def by_totp(stage: Stage, digits: str, who: Principal | None = None) -> bool:
    """A challenge, answered at once with these digits."""
    person = who or stage.principal
    stage.challenged("totp", person)
    return stage.service.answer(person, "totp", digits).accepted


def logged_in_by(stage: Stage, means: str) -> Principal:
    """Li logs in by that means, now, and acts in that session from then on."""
    stage.principal = attrs.evolve(stage.logged_in(), means=means)
    return stage.principal


def comes_back(stage: Stage, factor: str, who: Principal) -> bool:
    """What the page does when the person is back from the log-in."""
    return stage.service.answer(who, factor, "").accepted


def closes(stage: Stage) -> str:
    """The rest of the way: the notice, the confirmation, the work; and how it ends."""
    confirmation = stage.service.confirm(stage.principal, stage.service.notice(stage.principal, "en").nonce)
    stage.service.work()
    return stage.service.status(confirmation.reference).step


# --- people without a password ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "means"), [(login_again, "sso"), (PASSKEY_AGAIN, "passkey")], ids=["single sign-on", "a passkey"]
)
def test_who_has_no_password_closes_by_logging_in_again(prepare: Prepare, factor: Factor, means: str) -> None:
    """Whatever the person logs in by, they log in by it once more, and the account is closed (L2, PRT-08)."""
    stage = prepare(factor)
    stage.principal = attrs.evolve(stage.principal, means=means)
    stage.reason_given()
    stage.challenged(factor.name)
    stage.clock.advance(timedelta(minutes=1))
    comes_back(stage, factor.name, logged_in_by(stage, means))
    assert closes(stage) == "closed"


def test_who_has_an_authenticator_closes_by_it(prepare: Prepare) -> None:
    """No message is sent and no password asked for; the account is closed (L2)."""
    stage = prepare(totp)
    stage.reason_given()
    by_totp(stage, shown(stage))
    assert (closes(stage), len(stage.sms.sent) + len(stage.email.sent)) == ("closed", 0)


def test_who_has_no_telephone_closes_by_a_captcha_and_a_log_in(prepare: Prepare) -> None:
    """``captcha & (sms_code | login_again)``: the second way needs no number, and no SMS goes out (L2, L8)."""
    stage = prepare(captcha & (sms_code | login_again))
    stage.accounts.change_contact(LI.id, "sms", None)
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("login_again")
    comes_back(stage, "login_again", logged_in_by(stage, "sso"))
    assert (closes(stage), len(stage.sms.sent)) == ("closed", 0)


def test_a_log_in_does_not_stand_in_for_the_captcha(prepare: Prepare) -> None:
    """What stands in front of it is proved first (L8, CAPT-04)."""
    stage = prepare(captcha & (sms_code | login_again))
    stage.reason_given()
    assert refusal_codes(stage.challenged, "login_again") == ("factor_out_of_order",)


def test_who_has_no_authenticator_is_told_that_there_is_no_way(prepare: Prepare) -> None:
    """The factor is unavailable, and the view of the round says nothing of a destination (L8)."""
    stage = prepare(totp | sms_code, people=())
    stage.reason_given()
    assert refusal_codes(stage.challenged, "totp") == ("factor_unavailable",)


# --- a log-in is no proof of what was asked later -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before_the_challenge", "accepted"), [(TICK, False), (timedelta(0), True)], ids=["just before", "at it"]
)
def test_the_log_in_that_opened_the_session_is_not_one_again(
    prepare: Prepare, before_the_challenge: timedelta, accepted: bool
) -> None:
    """A microsecond before the challenge it proves nothing, at the challenge it does (L2)."""
    stage = prepare(login_again)
    stage.reason_given()
    person = stage.logged_in()
    stage.clock.advance(before_the_challenge)
    stage.challenged("login_again", person)
    assert comes_back(stage, "login_again", person) is accepted


def test_a_log_in_of_unknown_time_is_not_fresh(prepare: Prepare) -> None:
    """The provider does not say when: refused, and it counts as a try (L2, L4)."""
    stage = prepare(login_again)
    stage.reason_given()
    stage.challenged("login_again")
    person = attrs.evolve(logged_in_by(stage, "sso"), logged_in_at=None)
    assert (comes_back(stage, "login_again", person), stage.count(AnswerRejected)) == (False, 1)


def test_a_log_in_from_the_future_is_not_believed(prepare: Prepare) -> None:
    """Further ahead than clocks may differ: refused (L2)."""
    stage = prepare(login_again)
    stage.reason_given()
    stage.challenged("login_again")
    ahead = stage.clock.now() + CLOCK_SKEW + TICK
    assert comes_back(stage, "login_again", attrs.evolve(stage.principal, logged_in_at=ahead)) is False


def test_a_log_in_by_another_means_proves_nothing(prepare: Prepare) -> None:
    """Whoever stole the password does not prove the passkey with it (L3)."""
    stage = prepare(PASSKEY_AGAIN)
    stage.reason_given()
    stage.challenged(PASSKEY_AGAIN.name)
    assert comes_back(stage, PASSKEY_AGAIN.name, logged_in_by(stage, "password")) is False


def _asked_again(stage: Stage) -> None:
    """In the same round, when the proof is there already."""


def _another_round(stage: Stage) -> None:
    """In a round that was opened afterwards."""
    stage.service.withdraw(stage.principal)
    stage.reason_given()


@pytest.mark.parametrize("later", [_asked_again, _another_round], ids=["asked again", "another round"])
def test_a_log_in_proves_nothing_that_is_asked_after_it(prepare: Prepare, later: Callable[[Stage], None]) -> None:
    """The log-in that proved one challenge is too old for the next (L3, L6, CODE-12)."""
    stage = prepare(login_again)
    stage.reason_given()
    stage.challenged("login_again")
    first = comes_back(stage, "login_again", logged_in_by(stage, "sso"))
    stage.clock.advance(TICK)
    later(stage)
    stage.challenged("login_again")
    assert (first, comes_back(stage, "login_again", stage.principal)) == (True, False)


def test_each_challenge_is_proved_by_a_log_in_of_its_own(prepare: Prepare) -> None:
    """The twin: asked in another round, and logged in once more (L6)."""
    stage = prepare(login_again)
    stage.reason_given()
    stage.challenged("login_again")
    first = comes_back(stage, "login_again", logged_in_by(stage, "sso"))
    stage.clock.advance(TICK)
    _another_round(stage)
    stage.challenged("login_again")
    assert (first, comes_back(stage, "login_again", logged_in_by(stage, "sso"))) == (True, True)


def test_a_log_in_is_looked_at_in_the_session_that_answers(prepare: Prepare) -> None:
    """The person comes back in a new session, and the thief in the old one has gained nothing by it (L1)."""
    stage = prepare(login_again)
    stage.reason_given()
    old = stage.principal
    stage.clock.advance(TICK)
    stage.challenged("login_again")
    new = logged_in_by(stage, "sso")
    assert [comes_back(stage, "login_again", one) for one in (old, new)] == [False, True]


# --- a step of an authenticator is used once -----------------------------------------------------------------------


def _same_session(stage: Stage) -> Principal:
    return stage.principal


def _other_session(stage: Stage) -> Principal:
    stage.clock.advance(TICK)
    return stage.logged_in()


def _new_round(stage: Stage) -> Principal:
    _another_round(stage)
    return stage.principal


def _other_account(stage: Stage) -> Principal:
    person = stage.logged_in("wang")
    stage.reason_given(person)
    return person


WHERE = pytest.mark.parametrize(
    "where",
    [
        pytest.param(_same_session, id="a second challenge"),
        pytest.param(_other_session, id="another session"),
        pytest.param(_new_round, id="another round"),
        pytest.param(_other_account, id="another account with the same authenticator"),
    ],
)
"""Where digits that were used once are tried once more."""


@WHERE
def test_used_digits_prove_nothing_once_more(prepare: Prepare, where: Callable[[Stage], Principal]) -> None:
    """Read over a shoulder and typed within the half minute: wrong, and counted (L3, L6, CODE-12)."""
    stage = prepare(totp)
    stage.reason_given()
    digits = shown(stage)
    first = by_totp(stage, digits)
    thief = where(stage)
    again = by_totp(stage, digits, thief)
    assert (first, again, stage.count(AnswerRejected, account=thief.account)) == (True, False, 1)


@WHERE
def test_the_next_digits_prove_it(prepare: Prepare, where: Callable[[Stage], Principal]) -> None:
    """The twin: half a minute later the authenticator shows others, and they are right (L6)."""
    stage = prepare(totp)
    stage.reason_given()
    first = by_totp(stage, shown(stage))
    person = where(stage)
    stage.clock.advance(STEP)
    assert (first, by_totp(stage, shown(stage), person)) == (True, True)


def test_used_digits_are_told_consumed_where_nothing_else_was_asked(prepare: Prepare) -> None:
    """A second click on the same challenge is not wrong; the machine says that it is used up (L6, CODE-01)."""
    stage = prepare(totp)
    stage.reason_given()
    digits = shown(stage)
    by_totp(stage, digits)
    again = refusal_codes(stage.service.answer, stage.logged_in(), "totp", digits)
    assert (again, stage.count(AnswerRejected)) == (("consumed",), 0)


def test_of_sixteen_right_answers_at_one_instant_one_is_accepted_and_nobody_locked(prepare: Prepare) -> None:
    """Sixteen threads at a barrier: one proof, no failure, no lock (L6, CODE-02)."""
    stage = prepare(totp)
    stage.reason_given()
    stage.challenged("totp")
    digits = shown(stage)
    verdicts, codes = at_a_barrier(16, lambda _: stage.service.answer(stage.principal, "totp", digits))
    attempts = stage.closure().attempts
    assert (
        [one.accepted for one in verdicts],
        len(codes),
        set(codes) <= {"consumed", "try_again"},
        stage.count(FactorProved),
        attempts.failures,
        attempts.in_flight,
        attempts.locked_until,
    ) == ([True], 15, True, 1, (), (), None)


def test_a_clock_that_steps_back_revives_no_step(prepare: Prepare) -> None:
    """Used; while the clock is ahead the store forgets what is over; put right: still used (L6, CODE-19)."""
    stage = prepare(totp | sms_code)
    thief = stage.logged_in("wang")
    for who in (stage.principal, thief):
        stage.reason_given(who)
    digits = shown(stage)
    first = by_totp(stage, digits)
    stage.clock.advance(AHEAD)
    stage.challenged("sms_code")
    stage.clock.advance(-AHEAD)
    assert (first, by_totp(stage, digits, thief)) == (True, False)


def test_a_clock_that_steps_back_holds_up_nobody(prepare: Prepare) -> None:
    """The twin: the clock was ahead and was put right, and digits that nobody has used are right (L6)."""
    stage = prepare(totp | sms_code)
    person = stage.logged_in("wang")
    for who in (stage.principal, person):
        stage.reason_given(who)
    stage.clock.advance(AHEAD)
    stage.challenged("sms_code")
    stage.clock.advance(-AHEAD)
    assert by_totp(stage, shown(stage), person) is True


def test_a_store_that_is_down_proves_nothing_and_accuses_nobody(prepare: Prepare) -> None:
    """Not judged: the try counts, no failure does, and the same digits are right when it is back (L4, L6)."""
    stage = prepare(totp)
    stage.reason_given()
    stage.challenged("totp")
    watch = stage.watched()

    def down(_: int, name: str) -> None:
        if name == "budgets.take":
            raise StoreUnavailableError("send budget", "locked")

    watch.before = down
    refused = refusal_codes(stage.service.answer, stage.principal, "totp", shown(stage))
    watch.before = lambda number, name: None
    assert (
        refused,
        stage.count(AttemptCounted),
        stage.count(AnswerRejected),
        stage.service.answer(stage.principal, "totp", shown(stage)).accepted,
    ) == (("answer_not_judged",), 1, 0, True)


# --- guesses ---------------------------------------------------------------------------------------------------------


def _guess_both(stage: Stage, by_authenticator: int, by_sms: int) -> None:
    """Wrong digits of the one kind and of the other; the right ones of both stay to be had."""
    stage.reason_given()
    stage.challenged("totp")
    stage.challenged("sms_code")
    for _ in range(by_authenticator):
        stage.service.answer(stage.principal, "totp", "000000")
    for _ in range(by_sms):
        stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))


@pytest.mark.parametrize("factor", ["totp", "sms_code"])
def test_guesses_by_authenticator_and_by_sms_count_together(prepare: Prepare, factor: str) -> None:
    """Three of one and two of the other: locked, also for the right digits of either (L5, CODE-04)."""
    stage = prepare(totp | sms_code)
    _guess_both(stage, by_authenticator=3, by_sms=LIMIT - 3)
    right = shown(stage) if factor == "totp" else stage.code("sms_code")
    assert refusal_codes(stage.service.answer, stage.principal, factor, right) == ("locked",)


@pytest.mark.parametrize("factor", ["totp", "sms_code"])
def test_one_guess_less_locks_nobody(prepare: Prepare, factor: str) -> None:
    """The twin: the right digits of either are right (L5)."""
    stage = prepare(totp | sms_code)
    _guess_both(stage, by_authenticator=3, by_sms=LIMIT - 4)
    right = shown(stage) if factor == "totp" else stage.code("sms_code")
    assert stage.service.answer(stage.principal, factor, right).accepted is True


def test_what_is_no_code_counts_like_a_guess(prepare: Prepare) -> None:
    """Nobody tries out forms for nothing: malformed digits use up the limit as wrong ones do (L4, L5)."""
    stage = prepare(totp)
    stage.reason_given()
    stage.challenged("totp")
    answers = ["12345", "1234567", "abcdef", "", shown(stage)[:5], shown(stage)]
    codes = [refusal_codes(stage.service.answer, stage.principal, "totp", one) for one in answers]
    assert codes == [("answer_malformed",)] * LIMIT + [("locked",)]


# --- a proof dies ----------------------------------------------------------------------------------------------------


def _proved_by_totp(stage: Stage) -> None:
    stage.reason_given()
    by_totp(stage, shown(stage))


def _proved_by_log_in(stage: Stage) -> None:
    stage.reason_given()
    stage.challenged("login_again")
    comes_back(stage, "login_again", logged_in_by(stage, "sso"))


@pytest.mark.parametrize(
    ("factor", "prove"),
    [(totp, _proved_by_totp), (login_again, _proved_by_log_in)],
    ids=["an authenticator", "a log-in"],
)
def test_a_stale_proof_is_none_when_it_is_confirmed(
    prepare: Prepare, factor: Factor, prove: Callable[[Stage], None]
) -> None:
    """Half an hour after it was proved it is missing, also in a session that was opened since (L2, CODE-29)."""
    stage = prepare(factor)
    prove(stage)
    stage.clock.advance(TERMS.codes.proof_valid_for - TICK)
    stage.service.recheck(logged_in_by(stage, "sso"))
    nonce = stage.service.notice(stage.principal, "en").nonce
    stage.clock.advance(TICK)
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("factor_unproved",)


@pytest.mark.parametrize(
    ("factor", "prove"),
    [(totp, _proved_by_totp), (login_again, _proved_by_log_in)],
    ids=["an authenticator", "a log-in"],
)
def test_a_proof_is_one_until_just_before(prepare: Prepare, factor: Factor, prove: Callable[[Stage], None]) -> None:
    """The twin: a microsecond earlier the account is closed (L2, L6)."""
    stage = prepare(factor)
    prove(stage)
    stage.clock.advance(TERMS.codes.proof_valid_for - TICK)
    stage.service.recheck(logged_in_by(stage, "sso"))
    assert closes(stage) == "closed"
