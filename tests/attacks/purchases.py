"""Races of a purchase and a closing whose every step a seed decides: in memory, and over a SQLite file (RACE-03)."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Literal

import attrs

from hht_closure.account import Account, AccountId, Principal
from hht_closure.adapters.login_again import LoginAgainVerifier
from hht_closure.adapters.memory import MemoryDataSet, MemoryDirectory, MemoryMessages, MemoryStore
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import ClosureRefused
from hht_closure.flows.wiring import Portal
from hht_closure.keys import KeyRing
from hht_closure.lifecycle import next_due
from hht_closure.policy import Blocked, Blocker, Clean, Finding, FixedPolicy, NoticeText, Reason, Terms
from hht_closure.portal import PortalPieces, assert_open, sample_portal
from hht_closure.service import AsyncClosureService
from hht_closure.stages import Closed, Closure, Open
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from hht_closure.verification import login_again
from tests.attacks.interleaving import copied, interleaved, seeded, step, stepped_host, stepped_store
from tests.attacks.sample import Closings, host_of, quick, settle
from tests.portal.stage import NOW, make_stage

Sold = Literal["paid", "refused"]
Outcome = Literal["refused at confirm", "given back", "purchase refused", "paid and erased"]
GOOD: Final[set[Outcome]] = {"refused at confirm", "given back", "purchase refused"}
"""How a race may end, and each of these does come."""

LI: Final = AccountId("li")
TERMS: Final = Terms(
    version="1",
    requirement=login_again,
    preconditions=("no_orders",),
    data_sets=("messages", "orders"),
    notice_version="1",
    notices=(NoticeText("en", "Closing is final."),),
    reasons=(Reason("rather_not_say", note="not_wanted"),),
    tombstone_for=None,
    farewell_for=None,
)


def outcome_of(sold: Sold, closure: Closure) -> Outcome:
    """What became of the two.

    Raises:
        AssertionError: something that is neither good nor what this race is about.
    """
    match sold, closure.stage:
        case "paid", Closed():
            return "paid and erased"
        case "refused", Closed():
            return "purchase refused"
        case "paid", Open() as stage:
            return "given back" if stage.given_back else "refused at confirm"
    raise AssertionError(f"{sold}, and the closing is {type(closure.stage).__name__}")


def see_why(refused: ClosureRefused) -> None:
    """A confirmation may be refused for the order's sake: it is in the way, and it is one more than the notice said.

    Raises:
        AssertionError: it was refused for something else.
    """
    assert set(refused.codes) <= {"blocked", "nonce_invalid"}


@attrs.frozen(kw_only=True)
class Race:
    """One closing, ready to be confirmed, and one purchase.

    Attributes:
        service: by which it is closed.
        ready: who closes, and what confirm wants.
        clock: moved while the closing waits for its next try.
        purchase: what the customer does meanwhile.
        left: how the account stands, and how much of its own is left, orders apart.
    """

    service: AsyncClosureService
    ready: tuple[Principal, str]
    clock: ManualClock
    purchase: Callable[[], Coroutine[object, None, Sold]]
    left: Callable[[], tuple[str, int]]

    def ran(self, rng: random.Random, *, begins_after: int) -> Outcome:
        """How it ended; the purchase begins after so many steps of the closing.

        Raises:
            AssertionError: the account was left in between: neither open and whole, nor closed and gone.
        """
        before = self.left()
        closure, sold, _ = interleaved(self.closing(), self.purchase(), rng, begins_after=begins_after)
        assert self.left() == (("retired", 0) if isinstance(closure.stage, Closed) else before)
        return outcome_of(sold, closure)

    async def closing(self) -> Closure:
        """The closing to its end, however often it must be tried."""
        principal, nonce = self.ready
        try:
            await self.service.confirm(principal, nonce)
        except ClosureRefused as refused:
            see_why(refused)
        streams = self.service.core.streams
        while True:
            await self.service.work(patience=None)
            closure = (await streams.load(streams.name(principal.account))).closure
            if all(one.kind == "purge" for one in closure.tasks):
                return closure
            self.clock.set(max(next_due(closure) or NOW, self.clock.now()))


class Races:
    """Races on one ground, each from the same beginning.

    Args:
        ready: who closes, and what confirm wants; the closing is in the store up to there.
        store: where.
        terms: of the closing.
    """

    def __init__(self, ready: tuple[Principal, str], store: MemoryStore, terms: Terms) -> None:
        self._ready, self._store, self._terms = ready, store, terms
        with self.ground(ManualClock(NOW), guarded=True) as race:
            _, _, self.steps = interleaved(race.closing(), _nothing(), seeded("0"), begins_after=0)

    def ground(self, clock: ManualClock, *, guarded: bool) -> AbstractContextManager[Race]:
        """A portal as it is at the beginning, and gone afterwards."""
        raise NotImplementedError

    def run(self, seed: str, *, guarded: bool = True) -> Outcome:
        """One race; the purchase begins at any step of the closing."""
        rng = seeded(seed)
        with self.ground(ManualClock(NOW), guarded=guarded) as race:
            return race.ran(rng, begins_after=rng.randrange(rng.choice((self.steps // 2, self.steps))))

    def race(
        self,
        host: Portal,
        clock: ManualClock,
        *,
        purchase: Callable[[], Coroutine[object, None, Sold]],
        left: Callable[[], tuple[str, int]],
    ) -> Race:
        """The race on that portal; each call of a port is two steps."""
        store = copied(self._store, clock)
        service = AsyncClosureService(
            portal=stepped_host(host),
            store=stepped_store(store),
            verifiers=(LoginAgainVerifier(),),
            keyring=KeyRing.generate(UnsafeSeededEntropy(1)),
            policy=FixedPolicy(quick(self._terms)),
            clock=clock,
            entropy=UnsafeSeededEntropy(3),
        )
        return Race(service=service, ready=self._ready, clock=clock, purchase=purchase, left=left)


async def _nothing() -> None:
    """Nobody buys anything."""


# --- in memory ----------------------------------------------------------------------------------------------------


class Shop:
    """One account whose row can be locked, and orders that are paid with the transaction that holds the lock."""

    def __init__(self) -> None:
        self.accounts = MemoryDirectory(Account(id=LI, login_name="li"))
        self.orders, self.messages = MemoryDataSet("orders"), MemoryDataSet("messages")
        self.messages.add(LI, "hello", "good bye")
        self._is_locked = False

    def host(self) -> Portal:
        """What the shop writes for the library."""
        return Portal(
            name="Shop",
            accounts=ShopDirectory(self),
            preconditions=(NoOrders(self.orders),),
            data_sets=(self.messages, self.orders),
            messages=MemoryMessages(),
        )

    def left(self) -> tuple[str, int]:
        """How the account stands, and how many messages it has."""
        return self.standing(), len(self.messages.items(LI))

    def standing(self) -> str:
        """How the account stands now."""
        found = self.accounts.get(LI)
        return "retired" if found is None else found.standing

    async def lock(self) -> None:
        """Wait for the row, and hold it."""
        await step()
        while self._is_locked:
            await step()
        self._is_locked = True

    async def commit(self) -> None:
        """Give the row back."""
        await step()
        self._is_locked = False

    async def buy(self) -> Sold:
        """As a host should: the row is locked and looked at, and then the order is written."""
        await self.lock()
        sold = await self.buy_unguarded()
        await self.commit()
        return sold

    async def buy_unguarded(self) -> Sold:
        """As hosts do: the row is looked at, and then the order is written."""
        await step()
        if self.standing() != "open":
            return "refused"
        for _ in range(10):
            await step()  # the price, the stock, the payment
        self.orders.add(LI, "a SIM")
        return "paid"


class ShopDirectory:
    """The shop's accounts (``ports.AccountDirectory``): freezing locks the row."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        accounts = shop.accounts
        self.get, self.revoke_sessions, self.retire = accounts.get, accounts.revoke_sessions, accounts.retire

    async def freeze(self, account: AccountId, token: int) -> None:
        """In a transaction of its own."""
        await self._shop.lock()
        self._shop.accounts.freeze(account, token)
        await self._shop.commit()

    async def unfreeze(self, account: AccountId, token: int) -> None:
        """In a transaction of its own."""
        await self._shop.lock()
        self._shop.accounts.unfreeze(account, token)
        await self._shop.commit()


@attrs.frozen
class NoOrders:
    """No order is there; none of them is ever finished."""

    orders: MemoryDataSet
    name: str = "no_orders"

    def check(self, account: Account) -> Finding:
        """Blocked by any."""
        blocked = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))
        return blocked if self.orders.items(account.id) else Clean()


class MemoryRaces(Races):
    """In a shop in memory, with the steps of its transactions."""

    def __init__(self) -> None:
        clock = ManualClock(NOW)
        store, shop = MemoryStore(clock), Shop()
        plain = attrs.evolve(shop.host(), accounts=shop.accounts)
        super().__init__(Closings(plain, TERMS, store, clock).ready(LI), store, TERMS)

    @contextmanager
    def ground(self, clock: ManualClock, *, guarded: bool) -> Iterator[Race]:
        """A new shop."""
        shop = Shop()
        purchase = shop.buy if guarded else shop.buy_unguarded
        yield self.race(shop.host(), clock, purchase=purchase, left=shop.left)


# --- over a file --------------------------------------------------------------------------------------------------


_SETS: Final = ("messages", "contacts", "orders")


def small_host(pieces: PortalPieces) -> Portal:
    """The sample portal with some of its data sets; the others are erased in the same way."""
    return attrs.evolve(host_of(pieces), data_sets=tuple(one for one in pieces.data_sets if one.name in _SETS))


class FileRaces(Races):
    """In the sample portal: the closing on one connection to its file, the customer on another, statement by statement.

    Neither waits for the other's lock: the closing's task has failed then and comes again, and so does the customer.
    """

    def __init__(self, folder: Path) -> None:
        portal = make_stage(folder, messages=40, messages_each=4)
        self._file, self._account = portal.path, portal.person.account
        settle(portal, self._account)
        terms = attrs.evolve(TERMS, preconditions=portal.pieces.terms.preconditions, data_sets=_SETS)
        store = MemoryStore(portal.clock)
        ready = Closings(small_host(portal.pieces), terms, store, portal.clock).ready(self._account)
        portal.sample.database.close()
        super().__init__(ready, store, terms)

    @contextmanager
    def ground(self, clock: ManualClock, *, guarded: bool) -> Iterator[Race]:
        """A copy of the file."""
        copy = shutil.copyfile(self._file, self._file.with_name("race.db"))
        with SqliteDatabase(copy, busy_for=0) as closing_side, SqliteDatabase(copy, busy_for=0) as customer_side:
            for one in (closing_side, customer_side):
                one._connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug here
            connection = customer_side._connection
            yield self.race(
                small_host(sample_portal(closing_side, clock=clock)),
                clock,
                purchase=lambda: self._buy(connection) if guarded else self._buy_unguarded(connection),
                left=lambda: self._left(closing_side),
            )

    def _left(self, database: SqliteDatabase) -> tuple[str, int]:
        tables = " + ".join(
            f"(SELECT count(*) FROM {table} WHERE user_id = users.id)"  # noqa: S608 - our own names
            for table in ("messages", "contacts")
        )
        with database.reading() as connection:
            asked = f"SELECT standing, {tables} + count(login_name) FROM users WHERE id = ?"  # noqa: S608
            row: tuple[str, int] = connection.execute(asked, (self._account,)).fetchone()
        return row

    async def _buy(self, connection: sqlite3.Connection) -> Sold:
        """As a host should, and from the beginning where somebody else has the file."""
        while True:
            await step()
            try:
                connection.execute("BEGIN")
                await step()
                assert_open(connection, self._account)
                await step()
                self._order(connection)
                await step()
                connection.execute("COMMIT")
            except sqlite3.OperationalError:
                connection.rollback()
            except ClosureRefused:
                connection.rollback()
                return "refused"
            else:
                return "paid"

    async def _buy_unguarded(self, connection: sqlite3.Connection) -> Sold:
        """As hosts do: looked at when the page was shown, and written when the button was pressed."""
        await step()
        asked = "SELECT standing FROM users WHERE id = ?"
        row: tuple[str] = connection.execute(asked, (self._account,)).fetchone()
        if row[0] != "open":
            return "refused"
        for _ in range(10):
            await step()  # the person thinks
        while True:
            await step()
            try:
                self._order(connection)
            except sqlite3.OperationalError:
                continue
            return "paid"

    def _order(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO orders (user_id, product, amount_fen, status, placed_at)"
            " VALUES (?, 'SIM', 100, 'placed', '2026-03-01T08:00:00Z')",
            (self._account,),
        )
