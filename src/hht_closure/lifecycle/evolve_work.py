"""What the events of the work after the confirmation make of a closure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal

import attrs

from hht_closure import events
from hht_closure.errors import ImpossibleEventError
from hht_closure.lifecycle.evolution import on
from hht_closure.lifecycle.evolve_dialogue import before_the_point_of_no_return, unfreezing, without_the_freeze
from hht_closure.policy import Portion
from hht_closure.stages import (
    Closed,
    Closing,
    Closure,
    Erasure,
    Lapsed,
    Open,
    Proving,
    Round,
    Stage,
    Withdrawn,
)
from hht_closure.tasks import INTENDED, PendingTask, PlannedTask, changed, without


@on(events.AccountGivenBack, within=(Closing,), to=Open)
def _account_given_back(closure: Closure, stage: Closing, event: events.AccountGivenBack) -> Closure:
    """The account goes back to its person: all proofs are void, what they said stays said (L14)."""
    before_the_point_of_no_return(stage, event)
    dialogue = stage.dialogue
    lapses = event.at + stage.round.terms.round_valid_for
    back = Open(stage.round, lapses, None, dialogue.said, Proving(), dialogue.given_back + 1)
    unfreeze = unfreezing(stage.round, dialogue.given_back, event.at)
    telling = PendingTask("tell_given_back", unfreeze.subject, event.at, (unfreeze.name,), mandatory=False)
    return Closure(
        event.at, back, closure.attempts, (*without_the_freeze(closure.tasks), unfreeze, telling), closure.holds
    )


@on(events.ErasureBegun, within=(Closing,))
def _erasure_begun(closure: Closure, stage: Closing, event: events.ErasureBegun) -> Closure:
    """The point of no return: from here on there is a plan."""
    before_the_point_of_no_return(stage, event)
    erasure = Erasure(event.at, (), (), event.farewell is not None)
    closing = Closing(stage.round, stage.dialogue, stage.confirmed, erasure)
    before = without(closure.tasks, "recheck")
    return Closure(event.at, closing, closure.attempts, (*before, *_plan(stage.round, event, before)), closure.holds)


def _plan(this: Round, event: events.ErasureBegun, before: tuple[PendingTask, ...]) -> tuple[PendingTask, ...]:
    """Ledger, data sets, the host's tasks, tombstone, retirement, the round's key, the receipt.

    What was pending before still wants the account and its key, so it comes before the retirement.
    """
    at = event.at
    erasing = tuple(_planned("erase", one, ("ledger_begun",), at) for one in event.data_sets)
    erased = tuple(one.name for one in erasing)
    hosts = tuple(_planned("host", one, erased, at) for one in event.host_tasks)
    settled = ("ledger_begun", *erased, *(one.name for one in hosts))
    tombstone = (PendingTask("tombstone", "", at, settled),) if event.tombstone else ()
    retire = PendingTask("retire", "", at, (*settled, "tombstone", *(one.name for one in before)))
    destroy = PendingTask("destroy_key", str(this.number), at, ("retire",))
    close = PendingTask("close", "", at, (destroy.name,))
    return (PendingTask("ledger_begun", "", at), *erasing, *hosts, *tombstone, retire, destroy, close)


SAID_AGAIN_AFTER: Final = timedelta(days=1)
"""How long after its alarm a task that is still set aside raises it once more (L19)."""

BEST_EFFORT_FOR: Final = timedelta(days=7)
"""How long a best-effort task that only ever says "again" may hold a closing up (L19)."""


def _planned(kind: str, one: PlannedTask, before: tuple[str, ...], at: datetime) -> PendingTask:
    after = (*before, *(f"{kind}:{name}" for name in one.after))
    if kind == "erase":
        return PendingTask("erase", one.name, at, after)
    deadline = None if one.mandatory else at + BEST_EFFORT_FOR
    return PendingTask("host", one.name, at, after, one.mandatory, deadline=deadline)


@on(events.TaskDone, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_done(closure: Closure, _: Stage, event: events.TaskDone) -> Closure:
    return _settle_task(closure, event.at, event.task, "done")


@on(events.TaskPassedOver, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_passed_over(closure: Closure, _: Stage, event: events.TaskPassedOver) -> Closure:
    return _settle_task(closure, event.at, event.task, "passed_over")


def _settle_task(closure: Closure, at: datetime, task: str, outcome: Literal["done", "passed_over"]) -> Closure:
    """The task is no longer pending; what became of the host's tasks stands on the receipt."""
    stage = closure.stage
    if isinstance(stage, Closing) and stage.erasure is not None and task.startswith("host:"):
        name = task.removeprefix("host:")
        outcomes = (*stage.erasure.outcomes, (name, outcome))
        erasure = attrs.evolve(stage.erasure, outcomes=outcomes)
        stage = Closing(stage.round, stage.dialogue, stage.confirmed, erasure)
    return Closure(at, stage, closure.attempts, without(closure.tasks, task), closure.holds)


@on(events.TaskBegun, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_begun(closure: Closure, stage: Stage, event: events.TaskBegun) -> Closure:
    """Counted before anything is done; whatever then comes of it takes that back, for the worker lived to say so."""

    def once_more(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, begun=one.begun + 1)

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, once_more), closure.holds)


@on(events.TaskFailed, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_failed(closure: Closure, stage: Stage, event: events.TaskFailed) -> Closure:
    """Once more, later; one whose alarm was raised just before goes on all the same, and counts its tries anew."""

    def later(one: PendingTask) -> PendingTask:
        return attrs.evolve(
            one,
            set_aside=False,
            due=event.due,
            tries=0 if one.set_aside else one.tries + 1,
            begun=0,
            cursor=one.cursor_after_a_failure,
            empty=0,
        )

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, later), closure.holds)


@on(events.TaskPostponed, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_postponed(closure: Closure, stage: Stage, event: events.TaskPostponed) -> Closure:
    def later(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, due=event.due, begun=0)

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, later), closure.holds)


@on(events.TaskSetAside, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_set_aside(closure: Closure, stage: Stage, event: events.TaskSetAside) -> Closure:
    """It waits for an operator; whoever did not hear of it is told again, a day later."""

    def aside(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, set_aside=True, tries=one.tries + 1, due=event.at + SAID_AGAIN_AFTER)

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, aside), closure.holds)


@on(events.BatchErased, within=(Closing, Closed))
def _batch_erased(closure: Closure, stage: Stage, event: events.BatchErased) -> Closure:
    def further(one: PendingTask) -> PendingTask:
        return attrs.evolve(
            one,
            due=event.at,
            cursor=event.cursor,
            erased=one.erased + event.erased,
            tries=0 if event.erased else one.tries,
            begun=0,
            empty=0 if event.erased else one.empty + 1,
        )

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, further), closure.holds)


@on(events.DataSetErased, within=(Closing,))
def _data_set_erased(closure: Closure, stage: Closing, event: events.DataSetErased) -> Closure:
    erasure = stage.erasure
    if erasure is None:
        raise ImpossibleEventError("DataSetErased", "Closing")
    fates = (*erasure.fates, (event.data_set, event.portions))
    closing = Closing(stage.round, stage.dialogue, stage.confirmed, attrs.evolve(erasure, fates=fates))
    return Closure(
        event.at, closing, closure.attempts, without(closure.tasks, f"erase:{event.data_set}"), closure.holds
    )


@on(events.KeyDestructionIntended, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _key_destruction_intended(closure: Closure, stage: Stage, event: events.KeyDestructionIntended) -> Closure:
    def intended(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, cursor=INTENDED, begun=0)

    return Closure(event.at, stage, closure.attempts, changed(closure.tasks, event.task, intended), closure.holds)


@on(events.KeyDestroyed, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _key_destroyed(closure: Closure, stage: Stage, event: events.KeyDestroyed) -> Closure:
    return Closure(event.at, stage, closure.attempts, without(closure.tasks, event.task), closure.holds)


@on(events.ClosureClosed, within=(Closing,), to=Closed)
def _closure_closed(closure: Closure, stage: Closing, event: events.ClosureClosed) -> Closure:
    """Closed; what comes later are tasks of the closed stage: the ledger, the farewell, the purges (L20, L26)."""
    erasure = stage.erasure
    if erasure is None:
        raise ImpossibleEventError("ClosureClosed", "Closing")
    tasks = (
        *without(closure.tasks, "close"),
        PendingTask("ledger_closed", "", event.at),
        *_farewell(stage, erasure, event.at),
        *_purges(erasure),
    )
    names = tuple(name for name, _ in erasure.fates)
    closed = Closed(stage.round, stage.confirmed, event.at, names)
    return Closure(event.at, closed, closure.attempts, tasks, closure.holds)


def _farewell(stage: Closing, erasure: Erasure, at: datetime) -> tuple[PendingTask, ...]:
    terms = stage.round.terms
    if not erasure.has_farewell or terms.farewell_for is None:
        return ()
    return (
        PendingTask("farewell", "", at, mandatory=False, deadline=at + terms.farewell_for),
        PendingTask("destroy_farewell_key", "", at, ("farewell",)),
    )


def _purges(erasure: Erasure) -> tuple[PendingTask, ...]:
    """One purge for each data set that the law keeps for a while, due when the first of it may go (L20)."""
    return tuple(
        PendingTask("purge", name, first, ("ledger_closed",))
        for name, portions in erasure.fates
        if (first := next_end(portions)) is not None
    )


def next_end(portions: Iterable[Portion]) -> datetime | None:
    """When the first retention among the portions ends, or None where nothing is kept."""
    return min((one.until for one in portions if one.until is not None), default=None)


@on(events.RetentionPurged, within=(Closed,))
def _retention_purged(closure: Closure, stage: Closed, event: events.RetentionPurged) -> Closure:
    """What could go went; the next purge comes when the next retention ends, and nothing waits for that."""
    name = f"purge:{event.data_set}"
    rest = tuple(_not_waiting_for(name, one) for one in without(closure.tasks, name))
    if event.next is not None:
        rest = (*rest, PendingTask("purge", event.data_set, event.next))
    return Closure(event.at, stage, closure.attempts, rest, closure.holds)


def _not_waiting_for(name: str, task: PendingTask) -> PendingTask:
    return attrs.evolve(task, after=tuple(one for one in task.after if one != name)) if name in task.after else task
