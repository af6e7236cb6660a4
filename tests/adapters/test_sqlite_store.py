"""The store in SQLite keeps every law of its ports, and what it keeps is there when it is opened again."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import attrs
import pytest

from hht_closure.adapters.sqlite import (
    SqliteJournal,
    SqliteKeyVault,
    SqliteLedger,
    SqliteSendBudget,
    SqliteStore,
    SqliteTombstones,
)
from hht_closure.ports import (
    Allowance,
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

NOON = datetime(2026, 3, 1, 12, 0, 0, 654_321, tzinfo=UTC)
HOUR = timedelta(hours=1)
BODY = '{"text":"户户通"}'.encode()
RECORD = Record(1, BODY, sha256(BODY).digest(), opens=True)
ALLOWANCE = Allowance(name="account", key="digest", limit=1, window=HOUR)
ENTRY = LedgerEntry(stream="s", round=1, kind="begun", statement="a.b.c", sealed_account=b"\x00\xff")


class _InADirectory(KeepingContract):
    """Gives each test a directory of its own, and closes what it opened."""

    @pytest.fixture(autouse=True)
    def _a_directory(self, tmp_path: Path) -> Iterator[None]:
        self.store = SqliteStore(tmp_path)
        yield
        self.store.close()

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """In the host's own file, since no host's table stands in the store's."""
        path = self.store.journal.file.path.with_name("host.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as host:
            host.execute("CREATE TABLE note (text TEXT)")
            host.execute("BEGIN")
            host.execute("INSERT INTO note VALUES ('of the request')")
            yield
            host.execute("ROLLBACK")
            assert host.execute("SELECT count(*) FROM note").fetchone() == (0,)


class TestSqliteJournal(_InADirectory, JournalContract):
    """The journal in a file."""

    def make_journal(self, clock: Clock) -> Journal:
        """A new one."""
        return SqliteJournal(self.store.journal.file, clock=clock)

    def read_elsewhere(self, journal: Journal, stream: str) -> tuple[Record, ...]:
        """On another connection: the threads of a file share one."""
        with closing(SqliteJournal(self.store.journal.file.path)) as elsewhere:
            return elsewhere.read(stream, whole=True)


class TestSqliteKeyVault(_InADirectory, KeyVaultContract):
    """The key vault in a file."""

    def make_key_vault(self) -> KeyVault:
        """A new one."""
        return self.store.vault


class TestSqliteLedger(_InADirectory, LedgerContract):
    """The ledger in a file."""

    def make_ledger(self) -> Ledger:
        """A new one."""
        return self.store.ledger


class TestSqliteSendBudget(_InADirectory, SendBudgetContract):
    """The send budget in the journal's file."""

    def make_send_budget(self) -> SendBudget:
        """A new one."""
        return self.store.budgets


class TestSqliteTombstones(_InADirectory, TombstonesContract):
    """The tombstones in the journal's file."""

    def make_tombstones(self) -> Tombstones:
        """New ones."""
        return self.store.tombstones


def test_everything_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    """What was kept survives the closing of the store, in all three files."""
    with SqliteStore(tmp_path, clock=ManualClock(NOON)) as store:
        store.journal.append("s", 0, [RECORD], due=NOON)
        fence = store.journal.claim(limit=1, lease_for=HOUR)[0].fence
        store.vault.create("k", b"wrapped")
        store.ledger.record(ENTRY)
        store.budgets.take([ALLOWANCE], now=NOON)
        store.tombstones.lay("d", NOON)
    with SqliteStore(tmp_path, clock=ManualClock(NOON + HOUR)) as store:
        assert store.journal.read("s") == (RECORD,)
        assert store.journal.due(limit=1) == (DueStream("s", NOON),)
        assert store.journal.claim(limit=1, lease_for=HOUR)[0].fence > fence
        assert store.vault.fetch("k") == KeyPresent(b"wrapped")
        assert store.ledger.entries() == ((1, ENTRY),)
        assert store.budgets.take([ALLOWANCE], now=NOON) == Exhausted(name="account", until=NOON + HOUR)
        assert store.tombstones.until("d") == NOON


def test_a_store_is_three_files(tmp_path: Path) -> None:
    """Closed, it leaves journal, keys and ledger, and nothing beside them."""
    SqliteStore(tmp_path / "new" / "closures").close()
    assert sorted(path.name for path in (tmp_path / "new" / "closures").iterdir()) == [
        "journal.db",
        "keys.db",
        "ledger.db",
    ]


def test_each_part_can_stand_alone(tmp_path: Path) -> None:
    """A part is made from a path, too; those of the journal's file share it with others."""
    journal = SqliteJournal(tmp_path / "j.db", clock=ManualClock(NOON))
    budgets, stones = SqliteSendBudget(tmp_path / "j.db"), SqliteTombstones(tmp_path / "j.db")
    vault, ledger = SqliteKeyVault(tmp_path / "k.db"), SqliteLedger(tmp_path / "l.db")
    journal.append("s", 0, [RECORD], due=None)
    stones.lay("d", NOON)
    assert budgets.take([ALLOWANCE], now=NOON) is None
    assert (vault.create("k", b"wrapped"), ledger.record(ENTRY)) == (KeyPresent(b"wrapped"), 1)
    for part in (journal, budgets, stones, vault, ledger):
        part.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j.db", "k.db", "l.db"]


def test_a_clock_that_runs_ahead_forgets_nobodys_takings(tmp_path: Path) -> None:
    """Rows are removed by the time that callers give; one who is two days ahead removes none of yesterday's (L8)."""
    with SqliteStore(tmp_path) as store:
        store.budgets.take([ALLOWANCE], now=NOON)
        store.budgets.take([attrs.evolve(ALLOWANCE, key="another")], now=NOON + timedelta(days=2))
        assert store.budgets.take([ALLOWANCE], now=NOON) == Exhausted(name="account", until=NOON + HOUR)


def test_takings_that_are_long_over_are_removed(tmp_path: Path) -> None:
    """The budget does not keep what no longer counts: neither in time nor in space."""
    with SqliteStore(tmp_path) as store:
        for week in range(5):
            store.budgets.take([ALLOWANCE], now=NOON + timedelta(days=8 * week))
        with store.budgets.file.reading() as connection:
            assert connection.execute("SELECT count(*) FROM taking").fetchone() == (1,)


def test_closing_twice_is_no_error(tmp_path: Path) -> None:
    """``close`` is repeatable, also by a ``with`` block."""
    with SqliteStore(tmp_path) as store:
        store.close()
    store.close()
