"""The guard of hosts on SQLAlchemy: what it lets pass, what it waits for, and at which isolation levels (RACE-03)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from hht_closure.account import AccountId
from hht_closure.adapters.sql_standings import SqlStandings
from hht_closure.errors import ClosureRefused, InvalidValueError, PortError
from hht_closure.testing.contracts.account_directory import SuspendingDirectoryContract
from tests.postgres import in_a_thread, lent_database, until_true, waiting
from tests.sql_host import STANDINGS, SqlDirectory, SqlHost, opened_host, order

LI = AccountId("li")
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
SNAPSHOTS = LEVELS[1:]
"""The levels at which a transaction sees what was there when it began, and nothing later."""


@pytest.fixture
def shop() -> Iterator[SqlHost]:
    """A shop in PostgreSQL with one account."""
    with lent_database() as url, opened_host(url) as host:
        host.join(LI)
        yield host


@pytest.fixture
def file(tmp_path: Path) -> Engine:
    """The same table in a SQLite file."""
    path = tmp_path / "host.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE accounts (id TEXT PRIMARY KEY, standing TEXT);"
            "CREATE TABLE orders (account TEXT, product TEXT); INSERT INTO accounts VALUES ('li', 'open')"
        )
    return create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 0})


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each kind of database in turn."""
    if request.param == "sqlite":
        file: Engine = request.getfixturevalue("file")
        return file
    shop: SqlHost = request.getfixturevalue("shop")
    return shop.engine


def put(engine: Engine, standing: str | None) -> None:
    """The account stands like that, for all who look now."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET standing = :standing"), {"standing": standing})


def orders(engine: Engine) -> int:
    """How many there are."""
    with engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM orders")).scalar_one()
    return count


def buy(engine: Engine, account: AccountId = LI) -> tuple[str, ...]:
    """Buy something as a host should; why not, where it is refused."""
    try:
        with engine.begin() as connection:
            STANDINGS.assert_open(connection, account)
            order(connection, account)
    except ClosureRefused as refused:
        return refused.codes
    return ()


# --- what it says -------------------------------------------------------------------------------------------------


def test_an_open_account_takes_an_order(engine: Engine) -> None:
    """And the order is there."""
    assert (buy(engine), orders(engine)) == ((), 1)


@pytest.mark.parametrize(
    ("standing", "code"),
    [("frozen", "account_frozen"), ("suspended", "account_suspended"), ("retired", "account_unknown")],
)
def test_any_other_takes_none_and_says_why(engine: Engine, standing: str, code: str) -> None:
    """The same codes as the sample portal's (L13)."""
    put(engine, standing)
    assert (buy(engine), orders(engine)) == ((code,), 0)


def test_an_account_that_never_was_is_refused_like_a_retired_one(engine: Engine) -> None:
    """Nobody learns from the guard whether there once was such an account (L9)."""
    assert buy(engine, AccountId("nobody")) == ("account_unknown",)


@pytest.mark.parametrize("standing", ["OPEN", "active", "", "1"])
def test_what_is_no_standing_is_not_open(engine: Engine, standing: str) -> None:
    """A host with other words finds out at its first order, and takes none."""
    put(engine, standing)
    with pytest.raises(PortError, match="standing_unknown"):
        buy(engine)
    assert orders(engine) == 0


def test_a_session_passes_its_own_connection(engine: Engine) -> None:
    """What the session then writes is written in the transaction that holds the lock."""
    with Session(engine) as session:
        STANDINGS.assert_open(session.connection(), LI)
        order(session.connection(), LI)
        session.commit()
    assert orders(engine) == 1


def test_asynchronous_code_calls_it_on_its_own_connection(shop: SqlHost) -> None:
    """By ``run_sync``."""

    async def bought() -> None:
        engine = create_async_engine(shop.engine.url)
        async with engine.begin() as connection:
            await connection.run_sync(STANDINGS.assert_open, LI)
            await connection.run_sync(order, LI)
        await engine.dispose()

    asyncio.run(bought())
    assert orders(shop.engine) == 1


def test_table_columns_and_schema_have_the_hosts_own_names(shop: SqlHost) -> None:
    """Whatever they are called."""
    with shop.engine.begin() as connection:
        connection.execute(text('CREATE TABLE "Users" (number bigint PRIMARY KEY, "State" text)'))
        connection.execute(text("""INSERT INTO "Users" VALUES (7, 'frozen')"""))
        users = SqlStandings(schema="shop", table="Users", id_column="number", standing_column="State")
        with pytest.raises(ClosureRefused, match="account_frozen"):
            users.assert_open(connection, AccountId("7"))


# --- where it could hold nothing ----------------------------------------------------------------------------------


def test_without_a_transaction_it_refuses(engine: Engine) -> None:
    """What follows might be on another connection."""
    with engine.connect() as connection, pytest.raises(InvalidValueError, match="no_transaction"):
        STANDINGS.assert_open(connection, LI)


def test_where_each_statement_is_committed_by_itself_it_refuses(engine: Engine) -> None:
    """SQLAlchemy speaks of a transaction, and there is none: the lock would be gone with the statement."""
    deceiving = engine.execution_options(isolation_level="AUTOCOMMIT")
    with deceiving.begin() as connection, pytest.raises(InvalidValueError, match="no_transaction"):
        STANDINGS.assert_open(connection, LI)


def test_what_is_no_connection_is_refused(file: Engine) -> None:
    """A session has one, and so has an asynchronous connection; an engine has many."""
    loose: Callable[..., None] = STANDINGS.assert_open
    with closing(sqlite3.connect(":memory:")) as bare, Session(file) as session:
        for one in (file, session, bare, None):
            with pytest.raises(InvalidValueError, match="not_a_connection"):
                loose(one, LI)


def test_a_database_that_was_not_tried_is_refused(file: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its locks hold, nobody has looked."""
    monkeypatch.setattr(file.dialect, "name", "oracle")
    with file.begin() as connection, pytest.raises(InvalidValueError, match="not_of_postgresql_or_sqlite"):
        STANDINGS.assert_open(connection, LI)


@pytest.mark.parametrize("place", ["table", "id_column", "standing_column", "schema"])
def test_what_is_no_identifier_gets_into_no_statement(place: str) -> None:
    """Table and columns alike."""
    with pytest.raises(InvalidValueError, match="not_an_identifier"):
        SqlStandings(**{"table": "accounts", place: 'a" OR true --'})


# --- which comes first ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_a_freeze_waits_for_an_order_that_was_first(shop: SqlHost, level: str) -> None:
    """And then the recheck sees it: at every level (L13)."""
    with shop.engine.execution_options(isolation_level=level).begin() as connection:
        STANDINGS.assert_open(connection, LI)
        frozen = in_a_thread(lambda: shop.directory.freeze(LI, 1))
        until_true(_url(shop), waiting())
        order(connection, LI)
    frozen()
    assert (_standing(shop), shop.count("orders", LI)) == ("frozen", 1)


def test_an_order_waits_for_a_freeze_that_was_first_and_is_refused(shop: SqlHost) -> None:
    """At READ COMMITTED the guard looks at the row again after its waiting (PostgreSQL, 13.2.1)."""
    with shop.engine.begin() as freezing:
        freezing.execute(text("UPDATE accounts SET standing = 'frozen'"))
        bought = in_a_thread(lambda: buy(shop.engine))
        until_true(_url(shop), waiting())
    assert (bought(), shop.count("orders", LI)) == (("account_frozen",), 0)


@pytest.mark.parametrize("level", SNAPSHOTS)
def test_above_that_the_transaction_fails_and_its_repetition_is_refused(shop: SqlHost, level: str) -> None:
    """The row changed since the transaction began: the server says so, and the host tries again as it always does."""
    engine = shop.engine.execution_options(isolation_level=level)
    with shop.engine.begin() as freezing:
        freezing.execute(text("UPDATE accounts SET standing = 'frozen'"))
        bought = in_a_thread(lambda: buy(engine))
        until_true(_url(shop), waiting())
    with pytest.raises(OperationalError) as failed:
        bought()
    assert (_state(failed.value), buy(engine), shop.count("orders", LI)) == ("40001", ("account_frozen",), 0)


@pytest.mark.parametrize("level", LEVELS)
def test_a_transaction_older_than_the_freeze_takes_no_order(shop: SqlHost, level: str) -> None:
    """It has looked around before, and sees an open account for as long as it lasts: the lock is not so deceived."""
    with shop.engine.execution_options(isolation_level=level).connect() as connection:
        connection.execute(text("SELECT count(*) FROM orders"))
        shop.directory.freeze(LI, 1)
        with pytest.raises(ClosureRefused if level == "READ COMMITTED" else OperationalError):
            STANDINGS.assert_open(connection, LI)
        connection.rollback()
    assert shop.count("orders", LI) == 0


@pytest.mark.parametrize("level", LEVELS)
def test_a_freeze_that_was_not_committed_stops_nobody(shop: SqlHost, level: str) -> None:
    """The worker died in the middle of it."""
    engine = shop.engine.execution_options(isolation_level=level)
    with shop.engine.connect() as freezing:
        freezing.execute(text("UPDATE accounts SET standing = 'frozen'"))
        bought = in_a_thread(lambda: buy(engine))
        until_true(_url(shop), waiting())
        freezing.rollback()
    assert (bought(), shop.count("orders", LI)) == ((), 1)


@pytest.mark.parametrize("level", LEVELS)
def test_an_order_that_only_looks_is_overtaken_at_every_level(shop: SqlHost, level: str) -> None:
    """The twin, and why a plain ``SELECT`` is no guard: frozen, rechecked and clean, and then there is an order."""
    with shop.engine.execution_options(isolation_level=level).begin() as connection:
        standing = connection.execute(text("SELECT standing FROM accounts")).scalar_one()
        shop.directory.freeze(LI, 1)
        seen_by_the_recheck = shop.count("orders", LI)
        order(connection, LI)
    assert (standing, seen_by_the_recheck, shop.count("orders", LI)) == ("open", 0, 1)


def test_in_a_sqlite_file_nobody_freezes_while_an_order_is_written(file: Engine) -> None:
    """The guard writes first, and the file has one writer."""
    with file.begin() as connection:
        STANDINGS.assert_open(connection, LI)
        with pytest.raises(OperationalError, match="locked"):
            put(file, "frozen")
        order(connection, LI)
    assert (buy(file), orders(file)) == ((), 2)


def test_in_a_sqlite_file_a_transaction_older_than_the_freeze_fails(file: Engine) -> None:
    """It has read before, and SQLite lets nobody write on the ground of what is no longer so.

    The host begins its transactions itself, as SQLAlchemy advises for SQLite.
    """
    event.listen(file, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
    event.listen(file, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    assert buy(file) == ()
    with file.connect() as connection:
        connection.execute(text("SELECT standing FROM accounts")).all()
        put(file, "frozen")
        with pytest.raises(OperationalError, match="locked"):
            STANDINGS.assert_open(connection, LI)
    assert orders(file) == 1


def test_rows_that_point_to_the_account_need_not_wait_for_the_guard(shop: SqlHost) -> None:
    """The lock is one beside which foreign keys are looked up: a message comes in while an order is written."""
    with shop.engine.begin() as connection, shop.engine.begin() as other:
        STANDINGS.assert_open(connection, LI)
        other.execute(text("SET LOCAL lock_timeout = '1ms'"))
        other.execute(text("INSERT INTO messages (account, body) VALUES ('li', 'hello')"))
    assert shop.count("messages", LI) == 3


def test_a_savepoint_that_is_rolled_back_gives_the_lock_back(shop: SqlHost) -> None:
    """Why the guard is called before the savepoint, or in the same one as the order (PostgreSQL, 13.3.2)."""
    with shop.engine.begin() as connection:
        with connection.begin_nested() as savepoint:
            STANDINGS.assert_open(connection, LI)
            savepoint.rollback()
        shop.directory.freeze(LI, 1)
    assert _standing(shop) == "frozen"


def test_a_guard_that_waits_too_long_is_the_hosts_own_time_out(shop: SqlHost) -> None:
    """As with any other of its statements."""
    with shop.engine.begin() as freezing, shop.engine.begin() as connection:
        freezing.execute(text("UPDATE accounts SET standing = 'frozen'"))
        connection.execute(text("SET LOCAL lock_timeout = '1ms'"))
        with pytest.raises(DBAPIError) as failed:
            STANDINGS.assert_open(connection, LI)
        connection.rollback()
    assert _state(failed.value) == "55P03"


def _state(error: DBAPIError) -> object:
    return getattr(error.orig, "sqlstate", None)


def _standing(shop: SqlHost) -> str | None:
    found = shop.directory.get(LI)
    return None if found is None else found.standing


def _url(shop: SqlHost) -> str:
    return shop.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


class TestSqlDirectory(SuspendingDirectoryContract):
    """The law of an account directory, for the shop that these tests stand on."""

    shop: SqlHost

    @pytest.fixture(autouse=True)
    def _in_the_shop(self, shop: SqlHost) -> None:
        self.shop, self.joined = shop, 0

    def make_directory(self) -> SqlDirectory:
        """The shop's."""
        return self.shop.directory

    def an_account(self) -> AccountId:
        """One that was never there before."""
        self.joined += 1
        return self.shop.join(f"account-{self.joined}")

    def a_suspended_account(self) -> AccountId:
        """One under a sanction."""
        return self.shop.join("suspended", standing="suspended")

    def live_sessions(self, account: AccountId) -> int:
        """Whether somebody is logged in."""
        with self.shop.engine.connect() as connection:
            asked = text("SELECT count(*) FROM accounts WHERE logged_in AND id = :account")
            count: int = connection.execute(asked, {"account": account}).scalar_one()
        return count
