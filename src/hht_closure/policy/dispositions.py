"""What becomes of data when an account is closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import attrs

from hht_closure.errors import InvalidValueError
from hht_closure.values import checked_text, instant, is_amount, is_name

Disposition = Literal["erased", "anonymised", "restricted"]
"""Gone; kept without any way to the person; kept for nothing but the ground that asks for it."""

DISPOSITIONS: Final = frozenset({"erased", "anonymised", "restricted"})


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else instant(value, "until")


@attrs.frozen
class Portion:
    """A part of a data set that meets one fate: how many items, and for kept ones until when and why.

    ``until`` and ``ground`` stand exactly where the disposition is ``restricted`` (L20).
    """

    disposition: Disposition
    count: int = attrs.field(validator=is_amount)
    until: datetime | None = attrs.field(default=None, converter=_utc)
    ground: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.disposition not in DISPOSITIONS:
            raise InvalidValueError("disposition", "unknown")
        if self.disposition == "restricted":
            instant(self.until, "until")
            checked_text(self.ground, "ground", longest=300)
        elif self.until is not None or self.ground is not None:
            raise InvalidValueError("until", "only_for_restricted")


@attrs.frozen
class LegalHold:
    """That a data set of one account must not be touched until then, whoever asks: a court's order, say (L20).

    The ground is on the receipt, and must name nobody.
    """

    data_set: str = attrs.field(validator=is_name)
    until: datetime = attrs.field(converter=instant)
    ground: str

    def __attrs_post_init__(self) -> None:
        checked_text(self.ground, "ground", longest=300)

    def over(self, portions: Iterable[Portion]) -> tuple[Portion, ...]:
        """What becomes of the items under the hold: all are restricted, those that are kept for longer as they were."""
        given = tuple(portions)
        kept = tuple(one for one in given if one.until is not None and one.until >= self.until)
        held = sum(one.count for one in given) - sum(one.count for one in kept)
        return (*((Portion("restricted", held, self.until, self.ground),) if held else ()), *kept)
