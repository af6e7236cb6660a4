"""Every check of an event bites: what must not become durable is named by its law, and its twin passes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import attrs
import pytest

from hht_closure import events
from hht_closure.events import Event
from hht_closure.policy import LegalHold, Portion
from hht_closure.testing.simulate.book import Book, Truth
from hht_closure.testing.simulate.clocks import BEGINS
from hht_closure.testing.simulate.durable import broken_by
from hht_closure.testing.simulate.trace import Trace
from hht_closure.testing.simulate.world import World
from hht_closure.verification import Attempts

NOW: Final = BEGINS
LATER: Final = NOW + timedelta(days=30)

BEGUN: Final = events.ErasureBegun(NOW, (), (), tombstone=False, farewell=None)
COUNTED: Final = events.AttemptCounted(NOW, 1, "1")
REJECTED: Final = events.AnswerRejected(NOW, 1)
PROVED: Final = events.FactorProved(NOW, 1, "email_code", "address_control", "1", LATER)
CONFIRMED: Final = events.ClosureConfirmed(NOW, "", "1", "", "en", "", (), "k", NOW)
ERASED: Final = events.DataSetErased(NOW, "orders", (Portion("erased", 1),))
DESTROYED: Final = events.KeyDestroyed(NOW, "destroy_key:1")
CLOSED: Final = events.ClosureClosed(NOW, "a receipt")


@attrs.frozen
class Scene:
    """One account of a world in which nothing has happened yet."""

    book: Book
    truth: Truth

    @classmethod
    def new(cls) -> Scene:
        """A new one."""
        world = World(1, Trace())
        return cls(next(iter(world.ground.invariants.books.values())), world.portal.truth)


Prepare = Callable[[Scene], None]


def _has(*happened: Event) -> Prepare:
    """That is durable already, however it came to be."""

    def prepare(scene: Scene) -> None:
        scene.book.events.extend(happened)
        scene.book.kinds.update(type(one) for one in happened)
        scene.book.done.update(one.task for one in happened if isinstance(one, events.TaskDone))

    return prepare


def _row(*, kept: bool) -> Prepare:
    """There is a row."""

    def prepare(scene: Scene) -> None:
        scene.truth.host.sets[0].add(scene.book.account, kept_for=timedelta(days=30) if kept else None)

    return prepare


def _held(until: datetime = LATER) -> Prepare:
    """A court has it kept."""

    def prepare(scene: Scene) -> None:
        scene.book.closure = attrs.evolve(scene.book.closure, holds=(LegalHold("orders", until, "a case"),))

    return prepare


def _frozen(scene: Scene) -> None:
    """The account is frozen, and was found clean since."""
    scene.truth.host.accounts.freeze(scene.book.account, 1)
    scene.book.frozen_in = 5
    scene.book.clean_in = dict.fromkeys(scene.truth.preconditions, 7)


def _checked_too_early(scene: Scene) -> None:
    scene.book.clean_in["no_money_owed"] = 4


def _owes(scene: Scene) -> None:
    scene.truth.host.owed[scene.book.account] = 1


def _waits_for_an_order(scene: Scene) -> None:
    scene.truth.host.under_way[scene.book.account] = 1


def _laws(event: Event, *prepared: Prepare) -> set[str]:
    """The laws that it breaks."""
    scene = Scene.new()
    for prepare in prepared:
        prepare(scene)
    return {one.law for one in broken_by(event, scene.book, scene.truth)}


@pytest.mark.parametrize(
    ("law", "event", "prepared"),
    [
        ("L4", COUNTED, [_has(COUNTED)]),
        ("L5", COUNTED, [_has(events.ClosingLocked(NOW, LATER))]),
        ("L4", REJECTED, []),
        ("L4", REJECTED, [_has(COUNTED, REJECTED)]),
        ("L6", attrs.evolve(PROVED, attempt=2), [_has(COUNTED, PROVED, COUNTED)]),
        ("L13", BEGUN, []),
        ("L13", BEGUN, [_frozen, _checked_too_early]),
        ("L13", BEGUN, [_frozen, _owes]),
        ("RACE-03", BEGUN, [_frozen, _waits_for_an_order]),
        ("L15", BEGUN, [_frozen, _has(BEGUN)]),
        ("L15", events.RoundWithdrawn(NOW), [_has(BEGUN)]),
        ("L15", events.RoundLapsed(NOW), [_has(BEGUN)]),
        ("L15", events.AccountGivenBack(NOW, ("changed",)), [_has(BEGUN)]),
        ("L16", events.TaskDone(NOW, "freeze"), [_has(CONFIRMED)]),
        ("L16", events.TaskDone(NOW, "freeze"), [_frozen, _has(CONFIRMED, events.TaskDone(NOW, "freeze"))]),
        ("L16", events.TaskDone(NOW, "revoke_sessions"), [_has(CONFIRMED)]),
        ("L16", events.TaskDone(NOW, "unfreeze:1.0"), [_frozen]),
        ("L16", events.TaskDone(NOW, "tell_locked:3"), []),
        ("L16", events.TaskDone(NOW, "tell_given_back:1.0"), []),
        ("L16", events.TaskDone(NOW, "ledger_begun"), []),
        ("L16", events.TaskDone(NOW, "host:downstream"), []),
        ("L16", events.TaskDone(NOW, "tombstone"), []),
        ("L16", events.TaskDone(NOW, "retire"), []),
        ("L16", events.TaskDone(NOW, "ledger_closed"), []),
        ("L16", events.TaskDone(NOW, "farewell"), []),
        ("L16", ERASED, [_has(ERASED)]),
        ("L17", ERASED, [_row(kept=False)]),
        ("L20", ERASED, [_row(kept=True)]),
        ("L20", ERASED, [_row(kept=False), _held()]),
        ("L17", ERASED, [_row(kept=False), _held(until=NOW)]),
        ("L20", events.RetentionPurged(NOW, "orders", None), [_row(kept=False)]),
        ("L20", events.RetentionPurged(NOW, "orders", None), [_row(kept=True)]),
        ("L20", events.BatchErased(NOW, "erase:orders", 2, "7"), [_held()]),
        ("L23", DESTROYED, []),
        ("L16", DESTROYED, [_has(DESTROYED)]),
        ("L25", CLOSED, [_has(CLOSED)]),
        ("L15", CLOSED, []),
        ("L17", CLOSED, []),
        ("L23", CLOSED, []),
    ],
)
def test_an_event_that_must_not_be_is_named_by_its_law(law: str, event: Event, prepared: list[Prepare]) -> None:
    """Whatever else may be wrong with it here, where nothing has led to it."""
    assert law in _laws(event, *prepared)


def test_a_round_that_begins_with_other_counters_is_named() -> None:
    """A new round changes no counter (L5)."""
    terms = World(1, Trace()).core.wiring.policy.variants()[0]
    opened = events.RoundOpened(NOW, 2, events.Clear("li"), terms, "", events.Carried(Attempts(), (), ()))
    assert _laws(opened) == set()
    assert _laws(opened, _has(COUNTED)) == {"L5"}


@pytest.mark.parametrize(
    ("event", "prepared"),
    [
        (COUNTED, [_has(events.ClosingLocked(NOW, NOW))]),
        (REJECTED, [_has(COUNTED)]),
        (BEGUN, [_frozen]),
        (events.RoundWithdrawn(NOW), []),
        (events.TaskDone(NOW, "freeze"), [_frozen, _has(CONFIRMED, CONFIRMED, events.TaskDone(NOW, "freeze"))]),
        (ERASED, []),
        (ERASED, [_held()]),
        (events.BatchErased(NOW, "erase:orders", 2, "7"), [_held(until=NOW)]),
    ],
)
def test_its_twin_that_may_be_passes(event: Event, prepared: list[Prepare]) -> None:
    """The same event, where what it rests on is so."""
    assert _laws(event, *prepared) == set()
