"""What the demonstration shows, as values: a step has words for people and facts for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from hht_closure.errors import Parameter
from hht_closure.portal.conditions import INVOICES_GROUND, ORDERS_GROUND
from hht_closure.portal.data_sets import KEPT_GROUND
from hht_closure.texts import text

_GROUNDS: Final = {
    ORDERS_GROUND: "civil_code_509",
    INVOICES_GROUND: "civil_code_579",
    KEPT_GROUND: "e_commerce_law_31",
}

Fact: TypeAlias = str | int | bool | Sequence["Fact"] | Mapping[str, "Fact"] | None
"""What stands in a JSON line."""

Mark = Literal["say", "yes", "no", "quote", "copy"]
"""How a line is meant: told, done, refused, what somebody else wrote, and what is to be copied unbroken."""


@attrs.frozen
class Line:
    """A line of text."""

    mark: Mark
    text: str


@attrs.frozen
class Table:
    """A small table; columns of figures stand to the right."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: frozenset[int] = frozenset()


@attrs.frozen(kw_only=True)
class Step:
    """One step: its stable code, the call of the library that made it, and what there is to see."""

    code: str
    title: str
    call: str = ""
    parts: tuple[Line | Table, ...] = ()
    facts: Mapping[str, Fact] = attrs.field(factory=dict[str, Fact])


@attrs.frozen(kw_only=True)
class Proof:
    """Something that was checked from outside: a stable name, whether it holds, and the sentence for it."""

    name: str
    holds: bool
    text: str
    facts: Mapping[str, Fact] = attrs.field(factory=dict[str, Fact])


class StoryError(Exception):
    """The demonstration could not go on; args: the step's code, and what did not happen."""

    def __init__(self, step: str, problem: str) -> None:
        super().__init__(step, problem)

    def __str__(self) -> str:
        return f"the demonstration stopped at {self.args[0]}: {self.args[1]}"


@attrs.frozen
class Words:
    """The demonstration's own sentences, ``demo.*`` of the catalogues, in one language."""

    locale: str

    def __call__(self, code: str, /, **parameters: Parameter) -> str:
        """The sentence of that code."""
        return text(f"demo.{code}", self.locale, **parameters)

    def say(self, code: str, /, **parameters: Parameter) -> Line:
        """A line that tells."""
        return Line("say", self(code, **parameters))

    def yes(self, code: str, /, **parameters: Parameter) -> Line:
        """A line about what was done."""
        return Line("yes", self(code, **parameters))

    def no(self, code: str, /, **parameters: Parameter) -> Line:
        """A line about what was refused."""
        return Line("no", self(code, **parameters))

    def ground(self, written: str) -> str:
        """A ground of the sample portal in this language; any other one as it is written."""
        code = _GROUNDS.get(written)
        return written if code is None else text(f"ground.{code}", self.locale)

    def data_set(self, name: str) -> str:
        """A data set's name."""
        return text(f"data_set.{name}", self.locale)


def quoted(written: str) -> tuple[Line, ...]:
    """What somebody else wrote, line by line."""
    return tuple(Line("quote", line) for line in written.strip().splitlines())


Show = Callable[[Step], None]
"""Where steps go."""
