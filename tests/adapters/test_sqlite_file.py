"""Opening a file, recognising it, and what happens when SQLite cannot do its work (CRSH-07)."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from hht_closure.adapters.sqlite import SqliteJournal, SqliteKeyVault, SqliteStore
from hht_closure.adapters.sqlite.file import problem_of
from hht_closure.errors import StoreUnavailableError, StoreVersionError
from hht_closure.ports import DueStream, Lease, Record
from hht_closure.testing.clock import ManualClock
from tests.adapters.test_sqlite_store import ALLOWANCE, ENTRY, HOUR, NOON, RECORD

BIG = Record(2, b"x" * 400_000, sha256(b"x" * 400_000).digest())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store with one record, due at noon."""
    with SqliteStore(tmp_path / "closures", clock=ManualClock(NOON)) as made:
        made.journal.append("s", 0, [RECORD], due=NOON)
        yield made


def test_only_the_owner_can_read_the_store(store: SqliteStore) -> None:
    """The directory has mode 0700, every file in it 0600, the WAL included."""
    directory = store.journal.file.path.parent
    files = sorted(directory.iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert "journal.db-wal" in {path.name for path in files}


@pytest.mark.parametrize(
    ("setting", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1), ("foreign_keys", 1), ("busy_timeout", 10_000)],
)
def test_every_file_has_the_settings_that_the_laws_need(store: SqliteStore, setting: str, value: str | int) -> None:
    """WAL, a commit that survives a power cut (2 is FULL), overwriting of what is deleted, and patience."""
    for file in (store.journal.file, store.vault.file, store.ledger.file):
        with file.reading() as connection:
            assert connection.execute(f"PRAGMA {setting}").fetchone() == (value,)


def test_another_version_is_refused(tmp_path: Path) -> None:
    """A file of a later release is not touched, and the error says both versions."""
    SqliteJournal(tmp_path / "j.db").close()
    connection = sqlite3.connect(tmp_path / "j.db")
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(StoreVersionError) as caught:
        SqliteJournal(tmp_path / "j.db")
    assert caught.value.args == ("journal", 7, 1)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Not a byte of it changes, and nothing is put beside it."""
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE invoice (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreVersionError) as caught:
        SqliteJournal(path)
    assert caught.value.args == ("journal", 0, 1)
    assert [each.name for each in tmp_path.iterdir()] == ["other.db"]
    assert path.read_bytes() == before


def test_a_journal_is_no_key_vault(tmp_path: Path) -> None:
    """Each of the three kinds of file is recognised by its own mark."""
    SqliteJournal(tmp_path / "j.db").close()
    with pytest.raises(StoreVersionError):
        SqliteKeyVault(tmp_path / "j.db")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """The error has a code and names no path."""
    path = tmp_path / "j.db"
    path.write_bytes(b"this is not a database, and it is long enough to be one. " * 100)
    with pytest.raises(StoreUnavailableError) as caught:
        SqliteJournal(path)
    assert caught.value.args == ("journal", "not_a_database")
    assert isinstance(caught.value.__cause__, sqlite3.Error)


def test_a_place_where_nothing_can_be_made_is_named_io(tmp_path: Path) -> None:
    """A directory that is a file, or is not there."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailableError) as whole:
        SqliteStore(tmp_path / "file" / "closures")
    with pytest.raises(StoreUnavailableError) as part:
        SqliteJournal(tmp_path / "nowhere" / "j.db")
    assert (whole.value.args, part.value.args) == (("store", "io"), ("journal", "io"))


def test_a_store_that_cannot_be_opened_whole_keeps_nothing_open(tmp_path: Path) -> None:
    """When the third file is refused, the first two are closed, and no WAL stays behind."""
    SqliteStore(tmp_path).close()
    (tmp_path / "ledger.db").write_bytes(b"this is not a database, either. " * 100)
    with pytest.raises(StoreUnavailableError):
        SqliteStore(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.db", "keys.db", "ledger.db"]


def test_a_full_disk_changes_nothing(store: SqliteStore) -> None:
    """An append that does not fit is rolled back whole; when there is room again, it goes through (CRSH-07)."""
    with store.journal.file.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailableError) as caught:
        store.journal.append("s", 1, [BIG], due=None)
    assert caught.value.args == ("journal", "full")
    assert (store.journal.read("s"), store.journal.due(limit=1)[0].due) == ((RECORD,), NOON)
    with store.journal.file.reading() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages + 1_000}")
    store.journal.append("s", 1, [BIG], due=None)
    assert len(store.journal.read("s")) == 2


WRITING: dict[str, Callable[[SqliteStore], object]] = {
    "append": lambda store: store.journal.append("s", 1, [BIG], due=None),
    "claim": lambda store: store.journal.claim(limit=1, lease_for=HOUR),
    "renew": lambda store: store.journal.renew(Lease("s", 0, NOON), HOUR),
    "release": lambda store: store.journal.release(Lease("s", 0, NOON)),
    "take": lambda store: store.budgets.take([ALLOWANCE], now=NOON),
    "lay": lambda store: store.tombstones.lay("d", NOON),
    "purge": lambda store: store.tombstones.purge(now=NOON),
    "create": lambda store: store.vault.create("k", b"wrapped"),
    "destroy": lambda store: store.vault.destroy("k"),
    "record": lambda store: store.ledger.record(ENTRY),
}


@pytest.mark.parametrize("name", WRITING)
def test_a_store_that_cannot_be_written_says_so_at_every_call(store: SqliteStore, name: str) -> None:
    """Every writing call of every part raises the same error (CRSH-07)."""
    for file in (store.journal.file, store.vault.file, store.ledger.file):
        with file.reading() as connection:
            connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailableError) as caught:
        WRITING[name](store)
    assert caught.value.args[1] == "read_only"


def test_a_store_that_cannot_be_written_can_be_read(store: SqliteStore) -> None:
    """A refused append leaves records and due time as they were, and both can be read (CRSH-07)."""
    with store.journal.file.reading() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailableError):
        store.journal.append("s", 1, [BIG], due=None)
    assert (store.journal.read("s"), store.journal.due(limit=1)) == ((RECORD,), (DueStream("s", NOON),))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, "read_only"),
        (errno.EPERM, "read_only"),
        (errno.EROFS, "read_only"),
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EMFILE, "io"),
    ],
)
def test_a_problem_of_the_file_system_has_the_same_codes(number: int, code: str) -> None:
    """What the system says when a file is made is told in the words that are used for SQLite's own errors."""
    assert problem_of(OSError(number, "text")) == code


def test_an_error_without_a_number_is_other() -> None:
    """What SQLite does not number has a code all the same."""
    assert problem_of(sqlite3.ProgrammingError("text")) == "other"


def test_a_write_waits_for_another_and_then_says_locked(store: SqliteStore) -> None:
    """While another program writes, nothing is changed; when it has ended, the same call goes through (CRSH-07)."""
    with store.journal.file.reading() as connection:
        connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(store.journal.file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError) as caught:
        store.tombstones.lay("d", NOON)
    assert caught.value.args == ("journal", "locked")
    assert store.tombstones.until("d") is None
    other.execute("ROLLBACK")
    other.close()
    store.tombstones.lay("d", NOON)
    assert store.tombstones.until("d") == NOON


def test_opening_tries_again_while_another_program_makes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite does not wait when WAL is set on a new file that another one writes; the opening does."""
    other = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        other.close()

    monkeypatch.setattr("hht_closure.adapters.sqlite.file.time", SimpleNamespace(sleep=pause, monotonic=lambda: 0.0))
    journal = SqliteJournal(tmp_path / "j.db")
    assert (journal.read("s"), len(pauses)) == ((), 1)
    journal.close()


def test_opening_gives_up_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that stays locked is unavailable after the time that any call waits."""
    other = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    times, pauses = iter([0.0, 5.0, 10.1]), list[float]()
    clock = SimpleNamespace(sleep=pauses.append, monotonic=lambda: next(times))
    monkeypatch.setattr("hht_closure.adapters.sqlite.file.time", clock)
    with pytest.raises(StoreUnavailableError) as caught:
        SqliteJournal(tmp_path / "j.db")
    assert (caught.value.args, len(pauses)) == (("journal", "locked"), 1)
    other.close()


def test_a_destroyed_key_that_still_stands_in_the_log_is_reported(store: SqliteStore) -> None:
    """While another program reads an older state, ``destroy`` fails; repeated afterwards, it is done (L23)."""
    store.vault.create("k", b"wrapped key of this test")
    with store.vault.file.reading() as connection:
        connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(store.vault.file.path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM key").fetchone()
    with pytest.raises(StoreUnavailableError) as caught:
        store.vault.destroy("k")
    assert caught.value.args == ("key vault", "locked")
    other.execute("ROLLBACK")
    other.close()
    store.vault.destroy("k")
    directory = store.vault.file.path.parent
    assert not any(b"wrapped key of this test" in path.read_bytes() for path in directory.iterdir())


def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    """No foreign error comes out of a call that comes too late."""
    store = SqliteStore(tmp_path)
    store.close()
    with pytest.raises(StoreUnavailableError):
        store.journal.read("s")


def test_an_error_in_the_middle_rolls_back(store: SqliteStore) -> None:
    """Whatever is raised within a transaction, and by whom, nothing of it stays, and the next one works."""

    def fail() -> None:
        with store.journal.file.writing() as connection:
            connection.execute("INSERT INTO tombstone (digest, until) VALUES ('d', 1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert store.tombstones.until("d") is None
    store.tombstones.lay("d", NOON)
    assert store.tombstones.until("d") == NOON


FORKED = """
import os, sys
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.errors import StoreUnavailableError

store = SqliteStore(sys.argv[1])
child = os.fork()
if child == 0:
    try:
        store.journal.read("s")
    except StoreUnavailableError as error:
        store.close()
        os._exit(3 if error.args == ("journal", "forked") else 4)
    os._exit(5)
_, status = os.waitpid(child, 0)
store.tombstones.until("d")
print(os.waitstatus_to_exitcode(status))
"""


def test_a_store_is_not_carried_over_a_fork(tmp_path: Path) -> None:
    """The child is told so, and the parent's store goes on working."""
    ran = subprocess.run([sys.executable, "-c", FORKED, tmp_path], capture_output=True, text=True, check=True)
    assert ran.stdout == "3\n"


def test_a_copied_store_is_a_store(store: SqliteStore, tmp_path: Path) -> None:
    """A copy made of a closed store opens with everything in it."""
    store.close()
    shutil.copytree(store.journal.file.path.parent, tmp_path / "copy")
    with SqliteStore(tmp_path / "copy") as copy:
        assert copy.journal.read("s") == (RECORD,)
