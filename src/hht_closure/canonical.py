"""Canonical JSON: one value, one text, so that what is hashed or signed can be compared byte for byte (L24, L25).

The form is the subset of RFC 8785 in which the standard library already writes it: texts, whole numbers within
plus or minus 2^53, true, false, null, lists, and objects with ASCII keys. Everything else is refused when it is
written, and whatever is not exactly what this module writes is refused when it is read. Bytes and instants
have one form each, too: base64url without padding (RFC 4648 section 5) and RFC 3339 in UTC with microseconds.

No error here holds any part of what was read or written (L22).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Never

from typing_extensions import TypeAliasType

from hht_closure.errors import InvalidValueError
from hht_closure.values import instant

Json = TypeAliasType("Json", "str | int | bool | list[Json] | dict[str, Json] | None")
"""A value that has a canonical form."""

LARGEST_NUMBER: Final = 2**53
"""The largest whole number that every JSON reader keeps exact (RFC 8785 appendix D); its negative is the smallest."""

DEEPEST: Final = 64
"""How deep lists and objects may be nested."""

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*\Z")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z", re.ASCII)


def canonical(value: Json) -> bytes:
    """The one text of the value, in UTF-8.

    Raises:
        InvalidValueError: it has none: ``not_json`` (a float, bytes, a tuple), ``number_out_of_range``,
            ``key_not_ascii``, ``lone_surrogate``, ``too_deep``.
    """
    _check(value, 0)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if _SURROGATE.search(text):
        raise InvalidValueError("json", "lone_surrogate")
    return text.encode()


def parse(data: bytes) -> Json:
    """The value of a canonical text, and of nothing else: writing it again gives the same bytes.

    Raises:
        InvalidValueError: ``malformed``, ``key_named_twice``, ``not_json`` (a float, NaN), ``not_canonical``, or
            what :func:`canonical` refuses.
    """
    value = parse_any_form(data)
    if canonical(value) != data:
        raise InvalidValueError("json", "not_canonical")
    return value


def parse_any_form(data: bytes) -> Json:
    """The value of a JSON text in UTF-8 with any spacing and order, but of the same subset; no key twice.

    For what others write, such as a JWKS that went through somebody's formatter.

    Raises:
        InvalidValueError: as :func:`parse`, but for ``not_canonical``.
    """
    try:
        value: Json = json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_float=_no_number,
            parse_int=_number,
            parse_constant=_no_number,
        )
        _check(value, 0)
    except InvalidValueError as error:
        problem = str(error.args[1])
    except (ValueError, RecursionError):
        problem = "malformed"
    else:
        return value
    # Raised out here so that the decoder's own error, which holds the text, is not its context (L22).
    raise InvalidValueError("json", problem)


def digest(value: Json) -> str:
    """SHA-256 over the canonical text, as 43 characters of base64url."""
    return b64(hashlib.sha256(canonical(value)).digest())


def b64(data: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5, RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of a text that :func:`b64` wrote.

    Raises:
        InvalidValueError: ``not_base64url`` (padding, spaces, another alphabet, an impossible length), or
            ``not_canonical``: bits behind the last byte are set, so that two texts would mean the same
            (RFC 4648 section 3.5).
    """
    if not _BASE64URL.match(text) or len(text) % 4 == 1:
        raise InvalidValueError("base64url", "not_base64url")
    data = binascii.a2b_base64(text.translate({0x2D: "+", 0x5F: "/"}) + "=" * (-len(text) % 4))
    if b64(data) != text:
        raise InvalidValueError("base64url", "not_canonical")
    return data


def time_text(value: datetime) -> str:
    """The instant in UTC with microseconds, ``2026-11-22T14:01:35.000001Z`` (RFC 3339 section 5.6).

    Raises:
        InvalidValueError: it is naive.
    """
    return instant(value).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_time(value: Json, field: str = "time") -> datetime:
    """The instant of a text that :func:`time_text` wrote, in UTC.

    Raises:
        InvalidValueError: another form, or no such day or hour.
    """
    text = read_text(value, field)
    if not _TIME.match(text):
        raise InvalidValueError(field, "not_a_time")
    try:
        return instant(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidValueError(field, "not_a_time") from error


def read_text(value: Json, field: str) -> str:
    """The value, when it is a text.

    Raises:
        InvalidValueError: it is something else.
    """
    if not isinstance(value, str):
        raise InvalidValueError(field, "not_a_text")
    return value


def read_number(value: Json, field: str) -> int:
    """The value, when it is a whole number; true is none.

    Raises:
        InvalidValueError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(field, "not_a_number")
    return value


def read_list(value: Json, field: str) -> list[Json]:
    """The value, when it is a list.

    Raises:
        InvalidValueError: it is something else.
    """
    if not isinstance(value, list):
        raise InvalidValueError(field, "not_a_list")
    return value


def read_object(value: Json, field: str, *names: str) -> dict[str, Json]:
    """The value, when it is an object; where names are given, of exactly these.

    Raises:
        InvalidValueError: it is something else, a name is missing, or there is one too many.
    """
    if not isinstance(value, dict):
        raise InvalidValueError(field, "not_an_object")
    if names and value.keys() != set(names):
        raise InvalidValueError(field, "other_names")
    return value


def _check(value: Json, depth: int) -> None:
    """Refuse what has no canonical form; lone surrogates are found in the finished text."""
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            raise InvalidValueError("json", "number_out_of_range")
        return
    _check_inside(value, depth + 1)


def _check_inside(value: Json, depth: int) -> None:
    if depth > DEEPEST:
        raise InvalidValueError("json", "too_deep")
    match value:
        case dict():
            _check_names(value)
            for one in value.values():
                _check(one, depth)
        case list():
            for one in value:
                _check(one, depth)
        case _:
            raise InvalidValueError("json", "not_json")


def _check_names(names: Iterable[object]) -> None:
    """ASCII alone, since there the order of code points is that of UTF-16 units (RFC 8785 section 3.2.3)."""
    if not all(isinstance(name, str) and name.isascii() for name in names):
        raise InvalidValueError("json", "key_not_ascii")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidValueError("json", "key_named_twice")
    return value


def _number(digits: str) -> int:
    """A whole number; the length is looked at first, since reading a long one is slow."""
    if len(digits) > 17:
        raise InvalidValueError("json", "number_out_of_range")
    return int(digits)


def _no_number(_: str) -> Never:
    raise InvalidValueError("json", "not_json")
