"""What ``python -m tests.sabotage`` takes for caught, and what it does not; tried on a package of a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import hht_closure
from tests.sabotage.lists import SABOTAGES
from tests.sabotage.runner import PACKAGE, Caught, Finding, Missed, Spoiled, search, tried
from tests.sabotage.sabotage import Edit, Sabotage, SabotageError, misfits

HALF = "return ANSWER / 2"
BROKEN = "raise AssertionError"
SUSPECT = '''
import hht_closure


def test_the_answer_is_a_number() -> None:
    """It can be divided (L0)."""
    assert hht_closure.half() > 0


def test_the_answer_is_even() -> None:
    """Forty-two, say (L0)."""
    assert hht_closure.ANSWER % 2 == 0
'''


def _packed(folder: Path, answer: int) -> Path:
    """A package of the right name, with one thing to break; its test lies beside it."""
    package = folder / "hht_closure"
    package.mkdir()
    (package / "__init__.py").write_text(
        f"ANSWER = {answer}\nNAME = 'n'\n\n\ndef half():\n    {HALF}\n", encoding="utf-8"
    )
    (folder / "test_answer.py").write_text(SUSPECT, encoding="utf-8")
    return package


def _sabotage(package: Path, old: str, new: str) -> Sabotage:
    suspect = str(package.parent / "test_answer.py")
    return Sabotage(name=f"{old} is {new}", law="L0", edits=(Edit("__init__.py", old, new),), suspects=(suspect,))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Finding]:
    """What came of six sabotages, by their names; tried once for all the tests below."""
    package = _packed(tmp_path_factory.mktemp("packed"), 42)
    changes = [("42", "43"), ("'n'", "'m'"), ("42", "42 +"), ("42", "42 // 0"), ("42", "'42'"), (HALF, BROKEN)]
    trials = tried([_sabotage(package, old, new) for old, new in changes], package=package)
    return {one.sabotage.name: one.finding for one in trials}


def test_every_sabotage_fits_the_package_as_it_is() -> None:
    """What a sabotage rewrites stands there once: else it breaks nothing, or something else (DESIGN 6)."""
    assert misfits(PACKAGE, SABOTAGES) == ()


def test_every_sabotage_has_a_name_of_its_own() -> None:
    """By which it is asked for, and reported."""
    assert len({one.name for one in SABOTAGES}) == len(SABOTAGES)


@pytest.mark.parametrize(
    ("old", "problem"),
    [("43", "stands 0 times in"), ("=", "stands 2 times in"), ("42", "changes nothing in")],
)
def test_an_edit_that_does_not_fit_is_named_before_anything_runs(tmp_path: Path, old: str, problem: str) -> None:
    """Text that is not there, text that stands there twice, and an edit that changes nothing."""
    package = _packed(tmp_path, 42)
    with pytest.raises(SabotageError, match=f"'{old} is 42': {problem} __init__.py"):
        next(tried([_sabotage(package, old, "42")], package=package))


def test_a_test_that_fails_by_its_assertion_has_caught_it(found: Mapping[str, Finding]) -> None:
    """Named with the law that its docstring states; the test before it passes."""
    caught = found["42 is 43"]
    assert isinstance(caught, Caught)
    assert caught.test.endswith("test_answer.py::test_the_answer_is_even")
    assert caught.states == "Forty-two, say (L0)."


def test_a_sabotage_that_every_test_lets_pass_is_missed(found: Mapping[str, Finding]) -> None:
    """It is the finding that all this is for."""
    assert found["'n' is 'm'"] == Missed()


@pytest.mark.parametrize(
    "name",
    ["42 is 42 +", "42 is 42 // 0", "42 is '42'", f"{HALF} is {BROKEN}"],
    ids=["syntax", "import", "error", "own assertion"],
)
def test_a_failure_that_is_no_assertion_has_caught_nothing(found: Mapping[str, Finding], name: str) -> None:
    """A package that cannot be imported, or that ends with an error of its own, shows nothing of a law."""
    assert isinstance(found[name], Spoiled)


def test_suspects_that_fail_where_nothing_is_broken_are_named(tmp_path: Path) -> None:
    """They would catch anything."""
    package = _packed(tmp_path, 43)
    with pytest.raises(SabotageError, match="test_the_answer_is_even fails where nothing is broken"):
        next(tried([_sabotage(package, "43", "42")], package=package))


def test_no_other_package_is_tested_in_the_place_of_the_copy(tmp_path: Path) -> None:
    """With the installed one everything would pass, whatever is broken."""
    assert search(tmp_path, [str(Path(__file__))]) == Spoiled(
        f"pytest ended with 70: Exit: {hht_closure.__file__} was imported, and not the copy"
    )
