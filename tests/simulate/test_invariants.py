"""Every check of what takes effect bites: what must not happen is named by its law, at the step at which it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs
import pytest

from hht_closure import codec, events
from hht_closure.account import AccountId, ContactPoint
from hht_closure.codec import START
from hht_closure.events import Event
from hht_closure.flows.stream import farewell_key, round_key
from hht_closure.lifecycle import fold
from hht_closure.policy import LegalHold
from hht_closure.ports import EraseJob, Lease, LedgerEntry, LedgerKind, Letter
from hht_closure.testing.simulate.book import Book
from hht_closure.testing.simulate.clocks import BEGINS
from hht_closure.testing.simulate.invariants import Invariants
from hht_closure.testing.simulate.trace import Trace
from hht_closure.testing.simulate.world import World
from tests.simulate.playing import ended_so

LATER: Final = BEGINS + timedelta(days=30)
BEGUN: Final = events.ErasureBegun(BEGINS, (), (), tombstone=False, farewell=None)
HOLD: Final = LegalHold("orders", LATER, "a case")


@attrs.frozen
class Scene:
    """A world in which nothing has happened yet, one of its accounts, and what is written of it."""

    world: World
    book: Book
    lines: list[str]

    @classmethod
    def new(cls) -> Scene:
        """A new one."""
        lines: list[str] = []
        world = World(1, Trace(lines.append))
        return cls(world, next(iter(world.ground.invariants.books.values())), lines)

    @property
    def invariants(self) -> Invariants:
        """What is told of everything."""
        return self.world.ground.invariants

    @property
    def account(self) -> AccountId:
        """Whose it is."""
        return self.book.account

    def broken(self) -> set[str]:
        """The laws that were broken."""
        return {line.partition("BROKEN ")[2].partition(":")[0] for line in self.lines if "BROKEN" in line}

    def has(self, *happened: Event) -> None:
        """That is durable already, however it came to be."""
        self.book.events.extend(happened)
        self.book.kinds.update(type(one) for one in happened)

    def append(self, event: Event, fence: int | None = None) -> None:
        """The journal has it now."""
        records = codec.write(self.book.stream, START, [event], _no_sealer, commit="once")
        self.invariants.appended(self.book.stream, records, fence)

    def erase(self) -> None:
        """An eraser is called."""
        self.world.portal.host.sets[0].erase(EraseJob(account=self.account, cursor="", limit=5, key="k"))

    def record(self, kind: LedgerKind) -> None:
        """The ledger has such an entry now."""
        entry = LedgerEntry(stream=self.book.stream, round=1, kind=kind, statement="", sealed_account=b"")
        self.world.portal.store.ledger.record(entry)

    def write(self, number: int) -> None:
        """A letter goes out."""
        to = ContactPoint(channel="email", address="li@example.com", version="1")
        name = f"{self.book.stream}.tell_given_back:{number}"
        self.invariants.sent(Letter(kind="given_back", to=to, locale="en", portal="Simulated", id=name))

    def waits_for_nothing(self) -> None:
        """No task is pending."""
        self.book.closure = attrs.evolve(self.book.closure, tasks=())


def _no_sealer(*_: object) -> events.Sealed:
    return events.Sealed(b"")


def _append_under_another(scene: Scene) -> None:
    scene.book.fence, scene.book.holders = 3, {3: "worker-3"}
    scene.append(events.LegalHoldSet(BEGINS, HOLD, "court", "evidence"), fence=3)


def _append_under_an_old_one(scene: Scene) -> None:
    scene.book.fence, scene.book.holders = 4, {3: "", 4: "worker-3"}
    scene.append(events.LegalHoldSet(BEGINS, HOLD, "court", "evidence"), fence=3)


def _go_about_while_it_is_closing(scene: Scene) -> None:
    _, book = ended_so(lambda one: bool(one.kinds[events.AccountGivenBack]))
    back = next(at for at, one in enumerate(book.events) if isinstance(one, events.AccountGivenBack))
    scene.book.closure = fold(book.events[:back])
    scene.waits_for_nothing()
    scene.invariants.revoked(scene.account)


def _take_a_lower_token(scene: Scene) -> None:
    scene.world.portal.host.accounts.unfreeze(scene.account, 5)
    scene.invariants.unfroze(scene.account, 4)


def _retire_without_tombstone(scene: Scene) -> None:
    scene.has(events.DataSetErased(BEGINS, "orders", ()), events.DataSetErased(BEGINS, "messages", ()))
    scene.book.closure = ended_so(_reserves_its_name)[1].closure
    scene.world.portal.host.accounts.retire(scene.account)


def _reserves_its_name(book: Book) -> bool:
    this = book.closure.round
    return bool(book.kinds[events.ClosureClosed]) and this is not None and this.terms.tombstone_for is not None


def _erase_on_and_on(scene: Scene) -> None:
    scene.append(events.LegalHoldSet(BEGINS, HOLD, "court", "evidence"))
    for _ in range(4):
        scene.erase()


def _buy_too_late(scene: Scene) -> None:
    scene.has(BEGUN)
    scene.invariants.bought(scene.account)


def _write_twice(scene: Scene) -> None:
    scene.has(events.AccountGivenBack(BEGINS, ("x",)))
    for number in (1, 2):
        scene.write(number)


def _destroy_the_farewell_key(scene: Scene) -> None:
    scene.has(events.KeyDestructionIntended(BEGINS, "destroy_farewell_key"))
    scene.world.portal.store.vault.destroy(farewell_key(scene.book.stream, 0))


def _destroy_the_key_of_an_open_round(scene: Scene) -> None:
    scene.has(events.KeyDestructionIntended(BEGINS, "destroy_key:0"))
    scene.world.portal.store.vault.destroy(round_key(scene.book.stream, 0))


@pytest.mark.parametrize(
    ("law", "happens"),
    [
        ("L18", lambda scene: scene.invariants.claimed(Lease(scene.book.stream, 0, LATER))),
        ("L18", _append_under_another),
        ("L18", _append_under_an_old_one),
        ("L15", lambda scene: scene.append(events.ClosureClosed(BEGINS, "a receipt"))),
        ("L14", lambda scene: scene.world.portal.host.accounts.freeze(scene.account, 1)),
        ("L13", _go_about_while_it_is_closing),
        ("L18", _take_a_lower_token),
        ("L17", lambda scene: scene.world.portal.host.accounts.retire(scene.account)),
        ("L27", _retire_without_tombstone),
        ("L15", Scene.erase),
        ("L21", Scene.erase),
        ("L20", _erase_on_and_on),
        ("RACE-03", _buy_too_late),
        ("L16", lambda scene: scene.write(1)),
        ("L16", _write_twice),
        ("L4", lambda scene: scene.invariants.compared(scene.account)),
        ("L23", lambda scene: scene.world.portal.store.vault.destroy(round_key(scene.book.stream, 1))),
        ("L26", _destroy_the_farewell_key),
        ("L23", _destroy_the_key_of_an_open_round),
        ("L15", lambda scene: scene.record("begun")),
        ("L24", lambda scene: scene.record("closed")),
    ],
)
def test_what_must_not_happen_is_named_by_its_law(law: str, happens: Callable[[Scene], None]) -> None:
    """At the step at which it takes effect, and before anybody could put it right."""
    scene = Scene.new()
    happens(scene)
    assert law in scene.broken()


def test_the_first_thing_that_is_broken_is_the_one_reported() -> None:
    """What follows from it is on the trace."""
    scene = Scene.new()
    scene.record("begun")
    scene.record("closed")
    assert scene.broken() == {"L15", "L24"}
    assert scene.invariants.violation is not None
    assert scene.invariants.violation.law == "L15"
