"""L5: counters belong to the account, in a sliding window; one lock holds for all factors."""

from __future__ import annotations

from datetime import timedelta

import attrs

from hht_closure import codec
from hht_closure.errors import refusal
from hht_closure.events import AnswerRejected, ChallengeMade, ClosingLocked
from hht_closure.lifecycle import fold
from hht_closure.policy import AttemptLimit, CodeTimes
from hht_closure.testing import Person, accepted, given, refused
from hht_closure.testing.stories import NOW, Step
from hht_closure.verification import email_code, sms_code
from tests.stage import TERMS, MakeStage, Stage, refusal_codes

LIMIT = AttemptLimit(failures=3, within=timedelta(minutes=30), locked_for=timedelta(hours=1))
EITHER = attrs.evolve(TERMS, requirement=sms_code | email_code, attempts=LIMIT)
LONG = timedelta(hours=12)
LI = attrs.evolve(
    Person(),
    terms=attrs.evolve(Person().terms, attempts=LIMIT, check_valid_for=LONG, codes=CodeTimes(challenge_valid_for=LONG)),
)
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


def test_a_lock_holds_until_just_before_its_end() -> None:
    """One microsecond before its end even a fresh log-in changes nothing (L5, L6)."""
    given(_wrong(3)).at(NOW + LIMIT.locked_for - TICK).when(FRESH.asks_for("sms_code")).then(
        refused(refusal("locked", until=NOW + LIMIT.locked_for))
    )


def test_a_lock_ends_exactly_at_its_time() -> None:
    """At its end, after a fresh log-in, a new challenge is made (L5, L6)."""
    given(_wrong(3)).at(NOW + LIMIT.locked_for).when(FRESH.asks_for("sms_code")).then(accepted(ChallengeMade))


def test_a_login_during_the_lock_is_not_fresh_enough_after_it() -> None:
    """Who was logged in before the lock ended logs in again (L5)."""
    during = attrs.evolve(LI, principal=attrs.evolve(LI.principal, logged_in_at=NOW + LIMIT.locked_for - TICK))
    given(_wrong(3)).at(NOW + LIMIT.locked_for).when(during.asks_for("sms_code")).then(refused("reauth_required"))


def test_failures_that_have_left_the_window_count_no_more() -> None:
    """Two wrong, and exactly a window later two more: there were never three within it (L5)."""
    given(_wrong(2)).after(LIMIT.within).when(
        LI.answers("sms_code", right=False), LI.answers("sms_code", right=False)
    ).then(accepted(AnswerRejected))


def test_failures_within_the_window_count() -> None:
    """The twin: one microsecond earlier the first two still count, and the third locks (L5)."""
    given(_wrong(2)).after(LIMIT.within - TICK).when(LI.answers("sms_code", right=False)).then(
        accepted(AnswerRejected, ClosingLocked)
    )


def test_answers_in_flight_use_up_the_limit_and_lock_nobody() -> None:
    """Three answers that nobody has judged yet: the fourth is told to try again, not locked (L5)."""
    asked = (LI.reason_given(), LI.asks_for("sms_code"), *[LI.tries("sms_code")] * 3)
    given(asked).when(LI.tries("sms_code")).then(refused("try_again"))


def test_a_success_settles_what_is_in_flight_on_its_own_challenge_and_nothing_else() -> None:
    """The right SMS code frees the other SMS answers in flight, and not the e-mail answer (L5)."""
    li = attrs.evolve(LI, terms=attrs.evolve(LI.terms, requirement=sms_code | email_code))
    story = given(
        li.reason_given(),
        li.asks_for("sms_code"),
        li.asks_for("email_code"),
        li.tries("email_code"),
        li.tries("sms_code"),
        li.answers("sms_code"),
    )
    assert [one.number for one in story.closure.attempts.in_flight] == [1]


def test_counters_are_carried_into_a_round_from_which_reading_begins(make_stage: MakeStage) -> None:
    """Reading begins at the last opening, so that opening carries the counters; the fold is the same (L5)."""
    stage = _challenged(make_stage)
    _guess(stage, 2)
    stage.service.withdraw(stage.principal)
    stage.opened()
    opening = stage.store.journal.read(stage.stream())
    assert fold(codec.read(stage.stream(), opening)).attempts == stage.closure().attempts


def test_while_locked_the_view_says_so_and_offers_nothing_that_would_be_refused(make_stage: MakeStage) -> None:
    """What can be done is what would be accepted; until when it is locked stands first of what is missing (L5)."""
    stage = _challenged(make_stage)
    _guess(stage, 3)
    view = stage.service.current(stage.principal)
    assert view.locked_until == stage.clock.now() + LIMIT.locked_for
    assert view.missing[0] == refusal("locked", until=view.locked_until)
    assert set(view.can) & {"challenge", "answer", "notice", "confirm"} == set()


def test_when_the_lock_is_over_the_view_is_as_before(make_stage: MakeStage) -> None:
    """The twin: at its end nothing of it is left in the view (L5)."""
    stage = _challenged(make_stage)
    before = stage.service.current(stage.principal)
    _guess(stage, 3)
    stage.clock.advance(LIMIT.locked_for)
    stage.service.recheck(stage.logged_in())
    after = stage.service.current(stage.principal)
    assert (after.locked_until, after.can, after.missing) == (None, before.can, before.missing)
