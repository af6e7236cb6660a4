"""How often somebody can guess in a day who does nothing else, under the terms as they are by default (L4, L5, L8).

Whoever guesses here has stolen the password, logs in anew whenever that is asked for, asks for a new code as soon as
one may be asked for, and guesses until nothing is compared any more. ``docs/security.md`` takes its odds from here.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from hht_closure.errors import ClosureRefused
from hht_closure.verification import Requirement, captcha, email_code, sms_code
from tests.stage import TERMS, MakeStage, Stage

DAY = timedelta(days=1)
STEP = timedelta(minutes=20)
GUESS = "000000"
"""Not one of the codes of these stages, which are seeded: no guess is ever right."""


def _compared_in(stage: Stage, factors: tuple[str, ...], time: timedelta) -> list[timedelta]:
    """When each of the comparisons took place, of somebody who tries everything every twenty minutes."""
    start, compared = stage.clock.now(), list[timedelta]()
    stage.reason_given()
    while (since := stage.clock.now() - start) < time:
        stage.logged_in()
        for factor in factors:
            _ask(stage, factor)
            compared += [since] * _guess(stage, factor)
        stage.clock.advance(STEP)
    return compared


def _ask(stage: Stage, factor: str) -> None:
    try:
        stage.challenged(factor)
    except ClosureRefused:
        return


def _guess(stage: Stage, factor: str) -> int:
    """How many guesses are compared before one is refused."""
    compared = 0
    try:
        while not stage.service.answer(stage.principal, factor, GUESS).accepted:
            compared += 1
    except ClosureRefused:
        return compared
    raise AssertionError("a guess was right: take another seed")


@pytest.mark.parametrize(
    ("requirement", "a_day"),
    [pytest.param(sms_code, 25, id="one channel"), pytest.param(sms_code | email_code, 50, id="either channel")],
)
def test_no_more_guesses_than_a_days_messages_allow(tmp_path: Path, requirement: Requirement, a_day: int) -> None:
    """Five messages a day and channel, five guesses at each: one code of six digits in 40,000 account days (L5, L8)."""
    terms = attrs.evolve(TERMS, requirement=requirement, check_valid_for=2 * DAY)
    stage = Stage("memory", tmp_path, terms=terms)
    compared = _compared_in(stage, ("sms_code", "email_code")[: a_day // 25], 2 * DAY)
    days = [sum(day * DAY <= at < (day + 1) * DAY for at in compared) for day in range(2)]
    assert days == [a_day] * 2


def test_a_captcha_in_front_gives_no_more_guesses(make_stage: MakeStage) -> None:
    """What was failed at the captcha counts with the rest, since one counter is over all factors (L5)."""
    stage = make_stage(attrs.evolve(TERMS, requirement=captcha & sms_code))
    stage.reason_given()
    stage.challenged("captcha")
    for _ in range(TERMS.attempts.failures - 1):
        stage.service.answer(stage.principal, "captcha", {"word": "wrong"})
    stage.service.answer(stage.principal, "captcha", stage.right_answer(stage.challenged("captcha")))
    stage.challenged("sms_code")
    assert stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code")).attempts_left == 0
