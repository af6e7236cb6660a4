"""Which telephone numbers get codes, by Google's numbering plans (extra ``phone``).

A portal names its regions, and what within them it writes to nobody::

    sms_code_verifier(HttpSmsSender(...), numbers=MobileNumbers(regions=("CN",), disallowed=("+86170", "+861740")))

The metadata says what a number *could* be, not whether somebody has it, and it ages: a range that was given out
since is refused until the package ``phonenumbers`` is brought up to date. It knows nothing of prices, calls satellite
telephones mobile (in China 1740) and resellers' numbers like any others (170); a portal names such prefixes. Of what
the package does by itself, three things are kept out: it finds a number in any text, reads letters as digits, and
cuts extensions off.
"""

from __future__ import annotations

import re
import unicodedata
from importlib.util import find_spec
from typing import Final

import attrs

from hht_closure.errors import InvalidValueError, WiringError

_PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,14}\Z", re.ASCII)
_PLUS: Final = "+＋"
_BETWEEN: Final = "().（）．−ー"
_SPACES_AND_HYPHENS: Final = frozenset({"Zs", "Pd", "Cf"})
"""The general categories (Unicode 4.5) of what may stand between digits; ``Cf``, since address books leave
invisible marks of direction around numbers that are copied."""


def _are_regions(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[object, ...]) -> None:
    """Validator: at least one region that has a numbering plan, as ISO 3166-1 codes it, none twice."""
    if find_spec("phonenumbers") is None:
        raise WiringError("a plan of telephone numbers needs the extra: pip install 'hht-closure[phone]'")
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - an extra

    if not isinstance(value, tuple):
        raise InvalidValueError(attribute.name, "not_a_tuple")
    if not value:
        raise InvalidValueError(attribute.name, "empty")
    if not all(isinstance(one, str) and one in SUPPORTED_REGIONS for one in value):
        raise InvalidValueError(attribute.name, "unknown")
    if len(set(value)) != len(value):
        raise InvalidValueError(attribute.name, "named_twice")


def _are_prefixes(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[object, ...]) -> None:
    """Validator: each a plus and digits, as an E.164 number begins."""
    if not isinstance(value, tuple):
        raise InvalidValueError(attribute.name, "not_a_tuple")
    if not all(isinstance(one, str) and _PREFIX.match(one) for one in value):
        raise InvalidValueError(attribute.name, "not_a_prefix")


@attrs.frozen(kw_only=True)
class MobileNumbers:
    """A :class:`~hht_closure.adapters.codes.NumberPlan`: mobile numbers of these regions, but for these prefixes.

    A number that is stored without its country is one of the first region, and so is one with the prefix by which
    people there dial abroad (``00`` in most). Where a region makes no difference between fixed and mobile numbers
    (+1), all of those are written to; nothing is written to a premium rate, a shared cost, a pager, or whatever
    else is neither mobile nor perhaps mobile.

    A country code is not a region: Jersey, Guernsey and the Isle of Man share +44, Kazakhstan +7, two dozen
    regions +1, and what they charge differs. A range that two regions share (+44 7924: GB and IM) belongs to both.

    Attributes:
        regions: ISO 3166-1 codes, ``CN``.
        disallowed: how the E.164 form of numbers begins that are never written to, ``+861740``.

    Raises:
        InvalidValueError: a region without a numbering plan, no region, or a prefix that is none.
        WiringError: the extra is not installed.
    """

    regions: tuple[str, ...] = attrs.field(validator=_are_regions)
    disallowed: tuple[str, ...] = attrs.field(default=(), validator=_are_prefixes)

    def normal(self, number: str) -> str | None:
        """The number in its E.164 form, however it is spelled; None where nothing is sent, and never why (L8)."""
        import phonenumbers as plans  # noqa: PLC0415 - an extra

        dialled = _dialled(number)
        if dialled is None:
            return None
        try:
            parsed = plans.parse(dialled, self.regions[0])
        except plans.NumberParseException:
            return None
        # Not is_possible_number, which looks at the length alone; nor region_code_for_number, which names only the
        # first of the regions that share a range.
        if not any(plans.is_valid_number_for_region(parsed, one) for one in self.regions):
            return None
        if plans.number_type(parsed) not in {
            plans.PhoneNumberType.MOBILE,
            plans.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        }:
            return None
        normal = plans.format_number(parsed, plans.PhoneNumberFormat.E164)
        return None if normal.startswith(self.disallowed) else normal


def _dialled(number: str) -> str | None:
    """What is dialled: the digits, after a plus where one is written; None where more than one number stands there."""
    dialled = ""
    for c in number:
        if c.isdecimal():
            dialled += c
        elif c in _PLUS and not dialled:
            dialled = "+"
        elif c not in _BETWEEN and unicodedata.category(c) not in _SPACES_AND_HYPHENS:
            return None
    return dialled
