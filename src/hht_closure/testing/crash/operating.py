"""What operators do in a scenario: have a task tried again, set a legal hold, lift it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from hht_closure.events import LegalHoldLifted, LegalHoldSet, TaskReleased
from hht_closure.service.operator import ClosureOperator, OperatorView
from hht_closure.testing.crash.life import Life, Step

_GROUND = "court order 7"
_ACTOR = "operator"


def releases(task: str) -> Step:
    """A task that was set aside is tried again."""

    def act(life: Life, operator: ClosureOperator, stream: str) -> None:
        if not life.again or any(one.name == task for one in operator.look(stream).set_aside):
            operator.release(stream, task, actor=_ACTOR, reason="mended")

    return Step(f"release {task}", _operating(act), leaves=TaskReleased)


def holds(data_set: str, length: timedelta) -> Step:
    """A court wants a data set kept for so long."""

    def act(life: Life, operator: ClosureOperator, stream: str) -> None:
        until = life.kept.notes.read("held until")
        if until is None:
            until = (life.kept.clock.now() + length).isoformat()
            life.kept.notes.write("held until", until)
        end = datetime.fromisoformat(until)
        if not life.again or not _is_held(operator.look(stream), data_set):
            operator.hold(stream, data_set, until=end, ground=_GROUND, actor=_ACTOR, reason="court_order")

    return Step(f"hold {data_set}", _operating(act), leaves=LegalHoldSet)


def lifts(data_set: str) -> Step:
    """The court wants it no longer."""

    def act(life: Life, operator: ClosureOperator, stream: str) -> None:
        if not life.again or _is_held(operator.look(stream), data_set):
            operator.lift(stream, data_set, ground=_GROUND, actor=_ACTOR, reason="case_closed")

    return Step(f"lift the hold on {data_set}", _operating(act), leaves=LegalHoldLifted)


def _operating(act: Callable[[Life, ClosureOperator, str], None]) -> Callable[[Life], None]:
    def operate(life: Life) -> None:
        operator = ClosureOperator(life.service)
        act(life, operator, operator.stream_of(life.scenario.account))

    return operate


def _is_held(view: OperatorView, data_set: str) -> bool:
    return any(one.data_set == data_set for one in view.holds)
