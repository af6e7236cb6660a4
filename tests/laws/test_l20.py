"""L20: what a law keeps ends as ``restricted``, is on the notice and the receipt, and is purged when that ends."""

from __future__ import annotations

from datetime import timedelta

from hht_closure.events import RetentionPurged
from hht_closure.policy import Portion
from hht_closure.receipts import DataSetFate, Fate
from tests.stage import GROUND, LI, RETENTION_ENDS, Stage

TICK = timedelta(microseconds=1)


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
