"""The clock and the randomness of tests, and those of the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hht_closure.errors import InvalidValueError
from hht_closure.system import system_clock, system_entropy
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_manual_clock_stands_still() -> None:
    """It gives the same time until it is moved."""
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON


def test_a_manual_clock_is_moved_forward_and_back() -> None:
    """``advance`` takes any duration, ``set`` any aware time."""
    clock = ManualClock(NOON)
    clock.advance(timedelta(hours=2))
    clock.advance(-timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)
    clock.set(NOON - timedelta(days=1))
    assert clock.now() == NOON - timedelta(days=1)


def test_a_manual_clock_speaks_utc() -> None:
    """A time in another zone is the same instant, given in UTC."""
    beijing = timezone(timedelta(hours=8))
    clock = ManualClock(datetime(2026, 3, 1, 20, tzinfo=beijing))
    assert (clock.now(), clock.now().utcoffset()) == (NOON, timedelta(0))


def test_a_manual_clock_takes_no_naive_time() -> None:
    """Nobody can know what a naive time means (L30)."""
    with pytest.raises(InvalidValueError):
        ManualClock(NOON).set(NOON.replace(tzinfo=None))


def test_seeded_entropy_comes_again() -> None:
    """The same seed gives the same bytes in the same order; another seed others."""
    first, again, other = UnsafeSeededEntropy(1), UnsafeSeededEntropy(1), UnsafeSeededEntropy(2)
    tokens = [first.token(16), first.token(16)]
    assert tokens == [again.token(16), again.token(16)]
    assert tokens[0] != tokens[1]
    assert other.token(16) not in tokens


def test_the_machines_clock_is_aware_and_in_utc() -> None:
    """Whatever the time is, its zone is known."""
    assert system_clock.now().utcoffset() == timedelta(0)


def test_the_machines_entropy_gives_as_many_bytes_as_asked() -> None:
    """Two tokens of 32 bytes are never the same."""
    tokens = {system_entropy.token(32) for _ in range(8)}
    assert [len(token) for token in tokens] == [32] * 8
