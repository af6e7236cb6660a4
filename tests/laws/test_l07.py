"""L7: codes are derived and never stored, logged or shown; sending again sends the same digits."""

from __future__ import annotations

import logging
from collections import Counter

import attrs
import pytest

from hht_closure.adapters.codes import derived_code
from hht_closure.testing import UnsafeSeededEntropy
from hht_closure.values import Secret
from hht_closure.verification import sms_code
from tests.stage import TERMS, MakeStage, Stage

SMS = attrs.evolve(TERMS, requirement=sms_code)

ENTROPY = UnsafeSeededEntropy(23)
CODES = [derived_code(Secret(ENTROPY.token(32)), 10).reveal() for _ in range(20_000)]


def _challenged(make_stage: MakeStage) -> Stage:
    stage = make_stage(SMS)
    stage.reason_given()
    stage.challenged("sms_code")
    return stage


def test_sending_again_sends_the_same_digits(make_stage: MakeStage) -> None:
    """While the challenge lives a second message brings the same code, under an id that no transport has seen (L7)."""
    stage = _challenged(make_stage)
    stage.clock.advance(TERMS.codes.resend_after)
    stage.challenged("sms_code")
    first, second = stage.sms.sent
    assert (second.code.reveal(), second.id != first.id) == (first.code.reveal(), True)


def test_a_code_sent_twice_is_used_once(make_stage: MakeStage) -> None:
    """Whichever of the two messages it is read from, it proves the factor (L7, CODE-22)."""
    stage = _challenged(make_stage)
    stage.clock.advance(TERMS.codes.resend_after)
    stage.challenged("sms_code")
    assert stage.service.answer(stage.principal, "sms_code", stage.sms.sent[0].code.reveal()).accepted is True


def test_a_new_process_sends_the_same_digits(make_stage: MakeStage) -> None:
    """Nothing is stored, so nothing is lost: the code is derived again (L7)."""
    stage = _challenged(make_stage)
    first = stage.code("sms_code")
    stage.restarted()
    stage.clock.advance(TERMS.codes.resend_after)
    stage.challenged("sms_code")
    assert stage.code("sms_code") == first


def test_a_code_is_nowhere_in_the_store(make_stage: MakeStage) -> None:
    """Neither while it is valid nor after it was used do the digits stand in any entry (L7)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code").encode()
    stage.service.answer(stage.principal, "sms_code", code.decode())
    assert [one.sequence for one in stage.records() if code in one.body.replace(b":", b"")] == []


def test_a_code_is_in_no_log_and_no_repr(make_stage: MakeStage, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a failing sender nor a wrong answer brings the digits to light (L7)."""
    caplog.set_level(logging.DEBUG)
    stage = make_stage(SMS)
    stage.reason_given()
    stage.sms.failing = True
    failed = stage.challenged("sms_code")
    stage.sms.failing = False
    stage.clock.advance(TERMS.codes.resend_after)
    sent = stage.challenged("sms_code")
    shown = caplog.text + repr((failed, sent, stage.sms.sent, stage.service.current(stage.principal)))
    assert (failed.delivered, stage.code("sms_code") in shown) == (False, False)


def test_codes_are_texts_that_keep_their_leading_zeros() -> None:
    """Of twenty thousand codes about a tenth begin with a zero, and all have ten digits (L7, CODE-23)."""
    leading = sum(one[0] == "0" for one in CODES)
    assert ({len(one) for one in CODES}, 1850 < leading < 2150) == ({10}, True)


def test_every_digit_is_as_likely_as_any_other() -> None:
    """Chi-square over 200,000 digits stays below 27.88, the bound for 9 degrees at 0.1 %; modulo 10 gives 80 (L7)."""
    counted = Counter("".join(CODES))
    assert sum((counted[str(digit)] - 20_000) ** 2 / 20_000 for digit in range(10)) < 27.88
