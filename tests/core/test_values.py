"""The checks that every value shares (L30), and secrets that do not show themselves (L7, L22)."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest

from hht_closure.errors import InvalidValueError
from hht_closure.values import (
    LONGEST,
    Secret,
    are_names,
    checked_text,
    instant,
    is_amount,
    is_code,
    is_count,
    is_duration,
    is_name,
    is_optional_duration,
    text_problem,
)


@attrs.frozen(kw_only=True)
class Checked:
    """One field for each check."""

    duration: timedelta = attrs.field(default=timedelta(seconds=1), validator=is_duration)
    perhaps: timedelta | None = attrs.field(default=None, validator=is_optional_duration)
    count: int = attrs.field(default=1, validator=is_count)
    amount: int = attrs.field(default=0, validator=is_amount)
    name: str = attrs.field(default="a", validator=is_name)
    names: tuple[str, ...] = attrs.field(default=(), validator=are_names)


def problem(**given: object) -> tuple[object, ...]:
    """The field and the problem that a value is refused with."""
    with pytest.raises(InvalidValueError) as error:
        Checked(**given)  # type: ignore[arg-type]
    return error.value.args


def test_a_time_is_brought_to_utc() -> None:
    """The same instant, said in UTC."""
    east = datetime(2026, 3, 1, 16, tzinfo=timezone(timedelta(hours=8)))
    assert instant(east) == east
    assert instant(east).tzinfo is UTC


def test_a_time_in_utc_stays_what_it_is() -> None:
    """Nothing is made anew where nothing changes."""
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert instant(at) is at


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody can know what a naive time means."""
    with pytest.raises(InvalidValueError) as error:
        instant(datetime(2026, 3, 1, 8), "expires")  # noqa: DTZ001 - that is the point
    assert error.value.args == ("expires", "naive_time")


def test_what_is_no_time_is_refused() -> None:
    """A text of a time is not a time."""
    with pytest.raises(InvalidValueError) as error:
        instant("2026-03-01T08:00:00Z", "expires")
    assert error.value.args == ("expires", "not_a_time")


def test_a_time_that_utc_cannot_say_is_refused() -> None:
    """The last hour of the year 9999 west of Greenwich has no instant in UTC; it is an invalid value like others."""
    with pytest.raises(InvalidValueError):
        instant(datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))))


@pytest.mark.parametrize("duration", [timedelta(seconds=1), timedelta(days=90), LONGEST])
def test_a_duration_of_a_second_to_a_hundred_years_is_one(duration: timedelta) -> None:
    """Both ends are allowed (L30)."""
    assert Checked(duration=duration, perhaps=duration).duration == duration


@pytest.mark.parametrize(
    ("duration", "code"),
    [
        (timedelta(0), "duration_out_of_range"),
        (timedelta(seconds=-1), "duration_out_of_range"),
        (timedelta(microseconds=999_999), "duration_out_of_range"),
        (LONGEST + timedelta(seconds=1), "duration_out_of_range"),
        (timedelta.max, "duration_out_of_range"),
        (timedelta(seconds=1, microseconds=1), "duration_not_in_seconds"),
        (60, "not_a_duration"),
        (True, "not_a_duration"),
    ],
)
def test_no_duration_is_zero_negative_endless_or_a_number(duration: object, code: str) -> None:
    """Durations are checked when they are constructed (L30)."""
    assert problem(duration=duration) == ("duration", code)
    assert problem(perhaps=duration) == ("perhaps", code)


def test_an_optional_duration_may_be_left_out() -> None:
    """None says that there is none."""
    assert Checked(perhaps=None).perhaps is None


def test_a_duration_that_is_asked_for_cannot_be_left_out() -> None:
    """None is not a duration (L30)."""
    assert problem(duration=None) == ("duration", "not_a_duration")


@pytest.mark.parametrize("number", [1, 1_000_000])
def test_a_count_is_one_to_a_million(number: int) -> None:
    """Both ends are allowed (L30)."""
    assert Checked(count=number).count == number


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (0, "number_out_of_range"),
        (-1, "number_out_of_range"),
        (1_000_001, "number_out_of_range"),
        (True, "not_a_number"),
        (1.0, "not_a_number"),
        ("1", "not_a_number"),
    ],
)
def test_no_count_is_zero_negative_boolean_or_a_fraction(number: object, code: str) -> None:
    """Limits are checked when they are constructed (L30)."""
    assert problem(count=number) == ("count", code)


@pytest.mark.parametrize("number", [0, 1, 2**53 - 1])
def test_an_amount_may_be_nothing_and_all_that_json_carries(number: int) -> None:
    """Both ends are allowed (L30)."""
    assert Checked(amount=number).amount == number


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (-1, "number_out_of_range"),
        (2**53, "number_out_of_range"),
        (True, "not_a_number"),
        (1.0, "not_a_number"),
        ("1", "not_a_number"),
    ],
)
def test_no_amount_is_negative_boolean_or_a_fraction(number: object, code: str) -> None:
    """What could not be stored exactly is refused when it is constructed (L30)."""
    assert problem(amount=number) == ("amount", code)


@pytest.mark.parametrize(("text", "expected"), [("too_late", True), ("Too late", False), ("", False), (None, False)])
def test_a_code_can_be_told_from_a_text(text: object, *, expected: bool) -> None:
    """Where another's text may not go further, and refusing it would be too late (L22)."""
    assert is_code(text) is expected


@pytest.mark.parametrize("name", ["a", "sms_code", "a1_", "a" * 64])
def test_a_name_is_lower_case_letters_digits_and_underscores(name: str) -> None:
    """As codes are written."""
    assert Checked(name=name, names=(name,)).name == name


@pytest.mark.parametrize("name", ["", "A", "1a", "_a", "a b", "a-b", "a\n", "é", "a" * 65, None, 7])
def test_whatever_else_is_no_name(name: object) -> None:
    """Not even with a newline at its end."""
    assert problem(name=name) == ("name", "not_a_name")
    assert problem(names=("a", name)) == ("names", "not_a_name")


def test_names_are_named_once() -> None:
    """A name twice is a mistake that would be found too late."""
    assert problem(names=("a", "b", "a")) == ("names", "named_twice")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("12345", None),
        ("123456", "too_long"),
        ("注销账户吧", None),
        ("a\nb", None),
        ("a\tb", "control_character"),
        ("a\x00b", "control_character"),
        ("a\x7fb", "control_character"),
        ("a\x85b", "control_character"),
        ("a\ud800b", "control_character"),
        ("e\u0301", "not_nfc"),
        (b"bytes", "not_a_text"),
        (None, "not_a_text"),
    ],
)
def test_a_text_is_nfc_without_control_characters_and_capped(text: object, expected: str | None) -> None:
    """The cap counts code points; newline is the one control character (L30)."""
    assert text_problem(text, longest=5) == expected


def test_a_text_that_is_one_is_given_back() -> None:
    """The check changes nothing."""
    assert checked_text("closing", "note", longest=7) == "closing"


@pytest.mark.parametrize(
    ("text", "code"), [("", "too_short"), ("closing!", "too_long"), (None, "not_a_text"), ("a\r", "control_character")]
)
def test_a_text_that_is_none_is_refused_by_its_field(text: object, code: str) -> None:
    """The error names the field and the problem, and shows nothing of the text (L22)."""
    with pytest.raises(InvalidValueError) as error:
        checked_text(text, "note", longest=7)
    assert error.value.args == ("note", code)


def test_an_empty_text_is_allowed_where_that_is_said() -> None:
    """The shortest length is the caller's."""
    assert checked_text("", "note", longest=7, shortest=0) == ""


def test_a_secret_is_revealed_only_on_request() -> None:
    """The value is there, and every place that looks at it says so."""
    assert Secret("123456").reveal() == "123456"


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r:>20}".format, lambda one: f"{[one]}"])
def test_a_secret_does_not_show_itself(shown: object) -> None:
    """Not in ``repr``, not in a format, not inside something else (L7)."""
    assert callable(shown)
    assert "123456" not in shown(Secret("123456"))


@pytest.mark.parametrize("taken", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_taken_elsewhere(taken: object) -> None:
    """Neither pickled nor copied: both would write it somewhere (L7)."""
    assert callable(taken)
    with pytest.raises(TypeError, match="not pickled"):
        taken(Secret("123456"))


@pytest.mark.parametrize(
    ("secret", "given", "expected"),
    [
        ("123456", "123456", True),
        ("123456", b"123456", True),
        (b"123456", "123456", True),
        ("123456", "123457", False),
        ("123456", "12345", False),
        ("123456", "", False),
        ("123456", "\ud800", False),
        ("123456", "１２３４５６", False),
    ],
)
def test_a_secret_matches_the_same_text_or_bytes_and_no_other(
    secret: str | bytes, given: str | bytes, expected: object
) -> None:
    """Compared in constant time, and never with an exception, whatever was given (L7)."""
    assert Secret(secret).matches(given) is expected


def test_a_secret_that_is_neither_text_nor_bytes_matches_nothing() -> None:
    """There is nothing to compare in constant time."""
    assert Secret(123456).matches("123456") is False
