"""What a server can refuse, at each write of each part: a code that is typed, and nothing by halves (CRSH-07)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final

import psycopg
import pytest
from sqlalchemy import make_url

from hht_closure.adapters.sql import SqlStore
from hht_closure.errors import ClosureError, StoreUnavailableError
from hht_closure.ports import Allowance, Lease, LedgerEntry, Record
from hht_closure.testing.clock import ManualClock
from tests.postgres import TABLES, connected, dumped, postgres_url

__all__ = ["postgres_url"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def one(sequence: int) -> Record:
    """A record of that number."""
    body = f"entry {sequence}".encode()
    return Record(sequence, body, sha256(body).digest(), opens=sequence == 1)


def allowance(name: str) -> Allowance:
    """One in an hour."""
    return Allowance(name=name, key="k", limit=1, window=HOUR)


def entry(number: int) -> LedgerEntry:
    """A line of the ledger about that round."""
    return LedgerEntry(stream="s", round=number, kind="begun", statement="a.b.c", sealed_account=b"x")


def something_of_everything(store: SqlStore) -> Lease:
    """What the writes below are about: two streams, one of them leased, a taking that is over, a tombstone, a key."""
    for name in ("leased", "free"):
        store.journal.append(name, 0, [one(1)], due=NOON)
    [lease] = store.journal.claim(limit=1, lease_for=HOUR, stream="leased")
    store.budgets.take([allowance("over")], now=NOON - 2 * HOUR)
    store.tombstones.lay("over", NOON)
    store.vault.create("living", b"wrapped")
    store.ledger.record(entry(1))
    return lease


Write = Callable[[SqlStore, Lease], object]

WRITES: Final[Mapping[str, tuple[str, Write]]] = {
    "begin a stream": ("journal", lambda store, _: store.journal.append("new", 0, [one(1), one(2)], due=NOON)),
    "append": ("journal", lambda store, _: store.journal.append("free", 1, [one(2), one(3)], due=None)),
    "append under a fence": (
        "journal",
        lambda store, lease: store.journal.append("leased", 1, [one(2)], due=None, fence=lease.fence),
    ),
    "claim": ("journal", lambda store, _: store.journal.claim(limit=9, lease_for=HOUR)),
    "renew": ("journal", lambda store, lease: store.journal.renew(lease, 2 * HOUR)),
    "release": ("journal", lambda store, lease: store.journal.release(lease)),
    "take": ("journal", lambda store, _: store.budgets.take([allowance("a"), allowance("b")], now=NOON)),
    "lay": ("journal", lambda store, _: store.tombstones.lay("new", NOON + HOUR)),
    "purge": ("journal", lambda store, _: store.tombstones.purge(now=NOON)),
    "create": ("key vault", lambda store, _: store.vault.create("new", b"wrapped")),
    "destroy": ("key vault", lambda store, _: store.vault.destroy("living")),
    "record": ("ledger", lambda store, _: store.ledger.record(entry(2))),
}

Trouble = Callable[[str], AbstractContextManager[str]]
"""Given an address, one at which a store has that trouble until the block ends."""


BEFORE: Final = "TRIGGER {name} BEFORE INSERT OR UPDATE OR DELETE ON {table}"
AT_COMMIT: Final = (
    "CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
)


@contextmanager
def at_every_write(when: str, body: str, url: str) -> Generator[str, None, None]:
    """The server does this when anything is written into any table: before that, or when it is committed."""
    with closing(connected(url)) as server:
        server.execute(
            b"CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS"
            + f" $$ BEGIN {body}; RETURN NULL; END $$".encode()
        )
        for table in TABLES:
            trigger = when.format(name="trouble", table=f"hht_closure_{table}")
            server.execute(f"CREATE {trigger} EXECUTE FUNCTION trouble()".encode())
        try:
            yield url
        finally:
            server.execute("DROP FUNCTION trouble CASCADE")


def raising(state: str, when: str = BEFORE) -> Trouble:
    """An error of that SQLSTATE at every write."""
    return partial(at_every_write, when, f"RAISE EXCEPTION 'no' USING ERRCODE = '{state}'")


@contextmanager
def reading_alone(url: str) -> Generator[str, None, None]:
    """A database whose transactions may not write, as on a standby."""
    address = make_url(url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    yield address.render_as_string(hide_password=False)


@contextmanager
def having_every_table(url: str) -> Generator[str, None, None]:
    """Somebody who has all tables for themselves, and a store that does not wait for long."""
    address = make_url(url).update_query_dict({"options": "-c lock_timeout=50"})
    with psycopg.connect(url) as other:
        other.execute(f"LOCK TABLE {', '.join(f'hht_closure_{table}' for table in TABLES)} IN EXCLUSIVE MODE".encode())
        yield address.render_as_string(hide_password=False)


TROUBLES: Final[Mapping[str, tuple[str, Trouble]]] = {
    "a full disk": ("full", raising("53100")),
    "a full disk at the commit": ("full", raising("53100", AT_COMMIT)),
    "no memory": ("overloaded", raising("53200")),
    "a serialization failure": ("locked", raising("40001")),
    "a serialization failure at the commit": ("locked", raising("40001", AT_COMMIT)),
    "a deadlock": ("locked", raising("40P01")),
    "a statement that took too long": ("locked", raising("57014")),
    "an error of the disk": ("io", raising("58030")),
    "a server that shuts down": ("unreachable", raising("57P01")),
    "a connection that ends": (
        "unreachable",
        partial(at_every_write, BEFORE, "PERFORM pg_terminate_backend(pg_backend_pid())"),
    ),
    "a lock that took too long": ("locked", having_every_table),
    "a database for reading alone": ("read_only", reading_alone),
}


def told(call: Write, store: SqlStore, lease: Lease) -> tuple[object, ...]:
    """What the error says; nothing where there is none."""
    try:
        call(store, lease)
    except StoreUnavailableError as error:
        return error.args
    except ClosureError as error:
        return (repr(error),)
    return ()


@pytest.mark.parametrize("name", TROUBLES)
def test_each_write_that_is_refused_changes_nothing_and_says_why(name: str, postgres_url: str) -> None:
    """Every part, every write: the same code, and every row is as it was; then it goes through (CRSH-07)."""
    problem, trouble = TROUBLES[name]
    clock = ManualClock(NOON)
    with SqlStore(postgres_url, clock=clock) as store:
        lease = something_of_everything(store)
        before = dumped(postgres_url)
        with trouble(postgres_url) as address, SqlStore(address, clock=clock) as troubled:
            refusals = {write: told(call, troubled, lease) for write, (_, call) in WRITES.items()}
            assert troubled.journal.read("free") == (one(1),)
        assert refusals == {write: (part, problem) for write, (part, _) in WRITES.items()}
        assert dumped(postgres_url) == before
        assert {write: told(call, store, lease) for write, (_, call) in WRITES.items()} == dict.fromkeys(WRITES, ())
