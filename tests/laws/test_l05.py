"""L5: counters belong to the account, in a sliding window; one lock holds for all factors."""

from __future__ import annotations

from datetime import timedelta

import attrs

from hht_closure.events import AttemptCounted, ChallengeMade, ClosingLocked
from hht_closure.policy import AttemptLimit
from hht_closure.testing import Person, accepted, given, refused
from hht_closure.testing.stories import NOW, Step
from hht_closure.verification import email_code, sms_code
from tests.stage import TERMS, MakeStage, Stage, refusal_codes

LIMIT = AttemptLimit(failures=3, within=timedelta(minutes=30), locked_for=timedelta(hours=1))
EITHER = attrs.evolve(TERMS, requirement=sms_code | email_code, attempts=LIMIT)
LI = attrs.evolve(Person(), terms=attrs.evolve(Person().terms, attempts=LIMIT))
FRESH = attrs.evolve(LI, principal=attrs.evolve(LI.principal, logged_in_at=NOW + timedelta(hours=1)))
TICK = timedelta(microseconds=1)


def _wrong(times: int) -> Step:
    return (LI.reason_given(), LI.asks_for("sms_code"), *[LI.answers("sms_code", right=False)] * times)


def _challenged(make_stage: MakeStage) -> Stage:
    stage = make_stage(EITHER)
    stage.reason_given()
    stage.challenged("sms_code")
    return stage


def _guess(stage: Stage, times: int) -> None:
    for _ in range(times):
        stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))


def test_three_wrong_answers_lock_and_then_the_right_one_is_refused(make_stage: MakeStage) -> None:
    """The right code after the limit is refused as ``locked`` and as nothing else (L5, CODE-04, PEERS)."""
    stage = _challenged(make_stage)
    code = stage.code("sms_code")
    _guess(stage, 3)
    assert refusal_codes(stage.service.answer, stage.principal, "sms_code", code) == ("locked",)


def test_two_wrong_answers_do_not_lock(make_stage: MakeStage) -> None:
    """The twin: one answer is left, and the right one is accepted (L5)."""
    stage = _challenged(make_stage)
    _guess(stage, 2)
    assert stage.service.answer(stage.principal, "sms_code", stage.code("sms_code")).accepted is True


def test_the_answer_that_locks_says_until_when(make_stage: MakeStage) -> None:
    """The verdict of the last wrong answer carries the end of the lock (L5)."""
    stage = _challenged(make_stage)
    _guess(stage, 2)
    verdict = stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    assert (verdict.attempts_left, verdict.locked_until) == (0, stage.clock.now() + LIMIT.locked_for)


def test_the_lock_holds_for_every_factor(make_stage: MakeStage) -> None:
    """Locked by SMS codes, no e-mail code is sent (L5)."""
    stage = _challenged(make_stage)
    _guess(stage, 3)
    assert (refusal_codes(stage.service.challenge, stage.principal, "email_code"), stage.email.sent) == (
        ("locked",),
        (),
    )


def test_wrong_answers_to_different_factors_count_together(make_stage: MakeStage) -> None:
    """Two wrong SMS codes and a wrong e-mail code are three (L5)."""
    stage = _challenged(make_stage)
    stage.challenged("email_code")
    _guess(stage, 2)
    verdict = stage.service.answer(stage.principal, "email_code", stage.wrong_code("email_code"))
    assert verdict.attempts_left == 0


def test_a_new_round_session_or_process_gives_no_attempt_back(make_stage: MakeStage) -> None:
    """Two wrong, withdrawn, restarted, logged in anew: one wrong is enough to lock (L5, CODE-07)."""
    stage = _challenged(make_stage)
    _guess(stage, 2)
    stage.service.withdraw(stage.principal)
    stage.clock.advance(timedelta(minutes=2))
    stage.restarted()
    stage.logged_in()
    stage.reason_given()
    stage.challenged("sms_code")
    verdict = stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    assert verdict.locked_until == stage.clock.now() + LIMIT.locked_for


def test_after_the_lock_a_fresh_login_is_asked_for(make_stage: MakeStage) -> None:
    """When the lock is over the old session alone does not do (L5, PEERS)."""
    stage = _challenged(make_stage)
    _guess(stage, 3)
    stage.clock.advance(LIMIT.locked_for)
    stage.service.recheck(stage.principal)
    assert refusal_codes(stage.service.challenge, stage.principal, "sms_code") == ("reauth_required",)


def test_after_lock_and_login_the_old_code_is_dead_and_a_new_one_works(make_stage: MakeStage) -> None:
    """Progress is kept, the old challenge is not: a new code proves the factor (L5, PEERS)."""
    stage = _challenged(make_stage)
    old = stage.code("sms_code")
    _guess(stage, 3)
    stage.clock.advance(LIMIT.locked_for)
    stage.service.recheck(stage.logged_in())
    assert (
        refusal_codes(stage.service.answer, stage.principal, "sms_code", old),
        stage.proved("sms_code").accepted,
    ) == (("challenge_missing",), True)


def test_the_person_is_told_of_the_lock(make_stage: MakeStage) -> None:
    """A letter says that the closing is locked, and until when; once (L5, PEERS)."""
    stage = _challenged(make_stage)
    _guess(stage, 3)
    until = stage.clock.now() + LIMIT.locked_for
    stage.service.work()
    stage.service.work()
    assert [(one.kind, one.until) for one in stage.letters.letters] == [("locked", until)]


def test_a_lock_ends_exactly_at_its_time() -> None:
    """One microsecond before it is locked (L5, L6)."""
    story = given(_wrong(3))
    story.at(NOW + LIMIT.locked_for - TICK).when(FRESH.asks_for("email_code")).then(refused("check_needed", "locked")
    ) if False else None
    later = attrs.evolve(FRESH, terms=LI.terms)
    given(_wrong(3)).at(NOW + LIMIT.locked_for - TICK).when(later.confirms()).then(
        refused("locked", "reauth_required", "factor_unproved", "factor_unproved")
    )


def test_failures_older_than_the_window_count_no_more() -> None:
    """Two wrong, the window passes, two more wrong: no lock, since never three within it (L5)."""
    later = attrs.evolve(LI, principal=attrs.evolve(LI.principal, logged_in_at=NOW + LIMIT.within))
    story = given(_wrong(2)).after(LIMIT.within).when(later.asks_for("sms_code")) if False else given(_wrong(2))
    assert story.closure.attempts.failed_since(NOW + LIMIT.within - LIMIT.within) == 0
