"""L16: killing the process before or after any port call loses nothing, sticks nowhere, and changes nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from hht_closure.events import ClosureClosed, DataSetErased, ErasureBegun, KeyDestroyed
from hht_closure.policy import Blocked, Blocker
from hht_closure.receipts import verify_receipt
from tests.stage import LI, WANG, Killed, MakeStage, Stage

INVOICE = ("an invoice of li",)
ORDER = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))


def _nothing(_: int, __: str) -> None:
    """Nobody dies."""


def _dying_at(numbers: frozenset[int]) -> Callable[[int, str], None]:
    def die(number: int, _: str) -> None:
        if number in numbers:
            raise Killed

    return die


def _confirm_and_work(stage: Stage, nonce: str) -> None:
    """Confirm, and work; who is killed comes again with the same nonce, in a new process."""
    for _ in range(6):
        try:
            stage.service.confirm(stage.principal, nonce)
            stage.worked_off()
        except Killed:
            stage.restarted()
    stage.watch.before = stage.watch.after = _nothing
    stage.service.confirm(stage.principal, nonce)
    stage.worked_off()


def _outcome(stage: Stage) -> dict[str, object]:
    """What a closing comes to, whatever happened on the way."""
    kinds = Counter(stage.kinds())
    reference = stage.keyring.reference(stage.portal, stage.stream(), 1)
    claims = verify_receipt(stage.service.receipt(reference).token, stage.keyring.jwks())
    return {
        "once": {one.__name__: kinds[one.__name__] for one in (ErasureBegun, ClosureClosed)},
        "erased": [one.data_set for one in stage.events() if isinstance(one, DataSetErased)],
        "left": (stage.orders.items(LI.id), stage.messages.items(LI.id), stage.accounts.get(LI.id)),
        "others": (stage.accounts.get(WANG.id), len(stage.messages.items(WANG.id))),
        "keys": sorted(one.task for one in stage.events() if isinstance(one, KeyDestroyed)),
        "pending": [one.name for one in stage.closure().tasks],
        "letters": {one.id for one in stage.letters.letters} == {f"{stage.stream()}.1.farewell"},
        "downstream": len({one.key for one in stage.downstream.jobs}),
        "receipt": [one.name for one in claims.data_sets],
        "ledger": [entry.kind for _, entry in stage.store.ledger.entries()],
        "reserved": stage.service.reserved("li.weiguo"),
    }


EXPECTED: dict[str, object] = {
    "once": {"ErasureBegun": 1, "ClosureClosed": 1},
    "erased": ["orders", "messages"],
    "left": (INVOICE, (), None),
    "others": (WANG, 2),
    "keys": ["destroy_farewell_key", "destroy_key:1"],
    "pending": ["purge:orders"],
    "letters": True,
    "downstream": 1,
    "receipt": ["orders", "messages"],
    "ledger": ["begun", "closed"],
    "reserved": True,
}


def _ready(make_stage: MakeStage) -> tuple[Stage, str]:
    stage = make_stage()
    nonce = stage.noticed().nonce
    stage.watched()
    return stage, nonce


def _calls_of_a_closing(make_stage: MakeStage) -> int:
    stage, nonce = _ready(make_stage)
    _confirm_and_work(stage, nonce)
    return len(stage.watch.calls)


def test_undisturbed_a_closing_comes_to_this(make_stage: MakeStage) -> None:
    """The twin of all that follows: nobody dies (L16)."""
    stage, nonce = _ready(make_stage)
    _confirm_and_work(stage, nonce)
    assert _outcome(stage) == EXPECTED


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_port_call_a_closing_comes_to_the_same(make_stage: MakeStage, when: str) -> None:
    """For every port call of a closing: the process dies there, a new one goes on (L16, CRSH-01, CRSH-02)."""
    outcomes: dict[int, dict[str, object]] = {}
    for number in range(1, _calls_of_a_closing(make_stage) + 1):
        stage, nonce = _ready(make_stage)
        setattr(stage.watch, when, _dying_at(frozenset({number})))
        _confirm_and_work(stage, nonce)
        outcomes[number] = _outcome(stage)
    assert [number for number, one in outcomes.items() if one != EXPECTED] == []


@pytest.mark.parametrize("gap", [1, 3, 7])
def test_killed_again_during_the_recovery_a_closing_comes_to_the_same(make_stage: MakeStage, gap: int) -> None:
    """The second process dies as well, some calls later (L16, CRSH-01)."""
    outcomes: dict[int, dict[str, object]] = {}
    for number in range(1, _calls_of_a_closing(make_stage) + 1, 3):
        stage, nonce = _ready(make_stage)
        stage.watch.after = _dying_at(frozenset({number, number + gap}))
        _confirm_and_work(stage, nonce)
        outcomes[number] = _outcome(stage)
    assert [number for number, one in outcomes.items() if one != EXPECTED] == []
