"""What a customer of the sample portal does: orders, pays, writes, changes a phone number.

Everything here passes :func:`~hht_closure.portal.directory.assert_open` in its own transaction first, so a frozen
account can do none of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.portal.directory import assert_open
from hht_closure.portal.times import written
from hht_closure.ports import Clock


class PortalCustomer:
    """The business of the portal's accounts.

    Raises (all methods):
        ClosureRefused: the account is not open: ``account_frozen``, ``account_suspended`` or ``account_unknown``.
        StoreUnavailableError: nothing was changed, and trying again is safe.
    """

    def __init__(self, database: SqliteDatabase, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def place_order(self, account: AccountId, *, product: str, amount_fen: int) -> int:
        """Take an order, and give its number.

        Raises:
            PortError: the amount is below zero.
        """
        with self._open(account) as connection:
            row: tuple[int] = connection.execute(
                "INSERT INTO orders (user_id, product, amount_fen, status, placed_at)"
                " VALUES (?, ?, ?, 'placed', ?) RETURNING id",
                (account, product, amount_fen, self._now()),
            ).fetchone()
        return row[0]

    def settle_orders(self, account: AccountId) -> int:
        """Finish what is placed or shipped, as when the person has taken it in; how many that were."""
        with self._open(account) as connection:
            return connection.execute(
                "UPDATE orders SET status = 'finished', completed_at = ?"
                " WHERE user_id = ? AND status IN ('placed', 'shipped')",
                (self._now(), account),
            ).rowcount

    def pay_invoices(self, account: AccountId) -> int:
        """Pay what is open; how many invoices that were."""
        with self._open(account) as connection:
            return connection.execute(
                "UPDATE invoices SET status = 'paid', paid_at = ? WHERE user_id = ? AND status = 'open'",
                (self._now(), account),
            ).rowcount

    def change_phone(self, account: AccountId, phone: str) -> None:
        """Another number, under a version that was never there before (L3)."""
        with self._open(account) as connection:
            connection.execute("UPDATE users SET phone = ? WHERE id = ?", (phone, account))

    def change_email(self, account: AccountId, email: str) -> None:
        """Another address, under a version that was never there before (L3)."""
        with self._open(account) as connection:
            connection.execute("UPDATE users SET email = ? WHERE id = ?", (email, account))

    def add_contact(self, account: AccountId, *, name: str, phone: str) -> int:
        """Write somebody into the address book, and give the entry's number."""
        with self._open(account) as connection:
            row: tuple[int] = connection.execute(
                "INSERT INTO contacts (user_id, name, phone) VALUES (?, ?, ?) RETURNING id", (account, name, phone)
            ).fetchone()
        return row[0]

    def send_message(self, account: AccountId, contact: int, body: str) -> int:
        """Write to a contact of one's own, and give the message's number.

        Raises:
            PortError: there is no such contact.
        """
        with self._open(account) as connection:
            row: tuple[int] = connection.execute(
                "INSERT INTO messages (user_id, contact_id, direction, body, sent_at) VALUES"
                " (?, (SELECT id FROM contacts WHERE id = ? AND user_id = ?), 'out', ?, ?) RETURNING id",
                (account, contact, account, body, self._now()),
            ).fetchone()
        return row[0]

    @contextmanager
    def _open(self, account: AccountId) -> Generator[sqlite3.Connection, None, None]:
        with self._database.transaction() as connection:
            assert_open(connection, account)
            yield connection

    def _now(self) -> str:
        return written(self._clock.now())
