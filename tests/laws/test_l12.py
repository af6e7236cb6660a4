"""L12: sixteen concurrent confirms make one closure and sixteen equal confirmations; so does a repetition later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hht_closure import Confirmation
from hht_closure.events import ClosureClosed, ClosureConfirmed
from tests.stage import Stage, at_a_barrier, on_every_store, refusal_codes

pytestmark = on_every_store


def test_sixteen_confirms_at_one_instant_make_one_closure(stage: Stage) -> None:
    """Sixteen threads at a barrier: sixteen equal answers, one event, nobody refused (L12, RACE-01)."""
    nonce = stage.noticed().nonce
    answers, codes = at_a_barrier(16, lambda _: stage.service.confirm(stage.principal, nonce))
    assert (len(answers), len(set(answers)), codes, stage.count(ClosureConfirmed)) == (16, 1, [], 1)


def test_sixteen_confirms_with_nonces_of_their_own_make_one_closure(stage: Stage) -> None:
    """Sixteen tabs, each with the notice read at another moment: one closure, and the same answer for all (L12)."""
    stage.verified()
    nonces: list[str] = []
    for _ in range(16):
        stage.clock.advance(timedelta(seconds=1))
        nonces.append(stage.service.notice(stage.principal, "en").nonce)
    answers, codes = at_a_barrier(16, lambda number: stage.service.confirm(stage.principal, nonces[number]))
    assert (len(answers), len(set(answers)), codes, stage.count(ClosureConfirmed)) == (16, 1, [], 1)


def test_a_retry_after_a_timeout_gives_the_same_reference(stage: Stage) -> None:
    """Ten retries with one nonce: ten equal answers, one closure (L12, RACE-11)."""
    nonce = stage.noticed().nonce
    answers = {stage.service.confirm(stage.principal, nonce) for _ in range(10)}
    assert (len(answers), stage.count(ClosureConfirmed)) == (1, 1)


def test_the_same_nonce_a_month_later_gives_the_same_answer(stage: Stage) -> None:
    """The account is gone, the key is destroyed, a month has passed: the same confirmation (L12)."""
    nonce = stage.noticed().nonce
    first = stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    stage.clock.advance(timedelta(days=30))
    stage.restarted()
    assert stage.service.confirm(stage.principal, nonce) == first


def test_another_nonce_a_month_later_is_refused(stage: Stage) -> None:
    """The twin: with anything else there is no account any more (L12)."""
    nonce = stage.noticed().nonce
    stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    assert refusal_codes(stage.service.confirm, stage.principal, f"{nonce}x") == ("account_unknown",)


def test_closing_twice_makes_one_set_of_events(stage: Stage) -> None:
    """Confirming and working again and again adds nothing to a closed account (L12, PEERS)."""
    nonce = stage.noticed().nonce
    stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    before = stage.kinds()
    stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    assert (stage.kinds(), stage.count(ClosureClosed)) == (before, 1)


@pytest.mark.parametrize("call", ["accounts.get", "orders.survey", "no_open_order.check", "journal.append"])
def test_a_confirm_that_is_overtaken_by_its_twin_gives_the_same_answer(stage: Stage, call: str) -> None:
    """Wherever the slow one stands while the quick one confirms and the account is closed (L12, RACE-11)."""
    nonce = stage.noticed().nonce
    quick: list[Confirmation] = []

    def overtake(_: int, name: str) -> None:
        if name == call:
            stage.watch.before = _nothing
            quick.append(stage.service.confirm(stage.principal, nonce))
            stage.service.work()

    stage.watched().before = overtake
    assert [stage.service.confirm(stage.principal, nonce)] == quick
    assert stage.count(ClosureClosed) == 1


def _nothing(_: int, __: str) -> None:
    """Nobody else comes."""
