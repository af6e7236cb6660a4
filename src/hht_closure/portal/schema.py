"""The tables of the sample portal, and how its file is created and opened.

Orders and invoices hold nothing of the person but the account's id; they are what the law keeps, and when the
account's row is anonymous they lead to nobody. Contact versions are counted by the database itself, so that no
writer can bring one back (L3).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import StoreVersionError

SCHEMA_VERSION: Final = 2
"""What ``PRAGMA user_version`` says of a file with these tables."""

SCHEMA: Final = (
    """
    CREATE TABLE users (
        id TEXT PRIMARY KEY NOT NULL,
        login_name TEXT UNIQUE,
        password_hash TEXT,
        phone TEXT,
        phone_version INTEGER NOT NULL DEFAULT 1,
        email TEXT,
        email_version INTEGER NOT NULL DEFAULT 1,
        locale TEXT NOT NULL,
        standing TEXT NOT NULL DEFAULT 'open' CHECK (standing IN ('open', 'suspended', 'frozen', 'retired')),
        standing_before_freeze TEXT CHECK (standing_before_freeze IN ('open', 'suspended')),
        freeze_token INTEGER NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TRIGGER phone_versions_only_grow AFTER UPDATE OF phone ON users WHEN NEW.phone IS NOT OLD.phone
    BEGIN UPDATE users SET phone_version = OLD.phone_version + 1 WHERE id = OLD.id; END
    """,
    """
    CREATE TRIGGER email_versions_only_grow AFTER UPDATE OF email ON users WHEN NEW.email IS NOT OLD.email
    BEGIN UPDATE users SET email_version = OLD.email_version + 1 WHERE id = OLD.id; END
    """,
    """
    CREATE TRIGGER users_are_never_deleted BEFORE DELETE ON users
    BEGIN SELECT raise(ABORT, 'ids are never issued twice, so their rows stay'); END
    """,
    """
    CREATE TABLE profiles (
        id INTEGER PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES users (id),
        nickname TEXT NOT NULL,
        signature TEXT NOT NULL,
        birthday TEXT NOT NULL,
        city TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX profiles_of_user ON profiles (user_id)",
    """
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        token_digest TEXT NOT NULL UNIQUE,
        user_id TEXT NOT NULL REFERENCES users (id),
        logged_in_at TEXT NOT NULL,
        expires_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX sessions_of_user ON sessions (user_id)",
    """
    CREATE TABLE password_resets (
        token_digest TEXT PRIMARY KEY NOT NULL,
        user_id TEXT NOT NULL REFERENCES users (id),
        expires_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX password_resets_of_user ON password_resets (user_id)",
    """
    CREATE TABLE contacts (
        id INTEGER PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES users (id),
        name TEXT NOT NULL,
        phone TEXT NOT NULL
    )
    """,
    "CREATE INDEX contacts_of_user ON contacts (user_id)",
    """
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES users (id),
        contact_id INTEGER NOT NULL REFERENCES contacts (id),
        direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
        body TEXT NOT NULL,
        sent_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX messages_of_user ON messages (user_id)",
    "CREATE INDEX messages_of_contact ON messages (contact_id)",
    """
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id TEXT NOT NULL REFERENCES users (id),
        product TEXT NOT NULL,
        amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0),
        status TEXT NOT NULL CHECK (status IN ('placed', 'shipped', 'finished', 'cancelled')),
        placed_at TEXT NOT NULL,
        completed_at TEXT,
        CHECK ((completed_at IS NOT NULL) = (status IN ('finished', 'cancelled')))
    )
    """,
    "CREATE INDEX orders_of_user ON orders (user_id)",
    """
    CREATE TABLE invoices (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id TEXT NOT NULL REFERENCES users (id),
        amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0),
        status TEXT NOT NULL CHECK (status IN ('open', 'paid')),
        issued_at TEXT NOT NULL,
        due_at TEXT NOT NULL,
        paid_at TEXT,
        CHECK ((paid_at IS NOT NULL) = (status = 'paid'))
    )
    """,
    "CREATE INDEX invoices_of_user ON invoices (user_id)",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
"""The statements, in order. Times are ISO 8601 in UTC with seconds, money is in fen."""


def create_file(path: Path) -> SqliteDatabase:
    """A new file with empty tables, readable by its owner only.

    Raises:
        FileExistsError: there is a file of that name; nobody's data are overwritten.
        StoreUnavailableError: it cannot be written.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    database = SqliteDatabase(path)
    with database.transaction() as connection:
        for statement in SCHEMA:
            connection.execute(statement)
    return database


def open_portal(path: Path) -> SqliteDatabase:
    """The file of a portal that was created before.

    Raises:
        StoreUnavailableError: there is no such file, or it cannot be opened.
        StoreVersionError: it is not a portal's, or of another version.
    """
    database = SqliteDatabase(path)
    with database.reading() as connection:
        row: tuple[int] = connection.execute("PRAGMA user_version").fetchone()
    if row[0] != SCHEMA_VERSION:
        database.close()
        raise StoreVersionError("portal_database", row[0], SCHEMA_VERSION)
    return database
