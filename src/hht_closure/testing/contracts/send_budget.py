"""The law of a send budget, clause by clause (L8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from hht_closure.ports import Allowance, Exhausted, SendBudget
from hht_closure.testing.contracts._expect import KeepingContract, at_once

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)

ACCOUNT = Allowance(name="account", key="digest-a", limit=2, window=HOUR)
OVERALL = Allowance(name="overall", key="all", limit=3, window=HOUR)


class SendBudgetContract(KeepingContract):
    """Subclass it, override ``make_send_budget`` and ``rolled_back``, and your budget has its suite."""

    def make_send_budget(self) -> SendBudget:
        """A new budget from which nothing was taken. Called once in each test; several threads call it."""
        raise NotImplementedError("make_send_budget is a hook that the suite needs")

    def _take(self, budget: SendBudget, *allowances: Allowance, now: datetime = NOON) -> Exhausted | None:
        return self.settled(budget.take(allowances, now=now))

    def test_what_is_left_can_be_taken(self) -> None:
        """``take`` gives None as often as the limit says, and no more often."""
        budget = self.make_send_budget()
        assert [self._take(budget, ACCOUNT) for _ in range(3)] == [
            None,
            None,
            Exhausted(name="account", until=NOON + HOUR),
        ]

    def test_a_taking_counts_until_its_window_is_over(self) -> None:
        """Each is a sliding window: free again at ``window`` after the taking, and not a microsecond before."""
        budget = self.make_send_budget()
        self._take(budget, ACCOUNT)
        self._take(budget, ACCOUNT, now=NOON + HOUR / 2)
        assert self._take(budget, ACCOUNT, now=NOON + HOUR - INSTANT) == Exhausted(name="account", until=NOON + HOUR)
        assert self._take(budget, ACCOUNT, now=NOON + HOUR) is None
        assert self._take(budget, ACCOUNT, now=NOON + HOUR) == Exhausted(name="account", until=NOON + HOUR * 1.5)

    def test_the_instant_named_is_one_at_which_it_is_free(self) -> None:
        """``until`` keeps its promise, also when the limit has shrunk below what was taken."""
        budget = self.make_send_budget()
        for minute in range(3):
            self._take(budget, OVERALL, now=NOON + timedelta(minutes=minute))
        smaller = Allowance(name="overall", key="all", limit=1, window=HOUR)
        until = NOON + HOUR + timedelta(minutes=2)
        assert self._take(budget, smaller, now=NOON + timedelta(minutes=3)) == Exhausted(name="overall", until=until)
        assert self._take(budget, smaller, now=until) is None

    def test_one_is_taken_from_each(self) -> None:
        """A taking counts in every allowance it names."""
        budget = self.make_send_budget()
        for _ in range(2):
            self._take(budget, ACCOUNT, OVERALL)
        other = Allowance(name="account", key="digest-b", limit=2, window=HOUR)
        assert self._take(budget, other, OVERALL) is None
        assert self._take(budget, other, OVERALL) == Exhausted(name="overall", until=NOON + HOUR)

    def test_where_one_is_exhausted_nothing_is_taken_from_any(self) -> None:
        """A taking that is refused leaves every allowance as it was, those named before the exhausted one included."""
        budget = self.make_send_budget()
        for _ in range(2):
            self._take(budget, ACCOUNT)
        for _ in range(5):
            assert self._take(budget, OVERALL, ACCOUNT) == Exhausted(name="account", until=NOON + HOUR)
        assert [self._take(budget, OVERALL) for _ in range(3)] == [None, None, None]

    def test_the_first_exhausted_allowance_is_named(self) -> None:
        """Of several that have none left, the answer names the first in the order they were given."""
        budget = self.make_send_budget()
        for _ in range(3):
            self._take(budget, OVERALL)
        for _ in range(2):
            self._take(budget, ACCOUNT)
        assert self._take(budget, OVERALL, ACCOUNT) == Exhausted(name="overall", until=NOON + HOUR)
        assert self._take(budget, ACCOUNT, OVERALL) == Exhausted(name="account", until=NOON + HOUR)

    def test_another_key_is_another_budget(self) -> None:
        """What one key has used up leaves the allowance of the same name for another key untouched."""
        budget = self.make_send_budget()
        for _ in range(2):
            self._take(budget, ACCOUNT)
        assert self._take(budget, Allowance(name="account", key="digest-b", limit=2, window=HOUR)) is None

    def test_another_name_is_another_budget(self) -> None:
        """A short and a long window over one key are counted apart, one taking in each."""
        budget = self.make_send_budget()
        short = Allowance(name="hour", key="digest-a", limit=1, window=HOUR)
        long = Allowance(name="day", key="digest-a", limit=2, window=24 * HOUR)
        assert self._take(budget, short, long) is None
        assert self._take(budget, short, long, now=NOON + HOUR) is None
        assert self._take(budget, short, long, now=NOON + 2 * HOUR) == Exhausted(name="day", until=NOON + 24 * HOUR)

    def test_the_same_taker_takes_once(self) -> None:
        """Who says who takes may ask again and again; for everybody else it is taken (L6)."""
        budget = self.make_send_budget()
        mine, other = (Allowance(name="token", key="t", limit=1, window=HOUR, taker=who) for who in ("1", "2"))
        assert [self._take(budget, one) for one in (mine, mine, other, mine)] == [
            None,
            None,
            Exhausted(name="token", until=NOON + HOUR),
            None,
        ]

    def test_what_a_taker_took_counts_within_the_window_alone(self) -> None:
        """When the window is over, whoever comes first takes it anew."""
        budget = self.make_send_budget()
        mine, other = (Allowance(name="token", key="t", limit=1, window=HOUR, taker=who) for who in ("1", "2"))
        self._take(budget, mine)
        outcomes = [self._take(budget, one, now=NOON + HOUR) for one in (other, mine)]
        assert outcomes == [None, Exhausted(name="token", until=NOON + 2 * HOUR)]

    def test_of_many_takers_at_one_instant_one_gets_it(self) -> None:
        """Eight takers of one token, each asking twice: one of them gets it, both times (L6)."""
        budget = self.make_send_budget()
        tokens = [
            Allowance(name="token", key="t", limit=1, window=HOUR, taker=str(number // 2)) for number in range(16)
        ]
        outcomes = at_once([partial(self._take, budget, one) for one in tokens])
        first = [number // 2 for number, outcome in enumerate(outcomes) if outcome is None]
        assert (len(first), len(set(first))) == (2, 1)

    def test_no_allowance_asked_is_none_exhausted(self) -> None:
        """Where the terms name no budget, nothing stands in the way."""
        budget = self.make_send_budget()
        assert self._take(budget) is None

    def test_callers_at_one_instant_take_no_more_than_there_is(self) -> None:
        """Eight callers for three: three take, five are told until when (L8)."""
        budget = self.make_send_budget()
        outcomes = at_once([lambda: self._take(budget, OVERALL)] * 8)
        assert outcomes.count(None) == 3
        assert outcomes.count(Exhausted(name="overall", until=NOON + HOUR)) == 5

    def test_a_rollback_of_the_hosts_gives_no_sending_back(self) -> None:
        """What was taken while the host had a transaction open stays taken (L4, L8)."""
        budget = self.make_send_budget()
        last = Allowance(name="account", key="digest-a", limit=1, window=HOUR)
        with self.rolled_back():
            self._take(budget, last)
        assert self._take(budget, last) == Exhausted(name="account", until=NOON + HOUR)
