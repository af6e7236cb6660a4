"""One trial: a scenario, disturbed at one point, and what is lost, doubled, stuck or early because of it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from hht_closure.testing.crash.endings import differences, in_between, outcome, stuck
from hht_closure.testing.crash.findings import Finding
from hht_closure.testing.crash.grounds import Broke, Died, Ground, World
from hht_closure.testing.crash.inspection import Inspector
from hht_closure.testing.crash.kept import Kept
from hht_closure.testing.crash.leases import TakingOver, can_be_claimed, written_without_a_lease
from hht_closure.testing.crash.life import Life, OversleptError, Parts, Scenario, StuckError
from hht_closure.testing.crash.troubles import Call, Point, Trouble
from hht_closure.testing.crash.undisturbed import Undisturbed
from hht_closure.testing.crash.watch import Watch


@attrs.frozen(kw_only=True)
class Trial:
    """What came of a point.

    Attributes:
        point: where it was disturbed.
        calls: the port calls of the process in which it came to its end.
        findings: what is wrong with it; nothing where all is well.
        is_met: whether all of it went wrong that was to.
    """

    point: Point
    calls: tuple[Call, ...] = ()
    findings: tuple[Finding, ...] = ()
    is_met: bool = True


def tried(scenario: Scenario, ground: Ground, point: Point, expected: Undisturbed) -> Trial:
    """Play the scenario, disturbed at that point, until it has come to its end."""
    with ground.world() as world:
        return _Trying(scenario, world, point, expected).tried()


class _Trying:
    """A trial under way: one process after the other, and those that come while one stands still."""

    def __init__(self, scenario: Scenario, world: World, point: Point, expected: Undisturbed) -> None:
        self._scenario = scenario
        self._world = world
        self._point = point
        self._expected = expected
        self._processes = 0
        self._found: dict[Finding, None] = {}
        self._is_met = True
        self._comes_to_the_same = True
        self._calls: tuple[Call, ...] = ()

    def tried(self) -> Trial:
        ahead = _processes(self._point)
        for troubles in ahead[:-1]:
            self._disturbed(troubles)
        self._ends(ahead[-1])
        return Trial(point=self._point, calls=self._calls, findings=tuple(self._found), is_met=self._is_met)

    def _disturbed(self, troubles: Sequence[Trouble]) -> None:
        """A process that does not come to the end: it is killed, or others are there first."""
        lived = self._lived(troubles)
        if isinstance(lived, Died):
            return
        self._take(lived)
        if not isinstance(lived, _Lived) or not lived.has_woken:
            self._is_met = False
            return
        late = next(one for one in troubles if one.sleeps)
        if late.mode == "late" and not lived.calls[late.call - 1].under_lease:
            # A person's request that comes late may begin something new, unless the account is closed.
            self._comes_to_the_same = self._expected.outcome["stage"] == ("closed",)

    def _ends(self, troubles: Sequence[Trouble]) -> None:
        """The process in which it comes to its end."""
        lived = self._lived(troubles, is_last=True)
        self._take(lived)
        if isinstance(lived, _Lived):
            self._calls = lived.calls
            self._is_met = self._is_met and lived.is_met

    def _lived(self, troubles: Sequence[Trouble], *, is_last: bool = False) -> _Lived | Died | Broke:
        act = _Act(
            scenario=self._scenario,
            expected=self._expected,
            worker_first=self._is_workers_turn(),
            is_first=self._processes == 0,
            is_last=is_last,
            comes_to_the_same=self._comes_to_the_same,
        )
        self._processes += 1
        is_taken_over = any(one.mode == "taken_over" for one in troubles)
        return self._world.live(troubles, act, self._someone_takes_over if is_taken_over else self._others_end)

    def _is_workers_turn(self) -> bool:
        """After a death in a call the workers come first, after one before a call the person does, and in turns."""
        if self._processes == 0 or not self._scenario.worker_between:
            return False
        return (self._point.first.mode == "killed_after") == (self._processes % 2 == 1)

    # --- while a process stands still -----------------------------------------------------------------------

    def _others_end(self) -> None:
        """Others bring everything to its end."""
        self._take(self._lived(()))

    def _someone_takes_over(self) -> None:
        """Another worker claims the stream, and does nothing yet."""
        self._processes += 1
        if self._world.live((), TakingOver(self._scenario)) is not True:
            self._found[Finding("stuck", "a lease does not end")] = None

    def _take(self, lived: _Lived | Died | Broke) -> None:
        match lived:
            case _Lived():
                self._found.update(dict.fromkeys(lived.findings))
            case Broke():
                self._found[Finding("stuck", lived.what)] = None
            case Died():
                self._found[Finding("stuck", "it died where nobody killed it")] = None


@attrs.frozen
class _Lived:
    """What came of a process that lived: its calls, what is wrong, and how far its troubles came."""

    calls: tuple[Call, ...]
    findings: tuple[Finding, ...]
    is_met: bool
    has_woken: bool


@attrs.frozen(kw_only=True)
class _Act:
    """What a process of a trial does: it looks, lives, and looks again."""

    scenario: Scenario
    expected: Undisturbed
    worker_first: bool
    is_first: bool
    is_last: bool
    comes_to_the_same: bool

    def __call__(self, kept: Kept, watch: Watch, parts: Parts) -> _Lived:
        life = Life(self.scenario, kept, watch, parts)
        inspector = Inspector(life, self.expected.promised)
        if not self.is_first:
            inspector.looks()
        inspector.looks_away()
        watch.looks = inspector.glances
        try:
            life.live(worker_first=self.worker_first)
        except OversleptError:
            inspector.notes(*written_without_a_lease(life))
        except StuckError as error:
            inspector.notes(Finding("stuck", str(error)))
        self._end(life, inspector)
        return _Lived(tuple(watch.calls), (*inspector.found, *life.findings), watch.has_met_all, watch.has_woken)

    def _end(self, life: Life, inspector: Inspector) -> None:
        """What is wrong with what it has come to, where it is over."""
        state = inspector.looks()
        if state is None or not self.is_last:
            return
        if self.comes_to_the_same:
            found = outcome(state, self.scenario.ended_by_the_freeze)
            inspector.notes(*differences(found, self.expected.outcome))
        inspector.notes(*in_between(state, inspector.promised.before), *stuck(state))
        if not can_be_claimed(life):
            inspector.notes(Finding("stuck", "a lease does not end"))


def _processes(point: Point) -> tuple[tuple[Trouble, ...], ...]:
    """The troubles of each process that there will be, one after the other; the last of them lives to the end."""
    first, second = point.first, point.second
    if second is None:
        return ((first,), ()) if first.ends_process else ((first,),)
    if first.kills:
        return ((first,), (second,), ()) if second.ends_process else ((first,), (second,))
    both = (first, Trouble(second.mode, first.call + second.call))
    return (both, ()) if second.ends_process else (both,)
