"""What goes wrong with a call, and what has become of its effect then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest

from hht_closure.errors import StoreUnavailableError
from hht_closure.flows.patience import CutOffError
from hht_closure.testing.simulate.calls import Calls, PatientCalls
from hht_closure.testing.simulate.faults import BrokeDownError, CallFault, Climate, Faults
from hht_closure.testing.simulate.schedule import Pause, Schedule, seconds
from hht_closure.testing.simulate.trace import Trace
from tests.simulate.playing import seeded


class Port:
    """A port that remembers when it was called."""

    part = "orders"

    def __init__(self, schedule: Schedule) -> None:
        self.called: list[int] = []
        self._schedule = schedule

    def count(self) -> int:
        """How often it was called, with this one."""
        self.called.append(self._schedule.elapsed)
        return len(self.called)


class Scene:
    """A caller in whose world one thing goes wrong, always."""

    def __init__(self, *kinds: CallFault) -> None:
        self.schedule = Schedule(seeded(1))
        self.faults = Faults(seeded(1), self.schedule)
        calm = Climate.of(seeded(1))
        self.faults.climate = attrs.evolve(
            calm, rate=1.0 if kinds else 0.0, weakest="", fenced=0.0, kinds=kinds, longest_delay=600
        )
        self.calls = Calls(self.schedule, self.faults, Trace())
        self.port = Port(self.schedule)
        self.came_back: list[tuple[object, int]] = []

    async def asks(self) -> None:
        """One call, and what came of it."""
        try:
            answer: object = await self.calls(self.port.count)
        except Exception as error:  # noqa: BLE001 - what it raises is what is looked at
            answer = type(error)
        self.came_back.append((answer, self.schedule.elapsed))

    def goes_on(self, process: str = "worker") -> None:
        """Until nobody is left."""
        while self.schedule.is_anybody(process):
            self.schedule.go_on(self.schedule.next())

    def asked(self) -> tuple[object, int]:
        """What a call came back with, and how long after its effect in seconds; the effect is there by then."""
        self.schedule.start("worker", "worker", self.asks())
        self.goes_on()
        ((answer, at),) = self.came_back
        (effect,) = self.port.called
        return answer, round((at - effect) / seconds(1))


def test_a_call_that_goes_well_gives_what_it_gives() -> None:
    """At once."""
    assert Scene().asked() == (1, 0)


def test_a_call_that_fails_had_no_effect() -> None:
    """And what it raises says so, or nothing."""
    scene = Scene("fails")
    for _ in range(20):
        scene.schedule.start("worker", "worker", scene.asks())
    scene.goes_on()
    assert scene.port.called == []
    assert {answer for answer, _ in scene.came_back} == {BrokeDownError, StoreUnavailableError}


def test_a_call_of_unknown_outcome_had_its_effect_and_says_nothing_of_it() -> None:
    """So nobody may take it for a failure (RACE-13)."""
    assert Scene("ambiguous").asked() == (BrokeDownError, 0)


def test_a_slow_call_has_its_effect_at_once_and_its_answer_late() -> None:
    """Its lease may have ended meanwhile (L18)."""
    answer, after = Scene("slow").asked()
    assert answer == 1
    assert after > 0


def test_a_late_call_has_its_effect_late() -> None:
    """And then answers."""
    scene = Scene("late")
    assert scene.asked() == (1, 0)
    assert scene.port.called[0] > seconds(1)


def test_a_call_that_is_cut_off_has_its_effect_when_nobody_waits_any_more() -> None:
    """Whoever made it was told that it failed, long before (L18)."""
    answer, after = Scene("cut_off").asked()
    assert answer == BrokeDownError
    assert after < 0


def test_nonsense_is_nothing_that_the_port_gives() -> None:
    """And the call had its effect."""
    answer, _ = Scene("nonsense").asked()
    assert answer in ("done", 7.5, {"rows": 1})


def test_a_late_call_has_its_effect_though_its_process_is_dead() -> None:
    """As with a request that is on its way to another machine (L18)."""
    scene = Scene("late")
    scene.schedule.start("worker", "worker", scene.asks())
    while not scene.schedule.remote:
        scene.schedule.go_on(scene.schedule.next())
    scene.schedule.end_process("worker")
    scene.goes_on()
    assert (len(scene.port.called), scene.came_back) == (1, [])


# --- patience -------------------------------------------------------------------------------------------------


def _pauses(*lengths: int) -> Iterator[timedelta]:
    return iter(timedelta(seconds=one) for one in lengths)


def _waited(takes: int, *, leaves_behind: bool) -> tuple[list[str], Schedule]:
    """What happened where somebody waited three times ten seconds for a run that takes so long."""
    schedule, happened = Schedule(seeded(1)), list[str]()

    async def run() -> str:
        await Pause(seconds(takes))
        happened.append("done")
        return "an answer"

    async def meanwhile() -> None:
        happened.append("renewed")

    async def waits() -> None:
        waiting = PatientCalls(schedule, leaves_behind=leaves_behind)
        try:
            happened.append(await waiting(run(), _pauses(10, 10, 10), meanwhile))
        except CutOffError:
            happened.append("cut off")

    schedule.start("worker", "worker", waits())
    while schedule.is_anybody("worker"):
        schedule.go_on(schedule.next())
    return happened, schedule


def test_what_comes_back_in_time_is_taken_at_once() -> None:
    """With the lease renewed as often as it had to be, and no waiting beyond it (L19)."""
    happened, schedule = _waited(15, leaves_behind=True)
    assert happened == ["renewed", "done", "an answer"]
    assert schedule.elapsed < seconds(16)


@pytest.mark.parametrize(
    ("leaves_behind", "afterwards"), [(True, ["done"]), (False, [])], ids=["like a thread", "cancelled"]
)
def test_what_is_cut_off_goes_on_or_is_cancelled(leaves_behind: bool, afterwards: list[str]) -> None:
    """As the two faces have it (L19, ERAS-03)."""
    happened, _ = _waited(100, leaves_behind=leaves_behind)
    assert happened == ["renewed", "renewed", "renewed", "cut off", *afterwards]
