"""One SQLite file: opened and recognised, one connection under one lock, every error in the library's words."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, RLock
from typing import Final

from hht_closure.adapters.sqlite.schema import VERSION, FileKind
from hht_closure.errors import StoreUnavailableError, StoreVersionError

BUSY_SECONDS: Final = 10.0
"""How long a call waits for another process's write."""

_PAUSE_SECONDS: Final = 0.02

_OPENING: Final = Lock()
"""Held while a file is made and opened: closing any other handle of a file drops this program's locks on it."""

_PROBLEMS: Final = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_IOERR: "io",
    sqlite3.SQLITE_CANTOPEN: "io",
    sqlite3.SQLITE_NOTADB: "not_a_database",
    sqlite3.SQLITE_CORRUPT: "not_a_database",
}


_SYSTEM_PROBLEMS: Final = {
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
    errno.EROFS: "read_only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
}


def problem_of(error: sqlite3.Error | OSError) -> str:
    """The stable code of it: ``locked``, ``full``, ``read_only``, ``io``, ``not_a_database`` or ``other``."""
    if isinstance(error, OSError):
        return _SYSTEM_PROBLEMS.get(error.errno or 0, "io")
    extended: object = getattr(error, "sqlite_errorcode", None)
    return _PROBLEMS.get(extended & 0xFF, "other") if isinstance(extended, int) else "other"


@contextmanager
def in_our_words(store: str) -> Generator[None, None, None]:
    """What SQLite or the file system raises within becomes a :class:`StoreUnavailableError`, from the original."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailableError(store, problem_of(error)) from error


class SqliteFile:
    """A file of one kind, made if it is new.

    WAL, ``synchronous=FULL`` (what is committed survives a power cut), ``secure_delete`` (what is deleted is
    overwritten). A write takes the file's lock at once (``BEGIN IMMEDIATE``), so that it never fails half-way
    because another process wrote first.

    Args:
        path: where it is, in a directory that exists; a new file can be read by its owner alone (0600).
        kind: what it must be.

    Raises:
        StoreVersionError: a database of another version, or of another program.
        StoreUnavailableError: not a database, or it cannot be opened now.
    """

    def __init__(self, path: str | os.PathLike[str], kind: FileKind) -> None:
        self.path = Path(path)
        self.kind = kind
        self._lock = RLock()
        self._pid = os.getpid()
        with in_our_words(kind.store), _OPENING:
            self._make()
            self._connection = self._opened()

    def _make(self) -> None:
        """Make the file, empty, with its rights; SQLite gives the same rights to what it puts beside it.

        One that exists is never opened here: closing any descriptor of a file drops all the locks that this process
        holds on it (POSIX; sqlite.org/howtocorrupt, 2.2). A link in its place is not followed.

        Raises:
            StoreUnavailableError: ``io``; what stands there is no plain file.
        """
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR, 0o600))
        if not stat.S_ISREG(self.path.lstat().st_mode):
            raise StoreUnavailableError(self.kind.store, "io")
        self.path.chmod(0o600)

    def _opened(self) -> sqlite3.Connection:
        """The connection, after as many attempts as fit in the time.

        Setting WAL on a new file fails with "locked" when several processes do it at once, whatever the time-out.
        """
        ends = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return self._attempt()
            except sqlite3.OperationalError as error:
                if problem_of(error) != "locked" or time.monotonic() > ends:
                    raise
            time.sleep(_PAUSE_SECONDS)

    def _attempt(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            is_new = not recognised(connection, self.kind)
            for setting in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {setting}")
            if is_new:
                self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        """Make the tables, unless another process has made them by now."""
        connection.execute("BEGIN IMMEDIATE")
        if not recognised(connection, self.kind):
            for table in self.kind.tables:
                connection.execute(table)
            connection.execute(f"PRAGMA application_id = {self.kind.application_id}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """The connection, for this thread alone; what a single SELECT gives is of one committed state.

        Raises:
            StoreUnavailableError: SQLite could not read it.
        """
        if os.getpid() != self._pid:
            raise StoreUnavailableError(self.kind.store, "forked")
        with self._lock, in_our_words(self.kind.store):
            yield self._connection

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """One transaction: committed when the block ends, rolled back when anything is raised in it.

        Raises:
            StoreUnavailableError: SQLite could not do it; nothing was changed.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite has rolled back by itself when the disk is full
                    connection.execute("ROLLBACK")
                raise

    def truncate_log(self) -> None:
        """Bring everything into the file and empty the WAL, so that no old page image stands in it.

        Raises:
            StoreUnavailableError: ``locked``, where another process reads an older state for too long.
        """
        with self.reading() as connection:
            if not log_truncated(connection, BUSY_SECONDS):
                raise StoreUnavailableError(self.kind.store, "locked")

    def close(self) -> None:
        """Empty the WAL if nobody else is reading, and close; repeatable. After a fork, the other one closes it."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            with suppress(sqlite3.Error, StoreUnavailableError):
                self.truncate_log()
            self._connection.close()


def log_truncated(connection: sqlite3.Connection, patience: float) -> bool:
    """Whether the WAL was emptied within that many seconds.

    While another connection brings its pages into the file SQLite says "busy" at once, and asks no busy handler
    (sqlite.org/c3ref/wal_checkpoint_v2.html); so it is tried again here.
    """
    ends = time.monotonic() + patience
    while True:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy or time.monotonic() >= ends:
            return not busy
        time.sleep(_PAUSE_SECONDS)


def recognised(connection: sqlite3.Connection, kind: FileKind) -> bool:
    """Whether it is a file of that kind; False for one that is new and empty.

    Raises:
        StoreVersionError: another version, or another program's (found: version 0).
    """
    found = connection.execute(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),"
        " (SELECT count(*) FROM sqlite_schema)"
    ).fetchone()
    if found == (0, 0, 0):
        return False
    application_id, version, _ = found
    if application_id != kind.application_id:
        raise StoreVersionError(kind.store, 0, VERSION)
    if version != VERSION:
        raise StoreVersionError(kind.store, version, VERSION)
    return True


def opened(place: str | os.PathLike[str] | SqliteFile, kind: FileKind) -> SqliteFile:
    """The file at that path, or the one that is open already and shared."""
    return place if isinstance(place, SqliteFile) else SqliteFile(place, kind)
