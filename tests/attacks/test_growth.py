"""A stream does not grow by asking (L19)."""

from __future__ import annotations

from datetime import timedelta

from hht_closure.errors import ClosureRefused
from hht_closure.events import ChecksMade
from hht_closure.flows.stream import LONGEST_ROUND
from hht_closure.policy import Clean
from tests.attacks.test_clocks_and_fences import ORDER
from tests.stage import Stage, refusal_codes


def test_asking_again_and_again_writes_nothing(stage: Stage) -> None:
    """A loop of rechecks that find the same does not make every later call slower (L19)."""
    stage.opened()
    for _ in range(50):
        stage.service.recheck(stage.principal)
    assert stage.count(ChecksMade) == 1


def test_another_finding_is_written_at_once(stage: Stage) -> None:
    """The twin: what has changed counts from now on (L2)."""
    stage.orders_check.finding = ORDER
    stage.opened()
    stage.orders_check.finding = Clean()
    stage.service.recheck(stage.principal)
    assert stage.count(ChecksMade) == 2


def test_the_same_finding_is_written_again_after_a_minute(stage: Stage) -> None:
    """The twin: a check keeps fresh what it found (L2)."""
    stage.opened()
    stage.clock.advance(timedelta(minutes=1))
    stage.service.recheck(stage.principal)
    assert stage.count(ChecksMade) == 2


def test_a_round_grows_to_its_limit_and_no_further(stage: Stage) -> None:
    """Whoever changes an answer to and fro is told to stop; withdrawing and beginning anew works (L19)."""
    stage.reason_given()
    refused: tuple[str, ...] = ()
    for number in range(LONGEST_ROUND):
        try:
            stage.service.attest(
                stage.principal, "contacts_told", ("done", "waived")[number % 2], wording="1", locale="en"
            )
        except ClosureRefused as error:
            refused = error.codes
            break
    assert (refused, len(stage.records())) == (("too_many_changes",), LONGEST_ROUND)
    stage.service.withdraw(stage.principal)
    stage.service.work()
    assert stage.reason_given().step == "verification"


def test_rounds_that_wait_for_the_worker_do_not_pile_up(stage: Stage) -> None:
    """Opened and withdrawn again and again, with no worker in between: the twenty-first is refused (L19, L23)."""
    for _ in range(20):
        stage.opened()
        stage.service.withdraw(stage.principal)
    refused = refusal_codes(stage.opened)
    stage.service.work()
    assert (refused, stage.opened().step) == (("too_many_changes",), "eligibility")
