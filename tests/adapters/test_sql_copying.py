"""From files to a server: everything goes over as it stands, once; what was cut off is run again."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import attrs
import psycopg
import pytest

from hht_closure.adapters.sql import Copied, SqlStore, copy_store, migrate
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.canonical import b64, canonical
from hht_closure.errors import (
    ConflictError,
    JournalBrokenError,
    LeaseLostError,
    StoreUnavailableError,
    StoreVersionError,
)
from hht_closure.ports import Allowance, Exhausted, KeyDestroyed, KeyPresent, LedgerEntry, Record
from hht_closure.testing.clock import ManualClock
from tests.adapters.test_sql_database import at_commit
from tests.postgres import (
    dumped,
    in_a_thread,
    lines_of,
    new_database,
    postgres_url,
    rows,
    terminated,
    until_true,
    waiting,
)

__all__ = ["postgres_url"]

NOON = datetime(2026, 3, 1, 12, 0, 0, 654_321, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALLOWANCE = Allowance(name="account", key="digest", limit=1, window=HOUR, taker="somebody")
RECEIPTED = LedgerEntry(
    stream="s", round=1, kind="closed", statement="a.b.c", receipt="d.e.f", sealed_account=b"\x00\xff"
)
PURGED = LedgerEntry(
    stream="s", round=1, kind="purged", subject="orders", statement="g.h.i", sealed_account=b"\x00\xff"
)
ALONE: Final = (
    "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
)


def chain(stream: str, count: int, *, size: int = 10) -> Iterator[Record]:
    """The records of a stream: an opening, and entries that hold so many letters."""
    before = b""
    for sequence in range(1, count + 1):
        kind = "RoundOpened" if sequence == 1 else "Noted"
        entry = {
            "commit": "c",
            "fields": {"note": "户" * size},
            "kind": kind,
            "seq": sequence,
            "stream": stream,
            "v": 1,
        }
        body = canonical({**entry, "prev": b64(before)})
        before = sha256(body).digest()
        yield Record(sequence, body, before, opens=sequence == 1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A store of files with something of everything in it, which nobody has open."""
    where = tmp_path / "closures"
    with SqliteStore(where, clock=ManualClock(NOON)) as store:
        for number, due in enumerate((None, NOON, NOON + HOUR, NOON - HOUR)):
            store.journal.append(f"stream-{number}", 0, list(chain(f"stream-{number}", 3)), due=due)
        store.journal.claim(limit=1, lease_for=HOUR, stream="stream-3")
        store.vault.create("kept", b"wrapped \x00")
        store.vault.create("destroyed", b"secret of old")
        store.vault.destroy("destroyed")
        store.ledger.record(RECEIPTED)
        store.ledger.record(PURGED)
        assert store.budgets.take([ALLOWANCE], now=NOON) is None
        store.tombstones.lay("digest", NOON + HOUR)
    return where


NOBODY: Final = "postgresql://person:hunter2@127.0.0.1:1/home"
"""An address at which no server answers."""

ALL_OF_IT: Final = Copied(streams=4, entries=12, takings=1, tombstones=1, keys=2, ledger_entries=2)

# --- what stands there afterwards ---------------------------------------------------------------------------------


def test_everything_stands_on_the_server_as_it_stood_in_the_files(directory: Path, postgres_url: str) -> None:
    """Read through the ports, nothing is lost, and nothing is another (L24)."""
    assert copy_store(directory, postgres_url) == ALL_OF_IT
    clock = ManualClock(NOON)
    with SqliteStore(directory, clock=clock) as here, SqlStore(postgres_url, clock=clock) as there:
        for number in range(4):
            stream = f"stream-{number}"
            assert (
                there.journal.read(stream, whole=True)
                == here.journal.read(stream, whole=True)
                == tuple(chain(stream, 3))
            )
        assert there.journal.due(limit=9) == here.journal.due(limit=9)
        assert there.ledger.entries() == here.ledger.entries() == ((1, RECEIPTED), (2, PURGED))
        assert [there.vault.fetch(key) for key in ("kept", "destroyed")] == [
            KeyPresent(b"wrapped \x00"),
            KeyDestroyed(),
        ]
        assert there.tombstones.until("digest") == NOON + HOUR
        other = attrs.evolve(ALLOWANCE, taker="somebody else")
        assert there.budgets.take([other], now=NOON) == Exhausted(name="account", until=NOON + HOUR)
        assert there.budgets.take([ALLOWANCE], now=NOON) is None


def test_what_comes_next_comes_behind_what_was_copied(directory: Path, postgres_url: str) -> None:
    """Entries of the journal, positions of the ledger, and what was due when it was written (L18, L21)."""
    copy_store(directory, postgres_url)
    with SqlStore(postgres_url, clock=ManualClock(NOON - 5 * HOUR)) as store:
        with pytest.raises(ConflictError):
            store.journal.append("stream-0", 2, [Record(3, b"again", b"")], due=None)
        assert store.ledger.record(attrs.evolve(RECEIPTED, round=2)) == 3
        assert store.ledger.record(PURGED) == 2
        assert [lease.stream for lease in store.journal.claim(limit=9, lease_for=HOUR)] == ["stream-3", "stream-1"]


def test_a_lease_that_was_running_has_ended_and_its_fence_is_not_given_again(
    directory: Path, postgres_url: str
) -> None:
    """Whoever held it can neither write nor freeze; and that it was never given back still counts (L18, L19)."""
    copy_store(directory, postgres_url)
    with SqlStore(postgres_url, clock=ManualClock(NOON)) as store:
        [lease] = store.journal.claim(limit=1, lease_for=HOUR, stream="stream-3")
        assert (lease.fence, lease.takeovers) == (2, 1)
        with pytest.raises(LeaseLostError):
            store.journal.append("stream-3", 3, [Record(4, b"late", b"")], due=None, fence=1)


def test_by_the_servers_own_clock_the_lease_has_ended_too(directory: Path, postgres_url: str) -> None:
    """Also where the clock of the files' host stood in a time to come (L18)."""
    copy_store(directory, postgres_url)
    with SqlStore(postgres_url) as store:
        assert len(store.journal.claim(limit=1, lease_for=HOUR, stream="stream-3")) == 1


def test_the_files_are_not_changed(directory: Path, postgres_url: str) -> None:
    """Neither a byte of them, nor what is beside them."""
    before = {file.name: file.read_bytes() for file in directory.iterdir()}
    copy_store(directory, postgres_url)
    assert {file.name: file.read_bytes() for file in directory.iterdir()} == before
    assert sorted(before) == ["journal.db", "keys.db", "ledger.db"]


def test_each_part_goes_where_it_is_to_stand(directory: Path) -> None:
    """Three databases, for three sets of rights (L23)."""
    with ExitStack() as made:
        url, keys_url, ledger_url = (made.enter_context(new_database(migrated=False)) for _ in range(3))
        migrate(url, keys_url=keys_url, ledger_url=ledger_url)
        assert copy_store(directory, url, keys_url=keys_url, ledger_url=ledger_url) == ALL_OF_IT
        with SqlStore(url, keys_url=keys_url, ledger_url=ledger_url) as store:
            assert store.vault.fetch("kept") == KeyPresent(b"wrapped \x00")
            assert store.ledger.find("s", 1) == (RECEIPTED, PURGED)


def test_copying_again_finds_all_of_it_there_and_changes_nothing(directory: Path, postgres_url: str) -> None:
    """Whoever did not hear that it was done runs it once more."""
    copy_store(directory, postgres_url)
    before = dumped(postgres_url)
    assert (copy_store(directory, postgres_url), dumped(postgres_url)) == (ALL_OF_IT, before)


def test_a_large_store_is_copied_a_little_at_a_time(tmp_path: Path, postgres_url: str) -> None:
    """Fifty megabytes, half of them in one stream: twelve are never in memory at once."""
    with SqliteStore(tmp_path / "closures") as store:
        for stream, count in [("one", 2500), *((f"stream-{number}", 5) for number in range(500))]:
            store.journal.append(stream, 0, list(chain(stream, count, size=3300)), due=None)
    assert (tmp_path / "closures" / "journal.db").stat().st_size > 50_000_000
    tracemalloc.start()
    try:
        copied = copy_store(tmp_path / "closures", postgres_url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (copied.entries, peak < 12_000_000) == (5000, True), peak


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "write"),
    [
        ("journal", lambda store: store.journal.append("other", 0, list(chain("other", 1)), due=None)),
        ("journal", lambda store: store.budgets.take([ALLOWANCE], now=NOON)),
        ("journal", lambda store: store.tombstones.lay("other", NOON)),
        ("key vault", lambda store: store.vault.create("other", b"wrapped")),
        ("ledger", lambda store: store.ledger.record(RECEIPTED)),
    ],
    ids=["a stream", "a taking", "a tombstone", "a key", "an entry of the ledger"],
)
def test_a_server_with_something_else_on_it_is_refused(
    part: str, write: Callable[[SqlStore], object], directory: Path, postgres_url: str
) -> None:
    """Two stores are never made one; what stands there stays, and nothing is added."""
    with SqlStore(postgres_url) as store:
        write(store)
    before = dumped(postgres_url)
    with pytest.raises(StoreUnavailableError) as raised:
        copy_store(directory, postgres_url)
    assert (raised.value.args, dumped(postgres_url)) == ((part, "not_empty"), before)


def test_a_server_on_which_the_portal_runs_already_is_refused(directory: Path, postgres_url: str) -> None:
    """Once something has happened there, the files are of yesterday."""
    copy_store(directory, postgres_url)
    with SqlStore(postgres_url, clock=ManualClock(NOON)) as store:
        store.journal.claim(limit=1, lease_for=HOUR)
    with pytest.raises(StoreUnavailableError) as raised:
        copy_store(directory, postgres_url)
    assert raised.value.args == ("journal", "not_empty")


def test_what_somebody_writes_there_at_that_moment_is_seen(directory: Path, postgres_url: str) -> None:
    """A portal that was started too early, and has not committed yet: it is waited for, and what it wrote stays."""
    with psycopg.connect(postgres_url) as other:
        other.execute("INSERT INTO hht_closure_tombstone VALUES ('of another', 1)")
        copied = in_a_thread(partial(copy_store, directory, postgres_url))
        until_true(postgres_url, waiting())
        other.commit()
        with pytest.raises(StoreUnavailableError) as raised:
            copied()
    assert (raised.value.args, dumped(postgres_url)) == (("journal", "not_empty"), (("of another", 1),))


HAVING_IT_OPEN: Final = """
import sys
from hht_closure.adapters.sqlite import SqliteStore

store = SqliteStore(sys.argv[1])
store.tombstones.lay("of the last moment", store.tombstones.until("digest"))
print("open", flush=True)
sys.stdin.readline()
"""


def test_files_that_a_process_still_has_open_are_refused(directory: Path, postgres_url: str) -> None:
    """Before a server is asked; and when it has ended, even by a kill, everything it wrote goes over."""
    with lines_of(HAVING_IT_OPEN, str(directory)) as process:
        assert process.told() == "open"
        with pytest.raises(StoreUnavailableError) as raised:
            copy_store(directory, NOBODY)
        assert raised.value.args == ("ledger", "in_use")
        process.process.kill()
        process.process.wait()
    assert copy_store(directory, postgres_url) == attrs.evolve(ALL_OF_IT, tombstones=2)


def test_files_that_are_opened_while_they_are_copied_are_refused(directory: Path, postgres_url: str) -> None:
    """A worker that was forgotten, and comes back by itself: nothing is committed."""
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE hht_closure_stream")
        copied = in_a_thread(partial(copy_store, directory, postgres_url))
        until_true(postgres_url, waiting())
        with SqliteStore(directory):
            other.rollback()
            with pytest.raises(StoreUnavailableError) as raised:
                copied()
    assert (raised.value.args, dumped(postgres_url)) == (("ledger", "in_use"), ())


def test_a_directory_without_a_store_is_refused_and_none_is_made(tmp_path: Path, postgres_url: str) -> None:
    """A path that was mistyped is not an empty store."""
    with pytest.raises(StoreUnavailableError) as raised:
        copy_store(tmp_path / "closrues", postgres_url)
    assert (raised.value.args, list(tmp_path.iterdir())) == (("ledger", "io"), [])


def test_files_of_another_release_are_refused(directory: Path, postgres_url: str) -> None:
    """This release does not know what stands in them (L29)."""
    with closing(sqlite3.connect(directory / "keys.db")) as keys:
        keys.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreVersionError) as raised:
        copy_store(directory, postgres_url)
    assert raised.value.args == ("key vault", 2, 1)


def test_a_server_without_tables_is_refused(directory: Path) -> None:
    """They are made by ``migrate``, and not in passing."""
    with new_database(migrated=False) as url, pytest.raises(StoreVersionError) as raised:
        copy_store(directory, url)
    assert raised.value.args == ("ledger", 0, 1)


@pytest.mark.parametrize(
    ("edit", "evidence"),
    [
        (
            "UPDATE entry SET body = CAST(body || ' ' AS BLOB) WHERE stream = 'stream-1' AND sequence = 2",
            ("stream-1", 2),
        ),
        ("UPDATE entry SET hash = zeroblob(32) WHERE stream = 'stream-2' AND sequence = 3", ("stream-2", 3)),
        ("DELETE FROM entry WHERE stream = 'stream-1' AND sequence = 2", ("stream-1", 2)),
        ("DELETE FROM entry WHERE stream = 'stream-1' AND sequence = 3", ("stream-1", 3)),
        ("UPDATE stream SET opened_at = 2 WHERE name = 'stream-1'", ("stream-1", 3)),
    ],
    ids=["a body", "a hash", "an entry gone", "the end gone", "the opening"],
)
def test_a_journal_that_was_altered_is_refused(
    edit: str, evidence: tuple[str, int], directory: Path, postgres_url: str
) -> None:
    """Every chain is verified before anything is committed (L24, AUD-01, AUD-02)."""
    with closing(sqlite3.connect(directory / "journal.db")) as journal, journal:
        journal.execute(edit)
    with pytest.raises(JournalBrokenError) as raised:
        copy_store(directory, postgres_url)
    assert (raised.value.args, dumped(postgres_url)) == (evidence, ())


def test_a_server_that_is_not_there_is_said_without_its_address(directory: Path, postgres_url: str) -> None:
    """An address holds a password (L22); and nothing is copied to those that are there."""
    with pytest.raises(StoreUnavailableError) as raised:
        copy_store(directory, postgres_url, keys_url=NOBODY)
    assert (raised.value.args, dumped(postgres_url)) == (("key vault", "unreachable"), ())
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


# --- cut off ------------------------------------------------------------------------------------------------------

COPYING: Final = """
import sys
from hht_closure.adapters.sql import copy_store

copy_store(*sys.argv[1:])
"""


def test_a_copy_that_is_killed_in_the_middle_leaves_nothing_and_is_run_again(
    directory: Path, postgres_url: str
) -> None:
    """Ledger and keys are copied, the journal is not: none of it is committed (CRSH-01)."""
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE hht_closure_stream")
        with lines_of(COPYING, str(directory), postgres_url) as process:
            until_true(postgres_url, waiting())
            process.process.kill()
            process.process.wait()
    until_true(postgres_url, ALONE)
    assert dumped(postgres_url) == ()
    assert copy_store(directory, postgres_url) == ALL_OF_IT


def test_a_copy_that_is_killed_between_two_commits_is_run_again(directory: Path, postgres_url: str) -> None:
    """Ledger and keys are committed, the journal is not: those are compared, and the rest is copied (CRSH-01)."""
    with at_commit(postgres_url, "PERFORM pg_advisory_xact_lock(7)"), psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_advisory_lock(7)")
        with lines_of(COPYING, str(directory), postgres_url) as process:
            until_true(postgres_url, waiting())
            process.process.kill()
            process.process.wait()
        terminated(postgres_url, "wait_event_type = 'Lock'")
    counts = [rows(postgres_url, f"SELECT count(*) FROM hht_closure_{table}") for table in ("ledger", "key", "stream")]  # noqa: S608
    assert counts == [[(2,)], [(2,)], [(0,)]]
    assert copy_store(directory, postgres_url) == ALL_OF_IT


@pytest.mark.parametrize("state", ["53100", "40001", "57014", "25006"])
def test_what_the_server_refuses_leaves_nothing(state: str, directory: Path, postgres_url: str) -> None:
    """A full disk, say, in the last of the three parts, at the commit: the error has its code (CRSH-07)."""
    problem = {"53100": "full", "25006": "read_only"}.get(state, "locked")
    refusing = at_commit(postgres_url, f"RAISE EXCEPTION 'no' USING ERRCODE = '{state}'")
    with refusing, pytest.raises(StoreUnavailableError) as raised:
        copy_store(directory, postgres_url)
    assert raised.value.args == ("journal", problem)
    assert rows(postgres_url, "SELECT count(*) FROM hht_closure_stream") == [(0,)]
    assert copy_store(directory, postgres_url) == ALL_OF_IT
