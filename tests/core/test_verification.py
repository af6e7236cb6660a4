"""The algebra of requirements, against brute force over every subset of factors (L2, L8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import Final, assert_never, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hht_closure.errors import InvalidValueError
from hht_closure.verification import (
    ASSURANCES,
    AllOf,
    AnyOf,
    Attempt,
    Attempts,
    Factor,
    Requirement,
    can_do_without,
    captcha,
    email_code,
    factors_of,
    first_in_front,
    holds,
    is_reached,
    missing_factors,
    password,
    proves_identity,
    sms_code,
)

FACTORS: Final = (captcha, sms_code, email_code, password)
NAMES: Final = tuple(one.name for one in FACTORS)
SUBSETS: Final = tuple(
    frozenset(one) for one in chain.from_iterable(combinations(NAMES, size) for size in range(len(NAMES) + 1))
)
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)

REQUIREMENTS: Final[st.SearchStrategy[Requirement]] = st.recursive(
    cast("st.SearchStrategy[Requirement]", st.sampled_from(FACTORS)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=8,
)

seeded = settings(derandomize=True, deadline=None, max_examples=150)


def meets(requirement: Requirement) -> Iterator[frozenset[str]]:
    """Every way to choose a branch at each alternative: the sets of factors that are asked for then."""
    match requirement:
        case Factor():
            yield frozenset({requirement.name})
        case AllOf():
            ways: list[frozenset[str]] = [frozenset()]
            for part in requirement.parts:
                ways = [way | more for way in ways for more in meets(part)]
            yield from ways
        case AnyOf():
            for part in requirement.parts:
                yield from meets(part)
        case _:
            assert_never(requirement)


@seeded
@given(REQUIREMENTS)
def test_a_requirement_holds_exactly_where_one_way_to_meet_it_is_proved(requirement: Requirement) -> None:
    """Over every subset of factors (L2)."""
    ways = list(meets(requirement))
    assert [holds(requirement, proved) for proved in SUBSETS] == [
        any(way <= proved for way in ways) for proved in SUBSETS
    ]


@seeded
@given(REQUIREMENTS)
def test_identity_is_proved_exactly_where_every_way_has_more_than_a_human_check(requirement: Requirement) -> None:
    """A captcha shows that somebody is there, and not who (L2)."""
    assert proves_identity(requirement) == all(way - {"captcha"} for way in meets(requirement))


@seeded
@given(REQUIREMENTS)
def test_nothing_is_missing_exactly_where_the_requirement_holds(requirement: Requirement) -> None:
    """What the view shows as missing and what confirm asks for are the same question (L2)."""
    assert [missing_factors(requirement, proved) == () for proved in SUBSETS] == [
        holds(requirement, proved) for proved in SUBSETS
    ]


@seeded
@given(REQUIREMENTS)
def test_what_is_missing_is_unproved_and_completes_the_requirement(requirement: Requirement) -> None:
    """Nobody is asked for what is proved already, and who proves all that is named is through."""
    for proved in SUBSETS:
        missing = frozenset(missing_factors(requirement, proved))
        assert missing & proved == frozenset()
        assert holds(requirement, proved | missing)


@seeded
@given(REQUIREMENTS)
def test_a_dialogue_never_comes_to_a_standstill(requirement: Requirement) -> None:
    """As long as the requirement does not hold, one of the missing factors can be asked for now (L8)."""
    for proved in SUBSETS:
        reached = [is_reached(requirement, name, proved) for name in missing_factors(requirement, proved)]
        assert holds(requirement, proved) or any(reached)


def in_front(requirement: Requirement, factor: str) -> Iterator[tuple[Requirement, ...]]:
    """For each place where the factor is named: everything that stands left of it in some ``&``."""
    match requirement:
        case Factor():
            if requirement.name == factor:
                yield ()
        case AllOf():
            for number, part in enumerate(requirement.parts):
                for before in in_front(part, factor):
                    yield (*requirement.parts[:number], *before)
        case AnyOf():
            for part in requirement.parts:
                yield from in_front(part, factor)
        case _:
            assert_never(requirement)


@seeded
@given(REQUIREMENTS)
def test_a_factor_is_reached_exactly_where_all_that_stands_before_one_of_its_places_holds(
    requirement: Requirement,
) -> None:
    """Nothing is sent before the factors that the requirement puts in front of it (L8)."""
    for name in NAMES:
        places = list(in_front(requirement, name))
        assert [is_reached(requirement, name, proved) for proved in SUBSETS] == [
            any(all(holds(one, proved) for one in before) for before in places) for proved in SUBSETS
        ]


@seeded
@given(REQUIREMENTS)
def test_a_factor_that_is_not_named_is_never_reached(requirement: Requirement) -> None:
    """Nor is it missing (L8)."""
    assert [is_reached(requirement, "passkey", proved) for proved in SUBSETS] == [False] * len(SUBSETS)


@seeded
@given(REQUIREMENTS, REQUIREMENTS, REQUIREMENTS)
def test_and_and_or_can_be_put_in_brackets_at_will(one: Requirement, two: Requirement, three: Requirement) -> None:
    """``(a & b) & c`` is ``a & (b & c)``, one level deep; and so with ``|``."""
    assert (one & two) & three == one & (two & three)
    assert (one | two) | three == one | (two | three)


@seeded
@given(REQUIREMENTS, REQUIREMENTS)
def test_and_asks_for_both_and_or_for_one(one: Requirement, two: Requirement) -> None:
    """Over every subset of factors."""
    for proved in SUBSETS:
        assert holds(one & two, proved) == (holds(one, proved) and holds(two, proved))
        assert holds(one | two, proved) == (holds(one, proved) or holds(two, proved))


def test_a_requirement_reads_as_it_is_thought_of() -> None:
    """``&`` binds before ``|``, as everywhere in Python, and brackets are kept where they mean something."""
    assert captcha & (sms_code | email_code) == AllOf((captcha, AnyOf((sms_code, email_code))))
    assert captcha & sms_code & email_code == AllOf((captcha, sms_code, email_code))
    assert captcha & sms_code | email_code == AnyOf((AllOf((captcha, sms_code)), email_code))


def test_factors_are_named_from_left_to_right_as_often_as_they_stand_there() -> None:
    """The order is that of the requirement."""
    named = [one.name for one in factors_of((captcha & sms_code) | (captcha & email_code))]
    assert named == ["captcha", "sms_code", "captcha", "email_code"]


@pytest.mark.parametrize("combine", [AllOf, AnyOf])
def test_an_empty_combination_is_refused(combine: Callable[[tuple[Requirement, ...]], Requirement]) -> None:
    """It would hold by itself, and ask for nothing (L30)."""
    with pytest.raises(InvalidValueError) as error:
        combine(())
    assert error.value.args == ("requirement", "empty")


def test_a_factor_has_one_of_five_assurance_classes() -> None:
    """Those of NIST SP 800-63B that a closing knows."""
    assert [Factor("x", one).assurance for one in ASSURANCES] == list(ASSURANCES)
    with pytest.raises(InvalidValueError) as error:
        Factor("x", "faith")  # type: ignore[arg-type]
    assert error.value.args == ("assurance", "unknown")


def test_a_factor_has_a_name() -> None:
    """As codes are written."""
    with pytest.raises(InvalidValueError) as error:
        Factor("SMS", "possession")
    assert error.value.args == ("name", "not_a_name")


def test_failures_and_answers_in_flight_count_after_the_start_of_the_window() -> None:
    """Exactly at its start they no longer do: the window is half open (L5, L6)."""
    tick = timedelta(microseconds=1)
    attempts = Attempts(
        failures=(NOW, NOW + tick, NOW + 2 * tick), in_flight=(Attempt(1, NOW, "1"), Attempt(2, NOW + tick, "1"))
    )
    assert attempts.failed_since(NOW) == 2
    assert attempts.in_flight_since(NOW) == 1


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (sms_code, False),
        (captcha & sms_code & email_code, False),
        (sms_code | email_code, True),
        (captcha & (sms_code | password) & email_code, True),
        ((captcha & sms_code) | (password & sms_code), False),
    ],
    ids=repr,
)
def test_a_requirement_says_whether_there_is_a_way_without_a_restricted_factor(
    requirement: Requirement, expected: bool
) -> None:
    """A number may be gone: whoever asks for an SMS offers another way beside it (NIST SP 800-63B, 3.2.9)."""
    assert can_do_without(requirement, "restricted_possession") is expected


@pytest.mark.parametrize("requirement", [captcha, captcha & sms_code, captcha | sms_code], ids=repr)
def test_a_requirement_has_no_truth(requirement: Requirement) -> None:
    """``captcha and sms_code`` would be the SMS alone; it is an error where it is written (L30)."""
    with pytest.raises(TypeError, match="combine with & and"):
        bool(requirement)


@seeded
@given(REQUIREMENTS)
def test_what_is_in_front_is_not_proved_and_can_be_asked_for(requirement: Requirement) -> None:
    """Of a factor that is not reached: another one, unproved, that is; so nobody is sent round in a circle (L8)."""
    for proved in SUBSETS:
        for name in {one.name for one in factors_of(requirement)} - proved:
            if not is_reached(requirement, name, proved):
                first = first_in_front(requirement, name, proved)
                assert (first == name, first in proved, is_reached(requirement, first, proved)) == (False, False, True)


@pytest.mark.parametrize(
    ("requirement", "factor", "proved"),
    [
        (captcha & sms_code, "captcha", frozenset[str]()),
        (captcha & (sms_code | email_code), "email_code", frozenset({"captcha"})),
        (captcha & sms_code, "password", frozenset({"captcha", "sms_code"})),
        (captcha | sms_code, "password", frozenset[str]()),
    ],
)
def test_in_front_of_a_factor_that_waits_for_none_stands_itself(
    requirement: Requirement, factor: str, proved: frozenset[str]
) -> None:
    """Reached already, or named nowhere: there is nothing else to prove first (L8)."""
    assert first_in_front(requirement, factor, proved) == factor
