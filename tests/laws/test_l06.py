"""L6: a code is used once; validity is half open; a clock that steps back revives nothing."""

from __future__ import annotations

from datetime import timedelta, timezone

import attrs
import pytest

from hht_closure.commands import LapseRound
from hht_closure.events import AttemptCounted, FactorProved
from hht_closure.testing import Person, accepted, given, refused
from hht_closure.testing.stories import NOW, Expected
from hht_closure.verification import sms_code
from tests.stage import TERMS, MakeStage, Stage, at_a_barrier, on_every_store, refusal_codes

SMS = attrs.evolve(TERMS, requirement=sms_code)
TICK = timedelta(microseconds=1)
VALID_FOR = TERMS.codes.challenge_valid_for


def _challenged(make_stage: MakeStage) -> Stage:
    stage = make_stage(SMS)
    stage.reason_given()
    stage.challenged("sms_code")
    return stage


def test_a_code_is_used_once(make_stage: MakeStage) -> None:
    """The first use proves the factor, the second is told ``consumed``, and one proof is recorded (L6, CODE-01)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code")
    verdict = stage.service.answer(stage.principal, "sms_code", code)
    again = refusal_codes(stage.service.answer, stage.principal, "sms_code", code)
    assert (verdict.accepted, again, stage.count(FactorProved)) == (True, ("consumed",), 1)


@on_every_store
def test_of_sixteen_right_answers_at_one_instant_one_is_accepted(make_stage: MakeStage) -> None:
    """Sixteen threads at a barrier: one proof, the others consumed or told to try again (L6, CODE-02)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code")
    verdicts, codes = at_a_barrier(16, lambda _: stage.service.answer(stage.principal, "sms_code", code))
    assert ([one.accepted for one in verdicts], len(codes), set(codes) <= {"consumed", "try_again"}) == (
        [True],
        15,
        True,
    )


@on_every_store
def test_sixteen_right_answers_lock_nobody_and_use_up_nothing(make_stage: MakeStage) -> None:
    """After the rush nothing is in flight, nothing failed, and nobody is locked (L6)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code")
    at_a_barrier(16, lambda _: stage.service.answer(stage.principal, "sms_code", code))
    attempts = stage.closure().attempts
    assert (stage.count(FactorProved), attempts.failures, attempts.in_flight, attempts.locked_until) == (
        1,
        (),
        (),
        None,
    )


@on_every_store
def test_of_many_wrong_answers_at_one_instant_no_more_than_the_limit_are_compared(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen wrong guesses at a barrier: five comparisons at the most, and then locked (L4, L5, CODE-03)."""
    stage = _challenged(make_stage)
    compared: list[object] = []

    def check(*_: object) -> bool:
        compared.append(1)
        return False

    monkeypatch.setattr("hht_closure.adapters.codes.CodeVerifier.check", check)
    at_a_barrier(16, lambda _: stage.service.answer(stage.principal, "sms_code", "123456"))
    assert (len(compared), stage.count(AttemptCounted), stage.closure().attempts.locked_until) == (
        5,
        5,
        stage.clock.now() + TERMS.attempts.locked_for,
    )


@pytest.mark.parametrize(
    ("before_the_end", "expected"),
    [
        pytest.param(TICK, accepted(AttemptCounted), id="a microsecond before the end"),
        pytest.param(timedelta(0), refused("challenge_expired"), id="at the end"),
        pytest.param(-TICK, refused("challenge_expired"), id="a microsecond after the end"),
    ],
)
def test_a_challenge_is_valid_until_just_before_its_end(before_the_end: timedelta, expected: Expected) -> None:
    """Validity is half open: valid at T - 1 us, dead at T and after (L6, CODE-18)."""
    li = Person()
    story = given(li.reason_given(), li.asks_for("sms_code")).at(NOW + VALID_FOR - before_the_end)
    story.when(li.tries("sms_code")).then(expected)


@pytest.mark.parametrize("hours", [-12, -8, 0, 8, 14])
def test_expiry_is_right_in_every_time_zone(hours: int) -> None:
    """An instant is the same instant, however it is written (L6, PEERS)."""
    li, zone = Person(), timezone(timedelta(hours=hours))
    asked = given(li.reason_given(), li.asks_for("sms_code"))
    asked.at((NOW + VALID_FOR - TICK).astimezone(zone)).when(li.tries("sms_code")).then(accepted(AttemptCounted))
    asked.at((NOW + VALID_FOR).astimezone(zone)).when(li.tries("sms_code")).then(refused("challenge_expired"))


def test_a_code_just_in_time_is_accepted(make_stage: MakeStage) -> None:
    """Through the whole service: right, and a microsecond before the end (L6, CODE-18)."""
    stage = _challenged(make_stage)
    stage.clock.advance(VALID_FOR - TICK)
    assert stage.service.answer(stage.principal, "sms_code", stage.code("sms_code")).accepted is True


def test_a_code_too_late_is_refused_and_not_counted(make_stage: MakeStage) -> None:
    """Through the whole service: right, and exactly at the end; it costs no attempt (L6, CODE-18)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code")
    stage.clock.advance(VALID_FOR)
    assert (refusal_codes(stage.service.answer, stage.principal, "sms_code", code), stage.count(AttemptCounted)) == (
        ("challenge_expired",),
        0,
    )


def test_a_clock_that_steps_back_revives_no_code(make_stage: MakeStage) -> None:
    """Expired, something was recorded after that, the clock goes back an hour: still expired (L6, CODE-19)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code")
    stage.clock.advance(VALID_FOR)
    stage.service.recheck(stage.principal)
    stage.clock.advance(-timedelta(hours=1))
    assert refusal_codes(stage.service.answer, stage.principal, "sms_code", code) == ("challenge_expired",)


def test_a_clock_that_steps_back_a_little_troubles_no_one(make_stage: MakeStage) -> None:
    """The twin: a code that nobody saw expire works while the clock stands five minutes back (L6)."""
    stage = _challenged(make_stage)
    stage.clock.advance(-timedelta(minutes=5))
    assert stage.service.answer(stage.principal, "sms_code", stage.code("sms_code")).accepted is True


def test_the_times_of_a_stream_never_run_backwards(make_stage: MakeStage) -> None:
    """Whatever the clock does, each event is at or after the one before it (L6)."""
    stage = _challenged(make_stage)
    stage.clock.advance(-timedelta(hours=3))
    stage.service.recheck(stage.principal)
    stage.service.withdraw(stage.principal)
    times = [one.at for one in stage.events()]
    assert times == sorted(times)


def test_a_lapsed_round_is_not_revived_by_the_clock() -> None:
    """A round seen lapsed stays so when the time goes back (L6)."""
    li = Person()
    given(li.opens(), TERMS.round_valid_for, LapseRound()).at(NOW).when(li.attests("contacts_told")).then(
        refused("no_round")
    )
