"""From files to a server: what a ``SqliteStore`` keeps, copied into an empty ``SqlStore`` as it stands."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from itertools import groupby, islice, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Final

import attrs
from sqlalchemy import URL, Connection, create_engine, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hht_closure.adapters.sql import tables
from hht_closure.adapters.sql.database import PATIENCE, address_of, problem_of, recognise
from hht_closure.adapters.sql.sheets import (
    A_FEW_AT_A_TIME,
    BATCH,
    SHEETS,
    Sheet,
    files_at_rest,
    opened_at_rest,
    refuse_use,
)
from hht_closure.adapters.sql.tables import JOURNAL, KEYS, LEDGER, Part
from hht_closure.adapters.sqlite.file import in_our_words
from hht_closure.codec import Broken, verify
from hht_closure.errors import JournalBrokenError, StoreUnavailableError
from hht_closure.ports import Record


@attrs.frozen(kw_only=True)
class Copied:
    """How many of each stand on the server now, and are what stands in the files."""

    streams: int
    entries: int
    takings: int
    tombstones: int
    keys: int
    ledger_entries: int


def copy_store(
    directory: str | os.PathLike[str],
    url: str | URL,
    *,
    keys_url: str | URL | None = None,
    ledger_url: str | URL | None = None,
) -> Copied:
    """Copy all three files of a ``SqliteStore`` into the empty tables that :func:`migrate` has made.

    For a store that nobody has open: stop every process of the portal, copy, and start them on the server. Closings go
    on where they are, in whatever stage. Each entry goes over byte for byte, and fences with the streams, so that the
    next one given is above any before it; a lease that was running has ended.

    A part is copied in one transaction, which is committed when everything was read back and compared, and every
    chain verified (L24). Where that was cut off, run it again: a part that holds all of it already is left as it
    is. The files are not changed. As long as they exist, so do the keys that are in them: what is destroyed on the
    server later is not destroyed there (L23).

    Args:
        directory: where the files are.
        url: where the journal, the budgets and the tombstones are to stand; here and below as the tables' owner.
        keys_url: where the keys are, if elsewhere.
        ledger_url: where the ledger is, if elsewhere.

    Raises:
        StoreUnavailableError: a part could not be copied. ``in_use``: a process still has the files open;
            ``not_empty``: something else stands on the server; ``io``: a file is not there; or what the server said.
        StoreVersionError: a file, or a part on the server, is not of this release.
        JournalBrokenError: an entry in the file is not what was appended.
        InvalidValueError: an address is malformed, or not one of PostgreSQL.
    """
    places = {LEDGER: ledger_url or url, KEYS: keys_url or url, JOURNAL: url}
    addresses = {part: address_of(place) for part, place in places.items()}
    outcome = _copied(files_at_rest(Path(directory)), addresses)
    if isinstance(outcome, StoreUnavailableError):
        raise outcome
    return outcome


# --- the server ---------------------------------------------------------------------------------------------

_SETTINGS: Final = (
    f"lock_timeout = '{PATIENCE}s'",
    "statement_timeout = 0",
    "idle_in_transaction_session_timeout = 0",  # one part is copied after the other, and all wait for the last
    "synchronous_commit = on",
)


def _copied(files: Mapping[Part, Path], addresses: Mapping[Part, URL]) -> Copied | StoreUnavailableError:
    """All parts, committed one after the other when all are copied; or what the server said.

    The driver's own error quotes rows and addresses, and is not kept (L22).
    """
    part, counts = JOURNAL, dict[str, int]()
    try:
        with ExitStack() as ending:
            begun: dict[Part, Connection] = {}
            for part, file in files.items():
                begun[part] = ending.enter_context(_connected(addresses[part]))
                counts |= _copied_part(begun[part], part, file)
            refuse_use(files)
            for part, connection in begun.items():  # noqa: B007 - the error names the part
                connection.commit()
    except DBAPIError as error:
        return StoreUnavailableError(part.store, problem_of(error))
    return Copied(
        streams=counts[tables.stream.name],
        entries=counts[tables.entry.name],
        takings=counts[tables.taking.name],
        tombstones=counts[tables.tombstone.name],
        keys=counts[tables.key.name],
        ledger_entries=counts[tables.ledger.name],
    )


def _connected(address: URL) -> Connection:
    engine = create_engine(address, poolclass=NullPool, hide_parameters=True, isolation_level="READ COMMITTED")
    return engine.connect()


def _copied_part(connection: Connection, part: Part, file: Path) -> Mapping[str, int]:
    """One part, in a transaction that is not committed yet: how many rows each table has.

    The tables are emptied though they are empty: rows of a copy that was cut off before go with the file they are in,
    and no key of theirs stays in a page.

    Raises:
        StoreUnavailableError: ``not_empty``.
        StoreVersionError, JournalBrokenError: as they say.
    """
    for setting in _SETTINGS:
        connection.execute(text(f"SET LOCAL {setting}"))
    recognise(connection, part)
    sheets = SHEETS[part]
    names = ", ".join(sheet.table.name for sheet in sheets)
    connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    is_empty = not any(connection.scalar(select(select(sheet.plain).exists())) for sheet in sheets)
    with in_our_words(part.store), closing(opened_at_rest(file)) as source:
        if is_empty:
            connection.execute(text(f"TRUNCATE {names}"))
            for sheet in sheets:
                _put(connection, sheet, source)
        counts = {sheet.table.name: _same(connection, sheet, source) for sheet in sheets}
    if None in counts.values():
        raise StoreUnavailableError(part.store, "other" if is_empty else "not_empty")
    if part is JOURNAL:
        _verify(connection)
    return {name: count for name, count in counts.items() if count is not None}


def _put(connection: Connection, sheet: Sheet, source: sqlite3.Connection) -> None:
    """All rows, so many at a time."""
    rows = sheet.here(source)
    while batch := [dict(zip(sheet.columns, row, strict=True)) for row in islice(rows, BATCH)]:
        connection.execute(insert(sheet.plain), batch)


def _same(connection: Connection, sheet: Sheet, source: sqlite3.Connection) -> int | None:
    """How many rows there are, when they are the same here and there; else None."""
    count = 0
    with closing(sheet.there(connection)) as rows:
        for here, there in zip_longest(sheet.here(source), rows):
            if here != there:
                return None
            count += 1
    return count


_ENTRIES: Final = text("SELECT stream, sequence, body, hash, opens FROM hht_closure_entry ORDER BY stream, sequence")
_ASTRAY: Final = text(
    "SELECT name, length FROM hht_closure_stream LEFT JOIN LATERAL"
    " (SELECT count(*) AS entries, coalesce(max(sequence) FILTER (WHERE opens), 0) AS opening"
    " FROM hht_closure_entry WHERE stream = name) AS found ON true"
    " WHERE length <> entries OR opened_at <> opening ORDER BY name LIMIT 1"
)


def _verify(connection: Connection) -> None:
    """Every chain, as it stands on the server, and what is recorded of its length and its last opening (L24).

    Raises:
        JournalBrokenError: an entry, or the end of a stream, is not what was appended.
    """
    with connection.execute(_ENTRIES, execution_options=A_FEW_AT_A_TIME) as rows:
        for name, several in groupby(rows, key=itemgetter(0)):
            match verify(name, (Record(row.sequence, row.body, row.hash, row.opens) for row in several)):
                case Broken(at):
                    raise JournalBrokenError(name, at)
                case _:
                    pass
    astray = connection.execute(_ASTRAY).one_or_none()
    if astray is not None:
        raise JournalBrokenError(astray.name, astray.length)
