"""Numbers, money and times as people of a language write them; the few rules that are needed, without Babel."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from hht_closure.errors import InvalidValueError
from hht_closure.texts.locales import nearest_locale
from hht_closure.values import instant

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_CURRENCY: Final = re.compile(r"[A-Z]{3}\Z")
_WITHOUT_PARTS: Final = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"})
_IN_THOUSANDTHS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def is_currency(code: object) -> bool:
    """Whether this has the form of a currency's code (ISO 4217): three capital letters."""
    return isinstance(code, str) and _CURRENCY.match(code) is not None


def money(amount: int, currency: str, locale: str) -> str:
    """An amount as it is written: ``CNY 1,234.50`` in English, ``1,234.50 元`` in Chinese.

    Args:
        amount: in the currency's smallest unit (fen, cent; ISO 4217 says how many make one).
        currency: its code, ``CNY``.
        locale: the person's language; English where we have no other.

    Raises:
        InvalidValueError: the amount is no whole number, or the currency has not the form of a code.
    """
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise InvalidValueError("amount", "not_a_number")
    if not is_currency(currency):
        raise InvalidValueError("currency", "not_a_currency")
    decimals = 0 if currency in _WITHOUT_PARTS else 3 if currency in _IN_THOUSANDTHS else 2
    whole, part = divmod(abs(amount), 10**decimals)
    figure = f"{whole:,}.{part:0{decimals}}" if decimals else f"{whole:,}"
    sign = "-" if amount < 0 else ""
    if currency == "CNY" and nearest_locale(locale) == "zh-CN":
        return f"{sign}{figure} 元"
    return f"{currency} {sign}{figure}"


def moment(time: datetime, locale: str) -> str:
    """When something happened, as it is written, in UTC and with the zone: ``14 March 2026, 09:05 UTC``.

    Seconds are shown where there are any; a fraction of one is left out, so that nothing has happened in the future.

    Raises:
        InvalidValueError: a naive time.
    """
    return _as_written(instant(time).astimezone(UTC).replace(microsecond=0), locale)


def deadline(time: datetime, locale: str) -> str:
    """Until when something lasts, as it is written; in the form of :func:`moment`.

    A fraction of a second counts as a whole one, so that what is over by that time is over then.

    Raises:
        InvalidValueError: a naive time.
    """
    end = instant(time).astimezone(UTC)
    whole = end.replace(microsecond=0)
    return _as_written(whole if whole == end else whole + timedelta(seconds=1), locale)


def _as_written(at: datetime, locale: str) -> str:
    clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    if nearest_locale(locale) == "zh-CN":
        return f"{at.year}年{at.month}月{at.day}日 {clock}（UTC）"
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {clock} UTC"


def whole_minutes(duration: timedelta) -> int:
    """A duration in whole minutes, rounded down so that it promises nothing too much; at least one."""
    return max(1, duration // timedelta(minutes=1))
