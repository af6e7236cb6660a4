"""The kinds of events that this release knows, their versions, and how old ones are lifted (L29).

An event that changes its meaning or its fields gets the next version here, and a pure function in
:data:`LIFTS` that makes one of the old form into the new. Streams of every release are kept and must fold to
the recorded state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, get_args

from hht_closure import events
from hht_closure.canonical import Json
from hht_closure.codec.plain import read_plain, to_plain
from hht_closure.errors import UnsupportedEventError
from hht_closure.events import Event

KINDS: Final[Mapping[str, type[Event]]] = {kind.__name__: kind for kind in get_args(events.Event)}
"""Every kind of event by the name under which it is stored."""

VERSIONS: Final[Mapping[str, int]] = dict.fromkeys(KINDS, 1)
"""The version in which each kind is written now."""

Lift = Callable[[Mapping[str, Json]], dict[str, Json]]
"""From the stored fields of one version to those of the next."""

LIFTS: Final[Mapping[tuple[str, int], Lift]] = {}
"""The lift of each kind from each old version to the one after it."""


def to_stored(event: Event) -> tuple[str, int, Json]:
    """The event's kind, version and fields, as they are written now."""
    kind = type(event).__name__
    return kind, VERSIONS[kind], to_plain(event, type(event))


def from_stored(
    kind: str,
    version: int,
    fields: Json,
    *,
    versions: Mapping[str, int] = VERSIONS,
    lifts: Mapping[tuple[str, int], Lift] = LIFTS,
) -> Event:
    """The event that was stored, lifted to the version of now.

    Raises:
        UnsupportedEventError: the kind or the version is not known; nothing is guessed.
        InvalidValueError: the fields are not those of that kind.
    """
    known = versions.get(kind)
    if known is None or not 1 <= version <= known:
        raise UnsupportedEventError(kind, version)
    for old in range(version, known):
        lift = lifts.get((kind, old))
        if lift is None or not isinstance(fields, dict):
            raise UnsupportedEventError(kind, version)
        fields = lift(fields)
    return read_plain(KINDS[kind], fields)
