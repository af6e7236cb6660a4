"""What other services bring the portal, hours or months late: a payment that was made, contacts from an import.

A late event must not bring a closed account back, and one for a frozen account must not be lost. So each asks the
guard first, which knows what was closed also where a restored backup has the row again, and then passes
:func:`~hht_closure.portal.directory.assert_open` in the transaction that writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Final, Literal

from hht_closure.account import AccountId, Standing
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import ClosureRefused
from hht_closure.portal.directory import assert_open
from hht_closure.portal.times import written
from hht_closure.ports import Clock

Taken = Literal["taken", "later", "gone"]
"""What the sender is told: it is booked; send it again; there is nobody (any more) whom it could be about."""

_SAID: Final[dict[Standing, Taken]] = {"open": "taken", "suspended": "later", "frozen": "later", "retired": "gone"}


class PortalInbox:
    """Takes in what is about an account.

    Args:
        database: the portal's.
        standing: the guard's answer: ``ClosureGuard(service).standing``.
        clock: when a payment is booked.

    Raises (all methods):
        StoreUnavailableError: nothing was changed, or nobody knows how the account stands; to be sent again.
        PortError: the same, where the directory has failed.
        InvalidValueError: no account could have such an id.
    """

    def __init__(self, database: SqliteDatabase, *, standing: Callable[[AccountId], Standing], clock: Clock) -> None:
        self._database = database
        self._standing = standing
        self._clock = clock

    def payment_received(self, account: AccountId, invoice: int) -> Taken:
        """A payment provider's webhook: the invoice is paid. Repeatable.

        Money for a closed account is answered with ``gone``: it belongs to the person and not to the account, and the
        provider sends it back.
        """

        def book(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE invoices SET status = 'paid', paid_at = ? WHERE id = ? AND user_id = ? AND status = 'open'",
                (written(self._clock.now()), invoice, account),
            )

        return self._take(account, book)

    def contacts_imported(self, account: AccountId, contacts: Iterable[tuple[str, str]]) -> Taken:
        """An import job has read names and numbers: all of them go into the address book, or none."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO contacts (user_id, name, phone) VALUES (?, ?, ?)",
                [(account, name, phone) for name, phone in contacts],
            )

        return self._take(account, write)

    def _take(self, account: AccountId, write: Callable[[sqlite3.Connection], None]) -> Taken:
        said = _SAID[self._standing(account)]
        if said != "taken":
            return said
        try:
            with self._database.transaction() as connection:
                assert_open(connection, account)
                write(connection)
        except ClosureRefused:  # it was frozen since the guard was asked, which knows more when it is asked again
            return "later"
        return said
