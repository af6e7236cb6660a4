"""Databases of their own for tests that need PostgreSQL; without a server they are skipped, and fail where CI runs.

A module's tests get theirs by::

    from tests.postgres import postgres_url

    __all__ = ["postgres_url"]

The server's address is in ``HHT_CLOSURE_POSTGRES``; its role must be allowed to make databases.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from typing import Final, Self, TypeVar

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from typing_extensions import TypeIs

from hht_closure.adapters.sql import migrate
from hht_closure.ports import Answer

T = TypeVar("T")

SERVER: Final = os.environ.get("HHT_CLOSURE_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
PATIENCE: Final = 60.0
"""Seconds after which a test gives up; reached only when something is wrong."""

_FREE: Final[list[str]] = []
"""Databases that are not lent out now."""

TABLES: Final = ("entry", "stream", "taking", "tombstone", "key", "ledger")


def connected(url: str = SERVER) -> psycopg.Connection[tuple[object, ...]]:
    """A connection of the test's own, each statement committed by itself."""
    return psycopg.connect(url, autocommit=True, connect_timeout=5)


@contextmanager
def new_database(*, migrated: bool = True) -> Iterator[str]:
    """The address of a database that nobody had before, and nobody has when the block has ended."""
    url = _made()
    try:
        if migrated:
            migrate(url)
        yield url
    finally:
        _dropped(url)


@contextmanager
def lent_database() -> Iterator[str]:
    """The address of a database with all tables and nothing in them, for one at a time.

    To make one and to drop one takes the server a second or so; these are kept until the process ends.
    """
    url = _FREE.pop() if _FREE else _kept()
    _empty(url)
    yield url
    _FREE.append(url)  # not after an error, which may have left anything in it


def _kept() -> str:
    url = _made()
    atexit.register(_dropped, url)
    migrate(url)
    return url


def _made() -> str:
    name = f"hht_closure_{secrets.token_hex(6)}"
    with closing(_server()) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


def _dropped(url: str) -> None:
    with closing(connected()) as server:
        name = sql.Identifier(str(make_url(url).database))
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _empty(url: str) -> None:
    """Without rows, and without whoever may still be at it: a process that was killed a moment ago, say."""
    ours = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    with closing(connected(url)) as connection, connection.transaction():
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}".encode())  # noqa: S608
        for table in TABLES:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(f"hht_closure_{table}")))


def _server() -> psycopg.Connection[tuple[object, ...]]:
    try:
        return connected()
    except psycopg.OperationalError as error:
        reason = f"no PostgreSQL server answers ({type(error).__name__}); its address is in HHT_CLOSURE_POSTGRES"
    if os.environ.get("HHT_CLOSURE_CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of a database of the test's own, with all tables and nothing in them."""
    with lent_database() as url:
        yield url


def rows(url: str, query: str, *values: object) -> list[tuple[object, ...]]:
    """What a query of the test's own finds."""
    with closing(connected(url)) as connection:
        return connection.execute(query.encode(), values).fetchall()


def dumped(url: str) -> tuple[tuple[object, ...], ...]:
    """Every row that is kept, to be compared with what was kept before."""
    return tuple(row for table in TABLES for row in rows(url, f"SELECT * FROM hht_closure_{table} ORDER BY 1, 2"))  # noqa: S608


class OneLoop:
    """An event loop in a thread of its own, for asynchronous adapters that any thread calls."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, awaited: Coroutine[object, object, T]) -> T:
        """What it gives, run there to its end."""
        return asyncio.run_coroutine_threadsafe(awaited, self._loop).result(PATIENCE)

    def settled(self, answer: Answer[T]) -> T:
        """The value of a port's answer, plain or awaited there."""
        return self.run(_awaited(answer)) if _is_to_be_awaited(answer) else answer


def _is_to_be_awaited(answer: T | Awaitable[T]) -> TypeIs[Awaitable[T]]:
    return isinstance(answer, Awaitable)


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


def waiting(count: int = 1) -> str:
    """Whether so many connections to this database wait for a lock: a query for :func:`until_true`."""
    ours = "datname = current_database() AND wait_event_type = 'Lock'"
    return f"SELECT count(*) = {count} FROM pg_stat_activity WHERE {ours}"  # noqa: S608


def until_true(url: str, query: str) -> None:
    """Come back when the query says so: asked again and again, without a wait of any length.

    Raises:
        AssertionError: it does not say so in the end.
    """
    with closing(connected(url)) as connection:
        for _ in range(200_000):
            if connection.execute(query.encode()).fetchone() == (True,):
                return
    raise AssertionError(f"never true: {query}")


def in_a_thread(call: Callable[[], T]) -> Callable[[], T]:
    """Begin the call in another thread; calling what this gives waits for its value, or raises its error."""
    outcome: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def ended() -> T:
        thread.join(PATIENCE)
        if raised:
            raise raised[0]
        return outcome[0]

    return ended


def terminated(url: str, which: str = "true") -> None:
    """Have the server end all connections to this database, or those of which that is true, and wait until it has."""
    ours = f"datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    pids = ", ".join(str(pid) for (pid,) in rows(url, f"SELECT pid FROM pg_stat_activity WHERE {ours}")) or "0"  # noqa: S608
    rows(url, f"SELECT pg_terminate_backend(pid) FROM unnest(ARRAY[{pids}]) AS pid WHERE pid > 0")  # noqa: S608
    until_true(url, f"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid IN ({pids})")  # noqa: S608


class Told:
    """Another process, with which a test speaks line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def told(self) -> str:
        """The next line that it says; empty when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, line: str) -> None:
        """Say a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@contextmanager
def lines_of(code: str, *arguments: str) -> Iterator[Told]:
    """A process that runs this code, and is killed when the block ends if it still does."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Told(process)
        finally:
            process.kill()
