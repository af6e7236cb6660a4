"""The store in SQL for asynchronous hosts: the same work as of the synchronous face, awaited in one event loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import URL

from hht_closure.adapters.sql.database import CONNECTIONS, AsyncDatabase, AsyncServer
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


class AsyncSqlJournal:
    """See :class:`SqlJournal <hht_closure.adapters.sql.SqlJournal>`."""

    def __init__(self, database: AsyncDatabase, *, clock: Clock | None = None) -> None:
        self.database = database
        self._rows = JournalRows(clock)

    async def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records from the last that opens a round on; with ``whole``, all."""
        return await self.database.reading(self._rows.read, stream, whole=whole)

    async def append(
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
        await self.database.writing(self._rows.append, stream, expected, records, due=due, fence=fence)

    async def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease streams that are due and not leased, the oldest due first; with ``stream``, that one, due or not."""
        return await self.database.writing(
            self._rows.claim, limit=limit, lease_for=lease_for, prefix=prefix, name=stream
        )

    async def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """The same lease with a later end.

        Raises:
            LeaseLostError: somebody else has claimed since.
        """
        return await self.database.writing(self._rows.renew, lease, lease_for)

    async def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that is lost already is no error."""
        await self.database.writing(self._rows.release, lease)

    async def due(self, *, limit: int, prefix: str = "") -> tuple[DueStream, ...]:
        """The streams that have work to do, now or later, leased or not, the oldest first."""
        return await self.database.reading(self._rows.due, limit=limit, prefix=prefix)


class AsyncSqlKeyVault:
    """See :class:`SqlKeyVault <hht_closure.adapters.sql.SqlKeyVault>`, also for what a destroyed key leaves behind."""

    def __init__(self, database: AsyncDatabase) -> None:
        self.database = database
        self._rows = KeyRows()

    async def create(self, key: str, wrapped: bytes) -> KeyPresent | KeyDestroyed:
        """Store the key if its id is new, and give what is there now."""
        return await self.database.writing(self._rows.create, key, wrapped)

    async def fetch(self, key: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """The key, or which of the two ways it is not there."""
        return await self.database.reading(self._rows.fetch, key)

    async def destroy(self, key: str) -> None:
        """Overwrite the key with zeros and leave the mark; then have the table vacuumed."""
        await self.database.writing(self._rows.destroy, key)
        with suppress(StoreUnavailableError):  # the key is gone for everybody already
            await self.database.reading(self._rows.sweep)


class AsyncSqlLedger:
    """See :class:`SqlLedger <hht_closure.adapters.sql.SqlLedger>`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self.database = database
        self._rows = LedgerRows()

    async def record(self, entry: LedgerEntry) -> int:
        """Write the entry and give its position; the first one's where there is one about the same already."""
        return await self.database.writing(self._rows.record, entry)

    async def entries(self, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, LedgerEntry], ...]:
        """Entries behind that position, with theirs, in order."""
        return await self.database.reading(self._rows.entries, after=after, limit=limit)

    async def find(self, stream: str, round_number: int) -> tuple[LedgerEntry, ...]:
        """The entries of one round, in order."""
        return await self.database.reading(self._rows.find, stream, round_number)


class AsyncSqlSendBudget:
    """See :class:`SqlSendBudget <hht_closure.adapters.sql.SqlSendBudget>`."""

    def __init__(self, database: AsyncDatabase, *, clock: Clock | None = None) -> None:
        self.database = database
        self._rows = BudgetRows(clock)

    async def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Take one from each, or none from any: None when all had one left, else the first that had not."""
        return await self.database.writing(self._rows.take, allowances, now=now)


class AsyncSqlTombstones:
    """See :class:`SqlTombstones <hht_closure.adapters.sql.SqlTombstones>`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self.database = database
        self._rows = TombstoneRows()

    async def lay(self, digest: str, until: datetime) -> None:
        """Reserve the digest until then; a later end wins over an earlier one."""
        await self.database.writing(self._rows.lay, digest, until)

    async def until(self, digest: str) -> datetime | None:
        """Until when the digest is reserved, or None where it never was."""
        return await self.database.reading(self._rows.until, digest)

    async def purge(self, *, now: datetime) -> int:
        """Remove the digests whose time is over, and say how many."""
        return await self.database.writing(self._rows.purge, now=now)


class AsyncSqlStore:
    """See :class:`SqlStore <hht_closure.adapters.sql.SqlStore>`; all calls in the event loop of the first one.

    Nothing is connected before ``async with``, :meth:`open` or the first call, which raises what is wrong.

    Raises:
        InvalidValueError: an address is malformed, or not one of PostgreSQL; or no number of connections.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        keys_url: str | URL | None = None,
        ledger_url: str | URL | None = None,
        clock: Clock | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        shared = AsyncServer(url, connections=connections)
        journal = AsyncDatabase(shared, JOURNAL)
        keys = AsyncDatabase(shared if keys_url is None else AsyncServer(keys_url, connections=connections), KEYS)
        ledger = AsyncDatabase(
            shared if ledger_url is None else AsyncServer(ledger_url, connections=connections), LEDGER
        )
        self._databases = (journal, keys, ledger)
        self.journal = AsyncSqlJournal(journal, clock=clock)
        self.budgets = AsyncSqlSendBudget(journal, clock=clock)
        self.tombstones = AsyncSqlTombstones(journal)
        self.vault = AsyncSqlKeyVault(keys)
        self.ledger = AsyncSqlLedger(ledger)

    async def open(self) -> None:
        """Connect, and see that every part is of this version.

        Raises:
            StoreVersionError: a part is not there, or of another version.
            StoreUnavailableError: a server cannot be reached now.
        """
        for database in self._databases:
            await database.open()

    async def close(self) -> None:
        """Close all connections; repeatable."""
        for database in self._databases:
            await database.server.close()

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
