"""The parts of the documents that are generated from the code; ``python -m tests.docs.generated`` writes them anew.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hht_closure.cli.diagram import mermaid
from hht_closure.errors import REFUSAL_CODES
from hht_closure.lifecycle import TRANSITIONS
from hht_closure.texts import text
from tests.docs.documents import ROOT, documents

LAWS: Final = range(1, 31)
_PART: Final = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n)(?P<content>.*?)(<!-- end -->)", re.DOTALL)


def machine() -> str:
    """The picture of the machine."""
    return f"```mermaid\n{mermaid().strip()}\n```\n"


def transitions() -> str:
    """Every event, the stages in which it can happen, and the stage to which it leads."""
    stays: dict[str, list[str]] = {}
    rows = ["| event | from | to |", "| --- | --- | --- |"]
    for start, event, end in TRANSITIONS:
        if start == end:
            stays.setdefault(event, []).append(start)
        else:
            rows.append(f"| `{event}` | {start.lower()} | {end.lower()} |")
    for event, within in stays.items():
        rows.append(f"| `{event}` | {', '.join(one.lower() for one in within)} | stays |")
    return "\n".join(rows) + "\n"


def refusals() -> str:
    """Every code of a refusal with its sentences."""
    rows = ["| code | English | Chinese |", "| --- | --- | --- |"]
    rows.extend(f"| `{code}` | {_said(code, 'en')} | {_said(code, 'zh-CN')} |" for code in REFUSAL_CODES)
    return "\n".join(rows) + "\n"


def _said(code: str, locale: str) -> str:
    return text(f"refusal.{code}", locale).replace("|", "\\|").replace("\n", " ")


def laws() -> str:
    """Every law, and the file that bears its number."""
    rows = ["| law | tests |", "| --- | --- |"]
    rows.extend(f"| L{number} | {_tested(law_file(number))} |" for number in LAWS)
    return "\n".join(rows) + "\n"


def law_file(number: int) -> Path:
    """Where the tests of that law are."""
    return ROOT / "tests" / "laws" / f"test_l{number:02}.py"


def _tested(file: Path) -> str:
    if not file.exists():
        return "no file of its own yet"
    return f"`{file.relative_to(ROOT).as_posix()}`"


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "machine": machine,
    "transitions": transitions,
    "refusals": refusals,
    "laws": laws,
}


def generated_parts() -> list[tuple[Path, str, str]]:
    """Every generated part: its document, its name, and what stands there now."""
    return [
        (document, one["name"], one["content"])
        for document in documents()
        for one in _PART.finditer(document.read_text(encoding="utf-8"))
    ]


def write() -> None:
    """Write every generated part anew."""
    for document in {document for document, _, _ in generated_parts()}:
        text = document.read_text(encoding="utf-8")
        document.write_text(_PART.sub(lambda one: f"{one[1]}{PARTS[one['name']]()}{one[4]}", text), encoding="utf-8")


if __name__ == "__main__":
    write()
