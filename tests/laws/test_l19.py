"""L19: a task that keeps failing is set aside with an alarm, and stops neither other tasks nor other closures."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import attrs
import pytest

from hht_closure.commands import FailTask
from hht_closure.events import ClosureClosed, TaskFailed, TaskPassedOver, TaskSetAside
from hht_closure.policy import Retries
from hht_closure.ports import EraseJob, Failed, Progress
from hht_closure.testing import Person, given, worked_until
from hht_closure.testing.stories import NOW
from tests.stage import LI, TERMS, WANG, Killed, MakeStage, Stage, on_every_store, refusal_codes

RETRIES = Retries(tries=6, first=timedelta(seconds=10), longest=timedelta(seconds=60))


def _poisoned(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages of Li, and of nobody else, cannot be erased."""
    erase = stage.messages.erase

    def poisoned(job: EraseJob) -> Progress:
        if job.account == LI.id:
            raise RuntimeError("li.weiguo@example.com cannot be deleted")
        return erase(job)

    monkeypatch.setattr(stage.messages, "erase", poisoned)


@on_every_store
def test_a_task_that_keeps_failing_is_set_aside_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten tries, one alarm, and then quiet (L19, ERAS-01)."""
    _poisoned(stage, monkeypatch)
    stage.confirmed()
    for _ in range(4):
        stage.worked_off()
    alarms = [one.task for one in stage.happened.events if isinstance(one, TaskSetAside)]
    assert (alarms, stage.count(TaskFailed), stage.count(ClosureClosed)) == (["erase:messages"], 9, 0)


@on_every_store
def test_one_poisoned_closure_does_not_starve_the_others(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wang's closing goes through in the same pass (L19, ERAS-01, PEERS)."""
    _poisoned(stage, monkeypatch)
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    stage.service.work()
    assert (stage.accounts.get(WANG.id), stage.accounts.get(LI.id) is None) == (None, False)


@on_every_store
def test_one_poisoned_data_set_does_not_stop_the_others(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come after it is erased all the same (L19)."""
    _poisoned(stage, monkeypatch)
    stage.confirmed()
    stage.service.work()
    assert (stage.orders.remaining(LI.id), stage.messages.remaining(LI.id)) == (0, 2)


@on_every_store
def test_an_operator_has_it_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is mended, the task released, and the closing goes through (L19)."""
    with monkeypatch.context() as poison:
        _poisoned(stage, poison)
        stage.confirmed()
        for _ in range(4):
            stage.worked_off()
    stage.operator.release(stage.stream(), "erase:messages", actor="anna", reason="disk_replaced")
    stage.service.work()
    assert (stage.messages.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


@on_every_store
def test_a_task_that_is_not_set_aside_is_not_released(stage: Stage) -> None:
    """An operator cannot hurry what takes its course (L19)."""
    stage.confirmed()
    codes = refusal_codes(stage.operator.release, stage.stream(), "recheck", actor="anna", reason="in_a_hurry")
    assert codes == ("task_not_set_aside",)


@on_every_store
def test_a_best_effort_task_is_passed_over(stage: Stage) -> None:
    """It fails for good, the closing does not wait, and the receipt says so (L19)."""
    stage.downstream.mandatory = False
    stage.downstream.outcome = Failed("permanent", "no_such_tenant")
    reference = stage.closed().reference
    tasks = [(one.name, one.outcome) for one in stage.service.receipt(reference).claims.tasks]
    assert (stage.count(TaskPassedOver), tasks) == (1, [("downstream", "passed_over")])


@on_every_store
def test_a_mandatory_task_is_never_passed_over(stage: Stage) -> None:
    """The twin: the same failure of a mandatory task keeps the account from being closed (L19)."""
    stage.downstream.outcome = Failed("permanent", "no_such_tenant")
    stage.closed()
    assert (stage.count(TaskPassedOver), stage.count(TaskSetAside), stage.count(ClosureClosed)) == (0, 1, 0)


def test_retries_back_off_with_full_jitter_and_are_capped() -> None:
    """The longest pauses double from ten seconds to a minute, and stay there (L19)."""
    person = attrs.evolve(Person(), terms=attrs.evolve(Person().terms, retries=RETRIES))
    story = given(person.confirmed(), worked_until("erase"))
    pauses: list[float] = []
    for _ in range(5):
        failing = FailTask(task="erase:messages", kind="retryable", code="busy", jitter=2**32 - 1)
        now = NOW if story.closure.at is None else story.closure.at
        story = story.at(now).when(failing)
        pauses.extend(
            round((one.due - now).total_seconds()) for one in story.happened[-1:] if isinstance(one, TaskFailed)
        )
        story = attrs.evolve(story, decision=None).at(story.closure.tasks[-1].due)
    assert pauses == [10, 20, 40, 60, 60]


def test_without_jitter_the_pause_is_as_short_as_can_be() -> None:
    """Full jitter means anywhere from now on: the smallest entropy gives no pause at all (L19)."""
    story = given(Person().confirmed(), worked_until("freeze")).when(
        FailTask(task="freeze", kind="retryable", code="busy", jitter=0)
    )
    assert [one.due for one in story.happened[-1:] if isinstance(one, TaskFailed)] == [NOW]


@on_every_store
def test_the_oldest_due_goes_first(make_stage: MakeStage) -> None:
    """With a pass of one closure at a time, who waits longest is served first (L19, PEERS)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(hours=1)))
    stage.confirmed(stage.logged_in("wang"))
    stage.clock.advance(timedelta(minutes=1))
    stage.confirmed()
    stage.clock.advance(timedelta(hours=2))
    stage.service.work(limit=1)
    assert (stage.accounts.get(WANG.id), stage.accounts.get(LI.id)) == (None, LI)


@on_every_store
def test_of_several_that_are_due_each_has_its_turn_in_order(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of very many batches goes on when all who were due before it have had their turn (L19)."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(60_000)))
    stage.confirmed()
    stage.clock.advance(timedelta(seconds=1))
    stage.confirmed(stage.logged_in("wang"))
    turns = list[str]()
    erase = stage.messages.erase

    def noted(job: EraseJob) -> Progress:
        turns.append(job.account)
        stage.clock.advance(timedelta(milliseconds=1))
        return erase(job)

    monkeypatch.setattr(stage.messages, "erase", noted)
    stage.service.work(limit=3)
    assert turns == ["li"] * 100 + ["wang"] + ["li"] * 21


@on_every_store
def test_a_task_over_which_every_worker_is_lost_is_set_aside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kills them: after as many as there are tries an operator is called, and nobody else dies (L19)."""
    died = list[str]()

    def kills(job: EraseJob) -> Progress:
        died.append(job.account)
        raise Killed

    monkeypatch.setattr(stage.messages, "erase", kills)
    stage.confirmed()
    for _ in range(20):
        try:
            stage.service.work()
        except Killed:
            stage.clock.advance(timedelta(minutes=3))
    alarms = [(one.task, one.code) for one in stage.happened.events if isinstance(one, TaskSetAside)]
    assert (alarms, len(died) <= TERMS.retries.tries + 1) == ([("erase:messages", "worker_lost")], True)


@on_every_store
def test_a_task_that_hangs_has_failed_like_one_that_raises(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is cut off, tried again later, and the account is closed (L19, ERAS-03)."""
    end = Event()
    erase = stage.messages.erase

    def hang(job: EraseJob) -> Progress:
        end.wait(60)
        return erase(job)

    stage.confirmed()
    with monkeypatch.context() as hanging:
        hanging.setattr(stage.messages, "erase", hang)
        report = stage.service.work(patience=timedelta(seconds=0.5))
    end.set()
    stage.worked_off()
    failed = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskFailed)]
    assert (report.failed, failed, stage.count(ClosureClosed)) == (1, [("erase:messages", "too_slow")], 1)
