"""The guard in front of a host's orders, for hosts that write them over SQLAlchemy.

Called first in the transaction that will write the order::

    standings = SqlStandings(table="accounts")

    with engine.begin() as connection:
        standings.assert_open(connection, account)
        connection.execute(insert(orders).values(...))

With a session it is given the session's own connection, ``standings.assert_open(session.connection(), account)``; in
asynchronous code ``await connection.run_sync(standings.assert_open, account)``.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from hht_closure.account import AccountId
from hht_closure.adapters.rows import identifier
from hht_closure.errors import ClosureRefused, InvalidValueError, PortError, refusal


class SqlStandings:
    """How the accounts of one table stand, asked within the host's own transaction.

    Args:
        table: where the accounts are, one row each. ``freeze`` must update that row.
        id_column: the column with the account's id.
        standing_column: the column with its standing, in the library's words.
        schema: where the table is; empty for where the database looks first.

    Raises:
        InvalidValueError: a name is not an identifier.
    """

    def __init__(
        self, *, table: str, id_column: str = "id", standing_column: str = "standing", schema: str = ""
    ) -> None:
        place = f'"{identifier(table, "table")}"'
        if schema:
            place = f'"{identifier(schema, "schema")}".{place}'
        standing, theirs = f'"{identifier(standing_column, "standing_column")}"', identifier(id_column, "id_column")
        look = f'SELECT {standing} FROM {place} WHERE "{theirs}" = :account'  # noqa: S608 - identifiers
        write = f'UPDATE {place} SET {standing} = {standing} WHERE "{theirs}" = :account'  # noqa: S608 - identifiers
        # Not FOR UPDATE, for which the foreign keys of rows that are just being written would have to wait.
        self._postgresql, self._sqlite = text(f"{look} FOR NO KEY UPDATE"), (text(write), text(look))

    def assert_open(self, connection: Connection, account: AccountId) -> None:
        """Let an account's business pass only where the account is open; called within the business's transaction.

        It locks the row that ``freeze`` updates, until the transaction ends. So either this transaction is first, and
        the recheck after the freeze sees what it wrote, or the freeze is first, and this refuses; nothing slips in
        between (L13). A savepoint that is rolled back gives the lock back, so that the order is written in the same
        savepoint, or the guard is called before it.

        Args:
            connection: the host's own, within the transaction that will write the order; on PostgreSQL or SQLite.
            account: whose order it is.

        Raises:
            ClosureRefused: ``account_frozen``, ``account_suspended``; ``account_unknown`` for none and a retired one.
            InvalidValueError: there is no transaction, or each statement is committed by itself, and so there is
                nothing that the guard could hold; or it is no connection to such a database.
            PortError: the column says something that is no standing; nobody knows, and it is not open.
            sqlalchemy.exc.DBAPIError: what happens to the host's other statements, too: a time-out, a deadlock; above
                READ COMMITTED, that the account was frozen since the transaction began. The transaction has failed.
        """
        if not isinstance(connection, Connection):
            raise InvalidValueError("connection", "not_a_connection")
        if connection.dialect.name not in {"postgresql", "sqlite"}:
            raise InvalidValueError("connection", "not_of_postgresql_or_sqlite")
        if not connection.in_transaction():
            raise InvalidValueError("connection", "no_transaction")
        look = self._locked_in_postgresql if connection.dialect.name == "postgresql" else self._locked_in_sqlite
        _refuse_all_but_open(look(connection, {"account": account}))

    def _locked_in_postgresql(self, connection: Connection, about: dict[str, str]) -> object:
        """The standing, which nobody can change from now on; None where there is no such row."""
        driver = connection.connection.dbapi_connection
        if driver is None or connection.dialect.detect_autocommit_setting(driver):
            raise InvalidValueError("connection", "no_transaction")
        return connection.scalar(self._postgresql, about)

    def _locked_in_sqlite(self, connection: Connection, about: dict[str, str]) -> object:
        """The same; whether there is a transaction shows when something was written in it.

        The driver begins it then, or the host has said ``BEGIN`` to a driver that begins nothing by itself.
        """
        lock, look = self._sqlite
        connection.execute(lock, about)
        if not getattr(connection.connection.driver_connection, "in_transaction", False):
            raise InvalidValueError("connection", "no_transaction")
        return connection.scalar(look, about)


def _refuse_all_but_open(standing: object) -> None:
    match standing:
        case "open":
            return
        case "suspended":
            raise ClosureRefused((refusal("account_suspended"),))
        case "frozen":
            raise ClosureRefused((refusal("account_frozen"),))
        case "retired" | None:
            raise ClosureRefused((refusal("account_unknown"),))
        case _:
            raise PortError("SqlStandings.assert_open", "standing_unknown")
