"""The command of the simulation, on the package as it is or on a broken copy of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import attrs

from hht_closure.testing.simulate.book import Book
from hht_closure.testing.simulate.run import play, without_log
from hht_closure.testing.simulate.trace import Trace
from hht_closure.testing.simulate.world import World
from tests.sabotage.sabotage import Sabotage, put_into

PACKAGE: Final = Path(__file__).parents[2] / "src" / "hht_closure"
LONGEST: Final = 1800
"""Seconds after which a run is taken to hang."""

_RUN: Final = """
import sys
import hht_closure
from hht_closure.testing.simulate.__main__ import main

assert hht_closure.__file__.startswith(sys.argv[1]), hht_closure.__file__
sys.exit(main(sys.argv[2:]))
"""


@attrs.frozen
class Said:
    """What the command said, and its exit status."""

    status: int
    text: str


def simulate(*arguments: str, package: Path = PACKAGE, hash_seed: int = 0) -> Said:
    """Run the command in a process of its own, which nobody measures.

    Args:
        arguments: of the command.
        package: which package is played; no other is imported.
        hash_seed: by what Python orders its sets.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
    environment |= {"PYTHONPATH": str(package.parent), "PYTHONHASHSEED": str(hash_seed)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", _RUN, str(package), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        env=environment,
    )
    assert run.stderr == ""
    return Said(run.returncode, run.stdout)


def seeded(seed: int) -> Random:
    """Choices that come again."""
    return Random(seed)  # noqa: S311 - to come again is what they are for


def ended_so(is_wanted: Callable[[Book], bool]) -> tuple[World, Book]:
    """The first world, played to its end, in which an account has come to that; played anew each time."""
    for seed in range(1, 300):
        with without_log():
            world = World(seed, Trace())
            play(world)
        for book in world.ground.invariants.books.values():
            if is_wanted(book):
                return world, book
    raise LookupError("no seed ends so")


def broken(sabotage: Sabotage, folder: Path) -> Path:
    """A copy of the package with that broken."""
    copy = folder / "broken" / PACKAGE.name
    shutil.copytree(PACKAGE, copy)
    put_into(copy, sabotage)
    return copy
