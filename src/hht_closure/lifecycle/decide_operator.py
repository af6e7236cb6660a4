"""``decide`` for operators, and for the sweep over the ledger: nothing here can confirm, erase or give back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from hht_closure import commands, events
from hht_closure.events import Event
from hht_closure.lifecycle.decision import Accepted, Decision, refused
from hht_closure.stages import Closed, Closure
from hht_closure.tasks import PlannedTask


def release_task(closure: Closure, command: commands.ReleaseTask, now: datetime) -> Decision:
    """An operator has a task tried again: one that was set aside, or one that has failed and waits for its time."""
    task = next((one for one in closure.tasks if one.name == command.task), None)
    if task is None:
        return refused("task_unknown", task=command.task)
    if not (task.set_aside or task.tries or task.begun):
        return refused("task_not_set_aside", task=command.task)
    return Accepted((events.TaskReleased(now, task.name, command.actor, command.reason),))


def set_legal_hold(closure: Closure, command: commands.SetLegalHold, now: datetime) -> Decision:
    """From now on nothing of these data sets is erased for this account, until the hold ends or is lifted (L20)."""
    new = tuple(one for one in command.holds if one not in closure.holds)
    return Accepted(tuple(events.LegalHoldSet(now, one, command.actor, command.reason) for one in new))


def lift_legal_hold(closure: Closure, command: commands.LiftLegalHold, now: datetime) -> Decision:
    """The hold on the first of them ends now, and so does that on each of the others that has one."""
    held = {one.data_set for one in closure.holds if one.ground == command.ground}
    if command.data_sets[0] not in held:
        return refused("hold_unknown")
    return Accepted(
        tuple(
            events.LegalHoldLifted(now, one, command.ground, command.actor, command.reason)
            for one in command.data_sets
            if one in held
        )
    )


def add_data_sets(closure: Closure, command: commands.AddDataSets, now: datetime) -> Decision:
    """What a closed account was never asked about is erased, too (L21); any other account has it all before it."""
    stage = closure.stage
    if not isinstance(stage, Closed):
        return Accepted()
    return Accepted(too_late(stage.data_sets, command.data_sets, now))


def too_late(erased: Collection[str], registered: tuple[PlannedTask, ...], now: datetime) -> tuple[Event, ...]:
    """That data sets were registered too late to be erased with the others, where some were."""
    added = tuple(one for one in registered if one.name not in erased)
    return (events.DataSetsAdded(now, added),) if added else ()
