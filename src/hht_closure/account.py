"""Who is acting, and what is to be closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, NewType

import attrs

from hht_closure.errors import InvalidValueError
from hht_closure.values import are_all, checked_text, instant

AccountId = NewType("AccountId", str)
"""The portal's own id of an account, at most 200 characters; never issued twice."""

Standing = Literal["open", "suspended", "frozen", "retired"]
"""How the portal holds an account: usable, sanctioned, held for its closing, gone."""

Channel = Literal["sms", "email"]
"""A way to reach a person."""

STANDINGS: Final = frozenset({"open", "suspended", "frozen", "retired"})
CHANNELS: Final = frozenset({"sms", "email"})

CLOCK_SKEW: Final = timedelta(minutes=1)
"""How far ahead of ours a log-in's clock may run before its time is not believed."""


def _id(value: str) -> AccountId:
    return AccountId(checked_text(value, "id", longest=200))


def _account(value: str) -> AccountId:
    return AccountId(checked_text(value, "account", longest=200))


def _login_time(value: datetime | None) -> datetime | None:
    return None if value is None else instant(value, "logged_in_at")


@attrs.frozen(kw_only=True)
class ContactPoint:
    """Where a person is reached, as it stands now.

    The version changes whenever the address does and never comes back, not even when the old address does;
    what was proved of version 7 says nothing of version 9 (L3).
    """

    channel: Channel
    address: str = attrs.field(repr=False)
    version: str

    def __attrs_post_init__(self) -> None:
        if self.channel not in CHANNELS:
            raise InvalidValueError("channel", "unknown")
        checked_text(self.address, "address", longest=320)
        checked_text(self.version, "version", longest=64)


@attrs.frozen(kw_only=True)
class Account:
    """What is to be closed, as the portal's directory states it at this moment.

    ``login_name`` is what a tombstone keeps reserved; None where people have none. ``held_from`` is, for a frozen
    account, the standing to which it would go back now; a directory that knows it states it, so that no sanction is
    escaped by being frozen when it comes.
    """

    id: AccountId = attrs.field(converter=_id, repr=False)
    contacts: tuple[ContactPoint, ...] = ()
    locale: str = "en"
    standing: Standing = "open"
    login_name: str | None = attrs.field(default=None, repr=False)
    held_from: Standing | None = None

    def __attrs_post_init__(self) -> None:
        checked_text(self.locale, "locale", longest=35)
        if self.standing not in STANDINGS or self.held_from not in (None, *STANDINGS):
            raise InvalidValueError("standing", "unknown")
        if not are_all(self.contacts, ContactPoint):
            raise InvalidValueError("contacts", "not_contact_points")
        if len({one.channel for one in self.contacts}) != len(self.contacts):
            raise InvalidValueError("contacts", "channel_named_twice")
        if self.login_name is not None:
            checked_text(self.login_name, "login_name", longest=320)

    def contact(self, channel: str) -> ContactPoint | None:
        """The contact point of that channel, or None."""
        return next((one for one in self.contacts if one.channel == channel), None)

    @property
    def contact_versions(self) -> tuple[tuple[str, str], ...]:
        """Channel and version of every contact point, in the order of the channels' names."""
        return tuple(sorted((one.channel, one.version) for one in self.contacts))


@attrs.frozen(kw_only=True)
class Principal:
    """Who is acting, as the portal's *session* states it; never filled from a request's parameters (L1).

    ``logged_in_at`` is the time of the last real log-in by ``means`` (``password``, ``passkey``, ``sso``);
    where the identity provider does not say when, leave it None, and it counts as not fresh.
    """

    account: AccountId = attrs.field(converter=_account, repr=False)
    session: str = attrs.field(repr=False)
    logged_in_at: datetime | None = attrs.field(default=None, converter=_login_time)
    means: str = "password"

    def __attrs_post_init__(self) -> None:
        checked_text(self.session, "session", longest=500)
        checked_text(self.means, "means", longest=64)

    def logged_in_within(self, valid_for: timedelta, now: datetime) -> bool:
        """Whether the last log-in is younger than that; exactly at the limit it is not (L2).

        A log-in from the future is believed only within :data:`CLOCK_SKEW`.
        """
        if self.logged_in_at is None:
            return False
        return -CLOCK_SKEW <= now - self.logged_in_at < valid_for
