"""The farewell's address goes at its limit, whatever else is down (L26)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hht_closure.errors import StoreUnavailableError
from hht_closure.events import TaskPassedOver
from hht_closure.flows.stream import farewell_key
from hht_closure.ports import KeyDestroyed, KeyPresent, LedgerEntry
from tests.stage import Stage

FAREWELL_FOR = timedelta(days=3)


def _closed_with_the_ledger_down(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed; the ledger has failed since the erasure began."""
    ledger = stage.store.ledger
    record = ledger.record

    def down_at_the_end(entry: LedgerEntry) -> int:
        if entry.kind == "closed":
            raise StoreUnavailableError("ledger", "io")
        return record(entry)

    monkeypatch.setattr(ledger, "record", down_at_the_end)
    stage.closed()


def test_the_address_goes_at_its_limit_while_the_ledger_is_down(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither mail nor ledger for three days: nobody can read the address any more (L26)."""
    stage.letters.failing = True
    _closed_with_the_ledger_down(stage, monkeypatch)
    stage.clock.advance(FAREWELL_FOR)
    stage.worked_off()
    assert stage.store.vault.fetch(farewell_key(stage.stream(), 1)) == KeyDestroyed()


def test_the_farewell_is_passed_over_at_its_limit_while_the_ledger_is_down(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported, and holds up nothing (L19, L26)."""
    stage.letters.failing = True
    _closed_with_the_ledger_down(stage, monkeypatch)
    stage.clock.advance(FAREWELL_FOR)
    stage.worked_off()
    assert [one.task for one in stage.events() if isinstance(one, TaskPassedOver)] == ["farewell"]


def test_the_address_is_kept_until_its_limit(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: a microsecond before, the letter can still go out (L26)."""
    stage.letters.failing = True
    _closed_with_the_ledger_down(stage, monkeypatch)
    stage.clock.advance(FAREWELL_FOR - timedelta(microseconds=1))
    stage.service.work()
    assert isinstance(stage.store.vault.fetch(farewell_key(stage.stream(), 1)), KeyPresent)


def test_the_farewell_does_not_wait_for_the_ledger(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The letter goes out, and its address with it, while the ledger is down (L26)."""
    _closed_with_the_ledger_down(stage, monkeypatch)
    assert (
        [one.kind for one in stage.letters.letters],
        stage.store.vault.fetch(farewell_key(stage.stream(), 1)),
    ) == (["farewell"], KeyDestroyed())
