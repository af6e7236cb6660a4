"""The three kinds of file: what each is called, how it is recognised, and its tables.

Instants are whole microseconds since 1970 in UTC, so that they are exact and can be compared.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from hht_closure.values import instant

VERSION: Final = 1
"""The version of all three schemas, kept in ``PRAGMA user_version``."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class FileKind:
    """One kind of file: its name in errors, its ``PRAGMA application_id``, and the statements that make its tables."""

    store: str
    application_id: int
    tables: tuple[str, ...]


JOURNAL: Final = FileKind(
    store="journal",
    application_id=int.from_bytes(b"hhtJ", "big"),
    tables=(
        """
        CREATE TABLE stream (
            name TEXT PRIMARY KEY,
            length INTEGER NOT NULL DEFAULT 0,
            opened_at INTEGER NOT NULL DEFAULT 0, -- the sequence of the last record that opens a round, or 0
            due INTEGER,
            written INTEGER,                      -- when that was written, by the clock of then
            fence INTEGER NOT NULL DEFAULT 0,     -- the last one given, or 0
            leased_at INTEGER,
            lease_expires INTEGER,
            takeovers INTEGER NOT NULL DEFAULT 0  -- leases in a row that ended without being given back
        ) WITHOUT ROWID
        """,
        "CREATE INDEX stream_due ON stream (due, name) WHERE due IS NOT NULL",
        """
        CREATE TABLE entry (
            stream TEXT NOT NULL REFERENCES stream (name),
            sequence INTEGER NOT NULL,
            body BLOB NOT NULL,
            hash BLOB NOT NULL,
            opens INTEGER NOT NULL,
            PRIMARY KEY (stream, sequence)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE taking (
            name TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, ends INTEGER NOT NULL, taker TEXT NOT NULL
        )
        """,
        "CREATE INDEX taking_key ON taking (name, key, at)",
        "CREATE INDEX taking_ends ON taking (ends)",
        "CREATE TABLE tombstone (digest TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX tombstone_until ON tombstone (until)",
    ),
)

KEYS: Final = FileKind(
    store="key vault",
    application_id=int.from_bytes(b"hhtK", "big"),
    # Rows are only ever put at the end (AUTOINCREMENT), so no page of keys is split, which would leave copies of
    # keys in unused parts of pages; and a key is overwritten in its place by as many zeros.
    tables=(
        """
        CREATE TABLE key (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            wrapped BLOB NOT NULL,
            destroyed INTEGER NOT NULL
        )
        """,
    ),
)

LEDGER: Final = FileKind(
    store="ledger",
    application_id=int.from_bytes(b"hhtL", "big"),
    tables=(
        """
        CREATE TABLE entry (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            stream TEXT NOT NULL,
            round INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('held', 'begun', 'closed', 'purged')),
            subject TEXT NOT NULL,
            statement TEXT NOT NULL,
            receipt TEXT,
            sealed_account BLOB NOT NULL,
            UNIQUE (stream, round, kind, subject)
        )
        """,
    ),
)


def microseconds(time: datetime) -> int:
    """The instant as it is stored.

    Raises:
        InvalidValueError: the time is naive.
    """
    return (instant(time) - _EPOCH) // _MICROSECOND


def duration_in_microseconds(duration: timedelta) -> int:
    """The duration as it is stored."""
    return duration // _MICROSECOND


def stored_instant(value: int) -> datetime:
    """The aware instant in UTC that was stored."""
    return _EPOCH + timedelta(microseconds=value)
