"""The whole store in one directory."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from hht_closure.adapters.sqlite.file import SqliteFile, in_our_words
from hht_closure.adapters.sqlite.journal import SqliteJournal
from hht_closure.adapters.sqlite.key_vault import SqliteKeyVault
from hht_closure.adapters.sqlite.ledger import SqliteLedger
from hht_closure.adapters.sqlite.schema import JOURNAL, KEYS, LEDGER
from hht_closure.adapters.sqlite.send_budget import SqliteSendBudget
from hht_closure.adapters.sqlite.tombstones import SqliteTombstones
from hht_closure.ports import Clock
from hht_closure.system import system_clock


class SqliteStore:
    """Everything the library keeps, in ``journal.db``, ``keys.db`` and ``ledger.db`` of one directory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory, SqliteStore(directory) as store:
        ...     store.journal.read("nobody")
        ()

    Args:
        directory: made if it is new, for its owner alone (0700); one that is there keeps its rights.
        clock: by which streams are due and leases end.

    Attributes:
        journal, vault, ledger, budgets, tombstones: the parts, each of which can be replaced.

    Raises:
        StoreVersionError: a file is of another version or another program's.
        StoreUnavailableError: a file is not a database, or cannot be opened.
    """

    never_blocks = False

    def __init__(self, directory: str | os.PathLike[str], *, clock: Clock = system_clock) -> None:
        folder = Path(directory)
        with in_our_words("store"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as opening:
            journal = opening.enter_context(closing(SqliteFile(folder / "journal.db", JOURNAL)))
            keys = opening.enter_context(closing(SqliteFile(folder / "keys.db", KEYS)))
            ledger = opening.enter_context(closing(SqliteFile(folder / "ledger.db", LEDGER)))
            self._files = opening.pop_all()
        self.journal = SqliteJournal(journal, clock=clock)
        self.budgets = SqliteSendBudget(journal)
        self.tombstones = SqliteTombstones(journal)
        self.vault = SqliteKeyVault(keys)
        self.ledger = SqliteLedger(ledger)

    def close(self) -> None:
        """Close the three files; repeatable."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
