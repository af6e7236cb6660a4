"""Events as JSON and back, every kind of them, and old versions lifted (L22, L29)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hht_closure import events
from hht_closure.canonical import Json, canonical, parse
from hht_closure.codec import KINDS, from_stored, read_plain, terms_digest, to_plain, to_stored
from hht_closure.codec.versions import LIFTS, VERSIONS
from hht_closure.errors import InvalidValueError, UnsupportedEventError
from hht_closure.events import Event
from hht_closure.policy import Terms
from hht_closure.verification import Requirement, captcha, email_code, sms_code
from tests.core import strategies
from tests.core.build import T0, TERMS
from tests.core.strategies import seeded, values_of


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_event_comes_back_as_it_was_written(kind: type[Event]) -> None:
    """Through canonical JSON and back, whatever its fields hold (L29)."""

    @seeded
    @given(values_of(kind))
    def comes_back(event: object) -> None:
        assert isinstance(event, kind)
        name, version, fields = to_stored(event)
        assert from_stored(name, version, parse(canonical(fields))) == event

    comes_back()


@seeded
@given(values_of(Terms))
def test_terms_come_back_as_they_were_written(terms: object) -> None:
    """With their requirement, however it is nested, and every duration."""
    assert isinstance(terms, Terms)
    back = read_plain(Terms, to_plain(terms, Terms))
    assert (back, terms_digest(back)) == (terms, terms_digest(terms))


@seeded
@given(values_of(Terms), values_of(Terms))
def test_terms_that_differ_have_other_digests(one: object, other: object) -> None:
    """Any change of any of them shows (DESIGN 2)."""
    assert isinstance(one, Terms)
    assert isinstance(other, Terms)
    assert (terms_digest(one) == terms_digest(other)) == (one == other)


def test_every_kind_of_event_is_known_by_its_name() -> None:
    """And by nothing else; each with its version."""
    assert set(KINDS.values()) == set(strategies.KINDS)
    assert all(kind.__name__ == name for name, kind in KINDS.items())
    assert VERSIONS.keys() == KINDS.keys()


def test_the_form_of_a_class_is_its_fields() -> None:
    """A class is an object, a tuple a list, a time its text, one of several classes says which it is."""
    opened = events.ChecksMade(T0, (events.CheckOutcome("orders_done", "blocked", ("unpaid",)),))
    assert to_stored(opened) == (
        "ChecksMade",
        1,
        {
            "at": "2026-03-01T08:00:00.000000Z",
            "outcomes": [{"name": "orders_done", "result": "blocked", "blockers": ["unpaid"]}],
        },
    )
    assert to_plain(captcha & sms_code, Requirement) == {
        "is": "AllOf",
        "value": {
            "parts": [
                {"is": "Factor", "value": {"name": "captcha", "assurance": "human_check"}},
                {"is": "Factor", "value": {"name": "sms_code", "assurance": "restricted_possession"}},
            ]
        },
    }


def test_a_duration_is_its_whole_seconds_and_bytes_are_base64url() -> None:
    """One form each."""
    assert to_plain(timedelta(minutes=2), timedelta) == 120
    assert to_plain(events.Sealed(b"\xff\xfe"), events.Confidential) == "__4"
    assert to_plain(None, events.Confidential | None) is None


def test_a_text_in_clear_is_never_written() -> None:
    """There is no form for it (L22)."""
    with pytest.raises(InvalidValueError) as error:
        to_stored(events.ReasonGiven(T0, "other", events.Clear("Because I can."), share_note=False))
    assert "Because" not in str(error.value)


STORED: Mapping[str, Json] = {
    "at": "2026-03-01T08:00:00.000000Z",
    "task": "freeze",
    "due": "2026-03-01T08:00:00.000000Z",
}


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        "text",
        {},
        {**STORED, "more": 1},
        {"at": STORED["at"], "task": "freeze"},
        {**STORED, "at": 7},
        {**STORED, "at": "2026-03-01"},
        {**STORED, "at": "2026-02-30T08:00:00.000000Z"},
        {**STORED, "task": 7},
        {**STORED, "task": None},
        {**STORED, "due": None},
    ],
)
def test_fields_of_another_form_are_refused(fields: Json) -> None:
    """A field too many, one missing, one of another type (L29)."""
    with pytest.raises(InvalidValueError):
        from_stored("TaskPostponed", 1, fields)


@attrs.frozen
class Sample:
    """One field of each sort that can be stored."""

    flag: bool = True
    number: int = 1
    duration: timedelta = timedelta(seconds=1)
    row: tuple[str, int] = ("a", 1)
    many: tuple[str, ...] = ()
    choice: Literal["a", "b"] = "a"
    requirement: Requirement = sms_code
    perhaps: datetime | None = None
    note: events.Confidential = attrs.field(default=events.Sealed(b"x"))


PLAIN = {
    "flag": True,
    "number": 1,
    "duration": 1,
    "row": ["a", 1],
    "many": [],
    "choice": "a",
    "requirement": {"is": "Factor", "value": {"name": "sms_code", "assurance": "restricted_possession"}},
    "perhaps": None,
    "note": "eA",
}


def test_a_value_of_every_sort_is_written_and_read() -> None:
    """The sample's form, there and back."""
    assert to_plain(Sample(), Sample) == PLAIN
    assert read_plain(Sample, to_plain(Sample(), Sample)) == Sample()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("flag", 1),
        ("flag", None),
        ("number", True),
        ("number", "1"),
        ("duration", "1"),
        ("duration", 2**53),
        ("row", ["a"]),
        ("row", ["a", 1, 1]),
        ("row", {"a": 1}),
        ("many", "abc"),
        ("many", [1]),
        ("choice", "c"),
        ("choice", ["a"]),
        ("requirement", "sms_code"),
        ("requirement", {"is": "Factor"}),
        ("requirement", {"is": "NoneOf", "value": {}}),
        ("requirement", {"is": 7, "value": {}}),
        ("requirement", {"is": "AllOf", "value": {"parts": []}}),
        ("requirement", {"is": "Factor", "value": {"name": "SMS", "assurance": "possession"}}),
        ("perhaps", 0),
        ("note", "eA=="),
        ("note", 7),
    ],
)
def test_reading_is_strict(field: str, wrong: Json) -> None:
    """Nothing is taken for something else, and nothing is guessed."""
    plain = to_plain(Sample(), Sample)
    assert isinstance(plain, dict)
    with pytest.raises(InvalidValueError):
        read_plain(Sample, {**plain, field: wrong})


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("flag", "yes"),
        ("number", "1"),
        ("number", True),
        ("duration", 1),
        ("row", ["a", 1]),
        ("many", "abc"),
        ("many", (1,)),
        ("choice", "c"),
        ("choice", 7),
        ("requirement", "sms_code"),
        ("perhaps", "2026-03-01T08:00:00.000000Z"),
        ("note", "in clear"),
        ("note", events.Clear("in clear")),
    ],
)
def test_a_value_of_another_type_is_not_written(field: str, wrong: object) -> None:
    """A mistake of ours is found before it is in the journal; the error shows nothing of the value (L22)."""
    with pytest.raises(InvalidValueError) as error:
        to_plain(attrs.evolve(Sample(), **{field: wrong}), Sample)  # type: ignore[arg-type]
    assert "clear" not in str(error.value)


def test_what_is_no_such_class_is_not_written_as_one() -> None:
    """Fields of the same names do not make it one."""
    with pytest.raises(InvalidValueError) as error:
        to_plain(T0, Sample)
    assert error.value.args == ("Sample", "malformed")


@pytest.mark.parametrize("hint", [float, bytes, list[str], int | str, events.Sealed | int, dict[str, int]])
def test_a_type_without_a_form_cannot_be_stored(hint: object) -> None:
    """Found when the class is first written, in the first test of it."""
    with pytest.raises(InvalidValueError) as error:
        to_plain(1, hint)
    assert error.value.args == ("type", "cannot_be_stored")


class Elsewhere(type):
    """A class whose constructor gives something else than one of its own."""

    def __call__(cls, *_: object, **__: object) -> object:
        """Another class's value."""
        return T0


@attrs.frozen
class Sly(metaclass=Elsewhere):
    """What is made of it is none of it."""


def test_a_class_that_makes_something_else_is_refused() -> None:
    """What is read is of the class that was asked for, or nothing is."""
    with pytest.raises(InvalidValueError) as error:
        read_plain(Sly, {})
    assert error.value.args == ("Sly", "malformed")


# --- versions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "version"), [("NoSuchEvent", 1), ("TaskDone", 0), ("TaskDone", -1), ("TaskDone", 2), ("", 1)]
)
def test_an_unknown_kind_or_version_stops_the_reading(kind: str, version: int) -> None:
    """Nothing is guessed, and nothing passed over (L29)."""
    with pytest.raises(UnsupportedEventError) as error:
        from_stored(kind, version, {"at": STORED["at"], "task": "freeze"})
    assert error.value.args == (kind, version)


def test_no_event_is_written_in_a_version_that_is_not_read() -> None:
    """From every old version there is a way to the one of now (L29)."""
    needed = {(kind, old) for kind, version in VERSIONS.items() for old in range(1, version)}
    assert set(LIFTS) == needed


def test_an_old_version_is_lifted_step_by_step() -> None:
    """By pure functions, one for each step (L29)."""
    lifted = from_stored(
        "TaskDone",
        1,
        {"when": STORED["at"], "job": "freeze"},
        versions={"TaskDone": 3},
        lifts={
            ("TaskDone", 1): lambda old: {"at": old["when"], "job": old["job"]},
            ("TaskDone", 2): lambda old: {"at": old["at"], "task": old["job"]},
        },
    )
    assert lifted == events.TaskDone(T0, "freeze")


def test_an_event_of_now_is_not_lifted() -> None:
    """A lift belongs to the version it leads from (L29)."""
    event = events.TaskDone(T0, "freeze")
    kind, _, fields = to_stored(event)
    assert from_stored(kind, 2, fields, versions={kind: 2}, lifts={(kind, 1): lambda _: {}}) == event


@pytest.mark.parametrize("fields", [{"at": "x"}, None, []])
def test_a_version_without_a_lift_stops_the_reading(fields: Json) -> None:
    """As do fields that are none (L29)."""
    with pytest.raises(UnsupportedEventError):
        from_stored("TaskDone", 1, fields, versions={"TaskDone": 2}, lifts={})


@pytest.mark.parametrize("fields", [None, [], "text"])
def test_what_has_no_fields_is_not_lifted(fields: Json) -> None:
    """A lift is only ever given an object (L29)."""
    with pytest.raises(UnsupportedEventError):
        from_stored("TaskDone", 1, fields, versions={"TaskDone": 2}, lifts={("TaskDone", 1): dict})


@seeded
@given(st.permutations([sms_code, email_code, captcha]))
def test_the_order_of_factors_is_kept(order: list[Requirement]) -> None:
    """Within ``&`` it counts (L8)."""
    requirement = order[0] & order[1] & order[2]
    terms = attrs.evolve(TERMS, requirement=requirement)
    assert read_plain(Terms, to_plain(terms, Terms)).requirement == requirement


def test_a_time_in_another_zone_is_the_same_instant() -> None:
    """Stored in UTC, whatever zone it came in."""
    assert to_plain(T0.astimezone(UTC), datetime) == to_plain(T0, datetime)
