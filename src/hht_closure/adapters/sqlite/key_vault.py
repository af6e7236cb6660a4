"""The key vault in SQLite."""

from __future__ import annotations

import os

from hht_closure.adapters.sqlite.file import SqliteFile, opened
from hht_closure.adapters.sqlite.schema import KEYS
from hht_closure.ports import KeyDestroyed, KeyMissing, KeyPresent

_SELECT = "SELECT wrapped, destroyed FROM key WHERE id = ?"


class SqliteKeyVault:
    """The port ``KeyVault`` in a file of its own, from which a destroyed key is gone to the byte.

    Args:
        place: the path of the file, or a file that is open and shared.

    Raises:
        StoreVersionError: the file is not a key vault of this version.
        StoreUnavailableError: the file cannot be opened.
    """

    never_blocks = False

    def __init__(self, place: str | os.PathLike[str] | SqliteFile) -> None:
        self.file = opened(place, KEYS)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def create(self, key: str, wrapped: bytes) -> KeyPresent | KeyDestroyed:
        """Store the key if its id is new, and give what is there now.

        Raises:
            StoreUnavailableError: nothing was changed.
        """
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO key (id, wrapped, destroyed) VALUES (?, ?, 0) ON CONFLICT (id) DO NOTHING", (key, wrapped)
            )
            stored = connection.execute(_SELECT, (key,)).fetchone()
        return _as_kept(*stored)

    def fetch(self, key: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """The key, or which of the two ways it is not there."""
        with self.file.reading() as connection:
            stored = connection.execute(_SELECT, (key,)).fetchone()
        return KeyMissing() if stored is None else _as_kept(*stored)

    def destroy(self, key: str) -> None:
        """Overwrite the key with zeros, leave the mark, and empty the WAL of older images of its page.

        Raises:
            StoreUnavailableError: the key may be overwritten already, and may still stand in the WAL; call it again.
        """
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO key (id, wrapped, destroyed) VALUES (?, x'', 1)"
                " ON CONFLICT (id) DO UPDATE SET wrapped = zeroblob(length(wrapped)), destroyed = 1",
                (key,),
            )
        self.file.truncate_log()


def _as_kept(wrapped: bytes, destroyed: int) -> KeyPresent | KeyDestroyed:
    return KeyDestroyed() if destroyed else KeyPresent(wrapped)
