"""What importing the package loads, and what each part of it may import (DESIGN 3)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.sources import imported_by, modules, name_of, printed_by, tree_of

PURE: Final = (
    "lifecycle",
    "stages",
    "commands",
    "events",
    "tasks",
    "policy",
    "verification",
    "account",
    "canonical",
    "values",
    "errors",
)
"""The machine, and everything below it."""

HEAVY: Final = ("cryptography", "sqlite3", "asyncio", "ssl")
EXTRAS: Final = (
    "PIL",
    "aiosmtpd",
    "alembic",
    "altcha",
    "captcha",
    "greenlet",
    "httpx2",
    "joserfc",
    "jwt",
    "phonenumbers",
    "psycopg",
    "rich",
    "sqlalchemy",
    "starlette",
)

OUTSIDE: Final = {
    "asyncio",
    "io",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
"""Clocks, randomness, environment, files, networks and logs of the standard library."""

CLOCKS: Final = {"now", "utcnow", "today", "time", "monotonic"}

EVERYTHING: Final = (
    "hht_closure",
    "hht_closure.adapters.memory",
    "hht_closure.adapters.sqlite",
    "hht_closure.adapters.smtp",
    "hht_closure.adapters.codes",
    "hht_closure.adapters.password",
    "hht_closure.adapters.login_again",
    "hht_closure.adapters.totp",
    "hht_closure.adapters.captcha",
    "hht_closure.adapters.altcha",
    "hht_closure.adapters.typed_captcha",
    "hht_closure.adapters.siteverify",
    "hht_closure.adapters.phone",
    "hht_closure.portal",
    "hht_closure.cli",
    "hht_closure.testing.clock",
    "hht_closure.testing.stories",
)


def loaded(statement: str, *families: str) -> str:
    """Which modules of these families are loaded after that statement."""
    return printed_by(
        f"import sys\n{statement}\nprint(sorted(m for m in sys.modules if m.split('.')[0] in set({families!r})))"
    )


def test_importing_the_package_loads_no_cryptography_database_or_event_loop() -> None:
    """A portal's start pays for what it uses (DESIGN 3)."""
    assert loaded("import hht_closure", *HEAVY) == "[]"


def test_importing_the_package_loads_no_extra() -> None:
    """Also where every extra is installed."""
    assert loaded("import hht_closure", *EXTRAS) == "[]"


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_needs_no_extra_is_imported_where_no_extra_is(name: str) -> None:
    """With the mandatory dependencies alone: every extra's module is refused."""
    code = (
        "import sys\n"
        "class Refusing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {set(EXTRAS)!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Refusing())\n"
        f"import {name}\n"
        f"print(sorted(m for m in sys.modules if m.split('.')[0] in {set(EXTRAS)!r}))"
    )
    assert printed_by(code) == "[]"


@pytest.mark.parametrize("module", modules(*PURE), ids=name_of)
def test_the_machine_imports_nothing_of_the_outside(module: Path) -> None:
    """No clock, no randomness, no environment, no I/O, no logging (DESIGN 3, L28)."""
    assert {name.split(".")[0] for name in imported_by(module)} & OUTSIDE == set()


def clocks_read(module: Path) -> Iterator[int]:
    """The lines that call ``datetime.now`` and its like."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield node.lineno


@pytest.mark.parametrize("module", modules(*PURE), ids=name_of)
def test_the_machine_reads_no_clock(module: Path) -> None:
    """The time is an argument (L28)."""
    assert list(clocks_read(module)) == []


@pytest.mark.parametrize("module", modules(*PURE, "codec", "ports", "texts"), ids=name_of)
def test_the_machine_imports_only_attrs_from_elsewhere(module: Path) -> None:
    """And the typing extensions; everything else is the standard library or ours."""
    elsewhere = {"cryptography", *EXTRAS}
    assert {name.split(".")[0] for name in imported_by(module)} & elsewhere == set()


CRYPTOGRAPHERS: Final = {"keys", "receipts", "adapters", "portal"}


def test_only_keys_receipts_and_adapters_import_cryptography() -> None:
    """One place for each use of it (DESIGN 3)."""
    importing = {
        name_of(one).split("/")[0]
        for one in modules()
        if any(name.split(".")[0] == "cryptography" for name in imported_by(one))
    }
    assert importing <= CRYPTOGRAPHERS
    assert "keys" in importing


def test_every_part_that_is_called_pure_is_there() -> None:
    """A part that was renamed would be checked no longer."""
    assert {name_of(one).split("/")[0].removesuffix(".py") for one in modules(*PURE)} == set(PURE)
