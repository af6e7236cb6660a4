"""Tasks: what is pending, what it waits for, and whose turn it is (L16, L19)."""

from __future__ import annotations

import attrs

from hht_closure.tasks import PendingTask, runnable
from tests.core.build import T0

FREEZE = PendingTask("freeze", "", T0)
REVOKE = PendingTask("revoke_sessions", "", T0, ("freeze",))
RECHECK = PendingTask("recheck", "", T0, ("freeze", "revoke_sessions"))
ALL = (FREEZE, REVOKE, RECHECK)


def test_a_task_is_named_by_kind_and_subject() -> None:
    """Where there is just one of its kind, by the kind alone."""
    assert (FREEZE.name, PendingTask("erase", "messages", T0).name) == ("freeze", "erase:messages")


def test_only_what_waits_for_nothing_can_run() -> None:
    """One after the other, as they come to their turn (L13)."""
    turns = [[one.name for one in runnable(ALL[done:])] for done in range(4)]
    assert turns == [["freeze"], ["revoke_sessions"], ["recheck"], []]


def test_what_was_set_aside_does_not_run_and_lets_nothing_past_that_waits_for_it() -> None:
    """It waits for an operator, and stops no task that does not need it (L19)."""
    aside = attrs.evolve(FREEZE, set_aside=True)
    other = PendingTask("tell_locked", "5", T0)
    assert runnable((aside, REVOKE, other)) == (other,)
