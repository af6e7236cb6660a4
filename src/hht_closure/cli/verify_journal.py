"""``hht-closure verify-journal``: whether a journal's file holds unbroken chains (L24).

The file is judged as it is stored, by somebody who has nothing else. A tail that was cut off is
found as long as the stream's row still says how long it was; where that was changed or removed as well, the ledger's
signed heads find it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

import attrs

from hht_closure.adapters.sqlite.schema import JOURNAL
from hht_closure.adapters.sqlite.stored_streams import StoredStream, stored_streams
from hht_closure.codec import Broken, verify
from hht_closure.errors import StoreUnavailableError, StoreVersionError
from hht_closure.ports import Record

HOLDS: Final = 0
DOES_NOT_HOLD: Final = 1
WRONG_USAGE: Final = 2

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@attrs.frozen
class Holds:
    """Every stream is an unbroken chain that ends where its record says; how many there are, with their entries."""

    streams: int
    entries: int


@attrs.frozen
class DoesNotHold:
    """What is wrong first: in which stream, at which entry (None where the file itself is damaged), and what."""

    stream: str | None
    entry: int | None
    problem: str

    def __str__(self) -> str:
        if self.stream is None:
            return self.problem
        return f"stream {self.stream}, entry {self.entry}: {self.problem}"


def verify_journal_file(file: Path) -> int:
    """Check the journal in that file, say what was found, and give the exit status."""
    if file.is_dir():
        return _no(f"{file}: a directory, and a journal is a file (journal.db)", WRONG_USAGE)
    try:
        found = check_journal(file)
    except StoreVersionError as error:
        return _no(f"{file}: {_other_than_expected(error)}", WRONG_USAGE)
    except StoreUnavailableError as error:
        problem = {"io": "no such file", "not_a_database": "not a journal"}.get(str(error.args[1]), error.args[1])
        return _no(f"{file}: {problem}", WRONG_USAGE)
    match found:
        case DoesNotHold():
            return _no(f"the journal is broken: {found}", DOES_NOT_HOLD)
        case Holds():
            print(f"The journal holds: streams {found.streams}, entries {found.entries}, every chain unbroken.")
            print(
                "This command does not anchor the ends: a tail that was cut off is seen while the stream's row is left"
                " as it was; where that was changed or removed as well, only the signed heads in the ledger show it."
            )
            return HOLDS


def check_journal(file: Path) -> Holds | DoesNotHold:
    """Whether the journal in that file holds; nothing is changed.

    Raises:
        StoreVersionError: not a journal, or one of another version.
        StoreUnavailableError: there is no such file, or it is not a database.
    """
    streams = entries = 0
    try:
        for stored in stored_streams(file):
            wrong = _wrong_in(stored)
            if wrong is not None:
                return wrong
            streams, entries = streams + 1, entries + len(stored[3])
    except StoreUnavailableError:
        if _says_it_is_a_journal(file):
            return DoesNotHold(None, None, "the file is damaged and cannot be read to its end")
        raise
    return Holds(streams, entries)


def _wrong_in(stored: StoredStream) -> DoesNotHold | None:
    name, length, opened_at, records = stored
    shown = _shown(name)
    strange = next((one for one in records if not _is_of_our_types(name, one)), None)
    if strange is not None:
        return DoesNotHold(shown, _place(strange, records), "it is not what was appended")
    match verify(name, records):
        case Broken(at):
            return DoesNotHold(shown, at, "it is not what was appended")
        case _:
            pass
    last = max((one.sequence for one in records if one.opens), default=0)
    if not records or len(records) != length:
        return DoesNotHold(shown, min(len(records), _whole(length)) + 1, "the recorded length is another")
    return None if last == opened_at else DoesNotHold(shown, last, "the recorded opening is another")


def _is_of_our_types(name: object, record: Record) -> bool:
    """SQLite keeps a value of any type in any column, and an edited file holds what it holds."""
    values: tuple[object, ...] = (name, record.sequence, record.body, record.hash)
    return tuple(map(type, values)) == (str, int, bytes, bytes)


def _place(record: Record, records: tuple[Record, ...]) -> int:
    return next(place for place, one in enumerate(records, 1) if one is record)


def _whole(length: object) -> int:
    return length if isinstance(length, int) else 0


def _shown(name: object) -> str:
    """The name as it may be printed: an edited one could hold anything."""
    return name if isinstance(name, str) and _NAME.match(name) else ascii(name)[:80]


def _says_it_is_a_journal(file: Path) -> bool:
    """Whether the header has a journal's application id (SQLite file format, 1.3: 4 bytes at offset 68)."""
    try:
        with file.open("rb") as opened:
            header = opened.read(72)
    except OSError:
        return False
    return header.startswith(b"SQLite format 3\0") and header[68:] == JOURNAL.application_id.to_bytes(4, "big")


def _other_than_expected(error: StoreVersionError) -> str:
    _, found, expected = error.args
    return f"a journal of version {found}, and this release reads {expected}" if found else "not a journal"


def _no(problem: str, status: int) -> int:
    print(f"hht-closure verify-journal: {problem}", file=sys.stderr)
    return status
