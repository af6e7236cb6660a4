"""The worker: the order of the tasks, what becomes of one that fails, and that none stands in another's way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryDataSet, MemoryTask
from hht_closure.errors import PortError, StoreUnavailableError
from hht_closure.events import (
    ClosureClosed,
    DataSetErased,
    Event,
    KeyDestroyed,
    KeyDestructionIntended,
    RetentionPurged,
    RoundLapsed,
    RoundOpened,
    TaskDone,
    TaskFailed,
    TaskPassedOver,
    TaskPostponed,
    TaskSetAside,
)
from hht_closure.flows.answers import Confirmation, WorkReport
from hht_closure.policy import Blocked, Blocker, FixedPolicy, Portion, Retries
from hht_closure.ports import Again, Done, EraseJob, Failed, Progress, Record, TaskJob
from hht_closure.ports import KeyDestroyed as DestroyedKey
from hht_closure.service import ClosureOperator, ClosureService
from hht_closure.verification import sms_code
from tests.service.doubles import Parts, PlainJournal, built, portal_of
from tests.stage import GROUND, NOW, RETENTION_ENDS, TERMS, Killed, MakeStage, Stage

LI = AccountId("li")
WANG = AccountId("wang")

FEW_TRIES = attrs.evolve(TERMS, retries=Retries(tries=3, first=timedelta(minutes=1), longest=timedelta(minutes=4)))


def on(stage: Stage, **parts: object) -> ClosureService:
    """From now on the stage's service runs with these parts of the portal."""
    stage.service = built(ClosureService, stage, portal=portal_of(stage, **parts))
    stage.operator = ClosureOperator(stage.service)
    return stage.service


def labels(happened: tuple[Event, ...]) -> list[str]:
    """Each event's name, with the task or data set that it is about."""
    return [" ".join(filter(None, (type(one).__name__, _subject(one)))) for one in happened]


def _subject(event: Event) -> str | None:
    match event:
        case DataSetErased() | RetentionPurged():
            return event.data_set
        case TaskDone() | TaskFailed() | TaskPostponed() | TaskSetAside() | TaskPassedOver():
            return event.task
        case KeyDestructionIntended() | KeyDestroyed():
            return event.task
        case _:
            return None


def after_confirmation(stage: Stage, account: str = "li") -> list[str]:
    """The labels of everything behind the confirmation."""
    every = labels(stage.events(account))
    return every[every.index("ClosureConfirmed") + 1 :]


def of_kind(stage: Stage, *kinds: type[Event]) -> list[str]:
    """The labels of the events of these kinds."""
    return labels(tuple(one for one in stage.events() if isinstance(one, kinds)))


def outcomes(stage: Stage, confirmation: Confirmation) -> list[tuple[str, str]]:
    """What the receipt says became of the host's tasks."""
    return [(one.name, one.outcome) for one in stage.service.receipt(confirmation.reference).claims.tasks]


# --- the order, and what it costs -----------------------------------------------------------------------------


def test_a_closing_runs_in_the_order_of_the_design(stage: Stage) -> None:
    """Frozen, checked, on record; erased, told, reserved, retired; the key destroyed, the receipt, the farewell."""
    stage.closed()
    assert after_confirmation(stage) == [
        "TaskDone freeze",
        "TaskDone revoke_sessions",
        "ErasureBegun",
        "TaskDone ledger_begun",
        "DataSetErased orders",
        "DataSetErased messages",
        "TaskDone host:downstream",
        "TaskDone tombstone",
        "TaskDone retire",
        "KeyDestructionIntended destroy_key:1",
        "KeyDestroyed destroy_key:1",
        "ClosureClosed",
        "TaskDone ledger_closed",
        "TaskDone farewell",
        "KeyDestructionIntended destroy_farewell_key",
        "KeyDestroyed destroy_farewell_key",
    ]


def test_the_outside_is_touched_in_that_order_too(stage: Stage) -> None:
    """Events could be in order and the calls not: these are the calls that change something outside."""
    nonce = stage.noticed().nonce
    calls = stage.watched().calls
    stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    changing = {
        "accounts.freeze",
        "accounts.revoke_sessions",
        "ledger.record",
        "orders.erase",
        "messages.erase",
        "downstream.run",
        "tombstones.lay",
        "accounts.retire",
        "vault.destroy",
        "letters.send",
    }
    assert [one for one in calls if one in changing] == [
        "ledger.record",
        "accounts.freeze",
        "accounts.revoke_sessions",
        "ledger.record",
        "orders.erase",
        "messages.erase",
        "downstream.run",
        "tombstones.lay",
        "accounts.retire",
        "vault.destroy",
        "ledger.record",
        "letters.send",
        "vault.destroy",
    ]


def test_a_closing_costs_eight_commits_behind_the_confirmation(stage: Stage) -> None:
    """The commit is the price of a closure (COSTS): two in the confirming call, and seven in the worker."""
    nonce = stage.noticed().nonce
    calls = stage.watched().calls
    stage.service.confirm(stage.principal, nonce)
    assert calls.count("journal.append") == 2
    stage.service.work()
    assert calls.count("journal.append") == 9


def test_the_report_counts_the_tasks_that_have_happened(stage: Stage) -> None:
    """An intent, a batch or a task put off is progress and not yet something done."""
    stage.confirmed()
    report = stage.service.work()
    assert report == WorkReport(streams=1, done=12)
    assert stage.service.work() == WorkReport()


# --- the host's tasks ------------------------------------------------------------------------------------------


def test_a_task_that_wants_to_go_on_is_called_again_when_it_said(stage: Stage) -> None:
    """``Again`` is no failure: the closing waits, and the task is called with the same key (L16)."""
    stage.downstream.outcome = Again(timedelta(minutes=5))
    stage.closed()
    stage.clock.advance(timedelta(minutes=4, seconds=59))
    stage.service.work()
    assert len(stage.downstream.jobs) == 1
    stage.downstream.outcome = Done()
    stage.clock.advance(timedelta(seconds=1))
    stage.service.work()
    assert of_kind(stage, TaskPostponed) == ["TaskPostponed host:downstream"]
    assert len({one.key for one in stage.downstream.jobs}) == 1
    assert len(stage.downstream.jobs) == 2
    assert stage.count(ClosureClosed) == 1


def test_a_task_put_off_is_not_counted_as_done(stage: Stage) -> None:
    """The report says what has happened: freeze and sessions came before, and behind it nothing."""
    stage.downstream.outcome = Again(timedelta(minutes=5))
    stage.confirmed()
    report = stage.service.work()
    assert report == WorkReport(streams=1, done=4)


@pytest.mark.parametrize("kind", ["retryable", "ambiguous"])
def test_a_task_that_failed_is_tried_again_and_the_closing_goes_on(stage: Stage, kind: str) -> None:
    """What may work later, or may have worked, is tried again under the same key."""
    stage.downstream.outcome = Failed("retryable" if kind == "retryable" else "ambiguous", "queue_full")
    confirmation = stage.closed()
    failed = [one for one in stage.events() if isinstance(one, TaskFailed)]
    assert [(one.task, one.kind, one.code) for one in failed] == [("host:downstream", kind, "queue_full")]
    stage.downstream.outcome = Done()
    stage.worked_off()
    assert outcomes(stage, confirmation) == [("downstream", "done")]
    assert len({one.key for one in stage.downstream.jobs}) == 1


def test_the_pause_before_the_next_try_doubles_and_is_capped(make_stage: MakeStage) -> None:
    """Full jitter: each pause lies between nothing and a bound that doubles up to the longest (L19)."""
    bounds = [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=4)]
    retries = Retries(tries=5, first=timedelta(minutes=1), longest=timedelta(minutes=4))
    stage = make_stage(attrs.evolve(TERMS, retries=retries))
    stage.downstream.outcome = Failed("retryable", "queue_full")
    stage.closed()
    stage.worked_off()
    pauses = [one.due - one.at for one in stage.events() if isinstance(one, TaskFailed)]
    assert len(pauses) == 4
    assert all(timedelta() <= pause < bound for pause, bound in zip(pauses, bounds, strict=True))
    assert len(set(pauses)) == 4


def test_a_mandatory_task_that_keeps_failing_is_set_aside_and_an_operator_lets_it_go_on(make_stage: MakeStage) -> None:
    """An alarm that observers see; nothing behind it happens until somebody has looked (L19)."""
    stage = make_stage(FEW_TRIES)
    stage.downstream.outcome = Failed("retryable", "queue_full")
    confirmation = stage.closed()
    stage.worked_off()
    aside = [one for one in stage.happened.events if isinstance(one, TaskSetAside)]
    assert [(one.task, one.code) for one in aside] == [("host:downstream", "queue_full")]
    assert len(stage.downstream.jobs) == 3
    assert stage.service.status(confirmation.reference).step == "closing"
    view = stage.operator.look(stage.stream())
    assert [one.name for one in view.set_aside] == ["host:downstream"]
    assert [one.stream for one in stage.operator.due()] == [stage.stream()]

    stage.downstream.outcome = Done()
    released = stage.operator.release(stage.stream(), "host:downstream", actor="ops_zhao", reason="queue_emptied")
    assert released.set_aside == ()
    stage.service.work()
    assert stage.service.status(confirmation.reference).step == "closed"
    assert outcomes(stage, confirmation) == [("downstream", "done")]


def test_a_task_that_failed_for_good_is_set_aside_at_once(stage: Stage) -> None:
    """What can never work is not tried ten times."""
    stage.downstream.outcome = Failed("permanent", "no_such_system")
    stage.confirmed()
    report = stage.service.work()
    assert (report.set_aside, report.failed, len(stage.downstream.jobs)) == (1, 0, 1)
    assert of_kind(stage, TaskSetAside) == ["TaskSetAside host:downstream"]


def test_a_best_effort_task_is_passed_over_and_the_receipt_says_so(make_stage: MakeStage) -> None:
    """The closing does not wait for what is not mandatory, and does not hide it (L19)."""
    stage = make_stage(FEW_TRIES)
    mandatory, best_effort = MemoryTask("crm"), MemoryTask("newsletter", mandatory=False)
    best_effort.outcome = Failed("retryable", "queue_full")
    on(stage, tasks=(best_effort, mandatory))
    confirmation = stage.closed()
    stage.worked_off()
    assert outcomes(stage, confirmation) == [("crm", "done"), ("newsletter", "passed_over")]
    assert of_kind(stage, TaskPassedOver) == ["TaskPassedOver host:newsletter"]
    assert stage.operator.look(stage.stream()).set_aside == ()


def test_a_task_waits_for_the_one_it_comes_after(make_stage: MakeStage) -> None:
    """The order that the tasks state is kept, whatever order they are registered in."""
    stage = make_stage(FEW_TRIES)
    first, second = MemoryTask("billing"), MemoryTask("crm", after=("billing",))
    first.outcome = Failed("retryable", "busy")
    on(stage, tasks=(second, first))
    stage.closed()
    assert second.jobs == ()
    first.outcome = Done()
    stage.worked_off()
    assert [one for one in of_kind(stage, TaskDone) if "host" in one] == ["TaskDone host:billing", "TaskDone host:crm"]


class Raising:
    """A task whose adapter raises, with something personal in the text."""

    name = "downstream"
    after = ()
    mandatory = True
    never_blocks = True

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.works = False

    def run(self, job: TaskJob) -> Done:
        """Raise until it works."""
        self.keys.append(job.key)
        if not self.works:
            raise RuntimeError("no mailbox li.weiguo@example.com")
        return Done()


def test_a_task_that_raises_counts_as_ambiguous_and_its_text_goes_nowhere(stage: Stage) -> None:
    """An exception's text may hold anything, so that only a code is kept (L19, L22)."""
    task = Raising()
    on(stage, tasks=(task,))
    confirmation = stage.closed()
    failed = [one for one in stage.events() if isinstance(one, TaskFailed)]
    assert [(one.task, one.kind) for one in failed] == [("host:downstream", "ambiguous")]
    assert not any(b"weiguo" in one.body for one in stage.records())
    task.works = True
    stage.worked_off()
    assert outcomes(stage, confirmation) == [("downstream", "done")]
    assert len(set(task.keys)) == 1


def test_a_task_that_is_no_longer_registered_is_set_aside(stage: Stage) -> None:
    """What ``ErasureBegun`` planned and a later release dropped waits for an operator, with an alarm."""
    stage.downstream.outcome = Again(timedelta(minutes=5))
    stage.closed()
    on(stage, tasks=())
    stage.worked_off()
    assert of_kind(stage, TaskSetAside) == ["TaskSetAside host:downstream"]


# --- data sets ---------------------------------------------------------------------------------------------------


class Eraser(MemoryDataSet):
    """The messages, with an ``erase`` that a test replaces."""

    def __init__(self, stage: Stage) -> None:
        super().__init__("messages", after=("orders",), clock=stage.clock)
        self.add(LI, "a first message", "a second message")
        self.add(WANG, "a first message", "a second message")
        self.calls = 0
        self.does: Callable[[EraseJob], Progress] = super().erase

    def rightly(self, job: EraseJob) -> Progress:
        """What a data set should do."""
        return super().erase(job)

    def erase(self, job: EraseJob) -> Progress:
        """What the test says."""
        self.calls += 1
        return self.does(job)


def _lies(_: EraseJob) -> Progress:
    return Progress(erased=2, done=True)


def _stands_still(_: EraseJob) -> Progress:
    return Progress(erased=0, done=False)


def _raises(_: EraseJob) -> Progress:
    raise RuntimeError("the database of li.weiguo@example.com is gone")


def _is_down(_: EraseJob) -> Progress:
    raise StoreUnavailableError("messages", "locked")


@pytest.mark.parametrize(
    ("does", "code"),
    [
        pytest.param(_lies, "rows_remain", id="says done and left everything"),
        pytest.param(_stands_still, "no_progress", id="neither erases nor ends"),
        pytest.param(_is_down, "locked", id="its database is down"),
    ],
)
def test_an_eraser_that_does_not_erase_is_found_out_and_set_aside(
    make_stage: MakeStage, does: Callable[[EraseJob], Progress], code: str
) -> None:
    """Done only when the data set itself counts nothing that must go (L17), and never tried for ever (L19)."""
    stage = make_stage(FEW_TRIES)
    messages = Eraser(stage)
    messages.does = does
    on(stage, data_sets=(stage.orders, messages))
    confirmation = stage.closed()
    stage.worked_off()
    assert messages.calls == 3
    assert [one.code for one in stage.events() if isinstance(one, TaskFailed | TaskSetAside)] == [code] * 3
    assert stage.service.status(confirmation.reference).step == "closing"
    assert stage.accounts.get(LI) is not None

    messages.does = messages.rightly
    stage.operator.release(stage.stream(), "erase:messages", actor="ops_zhao", reason="repaired")
    stage.service.work()
    assert stage.service.status(confirmation.reference).step == "closed"
    assert messages.items(LI) == ()


def test_an_eraser_that_raises_is_tried_again_and_its_text_goes_nowhere(stage: Stage) -> None:
    """Nobody knows what it did, and running it again is safe (L16)."""
    messages = Eraser(stage)
    messages.does = _raises
    on(stage, data_sets=(stage.orders, messages))
    confirmation = stage.closed()
    assert [(one.task, one.kind) for one in stage.events() if isinstance(one, TaskFailed)] == [
        ("erase:messages", "ambiguous")
    ]
    assert not any(b"weiguo" in one.body for one in stage.records())
    messages.does = messages.rightly
    stage.worked_off()
    assert stage.service.status(confirmation.reference).step == "closed"


def _gives_nothing(_: object) -> None:
    """What a method without a ``return`` gives."""


@pytest.mark.parametrize("method", ["erase", "survey", "remaining"])
def test_a_data_set_that_gives_nothing_fails_its_own_task_and_no_other(stage: Stage, method: str) -> None:
    """A forgotten ``return`` is a failure of that call: not a crash of the pass, and never "nothing remains" (L17)."""
    confirmation = stage.confirmed()
    messages = Eraser(stage)
    on(stage, data_sets=(stage.orders, messages))
    setattr(messages, method, _gives_nothing)
    report = stage.service.work()
    assert (report.failed, report.unworkable) == (1, 0)
    assert of_kind(stage, DataSetErased) == ["DataSetErased orders"]
    assert stage.service.status(confirmation.reference).step == "closing"


def test_a_task_that_gives_nothing_fails_and_is_tried_again(stage: Stage) -> None:
    """A forgotten ``return`` in a task does not count as done, and does not stop the pass."""
    stage.confirmed()
    setattr(stage.downstream, "run", _gives_nothing)  # noqa: B010 - another type is what this is about
    report = stage.service.work()
    assert (report.failed, report.unworkable) == (1, 0)
    assert [(one.task, one.kind) for one in stage.events() if isinstance(one, TaskFailed)] == [
        ("host:downstream", "ambiguous")
    ]


def test_an_eraser_that_never_ends_leaves_others_their_turn(stage: Stage) -> None:
    """A pass is bounded: whoever always says "there is more" cannot keep a worker for ever (L19)."""
    messages = Eraser(stage)

    def never_ends(job: EraseJob) -> Progress:
        if messages.calls > 5_000:
            raise Killed
        return Progress(erased=1, cursor=str(messages.calls), done=False)

    messages.does = lambda job: never_ends(job) if job.account == LI else messages.rightly(job)
    on(stage, data_sets=(stage.orders, messages))
    stage.confirmed()
    other = stage.confirmed(stage.logged_in("wang"))
    stage.service.work(limit=2)
    stage.service.work(limit=2)
    assert stage.service.status(other.reference).step == "closed"


def test_a_data_set_that_vanished_is_set_aside_and_comes_back(stage: Stage) -> None:
    """A name in the terms that nothing has any more is an alarm, never "nothing to erase" (corner of DESIGN 7)."""
    confirmation = stage.confirmed()
    changed = FixedPolicy(attrs.evolve(TERMS, version="2026-04", data_sets=("orders",)))
    stage.service = built(ClosureService, stage, portal=portal_of(stage, data_sets=(stage.orders,)), policy=changed)
    report = stage.service.work()
    assert report.set_aside == 1
    assert [(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)] == [
        ("erase:messages", "not_registered")
    ]
    stage.restarted()
    stage.operator.release(stage.stream(), "erase:messages", actor="ops_zhao", reason="deployed")
    stage.service.work()
    assert stage.service.status(confirmation.reference).step == "closed"
    assert stage.messages.items(LI) == ()


def test_a_data_set_registered_since_goes_as_well(stage: Stage) -> None:
    """``ErasureBegun`` fixes the sets of the terms and those registered by then; the receipt lists them all."""
    photos = MemoryDataSet("photos", clock=stage.clock)
    photos.add(LI, "a photo")
    confirmation = stage.confirmed()
    on(stage, data_sets=(stage.orders, stage.messages, photos))
    stage.service.work()
    assert photos.items(LI) == ()
    claims = stage.service.receipt(confirmation.reference).claims
    assert [one.name for one in claims.data_sets] == ["orders", "messages", "photos"]


class Looked(Eraser):
    """Messages that look at the status at every batch, as a person with the reference may at any moment."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.limits: list[int] = []
        self.seen: list[dict[str, int]] = []
        self.look: Callable[[], tuple[tuple[str, int], ...]] = tuple

    def erase(self, job: EraseJob) -> Progress:
        """Look, then erase."""
        self.limits.append(job.limit)
        self.seen.append(dict(self.look()))
        return super().erase(job)


def test_a_large_set_goes_in_batches_and_its_progress_can_be_seen(stage: Stage) -> None:
    """1,200 items go in batches of 500, each committed before the next begins (DESIGN 5)."""
    messages = Looked(stage)
    messages.add(LI, *(str(number) for number in range(1198)))
    service = on(stage, data_sets=(stage.orders, messages))
    reference = stage.confirmed().reference
    messages.look = lambda: service.status(reference).erased
    service.work()
    assert messages.limits == [500, 500, 500]
    assert [one["messages"] for one in messages.seen] == [0, 500, 1000]
    assert messages.seen[1]["orders"] == 1
    fates = [one.portions for one in stage.events() if isinstance(one, DataSetErased) and one.data_set == "messages"]
    assert fates == [(Portion("erased", 1200),)]


def test_progress_stands_between_passes(stage: Stage) -> None:
    """A set interrupted in its third batch has lost 1,000 items, says so, and is finished by the next pass."""
    messages = Looked(stage)
    messages.add(LI, *(str(number) for number in range(1198)))
    messages.does = lambda job: _is_down(job) if messages.calls == 3 else messages.rightly(job)
    service = on(stage, data_sets=(stage.orders, messages))
    reference = stage.confirmed().reference
    service.work()
    assert dict(service.status(reference).erased)["messages"] == 1000
    assert len(messages.items(LI)) == 200
    stage.worked_off()
    assert messages.items(LI) == ()
    fates = [one.portions for one in stage.events() if isinstance(one, DataSetErased) and one.data_set == "messages"]
    assert fates == [(Portion("erased", 1200),)]


# --- none stands in another's way ----------------------------------------------------------------------------------


class Broken(PlainJournal):
    """A journal in which the entries of one stream have been edited."""

    never_blocks = True

    def __init__(self, stage: Stage, stream: str) -> None:
        super().__init__(stage)
        self.stream = stream

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records, with a byte of one body changed."""
        records = super().read(stream, whole=whole)
        if stream != self.stream:
            return records
        return tuple(attrs.evolve(one, body=one.body.replace(b"orders", b"ordars")) for one in records)


def test_a_poisoned_closure_does_not_starve_another(stage: Stage) -> None:
    """One person's data set fails, and the other person's account is closed in the same pass (L19)."""
    messages = Eraser(stage)
    messages.does = lambda job: _raises(job) if job.account == LI else messages.rightly(job)
    on(stage, data_sets=(stage.orders, messages))
    first, second = stage.confirmed(), stage.confirmed(stage.logged_in("wang"))
    report = stage.service.work()
    assert (report.streams, report.failed) == (2, 1)
    assert stage.service.status(first.reference).step == "closing"
    assert stage.service.status(second.reference).step == "closed"


def test_a_stream_that_cannot_be_read_stops_no_other(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """An edited stream is an alarm in the report and in the log, and every other closure goes on (L19, L24)."""
    stage.confirmed()
    second = stage.confirmed(stage.logged_in("wang"))
    broken = Broken(stage, stage.stream())
    stage.service = built(ClosureService, stage, store=Parts.of(stage, journal=broken))
    report = stage.service.work()
    assert (report.streams, report.unworkable) == (2, 1)
    assert stage.service.status(second.reference).step == "closed"
    assert "is broken at entry" in caplog.text
    assert stage.orders.items(LI) != ()


@pytest.mark.parametrize("order", [("li", "wang"), ("wang", "li")])
def test_the_oldest_due_comes_first_and_the_limit_is_kept(stage: Stage, order: tuple[str, str]) -> None:
    """A pass over one closure takes the one that has waited longest."""
    references = []
    for account in order:
        references.append(stage.confirmed(stage.logged_in(account)).reference)
        stage.clock.advance(timedelta(minutes=1))
    assert stage.service.work(limit=1).streams == 1
    assert [stage.service.status(one).step for one in references] == ["closed", "closing"]
    stage.service.work(limit=1)
    assert [stage.service.status(one).step for one in references] == ["closed", "closed"]


def test_a_worker_that_was_overtaken_writes_nothing_more(stage: Stage) -> None:
    """Its lease ended in the middle of a batch and another worker finished: its own append is refused (L18)."""
    messages = Eraser(stage)
    on(stage, data_sets=(stage.orders, messages))
    other = built(ClosureService, stage, portal=portal_of(stage, data_sets=(stage.orders, messages)))

    def overtaken(job: EraseJob) -> Progress:
        progress = messages.rightly(job)
        if messages.calls == 1:
            stage.clock.advance(timedelta(minutes=10))
            assert other.work().failed == 0
        return progress

    messages.does = overtaken
    confirmation = stage.confirmed()
    report = stage.service.work()
    assert (report.leases_lost, report.streams) == (1, 1)
    assert stage.service.status(confirmation.reference).step == "closed"
    assert stage.count(ClosureClosed) == 1
    assert len(of_kind(stage, DataSetErased)) == 2


def test_a_freeze_that_fails_in_the_confirming_call_is_done_by_the_next_pass(stage: Stage) -> None:
    """The confirmation stands, whatever becomes of the freeze that follows it in the same call (L13)."""
    nonce = stage.noticed().nonce
    watch = stage.watched()

    def down(_: int, name: str) -> None:
        if name == "accounts.freeze":
            raise ConnectionError("the directory is down")

    watch.before = down
    confirmation = stage.service.confirm(stage.principal, nonce)
    assert of_kind(stage, TaskFailed) == ["TaskFailed freeze"]
    watch.before = lambda number, name: None
    stage.worked_off()
    assert stage.service.status(confirmation.reference).step == "closed"


def test_a_confirmation_stands_when_the_journal_fails_behind_it(stage: Stage) -> None:
    """The lease for the freeze cannot be had: the person is told that they confirmed, for they did."""
    nonce = stage.noticed().nonce
    watch = stage.watched()

    def down(_: int, name: str) -> None:
        if name == "journal.claim":
            raise StoreUnavailableError("journal", "locked")

    watch.before = down
    confirmation = stage.service.confirm(stage.principal, nonce)
    assert stage.kinds()[-1] == "ClosureConfirmed"
    watch.before = lambda number, name: None
    stage.worked_off()
    assert stage.service.status(confirmation.reference).step == "closed"


def test_an_account_in_its_cooling_off_is_not_frozen(make_stage: MakeStage) -> None:
    """Until the cooling-off ends nothing happens to the account; then it is closed without another word."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(days=3)))
    confirmation = stage.closed()
    account = stage.accounts.get(LI)
    assert account is not None
    assert (account.standing, stage.service.status(confirmation.reference).step) == ("open", "cooling_off")
    assert confirmation.due - confirmation.at == timedelta(days=3)
    stage.clock.set(confirmation.due - timedelta(microseconds=1))
    assert stage.service.work().streams == 0
    stage.clock.set(confirmation.due)
    stage.service.work()
    assert stage.service.status(confirmation.reference).step == "closed"


# --- rounds that end, retentions that end, letters -----------------------------------------------------------------


def _round_key(stage: Stage, number: int) -> object:
    return stage.store.vault.fetch(f"{stage.stream()}.{number}")


def test_the_worker_ends_a_round_that_nobody_confirmed(stage: Stage) -> None:
    """At the instant its time is over, and not before; its key is destroyed (L6, L23)."""
    lapses = stage.opened().lapses
    assert lapses == NOW + timedelta(days=7)
    stage.clock.set(lapses - timedelta(microseconds=1))
    assert stage.service.work() == WorkReport()
    stage.clock.set(lapses)
    stage.service.work()
    assert labels(stage.events())[2:] == [
        "RoundLapsed",
        "KeyDestructionIntended destroy_key:1",
        "KeyDestroyed destroy_key:1",
    ]
    assert isinstance(_round_key(stage, 1), DestroyedKey)
    assert stage.service.current(stage.principal).step == "lapsed"


def test_a_late_open_ends_the_old_round_and_begins_a_new_one(stage: Stage) -> None:
    """No worker need have come by; the old round's key goes all the same (L23)."""
    stage.reason_given()
    stage.clock.advance(timedelta(days=7))
    assert stage.service.open(stage.principal).step == "eligibility"
    assert stage.count(RoundLapsed) == 1
    assert [one.number for one in stage.events() if isinstance(one, RoundOpened)] == [1, 2]
    stage.service.work()
    assert isinstance(_round_key(stage, 1), DestroyedKey)
    assert not isinstance(_round_key(stage, 2), DestroyedKey)


def test_what_two_laws_keep_is_purged_in_two_steps(stage: Stage) -> None:
    """Each part goes when its own retention ends, years after the account itself is gone (L20)."""
    later = RETENTION_ENDS + timedelta(days=500)
    stage.orders.add(LI, "a contract of li", until=later, ground="Civil Code Art. 188")
    confirmation = stage.closed()
    assert stage.orders.items(LI) == ("an invoice of li", "a contract of li")
    fates = {one.name: one.fates for one in stage.service.receipt(confirmation.reference).claims.data_sets}
    assert {(one.until, one.ground) for one in fates["orders"] if one.until} == {
        (RETENTION_ENDS, GROUND),
        (later, "Civil Code Art. 188"),
    }

    def purged_at(time: datetime) -> tuple[str, ...]:
        stage.clock.set(time)
        stage.service.work()
        return stage.orders.items(LI)

    assert purged_at(RETENTION_ENDS - timedelta(microseconds=1)) == ("an invoice of li", "a contract of li")
    assert purged_at(RETENTION_ENDS) == ("a contract of li",)
    assert purged_at(later - timedelta(microseconds=1)) == ("a contract of li",)
    assert purged_at(later) == ()
    assert [(one.data_set, one.next) for one in stage.events() if isinstance(one, RetentionPurged)] == [
        ("orders", later),
        ("orders", None),
    ]
    assert stage.operator.due() == ()


def test_a_lock_is_told_to_the_person_by_letter(stage: Stage) -> None:
    """Whoever was locked out by somebody else learns of it, where the account is reached, and until when (L5)."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    verdicts = [stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code")) for _ in range(5)]
    stage.service.work()
    stage.service.work()
    (letter,) = stage.letters.letters
    assert (letter.kind, letter.to.address, letter.locale) == ("locked", "li.weiguo@example.com", "zh-CN")
    assert letter.until == verdicts[-1].locked_until
    assert (letter.portal, letter.reference) == ("Stage", None)


BLOCKED = Blocked((Blocker(code="open_order", ground=GROUND, remedy="/orders"),))


def test_an_account_given_back_is_told_by_letter_after_it_was_unfrozen(stage: Stage) -> None:
    """The letter says that the account works again, so that must be true by then (L14)."""
    stage.confirmed()
    stage.orders_check.finding = BLOCKED
    stage.service.work()
    assert after_confirmation(stage) == [
        "TaskDone freeze",
        "TaskDone revoke_sessions",
        "AccountGivenBack",
        "TaskDone unfreeze:1.0",
        "TaskDone tell_given_back:1.0",
    ]
    (letter,) = stage.letters.letters
    assert (letter.kind, letter.to.address, letter.until) == ("given_back", "li.weiguo@example.com", None)


def test_a_letter_to_an_account_without_an_address_is_passed_over(stage: Stage) -> None:
    """Somebody who cannot be written to is given the account back all the same (L19)."""
    stage.confirmed()
    stage.orders_check.finding = BLOCKED
    stage.accounts.change_contact(LI, "email", None)
    stage.service.work()
    assert of_kind(stage, TaskPassedOver)[0].startswith("TaskPassedOver tell_given_back")
    assert stage.letters.letters == ()
    account = stage.accounts.get(LI)
    assert account is not None
    assert account.standing == "open"


def test_an_account_without_an_address_is_closed_without_a_farewell(stage: Stage) -> None:
    """No address, no farewell task, and no key for one (L26)."""
    stage.policy.terms = attrs.evolve(TERMS, requirement=sms_code)
    stage.accounts.change_contact(LI, "email", None)
    stage.reason_given()
    stage.proved("sms_code")
    nonce = stage.service.notice(stage.principal, "en").nonce
    confirmation = stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    assert stage.service.status(confirmation.reference).step == "closed"
    assert not any("farewell" in one for one in after_confirmation(stage))
    assert stage.letters.letters == ()


def test_a_pass_without_work_does_nothing(stage: Stage) -> None:
    """Nothing is due, so nothing is claimed, read or written but the claim itself."""
    calls = stage.watched().calls
    assert stage.service.work() == WorkReport()
    assert calls == ["journal.claim"]


def test_a_pass_over_an_unavailable_journal_says_so(stage: Stage) -> None:
    """A worker that cannot reach the journal has an error to log, and the next pass does everything."""
    confirmation = stage.confirmed()
    watch = stage.watched()

    def down(_: int, name: str) -> None:
        if name == "journal.claim":
            raise ConnectionError("no route to the database")

    watch.before = down
    with pytest.raises(PortError):
        stage.service.work()
    watch.before = lambda number, name: None
    stage.service.work()
    assert stage.service.status(confirmation.reference).step == "closed"
