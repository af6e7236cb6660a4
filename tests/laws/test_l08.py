"""L8: nothing is sent before what the terms put in front of it, nor beyond the budgets; a failed send keeps all."""

from __future__ import annotations

from datetime import timedelta

import attrs

from hht_closure.errors import ClosureRefused, refusal
from hht_closure.events import ChallengeRepeated, SendingStopped
from hht_closure.policy import SendLimits
from hht_closure.testing import Person, accepted, given, refused
from hht_closure.testing.stories import NOW
from hht_closure.verification import captcha, email_code, sms_code
from tests.stage import TERMS, MakeStage, Stage, refusal_codes

CAPTCHA_FIRST = attrs.evolve(TERMS, requirement=captcha & (sms_code | email_code))
EITHER = attrs.evolve(TERMS, requirement=sms_code | email_code)
HOLD_OFF = TERMS.codes.resend_after
TICK = timedelta(microseconds=1)


def _at_verification(make_stage: MakeStage) -> Stage:
    stage = make_stage(EITHER)
    stage.reason_given()
    return stage


def test_without_the_captcha_no_message_is_sent(make_stage: MakeStage) -> None:
    """The captcha stands in front: refused, and no SMS goes out (L8, CAPT-04)."""
    stage = make_stage(CAPTCHA_FIRST)
    stage.reason_given()
    assert (refusal_codes(stage.service.challenge, stage.principal, "sms_code"), stage.sms.sent) == (
        ("factor_out_of_order",),
        (),
    )


def test_with_the_captcha_the_message_is_sent(make_stage: MakeStage) -> None:
    """The twin: once it is passed, either code can be asked for (L8, CAPT-04)."""
    stage = make_stage(CAPTCHA_FIRST)
    stage.reason_given()
    stage.proved("captcha")
    assert (stage.challenged("sms_code").delivered, stage.challenged("email_code").delivered) == (True, True)


def test_a_captcha_token_is_used_once(make_stage: MakeStage) -> None:
    """The token that passed is told ``consumed`` when it is shown again (L6, CAPT-01)."""
    stage = make_stage(CAPTCHA_FIRST)
    stage.reason_given()
    token = stage.right_answer(stage.challenged("captcha"))
    stage.service.answer(stage.principal, "captcha", token)
    assert refusal_codes(stage.service.answer, stage.principal, "captcha", token) == ("consumed",)


def test_a_captcha_token_of_one_closure_is_wrong_in_another(make_stage: MakeStage) -> None:
    """Wang shows the token that Li solved: a wrong answer (L3, CAPT-01)."""
    stage = make_stage(CAPTCHA_FIRST)
    wang = stage.logged_in("wang")
    stage.reason_given()
    stage.reason_given(wang)
    token = stage.right_answer(stage.challenged("captcha"))
    stage.challenged("captcha", wang)
    assert stage.service.answer(wang, "captcha", token).accepted is False


def test_before_the_reason_nothing_is_sent(make_stage: MakeStage) -> None:
    """A step out of order is refused and changes nothing (L8, PEERS)."""
    stage = make_stage(EITHER)
    stage.eligible()
    before = stage.everything()
    assert (refusal_codes(stage.service.challenge, stage.principal, "sms_code"), stage.everything()) == (
        ("reason_missing",),
        before,
    )


def test_a_second_send_inside_the_hold_off_sends_nothing(make_stage: MakeStage) -> None:
    """One microsecond too soon is too soon (L8, PEERS)."""
    stage = _at_verification(make_stage)
    stage.challenged("sms_code")
    stage.clock.advance(HOLD_OFF - TICK)
    assert (refusal_codes(stage.service.challenge, stage.principal, "sms_code"), len(stage.sms.sent)) == (
        ("too_soon",),
        1,
    )


def test_after_the_hold_off_it_is_sent_again(make_stage: MakeStage) -> None:
    """The twin: exactly at its end the message goes out (L8)."""
    stage = _at_verification(make_stage)
    stage.challenged("sms_code")
    stage.clock.advance(HOLD_OFF)
    stage.challenged("sms_code")
    assert len(stage.sms.sent) == 2


def test_the_machine_keeps_the_hold_off_by_itself() -> None:
    """Also without any budget the same factor is not asked for twice within the hold-off (L8)."""
    li = Person()
    given(li.reason_given(), li.asks_for("sms_code")).after(HOLD_OFF - TICK).when(li.asks_for("sms_code")).then(
        refused(refusal("too_soon", until=NOW + HOLD_OFF))
    )


def test_after_the_hold_off_the_machine_repeats_the_challenge() -> None:
    """The twin: at its end the same challenge is sent again (L7, L8)."""
    li = Person()
    given(li.reason_given(), li.asks_for("sms_code")).after(HOLD_OFF).when(li.asks_for("sms_code")).then(
        accepted(ChallengeRepeated(NOW + HOLD_OFF, "1"))
    )


def test_a_new_round_does_not_get_round_the_hold_off(make_stage: MakeStage) -> None:
    """Withdrawing and beginning anew sends nothing earlier (L8)."""
    stage = _at_verification(make_stage)
    stage.challenged("sms_code")
    stage.service.withdraw(stage.principal)
    stage.reason_given()
    assert (refusal_codes(stage.service.challenge, stage.principal, "sms_code"), len(stage.sms.sent)) == (
        ("too_soon",),
        1,
    )


def test_a_send_that_fails_keeps_the_challenge_and_the_hold_off(make_stage: MakeStage) -> None:
    """Not delivered, and said so; too soon to ask again (L8, CODE-27)."""
    stage = _at_verification(make_stage)
    stage.sms.failing = True
    asked = stage.challenged("sms_code")
    assert (asked.delivered, refusal_codes(stage.service.challenge, stage.principal, "sms_code")) == (
        False,
        ("too_soon",),
    )


def test_what_could_not_be_sent_is_sent_next_time_under_the_same_challenge(make_stage: MakeStage) -> None:
    """After the hold-off the same challenge goes out and can be answered (L8, CODE-27)."""
    stage = _at_verification(make_stage)
    stage.sms.failing = True
    first = stage.challenged("sms_code")
    stage.sms.failing = False
    stage.clock.advance(HOLD_OFF)
    second = stage.challenged("sms_code")
    verdict = stage.service.answer(stage.principal, "sms_code", stage.code("sms_code"))
    assert (second.id, second.delivered, verdict.accepted) == (first.id, True, True)


def test_no_persistence_gets_more_than_the_days_codes(make_stage: MakeStage) -> None:
    """A thousand requests within a day, over sessions and rounds: five SMS and five mails (L8, ABU-01)."""
    stage = _at_verification(make_stage)
    for number in range(1000):
        stage.clock.advance(timedelta(seconds=86))
        if number % 100 == 0:
            stage.service.withdraw(stage.principal)
            stage.logged_in()
            stage.reason_given()
        if number % 20 == 0:
            stage.service.recheck(stage.principal)
        _ask(stage, "sms_code" if number % 2 else "email_code")
    assert (len(stage.sms.sent), len(stage.email.sent)) == (5, 5)


def _ask(stage: Stage, factor: str) -> None:
    try:
        stage.challenged(factor)
    except ClosureRefused:
        return


def test_a_day_later_codes_are_sent_again(make_stage: MakeStage) -> None:
    """The twin: the window slides, and an honest person gets a code the next day (L8)."""
    stage = _at_verification(make_stage)
    for _ in range(5):
        stage.challenged("sms_code")
        stage.clock.advance(HOLD_OFF)
    full = refusal_codes(stage.service.challenge, stage.principal, "sms_code")
    stage.clock.advance(timedelta(days=1))
    stage.service.recheck(stage.principal)
    assert (full, stage.challenged("sms_code").delivered) == (("send_limit_reached",), True)


def test_one_destination_gets_no_more_than_its_share_from_several_accounts(make_stage: MakeStage) -> None:
    """Two accounts with one telephone number share what may be sent to it (L8)."""
    stage = make_stage(attrs.evolve(EITHER, sends=SendLimits(per_account=5, per_destination=1)))
    wang = stage.logged_in("wang")
    stage.accounts.change_contact(wang.account, "sms", "+8613800001234")
    stage.reason_given()
    stage.reason_given(wang)
    stage.challenged("sms_code")
    assert (refusal_codes(stage.service.challenge, wang, "sms_code"), len(stage.sms.sent)) == (
        ("send_limit_reached",),
        1,
    )


def test_when_the_portal_has_sent_its_days_worth_the_next_person_gets_nothing(make_stage: MakeStage) -> None:
    """The overall budget holds for everybody together; whose fault it is, nobody learns (L8, ABU-04)."""
    stage = make_stage(attrs.evolve(EITHER, sends=SendLimits(overall=1)))
    wang = stage.logged_in("wang")
    stage.reason_given()
    stage.reason_given(wang)
    stage.challenged("sms_code")
    assert (refusal_codes(stage.service.challenge, wang, "sms_code"), len(stage.sms.sent)) == (
        ("temporarily_unavailable",),
        1,
    )


def test_a_budget_of_many_that_is_used_up_raises_one_alarm(make_stage: MakeStage) -> None:
    """An alarm for each channel and day, and not one for each person who is refused (L8, ABU-04)."""
    stage = make_stage(attrs.evolve(EITHER, sends=SendLimits(overall=1)))
    wang = stage.logged_in("wang")
    stage.reason_given()
    stage.reason_given(wang)
    stage.challenged("sms_code")
    for _ in range(3):
        refusal_codes(stage.service.challenge, wang, "sms_code")
    assert [(one.channel, one.budget) for one in stage.happened.events if isinstance(one, SendingStopped)] == [
        ("sms", "overall")
    ]


def test_the_overall_budget_of_one_channel_leaves_the_other_free(make_stage: MakeStage) -> None:
    """The twin: when no SMS may go out any more, a mail still may (L8, ABU-04)."""
    stage = make_stage(attrs.evolve(EITHER, sends=SendLimits(overall=1)))
    wang = stage.logged_in("wang")
    stage.reason_given()
    stage.reason_given(wang)
    stage.challenged("sms_code")
    assert stage.challenged("email_code", wang).delivered is True
