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
from hht_closure.lifecycle import hold_on
from hht_closure.policy import LegalHold, Portion
from hht_closure.ports import EraseJob
from hht_closure.tasks import PendingTask

BATCH: Final = 500
"""The most items that one call of an eraser may touch."""


CHECKED_EVERY: Final = 100
"""Of every so many batches it is counted before and after what remains: it must be less, whatever the eraser says."""


class Erasing:
    """Runs erasures and purges, which are the same work at another time."""

    def __init__(self, wiring: Wiring, account_id: Callable[[Loaded], Awaitable[AccountId]]) -> None:
        self._wiring = wiring
        self._account_id = account_id

    async def erase(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        """One batch; after the last, what remains and what became of the rest. What is under a hold stays (L20)."""
        data_set = self._wiring.data_sets.get(task.subject)
        if data_set is None:
            # A purge may be of a set that only the next release knows, whose workers are on their way.
            return self._failed(task, "retryable" if task.kind == "purge" else "permanent", "not_registered")
        account = await self._account_id(loaded)
        hold = hold_on(loaded.closure, task.subject, loaded.now(self._wiring.clock))
        if hold is not None:
            return self._settled_under(hold, task, await data_set.survey(account))
        number = 0 if loaded.closure.round is None else loaded.closure.round.number
        job = EraseJob(
            account=account,
            cursor=task.cursor,
            limit=BATCH,
            key=f"{loaded.stream}.{number}.{task.name}.{task.cursor}.{time_text(task.due)}",
        )
        before = await data_set.remaining(account) if _is_checked(loaded) else None
        progress = await data_set.erase(job)
        if progress.erased > BATCH:
            return self._failed(task, "ambiguous", "batch_too_large")
        if not progress.done:
            if progress.erased == 0 and progress.cursor == task.cursor:
                return self._failed(task, "retryable", "no_progress")
            if before is not None and before <= await data_set.remaining(account):
                return self._failed(task, "permanent", "no_progress")
            return RecordBatch(task=task.name, erased=progress.erased, cursor=progress.cursor)
        survey = await data_set.survey(account)
        kept = tuple(one for one in survey if one.count and one.disposition != "erased")
        going = sum(one.count for one in survey if one.disposition == "erased")
        remaining = max(await data_set.remaining(account), going)
        return self._settled(task, task.erased + progress.erased, remaining, kept)

    def _settled_under(self, hold: LegalHold, task: PendingTask, survey: tuple[Portion, ...]) -> SettleDataSet:
        """All that is there is kept; nothing is said to be erased where no batch was ever tried."""
        untouched = not (task.erased or task.cursor or task.tries or task.begun)
        kept = hold.over(survey)
        portions = kept if untouched and kept else (*_erased(task.erased, kept), *kept)
        return SettleDataSet(task=task.name, remaining=0, portions=portions, jitter=self._jitter())

    def _settled(self, task: PendingTask, erased: int, remaining: int, kept: tuple[Portion, ...]) -> SettleDataSet:
        """What the set has come to: what went, and what is kept."""
        portions = (*_erased(erased, kept), *kept)
        return SettleDataSet(task=task.name, remaining=remaining, portions=portions, jitter=self._jitter())

    def _failed(self, task: PendingTask, kind: FailureKind, code: str) -> FailTask:
        return FailTask(task=task.name, kind=kind, code=code, jitter=self._jitter())

    def _jitter(self) -> int:
        return int.from_bytes(self._wiring.entropy.token(4), "big")


def _is_checked(loaded: Loaded) -> bool:
    return loaded.head.sequence % CHECKED_EVERY == 0


def _erased(count: int, kept: tuple[Portion, ...]) -> tuple[Portion, ...]:
    """The portion that went; named also where the count was lost in a failure, since nothing that must go remains.

    Of a set whose items are anonymised, what the eraser touched and is still there was not erased.
    """
    anonymised = [one.count for one in kept if one.disposition == "anonymised"]
    gone = max(count - sum(anonymised), 0)
    return (Portion("erased", gone),) if gone or not anonymised else ()
