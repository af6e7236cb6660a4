"""What the documents say of the machine and of the refusals is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hht_closure.errors import REFUSAL_CODES
from tests.docs.documents import DOCS, README, name_of
from tests.docs.generated import PARTS, generated_parts

GENERATED = generated_parts()


@pytest.mark.parametrize(
    ("name", "content"),
    [(name, content) for _, name, content in GENERATED],
    ids=[f"{name_of(document)}-{name}" for document, name, _ in GENERATED],
)
def test_a_generated_part_is_fresh(name: str, content: str) -> None:
    """What stands in the document is what the code gives now; else run ``python -m tests.docs.generated``."""
    assert content == PARTS[name]()


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (README, "machine"),
        (DOCS / "README.zh-CN.md", "machine"),
        (DOCS / "how-it-works.md", "machine"),
        (DOCS / "how-it-works.md", "transitions"),
        (DOCS / "refusals.md", "refusals"),
        (DOCS / "laws.md", "laws"),
    ],
    ids=str,
)
def test_the_document_has_its_generated_part(document: Path, name: str) -> None:
    """A picture or a table that was taken out would always be fresh, so each is looked for."""
    assert (document, name) in {(where, what) for where, what, _ in GENERATED}


@pytest.mark.parametrize("code", REFUSAL_CODES)
def test_every_refusal_is_on_its_page(code: str) -> None:
    """Each code has its line, so that whoever meets one finds it."""
    assert f"\n| `{code}` | " in (DOCS / "refusals.md").read_text(encoding="utf-8")
