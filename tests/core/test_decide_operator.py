"""What an operator's commands lead to, and the sweep's; on the pure machine (L19, L20, L21)."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure import commands, events
from hht_closure.errors import InvalidValueError
from hht_closure.lifecycle import Accepted, hold_on, next_due, next_task
from hht_closure.policy import LegalHold, Portion
from hht_closure.stages import Closed
from hht_closure.tasks import PlannedTask
from tests.core.build import (
    COURT,
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
    frozen,
    open_round,
    settle,
    withdrawn,
)

UNTIL = COURT.until
BATCH = commands.RecordBatch(task="erase:messages", erased=1, cursor="1")


def held_by(hold: LegalHold, count: int) -> Portion:
    """What is kept for that hold."""
    return Portion("restricted", count, hold.until, hold.ground)


# --- setting and lifting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [History(), confirmed(), erasing(), closed(), withdrawn()])
def test_a_hold_can_be_set_at_any_time_also_before_the_first_round(told: History) -> None:
    """A court does not wait for a closing (L20)."""
    assert told.events_of(HOLD) == (events.LegalHoldSet(told.now, COURT, "legal", "court_order"),)
    assert told.then(HOLD).closure.holds == (COURT,)


def test_the_same_hold_twice_is_one() -> None:
    """Setting it is repeatable."""
    assert History().then(HOLD).decision(HOLD) == Accepted()


def test_a_later_hold_takes_the_place_of_the_earlier_one_on_the_same_set() -> None:
    """A hold that is put off is one hold, and another set's stays."""
    later = attrs.evolve(HOLD, holds=(attrs.evolve(COURT, until=UNTIL + DAY),))
    other = attrs.evolve(HOLD, holds=(attrs.evolve(COURT, data_set="orders"),))
    assert History().then(HOLD, other, later).closure.holds == (other.holds[0], later.holds[0])


def test_what_is_not_held_cannot_be_lifted() -> None:
    """An operator's slip is told, and nothing happens."""
    assert codes(confirmed().decision(LIFT)) == ("hold_unknown",)


def test_a_lifted_hold_holds_nothing() -> None:
    """And another set's stays."""
    other = attrs.evolve(HOLD, holds=(attrs.evolve(COURT, data_set="orders"),))
    assert History().then(HOLD, other, LIFT).closure.holds == (other.holds[0],)


def test_a_hold_is_carried_into_the_next_round() -> None:
    """It is the account's, not the round's (L20)."""
    assert withdrawn().then(HOLD, open_round()).closure.holds == (COURT,)


def test_a_hold_is_over_exactly_at_its_end() -> None:
    """Half open, as every time here (L6)."""
    closure = History().then(HOLD).closure
    instant = timedelta(microseconds=1)
    assert [hold_on(closure, "messages", at) for at in (UNTIL - instant, UNTIL)] == [COURT, None]
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
    assert (COURT.over(going), COURT.over((Portion("erased", 0),))) == ((held_by(COURT, 5),), ())


def test_what_is_kept_for_longer_anyway_stays_as_it_is() -> None:
    """The later end wins, each with its own ground."""
    longer = Portion("restricted", 2, UNTIL + DAY, "tax law")
    shorter = Portion("restricted", 1, UNTIL - DAY, "contract")
    assert COURT.over((longer, shorter)) == (held_by(COURT, 1), longer)


# --- what the worker may do under a hold ----------------------------------------------------------------------


def test_no_batch_is_taken_under_a_hold() -> None:
    """Not even by a broken worker (L20); and without the hold, or when it is over, it is."""
    held = erasing().then(finish("ledger_begun"), HOLD)
    assert codes(held.decision(BATCH)) == ("task_unknown",)
    free = (held.then(LIFT), held.later(UNTIL - T0))
    assert [type(one.decision(BATCH)) for one in free] == [Accepted, Accepted]


def test_a_held_set_is_settled_and_purged_when_the_hold_ends() -> None:
    """The closing goes on, and what was held goes in the end (L20)."""
    told = closed_with(held_by(COURT, 5))
    assert told.task("purge:messages").due == UNTIL


def test_a_hold_that_is_lifted_behind_the_settling_is_purged_at_the_closing() -> None:
    """The fate on the receipt says until when it was really kept (L20)."""
    told = erasing().then(finish("ledger_begun"), HOLD, settle("erase:messages", held_by(COURT, 5))).later(DAY)
    fates = told.then(LIFT).erasure.fates
    assert fates == (("messages", (Portion("restricted", 5, T0 + DAY, "Court order 7"),)),)


def test_lifting_leaves_what_another_ground_keeps() -> None:
    """Only the hold's own portion goes."""
    tax = Portion("restricted", 1, UNTIL + DAY, "tax law")
    told = erasing().then(finish("ledger_begun"), HOLD, settle("erase:messages", held_by(COURT, 5), tax)).later(DAY)
    assert told.then(LIFT).erasure.fates[0][1][1] == tax


def test_a_hold_that_is_lifted_after_the_closing_is_purged_now() -> None:
    """The purge waits no longer (L20)."""
    told = closed_with(held_by(COURT, 5)).later(DAY).then(LIFT)
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


# --- more than one hold, and holds that change while the closing runs -------------------------------------------


def test_a_hold_on_another_ground_stands_beside_the_first() -> None:
    """Two courts, one account: what ends last counts, and lifting one leaves the other (L20)."""
    short = attrs.evolve(HOLD, holds=(LegalHold("messages", T0 + DAY, "Court order 8"),))
    told = History().then(HOLD, short)
    assert (told.closure.holds, hold_on(told.closure, "messages", T0)) == ((COURT, short.holds[0]), COURT)
    assert hold_on(told.then(LIFT).closure, "messages", T0) == short.holds[0]


def test_of_two_holds_that_end_on_one_day_either_may_be_lifted() -> None:
    """The ground says which is meant."""
    other = attrs.evolve(HOLD, holds=(attrs.evolve(COURT, ground="Court order 8"),))
    assert History().then(HOLD, other, LIFT).closure.holds == (other.holds[0],)
    wrong = attrs.evolve(LIFT, ground="Court order 9")
    assert codes(History().then(HOLD, other).decision(wrong)) == ("hold_unknown",)


def test_what_is_settled_is_kept_for_as_long_as_a_later_hold_says() -> None:
    """Put off while the closing still runs, the new end stands on the receipt (L20, L25)."""
    told = erasing().then(finish("ledger_begun"), HOLD, settle("erase:messages", held_by(COURT, 5)))
    later = LegalHold("messages", UNTIL + DAY, COURT.ground)
    after = told.then(attrs.evolve(HOLD, holds=(later,)))
    assert after.erasure.fates == (("messages", (held_by(later, 5),)),)
    lifted = after.later(DAY).then(LIFT)
    assert lifted.erasure.fates == (("messages", (Portion("restricted", 5, lifted.now, later.ground),)),)


def test_a_hold_on_what_is_settled_keeps_what_is_left_of_it() -> None:
    """What is gone is gone; what a law keeps is kept for longer (L20)."""
    tax = Portion("restricted", 1, T0 + DAY, "tax law")
    told = erasing().then(finish("ledger_begun"), settle("erase:messages", Portion("erased", 4), tax), HOLD)
    assert told.erasure.fates == (("messages", (Portion("erased", 4), held_by(COURT, 1))),)


def test_lifting_one_of_two_holds_keeps_what_is_settled_for_the_other() -> None:
    """It was kept for whichever ends last, and is kept for the next now (L20)."""
    short = attrs.evolve(HOLD, holds=(LegalHold("messages", T0 + 2 * DAY, "Court order 8"),))
    told = erasing().then(finish("ledger_begun"), HOLD, short, settle("erase:messages", held_by(COURT, 5)))
    assert told.then(LIFT).erasure.fates == (("messages", (held_by(short.holds[0], 5),)),)


# --- what was registered while a closing ran ------------------------------------------------------------------


def test_what_was_registered_while_it_ran_is_erased_behind_the_closing() -> None:
    """No sweep before it could have seen it (L21)."""
    told = erased().then(finish("tombstone"), finish("retire"), commands.IntendKeyDestruction(task="destroy_key:1"))
    told = told.then(finish("destroy_key:1"))
    closing = commands.CloseAccount(receipt="receipt", data_sets=LATER.data_sets)
    assert [type(one) for one in told.events_of(closing)] == [events.ClosureClosed, events.DataSetsAdded]
    assert told.then(closing).task("purge:drafts").after == ("ledger_closed",)


def test_who_waits_for_a_set_that_came_later_does_not_wait_for_what_a_law_keeps_of_it() -> None:
    """Once what can go of it has gone, the next one has its turn (L21, L20)."""
    more = commands.AddDataSets(data_sets=(PlannedTask("albums"), PlannedTask("photos", ("albums",))))
    told = closed().then(finish("ledger_closed"), more)
    told = told.then(settle("purge:albums", Portion("restricted", 1, told.now + DAY, "law")))
    assert (told.task("purge:photos").after, told.task("purge:albums").due) == (("ledger_closed",), told.now + DAY)


# --- counted before it is tried -------------------------------------------------------------------------------

BEGIN = commands.BeginTask(task="ledger_begun")


def test_a_task_that_is_begun_too_often_is_set_aside() -> None:
    """Nobody lived to say that it failed; so it counts before it is run (L19)."""
    told = erasing()
    for _ in range(told.closing.round.terms.retries.tries):
        told = told.then(BEGIN)
    assert told.events_of(BEGIN) == (events.TaskSetAside(told.now, "ledger_begun", "worker_lost"),)


def test_progress_takes_back_what_was_counted() -> None:
    """An erasure that gets on, and a task that asks to be called again, are not on their way to be given up (L19)."""
    told = erasing().then(finish("ledger_begun"), commands.BeginTask(task="erase:messages"))
    assert (told.task("erase:messages").begun, told.then(BATCH).task("erase:messages").begun) == (1, 0)


def test_a_recheck_over_which_workers_are_lost_gives_the_account_back_in_time() -> None:
    """No account stays frozen because a source kills whoever asks it (L14)."""
    told = frozen().then(commands.BeginTask(task="recheck"))
    assert told.events_of(commands.BeginTask(task="recheck")) == (events.TaskBegun(told.now, "recheck"),)
    late = told.later(told.closing.round.terms.recheck_for)
    assert late.events_of(commands.BeginTask(task="recheck")) == (events.AccountGivenBack(late.now, ("worker_lost",)),)


def test_what_is_released_begins_its_data_set_anew() -> None:
    """Behind its old cursor it would find nothing, and fail once more (L17)."""
    told = erasing().then(finish("ledger_begun"), BATCH, fail("erase:messages", "permanent"))
    assert told.task("erase:messages").cursor == "1"
    release = commands.ReleaseTask(task="erase:messages", actor="operator", reason="repaired")
    assert told.then(release).task("erase:messages").cursor == ""


def test_an_empty_batch_before_a_failure_takes_no_failure_back() -> None:
    """An eraser that searches a little and then always fails is set aside like any other (L19)."""
    told = erasing().then(finish("ledger_begun"))
    for _ in range(told.closing.round.terms.retries.tries):
        told = told.then(commands.RecordBatch(task="erase:messages", erased=0, cursor="1"), fail("erase:messages"))
        told = told.later(DAY)
    assert told.task("erase:messages").set_aside


def test_what_is_set_aside_is_due_again_in_a_day_and_said_once_more() -> None:
    """An alarm that nobody heard is not the last one, and who waits for an operator is never unlisted (L19)."""
    told = erasing().then(fail("ledger_begun", "permanent"))
    assert next_due(told.closure) == told.now + DAY
    assert told.decision(commands.SayAgain()) == Accepted()
    later = told.later(DAY)
    assert later.events_of(commands.SayAgain()) == (events.TaskSetAside(later.now, "ledger_begun", "still_set_aside"),)
    assert next_due(later.then(commands.SayAgain()).closure) == later.now + DAY


def test_what_was_released_is_not_said_again() -> None:
    """The operator has heard it."""
    told = erasing().then(fail("ledger_begun", "permanent"))
    told = told.then(commands.ReleaseTask(task="ledger_begun", actor="operator", reason="repaired")).later(DAY)
    assert told.decision(commands.SayAgain()) == Accepted()


def test_a_hold_that_is_set_anew_with_an_earlier_end_is_purged_then() -> None:
    """What it kept does not stay to the old end (L20)."""
    told = closed_with(held_by(COURT, 5))
    sooner = LegalHold("messages", told.now + DAY, COURT.ground)
    assert told.then(attrs.evolve(HOLD, holds=(sooner,))).task("purge:messages").due == told.now + DAY
