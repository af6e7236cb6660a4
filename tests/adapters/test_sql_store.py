"""The store on PostgreSQL keeps every law of its ports, plain and awaited, and what it keeps is there afterwards."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from hht_closure.adapters.sql import (
    JOURNAL,
    KEYS,
    LEDGER,
    AsyncSqlJournal,
    AsyncSqlStore,
    Database,
    SqlJournal,
    SqlKeyVault,
    SqlLedger,
    SqlSendBudget,
    SqlStore,
)
from hht_closure.adapters.sql.database import Call
from hht_closure.adapters.sql.tables import Part
from hht_closure.errors import StoreUnavailableError
from hht_closure.ports import (
    Allowance,
    Answer,
    Clock,
    DueStream,
    Exhausted,
    Journal,
    KeyPresent,
    KeyVault,
    Ledger,
    LedgerEntry,
    Record,
    SendBudget,
    Tombstones,
)
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts import (
    JournalContract,
    KeepingContract,
    KeyVaultContract,
    LedgerContract,
    SendBudgetContract,
    TombstonesContract,
)
from tests.packaging.sources import printed_by
from tests.postgres import OneLoop, connected, postgres_url, rows

__all__ = ["postgres_url"]

T = TypeVar("T")

NOON = datetime(2026, 3, 1, 12, 0, 0, 654_321, tzinfo=UTC)
HOUR = timedelta(hours=1)
BODY = '{"text":"户户通"}'.encode()
RECORD = Record(1, BODY, sha256(BODY).digest(), opens=True)
ALLOWANCE = Allowance(name="account", key="digest", limit=1, window=HOUR)
ENTRY = LedgerEntry(stream="s", round=1, kind="begun", statement="a.b.c", sealed_account=b"\x00\xff")


@contextmanager
def a_hosts_transaction(url: str) -> Generator[Connection, None, None]:
    """A request of a host on the same database: it has written a row when the block begins, and is rolled back."""
    host = _hosts_engine(url)
    with host.begin() as making:
        making.execute(text("CREATE TABLE IF NOT EXISTS note (text TEXT)"))
    with host.connect() as connection:
        connection.execute(text("INSERT INTO note VALUES ('of the request')"))
        yield connection
        connection.rollback()
        assert connection.execute(text("SELECT count(*) FROM note")).scalar_one() == 0


def _hosts_engine(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)


class _OnAServer(KeepingContract):
    """Gives each test an empty database, and closes what it opened."""

    @pytest.fixture(autouse=True)
    def _an_empty_database(self, postgres_url: str) -> Iterator[None]:
        self.url = postgres_url
        with SqlStore(postgres_url) as self.store:
            yield

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """In the store's own database, in the same thread; a store takes no connection of a host's at all."""
        with a_hosts_transaction(self.url):
            yield


class TestSqlJournal(_OnAServer, JournalContract):
    """The journal on a server, with a clock that is given."""

    def make_journal(self, clock: Clock) -> Journal:
        """A new one."""
        return SqlJournal(self.store.journal.database, clock=clock)


class TestSqlKeyVault(_OnAServer, KeyVaultContract):
    """The key vault on a server."""

    def make_key_vault(self) -> KeyVault:
        """A new one."""
        return self.store.vault


class TestSqlLedger(_OnAServer, LedgerContract):
    """The ledger on a server."""

    def make_ledger(self) -> Ledger:
        """A new one."""
        return self.store.ledger


class TestSqlSendBudget(_OnAServer, SendBudgetContract):
    """The send budget on a server."""

    def make_send_budget(self) -> SendBudget:
        """A new one."""
        return self.store.budgets


class TestSqlTombstones(_OnAServer, TombstonesContract):
    """The tombstones on a server."""

    def make_tombstones(self) -> Tombstones:
        """New ones."""
        return self.store.tombstones


class _InALoop(KeepingContract):
    """The same for what is awaited: one event loop for all threads of a test."""

    @pytest.fixture(autouse=True)
    def _an_empty_database(self, postgres_url: str) -> Iterator[None]:
        self.url = postgres_url
        self.store = AsyncSqlStore(postgres_url)
        with OneLoop() as self.loop:
            try:
                yield
            finally:
                self.loop.run(self.store.close())

    def settled(self, answer: Answer[T]) -> T:
        """What it gives when it is awaited in that loop."""
        return self.loop.settled(answer)

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """In the store's own database; a store takes no connection of a host's at all."""
        with a_hosts_transaction(self.url):
            yield


class TestAsyncSqlJournal(_InALoop, JournalContract):
    """The journal on a server, awaited."""

    def make_journal(self, clock: Clock) -> Journal:
        """A new one."""
        return AsyncSqlJournal(self.store.journal.database, clock=clock)


class TestAsyncSqlKeyVault(_InALoop, KeyVaultContract):
    """The key vault on a server, awaited."""

    def make_key_vault(self) -> KeyVault:
        """A new one."""
        return self.store.vault


class TestAsyncSqlLedger(_InALoop, LedgerContract):
    """The ledger on a server, awaited."""

    def make_ledger(self) -> Ledger:
        """A new one."""
        return self.store.ledger


class TestAsyncSqlSendBudget(_InALoop, SendBudgetContract):
    """The send budget on a server, awaited."""

    def make_send_budget(self) -> SendBudget:
        """A new one."""
        return self.store.budgets


class TestAsyncSqlTombstones(_InALoop, TombstonesContract):
    """The tombstones on a server, awaited."""

    def make_tombstones(self) -> Tombstones:
        """New ones."""
        return self.store.tombstones


# --- the clauses about a host's transaction bite ------------------------------------------------------------------


class OnTheHostsConnection(Database):
    """A database that takes part in the host's transaction: what the library's own never does."""

    hosts: Connection

    def _called(self, call: Call[T]) -> T:
        if call.name == "KeyRows.sweep":
            raise StoreUnavailableError("key vault", "other")  # there is no VACUUM within a transaction
        return call.work(self.hosts)


class _TakenAlong(KeepingContract):
    """A store that was handed the connection of the host's request."""

    def __init__(self, store: SqlStore, hosts: Connection) -> None:
        self.store = store
        self.hosts = hosts

    def database(self, part: Part) -> Database:
        """That part, on the host's connection."""
        taken = OnTheHostsConnection(self.store.journal.database.server, part)
        taken.hosts = self.hosts
        return taken

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """The transaction of that very connection; what was done before it is committed."""
        self.hosts.commit()
        self.hosts.execute(text("SELECT 'of the request'"))
        yield
        self.hosts.rollback()


class JournalTakenAlong(_TakenAlong, JournalContract):
    """A journal in the host's transaction."""

    def make_journal(self, clock: Clock) -> Journal:
        """A new one."""
        return SqlJournal(self.database(JOURNAL), clock=clock)

    def read_elsewhere(self, journal: Journal, stream: str) -> tuple[Record, ...]:
        """On another connection: all threads share the host's."""
        return self.store.journal.read(stream, whole=True)


class KeyVaultTakenAlong(_TakenAlong, KeyVaultContract):
    """A key vault in the host's transaction."""

    def make_key_vault(self) -> KeyVault:
        """A new one."""
        return SqlKeyVault(self.database(KEYS))


class LedgerTakenAlong(_TakenAlong, LedgerContract):
    """A ledger in the host's transaction."""

    def make_ledger(self) -> Ledger:
        """A new one."""
        return SqlLedger(self.database(LEDGER))


class SendBudgetTakenAlong(_TakenAlong, SendBudgetContract):
    """A send budget in the host's transaction."""

    def make_send_budget(self) -> SendBudget:
        """A new one."""
        return SqlSendBudget(self.database(JOURNAL))


@pytest.mark.parametrize(
    ("suite", "clause"),
    [
        (JournalTakenAlong, "test_a_rollback_of_the_hosts_takes_no_record_back"),
        (JournalTakenAlong, "test_an_append_does_not_wait_for_the_hosts_transaction"),
        (JournalTakenAlong, "test_a_rollback_of_the_hosts_gives_no_fence_back"),
        (KeyVaultTakenAlong, "test_a_rollback_of_the_hosts_takes_no_key_back"),
        (KeyVaultTakenAlong, "test_a_rollback_of_the_hosts_brings_no_key_back"),
        (LedgerTakenAlong, "test_a_rollback_of_the_hosts_takes_no_entry_back"),
        (SendBudgetTakenAlong, "test_a_rollback_of_the_hosts_gives_no_sending_back"),
    ],
)
def test_a_store_that_takes_part_in_the_hosts_transaction_fails_its_clause(
    suite: type[_TakenAlong], clause: str, postgres_url: str
) -> None:
    """The same tables and statements on a connection that the host handed over: each clause finds it (L4)."""
    with SqlStore(postgres_url) as store, _hosts_engine(postgres_url).connect() as hosts:
        taken_along = suite(store, hosts)
        with pytest.raises(AssertionError):
            getattr(taken_along, clause)()


# --- what is kept -------------------------------------------------------------------------------------------------


def test_everything_is_there_when_the_store_is_opened_again(postgres_url: str) -> None:
    """What was kept survives the closing of the store, in all three parts."""
    with SqlStore(postgres_url, clock=ManualClock(NOON)) as store:
        store.journal.append("s", 0, [RECORD], due=NOON)
        fence = store.journal.claim(limit=1, lease_for=HOUR)[0].fence
        store.vault.create("k", b"wrapped")
        store.ledger.record(ENTRY)
        store.budgets.take([ALLOWANCE], now=NOON)
        store.tombstones.lay("d", NOON)
    with SqlStore(postgres_url, clock=ManualClock(NOON + HOUR)) as store:
        assert store.journal.read("s") == (RECORD,)
        assert store.journal.due(limit=1) == (DueStream("s", NOON),)
        assert store.journal.claim(limit=1, lease_for=HOUR)[0].fence > fence
        assert store.vault.fetch("k") == KeyPresent(b"wrapped")
        assert store.ledger.entries() == ((1, ENTRY),)
        assert store.budgets.take([ALLOWANCE], now=NOON) == Exhausted(name="account", until=NOON + HOUR)
        assert store.tombstones.until("d") == NOON


def test_both_faces_keep_the_same(postgres_url: str) -> None:
    """What one writes, the other reads: they differ in how they are called, and in nothing else."""
    with OneLoop() as loop, SqlStore(postgres_url) as plain:
        awaited = AsyncSqlStore(postgres_url)
        loop.run(awaited.journal.append("s", 0, [RECORD], due=NOON))
        plain.ledger.record(ENTRY)
        assert plain.journal.read("s") == (RECORD,)
        assert loop.run(awaited.ledger.find("s", 1)) == (ENTRY,)
        loop.run(awaited.close())


def test_takings_that_are_over_are_removed(postgres_url: str) -> None:
    """The budget does not keep what no longer counts: neither in time nor in space."""
    with SqlStore(postgres_url) as store:
        for hour in range(5):
            store.budgets.take([ALLOWANCE], now=NOON + hour * HOUR)
    assert rows(postgres_url, "SELECT count(*) FROM hht_closure_taking") == [(1,)]


def test_a_caller_whose_clock_runs_ahead_takes_no_count_from_others(postgres_url: str) -> None:
    """What is over by one caller's clock alone still counts for everybody else (L8)."""
    other = Allowance(name="account", key="another", limit=1, window=HOUR)
    with SqlStore(postgres_url, clock=ManualClock(NOON)) as store:
        assert store.budgets.take([ALLOWANCE], now=NOON) is None
        assert store.budgets.take([other], now=NOON + 24 * HOUR) is None
        assert store.budgets.take([ALLOWANCE], now=NOON) == Exhausted(name="account", until=NOON + HOUR)


def test_a_destroyed_key_is_gone_from_the_tables_file(postgres_url: str) -> None:
    """Not only from what a statement finds: the page is tidied, and the zeros lie where the key lay (L23)."""
    keys = {f"key-{number}": sha256(bytes([number])).digest() * 2 for number in range(20)}
    with SqlStore(postgres_url) as store:
        for key, wrapped in keys.items():
            store.vault.create(key, wrapped)
        assert keys["key-7"] in the_tables_file(postgres_url)
        store.vault.destroy("key-7")
        left = the_tables_file(postgres_url)
    assert [key for key, wrapped in keys.items() if wrapped not in left] == ["key-7"]


def the_tables_file(url: str) -> bytes:
    """What stands on the disk where the keys are."""
    with closing(connected(url)) as server:
        server.execute("CHECKPOINT")
        found = server.execute("SELECT pg_read_binary_file(pg_relation_filepath('hht_closure_key'))").fetchone()
    assert found is not None
    assert isinstance(found[0], bytes)
    return found[0]


def test_importing_the_store_loads_neither_driver_nor_migrations() -> None:
    """Each is loaded when it is needed: psycopg alone costs 150 ms."""
    code = "import sys, hht_closure.adapters.sql; print(sorted({'psycopg', 'alembic', 'mako'} & set(sys.modules)))"
    assert printed_by(code) == "[]"


def test_closing_twice_is_no_error(postgres_url: str) -> None:
    """``close`` is repeatable, also by a ``with`` block."""
    with SqlStore(postgres_url) as store:
        store.close()
    store.close()


def test_a_closed_store_does_not_connect_again(postgres_url: str) -> None:
    """A call after ``close`` says so, and opens nothing."""
    store = SqlStore(postgres_url)
    store.close()
    with pytest.raises(StoreUnavailableError) as raised:
        store.journal.read("s")
    assert raised.value.args == ("journal", "closed")
