"""What has happened in a seed, a line for each thing: all of it where it is replayed, and else the last of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from hht_closure.testing.simulate.schedule import SECOND, Schedule

KEPT: Final = 30
"""How many of the last lines are kept for a report."""


class Trace:
    """Writes down what happens.

    Args:
        say: is given each line as it is written; None keeps the last ones, and spends no time on the others.

    Attributes:
        is_whole: whether every line is asked for, down to each call of a port.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.is_whole = say is not None
        self._say = say
        self._last: deque[tuple[int, int, str, str]] = deque(maxlen=KEPT)

    def write(self, schedule: Schedule, what: str) -> None:
        """Whoever has the turn did that."""
        line = (schedule.steps, schedule.elapsed, schedule.current.name, what)
        self._last.append(line)
        if self._say is not None:
            self._say(_line(*line))

    def note(self, schedule: Schedule, what: str) -> None:
        """A detail, for whoever reads the whole of it: a call of a port that went well, a request."""
        if self._say is not None:
            self._say(_line(schedule.steps, schedule.elapsed, schedule.current.name, f"  {what}"))

    def last(self) -> tuple[str, ...]:
        """The last lines."""
        return tuple(_line(*one) for one in self._last)


def _line(step: int, elapsed: int, who: str, what: str) -> str:
    total, fraction = divmod(elapsed, SECOND)
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{step:>6} {days:>3}d {hour:02}:{minute:02}:{second:02}.{fraction // 1000:03} {who:<11} {what}"
