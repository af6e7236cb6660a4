"""Logging in to the sample portal: sessions, principals, and the check of a password.

Whoever has no session learns nothing here (L9): an unknown name, a retired account and a wrong password give the
same answer, cost one password hash each, and write nothing.
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Final

import attrs

from hht_closure.account import AccountId, Principal
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.portal.passwords import PasswordHasher
from hht_closure.portal.times import read, written
from hht_closure.portal.tokens import new_token, token_digest
from hht_closure.ports import Clock, Entropy
from hht_closure.values import Secret

SESSION_VALID_FOR: Final = timedelta(hours=12)
"""How long a session lasts after its log-in; seeing pages does not prolong it."""

_BY_LOGIN_NAME: Final = "SELECT id, password_hash FROM users WHERE login_name = ? AND password_hash IS NOT NULL"
_BY_ID: Final = "SELECT id, password_hash FROM users WHERE id = ? AND password_hash IS NOT NULL"
LONGEST_INPUT: Final = 1024
"""The most code points of a login name or a password that anybody looks at."""


def login_key(login_name: str) -> str:
    """The login name as it is stored and looked up: NFKC, case folded, without blanks around it; always encodable."""
    login_name = login_name.encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", login_name).casefold()).strip()


class PortalLogin:
    """Who may come in. A frozen account may, to see its closing; what it may not do, ``assert_open`` refuses.

    It is a ``PasswordCheck``, too (:mod:`hht_closure.adapters.password`).

    Args:
        database: the portal's.
        hasher: how passwords are kept.
        clock: the time of log-ins and of the end of sessions.
        entropy: for session tokens, and for the password that nobody has.
    """

    def __init__(self, database: SqliteDatabase, *, hasher: PasswordHasher, clock: Clock, entropy: Entropy) -> None:
        self._database = database
        self._hasher = hasher
        self._clock = clock
        self._entropy = entropy
        self._nobodys_hash = hasher.hash(new_token(entropy))

    def log_in(self, login_name: str, password: Secret[str]) -> Secret[str] | None:
        """The token of a new session, or None, and never why.

        Raises:
            StoreUnavailableError: the database cannot be asked now.
        """
        if not isinstance(login_name, str):
            raise TypeError("login_name: a text is wanted")
        check_password(password)
        found = self._credentials(_BY_LOGIN_NAME, login_key(login_name[:LONGEST_INPUT]))
        if not self._is_right(password, found):
            return None
        token = new_token(self._entropy)
        return token if found is not None and self._opened(found, token) else None

    def check(self, account: AccountId, password: Secret[str]) -> bool:
        """Whether this is the account's password now; as much work for an account that has none (L9).

        Raises:
            StoreUnavailableError: the database cannot be asked now.
        """
        check_password(password)
        return self._is_right(password, self._credentials(_BY_ID, account))

    def principal(self, token: Secret[str]) -> Principal | None:
        """Who holds the token, until the very end of its session; None for an unknown, ended or expired one.

        Raises:
            StoreUnavailableError: the database cannot be asked now.
        """
        digest = token_digest(token)
        with self._database.reading() as connection:
            row: tuple[str, str, str] | None = connection.execute(
                "SELECT user_id, logged_in_at, expires_at FROM sessions JOIN users ON users.id = user_id"
                " WHERE token_digest = ? AND standing <> 'retired'",
                (digest,),
            ).fetchone()
        if row is None or self._clock.now() >= read(row[2]):
            return None
        return Principal(account=AccountId(row[0]), session=digest, logged_in_at=read(row[1]), means="password")

    def log_out(self, token: Secret[str]) -> None:
        """End the token's session. Repeatable.

        Raises:
            StoreUnavailableError: the session is still there.
        """
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM sessions WHERE token_digest = ?", (token_digest(token),))

    def _credentials(self, question: str, value: str) -> _Credentials | None:
        with self._database.reading() as connection:
            row: tuple[str, str] | None = connection.execute(question, (value,)).fetchone()
        return None if row is None else _Credentials(AccountId(row[0]), row[1])

    def _is_right(self, password: Secret[str], found: _Credentials | None) -> bool:
        """One verification on every path, so that time tells nothing."""
        too_long = len(password.reveal()) > LONGEST_INPUT
        known = None if too_long else found
        stored = self._nobodys_hash if known is None else known.password_hash
        return self._hasher.verify(Secret("") if too_long else password, stored) and known is not None

    def _opened(self, found: _Credentials, token: Secret[str]) -> bool:
        """The session, unless the account was retired or got another password while the hash was computed."""
        now = self._clock.now()
        with self._database.transaction() as connection:
            opened = connection.execute(
                "INSERT INTO sessions (token_digest, user_id, logged_in_at, expires_at)"
                " SELECT ?, id, ?, ? FROM users WHERE id = ? AND password_hash = ?",
                (
                    token_digest(token),
                    written(now),
                    written(now + SESSION_VALID_FOR),
                    found.account,
                    found.password_hash,
                ),
            ).rowcount
        return opened == 1


@attrs.frozen
class _Credentials:
    account: AccountId = attrs.field(repr=False)
    password_hash: str = attrs.field(repr=False)


def check_password(password: object) -> None:
    """Refuse what a form may bring in the place of a password, a field given twice, say, before anybody is asked."""
    if not isinstance(password, Secret) or not isinstance(password.reveal(), str):
        raise TypeError("password: a secret text is wanted")
