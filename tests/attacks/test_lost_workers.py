"""Workers that are lost over a task, one after the other: it is set aside in the end, and nothing else is (ERAS-03)."""

from __future__ import annotations

import threading

import attrs
import pytest

from hht_closure.adapters.memory import MemoryDataSet, MemoryTask
from hht_closure.events import BatchErased, ClosureClosed, TaskSetAside
from hht_closure.flows.answers import WorkReport
from hht_closure.policy import Retries
from hht_closure.ports import Again, Done, EraseJob, Failed, Progress, TaskJob
from hht_closure.service import ClosureOperator, ClosureService
from tests.attacks.erasers import HOUR, registered
from tests.attacks.lost_workers import FEW_TRIES, killed_within_messages
from tests.service.doubles import built, portal_of
from tests.stage import LI, TERMS, WANG, Killed, MakeStage, Stage, on_every_store, on_stores


class Deadly(MemoryDataSet):
    """A data set whose eraser is the death of the worker, as often as it says, for Li's items.

    Attributes:
        deaths: how many are still to come.
        died: how many there were.
        before: whether the items of the batch are still there then.
    """

    def __init__(self, stage: Stage, deaths: int, *, before: bool = True) -> None:
        super().__init__("chats", clock=stage.clock)
        self.deaths = deaths
        self.died = 0
        self.before = before
        for owner in (LI.id, WANG.id):
            self.add(owner, f"a chat of {owner}")

    def erase(self, job: EraseJob) -> Progress:
        """Die, or erase."""
        if not self.before:
            super().erase(job)
        if job.account == LI.id and self.deaths:
            self.deaths -= 1
            self.died += 1
            raise Killed
        return super().erase(job)


def _deadly(stage: Stage, deaths: int, *, before: bool = True) -> Deadly:
    chats = Deadly(stage, deaths, before=before)
    registered(stage, chats)
    return chats


def _workers(stage: Stage, number: int) -> list[WorkReport]:
    """So many workers, each when the lease of the one before is over; what those report who are not lost."""
    reports = list[WorkReport]()
    for _ in range(number):
        stage.clock.advance(HOUR)
        stage.restarted()
        try:
            reports.append(stage.service.work())
        except Killed:
            continue
    return reports


def _aside(stage: Stage) -> list[tuple[str, str]]:
    return [(one.task, one.code) for one in stage.happened.events if isinstance(one, TaskSetAside)]


@on_every_store
def test_a_task_that_kills_every_worker_is_set_aside_with_one_alarm(stage: Stage) -> None:
    """Out of memory, a crash in C: some ten workers, then an operator, and then nobody dies any more (L19, ERAS-03)."""
    chats = _deadly(stage, 1000)
    stage.confirmed()
    reports = _workers(stage, 30)
    assert (_aside(stage), sum(one.set_aside for one in reports)) == ([("erase:chats", "worker_lost")], 1)
    assert stage.terms.retries.tries <= chats.died <= stage.terms.retries.tries + 1
    assert (stage.count(ClosureClosed), stage.orders.remaining(LI.id), stage.messages.remaining(LI.id)) == (0, 0, 0)


@on_every_store
def test_it_stops_no_other_closing(stage: Stage) -> None:
    """Wang is closed by the second worker at the latest: the first one's lease keeps Li's away (L19, ERAS-03)."""
    chats = _deadly(stage, 1000)
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    with pytest.raises(Killed):
        stage.service.work()
    stage.restarted().work()
    assert (stage.accounts.get(WANG.id), chats.items(WANG.id), chats.died) == (None, (), 1)


@on_every_store
@pytest.mark.parametrize("before", [True, False])
def test_a_task_over_which_a_few_workers_are_lost_is_done(stage: Stage, before: bool) -> None:
    """The twin: eight workers die of something else, before their batch or behind it, and the ninth closes (L16)."""
    _deadly(stage, 8, before=before)
    stage.confirmed()
    _workers(stage, 10)
    assert (_aside(stage), stage.count(ClosureClosed)) == ([], 1)


@on_every_store
def test_an_operator_has_it_tried_again(stage: Stage) -> None:
    """The machine got more memory: released, it is done (L19)."""
    chats = _deadly(stage, 1000)
    stage.confirmed()
    _workers(stage, 30)
    chats.deaths = 0
    stage.operator.release(stage.stream(), "erase:chats", actor="zhao", reason="more_memory")
    stage.service.work()
    assert (chats.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


@on_every_store
def test_batches_that_get_on_are_not_charged(stage: Stage) -> None:
    """A worker dies behind every batch of many; each has got on by one, and in the end it is done (L16, ERAS-12)."""

    class Endless(MemoryDataSet):
        batches = 0

        def erase(self, job: EraseJob) -> Progress:
            """One batch, and every second worker is lost in the next one."""
            self.batches += 1
            if self.batches % 2 == 0:
                raise Killed
            return super().erase(job)

    chats = Endless("chats", clock=stage.clock)
    chats.add(LI.id, *(f"chat {number}" for number in range(10_000)))
    registered(stage, chats)
    stage.confirmed()
    _workers(stage, 40)
    assert (_aside(stage), stage.count(ClosureClosed), stage.count(BatchErased) >= 19) == ([], 1, True)


class Searching(MemoryDataSet):
    """A data set that looks through forty shards, one in each batch, of which the last has the items.

    Attributes:
        deaths: in which shards a worker dies, once each.
    """

    def __init__(self, stage: Stage, *deaths: int) -> None:
        super().__init__("chats", clock=stage.clock)
        self.deaths = set(deaths)
        self.add(LI.id, "a chat")

    def erase(self, job: EraseJob) -> Progress:
        """Look into the next shard."""
        shard = int(job.cursor or 0)
        if shard in self.deaths:
            self.deaths.remove(shard)
            raise Killed
        if shard < 40:
            return Progress(erased=0, cursor=str(shard + 1), done=False)
        return super().erase(EraseJob(account=job.account, cursor="", limit=job.limit, key=job.key))


@on_every_store
@pytest.mark.parametrize("deaths", [(), (20,), (5, 20)])
def test_searching_is_no_dying(stage: Stage, deaths: tuple[int, ...]) -> None:
    """Batches without an item, and a worker lost among them: neither counts as the other (L19)."""
    chats = Searching(stage, *deaths)
    registered(stage, chats)
    stage.confirmed()
    _workers(stage, 4)
    assert (_aside(stage), chats.items(LI.id), stage.count(ClosureClosed)) == ([], (), 1)


class Deathbed(MemoryTask):
    """A task of the host's that kills every worker."""

    def run(self, job: TaskJob) -> Done | Again | Failed:
        """Die of it."""
        super().run(job)
        raise Killed


@on_every_store
def test_a_task_that_goes_on_hides_no_other_that_kills(stage: Stage) -> None:
    """One says ``Again`` to each worker, and the next kills it: the second is set aside, and the first is not (L19)."""
    polling, deathbed = MemoryTask("polling"), Deathbed("deathbed")
    polling.outcome = Again()
    stage.service = built(ClosureService, stage, portal=portal_of(stage, tasks=(polling, deathbed)))
    stage.operator = ClosureOperator(stage.service)
    stage.confirmed()
    for _ in range(30):
        stage.clock.advance(HOUR)
        try:
            stage.service.work()
        except Killed:
            continue
    assert (_aside(stage), len(deathbed.jobs) <= 11) == ([("host:deathbed", "worker_lost")], True)
    assert len(polling.jobs) > 20


@on_every_store
def test_who_is_lost_before_anything_is_begun_sets_nothing_aside(make_stage: MakeStage) -> None:
    """Workers die reading the journal; a task that has but one try has that one, when somebody comes to it (L19)."""
    stage = make_stage(attrs.evolve(TERMS, retries=Retries(tries=1)))
    stage.confirmed()
    watch = stage.watched()

    def die(_: int, name: str) -> None:
        if name == "journal.read":
            raise Killed

    watch.before = die
    for _ in range(5):
        with pytest.raises(Killed):
            stage.service.work()
        stage.clock.advance(HOUR)
    watch.before = lambda number, name: None
    stage.service.work()
    assert (_aside(stage), stage.count(ClosureClosed)) == ([], 1)


@on_every_store
def test_a_worker_that_stands_still_is_overtaken_and_writes_nothing_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs, without a patience; its lease ends, another closes the account, and it wakes up too late (ERAS-03)."""
    gate, reached = threading.Event(), threading.Event()
    erase, hangs = stage.orders.erase, [True]

    def stand_still(job: EraseJob) -> Progress:
        if hangs:
            hangs.clear()
            reached.set()
            gate.wait(60)
        return erase(job)

    monkeypatch.setattr(stage.orders, "erase", stand_still)
    stage.confirmed()
    another = built(ClosureService, stage)
    reports = list[WorkReport]()
    first = threading.Thread(target=lambda: reports.append(stage.service.work()))
    first.start()
    assert reached.wait(60)
    assert another.work().streams == 0
    stage.clock.advance(HOUR)
    assert another.work().streams == 1
    closed = stage.records()
    gate.set()
    first.join(60)
    assert (reports, stage.count(ClosureClosed)) == ([WorkReport(streams=1, leases_lost=1)], 1)
    assert stage.records() == closed


@on_stores("sqlite", "postgres")
def test_processes_that_are_killed_by_one_task_end_with_it_set_aside(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes, real SIGKILL, one store: three or four die of it, the next one sets it aside (L19, ERAS-03)."""

    def die(_: EraseJob) -> Progress:
        raise Killed

    stage = make_stage(FEW_TRIES)
    stage.confirmed()
    with monkeypatch.context() as dying:
        dying.setattr(stage.orders, "erase", die)
        with pytest.raises(Killed):
            stage.service.work()
    ends = list[int]()
    while not stage.operator.look(stage.stream()).set_aside and len(ends) < 8:
        ends.append(killed_within_messages(stage, len(ends) + 1))
    assert (ends[-1], set(ends[:-1]), len(ends) <= 5) == (0, {-9}, True)
    aside = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)]
    assert (aside, stage.count(ClosureClosed)) == ([("erase:messages", "worker_lost")], 0)
    stage.operator.release(stage.stream(), "erase:messages", actor="zhao", reason="mended")
    stage.worked_off()
    assert (stage.accounts.get(LI.id), stage.messages.items(LI.id), stage.count(ClosureClosed)) == (None, (), 1)


def test_where_nobody_was_lost_nothing_is_counted(stage: Stage) -> None:
    """The twin of all of the above: one pass, and no entry that says that a task was begun (L19)."""
    stage.closed()
    assert ("TaskBegun" in stage.kinds(), stage.count(ClosureClosed)) == (False, 1)
