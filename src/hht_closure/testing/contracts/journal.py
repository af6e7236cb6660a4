"""The law of a journal, clause by clause: records and due times, and by inheritance leases and fences."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event

from hht_closure.errors import ClosureError, ConflictError
from hht_closure.ports import DueStream, Journal, Record
from hht_closure.testing.contracts._expect import at_once, raises
from hht_closure.testing.contracts._journal_stories import INSTANT, MINUTE, NOON, some_records
from hht_closure.testing.contracts.journal_leases import JournalLeasesContract


class JournalContract(JournalLeasesContract):
    """Subclass it, override ``make_journal`` and ``rolled_back``, and your journal has its suite."""

    def read_elsewhere(self, journal: Journal, stream: str) -> tuple[Record, ...]:
        """The whole stream as another process sees it: what is committed.

        Here another thread reads, on the same object. Override it where all threads share one connection, and read
        on another.
        """
        with ThreadPoolExecutor(1) as elsewhere:
            return elsewhere.submit(self._read, journal, stream).result()

    def test_a_new_stream_is_empty(self) -> None:
        """``read`` of a stream that nobody has written gives nothing, and is no error."""
        journal, _ = self._made()
        assert (self._read(journal), self._read(journal, whole=False)) == ((), ())

    def test_what_is_appended_is_read_back_to_the_byte(self) -> None:
        """``read`` gives body, hash, number and opening of every record, in order."""
        journal, _ = self._made()
        first, then = some_records(1, 3, opening={1}), some_records(4, 2, opening={5})
        self._append(journal, "s", 0, first)
        self._append(journal, "s", 3, then)
        assert self._read(journal) == first + then

    def test_reading_begins_where_the_last_round_opens(self) -> None:
        """Without ``whole``, the records before the last that opens a round are left out."""
        journal, _ = self._made()
        records = some_records(1, 6, opening={1, 4})
        self._append(journal, "s", 0, records)
        self._append(journal, "s", 6, some_records(7, 1))
        assert self._read(journal, whole=False) == records[3:] + some_records(7, 1)

    def test_without_an_opening_everything_is_read(self) -> None:
        """Where no record opens a round, reading begins at the first."""
        journal, _ = self._made()
        self._append(journal, "s", 0, some_records(1, 3))
        assert self._read(journal, whole=False) == some_records(1, 3)

    def test_streams_do_not_mix(self) -> None:
        """Each stream has its own numbers and its own records."""
        journal, _ = self._made()
        mine, other = some_records(1, 2, mark="mine"), some_records(1, 1, mark="other")
        self._append(journal, "s", 0, mine)
        self._append(journal, "t", 0, other)
        assert (self._read(journal, "s"), self._read(journal, "t")) == (mine, other)

    def test_who_expects_too_little_conflicts(self) -> None:
        """An append to a stream that has grown since is refused, and changes neither records nor due."""
        journal, _ = self._journal_with_a_stream()
        before = self._read(journal), self._due(journal)
        with raises(ConflictError):
            self._append(journal, "s", 1, some_records(2, 1, mark="late"), due=NOON + MINUTE)
        assert (self._read(journal), self._due(journal)) == before

    def test_who_expects_too_much_conflicts(self) -> None:
        """An append that would leave a gap is refused, also in a stream that does not exist yet."""
        journal, _ = self._journal_with_a_stream()
        before = self._read(journal)
        with raises(ConflictError):
            self._append(journal, "s", 3, some_records(4, 1))
        with raises(ConflictError):
            self._append(journal, "t", 1, some_records(2, 1))
        assert (self._read(journal), self._read(journal, "t")) == (before, ())

    def test_records_are_numbered_from_the_expected_length(self) -> None:
        """Records whose numbers leave a gap, or repeat one, are refused, and nothing changes."""
        journal, _ = self._journal_with_a_stream()
        before = self._read(journal)
        for wrong in (some_records(4, 1), some_records(2, 1), some_records(3, 1) + some_records(5, 1)):
            with raises(ClosureError):
                self._append(journal, "s", 2, wrong)
        assert self._read(journal) == before

    def test_there_is_no_empty_append(self) -> None:
        """An append of no records is refused, and does not move the due time."""
        journal, _ = self._journal_with_a_stream()
        with raises(ClosureError):
            self._append(journal, "s", 2, (), due=None)
        assert self._due(journal) == (DueStream("s", NOON),)

    def test_of_eight_appenders_exactly_one_wins(self) -> None:
        """Eight callers with the same expected length: one append, seven conflicts, no record of a loser."""
        journal, _ = self._journal_with_a_stream()
        batches = [some_records(3, 2, mark=str(number)) for number in range(8)]
        outcomes = at_once([partial(self._append, journal, "s", 2, batch) for batch in batches])
        winners = [number for number, outcome in enumerate(outcomes) if outcome is None]
        assert [type(outcome) for outcome in outcomes].count(ConflictError) == 7
        assert self._read(journal)[2:] == batches[winners[0]]

    def test_a_new_stream_has_one_first_append(self) -> None:
        """Eight callers who all begin the same stream: one of them does."""
        journal, _ = self._made()
        batches = [some_records(1, 1, mark=str(number)) for number in range(8)]
        outcomes = at_once([partial(self._append, journal, "s", 0, batch) for batch in batches])
        assert [type(outcome) for outcome in outcomes].count(ConflictError) == 7
        assert len(self._read(journal)) == 1

    def test_appenders_to_different_streams_do_not_conflict(self) -> None:
        """Eight callers on eight streams all append."""
        journal, _ = self._made()
        names = [f"stream-{number}" for number in range(8)]
        outcomes = at_once([partial(self._append, journal, name, 0, some_records(1, 2, mark=name)) for name in names])
        assert outcomes == [None] * 8
        assert [self._read(journal, name) for name in names] == [some_records(1, 2, mark=name) for name in names]

    def test_a_reader_sees_all_of_an_append_or_nothing(self) -> None:
        """While batches of three are appended, every reading has a length that three divides."""
        journal, _ = self._made()
        ended = Event()

        def write() -> list[int]:
            for batch in range(20):
                self._append(journal, "s", 3 * batch, some_records(3 * batch + 1, 3))
            ended.set()
            return []

        def lengths() -> Iterator[int]:
            while not ended.is_set():
                yield len(self._read(journal))

        outcomes = at_once([write, lambda: list(lengths()), lambda: list(lengths())])
        assert {length % 3 for outcome in outcomes if isinstance(outcome, list) for length in outcome} <= {0}
        assert len(self._read(journal)) == 60

    def test_a_rollback_of_the_hosts_takes_no_record_back(self) -> None:
        """What was appended while the host had a transaction open is there after its rollback, and due (L4)."""
        journal, _ = self._made()
        with self.rolled_back():
            self._append(journal, "s", 0, some_records(1, 2), due=NOON)
        assert (self._read(journal), self._due(journal)) == (some_records(1, 2), (DueStream("s", NOON),))

    def test_an_append_does_not_wait_for_the_hosts_transaction(self) -> None:
        """While the host's transaction is still open, others read what was appended: it counts from then on (L4)."""
        journal, _ = self._made()
        with self.rolled_back():
            self._append(journal, "s", 0, some_records(1, 2))
            seen = self.read_elsewhere(journal, "s")
        assert seen == some_records(1, 2)

    def test_a_rollback_of_the_hosts_gives_no_fence_back(self) -> None:
        """A lease taken while the host had a transaction open stays taken, and its fence is never given again (L18)."""
        journal, clock = self._journal_with_a_stream()
        with self.rolled_back():
            first = self._one_lease(journal)
        assert self._claim(journal) == ()
        clock.advance(MINUTE)
        assert self._one_lease(journal).fence > first.fence

    def test_a_stream_is_due_when_its_last_append_says(self) -> None:
        """Each append sets the time anew, to the microsecond, in UTC."""
        journal, _ = self._journal_with_a_stream()
        later = NOON + INSTANT
        self._append(journal, "s", 2, some_records(3, 1), due=later)
        assert self._due(journal) == (DueStream("s", later),)
        assert self._due(journal)[0].due.utcoffset() == timedelta(0)

    def test_a_stream_with_nothing_to_do_is_not_due(self) -> None:
        """An append with ``due=None`` takes the stream off."""
        journal, _ = self._journal_with_a_stream()
        self._append(journal, "s", 2, some_records(3, 1), due=None)
        assert self._due(journal) == ()

    def test_the_oldest_due_is_named_first(self) -> None:
        """``due`` goes by time, past and future, and stops at the limit."""
        journal, _ = self._made()
        times = {"a": NOON + MINUTE, "b": NOON - MINUTE, "c": NOON}
        for stream, due in times.items():
            self._append(journal, stream, 0, some_records(1, 1), due=due)
        assert [one.stream for one in self._due(journal)] == ["b", "c", "a"]
        assert [one.stream for one in self._due(journal, limit=2)] == ["b", "c"]

    def test_a_leased_stream_is_still_due(self) -> None:
        """``due`` names streams leased or not."""
        journal, _ = self._journal_with_a_stream()
        self._one_lease(journal)
        assert self._due(journal) == (DueStream("s", NOON),)

    def test_asking_what_is_due_leases_nothing(self) -> None:
        """``due`` changes nothing: the stream can be claimed afterwards."""
        journal, _ = self._journal_with_a_stream()
        self._due(journal)
        assert [lease.stream for lease in self._claim(journal)] == ["s"]
