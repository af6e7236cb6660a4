"""How every port is called here: others may come in before it and after it, and it may go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Final, Generic, ParamSpec, TypeVar

from hht_closure.flows.calls import call_directly
from hht_closure.flows.patience import CutOffError, Meanwhile
from hht_closure.ports import Answer
from hht_closure.testing.simulate.faults import Faults, Strike
from hht_closure.testing.simulate.schedule import TURN, Actor, Pause, Schedule, microseconds
from hht_closure.testing.simulate.trace import Trace

P = ParamSpec("P")
T = TypeVar("T")

_NONSENSE: Final = ('"done"', "7.5", '{"rows": 1}')
"""What came over the wire, as JSON; no port gives any of it."""


class Calls:
    """A :class:`~hht_closure.flows.calls.Caller` for all processes of a world."""

    def __init__(self, schedule: Schedule, faults: Faults, trace: Trace) -> None:
        self._schedule = schedule
        self._faults = faults
        self._trace = trace

    async def __call__(self, call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the port's method gives, unless something goes wrong."""
        part, method = _part(call), getattr(call, "__name__", "call")
        await TURN
        strike = self._faults.strike(part, method)
        if strike is None:
            if self._trace.is_whole:
                self._trace.note(self._schedule, f"{part}.{method}")
            value = await call_directly(call, *args, **kwargs)
            await TURN
            return value
        self._trace.write(self._schedule, f"({strike.kind}) {part}.{method}")
        return await self._struck(strike, part, call, *args, **kwargs)

    async def _struck(
        self, strike: Strike, part: str, call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        match strike.kind:
            case "fails":
                raise self._faults.error(part, took_effect=False)
            case "ambiguous":
                await call_directly(call, *args, **kwargs)
                await TURN
                raise self._faults.error(part, took_effect=True)
            case "slow":
                value = await call_directly(call, *args, **kwargs)
                await Pause(strike.delay)
                return value
            case "nonsense":
                await call_directly(call, *args, **kwargs)
                await TURN
                nonsense: T = json.loads(_NONSENSE[strike.delay % len(_NONSENSE)])
                return nonsense
            case "late" | "cut_off":
                flight = Flight(self._schedule, _after(strike.delay, call, *args, **kwargs))
                flight.start(f"{self._schedule.current.name}>", is_remote=True)
                if strike.kind == "late":
                    return await flight.landed()
                await TURN
                raise self._faults.error(part, took_effect=True)


async def _after(delay: int, call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """The call, so much later."""
    await Pause(delay)
    return await call_directly(call, *args, **kwargs)


class Flight(Generic[T]):
    """Something that goes on beside whoever began it, and may outlive their patience."""

    def __init__(self, schedule: Schedule, run: Coroutine[object, None, T]) -> None:
        self._schedule = schedule
        self._run = run
        self._values: list[T] = []
        self._error: Exception | None = None
        self._waiting: Actor | None = None

    def start(self, name: str, *, is_remote: bool) -> Actor:
        """Let it go on by turns of its own."""
        actor = self._schedule.start(name, self._schedule.current.process, self._go(), is_remote=is_remote)
        actor.drops = self._run.close
        return actor

    async def _go(self) -> None:
        try:
            self._values.append(await self._run)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for whoever waits
            self._error = error
        if self._waiting is not None:
            self._schedule.wake(self._waiting)

    async def landed(self) -> T:
        """What it gives, whenever that is."""
        while not self.is_over:
            await self.within(_DAY)
        return self.value()

    async def within(self, wait: int) -> None:
        """Wait until it is over, and no longer than that."""
        if not self.is_over:
            self._waiting = self._schedule.current
            await Pause(wait)
            self._waiting = None

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return bool(self._values) or self._error is not None

    def value(self) -> T:
        """What it gave.

        Raises:
            Exception: what it raised.
        """
        if self._error is not None:
            raise self._error
        return self._values[0]


_DAY: Final = microseconds(timedelta(days=1))


class PatientCalls:
    """A :class:`~hht_closure.flows.patience.Waiting`, by the time of the simulation.

    Args:
        schedule: whose time.
        leaves_behind: whether what is cut off goes on all the same, like a thread, or is cancelled.
    """

    def __init__(self, schedule: Schedule, *, leaves_behind: bool) -> None:
        self._schedule = schedule
        self._leaves_behind = leaves_behind

    async def __call__(self, run: Coroutine[object, None, T], pauses: Iterator[timedelta], meanwhile: Meanwhile) -> T:
        """What the run gives, when it comes back in time.

        Raises:
            CutOffError: it did not.
        """
        flight = Flight(self._schedule, run)
        beside = flight.start(f"{self._schedule.current.name}'", is_remote=False)
        try:
            for pause in pauses:
                await flight.within(microseconds(pause))
                if flight.is_over:
                    return flight.value()
                await meanwhile()
        finally:
            if not self._leaves_behind:
                self._schedule.end(beside)
        raise CutOffError


def _part(call: object) -> str:
    """By which name the port that is called is known here: ``journal``, ``messages``."""
    owner = getattr(call, "__self__", None)
    part: object = getattr(owner, "part", None)
    return part if isinstance(part, str) else type(owner).__name__
