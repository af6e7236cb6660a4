"""How somebody gets an account of the sample portal: by the form, an invitation, or another's sign-on alike.

Every way in goes through here, since every way in could bring a closed account's name back (L27).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.portal.login import LONGEST_INPUT, login_key


class PortalJoining:
    """Makes accounts.

    Args:
        database: the portal's.
        reserved: whether a tombstone keeps a login name: ``service.reserved``.
    """

    def __init__(self, database: SqliteDatabase, *, reserved: Callable[[str], bool]) -> None:
        self._database = database
        self._reserved = reserved

    def join(self, login_name: str, *, email: str, locale: str) -> AccountId | None:
        """A new account with an id that nobody had; None where the name is taken or reserved, and never which.

        The name is taken first, then the tombstones are asked, and then it is committed. A closing lays its tombstone
        *before* it gives the name free, so whoever could take the name finds the tombstone; asked the other way round,
        both could happen in between.

        Raises:
            StoreUnavailableError: nothing was changed.
            InvalidValueError: no login name could be that.
        """
        name = login_key(login_name[:LONGEST_INPUT])
        try:
            with self._database.transaction() as connection:
                row: tuple[str] | None = connection.execute(_NEW, (name, email, locale)).fetchone()
                self._refuse_reserved(name)
        except _NameReservedError:
            return None
        return None if row is None else AccountId(row[0])

    def _refuse_reserved(self, name: str) -> None:
        """Whether nobody had the name lately; else the transaction takes back what it wrote."""
        if self._reserved(name):
            raise _NameReservedError


class _NameReservedError(Exception):
    """The name is a closed account's."""


_NEW: Final = (
    "INSERT INTO users (id, login_name, email, locale)"
    " SELECT printf('u%07d', coalesce(max(CAST(substr(id, 2) AS INTEGER)), 0) + 1), ?, ?, ? FROM users WHERE true"
    " ON CONFLICT (login_name) DO NOTHING RETURNING id"
)
"""One more than the highest number: rows are never deleted, so no id comes again."""
