"""Several processes on the same files: races, and a process that is killed (AUD-07, CRSH-01)."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from hht_closure.adapters.sqlite import SqliteJournal, SqliteStore, stored_streams
from hht_closure.errors import ConflictError
from hht_closure.ports import Record
from hht_closure.testing.clock import ManualClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 60.0
"""Seconds after which a test gives up on a process; reached only when something is wrong."""


def some_records(first: int, count: int, mark: str) -> list[Record]:
    """Records that say who wrote them."""
    bodies = [f"{mark}:{sequence}".encode() for sequence in range(first, first + count)]
    return [Record(first + place, body, sha256(body).digest()) for place, body in enumerate(bodies)]


def _outcomes(count: int, work: Callable[[str, int, Barrier, Queue[str]], None], directory: Path) -> list[str]:
    """What each of so many processes says when they do the same work at one instant."""
    barrier, said = SPAWN.Barrier(count), SPAWN.Queue()
    started = [SPAWN.Process(target=work, args=(str(directory), number, barrier, said)) for number in range(count)]
    for each in started:
        each.start()
    outcomes = [said.get(timeout=PATIENCE) for _ in started]
    for each in started:
        each.join(PATIENCE)
    return outcomes


def _open(directory: str, number: int, barrier: Barrier, said: Queue[str]) -> None:
    barrier.wait(PATIENCE)
    with SqliteStore(directory) as store:
        store.journal.append(f"stream-{number}", 0, some_records(1, 1, "first"), due=None)
    said.put("opened")


def _append_first(directory: str, number: int, barrier: Barrier, said: Queue[str]) -> None:
    with SqliteStore(directory) as store:
        barrier.wait(PATIENCE)
        try:
            store.journal.append("s", 0, some_records(1, 3, str(number)), due=None)
        except ConflictError:
            said.put("conflict")
        else:
            said.put(f"won by {number}")


def _append_many(directory: str, number: int, barrier: Barrier, said: Queue[str]) -> None:
    appended = 0
    with SqliteStore(directory) as store:
        barrier.wait(PATIENCE)
        while appended < 10:
            length = len(store.journal.read("s", whole=True))
            try:
                store.journal.append("s", length, some_records(length + 1, 2, str(number)), due=None)
            except ConflictError:
                continue
            appended += 1
    said.put("appended")


def _claim(directory: str, _: int, barrier: Barrier, said: Queue[str]) -> None:
    with SqliteStore(directory, clock=ManualClock(NOON)) as store:
        barrier.wait(PATIENCE)
        said.put(" ".join(lease.stream for lease in store.journal.claim(limit=2, lease_for=timedelta(hours=1))))


def test_eight_processes_open_a_new_store_at_one_instant(tmp_path: Path) -> None:
    """Every one of them gets its store, and every write is there."""
    assert _outcomes(8, _open, tmp_path / "new") == ["opened"] * 8
    with SqliteStore(tmp_path / "new") as store:
        assert [len(store.journal.read(f"stream-{number}")) for number in range(8)] == [1] * 8


def test_of_four_processes_one_begins_the_stream(tmp_path: Path) -> None:
    """One append goes through, three conflict, and the stream is the winner's."""
    outcomes = _outcomes(4, _append_first, tmp_path)
    winner = next(outcome for outcome in outcomes if outcome != "conflict")
    assert outcomes.count("conflict") == 3
    with SqliteStore(tmp_path) as store:
        assert list(store.journal.read("s")) == some_records(1, 3, winner[-1])


def test_four_processes_make_one_stream_without_gap_or_fork(tmp_path: Path) -> None:
    """Whoever conflicts reads again and appends anew; in the end every batch stands once, in one row (AUD-07)."""
    assert _outcomes(4, _append_many, tmp_path) == ["appended"] * 4
    with SqliteStore(tmp_path) as store:
        records = store.journal.read("s", whole=True)
    authors = [record.body.decode().partition(":")[0] for record in records]
    assert [record.sequence for record in records] == list(range(1, 81))
    assert sorted(authors) == sorted("0123" * 20)
    assert authors[::2] == authors[1::2]


def test_four_processes_share_the_leases_without_overlap(tmp_path: Path) -> None:
    """Four workers, two leases at most for each, six streams: every stream is leased once (L18)."""
    with SqliteStore(tmp_path) as store:
        for name in "abcdef":
            store.journal.append(name, 0, some_records(1, 1, name), due=NOON)
    assert sorted(" ".join(_outcomes(4, _claim, tmp_path)).split()) == list("abcdef")


ENDLESS = """
import itertools, sys
from hht_closure.adapters.sqlite import SqliteJournal
from tests.adapters.test_sqlite_processes import some_records

journal = SqliteJournal(sys.argv[1])
for batch in itertools.count():
    journal.append("s", 5 * batch, some_records(5 * batch + 1, 5, "x" * 2000), due=None)
    print(batch, flush=True)
"""


def test_a_process_killed_while_it_writes_leaves_a_whole_journal(tmp_path: Path) -> None:
    """What was acknowledged is there, nothing is there by halves, and the next append goes on (CRSH-01)."""
    path = tmp_path / "j.db"
    with subprocess.Popen([sys.executable, "-c", ENDLESS, path], stdout=subprocess.PIPE, cwd=Path.cwd()) as writer:
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    left = sorted(each.name for each in tmp_path.iterdir())
    [(_, length, _, stored)] = stored_streams(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == left
    assert (length, length % 5, length >= 100) == (len(stored), 0, True)
    journal = SqliteJournal(path)
    assert journal.read("s", whole=True) == stored
    journal.append("s", length, some_records(length + 1, 1, "next"), due=None)
    assert len(journal.read("s", whole=True)) == length + 1
    journal.close()
