"""What an operator's events make of a closure, and what the sweep's over the ledger does."""

from __future__ import annotations

from datetime import datetime

import attrs

from hht_closure import events
from hht_closure.lifecycle.evolution import on
from hht_closure.lifecycle.facts import hold_on
from hht_closure.policy import LegalHold, Portion
from hht_closure.stages import Closed, Closing, Closure, Lapsed, Open, Stage, Unopened, Withdrawn
from hht_closure.tasks import PendingTask, changed


@on(events.TaskReleased, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_released(closure: Closure, stage: Stage, event: events.TaskReleased) -> Closure:
    """Tried anew; an erasure begins its data set anew, and finds what stands before the cursor it had."""

    def again(one: PendingTask) -> PendingTask:
        return attrs.evolve(
            one, set_aside=False, tries=0, begun=0, due=event.at, cursor=one.cursor_after_a_failure, empty=0
        )

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, again), closure.holds)


_ANYWHERE = (Unopened, Open, Closing, Closed, Withdrawn, Lapsed)


@on(events.LegalHoldSet, within=_ANYWHERE)
def _legal_hold_set(closure: Closure, stage: Stage, event: events.LegalHoldSet) -> Closure:
    """The hold is the account's, over all rounds, and also before the first."""
    hold = event.hold
    holds = (*_without(closure.holds, hold.data_set, hold.ground), hold)

    def not_after_it(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, due=min(one.due, hold.until))

    tasks = changed(closure.tasks, f"purge:{hold.data_set}", not_after_it)
    after = Closure(event.at, stage, closure.attempts, tasks, holds)
    return _kept_as_held(closure, after, hold.data_set, event.at)


@on(events.LegalHoldLifted, within=_ANYWHERE)
def _legal_hold_lifted(closure: Closure, stage: Stage, event: events.LegalHoldLifted) -> Closure:
    """What it kept is looked at now, or as soon as the account is closed; another hold may keep it on."""

    def now(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, due=event.at)

    tasks = changed(closure.tasks, f"purge:{event.data_set}", now)
    holds = _without(closure.holds, event.data_set, event.ground)
    after = Closure(event.at, stage, closure.attempts, tasks, holds)
    return _kept_as_held(closure, after, event.data_set, event.at)


def _without(holds: tuple[LegalHold, ...], data_set: str, ground: str) -> tuple[LegalHold, ...]:
    return tuple(one for one in holds if (one.data_set, one.ground) != (data_set, ground))


def _kept_as_held(before: Closure, after: Closure, data_set: str, at: datetime) -> Closure:
    """What is settled, and not on a receipt yet, is kept for as long as the holds say now; its purge is due then."""
    stage = after.stage
    if not isinstance(stage, Closing) or stage.erasure is None:
        return after
    was, is_now = hold_on(before, data_set, at), hold_on(after, data_set, at)

    def held(name: str, portions: tuple[Portion, ...]) -> tuple[Portion, ...]:
        if name != data_set:
            return portions
        gone = tuple(one for one in portions if one.until is None)
        kept = tuple(_ended(one, was, at) for one in portions if one.until is not None)
        return (*gone, *(kept if is_now is None else is_now.over(kept)))

    erasure = attrs.evolve(stage.erasure, fates=tuple((name, held(name, one)) for name, one in stage.erasure.fates))
    return attrs.evolve(after, stage=Closing(stage.round, stage.dialogue, stage.confirmed, erasure))


def _ended(portion: Portion, hold: LegalHold | None, at: datetime) -> Portion:
    """The portion; one that was kept for the hold alone was kept until now."""
    was_for_it = hold is not None and (portion.until, portion.ground) == (hold.until, hold.ground)
    return attrs.evolve(portion, until=at) if was_for_it else portion


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
