"""L20: what a law keeps ends as ``restricted``, is on the notice and the receipt, and is purged when that ends."""

from __future__ import annotations

from datetime import timedelta

from hht_closure.events import ClosureClosed, RetentionPurged
from hht_closure.policy import Portion
from hht_closure.receipts import DataSetFate, Fate
from tests.stage import GROUND, LI, NOW, RETENTION_ENDS, Stage, on_every_store

pytestmark = on_every_store

TICK = timedelta(microseconds=1)
ORDER = "Court of Hangzhou, order 12"
HELD_UNTIL = NOW + timedelta(days=400)


def test_the_notice_says_what_is_kept_until_when_and_why(stage: Stage) -> None:
    """Before confirming, the person reads it (L20)."""
    assert dict(stage.noticed().fates)["orders"] == (
        Portion("erased", 1),
        Portion("restricted", 1, RETENTION_ENDS, GROUND),
    )


def test_the_receipt_says_what_is_kept_until_when_and_why(stage: Stage) -> None:
    """After closing, it is signed (L20, L25, ERAS-09)."""
    claims = stage.service.receipt(stage.closed().reference).claims
    assert claims.data_sets == (
        DataSetFate(
            name="orders",
            fates=(
                Fate(disposition="erased"),
                Fate(disposition="restricted", until=RETENTION_ENDS, ground=GROUND),
            ),
        ),
        DataSetFate(name="messages", fates=(Fate(disposition="erased"),)),
    )


def test_what_is_kept_is_kept_until_just_before_its_end(stage: Stage) -> None:
    """A microsecond before the end of the retention the invoice is there (L20)."""
    stage.closed()
    stage.clock.set(RETENTION_ENDS - TICK)
    stage.service.work()
    assert stage.orders.items(LI.id) == ("an invoice of li",)


def test_what_is_kept_is_purged_when_its_time_is_over(stage: Stage) -> None:
    """At its end it goes, years after the account's key was destroyed, and nothing is left to do (L20, L21)."""
    stage.closed()
    stage.clock.set(RETENTION_ENDS)
    stage.restarted().work()
    assert (stage.orders.items(LI.id), stage.count(RetentionPurged), stage.closure().tasks) == ((), 1, ())


def test_two_retentions_are_purged_each_at_its_own_end(stage: Stage) -> None:
    """The first end purges the first item, and the second waits for its own (L20)."""
    later = RETENTION_ENDS + timedelta(days=365)
    stage.orders.add(LI.id, "a later invoice", until=later, ground=GROUND)
    stage.closed()
    stage.clock.set(RETENTION_ENDS)
    stage.service.work()
    first = stage.orders.items(LI.id)
    stage.clock.set(later)
    stage.service.work()
    assert (first, stage.orders.items(LI.id)) == (("a later invoice",), ())


# --- legal holds -----------------------------------------------------------------------------------------------------


def _held(stage: Stage) -> None:
    """An operator holds the messages of Li."""
    stage.operator.hold(stage.stream(), "messages", until=HELD_UNTIL, ground=ORDER, actor="anna", reason="court_order")


def test_what_is_under_a_hold_is_kept_and_the_account_is_closed(stage: Stage) -> None:
    """The hold stops the erasure of its data set, and nothing else (L20, ERAS-09)."""
    _held(stage)
    stage.closed()
    assert (stage.messages.remaining(LI.id), stage.orders.remaining(LI.id)) == (2, 0)
    assert (stage.accounts.get(LI.id), stage.count(ClosureClosed)) == (None, 1)


def test_a_hold_is_on_the_notice_and_on_the_receipt(stage: Stage) -> None:
    """Before confirming the person reads until when and why; afterwards it is signed (L20, L25, ERAS-09)."""
    _held(stage)
    notice = stage.noticed()
    confirmation = stage.service.confirm(stage.principal, notice.nonce)
    stage.service.work()
    fates = {one.name: one.fates for one in stage.service.receipt(confirmation.reference).claims.data_sets}
    assert dict(notice.fates)["messages"] == (Portion("restricted", 2, HELD_UNTIL, ORDER),)
    assert fates["messages"] == (Fate(disposition="restricted", until=HELD_UNTIL, ground=ORDER),)


def test_what_was_held_is_kept_until_just_before_the_holds_end(stage: Stage) -> None:
    """A microsecond before it, all is there, however often a worker comes (L20)."""
    _held(stage)
    stage.closed()
    stage.clock.set(HELD_UNTIL - TICK)
    stage.service.work()
    assert stage.messages.remaining(LI.id) == 2


def test_what_was_held_is_purged_when_the_hold_ends(stage: Stage) -> None:
    """At its end it goes by itself, and nothing is left to do for this set (L20, ERAS-09)."""
    _held(stage)
    stage.closed()
    stage.clock.set(HELD_UNTIL)
    stage.restarted().work()
    assert (stage.messages.items(LI.id), stage.count(RetentionPurged)) == ((), 1)


def test_what_was_held_is_purged_when_the_hold_is_lifted(stage: Stage) -> None:
    """Lifted before its time: the next pass erases what it alone kept (L20, ERAS-09)."""
    _held(stage)
    stage.closed()
    stage.operator.lift(stage.stream(), "messages", ground=ORDER, actor="anna", reason="case_over")
    stage.service.work()
    assert (stage.messages.items(LI.id), stage.count(RetentionPurged)) == ((), 1)


def test_without_a_hold_everything_goes_at_once(stage: Stage) -> None:
    """The twin: nobody holds anything, and the messages are gone with the closing (L20)."""
    stage.closed()
    assert (stage.messages.items(LI.id), stage.count(ClosureClosed)) == ((), 1)
