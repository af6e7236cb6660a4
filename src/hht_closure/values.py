"""The checks that every value shares: durations, instants, names, texts, and secrets (L30, L7).

A value that exists is valid, so nothing above this module asks again.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Final, Generic, Never, SupportsIndex, TypeVar

import attrs
from typing_extensions import TypeIs

from hht_closure.errors import InvalidValueError

LONGEST: Final = timedelta(days=36_525)
"""The longest duration anything may have: a hundred years. Nothing is endless."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")

T = TypeVar("T")


def instant(value: object, field: str = "time") -> datetime:
    """The aware time in UTC; naive times are refused, since nobody can know what they mean.

    Raises:
        InvalidValueError: not a datetime, or one without a time zone.
    """
    if not isinstance(value, datetime):
        raise InvalidValueError(field, "not_a_time")
    if value.utcoffset() is None:
        raise InvalidValueError(field, "naive_time")
    if value.tzinfo is UTC:
        return value
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidValueError(field, "time_out_of_range") from error


def is_duration(_: object, attribute: attrs.Attribute[T], value: T) -> None:
    """Validator: a whole number of seconds, at least one, at most a hundred years (L30)."""
    if not isinstance(value, timedelta):
        raise InvalidValueError(attribute.name, "not_a_duration")
    if value < timedelta(seconds=1) or value > LONGEST:
        raise InvalidValueError(attribute.name, "duration_out_of_range")
    if value.microseconds:
        raise InvalidValueError(attribute.name, "duration_not_in_seconds")


def is_optional_duration(instance: object, attribute: attrs.Attribute[T], value: T) -> None:
    """Validator: None, or what :func:`is_duration` asks for."""
    if value is not None:
        is_duration(instance, attribute, value)


def checked_count(value: object, field: str) -> int:
    """The whole number from 1 to a million; a boolean is not a number (L30).

    Raises:
        InvalidValueError: with the problem's code.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(field, "not_a_number")
    if not 1 <= value <= 1_000_000:
        raise InvalidValueError(field, "number_out_of_range")
    return value


def is_count(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    """Validator: what :func:`checked_count` asks for."""
    checked_count(value, attribute.name)


def are_all(row: object, kind: type | UnionType) -> bool:
    """Whether it is a tuple of values of that kind and of nothing else."""
    return _is_tuple(row) and all(isinstance(one, kind) for one in row)


def _is_tuple(value: object) -> TypeIs[tuple[object, ...]]:
    return isinstance(value, tuple)


def checked_amount(value: object, field: str) -> int:
    """The whole number from 0 to 2^53 - 1, which JSON carries exactly; a boolean is not a number (L30).

    Raises:
        InvalidValueError: with the problem's code.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(field, "not_a_number")
    if not 0 <= value < 2**53:
        raise InvalidValueError(field, "number_out_of_range")
    return value


def is_amount(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    """Validator: what :func:`checked_amount` asks for."""
    checked_amount(value, attribute.name)


def is_code(text: object) -> bool:
    """Whether a text is a name as we write codes: ``[a-z][a-z0-9_]*``, at most 64 characters."""
    return isinstance(text, str) and _NAME.match(text) is not None


def is_name(_: object, attribute: attrs.Attribute[str], value: object) -> None:
    """Validator: a code as we write them, ``[a-z][a-z0-9_]*``, at most 64 characters."""
    if not isinstance(value, str) or not _NAME.match(value):
        raise InvalidValueError(attribute.name, "not_a_name")


def are_names(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[object, ...]) -> None:
    """Validator: names, none of them twice."""
    if not isinstance(value, tuple):
        raise InvalidValueError(attribute.name, "not_a_tuple")
    if not all(isinstance(one, str) and _NAME.match(one) for one in value):
        raise InvalidValueError(attribute.name, "not_a_name")
    if len(set(value)) != len(value):
        raise InvalidValueError(attribute.name, "named_twice")


def text_problem(value: object, *, longest: int) -> str | None:
    """What is wrong with a text: None, ``not_a_text``, ``too_long``, ``not_nfc`` or ``control_character``.

    Args:
        value: anything.
        longest: the cap in code points; in UTF-8 bytes the cap is four times that.
    """
    if not isinstance(value, str):
        return "not_a_text"
    if len(value) > longest:
        return "too_long"
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c != "\n" for c in value):
        return "control_character"
    if not unicodedata.is_normalized("NFC", value):
        return "not_nfc"
    return None


def checked_text(value: object, field: str, *, longest: int, shortest: int = 1) -> str:
    """The text, when it is one: NFC, no control characters but newline, not too long (L30).

    Raises:
        InvalidValueError: with the problem's code.
    """
    problem = text_problem(value, longest=longest)
    if problem is not None or not isinstance(value, str):
        raise InvalidValueError(field, problem or "not_a_text")
    if len(value) < shortest:
        raise InvalidValueError(field, "too_short")
    return value


class Secret(Generic[T]):
    """A value that does not show itself: not in ``repr``, logs, formats, pickles or copies (L7, L22)."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """The value itself; every call of this is a place to look at in a review."""
        return self._value

    def matches(self, other: str | bytes) -> bool:
        """Equality in constant time, for secrets that are texts or bytes."""
        mine = self._value
        left = mine.encode() if isinstance(mine, str) else mine
        right = other.encode("utf-8", "surrogatepass") if isinstance(other, str) else other
        return isinstance(left, bytes) and hmac.compare_digest(left, right)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> Never:
        raise TypeError("a secret is not pickled")
