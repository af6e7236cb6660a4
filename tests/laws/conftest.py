"""The stage that a test of a law is given, on both stores in turn."""

from __future__ import annotations

from tests.stage import make_stage, stage, store_kind

__all__ = ["make_stage", "stage", "store_kind"]
