"""What any test may ask for."""

from __future__ import annotations

from tests.unmeasured import unmeasured

__all__ = ["unmeasured"]
