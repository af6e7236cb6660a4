"""The entries of a stream, each holding the hash of the one before (L24).

The hash is taken over the stored bytes and nothing is encoded again to verify it, so that a chain can be
checked by anybody, without a key, and after every key is gone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from hht_closure.canonical import Json, b64, canonical, parse_any_form, read_number, read_object, read_text
from hht_closure.codec.versions import VERSIONS, from_stored, to_stored
from hht_closure.errors import InvalidValueError, JournalBrokenError
from hht_closure.events import Clear, ErasureBegun, Event, ReasonGiven, RoundOpened, Sealed
from hht_closure.ports import Record

Place = tuple[str | int, ...]
"""Where a sealed text stands: stream, sequence, event, version, field (L22)."""

Sealer = Callable[[Place, Clear], Sealed]
"""Seals a confidential text for its place."""

_FIELDS: Final = ("commit", "fields", "kind", "prev", "seq", "stream", "v")


@attrs.frozen
class Head:
    """The end of a stream: how many entries, and the hash of the last."""

    sequence: int
    hash: bytes


START: Final = Head(0, b"")
"""The end of a stream without entries."""


@attrs.frozen
class Valid:
    """Every entry is what was appended, as far as the chain itself can tell."""

    head: Head


@attrs.frozen
class Broken:
    """The first entry that is not what was appended."""

    at: int


def write(stream: str, head: Head, happened: Iterable[Event], seal: Sealer, *, commit: str) -> tuple[Record, ...]:
    """The records that append these events behind ``head``; confidential texts are sealed on the way (L22).

    ``commit`` is a random text that tells this writing from any other, so that a writer who got no answer can
    read back whether it was its own entry that came to stand there.
    """
    records: list[Record] = []
    for event in happened:
        sequence = head.sequence + 1
        kind, version, fields = to_stored(_sealed(event, stream, sequence, seal))
        body = canonical(
            {
                "commit": commit,
                "fields": fields,
                "kind": kind,
                "prev": b64(head.hash),
                "seq": sequence,
                "stream": stream,
                "v": version,
            }
        )
        record = Record(sequence, body, hashlib.sha256(body).digest(), isinstance(event, RoundOpened))
        records.append(record)
        head = Head(sequence, record.hash)
    return tuple(records)


def place_of(event: type[Event], stream: str, sequence: int, field: str) -> Place:
    """Where the text of that field stands."""
    return (stream, sequence, event.__name__, VERSIONS[event.__name__], field)


def _sealed(event: Event, stream: str, sequence: int, seal: Sealer) -> Event:
    """The event with its confidential text sealed; what is not named here has none, and would not be written."""
    match event:
        case RoundOpened(account=Clear() as account):
            return attrs.evolve(event, account=seal(place_of(RoundOpened, stream, sequence, "account"), account))
        case ReasonGiven(note=Clear() as note):
            return attrs.evolve(event, note=seal(place_of(ReasonGiven, stream, sequence, "note"), note))
        case ErasureBegun(farewell=Clear() as farewell):
            return attrs.evolve(event, farewell=seal(place_of(ErasureBegun, stream, sequence, "farewell"), farewell))
        case _:
            return event


def read(stream: str, records: Sequence[Record]) -> tuple[Event, ...]:
    """The events of these records, which must follow each other without a gap.

    Raises:
        JournalBrokenError: a record is not what was appended.
        UnsupportedEventError: an event is not known to this release; nothing of the stream is given (L29).
    """
    happened: list[Event] = []
    before: Head | None = None
    for record in records:
        entry = _entry(stream, record, before)
        if entry is None:
            raise JournalBrokenError(stream, record.sequence)
        before = Head(record.sequence, record.hash)
        try:
            event = from_stored(read_text(entry["kind"], "kind"), read_number(entry["v"], "version"), entry["fields"])
        except InvalidValueError as error:
            raise JournalBrokenError(stream, record.sequence) from error
        happened.append(event)
    return tuple(happened)


def verify(stream: str, records: Iterable[Record]) -> Valid | Broken:
    """Whether these records, from the first, are an unbroken chain; no key and no knowledge of events is needed."""
    before = START
    for record in records:
        if _entry(stream, record, before) is None:
            return Broken(before.sequence + 1)
        before = Head(record.sequence, record.hash)
    return Valid(before)


def _is_stored(body: object, stored_hash: object) -> bool:
    """Whether the hash is the body's; an edited file can give anything in their places, also what is no bytes."""
    if not isinstance(body, bytes) or not isinstance(stored_hash, bytes):
        return False
    return hmac.compare_digest(hashlib.sha256(body).digest(), stored_hash)


def _entry(stream: str, record: Record, before: Head | None) -> dict[str, Json] | None:
    """The stored object, when it is whole and stands where it should; None when it is not."""
    if not _is_stored(record.body, record.hash):
        return None
    try:
        entry = read_object(parse_any_form(record.body), "entry", *_FIELDS)
    except InvalidValueError:
        return None
    stands = entry["stream"] == stream and entry["seq"] == record.sequence
    opens = (entry["kind"] == RoundOpened.__name__) == record.opens
    if before is None:
        return entry if stands and opens else None
    follows = record.sequence == before.sequence + 1 and entry["prev"] == b64(before.hash)
    return entry if stands and opens and follows else None
