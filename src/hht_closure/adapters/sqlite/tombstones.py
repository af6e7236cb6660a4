"""Tombstones in SQLite, in the journal's file."""

from __future__ import annotations

import os
from datetime import datetime

from hht_closure.adapters.sqlite.file import SqliteFile, opened
from hht_closure.adapters.sqlite.schema import JOURNAL, microseconds, stored_instant


class SqliteTombstones:
    """The port ``Tombstones``: one row for each digest.

    Args:
        place: the path of the journal's file, or a file that is open and shared.
    """

    never_blocks = False

    def __init__(self, place: str | os.PathLike[str] | SqliteFile) -> None:
        self.file = opened(place, JOURNAL)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def lay(self, digest: str, until: datetime) -> None:
        """Reserve the digest until then; a later end wins over an earlier one.

        Raises:
            StoreUnavailableError: nothing was changed.
        """
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO tombstone (digest, until) VALUES (?, ?)"
                " ON CONFLICT (digest) DO UPDATE SET until = max(until, excluded.until)",
                (digest, microseconds(until)),
            )

    def until(self, digest: str) -> datetime | None:
        """Until when the digest is reserved, or None where it never was."""
        with self.file.reading() as connection:
            found: tuple[int] | None = connection.execute(
                "SELECT until FROM tombstone WHERE digest = ?", (digest,)
            ).fetchone()
        return None if found is None else stored_instant(found[0])

    def purge(self, *, now: datetime) -> int:
        """Remove the digests whose time is over, and say how many.

        Raises:
            StoreUnavailableError: nothing was changed.
        """
        with self.file.writing() as connection:
            return connection.execute("DELETE FROM tombstone WHERE until <= ?", (microseconds(now),)).rowcount
