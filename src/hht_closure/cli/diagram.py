"""The machine as a Mermaid state diagram, drawn from the transitions that the code itself keeps to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hht_closure.events import ErasureBegun
from hht_closure.lifecycle import TRANSITIONS
from hht_closure.stages import NOTHING

_SHOWN: Final = frozenset({ErasureBegun.__name__})
"""Events that stay within a stage and are shown nevertheless: the point of no return (L15)."""


def mermaid(*, loops: bool = False) -> str:
    """The stages, and the events that lead from one to the next, as ``stateDiagram-v2``.

    Args:
        loops: with the events that stay within a stage, too; without them only :class:`ErasureBegun`, the point of
            no return, is shown of these.
    """
    return "".join(f"{line}\n" for line in ("stateDiagram-v2", *_lines(loops=loops)))


def _lines(*, loops: bool) -> Iterator[str]:
    """One arrow a line; a stage that no event leads out of is an end."""
    yield f"    [*] --> {_named(type(NOTHING.stage).__name__)}"
    for before, event, after in TRANSITIONS:
        if loops or before != after or event in _SHOWN:
            yield f"    {_named(before)} --> {_named(after)}: {event}"
    left = {before for before, _, after in TRANSITIONS if before != after}
    for end in dict.fromkeys(after for _, _, after in TRANSITIONS if after not in left):
        yield f"    {_named(end)} --> [*]"


def _named(stage: str) -> str:
    return stage.lower()
