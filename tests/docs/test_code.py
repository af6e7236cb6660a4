"""The code in the documents runs, and what it claims holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.documents import README, blocks, documents, name_of

WITH_CODE = [document for document in documents() if blocks(document, "python")]


def run(document: Path) -> dict[str, object]:
    """Run the document's Python blocks from top to bottom, in one namespace that is given back."""
    namespace: dict[str, object] = {"__name__": "document"}
    for block in blocks(document, "python"):
        exec(compile(block, document, "exec"), namespace)  # noqa: S102 - it is our own document
    return namespace


def suites(namespace: dict[str, object]) -> list[Callable[[], None]]:
    """Every test of every suite that a document shows, each on an instance of its own."""
    return [
        getattr(kind(), name)
        for named, kind in namespace.items()
        if named.startswith("Test") and isinstance(kind, type)
        for name in dir(kind)
        if name.startswith("test_")
    ]


@pytest.mark.parametrize("document", WITH_CODE, ids=name_of)
def test_the_code_of_a_document_runs(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block runs after those above it, and each of its ``assert``s holds; a suite that it shows passes."""
    monkeypatch.chdir(tmp_path)
    for test in suites(run(document)):
        test()


@pytest.mark.parametrize("name", ["README.md", "docs/adopt.md", "docs/adapters.md", "docs/README.zh-CN.md"])
def test_the_pages_that_teach_have_code(name: str) -> None:
    """A page whose code was taken out would run without fault, so it is looked for."""
    assert name in {name_of(document) for document in WITH_CODE}


def test_the_first_example_is_short() -> None:
    """The README closes an account in some twenty lines, imports aside."""
    lines = [line for line in blocks(README, "python")[0].splitlines() if line.strip()]
    first = next(number for number, line in enumerate(lines) if line.startswith("mailbox ="))
    assert len(lines[first:]) <= 20
