"""What may be in the way of a closing, and what a check answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs
from typing_extensions import TypeIs

from hht_closure.errors import InvalidValueError, Parameter
from hht_closure.values import checked_text, is_name


def _are_parameters(_: object, attribute: attrs.Attribute[Mapping[str, Parameter]], value: object) -> None:
    pairs = value.items() if _is_mapping(value) else ((None, None),)
    if not all(isinstance(name, str) and isinstance(one, str | int | datetime) for name, one in pairs):
        raise InvalidValueError(attribute.name, "not_parameters")


def _is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    return isinstance(value, Mapping)


@attrs.frozen(kw_only=True)
class Blocker:
    """One thing in the way: what, how much, on what ground, and where the person puts it right.

    ``ground`` names the law or the contract clause that allows the condition (E-commerce Law Art. 24 forbids
    unreasonable ones); ``remedy`` is a path or URL of the portal. An advisory blocker is shown and never in
    the way. Money in ``parameters`` stands in the currency's smallest unit.
    """

    code: str = attrs.field(validator=is_name)
    parameters: Mapping[str, Parameter] = attrs.field(
        factory=dict[str, Parameter], repr=False, validator=_are_parameters
    )
    ground: str
    remedy: str
    advisory: bool = False

    def __attrs_post_init__(self) -> None:
        checked_text(self.ground, "ground", longest=300)
        checked_text(self.remedy, "remedy", longest=500)


@attrs.frozen
class Clean:
    """Nothing is in the way."""


def _are_blockers(_: object, attribute: attrs.Attribute[tuple[Blocker, ...]], value: object) -> None:
    if not (_is_tuple(value) and all(isinstance(one, Blocker) for one in value)):
        raise InvalidValueError(attribute.name, "not_blockers")


def _is_tuple(value: object) -> TypeIs[tuple[object, ...]]:
    return isinstance(value, tuple)


@attrs.frozen
class Blocked:
    """These are in the way, all of them; where all are advisory, nothing is."""

    blockers: tuple[Blocker, ...] = attrs.field(validator=_are_blockers)

    def __attrs_post_init__(self) -> None:
        if not self.blockers:
            raise InvalidValueError("blockers", "empty")


@attrs.frozen
class Unknown:
    """The source could not be asked; unknown is not clean."""


Finding = Clean | Blocked | Unknown
"""What a precondition answers."""
