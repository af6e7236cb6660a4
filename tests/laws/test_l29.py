"""L29: every event has a version; old ones are lifted, unknown ones stop the reading, recorded streams still fold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import attrs
import pytest

from hht_closure import codec
from hht_closure.canonical import Json, canonical, parse, unb64
from hht_closure.codec.versions import VERSIONS
from hht_closure.errors import InvalidValueError, UnsupportedEventError
from hht_closure.events import Event, RoundLapsed, RoundWithdrawn
from hht_closure.lifecycle import fold
from hht_closure.ports import Record
from hht_closure.testing.stories import NOW
from tests.laws.record_streams import STREAMS, plain_state
from tests.stage import MakeStage, Stage

RECORDED = sorted(STREAMS.glob("*/*.json"))


def _rewritten(record: Record, **changes: Json) -> Record:
    """The entry with these members changed, chained as a later release would have written it."""
    entry = parse(record.body)
    assert isinstance(entry, dict)
    body = canonical({**entry, **changes})
    return attrs.evolve(record, body=body, hash=hashlib.sha256(body).digest())


def test_an_unknown_kind_stops_the_reading(make_stage: MakeStage) -> None:
    """An event of a later release is not skipped, and no half closure is given (L29, DOM-09)."""
    stage = make_stage()
    stage.opened()
    *before, last = stage.records()
    with pytest.raises(UnsupportedEventError, match="SoulSold"):
        codec.read(stage.stream(), (*before, _rewritten(last, kind="SoulSold")))


def test_a_newer_version_stops_the_reading(make_stage: MakeStage) -> None:
    """A known kind in a version that is not known is not guessed at (L29, DOM-09)."""
    stage = make_stage()
    stage.opened()
    *before, last = stage.records()
    with pytest.raises(UnsupportedEventError):
        codec.read(stage.stream(), (*before, _rewritten(last, v=VERSIONS["ChecksMade"] + 1)))


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_never_was_stops_the_reading(version: int) -> None:
    """Versions begin at one (L29)."""
    kind, _, fields = codec.to_stored(RoundLapsed(NOW))
    with pytest.raises(UnsupportedEventError):
        codec.from_stored(kind, version, fields)


def test_the_service_reads_nothing_of_a_stream_of_a_later_release(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a view nor a command is answered from a part of it (L29, DOM-09)."""
    stage.opened()
    *before, last = stage.records()
    later = (*before, _rewritten(last, kind="SoulSold"))

    def read(_: str, *, whole: bool = False) -> tuple[Record, ...]:
        return later if whole else later[:]

    monkeypatch.setattr(stage.store.journal, "read", read)
    with pytest.raises(UnsupportedEventError):
        stage.service.current(stage.principal)


def test_an_old_version_is_lifted_step_by_step() -> None:
    """From version 1 by way of 2 to 3, each lift a pure function on the stored fields (L29)."""
    _, _, fields = codec.to_stored(RoundWithdrawn(NOW))
    assert isinstance(fields, dict)
    old: dict[str, Json] = {"time": fields["at"]}

    def named(stored: Mapping[str, Json]) -> dict[str, Json]:
        return {"when": stored["time"]}

    def renamed(stored: Mapping[str, Json]) -> dict[str, Json]:
        return {"at": stored["when"]}

    lifted = codec.from_stored(
        "RoundWithdrawn",
        1,
        old,
        versions={"RoundWithdrawn": 3},
        lifts={("RoundWithdrawn", 1): named, ("RoundWithdrawn", 2): renamed},
    )
    assert lifted == RoundWithdrawn(NOW)


def test_an_old_version_without_its_lift_stops_the_reading() -> None:
    """The twin: with one step missing nothing is guessed (L29)."""
    with pytest.raises(UnsupportedEventError):
        codec.from_stored("RoundWithdrawn", 1, {"time": "x"}, versions={"RoundWithdrawn": 2}, lifts={})


@pytest.mark.parametrize("fields", [{}, {"at": "2026-01-01"}, {"at": 5}, {"at": None}, [], "text", None])
def test_fields_of_another_form_are_no_event(fields: Json) -> None:
    """Too few, of another type, or no object at all (L29)."""
    with pytest.raises(InvalidValueError):
        codec.from_stored("RoundWithdrawn", 1, fields)


def test_a_field_too_many_is_no_event() -> None:
    """What this release does not know may change the meaning, so it is not passed over (L29)."""
    _, _, fields = codec.to_stored(RoundWithdrawn(NOW))
    assert isinstance(fields, dict)
    with pytest.raises(InvalidValueError):
        codec.from_stored("RoundWithdrawn", 1, {**fields, "also": 1})


def test_every_kind_of_event_has_a_version() -> None:
    """None is written without one (L29)."""
    assert set(VERSIONS) == {kind.__name__ for kind in get_args(Event)}


def test_there_are_recorded_streams_of_this_release() -> None:
    """At least the first release's are there (L29)."""
    assert {one.parent.name for one in RECORDED} >= {"0.1.0"}


@pytest.mark.parametrize("path", RECORDED, ids=lambda one: f"{one.parent.name}/{one.stem}")
def test_a_recorded_stream_folds_to_the_recorded_state(path: Path) -> None:
    """Streams of every release are kept; what was recorded of their state is still true, every line (L29, DOM-10)."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    records = tuple(
        Record(number, entry["body"].encode(), unb64(entry["hash"]), entry["opens"])
        for number, entry in enumerate(recorded["entries"], start=1)
    )
    now = set(plain_state(fold(codec.read(recorded["stream"], records))))
    assert [line for line in recorded["state"] if line not in now] == []


@pytest.mark.parametrize("path", RECORDED, ids=lambda one: f"{one.parent.name}/{one.stem}")
def test_a_recorded_state_is_not_empty(path: Path) -> None:
    """The twin: without its last event the same stream folds to another state (L29)."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    records = tuple(
        Record(number, entry["body"].encode(), unb64(entry["hash"]), entry["opens"])
        for number, entry in enumerate(recorded["entries"][:-1], start=1)
    )
    before = set(plain_state(fold(codec.read(recorded["stream"], records))))
    assert [line for line in recorded["state"] if line not in before] != []


def test_the_recorded_streams_hold_every_kind_of_event_that_a_life_has() -> None:
    """What is not recorded is not kept: every kind but the ones named here stands in some recorded stream (L29)."""
    kinds = {
        json.loads(entry["body"])["kind"]
        for path in RECORDED
        for entry in json.loads(path.read_text(encoding="utf-8"))["entries"]
    }
    assert {kind.__name__ for kind in get_args(Event)} - kinds == set()
