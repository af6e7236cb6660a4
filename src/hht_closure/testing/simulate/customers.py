"""The same people at the shop: they order, write, pay and change address, whatever becomes of their closing."""

from __future__ import annotations

from hht_closure.account import AccountId
from hht_closure.errors import ClosureRefused
from hht_closure.testing.simulate.schedule import Pause, seconds
from hht_closure.testing.simulate.surroundings import Surroundings


class Customer:
    """Somebody who looks at a page of the shop, and a while later does what it allowed."""

    def __init__(self, around: Surroundings, account: AccountId) -> None:
        self._around = around
        self._account = account
        self._random = around.random
        self._haste = around.random.choice((5.0, 40.0, 300.0))
        self._moves = around.random.choice((0.0, 0.0, 0.1))

    async def lives(self) -> None:
        """Now this, now that."""
        for _ in range(self._random.randrange(5, 20)):
            await self._waits()
            if not self._may_do_something():
                continue
            await self._waits()
            try:
                self._does_one_thing()
            except ClosureRefused:
                continue

    async def _waits(self) -> None:
        await Pause(seconds(self._haste * self._random.random()))

    def _may_do_something(self) -> bool:
        """Whether the page lets them; by the time they do it, the account may be frozen."""
        found = self._around.host.accounts.get(self._account)
        return found is not None and found.standing == "open"

    def _does_one_thing(self) -> None:
        host, what = self._around.host, self._random.random()
        if what < 0.4:
            host.place_order(self._account)
            self._around.invariants.bought(self._account)
        elif what < 0.7:
            host.write_message(self._account)
        elif what < 0.7 + self._moves:
            host.change_address(self._account, f"{self._account}.{self._random.randrange(10)}@example.com")
        elif what < 0.9:
            host.pay(self._account)
        else:
            host.deliver(self._account)
