"""Deterministic simulation: many processes, people, clocks and failures in one thread, all of it from one number.

::

    python -m hht_closure.testing.simulate --seeds 1000            # a thousand worlds, up to the first that fails
    python -m hht_closure.testing.simulate --seed 14               # that one, with everything that happens in it
    python -m hht_closure.testing.simulate --seeds 500 --seed 2001 --keep-going

Each seed is a world: two to four accounts in a small portal on the memory store, two servers and two or three workers
on clocks of their own, people who close accounts and go on shopping, a staff, an operator, a court. All are coroutines
that take turns at every call of a port, before it and after it, in an order that the seed decides. While the storm
lasts, calls fail, come late, or have an effect that nobody hears of; workers die; clocks jump. Then it is calm, time
goes on, and in the end every account must be closed and wholly erased, or open and whole. Much of that is looked at
at every step.

Nothing is random but the seed, and nothing waits for anything real: the same seed gives the same, event for event.

``schedule`` decides whose turn it is, ``calls`` stands between the package and its ports, ``faults`` decides what goes
wrong, ``clocks`` how late it is for whom. ``host``, ``watched`` and ``portal`` are what is closed, ``persons``,
``customers`` and ``crew`` who acts, in their ``surroundings``. ``invariants`` is told of everything that takes effect
(``book`` keeps it, ``durable`` looks at events, ``ending`` at the end); ``world`` and ``run`` put it together.
"""

from __future__ import annotations

from hht_closure.testing.simulate.book import Violation
from hht_closure.testing.simulate.run import Outcome, Tally, played

__all__ = ["Outcome", "Tally", "Violation", "played"]
