"""Legal holds at every moment of a closing, beside each other, and beside what a law keeps (L20, ERAS-09)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations

import attrs
import pytest

from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.errors import InvalidValueError
from hht_closure.events import (
    BatchErased,
    ClosureClosed,
    DataSetErased,
    LegalHoldSet,
    RetentionPurged,
    TaskFailed,
    TaskSetAside,
)
from hht_closure.policy import Blocked, Blocker, LegalHold
from hht_closure.ports import Done, EraseJob, Failed, Progress
from hht_closure.receipts import DataSetFate, Fate
from hht_closure.service import OperatorView
from tests.attacks.erasers import HOUR, Raising, registered, worked_for
from tests.stage import (
    GROUND,
    LI,
    NOW,
    RETENTION_ENDS,
    TERMS,
    WANG,
    Killed,
    MakeStage,
    Stage,
    on_every_store,
    refusal_codes,
)

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
ORDER = "Court of Hangzhou, order 12"
TAXES = "Tax office, file 7"
UNTIL = NOW + timedelta(days=400)
KEPT = Fate(disposition="restricted", until=UNTIL, ground=ORDER)
GONE = Fate(disposition="erased")
BLOCKED = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))


def _hold(stage: Stage, data_set: str = "messages", *, until: datetime = UNTIL, ground: str = ORDER) -> OperatorView:
    """An operator holds a data set of Li's."""
    return stage.operator.hold(stage.stream(), data_set, until=until, ground=ground, actor="anna", reason="court_order")


def _lift(stage: Stage, data_set: str = "messages", ground: str = ORDER) -> OperatorView:
    """And lets it go."""
    return stage.operator.lift(stage.stream(), data_set, ground=ground, actor="anna", reason="case_over")


def _fates(stage: Stage, data_set: str = "messages") -> tuple[Fate, ...]:
    """What the receipt says became of the data set."""
    claims = stage.service.receipt(stage.keyring.reference(stage.portal, stage.stream(), 1)).claims
    (fates,) = [one.fates for one in claims.data_sets if one.name == data_set]
    return fates


@pytest.fixture
def five(stage: Stage) -> Stage:
    """The portal has five data sets, and the notice names all of them."""
    for name in ("chats", "photos", "searches"):
        data_set = MemoryDataSet(name, clock=stage.clock)
        data_set.add(LI.id, f"one of the {name} of li", f"another of the {name} of li")
        stage.later_data_sets.append(data_set)
    stage.policy.terms = attrs.evolve(TERMS, data_sets=("orders", "messages", "chats", "photos", "searches"))
    stage.restarted()
    return stage


def _left(stage: Stage) -> dict[str, int]:
    """What must go and is still there, by data set."""
    sets = (stage.orders, stage.messages, *stage.later_data_sets)
    return {one.name: one.remaining(LI.id) for one in sets if one.remaining(LI.id)}


# --- one of five (ERAS-09) -------------------------------------------------------------------------------------------


@on_every_store
def test_four_of_five_are_erased_and_one_is_restricted(five: Stage) -> None:
    """The account is closed; the receipt names ground and end; lifting purges the fifth (L20, ERAS-09)."""
    _hold(five, "chats")
    five.closed()
    assert (_left(five), five.count(ClosureClosed), five.accounts.get(LI.id)) == ({"chats": 2}, 1, None)
    assert [_fates(five, name) for name in ("messages", "chats", "photos")] == [(GONE,), (KEPT,), (GONE,)]
    _lift(five, "chats")
    five.service.work()
    assert (_left(five), five.count(RetentionPurged)) == ({}, 1)


@on_every_store
@pytest.mark.parametrize("held", [*combinations(("orders", "messages", "chats"), 2), ()])
def test_any_of_them_may_be_held(five: Stage, held: tuple[str, ...]) -> None:
    """Whichever is held stays, with what may go only after it: the messages come after the orders (L20, ERAS-09)."""
    for name in held:
        _hold(five, name)
    five.closed()
    assert set(_left(five)) == {*held, *(("messages",) if "orders" in held else ())}
    for name in held:
        if any(one.data_set == name for one in five.operator.look(five.stream()).holds):
            _lift(five, name)
    five.service.work()
    assert (_left(five), five.count(ClosureClosed), five.count(TaskFailed)) == ({}, 1, 0)


@on_every_store
def test_the_hold_of_one_account_is_no_other_accounts(stage: Stage) -> None:
    """Li's messages are held, and Wang's go (L1, L20)."""
    _hold(stage)
    stage.closed()
    stage.closed(stage.logged_in("wang"))
    assert (stage.messages.remaining(LI.id), stage.messages.remaining(WANG.id)) == (2, 0)


# --- at every moment -------------------------------------------------------------------------------------------------


@on_every_store
def test_a_hold_before_any_round_counts_for_the_first(stage: Stage) -> None:
    """Nobody has asked to close this account; the stream begins with the hold, and is read ever after (L20, L29)."""
    view = _hold(stage)
    assert (view.stage, view.holds, stage.operator.due()) == ("unopened", (LegalHold("messages", UNTIL, ORDER),), ())
    stage.restarted()
    stage.closed()
    assert (stage.kinds()[:2], stage.messages.remaining(LI.id)) == (("LegalHoldSet", "RoundOpened"), 2)


@on_every_store
def test_a_hold_between_notice_and_confirm_kills_the_nonce(stage: Stage) -> None:
    """The person accepted that all goes; what they read is no longer so, and they read it again (L11, L20)."""
    nonce = stage.noticed().nonce
    _hold(stage)
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("nonce_invalid",)
    notice = stage.service.notice(stage.principal, "en")
    assert stage.service.confirm(stage.principal, notice.nonce).reference


@on_every_store
def test_a_lifting_between_notice_and_confirm_kills_the_nonce_as_well(stage: Stage) -> None:
    """They accepted that something is kept, and now it would go (L11, L20)."""
    _hold(stage)
    nonce = stage.noticed().nonce
    _lift(stage)
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("nonce_invalid",)


@on_every_store
def test_a_hold_on_what_the_terms_do_not_name_leaves_the_nonce(five: Stage) -> None:
    """The twin: the notice does not speak of that set, so nothing that was read has changed (L11, L20)."""
    five.policy.terms = TERMS
    nonce = five.noticed().nonce
    _hold(five, "photos")
    assert five.service.confirm(five.principal, nonce).reference
    five.service.work()
    assert _left(five) == {"photos": 2}


@on_every_store
def test_a_hold_after_the_confirmation_counts(make_stage: MakeStage) -> None:
    """Confirmed, in its cooling-off: what is held then is kept (L20)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=DAY))
    stage.confirmed()
    _hold(stage)
    stage.clock.advance(DAY)
    stage.service.work()
    assert (stage.messages.remaining(LI.id), _fates(stage)) == (2, (KEPT,))


def _during(stage: Stage, call: str, happens: Callable[[], object], *, times: int = 1) -> None:
    """It happens when that call of the host's comes for the last of so many times, before it is made."""
    left = [times]

    def look(_: int, name: str) -> None:
        if name == call and left[0]:
            left[0] -= 1
            if not left[0]:
                happens()

    stage.watched().before = look


@on_every_store
@pytest.mark.parametrize("call", ["ledger.record", "orders.erase", "orders.survey", "orders.remaining"])
def test_a_hold_while_another_set_is_erased_counts_for_its_own(stage: Stage, call: str) -> None:
    """The worker has read the journal long before; not one batch of the held set goes after the hold (L20)."""
    stage.confirmed()
    _during(stage, call, lambda: _hold(stage))
    asked = list[int]()

    def note(_: int, name: str) -> None:
        if name == "messages.erase":
            asked.append(1)

    stage.watch.after = note
    stage.worked_off()
    assert (asked, stage.messages.remaining(LI.id), stage.count(ClosureClosed)) == ([], 2, 1)


@on_every_store
def test_a_hold_between_two_batches_keeps_the_rest(stage: Stage) -> None:
    """Of 1,202 messages a thousand are gone when the court's order comes: the other 202 stay (L20, ERAS-09)."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(1200)))
    stage.confirmed()
    _during(stage, "messages.erase", lambda: _hold(stage), times=2)
    stage.worked_off()
    assert (stage.messages.remaining(LI.id), stage.count(BatchErased), _fates(stage)) == (202, 1, (GONE, KEPT))
    _lift(stage)
    stage.service.work()
    assert stage.messages.items(LI.id) == ()


@on_every_store
def test_the_batch_under_way_may_still_go_and_none_after_it(stage: Stage) -> None:
    """The hold comes within a batch of five hundred: that one goes, and seven hundred stay (L20)."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(1198)))
    stage.confirmed()
    _during(stage, "messages.erase", lambda: _hold(stage))
    stage.worked_off()
    assert stage.messages.remaining(LI.id) == 700


@on_every_store
def test_a_hold_on_a_set_that_keeps_failing_settles_it_when_it_is_released(stage: Stage) -> None:
    """Set aside, then held: an operator releases it, and it is restricted without a batch (L19, L20)."""
    chats = Raising("chats", stage, "li")
    registered(stage, chats)
    stage.confirmed()
    worked_for(stage, 2)
    asked = len(chats.asked)
    _hold(stage, "chats")
    stage.operator.release(stage.stream(), "erase:chats", actor="anna", reason="held")
    stage.service.work()
    assert (len(chats.asked), stage.count(ClosureClosed), _fates(stage, "chats")) == (asked, 1, (KEPT,))


@on_every_store
def test_a_hold_after_the_closing_puts_a_pending_purge_off(stage: Stage) -> None:
    """A law keeps the invoice for a thousand days; a court wants it for two thousand (L20)."""
    later = NOW + timedelta(days=2000)
    stage.closed()
    _hold(stage, "orders", until=later)
    stage.clock.set(RETENTION_ENDS)
    stage.service.work()
    assert stage.orders.items(LI.id) == ("an invoice of li",)
    stage.clock.set(later - TICK)
    stage.service.work()
    assert stage.orders.items(LI.id) == ("an invoice of li",)
    stage.clock.set(later)
    stage.service.work()
    assert (stage.orders.items(LI.id), stage.closure().tasks) == ((), ())


@on_every_store
def test_a_hold_that_is_over_before_its_sets_turn_holds_nothing(make_stage: MakeStage) -> None:
    """Half open: at the very instant of its end nothing is under it any more (L6, L20)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=DAY))
    _hold(stage, until=NOW + DAY)
    stage.confirmed()
    stage.clock.set(NOW + DAY)
    stage.service.work()
    assert (stage.messages.items(LI.id), _fates(stage)) == ((), (GONE,))


@on_every_store
def test_a_hold_that_is_lifted_before_its_sets_turn_holds_nothing(stage: Stage) -> None:
    """Set and lifted again, before the set's turn or within the pass: all goes at once (L20)."""
    _hold(stage)
    stage.confirmed()
    _during(stage, "orders.erase", lambda: _lift(stage))
    stage.worked_off()
    assert (stage.messages.items(LI.id), _fates(stage), stage.count(RetentionPurged)) == ((), (GONE,), 0)


@on_every_store
def test_a_hold_is_carried_over_rounds(stage: Stage) -> None:
    """Withdrawn, opened anew, given back, confirmed again: folding from the last opening, it is there (L20, L28)."""
    _hold(stage)
    stage.opened()
    stage.service.withdraw(stage.principal)
    stage.worked_off()
    stage.logged_in()
    stage.confirmed()
    stage.orders_check.finding = BLOCKED
    stage.worked_off()
    stage.orders_check.finding = type(stage.money_check.finding)()
    stage.logged_in()
    stage.clock.advance(DAY)
    stage.restarted()
    stage.closed(stage.logged_in())
    assert (stage.messages.remaining(LI.id), stage.operator.look(stage.stream()).holds) == (
        2,
        (LegalHold("messages", UNTIL, ORDER),),
    )


@on_every_store
def test_a_lifted_hold_is_not_carried_over(stage: Stage) -> None:
    """The twin: what was lifted in the first round is forgotten in the second (L20)."""
    _hold(stage)
    stage.opened()
    _lift(stage)
    stage.service.withdraw(stage.principal)
    stage.worked_off()
    stage.closed(stage.logged_in())
    assert stage.messages.items(LI.id) == ()


# --- beside a law, and beside each other -----------------------------------------------------------------------------


@on_every_store
def test_a_retention_that_is_longer_is_left_as_it_is(stage: Stage) -> None:
    """The law keeps the invoice for longer than the court, under its own name; the court keeps what else is there."""
    _hold(stage, "orders")
    stage.closed()
    law = Fate(disposition="restricted", until=RETENTION_ENDS, ground=GROUND)
    assert _fates(stage, "orders") == (KEPT, law)
    stage.clock.set(UNTIL)
    stage.service.work()
    assert stage.orders.items(LI.id) == ("an invoice of li",)
    stage.clock.set(RETENTION_ENDS)
    stage.service.work()
    assert stage.orders.items(LI.id) == ()


@on_every_store
def test_a_retention_that_is_shorter_is_under_the_hold(stage: Stage) -> None:
    """What the law would let go in a thousand days the court keeps for two thousand (L20)."""
    later = NOW + timedelta(days=2000)
    _hold(stage, "orders", until=later)
    stage.closed()
    assert _fates(stage, "orders") == (Fate(disposition="restricted", until=later, ground=ORDER),)
    stage.clock.set(RETENTION_ENDS)
    stage.service.work()
    assert len(stage.orders.items(LI.id)) == 2


@on_every_store
def test_lifting_gives_up_nothing_that_a_law_keeps(stage: Stage) -> None:
    """The order goes at once, and the invoice when its own time is over (L20)."""
    _hold(stage, "orders")
    stage.closed()
    _lift(stage, "orders")
    stage.service.work()
    kept = stage.orders.items(LI.id)
    stage.clock.set(RETENTION_ENDS)
    stage.service.work()
    assert (kept, stage.orders.items(LI.id)) == (("an invoice of li",), ())


@on_every_store
@pytest.mark.parametrize("first", ["court", "taxes"])
def test_two_holds_keep_for_as_long_as_the_longer_one(stage: Stage, first: str) -> None:
    """Two matters, two ends: the shorter one takes nothing from the longer, whichever was set first (L20)."""
    longer = UNTIL + 100 * DAY
    orders = {"court": (UNTIL, ORDER), "taxes": (longer, TAXES)}
    for name in sorted(orders, reverse=first == "taxes"):
        until, ground = orders[name]
        _hold(stage, until=until, ground=ground)
    stage.closed()
    assert _fates(stage) == (Fate(disposition="restricted", until=longer, ground=TAXES),)
    stage.clock.set(UNTIL)
    stage.service.work()
    kept = stage.messages.remaining(LI.id)
    stage.clock.set(longer)
    stage.service.work()
    assert (kept, stage.messages.items(LI.id)) == (2, ())


@on_every_store
@pytest.mark.parametrize(("lifted", "ends"), [(TAXES, UNTIL), (ORDER, UNTIL + 100 * DAY)])
def test_lifting_one_of_two_leaves_the_other(stage: Stage, lifted: str, ends: datetime) -> None:
    """What is lifted is one matter; the other keeps the set until its own end (L20)."""
    _hold(stage)
    _hold(stage, until=UNTIL + 100 * DAY, ground=TAXES)
    stage.closed()
    _lift(stage, ground=lifted)
    stage.clock.set(ends - TICK)
    stage.service.work()
    kept = stage.messages.remaining(LI.id)
    stage.clock.set(ends)
    stage.service.work()
    assert (kept, stage.messages.items(LI.id)) == (2, ())


# --- changed while the closing is under way --------------------------------------------------------------------------


def _waiting_to_close(stage: Stage) -> None:
    """All is erased or kept, and the closing waits for a downstream system."""
    stage.downstream.outcome = Failed("permanent", "no_such_system")
    stage.confirmed()
    stage.service.work()


def _goes_on(stage: Stage) -> None:
    stage.downstream.outcome = Done()
    stage.operator.release(stage.stream(), "host:downstream", actor="anna", reason="mended")
    stage.service.work()


@on_every_store
@pytest.mark.parametrize("by", [-300 * DAY, 300 * DAY])
def test_the_receipt_says_the_end_that_the_hold_has_when_it_is_signed(stage: Stage, by: timedelta) -> None:
    """Put off or brought forward after the set was settled: receipt and purge go by the new end (L20, L25)."""
    _hold(stage)
    _waiting_to_close(stage)
    _hold(stage, until=UNTIL + by)
    _goes_on(stage)
    assert _fates(stage) == (attrs.evolve(KEPT, until=UNTIL + by),)
    stage.clock.set(UNTIL + by - TICK)
    stage.service.work()
    kept = stage.messages.remaining(LI.id)
    stage.clock.set(UNTIL + by)
    stage.service.work()
    assert (kept, stage.messages.items(LI.id)) == (2, ())


@on_every_store
@pytest.mark.parametrize("changed", [False, True])
def test_lifted_before_the_account_is_closed_it_is_purged_right_after(stage: Stage, *, changed: bool) -> None:
    """Settled under a hold, which is lifted while the closing waits: the purge comes with the closing (L20)."""
    _hold(stage)
    _waiting_to_close(stage)
    if changed:
        _hold(stage, until=UNTIL + DAY)
    _lift(stage)
    kept = stage.messages.remaining(LI.id)
    _goes_on(stage)
    assert (kept, stage.messages.items(LI.id), stage.count(ClosureClosed)) == (2, (), 1)


@on_every_store
def test_a_second_matter_keeps_what_the_first_lets_go(stage: Stage) -> None:
    """Settled under the court's order; the tax office asks, too; the court is done: the receipt says the second."""
    _hold(stage)
    _waiting_to_close(stage)
    _hold(stage, until=UNTIL - DAY, ground=TAXES)
    _lift(stage)
    _goes_on(stage)
    assert (stage.messages.remaining(LI.id), _fates(stage)) == (
        2,
        (Fate(disposition="restricted", until=UNTIL - DAY, ground=TAXES),),
    )


@on_every_store
def test_a_worker_that_dies_between_hold_and_purge_loses_neither(stage: Stage) -> None:
    """Killed before and behind every call of the purge: in the end the rows are gone, once (L16, L20)."""
    _hold(stage)
    stage.closed()
    watch = stage.watched()
    stage.clock.set(UNTIL)
    for number in range(1, 9):
        at = len(watch.calls) + number

        def die(call: int, _: str, at: int = at) -> None:
            if call == at:
                raise Killed

        watch.before, watch.after = (die, lambda *_: None) if number % 2 else (lambda *_: None, die)
        try:
            stage.restarted().work()
        except Killed:
            stage.clock.advance(HOUR)
    watch.before = watch.after = lambda *_: None
    stage.worked_off()
    assert (stage.messages.items(LI.id), stage.count(RetentionPurged), stage.count(TaskSetAside)) == ((), 1, 0)


# --- what is refused -------------------------------------------------------------------------------------------------


@on_every_store
def test_the_same_hold_again_is_no_second_one(stage: Stage) -> None:
    """An operator who presses twice has set one hold (L20)."""
    _hold(stage)
    assert (_hold(stage).holds, stage.count(LegalHoldSet)) == ((LegalHold("messages", UNTIL, ORDER),), 1)


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"data_set": "massages"}, "not_registered"),
    ({"until": NOW}, "time_is_over"),
    ({"until": NOW - TICK}, "time_is_over"),
    ({"until": datetime(2030, 1, 1)}, "naive_time"),  # noqa: DTZ001 - that is the attack
    ({"until": None}, "not_a_time"),
    ({"ground": ""}, "ground"),
    ({"ground": "x" * 301}, "ground"),
    ({"ground": "a\x00b"}, "ground"),
    ({"actor": "Anna Li"}, "actor"),
    ({"reason": "order of the court"}, "reason"),
    ({"stream": "nobody"}, "not_of_this_portal"),
]


@on_every_store
@pytest.mark.parametrize(("wrong", "problem"), REFUSED)
def test_what_is_no_hold_is_refused_and_changes_nothing(stage: Stage, wrong: dict[str, object], problem: str) -> None:
    """A set that nobody has, a time that is over, a text where a name belongs (L22, L30)."""
    right: dict[str, object] = {
        "stream": stage.stream(),
        "data_set": "messages",
        "until": UNTIL,
        "ground": ORDER,
        "actor": "anna",
        "reason": "court_order",
    }
    before = stage.everything()
    hold: Callable[..., object] = stage.operator.hold
    with pytest.raises(InvalidValueError, match=problem):
        hold(**{**right, **wrong})
    assert stage.everything() == before


@on_every_store
def test_another_portals_account_cannot_be_held(make_stage: MakeStage) -> None:
    """Two portals may share a store; each operator has the accounts of one (L1)."""
    stage, other = make_stage(), make_stage(portal="Another")
    for act in (
        lambda: stage.operator.hold(
            other.stream(), "messages", until=UNTIL, ground=ORDER, actor="anna", reason="court_order"
        ),
        lambda: stage.operator.lift(other.stream(), "messages", ground=ORDER, actor="anna", reason="case_over"),
    ):
        with pytest.raises(InvalidValueError, match="not_of_this_portal"):
            act()


@on_every_store
def test_what_nobody_holds_cannot_be_lifted(stage: Stage) -> None:
    """Neither another set, nor another ground, nor a second time (L20)."""
    _hold(stage)
    lift = stage.operator.lift
    stream, rest = stage.stream(), {"actor": "anna", "reason": "case_over"}
    assert refusal_codes(lift, stream, "orders", ground=ORDER, **rest) == ("hold_unknown",)
    assert refusal_codes(lift, stream, "messages", ground=TAXES, **rest) == ("hold_unknown",)
    _lift(stage)
    assert refusal_codes(lift, stream, "messages", ground=ORDER, **rest) == ("hold_unknown",)


@on_every_store
def test_a_hold_to_the_end_of_all_times_is_kept(stage: Stage) -> None:
    """The last instant that there is fits into every store (L30)."""
    last = datetime.max.replace(tzinfo=UTC)
    _hold(stage, until=last)
    stage.closed()
    assert _fates(stage) == (attrs.evolve(KEPT, until=last),)
    assert stage.restarted().work().streams == 0


@on_every_store
def test_an_eraser_under_a_hold_is_not_even_asked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would do does not matter: it is the machine that keeps the hold, not the host's eraser (L20)."""
    asked = list[EraseJob]()

    def erase(job: EraseJob) -> Progress:
        asked.append(job)
        return Progress(erased=2, done=True)

    monkeypatch.setattr(stage.messages, "erase", erase)
    _hold(stage)
    stage.closed()
    claims = stage.service.receipt(stage.keyring.reference(stage.portal, stage.stream(), 1)).claims
    assert (asked, claims.data_sets[1]) == ([], DataSetFate(name="messages", fates=(KEPT,)))


@on_every_store
def test_under_a_hold_a_survey_that_fails_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is held is not known: the set is not settled until it is (L17, L19, L20)."""
    _hold(stage)
    stage.confirmed()
    with monkeypatch.context() as broken:
        broken.setattr(stage.messages, "survey", lambda _: None)
        stage.service.work()
    failed = [one.task for one in stage.events() if isinstance(one, TaskFailed)]
    settled = [one.data_set for one in stage.events() if isinstance(one, DataSetErased)]
    assert (failed, settled) == (["erase:messages"], ["orders"])
    stage.worked_off()
    assert (stage.messages.remaining(LI.id), stage.count(ClosureClosed)) == (2, 1)
