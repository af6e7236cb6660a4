"""A portal's accounts in memory."""

from __future__ import annotations

from threading import Lock

import attrs

from hht_closure.account import Account, AccountId, Channel, ContactPoint, Standing
from hht_closure.errors import StaleTokenError


@attrs.define
class _Entry:
    """One account, the standing to go back to, the highest token seen, and who is logged in."""

    account: Account
    token: int = 0
    before_freeze: Standing | None = None
    sessions: set[str] = attrs.field(factory=set[str])


class MemoryDirectory:
    """The port ``AccountDirectory``, with the calls by which a portal's own pages change an account."""

    never_blocks = True

    def __init__(self, *accounts: Account) -> None:
        self._lock = Lock()
        self._entries: dict[AccountId, _Entry] = {}
        self._retired: set[AccountId] = set()
        self._versions = 0
        for account in accounts:
            self.add(account)

    def add(self, account: Account) -> None:
        """A new account, as it is.

        Raises:
            ValueError: the id was issued before; ids are never issued twice, not even after ``retire``.
        """
        with self._lock:
            if account.id in self._entries or account.id in self._retired:
                raise ValueError("an account id is issued once")
            self._entries[account.id] = _Entry(account)

    def change_contact(self, account: AccountId, channel: Channel, address: str | None) -> None:
        """Another address for that channel, or none; its version is new and never comes back (L3)."""
        with self._lock:
            entry = self._entries[account]
            self._versions += 1
            contacts = tuple(one for one in entry.account.contacts if one.channel != channel)
            if address is not None:
                version = f"changed-{self._versions}"
                contacts += (ContactPoint(channel=channel, address=address, version=version),)
            entry.account = attrs.evolve(entry.account, contacts=contacts)

    def change_standing(self, account: AccountId, standing: Standing) -> None:
        """Another standing, as the portal's own staff gives it; a frozen account takes it on when it is unfrozen."""
        with self._lock:
            entry = self._entries[account]
            if entry.before_freeze is None:
                entry.account = attrs.evolve(entry.account, standing=standing)
            else:
                entry.before_freeze = standing

    def log_in(self, account: AccountId, session: str) -> None:
        """A session (or a token, or a pending password reset) that counts until it is revoked."""
        with self._lock:
            self._entries[account].sessions.add(session)

    def sessions(self, account: AccountId) -> frozenset[str]:
        """What is logged in to that account now; nothing where there is no account."""
        with self._lock:
            entry = self._entries.get(account)
            return frozenset() if entry is None else frozenset(entry.sessions)

    def get(self, account: AccountId) -> Account | None:
        """The account as it stands now; None where there is none."""
        with self._lock:
            entry = self._entries.get(account)
            return None if entry is None else attrs.evolve(entry.account, held_from=entry.before_freeze)

    def freeze(self, account: AccountId, token: int) -> None:
        """Hold the account, and remember its standing.

        Raises:
            StaleTokenError: the token is lower than one seen; nothing changed.
        """
        with self._lock:
            entry = self._entry_for(account, token)
            if entry is not None and entry.before_freeze is None:
                entry.before_freeze = entry.account.standing
                entry.account = attrs.evolve(entry.account, standing="frozen")

    def unfreeze(self, account: AccountId, token: int) -> None:
        """Back to the standing before ``freeze``.

        Raises:
            StaleTokenError: the token is lower than one seen; nothing changed.
        """
        with self._lock:
            entry = self._entry_for(account, token)
            if entry is not None and entry.before_freeze is not None:
                entry.account = attrs.evolve(entry.account, standing=entry.before_freeze)
                entry.before_freeze = None

    def _entry_for(self, account: AccountId, token: int) -> _Entry | None:
        """The account's entry with that token kept, or None where the account is gone."""
        entry = self._entries.get(account)
        if entry is None:
            return None
        if token < entry.token:
            raise StaleTokenError(token, entry.token)
        entry.token = token
        return entry

    def revoke_sessions(self, account: AccountId) -> None:
        """End every session of the account."""
        with self._lock:
            entry = self._entries.get(account)
            if entry is not None:
                entry.sessions.clear()

    def retire(self, account: AccountId) -> None:
        """Delete the account; its id is never issued again."""
        with self._lock:
            if self._entries.pop(account, None) is not None:
                self._retired.add(account)
