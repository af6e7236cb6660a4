"""The law of a ledger, clause by clause (L21)."""

from __future__ import annotations

from typing import get_args

import attrs

from hht_closure.ports import Ledger, LedgerEntry, LedgerKind
from hht_closure.testing.contracts._expect import KeepingContract, at_once

BEGUN = LedgerEntry(stream="s", round=1, kind="begun", statement="head.of.begun", sealed_account=b"\x00sealed\xff")
CLOSED = LedgerEntry(
    stream="s",
    round=1,
    kind="closed",
    statement="head.of.closed",
    receipt="receipt.of.closed",
    sealed_account=b"sealed again",
)
PURGED = attrs.evolve(BEGUN, kind="purged", subject="invoices", statement="head.of.purged")


class LedgerContract(KeepingContract):
    """Subclass it, override ``make_ledger`` and ``rolled_back``, and your ledger has its suite."""

    def make_ledger(self) -> Ledger:
        """A new, empty ledger. Called once in each test; several threads call it."""
        raise NotImplementedError("make_ledger is a hook that the suite needs")

    def _recorded(self, *entries: LedgerEntry) -> Ledger:
        ledger = self.make_ledger()
        for entry in entries:
            self.settled(ledger.record(entry))
        return ledger

    def test_a_new_ledger_is_empty(self) -> None:
        """There are no entries, and none of any round."""
        ledger = self.make_ledger()
        assert (self.settled(ledger.entries()), self.settled(ledger.find("s", 1))) == ((), ())

    def test_positions_begin_at_one_and_grow(self) -> None:
        """``record`` gives each entry its place in the order of recording."""
        ledger = self.make_ledger()
        positions = [self.settled(ledger.record(entry)) for entry in (BEGUN, CLOSED, PURGED)]
        assert positions[0] == 1
        assert positions == sorted(set(positions))

    def test_entries_are_given_back_as_they_were(self) -> None:
        """``entries`` gives every field, with the position, in order."""
        ledger = self.make_ledger()
        positions = [self.settled(ledger.record(entry)) for entry in (BEGUN, CLOSED, PURGED)]
        expected = tuple(zip(positions, (BEGUN, CLOSED, PURGED), strict=True))
        assert self.settled(ledger.entries()) == expected

    def test_the_same_entry_again_keeps_its_first_position(self) -> None:
        """What is about the same stream, round, kind and subject stands once, and the first one's words stay."""
        ledger = self.make_ledger()
        first = self.settled(ledger.record(BEGUN))
        self.settled(ledger.record(CLOSED))
        assert self.settled(ledger.record(attrs.evolve(BEGUN, statement="other"))) == first
        assert [entry for _, entry in self.settled(ledger.entries())] == [BEGUN, CLOSED]

    def test_each_of_the_four_makes_another_entry(self) -> None:
        """Another stream, another round, another kind or another subject is another entry."""
        others = (
            attrs.evolve(BEGUN, stream="t"),
            attrs.evolve(BEGUN, round=2),
            attrs.evolve(BEGUN, kind="closed"),
            attrs.evolve(PURGED, subject="letters"),
        )
        ledger = self._recorded(BEGUN, PURGED, *others)
        assert len(self.settled(ledger.entries())) == 6

    def test_of_eight_recorders_one_writes_and_all_learn_the_position(self) -> None:
        """Eight callers with the same entry get one position, and there is one entry."""
        ledger = self.make_ledger()
        outcomes = at_once([lambda: self.settled(ledger.record(BEGUN))] * 8)
        assert outcomes == [1] * 8
        assert len(self.settled(ledger.entries())) == 1

    def test_entries_go_on_behind_a_position(self) -> None:
        """``after`` leaves out what was read already: that position and all before it."""
        ledger = self._recorded(BEGUN, CLOSED, PURGED)
        first = self.settled(ledger.entries())[0][0]
        assert [entry for _, entry in self.settled(ledger.entries(after=first))] == [CLOSED, PURGED]

    def test_entries_stop_at_the_limit(self) -> None:
        """``limit`` bounds one reading, and the next goes on where it ended."""
        ledger = self._recorded(BEGUN, CLOSED, PURGED)
        page = self.settled(ledger.entries(limit=2))
        rest = self.settled(ledger.entries(after=page[-1][0], limit=2))
        assert [entry for _, entry in page + rest] == [BEGUN, CLOSED, PURGED]
        assert len(page) == 2

    def test_a_round_is_found_by_its_stream_and_number(self) -> None:
        """``find`` gives the entries of that round, in order, and no others."""
        ledger = self._recorded(BEGUN, attrs.evolve(BEGUN, stream="t"), attrs.evolve(BEGUN, round=2), CLOSED)
        assert self.settled(ledger.find("s", 1)) == (BEGUN, CLOSED)

    def test_a_rollback_of_the_hosts_takes_no_entry_back(self) -> None:
        """What was recorded while the host had a transaction open is there after its rollback (L4, L21)."""
        ledger = self.make_ledger()
        with self.rolled_back():
            self.settled(ledger.record(BEGUN))
        assert self.settled(ledger.find("s", 1)) == (BEGUN,)

    def test_every_kind_of_entry_is_recorded(self) -> None:
        """One of each kind there is, in order."""
        ledger = self.make_ledger()
        kinds = get_args(LedgerKind)
        for kind in kinds:
            self.settled(ledger.record(attrs.evolve(BEGUN, kind=kind)))
        assert tuple(one.kind for one in self.settled(ledger.find("s", 1))) == kinds
