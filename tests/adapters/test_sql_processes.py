"""Several processes, threads and clocks on one server: races, leases, and a process that is killed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final

import psycopg
import pytest

from hht_closure.adapters.sql import SqlJournal, SqlStore
from hht_closure.errors import ConflictError
from hht_closure.ports import Allowance, LedgerEntry, Record
from hht_closure.testing.clock import ManualClock
from tests.postgres import connected, in_a_thread, lines_of, postgres_url, rows, until_true, waiting
from tests.stage import at_a_barrier

__all__ = ["postgres_url"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def some_records(first: int, count: int, mark: str) -> list[Record]:
    """Records that say who wrote them."""
    bodies = [f"{mark}:{sequence}".encode() for sequence in range(first, first + count)]
    return [Record(first + place, body, sha256(body).digest()) for place, body in enumerate(bodies)]


# --- processes ----------------------------------------------------------------------------------------------------

PROCESS: Final = """
import itertools, sys
from datetime import timedelta
from hht_closure.adapters.sql import SqlStore
from hht_closure.errors import ConflictError
from tests.adapters.test_sql_processes import some_records

url, number = sys.argv[1:]
with SqlStore(url) as store:
    journal = store.journal
    print("ready", flush=True)
    sys.stdin.readline()
"""

APPEND_FIRST: Final = f"""{PROCESS}
    try:
        journal.append("s", 0, some_records(1, 3, number), due=None)
        print(f"won by {{number}}")
    except ConflictError:
        print("conflict")
"""

APPEND_MANY: Final = f"""{PROCESS}
    appended = 0
    while appended < 10:
        length = len(journal.read("s", whole=True))
        try:
            journal.append("s", length, some_records(length + 1, 2, number), due=None)
        except ConflictError:
            continue
        appended += 1
    print("appended")
"""

CLAIM: Final = f"""{PROCESS}
    print(" ".join(lease.stream for lease in journal.claim(limit=5, lease_for=timedelta(hours=1))))
"""

APPEND_FOR_EVER: Final = f"""{PROCESS}
    for batch in itertools.count():
        journal.append("s", 5 * batch, some_records(5 * batch + 1, 5, "x" * 2000), due=None)
        print(batch, flush=True)
"""


def said_by_four(code: str, url: str) -> list[str]:
    """What each of four processes says when they do the same work at one instant."""
    with ExitStack() as running:
        started = [running.enter_context(lines_of(code, url, str(number))) for number in range(4)]
        assert [each.told() for each in started] == ["ready"] * 4
        for each in started:
            each.tell("go")
        return [each.told() for each in started]


def test_of_four_processes_one_begins_the_stream(postgres_url: str) -> None:
    """One append goes through, three conflict, and the stream is the winner's."""
    outcomes = said_by_four(APPEND_FIRST, postgres_url)
    winner = next(outcome for outcome in outcomes if outcome != "conflict")
    assert outcomes.count("conflict") == 3
    with SqlStore(postgres_url) as store:
        assert list(store.journal.read("s")) == some_records(1, 3, winner[-1])


def test_four_processes_make_one_stream_without_gap_or_fork(postgres_url: str) -> None:
    """Whoever conflicts reads again and appends anew; in the end every batch stands once, in one row (AUD-07)."""
    assert said_by_four(APPEND_MANY, postgres_url) == ["appended"] * 4
    with SqlStore(postgres_url) as store:
        records = store.journal.read("s", whole=True)
    authors = [record.body.decode().partition(":")[0] for record in records]
    assert [record.sequence for record in records] == list(range(1, 81))
    assert sorted(authors) == sorted("0123" * 20)
    assert authors[::2] == authors[1::2]


def test_four_processes_share_the_leases_without_overlap(postgres_url: str) -> None:
    """Four workers, five leases at most for each, twenty streams: every stream is leased once (L18, RACE-09)."""
    names = [f"stream-{number:02}" for number in range(20)]
    with SqlStore(postgres_url) as store:
        for name in names:
            store.journal.append(name, 0, some_records(1, 1, name), due=NOON)
    assert sorted(" ".join(said_by_four(CLAIM, postgres_url)).split()) == names


def test_a_process_killed_while_it_writes_leaves_a_whole_journal(postgres_url: str) -> None:
    """What was acknowledged is there, nothing is there by halves, and the next append goes on (CRSH-01)."""
    with lines_of(APPEND_FOR_EVER, postgres_url, "0") as writer:
        writer.told()
        writer.tell("go")
        acknowledged = [writer.told() for _ in range(20)]
        writer.process.send_signal(signal.SIGKILL)
        writer.process.wait()
    with SqlStore(postgres_url) as store:
        until_true(postgres_url, "SELECT count(*) = 0 FROM pg_locks WHERE relation = 'hht_closure_entry'::regclass")
        length = len(store.journal.read("s", whole=True))
        assert (length % 5, length >= 5 * len(acknowledged)) == (0, True)
        assert rows(postgres_url, "SELECT length FROM hht_closure_stream") == [(length,)]
        store.journal.append("s", length, some_records(length + 1, 1, "next"), due=None)
        assert len(store.journal.read("s", whole=True)) == length + 1


# --- clocks -------------------------------------------------------------------------------------------------------


def servers_time(url: str) -> datetime:
    """The time by the server's clock."""
    with connected(url) as connection:
        [now] = connection.execute("SELECT clock_timestamp() AT TIME ZONE 'UTC'").fetchone() or (None,)
    assert isinstance(now, datetime)
    return now.replace(tzinfo=UTC)


@pytest.fixture
def of_a_host_ahead(monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> datetime:
    """The time of this process: an hour ahead of the server's."""
    ahead = servers_time(postgres_url) + HOUR
    monkeypatch.setattr("hht_closure.adapters.sql.journal.system_clock", ManualClock(ahead))
    return ahead


def test_a_lease_ends_by_the_servers_clock(of_a_host_ahead: datetime, postgres_url: str) -> None:
    """The clock of the host that claims has no part in it (L18)."""
    with SqlStore(postgres_url) as store:
        store.journal.append("s", 0, some_records(1, 1, "x"), due=NOON)
        before = servers_time(postgres_url)
        [lease] = store.journal.claim(limit=1, lease_for=HOUR)
        renewed = store.journal.renew(lease, 2 * HOUR)
        after = servers_time(postgres_url)
        assert before <= lease.expires - HOUR <= renewed.expires - 2 * HOUR <= after
        assert store.journal.claim(limit=1, lease_for=HOUR, stream="s") == ()


def test_what_a_host_ahead_writes_as_due_now_is_due_at_once(of_a_host_ahead: datetime, postgres_url: str) -> None:
    """Clocks that differ by an hour delay nothing; what is due later is due later (L18)."""
    with SqlStore(postgres_url) as store:
        store.journal.append("now", 0, some_records(1, 1, "x"), due=of_a_host_ahead)
        store.journal.append("later", 0, some_records(1, 1, "x"), due=of_a_host_ahead + HOUR)
        assert [lease.stream for lease in store.journal.claim(limit=9, lease_for=HOUR)] == ["now"]


def test_who_waited_for_a_stream_looks_at_its_lease_by_the_time_it_has_then(postgres_url: str) -> None:
    """By the time at which it began to wait, the lease that was given meanwhile would begin in the future (L18)."""
    with SqlStore(postgres_url) as store, psycopg.connect(postgres_url) as other:
        store.journal.append("s", 0, some_records(1, 1, "x"), due=NOON)
        other.execute("SELECT FROM hht_closure_stream FOR UPDATE")
        ended = in_a_thread(partial(store.journal.claim, limit=1, lease_for=HOUR, stream="s"))
        until_true(postgres_url, waiting())
        other.execute(
            "UPDATE hht_closure_stream SET fence = 1,"
            " leased_at = extract(epoch FROM clock_timestamp()) * 1000000,"
            " lease_expires = extract(epoch FROM clock_timestamp() + interval '1 hour') * 1000000"
        )
        other.commit()
        assert ended() == ()


class Meanwhile(ManualClock):
    """A clock after whose first look something happens, before the time that it gave is used."""

    def __init__(self, now: datetime, happens: Callable[[], object]) -> None:
        super().__init__(now)
        self._happens = [happens]

    def now(self) -> datetime:
        """The time as it was before."""
        now = super().now()
        while self._happens:
            self._happens.pop()()
        return now


def test_a_lease_given_between_two_looks_is_not_given_again(postgres_url: str) -> None:
    """A worker that is held up between reading the clock and asking takes nothing that another has got since (L18)."""
    with SqlStore(postgres_url, clock=ManualClock(NOON + HOUR)) as store:
        store.journal.append("s", 0, some_records(1, 1, "x"), due=NOON)

        def claimed_by_another() -> None:
            assert len(store.journal.claim(limit=1, lease_for=HOUR)) == 1
            slow_clock.set(NOON + HOUR)

        slow_clock = Meanwhile(NOON, claimed_by_another)
        slow = SqlJournal(store.journal.database, clock=slow_clock)
        assert slow.claim(limit=1, lease_for=HOUR) == ()


# --- threads ------------------------------------------------------------------------------------------------------


def entry(number: int) -> LedgerEntry:
    """A line of the ledger about a stream of that number."""
    return LedgerEntry(stream=f"s{number}", round=1, kind="begun", statement="a.b.c", sealed_account=b"x")


def test_who_reads_on_in_the_ledger_misses_nothing_that_is_written_meanwhile(postgres_url: str) -> None:
    """Eight write, one reads on from the last position it saw: every entry once, without a gap (L21, RACE-15)."""
    with SqlStore(postgres_url) as store:
        seen: list[int] = []

        def one(caller: int) -> None:
            if caller < 8:
                for number in range(10):
                    store.ledger.record(entry(10 * caller + number))
                return
            while len(seen) < 80:
                seen.extend(position for position, _ in store.ledger.entries(after=seen[-1] if seen else 0))

        at_a_barrier(9, one)
        assert seen == list(range(1, 81))


def test_takers_of_several_allowances_in_any_order_do_not_wait_for_each_other_for_ever(postgres_url: str) -> None:
    """Half of them name two allowances in one order, half in the other: all are answered, and the limit holds (L8)."""
    allowances = [Allowance(name=name, key="k", limit=20, window=HOUR) for name in ("a", "b")]
    with SqlStore(postgres_url) as store:

        def taken(caller: int) -> int:
            order = allowances if caller % 2 else allowances[::-1]
            return sum(store.budgets.take(order, now=NOON) is None for _ in range(5))

        values, _ = at_a_barrier(8, taken)
        assert sum(values) == 20


def test_appending_to_one_stream_does_not_hold_up_the_claiming_of_others(postgres_url: str) -> None:
    """A worker passes over a stream whose row another has, and does not wait for it (L18)."""
    with SqlStore(postgres_url) as store, psycopg.connect(postgres_url) as other:
        for name in ("a", "b"):
            store.journal.append(name, 0, some_records(1, 1, name), due=NOON)
        other.execute("SELECT FROM hht_closure_stream WHERE name = 'a' FOR UPDATE")
        assert [lease.stream for lease in store.journal.claim(limit=9, lease_for=HOUR)] == ["b"]


def test_a_conflict_changes_nothing_for_whoever_waited(postgres_url: str) -> None:
    """Two append behind the same entry; the second waits for the first, and then finds another length (AUD-07)."""
    with SqlStore(postgres_url) as store, psycopg.connect(postgres_url) as other:
        store.journal.append("s", 0, some_records(1, 1, "x"), due=NOON)
        other.execute("UPDATE hht_closure_stream SET length = 2")
        ended = in_a_thread(lambda: store.journal.append("s", 1, some_records(2, 1, "x"), due=None))
        until_true(postgres_url, waiting())
        other.commit()
        with pytest.raises(ConflictError):
            ended()
        assert rows(postgres_url, "SELECT length FROM hht_closure_stream") == [(2,)]
