"""How long each transaction on a SQLite file takes, as the process sees it that makes it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.endurance.measuring import Measured

_WORTH_A_LINE: Final = 0.001
"""Seconds: a transaction that took less is written down only if it is the first of its database."""


class _Watch:
    """How long each transaction of one connection takes, from having its first lock to being committed."""

    def __init__(self, connection: sqlite3.Connection, measured: Measured, name: str) -> None:
        self._connection = connection
        self._measured = measured
        self._name = name
        self._began: float | None = None
        self._asked = 0.0
        self._longest: dict[str, float] = {}

    @contextmanager
    def over(self, statement: str) -> Generator[None, None, None]:
        """One statement, or, where it is empty, the fetching of what the last one found."""
        if statement:
            self._asked = time.monotonic()
        began = self._asked if self._began is None else self._began
        try:
            yield
        finally:
            if not self._connection.in_transaction:
                self._ended(time.monotonic() - began, f"{self._name} VACUUM" if statement == "VACUUM" else self._name)
            elif self._began is None:
                # Whoever waits for a lock is in no transaction yet: BEGIN IMMEDIATE returns when it has it.
                self._began = time.monotonic()

    def _ended(self, seconds: float, of: str) -> None:
        self._began = None
        if of not in self._longest or seconds > max(self._longest[of], _WORTH_A_LINE):
            self._longest[of] = seconds
            self._measured.add("transaction", seconds, of=of)


class _TimedCursor(sqlite3.Cursor):
    """A cursor whose statements are timed."""

    connection: _TimedConnection

    def execute(self, sql: str, parameters: object = ()) -> _TimedCursor:
        with self.connection.watch.over(sql):
            return super().execute(sql, parameters)  # type: ignore[arg-type]

    def executemany(self, sql: str, parameters: Iterable[object]) -> _TimedCursor:
        with self.connection.watch.over(sql):
            return super().executemany(sql, parameters)  # type: ignore[arg-type]

    def fetchall(self) -> list[object]:
        with self.connection.watch.over(""):
            return super().fetchall()


class _TimedConnection(sqlite3.Connection):
    """A connection whose transactions are timed."""

    def __init__(self, measured: Measured, database: str | Path, *arguments: object, **settings: object) -> None:
        super().__init__(str(database), *arguments, **settings)  # type: ignore[arg-type]
        self.watch = _Watch(self, measured, Path(urlsplit(str(database)).path).stem)

    def execute(self, sql: str, parameters: object = ()) -> _TimedCursor:
        return self.cursor(_TimedCursor).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[object]) -> _TimedCursor:
        return self.cursor(_TimedCursor).executemany(sql, parameters)


def time_transactions(measured: Measured) -> None:
    """From now on time every transaction of this process on any SQLite file: the host's, and the store's."""
    plain = sqlite3.connect
    made = partial(_TimedConnection, measured)
    sqlite3.connect = partial(plain, factory=made)  # type: ignore[assignment]
