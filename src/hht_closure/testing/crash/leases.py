"""A lease that its worker sleeps through: who takes it over, and what the sleeper may do no more (L18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs

from hht_closure.flows.calls import driven
from hht_closure.testing.crash.findings import Finding
from hht_closure.testing.crash.kept import Kept
from hht_closure.testing.crash.life import Life, Parts, Scenario
from hht_closure.testing.crash.watch import Watch

_MINUTE: Final = timedelta(minutes=1)
_MINUTES: Final = 60
"""How often one asks for a lease that has not ended; a minute lies in between."""

_LENGTH: Final = "length when it was taken over"
"""The note of how many records there were."""


@attrs.frozen
class TakingOver:
    """A process of a worker that claims the stream when the lease has ended, and dies before it has done anything."""

    scenario: Scenario

    def __call__(self, kept: Kept, watch: Watch, parts: Parts) -> bool:
        """Whether it gets the stream."""
        life = Life(self.scenario, kept, watch, parts)
        kept.notes.write(_LENGTH, str(_length(life)))
        return can_be_claimed(life)


def written_without_a_lease(life: Life) -> tuple[Finding, ...]:
    """Whether a worker has written after its lease was taken over."""
    length = life.kept.notes.read(_LENGTH)
    if length is None or _length(life) == int(length):
        return ()
    return (Finding("doubled", "a worker whose lease was taken over has written in the journal"),)


def can_be_claimed(life: Life) -> bool:
    """Whether a worker that asks for the stream every minute gets it within an hour."""
    core = life.looking
    stream, prefix = core.streams.name(life.scenario.account), core.streams.prefix
    for _ in range(_MINUTES):
        life.wait(_MINUTE)
        if driven(core.wiring.journal.claim(limit=1, lease_for=_MINUTE, prefix=prefix, stream=stream)):
            return True
    return False


def _length(life: Life) -> int:
    core = life.looking
    return len(driven(core.wiring.journal.read(core.streams.name(life.scenario.account), whole=True)))
