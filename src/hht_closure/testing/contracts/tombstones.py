"""The law of tombstones, clause by clause (L27)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from hht_closure.ports import Tombstones
from hht_closure.testing.contracts._expect import PortContract, at_once

NOON = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


class TombstonesContract(PortContract):
    """Subclass it, override ``make_tombstones``, and your tombstones have their suite."""

    def make_tombstones(self) -> Tombstones:
        """An empty field. Called once in each test; several threads call it."""
        raise NotImplementedError("make_tombstones is a hook that the suite needs")

    def _lay(self, stones: Tombstones, until: datetime) -> None:
        self.settled(stones.lay("d", until))

    def test_a_digest_never_laid_is_free(self) -> None:
        """``until`` gives None where there is no tombstone."""
        stones = self.make_tombstones()
        assert self.settled(stones.until("d")) is None

    def test_a_digest_is_reserved_until_its_end(self) -> None:
        """``until`` gives the end that was laid, to the microsecond, in UTC."""
        stones = self.make_tombstones()
        self._lay(stones, NOON)
        assert self.settled(stones.until("d")) == NOON

    def test_a_later_end_wins(self) -> None:
        """Laying again with a later end lengthens the reservation."""
        stones = self.make_tombstones()
        self._lay(stones, NOON)
        self._lay(stones, NOON + DAY)
        assert self.settled(stones.until("d")) == NOON + DAY

    def test_an_earlier_end_does_not_shorten(self) -> None:
        """Laying again with an earlier end changes nothing."""
        stones = self.make_tombstones()
        self._lay(stones, NOON + DAY)
        self._lay(stones, NOON)
        assert self.settled(stones.until("d")) == NOON + DAY

    def test_laying_again_is_no_error(self) -> None:
        """``lay`` is repeatable: the same end twice is the same end."""
        stones = self.make_tombstones()
        self._lay(stones, NOON)
        self._lay(stones, NOON)
        assert self.settled(stones.until("d")) == NOON

    def test_of_eight_layers_the_latest_end_stays(self) -> None:
        """Eight callers with eight ends, at one instant."""
        stones = self.make_tombstones()
        ends = [NOON + number * DAY for number in range(8)]
        at_once([partial(self._lay, stones, end) for end in ends])
        assert self.settled(stones.until("d")) == NOON + 7 * DAY

    def test_digests_do_not_mix(self) -> None:
        """Each digest has its own end."""
        stones = self.make_tombstones()
        self._lay(stones, NOON)
        self.settled(stones.lay("e", NOON + DAY))
        assert (self.settled(stones.until("d")), self.settled(stones.until("e"))) == (NOON, NOON + DAY)

    def test_what_is_over_is_purged_and_counted(self) -> None:
        """``purge`` removes the digests whose end has come, and says how many."""
        stones = self.make_tombstones()
        for digest, end in (("past", NOON - INSTANT), ("now", NOON), ("later", NOON + INSTANT)):
            self.settled(stones.lay(digest, end))
        assert self.settled(stones.purge(now=NOON)) == 2
        left = [self.settled(stones.until(digest)) for digest in ("past", "now", "later")]
        assert left == [None, None, NOON + INSTANT]

    def test_purging_again_removes_nothing(self) -> None:
        """A second ``purge`` at the same time finds nothing."""
        stones = self.make_tombstones()
        self._lay(stones, NOON)
        self.settled(stones.purge(now=NOON))
        assert self.settled(stones.purge(now=NOON)) == 0
