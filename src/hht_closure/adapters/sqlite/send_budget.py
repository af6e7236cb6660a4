"""The send budget in SQLite, in the journal's file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Final

from hht_closure.adapters.sqlite.file import SqliteFile, opened
from hht_closure.adapters.sqlite.schema import JOURNAL, duration_in_microseconds, microseconds, stored_instant
from hht_closure.ports import Allowance, Exhausted

_KEPT_BEYOND: Final = duration_in_microseconds(timedelta(days=7))
"""How long a taking is kept after it counts no more: one caller's clock that runs ahead forgets nobody's."""


class _RefusedTaking(Exception):
    """Rolls back what was taken from the allowances in front of the exhausted one."""

    def __init__(self, exhausted: Exhausted) -> None:
        super().__init__()
        self.exhausted = exhausted


class SqliteSendBudget:
    """The port ``SendBudget``: one row for each taking, removed some days after its window is over.

    Args:
        place: the path of the journal's file, or a file that is open and shared.
    """

    never_blocks = False

    def __init__(self, place: str | os.PathLike[str] | SqliteFile) -> None:
        self.file = opened(place, JOURNAL)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Take one from each, or none from any: None when all had one left, else the first that had not.

        Raises:
            StoreUnavailableError: nothing was taken.
        """
        moment = microseconds(now)
        try:
            with self.file.writing() as connection:
                connection.execute("DELETE FROM taking WHERE ends <= ?", (moment - _KEPT_BEYOND,))
                for one in allowances:
                    _take(connection, one, moment)
        except _RefusedTaking as refused:
            return refused.exhausted
        return None


def _take(connection: Connection, one: Allowance, moment: int) -> None:
    """Take one, unless as many as the limit count already; free again when the last of those that fit ends."""
    window = duration_in_microseconds(one.window)
    if one.taker and _has_taken(connection, one, moment - window):
        return
    in_the_way = connection.execute(
        "SELECT at FROM taking WHERE name = ? AND key = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        (one.name, one.key, moment - window, one.limit - 1),
    ).fetchone()
    if in_the_way is not None:
        raise _RefusedTaking(Exhausted(name=one.name, until=stored_instant(in_the_way[0]) + one.window))
    connection.execute(
        "INSERT INTO taking (name, key, at, ends, taker) VALUES (?, ?, ?, ?, ?)",
        (one.name, one.key, moment, moment + window, one.taker),
    )


def _has_taken(connection: Connection, one: Allowance, since: int) -> bool:
    found = connection.execute(
        "SELECT 1 FROM taking WHERE name = ? AND key = ? AND at > ? AND taker = ?",
        (one.name, one.key, since, one.taker),
    ).fetchone()
    return found is not None
