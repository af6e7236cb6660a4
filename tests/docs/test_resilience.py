"""The page on what is survived names a test for each case, and the tests are there and say so themselves."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "resilience.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ((?:RACE|CRSH|LEAS|ERAS)-\d\d) \|.*\| `([^`:]+)(?:::(\w+))?` \|$", PAGE, re.MULTILINE)
CASES = [
    *(f"CRSH-{number:02}" for number in (1, 2, 3, 4, 7, 9)),
    *(f"RACE-{number:02}" for number in (3, 7, 9, 13, 15)),
    *("LEAS-01", "LEAS-04"),
    *(f"ERAS-{number:02}" for number in (1, 3, 5, 7, 9, 10, 12)),
]


def test_every_case_has_a_row() -> None:
    """Each crash, race, lease and failing eraser stands on the page once."""
    assert sorted(case for case, _, _ in ROWS) == sorted(CASES)


@pytest.mark.parametrize(("case", "path", "name"), ROWS, ids=[case for case, _, _ in ROWS])
def test_the_test_of_a_row_bears_its_case(case: str, path: str, name: str) -> None:
    """It is where the page says, and its docstring names the case; a whole file, where the page names one."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith(name or "test_")]
    said = [ast.get_docstring(tree) or "", *(ast.get_docstring(one) or "" for one in tests)]
    assert tests
    assert case in " ".join(said)
