"""Put each sabotage into a copy of the package of its own, and let its suspects look for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

import attrs

from tests.sabotage.sabotage import Sabotage, SabotageError, misfits, put_into
from tests.sabotage.witness import COPY, STATEMENT

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "hht_closure"
LONGEST: Final = 120
"""For how many seconds one run may take; a test that hangs has caught nothing."""
LONGEST_BASELINE: Final = 600
"""For how many seconds all suspects together may take where nothing is broken."""


@attrs.frozen
class Caught:
    """A test failed by its assertion: its node id, and the law that its docstring states."""

    test: str
    states: str


@attrs.frozen
class Missed:
    """Every suspect passed: the law is broken, and no test says so."""


@attrs.frozen
class Spoiled:
    """The run failed by something else than a test's assertion, which shows nothing."""

    why: str


Finding = Caught | Missed | Spoiled


@attrs.frozen
class Trial:
    """What came of one sabotage, and how long it took, in seconds."""

    sabotage: Sabotage
    finding: Finding
    seconds: float


def tried(sabotages: Sequence[Sabotage], *, jobs: int = 2, package: Path = PACKAGE) -> Iterator[Trial]:
    """Each sabotage tried, in the order given, on a copy of the package as it was when this began.

    Raises:
        SabotageError: an edit does not fit, or a suspect fails already where nothing is broken.
    """
    if wrong := misfits(package, sabotages):
        raise SabotageError("\n".join(wrong))
    with TemporaryDirectory(prefix="sabotage-") as made:
        folder = Path(made).resolve()
        sound = _copied(package, folder / "sound")
        _check_sound(sound, sabotages)

        def trial(numbered: tuple[int, Sabotage]) -> Trial:
            number, sabotage = numbered
            began = monotonic()
            copy = _copied(sound / package.name, folder / str(number))
            put_into(copy / package.name, sabotage)
            found = search(copy, sabotage.suspects)
            shutil.rmtree(copy)
            return Trial(sabotage, found, monotonic() - began)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(trial, enumerate(sabotages))


def _check_sound(copy: Path, sabotages: Iterable[Sabotage]) -> None:
    """All suspects pass on an untouched copy; it is compiled on the way, which every later copy has the use of."""
    suspects = sorted({suspect for sabotage in sabotages for suspect in sabotage.suspects})
    match search(copy, suspects, longest=LONGEST_BASELINE):
        case Missed():
            return
        case Caught(test=test):
            raise SabotageError(f"{test} fails where nothing is broken")
        case Spoiled(why=why):
            raise SabotageError(f"the suspects do not run where nothing is broken: {why}")


def _copied(package: Path, folder: Path) -> Path:
    """A folder that holds the package alone."""
    shutil.copytree(package, folder / package.name)
    return folder


def search(copy: Path, suspects: Sequence[str], *, longest: int = LONGEST) -> Finding:
    """What these tests find in the package that lies in that folder, and in no other."""
    statement = copy / "statement.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
    environment |= {
        "PYTHONPATH": os.pathsep.join((str(copy), str(ROOT))),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # they take two thirds of the time of a run, and none is needed
        COPY: str(copy),
        STATEMENT: str(statement),
    }
    quiet = ("-x", "-q", "--tb=no", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "tests.sabotage.witness")
    try:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *quiet, *suspects],
            check=False,
            capture_output=True,
            text=True,
            timeout=longest,
            cwd=ROOT,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return Spoiled(f"not done after {longest} seconds")
    if run.returncode == 0:
        return Missed()
    if run.returncode != 1 or not statement.is_file():
        return Spoiled(f"pytest ended with {run.returncode}: {_why(run.stdout + run.stderr)}")
    first = json.loads(statement.read_text(encoding="utf-8"))
    if not first["asserted"]:
        return Spoiled(f"{first['test']} ended with {first['error']}, and not with an assertion")
    return Caught(first["test"], first["states"])


def _why(said: str) -> str:
    """The line that names what went wrong: the first error of pytest's summary, or else its last word."""
    lines = said.strip().splitlines() or ["no word"]
    return next((line for line in lines if line.startswith("ERROR")), lines[-1])
