"""Data sets for rows of a host's SQLite table; nobody should write thirty classes for thirty tables.

A table whose rows belong to accounts becomes a data set in one line::

    messages = SqliteRows(database, name="messages", table="messages", account_column="user_id")

Rows that a law keeps for some years are restricted, and go when the years are over::

    three_years = Retention(since=("completed_at", "placed_at"), years=3, ground="E-commerce Law Art. 31", clock=clock)
    orders = SqliteRows(database, name="orders", table="orders", account_column="user_id", keep_until=three_years)

The database is a :class:`~hht_closure.adapters.sqlite_database.SqliteDatabase`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import attrs

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import InvalidValueError, PortError
from hht_closure.policy import Portion
from hht_closure.ports import Clock, EraseJob, Progress
from hht_closure.values import checked_text, is_name

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_BEFORE_EVERY_ROW: Final = -(2**63)
_LONGEST_RETENTION: Final = 100


_UNREADABLE: Final = "9999-12-31"
"""The end of what has a date that cannot be read."""


@attrs.frozen(kw_only=True)
class Retention:
    """For how long a law keeps a row, counted from its own dates to the end of a month.

    It ends with the first day, in UTC, of the month after the years have passed: never earlier than the law allows,
    a month later at most, and a hundred rows have not a hundred dates. A row without any date is not kept; one with a
    date that SQLite cannot read is kept, and the survey fails, for what is deleted does not come back.

    Attributes:
        since: the columns to count from, ISO 8601 in UTC; the first that is not NULL counts.
        years: how many calendar years, 1 to 100.
        ground: the law.
        clock: what day it is.
    """

    since: tuple[str, ...]
    years: int
    ground: str
    clock: Clock

    def __attrs_post_init__(self) -> None:
        if not self.since:
            raise InvalidValueError("since", "empty")
        for column in self.since:
            _identifier(column, "since")
        if isinstance(self.years, bool) or not 1 <= self.years <= _LONGEST_RETENTION:
            raise InvalidValueError("years", "number_out_of_range")
        checked_text(self.ground, "ground", longest=300)

    @property
    def end(self) -> str:
        """The SQL expression for the day from which a row is no longer kept."""
        columns = ", ".join([f'"{column}"' for column in self.since] + ["NULL"])
        read = f"date(coalesce({columns}), '+{self.years} years', 'start of month', '+1 month')"
        return f"CASE WHEN coalesce({columns}) IS NOT NULL THEN coalesce({read}, '{_UNREADABLE}') END"

    def today(self) -> str:
        """The day, in UTC, to compare with."""
        return self.clock.now().astimezone(UTC).date().isoformat()


@attrs.frozen(kw_only=True)
class _Table:
    """Names and statements; nothing gets into a statement that is not an identifier."""

    table: str
    account: str
    kept: Retention | None

    def __attrs_post_init__(self) -> None:
        _identifier(self.table, "table")
        _identifier(self.account, "account_column")

    @property
    def theirs(self) -> str:
        """The account's rows."""
        return f'FROM "{self.table}" WHERE "{self.account}" = :account'

    @property
    def ends(self) -> str:
        """The day until which a row is kept; NULL for one that must go."""
        return "NULL" if self.kept is None else f"nullif(max({self.kept.end}, :today), :today)"

    @property
    def going(self) -> str:
        """The account's rows that must go: all, or those that no law keeps."""
        return f"{self.theirs} AND {self.ends} IS NULL"

    def about(self, account: AccountId) -> dict[str, str | int]:
        """What the statements are filled with."""
        return {"account": account, "today": "" if self.kept is None else self.kept.today()}


class SqliteRows:
    """The rows of one table that belong to an account, as a data set (``ports.DataSet``).

    Args:
        database: where the table is.
        table: its name; a table with a rowid, and an index that begins with the account's column.
        account_column: the column with the account's id, a text.
        name: the data set's name.
        after: the data sets that must be gone before, such as those whose rows point to these.
        keep_until: the law that keeps some of the rows, or None where all must go.

    Raises:
        InvalidValueError: a name is not a name, or not an identifier.
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
    ) -> None:
        self._names = _Names(name=name, after=after)
        self._database = database
        self._table = _Table(table=table, account=account_column, kept=keep_until)
        self._kept = keep_until

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
        with self._database.reading() as connection:
            rows: list[tuple[str | None, int]] = connection.execute(
                f"SELECT {self._table.ends} AS ends, count(*) {self._table.theirs} GROUP BY ends ORDER BY ends",
                self._table.about(account),
            ).fetchall()
        if any(ends == _UNREADABLE for ends, _ in rows):
            raise PortError("SqliteRows.survey", "date_unreadable")
        going = sum(count for ends, count in rows if ends is None)
        kept = (self._restricted(ends, count) for ends, count in rows if ends is not None)
        return (Portion("erased", going), *kept)

    def erase(self, job: EraseJob) -> Progress:
        """Delete at most ``job.limit`` rows behind the cursor in one transaction; the last batch truncates the log.

        Raises:
            StoreUnavailableError: this batch has changed nothing, or all is deleted and the log is still in use;
                trying again is safe either way.
            PortError: SQLite refused, because another table's rows point to these, say; nothing was changed.
            InvalidValueError: the cursor is none of ours, or the limit is below one.
        """
        if job.limit < 1:
            raise InvalidValueError("limit", "number_out_of_range")
        filled = self._table.about(job.account) | {"behind": _position(job.cursor), "limit": job.limit}
        with self._database.transaction() as connection:
            found: list[tuple[int]] = connection.execute(
                f"SELECT rowid {self._table.going} AND rowid > :behind ORDER BY rowid LIMIT :limit", filled
            ).fetchall()
            if found:
                span = {"first": found[0][0], "last": found[-1][0]}
                connection.execute(f"DELETE {self._table.going} AND rowid BETWEEN :first AND :last", filled | span)
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
                f"SELECT count(*) {self._table.going}", self._table.about(account)
            ).fetchone()
        return row[0]

    def _restricted(self, ends: str, count: int) -> Portion:
        ground = None if self._kept is None else self._kept.ground
        return Portion("restricted", count, datetime.fromisoformat(ends).replace(tzinfo=UTC), ground)


@attrs.frozen(kw_only=True)
class _Names:
    """The data set's name and those it waits for, checked."""

    name: str = attrs.field(validator=is_name)
    after: tuple[str, ...] = attrs.field(validator=attrs.validators.deep_iterable(is_name))


def _identifier(value: str, field: str) -> None:
    if not _IDENTIFIER.match(value):
        raise InvalidValueError(field, "not_an_identifier")


def _position(cursor: str) -> int:
    """The rowid behind which a batch begins."""
    if not cursor:
        return _BEFORE_EVERY_ROW
    try:
        return int(cursor)
    except ValueError:
        raise InvalidValueError("cursor", "not_a_cursor") from None
