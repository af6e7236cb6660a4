"""The code in the documents runs, and what it claims holds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hht_closure.testing.contracts import PortContract
from tests.docs.documents import DOCS, README, blocks, documents, name_of

ON_A_SERVER = ["docs/postgresql.md"]
"""Pages whose code needs a server: each has tests of its own that run it."""

WITH_CODE = [one for one in documents() if blocks(one, "python") and name_of(one) not in ON_A_SERVER]


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


TEACHING = [
    "README.md",
    "docs/README.zh-CN.md",
    "docs/adapters.md",
    "docs/adopt.md",
    "docs/factors.md",
    "docs/own-portal.md",
    "docs/receipts.md",
    "docs/running.md",
]


@pytest.mark.parametrize("name", TEACHING)
def test_the_pages_that_teach_have_code(name: str) -> None:
    """A page whose code was taken out would run without fault, so it is looked for."""
    assert name in {name_of(document) for document in WITH_CODE}


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        *(("own-portal.md", port) for port in ("ForumAccounts", "ForumPosts", "NothingForSale", "ForumLetters")),
        *(("adapters.md", port) for port in ("ContractNumberVerifier", "BackwardsCaptcha")),
    ],
)
def test_what_a_portal_writes_is_proved_where_it_is_shown(page: str, shown: str) -> None:
    """Each class of one's own has its suite on the page."""
    suite = run(DOCS / page)[f"Test{shown}"]
    assert isinstance(suite, type)
    assert issubclass(suite, PortContract)


def test_the_shell_lines_verify_the_receipt_of_their_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands there for ``openssl`` says yes to the receipt that the page has made, in a plain shell."""
    page = DOCS / "receipts.md"
    monkeypatch.chdir(tmp_path)
    run(page)
    (lines,) = blocks(page, "sh")
    ended = subprocess.run(["sh", "-eu", "-c", lines], capture_output=True, text=True, check=True)
    assert ended.stdout == "Signature Verified Successfully\n"


def test_the_shell_lines_refuse_a_receipt_that_was_altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One character more in what was signed, and the same lines fail."""
    page = DOCS / "receipts.md"
    monkeypatch.chdir(tmp_path)
    run(page)
    receipt = tmp_path / "receipt.jws"
    receipt.write_text("A" + receipt.read_text(encoding="utf-8"), encoding="utf-8")
    (lines,) = blocks(page, "sh")
    ended = subprocess.run(["sh", "-eu", "-c", lines], capture_output=True, text=True, check=False)
    assert ended.returncode == 1


def test_every_claim_of_a_receipt_is_on_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table names each claim that the page's own receipt has."""
    page = DOCS / "receipts.md"
    monkeypatch.chdir(tmp_path)
    claims = run(page)["claims"]
    assert isinstance(claims, dict)
    heads = " ".join(line.split(" | ")[0] for line in page.read_text(encoding="utf-8").splitlines() if line[:1] == "|")
    assert {name for name in claims if f"`{name}`" not in heads} == set()


def test_the_first_example_is_short() -> None:
    """The README closes an account in some twenty lines, imports aside."""
    lines = [line for line in blocks(README, "python")[0].splitlines() if line.strip()]
    first = next(number for number, line in enumerate(lines) if line.startswith("mailbox ="))
    assert len(lines[first:]) <= 20
