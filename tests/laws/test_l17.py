"""L17: a data set is done only when it says itself that nothing remains that must go."""

from __future__ import annotations

import pytest

from hht_closure.events import ClosureClosed, DataSetErased, TaskFailed, TaskSetAside
from hht_closure.ports import EraseJob, Progress
from tests.stage import LI, Stage


def _lies(_: EraseJob) -> Progress:
    """An eraser that says it is done and does nothing."""
    return Progress(erased=0, done=True)


def test_an_eraser_that_lies_is_found_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says ``done``, the items are there: the task fails, the closure is not closed (L17)."""
    stage.confirmed()
    monkeypatch.setattr(stage.messages, "erase", _lies)
    stage.service.work()
    failed = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskFailed)]
    assert (failed, stage.count(ClosureClosed)) == ([("erase:messages", "rows_remain")], 0)


def test_an_eraser_that_goes_on_lying_is_set_aside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never counts as erased, however often it is asked (L17, L19)."""
    stage.confirmed()
    monkeypatch.setattr(stage.messages, "erase", _lies)
    stage.worked_off()
    stage.worked_off()
    erased = [one.data_set for one in stage.events() if isinstance(one, DataSetErased)]
    assert (erased, stage.count(TaskSetAside), stage.accounts.get(LI.id) is None) == (["orders"], 1, False)


def test_an_eraser_that_tells_the_truth_later_is_believed_then(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: as soon as nothing remains, the closing goes on (L17)."""
    stage.confirmed()
    with monkeypatch.context() as lying:
        lying.setattr(stage.messages, "erase", _lies)
        stage.service.work()
    stage.worked_off()
    assert (stage.messages.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


def test_items_that_come_behind_the_cursor_are_erased_as_well(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that arrives after the last batch remains, so the set is erased once more (L17)."""
    stage.confirmed()
    erase = stage.messages.erase
    arriving = ["a message at the last moment"]

    def erase_and_receive(job: EraseJob) -> Progress:
        progress = erase(job)
        stage.messages.add(LI.id, *arriving)
        arriving.clear()
        return progress

    monkeypatch.setattr(stage.messages, "erase", erase_and_receive)
    stage.worked_off()
    assert (stage.messages.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


def test_a_large_data_set_goes_in_bounded_batches(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve hundred items: no call is asked for more than the batch, and none is left (L17, ERAS-12)."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(1200)))
    stage.confirmed()
    erase = stage.messages.erase
    batches: list[tuple[int, int]] = []

    def counted(job: EraseJob) -> Progress:
        progress = erase(job)
        batches.append((job.limit, progress.erased))
        return progress

    monkeypatch.setattr(stage.messages, "erase", counted)
    stage.service.work()
    assert (batches, stage.messages.remaining(LI.id)) == ([(500, 500), (500, 500), (500, 202)], 0)


def test_what_the_law_keeps_does_not_remain(stage: Stage) -> None:
    """An item under a retention is nothing that must go, and the set is done without it (L17, L20)."""
    stage.closed()
    assert (stage.orders.items(LI.id), stage.count(ClosureClosed)) == (("an invoice of li",), 1)
