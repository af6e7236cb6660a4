"""The package's own sources, for tests that read them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "hht_closure"


def modules(*under: str) -> list[Path]:
    """The package's modules; of these parts of it, where some are named."""
    found = sorted(PACKAGE.rglob("*.py"))
    return [one for one in found if not under or one.relative_to(PACKAGE).parts[0].removesuffix(".py") in under]


def name_of(module: Path) -> str:
    """The module's path within the package."""
    return module.relative_to(PACKAGE).as_posix()


def tree_of(module: Path) -> ast.Module:
    """The module as it was parsed."""
    return ast.parse(module.read_text(encoding="utf-8"), name_of(module))


def imported_by(module: Path) -> set[str]:
    """The full names of the modules that it imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            names.update(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def printed_by(code: str) -> str:
    """What a new interpreter prints, in which nothing is imported yet."""
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    run = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=quiet,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()
