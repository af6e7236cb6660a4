"""Calls on a database: each one transaction on a connection of the store's own, every error in the library's words.

What is done within the transaction is a plain function over a :class:`sqlalchemy.Connection`, the same for both faces;
:func:`attempted` runs it. :class:`Database` and :class:`AsyncDatabase` differ in how they come by the connection.

All writing is at READ COMMITTED, whatever the server's default is. That is enough because no decision rests on a row
that was read without a lock: a condition stands in the ``UPDATE`` or ``INSERT`` that it guards, and PostgreSQL looks at
it again after it has waited for another transaction (PostgreSQL, 13.2.1); or a lock was taken by a statement before.
At SERIALIZABLE the loser of a race would meet an error that says nothing, where it should learn of the conflict.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Concatenate, Final, Generic, ParamSpec, TypeVar

import attrs
from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from hht_closure.adapters.sql.tables import VERSIONS, Part, version
from hht_closure.errors import ClosureError, InvalidValueError, PortError, StoreUnavailableError, StoreVersionError
from hht_closure.values import checked_count

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE: Final = 10
"""Seconds that a call waits: for a connection, for a lock, for a statement."""

CONNECTIONS: Final = 15
"""How many connections a store opens at most to one database, where nothing else is said."""

_DRIVERS: Final = ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg_async")

_SETTINGS: Final = {
    "statement_timeout": f"{PATIENCE}s",
    "idle_in_transaction_session_timeout": f"{PATIENCE}s",  # a process that stands still holds no lock for long
    "synchronous_commit": "on",  # durable when the call returns, where the database's default is otherwise
}

_LINES: Final = {
    "connect_timeout": PATIENCE,
    "keepalives_idle": PATIENCE,
    "keepalives_interval": PATIENCE // 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 2 * PATIENCE * 1000,  # milliseconds
}
"""What finds out that nobody is there any more (libpq, 34.1.2); the URL may say otherwise."""

_PROBLEMS: Final = {
    "53100": "full",
    "40001": "locked",
    "40P01": "locked",
    "55P03": "locked",
    "57014": "locked",
    "25006": "read_only",
    "42501": "no_right",
}
"""By SQLSTATE (PostgreSQL, appendix A)."""

_CLASSES: Final = {"08": "unreachable", "57": "unreachable", "28": "no_right", "53": "overloaded", "58": "io"}
"""By the first two letters of the SQLSTATE."""


# --- one attempt --------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Call(Generic[T]):
    """What is to be done: its name in errors, the work itself, and whether that changes anything."""

    name: str
    work: Callable[[Connection], T]
    writes: bool


def looking(work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> Call[T]:
    """A call that changes nothing."""
    return Call(name=work.__qualname__, work=lambda connection: work(connection, *args, **kwargs), writes=False)


def changing(work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> Call[T]:
    """A call that changes something."""
    return Call(name=work.__qualname__, work=lambda connection: work(connection, *args, **kwargs), writes=True)


@attrs.frozen
class Came(Generic[T]):
    """What a call gave, and it is committed."""

    value: T


@attrs.frozen
class Failed:
    """What went wrong.

    ``again``: the connection was lost before anything could be committed. That one was closed since it was used last,
    by a restart of the server, say, is found out by using it; so there is a second attempt, on a new one.
    """

    error: ClosureError
    state: object
    again: bool = False


_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""In so many words, since the connections stand in autocommit: what only reads needs no word before and after it."""


def attempted(connection: Connection, part: Part, call: Call[T]) -> Came[T] | Failed:
    """Do it and commit it.

    What fails before the commit is without effect. A commit that the server refused is, too; one that it did not
    answer may have happened, and nobody may be told that nothing was changed.
    """
    try:
        if call.writes:
            connection.exec_driver_sql(_BEGIN)
        value = call.work(connection)
    except DBAPIError as error:
        return _without_effect(part, error)
    try:
        connection.commit()
    except DBAPIError as error:
        if _was_refused(error):
            return attrs.evolve(_without_effect(part, error), again=False)
        return Failed(PortError(call.name, "outcome_unknown"), _state(error))
    return Came(value)


def _without_effect(part: Part, error: DBAPIError | PoolTimeoutError) -> Failed:
    """It in the library's words; the driver's own text quotes rows and addresses, and is not kept (L22)."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return Failed(StoreUnavailableError(part.store, problem_of(error)), _state(error), again=lost)


def problem_of(error: DBAPIError | PoolTimeoutError) -> str:
    """The stable code: ``locked``, ``full``, ``overloaded``, ``read_only``, ``no_right``, ``io``, ``busy``, ...

    ``unreachable`` is said of every lost connection, and ``other`` of what has no name here.
    """
    if isinstance(error, PoolTimeoutError):
        return "busy"
    state = _state(error)
    if not isinstance(state, str):
        return "unreachable"
    return _PROBLEMS.get(state) or _CLASSES.get(state[:2], "other")


def _state(error: DBAPIError | PoolTimeoutError) -> object:
    """The SQLSTATE, or None where the server has said nothing."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _was_refused(error: DBAPIError) -> bool:
    """Whether the server itself has said no, and goes on: then the transaction is rolled back.

    FATAL and PANIC end the connection and are no answer; neither is a connection that breaks (PostgreSQL, 55.2.6).
    """
    severity: object = getattr(getattr(error.orig, "diag", None), "severity_nonlocalized", None)
    return severity == "ERROR"


def _given(outcome: Came[T] | Failed) -> T:
    """The value.

    Raises:
        StoreUnavailableError, PortError: what went wrong; without the driver's error behind it.
    """
    if isinstance(outcome, Failed):
        _log.warning("%s (SQLSTATE %s)", outcome.error, outcome.state)
        raise outcome.error
    return outcome.value


def recognise(connection: Connection, part: Part) -> None:
    """Whether the part is there, in the version that this release reads.

    Raises:
        StoreVersionError: it is older, newer, or not there at all (found: version 0).
    """
    found = versions(connection).get(part.branch, 0)
    if found != part.version:
        raise StoreVersionError(part.store, found, part.version)


def versions(connection: Connection) -> dict[str, int]:
    """The version of each part that is in this database."""
    if connection.scalar(select(func.to_regclass(VERSIONS))) is None:
        return {}
    rows = [str(row.version_num).rpartition("_") for row in connection.execute(select(version.c.version_num))]
    return {branch: int(number) if number.isdecimal() else 0 for branch, _, number in rows}


# --- connections --------------------------------------------------------------------------------------------


class _Connections:
    """What both faces share: connections that are closed once, and that a process which was forked leaves alone."""

    def __init__(self, engine: Engine) -> None:
        self._pooled = engine
        self._pid = os.getpid()
        self.is_closed = False

    def use(self) -> None:
        """Look at the process, before each call: a connection does not survive a fork, and stays with the parent."""
        if os.getpid() != self._pid:
            self._pooled.dispose(close=False)
            self._pid = os.getpid()


class Server(_Connections):
    """Connections to one database, of the library's own; made of an address, never of a host's pool or session (L4).

    Args:
        url: the address.
        connections: how many are opened at most; they are made when they are needed, and kept.

    Raises:
        InvalidValueError: the address is malformed, or not one of PostgreSQL; or no such number.
    """

    def __init__(self, url: str | URL, *, connections: int = CONNECTIONS) -> None:
        address = address_of(url)
        self.engine = create_engine(
            address,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=checked_count(connections, "connections"),
            max_overflow=0,
            pool_timeout=PATIENCE,
            connect_args=_connect_arguments(address),
        )
        super().__init__(self.engine)

    def close(self) -> None:
        """Close the connections; repeatable."""
        self.use()
        self.is_closed = True
        self.engine.dispose()


class AsyncServer(_Connections):
    """The same, for one event loop.

    Args:
        url: the address.
        connections: how many are opened at most; they are made when they are needed, and kept.

    Raises:
        InvalidValueError: the address is malformed, or not one of PostgreSQL; or no such number.
    """

    def __init__(self, url: str | URL, *, connections: int = CONNECTIONS) -> None:
        address = address_of(url)
        self.engine = create_async_engine(
            address,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_size=checked_count(connections, "connections"),
            max_overflow=0,
            pool_timeout=PATIENCE,
            connect_args=_connect_arguments(address),
        )
        super().__init__(self.engine.sync_engine)

    async def close(self) -> None:
        """Close the connections; repeatable."""
        self.use()
        self.is_closed = True
        await self.engine.dispose()


def address_of(url: str | URL) -> URL:
    """The address, for psycopg.

    Raises:
        InvalidValueError: it is malformed, or not one of PostgreSQL; it is not in the error, since it holds a password.
    """
    address = _parsed(url)
    if address is None:
        raise InvalidValueError("url", "malformed")
    if address.drivername not in _DRIVERS:
        raise InvalidValueError("url", "not_postgresql")
    return address.set(drivername="postgresql+psycopg")


def _parsed(url: str | URL) -> URL | None:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None


def _connect_arguments(address: URL) -> dict[str, str | int]:
    """The settings of each connection; what the URL says of itself wins."""
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    own = address.query.get("options", ())
    options = " ".join([settings, *((own,) if isinstance(own, str) else own)])
    return {"options": options} | {name: value for name, value in _LINES.items() if name not in address.query}


# --- the two faces ------------------------------------------------------------------------------------------


class _Place:
    """What both faces share: a part, looked at once."""

    def __init__(self, part: Part, connections: _Connections) -> None:
        self.part = part
        self._connections = connections
        self._is_recognised = False

    def _before(self) -> None:
        """What is looked at before each call.

        Raises:
            StoreUnavailableError: the store was closed.
        """
        if self._connections.is_closed:
            raise StoreUnavailableError(self.part.store, "closed")
        self._connections.use()

    def _attempt(self, connection: Connection, call: Call[T]) -> Came[T] | Failed:
        """Do it and commit it, in a part that is known to be of this version."""

        def recognised(connection: Connection) -> T:
            if not self._is_recognised:
                recognise(connection, self.part)
                self._is_recognised = True
            return call.work(connection)

        return attempted(connection, self.part, attrs.evolve(call, work=recognised))


class Database(_Place):
    """One part in one database, for plain calls; safe in any number of threads, and after a fork.

    Args:
        place: the address of the database, or connections to it that parts share.
        part: which.

    Raises:
        InvalidValueError: the address is malformed, or not one of PostgreSQL.
    """

    def __init__(self, place: str | URL | Server, part: Part) -> None:
        self.server = place if isinstance(place, Server) else Server(place)
        super().__init__(part, self.server)

    def open(self) -> None:
        """Connect, and see that the part is of this version.

        Raises:
            StoreVersionError: it is not.
            StoreUnavailableError: the server cannot be reached.
        """
        self.reading(_nothing)

    def reading(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What one statement reads, which is of one committed state.

        Raises:
            StoreUnavailableError: it could not be read.
        """
        return self._called(looking(work, *args, **kwargs))

    def writing(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One transaction: durable when this returns, rolled back when anything is raised in it.

        Raises:
            StoreUnavailableError: nothing was changed.
            PortError: ``outcome_unknown``; the connection was lost while it was committed.
        """
        return self._called(changing(work, *args, **kwargs))

    def _called(self, call: Call[T]) -> T:
        self._before()
        outcome = self._attempted(call)
        if isinstance(outcome, Failed) and outcome.again:
            outcome = self._attempted(call)
        return _given(outcome)

    def _attempted(self, call: Call[T]) -> Came[T] | Failed:
        outcome: Came[T] | Failed | None = None
        try:
            with self.server.engine.connect() as connection:
                outcome = self._attempt(connection, call)
        except (DBAPIError, PoolTimeoutError) as error:  # in connecting, or in giving the connection back
            return outcome or _without_effect(self.part, error)
        return outcome


class AsyncDatabase(_Place):
    """One part in one database, for calls that are awaited, all in one event loop.

    Args:
        place: the address of the database, or connections to it that parts share.
        part: which.

    Raises:
        InvalidValueError: the address is malformed, or not one of PostgreSQL.
    """

    def __init__(self, place: str | URL | AsyncServer, part: Part) -> None:
        self.server = place if isinstance(place, AsyncServer) else AsyncServer(place)
        super().__init__(part, self.server)

    async def open(self) -> None:
        """See :meth:`Database.open`."""
        await self.reading(_nothing)

    async def reading(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See :meth:`Database.reading`."""
        return await self._called(
            Call(name=work.__qualname__, work=lambda each: work(each, *args, **kwargs), writes=False)
        )

    async def writing(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See :meth:`Database.writing`. Who is cancelled while it is committed does not know what came of it."""
        return await self._called(
            Call(name=work.__qualname__, work=lambda each: work(each, *args, **kwargs), writes=True)
        )

    async def _called(self, call: Call[T]) -> T:
        self._before()
        outcome = await self._attempted(call)
        if isinstance(outcome, Failed) and outcome.again:
            outcome = await self._attempted(call)
        return _given(outcome)

    async def _attempted(self, call: Call[T]) -> Came[T] | Failed:
        outcome: Came[T] | Failed | None = None
        try:
            async with self.server.engine.connect() as connection:
                outcome = await connection.run_sync(self._attempt, call)
        except (DBAPIError, PoolTimeoutError) as error:  # in connecting, or in giving the connection back
            return outcome or _without_effect(self.part, error)
        return outcome


def _nothing(connection: Connection) -> None:
    """What a call does that only looks whether the part is there."""
