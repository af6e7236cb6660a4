"""The public kit for those who write adapters or test a portal: stories, clocks that stand still, contract suites.

:mod:`~hht_closure.testing.stories` tells given/when/then on the pure machine, :mod:`~hht_closure.testing.clock` has
a clock that stands still and randomness that comes again, and :mod:`hht_closure.testing.contracts` one suite for
each port. The stories and the clock can be imported from here.
"""

from __future__ import annotations

from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from hht_closure.testing.stories import Person, Story, accepted, given, refused, worked_until

__all__ = [
    "ManualClock",
    "Person",
    "Story",
    "UnsafeSeededEntropy",
    "accepted",
    "given",
    "refused",
    "worked_until",
]
