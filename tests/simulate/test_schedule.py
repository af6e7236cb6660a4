"""Whose turn it is: one at a time, in an order that follows from the seed."""

from __future__ import annotations

from hht_closure.testing.simulate.schedule import TURN, Pause, Schedule, seconds
from tests.simulate.playing import seeded


def _order(seed: int, actors: int = 3, turns: int = 5) -> list[str]:
    """Who had each turn."""
    schedule, had = Schedule(seeded(seed)), list[str]()

    async def goes_on(name: str) -> None:
        for _ in range(turns):
            had.append(name)
            await TURN

    for number in range(actors):
        schedule.start(f"{number}", f"{number}", goes_on(f"{number}"))
    while any(schedule.is_anybody(f"{number}") for number in range(actors)):
        schedule.go_on(schedule.next())
    return had


def test_the_order_follows_from_the_seed_alone() -> None:
    """The same again, and another one for another seed (L28)."""
    orders = [_order(seed) for seed in range(20)]
    assert orders == [_order(seed) for seed in range(20)]
    assert len({tuple(one) for one in orders}) > 10


def test_whoever_waits_comes_when_their_time_has_come_and_not_before() -> None:
    """Where everybody waits, time goes on to the first of them."""
    schedule, seen = Schedule(seeded(1)), list[tuple[str, int]]()

    async def waits(name: str, wait: int) -> None:
        await Pause(seconds(wait))
        seen.append((name, schedule.elapsed // seconds(1)))

    for name, wait in (("late", 5000), ("soon", 10)):
        schedule.start(name, name, waits(name, wait))
    for _ in range(4):
        schedule.go_on(schedule.next())
    assert seen == [("soon", 10), ("late", 5000)]


def test_what_has_left_a_process_goes_on_when_that_dies() -> None:
    """A request that is under way reaches the other machine, whatever becomes of who sent it (L18)."""
    schedule, done = Schedule(seeded(1)), list[str]()

    async def does(what: str) -> None:
        await TURN
        done.append(what)

    schedule.start("worker", "worker", does("at home"))
    schedule.start("worker>", "worker", does("away"), is_remote=True)
    schedule.go_on(schedule.next())
    schedule.end_process("worker")
    while schedule.remote:
        schedule.go_on(schedule.next())
    assert done == ["away"]


def test_a_slow_machine_takes_its_time_over_every_turn() -> None:
    """And the others do not wait for it."""
    schedule, turns = Schedule(seeded(1)), list[str]()
    schedule.slowness["slow"] = seconds(100)

    async def goes_on(name: str) -> None:
        while True:
            turns.append(name)
            await TURN

    for name in ("slow", "quick"):
        schedule.start(name, name, goes_on(name))
    for _ in range(200):
        schedule.go_on(schedule.next())
    schedule.close()
    assert turns.count("slow") < 10
    assert turns.count("quick") > 150
