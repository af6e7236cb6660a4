"""What happens between a challenge and its answer, and between counting an answer and judging it.

A code is sent, minutes pass, and then it is answered in two steps, with the comparison between them. Whatever comes
in between (another tab, another person, another address, a clock, a lock, the support) changes nothing of what the
laws say of that answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs
import pytest

from hht_closure.adapters.codes import CodeVerifier
from hht_closure.errors import ClosureRefused, refusal
from hht_closure.events import AttemptCounted, FactorProved
from hht_closure.policy import AttemptLimit, Blocked, Blocker, Clean, CodeTimes
from hht_closure.ports import ChallengeJob, PersonAnswer, RequestInfo
from hht_closure.service import ClosureService
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.verification import captcha, email_code, sms_code
from tests.service.doubles import built
from tests.stage import LI, NOW, TERMS, Killed, MakeStage, Stage, refusal_codes

LONG: Final = timedelta(hours=12)
CODES: Final = attrs.evolve(TERMS, requirement=sms_code & email_code)
EITHER: Final = attrs.evolve(TERMS, requirement=sms_code | email_code)
CAPTCHA_FIRST: Final = attrs.evolve(
    TERMS, requirement=captcha & (sms_code | email_code), codes=CodeTimes(proof_valid_for=timedelta(minutes=5))
)
TWO_IN_FIVE_MINUTES: Final = attrs.evolve(
    EITHER,
    attempts=AttemptLimit(failures=2, within=timedelta(minutes=5), locked_for=timedelta(hours=1)),
    codes=CodeTimes(challenge_valid_for=LONG, proof_valid_for=LONG),
    check_valid_for=LONG,
)
LIMIT: Final = TERMS.attempts.failures
VALID_FOR: Final = TERMS.codes.challenge_valid_for
HOLD_OFF: Final = TERMS.codes.resend_after
TICK: Final = timedelta(microseconds=1)
IN_THE_WAY: Final = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))


def _asked(stage: Stage, *factors: str) -> str:
    """Codes are on their way; the digits of the last one."""
    stage.reason_given()
    for factor in factors:
        stage.challenged(factor)
    return stage.code(factors[-1])


def _told(stage: Stage, factor: str, answer: str) -> str:
    """What the person is told of that answer: ``accepted``, ``wrong``, or why it is refused."""
    try:
        verdict = stage.service.answer(stage.principal, factor, answer)
    except ClosureRefused as refused:
        return ",".join(refused.codes)
    return "accepted" if verdict.accepted else "wrong"


def _guessed(stage: Stage, *, times: int = 1, factor: str = "sms_code") -> None:
    """That many answers were wrong."""
    told = [_told(stage, factor, stage.wrong_code(factor)) for _ in range(times)]
    assert told == ["wrong"] * times


def _missing(stage: Stage) -> list[object]:
    """The factors that are still to be proved."""
    return [one.parameters["factor"] for one in stage.service.current(stage.principal).missing]


def _meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """While the next answer is compared (it is counted by then, and not judged), that happens."""
    check = CodeVerifier.check

    def compared(self: CodeVerifier, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        monkeypatch.setattr(CodeVerifier, "check", check)
        happens()
        return check(self, job, answer, request)

    monkeypatch.setattr(CodeVerifier, "check", compared)


# --- proved twice -----------------------------------------------------------------------------------------------


def test_a_factor_proved_again_uses_up_nothing(make_stage: MakeStage) -> None:
    """Proved, asked again, proved again: no attempt is gone, and nothing is in flight (L5, L6)."""
    stage = make_stage(CODES)
    stage.reason_given()
    stage.proved("sms_code")
    stage.clock.advance(HOLD_OFF)
    verdict = stage.proved("sms_code")
    attempts = stage.closure().attempts
    assert (verdict.accepted, verdict.attempts_left, attempts.failures, attempts.in_flight, _missing(stage)) == (
        True,
        LIMIT,
        (),
        (),
        ["email_code"],
    )


def test_a_wrong_answer_to_a_second_challenge_takes_no_proof_away(make_stage: MakeStage) -> None:
    """What is proved stays proved for its time, and the wrong answer counts (L2, L5)."""
    stage = make_stage(CODES)
    stage.reason_given()
    stage.proved("sms_code")
    stage.clock.advance(HOLD_OFF)
    stage.challenged("sms_code")
    _guessed(stage)
    assert (_missing(stage), len(stage.closure().attempts.failures)) == (["email_code"], 1)


# --- time passes ------------------------------------------------------------------------------------------------


def test_an_answer_in_time_is_judged_after_the_end(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was counted while the challenge lived; how long comparing takes is not the person's fault (L6)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    _meanwhile(monkeypatch, lambda: stage.clock.advance(VALID_FOR))
    assert _told(stage, "sms_code", code) == "accepted"


def test_an_answer_to_a_challenge_that_was_replaced_meanwhile_proves_nothing(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was right for the old challenge and says nothing of the new one; the attempt stays counted (L3, L4)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")

    def asked_anew() -> None:
        stage.clock.advance(VALID_FOR)
        stage.challenged("sms_code")

    _meanwhile(monkeypatch, asked_anew)
    refusal_codes(stage.service.answer, stage.principal, "sms_code", code)
    assert (stage.count(FactorProved), len(stage.closure().attempts.in_flight)) == (0, 1)


def test_a_clock_that_was_ahead_and_only_looked_at_has_killed_nothing(make_stage: MakeStage) -> None:
    """A day forward, looks alone, and back again: nothing was recorded, and the code counts (L6, L10)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    stage.clock.advance(timedelta(days=1))
    stage.service.current(stage.principal)
    stage.service.explain(stage.principal, "en")
    stage.clock.advance(-timedelta(days=1))
    assert _told(stage, "sms_code", code) == "accepted"


def test_a_clock_that_was_ahead_when_something_was_recorded_has_killed_the_code(make_stage: MakeStage) -> None:
    """A day forward, the checks are made, and back: by then it was dead, and it stays so (L6, CODE-19)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    stage.clock.advance(timedelta(days=1))
    stage.service.recheck(stage.principal)
    stage.clock.advance(-timedelta(days=1))
    assert _told(stage, "sms_code", code) == "challenge_expired"


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        pytest.param(timedelta(minutes=5) - TICK, "try_again", id="a microsecond before they leave the window"),
        pytest.param(timedelta(minutes=5), "accepted", id="when they leave the window"),
    ],
)
def test_answers_that_nobody_judged_count_until_they_leave_the_window(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, passed: timedelta, told: str
) -> None:
    """Two processes died while comparing: what they had counted counts as long as a failure would (L4, L5)."""
    stage = make_stage(TWO_IN_FIVE_MINUTES)
    code = _asked(stage, "sms_code")
    for _ in range(2):
        _meanwhile(monkeypatch, _die)
        with pytest.raises(Killed):
            stage.service.answer(stage.principal, "sms_code", code)
    stage.clock.advance(passed)
    assert _told(stage, "sms_code", code) == told


def _die() -> None:
    """The process ends here."""
    raise Killed


# --- another address --------------------------------------------------------------------------------------------

CHANGES: Final = {
    "another number": ("+8613700000000",),
    "another number and back": ("+8613700000000", LI.contacts[0].address),
    "no number": (None,),
}


def _changed(stage: Stage, how: str) -> None:
    """The telephone number changes in that way."""
    for number in CHANGES[how]:
        stage.accounts.change_contact(LI.id, "sms", number)


@pytest.mark.parametrize("how", CHANGES)
def test_an_address_that_changes_while_the_answer_is_compared_is_not_proved(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The answer was counted in time and is right, for a version that stands no longer: it is still missing (L3)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    _meanwhile(monkeypatch, lambda: _changed(stage, how))
    _told(stage, "sms_code", code)
    assert _missing(stage) == ["sms_code", "email_code"]


@pytest.mark.parametrize("how", CHANGES)
def test_an_address_that_changes_before_the_answer_voids_its_code(make_stage: MakeStage, how: str) -> None:
    """Also when it is changed back: refused, and nothing is compared or counted (L3)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    _changed(stage, how)
    assert (_told(stage, "sms_code", code), stage.count(AttemptCounted)) == ("challenge_voided", 0)


@pytest.mark.parametrize("how", CHANGES)
def test_an_address_that_changes_leaves_the_codes_of_the_other_channel(make_stage: MakeStage, how: str) -> None:
    """The twin: the e-mail code has nothing to do with the telephone number (L3)."""
    stage = make_stage(CODES)
    stage.reason_given()
    stage.proved("sms_code")
    stage.challenged("email_code")
    _changed(stage, how)
    assert _told(stage, "email_code", stage.code("email_code")) == "accepted"


def test_the_code_of_the_old_address_is_wrong_for_the_new_one(make_stage: MakeStage) -> None:
    """Asked again after the change, the new number gets other digits, and the old ones are a wrong answer (L3, L7)."""
    stage = make_stage(CODES)
    old = _asked(stage, "sms_code")
    _changed(stage, "another number")
    stage.clock.advance(HOLD_OFF)
    stage.challenged("sms_code")
    sent = [one.destination.reveal() for one in stage.sms.sent]
    assert (sent, _told(stage, "sms_code", old)) == ([LI.contacts[0].address, "+8613700000000"], "wrong")


# --- other terms, and other keys ----------------------------------------------------------------------------------

STRICTER: Final = attrs.evolve(
    CODES, attempts=AttemptLimit(failures=3, within=timedelta(hours=1), locked_for=timedelta(hours=1))
)


def _begun_anew(stage: Stage) -> None:
    """Withdrawn, and again at the verification, with a code that was asked for as soon as that is possible."""
    stage.service.withdraw(stage.principal)
    stage.clock.advance(HOLD_OFF)
    _asked(stage, "sms_code")


def test_a_round_keeps_the_limit_that_it_began_with(make_stage: MakeStage) -> None:
    """Five wrong answers were agreed; the policy that says three since locks nobody in this round (L5)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    stage.policy.terms = STRICTER
    _guessed(stage, times=4)
    assert _told(stage, "sms_code", code) == "accepted"


def test_the_failures_of_an_earlier_round_count_towards_a_stricter_limit(make_stage: MakeStage) -> None:
    """Two wrong of five; in the next round there are three, and one more wrong answer locks (L5)."""
    stage = make_stage(CODES)
    _asked(stage, "sms_code")
    _guessed(stage, times=2)
    stage.policy.terms = STRICTER
    _begun_anew(stage)
    _guessed(stage)
    assert stage.closure().attempts.locked_until == stage.clock.now() + STRICTER.attempts.locked_for


def _beyond_a_stricter_limit(stage: Stage) -> None:
    """Four answers were wrong, of five; in the next round there are three."""
    _asked(stage, "sms_code")
    _guessed(stage, times=4)
    stage.policy.terms = STRICTER
    stage.service.withdraw(stage.principal)
    stage.clock.advance(HOLD_OFF)
    stage.reason_given()


def test_who_is_beyond_a_stricter_limit_already_is_locked(make_stage: MakeStage) -> None:
    """Nothing is sent that nobody could answer, until enough of the failures have left the window (L5, L8)."""
    stage = make_stage(CODES)
    _beyond_a_stricter_limit(stage)
    with pytest.raises(ClosureRefused) as refused:
        stage.challenged("sms_code")
    assert (refused.value.refusals, len(stage.sms.sent)) == (
        (refusal("locked", until=NOW + STRICTER.attempts.within),),
        1,
    )


def test_who_was_beyond_a_stricter_limit_can_go_on_when_the_failures_are_old(make_stage: MakeStage) -> None:
    """The twin: exactly when they leave the window (L5, L6)."""
    stage = make_stage(CODES)
    _beyond_a_stricter_limit(stage)
    stage.clock.set(NOW + STRICTER.attempts.within)
    stage.service.recheck(stage.principal)
    assert stage.proved("sms_code").accepted is True


def test_a_key_ring_that_is_rotated_in_between_changes_no_digits(make_stage: MakeStage) -> None:
    """A new process with a new current secret: the code in hand counts, since its secret still verifies (L7)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    stage.keyring = stage.keyring.rotated(UnsafeSeededEntropy(5))
    stage.restarted()
    assert _told(stage, "sms_code", code) == "accepted"


# --- locks --------------------------------------------------------------------------------------------------------


def test_an_answer_in_flight_when_the_lock_falls_proves_nothing(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was right, and counted before; but the lock has killed its challenge, and it comes too late (L5)."""
    stage = make_stage(TWO_IN_FIVE_MINUTES)
    code = _asked(stage, "sms_code")

    def locked() -> None:
        stage.clock.advance(timedelta(minutes=5))
        _guessed(stage, times=2)

    _meanwhile(monkeypatch, locked)
    refusal_codes(stage.service.answer, stage.principal, "sms_code", code)
    attempts = stage.closure().attempts
    assert (stage.count(FactorProved), attempts.locked_until) == (0, stage.clock.now() + timedelta(hours=1))


def test_answers_during_a_lock_change_nothing(make_stage: MakeStage) -> None:
    """Neither do they count, nor do they make it longer (L5)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    _guessed(stage, times=LIMIT)
    stage.clock.advance(timedelta(minutes=30))
    before = stage.everything()
    assert ([_told(stage, "sms_code", code) for _ in range(3)], stage.everything() == before) == (["locked"] * 3, True)


def test_who_is_ready_to_confirm_and_is_locked_cannot_confirm(make_stage: MakeStage) -> None:
    """Everything is proved; wrong answers to one more challenge lock; confirming is refused as ``locked`` (L2, L5)."""
    stage = make_stage(CODES)
    nonce = stage.noticed().nonce
    stage.clock.advance(HOLD_OFF)
    stage.challenged("sms_code")
    _guessed(stage, times=LIMIT)
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("locked",)


def test_after_the_lock_and_a_log_in_what_was_proved_still_counts(make_stage: MakeStage) -> None:
    """The twin: exactly at its end, with a log-in of that instant, the proofs count, and one confirms (L5)."""
    stage = make_stage(TWO_IN_FIVE_MINUTES)
    stage.reason_given()
    stage.proved("sms_code")
    stage.clock.advance(HOLD_OFF)
    stage.challenged("sms_code")
    _guessed(stage, times=2)
    stage.clock.advance(timedelta(hours=1))
    nonce = stage.service.notice(stage.logged_in(), "en").nonce
    assert stage.service.confirm(stage.principal, nonce).at == stage.clock.now()


def test_another_persons_lock_is_not_ones_own(make_stage: MakeStage) -> None:
    """Wang logs in at the same browser and is locked; Li's code, asked for before that, counts (L1, L5)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    wang = stage.logged_in("wang")
    stage.reason_given(wang)
    stage.challenged("sms_code", wang)
    verdicts = [stage.service.answer(wang, "sms_code", stage.wrong_code("sms_code", wang)) for _ in range(LIMIT)]
    assert (verdicts[-1].attempts_left, _told(stage, "sms_code", code)) == (0, "accepted")


# --- two at once --------------------------------------------------------------------------------------------------


def test_a_success_leaves_the_answer_to_another_challenge_in_flight(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a wrong e-mail code is compared, the SMS code is proved: the wrong answer counts all the same (L5)."""
    stage = make_stage(EITHER)
    code = _asked(stage, "email_code", "sms_code")
    told: list[str] = []
    _meanwhile(monkeypatch, lambda: told.append(_told(stage, "sms_code", code)))
    told.append(_told(stage, "email_code", stage.wrong_code("email_code")))
    assert (told, len(stage.closure().attempts.failures)) == (["accepted", "wrong"], 1)


def test_a_success_settles_the_answers_in_flight_on_its_own_challenge(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a wrong SMS code is compared, the right one is accepted in another tab: nothing has failed (L5)."""
    stage = make_stage(EITHER)
    code = _asked(stage, "sms_code")
    told: list[str] = []
    _meanwhile(monkeypatch, lambda: told.append(_told(stage, "sms_code", code)))
    told.append(_told(stage, "sms_code", stage.wrong_code("sms_code")))
    attempts = stage.closure().attempts
    assert (told, attempts.failures, attempts.in_flight) == (["accepted", "consumed"], (), ())


# --- what stands in front -----------------------------------------------------------------------------------------


def _captcha_passed(stage: Stage) -> None:
    """The captcha is passed, and an SMS code is on its way."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")


def test_when_the_captchas_proof_has_died_nothing_is_sent(make_stage: MakeStage) -> None:
    """The captcha stands in front of both codes, also of one that is only to be sent again (L8, CAPT-04)."""
    stage = make_stage(CAPTCHA_FIRST)
    _captcha_passed(stage)
    stage.clock.advance(timedelta(minutes=5))
    refused = [refusal_codes(stage.service.challenge, stage.principal, one) for one in ("sms_code", "email_code")]
    assert (refused, len(stage.sms.sent), len(stage.email.sent)) == ([("factor_out_of_order",)] * 2, 1, 0)


def test_while_the_captchas_proof_lives_both_are_sent(make_stage: MakeStage) -> None:
    """The twin: a microsecond before (L6, L8)."""
    stage = make_stage(CAPTCHA_FIRST)
    _captcha_passed(stage)
    stage.clock.advance(timedelta(minutes=5) - TICK)
    assert [stage.challenged(one).delivered for one in ("sms_code", "email_code")] == [True, True]


def test_a_code_proves_its_factor_when_the_captchas_proof_has_died(make_stage: MakeStage) -> None:
    """It was sent in order; the answer is right, and what is missing is the captcha again (L2, L8)."""
    stage = make_stage(CAPTCHA_FIRST)
    _captcha_passed(stage)
    stage.clock.advance(timedelta(minutes=5))
    assert (_told(stage, "sms_code", stage.code("sms_code")), _missing(stage)) == ("accepted", ["captcha"])


# --- withdrawn, and begun anew --------------------------------------------------------------------------------------


def test_an_answer_after_withdrawing_in_another_tab_is_not_counted(make_stage: MakeStage) -> None:
    """There is no round to answer in (L3)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    stage.service.withdraw(stage.principal)
    assert (_told(stage, "sms_code", code), stage.count(AttemptCounted)) == ("no_round", 0)


def test_an_answer_after_beginning_anew_answers_nothing(make_stage: MakeStage) -> None:
    """The code is of the last round; in this one nothing was asked, and nothing is counted (L3, CODE-12)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    stage.service.withdraw(stage.principal)
    stage.reason_given()
    assert (_told(stage, "sms_code", code), stage.count(AttemptCounted)) == ("challenge_missing", 0)


def _withdrawn(stage: Stage) -> None:
    """In another tab."""
    stage.service.withdraw(stage.principal)


def _reopened(stage: Stage) -> None:
    """Withdrawn, and again at the verification, where nothing was asked for."""
    _withdrawn(stage)
    stage.reason_given()


@pytest.mark.parametrize("happens", [_withdrawn, _reopened, _begun_anew])
def test_a_right_answer_that_is_judged_in_another_round_proves_nothing(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Stage], None]
) -> None:
    """While it was compared, its round ended; whatever came then, the answer is to nothing that is asked (L3)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    _meanwhile(monkeypatch, lambda: happens(stage))
    refusal_codes(stage.service.answer, stage.principal, "sms_code", code)
    assert stage.count(FactorProved) == 0


def test_an_answer_that_was_not_judged_in_its_round_counts_in_the_next(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Withdrawing while a wrong answer is compared gives no attempt back: two are gone after the next one (L4, L5)."""
    stage = make_stage(CODES)
    _asked(stage, "sms_code")
    _meanwhile(monkeypatch, lambda: _begun_anew(stage))
    refusal_codes(stage.service.answer, stage.principal, "sms_code", stage.wrong_code("sms_code"))
    verdict = stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    assert verdict.attempts_left == LIMIT - 2


# --- the account is held ---------------------------------------------------------------------------------------------


def test_an_account_that_is_held_between_challenge_and_answer_loses_nothing(make_stage: MakeStage) -> None:
    """Suspended, then frozen on top of it: refused and not counted; let go in time, the code counts (L4, L6)."""
    stage = make_stage(CODES)
    code = _asked(stage, "sms_code")
    told: list[str] = []
    for change in (_suspend, _freeze, _unfreeze, _let_go):
        change(stage)
        told.append(_told(stage, "sms_code", code))
    assert (told, stage.count(AttemptCounted)) == (
        ["account_suspended", "account_frozen", "account_suspended", "accepted"],
        1,
    )


def _suspend(stage: Stage) -> None:
    """The portal's staff sanctions the account."""
    stage.accounts.change_standing(LI.id, "suspended")


def _freeze(stage: Stage) -> None:
    """Somebody else holds it, whatever its standing."""
    stage.accounts.freeze(LI.id, 1)


def _unfreeze(stage: Stage) -> None:
    """It goes back to the standing it had."""
    stage.accounts.unfreeze(LI.id, 2)


def _let_go(stage: Stage) -> None:
    """The sanction is lifted."""
    stage.accounts.change_standing(LI.id, "open")


# --- confirmed, and given back ----------------------------------------------------------------------------------------


def test_in_the_cooling_off_nothing_is_asked_or_answered(make_stage: MakeStage) -> None:
    """A code that came before the confirmation: already confirmed, nothing is sent, and nothing changes (L2, L8)."""
    stage = make_stage(attrs.evolve(CODES, cooling_off=timedelta(days=1)))
    nonce = stage.noticed().nonce
    stage.clock.advance(HOLD_OFF)
    stage.challenged("sms_code")
    code = stage.code("sms_code")
    stage.service.confirm(stage.principal, nonce)
    before = stage.everything()
    told = (_told(stage, "sms_code", code), refusal_codes(stage.service.challenge, stage.principal, "email_code"))
    assert (told, stage.everything() == before) == (("already_confirmed", ("already_confirmed",)), True)


def test_withdrawn_in_the_cooling_off_everything_is_to_be_proved_anew(make_stage: MakeStage) -> None:
    """The proofs were of the round that was confirmed (L3)."""
    stage = make_stage(attrs.evolve(CODES, cooling_off=timedelta(days=1)))
    stage.confirmed()
    stage.service.withdraw(stage.principal)
    stage.reason_given()
    assert _missing(stage) == ["sms_code", "email_code"]


def _given_back(stage: Stage) -> None:
    """The recheck has found an order, and the order is settled since."""
    stage.orders_check.finding = IN_THE_WAY
    stage.service.work()
    stage.orders_check.finding = Clean()
    stage.clock.advance(HOLD_OFF)
    stage.service.recheck(stage.principal)


def _ready_with_a_code_in_hand(stage: Stage) -> tuple[str, str]:
    """Everything is proved and the notice read, and one more SMS code is on its way: the nonce and the code."""
    nonce = stage.noticed().nonce
    stage.clock.advance(HOLD_OFF)
    stage.challenged("sms_code")
    return nonce, stage.code("sms_code")


def test_an_account_given_back_keeps_its_counters(make_stage: MakeStage) -> None:
    """Four wrong answers before the confirmation; given back and asked anew, the fifth locks (L5, L14)."""
    stage = make_stage(CODES)
    nonce, _ = _ready_with_a_code_in_hand(stage)
    _guessed(stage, times=4)
    stage.service.confirm(stage.principal, nonce)
    _given_back(stage)
    stage.challenged("sms_code")
    _guessed(stage)
    assert stage.closure().attempts.locked_until == stage.clock.now() + TERMS.attempts.locked_for


def test_an_account_given_back_takes_no_code_from_before(make_stage: MakeStage) -> None:
    """Not while nothing is asked, and not for the next challenge, though it is the same round (L3, L14)."""
    stage = make_stage(CODES)
    nonce, code = _ready_with_a_code_in_hand(stage)
    stage.service.confirm(stage.principal, nonce)
    _given_back(stage)
    told = [_told(stage, "sms_code", code)]
    stage.challenged("sms_code")
    told.append(_told(stage, "sms_code", code))
    assert (told, stage.count(AttemptCounted)) == (["challenge_missing", "wrong"], 3)


def test_an_answer_in_flight_over_a_giving_back_proves_nothing(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted before the confirmation, judged after the giving back: every factor is still to be proved (L3, L14)."""
    stage = make_stage(CODES)
    nonce, code = _ready_with_a_code_in_hand(stage)

    def confirmed_and_given_back() -> None:
        stage.service.confirm(stage.principal, nonce)
        _given_back(stage)
        stage.challenged("sms_code")

    _meanwhile(monkeypatch, confirmed_and_given_back)
    refusal_codes(stage.service.answer, stage.principal, "sms_code", code)
    assert _missing(stage) == ["sms_code", "email_code"]


def test_a_server_that_has_not_heard_of_a_rotation_counts_nothing(make_stage: MakeStage) -> None:
    """In the middle of a roll-out it leaves the challenge to the others: refused for now, uncounted (L3, L4)."""
    stage = make_stage(attrs.evolve(TERMS, requirement=sms_code | email_code))
    stage.reason_given()
    new = built(ClosureService, stage, keyring=stage.keyring.rotated(stage.entropy))
    new.challenge(stage.principal, "sms_code")
    told = [refusal_codes(stage.service.answer, stage.principal, "sms_code", stage.code("sms_code")) for _ in range(6)]
    assert (set(told), stage.count(AttemptCounted)) == ({("temporarily_unavailable",)}, 0)
    assert new.answer(stage.principal, "sms_code", stage.code("sms_code")).accepted is True
