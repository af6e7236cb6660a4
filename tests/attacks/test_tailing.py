"""Whoever follows the ledger while many write meets every entry once and in order (RACE-15)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from hht_closure.ports import LedgerEntry
from tests.attacks.processes import SMS, Callers, Ground, Processes, Threads, common_ground
from tests.stage import Stage, StoreKind, on_every_store

WRITERS: Final = 8
ROUNDS: Final = 1250
"""How many entries each of them writes: ten thousand in all."""

STINT: Final = 125
"""How many each of them writes before all of them say that they have: soon enough for whoever waits to hear it."""

PAGE: Final = 100
"""Entries that are read at a time: so few that the reader falls behind, and catches up."""


@pytest.fixture
def writers(store_kind: StoreKind, tmp_path: Path) -> Iterator[Callers]:
    """Eight of them: threads of this process in memory, elsewhere four processes of two threads each."""
    if store_kind == "memory":
        yield Threads(Stage("memory", tmp_path, terms=SMS), Ground(path=tmp_path, people=0), threads=WRITERS)
        return
    with (
        common_ground(store_kind, tmp_path, people=0) as ground,
        Processes(ground, processes=4, threads=WRITERS // 4) as callers,
    ):
        yield callers


def _written(writers: Callers) -> tuple[str, ...]:
    """All write all that they have to; the errors that they met."""
    stints = [writers.at_once(partial(_stint, begin + 1)) for begin in range(0, ROUNDS, STINT)]
    return tuple(code for told in stints for code in told.codes)


def _stint(begin: int, stage: Stage, writer: int) -> int:
    """One writer's rounds from there on, in a stream of its own, one after the other; where the last one stands."""
    rounds = range(begin, begin + STINT)
    return max([stage.store.ledger.record(_entry(f"stream-{writer}", number)) for number in rounds])


def _entry(stream: str, number: int) -> LedgerEntry:
    return LedgerEntry(stream=stream, round=number, kind="begun", statement="a.b.c", sealed_account=b"sealed")


def _followed(writers: Callers) -> Iterator[tuple[int, LedgerEntry]]:
    """What a reader sees that reads on from where it was, over and over, until there is nothing more to come."""
    ledger, behind = writers.stage.store.ledger, 0
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(_written, writers)
        while True:
            was_done = writing.done()
            page = ledger.entries(after=behind, limit=PAGE)
            yield from page
            if was_done and not page:
                break
            behind = page[-1][0] if page else behind
        assert writing.result() == ()


@on_every_store
def test_who_follows_the_ledger_sees_each_entry_once_and_in_order(writers: Callers) -> None:
    """Ten thousand entries: no position is missing or comes twice, and no stream is out of order (L21, RACE-15)."""
    seen = list(_followed(writers))
    of_each = {f"stream-{writer}": [] for writer in range(WRITERS)}
    for _, entry in seen:
        of_each[entry.stream].append(entry.round)
    assert [position for position, _ in seen] == list(range(1, WRITERS * ROUNDS + 1))
    assert of_each == {stream: list(range(1, ROUNDS + 1)) for stream in of_each}
