"""Proving who you are: what is asked, what is counted, what is judged, and the lock (L3, L4, L5, L6, L8)."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import pytest

from hht_closure import commands, events
from hht_closure.errors import refusal
from hht_closure.lifecycle import Accepted, attempts_left
from hht_closure.policy import AttemptLimit
from hht_closure.verification import Factor, captcha, email_code, password, sms_code
from tests.core.build import (
    CLEAN,
    HOUR,
    LI,
    MINUTE,
    OWING,
    STOP,
    T0,
    TERMS,
    History,
    ask,
    asked,
    closed,
    codes,
    count,
    eligible,
    given_back,
    judge,
    open_round,
    opened,
    principal,
    proved,
    reasoned,
    refusals,
    with_failures,
    with_proof,
)

TICK = timedelta(microseconds=1)
VALID = TERMS.codes.challenge_valid_for
HOLD_OFF = TERMS.codes.resend_after
MOVED = attrs.evolve(LI, contacts=(attrs.evolve(LI.contacts[0], version="s2"), LI.contacts[1]))
NO_SMS = attrs.evolve(LI, contacts=LI.contacts[1:])


def with_captcha() -> History:
    """The captcha is passed, and nothing sent."""
    return with_proof(reasoned(), "captcha")


def in_flight(times: int) -> History:
    """So many answers to the code were counted and not judged."""
    told = asked()
    for _ in range(times):
        told = told.then(count("sms_code"))
    return told


# --- asking -------------------------------------------------------------------------------------------------


def test_a_challenge_is_bound_to_the_contact_version_that_stands() -> None:
    """And to the ring's key, so that its digits stay the same when the ring rotates (L3, L7)."""
    assert with_captcha().events_of(ask("sms_code", "sms")) == (
        events.ChallengeMade(T0, "2", "sms_code", "sms", "s1", "k1", T0 + VALID),
    )


def test_a_factor_that_sends_nothing_is_bound_to_no_contact() -> None:
    """A captcha belongs to the dialogue."""
    assert reasoned().events_of(ask("captcha")) == (
        events.ChallengeMade(T0, "1", "captcha", None, None, "k1", T0 + VALID),
    )


def test_a_factor_that_the_terms_do_not_name_is_unknown() -> None:
    """However well its verifier works."""
    assert codes(reasoned().decision(ask("password"))) == ("factor_unknown",)


def test_a_factor_too_early_is_refused_with_all_that_is_missing() -> None:
    """The steps are taken in the document's order (DOM-03)."""
    told = History().then(open_round(findings=OWING))
    assert codes(told.decision(ask("captcha"))) == (
        "blocked",
        "statement_unanswered",
        "statement_unanswered",
        "reason_missing",
    )
    assert codes(eligible().decision(ask("captcha"))) == ("reason_missing",)


def test_nothing_is_sent_before_the_captcha_is_passed() -> None:
    """What stands further left is proved first (L8)."""
    assert refusals(reasoned().decision(ask("sms_code", "sms"))) == (
        refusal("factor_out_of_order", factor="sms_code", first="captcha"),
    )


def test_a_captcha_that_expired_holds_back_the_codes_again() -> None:
    """Proofs die by time, also those that stand in front (L2, L8)."""
    told = with_captcha().then(commands.RecordChecks(account=LI, findings=()))
    later = with_captcha().later(TERMS.codes.proof_valid_for - TICK)
    assert codes(told.decision(ask("sms_code", "sms"))) == ("check_unknown", "check_unknown")
    assert isinstance(later.decision(ask("sms_code", "sms")), Accepted)
    assert codes(
        later.later(TICK)
        .then(commands.RecordChecks(account=LI, findings=open_round().findings))
        .decision(ask("sms_code", "sms"))
    ) == ("factor_out_of_order",)


def test_a_person_without_that_contact_cannot_be_asked_there() -> None:
    """The other way is open."""
    told = with_captcha()
    assert refusals(told.decision(ask("sms_code", "sms", NO_SMS))) == (
        refusal("factor_unavailable", factor="sms_code"),
    )
    assert isinstance(told.decision(ask("email_code", "email", NO_SMS)), Accepted)


def test_a_code_is_held_off_before_it_is_sent_again() -> None:
    """And the refusal says until when; half open (L8, L6)."""
    told = asked().later(HOLD_OFF - TICK)
    assert refusals(told.decision(ask("sms_code", "sms"))) == (refusal("too_soon", until=T0 + HOLD_OFF),)
    assert told.later(TICK).events_of(ask("sms_code", "sms")) == (events.ChallengeRepeated(T0 + HOLD_OFF, "2"),)


def test_the_hold_off_begins_anew_with_every_sending() -> None:
    """Three times in a row is three times the wait (L8)."""
    told = asked().later(HOLD_OFF).then(ask("sms_code", "sms")).later(HOLD_OFF - TICK)
    assert codes(told.decision(ask("sms_code", "sms"))) == ("too_soon",)


def test_another_channel_is_not_held_off() -> None:
    """Whom the SMS does not reach may take the e-mail at once."""
    assert isinstance(asked().decision(ask("email_code", "email")), Accepted)


def test_a_code_that_expired_is_followed_by_a_new_one() -> None:
    """With a number of its own, counted over the account (L5)."""
    (made,) = asked().later(VALID).events_of(ask("sms_code", "sms"))
    assert isinstance(made, events.ChallengeMade)
    assert made.challenge == "3"


def test_a_code_for_a_number_that_changed_is_followed_by_a_new_one() -> None:
    """The old one is void (L3)."""
    (made,) = asked().later(HOLD_OFF).events_of(ask("sms_code", "sms", MOVED))
    assert isinstance(made, events.ChallengeMade)
    assert made.contact_version == "s2"


def test_a_new_number_is_held_off_like_the_old_one() -> None:
    """Changing the number back and forth sends nothing faster (L8)."""
    assert codes(asked().decision(ask("sms_code", "sms", MOVED))) == ("too_soon",)


def test_a_factor_that_is_proved_can_be_proved_again() -> None:
    """A used challenge is not asked twice: a new one is made (L6)."""
    (made,) = proved().later(HOLD_OFF).events_of(ask("sms_code", "sms"))
    assert isinstance(made, events.ChallengeMade)


def test_a_captcha_that_lives_is_shown_again_as_it_is() -> None:
    """Loading the page twice changes nothing."""
    assert reasoned().then(ask("captcha")).decision(ask("captcha")) == Accepted()


def test_a_captcha_with_an_answer_in_flight_is_not_shown_again() -> None:
    """Whoever's answer was lost gets another one (L5)."""
    told = reasoned().then(ask("captcha"), count("captcha"))
    (made,) = told.events_of(ask("captcha"))
    assert isinstance(made, events.ChallengeMade)


# --- counting -----------------------------------------------------------------------------------------------


def test_an_answer_is_counted_before_anybody_looks_at_it() -> None:
    """With the account's next number, for the challenge that stands (L4)."""
    assert asked().events_of(count("sms_code")) == (events.AttemptCounted(T0, 2, "2"),)


@pytest.mark.parametrize(
    ("told", "command", "expected"),
    [
        (asked(), count("password"), refusal("factor_unknown")),
        (asked(), count("email_code"), refusal("challenge_missing", factor="email_code")),
        (proved(), count("sms_code"), refusal("consumed", factor="sms_code")),
        (asked().later(VALID), count("sms_code"), refusal("challenge_expired", factor="sms_code")),
        (asked(), count("sms_code", MOVED), refusal("challenge_voided", factor="sms_code")),
        (asked(), count("sms_code", NO_SMS), refusal("challenge_voided", factor="sms_code")),
    ],
)
def test_what_cannot_be_right_any_more_is_not_compared(
    told: History, command: commands.CountAttempt, expected: object
) -> None:
    """Unknown, never asked, used, too late, or of a contact point that changed (L3, L6)."""
    assert refusals(told.decision(command)) == (expected,)


def test_a_code_is_valid_until_the_very_end() -> None:
    """At ``expires - 1µs`` it is; the one above shows that at ``expires`` it is dead (L6)."""
    assert isinstance(asked().later(VALID - TICK).decision(count("sms_code")), Accepted)


def test_answers_in_flight_count_towards_the_limit() -> None:
    """Beyond it only because of answers in flight: try again, and nobody is locked (L5, L6)."""
    assert attempts_left(in_flight(4).closure, T0) == 1
    assert isinstance(in_flight(4).decision(count("sms_code")), Accepted)
    assert attempts_left(in_flight(5).closure, T0) == 0
    assert codes(in_flight(5).decision(count("sms_code"))) == ("try_again",)


def test_an_answer_that_was_never_judged_counts_until_it_slides_out() -> None:
    """No failure of any kind gives an attempt back before its time (L4, L5)."""
    terms = attrs.evolve(TERMS, codes=attrs.evolve(TERMS.codes, challenge_valid_for=3 * HOUR))
    told = asked(terms)
    for _ in range(5):
        told = told.then(count("sms_code"))
    almost, over = (told.later(HOUR - rest) for rest in (TICK, timedelta(0)))
    assert codes(almost.decision(count("sms_code"))) == ("try_again",)
    assert attempts_left(over.closure, over.now) == 5
    assert isinstance(over.decision(count("sms_code")), Accepted)


def test_a_new_code_gives_no_attempt_back() -> None:
    """Counters belong to the account (L5)."""
    told = with_failures(asked(), "sms_code", 3).later(VALID).then(ask("sms_code", "sms"))
    assert told.closure.attempts.challenges == 3
    assert attempts_left(told.closure, told.now) == 2


def test_failures_slide_out_of_the_window() -> None:
    """Half open, each by its own time (L5, L6)."""
    told = with_failures(asked(), "sms_code", 2)
    assert attempts_left(told.closure, T0 + HOUR - TICK) == 3
    assert attempts_left(told.closure, T0 + HOUR) == 5


def test_without_a_round_there_is_no_attempt() -> None:
    """Nothing was asked, so nothing can be answered."""
    assert attempts_left(History().closure, T0) == 0


# --- judging ------------------------------------------------------------------------------------------------


def test_a_right_answer_proves_the_factor() -> None:
    """With the assurance that the terms give it, until its proof is over."""
    assert in_flight(1).events_of(judge("sms_code", 2, "2", right=True)) == (
        events.FactorProved(T0, 2, "sms_code", "restricted_possession", "2", T0 + TERMS.codes.proof_valid_for),
    )


def test_a_wrong_answer_is_a_failure() -> None:
    """And nothing more, as long as there are attempts left."""
    assert in_flight(1).events_of(judge("sms_code", 2, "2", right=False)) == (events.AnswerRejected(T0, 2),)


def test_a_verdict_needs_an_answer_that_was_counted() -> None:
    """No event, no verdict (L4)."""
    assert codes(asked().decision(judge("sms_code", 2, "2", right=True))) == ("try_again",)


def test_a_verdict_needs_an_answer_to_its_own_challenge() -> None:
    """An answer to the captcha proves no number (L4, L6)."""
    told = asked().then(ask("captcha"), count("captcha"))
    number = told.closure.attempts.in_flight[0].number
    assert codes(told.decision(judge("sms_code", number, "2", right=True))) == ("try_again",)


def test_a_code_is_used_once() -> None:
    """Of two right answers in flight the first is accepted, the other told that it was used (L6)."""
    told = in_flight(2).then(judge("sms_code", 2, "2", right=True))
    assert refusals(told.decision(judge("sms_code", 3, "2", right=True))) == (refusal("consumed", factor="sms_code"),)


def test_a_success_settles_what_is_in_flight_on_its_own_challenge_and_nothing_else() -> None:
    """The captcha's answer in flight goes on counting (L5)."""
    told = asked().then(ask("captcha"), count("captcha"), count("sms_code"), count("sms_code"))
    told = told.then(judge("sms_code", 3, "2", right=True))
    assert [one.challenge for one in told.closure.attempts.in_flight] == ["3"]


def test_a_verdict_on_a_challenge_that_was_replaced_is_void() -> None:
    """The answer goes on counting until it slides out (L4, L5)."""
    told = in_flight(1).later(VALID).then(ask("sms_code", "sms"))
    assert refusals(told.decision(judge("sms_code", 2, "2", right=True))) == (
        refusal("challenge_missing", factor="sms_code"),
    )
    assert len(told.closure.attempts.in_flight) == 1


def test_a_verdict_on_a_factor_that_was_never_asked_is_void() -> None:
    """There is nothing that it could be about."""
    assert codes(opened().decision(judge("sms_code", 1, "1", right=True))) == ("challenge_missing",)


def test_an_answer_given_in_time_is_judged_after_the_end() -> None:
    """What counts is when it was given: a slow verifier costs nobody their answer (L6)."""
    told = asked().later(VALID - TICK).then(count("sms_code")).later(MINUTE)
    assert isinstance(told.decision(judge("sms_code", 2, "2", right=True)), Accepted)


@pytest.mark.parametrize(("told", "expected"), [(History(), "no_round"), (closed(), "already_confirmed")])
def test_without_an_open_round_nothing_is_judged(told: History, expected: str) -> None:
    """A verdict that comes too late proves nothing."""
    assert codes(told.decision(judge("sms_code", 2, "2", right=True))) == (expected,)


def beyond_stricter_terms() -> History:
    """Four failures of five, and then terms that bear three; no lock ever fell."""
    stricter = attrs.evolve(TERMS, attempts=attrs.evolve(TERMS.attempts, failures=3))
    told = with_failures(asked(), "sms_code", 4).then(commands.WithdrawClosure())
    return reason_in(told.then(open_round(stricter)))


def test_who_is_beyond_stricter_terms_is_locked_until_the_failures_are_old() -> None:
    """Nothing is sent or compared, and it is said until when (L5)."""
    told = beyond_stricter_terms()
    assert refusals(told.decision(ask("captcha"))) == (refusal("locked", until=T0 + TERMS.attempts.within),)


def test_beyond_stricter_terms_the_window_slides() -> None:
    """The twin: when the failures are old, the factor is asked for (L5)."""
    told = beyond_stricter_terms().later(TERMS.attempts.within)
    told = told.then(commands.RecordChecks(account=LI, findings=CLEAN))
    assert isinstance(told.decision(ask("captcha", logged_in=told.now)), Accepted)


def test_a_challenge_for_a_factor_that_the_terms_do_not_name_proves_nothing() -> None:
    """Not even when such a challenge stands in the stream (L2)."""
    told = reasoned().with_events(
        events.ChallengeMade(T0, "1", "password", None, None, "k1", T0 + VALID), events.AttemptCounted(T0, 1, "1")
    )
    assert codes(told.decision(judge("password", 1, "1", right=True))) == ("factor_unknown",)


# --- the lock -----------------------------------------------------------------------------------------------


def test_the_answer_that_uses_up_the_last_attempt_locks() -> None:
    """For as long as the terms say (L5)."""
    told = with_failures(asked(), "sms_code", 4).then(count("sms_code"))
    assert told.events_of(judge("sms_code", 6, "2", right=False)) == (
        events.AnswerRejected(T0, 6),
        events.ClosingLocked(T0, T0 + HOUR),
    )


def test_a_right_answer_at_the_last_attempt_does_not_lock() -> None:
    """Four mistakes are borne."""
    told = with_failures(asked(), "sms_code", 4).then(count("sms_code"), judge("sms_code", 6, "2", right=True))
    assert told.closure.attempts.locked_until is None


def test_failures_of_all_factors_count_together() -> None:
    """Two here and three there make five (L5)."""
    told = with_failures(reasoned().then(ask("captcha")), "captcha", 2)
    told = with_failures(with_proof(told, "captcha").then(ask("sms_code", "sms")), "sms_code", 3)
    assert told.closure.attempts.locked_until == T0 + HOUR


def test_failures_of_an_earlier_round_count() -> None:
    """A new round changes no counter (L5)."""
    told = with_failures(asked(), "sms_code", 3).then(commands.WithdrawClosure())
    again = reason_in(told.then(open_round()))
    assert with_failures(again.then(ask("captcha")), "captcha", 2).closure.attempts.locked_until == T0 + HOUR


def reason_in(told: History) -> History:
    """An open round, brought to where factors are asked for."""
    return told.then(*(one for one in ELIGIBLE))


ELIGIBLE = (
    commands.AnswerStatement(account=LI, statement="data_backed_up", answer="done", wording="1", locale="en"),
    commands.AnswerStatement(account=LI, statement="contacts_told", answer="done", wording="1", locale="en"),
    commands.GiveReason(account=LI, reason="rather_not_say", note="", share_note=False),
)


def test_a_lock_kills_the_old_challenges_and_leaves_the_proofs() -> None:
    """What was proved stays proved, for as long as it lives (L5)."""
    told = with_failures(asked(), "sms_code", 5)
    assert (told.open.proving.challenges, [one.factor for one in told.open.proving.proofs]) == ((), ["captcha"])


def test_a_lock_tells_the_person() -> None:
    """As a task that holds up nothing (L16, L19)."""
    told = with_failures(asked(), "sms_code", 5)
    assert (told.task_names, told.closure.tasks[0].mandatory) == (("tell_locked:6",), False)


def locked() -> History:
    """Five wrong answers."""
    return with_failures(asked(), "sms_code", 5)


@pytest.mark.parametrize("command", [ask("captcha"), ask("email_code", "email"), count("sms_code"), count("captcha")])
def test_one_lock_holds_for_all_factors(command: commands.MakeChallenge) -> None:
    """Neither asked nor answered, until its end, which is said (L5)."""
    told = locked().later(HOUR - TICK)
    told = told.then(commands.RecordChecks(account=LI, findings=open_round().findings))
    assert refusals(told.decision(command)) == (refusal("locked", until=T0 + HOUR),)


@pytest.mark.parametrize(
    "logged_in", [None, T0, T0 + HOUR - TICK], ids=["unknown", "before the lock", "during the lock"]
)
def test_after_a_lock_a_fresh_log_in_is_asked_for(logged_in: datetime | None) -> None:
    """One from before the end of the lock is not (L5)."""
    told = locked().later(HOUR).then(commands.RecordChecks(account=LI, findings=open_round().findings))
    stale = attrs.evolve(ask("captcha"), principal=attrs.evolve(principal(), logged_in_at=logged_in))
    assert codes(told.decision(stale)) == ("reauth_required",)


def test_after_a_lock_and_a_fresh_log_in_everything_is_as_before() -> None:
    """With all attempts, and new challenges (L5)."""
    told = locked().later(HOUR).then(commands.RecordChecks(account=LI, findings=open_round().findings))
    told = told.then(ask("captcha", logged_in=T0 + HOUR))
    assert attempts_left(told.closure, told.now) == 5
    assert isinstance(told.decision(count("captcha", logged_in=T0 + HOUR)), Accepted)


def test_terms_that_look_back_a_minute_forget_nothing_for_terms_that_look_back_an_hour() -> None:
    """Another round under other terms gives no attempt back to the next (L5)."""
    brief = attrs.evolve(TERMS, attempts=AttemptLimit(failures=5, within=MINUTE, locked_for=HOUR))
    told = with_failures(asked(), "sms_code", 3).then(commands.WithdrawClosure()).later(2 * MINUTE)
    told = with_captcha_anew(told.then(open_round(brief))).then(commands.WithdrawClosure())
    again = reason_in(told.then(open_round()))
    assert attempts_left(again.closure, again.now) == 2


def with_captcha_anew(told: History) -> History:
    """The captcha passed in a round just opened."""
    return with_proof(reason_in(told), "captcha")


def test_a_lock_outlives_its_round() -> None:
    """Withdrawing and opening again unlocks nothing (L5)."""
    told = reason_in(locked().then(commands.WithdrawClosure(), open_round()))
    assert refusals(told.decision(ask("captcha"))) == (refusal("locked", until=T0 + HOUR),)


def test_a_closing_given_back_asks_for_every_proof_anew() -> None:
    """What was said stays said, what was proved does not (L14)."""
    told = given_back()
    assert (told.open.said.reason, told.open.proving.proofs) == ("rather_not_say", ())
    assert (told.open.checks, told.open.given_back) == (None, 1)


@pytest.mark.parametrize("factor", [captcha, sms_code, email_code, password])
def test_the_assurance_of_a_proof_is_the_terms(factor: Factor) -> None:
    """Not the verifier's and not the event's sender's: what the terms say of the factor (L2)."""
    terms = attrs.evolve(TERMS, requirement=factor & Factor("passkey", "possession"))
    told = with_proof(reasoned(terms), factor.name)
    assert told.open.proving.proofs[0].assurance == factor.assurance


# --- budgets that many people share -------------------------------------------------------------------------


def test_an_alarm_is_part_of_the_open_round() -> None:
    """A shared budget that is used up is written where it was found used up (L8, ABU-04)."""
    assert asked().events_of(STOP) == (events.SendingStopped(T0, "sms", "overall", T0 + timedelta(days=1)),)


def test_without_a_round_there_is_no_alarm() -> None:
    """Nobody asked for a message, so nothing was found used up (L8)."""
    assert codes(History().decision(STOP)) == ("no_round",)
