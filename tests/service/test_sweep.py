"""The sweep over the ledger: what a data set registered later still holds of accounts that are closed (L21)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.adapters.memory import MemoryDataSet, MemoryDirectory
from hht_closure.errors import ClosureError, InvalidValueError
from hht_closure.events import ClosureClosed, DataSetsAdded, RetentionPurged, TaskSetAside
from hht_closure.flows.answers import SweepReport
from hht_closure.ports import Done, EraseJob, Failed, Progress, Record
from hht_closure.service import AsyncClosureOperator, AsyncClosureService, ClosureOperator, ClosureService
from tests.service.doubles import AsyncDataSet, Parts, PlainJournal, built, portal_of
from tests.stage import GROUND, LI, NOW, RETENTION_ENDS, WANG, Killed, Stage, at_a_barrier, on_every_store

pytestmark = on_every_store

PEOPLE = ("li", "wang", "zhao", "qian", "sun")


@pytest.fixture
def town(stage: Stage) -> Stage:
    """Five people have accounts."""
    for number, name in enumerate(PEOPLE[2:], 3):
        mailbox = ContactPoint(channel="email", address=f"{name}@example.com", version="e1")
        phone = ContactPoint(channel="sms", address=f"+861380000{number:04d}", version="s1")
        stage.accounts.add(Account(id=AccountId(name), contacts=(phone, mailbox)))
    return stage


def _closed(stage: Stage, *people: str) -> None:
    for name in people:
        stage.closed(stage.logged_in(name))


def _late(stage: Stage, name: str = "photos", *, after: tuple[str, ...] = ()) -> MemoryDataSet:
    """A data set that nobody had thought of, with something of everybody."""
    photos = MemoryDataSet(name, after=after, clock=stage.clock)
    for owner in PEOPLE:
        photos.add(AccountId(owner), f"one of the {name} of {owner}")
    return photos


def _registered(stage: Stage, *data_sets: MemoryDataSet) -> None:
    """The next release has them."""
    stage.later_data_sets.extend(data_sets)
    stage.restarted()


def _owners(data_set: MemoryDataSet) -> list[str]:
    """Of whom there is anything left."""
    return [name for name in PEOPLE if data_set.items(AccountId(name))]


# --- whom it reaches -------------------------------------------------------------------------------------------------


def test_what_was_registered_later_goes_for_everybody_who_is_closed(town: Stage) -> None:
    """Three are closed, and the new release has photos: theirs go, and those of nobody else (L21)."""
    _closed(town, "li", "wang", "zhao")
    photos = _late(town)
    _registered(town, photos)
    report = town.service.sweep()
    assert (report, _owners(photos)) == (SweepReport(position=9, closed=3, added=3), list(PEOPLE))
    town.service.work()
    assert _owners(photos) == ["qian", "sun"]


def test_who_is_not_closed_is_left_alone(town: Stage) -> None:
    """Open, confirmed, held, given back: the ledger may name them, and their photos stay (L21)."""
    town.opened(town.logged_in("li"))
    town.downstream.outcome = Failed("permanent", "no_such_system")
    _closed(town, "wang")
    photos = _late(town)
    _registered(town, photos)
    before = town.everything()
    assert town.service.sweep() == SweepReport(position=2)
    assert town.everything() == before
    town.worked_off()
    assert _owners(photos) == list(PEOPLE)


def test_who_closes_after_the_sweep_is_not_forgotten(town: Stage) -> None:
    """The erasure began before the release, and the account is closed after the sweep: photos go, too (L21)."""
    town.downstream.outcome = Failed("permanent", "no_such_system")
    _closed(town, "li")
    photos = _late(town)
    _registered(town, photos)
    town.service.sweep()
    town.downstream.outcome = Done()
    town.operator.release(town.stream(), "host:downstream", actor="anna", reason="mended")
    town.worked_off()
    assert (town.count(ClosureClosed), photos.items(LI.id)) == (1, ())


def test_who_closes_under_the_new_release_needs_no_sweep(town: Stage) -> None:
    """The twin: it had all of it before, and the sweep adds nothing (L21)."""
    photos = _late(town)
    _registered(town, photos)
    _closed(town, "li")
    assert (photos.items(LI.id), town.service.sweep()) == ((), SweepReport(position=3, closed=1))
    assert town.count(DataSetsAdded) == 0


def test_another_portals_accounts_are_left_alone(stage: Stage) -> None:
    """Two portals keep one ledger: each sweeps its own, and passes over the other's (L1, L21)."""
    others_orders, others_photos = MemoryDataSet("orders"), _late(stage)
    other = portal_of(
        stage, name="Another", accounts=MemoryDirectory(LI), data_sets=(others_orders, MemoryDataSet("messages"))
    )
    ours = stage.service
    stage.service = built(ClosureService, stage, portal=other)
    stage.closed()
    stage.service = ours
    stage.closed(stage.logged_in("wang"))
    photos = _late(stage)
    _registered(stage, photos)
    assert stage.service.sweep() == SweepReport(position=6, closed=1, added=1)
    stage.worked_off()
    assert (photos.items(WANG.id), photos.items(LI.id), _owners(others_photos)) == (
        (),
        ("one of the photos of li",),
        list(PEOPLE),
    )


# --- page by page, again, and broken off -----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 4, 1000])
def test_it_may_be_done_page_by_page(town: Stage, limit: int) -> None:
    """Whatever the limit, the pages come to the same, and at the end the position stands still (L21)."""
    _closed(town, *PEOPLE)
    photos = _late(town)
    _registered(town, photos)
    reports = [town.service.sweep(limit=limit)]
    while (report := town.service.sweep(after=reports[-1].position, limit=limit)).position > reports[-1].position:
        reports.append(report)
    assert (sum(one.closed for one in reports), sum(one.added for one in reports)) == (5, 5)
    assert (report, len(reports)) == (SweepReport(position=15), -(-15 // limit))
    town.service.work()
    assert _owners(photos) == []


def test_twice_is_harmless(town: Stage) -> None:
    """From the beginning again, before and after the worker has come: nothing is added, nothing is written (L21)."""
    _closed(town, "li", "wang")
    _registered(town, _late(town))
    first = town.service.sweep()
    before = town.everything()
    assert (first.added, town.service.sweep().added, town.everything() == before) == (2, 0, True)
    town.service.work()
    assert (town.service.sweep().added, town.count(DataSetsAdded)) == (0, 1)


def test_without_a_new_data_set_it_changes_nothing(town: Stage) -> None:
    """The usual day: everybody is looked at, and nothing is written (L10, L21)."""
    assert town.service.sweep() == SweepReport(position=0)
    _closed(town, "li", "wang")
    before = town.everything()
    assert town.service.sweep() == SweepReport(position=6, closed=2)
    assert town.everything() == before


def test_every_release_is_swept_for_itself(town: Stage) -> None:
    """Photos come with one release, films with the next: each is added once (L21)."""
    _closed(town, "li")
    photos, films = _late(town), _late(town, "films")
    _registered(town, photos)
    first = town.service.sweep()
    town.service.work()
    _registered(town, films)
    second = town.service.sweep()
    town.service.work()
    assert (first.added, second.added, photos.items(LI.id), films.items(LI.id)) == (1, 1, (), ())


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_sweep_that_dies_in_the_middle_is_done_again(town: Stage, number: int, side: str) -> None:
    """Killed before or behind any of its appends; from the same position again it finds the rest (L16, L21)."""
    _closed(town, "li", "wang", "zhao")
    photos = _late(town)
    _registered(town, photos)
    watch = town.watched()
    appends = [number]

    def die(_: int, name: str) -> None:
        if name == "journal.append":
            appends[0] -= 1
            if not appends[0]:
                raise Killed

    setattr(watch, side, die)
    with pytest.raises(Killed):
        town.service.sweep()
    town.restarted()
    again = town.service.sweep()
    town.service.work()
    assert (again.closed, again.added, _owners(photos)) == (3, 3 - number + (side == "before"), ["qian", "sun"])
    assert [town.count(DataSetsAdded, account=one) for one in PEOPLE[:3]] == [1, 1, 1]


def _down_once(town: Stage, call: str) -> None:
    """The store does not answer to the first call of that name from now on."""
    watch = town.watched()
    watch.over(town.store.ledger, "ledger", "entries")
    errors = [OSError("no route")]

    def down(_: int, name: str) -> None:
        if name == call and errors:
            raise errors.pop()

    watch.before = down


@pytest.mark.parametrize("call", ["ledger.entries", "journal.append"])
def test_a_store_that_is_down_is_said_and_swept_again(town: Stage, call: str) -> None:
    """What could not be looked at or written has no position: from the same one again all is found (L21)."""
    _closed(town, "li", "wang")
    photos = _late(town)
    _registered(town, photos)
    _down_once(town, call)
    with pytest.raises(ClosureError):
        town.service.sweep()
    assert town.service.sweep().added == 2
    town.service.work()
    assert _owners(photos) == ["zhao", "qian", "sun"]


def test_who_could_not_be_read_is_counted_and_swept_again(town: Stage) -> None:
    """A page with somebody unworkable is swept once more, and what was added is not added again (L21)."""
    _closed(town, "li", "wang")
    photos = _late(town)
    _registered(town, photos)
    _down_once(town, "journal.read")
    first, second = town.service.sweep(), town.service.sweep()
    assert (first.unworkable, first.added, second.unworkable, second.added) == (1, 1, 0, 1)
    town.service.work()
    assert _owners(photos) == ["zhao", "qian", "sun"]


class Edited(PlainJournal):
    """A journal in which somebody has changed a byte of one stream."""

    def __init__(self, stage: Stage, stream: str) -> None:
        super().__init__(stage)
        self._stream = stream

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records, and one that is not what was appended."""
        records = self.kept.read(stream, whole=whole)
        if stream != self._stream:
            return records
        return (*records[:2], attrs.evolve(records[2], body=records[2].body.replace(b"at", b"ta", 1)), *records[3:])


def test_a_stream_that_cannot_be_read_stops_no_other(town: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It is counted and named in the log, an operator's affair; Wang, behind it, is swept (L19, L21, L24)."""
    _closed(town, "li", "wang")
    photos = _late(town)
    portal = portal_of(town, data_sets=(town.orders, town.messages, photos))
    service = built(ClosureService, town, portal=portal, store=Parts.of(town, journal=Edited(town, town.stream("li"))))
    caplog.set_level(logging.ERROR)
    assert service.sweep() == SweepReport(position=6, closed=1, added=1, unworkable=1)
    service.work()
    assert (photos.items(WANG.id), photos.items(LI.id)) == ((), ("one of the photos of li",))
    said = f"closure {town.stream('li')} could not be swept: stream {town.stream('li')} is broken at entry 3"
    assert next(one.getMessage() for one in caplog.records if one.levelno == logging.ERROR) == said


def test_two_sweeps_at_once_add_everything_once(town: Stage) -> None:
    """Two machines begin with the same release (L16, L21)."""
    _closed(town, *PEOPLE)
    photos = _late(town)
    _registered(town, photos)
    reports, refused = at_a_barrier(4, lambda _: town.service.sweep())
    assert (sum(one.added for one in reports), {one.closed for one in reports}, refused) == (5, {5}, [])
    town.service.work()
    assert [town.count(DataSetsAdded, account=one) for one in PEOPLE] == [1] * 5


# --- in which order, and what is kept ---------------------------------------------------------------------------------


def test_late_sets_keep_their_order(town: Stage) -> None:
    """Albums point to photos, and films to both; registered the other way round (L21, ERAS-07)."""
    order = list[str]()

    class Noted(MemoryDataSet):
        def erase(self, job: EraseJob) -> Progress:
            order.append(self.name)
            return super().erase(job)

    _closed(town, "li")
    films = Noted("films", after=("albums", "photos", "orders"), clock=town.clock)
    _registered(town, films, Noted("photos", after=("albums",), clock=town.clock), Noted("albums", clock=town.clock))
    assert town.service.sweep().added == 3
    town.service.work()
    assert order == ["albums", "photos", "films"]


def test_a_late_set_does_not_wait_for_what_an_old_one_keeps(town: Stage) -> None:
    """Photos come after orders, of which a law keeps an invoice for years; photos need not wait for that (L20, L21)."""
    _closed(town, "li")
    photos = _late(town, after=("orders",))
    _registered(town, photos)
    town.service.sweep()
    town.service.work()
    assert (photos.items(LI.id), town.orders.items(LI.id)) == ((), ("an invoice of li",))


def test_what_a_law_keeps_of_a_late_set_goes_later(town: Stage) -> None:
    """A part of the late set is kept; what comes after it is not; each goes in its own time (L20, L21)."""
    _closed(town, "li")
    albums, photos = _late(town, "albums"), _late(town, after=("albums",))
    albums.add(LI.id, "a paid album", until=RETENTION_ENDS, ground=GROUND)
    _registered(town, albums, photos)
    town.service.sweep()
    town.service.work()
    assert (albums.items(LI.id), photos.items(LI.id)) == (("a paid album",), ())
    town.clock.set(RETENTION_ENDS)
    town.service.work()
    assert (albums.items(LI.id), town.closure().tasks) == ((), ())


def test_a_hold_counts_for_a_late_set(town: Stage) -> None:
    """The court's order came after the closing, and before the sweep's worker (L20, L21)."""
    _closed(town, "li")
    photos = _late(town)
    _registered(town, photos)
    town.service.sweep()
    until = NOW + timedelta(days=30)
    town.operator.hold(
        town.stream(), "photos", until=until, ground="Court, order 12", actor="anna", reason="court_order"
    )
    town.service.work()
    kept = photos.items(LI.id)
    town.clock.set(until)
    town.service.work()
    assert (len(kept), photos.items(LI.id)) == (1, ())


def test_a_late_set_that_fails_is_set_aside_and_released(town: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a task like any other, also years after the account's key was destroyed (L19, L21)."""
    _closed(town, "li")
    photos = _late(town)
    _registered(town, photos)

    def fail(_: EraseJob) -> Progress:
        raise OSError

    town.clock.advance(timedelta(days=400))
    town.service.sweep()
    with monkeypatch.context() as failing:
        failing.setattr(photos, "erase", fail)
        for _ in range(24):
            town.service.work()
            town.clock.advance(timedelta(hours=1))
    aside = [one.task for one in town.happened.events if isinstance(one, TaskSetAside)]
    town.operator.release(town.stream(), "purge:photos", actor="anna", reason="mended")
    town.service.work()
    assert (aside, photos.items(LI.id)) == (["purge:photos"], ())


def test_a_worker_of_the_old_release_leaves_it_to_a_new_one(town: Stage) -> None:
    """It does not know the set, and that is a failure that passes: a worker of the new release does it (L19, L21)."""
    _closed(town, "li")
    photos = _late(town)
    old = town.service
    new = built(ClosureService, town, portal=portal_of(town, data_sets=(town.orders, town.messages, photos)))
    new.sweep()
    report = old.work()
    assert (report.failed, report.set_aside, photos.items(LI.id)) == (1, 0, ("one of the photos of li",))
    town.clock.advance(timedelta(hours=1))
    new.work()
    assert photos.items(LI.id) == ()


def test_workers_of_the_old_release_alone_call_an_operator(town: Stage) -> None:
    """The twin: nobody knows the set any more, it was rolled back, say; what stays there is not forgotten (L19)."""
    _closed(town, "li")
    photos = _late(town)
    old = town.service
    new = built(ClosureService, town, portal=portal_of(town, data_sets=(town.orders, town.messages, photos)))
    new.sweep()
    for _ in range(24):
        old.work()
        town.clock.advance(timedelta(hours=1))
    aside = [(one.task, one.code) for one in town.happened.events if isinstance(one, TaskSetAside)]
    ClosureOperator(new).release(town.stream(), "purge:photos", actor="anna", reason="all_are_new")
    new.work()
    assert (aside, photos.items(LI.id)) == ([("purge:photos", "not_registered")], ())


def test_status_and_receipt_stay_as_they_were(town: Stage) -> None:
    """The receipt was signed at the closing: it says what was done then (L21, L25)."""
    reference = town.closed(town.logged_in()).reference
    before = town.service.status(reference), town.service.receipt(reference)
    _registered(town, _late(town))
    town.service.sweep()
    town.service.work()
    assert (town.service.status(reference), town.service.receipt(reference)) == before
    purged = [one.data_set for one in town.events() if isinstance(one, RetentionPurged)]
    assert purged == ["photos"]


# --- the other face, and bad input -----------------------------------------------------------------------------------


def test_the_asynchronous_face_sweeps_as_well(town: Stage) -> None:
    """Both faces do the same (L21)."""
    _closed(town, "li", "wang")
    photos = _late(town)
    portal = portal_of(town, data_sets=(town.orders, town.messages, AsyncDataSet(photos)))
    service = built(AsyncClosureService, town, portal=portal)

    async def scenario() -> tuple[SweepReport, SweepReport, int]:
        first = await service.sweep(limit=4)
        second = await service.sweep(after=first.position)
        await service.work()
        operator = AsyncClosureOperator(service)
        return first, second, len((await operator.look(operator.stream_of(LI.id))).set_aside)

    assert asyncio.run(scenario()) == (
        SweepReport(position=4, closed=1, added=1),
        SweepReport(position=6, closed=1, added=1),
        0,
    )
    assert _owners(photos) == ["zhao", "qian", "sun"]


@pytest.mark.parametrize(
    "wrong", [{"after": -1}, {"after": "3"}, {"after": True}, {"limit": 0}, {"limit": 1_000_001}, {"limit": None}]
)
def test_what_is_no_position_and_no_limit_is_refused(town: Stage, wrong: dict[str, object]) -> None:
    """Before anything is read (L30)."""
    sweep: Callable[..., SweepReport] = town.service.sweep
    with pytest.raises(InvalidValueError):
        sweep(**wrong)


def test_behind_the_last_entry_there_is_nothing(town: Stage) -> None:
    """A position from a ledger that was longer, or from a later day, stands still (L21)."""
    _closed(town, "li")
    assert town.service.sweep(after=1_000) == SweepReport(position=1_000)
