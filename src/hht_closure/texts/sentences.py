"""Refusals and blockers as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hht_closure.errors import Parameter, Refusal
from hht_closure.policy.conditions import Blocker
from hht_closure.texts.catalogue import detailed_text, has_text, text
from hht_closure.texts.figures import is_currency, money

_CODES_OF: Final[Mapping[str, str]] = {
    "first": "factor",
    **{name: name for name in ("factor", "statement", "reason", "stage", "data_set", "task")},
}
"""Parameters whose value is itself a code with a text: ``factor="sms_code"`` is said as ``factor.sms_code``."""


def sentence(refusal: Refusal, locale: str) -> str:
    """The refusal as a person reads it: what is the matter, and what can be done next.

    Where the refusal brings all parameters of the detailed text, that one is taken ("locked until ..."), else the
    plain one ("locked for now"): a parameter that is missing costs no person a sentence. One that names a
    ``blocker`` is said with the blocker's own sentence.

    Args:
        refusal: as the core gives it.
        locale: a language tag; one that we have no catalogue for gets English.
    """
    parameters = _readable(refusal.parameters, locale)
    blocker = refusal.parameters.get("blocker")
    if isinstance(blocker, str):
        parameters["blocker"] = _in_the_way(blocker, parameters, locale)
    return detailed_text(f"refusal.{refusal.code}", locale, **parameters)


def blocker_sentence(blocker: Blocker, locale: str) -> str:
    """What is in the way, as a person reads it.

    A host's own code that the catalogue does not know is said in a general sentence with the code in it, so that
    support can be told.

    Args:
        blocker: as a precondition gives it; ``amount`` (in the smallest unit) and ``currency`` are said together.
        locale: a language tag; one that we have no catalogue for gets English.
    """
    return _in_the_way(blocker.code, _readable(blocker.parameters, locale), locale)


def _in_the_way(code: str, parameters: Mapping[str, Parameter], locale: str) -> str:
    known = f"blocker.{code}" if has_text(f"blocker.{code}", locale) else "blocker.unknown"
    return detailed_text(known, locale, **{**parameters, "code": code})


def _readable(parameters: Mapping[str, Parameter], locale: str) -> dict[str, Parameter]:
    """The parameters with codes said in words, and an amount with its currency; an amount of nothing is left out."""
    readable = {name: _in_words(name, value, locale) for name, value in parameters.items()}
    amount, currency = readable.pop("amount", None), parameters.get("currency")
    if isinstance(amount, int) and isinstance(currency, str) and is_currency(currency):
        readable["amount"] = money(amount, currency, locale)
    return readable


def _in_words(name: str, value: Parameter, locale: str) -> Parameter:
    code = f"{_CODES_OF.get(name)}.{value}"
    return text(code, locale) if has_text(code, locale) else value
