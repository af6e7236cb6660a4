"""What must hold at every step, of what is durable and of what is done outside; the first that does not is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hht_closure import codec, events
from hht_closure.account import AccountId
from hht_closure.errors import ClosureError
from hht_closure.events import Event
from hht_closure.flows.stream import farewell_key, round_key
from hht_closure.lifecycle import evolve
from hht_closure.policy import Clean, Finding
from hht_closure.ports import EraseJob, Lease, LedgerEntry, Letter, Progress, Record
from hht_closure.stages import Closed, Closing, Lapsed, Withdrawn
from hht_closure.testing.simulate.book import Book, Truth, Violation
from hht_closure.testing.simulate.durable import broken_by
from hht_closure.testing.simulate.schedule import Schedule
from hht_closure.testing.simulate.trace import Trace

_TOLD_AFTER: Final[Mapping[str, type[Event]]] = {
    "farewell": events.ClosureClosed,
    "given_back": events.AccountGivenBack,
    "locked": events.ClosingLocked,
}

_UNDER_WAY: Final = 3
"""How many batches may be under way when a hold is set: one of each worker."""


class Invariants:
    """Is told of everything that takes effect, at the moment it does.

    Attributes:
        violation: the first thing that did not hold.
        books: one for each account.
    """

    def __init__(self, schedule: Schedule, trace: Trace) -> None:
        self.violation: Violation | None = None
        self.books: dict[AccountId, Book] = {}
        self._schedule = schedule
        self._trace = trace
        self._by_stream: dict[str, Book] = {}
        self._truth: Truth | None = None

    def begin(self, truth: Truth, books: Iterable[Book]) -> None:
        """From now on this is what is so, and these are the accounts."""
        self._truth = truth
        for one in books:
            self.books[one.account] = self._by_stream[one.stream] = one

    @property
    def truth(self) -> Truth:
        """What is so."""
        assert self._truth is not None
        return self._truth

    def breaks(self, violation: Violation) -> None:
        """That does not hold; the first such thing is what is reported."""
        self._trace.write(self._schedule, f"BROKEN {violation}")
        self.violation = self.violation or violation

    def _see(self, book: Book, what: str, broken: Iterable[Violation] = ()) -> None:
        self._trace.write(self._schedule, f"{book.account}: {what}")
        for one in (*broken, *self._stands(book)):
            self.breaks(one)

    def _stands(self, book: Book) -> Iterable[Violation]:
        """Nobody is frozen without an end to it, and nobody goes about while their closing goes on (L13, L14)."""
        stage, standing = book.closure.stage, self.truth.standing(book.account)
        if standing == "frozen" and not (isinstance(stage, Closing) or book.pending("unfreeze")):
            yield Violation("L14", "the account is frozen, and nothing will end that")
        if isinstance(stage, Closing) and not book.pending("freeze") and standing not in {"frozen", "retired"}:
            yield Violation("L13", f"the freeze is done, the closing goes on, and the account is {standing}")

    # --- the journal ----------------------------------------------------------------------------------------

    def claimed(self, lease: Lease) -> None:
        """Somebody was given that lease: fences only grow (L18)."""
        book = self._by_stream[lease.stream]
        broken = [] if lease.fence > book.fence else [Violation("L18", f"fence {lease.fence} follows {book.fence}")]
        book.fence = lease.fence
        book.holders[lease.fence] = self._schedule.current.process
        self._see(book, f"leased, fence {lease.fence}", broken)

    def appended(self, stream: str, records: Sequence[Record], fence: int | None) -> None:
        """These are durable; under a fence only by whoever has it, while nobody has a later one (L18)."""
        book, process = self._by_stream[stream], self._schedule.current.process
        under = "" if fence is None else f" (fence {fence})"
        happened = codec.read(stream, records)
        self._trace.write(self._schedule, f"{book.account}: appended{under} {', '.join(map(_in_words, happened))}")
        if fence is not None and fence != book.fence:
            self.breaks(Violation("L18", f"fence {fence} appends, and {book.fence} was given to somebody else"))
        elif fence is not None and book.holders.get(fence) != process:
            self.breaks(Violation("L18", f"{process} appends under fence {fence} of {book.holders.get(fence)}"))
        for event in happened:
            for broken in broken_by(event, book, self.truth):
                self.breaks(broken)
            self._write_down(book, event)
        for broken in self._stands(book):
            self.breaks(broken)

    def _write_down(self, book: Book, event: Event) -> None:
        try:
            book.closure = evolve(book.closure, event)
        except ClosureError as error:
            self.breaks(Violation("L15", f"the journal has what cannot happen: {error}"))
        book.events.append(event)
        book.kinds[type(event)] += 1
        match event:
            case events.TaskDone():
                book.done[event.task] += 1
            case events.ClosureConfirmed():
                book.revoked = False
            case events.LegalHoldSet():
                book.under_hold[event.hold.data_set] = 0
            case _:
                pass

    # --- the directory --------------------------------------------------------------------------------------

    def froze(self, account: AccountId, token: int) -> None:
        """The directory held the account."""
        book = self.books[account]
        if book.frozen_in is None and self.truth.standing(account) == "frozen":
            book.frozen_in = self._schedule.steps
        self._see(book, f"frozen, token {token}", self._took(book, token))

    def unfroze(self, account: AccountId, token: int) -> None:
        """The directory gave it back."""
        book = self.books[account]
        book.frozen_in = None
        self._see(book, f"unfrozen, token {token}", self._took(book, token))

    def _took(self, book: Book, token: int) -> Iterable[Violation]:
        """A token lower than one seen is refused; one for an account that is gone does nothing (L18)."""
        if self.truth.standing(book.account) == "retired":
            return
        if token < book.token:
            yield Violation("L18", f"the directory took the token {token} after {book.token}")
        book.token = token

    def revoked(self, account: AccountId) -> None:
        """Its sessions were ended."""
        self.books[account].revoked = True
        self._see(self.books[account], "sessions revoked")

    def retired(self, account: AccountId) -> None:
        """It is gone: after the data sets, and after its login name was reserved (L15, L17, L27)."""
        book = self.books[account]
        self._see(book, "retired", self._early_retirement(book))

    def _early_retirement(self, book: Book) -> Iterable[Violation]:
        erased = {one.data_set for one in book.events if isinstance(one, events.DataSetErased)}
        for table in self.truth.host.sets:
            if table.name not in erased:
                yield Violation("L17", f"the account is retired, and {table.name!r} is not erased")
        this = book.closure.round
        if this is not None and this.terms.tombstone_for is not None and not self.truth.is_reserved(book.account):
            yield Violation("L27", "the account is retired, and its login name is not reserved")

    # --- data sets, preconditions, orders ---------------------------------------------------------------------

    def erased(self, data_set: str, job: EraseJob, progress: Progress) -> None:
        """An eraser was called: the point of no return and the ledger's entry are durable before it (L15, L21)."""
        book = self.books[job.account]
        self._see(book, f"{data_set}: {progress.erased} erased", self._early_erasure(book, data_set))

    def _early_erasure(self, book: Book, data_set: str) -> Iterable[Violation]:
        if not book.is_begun:
            yield Violation("L15", "an eraser is called, and the journal says of no erasure that it began")
        if not self.truth.is_in_ledger(book, "begun"):
            yield Violation("L21", "an eraser is called, and the ledger does not name the account")
        if book.closure.at is not None and book.is_held(data_set, book.closure.at):
            book.under_hold[data_set] += 1
            if book.under_hold[data_set] > _UNDER_WAY:
                yield Violation("L20", f"{data_set!r} is under a hold, and erased on and on")

    def checked(self, name: str, account: AccountId, finding: Finding) -> None:
        """A precondition was asked."""
        if isinstance(finding, Clean):
            self.books[account].clean_in[name] = self._schedule.steps

    def bought(self, account: AccountId) -> None:
        """An order was taken and paid: never for an account that is erased (RACE-03)."""
        book = self.books[account]
        early = [Violation("RACE-03", "an order is paid, and the account is being erased")] if book.is_begun else ()
        self._see(book, "an order is paid", early)

    # --- letters, answers, keys, the ledger -------------------------------------------------------------------

    def sent(self, letter: Letter) -> None:
        """A letter went out: about what has happened, and again only under the same id (L16)."""
        book = self._by_stream[letter.id.split(".")[0]]
        ids = book.letters.setdefault(letter.kind, set())
        ids.add(letter.id)
        self._see(book, f"letter {letter.kind}", self._told(book, letter.kind, len(ids)))

    def _told(self, book: Book, kind: str, ids: int) -> Iterable[Violation]:
        told_of = _TOLD_AFTER[kind]
        if ids > book.kinds[told_of]:
            yield Violation("L16", f"{ids} letters {kind!r} for {book.kinds[told_of]} times {told_of.__name__}")

    def compared(self, account: AccountId) -> None:
        """An answer was compared: it was counted, and that is durable (L4)."""
        book = self.books[account]
        book.compared += 1
        early = book.compared > book.kinds[events.AttemptCounted]
        self._see(book, "an answer is compared", [Violation("L4", "compared, and not counted")] if early else ())

    def destroyed(self, key: str) -> None:
        """A key was destroyed: intended before, and needed by nothing any more (L23)."""
        book = self._by_stream[key.split(".", maxsplit=1)[0]]
        self._see(book, f"key {key.removeprefix(book.stream)} destroyed", self._early_destruction(book, key))

    def _early_destruction(self, book: Book, key: str) -> Iterable[Violation]:
        this, stage = book.closure.round, book.closure.stage
        number = 0 if this is None else this.number
        intended = {one.task for one in book.events if isinstance(one, events.KeyDestructionIntended)}
        is_farewell = key == farewell_key(book.stream, number)
        task = "destroy_farewell_key" if is_farewell else f"destroy_key:{key.rsplit('.', maxsplit=1)[-1]}"
        if task not in intended:
            yield Violation("L23", "a key is destroyed, and that it would be is not in the journal")
        if is_farewell and not isinstance(stage, Closed):
            yield Violation("L26", "the farewell's key is destroyed, and the account is not closed")
        is_of_this_round = key == round_key(book.stream, number)
        if is_of_this_round and not isinstance(stage, Withdrawn | Lapsed | Closed) and not self._is_settled(book):
            yield Violation("L23", "the round's key is destroyed, and its data sets are not settled")

    def _is_settled(self, book: Book) -> bool:
        erased = {one.data_set for one in book.events if isinstance(one, events.DataSetErased)}
        every = {one.name for one in self.truth.host.sets}
        return erased >= every and self.truth.standing(book.account) == "retired"

    def recorded(self, entry: LedgerEntry) -> None:
        """The ledger has that entry: never before the journal (L15, L21)."""
        book = self._by_stream[entry.stream]
        wrong: list[Violation] = []
        if entry.kind == "begun" and not book.is_begun:
            wrong.append(Violation("L15", "the ledger says that the erasure began, and the journal does not"))
        if entry.kind == "closed" and not book.kinds[events.ClosureClosed]:
            wrong.append(Violation("L24", "the ledger says that it is closed, and the journal does not"))
        self._see(book, f"ledger {entry.kind}", wrong)


def _in_words(event: Event) -> str:
    about = getattr(event, "task", None) or getattr(event, "data_set", None)
    return type(event).__name__ if about is None else f"{type(event).__name__} {about}"
