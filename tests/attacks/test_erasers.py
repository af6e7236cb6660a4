"""Erasers that raise always, and erasers that are asked twice for the same batch (ERAS-01, ERAS-05)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.events import ClosureClosed, DataSetErased, TaskFailed, TaskSetAside
from hht_closure.flows.answers import WorkReport
from hht_closure.ports import EraseJob, Progress
from hht_closure.receipts import DataSetFate
from hht_closure.service import ClosureService
from hht_closure.testing.contracts import DataSetContract
from tests.attacks.erasers import HOUR, Raising, alarms, registered, sick_chats, worked_for
from tests.service.doubles import built, portal_of
from tests.stage import LI, WANG, Killed, MakeStage, Stage, on_every_store

# --- ERAS-01: raises, always -------------------------------------------------------------------------------------


@on_every_store
def test_an_eraser_that_always_raises_raises_one_alarm(stage: Stage) -> None:
    """Ten tries, then it is set aside, once; and said again each day, so three times in three (L19, ERAS-01)."""
    chats = sick_chats(stage, "li")
    stage.confirmed()
    reports = worked_for(stage, 3)
    assert (len(chats.asked), sum(one.set_aside for one in reports), alarms(stage)) == (10, 3, ["erase:chats"])


@on_every_store
def test_everything_else_of_that_closing_goes_on(stage: Stage) -> None:
    """The other sets are gone; the account is neither told about nor retired nor closed (L17, L19, ERAS-01)."""
    sick_chats(stage, "li")
    stage.confirmed()
    worked_for(stage, 3)
    erased = {one.data_set for one in stage.events() if isinstance(one, DataSetErased)}
    account = stage.accounts.get(LI.id)
    assert (erased, stage.downstream.jobs, stage.count(ClosureClosed)) == ({"orders", "messages"}, (), 0)
    assert account is not None
    assert account.standing == "frozen"


@on_every_store
def test_every_other_closing_goes_on(stage: Stage) -> None:
    """Wang confirms after Li, and is closed in the same pass in which Li's eraser fails (L19, ERAS-01)."""
    chats = sick_chats(stage, "li")
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    report = stage.service.work()
    assert (report.failed, stage.accounts.get(WANG.id), chats.items(WANG.id)) == (1, None, ())


@on_every_store
def test_the_tries_back_off_to_the_longest_pause(stage: Stage) -> None:
    """No pause is longer than its turn allows: 5 seconds, doubling; and they differ (L19, ERAS-01)."""
    sick_chats(stage, "li")
    stage.confirmed()
    worked_for(stage, 3)
    retries = stage.terms.retries
    pauses = [one.due - one.at for one in stage.events() if isinstance(one, TaskFailed)]
    ceilings = [min(retries.longest, retries.first * 2**number) for number in range(9)]
    assert [pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True)] == [True] * 9
    assert max(pauses) > 16 * retries.first
    assert len(set(pauses)) == 9


@on_every_store
def test_what_comes_after_it_waits(stage: Stage) -> None:
    """A set that names the sick one is not touched before it (L19, ERAS-01, ERAS-07)."""
    chats, photos = Raising("chats", stage, "li"), Raising("photos", stage, after=("chats",))
    registered(stage, chats, photos)
    stage.confirmed()
    worked_for(stage, 2)
    assert photos.asked == []


@on_every_store
def test_an_eraser_that_raises_nine_times_is_forgiven(stage: Stage) -> None:
    """The twin: the tenth try works, nobody is called, and the account is closed (L19, ERAS-01)."""
    chats = sick_chats(stage, "li")
    errors = [RuntimeError() for _ in range(9)]

    def until_mended() -> Exception:
        if len(errors) == 1:
            chats.sick.clear()
        return errors.pop()

    chats.error = until_mended
    stage.confirmed()
    worked_for(stage, 2)
    assert (len(chats.asked), stage.count(TaskSetAside), stage.count(ClosureClosed)) == (10, 0, 1)


@on_every_store
def test_a_release_gives_it_all_its_tries_again(stage: Stage) -> None:
    """Released and still sick: ten more tries, and a second alarm, not a hundredth (L19, ERAS-01)."""
    chats = sick_chats(stage, "li")
    stage.confirmed()
    worked_for(stage, 2)
    stage.operator.release(stage.stream(), "erase:chats", actor="zhao", reason="thought_it_was_mended")
    worked_for(stage, 2)
    assert (len(chats.asked), alarms(stage)) == (20, ["erase:chats"] * 2)


class SickShard(Raising):
    """A data set of two shards: the first has nothing, and the second cannot be reached."""

    def erase(self, job: EraseJob) -> Progress:
        """Look into the first, and fail with the second."""
        return super().erase(job) if job.cursor else Progress(erased=0, cursor="second", done=False)


@on_every_store
def test_an_empty_batch_before_the_failure_takes_no_try_back(stage: Stage) -> None:
    """Each try begins with a shard that is empty: no progress, and ten tries as for all (L19, ERAS-01)."""
    chats = SickShard("chats", stage, "li")
    registered(stage, chats)
    stage.confirmed()
    worked_for(stage, 2)
    assert (alarms(stage), len(chats.asked)) == (["erase:chats"], 10)


# --- ERAS-05: asked twice for the same batch ----------------------------------------------------------------------


class Asked(MemoryDataSet):
    """A large data set that remembers its jobs.

    Attributes:
        jobs: every job, in order.
        after_batch: called when so many batches are done, before the answer.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__("chats", clock=stage.clock)
        self.jobs: list[EraseJob] = []
        self.after_batch: dict[int, Callable[[], None]] = {}
        for owner in (LI.id, WANG.id):
            self.add(owner, *(f"chat {number} of {owner}" for number in range(1200)))

    def erase(self, job: EraseJob) -> Progress:
        """One batch, and what happens then."""
        self.jobs.append(job)
        progress = super().erase(job)
        self.after_batch.pop(len(self.jobs), _nothing)()
        return progress


def _nothing() -> None:
    """What usually happens after a batch."""


def _dies() -> None:
    raise Killed


EndState = tuple[object, tuple[str, ...], int, tuple[DataSetFate, ...]]


def _end_state(stage: Stage, chats: Asked) -> EndState:
    """What counts in the end: the account, its items, everybody else's, and what the receipt says."""
    receipt = stage.service.receipt(stage.keyring.reference(stage.portal, stage.stream(), 1))
    return stage.accounts.get(LI.id), chats.items(LI.id), len(chats.items(WANG.id)), receipt.claims.data_sets


GONE = (None, (), 1200)


@on_every_store
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_batch_that_is_asked_for_twice_has_one_end(stage: Stage, batch: int) -> None:
    """The worker dies behind a batch and before its commit: the same job again, the same end state (L16, ERAS-05)."""
    chats = Asked(stage)
    registered(stage, chats)
    chats.after_batch[batch] = _dies
    stage.confirmed()
    with pytest.raises(Killed):
        stage.service.work()
    stage.restarted()
    stage.worked_off()
    assert chats.jobs[batch] == chats.jobs[batch - 1]
    assert _end_state(stage, chats)[:3] == GONE


@on_every_store
def test_the_receipt_of_a_batch_asked_for_twice_is_that_of_one_asked_for_once(make_stage: MakeStage) -> None:
    """Nobody can tell afterwards which of two closings a worker died over (ERAS-05)."""
    ends = list[EndState]()
    for deaths in ((), (1,), (1, 2, 3)):
        stage = make_stage()
        chats = Asked(stage)
        registered(stage, chats)
        chats.after_batch.update(dict.fromkeys(deaths, _dies))
        stage.confirmed()
        for _ in deaths:
            with pytest.raises(Killed):
                stage.service.work()
            stage.clock.advance(HOUR)
            stage.restarted()
        stage.worked_off()
        ends.append(_end_state(stage, chats))
        stage.close()
    assert ends[1:] == ends[:1] * 2


@on_every_store
def test_two_workers_at_one_batch_have_one_end(stage: Stage) -> None:
    """The lease ends within a batch, and another worker is asked for the same one meanwhile (L18, ERAS-05)."""
    chats = Asked(stage)
    registered(stage, chats)
    another = built(ClosureService, stage, portal=portal_of(stage, data_sets=(stage.orders, stage.messages, chats)))
    reports = list[WorkReport]()

    def is_overtaken() -> None:
        stage.clock.advance(HOUR)
        reports.append(another.work())

    chats.after_batch[2] = is_overtaken
    stage.confirmed()
    reports.append(stage.service.work())
    assert [(one.leases_lost, one.failed) for one in reports] == [(0, 0), (1, 0)]
    assert chats.jobs[2] == chats.jobs[1]
    assert _end_state(stage, chats)[:3] == GONE


class Toggling(MemoryDataSet):
    """A data set that marks its items as gone, and marks them as there again when it is asked once more."""

    def __init__(self) -> None:
        super().__init__("chats")
        self._gone: set[int] = set()

    def erase(self, job: EraseJob) -> Progress:
        """Turn over the marks of a batch."""
        behind = [one.place for one in self._items[job.account] if one.place > int(job.cursor or 0)]
        batch = behind[: job.limit]
        self._gone ^= set(batch)
        return Progress(erased=len(batch), cursor=str(batch[-1]) if batch else job.cursor, done=batch == behind)

    def remaining(self, account: AccountId) -> int:
        """What is not marked."""
        return sum(one.place not in self._gone for one in self._items[account])


def test_a_data_set_that_cannot_be_asked_twice_fails_its_contract() -> None:
    """The suite that hosts run finds what is not repeatable before a crash does (ERAS-05)."""

    class Suite(DataSetContract):
        def make_data_set(self) -> tuple[MemoryDataSet, AccountId]:
            chats = Toggling()
            chats.add(LI.id, *"abcdefgh")
            return chats, LI.id

    with pytest.raises(AssertionError):
        Suite().test_the_same_batch_again_is_safe()
