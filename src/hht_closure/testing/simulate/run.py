"""A seed from its beginning to its end, and many of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Final

import attrs

from hht_closure import events
from hht_closure.stages import Closed, Lapsed, Open, Unopened, Withdrawn
from hht_closure.testing.simulate.book import Book, Violation
from hht_closure.testing.simulate.ending import broken_at_the_end
from hht_closure.testing.simulate.faults import Fault
from hht_closure.testing.simulate.schedule import seconds
from hht_closure.testing.simulate.trace import Trace
from hht_closure.testing.simulate.world import World

LONGEST_STORM: Final = 4_000
"""Steps after which it becomes calm, whatever people still want."""

LONGEST_CALM: Final = 20_000
"""Steps after which what is still due is stuck."""

_RELEASES: Final = 3
_AFTERWARDS: Final = (300, 3_600, 21_600)
"""For how many seconds the storm goes on when the people have gone."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a seed.

    Attributes:
        seed: which.
        steps: how many turns there were.
        faults: what went wrong, and how often.
        ends: how the accounts ended, and how many were given back on the way.
        violation: what did not hold; None where everything did.
        last: the last lines of the trace.
    """

    seed: int
    steps: int
    faults: Counter[Fault]
    ends: Counter[str]
    violation: Violation | None
    last: tuple[str, ...]


def played(seed: int, say: Callable[[str], None] | None = None) -> Outcome:
    """Play the seed.

    Args:
        seed: the same one gives the same, event for event.
        say: is given every line of the trace.
    """
    trace = Trace(say)
    with without_log():
        world = World(seed, trace)
        ground = world.ground
        try:
            play(world)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this is about
            who = ground.schedule.current.name
            ground.invariants.breaks(Violation("L19", f"{who} met {type(error).__name__}: {error}"))
        finally:
            ground.schedule.close()
    return Outcome(
        seed=seed,
        steps=ground.schedule.steps,
        faults=ground.faults.count,
        ends=Counter(_end(one) for one in ground.invariants.books.values()) + _given_back(world),
        violation=ground.invariants.violation,
        last=trace.last(),
    )


def play(world: World) -> None:
    """From its beginning to its end: a storm, then calm, and then a look at what it has come to."""
    invariants = world.ground.invariants
    world.begin()
    _storm(world)
    world.calm_down()
    for _ in range(_RELEASES):
        _calm(world)
        if invariants.violation is not None or not world.release():
            break
    if invariants.violation is None:
        world.wait_for_leases()
        for broken in broken_at_the_end(world):
            invariants.breaks(broken)


def _storm(world: World) -> None:
    """Until the people are gone, and a while longer."""
    ground = world.ground
    afterwards, ends = seconds(ground.random.choice(_AFTERWARDS)), 0
    while ground.invariants.violation is None and ground.schedule.steps < LONGEST_STORM:
        if world.are_people_there:
            ends = ground.schedule.elapsed + afterwards
        elif ground.schedule.elapsed > ends:
            return
        world.step()


def _calm(world: World) -> None:
    """Until nothing is due any more."""
    ground = world.ground
    last = ground.schedule.steps + LONGEST_CALM
    while ground.invariants.violation is None and not world.is_quiet:
        world.step()
        if ground.schedule.steps > last:
            ground.invariants.breaks(Violation("L16", f"something is still due after {LONGEST_CALM} steps of calm"))


def _end(book: Book) -> str:
    match book.closure.stage:
        case Closed():
            return "closed"
        case Withdrawn():
            return "withdrawn"
        case Lapsed():
            return "lapsed"
        case Unopened():
            return "never opened"
        case Open():
            return "still open"
        case _:
            return "in between"


def _given_back(world: World) -> Counter[str]:
    count = sum(one.kinds[events.AccountGivenBack] for one in world.ground.invariants.books.values())
    return Counter({"given back": count})


@contextmanager
def without_log() -> Generator[None, None, None]:
    """Say nothing of the failures that are made here on purpose."""
    log = logging.getLogger("hht_closure")
    usual = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(usual)


@attrs.define(kw_only=True)
class Tally:
    """What came of many seeds."""

    seeds: int = 0
    steps: int = 0
    faults: Counter[Fault] = attrs.field(factory=Counter[Fault])
    ends: Counter[str] = attrs.field(factory=Counter[str])
    failed: list[Outcome] = attrs.field(factory=list[Outcome])

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.seeds += 1
        self.steps += outcome.steps
        self.faults += outcome.faults
        self.ends += outcome.ends
        if outcome.violation is not None:
            self.failed.append(outcome)

    def lines(self) -> Sequence[str]:
        """What was tried and what came of it, in words."""
        return (
            f"steps: {self.steps:,}",
            f"faults: {_in_words(self.faults.items())}",
            f"accounts: {_in_words(self.ends.items())}",
        )


def _in_words(count: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in sorted(count)) or "none"
