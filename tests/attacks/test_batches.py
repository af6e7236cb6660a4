"""Batches that are told apart, and best-effort tasks with an end (L16, L17, L19, L20)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.events import ClosureClosed, TaskPassedOver, TaskSetAside
from hht_closure.ports import Again, EraseJob, Progress
from tests.stage import GROUND, LI, NOW, Killed, Stage

A_WEEK = timedelta(days=7)


class KeyedDataSet(MemoryDataSet):
    """A data set that honours the idempotency keys: what it has done under a key, it does not do again.

    Attributes:
        done: what was answered to each key.
        meanwhile: called once, after the first batch and before its answer.
    """

    def __init__(self, name: str, stage: Stage) -> None:
        super().__init__(name, clock=stage.clock)
        self.done: dict[str, Progress] = {}
        self.meanwhile: list[Callable[[], None]] = []

    def erase(self, job: EraseJob) -> Progress:
        """One batch, or what was answered before."""
        if job.key not in self.done:
            self.done[job.key] = super().erase(job)
            for happens in self.meanwhile:
                happens()
            self.meanwhile.clear()
        return self.done[job.key]


def _keyed(stage: Stage) -> KeyedDataSet:
    """Such a data set on that stage, with two items of ``li``."""
    chats = KeyedDataSet("chats", stage)
    chats.add(LI.id, "a chat", "another chat")
    stage.later_data_sets.append(chats)
    stage.restarted()
    return chats


def test_what_came_while_erasing_goes_under_a_key_of_its_own(stage: Stage) -> None:
    """The erasure begins anew, and that is another batch to a host that honours keys (L17)."""
    chats = _keyed(stage)
    chats.meanwhile.append(lambda: chats.add(LI.id, "a chat that arrived meanwhile"))
    stage.confirmed()
    stage.worked_off()
    assert (chats.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


def test_every_purge_has_a_key_of_its_own(stage: Stage) -> None:
    """Two retentions that end a month apart: both go in their time, also where keys are honoured (L20)."""
    chats = _keyed(stage)
    chats.add(LI.id, "kept for thirty days", until=NOW + timedelta(days=30), ground=GROUND)
    chats.add(LI.id, "kept for sixty days", until=NOW + timedelta(days=60), ground=GROUND)
    stage.closed()
    for _ in range(2):
        stage.clock.advance(timedelta(days=30))
        stage.worked_off()
    assert chats.items(LI.id) == ()


def test_a_batch_that_is_run_again_keeps_its_key(stage: Stage) -> None:
    """The twin: the worker died after the batch and before its commit; the same batch has the same key (L16)."""
    chats = _keyed(stage)
    stage.confirmed()
    deaths = [Killed()]

    def die() -> None:
        raise deaths.pop()

    chats.meanwhile.append(die)
    with pytest.raises(Killed):
        stage.service.work()
    chats.meanwhile.clear()
    stage.restarted()
    stage.worked_off()
    assert (len(chats.done), stage.count(ClosureClosed)) == (1, 1)


def _passed_over(stage: Stage) -> list[str]:
    return [one.task for one in stage.events() if isinstance(one, TaskPassedOver)]


def test_a_best_effort_task_that_never_ends_is_passed_over_after_a_week(stage: Stage) -> None:
    """``Again`` for ever, from a task that is not mandatory: reported, and the account is closed (L19)."""
    stage.downstream.mandatory = False
    stage.downstream.outcome = Again()
    stage.closed()
    stage.clock.advance(A_WEEK)
    stage.service.work()
    assert (_passed_over(stage), stage.count(ClosureClosed)) == (["host:downstream"], 1)


def test_a_best_effort_task_has_a_week(stage: Stage) -> None:
    """The twin: a microsecond before, it is asked once more (L19)."""
    stage.downstream.mandatory = False
    stage.downstream.outcome = Again()
    stage.closed()
    asked = len(stage.downstream.jobs)
    stage.clock.advance(A_WEEK - timedelta(microseconds=1))
    stage.service.work()
    assert (_passed_over(stage), len(stage.downstream.jobs)) == ([], asked + 1)


def test_a_mandatory_task_is_waited_for(stage: Stage) -> None:
    """The other twin: what must happen has no such limit (L16, L19)."""
    stage.downstream.outcome = Again()
    stage.closed()
    stage.clock.advance(A_WEEK)
    stage.service.work()
    assert (_passed_over(stage), stage.count(ClosureClosed)) == ([], 0)


def test_a_best_effort_task_cannot_postpone_itself_beyond_its_limit(stage: Stage) -> None:
    """``Again`` in a year, from a task that is not mandatory: a week is all it has (L19)."""
    stage.downstream.mandatory = False
    stage.downstream.outcome = Again(timedelta(days=365))
    stage.closed()
    stage.clock.advance(A_WEEK)
    stage.service.work()
    assert (_passed_over(stage), stage.count(ClosureClosed)) == (["host:downstream"], 1)


def test_a_best_effort_task_is_asked_once_however_long_the_erasure_took(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An eraser is set aside, and released after eight days: only then is it the task's turn, and it is asked (L19)."""
    erase = stage.orders.erase

    def fail(_: EraseJob) -> Progress:
        raise OSError

    stage.downstream.mandatory = False
    monkeypatch.setattr(stage.orders, "erase", fail)
    stage.closed()
    for _ in range(8):
        stage.clock.advance(timedelta(days=1))
        stage.worked_off()
    monkeypatch.setattr(stage.orders, "erase", erase)
    stage.operator.release(stage.stream(), "erase:orders", actor="zhao", reason="mended")
    stage.worked_off()
    assert (len(stage.downstream.jobs), stage.count(ClosureClosed)) == (1, 1)


class SlowlyNowhere(MemoryDataSet):
    """A data set whose eraser moves its cursor and erases nothing, and says that there is more."""

    def erase(self, job: EraseJob) -> Progress:
        """One step further, for nothing."""
        return Progress(erased=0, cursor=str(int(job.cursor or 0) + 1), done=False)


def test_an_eraser_that_only_moves_its_cursor_is_set_aside(stage: Stage) -> None:
    """Batch after batch without an item is a failure, and at last an operator is called (L17, L19)."""
    stage.later_data_sets.append(SlowlyNowhere("chats", clock=stage.clock))
    stage.restarted()
    stage.closed()
    assert [one.task for one in stage.events() if isinstance(one, TaskSetAside)] == ["erase:chats"]
