"""The stage that an attack is played on, on both stores in turn; attacks are not measured, for many are long."""

from __future__ import annotations

import pytest

from tests.stage import make_stage, stage, store_kind

__all__ = ["make_stage", "stage", "store_kind"]


@pytest.fixture(autouse=True)
def _unmeasured(unmeasured: None) -> None:
    """Every test here."""
