"""The chain of hashes: what is appended verifies for ever, and whatever is changed, cut or moved is found (L24)."""

from __future__ import annotations

import hashlib
import json
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hht_closure import events
from hht_closure.canonical import canonical
from hht_closure.codec import START, Broken, Head, Valid, read, verify, write
from hht_closure.codec.chain import Place, place_of
from hht_closure.errors import JournalBrokenError, UnsupportedEventError
from hht_closure.events import Clear, Event, Sealed
from hht_closure.ports import Record
from tests.core.build import T0, History, closed
from tests.core.strategies import histories, sealed_as_stored, seeded

STREAM: Final = "s" * 32
HAPPENED: Final = closed().happened


def seal(place: Place, clear: Clear) -> Sealed:
    """The text with its place, so that a test can see what was sealed where."""
    return Sealed(repr((place, clear.text)).encode())


def written(*happened: Event, head: Head = START) -> tuple[Record, ...]:
    """The records of these events."""
    return write(STREAM, head, happened, seal, commit="c")


RECORDS: Final = written(*HAPPENED)


def forged(record: Record, **change: object) -> Record:
    """The record with another body, and a hash that fits it."""
    body = canonical({**json.loads(record.body), **change})  # type: ignore[dict-item]
    return attrs.evolve(record, body=body, hash=hashlib.sha256(body).digest())


def put(number: int, record: Record) -> tuple[Record, ...]:
    """The stream with that record in the place of another."""
    return (*RECORDS[:number], record, *RECORDS[number + 1 :])


@seeded
@given(histories())
def test_what_is_appended_verifies_and_is_read_back(told: History) -> None:
    """In one writing, whatever happened (L24)."""
    records = write(STREAM, START, told.happened, lambda _, clear: Sealed(clear.text.encode()), commit="c")
    assert verify(STREAM, records) == Valid(Head(len(records), records[-1].hash if records else b""))
    assert read(STREAM, records) == tuple(sealed_as_stored(one) for one in told.happened)


@pytest.mark.parametrize("cut", [0, 1, 5, len(HAPPENED) - 1])
def test_writing_goes_on_behind_the_head(cut: int) -> None:
    """In pieces it is the same chain (L24)."""
    first = written(*HAPPENED[:cut])
    head = Head(len(first), first[-1].hash) if first else START
    assert (*first, *written(*HAPPENED[cut:], head=head)) == RECORDS


@pytest.mark.parametrize("begin", [0, 1, 7])
def test_reading_may_begin_at_any_record(begin: int) -> None:
    """At the last opening, say; from there on without a gap."""
    assert read(STREAM, RECORDS[begin:]) == read(STREAM, RECORDS)[begin:]


def test_nothing_is_a_chain_of_nothing() -> None:
    """A new stream."""
    assert (read(STREAM, ()), verify(STREAM, ()), written()) == ((), Valid(START), ())


def test_a_record_says_whether_it_opens_a_round() -> None:
    """So that a store can find where to begin."""
    assert [one.opens for one in RECORDS] == [isinstance(one, events.RoundOpened) for one in HAPPENED]


@seeded
@given(st.data())
def test_any_changed_byte_is_found_where_it_is(data: st.DataObject) -> None:
    """Whichever byte of whichever record (L24)."""
    number = data.draw(st.integers(0, len(RECORDS) - 1))
    body = bytearray(RECORDS[number].body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    stream = put(number, attrs.evolve(RECORDS[number], body=bytes(body)))
    assert verify(STREAM, stream) == Broken(number + 1)
    with pytest.raises(JournalBrokenError) as error:
        read(STREAM, stream)
    assert error.value.args == (STREAM, number + 1)


@pytest.mark.parametrize("number", [0, 3, len(RECORDS) - 2])
def test_a_forged_record_is_found_at_the_next(number: int) -> None:
    """Its own hash fits; the next one's does not know it (L24)."""
    forgery = forged(RECORDS[number], commit="other")
    assert verify(STREAM, put(number, forgery)) == Broken(number + 2)


def test_a_forged_last_record_is_the_ledgers_to_find() -> None:
    """The chain alone cannot: what it says is another head (L24)."""
    forgery = forged(RECORDS[-1], commit="other")
    assert verify(STREAM, put(len(RECORDS) - 1, forgery)) == Valid(Head(len(RECORDS), forgery.hash))


@pytest.mark.parametrize(
    "change",
    [{"stream": "t" * 32}, {"seq": 9}, {"prev": ""}, {"kind": "RoundOpened"}, {"more": 1}],
    ids=["stream", "sequence", "hash before", "kind", "a field too many"],
)
def test_a_record_that_says_something_else_than_its_place_is_found(change: dict[str, object]) -> None:
    """Another stream, number, predecessor, or kind than the store has it under (L24)."""
    assert verify(STREAM, put(3, forged(RECORDS[3], **change))) == Broken(4)


def test_a_record_that_hides_an_opening_is_found() -> None:
    """The mark by which a store begins to read is checked against what the record says (L24)."""
    assert verify(STREAM, put(0, attrs.evolve(RECORDS[0], opens=False))) == Broken(1)
    assert verify(STREAM, put(1, attrs.evolve(RECORDS[1], opens=True))) == Broken(2)


@pytest.mark.parametrize(
    ("records", "at"),
    [
        ((*RECORDS[:3], *RECORDS[4:]), 4),
        (RECORDS[1:], 1),
        ((RECORDS[1], RECORDS[0], *RECORDS[2:]), 1),
        ((*RECORDS[:3], RECORDS[2], *RECORDS[3:]), 4),
    ],
    ids=["one missing", "the first missing", "two exchanged", "one twice"],
)
def test_a_gap_an_exchange_and_a_repetition_are_found(records: tuple[Record, ...], at: int) -> None:
    """Where the chain no longer fits (L24)."""
    assert verify(STREAM, records) == Broken(at)


def test_reading_finds_a_gap_too() -> None:
    """Not only the verification does (L24)."""
    with pytest.raises(JournalBrokenError) as error:
        read(STREAM, (*RECORDS[:3], *RECORDS[4:]))
    assert error.value.args == (STREAM, 5)


@pytest.mark.parametrize("change", [{"body": "a text"}, {"hash": None}])
def test_what_is_no_bytes_is_a_broken_entry(change: dict[str, object]) -> None:
    """A database gives back whatever somebody wrote into it, also a text in the place of bytes (L24)."""
    assert verify(STREAM, put(2, attrs.evolve(RECORDS[2], **change))) == Broken(3)


def test_another_streams_records_are_not_read() -> None:
    """A row that was moved to another account's stream is found (L24)."""
    assert verify("t" * 32, RECORDS) == Broken(1)
    with pytest.raises(JournalBrokenError):
        read("t" * 32, RECORDS)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"1.5"])
def test_what_is_no_entry_at_all_is_broken(body: bytes) -> None:
    """Also when its hash fits (L24)."""
    record = Record(1, body, hashlib.sha256(body).digest(), opens=True)
    assert verify(STREAM, (record,)) == Broken(1)


@pytest.mark.parametrize("change", [{"kind": 7}, {"v": "1"}, {"v": True}, {"fields": []}, {"fields": {"at": "now"}}])
def test_an_entry_whose_event_cannot_be_read_is_broken(change: dict[str, object]) -> None:
    """The chain fits, and what it holds is no event (L24)."""
    with pytest.raises(JournalBrokenError) as error:
        read(STREAM, (*RECORDS[:1], forged(RECORDS[1], **change)))
    assert error.value.args == (STREAM, 2)


@pytest.mark.parametrize("change", [{"kind": "NoSuchEvent"}, {"v": 99}])
def test_an_event_of_a_later_release_stops_the_reading_and_not_the_verification(change: dict[str, object]) -> None:
    """A chain is checked without knowing what it says (L24, L29)."""
    records = (*RECORDS[:1], forged(RECORDS[1], **change))
    assert isinstance(verify(STREAM, records), Valid)
    with pytest.raises(UnsupportedEventError):
        read(STREAM, records)


def sealed_for(sequence: int, kind: str, field: str, text: str) -> Sealed:
    """What :func:`seal` makes of a text at that place."""
    return seal((STREAM, sequence, kind, 1, field), Clear(text))


@pytest.mark.parametrize(
    ("event", "field", "text"),
    [
        (HAPPENED[0], "account", "li"),
        (events.ReasonGiven(T0, "other", Clear("Because I can."), share_note=True), "note", "Because I can."),
        (
            events.ErasureBegun(T0, (), (), tombstone=False, farewell=Clear("li@example.com")),
            "farewell",
            "li@example.com",
        ),
    ],
)
def test_every_confidential_text_is_sealed_for_its_place(event: Event, field: str, text: str) -> None:
    """Stream, sequence, kind, version and field: it opens nowhere else (L22)."""
    (back,) = read(STREAM, written(event, head=Head(6, b"before")))
    assert getattr(back, field) == sealed_for(7, type(event).__name__, field, text)


def test_what_was_sealed_before_stays_as_it_is() -> None:
    """A stream that is copied, say, is not sealed twice (L22)."""
    event = events.ReasonGiven(T0, "other", Sealed(b"sealed"), share_note=True)
    assert read(STREAM, written(event)) == (event,)


def test_a_place_names_stream_sequence_kind_version_and_field() -> None:
    """What a sealed text is bound to (L22)."""
    assert place_of(events.ReasonGiven, STREAM, 7, "note") == (STREAM, 7, "ReasonGiven", 1, "note")


def test_no_text_in_clear_stands_in_a_record() -> None:
    """Not the account, not the note, not the address (L22)."""
    happened = (HAPPENED[0], events.ReasonGiven(T0, "other", Clear("Because I can."), share_note=True))
    bodies = b"".join(one.body for one in write(STREAM, START, happened, lambda _, __: Sealed(b"#"), commit="c"))
    assert [text for text in (b"Because", b'"li"') if text in bodies] == []


def test_two_writers_of_the_same_are_told_apart() -> None:
    """So that one who got no answer can read back whether the entry is its own (DESIGN 5)."""
    mine, theirs = (write(STREAM, START, HAPPENED[:1], seal, commit=one)[0] for one in ("mine", "theirs"))
    assert mine.hash != theirs.hash
