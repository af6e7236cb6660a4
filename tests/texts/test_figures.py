"""Numbers, money and times as people write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hht_closure.errors import InvalidValueError
from hht_closure.texts import LOCALES, deadline, moment, money, whole_minutes

AT = datetime(2026, 3, 4, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "said"),
    [
        (123_450, "CNY", "en", "CNY 1,234.50"),
        (123_450, "CNY", "zh-CN", "1,234.50 元"),
        (5, "CNY", "zh-Hans", "0.05 元"),
        (0, "EUR", "en", "EUR 0.00"),
        (-123_450, "USD", "zh-CN", "USD -1,234.50"),
        (-5, "CNY", "zh-CN", "-0.05 元"),
        (1_500, "JPY", "en", "JPY 1,500"),
        (1_500, "KWD", "en", "KWD 1.500"),
        (12_345_678_901_234_567_890, "CNY", "en", "CNY 123,456,789,012,345,678.90"),
    ],
)
def test_money_is_said_in_its_unit(amount: int, currency: str, locale: str, said: str) -> None:
    """The smallest unit becomes the one that people pay in, exactly and at any size."""
    assert money(amount, currency, locale) == said


@pytest.mark.parametrize("currency", ["", "cny", "RENMINBI", "CN¥", "CNY\n"])
def test_what_is_no_currency_is_an_error(currency: str) -> None:
    """A currency is three capital letters (ISO 4217)."""
    with pytest.raises(InvalidValueError, match="not_a_currency"):
        money(1, currency, "en")


@pytest.mark.parametrize(
    ("locale", "said"), [("en", "4 March 2026, 09:05 UTC"), ("zh-CN", "2026年3月4日 09:05（UTC）")]
)
def test_a_time_is_said_with_its_zone(locale: str, said: str) -> None:
    """Nobody has to guess which clock is meant."""
    assert moment(AT, locale) == said


def test_a_time_in_another_zone_is_said_in_utc() -> None:
    """The same instant reads the same, wherever it was written down."""
    assert moment(AT.astimezone(timezone(timedelta(hours=8))), "en") == moment(AT, "en")


def test_seconds_are_said_where_there_are_any() -> None:
    """Who waits for a minute is told the second."""
    assert moment(AT + timedelta(seconds=7), "en") == "4 March 2026, 09:05:07 UTC"


@pytest.mark.parametrize("locale", LOCALES)
def test_a_whole_second_is_said_as_it_is(locale: str) -> None:
    """Whether something happened then or lasts until then."""
    assert deadline(AT, locale) == moment(AT, locale)


def test_what_happened_is_not_said_to_have_happened_later() -> None:
    """A fraction of a second is left out of a time that has passed."""
    assert moment(AT + timedelta(microseconds=999_999), "en") == "4 March 2026, 09:05 UTC"


def test_what_lasts_until_a_time_is_over_by_then() -> None:
    """A fraction counts as a whole second of an end, so that nobody comes back too early."""
    assert deadline(AT + timedelta(microseconds=1), "en") == "4 March 2026, 09:05:01 UTC"


@pytest.mark.parametrize("said", [moment, deadline])
def test_a_naive_time_is_an_error(said: Callable[[datetime, str], str]) -> None:
    """A time without a zone means nothing."""
    with pytest.raises(InvalidValueError, match="naive_time"):
        said(datetime(2026, 3, 4), "en")  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize(("seconds", "minutes"), [(600, 10), (659, 10), (60, 1), (1, 1)])
def test_minutes_promise_nothing_too_much(seconds: int, minutes: int) -> None:
    """A part of a minute is left out, but a short time is a minute."""
    assert whole_minutes(timedelta(seconds=seconds)) == minutes
