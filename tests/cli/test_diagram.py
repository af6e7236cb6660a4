"""``hht-closure diagram``: the machine as it is in the code."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import get_args

import pytest

from hht_closure.cli import main
from hht_closure.cli.diagram import mermaid
from hht_closure.events import Event
from hht_closure.lifecycle import TRANSITIONS
from hht_closure.stages import Stage

ARROW = re.compile(r"    (\w+) --> (\w+): (\w+)")


def arrows(drawn: str) -> Set[tuple[str, str, str]]:
    """From where, to where, by what, of every arrow that has a name."""
    found = (match for match in map(ARROW.fullmatch, drawn.splitlines()) if match is not None)
    return {(match[1], match[2], match[3]) for match in found}


def test_every_event_that_leads_on_is_drawn() -> None:
    """As the code has it, and nothing else, but for the point of no return, which stays within its stage."""
    leading = {(a.lower(), b.lower(), event) for a, event, b in TRANSITIONS if a != b}
    assert arrows(mermaid()) == leading | {("closing", "closing", "ErasureBegun")}


def test_every_event_is_drawn_with_all() -> None:
    """Those that stay within a stage, too; no event is left out."""
    drawn = arrows(mermaid(loops=True))
    assert drawn == {(a.lower(), b.lower(), event) for a, event, b in TRANSITIONS}
    assert {event for _, _, event in drawn} == {one.__name__ for one in get_args(Event)}


def test_every_stage_is_drawn() -> None:
    """No stage of the machine is missing."""
    stages = {stage for a, b, _ in arrows(mermaid()) for stage in (a, b)}
    assert stages == {one.__name__.lower() for one in get_args(Stage)}


def test_a_closing_begins_unopened_and_ends_closed() -> None:
    """A withdrawn or lapsed round is no end: the person may begin anew."""
    assert [line for line in mermaid().splitlines() if "[*]" in line] == ["    [*] --> unopened", "    closed --> [*]"]


def test_the_command_prints_the_diagram(capsys: pytest.CaptureFixture[str]) -> None:
    """To the standard output, and nothing around it."""
    assert main(["diagram"]) == 0
    assert capsys.readouterr().out == mermaid()


def test_the_command_prints_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--all``."""
    assert main(["diagram", "--all"]) == 0
    assert capsys.readouterr().out == mermaid(loops=True)
