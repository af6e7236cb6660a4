"""What a sabotage is: a law, broken by a few words in a copy of the package, and the tests that should notice."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import cache_from_source
from pathlib import Path

import attrs


class SabotageError(Exception):
    """A sabotage that does not fit the package any more: what is wrong with it, in words."""


@attrs.frozen
class Edit:
    """In one file, one place rewritten.

    Attributes:
        file: the file's path within the package.
        old: what stands there now, and nowhere else in the file.
        new: what is put in its place.
    """

    file: str
    old: str
    new: str


@attrs.frozen(kw_only=True)
class Sabotage:
    """One thing broken.

    Attributes:
        name: what is broken, in words.
        law: the law that it breaks.
        edits: how it is broken.
        suspects: the tests, by file or by node id, one of which should catch it; few, so that it is soon known.
    """

    name: str
    law: str
    edits: tuple[Edit, ...]
    suspects: tuple[str, ...]


def put_into(package: Path, sabotage: Sabotage) -> None:
    """Break the copy of the package that lies there.

    Raises:
        SabotageError: an edit does not fit.
    """
    for edit in sabotage.edits:
        file = package / edit.file
        file.write_text(_edited(package, sabotage, edit), encoding="utf-8")
        Path(cache_from_source(str(file))).unlink(missing_ok=True)


def misfits(package: Path, sabotages: Iterable[Sabotage]) -> tuple[str, ...]:
    """What is wrong with each edit that would not change the package that lies there; nothing where all fit."""
    wrong: list[str] = []
    for sabotage in sabotages:
        for edit in sabotage.edits:
            try:
                _edited(package, sabotage, edit)
            except SabotageError as error:
                wrong.append(str(error))
    return tuple(wrong)


def _edited(package: Path, sabotage: Sabotage, edit: Edit) -> str:
    file = package / edit.file
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    times = text.count(edit.old)
    if edit.old == edit.new:
        raise SabotageError(f"{sabotage.name!r}: changes nothing in {edit.file}: {edit.old!r}")
    if times != 1:
        raise SabotageError(f"{sabotage.name!r}: stands {times} times in {edit.file}, and not once: {edit.old!r}")
    return text.replace(edit.old, edit.new)
