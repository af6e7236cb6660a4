"""A journal's file, read for verification without a change."""

from __future__ import annotations

import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from hht_closure.adapters.sqlite import SqliteJournal, SqliteKeyVault, stored_streams
from hht_closure.errors import StoreUnavailableError, StoreVersionError
from hht_closure.ports import Record


def _record(sequence: int, *, opens: bool = False) -> Record:
    body = f"entry {sequence}".encode()
    return Record(sequence, body, sha256(body).digest(), opens)


RECORDS = (_record(1, opens=True), _record(2), _record(3, opens=True), _record(4))
STORED = [("a", 4, 3, RECORDS), ("b", 1, 1, RECORDS[:1])]


def _journal(path: Path) -> SqliteJournal:
    journal = SqliteJournal(path)
    journal.append("b", 0, RECORDS[:1], due=None)
    journal.append("a", 0, RECORDS[:2], due=None)
    journal.append("a", 2, RECORDS[2:], due=None)
    return journal


def _contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def _tampered(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_every_stream_is_given_with_what_is_recorded_and_what_is_stored(tmp_path: Path) -> None:
    """Name, length, last opening and all records, in the order of names and numbers."""
    _journal(tmp_path / "j.db").close()
    assert list(stored_streams(tmp_path / "j.db")) == STORED


def test_reading_a_closed_journal_changes_nothing(tmp_path: Path) -> None:
    """Not a byte of it, and nothing is put beside it."""
    _journal(tmp_path / "j.db").close()
    before = _contents(tmp_path)
    list(stored_streams(tmp_path / "j.db"))
    assert _contents(tmp_path) == before


def test_a_journal_in_use_is_read_with_its_log(tmp_path: Path) -> None:
    """What is committed and still stands in the WAL is part of the journal, and no file comes or goes."""
    journal = _journal(tmp_path / "j.db")
    before = set(_contents(tmp_path))
    assert list(stored_streams(tmp_path / "j.db")) == STORED
    assert set(_contents(tmp_path)) == before == {"j.db", "j.db-wal", "j.db-shm"}
    journal.close()


def test_a_copy_with_its_log_is_read_and_left_alone(tmp_path: Path) -> None:
    """A copy taken from a running system, with a WAL that nobody has open: read whole, and not a byte changed."""
    journal = _journal(tmp_path / "j.db")
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    for name in ("j.db", "j.db-wal"):
        shutil.copyfile(tmp_path / name, evidence / name)
    journal.close()
    before = _contents(evidence)
    assert list(stored_streams(evidence / "j.db")) == STORED
    assert _contents(evidence) == before


def test_what_was_cut_off_shows_in_the_length(tmp_path: Path) -> None:
    """A stream whose last entries were removed is given with the length that was recorded (AUD-04)."""
    _journal(tmp_path / "j.db").close()
    _tampered(tmp_path / "j.db", "DELETE FROM entry WHERE stream = 'a' AND sequence > 2")
    assert next(iter(stored_streams(tmp_path / "j.db"))) == ("a", 4, 3, RECORDS[:2])


def test_a_stream_without_entries_is_given(tmp_path: Path) -> None:
    """A stream all of whose entries were removed does not vanish from the reading (AUD-04)."""
    _journal(tmp_path / "j.db").close()
    _tampered(tmp_path / "j.db", "DELETE FROM entry WHERE stream = 'b'")
    assert list(stored_streams(tmp_path / "j.db"))[1] == ("b", 1, 1, ())


def test_entries_without_a_stream_are_given(tmp_path: Path) -> None:
    """A stream whose row was removed is given with length 0 and its records (AUD-04)."""
    _journal(tmp_path / "j.db").close()
    _tampered(tmp_path / "j.db", "DELETE FROM stream WHERE name = 'a'")
    assert list(stored_streams(tmp_path / "j.db")) == [("a", 0, 0, RECORDS), STORED[1]]


def test_an_empty_journal_has_no_streams(tmp_path: Path) -> None:
    """A journal that nobody has written is valid and empty."""
    SqliteJournal(tmp_path / "j.db").close()
    assert list(stored_streams(tmp_path / "j.db")) == []


def test_where_there_is_no_file_none_is_made(tmp_path: Path) -> None:
    """Verification of a wrong path is an error, and leaves no empty journal behind."""
    with pytest.raises(StoreUnavailableError):
        list(stored_streams(tmp_path / "j.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named_so(tmp_path: Path) -> None:
    """A text is no journal."""
    (tmp_path / "j.db").write_bytes(b"this is a text and not a journal at all. " * 100)
    with pytest.raises(StoreUnavailableError) as caught:
        list(stored_streams(tmp_path / "j.db"))
    assert caught.value.args == ("journal", "not_a_database")


def test_a_key_vault_is_no_journal(tmp_path: Path) -> None:
    """Another file of the same store is refused."""
    SqliteKeyVault(tmp_path / "k.db").close()
    with pytest.raises(StoreVersionError):
        list(stored_streams(tmp_path / "k.db"))


def test_an_empty_file_is_no_journal(tmp_path: Path) -> None:
    """A file of no bytes is refused, and stays one."""
    (tmp_path / "j.db").write_bytes(b"")
    with pytest.raises(StoreVersionError):
        list(stored_streams(tmp_path / "j.db"))
    assert (tmp_path / "j.db").read_bytes() == b""


def test_a_path_with_signs_that_mean_something_in_a_uri_is_a_path(tmp_path: Path) -> None:
    """Question marks, percent signs and spaces belong to the name."""
    _journal(tmp_path / "a?mode=rw b%20#.db").close()
    assert list(stored_streams(tmp_path / "a?mode=rw b%20#.db")) == STORED
