"""The dialogue: what is accepted, what is refused, and with which reasons (L2, L6, L11, L12, L15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from hht_closure import commands, events
from hht_closure.account import Account, Standing
from hht_closure.errors import RefusalCode, refusal
from hht_closure.lifecycle import Accepted, missing_for, step_of
from hht_closure.lifecycle.decide_dialogue import LONGEST_NOTE, MOST_ENDED_ROUNDS
from hht_closure.policy import Blocked, Blocker, Unknown
from tests.core.build import (
    CLEAN,
    CONFIRM,
    DAY,
    DIGEST,
    FROZEN,
    HOUR,
    LI,
    MINUTE,
    OWING,
    T0,
    TERMS,
    History,
    asked,
    changed,
    closed,
    codes,
    confirmed,
    eligible,
    erasing,
    frozen,
    given_back,
    lapsed,
    open_round,
    opened,
    principal,
    proved,
    reason,
    reasoned,
    refusals,
    statement,
    with_failures,
    with_proof,
    withdrawn,
)

TICK = timedelta(microseconds=1)
WITHDRAW = commands.WithdrawClosure()

STANDINGS: list[tuple[Standing, RefusalCode]] = [
    ("suspended", "account_suspended"),
    ("frozen", "account_frozen"),
    ("retired", "account_unknown"),
]


def standing(which: Standing) -> Account:
    """The account, held like that."""
    return attrs.evolve(LI, standing=which)


# --- opening ------------------------------------------------------------------------------------------------


def test_a_round_opens_with_everything_that_it_is_held_to() -> None:
    """Terms, digest, and what the account brings from before; the findings come with it."""
    assert History().events_of(open_round()) == (
        events.RoundOpened(
            T0, 1, events.Clear("li"), TERMS, DIGEST, events.Carried(History().closure.attempts, (), ())
        ),
        events.ChecksMade(
            T0, (events.CheckOutcome("orders_done", "clean"), events.CheckOutcome("no_money_owed", "clean"))
        ),
    )


def test_an_open_round_stays_as_it_is() -> None:
    """Opening is idempotent, also with terms that changed since."""
    changed = open_round(attrs.evolve(TERMS, version="2"))
    assert proved().decision(changed) == Accepted()


def test_a_round_opens_although_something_is_in_the_way() -> None:
    """The person sees what it is, and puts it right."""
    told = History().then(open_round(findings=OWING))
    assert step_of(told.closure, LI.contact_versions, told.now) == "eligibility"


@pytest.mark.parametrize(("which", "code"), STANDINGS)
def test_only_an_open_account_can_be_closed(which: Standing, code: RefusalCode) -> None:
    """Nobody escapes a sanction by closing the account."""
    assert codes(History().decision(open_round(account=standing(which)))) == (code,)


@pytest.mark.parametrize("walk", [confirmed, erasing, closed])
def test_what_is_confirmed_is_not_opened_again(walk: Callable[[], History]) -> None:
    """There is one closing at a time, and after it none."""
    assert codes(walk().decision(open_round())) == ("already_confirmed",)


@pytest.mark.parametrize("walk", [withdrawn, lapsed])
def test_after_a_round_that_ended_comes_the_next(walk: Callable[[], History]) -> None:
    """With the next number, and nothing said or proved."""
    told = walk().then(open_round())
    assert told.open.round.number == 2
    assert (told.open.said.statements, told.open.said.reason, told.open.proving.proofs) == ((), None, ())


def test_a_round_whose_time_is_over_lapses_when_the_next_is_opened() -> None:
    """Nobody need wait for a worker; and the old round's key is destroyed all the same (L23)."""
    told = proved().later(TERMS.round_valid_for)
    happened = told.events_of(open_round())
    assert [type(one) for one in happened] == [events.RoundLapsed, events.RoundOpened, events.ChecksMade]
    after = told.with_events(*happened)
    assert (after.open.round.number, after.task_names) == (2, ("destroy_key:1",))


def test_a_new_round_takes_the_accounts_counters_over() -> None:
    """A new round changes no counter (L5)."""
    told = with_failures(asked(), "sms_code", 3).then(WITHDRAW, open_round())
    assert len(told.closure.attempts.failures) == 3


# --- within an open round -----------------------------------------------------------------------------------

IN_ROUND = [
    commands.RecordChecks(account=LI, findings=CLEAN),
    statement("data_backed_up"),
    reason(),
    commands.MakeChallenge(principal=principal(), account=LI, factor="captcha", channel=None, key="k1"),
    commands.CountAttempt(principal=principal(), account=LI, factor="captcha"),
]


@pytest.mark.parametrize("command", IN_ROUND, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(
    ("walk", "code"),
    [
        (History, "no_round"),
        (withdrawn, "no_round"),
        (lapsed, "no_round"),
        (lambda: proved().later(TERMS.round_valid_for), "no_round"),
        (confirmed, "already_confirmed"),
        (closed, "already_confirmed"),
    ],
)
def test_the_dialogue_needs_an_open_round(
    walk: Callable[[], History], code: str, command: commands.RecordChecks
) -> None:
    """One that nobody opened, ended, lapsed or confirmed is none."""
    assert codes(walk().decision(command)) == (code,)


@pytest.mark.parametrize("command", IN_ROUND, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(("which", "code"), STANDINGS)
def test_the_dialogue_needs_an_open_account(which: Standing, code: str, command: commands.RecordChecks) -> None:
    """At every step: a sanction in the middle stops it."""
    assert codes(proved().decision(attrs.evolve(command, account=standing(which)))) == (code,)


def test_a_round_can_be_gone_on_with_until_its_time_is_over() -> None:
    """Half open: a microsecond before its end it lives (L6)."""
    told = eligible().later(TERMS.round_valid_for - TICK)
    assert told.decision(commands.RecordChecks(account=LI, findings=CLEAN)) == Accepted(
        (events.ChecksMade(told.now, told.open.checks.outcomes if told.open.checks else ()),)
    )


def test_what_is_kept_of_a_check_is_codes_and_no_amounts() -> None:
    """A check that nobody answered is unknown; what is advisory is in nobody's way (L2, L22)."""
    unpaid = Blocker(code="unpaid", parameters={"amount": 1200}, ground="contract", remedy="/bills")
    hint = Blocker(code="points_left", ground="contract", remedy="/points", advisory=True)
    (made,) = opened().events_of(
        commands.RecordChecks(account=LI, findings=(("no_money_owed", Blocked((unpaid, hint))),))
    )
    assert made == events.ChecksMade(
        T0,
        (events.CheckOutcome("orders_done", "unknown"), events.CheckOutcome("no_money_owed", "blocked", ("unpaid",))),
    )


def test_what_is_advisory_alone_is_clean() -> None:
    """It is shown and never in the way."""
    hint = Blocker(code="points_left", ground="contract", remedy="/points", advisory=True)
    findings = (CLEAN[0], ("no_money_owed", Blocked((hint,))))
    told = opened().then(commands.RecordChecks(account=LI, findings=findings))
    assert told.open.checks is not None
    assert told.open.checks.clean


# --- statements ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["done", "waived"])
def test_a_statement_is_answered_done_or_waived(answer: str) -> None:
    """Either way it holds nobody up."""
    told = opened().then(statement("data_backed_up", answer), statement("contacts_told", answer))
    assert step_of(told.closure, LI.contact_versions, told.now) == "reason"


def test_the_same_answer_again_changes_nothing() -> None:
    """A double click is no event."""
    assert eligible().decision(statement("data_backed_up")) == Accepted()


def test_another_answer_takes_the_place_of_the_first() -> None:
    """What the person says last is what they said."""
    told = eligible().then(statement("data_backed_up", "waived"))
    assert told.open.said.statements == (("contacts_told", "waived", "1"), ("data_backed_up", "waived", "1"))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (statement("no_such_thing"), refusal("statement_unknown")),
        (statement("data_backed_up", "perhaps"), refusal("statement_answer_unknown")),
        (statement("data_backed_up", wording="0"), refusal("wording_unknown", wording="1")),
    ],
)
def test_a_statement_is_one_of_the_terms_in_the_wording_shown(
    command: commands.AnswerStatement, expected: object
) -> None:
    """Nobody declares what they were not shown."""
    assert refusals(opened().decision(command)) == (expected,)


# --- the reason ---------------------------------------------------------------------------------------------


def test_a_reason_too_early_is_refused_with_all_that_is_missing() -> None:
    """The steps are taken in the document's order (DOM-03)."""
    told = History().then(open_round(findings=OWING))
    assert refusals(told.decision(reason())) == (
        refusal("blocked", precondition="no_money_owed", blocker="unpaid"),
        refusal("statement_unanswered", statement="data_backed_up"),
        refusal("statement_unanswered", statement="contacts_told"),
    )


def test_a_check_that_is_too_old_is_asked_for_again() -> None:
    """Half open: at the end of its validity it carries the dialogue no further (L2, L6)."""
    almost, over = (eligible().later(TERMS.check_valid_for - rest) for rest in (TICK, timedelta(0)))
    assert isinstance(almost.decision(reason()), Accepted)
    assert codes(over.decision(reason())) == ("check_needed",)


def test_a_check_whose_source_could_not_be_asked_is_not_clean() -> None:
    """Unknown is not clean (L2)."""
    told = eligible().then(commands.RecordChecks(account=LI, findings=(CLEAN[0], ("no_money_owed", Unknown()))))
    assert refusals(told.decision(reason())) == (refusal("check_unknown", precondition="no_money_owed"),)


@pytest.mark.parametrize(
    ("code", "note", "expected"),
    [
        ("no_such_reason", "", refusal("reason_unknown")),
        ("rather_not_say", "well", refusal("note_not_wanted")),
        ("other", "", refusal("note_required")),
        ("other", " \n ", refusal("note_required")),
        ("other", "x" * (LONGEST_NOTE + 1), refusal("note_too_long", longest=LONGEST_NOTE)),
        ("other", "a\x00b", refusal("note_invalid")),
        ("no_longer_needed", "e\u0301", refusal("note_invalid")),
    ],
)
def test_a_reason_is_one_of_the_terms_with_the_note_it_wants(code: str, note: str, expected: object) -> None:
    """Texts are NFC, without control characters, and capped (L30)."""
    assert refusals(eligible().decision(reason(code, note))) == (expected,)


def test_a_note_goes_sealed_and_is_shared_only_when_the_person_says_so() -> None:
    """Free text leaves the machine as a confidential one (L22)."""
    assert eligible().events_of(reason("other", "Because I can.", share=True)) == (
        events.ReasonGiven(T0, "other", events.Clear("Because I can."), share_note=True),
    )
    assert eligible().events_of(reason("other", "Because I can.")) == (
        events.ReasonGiven(T0, "other", events.Clear("Because I can."), share_note=False),
    )


def test_without_a_note_there_is_nothing_to_share() -> None:
    """Whatever box was ticked."""
    assert eligible().events_of(reason("no_longer_needed", share=True)) == (
        events.ReasonGiven(T0, "no_longer_needed", None, share_note=False),
    )


def test_the_longest_note_is_allowed() -> None:
    """The cap is the last length that is taken (L30)."""
    assert isinstance(eligible().decision(reason("other", "x" * LONGEST_NOTE)), Accepted)


def test_the_same_reason_without_a_note_again_changes_nothing() -> None:
    """A double click is no event; a note, which the machine does not remember, is given anew."""
    assert reasoned().decision(reason()) == Accepted()
    noted = eligible().then(reason("other", "a"))
    assert len(noted.events_of(reason("other", "a"))) == 1


def test_another_reason_takes_the_place_of_the_first() -> None:
    """What the person says last is what they said."""
    assert reasoned().then(reason("privacy_concerns")).open.said.reason == "privacy_concerns"


# --- confirming ---------------------------------------------------------------------------------------------


def test_a_confirmation_keeps_what_was_shown() -> None:
    """Enough to give the same answer again for ever (L11, L12)."""
    assert proved().events_of(CONFIRM) == (
        events.ClosureConfirmed(
            T0, "n" * 43, "1", "o" * 43, "en", "f" * 43, (("email", "e1"), ("sms", "s1")), "k1", T0
        ),
    )


def test_a_cooling_off_puts_the_work_off() -> None:
    """The account works until then, and the person can withdraw."""
    told = confirmed(attrs.evolve(TERMS, cooling_off=7 * DAY))
    assert told.closing.confirmed.due == T0 + 7 * DAY
    assert {one.due for one in told.closure.tasks} == {T0 + 7 * DAY}
    assert step_of(told.closure, (), told.now) == "cooling_off"


def test_a_confirmation_that_is_not_ready_is_refused_with_everything_at_once() -> None:
    """Conditions, statements, reason, factors, and the notice, all looked at now (L2)."""
    early = attrs.evolve(CONFIRM, findings=OWING, nonce="invalid", principal=principal(T0 - HOUR))
    assert refusals(opened().decision(early)) == (
        refusal("reauth_required"),
        refusal("blocked", precondition="no_money_owed", blocker="unpaid", ground="contract 4.2", remedy="/bills"),
        refusal("statement_unanswered", statement="data_backed_up"),
        refusal("statement_unanswered", statement="contacts_told"),
        refusal("reason_missing"),
        refusal("factor_unproved", factor="captcha"),
        refusal("factor_unproved", factor="sms_code"),
        refusal("factor_unproved", factor="email_code"),
        refusal("nonce_invalid"),
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"findings": OWING}, "blocked"),
        ({"findings": (CLEAN[0], ("no_money_owed", Unknown()))}, "check_unknown"),
        ({"findings": CLEAN[:1]}, "check_unknown"),
        ({"principal": principal(T0 - TERMS.login_valid_for)}, "reauth_required"),
        ({"terms_digest": "e" * 43}, "terms_changed"),
        ({"terms_digest": "e" * 43, "nonce": "invalid"}, "terms_changed"),
        ({"nonce": "expired"}, "nonce_expired"),
        ({"nonce": "invalid"}, "nonce_invalid"),
        ({"account": standing("suspended")}, "account_suspended"),
        ({"account": FROZEN}, "account_frozen"),
    ],
)
def test_each_thing_that_does_not_hold_refuses_the_confirmation(change: dict[str, object], code: str) -> None:
    """One by one, each is enough (L2)."""
    assert codes(proved().decision(changed(CONFIRM, change))) == (code,)


def test_what_is_advisory_is_not_in_the_way_of_the_confirmation() -> None:
    """It is shown; with something else beside it, that alone is named."""
    hint = Blocker(code="points_left", ground="contract", remedy="/points", advisory=True)
    unpaid = Blocker(code="unpaid", parameters={"blocker": "Li Wei"}, ground="contract", remedy="/bills")
    alone = attrs.evolve(CONFIRM, findings=(CLEAN[0], ("no_money_owed", Blocked((hint,)))))
    both = attrs.evolve(CONFIRM, findings=(CLEAN[0], ("no_money_owed", Blocked((hint, unpaid)))))
    assert isinstance(proved().decision(alone), Accepted)
    assert [one.parameters["blocker"] for one in refusals(proved().decision(both))] == ["unpaid"]


def test_a_clean_check_of_the_dialogue_is_not_enough_and_not_needed() -> None:
    """Confirm asks anew: what was found then says nothing now, either way (L2)."""
    stale = proved().later(TERMS.check_valid_for - MINUTE)
    blocked = proved().then(commands.RecordChecks(account=LI, findings=OWING))
    assert isinstance(blocked.decision(CONFIRM), Accepted)
    assert codes(stale.decision(attrs.evolve(CONFIRM, findings=OWING))) == ("blocked",)


def test_a_proof_counts_until_it_expires() -> None:
    """Half open: a microsecond before its end it counts, at its end it does not (L2, L6)."""
    terms = attrs.evolve(TERMS, login_valid_for=2 * HOUR)
    almost, over = (proved(terms).later(terms.codes.proof_valid_for - rest) for rest in (TICK, timedelta(0)))
    assert isinstance(almost.decision(CONFIRM), Accepted)
    assert codes(over.decision(CONFIRM)) == ("factor_unproved",) * 3


@pytest.mark.parametrize("version", ["s2", "e1", ""])
def test_a_proof_counts_for_its_contact_version_alone(version: str) -> None:
    """A number that changed is proved anew (L3)."""
    moved = attrs.evolve(LI, contacts=(attrs.evolve(LI.contacts[0], version=version or "s0"), LI.contacts[1]))
    assert codes(proved().decision(attrs.evolve(CONFIRM, account=moved))) == ("factor_unproved", "factor_unproved")


def test_a_contact_point_that_is_gone_takes_its_proof_along() -> None:
    """What cannot be reached is not controlled (L3)."""
    gone = attrs.evolve(LI, contacts=LI.contacts[1:])
    assert codes(proved().decision(attrs.evolve(CONFIRM, account=gone))) == ("factor_unproved", "factor_unproved")


def test_nothing_is_confirmed_while_the_closing_is_locked() -> None:
    """One lock holds for everything, also for proofs from before (L5)."""
    told = with_failures(with_proof(asked(), "captcha"), "sms_code", 5)
    assert codes(told.decision(CONFIRM))[0] == "locked"


def test_after_a_lock_a_fresh_log_in_is_asked_for_once() -> None:
    """The same reason is not said twice (L5)."""
    told = with_failures(asked(), "sms_code", 5).later(HOUR)
    assert codes(told.decision(CONFIRM)).count("reauth_required") == 1


def test_a_confirmation_without_a_round_is_refused() -> None:
    """There is nothing to confirm."""
    assert codes(History().decision(CONFIRM)) == ("no_round",)


@pytest.mark.parametrize("walk", [confirmed, erasing, closed])
def test_the_same_confirmation_again_is_accepted_and_changes_nothing(walk: Callable[[], History]) -> None:
    """A month later, too, and whatever became of account, log-in and findings (L12)."""
    again = attrs.evolve(CONFIRM, nonce="invalid", findings=(), account=standing("retired"), principal=principal(T0))
    assert walk().later(30 * DAY).decision(again) == Accepted()


@pytest.mark.parametrize("walk", [confirmed, erasing, closed])
def test_another_nonce_over_the_same_is_the_same_confirmation(walk: Callable[[], History]) -> None:
    """Two windows that show the same notice make one closing (L12)."""
    assert walk().decision(attrs.evolve(CONFIRM, nonce_digest="m" * 43)) == Accepted()


@pytest.mark.parametrize("nonce", ["invalid", "expired"])
def test_a_nonce_over_something_else_does_not_pass_for_the_confirmation(nonce: commands.NonceState) -> None:
    """It is confirmed already, and not with this (L11)."""
    other = attrs.evolve(CONFIRM, nonce=nonce, nonce_digest="m" * 43)
    assert codes(confirmed().decision(other)) == ("already_confirmed",)


# --- withdrawing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("walk", [opened, proved, given_back, confirmed, frozen])
def test_the_account_can_be_kept_until_the_erasure_begins(walk: Callable[[], History]) -> None:
    """From every step before the point of no return (L15)."""
    assert walk().events_of(WITHDRAW) == (events.RoundWithdrawn(T0),)


@pytest.mark.parametrize("walk", [erasing, closed])
def test_after_the_point_of_no_return_the_only_way_is_forward(walk: Callable[[], History]) -> None:
    """Nothing leads back (L15)."""
    assert codes(walk().decision(WITHDRAW)) == ("irreversible",)


def test_what_is_withdrawn_is_withdrawn() -> None:
    """Once more changes nothing."""
    assert withdrawn().decision(WITHDRAW) == Accepted()


@pytest.mark.parametrize("walk", [History, lapsed])
def test_without_a_round_there_is_nothing_to_withdraw(walk: Callable[[], History]) -> None:
    """Neither before the first nor after one that lapsed."""
    assert codes(walk().decision(WITHDRAW)) == ("no_round",)


# --- what a person sees -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        (History, "none"),
        (opened, "eligibility"),
        (eligible, "reason"),
        (reasoned, "verification"),
        (proved, "confirmation"),
        (lambda: proved().later(TERMS.check_valid_for), "eligibility"),
        (lambda: proved().later(TERMS.round_valid_for), "lapsed"),
        (confirmed, "closing"),
        (given_back, "eligibility"),
        (erasing, "closing"),
        (closed, "closed"),
        (withdrawn, "withdrawn"),
        (lapsed, "lapsed"),
    ],
)
def test_the_step_is_what_the_person_sees_now(walk: Callable[[], History], expected: str) -> None:
    """Computed from facts and time, since proofs and checks die by time (DESIGN 2)."""
    told = walk()
    assert step_of(told.closure, LI.contact_versions, told.now) == expected


def test_what_is_missing_before_the_confirmation_is_named_exactly() -> None:
    """The view says what confirm would say (DOM-03)."""
    missing = missing_for(eligible().open, "confirmation", LI.contact_versions, T0)
    assert missing == (
        refusal("reason_missing"),
        refusal("factor_unproved", factor="captcha"),
        refusal("factor_unproved", factor="sms_code"),
        refusal("factor_unproved", factor="email_code"),
    )


def test_what_is_missing_before_the_verification_is_the_reason() -> None:
    """Factors are what the verification is for."""
    assert missing_for(eligible().open, "verification", LI.contact_versions, T0) == (refusal("reason_missing"),)


def test_rounds_that_end_one_after_the_other_wait_for_their_keys() -> None:
    """Whoever opens and withdraws without end makes no stream that grows without end: the worker comes first (L23)."""
    told = History()
    for _ in range(MOST_ENDED_ROUNDS):
        told = told.then(open_round(TERMS), commands.WithdrawClosure())
    assert codes(told.decision(open_round(TERMS))) == ("too_many_changes",)
