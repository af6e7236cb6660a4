"""Where steps are shown: to people with rich, to programs as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol, TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.rule import Rule
from rich.table import Table as RichTable
from rich.text import Text

from hht_closure.cli.demo.steps import Fact, Line, Mark, Proof, Step, Table

_WIDTH: Final = 100
_SIGNS: Final[Mapping[Mark, tuple[str, str]]] = {
    "say": ("", ""),
    "yes": ("✓ ", "green"),
    "no": ("✗ ", "red"),
    "quote": ("│ ", "dim"),
    "copy": ("", "cyan"),
}


class Screen(Protocol):
    """Something that shows what happens."""

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


class RichScreen:
    """For people: colours and bars in a terminal, plain text of the same words elsewhere."""

    def __init__(self, out: TextIO) -> None:
        plain = Console(file=out)
        width = min(plain.width, _WIDTH) if plain.is_terminal else _WIDTH
        self._console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
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

    def show(self, step: Step) -> None:
        """The step with a number, its title, the call that made it, and its parts."""
        self._steps += 1
        self._head(f"{self._steps}. {step.title}", step.call)
        for part in step.parts:
            self._print(_table(part) if isinstance(part, Table) else part)

    def working(self) -> AbstractContextManager[object]:
        """Bars, while it lasts."""
        return self._bars

    def done(self, task: str, line: str) -> None:
        """A line with a tick."""
        self._print(Line("yes", line))

    def progress(self, data_set: str, label: str, erased: int, total: int) -> None:
        """The data set's bar."""
        if data_set not in self._tasks:
            self._tasks[data_set] = self._bars.add_task(label, total=total)
        self._bars.update(self._tasks[data_set], completed=erased)

    def proof(self, proof: Proof) -> None:
        """A line with a tick or a cross."""
        self._print(Line("yes" if proof.holds else "no", proof.text))

    def end(self, *, proved: bool, lines: tuple[Line, ...], facts: Mapping[str, Fact]) -> None:
        """The result in colour, and what can be done next."""
        self._console.print(Rule(style="green" if proved else "red"))
        for line in lines:
            self._print(line)

    def _head(self, title: str, call: str) -> None:
        head = Text(title, style="bold")
        if call:
            head.append(f"   {call}", style="not bold dim")
        self._console.print()
        self._console.print(head)

    def _print(self, part: RenderableType | Line) -> None:
        match part:
            case Line("copy", text):
                self._console.print(Text(f"    {text}", style=_SIGNS["copy"][1]), soft_wrap=True)
            case Line(mark, text):
                sign, style = _SIGNS[mark]
                grid = RichTable.grid(padding=0)
                grid.add_column(width=len(sign) or None)
                grid.add_column()
                grid.add_row(
                    *([Text(sign.rstrip(), style=style)] if sign else []),
                    Text(text, style=style if mark == "quote" else ""),
                )
                self._console.print(Padding(grid, (0, 0, 0, 4)))
            case _:
                self._console.print(Padding(part, (0, 0, 0, 4)))


def _table(table: Table) -> RichTable:
    shown = RichTable(box=None, padding=(0, 3, 0, 0), header_style="dim", show_edge=False)
    for number, head in enumerate(table.heads):
        shown.add_column(head, justify="right" if number in table.figures else "left")
    for row in table.rows:
        shown.add_row(*(Text(one) for one in row))
    return shown
