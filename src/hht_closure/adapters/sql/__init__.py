"""The store on a PostgreSQL server: for several hosts, and any number of workers.

The journal, the budgets and the tombstones, the keys, and the ledger are three parts; they may stand in one database,
or in three, with three sets of rights and three ways of being backed up. :func:`migrate` makes their tables,
and :func:`copy_store` brings over what a ``SqliteStore`` kept.

A store has connections of its own. It takes an address and never a host's connection, session or pool, so that no
rollback of a host's takes anything back (L4).
"""

from __future__ import annotations

from hht_closure.adapters.sql.asynchronous import (
    AsyncSqlJournal,
    AsyncSqlKeyVault,
    AsyncSqlLedger,
    AsyncSqlSendBudget,
    AsyncSqlStore,
    AsyncSqlTombstones,
)
from hht_closure.adapters.sql.copying import Copied, copy_store
from hht_closure.adapters.sql.database import AsyncDatabase, AsyncServer, Database, Server
from hht_closure.adapters.sql.migrating import migrate
from hht_closure.adapters.sql.synchronous import (
    SqlJournal,
    SqlKeyVault,
    SqlLedger,
    SqlSendBudget,
    SqlStore,
    SqlTombstones,
)
from hht_closure.adapters.sql.tables import JOURNAL, KEYS, LEDGER

__all__ = [
    "JOURNAL",
    "KEYS",
    "LEDGER",
    "AsyncDatabase",
    "AsyncServer",
    "AsyncSqlJournal",
    "AsyncSqlKeyVault",
    "AsyncSqlLedger",
    "AsyncSqlSendBudget",
    "AsyncSqlStore",
    "AsyncSqlTombstones",
    "Copied",
    "Database",
    "Server",
    "SqlJournal",
    "SqlKeyVault",
    "SqlLedger",
    "SqlSendBudget",
    "SqlStore",
    "SqlTombstones",
    "copy_store",
    "migrate",
]
