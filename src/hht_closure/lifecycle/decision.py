"""What the machine answers to a command."""

from __future__ import annotations

import attrs

from hht_closure.errors import Parameter, Refusal, RefusalCode, refusal
from hht_closure.events import Event


@attrs.frozen
class Accepted:
    """The command leads to these events; to none where what it asks for is so already."""

    events: tuple[Event, ...] = ()


@attrs.frozen
class Refused:
    """The command leads to nothing; every reason at once."""

    refusals: tuple[Refusal, ...]


Decision = Accepted | Refused


def refused(code: RefusalCode, /, **parameters: Parameter) -> Refused:
    """A decision with one reason."""
    return Refused((refusal(code, **parameters),))
