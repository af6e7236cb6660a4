"""The journal in SQLite."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from sqlite3 import Connection

import attrs

from hht_closure.adapters.sqlite.file import SqliteFile, opened
from hht_closure.adapters.sqlite.schema import JOURNAL, microseconds, stored_instant
from hht_closure.errors import ConflictError, InvalidValueError, LeaseLostError
from hht_closure.ports import Clock, DueStream, Lease, Record
from hht_closure.system import system_clock


class SqliteJournal:
    """The port ``Journal`` in a file: one transaction for each call, durable when the call returns.

    Args:
        place: the path of the file, or a file that is open and shared.
        clock: by which streams are due and leases end; one clock for all processes on the file.

    Raises:
        StoreVersionError: the file is not a journal of this version.
        StoreUnavailableError: the file cannot be opened.
    """

    never_blocks = False

    def __init__(self, place: str | os.PathLike[str] | SqliteFile, *, clock: Clock = system_clock) -> None:
        self.file = opened(place, JOURNAL)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records from the last that opens a round on; with ``whole``, all."""
        with self.file.reading() as connection:
            rows: list[tuple[int, bytes, bytes, int]] = connection.execute(
                "SELECT sequence, body, hash, opens FROM entry WHERE stream = :stream AND sequence >="
                " iif(:whole, 0, (SELECT opened_at FROM stream WHERE name = :stream)) ORDER BY sequence",
                {"stream": stream, "whole": whole},
            ).fetchall()
        return tuple(Record(sequence, body, digest, bool(opens)) for sequence, body, digest, opens in rows)

    def append(
        self,
        stream: str,
        expected: int,
        records: Sequence[Record],
        *,
        due: datetime | None,
        fence: int | None = None,
    ) -> None:
        """Append all the records, or none, and set when the stream is due next.

        Raises:
            ConflictError: the stream has another length.
            LeaseLostError: the fence is not the last one given.
            InvalidValueError: the records are not numbered from ``expected + 1``, or there are none.
            StoreUnavailableError: nothing was changed.
        """
        length = expected + len(records)
        if not records or [one.sequence for one in records] != list(range(expected + 1, length + 1)):
            raise InvalidValueError("records", "misnumbered")
        opened_at = max((one.sequence for one in records if one.opens), default=0)
        due_at = None if due is None else microseconds(due)
        with self.file.writing() as connection:
            connection.execute("INSERT INTO stream (name) VALUES (?) ON CONFLICT DO NOTHING", (stream,))
            _check(connection, stream, expected, fence)
            connection.execute(
                "UPDATE stream SET length = ?, opened_at = max(opened_at, ?), due = ?, written = ? WHERE name = ?",
                (length, opened_at, due_at, microseconds(self._clock.now()), stream),
            )
            connection.executemany(
                "INSERT INTO entry (stream, sequence, body, hash, opens) VALUES (?, ?, ?, ?, ?)",
                [(stream, one.sequence, one.body, one.hash, one.opens) for one in records],
            )

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease streams that are due and not leased, the oldest due first; with ``stream``, that one, due or not.

        Raises:
            StoreUnavailableError: nothing was leased.
        """
        chosen = "(due <= :now OR due <= written)" if stream is None else "name = :name"
        with self.file.writing() as connection:
            now = self._clock.now()  # after the lock: whoever comes second sees the time at which it comes
            free: list[tuple[str, int, int]] = connection.execute(
                "SELECT name, fence + 1, iif(lease_expires IS NULL, 0, takeovers + 1)"  # noqa: S608 - two texts of our own
                f" FROM stream WHERE {chosen}"
                " AND (lease_expires IS NULL OR lease_expires <= :now OR leased_at > :now)"
                " AND substr(name, 1, length(:prefix)) = :prefix"
                " ORDER BY due, name LIMIT :limit",
                {"now": microseconds(now), "name": stream, "prefix": prefix, "limit": limit},
            ).fetchall()
            leases = tuple(Lease(name, fence, now + lease_for, takeovers) for name, fence, takeovers in free)
            connection.executemany(
                "UPDATE stream SET fence = ?, leased_at = ?, lease_expires = ?, takeovers = ? WHERE name = ?",
                [
                    (one.fence, microseconds(now), microseconds(one.expires), one.takeovers, one.stream)
                    for one in leases
                ],
            )
        return leases

    def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """The same lease with a later end.

        Raises:
            LeaseLostError: somebody else has claimed since.
            StoreUnavailableError: the lease is as it was.
        """
        with self.file.writing() as connection:
            now = self._clock.now()
            expires = max(lease.expires, now + lease_for)
            renewed = connection.execute(
                "UPDATE stream SET leased_at = ?, lease_expires = ? WHERE name = ? AND fence = ?",
                (microseconds(now), microseconds(expires), lease.stream, lease.fence),
            )
            if renewed.rowcount != 1:
                raise LeaseLostError(lease.stream, lease.fence)
        return attrs.evolve(lease, expires=expires)

    def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that is lost already is no error.

        Raises:
            StoreUnavailableError: the lease is as it was.
        """
        with self.file.writing() as connection:
            connection.execute(
                "UPDATE stream SET lease_expires = NULL WHERE name = ? AND fence = ?", (lease.stream, lease.fence)
            )

    def due(self, *, limit: int, prefix: str = "") -> tuple[DueStream, ...]:
        """The streams that have work to do, now or later, leased or not, the oldest first."""
        with self.file.reading() as connection:
            rows: list[tuple[str, int]] = connection.execute(
                "SELECT name, due FROM stream WHERE due IS NOT NULL AND substr(name, 1, length(:prefix)) = :prefix"
                " ORDER BY due, name LIMIT :limit",
                {"prefix": prefix, "limit": limit},
            ).fetchall()
        return tuple(DueStream(name, stored_instant(due)) for name, due in rows)


def _check(connection: Connection, stream: str, expected: int, fence: int | None) -> None:
    """Whether the append may go on."""
    length, given = connection.execute("SELECT length, fence FROM stream WHERE name = ?", (stream,)).fetchone()
    if fence is not None and (fence < 1 or fence != given):
        raise LeaseLostError(stream, fence)
    if expected != length:
        raise ConflictError(stream, expected)
