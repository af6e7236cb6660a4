"""The crash harness on PostgreSQL; skipped where there is no server."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.postgres import SERVER, postgres_url

__all__ = ["postgres_url"]


@pytest.mark.usefixtures("unmeasured")
def test_real_processes_that_are_killed_lose_nothing_on_postgresql(postgres_url: str) -> None:
    """A sample of a closing's calls, and of pairs, in a database of its own (L16, CRSH-01 to CRSH-04, CRSH-09)."""
    command = [sys.executable, "-m", "hht_closure.testing.crash", "--adapter", "postgres", "--every", "67", "--pairs"]
    said = subprocess.run(
        [*command, "--scenario", "closing", "--seed", "4"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "HHT_CLOSURE_POSTGRES": SERVER},
    )
    assert said.returncode == 0, said.stdout + said.stderr
