"""The sample portal that a test is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.stage import Stage, make_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A small portal in a file of its own."""
    made = make_stage(tmp_path)
    yield made
    made.sample.database.close()
