"""A receipt can always be signed, and says what was done, whatever failed on the way (L16, L20, L25)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.policy import Portion
from hht_closure.ports import EraseJob, Progress
from hht_closure.receipts import Fate
from tests.stage import GROUND, LI, NOW, RETENTION_ENDS, Stage

ERASED = Fate(disposition="erased")


def _fates(stage: Stage, reference: str, data_set: str) -> tuple[Fate, ...]:
    """What the receipt says of that data set."""
    sets = stage.service.receipt(reference).claims.data_sets
    return next(one.fates for one in sets if one.name == data_set)


def test_a_thousand_ends_of_retentions_fit_on_a_receipt(stage: Stage) -> None:
    """480 orders that are kept, each to a day of its own: closed, with a receipt (L16, L25)."""
    for day in range(1, 481):
        stage.orders.add(LI.id, f"order {day}", until=NOW + timedelta(days=day), ground=GROUND)
    reference = stage.closed().reference
    assert (stage.service.status(reference).step, len(_fates(stage, reference, "orders"))) == ("closed", 2)


def test_the_receipt_names_the_last_end_of_a_ground(stage: Stage) -> None:
    """Of what one law keeps, the receipt says when the last of it goes (L20, L25)."""
    stage.orders.add(LI.id, "an older invoice", until=NOW + timedelta(days=10), ground=GROUND)
    fates = _fates(stage, stage.closed().reference, "orders")
    assert fates == (ERASED, Fate(disposition="restricted", until=RETENTION_ENDS, ground=GROUND))


def test_the_receipt_names_every_ground(stage: Stage) -> None:
    """The twin: what two laws keep stands there twice (L20, L25)."""
    stage.orders.add(LI.id, "a tax form", until=NOW + timedelta(days=10), ground="Tax Law")
    fates = _fates(stage, stage.closed().reference, "orders")
    assert [one.ground for one in fates] == [None, GROUND, "Tax Law"]


def test_an_eraser_that_fails_after_its_effect_is_not_left_out_of_the_receipt(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows went and the answer was lost: the receipt says ``erased`` all the same (L16, L25)."""
    erase, answers_lost = stage.orders.erase, [True]

    def fail_once(job: EraseJob) -> Progress:
        progress = erase(job)
        if answers_lost.pop() if answers_lost else False:
            raise OSError
        return progress

    monkeypatch.setattr(stage.orders, "erase", fail_once)
    reference = stage.confirmed().reference
    stage.worked_off()
    assert [one.disposition for one in _fates(stage, reference, "orders")] == ["erased", "restricted"]


def test_an_eraser_that_does_not_fail_is_on_the_receipt(stage: Stage) -> None:
    """The twin: notice and receipt say the same (L20, L25)."""
    fates = _fates(stage, stage.closed().reference, "orders")
    assert [one.disposition for one in fates] == ["erased", "restricted"]


class AnonymisedReviews(MemoryDataSet):
    """A data set whose two items stay, without the name."""

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """Both are anonymised."""
        return (Portion("anonymised", 2),)

    def erase(self, job: EraseJob) -> Progress:
        """Both are touched."""
        return Progress(erased=2, cursor="", done=True)

    def remaining(self, account: AccountId) -> int:
        """Nothing has a name any more."""
        return 0


def test_what_was_anonymised_is_not_said_to_be_erased(stage: Stage) -> None:
    """What the eraser touched and is still there did not go (L25)."""
    stage.later_data_sets.append(AnonymisedReviews("reviews", clock=stage.clock))
    stage.restarted()
    assert _fates(stage, stage.closed().reference, "reviews") == (Fate(disposition="anonymised"),)
