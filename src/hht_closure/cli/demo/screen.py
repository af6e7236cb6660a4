"""Where steps are shown: to people with rich, to programs as JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from hht_closure.cli.demo.steps import Fact, Line, Mark, Proof, Step, Table

_WIDTH: Final = 100
_NARROWEST: Final = 20
_INDENT: Final = "   "
_CHINESE: Final = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60\u201c\u201d\u2018\u2019"
_ENDING: Final = r"\u3001\u3002\u3009\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff1a\uff1b\uff1f\u201d\u2019"
_OPENING: Final = r"\u3008\u300a\u300c\u300e\u3010\uff08\u201c\u2018"
_UNITS: Final = re.compile(rf"[{_OPENING}]*(?:[^\s{_CHINESE}]+|[{_CHINESE}])[{_ENDING}]*\s*|\s+")
_SIGNS: Final[Mapping[Mark, tuple[str, str]]] = {
    "say": ("", ""),
    "yes": ("✓ ", "green"),
    "no": ("✗ ", "red"),
    "quote": ("│ ", "dim"),
    "copy": ("", "cyan"),
}


class Screen(Protocol):
    """Something that shows what happens."""

    def begin(self, line: str) -> None:
        """What all of this is."""
        ...

    def show(self, step: Step) -> None:
        """A step, when it has been taken."""
        ...

    def working(self) -> AbstractContextManager[object]:
        """Until the end of the block, :meth:`done` and :meth:`progress` are called."""
        ...

    def done(self, task: str, line: str) -> None:
        """A task of the closing has happened."""
        ...

    def progress(self, data_set: str, label: str, erased: int, total: int) -> None:
        """How far the erasure of a data set is."""
        ...

    def proof(self, proof: Proof) -> None:
        """Something was checked."""
        ...

    def end(self, *, proved: bool, lines: tuple[Line, ...], facts: Mapping[str, Fact]) -> None:
        """How all of it came out."""
        ...


class JsonScreen:
    """One JSON object a line, in ASCII, each with its stable ``step``."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begin(self, line: str) -> None:
        """Nothing: the first line is the first step."""

    def show(self, step: Step) -> None:
        """The step's facts."""
        self._write(step.code, step.facts)

    def working(self) -> AbstractContextManager[object]:
        """Nothing to prepare."""
        return nullcontext()

    def done(self, task: str, line: str) -> None:
        """``task``, with the task's name."""
        self._write("task", {"task": task})

    def progress(self, data_set: str, label: str, erased: int, total: int) -> None:
        """``erasing``, with what has gone so far."""
        self._write("erasing", {"data_set": data_set, "erased": erased, "total": total})

    def proof(self, proof: Proof) -> None:
        """``proof``, with its name and whether it holds."""
        self._write("proof", {"name": proof.name, "holds": proof.holds, **proof.facts})

    def end(self, *, proved: bool, lines: tuple[Line, ...], facts: Mapping[str, Fact]) -> None:
        """``result``."""
        self._write("result", {"proved": proved, **facts})

    def _write(self, step: str, facts: Mapping[str, Fact]) -> None:
        print(json.dumps({"step": step, **facts}), file=self._out, flush=True)


class _Console(Console):
    """One that leaves it to the command line what happens when the reader has gone away."""

    def on_broken_pipe(self) -> None:
        """Say so, now and whenever more is written.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError


class RichScreen:
    """For people: colours and bars in a terminal, plain text of the same words elsewhere."""

    def __init__(self, out: TextIO) -> None:
        plain = _Console(file=out)
        width = min(plain.width, _WIDTH) if plain.is_terminal else _WIDTH
        self._console = _Console(file=out, width=width, highlight=False, markup=False, emoji=False)
        self._bars = Progress(
            TextColumn("    {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._steps = 0

    def begin(self, line: str) -> None:
        """The line in bold."""
        self._write(Text(line, style="bold"))

    def show(self, step: Step) -> None:
        """The step with a number, its title, the call that made it, and its parts."""
        self._steps += 1
        self._write(Text())
        self._write(Text(f"{self._steps}. {step.title}", style="bold cyan"))
        if step.call:
            self._write(Text(f"   {step.call}", style="dim"))
        for part in step.parts:
            self._part(part)

    def working(self) -> AbstractContextManager[object]:
        """Bars, while it lasts."""
        return self._bars

    def done(self, task: str, line: str) -> None:
        """A line with a tick."""
        self._part(Line("yes", line))

    def progress(self, data_set: str, label: str, erased: int, total: int) -> None:
        """The data set's bar, for as long as there is something to go."""
        if data_set not in self._tasks:
            self._tasks[data_set] = self._bars.add_task(label, total=total)
        self._bars.update(self._tasks[data_set], completed=erased, total=total, visible=erased < total)

    def proof(self, proof: Proof) -> None:
        """A line with a tick or a cross."""
        self._part(Line("yes" if proof.holds else "no", proof.text))

    def end(self, *, proved: bool, lines: tuple[Line, ...], facts: Mapping[str, Fact]) -> None:
        """How it came out, and what can be done next."""
        self._write(Text())
        for line in lines:
            self._part(line)

    def _part(self, part: Line | Table) -> None:
        match part:
            case Table():
                for row in _rows(part):
                    self._write(Text(f"{_INDENT}{row}"))
            case Line("copy", written):
                self._write(Text(f"{_INDENT}{written}", style="cyan"))
            case Line():
                self._line(part)

    def _line(self, line: Line) -> None:
        """In pieces that fit; the sign stands before the first of them, and before all of a quotation."""
        sign, style = _SIGNS[line.mark]
        room = max(self._console.width - cell_len(_INDENT + sign), _NARROWEST)
        for number, piece in enumerate(wrapped(line.text, room)):
            first = sign if number == 0 or line.mark == "quote" else " " * cell_len(sign)
            self._write(
                Text(_INDENT).append(first, style=style).append(piece, style=style if line.mark == "quote" else "")
            )

    def _write(self, text: Text) -> None:
        """As it is: what is wider than the terminal is the terminal's to break, so that it can be copied."""
        text.rstrip()
        self._console.print(text, soft_wrap=True)


def wrapped(written: str, room: int) -> list[str]:
    """The text in pieces of at most that many cells, a Chinese character taking two.

    It is broken at spaces and between Chinese characters, but never in front of a mark that ends something. A word
    that is longer than a line keeps its line for itself.
    """
    pieces = [""]
    for unit in _UNITS.findall(written):
        if pieces[-1] and cell_len(pieces[-1] + unit.rstrip()) > room:
            pieces.append("")
        pieces[-1] += unit
    return [piece.rstrip() for piece in pieces]


def _rows(table: Table) -> list[str]:
    """The table's lines; widths are counted in cells, of which a Chinese character takes two."""
    lines = (table.heads, *table.rows)
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(table.heads))]
    return [
        "   ".join(_padded(cell, widths[at], right=at in table.figures) for at, cell in enumerate(line)).rstrip()
        for line in lines
    ]


def _padded(cell: str, width: int, *, right: bool) -> str:
    room = " " * (width - cell_len(cell))
    return room + cell if right else cell + room
