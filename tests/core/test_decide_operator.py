"""What an operator's commands lead to, and the sweep's; on the pure machine (L19, L20, L21)."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure import commands, events
from hht_closure.errors import InvalidValueError
from hht_closure.lifecycle import Accepted, hold_on, next_task
from hht_closure.policy import LegalHold, Portion
from hht_closure.stages import Closed
from hht_closure.tasks import PlannedTask
from tests.core.build import (
    DAY,
    HOLD,
    LATER,
    LIFT,
    T0,
    History,
    closed,
    codes,
    confirmed,
    erased,
    erasing,
    fail,
    finish,
    open_round,
    settle,
    withdrawn,
)

UNTIL = HOLD.hold.until
BATCH = commands.RecordBatch(task="erase:messages", erased=1, cursor="1")


def held_by(hold: LegalHold, count: int) -> Portion:
    """What is kept for that hold."""
    return Portion("restricted", count, hold.until, hold.ground)


# --- setting and lifting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [History(), confirmed(), erasing(), closed(), withdrawn()])
def test_a_hold_can_be_set_at_any_time_also_before_the_first_round(told: History) -> None:
    """A court does not wait for a closing (L20)."""
    assert told.events_of(HOLD) == (events.LegalHoldSet(told.now, HOLD.hold, "legal", "court_order"),)
    assert told.then(HOLD).closure.holds == (HOLD.hold,)


def test_the_same_hold_twice_is_one() -> None:
    """Setting it is repeatable."""
    assert History().then(HOLD).decision(HOLD) == Accepted()


def test_a_later_hold_takes_the_place_of_the_earlier_one_on_the_same_set() -> None:
    """A hold that is put off is one hold, and another set's stays."""
    later = attrs.evolve(HOLD, hold=attrs.evolve(HOLD.hold, until=UNTIL + DAY))
    other = attrs.evolve(HOLD, hold=attrs.evolve(HOLD.hold, data_set="orders"))
    assert History().then(HOLD, other, later).closure.holds == (other.hold, later.hold)


def test_what_is_not_held_cannot_be_lifted() -> None:
    """An operator's slip is told, and nothing happens."""
    assert codes(confirmed().decision(LIFT)) == ("hold_unknown",)


def test_a_lifted_hold_holds_nothing() -> None:
    """And another set's stays."""
    other = attrs.evolve(HOLD, hold=attrs.evolve(HOLD.hold, data_set="orders"))
    assert History().then(HOLD, other, LIFT).closure.holds == (other.hold,)


def test_a_hold_is_carried_into_the_next_round() -> None:
    """It is the account's, not the round's (L20)."""
    assert withdrawn().then(HOLD, open_round()).closure.holds == (HOLD.hold,)


def test_a_hold_is_over_exactly_at_its_end() -> None:
    """Half open, as every time here (L6)."""
    closure = History().then(HOLD).closure
    instant = timedelta(microseconds=1)
    assert [hold_on(closure, "messages", at) for at in (UNTIL - instant, UNTIL)] == [HOLD.hold, None]
    assert hold_on(closure, "orders", T0) is None


@pytest.mark.parametrize(
    "change", [{"data_set": "No name"}, {"ground": ""}, {"ground": "a\x00b"}, {"until": T0.replace(tzinfo=None)}]
)
def test_a_hold_is_checked_when_it_is_made(change: dict[str, str]) -> None:
    """An object that exists is valid (L30)."""
    with pytest.raises(InvalidValueError):
        LegalHold(**{"data_set": "messages", "until": UNTIL, "ground": "Court order 7", **change})  # type: ignore[arg-type]


# --- what a hold covers ---------------------------------------------------------------------------------------


def test_a_hold_keeps_all_that_would_go() -> None:
    """What would be erased and what would be anonymised, in one portion; nothing of nothing."""
    going = (Portion("erased", 3), Portion("anonymised", 2))
    assert (HOLD.hold.over(going), HOLD.hold.over((Portion("erased", 0),))) == ((held_by(HOLD.hold, 5),), ())


def test_what_is_kept_for_longer_anyway_stays_as_it_is() -> None:
    """The later end wins, each with its own ground."""
    longer = Portion("restricted", 2, UNTIL + DAY, "tax law")
    shorter = Portion("restricted", 1, UNTIL - DAY, "contract")
    assert HOLD.hold.over((longer, shorter)) == (held_by(HOLD.hold, 1), longer)


# --- what the worker may do under a hold ----------------------------------------------------------------------


def test_no_batch_is_taken_under_a_hold() -> None:
    """Not even by a broken worker (L20); and without the hold, or when it is over, it is."""
    held = erasing().then(finish("ledger_begun"), HOLD)
    assert codes(held.decision(BATCH)) == ("task_unknown",)
    free = (held.then(LIFT), held.later(UNTIL - T0))
    assert [type(one.decision(BATCH)) for one in free] == [Accepted, Accepted]


def test_a_held_set_is_settled_and_purged_when_the_hold_ends() -> None:
    """The closing goes on, and what was held goes in the end (L20)."""
    told = closed_with(held_by(HOLD.hold, 5))
    assert told.task("purge:messages").due == UNTIL


def test_a_hold_that_is_lifted_behind_the_settling_is_purged_at_the_closing() -> None:
    """The fate on the receipt says until when it was really kept (L20)."""
    told = erasing().then(finish("ledger_begun"), HOLD, settle("erase:messages", held_by(HOLD.hold, 5))).later(DAY)
    fates = told.then(LIFT).erasure.fates
    assert fates == (("messages", (Portion("restricted", 5, T0 + DAY, "Court order 7"),)),)


def test_lifting_leaves_what_another_ground_keeps() -> None:
    """Only the hold's own portion goes."""
    tax = Portion("restricted", 1, UNTIL + DAY, "tax law")
    told = erasing().then(finish("ledger_begun"), HOLD, settle("erase:messages", held_by(HOLD.hold, 5), tax)).later(DAY)
    assert told.then(LIFT).erasure.fates[0][1][1] == tax


def test_a_hold_that_is_lifted_after_the_closing_is_purged_now() -> None:
    """The purge waits no longer (L20)."""
    told = closed_with(held_by(HOLD.hold, 5)).later(DAY).then(LIFT)
    assert told.task("purge:messages").due == told.now


def closed_with(portion: Portion) -> History:
    """Closed, with the messages under the hold."""
    told = erasing().then(finish("ledger_begun"), HOLD, settle("erase:messages", portion), settle("erase:orders"))
    told = told.then(finish("tombstone"), finish("retire"), commands.IntendKeyDestruction(task="destroy_key:1"))
    return told.then(finish("destroy_key:1"), commands.CloseAccount(receipt="receipt"), finish("ledger_closed"))


# --- sets that are registered later ---------------------------------------------------------------------------


def test_a_closed_account_is_erased_from_what_was_registered_later() -> None:
    """What it was never asked about, and nothing else (L21)."""
    added = (PlannedTask("drafts", ("messages",)), PlannedTask("notes"))
    told = closed()
    assert told.events_of(LATER) == (events.DataSetsAdded(told.now, added),)
    after = told.then(LATER)
    assert isinstance(after.closure.stage, Closed)
    assert after.closure.stage.data_sets == ("messages", "orders", "drafts", "notes")
    assert after.then(finish("ledger_closed")).next_name in {"purge:drafts", "farewell"}


def test_adding_them_twice_is_adding_them_once() -> None:
    """A sweep can be run again at any time (L21)."""
    assert closed().then(LATER).decision(LATER) == Accepted()


@pytest.mark.parametrize("told", [History(), confirmed(), erasing(), erased(), withdrawn()])
def test_what_is_not_closed_needs_nothing(told: History) -> None:
    """``ErasureBegun`` fixes the sets of a closing that is still to come (DESIGN 7)."""
    assert told.decision(LATER) == Accepted()


def test_a_set_that_came_later_does_not_wait_for_a_retention() -> None:
    """It waits for those that came with it, and not for what the law keeps for years of a set before it (L21)."""
    more = commands.AddDataSets(data_sets=(PlannedTask("drafts", ("orders", "notes")), PlannedTask("notes")))
    told = closed().then(finish("ledger_closed"), more)
    assert told.task("purge:drafts").after == ("ledger_closed", "purge:notes")


# --- trying again ---------------------------------------------------------------------------------------------


def test_what_has_failed_and_waits_can_be_tried_now() -> None:
    """An operator who has put the cause right does not wait for the pause to end (L19)."""
    told = confirmed().then(fail("freeze"))
    assert next_task(told.closure, told.now) is None
    release = commands.ReleaseTask(task="freeze", actor="operator", reason="repaired")
    assert told.then(release).next_name == "freeze"
