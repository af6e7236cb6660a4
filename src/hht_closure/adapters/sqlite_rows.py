"""Data sets for rows of a host's SQLite table; nobody should write thirty classes for thirty tables.

A table whose rows belong to accounts becomes a data set in one line::

    messages = SqliteRows(database, name="messages", table="messages", account_column="user_id")

Rows that a law keeps for some years are restricted, and go when the years are over::

    three_years = Retention(since=("completed_at", "placed_at"), years=3, ground="E-commerce Law Art. 31", clock=clock)
    orders = SqliteRows(database, name="orders", table="orders", account_column="user_id", keep_until=three_years)

Rows that must stay without the person lose what is the person's, and stay::

    bookings = SqliteRows(
        database, name="bookings", table="bookings", account_column="user_id", anonymise={"payer": None, "iban": ""}
    )

The database is a :class:`~hht_closure.adapters.sqlite_database.SqliteDatabase`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hht_closure.account import AccountId
from hht_closure.adapters.rows import UNREADABLE, Constant, Retention, SetNames, Table
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import InvalidValueError
from hht_closure.policy import Portion
from hht_closure.ports import EraseJob, Progress

__all__ = ["Constant", "Retention", "SqliteRows"]

_BEFORE_EVERY_ROW: Final = -(2**63)


class SqliteRows:
    """The rows of one table that belong to an account, as a data set (``ports.DataSet``).

    Args:
        database: where the table is.
        table: its name; a table with a rowid, and an index that begins with the account's column.
        account_column: the column with the account's id, a text.
        name: the data set's name.
        after: the data sets that must be gone before, such as those whose rows point to these.
        keep_until: the law that keeps some of the rows, or None where all must go.
        anonymise: for rows that must stay without the person: by column, what takes the place of what is the person's.
            The row stays under the account's id, which leads to nobody once the account is retired; it is counted as
            one that bears the person for as long as one of these columns holds anything else.

    Raises:
        InvalidValueError: a name is not a name, or not an identifier; there is nothing to anonymise, or rows would no
            longer be found.
    """

    def __init__(
        self,
        database: SqliteDatabase,
        *,
        table: str,
        account_column: str,
        name: str,
        after: tuple[str, ...] = (),
        keep_until: Retention | None = None,
        anonymise: Mapping[str, Constant] | None = None,
    ) -> None:
        self._names = SetNames(name=name, after=after)
        self._database = database
        self._table = Table(
            table=table,
            account=account_column,
            kept=keep_until,
            kept_to="" if keep_until is None else _kept_to(keep_until),
            anonymise=anonymise,
            differs="IS NOT",
        )

    @property
    def name(self) -> str:
        """The name by which terms, notice and receipt call it."""
        return self._names.name

    @property
    def after(self) -> tuple[str, ...]:
        """The data sets that must be gone before this one is touched."""
        return self._names.after

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """What would go, also where that is nothing; then what is kept, one portion for each month in which it ends.

        Raises:
            StoreUnavailableError: the database cannot be read now.
            PortError: SQLite refused the question, or cannot read the date of a row (``date_unreadable``).
        """
        question = f"SELECT {self._table.ends}, count(*) {self._table.rows} {self._table.theirs} GROUP BY 1 ORDER BY 1"
        with self._database.reading() as connection:
            ends: list[tuple[str | None, int]] = connection.execute(question, self._table.about(account)).fetchall()
        return self._table.portions(ends, "SqliteRows.survey")

    def erase(self, job: EraseJob) -> Progress:
        """Delete or anonymise at most ``job.limit`` rows behind the cursor in one transaction.

        The last batch truncates the log.

        Raises:
            StoreUnavailableError: this batch has changed nothing, or all is done and the log is still in use;
                trying again is safe either way.
            PortError: SQLite refused, because another table's rows point to these, say; nothing was changed.
            InvalidValueError: the cursor is none of ours, or the limit is below one.
        """
        if job.limit < 1:
            raise InvalidValueError("limit", "number_out_of_range")
        filled = self._table.about(job.account) | {"behind": _position(job.cursor), "limit": job.limit}
        table = self._table
        with self._database.transaction() as connection:
            found: list[tuple[int]] = connection.execute(
                f"SELECT rowid {table.rows} {table.going} AND rowid > :behind ORDER BY rowid LIMIT :limit", filled
            ).fetchall()
            if found:
                span = {"first": found[0][0], "last": found[-1][0]}
                connection.execute(f"{table.taking} {table.going} AND rowid BETWEEN :first AND :last", filled | span)
        if len(found) == job.limit:
            return Progress(erased=len(found), cursor=str(found[-1][0]), done=False)
        self._database.forget()
        return Progress(erased=len(found), cursor=job.cursor, done=True)

    def remaining(self, account: AccountId) -> int:
        """How many rows must go today and are still there, counted in the table.

        Raises:
            StoreUnavailableError: the database cannot be read now.
            PortError: SQLite refused the question.
        """
        with self._database.reading() as connection:
            row: tuple[int] = connection.execute(
                f"SELECT count(*) {self._table.rows} {self._table.going}", self._table.about(account)
            ).fetchone()
        return row[0]


def _kept_to(law: Retention) -> str:
    """The day from which a row is no longer kept, in SQLite's words."""
    columns = ", ".join([f'"{column}"' for column in law.since] + ["NULL"])
    read = f"date(coalesce({columns}), 'start of month', '+{law.years} years', '+1 month')"
    return f"CASE WHEN coalesce({columns}) IS NOT NULL THEN coalesce({read}, '{UNREADABLE}') END"


def _position(cursor: str) -> int:
    """The rowid behind which a batch begins."""
    if not cursor:
        return _BEFORE_EVERY_ROW
    try:
        return int(cursor)
    except ValueError:
        raise InvalidValueError("cursor", "not_a_cursor") from None
