"""Canonical JSON: one value, one text (L24, L25)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hht_closure.canonical import (
    DEEPEST,
    LARGEST_NUMBER,
    Json,
    b64,
    canonical,
    digest,
    parse,
    parse_any_form,
    read_list,
    read_number,
    read_object,
    read_text,
    read_time,
    time_text,
    unb64,
)
from hht_closure.errors import InvalidValueError

ASCII = st.text(st.characters(max_codepoint=127), max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST_NUMBER, LARGEST_NUMBER)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII, inner, max_size=4), max_leaves=12
)


def problem(error: pytest.ExceptionInfo[InvalidValueError]) -> str:
    """The code of what is wrong."""
    return str(error.value.args[1])


def nested(depth: int) -> Json:
    """A list in a list, so many times."""
    value: Json = []
    for _ in range(depth - 1):
        value = [value]
    return value


@settings(derandomize=True, deadline=None)
@given(VALUES)
def test_what_is_written_is_read_back(value: Json) -> None:
    """Reading a canonical text gives the value that was written."""
    assert parse(canonical(value)) == value


@settings(derandomize=True, deadline=None)
@given(st.dictionaries(ASCII, VALUES, min_size=1, max_size=4))
def test_the_same_value_with_spaces_is_refused(value: dict[str, Json]) -> None:
    """A formatter changes the bytes, and so the text is no longer the canonical one."""
    with pytest.raises(InvalidValueError, match="json: not_canonical"):
        parse(json.dumps(value, indent=1).encode())


def test_the_example_of_the_standard_comes_out_as_printed_there() -> None:
    """RFC 8785 section 3.2.2, without its floats."""
    sample = (
        b'{ "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",\n  "literals": [null, true, false]\n}'
    )
    expected = '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()
    assert canonical(parse_any_form(sample)) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.0, "not_json"),
        (float("nan"), "not_json"),
        (b"x", "not_json"),
        ((1, 2), "not_json"),
        ([{"a": 0.5}], "not_json"),
        (LARGEST_NUMBER + 1, "number_out_of_range"),
        (-LARGEST_NUMBER - 1, "number_out_of_range"),
        ({"é": 1}, "key_not_ascii"),
        ({1: 1}, "key_not_ascii"),
        ("\ud800", "lone_surrogate"),
        (["a\udfffb"], "lone_surrogate"),
        (nested(DEEPEST + 1), "too_deep"),
    ],
)
def test_what_has_no_one_text_is_refused(value: Json, code: str) -> None:
    """Floats, foreign types, large numbers, other keys and lone surrogates cannot be written."""
    with pytest.raises(InvalidValueError) as error:
        canonical(value)
    assert problem(error) == code


def test_the_outermost_values_are_written() -> None:
    """The limits themselves are within."""
    value: Json = [LARGEST_NUMBER, -LARGEST_NUMBER, nested(DEEPEST - 1)]
    assert parse(canonical(value)) == value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1,"a":1}', "key_named_twice"),
        (b'{"a": 1}', "not_canonical"),
        (b'{"b":1,"a":1}', "not_canonical"),
        (b'{"a":1}\n', "not_canonical"),
        (b'"\\u0041"', "not_canonical"),
        (b"-0", "not_canonical"),
        (b"01", "malformed"),
        (b"1.0", "not_json"),
        (b"1e2", "not_json"),
        (b"NaN", "not_json"),
        (b"Infinity", "not_json"),
        (b"9" * 5000, "number_out_of_range"),
        (b'"\\ud800"', "lone_surrogate"),
        (b'"\xff"', "malformed"),
        (b'\xef\xbb\xbf"a"', "malformed"),
        (b"", "malformed"),
        (b"[" * 70, "malformed"),
        (b"[" * 100_000, "malformed"),
        (b"[" * 70 + b"]" * 70, "too_deep"),
    ],
)
def test_a_text_that_is_not_canonical_is_refused(data: bytes, code: str) -> None:
    """Another spelling of the same value is not the same text."""
    with pytest.raises(InvalidValueError) as error:
        parse(data)
    assert problem(error) == code


def test_an_error_holds_nothing_of_the_text() -> None:
    """What could not be read may be personal, and is in no error nor in what the error came from (L22)."""
    with pytest.raises(InvalidValueError) as error:
        parse(b'{"name":"Canary Wang",}')
    assert (error.value.args, error.value.__cause__, error.value.__context__) == (("json", "malformed"), None, None)


def test_a_text_in_any_form_still_names_each_key_once() -> None:
    """Spaces and order are free for others' JSON; a key named twice is not."""
    assert parse_any_form(b' {"b": 1,\n "a": 2} ') == {"a": 2, "b": 1}
    with pytest.raises(InvalidValueError) as error:
        parse_any_form(b'{"a": 1, "a": 2}')
    assert problem(error) == "key_named_twice"


def test_the_digest_is_that_of_the_canonical_text() -> None:
    """SHA-256 over ``{"a":1}``, in base64url without padding."""
    assert digest({"a": 1}) == "AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX-GI"


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=40))
def test_bytes_survive_base64url(data: bytes) -> None:
    """Reading what was written gives the bytes back."""
    assert unb64(b64(data)) == data


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("YQ==", "not_base64url"),
        ("YQ=", "not_base64url"),
        ("YQ\n", "not_base64url"),
        (" YQ", "not_base64url"),
        ("Y Q", "not_base64url"),
        ("a+/b", "not_base64url"),
        ("YQé", "not_base64url"),
        ("A", "not_base64url"),
        ("YR", "not_canonical"),
        ("YWJ", "not_canonical"),
    ],
)
def test_only_one_text_stands_for_some_bytes(text: str, code: str) -> None:
    """Padding, spaces, another alphabet and set bits at the end are refused (RFC 4648 section 3.5)."""
    with pytest.raises(InvalidValueError) as error:
        unb64(text)
    assert problem(error) == code


def test_an_instant_is_written_in_utc_with_microseconds() -> None:
    """Wherever the clock stood, the text is the same."""
    there = timezone(timedelta(hours=8))
    assert time_text(datetime(2026, 11, 22, 22, 1, 35, 1, there)) == "2026-11-22T14:01:35.000001Z"


def test_an_instant_is_read_back() -> None:
    """Reading gives the instant in UTC."""
    assert read_time("2026-11-22T14:01:35.000001Z") == datetime(2026, 11, 22, 14, 1, 35, 1, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T14:01:35Z",
        "2026-11-22T14:01:35.000001+00:00",
        "2026-11-22 14:01:35.000001Z",
        "2026-11-22T14:01:35.000001z",
        "2026-11-22T14:01:35.000001Z\n",
        "2026-02-30T14:01:35.000001Z",
        "2026-11-22T24:01:35.000001Z",
        "٢٠٢٦-11-22T14:01:35.000001Z",
        7,
    ],
)
def test_an_instant_has_one_text(text: Json) -> None:
    """Every other form of RFC 3339 is refused."""
    with pytest.raises(InvalidValueError):
        read_time(text)


def test_a_naive_time_is_not_written() -> None:
    """Nobody knows what it means."""
    with pytest.raises(InvalidValueError):
        time_text(datetime(2026, 11, 22))  # noqa: DTZ001 - the point of the test


def test_readers_give_what_they_are_asked_for() -> None:
    """A text, a number, a list, an object of exactly these names."""
    assert (read_text("a", "f"), read_number(1, "f"), read_list([1], "f")) == ("a", 1, [1])
    assert read_object({"a": 1, "b": 2}, "f", "b", "a") == {"a": 1, "b": 2}


def test_readers_refuse_everything_else() -> None:
    """True is not a number, and an object with a name too many or too few is another object."""
    with pytest.raises(InvalidValueError, match="f: not_a_text"):
        read_text(1, "f")
    with pytest.raises(InvalidValueError, match="f: not_a_number"):
        read_number(True, "f")
    with pytest.raises(InvalidValueError, match="f: not_a_list"):
        read_list({}, "f")
    with pytest.raises(InvalidValueError, match="f: not_an_object"):
        read_object([], "f")
    with pytest.raises(InvalidValueError, match="f: other_names"):
        read_object({"a": 1}, "f", "a", "b")
    with pytest.raises(InvalidValueError, match="f: other_names"):
        read_object({"a": 1, "b": 2}, "f", "a")
