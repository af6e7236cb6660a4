"""L24: the journal is a hash chain over the stored bytes; it verifies after the key is gone, and shows every change."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from itertools import pairwise

import attrs
import pytest

from hht_closure import codec
from hht_closure.canonical import b64
from hht_closure.codec import Broken, Head, Valid
from hht_closure.errors import JournalBrokenError
from hht_closure.ports import Record
from hht_closure.receipts import verify_head
from tests.stage import Killed, MakeStage, Stage, on_every_store


def _small(make_stage: MakeStage) -> tuple[Stage, tuple[Record, ...]]:
    stage = make_stage()
    stage.eligible()
    return stage, stage.records()


def _flipped(record: Record, index: int) -> Record:
    body = bytearray(record.body)
    body[index] ^= 1
    return attrs.evolve(record, body=bytes(body))


def test_an_untouched_chain_is_valid_to_its_head(make_stage: MakeStage) -> None:
    """The twin of all that follows (L24)."""
    stage, records = _small(make_stage)
    assert codec.verify(stage.stream(), records) == Valid(Head(len(records), records[-1].hash))


def test_a_flipped_bit_in_any_byte_is_found_at_its_entry(make_stage: MakeStage) -> None:
    """Every byte of every body in turn (L24, AUD-01)."""
    stage, records = _small(make_stage)
    missed = [
        (place, index)
        for place, record in enumerate(records)
        for index in range(len(record.body))
        if codec.verify(stage.stream(), (*records[:place], _flipped(record, index), *records[place + 1 :]))
        != Broken(place + 1)
    ]
    assert (missed, sum(len(one.body) for one in records) > 1000) == ([], True)


def test_a_flipped_bit_in_any_hash_is_found_at_its_entry(make_stage: MakeStage) -> None:
    """Every byte of every stored hash in turn (L24, AUD-01)."""
    stage, records = _small(make_stage)
    missed = [
        (place, index)
        for place, record in enumerate(records)
        for index in range(32)
        if codec.verify(
            stage.stream(),
            (
                *records[:place],
                attrs.evolve(
                    record, hash=bytes([*record.hash[:index], record.hash[index] ^ 1, *record.hash[index + 1 :]])
                ),
                *records[place + 1 :],
            ),
        )
        != Broken(place + 1)
    ]
    assert missed == []


def test_an_edited_entry_with_a_hash_made_anew_breaks_the_next_one(make_stage: MakeStage) -> None:
    """Who recomputes the hash of what they edited is found one entry later (L24, AUD-01)."""
    stage, records = _small(make_stage)
    body = records[1].body.replace(b'"clean"', b'"other"')
    edited = attrs.evolve(records[1], body=body, hash=hashlib.sha256(body).digest())
    assert (body != records[1].body, codec.verify(stage.stream(), (records[0], edited, *records[2:]))) == (
        True,
        Broken(3),
    )


def test_a_deleted_entry_is_found(make_stage: MakeStage) -> None:
    """Each entry but the last left out in turn (L24, AUD-02)."""
    stage, records = _small(make_stage)
    found = [codec.verify(stage.stream(), (*records[:i], *records[i + 1 :])) for i in range(len(records) - 1)]
    assert found == [Broken(i + 1) for i in range(len(records) - 1)]


def test_swapped_entries_are_found(make_stage: MakeStage) -> None:
    """Each two neighbours in turn (L24, AUD-02)."""
    stage, records = _small(make_stage)
    found = [
        codec.verify(stage.stream(), (*records[:i], records[i + 1], records[i], *records[i + 2 :]))
        for i in range(len(records) - 1)
    ]
    assert found == [Broken(i + 1) for i in range(len(records) - 1)]


def test_a_doubled_entry_is_found(make_stage: MakeStage) -> None:
    """Each entry twice in turn (L24, AUD-02)."""
    stage, records = _small(make_stage)
    found = [codec.verify(stage.stream(), (*records[: i + 1], *records[i:])) for i in range(len(records))]
    assert found == [Broken(i + 2) for i in range(len(records))]


def test_an_entry_of_another_stream_is_found(make_stage: MakeStage) -> None:
    """Wang's entries, genuine as they are, are none of Li's (L24, AUD-02)."""
    stage, records = _small(make_stage)
    stage.eligible(stage.logged_in("wang"))
    found = codec.verify(stage.stream(), (*records[:2], *stage.records("wang")[2:]))
    assert (found, codec.verify(stage.stream("wang"), records)) == (Broken(3), Broken(1))


def test_what_is_said_to_open_a_round_and_does_not_is_found(make_stage: MakeStage) -> None:
    """The mark from which reading begins is part of what is checked (L24)."""
    stage, records = _small(make_stage)
    marked = (*records[:2], attrs.evolve(records[2], opens=True), *records[3:])
    assert codec.verify(stage.stream(), marked) == Broken(3)


def test_a_broken_stream_is_not_read(make_stage: MakeStage) -> None:
    """No closure is made of it, not even up to the break (L24, DOM-09)."""
    stage, records = _small(make_stage)
    with pytest.raises(JournalBrokenError, match="entry 2"):
        codec.read(stage.stream(), (records[0], _flipped(records[1], 5), *records[2:]))


def test_the_chain_verifies_after_every_key_is_destroyed(stage: Stage) -> None:
    """The hash is over what is stored, sealed fields included (L24, AUD-08)."""
    stage.closed()
    records = stage.records()
    assert codec.verify(stage.stream(), records) == Valid(Head(len(records), records[-1].hash))


def test_the_chain_runs_through_all_rounds(stage: Stage) -> None:
    """A new round goes on where the last one ended (L24)."""
    stage.opened()
    stage.service.withdraw(stage.principal)
    stage.service.work()
    stage.closed()
    records = stage.records()
    assert (codec.verify(stage.stream(), records), sum(one.opens for one in records)) == (
        Valid(Head(len(records), records[-1].hash)),
        2,
    )


def test_a_tail_cut_off_is_found_by_the_ledger(stage: Stage) -> None:
    """The shorter chain is valid in itself, and the ledger's signed head says that more was there (L24, AUD-05)."""
    stage.closed()
    _, entry = stage.store.ledger.entries()[-1]
    head = verify_head(entry.statement, stage.keyring.jwks())
    cut = stage.records()[: head.sequence - 1]
    assert (codec.verify(stage.stream(), cut), cut[-1].sequence < head.sequence) == (
        Valid(Head(len(cut), cut[-1].hash)),
        True,
    )


def test_a_chain_made_anew_is_found_by_the_ledger(stage: Stage) -> None:
    """Edited and chained again from the second entry on, it is valid, and has not the signed head (L24, AUD-05)."""
    stage.closed()
    _, entry = stage.store.ledger.entries()[-1]
    head = verify_head(entry.statement, stage.keyring.jwks())
    genuine = stage.records()
    forged = [genuine[0]]
    for before, one in pairwise(genuine):
        chained = one.body.replace(b64(before.hash).encode(), b64(forged[-1].hash).encode())
        body = chained.replace(b'"result":"clean"', b'"result":"unknown"')
        forged.append(attrs.evolve(one, body=body, hash=hashlib.sha256(body).digest()))
    assert (
        codec.verify(stage.stream(), forged),
        genuine[head.sequence - 1].hash == head.hash,
        forged[head.sequence - 1].hash == head.hash,
    ) == (Valid(Head(len(forged), forged[-1].hash)), True, False)


@on_every_store
def test_every_head_that_the_ledger_signs_was_in_the_journal(stage: Stage) -> None:
    """Also where the process dies within the freeze, with a letter about a lock before it (L24, CRSH-09)."""
    _locked_and_confirmed(stage)

    def die(_: int, name: str) -> None:
        if name == "accounts.freeze":
            stage.watch.after = _go_on
            raise Killed

    stage.watched().after = die
    with suppress(Killed):
        stage.service.work()
    stage.restarted()
    stage.worked_off()
    heads = [verify_head(one.statement, stage.keyring.jwks()) for one in stage.store.ledger.find(stage.stream(), 1)]
    hashes = {one.sequence: one.hash for one in stage.records()}
    assert [(one.kind, hashes[one.sequence]) for one in heads] == [(one.kind, one.hash) for one in heads]
    assert [one.kind for one in heads] == ["held", "begun", "closed"]


def _go_on(_: int, __: str) -> None:
    """Nobody dies any more."""


def _locked_and_confirmed(stage: Stage) -> None:
    """Locked by wrong answers, logged in anew behind the lock, and confirmed: the letter about the lock is pending."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    for _ in range(stage.terms.attempts.failures):
        stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    stage.clock.advance(stage.terms.attempts.locked_for)
    stage.logged_in()
    stage.confirmed()
