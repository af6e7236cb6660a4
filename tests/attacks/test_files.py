"""Looking at a store's files takes nothing from those who use them, and no link leads elsewhere (L4, L12, L16)."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hht_closure.adapters.sqlite import SqliteStore, SqliteTombstones
from hht_closure.errors import StoreUnavailableError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN_ELSEWHERE = """
import sys
from hht_closure.adapters.sqlite import SqliteStore
with SqliteStore(sys.argv[1]) as store:
    print(store.tombstones.until("after") is not None)
"""


def _seen_by_another_process(directory: Path) -> str:
    command = [sys.executable, "-c", SEEN_ELSEWHERE, str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_second_object_on_a_file_loses_no_commit(tmp_path: Path) -> None:
    """Two objects in one process, and another process that comes and goes: what is committed then is there (L4, L16).

    Closing any descriptor of a file drops all the locks of the process on it (POSIX), and the last one to close a
    database takes its log away.
    """
    with SqliteStore(tmp_path) as store:
        store.tombstones.lay("before", NOON)
        second = SqliteTombstones(tmp_path / "journal.db")
        _seen_by_another_process(tmp_path)
        store.tombstones.lay("after", NOON)
        seen = _seen_by_another_process(tmp_path)
        second.close()
    assert seen == "True"


@pytest.mark.parametrize("name", ["journal.db", "keys.db", "ledger.db"])
def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path, name: str) -> None:
    """Keys are not written to where a link leads (L22)."""
    elsewhere = tmp_path / "elsewhere"
    store = tmp_path / "closures"
    store.mkdir()
    (store / name).symlink_to(elsewhere)
    with pytest.raises(StoreUnavailableError):
        SqliteStore(store)
    assert not elsewhere.exists()


def test_a_file_that_others_could_read_is_taken_back(tmp_path: Path) -> None:
    """A file that was put there before, readable by everybody, is the owner's alone afterwards (L22)."""
    (tmp_path / "keys.db").touch(0o666)
    (tmp_path / "keys.db").chmod(0o666)
    SqliteStore(tmp_path).close()
    assert (tmp_path / "keys.db").stat().st_mode & 0o777 == 0o600
