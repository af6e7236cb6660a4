"""A host's SQLite file: transactions that are whole, looks that change nothing, and deleted that is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import InvalidValueError, PortError, StoreUnavailableError
from hht_closure.testing.contracts._expect import at_once


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty file."""
    made = tmp_path / "host.db"
    made.touch()
    return made


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    """One table with a unique number, and nothing in it."""
    with SqliteDatabase(path, busy_for=0) as made:
        with made.transaction() as connection:
            connection.execute("CREATE TABLE things (number INTEGER UNIQUE, text TEXT)")
        yield made


def count(database: SqliteDatabase) -> int:
    """How many things there are."""
    with database.reading() as connection:
        row: tuple[int] = connection.execute("SELECT count(*) FROM things").fetchone()
    return row[0]


def add(database: SqliteDatabase, number: int, text: str = "") -> None:
    """One thing more."""
    with database.transaction() as connection:
        connection.execute("INSERT INTO things VALUES (?, ?)", (number, text))


def test_a_transaction_that_fails_leaves_nothing(database: SqliteDatabase) -> None:
    """All of it, or nothing, also when the caller's own code raises."""

    def fail() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO things VALUES (1, '')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert count(database) == 0


def test_a_look_changes_nothing(database: SqliteDatabase) -> None:
    """Whatever is written within it is rolled back (L10)."""
    with database.reading() as connection:
        connection.execute("INSERT INTO things VALUES (1, '')")
    assert count(database) == 0


def test_threads_take_turns(database: SqliteDatabase) -> None:
    """Sixteen at one instant: sixteen rows, no error, no transaction within another's."""
    outcomes = at_once([partial(add, database, number) for number in range(16)])
    assert (outcomes, count(database)) == ([None] * 16, 16)


def test_a_transaction_within_a_transaction_is_refused_and_spoils_nothing(database: SqliteDatabase) -> None:
    """The outer one goes on and is committed."""
    with database.transaction() as connection:
        connection.execute("INSERT INTO things VALUES (1, '')")
        with pytest.raises(InvalidValueError, match="nested"), database.reading():
            raise AssertionError
    assert count(database) == 1


def test_another_process_that_writes_makes_it_unavailable(path: Path, database: SqliteDatabase) -> None:
    """SQLite's own name of the problem, and nothing changed."""
    rival = sqlite3.connect(path, isolation_level=None)
    rival.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="SQLITE_BUSY"):
        add(database, 1)
    rival.close()
    assert count(database) == 0


def test_a_refused_statement_is_an_error_without_its_values(database: SqliteDatabase) -> None:
    """A broken constraint is nobody's fault but the code's; the error names its type alone (L22)."""
    add(database, 1)
    with pytest.raises(PortError) as refused:
        add(database, 1, "secret")
    assert str(refused.value) == "portal_database failed with IntegrityError"


def test_forgetting_empties_the_log(path: Path, database: SqliteDatabase) -> None:
    """A deleted row stands in the log until then."""
    add(database, 1, "a text like no other")
    with database.transaction() as connection:
        connection.execute("DELETE FROM things")
    log = path.with_name("host.db-wal")
    before = b"a text like no other" in log.read_bytes()
    database.forget()
    assert (before, log.read_bytes(), b"a text like no other" in path.read_bytes()) == (True, b"", False)


def test_a_log_that_somebody_reads_is_not_said_to_be_forgotten(path: Path, database: SqliteDatabase) -> None:
    """The reader of another process keeps it, and the caller must come again."""
    add(database, 1)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM things").fetchall()
    add(database, 2)
    with pytest.raises(StoreUnavailableError, match="log_in_use"):
        database.forget()
    reader.close()
    database.forget()


def test_a_rewritten_file_holds_its_rows(database: SqliteDatabase) -> None:
    """What lives, stays; the rest of the file is made anew."""
    add(database, 1, "stays")
    database.rewrite()
    assert count(database) == 1


def test_a_closed_database_does_nothing(database: SqliteDatabase) -> None:
    """It is an error of the library, not of SQLite; closing again is none."""
    database.close()
    database.close()
    with pytest.raises(PortError):
        count(database)


def test_a_file_that_is_not_there_is_not_created(tmp_path: Path) -> None:
    """An empty database would say that nothing is left to erase."""
    with pytest.raises(StoreUnavailableError, match="SQLITE_CANTOPEN"):
        SqliteDatabase(tmp_path / "missing.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_not_opened(path: Path) -> None:
    """A text is no database."""
    path.write_text("this is a text, and long enough to be read as the first page of a file\n" * 20)
    with pytest.raises(PortError, match="DatabaseError"):
        SqliteDatabase(path)
