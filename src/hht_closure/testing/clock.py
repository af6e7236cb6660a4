"""A clock that stands still until it is moved, and randomness that comes again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from threading import Lock

from hht_closure.values import instant


class ManualClock:
    """A clock that never moves by itself; safe in any number of threads.

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        >>> clock.advance(timedelta(minutes=5))
        >>> clock.now().isoformat()
        '2026-01-01T00:05:00+00:00'
    """

    never_blocks = True

    def __init__(self, now: datetime) -> None:
        self._now = instant(now, "now")
        self._lock = Lock()

    def now(self) -> datetime:
        """The time it was set to, aware and in UTC."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock; a negative duration moves it back, as real clocks do at times."""
        with self._lock:
            self._now += by

    def set(self, now: datetime) -> None:
        """Put the clock to that time.

        Raises:
            InvalidValueError: the time is naive.
        """
        with self._lock:
            self._now = instant(now, "now")


class UnsafeSeededEntropy:
    """Bytes that are the same for the same seed: for tests alone, since anybody can guess them; thread safe."""

    never_blocks = True

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be guessed is what it is for
        self._lock = Lock()

    def token(self, size: int) -> bytes:
        """The next bytes of the seed's sequence."""
        with self._lock:
            return self._random.randbytes(size)
