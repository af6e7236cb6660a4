"""The pages hang together: commands that are checked, links that lead somewhere, laws that have their tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, README, ROOT, blocks, documents, links, name_of
from tests.docs.generated import LAWS, law_file

COMMANDS = [line for block in blocks(README, "sh") for line in block.splitlines() if line]
REACHED = (1, 2, 6, 7, 10, 11, 13, 14, 15, 16, 17, 22, 23, 24, 25, 28, 29, 30)
LAWS_PAGE = (DOCS / "laws.md").read_text(encoding="utf-8")


def test_the_readme_has_its_two_command_lines() -> None:
    """One runs the demo, one the tests, and each does all its own set-up."""
    assert [line.split(" && ")[-1] for line in COMMANDS] == [
        ".venv/bin/hht-closure demo",
        ".venv/bin/python -m pytest",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_one_that_is_checked(command: str) -> None:
    """``.ci/run`` calls it exactly as it stands in the README."""
    assert command in [line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]


def test_the_chinese_readme_has_the_same_commands() -> None:
    """Whoever reads Chinese is told to run the same."""
    chinese = blocks(DOCS / "README.zh-CN.md", "sh")
    assert [line for block in chinese for line in block.splitlines() if line] == COMMANDS


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    """Every link to a file has its file."""
    assert [target for target in links(document) if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("number", LAWS)
def test_every_law_is_on_its_page(number: int) -> None:
    """Each of the laws has a line of its own that begins with its number."""
    assert re.search(rf"^\| L{number} \| ", LAWS_PAGE, re.MULTILINE)


@pytest.mark.parametrize("number", REACHED)
def test_a_law_has_the_tests_that_bear_its_number(number: int) -> None:
    """Each law that this release reaches has a file of its own."""
    assert law_file(number).is_file()


def test_every_page_can_be_reached() -> None:
    """A page stands in the table of contents, or nobody finds it."""
    contents = (DOCS / "index.md").read_text(encoding="utf-8")
    decisions = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    pages = {name_of(page) for page in documents()} - {"README.md", "docs/index.md"}
    listed = {f"docs/{line}.md" for line in contents.splitlines()}
    listed |= {f"docs/decisions/{line}.md" for line in decisions.splitlines()}
    assert pages - listed == set()
