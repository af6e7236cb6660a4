"""L18: workers hold leases with a fencing number that only grows; what comes late under an old one is rejected."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure.errors import LeaseLostError, StaleTokenError
from hht_closure.events import ClosureClosed
from hht_closure.worker.worker import LEASE_FOR
from tests.stage import LI, Stage, on_every_store

pytestmark = on_every_store


def _nothing(_: int, __: str) -> None:
    """The world goes on undisturbed."""


def _once_at(stage: Stage, call: str, meanwhile: str) -> None:
    """When that port call is about to be made, its worker falls asleep, and this happens meanwhile."""

    def sleep(_: int, name: str) -> None:
        if name == call:
            stage.watch.before = _nothing
            stage.clock.advance(LEASE_FOR)
            if meanwhile == "withdrawn":
                stage.service.withdraw(stage.principal)
            stage.service.work()

    stage.watched().before = sleep


def test_a_late_freeze_leaves_a_withdrawn_account_open(stage: Stage) -> None:
    """Asleep before the freeze, withdrawn and unfrozen meanwhile: the late freeze is rejected (L18)."""
    nonce = stage.noticed().nonce
    _once_at(stage, "accounts.freeze", "withdrawn")
    stage.service.confirm(stage.principal, nonce)
    assert stage.accounts.get(LI.id) == LI


def test_a_freeze_in_time_freezes(stage: Stage) -> None:
    """The twin: nobody slept (L18)."""
    stage.confirmed()
    assert stage.accounts.get(LI.id) == attrs.evolve(LI, standing="frozen", held_from="open")


def test_a_worker_that_wakes_up_late_changes_nothing(stage: Stage) -> None:
    """Asleep within the erasure, overtaken and finished by another: it reports the lost lease (L18, LEAS-01)."""
    stage.confirmed()
    _once_at(stage, "orders.erase", "finished by another")
    report = stage.service.work()
    assert (report.leases_lost, stage.count(ClosureClosed), stage.accounts.get(LI.id)) == (1, 1, None)


def test_what_a_worker_appends_carries_its_fence(stage: Stage) -> None:
    """Asleep within the erasure, and another has the lease but did nothing yet: its append is rejected (L18)."""
    stage.confirmed()
    at_the_erasure: list[tuple[str, ...]] = []

    def sleep(_: int, name: str) -> None:
        if name == "orders.erase":
            stage.watch.before = _nothing
            stage.clock.advance(LEASE_FOR)
            stage.store.journal.claim(limit=1, lease_for=LEASE_FOR, stream=stage.stream())
            at_the_erasure.append(stage.kinds())

    stage.watched().before = sleep
    report = stage.service.work()
    assert (report.leases_lost, [stage.kinds()]) == (1, at_the_erasure)


def test_what_another_worker_holds_is_not_touched(stage: Stage) -> None:
    """Under a lease of somebody else a pass does nothing (L18, RACE-09, PEERS)."""
    stage.confirmed()
    stage.store.journal.claim(limit=1, lease_for=LEASE_FOR)
    before = stage.kinds()
    assert (stage.service.work().streams, stage.kinds()) == (0, before)


def test_a_lease_that_has_ended_is_taken_over(stage: Stage) -> None:
    """The twin: when the holder has been silent for its lease, the next one goes on (L18)."""
    stage.confirmed()
    stage.store.journal.claim(limit=1, lease_for=LEASE_FOR)
    stage.clock.advance(LEASE_FOR)
    stage.service.work()
    assert stage.accounts.get(LI.id) is None


def test_fences_only_grow(stage: Stage) -> None:
    """Each claim has a higher number than any before it, and so tokens never repeat (L18)."""
    stage.confirmed()
    fences: list[int] = []
    for _ in range(3):
        lease = stage.store.journal.claim(limit=1, lease_for=timedelta(seconds=1), stream=stage.stream())[0]
        fences.append(lease.fence)
        stage.clock.advance(timedelta(seconds=1))
    stage.restarted()
    fences.append(stage.store.journal.claim(limit=1, lease_for=LEASE_FOR, stream=stage.stream())[0].fence)
    assert fences == sorted(set(fences))


def test_an_append_under_an_old_fence_is_rejected(stage: Stage) -> None:
    """The journal itself looks at the fence (L18)."""
    stage.confirmed()
    journal, records = stage.store.journal, stage.records()
    old = journal.claim(limit=1, lease_for=timedelta(seconds=1), stream=stage.stream())[0]
    stage.clock.advance(timedelta(seconds=1))
    journal.claim(limit=1, lease_for=LEASE_FOR, stream=stage.stream())
    with pytest.raises(LeaseLostError):
        journal.append(stage.stream(), len(records) - 1, records[-1:], due=None, fence=old.fence)


def test_a_directory_rejects_a_lower_token(stage: Stage) -> None:
    """The directory looks at the token itself (L18)."""
    stage.accounts.unfreeze(LI.id, 7)
    with pytest.raises(StaleTokenError):
        stage.accounts.freeze(LI.id, 6)


def test_who_was_asleep_for_longer_than_the_lease_does_nothing_more(stage: Stage) -> None:
    """Asleep right behind the freeze, withdrawn and unfrozen meanwhile: the sessions of now are not ended (L18)."""
    nonce = stage.noticed().nonce

    def sleep(_: int, name: str) -> None:
        if name == "accounts.freeze":
            stage.watch.after = _nothing
            stage.clock.advance(LEASE_FOR)
            stage.service.withdraw(stage.principal)
            stage.service.work()
            stage.logged_in()

    stage.watched().after = sleep
    stage.service.confirm(stage.principal, nonce)
    assert (stage.accounts.get(LI.id), stage.principal.session in stage.accounts.sessions(LI.id)) == (LI, True)


def test_a_lease_is_renewed_between_tasks_that_share_a_commit(stage: Stage) -> None:
    """Several slow tasks in a row, none as long as the lease: nobody takes the stream over (L18, LEAS-04)."""
    stage.confirmed()
    taken = list[int]()

    def be_slow(_: int, name: str) -> None:
        if name in {"orders.erase", "messages.erase", "downstream.run"}:
            stage.clock.advance(LEASE_FOR * 2 / 5)
            taken.append(len(stage.store.journal.claim(limit=1, lease_for=LEASE_FOR)))

    stage.watched().before = be_slow
    report = stage.service.work()
    assert (taken, report.leases_lost, stage.count(ClosureClosed)) == ([0, 0, 0], 0, 1)
