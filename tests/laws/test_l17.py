"""L17: a data set is done only when it says itself that nothing remains that must go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.events import BatchErased, ClosureClosed, DataSetErased, TaskFailed, TaskSetAside
from hht_closure.policy import Portion
from hht_closure.ports import EraseJob, Progress
from hht_closure.receipts import DataSetFate, Fate
from tests.stage import GROUND, LI, NOW, RETENTION_ENDS, WANG, Stage, on_every_store


def _lies(_: EraseJob) -> Progress:
    """An eraser that says it is done and does nothing."""
    return Progress(erased=0, done=True)


@on_every_store
def test_an_eraser_that_lies_is_found_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says ``done``, the items are there: the task fails, the closure is not closed (L17)."""
    stage.confirmed()
    monkeypatch.setattr(stage.messages, "erase", _lies)
    stage.service.work()
    failed = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskFailed)]
    assert (failed, stage.count(ClosureClosed)) == ([("erase:messages", "rows_remain")], 0)


@on_every_store
def test_an_eraser_that_goes_on_lying_is_set_aside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never counts as erased, however often it is asked (L17, L19)."""
    stage.confirmed()
    monkeypatch.setattr(stage.messages, "erase", _lies)
    stage.worked_off()
    stage.worked_off()
    erased = [one.data_set for one in stage.events() if isinstance(one, DataSetErased)]
    assert (erased, stage.count(TaskSetAside), stage.accounts.get(LI.id) is None) == (["orders"], 1, False)


@on_every_store
def test_an_eraser_that_tells_the_truth_later_is_believed_then(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: as soon as nothing remains, the closing goes on (L17)."""
    stage.confirmed()
    with monkeypatch.context() as lying:
        lying.setattr(stage.messages, "erase", _lies)
        stage.service.work()
    stage.worked_off()
    assert (stage.messages.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


@on_every_store
def test_items_that_come_behind_the_cursor_are_erased_as_well(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that arrives after the last batch remains, so the set is erased once more (L17)."""
    stage.confirmed()
    erase = stage.messages.erase
    arriving = ["a message at the last moment"]

    def erase_and_receive(job: EraseJob) -> Progress:
        progress = erase(job)
        stage.messages.add(LI.id, *arriving)
        arriving.clear()
        return progress

    monkeypatch.setattr(stage.messages, "erase", erase_and_receive)
    stage.worked_off()
    assert (stage.messages.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


@on_every_store
def test_a_large_data_set_goes_in_bounded_batches(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve hundred items: no call is asked for more than the batch, and none is left (L17, ERAS-12)."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(1200)))
    stage.confirmed()
    erase = stage.messages.erase
    batches: list[tuple[int, int]] = []

    def counted(job: EraseJob) -> Progress:
        progress = erase(job)
        batches.append((job.limit, progress.erased))
        return progress

    monkeypatch.setattr(stage.messages, "erase", counted)
    stage.service.work()
    assert (batches, stage.messages.remaining(LI.id)) == ([(500, 500), (500, 500), (500, 202)], 0)


@on_every_store
def test_what_the_law_keeps_does_not_remain(stage: Stage) -> None:
    """An item under a retention is nothing that must go, and the set is done without it (L17, L20)."""
    stage.closed()
    assert (stage.orders.items(LI.id), stage.count(ClosureClosed)) == (("an invoice of li",), 1)


# --- erasers that lie ----------------------------------------------------------------------------------------------


def _endless(_: EraseJob) -> Progress:
    """Five hundred went, it says, and there is more: each time, and nothing ever goes."""
    return Progress(erased=500, done=False)


def _walking(job: EraseJob) -> Progress:
    """The same, with a cursor that moves."""
    return Progress(erased=500, cursor=str(int(job.cursor or 0) + 1), done=False)


def _nothing_more(job: EraseJob) -> Progress:
    """A cursor that moves, and not even a claim."""
    return Progress(erased=0, cursor=str(int(job.cursor or 0) + 1), done=False)


def _standing(job: EraseJob) -> Progress:
    """A cursor that stands, and nothing went."""
    return Progress(erased=0, cursor=job.cursor, done=False)


def _going_round(job: EraseJob) -> Progress:
    """A cursor that goes to and fro."""
    return Progress(erased=0, cursor="" if job.cursor else "1", done=False)


def _boasting(_: EraseJob) -> Progress:
    """More than it was allowed to touch, and done."""
    return Progress(erased=501, done=True)


def _boasting_without_end(_: EraseJob) -> Progress:
    """More than it was allowed to touch, and more to come."""
    return Progress(erased=1000, done=False)


LIARS = {
    _lies: "rows_remain",
    _endless: "no_progress",
    _walking: "no_progress",
    _nothing_more: "no_progress",
    _standing: "no_progress",
    _going_round: "no_progress",
    _boasting: "batch_too_large",
    _boasting_without_end: "batch_too_large",
}


def _worked_hourly(stage: Stage) -> None:
    """A worker comes every hour for a day: more often than any task is tried."""
    for _ in range(24):
        stage.clock.advance(timedelta(hours=1))
        stage.service.work(limit=2)


@on_every_store
@pytest.mark.parametrize(("liar", "code"), LIARS.items())
def test_every_kind_of_liar_is_set_aside_in_the_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, liar: Callable[[EraseJob], Progress], code: str
) -> None:
    """However it lies, an operator is called, once, with the code that says how, before the journal is long (L19)."""
    monkeypatch.setattr(stage.messages, "erase", liar)
    stage.confirmed()
    _worked_hourly(stage)
    aside = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)]
    assert (aside, stage.count(ClosureClosed)) == ([("erase:messages", code)], 0)
    assert len(stage.records()) < 400


@on_every_store
@pytest.mark.parametrize("liar", LIARS)
def test_a_liar_stops_nobody_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, liar: Callable[[EraseJob], Progress]
) -> None:
    """It lies about Li alone; Wang, who confirmed later, is closed in the same hour (L19)."""
    erase = stage.messages.erase
    monkeypatch.setattr(stage.messages, "erase", lambda job: liar(job) if job.account == LI.id else erase(job))
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    stage.worked_off()
    assert (stage.accounts.get(WANG.id), stage.messages.items(WANG.id)) == (None, ())


@on_every_store
def test_an_eraser_that_stands_still_is_asked_no_oftener_than_one_that_raises(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing went and nothing is said to be ahead: that is a failure at once, and ten of them are enough (L17)."""
    asked = list[str]()

    def standing(job: EraseJob) -> Progress:
        asked.append(job.cursor)
        return _standing(job)

    monkeypatch.setattr(stage.messages, "erase", standing)
    stage.confirmed()
    _worked_hourly(stage)
    assert asked == [""] * 10


@pytest.mark.usefixtures("unmeasured")
@on_every_store
def test_an_honest_eraser_of_many_batches_is_believed(stage: Stage) -> None:
    """The twin: a hundred and twenty batches, counted on the way, and not one failure (L17, ERAS-12)."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(60_000)))
    stage.confirmed()
    for _ in range(3):
        stage.service.work()
    assert (stage.count(BatchErased), stage.count(TaskFailed), stage.count(ClosureClosed)) == (120, 0, 1)


@on_every_store
def test_a_survey_that_contradicts_the_count_is_found_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing remains, says the one; two would be erased, says the other: the worse is believed (L17)."""
    monkeypatch.setattr(stage.messages, "erase", _lies)
    monkeypatch.setattr(stage.messages, "remaining", lambda _: 0)
    stage.closed()
    failed = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskFailed)]
    assert (failed, stage.count(ClosureClosed)) == ([("erase:messages", "rows_remain")], 0)


def _kept_for_ever(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages say that they are kept until now, and go on saying it."""
    over = (Portion("restricted", 2, NOW, GROUND),)
    monkeypatch.setattr(stage.messages, "erase", _lies)
    monkeypatch.setattr(stage.messages, "remaining", lambda _: 0)
    monkeypatch.setattr(stage.messages, "survey", lambda _: over)
    stage.confirmed()
    stage.service.work()


@on_every_store
def test_a_retention_that_is_over_keeps_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept until a time that is over: that must go, whatever the set counts (L17, L20)."""
    _kept_for_ever(stage, monkeypatch)
    failed = {(one.task, one.code) for one in stage.events() if isinstance(one, TaskFailed)}
    assert (failed, stage.count(ClosureClosed)) == ({("erase:messages", "rows_remain")}, 0)


@on_every_store
def test_a_clock_that_is_behind_ours_is_no_lie(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: by the host's clock it is not over for an hour yet; it is asked again, and nobody is called (L18)."""
    _kept_for_ever(stage, monkeypatch)
    for _ in range(12):
        stage.clock.advance(timedelta(minutes=5))
        stage.service.work()
    assert (stage.count(TaskSetAside), stage.count(ClosureClosed)) == (0, 0)


@on_every_store
def test_a_retention_that_always_ends_now_calls_an_operator(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that reckons from today whenever it is asked: in the end that is a failure like any other (L19)."""
    _kept_for_ever(stage, monkeypatch)
    monkeypatch.setattr(stage.messages, "survey", lambda _: (Portion("restricted", 2, stage.clock.now(), GROUND),))
    for _ in range(12):
        stage.clock.advance(timedelta(hours=1))
        stage.service.work(limit=2)
    aside = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)]
    assert (aside, stage.count(ClosureClosed)) == ([("erase:messages", "rows_remain")], 0)


# --- rows that come behind the eraser -------------------------------------------------------------------------------


class Growing(MemoryDataSet):
    """A data set into which something writes as long as it is erased, always in front of all that is there.

    Attributes:
        writes: how often that happens.
    """

    def __init__(self, stage: Stage, writes: int) -> None:
        super().__init__("chats", clock=stage.clock)
        self.writes = writes
        self._front = 0
        self._places = 20_000
        self.add(LI.id, *(f"chat {number}" for number in range(1200)))

    def erase(self, job: EraseJob) -> Progress:
        """One batch, and then one more item, where the cursor has passed."""
        progress = super().erase(job)
        if self.writes:
            self.writes -= 1
            end, self._places = self._places, self._front
            self.add(job.account, "one more")
            self._front, self._places = self._places, end
        return progress


def _growing(stage: Stage, writes: int) -> Growing:
    chats = Growing(stage, writes)
    stage.later_data_sets.append(chats)
    stage.restarted()
    return chats


@on_every_store
def test_rows_that_keep_coming_are_found_each_time(stage: Stage) -> None:
    """Six writes behind the eraser, after the last batch too: all go, and none is left behind (L17)."""
    chats = _growing(stage, 6)
    stage.confirmed()
    stage.worked_off()
    assert (chats.items(LI.id), stage.count(ClosureClosed), stage.count(TaskSetAside)) == ((), 1, 0)


@on_every_store
def test_rows_that_never_stop_coming_call_an_operator(stage: Stage) -> None:
    """Something goes on writing for an account that is frozen: it is not closed, and somebody is told (L17, L19)."""
    _growing(stage, 10_000)
    stage.confirmed()
    _worked_hourly(stage)
    aside = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)]
    assert (aside, stage.count(ClosureClosed)) == ([("erase:chats", "rows_remain")], 0)


# --- nonsense --------------------------------------------------------------------------------------------------------

NONSENSE: list[tuple[str, object]] = [
    ("erase", None),
    ("erase", 2),
    ("erase", {"erased": 2, "done": True}),
    ("survey", None),
    ("survey", 0),
    ("survey", ("erased",)),
    ("survey", {"erased": 0}),
    ("remaining", None),
    ("remaining", False),
    ("remaining", "0"),
    ("remaining", 0.0),
    ("remaining", -1),
]


@pytest.mark.parametrize(("method", "nonsense"), NONSENSE)
def test_nonsense_is_never_taken_for_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, method: str, nonsense: object
) -> None:
    """What is no answer is a failure of that set; the other set goes, and so does Wang's closing (L17, L19)."""
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    given = getattr(stage.messages, method)
    monkeypatch.setattr(stage.messages, method, lambda about: nonsense if _about_li(about) else given(about))
    stage.service.work()
    failed = [one.task for one in stage.events() if isinstance(one, TaskFailed)]
    assert (failed, stage.count(ClosureClosed)) == (["erase:messages"], 0)
    assert (stage.orders.remaining(LI.id), stage.accounts.get(WANG.id)) == (0, None)


def _about_li(about: object) -> bool:
    return getattr(about, "account", about) == LI.id


@pytest.mark.parametrize(("method", "nonsense"), NONSENSE)
def test_sense_is_believed_again(stage: Stage, monkeypatch: pytest.MonkeyPatch, method: str, nonsense: object) -> None:
    """The twin: the set is mended, the next try works, and the account is closed (L17, L19)."""
    stage.confirmed()
    with monkeypatch.context() as broken:
        broken.setattr(stage.messages, method, lambda _: nonsense)
        stage.service.work()
    stage.worked_off()
    assert (stage.messages.items(LI.id), stage.count(ClosureClosed)) == ((), 1)


# --- sets that are not erased, or not wholly ------------------------------------------------------------------------


class Reviews(MemoryDataSet):
    """Reviews that stay without their author; drafts that go; and what a law keeps.

    Attributes:
        authors: who wrote which review; None when nobody can tell any more.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__("reviews", clock=stage.clock)
        self.add(LI.id, "a draft", "another draft")
        self.add(LI.id, "a paid review", until=RETENTION_ENDS, ground=GROUND)
        self.authors: list[AccountId | None] = [LI.id, LI.id, WANG.id]
        self.written_by_li = 2

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """Drafts, what is kept, and the reviews that are anonymised, before and after."""
        return (*super().survey(account), Portion("anonymised", self.written_by_li))

    def erase(self, job: EraseJob) -> Progress:
        """The drafts go, and then the authors."""
        progress = super().erase(job)
        anonymised = self.authors.count(job.account)
        self.authors = [None if one == job.account else one for one in self.authors]
        return Progress(erased=progress.erased + anonymised, cursor=progress.cursor, done=progress.done)

    def remaining(self, account: AccountId) -> int:
        """Drafts that are there, and reviews that name their author."""
        return super().remaining(account) + self.authors.count(account)


def _reviewing(stage: Stage) -> Reviews:
    reviews = Reviews(stage)
    stage.later_data_sets.append(reviews)
    stage.restarted()
    return reviews


@on_every_store
def test_a_set_that_is_erased_in_part_says_of_each_part_what_became_of_it(stage: Stage) -> None:
    """Erased, anonymised and restricted in one set: the receipt names all three, and no counts (L17, L20, L25)."""
    reviews = _reviewing(stage)
    receipt = stage.service.receipt(stage.closed().reference)
    (fates,) = [one.fates for one in receipt.claims.data_sets if one.name == "reviews"]
    kept = Fate(disposition="restricted", until=RETENTION_ENDS, ground=GROUND)
    assert fates == (Fate(disposition="erased"), kept, Fate(disposition="anonymised"))
    assert (reviews.items(LI.id), reviews.authors) == (("a paid review",), [None, None, WANG.id])


@on_every_store
def test_what_was_not_anonymised_remains(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drafts are gone, and the authors stand there: that is not done (L17)."""
    reviews = _reviewing(stage)
    monkeypatch.setattr(reviews, "erase", lambda job: MemoryDataSet.erase(reviews, job))
    stage.confirmed()
    stage.service.work()
    failed = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskFailed)]
    assert (failed, stage.count(ClosureClosed)) == ([("erase:reviews", "rows_remain")], 0)


@on_every_store
def test_what_was_kept_of_a_part_goes_later(stage: Stage) -> None:
    """When the retention ends, the kept review goes; what is anonymised stays, and nothing is left to do (L20)."""
    reviews = _reviewing(stage)
    stage.closed()
    stage.clock.set(RETENTION_ENDS)
    stage.service.work()
    assert (reviews.items(LI.id), reviews.authors, stage.closure().tasks) == ((), [None, None, WANG.id], ())


@on_every_store
def test_an_anonymised_set_has_its_own_fate(stage: Stage) -> None:
    """Where nothing but anonymising was to be done, the receipt does not say that anything was erased (L17, L25)."""

    class Only(Reviews):
        def survey(self, account: AccountId) -> tuple[Portion, ...]:
            return (Portion("anonymised", self.written_by_li),)

    reviews = Only(stage)
    MemoryDataSet.erase(reviews, EraseJob(account=LI.id, cursor="", limit=9, key="drafts"))
    stage.later_data_sets.append(reviews)
    stage.restarted()
    receipt = stage.service.receipt(stage.closed().reference)
    assert receipt.claims.data_sets[-1] == DataSetFate(name="reviews", fates=(Fate(disposition="anonymised"),))
