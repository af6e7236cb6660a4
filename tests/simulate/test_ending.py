"""Every check of the end bites: a world that ended well is tampered with, and is named for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from hht_closure import events
from hht_closure.account import Account
from hht_closure.flows.stream import farewell_key, round_key
from hht_closure.lifecycle import fold
from hht_closure.ports import KeyPresent
from hht_closure.stages import Closed, Open, Withdrawn
from hht_closure.tasks import PendingTask
from hht_closure.testing.simulate.book import Book
from hht_closure.testing.simulate.clocks import BEGINS
from hht_closure.testing.simulate.ending import broken_at_the_end
from hht_closure.testing.simulate.world import World
from tests.simulate.playing import ended_so

YEAR = 365 * 86_400_000_000


def _is_closed(book: Book) -> bool:
    return isinstance(book.closure.stage, Closed) and bool(book.letters.get("farewell"))


def _is_withdrawn(book: Book) -> bool:
    return isinstance(book.closure.stage, Withdrawn)


def _is_open(book: Book) -> bool:
    return isinstance(book.closure.stage, Open)


def _found(is_wanted: Callable[[Book], bool], tamper: Callable[[World, Book], None]) -> set[str]:
    """The laws that are broken at the end of a world that was tampered with, and of which none was before."""
    world, book = ended_so(is_wanted)
    tamper(world, book)
    return {one.law for one in broken_at_the_end(world)}


@pytest.mark.parametrize("is_wanted", [_is_closed, _is_withdrawn, _is_open])
def test_a_world_that_ended_well_is_not_named(is_wanted: Callable[[Book], bool]) -> None:
    """Closed, withdrawn, or open still."""
    assert _found(is_wanted, lambda _, __: None) == set()


def _edit_the_journal(world: World, book: Book) -> None:
    records = world.portal.store.journal._streams[book.stream].records
    records[0] = attrs.evolve(records[0], body=records[0].body.replace(b"seq", b"sec"))


def _lose_an_entry(world: World, book: Book) -> None:
    world.portal.store.journal._streams[book.stream].records.pop()


def _keep_a_lease(world: World, book: Book) -> None:
    world.portal.store.journal.claim(limit=1, lease_for=timedelta(hours=1), stream=book.stream)


def _wait_for(book: Book, task: PendingTask) -> None:
    book.closure = attrs.evolve(book.closure, tasks=(*book.closure.tasks, task))


def _bring_it_back(world: World, book: Book) -> None:
    world.portal.host.accounts._retired.clear()
    world.portal.host.accounts.add(Account(id=book.account))


def _keep_the_key(world: World, key: str) -> None:
    world.portal.store.vault._keys[key] = KeyPresent(b"")


def _forget_the_farewell(_: World, book: Book) -> None:
    other = events.TaskReleased(BEGINS, "another", "operator", "mended")
    book.events[:] = [other if getattr(one, "task", "") == "farewell" else one for one in book.events]


@pytest.mark.parametrize(
    ("law", "tamper"),
    [
        ("L24", _edit_the_journal),
        ("L24", _lose_an_entry),
        ("L18", _keep_a_lease),
        ("L19", lambda _, book: _wait_for(book, PendingTask("purge", "orders", BEGINS, set_aside=True))),
        ("L16", lambda _, book: _wait_for(book, PendingTask("purge", "orders", BEGINS))),
        ("L15", _bring_it_back),
        ("RACE-03", lambda world, book: world.portal.host.under_way.update([book.account])),
        ("L17", lambda world, book: world.portal.host.sets[1].add(book.account)),
        ("L21", lambda world, _: world.portal.store.ledger._entries.clear()),
        ("L23", lambda world, book: _keep_the_key(world, round_key(book.stream, book.closure.stage.round.number))),
        ("L26", lambda world, book: _keep_the_key(world, farewell_key(book.stream, book.closure.stage.round.number))),
        ("L26", _forget_the_farewell),
        ("L16", lambda _, book: book.kinds.update([events.ClosingLocked])),
        ("L25", lambda world, _: world.persons[0].references.update({"no reference": None})),
        ("L25", lambda world, _: setattr(world.portal.host, "sets", world.portal.host.sets[:1])),
    ],
)
def test_a_closing_that_is_not_whole_is_named(law: str, tamper: Callable[[World, Book], None]) -> None:
    """In between is anything but closed and wholly erased."""
    assert law in _found(_is_closed, tamper)


def _is_closing_still(_: World, book: Book) -> None:
    confirmed = max(at for at, one in enumerate(book.events) if isinstance(one, events.ClosureConfirmed))
    book.closure = fold(book.events[: confirmed + 1])


def _freeze(world: World, book: Book) -> None:
    world.portal.host.accounts.freeze(book.account, 1_000_000)


@pytest.mark.parametrize(
    ("law", "tamper"),
    [
        ("L14", _freeze),
        ("L14", lambda world, book: world.portal.host.sanctioned.symmetric_difference_update([book.account])),
        ("L15", lambda world, book: world.portal.host.sets[0].added.update([book.account])),
        ("L16", _is_closing_still),
        ("L23", lambda world, book: _keep_the_key(world, round_key(book.stream, book.closure.stage.round.number))),
    ],
)
def test_an_account_that_was_kept_and_is_not_whole_is_named(law: str, tamper: Callable[[World, Book], None]) -> None:
    """In between is anything but open and whole."""
    wanted = lambda book: _is_withdrawn(book) and bool(book.kinds[events.ClosureConfirmed])  # noqa: E731
    assert law in _found(wanted, tamper)


def _destroy_its_key(world: World, book: Book) -> None:
    world.portal.store.vault.destroy(round_key(book.stream, book.closure.stage.round.number))


def _let_a_year_pass(world: World, _: Book) -> None:
    world.ground.clocks["store"].off += YEAR


@pytest.mark.parametrize(("law", "tamper"), [("L23", _destroy_its_key), ("L16", _let_a_year_pass)])
def test_a_round_that_is_open_is_whole_and_not_over(law: str, tamper: Callable[[World, Book], None]) -> None:
    """It has its key, and time left."""
    assert law in _found(_is_open, tamper)
