"""What the clauses of a journal are told with: a clock at noon, records, and short ways to call each method."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hht_closure.ports import Clock, DueStream, Journal, Lease, Record
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts._expect import KeepingContract

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)


def some_records(first: int, count: int, *, opening: Collection[int] = (), mark: str = "") -> tuple[Record, ...]:
    """Records numbered from ``first``, each with a body of its own; those in ``opening`` open a round."""

    def one(sequence: int) -> Record:
        body = f'{{"entry":{sequence},"mark":"{mark}","text":"\u6237\u6237\u901a"}}'.encode()
        return Record(sequence, body, sha256(body).digest(), sequence in opening)

    return tuple(one(sequence) for sequence in range(first, first + count))


class JournalStories(KeepingContract):
    """What the clauses are told with."""

    def make_journal(self, clock: Clock) -> Journal:
        """A new, empty journal whose leases go by that clock. Called once in each test; several threads call it."""
        raise NotImplementedError("make_journal is a hook that the suite needs")

    def _made(self) -> tuple[Journal, ManualClock]:
        clock = ManualClock(NOON)
        return self.make_journal(clock), clock

    def _read(self, journal: Journal, stream: str = "s", *, whole: bool = True) -> tuple[Record, ...]:
        return self.settled(journal.read(stream, whole=whole))

    def _append(
        self,
        journal: Journal,
        stream: str,
        expected: int,
        records: tuple[Record, ...],
        *,
        due: datetime | None = None,
        fence: int | None = None,
    ) -> None:
        self.settled(journal.append(stream, expected, records, due=due, fence=fence))

    def _due(self, journal: Journal, limit: int = 100) -> tuple[DueStream, ...]:
        return self.settled(journal.due(limit=limit))

    def _claim(self, journal: Journal, stream: str | None = None, *, limit: int = 100) -> tuple[Lease, ...]:
        return self.settled(journal.claim(limit=limit, lease_for=MINUTE, stream=stream))

    def _one_lease(self, journal: Journal, stream: str = "s") -> Lease:
        leases = self._claim(journal, stream)
        assert len(leases) == 1
        return leases[0]

    def _journal_with_a_stream(self) -> tuple[Journal, ManualClock]:
        journal, clock = self._made()
        self._append(journal, "s", 0, some_records(1, 2, opening={1}), due=NOON)
        return journal, clock
