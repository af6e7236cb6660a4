"""What the harness looks at after every crash: each promise, broken by hand in a state that kept it (CRSH-09)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import attrs
import pytest

from hht_closure import events as happened
from hht_closure.events import Event
from hht_closure.lifecycle import fold
from hht_closure.policy import Portion
from hht_closure.tasks import PendingTask
from hht_closure.testing.crash import Kept, Life, MemoryGround, Parts, Watch
from hht_closure.testing.crash.endings import differences, in_between, outcome, stuck
from hht_closure.testing.crash.findings import Finding
from hht_closure.testing.crash.kept import Sent
from hht_closure.testing.crash.plots import PLOTS
from hht_closure.testing.crash.promises import Promised, broken_promises
from hht_closure.testing.crash.sample import sample_scenario
from hht_closure.testing.crash.sight import Sight
from hht_closure.testing.crash.state import State

Change = Callable[[State], State]


def _played(name: str) -> tuple[Promised, list[State]]:
    """How everything stood after each call of a scenario that nobody disturbed, in order."""
    plot = next(one for one in PLOTS if one.name == name)
    scenario, ground = sample_scenario(plot, None, folder=Path(), seed=1)
    assert isinstance(ground, MemoryGround)

    def act(kept: Kept, watch: Watch, parts: Parts) -> tuple[State, list[State]]:
        life = Life(scenario, kept, watch, parts)
        sight = Sight(life)
        before, states = sight.look(), list[State]()
        watch.looks = lambda _: states.append(sight.look(before))
        life.live(worker_first=False)
        return before, states

    with ground.world() as world:
        lived = world.live((), act)
    assert isinstance(lived, tuple)
    before, states = lived
    heard = frozenset(one.kind for one in states[-1].sent)
    return Promised(scenario, before, heard), states


PROMISED, STATES = _played("closing")


def _first(states: Sequence[State], kind: type[Event]) -> State:
    """The first moment at which the journal held such an event."""
    return next(one for one in states if one.count(kind))


BEGINNING: Final = PROMISED.before
OPENED: Final = _first(STATES, happened.RoundOpened)
CONFIRMED: Final = _first(STATES, happened.ClosureConfirmed)
FROZEN: Final = next(one for one in STATES if one.theirs.standing == "frozen")
BEGUN: Final = _first(STATES, happened.ErasureBegun)
ERASED: Final = _first(STATES, happened.DataSetErased)
RETIRED: Final = next(one for one in STATES if one.theirs.standing == "retired" and one.reserved)
KEYLESS: Final = next(one for one in STATES if one.keys.get("destroy_key:1") == "destroyed")
CLOSED: Final = STATES[-1]


def _with(**changes: object) -> Change:
    return lambda state: attrs.evolve(state, **changes)


def _theirs(**changes: object) -> Change:
    return lambda state: attrs.evolve(state, theirs=attrs.evolve(state.theirs, **changes))


def _standing(standing: Literal["open", "frozen"]) -> Change:
    def change(state: State) -> State:
        account = BEGINNING.theirs.account
        assert account is not None
        return _theirs(account=attrs.evolve(account, standing=standing))(state)

    return change


def _retired(state: State) -> State:
    return _theirs(account=None)(state)


def _without_event(kind: type[Event]) -> Change:
    """The journal never heard of it, nor of anything behind it."""

    def change(state: State) -> State:
        index = next(number for number, one in enumerate(state.events) if isinstance(one, kind))
        events = state.events[:index]
        return attrs.evolve(state, events=events, closure=fold(events))

    return change


def _unmentioned(kind: type[Event]) -> Change:
    """The journal does not mention it, and goes on as if nothing were missing."""
    return lambda state: attrs.evolve(state, events=tuple(one for one in state.events if not isinstance(one, kind)))


def _twice(kind: type[Event]) -> Change:
    def change(state: State) -> State:
        again = tuple(one for one in state.events if isinstance(one, kind))
        return attrs.evolve(state, events=(*state.events, *again))

    return change


def _ledger_without(kind: str) -> Change:
    return lambda state: attrs.evolve(state, ledger=tuple(one for one in state.ledger if one.kind != kind))


def _key(name: str, fate: str) -> Change:
    return lambda state: attrs.evolve(state, keys={**state.keys, name: fate})


def _items(name: str, count: int) -> Change:
    """So many items that must go, and what the law keeps, if anything."""

    def change(state: State) -> State:
        kept = tuple(one for one in BEGINNING.theirs.portions[name] if one.disposition == "restricted")
        going = (Portion("erased", count),) if count else ()
        portions = {**state.theirs.portions, name: (*going, *kept)}
        return _theirs(portions=portions, remaining={**state.theirs.remaining, name: count})(state)

    return change


def _sent(kind: str, id: str = "another") -> Change:  # noqa: A002 - as the field is called
    return lambda state: attrs.evolve(state, sent=(*state.sent, Sent(kind=kind, id=id)))


def _unsent(kind: str) -> Change:
    return lambda state: attrs.evolve(state, sent=tuple(one for one in state.sent if one.kind != kind))


def _pending(task: PendingTask) -> Change:
    return lambda state: attrs.evolve(state, closure=attrs.evolve(state.closure, tasks=(*state.closure.tasks, task)))


def _other_person(state: State) -> State:
    (other,) = state.others
    return attrs.evolve(state, others=(attrs.evolve(other, account=None),))


def _other_receipt(state: State) -> State:
    ledger = tuple(attrs.evolve(one, receipt=one.receipt and "another") for one in state.ledger)
    return attrs.evolve(state, ledger=ledger)


def _then(*changes: Change) -> Change:
    def change(state: State) -> State:
        for one in changes:
            state = one(state)
        return state

    return change


AT_ANY_MOMENT: Final[Sequence[tuple[State, Change, str]]] = (
    (CONFIRMED, _items("messages", 1), "early: items of 'messages' are gone, and the journal says of no erasure"),
    (FROZEN, _items("messages", 0), "early: items of 'messages' are gone, and the ledger does not name the account"),
    (ERASED, _standing("open"), "early: items of 'orders' are gone, and the account is open"),
    (
        CONFIRMED,
        _theirs(portions={**CONFIRMED.theirs.portions, "orders": ()}),
        "early: items of 'orders' that a law keeps",
    ),
    (ERASED, _without_event(happened.ErasureBegun), "early: the ledger says that the erasure began, and the journal"),
    (FROZEN, _retired, "early: the account is retired, and the journal says of no erasure that it began"),
    (BEGUN, _standing("open"), "early: the journal says that the erasure began, and the account is open"),
    (BEGUN, _standing("open"), "early: the freeze is called done, the closing goes on, and the account is open"),
    (FROZEN, _ledger_without("held"), "early: the account is frozen, and the ledger does not name it"),
    (
        CONFIRMED,
        _then(_without_event(happened.ClosureConfirmed), _standing("frozen")),
        "stuck: the account is frozen, and",
    ),
    (ERASED, _items("orders", 1), "lost: 'orders' is called erased, and something remains that must go"),
    (BEGUN, _retired, "early: the account is retired, and not every data set is erased"),
    (RETIRED, _with(reserved=False), "early: the account is retired, and its login name is not reserved"),
    (CLOSED, _standing("frozen"), "early: there is a receipt, and the account is not retired"),
    (CLOSED, _other_receipt, "early: the ledger has a receipt that is not the journal's"),
    (
        CLOSED,
        _with(stray=("closed",)),
        "early: the ledger's entry 'closed' signs a head that the journal does not have",
    ),
    (CONFIRMED, _key("destroy_key:1", "missing"), "lost: the key of 'destroy_key:1' is missing"),
    (
        KEYLESS,
        _unmentioned(happened.KeyDestructionIntended),
        "early: the key of 'destroy_key:1' is destroyed, and the journal",
    ),
    (OPENED, _key("destroy_key:1", "destroyed"), "early: the round's key is destroyed, and the round is open"),
    (BEGUN, _key("destroy_key:1", "destroyed"), "early: the round's key is destroyed, and the account is not retired"),
    (CLOSED, _key("destroy_key:1", "present"), "early: there is a receipt, and the round's key is not destroyed"),
    (
        CLOSED,
        _pending(PendingTask("farewell", "", CLOSED.now)),
        "early: the farewell's key is destroyed, and the farewell has",
    ),
    (CLOSED, _ledger_without("closed"), "lost: the task 'ledger_closed' is called done, and nothing is seen of it"),
    (CLOSED, _unsent("farewell"), "lost: the task 'farewell' is called done, and nothing is seen of it"),
    (CLOSED, _unsent("downstream"), "lost: the task 'host:downstream' is called done, and nothing is seen of it"),
    (CLOSED, _standing("frozen"), "lost: the task 'retire' is called done, and nothing is seen of it"),
    (
        CLOSED,
        _key("destroy_key:1", "present"),
        "lost: the key of 'destroy_key:1' is called destroyed, and it is present",
    ),
    (
        CLOSED,
        _items("messages", 200),
        "lost: the journal calls 500 items of 'messages' erased, and so many are not gone",
    ),
    (CLOSED, _unmentioned(happened.ReasonGiven), "lost: the person was told so, and the journal has no ReasonGiven"),
    (BEGUN, _sent("farewell"), "early: the letter 'farewell' went out before ClosureClosed was in the journal"),
    (BEGUN, _sent("downstream"), "early: the task 'downstream' ran, and something remains that must go before"),
    (CONFIRMED, _sent("sms"), "doubled: more codes went out than were asked for: the journal knows of 2"),
    (CLOSED, _twice(happened.ErasureBegun), "doubled: there is more than one ErasureBegun in a round"),
    (CLOSED, _twice(happened.ClosureClosed), "doubled: there is more than one ClosureClosed in a round"),
    (CLOSED, _twice(happened.ClosureConfirmed), "doubled: a closing is confirmed twice"),
    (CLOSED, _with(ledger=(*CLOSED.ledger, *CLOSED.ledger)), "doubled: the ledger has 2 entries about"),
    (CLOSED, _sent("farewell"), "doubled: 'farewell' went out under 2 ids"),
    (CONFIRMED, _other_person, "doubled: something of a person whom it does not concern has changed (number 1)"),
)


@pytest.mark.parametrize(("state", "change", "said"), AT_ANY_MOMENT, ids=[said for _, _, said in AT_ANY_MOMENT])
def test_a_promise_that_is_broken_is_said(state: State, change: Change, said: str) -> None:
    """In a state that kept it (L13, L14, L15, L16, L20, L21, L23, L26, L27, CRSH-09)."""
    before, after = (list(broken_promises(one, PROMISED)) for one in (state, change(state)))
    assert (before, [one for one in map(str, after) if one.startswith(said)] != []) == ([], True)


def test_a_legal_hold_that_is_not_kept_is_said() -> None:
    """It came before the erasure began, and items are gone all the same (L20)."""
    promised, states = _played("held_by_law")
    held = next(one for one in states if one.count(happened.DataSetErased) and one.held)
    before, after = (list(map(str, broken_promises(one, promised))) for one in (held, _items("messages", 1)(held)))
    assert (before, after) == ([], ["early: items of 'messages' are gone, and a legal hold keeps them"])


def test_what_the_freeze_ends_goes_with_the_freeze_and_not_before() -> None:
    """Sessions, say: not while nothing is confirmed, or a cooling-off lasts (L13)."""
    scenario = attrs.evolve(PROMISED.scenario, ended_by_the_freeze=("messages",))
    promised = attrs.evolve(PROMISED, scenario=scenario)
    found = [list(map(str, broken_promises(_items("messages", 0)(one), promised))) for one in (OPENED, FROZEN)]
    assert found == [["early: items of 'messages' are gone, and no freeze was due"], []]


def test_what_the_freeze_ends_is_gone_when_that_is_called_done() -> None:
    """The task is in the journal, and the sessions go on (L16)."""
    scenario = attrs.evolve(PROMISED.scenario, ended_by_the_freeze=("messages",))
    found = map(str, broken_promises(BEGUN, attrs.evolve(PROMISED, scenario=scenario)))
    assert list(found) == ["lost: the task 'revoke_sessions' is called done, and nothing is seen of it"]


def _at_the_end(state: State) -> list[Finding]:
    expected = outcome(CLOSED, ())
    return [*differences(outcome(state, ()), expected), *in_between(state, BEGINNING), *stuck(state)]


AT_THE_END: Final[Sequence[tuple[Change, str]]] = (
    (lambda _: FROZEN, "lost: stage: 'closed' is missing"),
    (lambda _: FROZEN, "stuck: stage: 'closing' is too many"),
    (lambda _: FROZEN, "stuck: the closing does not come to its end"),
    (lambda _: FROZEN, "lost: the account is not closed, and not what it was: frozen"),
    (_unmentioned(happened.DataSetErased), "lost: events: 'DataSetErased orders' is missing"),
    (_twice(happened.KeyDestroyed), "doubled: events: 'KeyDestroyed destroy_key:1' is too many"),
    (_items("messages", 7), "lost: items: '7 erased messages' is too many"),
    (_theirs(portions={**CLOSED.theirs.portions, "orders": ()}), "doubled: items: '1 restricted orders"),
    (_items("messages", 7), "lost: it is closed, and 7 items of 'messages' remain that must go"),
    (_standing("open"), "lost: it is closed, and the account is open"),
    (_key("destroy_farewell_key", "present"), "stuck: it is closed, and the key of 'destroy_farewell_key' is present"),
    (_ledger_without("begun"), "lost: it is closed, and the ledger has no entry 'begun'"),
    (_with(receipt=None), "lost: it is closed, and no receipt names every data set"),
    (_sent("downstream"), "doubled: sent: 'another' is too many"),
    (_with(reserved=False), "lost: reserved: 'reserved' is missing"),
    (_pending(PendingTask("retire", "", CLOSED.now)), "stuck: the task 'retire' is still pending"),
    (_pending(PendingTask("retire", "", CLOSED.now, set_aside=True)), "stuck: the task 'retire' is set aside"),
)


@pytest.mark.parametrize(("change", "said"), AT_THE_END, ids=[said for _, said in AT_THE_END])
def test_an_end_that_is_another_one_is_said(change: Change, said: str) -> None:
    """Against one that is as it should be (L16, L17, L19, L21, L23, L25, L26, L27, CRSH-01, CRSH-02)."""
    before, after = (_at_the_end(one) for one in (CLOSED, change(CLOSED)))
    assert (before, [one for one in map(str, after) if one.startswith(said)] != []) == ([], True)


def test_a_round_that_is_over_and_has_its_key_is_stuck() -> None:
    """Nobody destroys it any more (L23)."""
    state = _key("destroy_key:1", "present")(_played("lapsed")[1][-1])
    assert [str(one) for one in in_between(state, state)] == ["stuck: the round is over, and its key is not destroyed"]


def test_what_is_due_much_later_is_not_stuck() -> None:
    """A purge that waits for the end of a retention (L20)."""
    later = PendingTask("purge", "orders", CLOSED.now + timedelta(days=900))
    assert list(stuck(_pending(later)(CLOSED))) == []


def test_a_failure_that_a_disturbance_adds_is_no_difference() -> None:
    """A task may fail and be tried again; nothing else may be added (L16, L19)."""
    failed = happened.TaskFailed(CLOSED.now, "retire", "ambiguous", "adapter_failed", CLOSED.now)
    after = attrs.evolve(CLOSED, events=(*CLOSED.events, failed))
    assert list(differences(outcome(after, ()), outcome(CLOSED, ()))) == []
