"""What must be settled before an account of the sample portal is closed (``ports.Precondition``)."""

from __future__ import annotations

from typing import Final

import attrs

from hht_closure.account import Account
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import Parameter, PortError, StoreUnavailableError
from hht_closure.policy import Blocked, Blocker, Clean, Finding, Unknown

ORDERS_GROUND: Final = "Civil Code (CN) Art. 509; service agreement 9.2: orders under way are completed first"
INVOICES_GROUND: Final = "Civil Code (CN) Art. 579; service agreement 9.3: what is owed is paid first"


@attrs.frozen
class NoUnfinishedOrders:
    """No order is placed or shipped and not yet finished or cancelled."""

    database: SqliteDatabase
    name: str = attrs.field(default="no_unfinished_orders", init=False)

    def check(self, account: Account) -> Finding:
        """``Clean``, or blocked by ``unfinished_orders`` with their ``count``; ``Unknown`` if it cannot be asked."""
        found = _asked(
            self.database,
            "SELECT count(*), coalesce(sum(amount_fen), 0) FROM orders"
            " WHERE user_id = ? AND status IN ('placed', 'shipped')",
            account,
        )
        if found is None:
            return Unknown()
        count, _ = found
        if not count:
            return Clean()
        parameters = {"count": count}
        return _blocked(
            Blocker(code="unfinished_orders", parameters=parameters, ground=ORDERS_GROUND, remedy="/orders")
        )


@attrs.frozen
class NoUnpaidInvoices:
    """No invoice is open, whether it is due yet or not."""

    database: SqliteDatabase
    name: str = attrs.field(default="no_unpaid_invoices", init=False)

    def check(self, account: Account) -> Finding:
        """``Clean``, or blocked by ``unpaid_invoices``; ``Unknown`` if it cannot be asked.

        The blocker has the ``count``, the ``amount`` in fen and the ``currency``.
        """
        found = _asked(
            self.database,
            "SELECT count(*), coalesce(sum(amount_fen), 0) FROM invoices WHERE user_id = ? AND status = 'open'",
            account,
        )
        if found is None:
            return Unknown()
        count, amount = found
        if not count:
            return Clean()
        parameters: dict[str, Parameter] = {"count": count, "amount": amount, "currency": "CNY"}
        return _blocked(
            Blocker(code="unpaid_invoices", parameters=parameters, ground=INVOICES_GROUND, remedy="/invoices")
        )


def _blocked(blocker: Blocker) -> Blocked:
    return Blocked((blocker,))


def _asked(database: SqliteDatabase, question: str, account: Account) -> tuple[int, int] | None:
    """The count and the sum, or None where the database does not answer: unknown is not clean."""
    try:
        with database.reading() as connection:
            row: tuple[int, int] = connection.execute(question, (account.id,)).fetchone()
    except (StoreUnavailableError, PortError):
        return None
    return row
