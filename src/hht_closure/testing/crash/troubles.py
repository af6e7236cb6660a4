"""Where it goes wrong: at which port call, how, and every such point of a scenario."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final, Literal, TypeVar, get_args

import attrs

from hht_closure.errors import InvalidValueError

T = TypeVar("T")

Mode = Literal["killed_before", "killed_after", "failing", "ambiguous", "taken_over", "late"]
"""What happens at a call.

``killed_before``, ``killed_after``: the process is dead before it, or after it. ``failing``, ``ambiguous``: it raises,
and had no effect, or had it. ``taken_over``, ``late``: the process stands still before it, and goes on with it when
another worker has taken its lease over and done nothing yet, or when others have brought everything to its end.
"""

MODES: Final[tuple[Mode, ...]] = get_args(Mode)
KILLS: Final[tuple[Mode, ...]] = ("killed_before", "killed_after")
SLEEPS: Final[tuple[Mode, ...]] = ("taken_over", "late")

_MODES: Final[Mapping[str, Mode]] = {mode: mode for mode in MODES}
_TROUBLE: Final = re.compile(r"([a-z_]{1,20}):([1-9][0-9]{0,5})\Z")


@attrs.frozen
class Call:
    """A call of a port: its name, and whether a worker made it that held a lease."""

    name: str
    under_lease: bool = False

    @property
    def modes(self) -> tuple[Mode, ...]:
        """What can happen at it: only a lease can be taken over."""
        return MODES if self.under_lease else tuple(mode for mode in MODES if mode != "taken_over")

    def __str__(self) -> str:
        return self.name


@attrs.frozen
class Trouble:
    """One thing that goes wrong: how, and at which port call, counted from 1."""

    mode: Mode
    call: int

    @property
    def kills(self) -> bool:
        """Whether the process dies of it."""
        return self.mode in KILLS

    @property
    def sleeps(self) -> bool:
        """Whether the process stands still, and others go on meanwhile."""
        return self.mode in SLEEPS

    @property
    def ends_process(self) -> bool:
        """Whether it is another process that comes to the end: this one is dead, or has stood still."""
        return self.kills or self.sleeps

    def __str__(self) -> str:
        return f"{self.mode}:{self.call}"


@attrs.frozen
class Point:
    """One trial: what goes wrong, and what goes wrong again on the way out of it.

    The call of ``second`` is counted from the first trouble on: in the next process where the first one died.

    Raises:
        InvalidValueError: there is a second one behind a first that stands still, which is over when it goes on.
    """

    first: Trouble
    second: Trouble | None = None

    def __attrs_post_init__(self) -> None:
        if self.second is not None and self.first.sleeps:
            raise InvalidValueError("point", "not_a_point")

    def __str__(self) -> str:
        return f"{self.first}" if self.second is None else f"{self.first}+{self.second}"

    @classmethod
    def read(cls, text: str) -> Point:
        """The point that is written so: ``killed_after:57``, ``killed_after:57+failing:3``.

        Raises:
            InvalidValueError: it is not.
        """
        first, plus, second = text.partition("+")
        return cls(_trouble(first), _trouble(second) if plus else None)


def _trouble(text: str) -> Trouble:
    found = _TROUBLE.match(text)
    mode = None if found is None else _MODES.get(found[1])
    if found is None or mode is None:
        raise InvalidValueError("point", "not_a_point")
    return Trouble(mode, int(found[2]))


def single_points(calls: Sequence[Call], *, every: int, random: Random) -> Iterator[Point]:
    """Each call in each mode; with ``every``, of each mode every so many calls, from a place that chance chooses."""
    for mode in MODES:
        possible = [number for number, call in enumerate(calls, 1) if mode in call.modes]
        yield from (Point(Trouble(mode, number)) for number in sampled(possible, every, random))


def pairs(first: Trouble, calls: Sequence[Call], *, every: int, random: Random) -> Iterator[Point]:
    """The same trouble, and behind it one more at each of the calls that followed; its mode is left to chance."""
    for number, call in sampled(tuple(enumerate(calls, 1)), every, random):
        yield Point(first, Trouble(random.choice(call.modes), number))


def sampled(these: Sequence[T], every: int, random: Random) -> Sequence[T]:
    """Every so many of them, from a place that chance chooses, and at least one where there is any."""
    return these[random.randrange(min(every, len(these))) :: every] if these else ()
