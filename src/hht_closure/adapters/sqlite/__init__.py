"""The store in SQLite: three files in one directory, nothing to install, safe for several processes.

``journal.db`` holds the streams, the budgets and the tombstones, ``keys.db`` the wrapped keys, ``ledger.db`` the
ledger: three files, so that they can have three sets of rights and three ways of being backed up. Keys of rows are
digests; no personal data stand in clear in any of them.

A store is opened after a fork, never before: a connection does not survive one, and the store refuses to use it.
"""

from __future__ import annotations

from hht_closure.adapters.sqlite.journal import SqliteJournal
from hht_closure.adapters.sqlite.key_vault import SqliteKeyVault
from hht_closure.adapters.sqlite.ledger import SqliteLedger
from hht_closure.adapters.sqlite.send_budget import SqliteSendBudget
from hht_closure.adapters.sqlite.store import SqliteStore
from hht_closure.adapters.sqlite.stored_streams import stored_streams
from hht_closure.adapters.sqlite.tombstones import SqliteTombstones

__all__ = [
    "SqliteJournal",
    "SqliteKeyVault",
    "SqliteLedger",
    "SqliteSendBudget",
    "SqliteStore",
    "SqliteTombstones",
    "stored_streams",
]
