"""The catalogues: from a code to the text in a language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Final

from hht_closure.errors import InvalidValueError, Parameter
from hht_closure.texts.figures import deadline, moment
from hht_closure.texts.locales import nearest_locale

DOMAIN: Final = "hht_closure"
"""The catalogues' name: ``locale/<language>/LC_MESSAGES/hht_closure.mo``."""

_PLACE: Final = re.compile(r"(?P<before>(?:(?<=\S) )?)\{(?P<name>[a-z][a-z0-9_]*)\}(?P<after>(?: (?=\S))?)")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_ENDS: Final = frozenset({"until"})
"""Parameters that say how long something lasts; every other time is one at which something happened."""

_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_REORDERING: Final = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def text(code: str, locale: str, /, **parameters: Parameter) -> str:
    """The text of that code, with its parameters filled in.

    A value is put in as it is: braces in it mean nothing, line breaks, control characters and lone surrogates
    become a space, and characters that turn the direction of writing are left out. Numbers are written with
    separators, ``until`` by :func:`~hht_closure.texts.deadline`, other times by :func:`~hht_closure.texts.moment`.
    ``count`` (or ``minutes``) decides between singular and plural. Parameters that the text does not name are
    ignored. A Chinese text sets Latin letters and digits off with a space; beside a Chinese character there is none.

    Args:
        code: ``refusal.locked``, say.
        locale: a language tag; one that we have no catalogue for gets English.
        **parameters: what the placeholders stand for.

    Raises:
        InvalidValueError: no text has that code, or a parameter is missing.
    """
    template = _template(code, locale, parameters)
    if template is None:
        raise InvalidValueError(code, "no_text")
    if not _named_in(template) <= parameters.keys():
        raise InvalidValueError(code, "parameter_missing")
    return _PLACE.sub(lambda place: _filled(place, parameters, locale), template)


def detailed_text(code: str, locale: str, /, **parameters: Parameter) -> str:
    """The text ``<code>.detailed`` where there is one and all its parameters are known, else the text of the code.

    Raises:
        InvalidValueError: no text has that code, or a parameter of the plain text is missing.
    """
    detailed = f"{code}.detailed"
    return text(detailed if _can_say(detailed, locale, parameters) else code, locale, **parameters)


def has_text(code: str, locale: str) -> bool:
    """Whether there is a text of that code; for hosts that bring names of their own."""
    return _template(code, locale, {"count": 1}) is not None


def _can_say(code: str, locale: str, parameters: Mapping[str, Parameter]) -> bool:
    """Whether there is a text of that code, and all its parameters are here."""
    template = _template(code, locale, parameters)
    return template is not None and _named_in(template) <= parameters.keys()


def _named_in(template: str) -> set[str]:
    return {place["name"] for place in _PLACE.finditer(template)}


def _template(code: str, locale: str, parameters: Mapping[str, Parameter]) -> str | None:
    number = parameters.get("count", parameters.get("minutes"))
    return _catalogue(nearest_locale(locale))(code, number if isinstance(number, int) else 1)


@cache
def _catalogue(locale: str) -> Callable[[str, int], str | None]:
    """The look-up in one catalogue; imported and read here, so that a portal that shows no text pays nothing."""
    from gettext import GNUTranslations  # noqa: PLC0415 - only where a text is wanted
    from importlib.resources import files  # noqa: PLC0415

    folder = files("hht_closure.texts") / "locale" / locale.replace("-", "_") / "LC_MESSAGES"
    with (folder / f"{DOMAIN}.mo").open("rb") as compiled:
        translations = GNUTranslations(compiled)

    def find(code: str, number: int) -> str | None:
        found = translations.ngettext(code, code, number)
        if found == code:
            found = translations.gettext(code)
        return None if found == code or not code else found

    return find


def _filled(place: re.Match[str], parameters: Mapping[str, Parameter], locale: str) -> str:
    """The value with the spaces around it, but for those that would part one Chinese character from another."""
    written = _written(place["name"], parameters[place["name"]], locale)
    chinese = nearest_locale(locale) == "zh-CN"
    before = "" if chinese and _HAN.match(written[:1]) else place["before"]
    after = "" if chinese and _HAN.match(written[-1:]) else place["after"]
    return f"{before}{written}{after}"


def _written(name: str, value: Parameter, locale: str) -> str:
    match value:
        case datetime():
            return deadline(value, locale) if name in _ENDS else moment(value, locale)
        case int():
            return f"{value:,}"
        case str():
            return _REORDERING.sub("", _NO_TEXT.sub(" ", value))
