"""Which events can happen in which stage, and where they lead: the picture of DESIGN 5, and nothing else (L15)."""

from __future__ import annotations

import inspect
from typing import Final, get_args, get_type_hints

import pytest
from hypothesis import given

from hht_closure import events
from hht_closure.errors import ImpossibleEventError
from hht_closure.events import Event
from hht_closure.lifecycle import EVOLUTIONS, TRANSITIONS, evolve, fold
from hht_closure.lifecycle.evolution import _STEPS
from hht_closure.stages import NOTHING, Stage
from hht_closure.tasks import PlannedTask
from tests.core.build import (
    COURT,
    PLAN,
    T0,
    TERMS,
    History,
    closed,
    confirmed,
    erasing,
    frozen,
    lapsed,
    opened,
    withdrawn,
)
from tests.core.strategies import KINDS, histories, seeded

STAGES: Final = {
    "Unopened": History(),
    "Open": opened(),
    "Closing": frozen(),
    "Closed": closed(),
    "Withdrawn": withdrawn(),
    "Lapsed": lapsed(),
}

CHANGES: Final = {
    ("Unopened", "RoundOpened", "Open"),
    ("Withdrawn", "RoundOpened", "Open"),
    ("Lapsed", "RoundOpened", "Open"),
    ("Open", "ClosureConfirmed", "Closing"),
    ("Open", "RoundWithdrawn", "Withdrawn"),
    ("Open", "RoundLapsed", "Lapsed"),
    ("Closing", "RoundWithdrawn", "Withdrawn"),
    ("Closing", "AccountGivenBack", "Open"),
    ("Closing", "ClosureClosed", "Closed"),
}
"""The arrows of the picture that lead to another stage."""

DIALOGUE: Final = {
    "ChecksMade",
    "StatementAnswered",
    "ReasonGiven",
    "ChallengeMade",
    "ChallengeRepeated",
    "AttemptCounted",
    "SendingStopped",
    "FactorProved",
    "AnswerRejected",
    "ClosingLocked",
}
WORK: Final = {
    "TaskBegun",
    "TaskDone",
    "TaskFailed",
    "TaskPostponed",
    "TaskSetAside",
    "TaskPassedOver",
    "TaskReleased",
    "KeyDestructionIntended",
    "KeyDestroyed",
}
STAYING: Final = {
    *(("Open", name, "Open") for name in DIALOGUE),
    *((stage, name, stage) for name in WORK for stage in STAGES if stage != "Unopened"),
    *((stage, "SendingStopped", stage) for stage in ("Closing", "Withdrawn", "Lapsed")),
    ("Closing", "ErasureBegun", "Closing"),
    ("Closing", "BatchErased", "Closing"),
    ("Closing", "DataSetErased", "Closing"),
    ("Closed", "BatchErased", "Closed"),
    ("Closed", "RetentionPurged", "Closed"),
    ("Closed", "DataSetsAdded", "Closed"),
    *((stage, name, stage) for stage in STAGES for name in ("LegalHoldSet", "LegalHoldLifted")),
}
"""What happens within a stage."""

EXAMPLES: Final[dict[str, Event]] = {
    type(one).__name__: one
    for one in (
        events.RoundOpened(T0, 2, events.Clear("li"), TERMS, "d" * 43, events.Carried(NOTHING.attempts, (), ())),
        events.ChecksMade(T0, ()),
        events.StatementAnswered(T0, "data_backed_up", "done", "1", "en"),
        events.ReasonGiven(T0, "rather_not_say", None, share_note=False),
        events.ChallengeMade(T0, "1", "captcha", None, None, "k1", T0),
        events.ChallengeRepeated(T0, "1"),
        events.AttemptCounted(T0, 1, "1"),
        events.SendingStopped(T0, "sms", "overall", T0),
        events.FactorProved(T0, 1, "captcha", "human_check", "1", T0),
        events.AnswerRejected(T0, 1),
        events.ClosingLocked(T0, T0),
        events.ClosureConfirmed(T0, "n", "1", "o", "en", "f", (), "k1", T0),
        events.RoundWithdrawn(T0),
        events.RoundLapsed(T0),
        events.TaskBegun(T0, "freeze"),
        events.TaskDone(T0, "freeze"),
        events.TaskFailed(T0, "freeze", "retryable", "x", T0),
        events.TaskPostponed(T0, "freeze", T0),
        events.TaskSetAside(T0, "freeze", "x"),
        events.TaskPassedOver(T0, "freeze", "x"),
        events.TaskReleased(T0, "freeze", "operator", "x"),
        events.LegalHoldSet(T0, COURT, "legal", "court_order"),
        events.LegalHoldLifted(T0, "messages", "Court order 7", "legal", "case_closed"),
        events.DataSetsAdded(T0, (PlannedTask("notes"),)),
        events.AccountGivenBack(T0, ()),
        events.ErasureBegun(T0, PLAN, (), tombstone=False, farewell=None),
        events.BatchErased(T0, "erase:messages", 1, ""),
        events.DataSetErased(T0, "messages", ()),
        events.KeyDestructionIntended(T0, "destroy_key:1"),
        events.KeyDestroyed(T0, "destroy_key:1"),
        events.ClosureClosed(T0, "receipt"),
        events.RetentionPurged(T0, "orders", None),
    )
}


def test_the_stage_changes_are_those_of_the_picture() -> None:
    """Each arrow, and no other (DESIGN 5)."""
    assert {one for one in TRANSITIONS if one[0] != one[2]} == CHANGES


def test_what_happens_within_a_stage_is_listed_here() -> None:
    """A new event finds its place in this table, too."""
    assert {one for one in TRANSITIONS if one[0] == one[2]} == STAYING


def test_no_transition_is_listed_twice() -> None:
    """Each event has one function."""
    assert len(set(TRANSITIONS)) == len(TRANSITIONS)


def test_every_event_has_its_function_and_its_example() -> None:
    """All kinds, and nothing that is no event."""
    assert set(_STEPS) == set(KINDS)
    assert set(EXAMPLES) == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_happens_in_its_stages_and_leads_where_the_table_says(stage: str, name: str) -> None:
    """In any other, the stream is not one of ours (L24)."""
    told, event = STAGES[stage], EXAMPLES[name]
    told = told if name not in {"DataSetErased", "ClosureClosed"} or stage != "Closing" else erasing()
    expected = {to for begin, kind, to in TRANSITIONS if (begin, kind) == (stage, name)}
    assert _led_to(told, event) == expected


def _led_to(told: History, event: Event) -> set[str]:
    """The stage after the event, or none where it cannot happen."""
    try:
        return {type(evolve(told.closure, event).stage).__name__}
    except ImpossibleEventError as error:
        assert error.args == (type(event).__name__, type(told.closure.stage).__name__)  # noqa: PT017 - the way out
        return set()


@pytest.mark.parametrize("name", ["RoundWithdrawn", "AccountGivenBack", "ErasureBegun"])
def test_nothing_leads_back_once_the_erasure_has_begun(name: str) -> None:
    """Not even an event that somebody wrote into the stream by hand (L15)."""
    with pytest.raises(ImpossibleEventError) as error:
        evolve(erasing().closure, EXAMPLES[name])
    assert error.value.args == (name, "Closing")


@pytest.mark.parametrize("name", ["DataSetErased", "ClosureClosed"])
@pytest.mark.parametrize("told", [confirmed(), frozen()])
def test_nothing_is_erased_or_closed_before_the_erasure_has_begun(told: History, name: str) -> None:
    """Not even by a stream that somebody wrote by hand (L15)."""
    with pytest.raises(ImpossibleEventError) as error:
        evolve(told.closure, EXAMPLES[name])
    assert error.value.args == (name, "Closing")


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.__name__)
def test_a_function_is_annotated_with_the_stages_in_which_it_is_called(kind: type[Event]) -> None:
    """What the decorator says and what the types say are the same."""
    within, step = _STEPS[kind]
    _, stage, event = inspect.signature(step).parameters
    hints = get_type_hints(step)
    annotated = set(get_args(hints[stage])) or {hints[stage]}
    assert annotated in (set(within), set(get_args(Stage)))
    assert hints[event] is kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.__name__)
def test_every_function_is_in_a_module_that_is_named(kind: type[Event]) -> None:
    """So that importing the machine has all of them registered."""
    assert inspect.getmodule(_STEPS[kind][1]) in EVOLUTIONS


@seeded
@given(histories())
def test_whatever_happens_is_in_the_table(told: History) -> None:
    """Over histories of every sort: each event's stage before and after is a row of it (DOM-01)."""
    before = [type(fold(told.happened[:end]).stage).__name__ for end in range(len(told.happened) + 1)]
    rows = {(before[n], type(one).__name__, before[n + 1]) for n, one in enumerate(told.happened)}
    assert rows <= set(TRANSITIONS)
