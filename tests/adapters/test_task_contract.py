"""The contract of a host's task, on one that keeps it and on one that does not."""

from __future__ import annotations

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryTask
from hht_closure.ports import Done, Task, TaskJob
from hht_closure.testing.contracts import TaskContract
from hht_closure.testing.contracts._expect import raises

JOB = TaskJob(account=AccountId("li"), key="stream.1.host:crm")


class Crm:
    """A customer register that is told of closings."""

    name = "crm"
    after = ()
    mandatory = True

    def __init__(self, *, counts_twice: bool = False) -> None:
        self.told: list[str] = []
        self._counts_twice = counts_twice

    def run(self, job: TaskJob) -> Done:
        """Tell it, once for each key."""
        if self._counts_twice or job.key not in self.told:
            self.told.append(job.key)
        return Done()


class TestCrm(TaskContract):
    """A task that is safe to run again keeps the contract."""

    def make_task(self) -> tuple[Task, TaskJob]:
        """The register."""
        self.crm = Crm()
        return self.crm, JOB

    def effect(self) -> object:
        """Whom it was told of."""
        return tuple(self.crm.told)


class TestMemoryTask(TaskContract):
    """The memory task does nothing outside, however often it runs."""

    def make_task(self) -> tuple[Task, TaskJob]:
        """The memory task, which is done at once."""
        return MemoryTask("downstream"), JOB

    def effect(self) -> object:
        """Nothing."""
        return None


class TwiceTold(TestCrm):
    """The register that forgets what it was told."""

    __test__ = False

    def make_task(self) -> tuple[Task, TaskJob]:
        """The broken register."""
        self.crm = Crm(counts_twice=True)
        return self.crm, JOB


def test_a_task_that_does_it_twice_is_found() -> None:
    """A task that is not safe to run again fails the clause that says so, and no quieter one (L16)."""
    broken = TwiceTold()
    broken.test_it_can_be_done()
    with raises(AssertionError):
        broken.test_running_it_again_changes_nothing()
