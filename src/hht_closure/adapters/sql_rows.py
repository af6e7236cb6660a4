"""Data sets for rows of a host's PostgreSQL table, over the host's own SQLAlchemy engine.

The twin of :mod:`~hht_closure.adapters.sqlite_rows`, with the same words::

    messages = SqlRows(engine, name="messages", table="messages", account_column="user_id")
    three_years = Retention(since=("completed_at", "placed_at"), years=3, ground="E-commerce Law Art. 31", clock=clock)
    orders = SqlRows(engine, name="orders", table="orders", account_column="user_id", keep_until=three_years)
    bookings = SqlRows(
        engine, name="bookings", table="bookings", account_column="user_id", anonymise={"payer": None, "iban": ""}
    )

Every call is one transaction, at READ COMMITTED, with a time-out for each of its statements, so that none is long. An
erasure goes by the primary key; an index over the account's column and that key, in this order, finds each batch
without a look at the others. What PostgreSQL keeps of a deleted row until a ``VACUUM``, and in its log, is the host's
to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hht_closure.account import AccountId
from hht_closure.adapters.rows import UNREADABLE, Constant, Retention, SetNames, Table, identifier
from hht_closure.adapters.sql.database import problem_of
from hht_closure.errors import ClosureError, InvalidValueError, PortError, StoreUnavailableError
from hht_closure.policy import Portion
from hht_closure.ports import EraseJob, Progress

__all__ = ["Constant", "Retention", "SqlRows"]

T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds that a statement may take, its waiting for locks included, unless it is told otherwise."""

_LONGEST_PATIENCE: Final = 3600.0

_CURSOR: Final = re.compile(r"-?\d{1,19}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_SETTINGS: Final = text(
    "SELECT set_config('statement_timeout', :patience, true), set_config('TimeZone', 'UTC', true),"
    " set_config('idle_in_transaction_session_timeout', :patience, true), set_config('row_security', 'off', true)"
)
"""For this transaction alone; a process that stands still in the middle of it holds no lock for long.

Where a policy would hide rows, the server refuses instead (PostgreSQL, 5.8): rows that cannot be seen are not gone.
"""


_COUNTED: Final = (
    "SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM batch),"
    " (SELECT of_batch FROM batch ORDER BY of_batch DESC LIMIT 1)"
)


class SqlRows:
    """The rows of one table that belong to an account, as a data set (``ports.DataSet``).

    Args:
        engine: of the database where the table is: PostgreSQL, over psycopg 3. A host that works with an
            ``AsyncEngine`` makes another engine for this; the asynchronous service calls it in a thread.
        table: its name.
        account_column: the column with the account's id; a text, or what the server reads from a text.
        name: the data set's name.
        key: the column that is the table's primary key: whole numbers or UUIDs, since the cursor goes into the journal.
        schema: where the table is; empty for where the server looks first.
        after: the data sets that must be gone before, such as those whose rows point to these.
        keep_until: the law that keeps some of the rows, or None where all must go.
        anonymise: for rows that must stay without the person: by column, what takes the place of what is the person's.
            The row stays under the account's id, which leads to nobody once the account is retired; it is counted as
            one that bears the person for as long as one of these columns holds anything else.
        patience: how many seconds a statement may take.

    Raises:
        InvalidValueError: a name is not a name, or not an identifier; there is nothing to anonymise, or rows would no
            longer be found; the engine is none of PostgreSQL's.
    """

    never_blocks = False

    def __init__(
        self,
        engine: Engine,
        *,
        table: str,
        account_column: str,
        name: str,
        key: str = "id",
        schema: str = "",
        after: tuple[str, ...] = (),
        keep_until: Retention | None = None,
        anonymise: Mapping[str, Constant] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        if not isinstance(engine, Engine):
            raise InvalidValueError("engine", "not_an_engine")
        if engine.dialect.name != "postgresql":
            raise InvalidValueError("engine", "not_of_postgresql")
        if not 0 < patience <= _LONGEST_PATIENCE:
            raise InvalidValueError("patience", "number_out_of_range")
        self._names = SetNames(name=name, after=after)
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._key = f'"{identifier(key, "key")}"'
        self._patience = f"{round(patience * 1000)}ms"
        self._table = Table(
            schema=schema,
            table=table,
            account=account_column,
            kept=keep_until,
            kept_to="" if keep_until is None else _kept_to(keep_until),
            anonymise=anonymise,
            differs="IS DISTINCT FROM",
        )
        if anonymise is not None and key in anonymise:
            raise InvalidValueError("anonymise", "column_by_which_rows_are_found")

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
            PortError: the server refused the question, or cannot read the date of a row (``date_unreadable``).
        """
        table = self._table
        question = f"SELECT CAST({table.ends} AS text), count(*) {table.rows} {table.theirs} GROUP BY 1 ORDER BY 1"

        def work(connection: Connection) -> list[tuple[str | None, int]]:
            return [(row[0], row[1]) for row in connection.execute(text(question), table.about(account))]

        return table.portions(self._called("survey", work), "SqlRows.survey")

    def erase(self, job: EraseJob) -> Progress:
        """Delete or anonymise at most ``job.limit`` rows behind the cursor, in one statement.

        Rows that others have locked are waited for, and not passed over; what has become another account's meanwhile
        stays.

        Raises:
            StoreUnavailableError: this batch has changed nothing.
            PortError: the server refused, because another table's rows point to these, say, and nothing was changed;
                or ``outcome_unknown``: the connection was lost while it was committed. Trying again is safe.
            InvalidValueError: the cursor is none of ours, or the limit is below one.
        """
        if job.limit < 1:
            raise InvalidValueError("limit", "number_out_of_range")
        if job.cursor and not _CURSOR.fullmatch(job.cursor):
            raise InvalidValueError("cursor", "not_a_cursor")
        filled = self._table.about(job.account) | {"limit": job.limit}
        filled |= {"behind": job.cursor} if job.cursor else {}
        batch = text(self._batch(behind=bool(job.cursor)))

        def work(connection: Connection) -> tuple[int, int, object]:
            row = connection.execute(batch, filled).one()
            if not isinstance(row[2], int | UUID | None):
                raise PortError("SqlRows.erase", "key_neither_number_nor_uuid")
            return row[0], row[1], row[2]

        erased, found, last = self._called("erase", work)
        if found == job.limit:
            return Progress(erased=erased, cursor=str(last), done=False)
        return Progress(erased=erased, cursor=job.cursor, done=True)

    def remaining(self, account: AccountId) -> int:
        """How many rows must go today and are still there, counted in the table.

        Raises:
            StoreUnavailableError: the database cannot be read now.
            PortError: the server refused the question.
        """
        question = f"SELECT count(*) {self._table.rows} {self._table.going}"

        def work(connection: Connection) -> int:
            count: int = connection.execute(text(question), self._table.about(account)).scalar_one()
            return count

        return self._called("remaining", work)

    def _batch(self, *, behind: bool) -> str:
        """Take one batch: how many rows were taken, how many were found, and the key of the last.

        The conditions stand in what is taken, too: after it has waited for another transaction, the server looks at
        them again (PostgreSQL, 13.2.1).
        """
        table, key = self._table, self._key
        further = f" AND {key} > :behind" if behind else ""
        found = f"SELECT {key} AS of_batch {table.rows} {table.going}{further} ORDER BY {key} LIMIT :limit"
        theirs = f"{key} = ANY (ARRAY(SELECT of_batch FROM batch))"  # noqa: S608 - an identifier
        taken = f"{table.taking} {theirs} AND {table.going} RETURNING 1"
        return f"WITH batch AS MATERIALIZED ({found}), taken AS ({taken}) {_COUNTED}"

    def _called(self, call: str, work: Callable[[Connection], T]) -> T:
        """One transaction of its own, whatever the engine's usual level is."""
        failure: ClosureError
        committing = False
        try:
            with self._engine.connect() as connection:
                connection.execute(_SETTINGS, {"patience": self._patience})
                value = work(connection)
                committing = True
                connection.commit()
                return value
        except PoolTimeoutError:
            failure = StoreUnavailableError("portal_database", "busy")
        except DBAPIError as error:
            failure = _failure(f"SqlRows.{call}", error, committing=committing)
        raise failure  # without the driver's error behind it, whose text quotes rows (L22)


def _failure(call: str, error: DBAPIError, *, committing: bool) -> ClosureError:
    """The error in the library's words."""
    if isinstance(error, IntegrityError | ProgrammingError | DataError):
        return PortError(call, type(error).__name__)
    return (
        PortError(call, "outcome_unknown")
        if committing
        else StoreUnavailableError("portal_database", problem_of(error))
    )


def _kept_to(law: Retention) -> str:
    """The day from which a row is no longer kept, in PostgreSQL's words; the time zone of the transaction is UTC.

    A text is read with the offset that stands in it. ``infinity`` is no date that could be counted from.
    """
    columns = ", ".join([f'"{column}"' for column in law.since] + ["NULL"])
    since = f"CAST(CAST(coalesce({columns}) AS timestamptz) AS timestamp)"
    end = f"CAST(date_trunc('month', {since}) + interval '{law.years} years 1 month' AS date)"
    readable = f"{since} BETWEEN '0001-01-01' AND '9800-01-01'"
    return f"CASE WHEN {since} IS NULL THEN NULL WHEN {readable} THEN {end} ELSE DATE '{UNREADABLE}' END"
