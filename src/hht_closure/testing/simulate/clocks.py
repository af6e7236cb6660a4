"""The clocks: each machine has its own, none is right, and each may jump, back as well as forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from hht_closure.testing.simulate.schedule import SECOND, Schedule

BEGINS: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
"""When every seed begins."""

LONGEST_OFF: Final = 1800 * SECOND
"""How far a clock may be off, one way or the other: two of them differ by an hour at most."""

_CLOSE: Final = 20 * SECOND


class MachineClock:
    """The clock of one machine: of a worker, of the store, of the portal.

    Attributes:
        off: by how much it is off, in microseconds.
    """

    never_blocks = True

    def __init__(self, schedule: Schedule) -> None:
        self.off = 0
        self._schedule = schedule

    def now(self) -> datetime:
        """What it shows, aware and in UTC."""
        return BEGINS + timedelta(microseconds=self._schedule.elapsed + self.off)

    def jump(self, random: Random, *, far: bool) -> None:
        """Show another time from now on: a little off, or up to half an hour."""
        longest = LONGEST_OFF if far else _CLOSE
        self.off = int((2 * random.random() - 1) * longest)
