"""The tables as this release knows them, in the three parts that can have three sets of rights.

Instants are whole microseconds since 1970 in UTC, as in the SQLite store: exact, the same in every database and for
every time zone of a session, and copied from one store to the other as they stand. ``to_timestamp(due / 1e6)`` shows
them to people.

Names are compared byte by byte (``COLLATE "C"``), so that their order does not depend on the database's language.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

from hht_closure.values import instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC, kept as a whole number of microseconds; a naive time is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """As it is stored.

        Raises:
            InvalidValueError: the time is naive.
        """
        return None if value is None else (instant(value) - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """As it is used."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


def in_microseconds(duration: timedelta) -> int:
    """The duration, to be added to an instant in a statement."""
    return duration // _MICROSECOND


@attrs.frozen(kw_only=True)
class Part:
    """One of the three parts: its name in errors, its branch of the migrations, and the version this release wants."""

    store: str
    branch: str
    version: int


JOURNAL: Final = Part(store="journal", branch="journal", version=1)
KEYS: Final = Part(store="key vault", branch="keys", version=1)
LEDGER: Final = Part(store="ledger", branch="ledger", version=1)

VERSIONS: Final = "hht_closure_version"
"""The table in which alembic keeps what was migrated: one row for each part, ``journal_1``, say."""

metadata: Final = MetaData()

# --- journal ------------------------------------------------------------------------------------------------

stream: Final = Table(
    "hht_closure_stream",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False, comment="the last entry that opens a round, or 0"),
    Column("due", Instant),
    Column("was_due", Boolean, nullable=False, comment="due when it was written, by the clock of then"),
    Column("fence", BigInteger, nullable=False, server_default="0", comment="the last one given, or 0"),
    Column("leased_at", Instant),
    Column("lease_expires", Instant),
    Column(
        "takeovers",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="leases in a row that ended without being given back",
    ),
)
Index("hht_closure_stream_due", stream.c.due, stream.c.name, postgresql_where=stream.c.due.is_not(None))
Index("hht_closure_stream_was_due", stream.c.due, postgresql_where=stream.c.was_due)

entry: Final = Table(
    "hht_closure_entry",
    metadata,
    Column("stream", Text(collation="C"), ForeignKey("hht_closure_stream.name"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("opens", Boolean, nullable=False),
)

taking: Final = Table(
    "hht_closure_taking",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text(collation="C"), nullable=False),
    Column("key", Text(collation="C"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("taker", Text(collation="C"), nullable=False),
)
Index("hht_closure_taking_key", taking.c.name, taking.c.key, taking.c.at)
Index("hht_closure_taking_ends", taking.c.ends)

tombstone: Final = Table(
    "hht_closure_tombstone",
    metadata,
    Column("digest", Text(collation="C"), primary_key=True),
    Column("until", Instant, nullable=False),
)
Index("hht_closure_tombstone_until", tombstone.c.until)

# --- keys ---------------------------------------------------------------------------------------------------

key: Final = Table(
    "hht_closure_key",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("destroyed", Boolean, nullable=False, server_default=false()),
)

# --- ledger -------------------------------------------------------------------------------------------------

ledger: Final = Table(
    "hht_closure_ledger",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", Text(collation="C"), nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("kind", Text(collation="C"), nullable=False),
    Column("subject", Text(collation="C"), nullable=False),
    Column("statement", Text, nullable=False),
    Column("receipt", Text),
    Column("sealed_account", LargeBinary, nullable=False),
    UniqueConstraint("stream", "round", "kind", "subject", name="hht_closure_ledger_about"),
)

version: Final = Table(VERSIONS, MetaData(), Column("version_num", String(32), primary_key=True))
"""As alembic makes it: for reading alone."""
