"""Erasing data sets: bounded batches, and done only when the data set itself says that nothing remains (L17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from hht_closure.account import AccountId
from hht_closure.canonical import time_text
from hht_closure.commands import Command, FailTask, RecordBatch, SettleDataSet
from hht_closure.events import FailureKind
from hht_closure.flows.stream import Loaded
from hht_closure.flows.wiring import Wiring
from hht_closure.policy import Portion
from hht_closure.ports import EraseJob
from hht_closure.tasks import PendingTask

BATCH: Final = 500
"""The most items that one call of an eraser may touch."""


class Erasing:
    """Runs erasures and purges, which are the same work at another time."""

    def __init__(self, wiring: Wiring, account_id: Callable[[Loaded], Awaitable[AccountId]]) -> None:
        self._wiring = wiring
        self._account_id = account_id

    async def erase(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        """One batch; after the last, what remains and what became of the rest."""
        data_set = self._wiring.data_sets.get(task.subject)
        if data_set is None:
            return self._failed(task, "permanent", "not_registered")
        account = await self._account_id(loaded)
        number = 0 if loaded.closure.round is None else loaded.closure.round.number
        job = EraseJob(
            account=account,
            cursor=task.cursor,
            limit=BATCH,
            key=f"{loaded.stream}.{number}.{task.name}.{task.cursor}.{time_text(task.due)}",
        )
        progress = await data_set.erase(job)
        if not progress.done:
            if progress.erased == 0 and progress.cursor == task.cursor:
                return self._failed(task, "retryable", "no_progress")
            return RecordBatch(task=task.name, erased=progress.erased, cursor=progress.cursor)
        kept = tuple(one for one in await data_set.survey(account) if one.count and one.disposition != "erased")
        erased = task.erased + progress.erased
        return SettleDataSet(
            task=task.name,
            remaining=await data_set.remaining(account),
            portions=(*_erased(erased, kept), *kept),
            jitter=self._jitter(),
        )

    def _failed(self, task: PendingTask, kind: FailureKind, code: str) -> FailTask:
        return FailTask(task=task.name, kind=kind, code=code, jitter=self._jitter())

    def _jitter(self) -> int:
        return int.from_bytes(self._wiring.entropy.token(4), "big")


def _erased(count: int, kept: tuple[Portion, ...]) -> tuple[Portion, ...]:
    """The portion that went; named also where the count was lost in a failure, since nothing that must go remains.

    Of a set whose items are anonymised, what the eraser touched and is still there was not erased.
    """
    anonymised = [one.count for one in kept if one.disposition == "anonymised"]
    gone = max(count - sum(anonymised), 0)
    return (Portion("erased", gone),) if gone or not anonymised else ()
