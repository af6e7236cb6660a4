"""The sample portal's accounts (``ports.AccountDirectory``), and the guard in front of its orders."""

from __future__ import annotations

import sqlite3
from typing import Final

import attrs

from hht_closure.account import Account, AccountId, Channel, ContactPoint, Standing
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import ClosureRefused, InvalidValueError, RefusalCode, StaleTokenError, refusal

_REFUSALS: Final[dict[Standing, RefusalCode]] = {
    "suspended": "account_suspended",
    "frozen": "account_frozen",
    "retired": "account_unknown",
}


def assert_open(connection: sqlite3.Connection, account: AccountId) -> None:
    """Let an account's business pass only where the account is open; called within the business's own transaction.

    It writes the row that ``freeze`` writes. So either this transaction is first, and the recheck after the freeze
    sees what it wrote, or the freeze is first, and this refuses; nothing slips in between (L13).

    Args:
        connection: the host's own, within the transaction that will write the order.
        account: whose order it is.

    Raises:
        ClosureRefused: ``account_frozen``, ``account_suspended``; ``account_unknown`` for none and for a retired one.
        InvalidValueError: there is no transaction, and so nothing that the guard could hold.
        sqlite3.OperationalError: another process holds the database.
    """
    if not connection.in_transaction:
        raise InvalidValueError("connection", "no_transaction")
    connection.execute("UPDATE users SET standing = standing WHERE id = ?", (account,))
    row: tuple[Standing] | None = connection.execute("SELECT standing FROM users WHERE id = ?", (account,)).fetchone()
    standing: Standing = "retired" if row is None else row[0]
    if standing != "open":
        raise ClosureRefused((refusal(_REFUSALS[standing]),))


class PortalDirectory:
    """The portal's accounts, one row each; a row is never deleted, so an id is never issued twice.

    Raises (all methods):
        StoreUnavailableError: nothing was changed, and trying again is safe.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def get(self, account: AccountId) -> Account | None:
        """The account as it is committed now; a retired one has an id and a standing, and no more. Changes nothing."""
        with self._database.reading() as connection:
            row: _Row | None = connection.execute(
                "SELECT phone, phone_version, email, email_version, locale, standing, login_name,"
                " standing_before_freeze FROM users WHERE id = ?",
                (account,),
            ).fetchone()
        return None if row is None else _account(account, row)

    def freeze(self, account: AccountId, token: int) -> None:
        """Hold the account and remember its earlier standing. Repeatable; nothing for a retired or unknown one.

        Raises:
            StaleTokenError: the token is lower than one seen; nothing changed (L18).
        """
        with self._database.transaction() as connection:
            hold = _hold(connection, account, token)
            if hold is not None and hold.standing != "frozen":
                hold = _Hold(standing="frozen", before=hold.standing)
            _write(connection, account, token, hold)

    def unfreeze(self, account: AccountId, token: int) -> None:
        """Back to the standing before ``freeze``. Repeatable; on an account that is not frozen it keeps the token only.

        Raises:
            StaleTokenError: the token is lower than one seen; nothing changed (L18).
        """
        with self._database.transaction() as connection:
            hold = _hold(connection, account, token)
            if hold is not None and hold.before is not None:
                hold = _Hold(standing=hold.before, before=None)
            _write(connection, account, token, hold)

    def revoke_sessions(self, account: AccountId) -> None:
        """End every session and every password reset under way; the portal has no other tokens. Repeatable."""
        with self._database.transaction() as connection:
            _revoke(connection, account)

    def retire(self, account: AccountId) -> None:
        """Take everything personal out of the account's row, end its tokens, and write the file anew. Repeatable.

        Afterwards no byte of the row's former contents is in the file or its log; what the data sets erased
        before goes from the pages' unused parts by the same pass.
        """
        with self._database.transaction() as connection:
            _revoke(connection, account)
            connection.execute(
                "UPDATE users SET login_name = NULL, password_hash = NULL, phone = NULL, email = NULL, locale = 'und',"
                " standing = 'retired', standing_before_freeze = NULL WHERE id = ?",
                (account,),
            )
        self._database.rewrite()


_Row = tuple[str | None, int, str | None, int, str, Standing, str | None, Standing | None]


@attrs.frozen(kw_only=True)
class _Hold:
    """How an account stands, and, while it is frozen, how it stood before."""

    standing: Standing
    before: Standing | None


def _hold(connection: sqlite3.Connection, account: AccountId, token: int) -> _Hold | None:
    """How the account stands now; None for one that nothing moves any more.

    Raises:
        StaleTokenError: the token is lower than one seen.
    """
    row: tuple[Standing, Standing | None, int] | None = connection.execute(
        "SELECT standing, standing_before_freeze, freeze_token FROM users WHERE id = ? AND standing <> 'retired'",
        (account,),
    ).fetchone()
    if row is None:
        return None
    if token < row[2]:
        raise StaleTokenError(token, row[2])
    return _Hold(standing=row[0], before=row[1])


def _write(connection: sqlite3.Connection, account: AccountId, token: int, hold: _Hold | None) -> None:
    if hold is not None:
        connection.execute(
            "UPDATE users SET standing = ?, standing_before_freeze = ?, freeze_token = ? WHERE id = ?",
            (hold.standing, hold.before, token, account),
        )


def _revoke(connection: sqlite3.Connection, account: AccountId) -> None:
    """End all that lets anybody in."""
    connection.execute("DELETE FROM sessions WHERE user_id = ?", (account,))
    connection.execute("DELETE FROM password_resets WHERE user_id = ?", (account,))


def _account(account: AccountId, row: _Row) -> Account:
    phone, phone_version, email, email_version, locale, standing, login_name, before = row
    points: tuple[tuple[Channel, str | None, int], ...] = (
        ("sms", phone, phone_version),
        ("email", email, email_version),
    )
    return Account(
        id=account,
        contacts=tuple(
            ContactPoint(channel=channel, address=address, version=str(version))
            for channel, address, version in points
            if address is not None
        ),
        locale=locale,
        standing=standing,
        held_from=before,
        login_name=login_name,
    )
