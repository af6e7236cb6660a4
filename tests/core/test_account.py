"""Who is acting, and what is to be closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from hht_closure.account import CLOCK_SKEW, Account, ContactPoint, Principal
from hht_closure.errors import InvalidValueError
from tests.core.build import changed

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
VALID = timedelta(minutes=30)
TICK = timedelta(microseconds=1)
SMS = ContactPoint(channel="sms", address="+8613800001234", version="s1")
EMAIL = ContactPoint(channel="email", address="li@example.com", version="e1")
LI = Account(id="li", contacts=(SMS, EMAIL), login_name="li.weiguo")


def logged_in(at: datetime | None) -> Principal:
    """A principal with that time of the last log-in."""
    return Principal(account="li", session="s", logged_in_at=at)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(timedelta(0), True), (VALID - TICK, True), (VALID, False), (-CLOCK_SKEW, True), (-CLOCK_SKEW - TICK, False)],
)
def test_a_log_in_is_fresh_within_its_validity(ago: timedelta, *, expected: bool) -> None:
    """Half open; a time ahead of ours is believed for a minute and no more (L2)."""
    assert logged_in(NOW - ago).logged_in_within(VALID, NOW) is expected


def test_a_log_in_whose_time_nobody_knows_is_not_fresh() -> None:
    """Where the identity provider does not say when, it was not fresh (L2)."""
    assert logged_in(None).logged_in_within(VALID, NOW) is False


def test_a_log_in_time_without_a_zone_is_refused() -> None:
    """A naive time would make every log-in fresh or stale by the hour of the server."""
    with pytest.raises(InvalidValueError) as error:
        logged_in(NOW.replace(tzinfo=None))
    assert error.value.args == ("logged_in_at", "naive_time")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"session": ""}, "session"),
        ({"session": "s" * 501}, "session"),
        ({"means": ""}, "means"),
        ({"account": ""}, "account"),
    ],
)
def test_a_principal_is_whole(change: dict[str, str], field: str) -> None:
    """An empty session or account is a mistake of the portal's, and found at once."""
    with pytest.raises(InvalidValueError) as error:
        changed(Principal(account="li", session="s"), change)
    assert error.value.args[0] == field


def test_contact_points_are_found_by_channel() -> None:
    """One for each channel, or none."""
    assert LI.contact("email") == EMAIL
    assert LI.contact("fax") is None


def test_contact_versions_stand_in_the_order_of_channels() -> None:
    """However the directory orders them, what is bound to them is the same (L3)."""
    assert LI.contact_versions == (("email", "e1"), ("sms", "s1"))
    assert attrs.evolve(LI, contacts=(EMAIL, SMS)).contact_versions == LI.contact_versions


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "x" * 201}, ("id", "too_long")),
        ({"id": ""}, ("id", "too_short")),
        ({"locale": ""}, ("locale", "too_short")),
        ({"standing": "closed"}, ("standing", "unknown")),
        ({"contacts": (SMS, SMS)}, ("contacts", "channel_named_twice")),
        ({"contacts": [SMS]}, ("contacts", "not_contact_points")),
        ({"contacts": ("sms",)}, ("contacts", "not_contact_points")),
        ({"login_name": ""}, ("login_name", "too_short")),
    ],
)
def test_an_account_is_whole(change: dict[str, object], expected: tuple[str, str]) -> None:
    """What a directory gives is checked where it enters."""
    with pytest.raises(InvalidValueError) as error:
        changed(LI, change)
    assert error.value.args == expected


def test_an_account_may_have_no_login_name() -> None:
    """Where people have none, there is nothing to reserve (L27)."""
    assert Account(id="li").login_name is None


@pytest.mark.parametrize(
    ("change", "field"), [({"channel": "fax"}, "channel"), ({"address": ""}, "address"), ({"version": ""}, "version")]
)
def test_a_contact_point_is_whole(change: dict[str, str], field: str) -> None:
    """A channel we know, an address, and a version."""
    with pytest.raises(InvalidValueError) as error:
        changed(SMS, change)
    assert error.value.args[0] == field


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        (SMS, "13800001234"),
        (LI, "li@example.com"),
        (LI, "li.weiguo"),
        (LI, "'li'"),
        (Principal(account="li", session="cookie"), "'li'"),
        (Principal(account="li", session="cookie"), "cookie"),
    ],
)
def test_nothing_personal_shows_in_a_repr(value: object, hidden: str) -> None:
    """Neither id nor address nor login name nor session (L22)."""
    assert hidden not in repr(value)
