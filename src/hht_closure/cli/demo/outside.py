"""What somebody sees who has nothing but the files: rows, digests, and a search of every byte."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import attrs

from hht_closure.account import AccountId

TABLES: Final[Mapping[str, str]] = {
    "messages": "messages",
    "contacts": "contacts",
    "sessions": "sessions",
    "profile": "profiles",
    "orders": "orders",
    "invoices": "invoices",
}
"""Each data set of the sample portal, and its table."""

NAMES: Final = 3
"""How many of the traces name the person: phone, e-mail, login name; messages follow."""

_MESSAGES_LOOKED_FOR: Final = 25
_CHUNK: Final = 4 * 1024 * 1024


@attrs.frozen(kw_only=True)
class Outlook:
    """What the portal's database holds of one person, and of all the others, with a digest over every row of those."""

    theirs: Mapping[str, int]
    others: int
    others_rows: int
    others_digest: str


@attrs.frozen(kw_only=True)
class Found:
    """What a search came to: which of the texts are there, and how much was searched."""

    texts: frozenset[bytes] = attrs.field(repr=False)
    files: int
    size: int


def look(file: Path, account: AccountId) -> Outlook:
    """Count and digest, on a connection of one's own that can only read."""
    digest, rows, others = hashlib.sha256(), 0, 0
    with _reading(file) as connection:
        theirs = {name: _count(connection, table, account) for name, table in TABLES.items()}
        for row in connection.execute("SELECT * FROM users WHERE id <> ? ORDER BY id", (account,)):
            others += 1
            digest.update(repr(row).encode())
        for table in TABLES.values():
            for row in connection.execute(f"SELECT * FROM {table} WHERE user_id <> ? ORDER BY id", (account,)):  # noqa: S608 - our own names
                rows += 1
                digest.update(repr(row).encode())
    return Outlook(theirs=theirs, others=others, others_rows=rows, others_digest=digest.hexdigest())


def traces(file: Path, account: AccountId) -> tuple[str, ...]:
    """Texts that lead to this person and to nobody else: phone, e-mail, login name, and messages that are theirs alone.

    Returns:
        The first three, then up to 25 messages.
    """
    with _reading(file) as connection:
        person: tuple[str, str, str] = connection.execute(
            "SELECT phone, email, login_name FROM users WHERE id = ?", (account,)
        ).fetchone()
        messages: list[tuple[str]] = connection.execute(
            "SELECT DISTINCT body FROM messages WHERE user_id = :account"
            " AND body NOT IN (SELECT body FROM messages WHERE user_id <> :account) LIMIT :most",
            {"account": account, "most": _MESSAGES_LOOKED_FOR},
        ).fetchall()
    return (*person, *(body for (body,) in messages))


def search(folder: Path, texts: Collection[str]) -> Found:
    """Which of the texts stand anywhere in any file of the folder, as UTF-8."""
    wanted = frozenset(one.encode() for one in texts)
    files = [one for one in sorted(folder.rglob("*")) if one.is_file()]
    found = frozenset[bytes]().union(*(_found_in(one, wanted) for one in files))
    return Found(texts=found, files=len(files), size=sum(one.stat().st_size for one in files))


def _found_in(file: Path, wanted: frozenset[bytes]) -> frozenset[bytes]:
    """In pieces that overlap, so that a file of any size is searched in bounded memory."""
    overlap = max(map(len, wanted), default=1) - 1
    found: set[bytes] = set()
    with file.open("rb") as opened:
        piece = b""
        while read := opened.read(_CHUNK):
            piece += read
            found.update(one for one in wanted if one in piece)
            piece = piece[-overlap:] if overlap else b""
    return frozenset(found)


def _count(connection: sqlite3.Connection, table: str, account: AccountId) -> int:
    row: tuple[int] = connection.execute(
        f"SELECT count(*) FROM {table} WHERE user_id = ?",  # noqa: S608 - one of our own names
        (account,),
    ).fetchone()
    return row[0]


@contextmanager
def _reading(file: Path) -> Generator[sqlite3.Connection, None, None]:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        yield connection
