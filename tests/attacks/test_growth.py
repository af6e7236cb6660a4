"""A stream does not grow by asking (L19)."""

from __future__ import annotations

from datetime import timedelta

from hht_closure.events import ChecksMade
from hht_closure.policy import Clean
from tests.attacks.test_clocks_and_fences import ORDER
from tests.stage import Stage


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
