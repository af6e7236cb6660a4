"""Laws that held, and that no test stood for until they were broken by hand (L3, L5, L6, L7, L11)."""

from __future__ import annotations

from datetime import timedelta

import attrs

from hht_closure.keys.derivation import framed
from hht_closure.verification import sms_code
from tests.stage import TERMS, MakeStage, Stage, refusal_codes

SMS = attrs.evolve(TERMS, requirement=sms_code)


def test_no_content_passes_for_the_boundary_of_a_part() -> None:
    """A part that spells the tag of the next one is still one part: its length says so (L3, L7)."""
    assert framed("asb") != framed("a", "b")


def test_a_challenge_that_follows_a_dead_one_gives_no_attempt_back(make_stage: MakeStage) -> None:
    """Two wrong, the challenge expires, another one is made: the third wrong answer is the third (L5, CODE-07)."""
    stage = make_stage(SMS)
    stage.reason_given()
    stage.challenged("sms_code")
    for _ in range(2):
        stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    stage.clock.advance(SMS.codes.challenge_valid_for)
    second = stage.challenged("sms_code")
    verdict = stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    assert (second.id, verdict.attempts_left) == ("2", SMS.attempts.failures - 3)


def test_a_clock_that_steps_back_revives_no_notice(stage: Stage) -> None:
    """Expired, something was recorded after that, the clock steps back: still expired (L6, L11, CODE-19)."""
    notice = stage.noticed()
    stage.clock.set(notice.expires)
    stage.service.recheck(stage.principal)
    stage.clock.advance(-timedelta(minutes=5))
    assert refusal_codes(stage.service.confirm, stage.principal, notice.nonce) == ("nonce_expired",)


def test_a_notice_that_nobody_saw_expire_confirms_while_the_clock_stands_back(stage: Stage) -> None:
    """The twin: nothing was recorded, nobody knows of a later time (L6, L11, CODE-19)."""
    notice = stage.noticed()
    stage.clock.set(notice.expires)
    stage.clock.advance(-timedelta(minutes=5))
    assert stage.service.confirm(stage.principal, notice.nonce).at == stage.clock.now()
