"""What must be when a seed is over: faults have stopped long ago, time went on, and nothing is due any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from hht_closure import codec, events
from hht_closure.errors import ClosureError, ClosureRefused
from hht_closure.flows.stream import farewell_key, round_key
from hht_closure.stages import Closed, Closing, Open
from hht_closure.testing.simulate.book import Book, Truth, Violation
from hht_closure.testing.simulate.schedule import alone
from hht_closure.testing.simulate.world import World

_ANY: Final = timedelta(minutes=1)


def broken_at_the_end(world: World) -> Iterator[Violation]:
    """What does not hold of each account, and of what was promised to its person."""
    for book in world.ground.invariants.books.values():
        yield from _stream(book, world)
        yield from _tasks(book, world)
        if isinstance(book.closure.stage, Closed):
            yield from _closed(book, world.portal.truth)
        else:
            yield from _whole(book, world.portal.truth)
        yield from _keys(book, world.portal.truth)
        yield from _letters(book)
    yield from _references(world)


def _stream(book: Book, world: World) -> Iterator[Violation]:
    """The chain verifies, and holds what was appended (L24)."""
    records = world.portal.store.journal.read(book.stream, whole=True)
    verdict = codec.verify(book.stream, records)
    if not isinstance(verdict, codec.Valid) or verdict.head.sequence != len(book.events):
        yield Violation("L24", f"{book.account}: the journal's chain does not verify")


def _tasks(book: Book, world: World) -> Iterator[Violation]:
    """Nothing is set aside, nothing is due but what is to come, and no lease lasts (L16, L18, L19)."""
    journal = world.portal.store.journal
    leases = journal.claim(limit=1, lease_for=_ANY, stream=book.stream)
    if book.events and not leases:
        yield Violation("L18", f"{book.account}: a lease does not end")
    for lease in leases:
        journal.release(lease)
    now = world.ground.clocks["store"].now()
    if isinstance(book.closure.stage, Open) and book.closure.stage.lapses <= now:
        yield Violation("L16", f"{book.account}: the round is over, and nobody has ended it")
    for one in book.closure.tasks:
        if one.set_aside:
            yield Violation("L19", f"{book.account}: {one.name!r} is set aside, however often it is released")
        elif one.due <= now:
            yield Violation("L16", f"{book.account}: {one.name!r} is due and not done")


def _closed(book: Book, truth: Truth) -> Iterator[Violation]:
    """Closed, and wholly erased but for what a law still keeps (L15, L17, L20, L21)."""
    account = book.account
    if truth.standing(account) != "retired":
        yield Violation("L15", f"{account} is closed, and the account is {truth.standing(account)}")
    if truth.host.under_way[account]:
        yield Violation("RACE-03", f"{account} is closed, and an order is paid and not delivered")
    for table in truth.host.sets:
        left = table.rows[account]
        will_go = any(one.name == f"purge:{table.name}" for one in book.closure.tasks)
        if left and not will_go:
            yield Violation("L17", f"{account} is closed, and {len(left)} rows of {table.name!r} remain for ever")
    for kind in ("begun", "closed"):
        if not truth.is_in_ledger(book, kind):
            yield Violation("L21", f"{account} is closed, and the ledger has no entry {kind!r}")


def _whole(book: Book, truth: Truth) -> Iterator[Violation]:
    """Not closed: then it stands as it would without us, and nothing of it is gone (L14, L15)."""
    account = book.account
    should = "suspended" if account in truth.host.sanctioned else "open"
    if isinstance(book.closure.stage, Closing):
        yield Violation("L16", f"{account} is neither closed nor given back")
    if truth.standing(account) != should:
        yield Violation("L14", f"{account} is not closed, and {truth.standing(account)}; it should be {should}")
    for table in truth.host.sets:
        gone = table.added[account] - len(table.rows[account])
        if gone:
            yield Violation("L15", f"{account} is not closed, and {gone} rows of {table.name!r} are gone")


def _keys(book: Book, truth: Truth) -> Iterator[Violation]:
    """Every round that is over has lost its key, and one that is open has it (L23, L26)."""
    number = 0
    for event in book.events:
        if isinstance(event, events.RoundOpened):
            number = event.number
            is_open = isinstance(book.closure.stage, Open) and book.closure.stage.round.number == number
            if truth.is_destroyed(round_key(book.stream, number)) == is_open:
                yield Violation("L23", f"{book.account}: the key of round {number} is {'gone' if is_open else 'there'}")
        has_farewell = isinstance(event, events.ErasureBegun) and event.farewell is not None
        if has_farewell and not truth.is_destroyed(farewell_key(book.stream, number)):
            yield Violation("L26", f"{book.account}: the farewell's key is there")


def _letters(book: Book) -> Iterator[Violation]:
    """Whoever was to be told was told, or it was given up and says so (L16)."""
    ended = [one.task for one in book.events if isinstance(one, events.TaskDone | events.TaskPassedOver)]
    told = sum(one.startswith("tell_") for one in ended)
    should = book.kinds[events.AccountGivenBack] + book.kinds[events.ClosingLocked]
    if told != should:
        yield Violation("L16", f"{book.account}: {told} letters for {should} things to be told")
    has_farewell = any(isinstance(one, events.ErasureBegun) and one.farewell is not None for one in book.events)
    if book.kinds[events.ClosureClosed] and has_farewell and "farewell" not in ended:
        yield Violation("L26", f"{book.account}: no farewell went out")


def _references(world: World) -> Iterator[Violation]:
    """A reference that was given says how it ended, and of a closing it gives a receipt that verifies (L12, L25)."""
    given = {one: person.account for person in world.persons for one in person.references}
    for reference, account in given.items():
        try:
            status = alone(world.core.looking.status(reference))
            receipt = alone(world.core.looking.receipt(reference)) if status.step == "closed" else None
        except (ClosureError, ClosureRefused) as error:
            yield Violation("L25", f"{account}: a reference that was given is worth {error}")
            continue
        every = {one.name for one in world.portal.host.sets}
        if receipt is not None and {one.name for one in receipt.claims.data_sets} != every:
            yield Violation("L25", f"{account}: the receipt does not name every data set")
