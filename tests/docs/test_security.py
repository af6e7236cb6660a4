"""The page on security names a test for each attack, and the tests are there and say so themselves."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ((?:CODE|CAPT|ABU|DOM|RACE)-\d\d) \|.*\| `([^`:]+)::(\w+)` \|$", PAGE, re.MULTILINE)
CASES = [
    *(f"CODE-{number:02}" for number in (1, 2, 3, 4, 7, 9, 11, 12, 16, 18, 19, 22, 23, 25, 26, 27, 29, 31)),
    *("CAPT-01", "CAPT-04", "ABU-01", "ABU-03", "ABU-04"),
    *("DOM-02", "DOM-03", "DOM-04", "DOM-07", "DOM-12"),
    *("RACE-01", "RACE-02", "RACE-03", "RACE-11", "RACE-13"),
]


def test_every_case_has_a_row() -> None:
    """Each attack on proving and confirming stands on the page once."""
    assert sorted(case for case, _, _ in ROWS) == sorted(CASES)


def _docstring(path: str, name: str) -> str:
    """What that test says of itself; empty where there is no such test."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == name]
    return "".join(ast.get_docstring(one) or "" for one in tests)


@pytest.mark.parametrize(("case", "path", "name"), ROWS, ids=[case for case, _, _ in ROWS])
def test_the_test_of_a_row_bears_its_case(case: str, path: str, name: str) -> None:
    """It is where the page says, and its docstring names the case."""
    assert Path(ROOT / path).is_file()
    assert case in _docstring(path, name)


def test_the_test_that_counts_guesses_is_there() -> None:
    """The odds rest on it."""
    path, name = re.findall(r"`(tests/attacks/test_odds\.py)::(\w+)`", PAGE)[0]
    assert _docstring(path, name)
