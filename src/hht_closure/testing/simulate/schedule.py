"""Whose turn it is: one thing goes on at a time, in an order that follows from the seed, by a time of their own.

Nothing here waits for anything real. An actor is a coroutine; where it awaits a :class:`Pause`, the others may go on,
and it itself when its time has come. Time passes only between two turns, and never goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from datetime import timedelta
from random import Random
from typing import Final, TypeVar

import attrs

T = TypeVar("T")

SECOND: Final = 1_000_000
"""What time is counted in: microseconds."""

_LONGEST_TURN: Final = 20_000


class Pause:
    """Awaited by an actor: the others go on, and it itself when so many microseconds have passed."""

    __slots__ = ("_wait",)

    def __init__(self, wait: int) -> None:
        self._wait = wait

    def __await__(self) -> Generator[int, None, None]:
        yield self._wait


TURN: Final = Pause(0)
"""Awaited where anybody else may come in between."""

Flow = Coroutine[int, None, None]


@attrs.define(eq=False)
class Actor:
    """Somebody or something that goes on by turns.

    Attributes:
        name: by which the trace calls it.
        process: the process that it lives in, and dies with.
        flow: what it does.
        wakes: when its next turn may be.
        is_remote: whether it is on its way to another machine, where the end of its process does not reach it.
        asks: whether it waits for a request, which may be lost.
        drops: called when it is dropped, for what it holds and has not begun.
    """

    name: str
    process: str
    flow: Flow
    wakes: int = 0
    is_remote: bool = False
    asks: bool = False
    drops: Callable[[], None] = lambda: None


class Schedule:
    """The actors, and the time.

    Attributes:
        elapsed: how much time has passed, in microseconds.
        steps: how many turns there were.
        current: who has the turn.
        slowness: how long a turn may take on the machine of a process, in microseconds; no time where it is not named.
    """

    def __init__(self, random: Random) -> None:
        self.elapsed = 0
        self.steps = 0
        self.slowness: dict[str, int] = {}
        self._random = random
        self._actors: list[Actor] = []
        self._nobody = Actor("nobody", "", _nothing())
        self._nobody.flow.close()
        self.current = self._nobody

    def start(self, name: str, process: str, flow: Flow, *, is_remote: bool = False) -> Actor:
        """One more actor, whose first turn may be at once."""
        actor = Actor(name, process, flow, self.elapsed, is_remote)
        self._actors.append(actor)
        return actor

    def end(self, actor: Actor) -> None:
        """Drop it wherever it is; nothing of it goes on."""
        if actor in self._actors:
            self._actors.remove(actor)
            actor.flow.close()
            actor.drops()

    def end_process(self, process: str) -> None:
        """Drop every actor of that process but for what has left it already."""
        for one in [one for one in self._actors if one.process == process and not one.is_remote]:
            self.end(one)

    def wake(self, actor: Actor) -> None:
        """Let it go on now, whatever it waits for."""
        actor.wakes = min(actor.wakes, self.elapsed)

    def wake_all(self) -> None:
        """Let everybody go on now."""
        for one in self._actors:
            self.wake(one)

    def is_anybody(self, process: str) -> bool:
        """Whether anybody of that process is left."""
        return any(one.process == process for one in self._actors)

    @property
    def remote(self) -> int:
        """How much is on its way to other machines."""
        return sum(one.is_remote for one in self._actors)

    def next(self) -> Actor:
        """Who has the next turn: anybody whose time has come, and where there is none, whoever comes first."""
        self.elapsed += int(self._random.random() * _LONGEST_TURN)
        ready = [one for one in self._actors if one.wakes <= self.elapsed]
        if not ready:
            first = min(self._actors, key=_wakes)
            self.elapsed = first.wakes
            return first
        return ready[int(self._random.random() * len(ready))]

    def go_on(self, actor: Actor, lost: BaseException | None = None) -> None:
        """One turn: up to the next pause, or to the end. With ``lost``, that is raised where it waits."""
        self.steps += 1
        self.current = actor
        try:
            wait = actor.flow.send(None) if lost is None else actor.flow.throw(lost)
        except StopIteration:
            self._actors.remove(actor)
        except BaseException:
            self._actors.remove(actor)
            raise
        else:
            actor.wakes = self.elapsed + wait + int(self.slowness.get(actor.process, 0) * self._random.random())

    def wait(self, time: int) -> None:
        """So much time passes in which nobody does anything."""
        self.elapsed += time
        self.current = self._nobody

    def close(self) -> None:
        """Drop everybody."""
        for one in tuple(self._actors):
            self.end(one)


def alone(flow: Coroutine[int, None, T]) -> T:
    """What it gives where nobody else goes on and no time passes."""
    while True:
        try:
            flow.send(None)
        except StopIteration as end:
            value: T = end.value
            return value


async def _nothing() -> None:
    """What nobody does."""


def _wakes(actor: Actor) -> int:
    return actor.wakes


def seconds(count: float) -> int:
    """So many seconds, as time is counted here."""
    return int(count * SECOND)


def microseconds(duration: timedelta) -> int:
    """A duration, as time is counted here."""
    return duration // timedelta(microseconds=1)
