"""What people see of a world."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import attrs

from hht_closure.account import Channel
from hht_closure.adapters.memory import MemoryCodeSender
from hht_closure.service import AsyncClosureService
from hht_closure.testing.simulate.clocks import MachineClock
from hht_closure.testing.simulate.host import Host
from hht_closure.testing.simulate.invariants import Invariants
from hht_closure.testing.simulate.schedule import Schedule
from hht_closure.testing.simulate.trace import Trace


@attrs.frozen
class Server:
    """One process of the portal that answers requests, by a clock of its own."""

    name: str
    service: AsyncClosureService
    clock: MachineClock


@attrs.frozen(kw_only=True)
class Surroundings:
    """What people see of the world: the portal's servers, its shop, the codes that reach them."""

    schedule: Schedule
    trace: Trace
    random: Random
    servers: tuple[Server, ...]
    host: Host
    senders: Mapping[Channel, MemoryCodeSender]
    invariants: Invariants
