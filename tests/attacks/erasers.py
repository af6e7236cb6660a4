"""Data sets for attacks: added to a stage's portal, and erasers that fail when they are told to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.events import TaskSetAside
from hht_closure.flows.answers import WorkReport
from hht_closure.ports import EraseJob, Progress
from tests.stage import LI, WANG, Stage

HOUR = timedelta(hours=1)


class Raising(MemoryDataSet):
    """A data set whose eraser raises for these people, always.

    Attributes:
        sick: for whom.
        error: makes what is raised.
        asked: for whom it was tried, in order.
    """

    def __init__(self, name: str, stage: Stage, *sick: str, after: tuple[str, ...] = ()) -> None:
        super().__init__(name, after=after, clock=stage.clock)
        self.sick = {AccountId(one) for one in sick}
        self.error: Callable[[], Exception] = RuntimeError
        self.asked: list[AccountId] = []
        for owner in (LI.id, WANG.id):
            self.add(owner, f"a chat of {owner}")

    def erase(self, job: EraseJob) -> Progress:
        """Fail, or do it."""
        self.asked.append(job.account)
        if job.account in self.sick:
            raise self.error()
        return super().erase(job)


def registered(stage: Stage, *data_sets: MemoryDataSet) -> None:
    """The stage's portal has these data sets as well, from now on."""
    stage.later_data_sets.extend(data_sets)
    stage.restarted()


def sick_chats(stage: Stage, *sick: str) -> Raising:
    """The portal has chats as well, and they cannot be erased for these people."""
    chats = Raising("chats", stage, *sick)
    registered(stage, chats)
    return chats


def alarms(stage: Stage) -> list[str]:
    """The tasks that were set aside, in order, as observers heard; not that they still are, which they hear daily."""
    aside = (one for one in stage.happened.events if isinstance(one, TaskSetAside))
    return [one.task for one in aside if one.code != "still_set_aside"]


def worked_for(stage: Stage, days: int) -> list[WorkReport]:
    """What a worker reports who comes every hour for so many days."""
    reports = list[WorkReport]()
    for _ in range(24 * days):
        stage.clock.advance(HOUR)
        reports.append(stage.service.work())
    return reports
