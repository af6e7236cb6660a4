"""Who works behind the counter: workers that die and come again, the staff, an operator; and the weather."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Final

from hht_closure.account import AccountId
from hht_closure.errors import ClosureError, ClosureRefused
from hht_closure.flows.answers import WorkReport
from hht_closure.ports import Clock
from hht_closure.service import AsyncClosureOperator
from hht_closure.service.core import Core
from hht_closure.testing.simulate.clocks import MachineClock
from hht_closure.testing.simulate.faults import PARTS, Faults
from hht_closure.testing.simulate.host import Host
from hht_closure.testing.simulate.schedule import Pause, seconds

_LIMIT: Final = 2
"""How many closings a worker takes on in one pass."""

_GROUND: Final = "Civil Procedure Law (CN) Art. 84"
_LONGER: Final = 3
"""How much longer a worker rests that could do nothing: its clock may be behind the store's."""


class Worker:
    """A machine on which a worker runs; when that dies, it is started again.

    Attributes:
        name: its process.
        is_idle: whether it is between two passes.
    """

    def __init__(self, name: str, core: Core, *, patience: timedelta | None, rest: Callable[[], int]) -> None:
        self.name = name
        self.is_idle = True
        self._core = core
        self._patience = patience
        self._rest = rest

    async def works(self, after: int) -> None:
        """One pass after the other, from so many microseconds on."""
        self.is_idle = True
        await Pause(after)
        while True:
            self.is_idle, report = False, WorkReport()
            with suppress(ClosureError):  # the journal is not to be had; the next pass is another try
                report = await self._core.worker.work(limit=_LIMIT, patience=self._patience)
            self.is_idle = True
            in_vain = report == WorkReport(streams=report.streams)
            await Pause(self._rest() * (_LONGER if in_vain else 1))


class Operator:
    """Has tried again what was set aside, as an alarm says.

    Args:
        operator: what operators use.
        alarms: the streams in which something is set aside.
    """

    def __init__(self, operator: AsyncClosureOperator, alarms: Callable[[], Sequence[str]]) -> None:
        self._operator = operator
        self._alarms = alarms

    async def works(self, random: Random) -> None:
        """Follow the alarms, again and again."""
        while True:
            await Pause(seconds(900 * random.random()))
            await self.releases()

    async def releases(self) -> None:
        """Release everything that is set aside."""
        for stream in self._alarms():
            with suppress(ClosureError, ClosureRefused):
                for task in (await self._operator.look(stream)).set_aside:
                    await self._operator.release(stream, task.name, actor="operator", reason="mended")


class Court:
    """Has a data set of somebody's kept for a while, and at times lets it go before (L20)."""

    def __init__(self, operator: AsyncClosureOperator, clock: Clock, accounts: Sequence[AccountId]) -> None:
        self._operator = operator
        self._clock = clock
        self._accounts = accounts

    async def works(self, random: Random) -> None:
        """Now and then."""
        for _ in range(random.choice((0, 0, 1, 3))):
            await Pause(seconds(600 * random.random()))
            stream = self._operator.stream_of(random.choice(self._accounts))
            data_set = random.choice(("orders", "messages"))
            until = self._clock.now() + timedelta(minutes=10 ** (1 + 3 * random.random()))
            with suppress(ClosureError, ClosureRefused):
                await self._operator.hold(
                    stream, data_set, until=until, ground=_GROUND, actor="court", reason="evidence"
                )
            if random.random() < 0.5:
                await Pause(seconds(1200 * random.random()))
                with suppress(ClosureError, ClosureRefused):
                    await self._operator.lift(stream, data_set, ground=_GROUND, actor="court", reason="settled")


async def staff_works(host: Host, accounts: Sequence[AccountId], random: Random) -> None:
    """The portal's staff: what was ordered is delivered, a bill is sent, somebody is suspended and let go again."""
    while True:
        await Pause(seconds(120 * random.random()))
        account, what = random.choice(accounts), random.random()
        if what < 0.5:
            host.deliver(account)
        elif what < 0.75:
            with suppress(ClosureRefused):
                host.send_bill(account)
        elif what < 0.78:
            host.sanction(account, lift=False)
        elif what < 0.95:
            host.sanction(account, lift=True)


async def weather_changes(faults: Faults, clocks: Mapping[str, MachineClock], random: Random) -> None:
    """Clocks jump, and ports are down for a while."""
    while True:
        await Pause(seconds(400 * random.random()))
        if faults.climate.jumps and random.random() < 0.5:
            name = random.choice(sorted(clocks))
            clocks[name].jump(random, far=random.random() < 0.7)
            faults.count["clock_jumps"] += 1
        if faults.climate.outages and random.random() < 0.3:
            faults.takes_down(random.choice(PARTS))
