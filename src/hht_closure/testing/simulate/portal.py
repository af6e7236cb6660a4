"""The portal as a seed has it: its terms, its adapters, and the machines that run it, each on a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import timedelta
from random import Random
from typing import Final

import attrs

from hht_closure.account import Account, Channel
from hht_closure.adapters.memory import MemoryCodeSender
from hht_closure.flows.wiring import Portal, Wiring, wire
from hht_closure.keys import KeyRing
from hht_closure.policy import AttemptLimit, FixedPolicy, NoticeText, Reason, Retries, Statement, Terms
from hht_closure.service import AsyncClosureService
from hht_closure.service.core import Core
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.testing.simulate.book import Truth
from hht_closure.testing.simulate.calls import Calls, PatientCalls
from hht_closure.testing.simulate.clocks import MachineClock
from hht_closure.testing.simulate.faults import Faults
from hht_closure.testing.simulate.host import Downstream, Host, NothingOwed, NothingUnderWay
from hht_closure.testing.simulate.invariants import Invariants
from hht_closure.testing.simulate.schedule import Schedule
from hht_closure.testing.simulate.trace import Trace
from hht_closure.testing.simulate.watched import (
    WatchedDirectory,
    WatchedMessages,
    WatchedPrecondition,
    WatchedRows,
    WatchedStore,
    WatchedVerifier,
)
from hht_closure.verification import email_code, sms_code

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

SERVERS: Final = ("server-1", "server-2")
WORKERS: Final = ("worker-1", "worker-2", "worker-3")


@attrs.frozen(kw_only=True)
class Ground:
    """What everything else in a world stands on.

    Attributes:
        random: where every choice comes from.
        schedule, trace, faults, invariants: whose turn it is, what happened, what goes wrong, and what must hold.
        clocks: each machine's.
    """

    random: Random
    schedule: Schedule
    trace: Trace
    faults: Faults
    invariants: Invariants
    clocks: Mapping[str, MachineClock]

    @classmethod
    def of(cls, seed: int, trace: Trace) -> Ground:
        """The ground of that seed."""
        random = Random(seed)  # noqa: S311 - the same world for the same seed is what it is for
        schedule = Schedule(random)
        clocks = {name: MachineClock(schedule) for name in ("store", "portal", *SERVERS, *WORKERS)}
        far = random.random() < 0.5
        for name, clock in clocks.items():
            clock.jump(random, far=far and (name not in SERVERS or random.random() < 0.3))
        return cls(
            random=random,
            schedule=schedule,
            trace=trace,
            faults=Faults(random, schedule),
            invariants=Invariants(schedule, trace),
            clocks=clocks,
        )


class SimulatedPortal:
    """The portal.

    Attributes:
        host, store: what lies behind the ports.
        senders: where the codes are that people read.
        truth: what is so.
    """

    def __init__(self, ground: Ground, accounts: tuple[Account, ...]) -> None:
        invariants, faults, clock = ground.invariants, ground.faults, ground.clocks["portal"]
        orders = WatchedRows("orders", clock, faults, invariants)
        messages = WatchedRows("messages", clock, faults, invariants, after=("orders",))
        kept_for = ground.random.choice((30 * _MINUTE, 5 * _HOUR, 40 * _DAY, 1000 * _DAY))
        self.host = Host(WatchedDirectory(invariants, *accounts), orders, messages, kept_for=kept_for)
        self.store = WatchedStore(ground.clocks["store"], invariants)
        channels: tuple[Channel, ...] = ("sms", "email")
        self.senders: Mapping[Channel, MemoryCodeSender] = {channel: MemoryCodeSender(channel) for channel in channels}
        self._ground = ground
        self._accounts = accounts
        self._tasks = (
            Downstream("downstream", faults, mandatory=True),
            Downstream("newsletter", faults, mandatory=False),
        )
        self._preconditions = (
            WatchedPrecondition(NothingUnderWay(self.host), invariants),
            WatchedPrecondition(NothingOwed(self.host), invariants),
        )
        self._verifiers = tuple(WatchedVerifier(one, invariants) for one in self.senders.values())
        self._entropy = UnsafeSeededEntropy(ground.random.getrandbits(32))
        self._calls = Calls(ground.schedule, faults, ground.trace)
        self._waiting = PatientCalls(ground.schedule, leaves_behind=ground.random.random() < 0.7)
        self._service, self._wiring = self._wired()

    @property
    def truth(self) -> Truth:
        """What is so, read past every port."""
        return Truth(
            host=self.host,
            store=self.store,
            tasks={one.name: one for one in self._tasks},
            preconditions=tuple(one.name for one in self._preconditions),
            reserved={one.id: self._reserved(one) for one in self._accounts},
        )

    def _reserved(self, account: Account) -> str:
        """The digest under which its login name would be."""
        return self._wiring.keyring.tombstone(self._wiring.name, account.login_name or "")

    def service_on(self, machine: str) -> AsyncClosureService:
        """The service as it runs on that machine: by its clock, and through the calls of the simulation."""
        service = copy(self._service)
        service.core = Core(attrs.evolve(self._wiring, clock=self._ground.clocks[machine]), self._waiting)
        return service

    def _wired(self) -> tuple[AsyncClosureService, Wiring]:
        portal = Portal(
            name="Simulated",
            accounts=self.host.accounts,
            preconditions=self._preconditions,
            data_sets=self.host.sets,
            tasks=self._tasks,
            messages=WatchedMessages(self._ground.invariants),
        )
        clock, store, verifiers = self._ground.clocks["portal"], self.store, self._verifiers
        keyring, entropy = KeyRing.generate(self._entropy), self._entropy
        policy = FixedPolicy(_terms(self._ground.random, tuple(one.name for one in self._preconditions)))
        service = AsyncClosureService(
            portal=portal,
            store=store,
            verifiers=verifiers,
            keyring=keyring,
            policy=policy,
            clock=clock,
            entropy=entropy,
        )
        wiring = wire(
            portal=portal,
            store=store,
            verifiers=verifiers,
            keyring=keyring,
            policy=policy,
            clock=clock,
            entropy=entropy,
            observers=(),
            caller=self._calls,
        )
        return service, wiring


def _terms(random: Random, preconditions: tuple[str, ...]) -> Terms:
    """Terms of every kind; short, since each look at a closing reads them."""
    return Terms(
        version="1",
        requirement=random.choice((email_code, email_code, sms_code & email_code)),
        preconditions=preconditions,
        data_sets=("orders", "messages"),
        notice_version="1",
        notices=(NoticeText("en", "Closing is final."),),
        statements=(Statement("data_backed_up"),),
        reasons=(Reason("other", note="required"), Reason("rather_not_say", note="not_wanted")),
        attempts=AttemptLimit(failures=random.choice((2, 3, 5)), within=10 * _MINUTE, locked_for=10 * _MINUTE),
        retries=Retries(
            tries=random.choice((2, 4, 10)),
            first=timedelta(seconds=5),
            longest=random.choice((_MINUTE, _HOUR)),
        ),
        round_valid_for=random.choice((2 * _HOUR, 7 * _DAY)),
        recheck_for=random.choice((10 * _MINUTE, _DAY)),
        cooling_off=random.choice((None, None, 10 * _MINUTE, 2 * _HOUR)),
        tombstone_for=random.choice((None, 90 * _DAY)),
        farewell_for=random.choice((None, 20 * _MINUTE, 3 * _DAY)),
    )
