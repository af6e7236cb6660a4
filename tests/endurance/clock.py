"""The time of a run, which all its processes share: it can go faster than the real one, or stand still."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

NO_TIME = timedelta(0)


class CommonClock:
    """A clock in a file, so that one process can move it for all of them.

    It goes ``speed`` times as fast as the machine's monotonic clock, which is one for all processes; with speed 0 it
    stands still. A lease of two minutes ends after two seconds at speed 60, for whoever holds it and for whoever waits
    for it alike: all that happens in between has the same order, and only less time.

    Args:
        path: the file.
        ahead: by how much a process's own clock differs from the common one.
    """

    never_blocks = True

    def __init__(self, path: Path, *, ahead: timedelta = NO_TIME) -> None:
        self._path = path
        self._ahead = ahead

    @classmethod
    def begun(cls, path: Path, *, at: datetime, speed: float) -> Self:
        """A new one, which shows that time now."""
        clock = cls(path)
        clock._set(at, speed)
        return clock

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        begun, since, speed = json.loads(self._path.read_text())
        return datetime.fromisoformat(begun) + timedelta(seconds=(time.monotonic() - since) * speed) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move it, for everybody."""
        _, _, speed = json.loads(self._path.read_text())
        self._set(self.now() - self._ahead + by, speed)

    def _set(self, at: datetime, speed: float) -> None:
        """Put it into the file in one step, since others read it at any moment."""
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        new.write_text(json.dumps([at.isoformat(), time.monotonic(), speed]))
        new.replace(self._path)
