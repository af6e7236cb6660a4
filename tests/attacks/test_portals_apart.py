"""Two portals on one store: each works on its own streams, and on nobody else's (L1, L13, L14, DESIGN 7)."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure.adapters.memory import MemoryStore
from hht_closure.flows.answers import WorkReport
from hht_closure.ports import Lease
from tests.stage import LI, TERMS, MakeStage, Stage

COOLING_OFF = attrs.evolve(TERMS, cooling_off=timedelta(days=7))


def _neighbours(make_stage: MakeStage) -> tuple[Stage, Stage]:
    """Two portals, each with a ``li`` of its own, on one store and one key ring; the second ``li`` has confirmed."""
    one, other = make_stage(COOLING_OFF, portal="One"), make_stage(COOLING_OFF, portal="Other")
    other.clock, other.keyring, other.path = one.clock, one.keyring, one.path
    if isinstance(one.store, MemoryStore):
        other.store = one.store
    other.restarted()
    other.confirmed()
    one.clock.advance(timedelta(days=8))
    return one, other


def _of_li(stage: Stage) -> object:
    """All that the portal has of ``li``."""
    account, sessions = stage.accounts.get(LI.id), stage.accounts.sessions(LI.id)
    return account, sessions, stage.orders.items(LI.id), stage.messages.items(LI.id), stage.downstream.jobs


def test_a_confirmation_at_one_portal_touches_nothing_at_the_other(make_stage: MakeStage) -> None:
    """The other portal's worker leaves its own account of the same id as it is (L1, L13)."""
    one, _ = _neighbours(make_stage)
    before = _of_li(one)
    one.worked_off()
    assert _of_li(one) == before


def test_a_worker_is_not_given_the_streams_of_another_portal(make_stage: MakeStage) -> None:
    """What is due at the other portal is not due here (L1, L18)."""
    one, _ = _neighbours(make_stage)
    assert one.service.work() == WorkReport()


def test_the_portal_that_was_asked_closes_the_account(make_stage: MakeStage) -> None:
    """The twin: its own worker does the work, whoever else was there before (L16)."""
    one, other = _neighbours(make_stage)
    one.worked_off()
    other.worked_off()
    assert (one.accounts.get(LI.id), other.accounts.get(LI.id)) == (LI, None)


def test_an_operator_is_shown_the_work_of_the_own_portal(make_stage: MakeStage) -> None:
    """What is due is listed at the portal whose it is, and at no other (L1)."""
    one, other = _neighbours(make_stage)
    listed = [[each.stream for each in stage.operator.due()] for stage in (one, other)]
    assert listed == [[], [other.stream()]]


def test_a_stream_lent_by_mistake_is_not_taken_for_ones_own(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that lends anybody anything: whose account it is does not match the stream, so nothing happens (L1)."""
    one, _ = _neighbours(make_stage)
    before, journal = _of_li(one), one.store.journal
    claim = journal.claim

    def lend(*, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None) -> tuple[Lease, ...]:
        """Whatever is due, whoever asks."""
        return claim(limit=limit, lease_for=lease_for, stream=stream)

    monkeypatch.setattr(journal, "claim", lend)
    one.worked_off()
    assert _of_li(one) == before
