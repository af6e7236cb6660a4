"""The documents, and what stands in them: fenced code, generated parts, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
README: Final = ROOT / "README.md"

_FENCE: Final = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\((?P<target>[^)\s#:]+)(?:#[^)]*)?\)")


def documents() -> list[Path]:
    """The README and every page of the docs."""
    return [README, *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)]


def name_of(document: Path) -> str:
    """How a document is called in a test's name."""
    return document.relative_to(ROOT).as_posix()


def blocks(document: Path, language: str) -> list[str]:
    """The document's fenced blocks in that language, each behind as many empty lines as stand before it.

    So a traceback names the document's own line.
    """
    text = document.read_text(encoding="utf-8")
    return [
        "\n" * (text[: one.start()].count("\n") + 1) + one["code"]
        for one in _FENCE.finditer(text)
        if one["language"] == language
    ]


def links(document: Path) -> list[str]:
    """The targets of the document's links to other files."""
    return [one["target"] for one in _LINK.finditer(_FENCE.sub("", document.read_text(encoding="utf-8")))]
