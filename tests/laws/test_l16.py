"""L16: killing the process before or after any port call loses nothing, sticks nowhere, and changes nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import timedelta
from typing import Final

import attrs
import pytest

from hht_closure.errors import ClosureError, ClosureRefused, StoreUnavailableError
from hht_closure.events import ClosureClosed, DataSetErased, ErasureBegun, KeyDestroyed
from hht_closure.receipts import verify_receipt
from hht_closure.verification import sms_code
from tests.stage import LI, TERMS, WANG, Killed, MakeStage, Stage, StoreKind, on_every_store

pytestmark = on_every_store

STRIDE: Final[Mapping[StoreKind, int]] = {"memory": 1, "sqlite": 5, "postgres": 15}
"""In memory every port call is met; elsewhere, where one costs more and the ports are the same, every so many."""

SMS: Final = attrs.evolve(TERMS, requirement=sms_code)
INVOICE = ("an invoice of li",)


def _raising_at(numbers: frozenset[int], error: type[BaseException]) -> Callable[[int, str], None]:
    def fail(number: int, _: str) -> None:
        if number in numbers:
            raise error

    return fail


def _confirm_and_work(stage: Stage, nonce: str) -> None:
    """Confirm, and work; who is killed or gets no answer comes again, with the same nonce."""
    try:
        stage.service.confirm(stage.principal, nonce)
        _work(stage)
    except Killed:
        stage.restarted()
        _confirm_and_work(stage, nonce)
    except (ClosureError, ClosureRefused):
        _confirm_and_work(stage, nonce)


def _work(stage: Stage) -> None:
    """Passes enough for a lease to end, and for what failed once to be tried again."""
    for _ in range(3):
        stage.service.work()
        stage.clock.advance(timedelta(minutes=3))


def _outcome(stage: Stage) -> dict[str, object]:
    """What a closing comes to, whatever happened on the way; the stage is done with."""
    with closing(stage):
        return _come_to(stage)


def _come_to(stage: Stage) -> dict[str, object]:
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
    "ledger": ["held", "begun", "closed"],
    "reserved": True,
}


def _ready(make_stage: MakeStage) -> tuple[Stage, str]:
    stage = make_stage(SMS)
    nonce = stage.noticed().nonce
    stage.watched()
    return stage, nonce


def _calls_of_a_closing(make_stage: MakeStage, stride: int = 1) -> range:
    """The numbers of the port calls at which something is to happen."""
    stage, nonce = _ready(make_stage)
    _confirm_and_work(stage, nonce)
    return range(1, len(stage.watch.calls) + 1, stride * STRIDE[stage.kind])


def test_undisturbed_a_closing_comes_to_this(make_stage: MakeStage) -> None:
    """The twin of all that follows: nobody dies (L16)."""
    stage, nonce = _ready(make_stage)
    _confirm_and_work(stage, nonce)
    assert _outcome(stage) == EXPECTED


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_port_call_a_closing_comes_to_the_same(make_stage: MakeStage, when: str) -> None:
    """For every port call of a closing: the process dies there, a new one goes on (L16, CRSH-01, CRSH-02)."""
    outcomes: dict[int, dict[str, object]] = {}
    for number in _calls_of_a_closing(make_stage):
        stage, nonce = _ready(make_stage)
        setattr(stage.watch, when, _raising_at(frozenset({number}), Killed))
        _confirm_and_work(stage, nonce)
        outcomes[number] = _outcome(stage)
    assert [number for number, one in outcomes.items() if one != EXPECTED] == []


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("when", ["before", "after"])
def test_one_failure_of_any_port_call_changes_nothing(make_stage: MakeStage, when: str) -> None:
    """For every port call: it raises once, without effect or after it, then works (L16, CRSH-03, CRSH-04, RACE-13)."""
    outcomes: dict[int, dict[str, object]] = {}
    for number in _calls_of_a_closing(make_stage):
        stage, nonce = _ready(make_stage)
        setattr(stage.watch, when, _raising_at(frozenset({number}), OSError))
        _confirm_and_work(stage, nonce)
        outcomes[number] = _outcome(stage)
    assert [number for number, one in outcomes.items() if one != EXPECTED] == []


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("gap", [1, 3, 7])
def test_killed_again_during_the_recovery_a_closing_comes_to_the_same(make_stage: MakeStage, gap: int) -> None:
    """The second process dies as well, some calls later (L16, CRSH-01)."""
    outcomes: dict[int, dict[str, object]] = {}
    for number in _calls_of_a_closing(make_stage, 3):
        stage, nonce = _ready(make_stage)
        stage.watch.after = _raising_at(frozenset({number, number + gap}), Killed)
        _confirm_and_work(stage, nonce)
        stage.watch.after = _raising_at(frozenset(), Killed)
        outcomes[number] = _outcome(stage)
    assert [number for number, one in outcomes.items() if one != EXPECTED] == []


def test_an_append_that_took_effect_and_gave_no_answer_is_read_back(make_stage: MakeStage) -> None:
    """The connection drops behind the commit: the person gets their confirmation, and no error (L16, RACE-13)."""
    stage, nonce = _ready(make_stage)
    stage.watch.after = _raising_at(frozenset({_number_of(make_stage, "journal.append")}), OSError)
    confirmation = stage.service.confirm(stage.principal, nonce)
    assert (confirmation.at, stage.kinds().count("ClosureConfirmed")) == (stage.clock.now(), 1)


def test_an_append_that_took_no_effect_is_an_error_and_changes_nothing(make_stage: MakeStage) -> None:
    """The twin: the connection drops before the commit, and the person is told to try again (L16, CRSH-07)."""
    stage, nonce = _ready(make_stage)
    stage.watch.before = _raising_at(frozenset({_number_of(make_stage, "journal.append")}), OSError)
    with pytest.raises(StoreUnavailableError):
        stage.service.confirm(stage.principal, nonce)
    assert stage.kinds().count("ClosureConfirmed") == 0


def _number_of(make_stage: MakeStage, call: str) -> int:
    """The number of the first such port call within confirm."""
    stage, nonce = _ready(make_stage)
    stage.service.confirm(stage.principal, nonce)
    return stage.watch.calls.index(call) + 1
