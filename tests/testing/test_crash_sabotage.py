"""The harness finds what is broken on purpose, in a sample for CI; ``python -m tests.sabotage`` has more of them."""

from __future__ import annotations

from tests.sabotage.crashing import FOREMOST
from tests.sabotage.runner import Caught, tried


def test_the_harness_finds_what_is_broken_in_a_copy_of_the_package() -> None:
    """Where a lease, the order, the recheck or a record is broken, it reports harm (L13, L14, L15, L16, L18, L23)."""
    assert [(one.sabotage.name, one.finding) for one in tried(FOREMOST) if not isinstance(one.finding, Caught)] == []
