"""Races of a purchase and a closing that are really at the same time: in two processes, and on a server (RACE-03)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final

import attrs
from sqlalchemy.exc import OperationalError

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryMessages
from hht_closure.adapters.sql import SqlStore
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.errors import ClosureRefused
from hht_closure.flows.wiring import Portal
from hht_closure.lifecycle import next_due
from hht_closure.stages import Closed
from hht_closure.testing.clock import ManualClock
from tests.attacks.interleaving import seeded
from tests.attacks.purchases import TERMS, Outcome, Sold, outcome_of, see_why, small_host
from tests.attacks.sample import Closings
from tests.portal.stage import NOW, make_stage
from tests.postgres import PATIENCE, Told, lines_of
from tests.sql_host import STANDINGS, SqlHost, opened_host, order
from tests.stage import Watch

LEVELS: Final = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@attrs.frozen(kw_only=True)
class Crossing:
    """A portal on which closings and purchases meet.

    Attributes:
        closings: the library over it.
        watch: sees the calls of the closing, so that the purchase can be let go at any of them.
        accounts: open accounts with nothing in the way, one after the other.
        go: has the customer buy for that account, and does not wait for it.
        sold: waits for what came of it.
        left: how an account stands, and how much of its own is left, orders apart.
    """

    closings: Closings
    watch: Watch
    accounts: Iterator[AccountId]
    go: Callable[[AccountId], None]
    sold: Callable[[], Sold]
    left: Callable[[AccountId], tuple[str, int]]

    def alone(self) -> int:
        """How many calls a closing makes that nobody disturbs."""
        self._closed(next(self.accounts), _nothing)
        return len(self.watch.calls)

    def run(self, seed: str, calls: int) -> Outcome:
        """One race: the customer is let go before the confirmation, or at one of so many calls of the closing.

        Raises:
            AssertionError: the account was left in between: neither open and whole, nor closed and gone.
        """
        rng, account = seeded(seed), next(self.accounts)
        at, before = rng.randrange(rng.choice((3, calls // 2, calls))), self.left(account)
        self._closed(account, lambda number, _: self.go(account) if number == at else None)
        if len(self.watch.calls) < at:
            self.go(account)
        sold, closure = self.sold(), self.closings.closure(account)
        assert self.left(account) == (("retired", 0) if isinstance(closure.stage, Closed) else before)
        return outcome_of(sold, closure)

    def _closed(self, account: AccountId, meanwhile: Callable[[int, str], None]) -> None:
        """Confirm, and work until nothing is to be done but what years bring; at each call, something else happens."""
        closings, (principal, nonce) = self.closings, self.closings.ready(account)
        self.watch.calls.clear()
        self.watch.before = meanwhile
        meanwhile(0, "confirm")
        try:
            closings.service.confirm(principal, nonce)
        except ClosureRefused as refused:
            see_why(refused)
        while True:
            closings.service.work()
            closure = closings.closure(account)
            if all(one.kind == "purge" for one in closure.tasks):
                break
            closings.clock.set(max(next_due(closure) or NOW, closings.clock.now()))
        self.watch.before = _nothing


def _nothing(number: int, name: str) -> None:
    """What happens at a call that nobody waits for."""


def watched(host: Portal, store: SqliteStore | SqlStore) -> Watch:
    """Of this portal's closings, the calls that matter."""
    watch = Watch()
    watch.over(host.accounts, "accounts", "get", "freeze", "unfreeze", "revoke_sessions", "retire")
    watch.over(store.journal, "journal", "read", "append", "claim", "renew")
    for one in host.data_sets:
        watch.over(one, one.name, "survey", "erase", "remaining")
    return watch


# --- two processes on a file --------------------------------------------------------------------------------------

CUSTOMER: Final = """
import sys
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import ClosureRefused
from hht_closure.portal import PortalCustomer
from hht_closure.system import system_clock

customer = PortalCustomer(SqliteDatabase(sys.argv[1], busy_for=30), clock=system_clock)
for account in map(str.strip, sys.stdin):
    try:
        customer.place_order(account, product="SIM", amount_fen=100)
        print("paid", flush=True)
    except ClosureRefused:
        print("refused", flush=True)
"""

UNGUARDED: Final = """
import sys
from hht_closure.adapters.sqlite_database import SqliteDatabase

database = SqliteDatabase(sys.argv[1], busy_for=30)
for account in map(str.strip, sys.stdin):
    with database.reading() as connection:
        standing, = connection.execute("SELECT standing FROM users WHERE id = ?", (account,)).fetchone()
    print(standing, flush=True)
    sys.stdin.readline()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO orders (user_id, product, amount_fen, status, placed_at)"
            " VALUES (?, 'SIM', 100, 'placed', '2026-03-01T08:00:00Z')",
            (account,),
        )
    print("paid", flush=True)
"""
"""Looks at the account, and writes its order when it is told to go on."""


@contextmanager
def two_processes(folder: Path, *, people: int, customer: str = CUSTOMER) -> Iterator[Crossing]:
    """The sample portal and the library's own files, the closing in this process and the customer in another."""
    portal = make_stage(folder, users=people + 4, messages=2 * people, messages_each=1)
    for settled in (
        "UPDATE orders SET status = 'finished', completed_at = placed_at WHERE status IN ('placed', 'shipped')",
        "UPDATE invoices SET status = 'paid', paid_at = issued_at WHERE status = 'open'",
        "UPDATE users SET standing = 'open'",
    ):
        portal.write(settled)
    host = small_host(portal.pieces)
    terms = attrs.evolve(TERMS, preconditions=portal.pieces.terms.preconditions, data_sets=_names(host))
    with ExitStack() as running:
        running.callback(portal.sample.database.close)
        store = running.enter_context(SqliteStore(folder / "closures", clock=portal.clock))
        other: Told = running.enter_context(lines_of(customer, str(portal.path)))

        def sold() -> Sold:
            return "paid" if other.told() == "paid" else "refused"

        def left(account: AccountId) -> tuple[str, int]:
            asked = "SELECT standing, (SELECT count(*) FROM contacts WHERE user_id = id) + count(login_name) FROM users"
            row = portal.rows(f"{asked} WHERE id = ?", account)[0]
            return str(row[0]), int(row[1] or 0)

        yield Crossing(
            closings=Closings(host, terms, store, portal.clock),
            watch=watched(host, store),
            accounts=iter(portal.sample.others),
            go=other.tell,
            sold=sold,
            left=left,
        )


def _names(host: Portal) -> tuple[str, ...]:
    return tuple(one.name for one in host.data_sets)


# --- a server -----------------------------------------------------------------------------------------------------


@contextmanager
def on_a_server(url: str) -> Iterator[Crossing]:
    """The shop and the library's tables in PostgreSQL; the customer in a thread, at each isolation level in turn."""
    clock = ManualClock(NOW)
    with SqlStore(url, clock=clock) as store, opened_host(url) as shop:
        host = Portal(
            name="Shop",
            accounts=shop.directory,
            preconditions=(shop.no_orders,),
            data_sets=shop.data_sets,
            messages=MemoryMessages(),
        )
        wanted, sold = SimpleQueue[AccountId | None](), SimpleQueue[Sold]()
        customer = Thread(target=_serve, args=(shop, wanted, sold))
        customer.start()
        try:
            yield Crossing(
                closings=Closings(host, TERMS, store, clock),
                watch=watched(host, store),
                accounts=(shop.join(f"account-{number}") for number in count()),
                go=wanted.put,
                sold=lambda: sold.get(timeout=PATIENCE),
                left=lambda account: (_standing(shop, account), shop.count("messages", account)),
            )
        finally:
            wanted.put(None)
            customer.join()


def _serve(shop: SqlHost, wanted: SimpleQueue[AccountId | None], sold: SimpleQueue[Sold]) -> None:
    """Buy for each account that comes, until there is none."""
    for number in count():
        account = wanted.get()
        if account is None:
            return
        sold.put(_bought(shop, account, LEVELS[number % len(LEVELS)]))


def _bought(shop: SqlHost, account: AccountId, level: str) -> Sold:
    """As a host does it: once more from the beginning where the server says that somebody else was first."""
    engine = shop.engine.execution_options(isolation_level=level)
    while True:
        try:
            with engine.begin() as connection:
                STANDINGS.assert_open(connection, account)
                order(connection, account)
        except ClosureRefused:
            return "refused"
        except OperationalError:
            continue
        return "paid"


def _standing(shop: SqlHost, account: AccountId) -> str:
    found = shop.directory.get(account)
    return "retired" if found is None else found.standing
