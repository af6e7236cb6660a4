"""Worker processes as a supervisor has them: what ends is begun anew, and some are killed on purpose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from tests.endurance.ground import Ground

_ROOT: Final = Path(__file__).parents[2]
_ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_START"}
"""What is measured here is not what is covered, and would be slower by half."""

_LOOK_EVERY: Final = 0.02
"""Seconds between two looks at something that another process does."""


def until(happened: Callable[[], bool], *, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Come back when it has happened.

    Raises:
        AssertionError: it has not, in all that time.
    """
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, f"it has not happened within {seconds} seconds"
        meanwhile()
        time.sleep(_LOOK_EVERY)


class WorkerProcess:
    """One worker, as a process of its own; what it says goes to a file in the ground's folder."""

    def __init__(self, ground: Ground, name: str, *arguments: str) -> None:
        self.said: TextIO = (ground.folder / f"worker-{name}.log").open("a+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.endurance.worker", str(ground.folder), *arguments],
            cwd=_ROOT,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=subprocess.STDOUT,
        )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def lines(self) -> list[str]:
        """Everything that it has said so far."""
        self.said.seek(0)
        return self.said.read().splitlines()

    @property
    def is_ready(self) -> bool:
        """Whether it has opened everything, and works."""
        return "ready" in self.lines()

    def kill(self) -> None:
        """SIGKILL: it does nothing more, and nobody in it learns of it."""
        self._process.kill()
        self._process.wait()

    def wait_until_stopped(self) -> None:
        """Come back when it stands still.

        Raises:
            AssertionError: it has ended instead.
        """
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"it ended instead of stopping: {self.lines()}"

    def go_on(self) -> list[str]:
        """SIGCONT, and wait until it has ended; what it said then."""
        before = len(self.lines())
        self._process.send_signal(signal.SIGCONT)
        self._process.wait()
        return self.lines()[before:]

    def close(self) -> None:
        """End it, however it stands; repeatable."""
        if self.is_running:
            self.kill()
        self.said.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Fleet:
    """So many workers at a time.

    Args:
        ground: where they work.
        arguments: of each worker, its command line; there are as many as these.

    Attributes:
        killed: how many were killed on purpose.
        died: how many ended by themselves, and were begun anew.
    """

    def __init__(self, ground: Ground, arguments: Sequence[Sequence[str]]) -> None:
        self._ground = ground
        self._arguments = arguments
        self._begun = 0
        self.killed = self.died = 0
        self._workers = [self._new(place) for place in range(len(arguments))]

    def _new(self, place: int) -> WorkerProcess:
        self._begun += 1
        return WorkerProcess(self._ground, f"{place}-{self._begun}", *self._arguments[place])

    @property
    def places(self) -> list[int]:
        """All of them."""
        return list(range(len(self._workers)))

    @property
    def ready(self) -> list[int]:
        """The places of those who have opened everything, and work."""
        return [place for place in self.places if self._workers[place].is_ready]

    def kill(self, place: int) -> None:
        """Kill the one at that place, wherever it is in its work, and begin another there."""
        self.killed += 1
        self._replace(place)

    def tend(self) -> None:
        """Begin another for each that has ended by itself."""
        for place, worker in enumerate(self._workers):
            if not worker.is_running:
                self.died += 1
                self._replace(place)

    def _replace(self, place: int) -> None:
        self._workers[place].close()
        self._workers[place] = self._new(place)

    def said(self) -> list[str]:
        """Everything that all workers said, those that are gone included."""
        logs = sorted(self._ground.folder.glob("worker-*.log"))
        return [line for log in logs for line in log.read_text().splitlines()]

    def close(self) -> None:
        """End all; repeatable."""
        for worker in self._workers:
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
