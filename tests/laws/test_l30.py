"""L30: durations, limits and texts are checked when they are constructed; what is empty or unknown refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from hht_closure.account import Account, ContactPoint, Principal
from hht_closure.adapters.codes import sms_code_verifier
from hht_closure.adapters.memory import MemoryCodeSender
from hht_closure.errors import InvalidValueError, WiringError
from hht_closure.flows.wiring import Portal
from hht_closure.policy import (
    AttemptLimit,
    Blocked,
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
from hht_closure.service import ClosureService
from hht_closure.values import LONGEST, checked_text
from hht_closure.verification import AllOf, AnyOf, Factor, captcha, email_code, password, sms_code
from tests.stage import TERMS, MakeStage, Stage, refusal_codes

DURATIONS: list[Callable[[timedelta], object]] = [
    lambda one: CodeTimes(challenge_valid_for=one),
    lambda one: CodeTimes(resend_after=one),
    lambda one: CodeTimes(proof_valid_for=one),
    lambda one: AttemptLimit(within=one, locked_for=one),
    lambda one: Retries(first=one),
    lambda one: Retries(longest=one),
    lambda one: attrs.evolve(TERMS, login_valid_for=one),
    lambda one: attrs.evolve(TERMS, check_valid_for=one),
    lambda one: attrs.evolve(TERMS, notice_valid_for=one),
    lambda one: attrs.evolve(TERMS, round_valid_for=one),
    lambda one: attrs.evolve(TERMS, recheck_for=one),
    lambda one: attrs.evolve(TERMS, cooling_off=one),
    lambda one: attrs.evolve(TERMS, tombstone_for=one),
    lambda one: attrs.evolve(TERMS, farewell_for=one),
]
WRONG_DURATIONS = [
    timedelta(0),
    timedelta(seconds=-1),
    timedelta(microseconds=1),
    timedelta(seconds=1, microseconds=1),
    LONGEST + timedelta(seconds=1),
    timedelta.max,
]
LIMITS: list[Callable[[int], object]] = [
    lambda one: AttemptLimit(failures=one),
    lambda one: SendLimits(per_account=one),
    lambda one: SendLimits(per_destination=one),
    lambda one: SendLimits(overall=one),
    lambda one: Retries(tries=one),
]


@pytest.mark.parametrize("make", DURATIONS)
@pytest.mark.parametrize("wrong", WRONG_DURATIONS, ids=str)
def test_no_duration_is_zero_negative_endless_or_finer_than_a_second(
    make: Callable[[timedelta], object], wrong: timedelta
) -> None:
    """Every duration that terms have (L30)."""
    with pytest.raises(InvalidValueError):
        make(wrong)


@pytest.mark.parametrize("make", DURATIONS)
@pytest.mark.parametrize("wrong", [True, 60, 60.0, "60"], ids=repr)
def test_no_duration_is_a_boolean_or_a_number(make: Callable[[object], object], wrong: object) -> None:
    """``True`` is not a second (L30)."""
    with pytest.raises((InvalidValueError, TypeError)):
        make(wrong)


@pytest.mark.parametrize("make", DURATIONS)
@pytest.mark.parametrize("right", [timedelta(seconds=1), LONGEST], ids=str)
def test_a_duration_is_a_second_at_least_and_a_hundred_years_at_most(
    make: Callable[[timedelta], object], right: timedelta
) -> None:
    """The twin (L30)."""
    assert make(right) is not None


@pytest.mark.parametrize("make", LIMITS)
@pytest.mark.parametrize("wrong", [0, -1, 1_000_001, True, 5.0, "5", None], ids=repr)
def test_no_limit_is_zero_negative_endless_or_a_boolean(make: Callable[[object], object], wrong: object) -> None:
    """Every limit that terms have (L30)."""
    with pytest.raises(InvalidValueError):
        make(wrong)


@pytest.mark.parametrize("make", LIMITS)
def test_a_limit_is_one_at_least(make: Callable[[int], object]) -> None:
    """The twin (L30)."""
    assert make(1) is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a\x00b", "control_character", id="NUL"),
        pytest.param("a\rb", "control_character", id="carriage return"),
        pytest.param("a\tb", "control_character", id="tab"),
        pytest.param("a\x1b[31mb", "control_character", id="escape"),
        pytest.param("a\x85b", "control_character", id="C1"),
        pytest.param("a\ud800b", "control_character", id="lone surrogate"),
        pytest.param("e\u0301", "not_nfc", id="decomposed"),
        pytest.param("x" * 21, "too_long", id="too long"),
        pytest.param("", "too_short", id="empty"),
        pytest.param(5, "not_a_text", id="a number"),
        pytest.param(b"bytes", "not_a_text", id="bytes"),
        pytest.param(None, "not_a_text", id="nothing"),
    ],
)
def test_a_text_is_nfc_capped_and_without_control_characters(text: object, problem: str) -> None:
    """Each way in which it is not a text says which (L30)."""
    with pytest.raises(InvalidValueError, match=problem):
        checked_text(text, "field", longest=20)


@pytest.mark.parametrize("text", ["ä", "注销", "two\nlines", "👩‍👩‍👧", "x" * 20])
def test_what_people_write_is_a_text(text: str) -> None:
    """The twin: newlines, Chinese and emoji are welcome (L30)."""
    assert checked_text(text, "field", longest=20) == text


WRONG_TERMS: dict[str, Callable[[], Terms]] = {
    "a captcha alone proves nobody": lambda: attrs.evolve(TERMS, requirement=captcha),
    "a captcha as an alternative proves nobody": lambda: attrs.evolve(TERMS, requirement=captcha | sms_code),
    "a requirement of another kind": lambda: attrs.evolve(TERMS, requirement="sms_code"),  # type: ignore[arg-type]
    "no requirement": lambda: attrs.evolve(TERMS, requirement=None),  # type: ignore[arg-type]
    "no data sets": lambda: attrs.evolve(TERMS, data_sets=()),
    "a data set twice": lambda: attrs.evolve(TERMS, data_sets=("orders", "orders")),
    "a name that is none": lambda: attrs.evolve(TERMS, data_sets=("Chat Logs",)),
    "no notice": lambda: attrs.evolve(TERMS, notices=()),
    "a notice twice in one language": lambda: attrs.evolve(TERMS, notices=(TERMS.notices[0], TERMS.notices[0])),
    "no reasons": lambda: attrs.evolve(TERMS, reasons=()),
    "no way not to say why": lambda: attrs.evolve(TERMS, reasons=(Reason("other", note="required"),)),
    "a statement twice": lambda: attrs.evolve(TERMS, statements=(Statement("told"), Statement("told", wording="2"))),
    "no version": lambda: attrs.evolve(TERMS, version=""),
    "one factor of two classes": lambda: attrs.evolve(TERMS, requirement=sms_code & Factor("sms_code", "possession")),
    "a lock shorter than its window": lambda: attrs.evolve(
        TERMS, attempts=AttemptLimit(within=timedelta(hours=2), locked_for=timedelta(hours=1))
    ),
}


@pytest.mark.parametrize("make", WRONG_TERMS.values(), ids=WRONG_TERMS.keys())
def test_terms_that_nobody_can_be_held_to_cannot_be_made(make: Callable[[], Terms]) -> None:
    """What is empty, double, or proves nobody is refused when the terms are built (L30)."""
    with pytest.raises(InvalidValueError):
        make()


@pytest.mark.parametrize(
    "requirement",
    [sms_code, captcha & sms_code, captcha & (sms_code | email_code), password | email_code],
    ids=["one", "both", "either", "knowledge"],
)
def test_a_requirement_that_proves_who_it_is_makes_terms(requirement: Factor | AllOf | AnyOf) -> None:
    """The twin (L30)."""
    assert attrs.evolve(TERMS, requirement=requirement).requirement == requirement


@pytest.mark.parametrize("empty", [AllOf, AnyOf])
def test_an_empty_combination_refuses(empty: Callable[[tuple[Factor, ...]], object]) -> None:
    """Nothing to prove is not proved (L30)."""
    with pytest.raises(InvalidValueError, match="empty"):
        empty(())


VALUES: dict[str, Callable[[], object]] = {
    "a principal without an account": lambda: Principal(account="", session="s"),
    "a principal whose log-in has no time zone": lambda: Principal(
        account="li",
        session="s",
        logged_in_at=datetime(2026, 1, 1),  # noqa: DTZ001
    ),
    "an account with two numbers": lambda: Account(
        id="li",
        contacts=(
            ContactPoint(channel="sms", address="1", version="1"),
            ContactPoint(channel="sms", address="2", version="2"),
        ),
    ),
    "blocked by nothing": lambda: Blocked(()),
    "restricted without an end": lambda: Portion("restricted", 1, None, "law"),
    "restricted without a ground": lambda: Portion("restricted", 1, datetime(2026, 1, 1, tzinfo=UTC)),
    "erased until a time": lambda: Portion("erased", 1, datetime(2026, 1, 1, tzinfo=UTC), "law"),
    "a negative count": lambda: Portion("erased", -1),
    "a boolean count": lambda: Portion("erased", True),
    "a notice without a text": lambda: NoticeText("en", ""),
    "a reason with an unknown note": lambda: Reason("other", note="sometimes"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES.keys())
def test_a_value_that_exists_is_valid(make: Callable[[], object]) -> None:
    """Each of these cannot exist (L30)."""
    with pytest.raises(InvalidValueError):
        make()


@pytest.mark.parametrize(
    "terms",
    [
        attrs.evolve(TERMS, requirement=sms_code & Factor("retina", "possession")),
        attrs.evolve(TERMS, requirement=Factor("sms_code", "possession")),
        attrs.evolve(TERMS, preconditions=("no_lawsuit",)),
        attrs.evolve(TERMS, data_sets=("photos",)),
    ],
    ids=["a factor", "a factor of another class", "a precondition", "a data set"],
)
def test_what_the_terms_name_and_the_portal_has_not_is_found_when_the_service_is_built(
    make_stage: MakeStage, terms: Terms
) -> None:
    """Not at the first customer (L30)."""
    with pytest.raises(WiringError):
        make_stage(terms)


def test_a_policy_that_allows_nothing_is_no_policy(stage: Stage) -> None:
    """A service without verifiers cannot be held to terms that ask for them (L30)."""
    with pytest.raises(WiringError):
        ClosureService(
            portal=Portal(name="P", accounts=stage.accounts, data_sets=(stage.orders,), messages=stage.letters),
            store=stage.store,
            verifiers=(sms_code_verifier(MemoryCodeSender("sms")),),
            keyring=stage.keyring,
            policy=FixedPolicy(TERMS),
            clock=stage.clock,
        )


def test_an_unknown_reason_is_refused(stage: Stage) -> None:
    """Not one of the terms' reasons (L30, INP-02)."""
    stage.eligible()
    assert refusal_codes(stage.service.give_reason, stage.principal, "out_of_spite") == ("reason_unknown",)


@pytest.mark.parametrize(
    ("code", "note", "refusal"),
    [
        ("other", "", "note_required"),
        ("other", " \n ", "note_required"),
        ("rather_not_say", "but I do", "note_not_wanted"),
        ("other", "x" * 2001, "note_too_long"),
        ("other", "a\x00b", "note_invalid"),
    ],
)
def test_a_note_that_its_reason_does_not_take_is_refused(stage: Stage, code: str, note: str, refusal: str) -> None:
    """Missing, unwanted, too long, or not a text (L30, INP-02)."""
    stage.eligible()
    assert refusal_codes(stage.service.give_reason, stage.principal, code, note=note) == (refusal,)


@pytest.mark.parametrize(("code", "note"), [("rather_not_say", ""), ("other", "x" * 2000), ("dissatisfied", "e\u0301")])
def test_a_note_that_its_reason_takes_is_kept(stage: Stage, code: str, note: str) -> None:
    """The twin: none, the longest, and one that is brought to NFC for the person (L30)."""
    stage.eligible()
    assert stage.service.give_reason(stage.principal, code, note=note).step == "verification"


@pytest.mark.parametrize("field", ["codes", "attempts", "sends", "retries", "notices", "statements", "reasons"])
def test_a_part_of_the_terms_that_is_another_thing_does_not_exist(field: str) -> None:
    """It is found when the terms are built, and not when the first person opens a round (L30)."""
    with pytest.raises(InvalidValueError):
        attrs.evolve(TERMS, **{field: None})


def test_a_requirement_over_anything_but_factors_does_not_exist() -> None:
    """A name is no factor (L30)."""
    with pytest.raises(InvalidValueError):
        AnyOf((sms_code, "captcha"))  # type: ignore[arg-type]


def test_no_terms_bear_more_than_a_hundred_wrong_answers() -> None:
    """More is no limit (NIST SP 800-63B, 3.2.2), and more are not remembered (L5, L30)."""
    assert AttemptLimit(failures=100).failures == 100
    with pytest.raises(InvalidValueError):
        AttemptLimit(failures=101)
