"""Every point of a scenario, tried one after the other or several at a time, and what came of them."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import Final

import attrs

from hht_closure.errors import InvalidValueError
from hht_closure.testing.crash.findings import HARMS, Harm
from hht_closure.testing.crash.grounds import Ground
from hht_closure.testing.crash.life import Scenario
from hht_closure.testing.crash.trial import Trial, tried
from hht_closure.testing.crash.troubles import KILLS, Point, Trouble, pairs, sampled, single_points
from hht_closure.testing.crash.undisturbed import ScenarioError, Undisturbed, undisturbed


@attrs.frozen(kw_only=True)
class Run:
    """A scenario, played undisturbed once and now to be disturbed.

    Attributes:
        scenario, ground: what is played, and where.
        expected: what came of it undisturbed.
        seed: what chance follows from: which points a sample has, and which modes the troubles of a pair have.
        every: of the calls, every so many; 1 for all.
        jobs: how many trials at a time, each in a process of its own; 1 for this process.
    """

    scenario: Scenario
    ground: Ground
    expected: Undisturbed
    seed: int = 1
    every: int = 1
    jobs: int = 1

    @classmethod
    def of(cls, scenario: Scenario, ground: Ground, *, seed: int = 1, every: int = 1, jobs: int = 1) -> Run:
        """Play it undisturbed.

        Raises:
            ScenarioError: that does not end well.
            InvalidValueError: ``every`` or ``jobs`` is below 1.
        """
        if every < 1 or jobs < 1:
            raise InvalidValueError("every" if every < 1 else "jobs", "number_out_of_range")
        expected = undisturbed(scenario, ground)
        return cls(scenario=scenario, ground=ground, expected=expected, seed=seed, every=every, jobs=jobs)

    def singles(self) -> Iterator[Trial]:
        """Each call in each mode, in order."""
        return self.tried(single_points(self.expected.calls, every=self.every, random=self._random("one")))

    def pairs(self) -> Iterator[Trial]:
        """A death at each call, before it or after it, and one more trouble at each call of the recovery from it."""
        random = self._random("two")
        calls = sampled(range(1, len(self.expected.calls) + 1), self.every, random)
        recovered = list(self.tried(Point(Trouble(random.choice(KILLS), call)) for call in calls))
        yield from (one for one in recovered if one.findings)
        seconds: list[Point] = []
        for one in recovered:
            seconds.extend(pairs(one.point.first, one.calls, every=self.every, random=random))
        yield from self.tried(seconds)

    def tried(self, points: Iterable[Point]) -> Iterator[Trial]:
        """These points, each in a world of its own, in order."""
        if self.jobs == 1:
            for point in points:
                yield tried(self.scenario, self.ground, point, self.expected)
            return
        forking = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(self.jobs, forking, initializer=_set_up, initargs=(self,)) as pool:
            yield from pool.map(_tried, points, chunksize=_CHUNK)

    def _random(self, of: str) -> Random:
        return Random(f"{self.seed}:{self.scenario.name}:{of}")  # noqa: S311 - the same sample for the same seed


_CHUNK: Final = 8
_SET_UP: list[Run] = []
"""In each process of a pool: the run that it is for; it was inherited and never pickled, so it may hold anything."""


def _set_up(run: Run) -> None:
    _SET_UP[:] = [run]


def _tried(point: Point) -> Trial:
    run = _SET_UP[0]
    return tried(run.scenario, run.ground, point, run.expected)


def _no_harm() -> Counter[Harm]:
    return Counter()


@attrs.frozen
class Tally:
    """How many points were tried, at how many of them something was lost, doubled, stuck, or early, or never came.

    Attributes:
        points: how many were tried.
        harms: at how many of them there was this harm.
        unmet: at how many of them the call never came that was to go wrong, so that nothing was tried.
    """

    points: int = 0
    harms: Counter[Harm] = attrs.field(factory=_no_harm)
    unmet: int = 0

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> Tally:
        """Count."""
        every = tuple(trials)
        harms = Counter[Harm]()
        for one in every:
            harms.update({found.harm for found in one.findings})
        return cls(len(every), harms, sum(not one.is_met for one in every))

    @classmethod
    def of_undisturbed(cls, error: ScenarioError) -> Tally:
        """Of a scenario that is harmed where nobody disturbs it: one point."""
        return cls(1, Counter({found.harm for found in error.findings}))

    @property
    def is_well(self) -> bool:
        """Whether something was tried, and nothing is wrong."""
        return bool(self.points) and not self.harms and not self.unmet

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.points + other.points, self.harms + other.harms, self.unmet + other.unmet)

    def __str__(self) -> str:
        never = f", {self.unmet} never came" if self.unmet else ""
        return f"{self.points} points: " + ", ".join(f"{self.harms[harm]} {harm}" for harm in HARMS) + never


def in_words(run: Run, trial: Trial) -> Sequence[str]:
    """A line for each finding: where, at which call, and what; and one where the call never came."""
    first = trial.point.first.call
    call = run.expected.calls[first - 1].name if first <= len(run.expected.calls) else "no call"
    where = f"{run.scenario.name} {trial.point} ({call})"
    never = () if trial.is_met else (f"{where}: not tried: a call that was to go wrong never came",)
    return (*(f"{where}: {one}" for one in trial.findings), *never)
