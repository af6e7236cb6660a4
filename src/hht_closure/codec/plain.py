"""Values as JSON, and back: from the types that the classes state, once for each type.

A class becomes an object of its fields, a tuple a list, an instant its RFC 3339 text, a duration its whole
seconds, bytes their base64url, and one of several classes an object that says in ``is`` which it is. Reading is
strict: a field too many, one missing, or one of another type is an error.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal, Never, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
from typing_extensions import TypeIs

from hht_closure.canonical import (
    Json,
    b64,
    read_list,
    read_number,
    read_object,
    read_text,
    read_time,
    time_text,
    unb64,
)
from hht_closure.errors import InvalidValueError
from hht_closure.events import Confidential, Sealed

T = TypeVar("T")


@attrs.frozen
class _Form:
    """How one type is written and read."""

    write: Callable[[object], Json]
    read: Callable[[Json], object]


def to_plain(value: object, hint: object) -> Json:
    """The value as JSON, by the type ``hint``."""
    return _form(hint).write(value)


def read_plain(kind: type[T], value: Json) -> T:
    """The value of that class that the JSON stands for.

    Raises:
        InvalidValueError: it stands for none.
    """
    made = _form(kind).read(value)
    if not isinstance(made, kind):
        raise InvalidValueError(kind.__name__, "malformed")
    return made


def _form(hint: object) -> _Form:
    form = _FORMS.get(hint)
    if form is None:
        form = _FORMS[hint] = _new_form(hint)
    return form


def _new_form(hint: object) -> _Form:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _many(parts[0]) if parts[1:] == (Ellipsis,) else _row(parts)
    if origin is Literal:
        return _one_of(parts)
    if origin in {Union, types.UnionType}:
        return _union(parts)
    if isinstance(hint, type) and attrs.has(hint):
        return _class(hint)
    raise InvalidValueError("type", "cannot_be_stored")


def _write_text(value: object) -> Json:
    return read_text(value, "text") if isinstance(value, str) else _wrong("text")


def _read_text(value: Json) -> str:
    return read_text(value, "text")


def _write_flag(value: object) -> Json:
    return value if isinstance(value, bool) else _wrong("flag")


def _read_flag(value: Json) -> bool:
    return value if isinstance(value, bool) else _wrong("flag")


def _write_number(value: object) -> Json:
    return read_number(value, "number") if isinstance(value, int) else _wrong("number")


def _read_number(value: Json) -> int:
    return read_number(value, "number")


def _write_time(value: object) -> Json:
    return time_text(value) if isinstance(value, datetime) else _wrong("time")


def _read_time(value: Json) -> datetime:
    return read_time(value, "time")


def _write_seconds(value: object) -> Json:
    return value // timedelta(seconds=1) if isinstance(value, timedelta) else _wrong("duration")


def _read_seconds(value: Json) -> timedelta:
    try:
        return timedelta(seconds=read_number(value, "duration"))
    except OverflowError as error:
        raise InvalidValueError("duration", "malformed") from error


def _write_sealed(value: object) -> Json:
    """Sealed bytes; a text in clear has no form in which it could be written (L22)."""
    return b64(value.data) if isinstance(value, Sealed) else _wrong("sealed")


def _read_sealed(value: Json) -> Sealed:
    return Sealed(unb64(read_text(value, "sealed")))


def _wrong(field: str) -> Never:
    raise InvalidValueError(field, "malformed")


_FORMS: Final[dict[object, _Form]] = {
    str: _Form(_write_text, _read_text),
    bool: _Form(_write_flag, _read_flag),
    int: _Form(_write_number, _read_number),
    datetime: _Form(_write_time, _read_time),
    timedelta: _Form(_write_seconds, _read_seconds),
    Confidential: _Form(_write_sealed, _read_sealed),
}


def _items(value: object) -> tuple[object, ...]:
    return value if _is_tuple(value) else _wrong("tuple")


def _is_tuple(value: object) -> TypeIs[tuple[object, ...]]:
    return isinstance(value, tuple)


def _many(part: object) -> _Form:
    inner = _form(part)

    def write(value: object) -> Json:
        return [inner.write(one) for one in _items(value)]

    def read(value: Json) -> object:
        return tuple(inner.read(one) for one in read_list(value, "list"))

    return _Form(write, read)


def _row(parts: tuple[object, ...]) -> _Form:
    inner = tuple(_form(part) for part in parts)

    def write(value: object) -> Json:
        return [form.write(one) for form, one in zip(inner, _items(value), strict=True)]

    def read(value: Json) -> object:
        row = read_list(value, "row")
        if len(row) != len(inner):
            _wrong("row")
        return tuple(form.read(one) for form, one in zip(inner, row, strict=True))

    return _Form(write, read)


def _one_of(choices: tuple[str, ...]) -> _Form:
    def write(value: object) -> Json:
        return value if isinstance(value, str) and value in choices else _wrong("choice")

    def read(value: Json) -> object:
        return value if isinstance(value, str) and value in choices else _wrong("choice")

    return _Form(write, read)


def _union(parts: tuple[object, ...]) -> _Form:
    """Something or null, or one of several classes."""
    if type(None) in parts:
        return _optional(_form(Union[tuple(part for part in parts if part is not type(None))]))  # noqa: UP007
    classes = {part.__name__: part for part in parts if isinstance(part, type) and attrs.has(part)}
    if len(classes) != len(parts):
        raise InvalidValueError("type", "cannot_be_stored")

    def write(value: object) -> Json:
        name = type(value).__name__
        kind = classes.get(name)
        return {"is": name, "value": _form(kind).write(value)} if kind is not None else _wrong("choice")

    def read(value: Json) -> object:
        tagged = read_object(value, "choice", "is", "value")
        kind = classes.get(read_text(tagged["is"], "is"))
        return _form(kind).read(tagged["value"]) if kind is not None else _wrong("choice")

    return _Form(write, read)


def _optional(inner: _Form) -> _Form:
    def write(value: object) -> Json:
        return None if value is None else inner.write(value)

    def read(value: Json) -> object:
        return None if value is None else inner.read(value)

    return _Form(write, read)


def _class(kind: type[attrs.AttrsInstance]) -> _Form:
    """An object of the class's fields; the fields' forms are looked up at first use, since classes can nest."""
    hints = get_type_hints(kind)
    names = tuple(one.name for one in attrs.fields(kind))

    def write(value: object) -> Json:
        if not isinstance(value, kind):
            _wrong(kind.__name__)
        return {name: _form(hints[name]).write(getattr(value, name)) for name in names}

    def read(value: Json) -> object:
        plain = read_object(value, kind.__name__, *names)
        return kind(**{name: _form(hints[name]).read(plain[name]) for name in names})

    return _Form(write, read)
