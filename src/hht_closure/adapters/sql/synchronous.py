"""The store in SQL for synchronous hosts: each part, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import URL

from hht_closure.adapters.sql.database import CONNECTIONS, Database, Server
from hht_closure.adapters.sql.journal import JournalRows
from hht_closure.adapters.sql.key_vault import KeyRows
from hht_closure.adapters.sql.ledger import LedgerRows
from hht_closure.adapters.sql.send_budget import BudgetRows
from hht_closure.adapters.sql.tables import JOURNAL, KEYS, LEDGER
from hht_closure.adapters.sql.tombstones import TombstoneRows
from hht_closure.errors import StoreUnavailableError
from hht_closure.ports import (
    Allowance,
    Clock,
    DueStream,
    Exhausted,
    KeyDestroyed,
    KeyMissing,
    KeyPresent,
    Lease,
    LedgerEntry,
    Record,
)


class SqlJournal:
    """The port ``Journal`` on a server: one transaction for each call, durable when the call returns.

    Args:
        database: where it stands.
        clock: by which streams are due and leases end; None, as it should be: the server's, one for all workers.

    Raises (all methods):
        StoreUnavailableError: nothing was changed.
        PortError: ``outcome_unknown``: the connection was lost while it was committed. Read back.
    """

    never_blocks = False

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self.database = database
        self._rows = JournalRows(clock)

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records from the last that opens a round on; with ``whole``, all."""
        return self.database.reading(self._rows.read, stream, whole=whole)

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
        """
        self.database.writing(self._rows.append, stream, expected, records, due=due, fence=fence)

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease streams that are due and not leased, the oldest due first; with ``stream``, that one, due or not."""
        return self.database.writing(self._rows.claim, limit=limit, lease_for=lease_for, prefix=prefix, name=stream)

    def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """The same lease with a later end.

        Raises:
            LeaseLostError: somebody else has claimed since.
        """
        return self.database.writing(self._rows.renew, lease, lease_for)

    def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that is lost already is no error."""
        self.database.writing(self._rows.release, lease)

    def due(self, *, limit: int, prefix: str = "") -> tuple[DueStream, ...]:
        """The streams that have work to do, now or later, leased or not, the oldest first."""
        return self.database.reading(self._rows.due, limit=limit, prefix=prefix)


class SqlKeyVault:
    """The port ``KeyVault`` on a server.

    What a destroyed key leaves on a server's disk is said at :meth:`destroy`.

    Args:
        database: where it stands; best with rights, and with backups, of its own.

    Raises (all methods):
        StoreUnavailableError: nothing was changed.
        PortError: ``outcome_unknown``: the connection was lost while it was committed. Each can be called again.
    """

    never_blocks = False

    def __init__(self, database: Database) -> None:
        self.database = database
        self._rows = KeyRows()

    def create(self, key: str, wrapped: bytes) -> KeyPresent | KeyDestroyed:
        """Store the key if its id is new, and give what is there now."""
        return self.database.writing(self._rows.create, key, wrapped)

    def fetch(self, key: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """The key, or which of the two ways it is not there."""
        return self.database.reading(self._rows.fetch, key)

    def destroy(self, key: str) -> None:
        """Overwrite the key with zeros and leave the mark; then have the table vacuumed.

        From the commit on no statement finds the key. PostgreSQL keeps the old row in its page until a ``VACUUM``. The
        one that runs here removes it where the role owns the table (or has the right ``MAINTAIN``) and no transaction
        that began before is still open; else autovacuum does so later. The server's log of changes (WAL) holds the
        wrapped key until its files are used anew, and so do archives of it, standbys and backups. All of it is wrapped
        under the keyring, which is not in the database. Whoever wants less left behind keeps the keys elsewhere.
        """
        self.database.writing(self._rows.destroy, key)
        with suppress(StoreUnavailableError):  # the key is gone for everybody already
            self.database.reading(self._rows.sweep)


class SqlLedger:
    """The port ``Ledger`` on a server; positions have no gaps, in the order of committing.

    Args:
        database: where it stands; best with rights, and with backups, of its own.

    Raises (all methods):
        StoreUnavailableError: nothing was changed.
        PortError: ``outcome_unknown``: the connection was lost while it was committed. Each can be called again.
    """

    never_blocks = False

    def __init__(self, database: Database) -> None:
        self.database = database
        self._rows = LedgerRows()

    def record(self, entry: LedgerEntry) -> int:
        """Write the entry and give its position; the first one's where there is one about the same already."""
        return self.database.writing(self._rows.record, entry)

    def entries(self, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, LedgerEntry], ...]:
        """Entries behind that position, with theirs, in order."""
        return self.database.reading(self._rows.entries, after=after, limit=limit)

    def find(self, stream: str, round_number: int) -> tuple[LedgerEntry, ...]:
        """The entries of one round, in order."""
        return self.database.reading(self._rows.find, stream, round_number)


class SqlSendBudget:
    """The port ``SendBudget`` on a server: one row for each taking, removed in passing when its window is over.

    Args:
        database: where it stands.
        clock: the store's, by which takings that are over are removed; None: the server's.

    Raises (all methods):
        StoreUnavailableError: nothing was taken.
        PortError: ``outcome_unknown``: the connection was lost while it was committed, and it may have been taken.
    """

    never_blocks = False

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self.database = database
        self._rows = BudgetRows(clock)

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Take one from each, or none from any: None when all had one left, else the first that had not."""
        return self.database.writing(self._rows.take, allowances, now=now)


class SqlTombstones:
    """The port ``Tombstones`` on a server: one row for each digest.

    Args:
        database: where they stand.

    Raises (all methods):
        StoreUnavailableError: nothing was changed.
        PortError: ``outcome_unknown``: the connection was lost while it was committed. Each can be called again.
    """

    never_blocks = False

    def __init__(self, database: Database) -> None:
        self.database = database
        self._rows = TombstoneRows()

    def lay(self, digest: str, until: datetime) -> None:
        """Reserve the digest until then; a later end wins over an earlier one."""
        self.database.writing(self._rows.lay, digest, until)

    def until(self, digest: str) -> datetime | None:
        """Until when the digest is reserved, or None where it never was."""
        return self.database.reading(self._rows.until, digest)

    def purge(self, *, now: datetime) -> int:
        """Remove the digests whose time is over, and say how many."""
        return self.database.writing(self._rows.purge, now=now)


class SqlStore:
    """Everything the library keeps, on one server or on up to three, each with rights of its own.

    The tables are made by :func:`~hht_closure.adapters.sql.migrate`, beforehand.

    Args:
        url: where the journal, the budgets and the tombstones stand: ``postgresql://user:password@host/database``.
            A schema is chosen by ``?options=-csearch_path%3Dclosures``.
        keys_url: where the keys stand, if elsewhere, or with other rights.
        ledger_url: where the ledger stands, if elsewhere, or with other rights.
        clock: by which streams are due and leases end; None, as it should be: the server's, one for all workers.
        connections: how many are opened at most at each of these addresses.

    Attributes:
        journal, vault, ledger, budgets, tombstones: the parts, each of which can be replaced.

    Raises:
        StoreVersionError: a part is not there, or of another version.
        StoreUnavailableError: a server cannot be reached now.
        InvalidValueError: an address is malformed, or not one of PostgreSQL; or no number of connections.
    """

    never_blocks = False

    def __init__(
        self,
        url: str | URL,
        *,
        keys_url: str | URL | None = None,
        ledger_url: str | URL | None = None,
        clock: Clock | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        shared = Server(url, connections=connections)
        journal = Database(shared, JOURNAL)
        keys = Database(shared if keys_url is None else Server(keys_url, connections=connections), KEYS)
        ledger = Database(shared if ledger_url is None else Server(ledger_url, connections=connections), LEDGER)
        with ExitStack() as opening:
            for database in (journal, keys, ledger):
                opening.callback(database.server.close)
                database.open()
            self._ends = opening.pop_all()
        self.journal = SqlJournal(journal, clock=clock)
        self.budgets = SqlSendBudget(journal, clock=clock)
        self.tombstones = SqlTombstones(journal)
        self.vault = SqlKeyVault(keys)
        self.ledger = SqlLedger(ledger)

    def close(self) -> None:
        """Close all connections; repeatable."""
        self._ends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
