"""L4: an attempt is counted, and that is committed, before the answer is compared; nothing gives it back."""

from __future__ import annotations

import attrs
import pytest

from hht_closure.errors import ClosureRefused
from hht_closure.verification import sms_code
from tests.stage import TERMS, Killed, MakeStage, Stage, refusal_codes

SMS = attrs.evolve(TERMS, requirement=sms_code)


def _challenged(make_stage: MakeStage) -> Stage:
    stage = make_stage(SMS)
    stage.reason_given()
    stage.challenged("sms_code")
    return stage


def test_the_count_is_committed_before_the_comparison(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the verifier is asked, the attempt is in the journal already, and no verdict is (L4)."""
    stage = _challenged(make_stage)
    seen: list[tuple[str, ...]] = []

    def check(*_: object) -> bool:
        seen.append(stage.kinds()[-2:])
        return True

    monkeypatch.setattr("hht_closure.adapters.codes.CodeVerifier.check", check)
    stage.service.answer(stage.principal, "sms_code", "123456")
    assert (seen, stage.kinds()[-2:]) == ([("ChallengeMade", "AttemptCounted")], ("AttemptCounted", "FactorProved"))


def test_a_verifier_that_fails_gives_no_attempt_back(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could compare, and the attempt counts all the same (L4, CODE-09)."""
    stage = _challenged(make_stage)

    def check(*_: object) -> bool:
        raise RuntimeError("no comparison today")

    monkeypatch.setattr("hht_closure.adapters.codes.CodeVerifier.check", check)
    codes = refusal_codes(stage.service.answer, stage.principal, "sms_code", "123456")
    assert (codes, stage.closure().attempts.counted, len(stage.closure().attempts.in_flight)) == (
        ("answer_not_judged",),
        1,
        1,
    )


def test_a_process_that_dies_while_comparing_gives_no_attempt_back(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five deaths in the comparison even the right code is not looked at any more (L4, CODE-07)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code")
    with monkeypatch.context() as dying:
        dying.setattr("hht_closure.adapters.codes.CodeVerifier.check", _die)
        for _ in range(TERMS.attempts.failures):
            with pytest.raises(Killed):
                stage.service.answer(stage.principal, "sms_code", "123456")
    service = stage.restarted()
    assert refusal_codes(service.answer, stage.principal, "sms_code", code) == ("try_again",)


def _die(*_: object) -> bool:
    raise Killed


def test_an_answer_without_the_form_of_one_counts(make_stage: MakeStage) -> None:
    """Letters instead of digits are a wrong answer like any other (L4, INP-04)."""
    stage = _challenged(make_stage)
    with pytest.raises(ClosureRefused, match="answer_malformed"):
        stage.service.answer(stage.principal, "sms_code", "abcdef")
    assert len(stage.closure().attempts.failures) == 1


def test_a_right_answer_leaves_no_failure_behind(make_stage: MakeStage) -> None:
    """The twin: what is counted and right is settled (L4)."""
    stage = _challenged(make_stage)
    stage.service.answer(stage.principal, "sms_code", stage.code("sms_code"))
    assert (stage.closure().attempts.failures, stage.closure().attempts.in_flight) == ((), ())
