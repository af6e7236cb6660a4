"""What the commands are shown: a journal, a receipt, a portal whose demonstration has run."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from hht_closure.adapters.sqlite import SqliteJournal
from hht_closure.canonical import b64
from hht_closure.cli.demo.acts import close_account
from hht_closure.cli.demo.erasing import Watcher
from hht_closure.cli.demo.proofs import Proofs
from hht_closure.cli.demo.screen import JsonScreen
from hht_closure.cli.demo.stage import Stage, opened_stage
from hht_closure.cli.demo.steps import Words
from hht_closure.codec import START, Head, write
from hht_closure.codec.chain import Place
from hht_closure.events import Carried, CheckOutcome, ChecksMade, Clear, Event, RoundLapsed, RoundOpened, Sealed
from hht_closure.keys import KeyRing
from hht_closure.policy import NoticeText, Statement, Terms
from hht_closure.portal import UnsafeCheapHasher
from hht_closure.receipts import (
    AcceptedNotice,
    DataSetFate,
    Declared,
    Fate,
    JournalHead,
    ReceiptClaims,
    TaskOutcome,
    issue,
)
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from hht_closure.verification import Attempts, sms_code

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
RING = KeyRing.generate(UnsafeSeededEntropy(5))

TERMS = Terms(
    version="1",
    requirement=sms_code,
    preconditions=(),
    data_sets=("messages",),
    notice_version="1",
    notices=(NoticeText("en", "It is final."),),
    statements=(Statement("data_backed_up"),),
)
OPENED = RoundOpened(NOW, 1, Clear("u1"), TERMS, "d" * 43, Carried(Attempts(), (), ()))
CHECKED = ChecksMade(NOW, (CheckOutcome("no_unfinished_orders", "clean"),))

CLAIMS = ReceiptClaims(
    id="receipt-1",
    portal="Harbour",
    stream="s" * 32,
    round_number=1,
    confirmed_at=NOW,
    erasure_began_at=NOW + timedelta(minutes=1),
    closed_at=NOW + timedelta(minutes=2),
    terms_version="1",
    terms_digest=b64(b"\x01" * 32),
    notice=AcceptedNotice(version="1", digest=b64(b"\x02" * 32), locale="en"),
    statements=(Declared(code="data_backed_up", answer="done", wording="1"),),
    factors=(sms_code,),
    data_sets=(
        DataSetFate(name="messages", fates=(Fate(disposition="erased"),)),
        DataSetFate(
            name="chess_games",
            fates=(Fate(disposition="restricted", until=datetime(2030, 1, 1, tzinfo=UTC), ground="Games Act 7"),),
        ),
    ),
    tasks=(TaskOutcome(name="retire", outcome="done"),),
    journal_head=JournalHead(sequence=25, hash=b"\x03" * 32),
)
TOKEN = issue(CLAIMS, RING)


def sealed(place: Place, text: Clear) -> Sealed:
    """A seal that nobody opens again."""
    return Sealed(bytes(len(text.text)))


def append(journal: SqliteJournal, stream: str, *happened: Event, head: Head = START) -> Head:
    """Append the events as the library does, and give the new end."""
    records = write(stream, head, happened, sealed, commit="c")
    journal.append(stream, head.sequence, records, due=None)
    return Head(records[-1].sequence, records[-1].hash)


def make_journal(file: Path) -> Path:
    """A journal with two streams, of three entries and of one."""
    journal = SqliteJournal(file)
    append(journal, "first", OPENED, CHECKED, RoundLapsed(NOW))
    append(journal, "second", OPENED)
    journal.close()
    return file


def edit(file: Path, statement: str, *values: str | int | float | bytes | None) -> None:
    """One statement of somebody who can write the file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        changed = connection.execute(statement, values).rowcount
    assert changed == 1


def make_receipt(folder: Path) -> tuple[Path, Path]:
    """A receipt and the keys, each in its file."""
    receipt, keys = folder / "receipt.jws", folder / "keys.jwks.json"
    receipt.write_text(TOKEN)
    keys.write_text(RING.jwks())
    return receipt, keys


@contextmanager
def closed_account(folder: Path, *, locale: str = "en") -> Generator[tuple[Stage, Proofs], None, None]:
    """A sample portal whose person's account was closed, and what is to be proved."""
    words, screen = Words(locale), JsonScreen(StringIO())
    watcher = Watcher(screen, words)
    with opened_stage(
        folder,
        words=words,
        seed=3,
        messages=30,
        clock=ManualClock(NOW),
        entropy=UnsafeSeededEntropy(3),
        hasher=UnsafeCheapHasher(),
        observer=watcher,
    ) as stage:
        yield stage, close_account(stage, screen, watcher)
