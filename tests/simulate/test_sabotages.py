"""What the simulation finds: the package is broken in a copy, and within a thousand seeds a seed says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sabotage.sabotage import Sabotage, misfits
from tests.simulate.playing import PACKAGE, broken, simulate
from tests.simulate.sabotages import SABOTAGES

FAILED = re.compile(r"^seed (\d+) failed: ([A-Z]+-?\d+): (.+)$", re.MULTILINE)


def test_every_sabotage_fits_the_package_as_it_is() -> None:
    """What it rewrites stands there once; else it would break nothing, or something else, and rot unseen."""
    assert misfits(PACKAGE, SABOTAGES) == ()


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one.name.replace(" ", "_"))
def test_a_broken_package_fails_within_a_thousand_seeds(sabotage: Sabotage, tmp_path: Path) -> None:
    """By the law that is broken, with the seed, the last of the trace, and the command that shows all of it."""
    said = simulate("--seeds", "1000", package=broken(sabotage, tmp_path))
    found = FAILED.search(said.text)
    assert found is not None, said.text
    seed, law, what = found.groups()
    print(f"{sabotage.name}: found after {seed} seeds: {law}: {what}")  # noqa: T201 - how soon belongs into the log
    assert said.status == 1
    assert law in sabotage.law.split(", ")
    assert f"replay: python -m hht_closure.testing.simulate --seed {seed}\n" in said.text
