"""What is copied from files to a server: the files, and for each table how its rows are read at both ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs
from sqlalchemy import Boolean, Connection, Table, TableClause, column, select, table
from sqlalchemy.types import NullType

from hht_closure.adapters.sql import tables
from hht_closure.adapters.sql.tables import JOURNAL, KEYS, LEDGER, Part
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.errors import StoreUnavailableError

BATCH: Final = 500
"""Rows that are in memory at a time."""

A_FEW_AT_A_TIME: Final = {"stream_results": True, "yield_per": BATCH}
"""How a statement is executed whose rows do not fit into memory."""

Row = tuple[object, ...]


# --- the files ----------------------------------------------------------------------------------------------


def files_at_rest(directory: Path) -> Mapping[Part, Path]:
    """The files, when nobody has them open; what a crash left beside them is brought in by opening and closing them.

    Raises:
        StoreUnavailableError: ``in_use``, or ``io`` where there is none.
        StoreVersionError: a file is of another version or another program's.
    """
    files = {LEDGER: directory / "ledger.db", KEYS: directory / "keys.db", JOURNAL: directory / "journal.db"}
    for part, file in files.items():
        if not file.is_file():
            raise StoreUnavailableError(part.store, "io")
    SqliteStore(directory).close()
    refuse_use(files)
    return files


def refuse_use(files: Mapping[Part, Path]) -> None:
    """The log beside a file goes when the last process closes it (SQLite, "Write-Ahead Logging", 2.1).

    Raises:
        StoreUnavailableError: ``in_use``.
    """
    for part, file in files.items():
        if file.with_name(f"{file.name}-wal").exists():
            raise StoreUnavailableError(part.store, "in_use")


def opened_at_rest(file: Path) -> sqlite3.Connection:
    """The file, to be read as it stands; nothing is made beside it."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


# --- the tables ---------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Sheet:
    """One table: where its rows go, and how they are read from the file, in the order of the columns named."""

    table: Table
    rows: str
    ordered_by: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """What is copied: all but a number that the server gives."""
        return tuple(one.name for one in self.table.columns if one.identity is None)

    @property
    def plain(self) -> TableClause:
        """The table without types: values go through as they stand."""
        return table(self.table.name, *(column(name, NullType()) for name in self.columns))

    def here(self, file: sqlite3.Connection) -> Iterator[Row]:
        """The rows in the file."""
        truths = [isinstance(self.table.columns[name].type, Boolean) for name in self.columns]
        rows: Iterable[Row] = file.execute(f"{self.rows} ORDER BY {', '.join(self.ordered_by)}")
        return (tuple(bool(one) if truth else one for one, truth in zip(row, truths, strict=True)) for row in rows)

    def there(self, connection: Connection) -> Generator[Row, None, None]:
        """The rows on the server; to be closed where they are not read to their end."""
        plain = self.plain
        query = select(plain).order_by(*(plain.columns[name] for name in self.ordered_by))
        with connection.execute(query, execution_options=A_FEW_AT_A_TIME) as rows:
            for row in rows:
                yield tuple(row)


SHEETS: Final[Mapping[Part, tuple[Sheet, ...]]] = {
    LEDGER: (
        Sheet(
            table=tables.ledger,
            rows="SELECT position, stream, round, kind, subject, statement, receipt, sealed_account FROM entry",
            ordered_by=("position",),
        ),
    ),
    KEYS: (Sheet(table=tables.key, rows="SELECT id, wrapped, destroyed FROM key", ordered_by=("id",)),),
    JOURNAL: (
        Sheet(
            table=tables.stream,
            # A lease that ended as it began: nobody's, by any clock; and still one that was not given back.
            rows="SELECT name, length, opened_at, due, coalesce(due <= written, 0) AS was_due, fence, leased_at,"
            " iif(lease_expires IS NULL, NULL, leased_at) AS lease_expires, takeovers FROM stream",
            ordered_by=("name",),
        ),
        Sheet(
            table=tables.entry,
            rows="SELECT stream, sequence, body, hash, opens FROM entry",
            ordered_by=("stream", "sequence"),
        ),
        Sheet(
            table=tables.taking,
            rows="SELECT name, key, at, ends, taker FROM taking",
            ordered_by=("name", "key", "at", "ends", "taker"),
        ),
        Sheet(table=tables.tombstone, rows="SELECT digest, until FROM tombstone", ordered_by=("digest",)),
    ),
}
