"""Tests that nobody measures: measuring makes them two and a half times slower, and what they cover others cover."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from coverage import Coverage


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While the test runs nothing is measured, neither here nor in the processes that it starts."""
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    yield
    measuring.start()
