"""What is measured while a run goes on: memory, transactions, batches; kept in a file, since processes are killed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import attrs

from hht_closure.events import BatchErased, Event


@attrs.frozen(kw_only=True)
class Line:
    """One thing that was measured.

    Attributes:
        process: whose.
        what: ``started`` and ``memory`` (MB at most so far), ``transaction`` (seconds, the longest so far), ``batch``
            (items erased so far by this process).
        of: of a transaction, the database; of a batch, the task.
        value: how much.
        at: when, in seconds by a clock that all processes share.
        spent: how many seconds of a processor the process had used by then.
    """

    process: int
    what: str
    of: str = ""
    value: float
    at: float
    spent: float


class Measured:
    """The file with all lines, of all processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, what: str, value: float, *, of: str = "") -> None:
        """Write it down, behind everything else (``O_APPEND``)."""
        line = Line(process=os.getpid(), what=what, of=of, value=value, at=time.monotonic(), spent=time.process_time())
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, (json.dumps(attrs.asdict(line)) + "\n").encode())
        finally:
            os.close(file)

    def lines(self, what: str, of: str | None = None) -> tuple[Line, ...]:
        """All lines of that kind, in order."""
        every = (Line(**json.loads(line)) for line in self._path.read_text().splitlines())
        return tuple(line for line in every if line.what == what and of in {None, line.of})

    def kinds(self, what: str) -> tuple[str, ...]:
        """Of what there are lines of that kind."""
        return tuple(dict.fromkeys(line.of for line in self.lines(what)))

    def most(self, what: str, of: str | None = None) -> float:
        """The largest value, 0 where there is none."""
        return max((line.value for line in self.lines(what, of)), default=0.0)


# --- memory -------------------------------------------------------------------------------------------------------


def peak_memory() -> float:
    """The most memory that this process has had so far, in MB (``VmHWM``).

    That is what ``getrusage`` calls ``ru_maxrss``, but for what that takes over from the process that began this one:
    it survives ``execve`` (Linux, ``setmax_mm_hiwater_rss``), and would be the size of whoever runs the tests.
    """
    status = Path("/proc/self/status").read_text()
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak) / 1024


# --- what a worker measures ---------------------------------------------------------------------------------------


class Measuring:
    """An observer that writes down each batch when it is in the journal, and from time to time the memory."""

    never_blocks = True

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._erased = 0
        self._next = 0.0

    def happened(self, stream: str, events: tuple[Event, ...]) -> None:
        """Look at the batches; at most ten times a second, at the memory."""
        for event in events:
            if isinstance(event, BatchErased):
                self._erased += event.erased
                self._measured.add("batch", self._erased, of=event.task)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            self._measured.add("memory", peak_memory())
