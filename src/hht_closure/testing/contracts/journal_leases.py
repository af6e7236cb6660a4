"""The law of a journal's leases and fences, clause by clause (L18)."""

from __future__ import annotations

from functools import partial

from hht_closure.errors import ConflictError, LeaseLostError
from hht_closure.ports import DueStream, Journal, Lease
from hht_closure.testing.contracts._expect import at_once, raises
from hht_closure.testing.contracts._journal_stories import INSTANT, MINUTE, NOON, JournalStories, some_records

_NAMES = ("ab1", "A_1", "b_a_1", "a%1", "a", "a_1", "a_2")
"""Names of streams, in the order in which they are due; a pattern would take others for ``a_``."""


class JournalLeasesContract(JournalStories):
    """The half of the suite that is about leases; :class:`JournalContract` includes it."""

    def test_what_is_due_is_claimed_oldest_first(self) -> None:
        """``claim`` leases streams whose time has come, the oldest due first, at most ``limit``."""
        journal, _ = self._made()
        times = {"a": NOON, "b": NOON - MINUTE, "c": NOON - 2 * MINUTE}
        for stream, due in times.items():
            self._append(journal, stream, 0, some_records(1, 1), due=due)
        assert [lease.stream for lease in self._claim(journal, limit=2)] == ["c", "b"]
        assert [lease.stream for lease in self._claim(journal, limit=2)] == ["a"]

    def test_what_is_not_yet_due_is_not_claimed(self) -> None:
        """A stream is claimed from the instant at which it is due, and not a microsecond before."""
        journal, clock = self._made()
        self._append(journal, "s", 0, some_records(1, 1), due=NOON + INSTANT)
        assert self._claim(journal) == ()
        clock.advance(INSTANT)
        assert [lease.stream for lease in self._claim(journal)] == ["s"]

    def test_a_lease_ends_by_the_clock_of_the_store(self) -> None:
        """``expires`` is the store's time plus ``lease_for`` (L18)."""
        journal, _ = self._journal_with_a_stream()
        assert self._one_lease(journal).expires == NOON + MINUTE

    def test_a_leased_stream_is_not_claimed_until_the_lease_ends(self) -> None:
        """Two never hold one stream: it is free at ``expires``, and not a microsecond before (L18)."""
        journal, clock = self._journal_with_a_stream()
        self._one_lease(journal)
        clock.advance(MINUTE - INSTANT)
        assert self._claim(journal) == self._claim(journal, "s") == ()
        clock.advance(INSTANT)
        assert [lease.stream for lease in self._claim(journal)] == ["s"]

    def test_a_named_stream_is_claimed_due_or_not(self) -> None:
        """``claim`` with a name leases that stream alone, also when it has nothing to do."""
        journal, _ = self._journal_with_a_stream()
        self._append(journal, "t", 0, some_records(1, 1), due=None)
        assert [lease.stream for lease in self._claim(journal, "t")] == ["t"]
        assert [lease.stream for lease in self._claim(journal)] == ["s"]

    def test_only_names_with_the_prefix_are_claimed(self) -> None:
        """``claim(prefix=...)`` looks at names that begin with it, to the letter, and at no others (L1)."""
        journal = self._journal_of_two_portals()
        leases = self.settled(journal.claim(limit=100, lease_for=MINUTE, prefix="a_"))
        assert [lease.stream for lease in leases] == ["a_1", "a_2"]

    def test_a_named_stream_without_the_prefix_is_not_claimed(self) -> None:
        """``claim`` with a name and a prefix leases it where the name begins with the prefix, and else not (L1)."""
        journal = self._journal_of_two_portals()
        leases = [self.settled(journal.claim(limit=1, lease_for=MINUTE, prefix="a_", stream=one)) for one in _NAMES]
        assert [lease.stream for each in leases for lease in each] == ["a_1", "a_2"]

    def test_only_names_with_the_prefix_are_listed(self) -> None:
        """``due(prefix=...)`` looks at names that begin with it, to the letter, and at no others; limit and all."""
        journal = self._journal_of_two_portals()
        listed = [self.settled(journal.due(limit=limit, prefix="a_")) for limit in (100, 1)]
        assert [[one.stream for one in each] for each in listed] == [["a_1", "a_2"], ["a_1"]]

    def test_what_was_due_when_it_was_written_is_due_by_a_clock_that_stepped_back(self) -> None:
        """A clock that was ahead for a moment hides no work (L6, L16)."""
        journal, clock = self._made()
        self._append(journal, "s", 0, some_records(1, 1), due=NOON)
        self._append(journal, "t", 0, some_records(1, 1), due=NOON + INSTANT)
        clock.advance(-10 * MINUTE)
        assert [lease.stream for lease in self._claim(journal)] == ["s"]

    def test_fences_only_grow(self) -> None:
        """Each lease on a stream has a higher fence than any before, after an end and after a release (L18)."""
        journal, clock = self._journal_with_a_stream()
        fences = [self._one_lease(journal).fence]
        clock.advance(MINUTE)
        second = self._claim(journal)[0]
        self.settled(journal.release(second))
        fences += [second.fence, self._one_lease(journal).fence]
        assert 0 < fences[0] < fences[1] < fences[2]

    def test_leases_that_are_not_given_back_are_counted(self) -> None:
        """``takeovers`` is how many leases in a row ended without being given back (L19)."""
        journal, clock = self._journal_with_a_stream()
        found = list[int]()
        for _ in range(3):
            found.append(self._one_lease(journal).takeovers)
            clock.advance(MINUTE)
        assert found == [0, 1, 2]

    def test_who_appended_and_then_died_is_counted(self) -> None:
        """Progress hides no death: whatever is appended, only a lease that is given back ends the count (L19)."""
        journal, clock = self._journal_with_a_stream()
        first = self._one_lease(journal)
        self._append(journal, "s", 2, some_records(3, 1), due=NOON, fence=first.fence)
        clock.advance(MINUTE)
        second = self._one_lease(journal)
        self._append(journal, "s", 3, some_records(4, 1), due=NOON)
        clock.advance(MINUTE)
        assert [one.takeovers for one in (first, second, self._one_lease(journal))] == [0, 1, 2]

    def test_a_lease_that_is_given_back_ends_the_count(self) -> None:
        """Whoever gives the lease back has not died over it; and a renewed lease keeps its number (L19)."""
        journal, clock = self._journal_with_a_stream()
        self._one_lease(journal)
        clock.advance(MINUTE)
        lease = self.settled(journal.renew(self._one_lease(journal), MINUTE))
        self.settled(journal.release(lease))
        assert (lease.takeovers, self._one_lease(journal).takeovers) == (1, 0)

    def test_of_eight_claimers_one_holds_the_lease(self) -> None:
        """Eight workers at one instant: one lease, seven empty hands (L18)."""
        journal, _ = self._journal_with_a_stream()
        outcomes = at_once([partial(self._claim, journal, limit=1)] * 8)
        assert sorted(len(outcome) for outcome in outcomes if isinstance(outcome, tuple)) == [0] * 7 + [1]

    def test_claimers_share_the_work_without_overlap(self) -> None:
        """Eight workers and eight streams: every stream is leased once."""
        journal, _ = self._made()
        names = {f"stream-{number}" for number in range(8)}
        for name in names:
            self._append(journal, name, 0, some_records(1, 1), due=NOON)
        outcomes = at_once([partial(self._claim, journal, limit=2)] * 8)
        leased = [lease.stream for outcome in outcomes if isinstance(outcome, tuple) for lease in outcome]
        assert sorted(leased) == sorted(names)

    def test_the_holder_of_the_lease_appends_under_its_fence(self) -> None:
        """An append that carries the last fence given goes through."""
        journal, _ = self._journal_with_a_stream()
        lease = self._one_lease(journal)
        self._append(journal, "s", 2, some_records(3, 1), fence=lease.fence)
        assert len(self._read(journal)) == 3

    def test_a_worker_whose_lease_was_taken_cannot_append(self) -> None:
        """An append under an older fence is refused, and changes neither records nor due (L18)."""
        journal, clock = self._journal_with_a_stream()
        lost = self._one_lease(journal)
        clock.advance(MINUTE)
        self._one_lease(journal)
        with raises(LeaseLostError):
            self._append(journal, "s", 2, some_records(3, 1), due=NOON + MINUTE, fence=lost.fence)
        assert (len(self._read(journal)), self._due(journal)) == (2, (DueStream("s", NOON),))

    def test_a_fence_that_was_never_given_is_lost(self) -> None:
        """No append goes through under a fence from nowhere: not 0, not the next one."""
        journal, _ = self._journal_with_a_stream()
        with raises(LeaseLostError):
            self._append(journal, "s", 2, some_records(3, 1), fence=0)
        lease = self._one_lease(journal)
        with raises(LeaseLostError):
            self._append(journal, "s", 2, some_records(3, 1), fence=lease.fence + 1)
        assert len(self._read(journal)) == 2

    def test_the_fence_does_not_replace_the_expected_length(self) -> None:
        """The holder of a lease meets a conflict like everybody else."""
        journal, _ = self._journal_with_a_stream()
        lease = self._one_lease(journal)
        with raises(ConflictError):
            self._append(journal, "s", 1, some_records(2, 1), fence=lease.fence)
        assert len(self._read(journal)) == 2

    def test_a_person_needs_no_lease(self) -> None:
        """An append without a fence goes through while a worker holds the lease, and leaves it to the worker."""
        journal, _ = self._journal_with_a_stream()
        lease = self._one_lease(journal)
        self._append(journal, "s", 2, some_records(3, 1), due=NOON)
        assert self._claim(journal) == ()
        self._append(journal, "s", 3, some_records(4, 1), fence=lease.fence)
        assert len(self._read(journal)) == 4

    def test_a_renewed_lease_ends_later(self) -> None:
        """``renew`` keeps stream and fence, and nobody claims before the new end."""
        journal, clock = self._journal_with_a_stream()
        lease = self._one_lease(journal)
        clock.advance(MINUTE / 2)
        renewed = self.settled(journal.renew(lease, MINUTE))
        assert renewed == Lease("s", lease.fence, NOON + MINUTE * 1.5)
        clock.advance(MINUTE - INSTANT)
        assert self._claim(journal) == ()
        clock.advance(INSTANT)
        assert len(self._claim(journal)) == 1

    def test_a_renewal_does_not_shorten_a_lease(self) -> None:
        """``renew`` for less time than is left keeps the end that was promised."""
        journal, clock = self._journal_with_a_stream()
        lease = self._one_lease(journal)
        assert self.settled(journal.renew(lease, MINUTE / 60)) == lease
        clock.advance(MINUTE - INSTANT)
        assert self._claim(journal) == ()

    def test_a_lease_that_ended_is_renewed_while_nobody_took_it(self) -> None:
        """Only another claim makes a lease lost; its end alone does not."""
        journal, clock = self._journal_with_a_stream()
        lease = self._one_lease(journal)
        clock.advance(2 * MINUTE)
        assert self.settled(journal.renew(lease, MINUTE)).expires == NOON + 3 * MINUTE
        assert self._claim(journal) == ()

    def test_a_lost_lease_is_not_renewed(self) -> None:
        """``renew`` after another claim is refused, and the new holder's lease stays as it was (L18)."""
        journal, clock = self._journal_with_a_stream()
        lost = self._one_lease(journal)
        clock.advance(MINUTE)
        self._one_lease(journal)
        with raises(LeaseLostError):
            self.settled(journal.renew(lost, 10 * MINUTE))
        clock.advance(MINUTE)
        assert len(self._claim(journal)) == 1

    def test_a_released_stream_is_claimed_at_once(self) -> None:
        """``release`` frees the stream before the lease's end; a second release is no error."""
        journal, _ = self._journal_with_a_stream()
        lease = self._one_lease(journal)
        self.settled(journal.release(lease))
        self.settled(journal.release(lease))
        assert len(self._claim(journal)) == 1

    def test_releasing_a_lost_lease_leaves_the_new_one(self) -> None:
        """``release`` of a lease that another has taken over is no error and frees nothing (L18)."""
        journal, clock = self._journal_with_a_stream()
        lost = self._one_lease(journal)
        clock.advance(MINUTE)
        self._one_lease(journal)
        self.settled(journal.release(lost))
        assert self._claim(journal) == ()

    def _journal_of_two_portals(self) -> Journal:
        """Streams that are due, of which some begin with ``a_``; the others come first in time."""
        journal, _ = self._made()
        for place, stream in enumerate(_NAMES):
            self._append(journal, stream, 0, some_records(1, 1), due=NOON - MINUTE * (len(_NAMES) - place))
        return journal
