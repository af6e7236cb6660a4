"""What the sample portal holds of a person, and what becomes of it."""

from __future__ import annotations

from typing import Final

from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.adapters.sqlite_rows import Retention, SqliteRows
from hht_closure.ports import Clock

KEPT_YEARS: Final = 3
KEPT_GROUND: Final = "E-commerce Law (CN) Art. 31"
"""Information on goods, services and transactions is kept for three years at least from their completion."""


def portal_data_sets(database: SqliteDatabase, *, clock: Clock) -> tuple[SqliteRows, ...]:
    """All of them, in an order in which they can go: messages before the contacts that they point to."""
    return (
        SqliteRows(database, name="sessions", table="sessions", account_column="user_id"),
        SqliteRows(database, name="messages", table="messages", account_column="user_id"),
        SqliteRows(database, name="contacts", table="contacts", account_column="user_id", after=("messages",)),
        SqliteRows(database, name="profile", table="profiles", account_column="user_id"),
        SqliteRows(
            database,
            name="orders",
            table="orders",
            account_column="user_id",
            keep_until=_three_years("completed_at", "placed_at", clock=clock),
        ),
        SqliteRows(
            database,
            name="invoices",
            table="invoices",
            account_column="user_id",
            keep_until=_three_years("paid_at", "issued_at", clock=clock),
        ),
    )


def _three_years(completed: str, begun: str, *, clock: Clock) -> Retention:
    """From the completion; from the beginning for what was never completed."""
    return Retention(since=(completed, begun), years=KEPT_YEARS, ground=KEPT_GROUND, clock=clock)
