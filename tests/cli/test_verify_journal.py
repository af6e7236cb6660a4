"""``hht-closure verify-journal``: what was edited is found, wherever it was edited (L24)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hht_closure.adapters.sqlite import SqliteJournal, SqliteLedger
from hht_closure.cli import main
from hht_closure.cli.verify_journal import DoesNotHold, Holds, check_journal
from hht_closure.events import RoundLapsed
from tests.cli.evidence import CHECKED, NOW, append, edit, make_journal

RECORD_HEADER = 9
"""Bytes in front of such an entry's values: its length (2), its header's length (1), its columns' types (6)."""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal's file that holds."""
    return make_journal(tmp_path / "journal.db")


def status(file: Path) -> int:
    """The exit status of the command for that file."""
    return main(["verify-journal", str(file)])


def small_journal(file: Path) -> Path:
    """One stream of two short entries."""
    journal = SqliteJournal(file)
    append(journal, "first", CHECKED, RoundLapsed(NOW))
    journal.close()
    return file


def test_an_untouched_journal_holds(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 0, and what was looked at is said, with what it does not show."""
    assert status(journal) == 0
    said = capsys.readouterr()
    assert (said.err, said.out.splitlines()) == (
        "",
        [
            "The journal holds: streams 2, entries 4, every chain unbroken.",
            (
                "This command does not anchor the ends: a tail that was cut off is seen while the stream's row is left"
                " as it was; where that was changed or removed as well, only the signed heads in the ledger show it."
            ),
        ],
    )


def test_an_empty_journal_holds(tmp_path: Path) -> None:
    """Nobody has asked to close an account yet."""
    SqliteJournal(tmp_path / "journal.db").close()
    assert check_journal(tmp_path / "journal.db") == Holds(0, 0)


def test_a_journal_in_use_is_verified(tmp_path: Path) -> None:
    """What stands in the write-ahead log is part of it."""
    journal = SqliteJournal(tmp_path / "journal.db")
    append(journal, "first", CHECKED)
    assert check_journal(tmp_path / "journal.db") == Holds(1, 1)
    journal.close()


def test_verifying_changes_nothing(journal: Path) -> None:
    """Not a byte, and nothing is put beside it."""
    before = {one.name: one.read_bytes() for one in journal.parent.iterdir()}
    status(journal)
    assert {one.name: one.read_bytes() for one in journal.parent.iterdir()} == before


def test_any_one_byte_of_a_stored_body_or_hash_is_found(tmp_path: Path) -> None:
    """Each byte of each entry, one after the other, with one bit turned over."""
    unseen = []
    journal = small_journal(tmp_path / "journal.db")
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        rows = connection.execute("SELECT stream, sequence, body, hash FROM entry").fetchall()
        for stream, sequence, body, digest in rows:
            for column, stored in (("body", body), ("hash", digest)):
                for at in range(len(stored)):
                    edited = stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :]
                    update = f"UPDATE entry SET {column} = ? WHERE stream = ? AND sequence = ?"  # noqa: S608
                    connection.execute(update, (edited, stream, sequence))
                    if status(journal) != 1:
                        unseen.append((stream, sequence, column, at))
                    connection.execute(update, (stored, stream, sequence))
    assert (unseen, status(journal)) == ([], 0)


@pytest.mark.parametrize("bit", [0, 1, 3, 7])
def test_any_one_byte_of_an_entry_in_the_file_is_found(tmp_path: Path, bit: int) -> None:
    """Whoever edits the file without SQLite is found as well, also where SQLite itself no longer understands it."""
    file = small_journal(tmp_path / "journal.db")
    with closing(sqlite3.connect(file)) as connection:
        body, digest = connection.execute("SELECT body, hash FROM entry WHERE sequence = 2").fetchone()
    whole, place = file.read_bytes(), b"first\x02"
    start, end = whole.index(place + body) - RECORD_HEADER, whole.index(digest) + len(digest)
    unseen = []
    for at in range(start, end):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
        if status(file) != 1:
            unseen.append(at - start)
    assert (unseen, end - start) == ([], RECORD_HEADER + len(place) + len(body) + len(digest))


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("UPDATE entry SET stream = 'firsu' WHERE stream = 'first' AND sequence = 3", ("first", 3)),
        ("UPDATE entry SET stream = 'third' WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET sequence = 4 WHERE stream = 'first' AND sequence = 3", ("first", 3)),
        ("UPDATE entry SET sequence = 2 WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET sequence = 'x' WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET sequence = 1.5 WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET stream = CAST('second' AS BLOB) WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET body = CAST(body AS TEXT) WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET hash = 7 WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET opens = 0 WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET opens = 7 WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET opens = 1.5 WHERE stream = 'second'", ("second", 1)),
        ("UPDATE entry SET opens = X'' WHERE stream = 'first' AND sequence = 2", ("first", 2)),
        ("UPDATE entry SET opens = 1 WHERE stream = 'first' AND sequence = 2", ("first", 2)),
        ("DELETE FROM entry WHERE stream = 'first' AND sequence = 3", ("first", 3)),
        ("DELETE FROM entry WHERE stream = 'first' AND sequence = 2", ("first", 2)),
        ("DELETE FROM entry WHERE stream = 'second'", ("second", 1)),
        ("DELETE FROM stream WHERE name = 'second'", ("second", 1)),
        ("UPDATE stream SET name = 'seconds' WHERE name = 'second'", ("second", 1)),
        ("UPDATE stream SET length = 2 WHERE name = 'first'", ("first", 3)),
        ("UPDATE stream SET length = 4 WHERE name = 'first'", ("first", 4)),
        ("UPDATE stream SET length = 'x' WHERE name = 'second'", ("second", 1)),
        ("UPDATE stream SET opened_at = 2 WHERE name = 'first'", ("first", 1)),
        ("UPDATE stream SET opened_at = 0 WHERE name = 'second'", ("second", 1)),
    ],
)
def test_every_edit_of_rows_is_found_and_placed(journal: Path, statement: str, wrong: tuple[str, int]) -> None:
    """Stream and entry are named: moved, renumbered, deleted, of another type, or recorded otherwise."""
    edit(journal, statement)
    found = check_journal(journal)
    assert isinstance(found, DoesNotHold)
    assert (found.stream, found.entry) == wrong


def test_entries_that_changed_places_are_found(journal: Path) -> None:
    """Each entry is genuine, and its number is not."""
    for old, new in ((2, 9), (3, 2), (9, 3)):
        edit(journal, "UPDATE entry SET sequence = ? WHERE stream = 'first' AND sequence = ?", new, old)
    assert status(journal) == 1


def test_what_is_broken_is_said_in_one_line(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With stream and entry, on the standard error."""
    edit(journal, "UPDATE entry SET body = CAST(body || ' ' AS BLOB) WHERE stream = 'first' AND sequence = 2")
    assert status(journal) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        "hht-closure verify-journal: the journal is broken: stream first, entry 2: it is not what was appended\n",
    )


def test_an_edited_name_writes_nothing_to_the_terminal_but_text(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of escape sequences is shown escaped."""
    edit(journal, "UPDATE entry SET stream = ? WHERE stream = 'second'", "\x1b[2J\nfine")
    edit(journal, "UPDATE stream SET name = ? WHERE name = 'second'", "\x1b[2J\nfine")
    assert status(journal) == 1
    assert capsys.readouterr().err == (
        "hht-closure verify-journal: the journal is broken: stream '\\x1b[2J\\nfine', entry 1: it is not what was"
        " appended\n"
    )


def test_a_name_that_is_no_text_is_found(journal: Path) -> None:
    """Bytes that are not UTF-8, where a stream's name should be: SQLite cannot even give them as text."""
    edit(journal, "UPDATE entry SET stream = CAST(X'ff' AS TEXT) WHERE stream = 'second'")
    assert status(journal) == 1


def test_a_file_that_was_cut_off_is_found(journal: Path) -> None:
    """It still says that it is a journal, and cannot be read to its end."""
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) - 4096])
    assert status(journal) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), (b"", "not a journal"), (b"not a database at all, but text" * 40, "not a journal")],
)
def test_what_is_no_journal_is_wrong_usage(
    tmp_path: Path, content: bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and one line: there is nothing to be judged."""
    file = tmp_path / "journal.db"
    if content is not None:
        file.write_bytes(content)
    assert status(file) == 2
    assert capsys.readouterr().err == f"hht-closure verify-journal: {file}: {said}\n"


def test_a_directory_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and it says that it is one."""
    assert status(tmp_path) == 2
    assert capsys.readouterr().err == (
        f"hht-closure verify-journal: {tmp_path}: a directory, and a journal is a file (journal.db)\n"
    )


def test_a_tail_that_was_cut_off_with_its_rows_length_is_not_seen(journal: Path) -> None:
    """What the command says of itself: without the ledger it cannot know."""
    edit(journal, "DELETE FROM entry WHERE stream = 'first' AND sequence = 3")
    edit(journal, "UPDATE stream SET length = 2 WHERE name = 'first'")
    assert check_journal(journal) == Holds(2, 3)


def test_another_kind_of_file_of_ours_is_wrong_usage(tmp_path: Path) -> None:
    """A ledger is no journal."""
    SqliteLedger(tmp_path / "ledger.db").close()
    assert status(tmp_path / "ledger.db") == 2


def test_a_journal_of_another_version_is_wrong_usage(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may hold, and this release cannot say."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 2")
    assert status(journal) == 2
    assert capsys.readouterr().err == (
        f"hht-closure verify-journal: {journal}: a journal of version 2, and this release reads 1\n"
    )
