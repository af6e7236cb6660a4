"""``decide`` for the tasks: what the worker's commands lead to, and what is due next.

The order after the confirmation is in the tasks themselves: each names what must have happened before it. A
command about a task that is not its turn is refused, so that not even a broken worker can erase before the
recheck, or destroy a key that is still needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, TypeGuard

from hht_closure import commands, events
from hht_closure.lifecycle.decide_operator import too_late
from hht_closure.lifecycle.decision import Accepted, Decision, refused
from hht_closure.lifecycle.evolve_work import next_end
from hht_closure.lifecycle.facts import blocker_refusals, hold_on
from hht_closure.policy import Retries, Terms
from hht_closure.stages import Closing, Closure, Open, Stage, is_over
from hht_closure.tasks import INTENDED, PendingTask, PlannedTask, runnable

_OWN_EVENT = frozenset({"recheck", "erase", "purge", "close", "destroy_key", "destroy_farewell_key"})
"""The kinds that are not simply done: their end is a fact of its own, under a condition of its own."""

_LEADING_TO_THE_ERASURE: Final = frozenset({"freeze", "revoke_sessions", "recheck"})
"""The kinds that are tried for a bounded time, all together; then the account is given back (L14)."""

EMPTY_BATCHES: Final = 100
"""How many batches in a row may erase nothing before the erasure is taken to be going nowhere (L19)."""

HOSTS_CLOCK_BEHIND: Final = timedelta(hours=2)
"""For how long, over all tries, a data set may still keep by its own clock what is over by ours."""


def next_task(closure: Closure, now: datetime) -> PendingTask | None:
    """The task to run now, or None: the first in order that is due and that nothing stands in front of."""
    return next((one for one in runnable(closure.tasks) if one.due <= now), None)


def next_due(closure: Closure) -> datetime | None:
    """When there is work to do next: everything the library knows of due work."""
    times = [one.due for one in (*runnable(closure.tasks), *_set_aside(closure))]
    if isinstance(closure.stage, Open):
        times.append(closure.stage.lapses)
    return min(times, default=None)


def _set_aside(closure: Closure) -> Iterable[PendingTask]:
    return (one for one in closure.tasks if one.set_aside)


def say_again(closure: Closure, _: commands.SayAgain, now: datetime) -> Decision:
    """The alarm of what is still set aside, once a day: nobody may have heard it, and nothing else names it (L19)."""
    due = tuple(one.name for one in _set_aside(closure) if one.due <= now)
    return Accepted(tuple(events.TaskSetAside(now, name, "still_set_aside") for name in due))


def _turn(closure: Closure, name: str) -> PendingTask | None:
    return next((one for one in runnable(closure.tasks) if one.name == name), None)


def lapse_round(closure: Closure, _: commands.LapseRound, now: datetime) -> Decision:
    """An open round whose time is over has lapsed; any other is left alone."""
    stage = closure.stage
    if isinstance(stage, Open) and now >= stage.lapses:
        return Accepted((events.RoundLapsed(now),))
    return Accepted()


def begin_task(closure: Closure, command: commands.BeginTask, now: datetime) -> Decision:
    """Counted before it is run, as an answer is before it is compared; begun often enough, it is given up (L19)."""
    task = _turn(closure, command.task)
    if task is None:
        return refused("task_unknown", task=command.task)
    begun = Accepted((events.TaskBegun(now, task.name),))
    if task.kind in _LEADING_TO_THE_ERASURE and _can_be_given_back(closure.stage):
        return _given_back_in_time(closure.stage, now, "worker_lost") or begun
    retries = _retries(closure)
    over = task.deadline is not None and now >= task.deadline
    if over or (task.kind != "farewell" and task.tries + task.begun >= retries.tries):
        return _given_up(task, retries, now, "worker_lost")
    return begun


def finish_task(closure: Closure, command: commands.FinishTask, now: datetime) -> Decision:
    """A task has happened, when it was its turn; a key's destruction only after its intent (L23)."""
    task = _turn(closure, command.task)
    if task is None:
        return refused("task_unknown", task=command.task)
    if task.kind in {"destroy_key", "destroy_farewell_key"} and task.cursor == INTENDED:
        return Accepted((events.KeyDestroyed(now, task.name),))
    if task.kind in _OWN_EVENT:
        return refused("task_unknown", task=command.task)
    return Accepted((events.TaskDone(now, task.name),))


def fail_task(closure: Closure, command: commands.FailTask, now: datetime) -> Decision:
    """Again later, and in the end aside (mandatory) or passed over (best effort) (L19)."""
    task = _turn(closure, command.task)
    if task is None:
        return refused("task_unknown", task=command.task)
    if task.kind in _LEADING_TO_THE_ERASURE and _can_be_given_back(closure.stage):
        return _ask_again(closure.stage, task, command, now)
    retries = _retries(closure)
    if command.kind == "permanent" or _is_exhausted(task, retries, now):
        return _given_up(task, retries, now, command.code)
    due = _later(now, task.tries, retries, command.jitter)
    if task.deadline is not None:
        due = min(due, task.deadline)
    return Accepted((events.TaskFailed(now, task.name, command.kind, command.code, due),))


def _given_up(task: PendingTask, retries: Retries, now: datetime, code: str) -> Decision:
    """Passed over, or aside with an alarm; an unfreezing raises its alarm and goes on, since a person waits (L14)."""
    if not task.mandatory:
        return Accepted((events.TaskPassedOver(now, task.name, code),))
    alarm = events.TaskSetAside(now, task.name, code)
    if task.kind != "unfreeze":
        return Accepted((alarm,))
    return Accepted((alarm, events.TaskFailed(now, task.name, "retryable", code, now + retries.longest)))


def _is_exhausted(task: PendingTask, retries: Retries, now: datetime) -> bool:
    """Whether its time is over, or it was tried often enough; a farewell is tried to its end, however often (L26)."""
    if task.deadline is not None and now >= task.deadline:
        return True
    return task.kind != "farewell" and task.tries + 1 >= retries.tries


def postpone_task(closure: Closure, command: commands.PostponeTask, now: datetime) -> Decision:
    """Later, and no failure."""
    task = _turn(closure, command.task)
    if task is None:
        return refused("task_unknown", task=command.task)
    if task.deadline is not None and now >= task.deadline:
        return Accepted((events.TaskPassedOver(now, task.name, "too_late"),))
    due = now + command.after
    return Accepted((events.TaskPostponed(now, task.name, due if task.deadline is None else min(due, task.deadline)),))


def _retries(closure: Closure) -> Retries:
    return Retries() if closure.round is None else closure.round.terms.retries


def _later(now: datetime, tries: int, retries: Retries, jitter: int) -> datetime:
    """Full jitter: anywhere between now and a pause that doubles, up to the longest."""
    pause = min(retries.longest, retries.first * 2 ** min(tries, 40))
    return now + timedelta(microseconds=(pause // timedelta(microseconds=1)) * (jitter & 0xFFFF_FFFF) >> 32)


def recheck_account(closure: Closure, command: commands.RecheckAccount, now: datetime) -> Decision:
    """Begin the erasure, give the account back, or ask again: frozen, and nothing gone yet (L13, L14, L15)."""
    stage = closure.stage
    task = _turn(closure, "recheck")
    if task is None or not isinstance(stage, Closing):
        return refused("task_unknown", task="recheck")
    terms = stage.round.terms
    if command.account is not None and command.account.contact_versions != stage.confirmed.contacts:
        return Accepted((events.AccountGivenBack(now, ("contacts_changed",)),))
    if command.account is not None and command.account.held_from == "suspended":
        return Accepted((events.AccountGivenBack(now, ("account_suspended",)),))
    in_the_way = blocker_refusals(terms, command.findings)
    blockers = tuple(str(one.parameters["blocker"]) for one in in_the_way if one.code == "blocked")
    if blockers:
        return Accepted((events.AccountGivenBack(now, blockers),))
    frozen = command.account is not None and command.account.standing == "frozen"
    if in_the_way or not frozen:
        code = "check_unknown" if frozen else "not_frozen"
        failed = commands.FailTask(task=task.name, kind="retryable", code=code, jitter=command.jitter)
        return _ask_again(stage, task, failed, now)
    begun = events.ErasureBegun(
        now,
        _all_that_goes(terms, command.data_sets),
        command.host_tasks,
        terms.tombstone_for is not None,
        command.farewell if terms.farewell_for is not None else None,
    )
    return Accepted((begun,))


def give_account_back(closure: Closure, command: commands.GiveAccountBack, now: datetime) -> Decision:
    """Before the point of no return, an account can always be given back."""
    if not _can_be_given_back(closure.stage):
        return refused("irreversible")
    return Accepted((events.AccountGivenBack(now, (command.cause,)),))


def _can_be_given_back(stage: Stage) -> TypeGuard[Closing]:
    return isinstance(stage, Closing) and stage.erasure is None


def _all_that_goes(terms: Terms, registered: tuple[PlannedTask, ...]) -> tuple[PlannedTask, ...]:
    """What is registered now, and what the terms named and nobody has any more: set aside, and not forgotten."""
    names = {one.name for one in registered}
    return (*registered, *(PlannedTask(name) for name in terms.data_sets if name not in names))


def _ask_again(stage: Closing, task: PendingTask, failed: commands.FailTask, now: datetime) -> Decision:
    due = _later(now, task.tries, stage.round.terms.retries, failed.jitter)
    again = Accepted((events.TaskFailed(now, task.name, failed.kind, failed.code, due),))
    return _given_back_in_time(stage, now, failed.code) or again


def _given_back_in_time(stage: Closing, now: datetime, code: str) -> Accepted | None:
    """A recheck that comes to nothing for too long gives the account back (L14)."""
    over = is_over(stage.confirmed.due, stage.round.terms.recheck_for, now)
    return Accepted((events.AccountGivenBack(now, (code,)),)) if over else None


def record_batch(closure: Closure, command: commands.RecordBatch, now: datetime) -> Decision:
    """A batch went; only after the point of no return (L15), and never under a legal hold (L20)."""
    task = _turn(closure, command.task)
    if task is None or task.kind not in {"erase", "purge"} or hold_on(closure, task.subject, now) is not None:
        return refused("task_unknown", task=command.task)
    if not command.erased and task.empty + 1 >= EMPTY_BATCHES:
        return Accepted((events.TaskSetAside(now, task.name, "no_progress"),))
    return Accepted((events.BatchErased(now, task.name, command.erased, command.cursor),))


def settle_data_set(closure: Closure, command: commands.SettleDataSet, now: datetime) -> Decision:
    """Done only when the data set says itself that nothing remains that must go (L17)."""
    task = _turn(closure, command.task)
    if task is None or task.kind not in {"erase", "purge"}:
        return refused("task_unknown", task=command.task)
    end = next_end(command.portions)
    if not command.remaining and end is not None and end <= now and not _is_exhausted(task, _retries(closure), now):
        due = now + HOSTS_CLOCK_BEHIND / _retries(closure).tries
        return Accepted((events.TaskFailed(now, task.name, "retryable", "rows_remain", due),))
    if command.remaining or (end is not None and end <= now):
        failed = commands.FailTask(task=task.name, kind="retryable", code="rows_remain", jitter=command.jitter)
        return fail_task(closure, failed, now)
    if task.kind == "purge":
        return Accepted((events.RetentionPurged(now, task.subject, end),))
    return Accepted((events.DataSetErased(now, task.subject, command.portions),))


def intend_key_destruction(closure: Closure, command: commands.IntendKeyDestruction, now: datetime) -> Decision:
    """Say so before the key goes, so that a crash in between is no riddle (L23)."""
    task = _turn(closure, command.task)
    if task is None or task.kind not in {"destroy_key", "destroy_farewell_key"}:
        return refused("task_unknown", task=command.task)
    if task.cursor == INTENDED:
        return Accepted()
    return Accepted((events.KeyDestructionIntended(now, task.name),))


def close_account(closure: Closure, command: commands.CloseAccount, now: datetime) -> Decision:
    """Closed, when everything before it has happened; what was registered since the erasure began is still to go."""
    stage = closure.stage
    if _turn(closure, "close") is None or not isinstance(stage, Closing) or stage.erasure is None:
        return refused("task_unknown", task="close")
    erased = tuple(name for name, _ in stage.erasure.fates)
    return Accepted((events.ClosureClosed(now, command.receipt), *too_late(erased, command.data_sets, now)))
