"""L10: no reading call changes anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hht_closure.errors import ClosureRefused
from tests.stage import TERMS, MakeStage, Stage


def _nowhere(_: Stage) -> None:
    """Nothing was begun."""


def _opened(stage: Stage) -> None:
    stage.opened()


def _eligible(stage: Stage) -> None:
    stage.eligible()


def _asked(stage: Stage) -> None:
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))


def _verified(stage: Stage) -> None:
    stage.verified()


def _confirmed(stage: Stage) -> None:
    stage.confirmed()


def _closed(stage: Stage) -> None:
    stage.closed()


def _withdrawn(stage: Stage) -> None:
    stage.opened()
    stage.service.withdraw(stage.principal)


STAGES = [_nowhere, _opened, _eligible, _asked, _verified, _confirmed, _closed, _withdrawn]


def _look_at_everything(stage: Stage) -> None:
    service, principal = stage.service, stage.principal
    reference = stage.keyring.reference(stage.portal, stage.stream(), 1)
    looks: tuple[Callable[[], object], ...] = (
        lambda: service.current(principal),
        lambda: service.explain(principal, "zh-CN"),
        lambda: service.notice(principal, "en"),
        lambda: service.status(reference),
        lambda: service.receipt(reference),
        lambda: service.reserved("li.weiguo"),
        stage.operator.due,
        lambda: stage.operator.look(stage.stream()),
    )
    for look in looks:
        _looked(look)


def _looked(look: Callable[[], object]) -> None:
    """Look; a refusal is an answer like any other."""
    try:
        look()
    except ClosureRefused:
        return


@pytest.mark.parametrize("walk", STAGES)
def test_a_hundred_looks_leave_everything_as_it_was(stage: Stage, walk: Callable[[Stage], None]) -> None:
    """Journal, keys, ledger, budgets, messages, accounts and data: the same after as before (L10, DOM-12)."""
    walk(stage)
    before = stage.everything()
    for _ in range(100):
        _look_at_everything(stage)
    assert stage.everything() == before


def test_opening_is_seen_by_the_comparison(stage: Stage) -> None:
    """The twin: what is compared above does see a call that changes something (L10)."""
    before = stage.everything()
    stage.opened()
    assert stage.everything() != before


def test_opening_again_changes_nothing(stage: Stage) -> None:
    """An open round is opened as often as one likes (L10, PEERS)."""
    stage.verified()
    before = stage.everything()
    stage.opened()
    assert stage.everything() == before


def test_looking_after_the_round_has_lapsed_changes_nothing(make_stage: MakeStage) -> None:
    """The view says ``lapsed`` by the time alone; the event is the worker's to write (L10)."""
    stage = make_stage()
    stage.opened()
    stage.clock.advance(TERMS.round_valid_for)
    before = stage.everything()
    assert (stage.service.current(stage.principal).step, stage.everything()) == ("lapsed", before)
