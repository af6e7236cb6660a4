"""The machine's own clock and randomness: the form of what they give, since its value is nobody's to know."""

from __future__ import annotations

from datetime import UTC

import pytest

from hht_closure.system import system_clock, system_entropy


def test_the_clock_says_the_time_in_utc() -> None:
    """An aware time: a naive one would be refused everywhere."""
    assert system_clock.now().tzinfo is UTC


@pytest.mark.parametrize("size", [0, 1, 32])
def test_entropy_has_the_size_that_was_asked_for(size: int) -> None:
    """In bytes."""
    assert len(system_entropy.token(size)) == size


def test_entropy_does_not_repeat_itself() -> None:
    """Two of 256 bits are the same once in the life of no universe."""
    assert system_entropy.token(32) != system_entropy.token(32)


def test_neither_blocks() -> None:
    """So that the asynchronous service need not send them to a thread."""
    assert (system_clock.never_blocks, system_entropy.never_blocks) == (True, True)
