"""What may be in the way of a closing, and what a check answers."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from hht_closure.errors import InvalidValueError, Parameter
from hht_closure.values import checked_text, is_name


@attrs.frozen(kw_only=True)
class Blocker:
    """One thing in the way: what, how much, on what ground, and where the person puts it right.

    ``ground`` names the law or the contract clause that allows the condition (E-commerce Law Art. 24 forbids
    unreasonable ones); ``remedy`` is a path or URL of the portal. An advisory blocker is shown and never in
    the way. Money in ``parameters`` stands in the currency's smallest unit.
    """

    code: str = attrs.field(validator=is_name)
    parameters: Mapping[str, Parameter] = attrs.field(factory=dict[str, Parameter], repr=False)
    ground: str
    remedy: str
    advisory: bool = False

    def __attrs_post_init__(self) -> None:
        checked_text(self.ground, "ground", longest=300)
        checked_text(self.remedy, "remedy", longest=500)


@attrs.frozen
class Clean:
    """Nothing is in the way."""


@attrs.frozen
class Blocked:
    """These are in the way, all of them; where all are advisory, nothing is."""

    blockers: tuple[Blocker, ...]

    def __attrs_post_init__(self) -> None:
        if not self.blockers:
            raise InvalidValueError("blockers", "empty")


@attrs.frozen
class Unknown:
    """The source could not be asked; unknown is not clean."""


Finding = Clean | Blocked | Unknown
"""What a precondition answers."""
