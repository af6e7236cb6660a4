"""The portal whose accounts are closed: orders and bills, rows that go and rows that a law keeps, and its guard.

Each method that changes something is one transaction of the host's: nobody comes in between.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from hht_closure.account import Account, AccountId
from hht_closure.adapters.memory import MemoryDirectory
from hht_closure.errors import ClosureRefused, refusal
from hht_closure.policy import Blocked, Blocker, Clean, Finding, Portion
from hht_closure.ports import Again, Clock, Done, EraseJob, Failed, Progress, TaskJob
from hht_closure.testing.simulate.faults import Faults

GROUND: Final = "E-commerce Law Art. 31"
_BATCH: Final = 2
"""How many rows an eraser of this host takes in one transaction, so that a few rows are several batches."""


@attrs.frozen
class Row:
    """One row: its place in the table, and until when the law keeps it; None for a row that may go at once."""

    place: int
    until: datetime | None

    def is_kept(self, now: datetime) -> bool:
        """Whether it must not be erased yet."""
        return self.until is not None and now < self.until


class Rows:
    """The port ``DataSet``: a table of the host's.

    Attributes:
        rows: what each account has in it now.
        added: how many rows it was ever given.
    """

    def __init__(self, name: str, clock: Clock, faults: Faults, *, after: tuple[str, ...] = ()) -> None:
        self.name = name
        self.after = after
        self.part = name
        self.rows: defaultdict[AccountId, list[Row]] = defaultdict(list)
        self.added: Counter[AccountId] = Counter()
        self._clock = clock
        self._faults = faults
        self._places = 0

    def add(self, account: AccountId, *, kept_for: timedelta | None = None) -> None:
        """One row more."""
        self._places += 1
        self.added[account] += 1
        until = None if kept_for is None else self._clock.now() + kept_for
        self.rows[account].append(Row(self._places, until))

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """What would become of this account's rows."""
        now = self._clock.now()
        going = sum(not one.is_kept(now) for one in self.rows[account])
        kept = Counter(one.until for one in self.rows[account] if one.is_kept(now))
        erased = (Portion("erased", going),) if going else ()
        return (*erased, *(Portion("restricted", count, until, GROUND) for until, count in kept.items()))

    def erase(self, job: EraseJob) -> Progress:
        """A few rows behind the cursor; at times less than it says, and at times a straggler comes in behind it."""
        now = self._clock.now()
        start = int(job.cursor or 0)
        going = [one for one in self.rows[job.account] if one.place > start and not one.is_kept(now)]
        batch = going[: min(job.limit, _BATCH)]
        lies = bool(batch) and self._faults.happens("lies")
        if lies:
            batch = batch[1:]
        self._remove(job.account, batch)
        if batch and self._faults.happens("behind"):
            self.add(job.account)
        cursor = str(batch[-1].place) if batch else job.cursor
        return Progress(erased=len(batch) + lies, cursor=cursor, done=lies or len(batch) == len(going))

    def _remove(self, account: AccountId, batch: Sequence[Row]) -> None:
        self.rows[account] = [one for one in self.rows[account] if one not in batch]

    def remaining(self, account: AccountId) -> int:
        """How many rows must go and are still there."""
        now = self._clock.now()
        return sum(not one.is_kept(now) for one in self.rows[account])


class Host:
    """The portal's own business.

    Attributes:
        accounts: its accounts.
        sets: its data sets: ``orders``, of which a law keeps some, and ``messages``.
        under_way: how many orders of each account are paid and not delivered.
        owed: how many bills of each account are not paid.
        sanctioned: the accounts that its staff has suspended.
    """

    def __init__(self, accounts: MemoryDirectory, orders: Rows, messages: Rows, *, kept_for: timedelta) -> None:
        self.accounts = accounts
        self.sets = (orders, messages)
        self.under_way: Counter[AccountId] = Counter()
        self.owed: Counter[AccountId] = Counter()
        self.sanctioned: set[AccountId] = set()
        self._orders = orders
        self._messages = messages
        self._kept_for = kept_for

    def place_order(self, account: AccountId) -> None:
        """Take an order, and the money for it.

        Raises:
            ClosureRefused: the account is not open.
        """
        self._assert_open(account)
        self.under_way[account] += 1
        self._orders.add(account, kept_for=self._kept_for)

    def write_message(self, account: AccountId) -> None:
        """One message more.

        Raises:
            ClosureRefused: the account is not open.
        """
        self._assert_open(account)
        self._messages.add(account)

    def change_address(self, account: AccountId, address: str) -> None:
        """Another mailbox.

        Raises:
            ClosureRefused: the account is not open.
        """
        self._assert_open(account)
        self.accounts.change_contact(account, "email", address)

    def send_bill(self, account: AccountId) -> None:
        """Something is owed.

        Raises:
            ClosureRefused: the account is not open.
        """
        self._assert_open(account)
        self.owed[account] += 1

    def deliver(self, account: AccountId) -> None:
        """What is under way has come; whatever the account is."""
        self.under_way[account] = 0

    def pay(self, account: AccountId) -> None:
        """Nothing is owed any more; whoever is held may pay as well."""
        self.owed[account] = 0

    def sanction(self, account: AccountId, *, lift: bool) -> None:
        """The staff suspends the account, or lifts that; one that is gone is left alone."""
        if self.accounts.get(account) is None:
            return
        self.accounts.change_standing(account, "open" if lift else "suspended")
        (self.sanctioned.discard if lift else self.sanctioned.add)(account)

    def _assert_open(self, account: AccountId) -> None:
        """The guard, in the same transaction as what it guards."""
        found = self.accounts.get(account)
        if found is None:
            raise ClosureRefused((refusal("account_unknown"),))
        if found.standing != "open":
            raise ClosureRefused((refusal("account_frozen" if found.standing == "frozen" else "account_suspended"),))


@attrs.frozen
class NothingUnderWay:
    """The port ``Precondition``: no order is paid and not delivered."""

    host: Host
    name: str = "no_order_under_way"
    part: str = "no_order_under_way"

    def check(self, account: Account) -> Finding:
        """Clean, or how many."""
        return _finding("order_under_way", self.host.under_way[account.id])


@attrs.frozen
class NothingOwed:
    """The port ``Precondition``: every bill is paid."""

    host: Host
    name: str = "no_money_owed"
    part: str = "no_money_owed"

    def check(self, account: Account) -> Finding:
        """Clean, or how many."""
        return _finding("bill_not_paid", self.host.owed[account.id])


def _finding(code: str, count: int) -> Finding:
    if not count:
        return Clean()
    return Blocked((Blocker(code=code, parameters={"count": count}, ground=GROUND, remedy="/orders"),))


class Downstream:
    """The port ``Task``: another system is told; at times it is not done yet, or cannot.

    Attributes:
        told: the keys under which it was told.
    """

    def __init__(self, name: str, faults: Faults, *, mandatory: bool) -> None:
        self.name = name
        self.after: tuple[str, ...] = ()
        self.mandatory = mandatory
        self.part = name
        self.told: set[str] = set()
        self._faults = faults

    def run(self, job: TaskJob) -> Done | Again | Failed:
        """Tell it."""
        if self._faults.happens("lies"):
            return Failed("retryable", "unreachable") if self.mandatory else Again()
        self.told.add(job.key)
        return Done()
