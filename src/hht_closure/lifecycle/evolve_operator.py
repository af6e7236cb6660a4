"""What an operator's events make of a closure, and what the sweep's over the ledger does."""

from __future__ import annotations

import attrs

from hht_closure import events
from hht_closure.lifecycle.evolution import on
from hht_closure.policy import LegalHold, Portion
from hht_closure.stages import Closed, Closing, Closure, Lapsed, Open, Stage, Unopened, Withdrawn
from hht_closure.tasks import PendingTask, changed


@on(events.TaskReleased, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_released(closure: Closure, stage: Stage, event: events.TaskReleased) -> Closure:
    def again(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, set_aside=False, tries=0, due=event.at)

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, again), closure.holds)


@on(events.LegalHoldSet, within=(Unopened, Open, Closing, Closed, Withdrawn, Lapsed))
def _legal_hold_set(closure: Closure, stage: Stage, event: events.LegalHoldSet) -> Closure:
    """The hold is the account's, over all rounds, and also before the first."""
    holds = (*_without(closure.holds, event.hold.data_set), event.hold)
    return Closure(event.at, stage, closure.attempts, closure.tasks, holds)


@on(events.LegalHoldLifted, within=(Unopened, Open, Closing, Closed, Withdrawn, Lapsed))
def _legal_hold_lifted(closure: Closure, stage: Stage, event: events.LegalHoldLifted) -> Closure:
    """What it kept is purged now, or as soon as the account is closed."""

    def now(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, due=event.at)

    if isinstance(stage, Closing):
        stage = _no_longer_kept(stage, event, tuple(one for one in closure.holds if one.data_set == event.data_set))
    tasks = changed(closure.tasks, f"purge:{event.data_set}", now)
    return Closure(event.at, stage, closure.attempts, tasks, _without(closure.holds, event.data_set))


def _without(holds: tuple[LegalHold, ...], data_set: str) -> tuple[LegalHold, ...]:
    return tuple(one for one in holds if one.data_set != data_set)


def _no_longer_kept(stage: Closing, event: events.LegalHoldLifted, lifted: tuple[LegalHold, ...]) -> Closing:
    """What is settled already was kept until now, and its purge is due when the account is closed."""
    erasure = stage.erasure
    if erasure is None:
        return stage
    ends = {(one.until, one.ground) for one in lifted}

    def ended(portion: Portion) -> Portion:
        return attrs.evolve(portion, until=event.at) if (portion.until, portion.ground) in ends else portion

    fates = tuple(
        (name, tuple(map(ended, portions)) if name == event.data_set else portions) for name, portions in erasure.fates
    )
    return Closing(stage.round, stage.dialogue, stage.confirmed, attrs.evolve(erasure, fates=fates))


@on(events.DataSetsAdded, within=(Closed,))
def _data_sets_added(closure: Closure, stage: Closed, event: events.DataSetsAdded) -> Closure:
    """They are erased like what a law has kept, in the order that they name among themselves (L21)."""
    names = tuple(one.name for one in event.data_sets)
    added = tuple(
        PendingTask(
            "purge", one.name, event.at, ("ledger_closed", *(f"purge:{name}" for name in one.after if name in names))
        )
        for one in event.data_sets
    )
    closed = attrs.evolve(stage, data_sets=(*stage.data_sets, *names))
    return Closure(event.at, closed, closure.attempts, (*closure.tasks, *added), closure.holds)
