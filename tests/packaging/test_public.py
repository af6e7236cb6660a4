"""What the package exports is frozen, and everything public says what it means."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import hht_closure
from tests.packaging.sources import modules, name_of, tree_of

EXPORTED = [
    "Account",
    "AccountId",
    "AsyncClosureGuard",
    "AsyncClosureOperator",
    "AsyncClosureService",
    "AttemptLimit",
    "Blocked",
    "Blocker",
    "Challenge",
    "Clean",
    "ClosureError",
    "ClosureGuard",
    "ClosureOperator",
    "ClosurePolicy",
    "ClosureRefused",
    "ClosureService",
    "CodeTimes",
    "Confirmation",
    "ContactPoint",
    "Explanation",
    "Factor",
    "FixedPolicy",
    "InvalidValueError",
    "KeyRing",
    "LegalHold",
    "Notice",
    "NoticeText",
    "OperatorView",
    "Portal",
    "Portion",
    "Principal",
    "Reason",
    "Receipt",
    "Refusal",
    "Requirement",
    "Retries",
    "Secret",
    "SendLimits",
    "Standing",
    "Statement",
    "Status",
    "Store",
    "StoreUnavailableError",
    "SweepReport",
    "Terms",
    "Unknown",
    "Verdict",
    "View",
    "WiringError",
    "WorkReport",
    "captcha",
    "email_code",
    "login_again",
    "password",
    "sentence",
    "sms_code",
    "system_clock",
    "system_entropy",
    "totp",
    "verify_receipt",
]
"""A name that goes breaks somebody's portal; one that comes must stay. Change this list knowingly."""


def test_what_the_package_exports_is_frozen() -> None:
    """Exactly these names, in order, each of them there."""
    assert list(hht_closure.__all__) == EXPORTED
    assert sorted(EXPORTED) == EXPORTED
    assert [name for name in EXPORTED if not hasattr(hht_closure, name)] == []


@pytest.mark.parametrize("name", EXPORTED)
def test_every_exported_class_and_function_says_what_it_means(name: str) -> None:
    """In a docstring of its own, and not one that it has from elsewhere."""
    one = getattr(hht_closure, name)
    documented = inspect.isclass(one) or inspect.isfunction(one)
    doc = vars(one).get("__doc__") if inspect.isclass(one) else inspect.getdoc(one)
    assert not documented or (doc is not None and not doc.startswith("Method generated"))


Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(node: Documented, path: str) -> Iterator[tuple[str, Documented]]:
    """The module, its classes, and its functions and methods, as far as no name on the way begins with ``_``."""
    yield path, node
    for child in node.body if isinstance(node, ast.Module | ast.ClassDef) else ():
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield from public(child, f"{path}:{child.name}")


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_everything_public_has_a_docstring(module: Path) -> None:
    """Modules, classes, functions and methods; the first line says what it means and ends as a sentence does."""
    tree = tree_of(module)
    silent = [path for path, node in public(tree, name_of(module)) if not ast.get_docstring(node)]
    assert silent == []


@pytest.mark.parametrize("module", modules(), ids=name_of)
def test_the_first_line_of_a_docstring_is_a_sentence(module: Path) -> None:
    """It ends with a full stop, or goes on to an example."""
    first = {path: (ast.get_docstring(node) or ".").splitlines()[0] for path, node in public(tree_of(module), "")}
    assert {path: line for path, line in first.items() if not line.endswith((".", "::", ":", "?"))} == {}
