"""What the package needs, what its wheel contains, and its layers (DESIGN 3)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.sources import PACKAGE, ROOT
from tests.postgres import new_database, rows

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_three_dependencies_are_mandatory() -> None:
    """And nothing else, ever: everything more is an extra."""
    names = {re.split(r"[<>=!~\[; ]", one)[0] for one in PYPROJECT["project"]["dependencies"]}
    assert names == {"attrs", "cryptography", "typing-extensions"}


def test_every_dependency_has_a_floor_and_no_ceiling() -> None:
    """A library that pins keeps its hosts from updates."""
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    all_of_them = [*PYPROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)]
    others = [one for one in all_of_them if not one.startswith("hht-closure[")]
    assert [one for one in others if not re.fullmatch(r"[A-Za-z0-9-]+(\[[a-z]+\])?>=[0-9.]+", one)] == []


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this tree."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    run = subprocess.run(build, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture
def wheel(built: Path) -> list[str]:
    """The names of what it holds."""
    return zipfile.ZipFile(built).namelist()


def test_the_wheel_holds_every_module_of_the_package(wheel: list[str]) -> None:
    """And the marker by which type checkers know that its types count (PEP 561)."""
    wanted = {f"hht_closure/{one.relative_to(PACKAGE).as_posix()}" for one in PACKAGE.rglob("*.py")}
    assert wanted - set(wheel) == set()
    assert "hht_closure/py.typed" in wheel


MIGRATE: Final = """
import sys
import hht_closure.adapters.sql

hht_closure.adapters.sql.migrate(sys.argv[1])
print(hht_closure.__file__)
"""


def test_the_tables_are_made_by_the_wheel(built: Path, tmp_path: Path) -> None:
    """The migrations are in it, and found where it is installed."""
    zipfile.ZipFile(built).extractall(tmp_path)
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with new_database(migrated=False) as url:
        run = subprocess.run(
            [sys.executable, "-c", MIGRATE, url],
            env=unmeasured | {"PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.stdout == f"{tmp_path}/hht_closure/__init__.py\n", run.stderr
        assert rows(url, "SELECT count(*) FROM hht_closure_version") == [(3,)]


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
def test_the_wheel_holds_the_compiled_catalogues(wheel: list[str], locale: str) -> None:
    """Texts are there without a compiler."""
    assert f"hht_closure/texts/locale/{locale}/LC_MESSAGES/hht_closure.mo" in wheel


def test_the_wheel_holds_nothing_else(wheel: list[str]) -> None:
    """No tests, no caches, no databases that somebody left lying about."""
    foreign = [one for one in wheel if not one.startswith("hht_closure/") and ".dist-info/" not in one]
    left = [one for one in wheel if one.endswith((".pyc", ".db", ".sqlite3", ".orig", ".rej")) or "/tests/" in one]
    assert (foreign, left) == ([], [])


def test_the_wheel_holds_the_licence(wheel: list[str]) -> None:
    """Whoever has the package has its terms."""
    assert [one for one in wheel if one.endswith("/LICENSE")] != []


def test_the_layers_are_kept() -> None:
    """Upper ones may import lower ones, never the reverse; each module has its layer (DESIGN 3)."""
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout
