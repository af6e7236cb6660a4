"""A new password for somebody who has forgotten theirs: a token by mail, good once, for a while, and only while open.

A token is issued and used in a transaction that passes :func:`~hht_closure.portal.directory.assert_open`. So after the
freeze none is issued and none works, also before the closing has come to revoking them, and whoever was on the way
with one when the freeze came is refused.
"""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Final, Protocol

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import ClosureRefused
from hht_closure.portal.directory import assert_open
from hht_closure.portal.login import LONGEST_INPUT, check_password, login_key
from hht_closure.portal.passwords import PasswordHasher
from hht_closure.portal.times import read, written
from hht_closure.portal.tokens import new_token, token_digest
from hht_closure.ports import Clock, Entropy
from hht_closure.values import Secret

RESET_VALID_FOR: Final = timedelta(minutes=30)
"""How long a token can be used; the next one that is asked for takes its place."""


class ResetMail(Protocol):
    """Brings tokens to people."""

    def send(self, address: str, token: Secret[str]) -> None:
        """Hand over the letter with the token."""
        ...


class PortalResets:
    """Sets new passwords.

    Args:
        database: the portal's.
        hasher: how passwords are kept.
        clock: the time at which tokens end.
        entropy: for tokens.
        mail: how they are sent.
    """

    def __init__(
        self, database: SqliteDatabase, *, hasher: PasswordHasher, clock: Clock, entropy: Entropy, mail: ResetMail
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._clock = clock
        self._entropy = entropy
        self._mail = mail

    def ask(self, login_name: str) -> None:
        """Send a token to the account's own mailbox, where there is an open account; nobody is told whether (L9).

        Raises:
            StoreUnavailableError: nothing was issued or sent.
        """
        token = new_token(self._entropy)
        address = self._issued(login_key(login_name[:LONGEST_INPUT]), token)
        if address is not None:
            self._mail.send(address, token)

    def reset(self, token: Secret[str], password: Secret[str]) -> bool:
        """Take the password and end every session, where the token is good; False, and never why.

        Raises:
            StoreUnavailableError: nothing was changed, and the token can be used again.
        """
        check_password(password)
        if len(password.reveal()) > LONGEST_INPUT:
            return False
        password_hash = self._hasher.hash(password)
        with self._database.transaction() as connection:
            account = self._holder(connection, token)
            if account is None or not _is_open(connection, account):
                return False
            connection.execute("UPDATE users SET password_hash = ? WHERE id = ?", (password_hash, account))
            connection.execute("DELETE FROM password_resets WHERE user_id = ?", (account,))
            connection.execute("DELETE FROM sessions WHERE user_id = ?", (account,))
        return True

    def _issued(self, name: str, token: Secret[str]) -> str | None:
        """The mailbox for which the token was issued; None where there is no open account with one."""
        with self._database.transaction() as connection:
            row: tuple[AccountId, str | None] | None = connection.execute(
                "SELECT id, email FROM users WHERE login_name = ?", (name,)
            ).fetchone()
            if row is None or row[1] is None or not _is_open(connection, row[0]):
                return None
            connection.execute("DELETE FROM password_resets WHERE user_id = ?", (row[0],))
            connection.execute(
                "INSERT INTO password_resets (token_digest, user_id, expires_at) VALUES (?, ?, ?)",
                (token_digest(token), row[0], written(self._clock.now() + RESET_VALID_FOR)),
            )
        return row[1]

    def _holder(self, connection: sqlite3.Connection, token: Secret[str]) -> AccountId | None:
        """Whose the token is, until its very end."""
        row: tuple[str, str] | None = connection.execute(
            "SELECT user_id, expires_at FROM password_resets WHERE token_digest = ?", (token_digest(token),)
        ).fetchone()
        return None if row is None or self._clock.now() >= read(row[1]) else AccountId(row[0])


def _is_open(connection: sqlite3.Connection, account: AccountId) -> bool:
    """Whether the account is open, and stays so until this transaction has ended."""
    try:
        assert_open(connection, account)
    except ClosureRefused:
        return False
    return True
