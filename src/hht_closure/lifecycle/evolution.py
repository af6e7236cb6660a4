"""``evolve``: what an event makes of a closure, looked up by the event's type.

The functions are in :mod:`~hht_closure.lifecycle.evolve_dialogue` and :mod:`~hht_closure.lifecycle.evolve_work`.
Each says, in its decorator, in which stages its event can happen and to which stage it leads; the decorator
keeps to that when it runs, and the diagram is drawn from the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from hht_closure.errors import ImpossibleEventError
from hht_closure.events import Event
from hht_closure.stages import (
    NOTHING,
    Closure,
    Stage,
)

S = TypeVar("S", bound=Stage)
E = TypeVar("E", bound=Event)

_STEPS: Final[dict[type, tuple[tuple[type, ...], Callable[..., Closure]]]] = {}
TRANSITIONS: Final[list[tuple[str, str, str]]] = []
"""From which stage, by which event, to which stage; in the order of the files."""


def on(
    event: type[E], *, within: tuple[type[Stage], ...], to: type[Stage] | None = None
) -> Callable[[Callable[[Closure, S, E], Closure]], Callable[[Closure, S, E], Closure]]:
    """Say in which stages the event can happen, and where it leads; None: it stays where it is."""

    def register(step: Callable[[Closure, S, E], Closure]) -> Callable[[Closure, S, E], Closure]:
        _STEPS[event] = (within, step)
        TRANSITIONS.extend((one.__name__, event.__name__, (to or one).__name__) for one in within)
        return step

    return register


def evolve(closure: Closure, event: Event) -> Closure:
    """The closure after the event.

    Raises:
        ImpossibleEventError: the event cannot happen in this stage, so the stream is not one of ours.
    """
    within, step = _STEPS[type(event)]
    stage = closure.stage
    if type(stage) not in within:
        raise ImpossibleEventError(type(event).__name__, type(stage).__name__)
    return step(closure, stage, event)


def fold(happened: Iterable[Event], closure: Closure = NOTHING) -> Closure:
    """The closure after all the events; in one go or in pieces, the result is the same."""
    for event in happened:
        closure = evolve(closure, event)
    return closure
