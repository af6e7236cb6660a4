"""A host's SQLite file, as data sets, a directory and preconditions use it.

Deleted is not yet gone: old page images stand in the write-ahead log until it is truncated, and pages that SQLite
balanced may hold copies that ``secure_delete`` does not reach. :meth:`SqliteDatabase.forget` sees to the first,
:meth:`SqliteDatabase.rewrite` to the second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Self

from hht_closure.adapters.sqlite.file import log_truncated
from hht_closure.errors import ClosureError, InvalidValueError, PortError, StoreUnavailableError


class SqliteDatabase:
    """A host's SQLite file on one connection that threads share under a lock; other processes may have it open, too.

    Write-ahead log, ``synchronous=FULL``, ``secure_delete=on``, foreign keys enforced, nothing temporary on disk.

    Args:
        path: the file; it must be there, since a data set of an empty database would find nothing to erase.
        name: what errors call it.
        busy_for: how many seconds to wait for another process's lock.

    Raises:
        StoreUnavailableError: the file cannot be opened, or another process holds it.
        PortError: it is not a database.
    """

    def __init__(self, path: Path | str, *, name: str = "portal_database", busy_for: float = 5.0) -> None:
        self._name = name
        self._busy_for = busy_for
        self._lock = RLock()
        with self._wrapped():
            self._connection = sqlite3.connect(
                f"{Path(path).absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=busy_for,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._wrapped():
                for pragma in (
                    "journal_mode=WAL",
                    "synchronous=FULL",
                    "secure_delete=ON",
                    "foreign_keys=ON",
                    "temp_store=MEMORY",
                ):
                    self._connection.execute(f"PRAGMA {pragma}")
        except ClosureError:
            self._connection.close()
            raise

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection, None, None]:
        """One transaction that may write: committed and durable at the end, or, on any exception, nothing of it.

        It takes the write lock at once (``BEGIN IMMEDIATE``), so what is read within it cannot be overtaken.

        Raises:
            StoreUnavailableError: nothing was changed, and trying again is safe.
            PortError: SQLite refused a statement (a broken foreign key, say); nothing was changed.
            InvalidValueError: this thread is within a transaction already.
        """
        with self._begun("BEGIN IMMEDIATE") as connection:
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """A consistent look at committed data; whatever is written within it is rolled back.

        Raises:
            StoreUnavailableError: the file cannot be read now.
            PortError: SQLite refused a statement.
            InvalidValueError: this thread is within a transaction already.
        """
        with self._begun("BEGIN") as connection:
            yield connection

    def forget(self) -> None:
        """Truncate the write-ahead log, so that no old page image with deleted rows stands in it. Repeatable.

        Raises:
            StoreUnavailableError: a reader in another process still needs the log; trying again is safe.
        """
        with self._lock, self._wrapped():
            if not log_truncated(self._connection, self._busy_for):
                raise StoreUnavailableError(self._name, "log_in_use")

    def rewrite(self) -> None:
        """Write the whole file anew, then :meth:`forget`: what no row holds any more is nowhere in it. Repeatable.

        ``secure_delete`` overwrites a deleted row where it stands, but not the copies that stay behind in the unused
        part of a page when SQLite moves rows between pages. Costs a pass over the whole file.

        Raises:
            StoreUnavailableError: the file is in use or the disk is full; trying again is safe.
        """
        with self._lock, self._wrapped():
            # The copy holds nothing but living rows, and it may be large: it need not be in memory.
            self._connection.execute("PRAGMA temp_store=FILE")
            try:
                self._connection.execute("VACUUM")
            finally:
                self._connection.execute("PRAGMA temp_store=MEMORY")
            self.forget()

    def close(self) -> None:
        """Close the connection; the object is of no use afterwards. Repeatable."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _begun(self, begin: str) -> Generator[sqlite3.Connection, None, None]:
        with self._lock, self._wrapped():
            if self._connection.in_transaction:
                raise InvalidValueError("transaction", "nested")
            self._connection.execute(begin)
            try:
                yield self._connection
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def _wrapped(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(self._name, _problem(error)) from error
        except sqlite3.Error as error:
            raise PortError(self._name, type(error).__name__) from error


def _problem(error: sqlite3.OperationalError) -> str:
    """SQLite's own name of the problem, such as ``SQLITE_BUSY``; its message may hold a path."""
    name: str = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    return name
