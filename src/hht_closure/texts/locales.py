"""Which of our languages a person gets."""

from __future__ import annotations

from typing import Final

LOCALES: Final = ("en", "zh-CN")
"""The languages that have a catalogue; the first one is taken where none fits."""

_BY_LANGUAGE: Final = {"en": "en", "zh": "zh-CN", "cmn": "zh-CN"}
_LONGEST: Final = 35


def match_locale(wanted: object) -> str | None:
    """The one of :data:`LOCALES` for a language tag (RFC 5646) or a POSIX locale name, or None where none fits.

    Only the language counts: ``zh-Hans-CN``, ``zh_SG`` and ``zh`` are ``zh-CN``, ``en_GB.UTF-8`` is ``en``.
    ``zh-TW`` and ``zh-Hant`` are ``zh-CN`` as well: it is the only Chinese there is, and nearer than English.

    Args:
        wanted: one tag, at most 35 characters; anything else fits nothing. A list such as ``Accept-Language`` is the
            web framework's to read.
    """
    if not isinstance(wanted, str):
        return None
    tag = wanted.split(".", 1)[0].split("@", 1)[0].replace("_", "-")
    if len(wanted) > _LONGEST or not all(part.isascii() and part.isalnum() for part in tag.split("-")):
        return None
    return _BY_LANGUAGE.get(tag.split("-", 1)[0].lower())


def nearest_locale(wanted: str) -> str:
    """The locale that fits, else English: a person always gets a sentence."""
    return match_locale(wanted) or LOCALES[0]
