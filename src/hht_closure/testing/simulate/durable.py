"""What must hold when an event becomes durable: it says what has happened, and rests on what is durable already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from hht_closure import events
from hht_closure.events import Event
from hht_closure.flows.stream import farewell_key, round_key
from hht_closure.policy.terms import MOST_FAILURES
from hht_closure.stages import Closing
from hht_closure.testing.simulate.book import Book, Truth, Violation
from hht_closure.verification import missing_factors

E = TypeVar("E", bound=Event)
Check = Callable[[E, Book, Truth], Iterator[Violation]]

_CHECKS: Final[dict[type[Event], Callable[..., Iterator[Violation]]]] = {}


def _on(*kinds: type[Event]) -> Callable[[Check[E]], Check[E]]:
    """Have that checked whenever an event of one of these kinds becomes durable."""

    def register(check: Check[E]) -> Check[E]:
        _CHECKS.update(dict.fromkeys(kinds, check))
        return check

    return register


def broken_by(event: Event, book: Book, truth: Truth) -> Iterable[Violation]:
    """What does not hold though this event has just become durable; the book is of the moment before."""
    check = _CHECKS.get(type(event))
    return () if check is None else check(event, book, truth)


# --- counting -------------------------------------------------------------------------------------------------


@_on(events.RoundOpened)
def _counters(event: events.RoundOpened, book: Book, _: Truth) -> Iterator[Violation]:
    """A round takes over every counter as it stands (L5)."""
    carried = event.carried.attempts
    have = (carried.challenges, carried.counted, len(carried.failures))
    made, counted = book.kinds[events.ChallengeMade], book.kinds[events.AttemptCounted]
    should = (made, counted, min(book.kinds[events.AnswerRejected], MOST_FAILURES))
    if have != should:
        yield Violation("L5", f"a round begins with the counters {have}, and they stand at {should}")


@_on(events.AttemptCounted)
def _attempt(event: events.AttemptCounted, book: Book, _: Truth) -> Iterator[Violation]:
    """Numbers go up by one over all rounds, and none is given while the closing is locked (L4, L5)."""
    if event.number != book.kinds[events.AttemptCounted] + 1:
        yield Violation("L4", f"attempt {event.number} follows {book.kinds[events.AttemptCounted]} of them")
    locked = max((one.until for one in book.events if isinstance(one, events.ClosingLocked)), default=event.at)
    if event.at < locked:
        yield Violation("L5", "an answer was taken while the closing is locked")


@_on(events.FactorProved, events.AnswerRejected)
def _verdict(event: events.FactorProved | events.AnswerRejected, book: Book, _: Truth) -> Iterator[Violation]:
    """Each attempt is judged once, and after it was counted; each challenge is used up once (L4, L6)."""
    judged = [one.attempt for one in book.events if isinstance(one, events.FactorProved | events.AnswerRejected)]
    if event.attempt in judged or event.attempt > book.kinds[events.AttemptCounted]:
        yield Violation("L4", f"attempt {event.attempt} is judged twice, or was never counted")
    if isinstance(event, events.FactorProved) and any(
        isinstance(one, events.FactorProved) and one.challenge == event.challenge for one in book.events
    ):
        yield Violation("L6", "a challenge was right twice")


@_on(events.ClosureConfirmed)
def _confirmed(event: events.ClosureConfirmed, book: Book, _: Truth) -> Iterator[Violation]:
    """Every factor was proved since the account was last given back (L2, L14)."""
    this = book.this_round()
    back = max((at for at, one in enumerate(this) if isinstance(one, events.AccountGivenBack)), default=0)
    proved = {one.factor for one in this[back:] if isinstance(one, events.FactorProved)}
    stage = book.closure.stage
    requirement = None if book.closure.round is None else book.closure.round.terms.requirement
    missing = () if requirement is None else missing_factors(requirement, proved)
    if missing or isinstance(stage, Closing):
        yield Violation("L2", f"confirmed at {event.at}, and not proved: {', '.join(missing) or 'confirmed twice'}")


# --- the point of no return -----------------------------------------------------------------------------------


@_on(events.ErasureBegun)
def _begun(_: events.ErasureBegun, book: Book, truth: Truth) -> Iterator[Violation]:
    """Frozen, then found clean, then begun; nothing paid is under way (L13, RACE-03)."""
    if book.is_begun:
        yield Violation("L15", "the erasure begins twice")
    if truth.standing(book.account) != "frozen" or book.frozen_in is None:
        yield Violation("L13", f"the erasure begins, and the account is {truth.standing(book.account)}")
        return
    for name in truth.preconditions:
        if book.clean_in.get(name, -1) < book.frozen_in:
            yield Violation("L13", f"the erasure begins, and since the freeze {name!r} was not found clean")
    if truth.host.under_way[book.account]:
        yield Violation("RACE-03", "the erasure begins, and an order is paid and not delivered")
    found, stage = truth.host.accounts.get(book.account), book.closure.stage
    if found is not None and isinstance(stage, Closing) and found.contact_versions != stage.confirmed.contacts:
        yield Violation("L14", "the erasure begins, and a contact point is not the one that was confirmed")
    if truth.host.owed[book.account]:
        yield Violation("L13", "the erasure begins, and a bill is not paid")


@_on(events.AccountGivenBack, events.RoundWithdrawn, events.RoundLapsed)
def _left(
    event: events.AccountGivenBack | events.RoundWithdrawn | events.RoundLapsed, book: Book, _: Truth
) -> Iterator[Violation]:
    """Nothing leads back from the point of no return (L15)."""
    if book.is_begun:
        yield Violation("L15", f"{type(event).__name__} after the erasure has begun")


# --- tasks ----------------------------------------------------------------------------------------------------

_AGAIN: Final = frozenset({"freeze", "revoke_sessions"})
"""What is done once for each confirmation; every other task has a name of its own each time."""


@_on(events.TaskDone)
def _done(event: events.TaskDone, book: Book, truth: Truth) -> Iterator[Violation]:
    """It has happened outside, and is said once (L16)."""
    task = event.task
    most = book.kinds[events.ClosureConfirmed] if task in _AGAIN else 1
    if book.done[task] >= most:
        yield Violation("L16", f"the task {task!r} is done once more")
    kind, _, subject = task.partition(":")
    has_happened = _HAPPENED.get(kind)
    if has_happened is not None and not has_happened(book, truth, subject):
        yield Violation("L16", f"the task {task!r} is called done, and has not happened")


_HAPPENED: Final[Mapping[str, Callable[[Book, Truth, str], bool]]] = {
    "freeze": lambda book, truth, _: truth.standing(book.account) == "frozen",
    "revoke_sessions": lambda book, _, __: book.revoked,
    "unfreeze": lambda book, truth, _: truth.standing(book.account) != "frozen",
    "tell_locked": lambda book, _, subject: f"{book.stream}.tell_locked:{subject}" in book.letters.get("locked", ()),
    "tell_given_back": lambda book, _, subject: (
        f"{book.stream}.tell_given_back:{subject}" in book.letters.get("given_back", ())
    ),
    "ledger_begun": lambda book, truth, _: truth.is_in_ledger(book, "begun"),
    "host": lambda book, truth, subject: any(key.startswith(book.stream) for key in truth.tasks[subject].told),
    "tombstone": lambda book, truth, _: truth.is_reserved(book.account),
    "retire": lambda book, truth, _: truth.standing(book.account) == "retired",
    "ledger_closed": lambda book, truth, _: truth.is_in_ledger(book, "closed"),
    "farewell": lambda book, _, __: bool(book.letters.get("farewell")),
}


@_on(events.DataSetErased)
def _erased(event: events.DataSetErased, book: Book, truth: Truth) -> Iterator[Violation]:
    """Nothing remains that must go, and what remains is named until when (L17, L20)."""
    if any(isinstance(one, events.DataSetErased) and one.data_set == event.data_set for one in book.events):
        yield Violation("L16", f"the data set {event.data_set!r} is erased once more")
    named, ends = {one.until for one in event.portions}, truth.ends(book.account, event.data_set)
    if book.is_held(event.data_set, event.at):
        if ends and named == {None}:
            yield Violation("L20", f"{event.data_set!r} is called erased, and nobody says that it is under a hold")
        return
    if None in ends:
        yield Violation("L17", f"{event.data_set!r} is called erased, and {ends.count(None)} rows remain that must go")
    if not named.issuperset(ends):
        yield Violation("L20", f"{event.data_set!r} is called erased, and rows are kept, and nobody says until when")


@_on(events.RetentionPurged)
def _purged(event: events.RetentionPurged, book: Book, truth: Truth) -> Iterator[Violation]:
    """What was kept and may go is gone, and the next end is named (L20)."""
    ends = truth.ends(book.account, event.data_set)
    is_left = None in ends and not book.is_held(event.data_set, event.at)
    if is_left or (ends and event.next is None):
        yield Violation("L20", f"{event.data_set!r} is called purged, and rows remain that nobody will purge")


@_on(events.BatchErased)
def _batch(event: events.BatchErased, book: Book, _: Truth) -> Iterator[Violation]:
    """Nothing is erased under a hold (L20)."""
    data_set = event.task.partition(":")[2]
    if book.is_held(data_set, event.at):
        yield Violation("L20", f"a batch of {data_set!r} is recorded, and it is under a hold")


# --- the key, the receipt -------------------------------------------------------------------------------------


@_on(events.KeyDestroyed)
def _destroyed(event: events.KeyDestroyed, book: Book, truth: Truth) -> Iterator[Violation]:
    """The key is destroyed, and it is said once (L23)."""
    task = event.task
    kind, _, subject = task.partition(":")
    number = 0 if book.closure.round is None else book.closure.round.number
    key = round_key(book.stream, int(subject)) if kind == "destroy_key" else farewell_key(book.stream, number)
    if not truth.is_destroyed(key):
        yield Violation("L23", f"{task!r} is called done, and the key is there")
    if any(isinstance(one, events.KeyDestroyed) and one.task == task for one in book.events):
        yield Violation("L16", f"{task!r} is done once more")


@_on(events.ClosureClosed)
def _closed(_: events.ClosureClosed, book: Book, truth: Truth) -> Iterator[Violation]:
    """Closed once, when nothing is left but the proofs of it (L17, L23, L25)."""
    if book.kinds[events.ClosureClosed]:
        yield Violation("L25", "there are two receipts")
    if truth.standing(book.account) != "retired":
        yield Violation("L15", f"closed, and the account is {truth.standing(book.account)}")
    if not truth.is_round_key_destroyed(book):
        yield Violation("L23", "closed, and the round's key is not destroyed")
    erased = {one.data_set for one in book.events if isinstance(one, events.DataSetErased)}
    for table in truth.host.sets:
        if table.name not in erased:
            yield Violation("L17", f"closed, and {table.name!r} is not erased")
