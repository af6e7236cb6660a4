"""The machine's own clock and randomness."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final


class SystemClock:
    """The machine's clock; it may step back, and the library is ready for that (L6)."""

    never_blocks = True

    def now(self) -> datetime:
        """The aware time in UTC."""
        return datetime.now(UTC)


class SystemEntropy:
    """The operating system's randomness."""

    never_blocks = True

    def token(self, size: int) -> bytes:
        """That many bytes that nobody can guess."""
        return secrets.token_bytes(size)


system_clock: Final = SystemClock()
system_entropy: Final = SystemEntropy()
