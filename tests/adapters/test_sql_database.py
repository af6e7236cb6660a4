"""What a server, its connections and its settings can do to a call: no effect by halves, and no wrong word about it."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

import attrs
import psycopg
import pytest
from sqlalchemy import Connection, make_url, text

from hht_closure.adapters.sql import AsyncSqlStore, SqlStore
from hht_closure.errors import ConflictError, InvalidValueError, PortError, StoreUnavailableError
from hht_closure.ports import Answer, Record
from tests.postgres import (
    OneLoop,
    connected,
    in_a_thread,
    new_database,
    postgres_url,
    rows,
    terminated,
    until_true,
    waiting,
)

__all__ = ["postgres_url"]

T = TypeVar("T")

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def one(sequence: int) -> Record:
    """A record of that number."""
    body = f"entry {sequence}".encode()
    return Record(sequence, body, sha256(body).digest(), opens=sequence == 1)


@attrs.frozen
class Face:
    """A store of either face, and how its answers are had."""

    store: SqlStore | AsyncSqlStore
    loop: OneLoop

    def settled(self, answer: Answer[T]) -> T:
        """The value, plain or awaited."""
        return self.loop.settled(answer)

    def append(self, sequence: int) -> None:
        """One record to the one stream."""
        self.settled(self.store.journal.append("s", sequence - 1, [one(sequence)], due=None))

    def read(self) -> tuple[Record, ...]:
        """The one stream."""
        return self.settled(self.store.journal.read("s", whole=True))


@contextmanager
def opened(face: str, url: str, *, connections: int = 15) -> Iterator[Face]:
    """A store of that face."""
    with OneLoop() as loop:
        if face == "plain":
            with SqlStore(url, connections=connections) as plain:
                yield Face(plain, loop)
        else:
            awaited = AsyncSqlStore(url, connections=connections)
            try:
                loop.run(awaited.open())
                yield Face(awaited, loop)
            finally:
                loop.run(awaited.close())


@pytest.fixture(params=["plain", "awaited"])
def face(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[Face]:
    """Both faces in turn."""
    with opened(str(request.param), postgres_url) as one_face:
        yield one_face


@contextmanager
def at_commit(url: str, body: str) -> Iterator[None]:
    """Until the block ends, the server runs this at the commit of each entry."""
    with closing(connected(url)) as server:
        server.execute(
            b"CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS"
            + f" $$ BEGIN {body}; RETURN NULL; END $$".encode()
        )
        server.execute(
            "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON hht_closure_entry"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()"
        )
        try:
            yield
        finally:
            server.execute("DROP FUNCTION at_commit CASCADE")


# --- lost connections ---------------------------------------------------------------------------------------------


def test_connections_that_were_closed_meanwhile_are_made_anew(face: Face, postgres_url: str) -> None:
    """After a restart of the server the next call goes through, though every pooled connection is dead (CRSH-07)."""
    face.append(1)
    terminated(postgres_url)
    face.append(2)
    terminated(postgres_url)
    assert face.read() == (one(1), one(2))


def test_a_connection_killed_before_the_commit_is_made_anew_and_nothing_is_doubled(
    face: Face, postgres_url: str
) -> None:
    """What had no effect is done again on another connection, once (CRSH-03)."""
    face.append(1)
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT FROM hht_closure_stream FOR UPDATE")
        ended = in_a_thread(lambda: face.append(2))
        until_true(postgres_url, waiting())
        terminated(postgres_url, "wait_event_type = 'Lock'")
        until_true(postgres_url, waiting())
    ended()
    assert face.read() == (one(1), one(2))


def test_a_second_connection_killed_is_an_unavailable_store(face: Face, postgres_url: str) -> None:
    """Nothing was changed, and it says so: the caller may try again (CRSH-07)."""
    face.append(1)
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT FROM hht_closure_stream FOR UPDATE")
        ended = in_a_thread(lambda: face.append(2))
        for _ in range(2):
            until_true(postgres_url, waiting())
            terminated(postgres_url, "wait_event_type = 'Lock'")
        with pytest.raises(StoreUnavailableError) as raised:
            ended()
    assert raised.value.args == ("journal", "unreachable")
    assert face.read() == (one(1),)


def test_a_connection_killed_in_the_commit_is_of_unknown_outcome(face: Face, postgres_url: str) -> None:
    """Nobody is told that nothing was changed; here nothing was (CRSH-03, RACE-13)."""
    with at_commit(postgres_url, "PERFORM pg_advisory_xact_lock(7)"), psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_advisory_lock(7)")
        ended = in_a_thread(lambda: face.append(1))
        until_true(postgres_url, f"{waiting()} AND query = 'COMMIT'")
        terminated(postgres_url, "wait_event_type = 'Lock'")
        with pytest.raises(PortError) as raised:
            ended()
    assert raised.value.args == ("JournalRows.append", "outcome_unknown")
    assert face.read() == ()


def test_a_connection_that_the_driver_has_closed_is_made_anew(postgres_url: str) -> None:
    """It is found out by using it, for reading as for writing."""
    with SqlStore(postgres_url) as store:
        for call in (lambda: store.journal.append("s", 0, [one(1)], due=None), lambda: store.journal.read("s")):
            pooled = store.journal.database.server.engine.raw_connection()
            driven = pooled.driver_connection
            pooled.close()
            assert isinstance(driven, psycopg.Connection)
            driven.close()
            call()
        assert store.journal.read("s") == (one(1),)


@pytest.mark.parametrize("which", ["plain", "awaited"])
def test_a_commit_whose_answer_is_lost_is_of_unknown_outcome(which: str, postgres_url: str) -> None:
    """Nobody is told that nothing was changed; here it was (CRSH-04, RACE-13)."""
    with Relay(postgres_url) as relay, opened(which, relay.url) as face:
        face.append(1)
        relay.loses_the_next_commit()
        with pytest.raises(PortError) as raised:
            face.append(2)
        assert raised.value.args == ("JournalRows.append", "outcome_unknown")
        assert face.read() == (one(1), one(2))


def test_a_commit_that_the_server_refuses_is_without_effect(face: Face, postgres_url: str) -> None:
    """A serialization failure at the commit, say: nothing was changed, and trying again is safe (CRSH-07)."""
    with (
        at_commit(postgres_url, "RAISE EXCEPTION 'no' USING ERRCODE = '40001'"),
        pytest.raises(StoreUnavailableError) as raised,
    ):
        face.append(1)
    assert raised.value.args == ("journal", "locked")
    assert face.read() == ()


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("53100", "full"),
        ("53200", "overloaded"),
        ("40001", "locked"),
        ("40P01", "locked"),
        ("57014", "locked"),
        ("25006", "read_only"),
        ("42501", "no_right"),
        ("58030", "io"),
        ("XX000", "other"),
    ],
)
def test_what_the_server_refuses_has_a_stable_code(state: str, problem: str, postgres_url: str) -> None:
    """A full disk, a deadlock, a standby, a missing right: a code each, and no effect (CRSH-07)."""
    with SqlStore(postgres_url) as store, closing(connected(postgres_url)) as server:
        server.execute(
            b"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            + f" $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$".encode()
        )
        server.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON hht_closure_entry FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        with pytest.raises(StoreUnavailableError) as raised:
            store.journal.append("s", 0, [one(1)], due=None)
        server.execute("DROP FUNCTION refuse CASCADE")
        assert raised.value.args == ("journal", problem)
        assert rows(postgres_url, "SELECT count(*) FROM hht_closure_stream") == [(0,)]


def test_who_waits_too_long_for_a_row_is_told_that_it_is_locked(postgres_url: str) -> None:
    """A host that stands still with a lock in its hand stops nobody for ever; the URL sets how long."""
    impatient = make_url(postgres_url).update_query_dict({"options": "-c statement_timeout=50"})
    with SqlStore(impatient) as store, psycopg.connect(postgres_url) as other:
        store.journal.append("s", 0, [one(1)], due=None)
        other.execute("SELECT FROM hht_closure_stream FOR UPDATE")
        with pytest.raises(StoreUnavailableError) as raised:
            store.journal.append("s", 1, [one(2)], due=None)
    assert raised.value.args == ("journal", "locked")


def test_a_call_that_is_cancelled_gives_its_connection_back(postgres_url: str) -> None:
    """More calls than there are connections are cancelled while they wait, and the next one goes through."""

    async def cancelled(store: AsyncSqlStore) -> None:
        calls = [asyncio.create_task(store.journal.append("s", 1, [one(2)], due=None)) for _ in range(20)]
        await asyncio.to_thread(until_true, postgres_url, waiting(15))
        for each in calls:
            each.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    with opened("awaited", postgres_url) as face, psycopg.connect(postgres_url) as other:
        face.append(1)
        other.execute("SELECT FROM hht_closure_stream FOR UPDATE")
        assert isinstance(face.store, AsyncSqlStore)
        face.loop.run(cancelled(face.store))
        other.rollback()
        face.append(2)
        assert face.read() == (one(1), one(2))


# --- how many connections -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["plain", "awaited"])
def test_a_store_has_no_more_connections_than_it_was_told(which: str, postgres_url: str) -> None:
    """Eight calls at once share two, and all are answered."""
    with opened(which, postgres_url, connections=2) as face, psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE hht_closure_tombstone")
        calls = [in_a_thread(lambda: face.settled(face.store.tombstones.lay("d", NOON))) for _ in range(8)]
        until_true(postgres_url, waiting(2))
        other.rollback()
        assert [call() for call in calls] == [None] * 8
        ours = f"pid NOT IN (pg_backend_pid(), {other.info.backend_pid}) AND backend_type = 'client backend'"
        counted = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {ours}"  # noqa: S608
        assert rows(postgres_url, counted) == [(2,)]


@pytest.mark.parametrize("which", ["plain", "awaited"])
def test_who_gets_no_connection_in_time_is_told_that_all_are_busy(
    which: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was changed, and nobody waits for ever."""
    monkeypatch.setattr("hht_closure.adapters.sql.database.PATIENCE", 1)
    with opened(which, postgres_url, connections=1) as face, psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE hht_closure_tombstone")
        first = in_a_thread(lambda: face.settled(face.store.tombstones.lay("first", NOON)))
        until_true(postgres_url, waiting())
        with pytest.raises(StoreUnavailableError) as raised:
            face.settled(face.store.tombstones.lay("second", NOON))
        other.rollback()
        first()
    assert raised.value.args == ("journal", "busy")
    assert rows(postgres_url, "SELECT digest FROM hht_closure_tombstone") == [("first",)]


@pytest.mark.parametrize("store", [SqlStore, AsyncSqlStore])
def test_no_connections_at_all_are_refused(store: type[SqlStore | AsyncSqlStore], postgres_url: str) -> None:
    """To SQLAlchemy a pool of none is one without an end."""
    with pytest.raises(InvalidValueError) as raised:
        store(postgres_url, connections=0)
    assert raised.value.args == ("connections", "number_out_of_range")


# --- processes, settings, addresses -------------------------------------------------------------------------------


def _append_in_a_child(store: SqlStore) -> None:
    store.journal.append("s", 1, [one(2)], due=None)


def test_a_store_made_before_a_fork_is_good_on_both_sides(postgres_url: str) -> None:
    """A server that loads the portal and then forks its workers: each has connections of its own."""
    with SqlStore(postgres_url) as store:
        store.journal.append("s", 0, [one(1)], due=None)
        child = multiprocessing.get_context("fork").Process(target=_append_in_a_child, args=(store,))
        child.start()
        child.join()
        store.journal.append("s", 2, [one(3)], due=None)
        assert store.journal.read("s") == (one(1), one(2), one(3))
    assert child.exitcode == 0


def _setting(connection: Connection, name: str) -> object:
    return connection.scalar(text(f"SELECT current_setting('{name}')"))


def test_the_databases_own_settings_weaken_nothing() -> None:
    """Where a database commits without waiting, and serializes, the store is durable and knows a conflict (L4)."""
    with new_database() as url:
        name = make_url(url).database
        with closing(connected(url)) as server:
            server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
            server.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = serializable".encode())
        with SqlStore(url) as store, psycopg.connect(url) as other:
            assert store.journal.database.writing(_setting, "synchronous_commit") == "on"
            assert store.journal.database.writing(_setting, "transaction_isolation") == "read committed"
            store.journal.append("s", 0, [one(1)], due=None)
            other.execute("UPDATE hht_closure_stream SET length = 2")
            ended = in_a_thread(lambda: store.journal.append("s", 1, [one(2)], due=None))
            until_true(url, waiting())
            other.commit()
            with pytest.raises(ConflictError):
                ended()


@pytest.mark.parametrize("which", ["plain", "awaited"])
def test_an_error_names_neither_password_nor_server(which: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in its text nor in what is kept behind it, nor in the log (L22)."""
    caplog.set_level(logging.DEBUG)
    url = "postgresql://person:hunter2@127.0.0.1:1/home"
    with pytest.raises(StoreUnavailableError) as raised, opened(which, url):
        pass
    told = "".join(traceback.format_exception(raised.value)) + caplog.text + repr(raised.value)
    assert raised.value.args == ("journal", "unreachable")
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)
    assert [secret for secret in ("hunter2", "person", "127.0.0.1") if secret in told] == []


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://person:hunter2@127.0.0.1/home", "not_postgresql"),
        ("postgresql+asyncpg://person:hunter2@127.0.0.1/home", "not_postgresql"),
        ("hunter2", "malformed"),
        ("postgresql://person:hunter2@127.0.0.1:hunter2/home", "malformed"),
    ],
)
def test_an_address_that_is_none_is_refused_without_being_quoted(url: str, problem: str) -> None:
    """An address holds a password (L22)."""
    with pytest.raises(InvalidValueError) as raised:
        SqlStore(url)
    assert raised.value.args == ("url", problem)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


# --- a network that loses answers ---------------------------------------------------------------------------------


_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""A simple query, as it is sent (PostgreSQL, 55.7)."""


class Relay:
    """Stands between a store and its server, and can lose the answer to a commit.

    Attributes:
        url: the address by which the store finds it.
        lost: how many answers were lost so far.
    """

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self._server = (address.host or "127.0.0.1", address.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listening]
        self._loses = threading.Event()
        self.lost = 0
        port: int = self._listening.getsockname()[1]
        self.url = (
            address.set(host="127.0.0.1", port=port)
            .update_query_dict({"sslmode": "disable"})
            .render_as_string(hide_password=False)
        )

    def __enter__(self) -> Relay:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def loses_the_next_commit(self) -> None:
        """The next commit reaches the server, and its answer nobody."""
        self._loses.set()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                deaf = threading.Event()
                threading.Thread(target=self._ask, args=(client, server, deaf), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client, deaf), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with suppress(OSError):
            while asked := client.recv(65536):
                if self._loses.is_set() and _COMMIT in asked:
                    self._loses.clear()
                    self.lost += 1
                    deaf.set()
                server.sendall(asked)
            server.shutdown(socket.SHUT_WR)

    def _answer(self, server: socket.socket, client: socket.socket, deaf: threading.Event) -> None:
        with suppress(OSError):
            while answered := server.recv(65536):
                if deaf.is_set():
                    break
                client.sendall(answered)
            client.shutdown(socket.SHUT_RDWR)
