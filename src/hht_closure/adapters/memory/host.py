"""A portal's precondition and task in memory, whose answers can be set."""

from __future__ import annotations

from threading import Lock

from hht_closure.account import Account
from hht_closure.policy import Clean, Finding
from hht_closure.ports import Again, Done, Failed, TaskJob


class MemoryPrecondition:
    """The port ``Precondition``: says what it was set to say, clean at first.

    Attributes:
        finding: what the next check answers; set it at any time.
        asked: how often it was asked.
    """

    never_blocks = True

    def __init__(self, name: str, finding: Finding | None = None) -> None:
        self.name = name
        self.finding: Finding = Clean() if finding is None else finding
        self.asked = 0
        self._lock = Lock()

    def check(self, account: Account) -> Finding:
        """The finding as it is set."""
        with self._lock:
            self.asked += 1
            return self.finding


class MemoryTask:
    """The port ``Task``: gives the outcome it was set to give, and remembers what it was asked to do.

    Attributes:
        outcome: what the next run gives; set it at any time.
    """

    never_blocks = True

    def __init__(self, name: str, *, after: tuple[str, ...] = (), mandatory: bool = True) -> None:
        self.name = name
        self.after = after
        self.mandatory = mandatory
        self.outcome: Done | Again | Failed = Done()
        self._jobs: list[TaskJob] = []
        self._lock = Lock()

    @property
    def jobs(self) -> tuple[TaskJob, ...]:
        """Every run it was asked for, in order."""
        with self._lock:
            return tuple(self._jobs)

    def run(self, job: TaskJob) -> Done | Again | Failed:
        """The outcome as it is set."""
        with self._lock:
            self._jobs.append(job)
            return self.outcome
