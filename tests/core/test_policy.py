"""Terms and what they are made of are checked when they are built (L30), and a policy gives them (DESIGN 2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from hht_closure.errors import InvalidValueError
from hht_closure.policy import (
    AttemptLimit,
    Blocked,
    Blocker,
    CodeTimes,
    FixedPolicy,
    NoticeText,
    Portion,
    Reason,
    Retries,
    SendLimits,
    Statement,
    Terms,
)
from hht_closure.verification import AllOf, AnyOf, Factor, captcha, email_code, sms_code
from tests.core.build import LI, TERMS, changed

UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


def problem(**change: object) -> tuple[object, ...]:
    """What the terms are refused with after that change."""
    with pytest.raises(InvalidValueError) as error:
        changed(TERMS, change)
    return error.value.args


@pytest.mark.parametrize(
    "field",
    [
        "login_valid_for",
        "check_valid_for",
        "notice_valid_for",
        "round_valid_for",
        "recheck_for",
        "cooling_off",
        "tombstone_for",
        "farewell_for",
    ],
)
@pytest.mark.parametrize("duration", [timedelta(0), timedelta(seconds=-1), timedelta.max, True])
def test_no_duration_of_the_terms_is_zero_negative_endless_or_boolean(field: str, duration: object) -> None:
    """Each one is checked (L30)."""
    assert problem(**{field: duration})[0] == field


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (CodeTimes, "challenge_valid_for"),
        (CodeTimes, "resend_after"),
        (CodeTimes, "proof_valid_for"),
        (AttemptLimit, "within"),
        (AttemptLimit, "locked_for"),
        (Retries, "first"),
        (Retries, "longest"),
    ],
)
def test_no_duration_of_codes_attempts_and_retries_is_zero(kind: type, field: str) -> None:
    """Each one is checked (L30)."""
    with pytest.raises(InvalidValueError) as error:
        kind(**{field: timedelta(0)})
    assert error.value.args == (field, "duration_out_of_range")


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (AttemptLimit, "failures"),
        (SendLimits, "per_account"),
        (SendLimits, "per_destination"),
        (SendLimits, "overall"),
        (Retries, "tries"),
    ],
)
@pytest.mark.parametrize("number", [0, -1, True, 1.5])
def test_no_limit_is_zero_negative_boolean_or_a_fraction(kind: type, field: str, number: object) -> None:
    """Each one is checked (L30)."""
    with pytest.raises(InvalidValueError) as error:
        kind(**{field: number})
    assert error.value.args[0] == field


def test_a_lock_lasts_at_least_as_long_as_its_window() -> None:
    """So that the lock ends when its failures no longer count (L5)."""
    with pytest.raises(InvalidValueError) as error:
        AttemptLimit(within=timedelta(hours=1), locked_for=timedelta(minutes=59))
    assert error.value.args == ("locked_for", "shorter_than_window")
    assert AttemptLimit(within=timedelta(hours=1), locked_for=timedelta(hours=1)).failures == 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": ""}, ("version", "too_short")),
        ({"notice_version": "v" * 65}, ("notice_version", "too_long")),
        ({"requirement": None}, ("requirement", "not_a_requirement")),
        ({"requirement": captcha}, ("requirement", "proves_no_identity")),
        ({"requirement": captcha | sms_code}, ("requirement", "proves_no_identity")),
        ({"requirement": sms_code & Factor("sms_code", "possession")}, ("requirement", "factor_of_two_classes")),
        ({"preconditions": ("Orders",)}, ("preconditions", "not_a_name")),
        ({"preconditions": ("orders", "orders")}, ("preconditions", "named_twice")),
        ({"data_sets": ()}, ("data_sets", "empty")),
        ({"data_sets": ("a", "a")}, ("data_sets", "named_twice")),
        ({"notices": ()}, ("notices", "empty")),
        ({"notices": (NoticeText("en", "a"), NoticeText("en", "b"))}, ("notices", "named_twice")),
        ({"reasons": ()}, ("reasons", "empty")),
        ({"reasons": (Reason("a", "not_wanted"), Reason("a"))}, ("reasons", "named_twice")),
        ({"reasons": (Reason("a"), Reason("b", "required"))}, ("reasons", "no_way_not_to_say")),
        ({"statements": (Statement("a", "1"), Statement("a", "2"))}, ("statements", "named_twice")),
    ],
)
def test_terms_that_make_no_sense_cannot_be_built(change: dict[str, object], expected: tuple[str, str]) -> None:
    """Not at the first customer, but when the service is built (L30)."""
    assert problem(**change) == expected


@pytest.mark.parametrize(
    "requirement", [sms_code, captcha & sms_code, sms_code | email_code, AllOf((AnyOf((sms_code,)),))]
)
def test_terms_ask_for_whatever_proves_identity(requirement: Factor | AllOf | AnyOf) -> None:
    """One factor will do."""
    assert attrs.evolve(TERMS, requirement=requirement).requirement == requirement


def test_terms_may_ask_for_no_statement_and_no_precondition() -> None:
    """A portal without arrears has none to ask for."""
    assert attrs.evolve(TERMS, statements=(), preconditions=()).statements == ()


def test_terms_may_do_without_cooling_off_tombstone_and_farewell() -> None:
    """None says that there is none."""
    bare = attrs.evolve(TERMS, cooling_off=None, tombstone_for=None, farewell_for=None)
    assert (bare.cooling_off, bare.tombstone_for, bare.farewell_for) == (None, None, None)


def test_terms_are_asked_by_name() -> None:
    """What is not in them is None, and nothing is guessed."""
    assert TERMS.notice_text("en") == NoticeText("en", "Closing is final.")
    assert TERMS.reason("other") == Reason("other", "required")
    assert TERMS.statement("contacts_told") == Statement("contacts_told")
    assert TERMS.factor("sms_code") == sms_code
    found = (TERMS.notice_text("fr"), TERMS.reason("x"), TERMS.statement("x"), TERMS.factor("password"))
    assert found == (None, None, None, None)


def test_the_standard_reasons_let_one_not_say() -> None:
    """Nobody is made to give a reason (GB/T 35273 8.5)."""
    silent = [one.code for one in TERMS.reasons if one.note == "not_wanted"]
    assert silent == ["rather_not_say"]


def test_a_reason_wants_a_note_or_does_not() -> None:
    """One of three."""
    with pytest.raises(InvalidValueError) as error:
        Reason("a", "perhaps")  # type: ignore[arg-type]
    assert error.value.args == ("note", "unknown")


@pytest.mark.parametrize("kind", [Statement, Reason])
def test_statements_and_reasons_have_codes(kind: type) -> None:
    """A code is stored and translated; a sentence is not one."""
    with pytest.raises(InvalidValueError) as error:
        kind("I am leaving")
    assert error.value.args == ("code", "not_a_name")


def test_a_statement_says_which_wording_was_shown() -> None:
    """An empty version would say nothing."""
    with pytest.raises(InvalidValueError) as error:
        Statement("a", "")
    assert error.value.args == ("wording", "too_short")


@pytest.mark.parametrize(
    ("locale", "text", "expected"),
    [
        ("", "a", ("locale", "not_a_language_tag")),
        ("zh_CN.UTF-8", "a", ("locale", "not_a_language_tag")),
        ("en", "", ("notice", "too_short")),
    ],
)
def test_a_notice_has_a_language_and_a_text(locale: str, text: str, expected: tuple[str, str]) -> None:
    """An empty notice tells nobody what closing means."""
    with pytest.raises(InvalidValueError) as error:
        NoticeText(locale, text)
    assert error.value.args == expected


def test_a_blocked_finding_names_what_is_in_the_way() -> None:
    """At least one thing; otherwise it is clean."""
    with pytest.raises(InvalidValueError) as error:
        Blocked(())
    assert error.value.args == ("blockers", "empty")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"code": "Unpaid bill"}, ("code", "not_a_name")),
        ({"ground": ""}, ("ground", "too_short")),
        ({"remedy": ""}, ("remedy", "too_short")),
        ({"parameters": ["1,200"]}, ("parameters", "not_parameters")),
        ({"parameters": {"owed": 12.5}}, ("parameters", "not_parameters")),
    ],
)
def test_a_blocker_says_what_why_and_where(change: dict[str, object], expected: tuple[str, str]) -> None:
    """A condition without a ground is an unreasonable one (E-commerce Law Art. 24)."""
    with pytest.raises(InvalidValueError) as error:
        changed(Blocker(code="unpaid", ground="contract 4.2", remedy="/bills"), change)
    assert error.value.args == expected


@pytest.mark.parametrize("blockers", [(), ("unpaid",), ["unpaid"]])
def test_who_is_blocked_is_told_by_what(blockers: object) -> None:
    """A check that says "no" and not why holds nobody up for ever (L30)."""
    with pytest.raises(InvalidValueError):
        changed(Blocked((Blocker(code="unpaid", ground="contract 4.2", remedy="/bills"),)), {"blockers": blockers})


@pytest.mark.parametrize(
    ("portion", "expected"),
    [
        (("burnt", 1), ("disposition", "unknown")),
        (("erased", -1), ("count", "number_out_of_range")),
        (("erased", True), ("count", "not_a_number")),
        (("erased", 1, UNTIL), ("until", "only_for_restricted")),
        (("anonymised", 1, None, "law"), ("until", "only_for_restricted")),
        (("restricted", 1), ("until", "not_a_time")),
        (("restricted", 1, UNTIL), ("ground", "not_a_text")),
        (("restricted", 1, UNTIL.replace(tzinfo=None), "law"), ("until", "naive_time")),
        (("restricted", 1, UNTIL, ""), ("ground", "too_short")),
    ],
)
def test_what_is_kept_says_until_when_and_why_and_nothing_else_does(
    portion: tuple[object, ...], expected: tuple[str, str]
) -> None:
    """Exactly where the disposition is ``restricted`` (L20)."""
    with pytest.raises(InvalidValueError) as error:
        Portion(*portion)  # type: ignore[arg-type]
    assert error.value.args == expected


@pytest.mark.parametrize("count", [1.5, "1", None])
def test_a_portion_counts_whole_items(count: object) -> None:
    """What could not be stored is refused before anything is erased (L30)."""
    with pytest.raises(InvalidValueError):
        Portion("erased", count)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "portion", [Portion("erased", 0), Portion("anonymised", 3), Portion("restricted", 1, UNTIL, "law")]
)
def test_a_portion_is_erased_anonymised_or_restricted(portion: Portion) -> None:
    """Nothing else becomes of data (L20)."""
    assert portion.count >= 0


def test_a_fixed_policy_has_the_same_terms_for_everybody() -> None:
    """And these are all it may give."""
    policy = FixedPolicy(TERMS)
    assert (policy.terms_for(LI), tuple(policy.variants())) == (TERMS, (TERMS,))


def test_equal_terms_are_equal() -> None:
    """Terms are plain data: two that say the same are the same."""
    assert attrs.evolve(TERMS) == TERMS
    assert isinstance(TERMS, Terms)


@pytest.mark.parametrize("field", ["preconditions", "data_sets"])
def test_names_are_given_as_a_tuple(field: str) -> None:
    """A text in the place of a tuple of one is told so, and not taken letter by letter (L30)."""
    with pytest.raises(InvalidValueError) as error:
        attrs.evolve(TERMS, **{field: "posts"})
    assert error.value.args == (field, "not_a_tuple")
