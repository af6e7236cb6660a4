"""The ledger in SQLite."""

from __future__ import annotations

import os

from hht_closure.adapters.sqlite.file import SqliteFile, opened
from hht_closure.adapters.sqlite.schema import LEDGER
from hht_closure.ports import LedgerEntry, LedgerKind

_Columns = tuple[int, str, int, LedgerKind, str, str, str | None, bytes]
_SELECT = "SELECT position, stream, round, kind, subject, statement, receipt, sealed_account FROM entry"


class SqliteLedger:
    """The port ``Ledger`` in a file of its own, to be backed up on its own.

    Args:
        place: the path of the file, or a file that is open and shared.

    Raises:
        StoreVersionError: the file is not a ledger of this version.
        StoreUnavailableError: the file cannot be opened.
    """

    never_blocks = False

    def __init__(self, place: str | os.PathLike[str] | SqliteFile) -> None:
        self.file = opened(place, LEDGER)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def record(self, entry: LedgerEntry) -> int:
        """Write the entry and give its position; the first one's where there is one about the same already.

        Raises:
            StoreUnavailableError: nothing was changed.
        """
        about = (entry.stream, entry.round, entry.kind, entry.subject)
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO entry (stream, round, kind, subject, statement, receipt, sealed_account)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream, round, kind, subject) DO NOTHING",
                (*about, entry.statement, entry.receipt, entry.sealed_account),
            )
            position: tuple[int] = connection.execute(
                "SELECT position FROM entry WHERE (stream, round, kind, subject) = (?, ?, ?, ?)", about
            ).fetchone()
        return position[0]

    def entries(self, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, LedgerEntry], ...]:
        """Entries behind that position, with theirs, in order."""
        with self.file.reading() as connection:
            rows: list[_Columns] = connection.execute(
                f"{_SELECT} WHERE position > ? ORDER BY position LIMIT ?", (after, limit)
            ).fetchall()
        return tuple((row[0], _entry(row)) for row in rows)

    def find(self, stream: str, round_number: int) -> tuple[LedgerEntry, ...]:
        """The entries of one round, in order."""
        with self.file.reading() as connection:
            rows: list[_Columns] = connection.execute(
                f"{_SELECT} WHERE stream = ? AND round = ? ORDER BY position", (stream, round_number)
            ).fetchall()
        return tuple(_entry(row) for row in rows)


def _entry(row: _Columns) -> LedgerEntry:
    _, stream, round_number, kind, subject, statement, receipt, sealed_account = row
    return LedgerEntry(
        stream=stream,
        round=round_number,
        kind=kind,
        subject=subject,
        statement=statement,
        receipt=receipt,
        sealed_account=sealed_account,
    )
