"""The law of a host's task, clause by clause."""

from __future__ import annotations

from hht_closure.ports import Done, Task, TaskJob
from hht_closure.testing.contracts._expect import PortContract


class TaskContract(PortContract):
    """Subclass it, override the two hooks, and your task has its suite."""

    def make_task(self) -> tuple[Task, TaskJob]:
        """A new task that can be done now, and a job for it. Called at most once in each test."""
        raise NotImplementedError("make_task is a hook that the suite needs")

    def effect(self) -> object:
        """What the task has done outside so far, as a value that can be compared."""
        raise NotImplementedError("effect is a hook that the suite needs")

    def test_it_has_a_name(self) -> None:
        """``name`` is what the journal calls it by: stable, and not empty."""
        task, _ = self.make_task()
        assert task.name == task.name != ""

    def test_it_does_not_come_after_itself(self) -> None:
        """``after`` names other tasks."""
        task, _ = self.make_task()
        assert task.name not in task.after

    def test_it_says_whether_the_closing_waits_for_it(self) -> None:
        """``mandatory`` is yes or no, and stays so."""
        task, _ = self.make_task()
        assert isinstance(task.mandatory, bool)

    def test_it_can_be_done(self) -> None:
        """``run`` says ``Done`` when it has happened."""
        task, job = self.make_task()
        assert self.settled(task.run(job)) == Done()

    def test_running_it_again_changes_nothing(self) -> None:
        """The same job run again finds that it was done before: ``Done``, and the same effect (L16)."""
        task, job = self.make_task()
        self.settled(task.run(job))
        before = self.effect()
        again = self.settled(task.run(job))
        assert (again, self.effect()) == (Done(), before)
