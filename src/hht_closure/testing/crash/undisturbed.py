"""A scenario that nobody disturbs: it must end well, and says what all others must come to."""

from __future__ import annotations

import attrs

from hht_closure.testing.crash.endings import Outcome, in_between, outcome, stuck
from hht_closure.testing.crash.findings import Finding
from hht_closure.testing.crash.grounds import Broke, Died, Ground
from hht_closure.testing.crash.inspection import Inspector
from hht_closure.testing.crash.kept import Kept
from hht_closure.testing.crash.life import Life, Parts, Scenario, StuckError
from hht_closure.testing.crash.promises import Promised
from hht_closure.testing.crash.state import State
from hht_closure.testing.crash.troubles import Call
from hht_closure.testing.crash.watch import Watch


@attrs.frozen(kw_only=True)
class Undisturbed:
    """What must hold of a scenario at any moment, what it came to, and the port calls on the way."""

    promised: Promised
    outcome: Outcome
    calls: tuple[Call, ...]


class ScenarioError(Exception):
    """The scenario does not end well where nobody disturbs it, so that nothing can be said of disturbances."""

    def __init__(self, scenario: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(scenario, findings)
        self.scenario = scenario
        self.findings = findings

    def __str__(self) -> str:
        return f"{self.scenario}, undisturbed: {'; '.join(map(str, self.findings))}"


@attrs.frozen
class _Lived:
    before: State
    state: State | None
    found: tuple[Finding, ...]
    calls: tuple[Call, ...]


def undisturbed(scenario: Scenario, ground: Ground) -> Undisturbed:
    """Play the scenario to its end, and look after each call on the way.

    Raises:
        ScenarioError: it does not come to the end that it names, or not well.
    """

    def act(kept: Kept, watch: Watch, parts: Parts) -> _Lived:
        life = Life(scenario, kept, watch, parts)
        inspector = Inspector(life)
        watch.looks = inspector.glances
        try:
            life.live(worker_first=False)
        except StuckError as error:
            inspector.notes(Finding("stuck", str(error)))
        state = inspector.looks()
        return _Lived(inspector.promised.before, state, (*inspector.found, *life.findings), tuple(watch.calls))

    with ground.world() as world:
        lived = world.live((), act)
    match lived:
        case Died():
            raise ScenarioError(scenario.name, (Finding("stuck", "it died where nobody killed it"),))
        case Broke():
            raise ScenarioError(scenario.name, (Finding("stuck", lived.what),))
        case _Lived():
            return _expected(scenario, lived)


def _expected(scenario: Scenario, lived: _Lived) -> Undisturbed:
    state, before = lived.state, lived.before
    if state is None:
        raise ScenarioError(scenario.name, lived.found)
    came_to = outcome(state, scenario.ended_by_the_freeze)
    (stage,) = came_to["stage"]
    wrong = [*lived.found, *in_between(state, before), *stuck(state)]
    if stage != scenario.ends:
        wrong.append(Finding("lost", f"it comes to {stage}, and not to {scenario.ends}"))
    if wrong:
        raise ScenarioError(scenario.name, tuple(wrong))
    heard = frozenset(one.kind for one in state.sent)
    return Undisturbed(promised=Promised(scenario, before, heard), outcome=came_to, calls=lived.calls)
