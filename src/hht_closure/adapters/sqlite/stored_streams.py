"""A journal's file as it is stored, read for verification, without changing anything."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from hht_closure.adapters.sqlite.file import BUSY_SECONDS, in_our_words, recognised
from hht_closure.adapters.sqlite.schema import JOURNAL, VERSION
from hht_closure.errors import StoreUnavailableError, StoreVersionError
from hht_closure.ports import Record

StoredStream = tuple[str, int, int, tuple[Record, ...]]
"""A stream's name, its recorded length, the sequence at which its last round is recorded to open, its records."""

_Row = tuple[str, int, int, int | None, bytes, bytes, int]

# Both ways round: a stream whose entries are gone is given with none, entries whose stream is gone with length 0.
_ALL = """
WITH whole AS (
    SELECT stream, sequence, hash, opens,
           CASE WHEN typeof(opens) = 'integer' AND opens IN (0, 1) THEN body END AS body
      FROM entry
)
SELECT stream.name, stream.length, stream.opened_at, whole.sequence, whole.body, whole.hash, whole.opens
  FROM stream LEFT JOIN whole ON whole.stream = stream.name
UNION ALL
SELECT whole.stream, 0, 0, whole.sequence, whole.body, whole.hash, whole.opens
  FROM whole WHERE whole.stream NOT IN (SELECT name FROM stream)
 ORDER BY 1, 4
"""
# An entry whose mark was edited to something that is never written has no body to be read by.


def stored_streams(path: str | os.PathLike[str]) -> Iterator[StoredStream]:
    """Every stream of a journal's file, with all its records as they are stored, in the order of the names.

    The file is opened for reading only, and nothing is made beside it. A journal in use is read in the state of one
    instant. Nothing is checked here: what is recorded and what is stored may differ, and the reader finds out.

    Raises:
        StoreVersionError: not a journal, or one of another version.
        StoreUnavailableError: not a database, or there is none.
    """
    with in_our_words(JOURNAL.store), _for_reading(Path(path)) as connection:
        if not recognised(connection, JOURNAL):
            raise StoreVersionError(JOURNAL.store, 0, VERSION)
        rows: Iterator[_Row] = connection.execute(_ALL)
        for (name, length, opened_at), group in groupby(rows, key=lambda row: row[:3]):
            yield name, length, opened_at, tuple(_records(group))


def _records(rows: Iterator[_Row]) -> Iterator[Record]:
    for _, _, _, sequence, body, digest, opens in rows:
        if sequence is not None:
            yield Record(sequence, body, digest, bool(opens))


@contextmanager
def _for_reading(path: Path) -> Generator[sqlite3.Connection, None, None]:
    """A connection that can write nothing.

    SQLite makes files beside one in WAL mode even for reading, unless they are there (the journal is in use) or the
    file is said not to change (no WAL stands beside it). A WAL that nobody uses belongs to a copy, or a crash: that
    is read from a copy of its own.
    """
    log, index = path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")
    if not path.is_file():
        raise StoreUnavailableError(JOURNAL.store, "io")
    if log.exists() and not index.exists():
        with TemporaryDirectory() as apart:
            for each in (path, log):
                shutil.copyfile(each, Path(apart) / each.name)
            with closing(_connected(Path(apart) / path.name, "mode=rw")) as connection:
                yield connection
        return
    with closing(_connected(path, "mode=ro" if log.exists() else "mode=ro&immutable=1")) as connection:
        yield connection


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
