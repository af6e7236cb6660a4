"""What hangs is cut off, and nothing that comes of it later does harm; leases are kept meanwhile (ERAS-03, LEAS-04)."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import islice
from time import monotonic, sleep
from typing import TypeVar

import attrs
import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.errors import StaleTokenError
from hht_closure.events import ClosureClosed, TaskFailed, TaskSetAside
from hht_closure.flows.answers import WorkReport
from hht_closure.flows.calls import driven
from hht_closure.flows.outside import Outside
from hht_closure.flows.patience import PATIENCE, Waiting
from hht_closure.policy import Blocked, Blocker, Retries
from hht_closure.ports import EraseJob, Lease, Progress
from hht_closure.service import AsyncClosureService, ClosureService
from hht_closure.worker import Worker
from tests.attacks.erasers import HOUR, registered
from tests.service.doubles import AsyncDataSet, Parts, PlainJournal, built, portal_of
from tests.stage import LI, TERMS, WANG, Killed, MakeStage, Stage, on_every_store, on_stores

T = TypeVar("T")

SHORT = timedelta(seconds=0.5)
"""How long the tests wait for what never comes back."""
LONG = timedelta(minutes=1)
"""How long they wait for what does."""
BLOCKED = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))


class Gate:
    """Where a call hangs until it is opened.

    Attributes:
        reached: how often somebody came to it.
        is_passed: whether all who come now go on at once; who hangs already goes on hanging.
    """

    def __init__(self) -> None:
        self.reached = 0
        self.is_passed = False
        self._opened = threading.Event()

    def wait(self) -> None:
        """Hang, unless whoever comes now is let through."""
        self.reached += 1
        if not self.is_passed:
            self._opened.wait(60)

    def open(self) -> None:
        """Let go who hangs, and wait until they have come to their end."""
        self.is_passed = True
        self._opened.set()
        ends = monotonic() + 60
        while any(one.name == "hht-closure" for one in threading.enumerate()) and monotonic() < ends:
            sleep(0.01)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate, opened at the end so that nobody hangs on."""
    gate = Gate()
    yield gate
    gate.open()


class Hanging(MemoryDataSet):
    """A data set whose eraser hangs at a gate for one person's items."""

    never_blocks = False

    def __init__(self, stage: Stage, gate: Gate, whose: AccountId = LI.id) -> None:
        super().__init__("chats", clock=stage.clock)
        self._gate = gate
        self._whose = whose
        for owner in (LI.id, WANG.id):
            self.add(owner, f"a chat of {owner}")

    def erase(self, job: EraseJob) -> Progress:
        """Hang, and erase after that."""
        if job.account == self._whose:
            self._gate.wait()
        return super().erase(job)


def _failures(stage: Stage) -> list[tuple[str, str, str]]:
    return [(one.task, one.kind, one.code) for one in stage.events() if isinstance(one, TaskFailed)]


# --- cut off at the deadline, in a thread ----------------------------------------------------------------------------


@on_every_store
def test_an_eraser_that_hangs_is_cut_off(stage: Stage, gate: Gate) -> None:
    """The pass comes back, and says that nobody knows what has become of it (L19, ERAS-03)."""
    registered(stage, Hanging(stage, gate))
    stage.confirmed()
    report = stage.service.work(patience=SHORT)
    assert (report.failed, report.leases_lost, gate.reached) == (1, 0, 1)
    assert _failures(stage) == [("erase:chats", "ambiguous", "too_slow")]


@on_every_store
def test_an_eraser_that_hangs_stops_nobody_else(stage: Stage, gate: Gate) -> None:
    """Wang, who comes after Li, is closed in the same pass (L19, ERAS-03)."""
    chats = Hanging(stage, gate)
    registered(stage, chats)
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    stage.service.work(patience=SHORT)
    assert (stage.accounts.get(WANG.id), chats.items(WANG.id), stage.orders.remaining(LI.id)) == (None, (), 0)


@on_every_store
def test_the_lease_moves_on_under_a_higher_fence(stage: Stage, gate: Gate) -> None:
    """Another worker need not wait for the lease to end: it was given back (L18, L19, ERAS-03)."""
    registered(stage, Hanging(stage, gate))
    stage.confirmed()
    watch = stage.watched()
    stage.service.work(patience=SHORT)
    assert watch.calls[-2:] == ["journal.release", "journal.claim"]
    (before,) = stage.store.journal.claim(limit=1, lease_for=HOUR, stream=stage.stream())
    stage.store.journal.release(before)
    gate.is_passed = True
    stage.clock.advance(HOUR)
    assert stage.restarted().work().done > 0
    (after,) = stage.store.journal.claim(limit=1, lease_for=HOUR, stream=stage.stream())
    assert (before.takeovers, after.fence - before.fence) == (0, 2)


@on_every_store
def test_what_was_cut_off_changes_nothing_when_it_wakes_up(stage: Stage, gate: Gate) -> None:
    """The account is closed, and then the first eraser comes to its end: not a row is another (L15, L18, ERAS-03)."""
    registered(stage, Hanging(stage, gate))
    stage.confirmed()
    stage.service.work(patience=SHORT)
    gate.is_passed = True
    stage.clock.advance(HOUR)
    stage.service.work()
    closed = stage.everything()
    gate.open()
    assert (stage.everything() == closed, stage.count(ClosureClosed), gate.reached) == (True, 1, 2)


@on_every_store
def test_an_eraser_that_always_hangs_is_set_aside_with_one_alarm(make_stage: MakeStage, gate: Gate) -> None:
    """As often as it is tried, it is cut off; then an operator is called, and nobody tries it again (ERAS-03)."""
    stage = make_stage(attrs.evolve(TERMS, retries=Retries(tries=2)))
    registered(stage, Hanging(stage, gate))
    stage.confirmed()
    reports = list[WorkReport]()
    for _ in range(4):
        reports.append(stage.service.work(patience=SHORT))
        stage.clock.advance(HOUR)
    aside = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)]
    assert (aside, sum(one.set_aside for one in reports), gate.reached) == ([("erase:chats", "too_slow")], 1, 2)


HOST_CALLS = {
    "accounts.freeze": "freeze",
    "accounts.revoke_sessions": "revoke_sessions",
    "orders_check.check": "recheck",
    "messages.survey": "erase:messages",
    "messages.remaining": "erase:messages",
    "downstream.run": "host:downstream",
    "accounts.retire": "retire",
    "letters.send": "farewell",
}


@pytest.mark.parametrize(("call", "task"), HOST_CALLS.items())
def test_whatever_hangs_at_the_hosts_is_cut_off(
    make_stage: MakeStage, gate: Gate, monkeypatch: pytest.MonkeyPatch, call: str, task: str
) -> None:
    """Not the erasers alone: every call that the worker makes at the host's; and later it all works (ERAS-03)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=HOUR))
    confirmation = stage.confirmed()
    part, method = call.split(".")
    usual: Callable[..., object] = getattr(getattr(stage, part), method)

    def hang(*args: object) -> object:
        gate.wait()
        return usual(*args)

    monkeypatch.setattr(getattr(stage, part), method, hang)
    stage.clock.advance(HOUR)
    stage.service.work(patience=SHORT)
    assert [one[0::2] for one in _failures(stage)] == [(task, "too_slow")]
    gate.is_passed = True
    stage.worked_off()
    assert stage.service.status(confirmation.reference).step == "closed"


@on_every_store
def test_a_freeze_that_wakes_up_after_the_giving_back_freezes_nobody(
    make_stage: MakeStage, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off, done anew, given back, unfrozen: and then the first one arrives, too late (L14, L18, ERAS-03)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=HOUR))
    stage.confirmed()
    freeze = stage.accounts.freeze
    refused = list[StaleTokenError]()

    def hang(account: AccountId, token: int) -> None:
        gate.wait()
        try:
            freeze(account, token)
        except StaleTokenError as error:
            refused.append(error)
            raise

    monkeypatch.setattr(stage.accounts, "freeze", hang)
    stage.clock.advance(HOUR)
    stage.service.work(patience=SHORT)
    stage.orders_check.finding = BLOCKED
    gate.is_passed = True
    stage.worked_off()
    given_back = stage.accounts.get(LI.id)
    gate.open()
    assert (given_back, stage.accounts.get(LI.id), gate.reached, len(refused)) == (LI, LI, 2, 1)


@on_every_store
def test_what_was_cut_off_is_tried_again_under_a_higher_fence(
    make_stage: MakeStage, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the next try comes at once: it is another shift's, so that the first can be told from it (L18)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=HOUR))
    stage.confirmed()
    freeze, token = stage.accounts.freeze, stage.entropy.token
    fences = list[int]()

    def hang_at_first(account: AccountId, fence: int) -> None:
        fences.append(fence)
        if len(fences) == 1:
            gate.wait()
        freeze(account, fence)

    monkeypatch.setattr(stage.accounts, "freeze", hang_at_first)
    monkeypatch.setattr(stage.entropy, "token", lambda size: bytes(size) if size == 4 else token(size))  # no pauses
    stage.clock.advance(HOUR)
    stage.service.work(patience=SHORT)
    assert fences == [fences[0], fences[0] + 1]


@on_every_store
def test_what_is_done_in_time_is_not_cut_off(stage: Stage) -> None:
    """The twin: with a patience that is long enough everything is as without one, in one pass (ERAS-03)."""
    stage.confirmed()
    report = stage.service.work(patience=LONG)
    assert (report.failed, report.streams, stage.count(ClosureClosed)) == (0, 1, 1)


def test_a_death_in_the_runs_own_thread_is_the_workers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no ``except Exception`` stops ends the pass, wherever it ran, and the lease ends by itself (L16)."""

    def die(_: EraseJob) -> Progress:
        raise Killed

    stage.confirmed()
    with monkeypatch.context() as dying:
        dying.setattr(stage.orders, "erase", die)
        with pytest.raises(Killed):
            stage.service.work(patience=LONG)
    stage.worked_off()
    assert stage.count(ClosureClosed) == 1


# --- the lease is kept meanwhile (LEAS-04) ---------------------------------------------------------------------------

LEASE = timedelta(minutes=3)


def _worker(service: ClosureService, waiting: Waiting) -> Worker:
    """A worker whose leases last three minutes, and which waits like that."""
    core = service.core
    return Worker(core.wiring, core.streams, Outside(core.wiring), waiting, lease_for=LEASE)


def _waiting_long(stage: Stage, thief: Callable[[], object]) -> Waiting:
    """Each run comes back after seven pauses, as the stage's clock goes; just before each ends, a thief has a try."""

    async def waiting(
        run: Coroutine[object, None, T], pauses: Iterator[timedelta], meanwhile: Callable[[], Awaitable[None]]
    ) -> T:
        with closing(run):
            for pause in islice(pauses, 7):
                stage.clock.advance(pause)
                thief()
                await meanwhile()
            return await run

    return waiting


@on_every_store
def test_a_lease_is_renewed_every_third_of_its_time_while_a_batch_is_long(stage: Stage) -> None:
    """Runs of seven minutes, leases of three: nobody else gets it, and it is renewed once a minute (L18, LEAS-04)."""
    thief = built(ClosureService, stage)
    stolen = list[int]()
    stage.confirmed()
    stage.messages.add(LI.id, *(f"message {number}" for number in range(1200)))
    worker = _worker(stage.service, _waiting_long(stage, lambda: stolen.append(thief.work().streams)))
    renewals = stage.watched()
    report = driven(worker.work(limit=1, patience=timedelta(hours=1)))
    assert (set(stolen), report.leases_lost, stage.count(ClosureClosed)) == ({0}, 0, 1)
    assert renewals.calls.count("journal.renew") >= len(stolen) > 50


@on_every_store
def test_without_a_patience_a_long_batch_loses_its_lease(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: nobody renews where nobody waits beside; the other worker gets it, the first one writes nothing."""
    thief = built(ClosureService, stage)
    stage.confirmed()
    erase = stage.messages.erase
    stolen = list[int]()

    def long(job: EraseJob) -> Progress:
        if not stolen:
            stage.clock.advance(LEASE)
            stolen.append(0)
            stolen.append(thief.work().streams)
        return erase(job)

    monkeypatch.setattr(stage.messages, "erase", long)
    report = driven(_worker(stage.service, _waiting_long(stage, stage.watched)).work(limit=1, patience=None))
    assert (stolen, report.leases_lost, stage.count(ClosureClosed)) == ([0, 1], 1, 1)


def test_whose_lease_is_lost_while_they_wait_gives_up(stage: Stage) -> None:
    """The thief comes when the lease is over: whoever finds that out by renewing commits nothing (L18, LEAS-04)."""
    thief = built(ClosureService, stage)

    def late() -> None:
        stage.clock.advance(LEASE)
        thief.work()

    stage.confirmed()
    worker = _worker(stage.service, _waiting_long(stage, late))
    report = driven(worker.work(limit=1, patience=timedelta(hours=1)))
    assert (report, stage.count(ClosureClosed)) == (WorkReport(streams=1, leases_lost=1), 1)


# --- on a loop -------------------------------------------------------------------------------------------------------


class LeapingSelector(selectors.SelectSelector):
    """Waits for nothing: where the loop would sleep, its time leaps on."""

    ahead = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now."""
        self.ahead += max(timeout or 0, 0)
        return super().select(None if timeout is None else 0)


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop on which minutes take no time; for what needs no threads."""

    def __init__(self) -> None:
        self._leaping = LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        """The loop's time, leaps and all."""
        return super().time() + self._leaping.ahead


class AwaitingDataSet(AsyncDataSet):
    """A data set whose eraser waits for something first.

    Attributes:
        waits: how many waits have begun.
        ended: how each came to its end.
    """

    def __init__(self, plain: MemoryDataSet, something: Callable[[], Awaitable[object]]) -> None:
        super().__init__(plain)
        self._something = something
        self.waits = 0
        self.ended: list[str] = []

    async def erase(self, job: EraseJob) -> Progress:
        """Wait for Li's, and erase."""
        if job.account == LI.id:
            self.waits += 1
            try:
                await self._something()
            except asyncio.CancelledError:
                self.ended.append("cancelled")
                raise
            self.ended.append("came back")
        return await super().erase(job)


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _awaiting(
    stage: Stage, something: Callable[[], Awaitable[object]] = _for_ever, **parts: object
) -> tuple[AsyncClosureService, AwaitingDataSet]:
    """An asynchronous face on the stage, whose orders await something."""
    orders = AwaitingDataSet(stage.orders, something)
    portal = portal_of(stage, data_sets=(orders, stage.messages))
    return built(AsyncClosureService, stage, portal=portal, **parts), orders


@on_every_store
def test_a_coroutine_that_hangs_is_cancelled(stage: Stage) -> None:
    """It has failed, Wang is closed in the same pass, and the next try works (L19, ERAS-03)."""
    service, orders = _awaiting(stage)
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))

    async def scenario() -> WorkReport:
        report = await service.work(patience=SHORT)
        await asyncio.sleep(0)
        return report

    report = asyncio.run(scenario())
    assert (report.failed, orders.ended, stage.accounts.get(WANG.id)) == (1, ["cancelled"], None)
    assert _failures(stage) == [("erase:orders", "ambiguous", "too_slow")]
    stage.worked_off()
    assert stage.count(ClosureClosed) == 1


class Renewals(PlainJournal):
    """A journal that counts how often a lease was renewed."""

    never_blocks = True

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.count = 0

    def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """Count, and keep the lease."""
        self.count += 1
        return super().renew(lease, lease_for)


@on_stores("memory")
def test_a_loop_waits_a_minute_unless_it_is_told_otherwise(stage: Stage) -> None:
    """The one who forgets to say anything has an end all the same; the lease is renewed on the way (ERAS-03)."""
    renewals = Renewals(stage)
    begun = list[int]()

    async def hang() -> None:
        begun.append(renewals.count)
        await _for_ever()

    service, orders = _awaiting(stage, hang, store=Parts.of(stage, journal=renewals))
    stage.confirmed()
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        loop = runner.get_loop()
        begun_at = loop.time()
        report = runner.run(asyncio.wait_for(service.work(), 3600))
        took = timedelta(seconds=loop.time() - begun_at)
    assert (report.failed, orders.ended) == (1, ["cancelled"])
    assert timedelta(0) <= took - PATIENCE < timedelta(seconds=5)
    assert renewals.count - begun[0] == 3


@on_stores("memory")
def test_a_loop_that_is_told_so_waits_without_end(stage: Stage) -> None:
    """The twin: half an hour, and it comes back, and is believed (ERAS-03)."""
    service, orders = _awaiting(stage, lambda: asyncio.sleep(1800))
    stage.confirmed()
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        runner.run(service.work(patience=None))
    assert (orders.ended, stage.count(TaskFailed), stage.count(ClosureClosed)) == (["came back"], 0, 1)


@on_every_store
def test_threads_that_hang_leave_the_others_theirs(stage: Stage, gate: Gate) -> None:
    """A plain eraser on a loop with one thread for all: it hangs, again and again, and all else goes on (ERAS-03)."""
    chats = Hanging(stage, gate)
    service = built(
        AsyncClosureService, stage, portal=portal_of(stage, data_sets=(stage.orders, stage.messages, chats))
    )
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))

    async def scenario() -> list[WorkReport]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        reports = list[WorkReport]()
        for _ in range(3):
            reports.append(await asyncio.wait_for(service.work(patience=SHORT), 30))
            stage.clock.advance(HOUR)
        return reports

    reports = asyncio.run(scenario())
    assert ([one.failed for one in reports], gate.reached) == ([1, 1, 1], 3)
    assert (stage.accounts.get(WANG.id), chats.items(WANG.id)) == (None, ())


def test_an_adapter_that_is_cancelled_fails_and_ends_nobody_elses_work(stage: Stage) -> None:
    """A cancelled pool of the host's is no reason to end this worker: the task has failed, Wang is closed (L19)."""

    async def cancelled() -> None:
        raise asyncio.CancelledError

    service, _ = _awaiting(stage, cancelled)
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    report = asyncio.run(service.work())
    assert (report.failed, stage.accounts.get(WANG.id)) == (1, None)


@on_every_store
def test_a_worker_that_is_cancelled_ends_at_once(stage: Stage) -> None:
    """The twin: whoever ends the worker ends it, its run is cancelled, and another worker goes on later (L16, L18)."""
    service, orders = _awaiting(stage)
    stage.confirmed()

    async def scenario() -> None:
        working = asyncio.ensure_future(service.work())
        while not orders.waits:
            await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert orders.ended == ["cancelled"]
    stage.worked_off()
    assert (stage.count(TaskFailed), stage.count(ClosureClosed)) == (0, 1)
