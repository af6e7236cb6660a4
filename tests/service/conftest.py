"""The stage of :mod:`tests.stage`, for every test of this folder."""

from __future__ import annotations

from tests.stage import make_stage as make_stage
from tests.stage import stage as stage
