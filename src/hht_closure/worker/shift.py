"""One worker's shift on one stream, under one lease: its tasks run one after the other, what came of them appended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

import attrs

from hht_closure.commands import BeginTask, Command, LapseRound, SayAgain
from hht_closure.errors import ConflictError, LeaseLostError, StoreUnavailableError
from hht_closure.events import (
    AccountGivenBack,
    ClosureClosed,
    DataSetErased,
    ErasureBegun,
    Event,
    KeyDestroyed,
    RetentionPurged,
    TaskDone,
    TaskFailed,
    TaskPassedOver,
    TaskSetAside,
)
from hht_closure.flows.answers import WorkReport
from hht_closure.flows.patience import CutOffError, Waiting, pauses
from hht_closure.flows.stream import Draft, Streams
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import Refused, decide, next_task
from hht_closure.ports import Lease
from hht_closure.stages import Open
from hht_closure.tasks import INTENDED, PendingTask, TaskKind
from hht_closure.worker.runs import Runs

BATCHES: Final = 100
"""How many batches of one closure are erased in a row, before others that were due earlier have their turn (L19)."""

RENEWALS: Final = 3
"""How often a lease is renewed within its time while a task runs."""

_ENDS: Final = (
    TaskDone,
    AccountGivenBack,
    ErasureBegun,
    DataSetErased,
    KeyDestroyed,
    ClosureClosed,
    RetentionPurged,
)
"""The events that say that a task has happened."""

_SHARED: Final[frozenset[TaskKind]] = frozenset(
    {"revoke_sessions", "recheck", "tell_locked", "erase", "host", "tombstone", "farewell"}
)
"""Kinds that may run while what came before them is decided and not yet committed, since all are safe to run again.

Every other kind rests on something that must be durable first: the erasure on ``ErasureBegun``, a key's
destruction on its intent, the ledger on the head that it signs, the unfreezing on ``AccountGivenBack``. A freeze comes
with an entry in the ledger.
"""


@attrs.frozen(kw_only=True)
class Routine:
    """How a worker works: what only some faces and calls want otherwise.

    Attributes:
        lease_for: how long it holds a stream without renewing; it renews at every commit, and while it waits.
        patience: how long it waits for one run of a task before it cuts it off; None: for ever.
        waiting: how its face waits for that.
        only: the kinds of tasks that it runs; None: all.
    """

    lease_for: timedelta
    patience: timedelta | None
    waiting: Waiting
    only: Collection[TaskKind] | None = None


class Shift:
    """A worker's shift on one stream."""

    def __init__(self, wiring: Wiring, streams: Streams, runs: Runs, routine: Routine, lease: Lease) -> None:
        self._wiring = wiring
        self._streams = streams
        self._runs = runs
        self._routine = routine
        self._lease = lease
        self._renewed_at = wiring.clock.now()
        self._report = WorkReport(streams=1)
        self._batches = 0
        self._is_over = False

    async def work(self) -> WorkReport:
        """Run what is due in this stream; commit before a task that rests on what came before it.

        Raises:
            LeaseLostError: somebody else has the lease.
            ConflictError: somebody else appended meanwhile.
            StoreUnavailableError: the journal could not take it.
        """
        draft = await self._said_again(await self._lapsed(Draft.of(await self._streams.load(self._lease.stream))))
        while (task := self._next(draft)) is not None:
            draft = await self._before(task, draft)
            if not _is_runnable(task, draft):
                continue  # given up before it was run
            draft = await self._run(task, draft)
            if not _settled(task, draft):
                self._batches += 1
                draft = await self._commit(draft)
        await self._streams.commit(draft, fence=self._lease.fence)
        return self._report

    async def _lapsed(self, draft: Draft) -> Draft:
        stage = draft.loaded.closure.stage
        if isinstance(stage, Open) and self._wiring.clock.now() >= stage.lapses:
            return await self._streams.extend(draft, self._decide(draft, LapseRound()))
        return draft

    async def _said_again(self, draft: Draft) -> Draft:
        happened = self._decide(draft, SayAgain())
        self._count(happened)
        return await self._streams.extend(draft, happened)

    # --- which task, and when it may run -------------------------------------------------------------------

    def _next(self, draft: Draft) -> PendingTask | None:
        task = next_task(draft.loaded.closure, draft.loaded.now(self._wiring.clock))
        if task is None or self._is_over or self._batches >= BATCHES:
            return None
        if self._routine.only is not None and task.kind not in self._routine.only:
            return None
        if task.kind == "unfreeze" and self._report != WorkReport(streams=1):
            return None  # under a new fence, so that no freeze of this shift can come after it (L18)
        return task

    async def _before(self, task: PendingTask, draft: Draft) -> Draft:
        """What must be durable before the task runs is committed, and no more: the commit is the price of a closing.

        Where workers were lost over this closure, that they are about to try it is written down first, so that a task
        that kills every worker is given up in the end (L19).
        """
        await self._renewed_in_time()
        if self._lease.takeovers:
            happened = self._decide(draft, BeginTask(task=task.name))
            self._count(happened)
            return await self._commit(await self._streams.extend(draft, happened))
        if draft.records and not _shares(task):
            return await self._commit(draft)
        if draft.records and task.kind == "erase":
            await self._streams.must_stand(draft)  # a legal hold that was set meanwhile counts for this data set (L20)
        return draft

    async def _commit(self, draft: Draft) -> Draft:
        loaded = await self._streams.commit(draft, fence=self._lease.fence)
        await self._renew()
        return Draft.of(loaded)

    async def _renew(self) -> None:
        self._lease = await self._wiring.journal.renew(self._lease, self._routine.lease_for)
        self._renewed_at = self._wiring.clock.now()

    async def _renewed_in_time(self) -> None:
        """Renew where a third of the lease has gone by, and so find out whether it was taken over meanwhile (L18).

        What counts is a difference of this worker's own clock, so that it may be as wrong as it likes.
        """
        if abs(self._wiring.clock.now() - self._renewed_at) * RENEWALS > self._routine.lease_for:
            await self._renew()

    # --- a run ----------------------------------------------------------------------------------------------

    async def _run(self, task: PendingTask, draft: Draft) -> Draft:
        """The draft with what came of the task; what it gave and makes no sense is a failure of that task (L19)."""
        try:
            happened = self._decide(draft, await self._command(task, draft))
            after = await self._streams.extend(draft, happened)
        except (ConflictError, LeaseLostError, StoreUnavailableError):
            raise
        except Exception:  # noqa: BLE001 - a host's value can be broken in any way, and must not stop other closures
            happened = self._decide(draft, self._runs.failed(task, "ambiguous", "malformed"))
            after = await self._streams.extend(draft, happened)
        self._count(happened)
        return after

    async def _command(self, task: PendingTask, draft: Draft) -> Command:
        """What came of the run; one that is cut off ends the shift, so that what follows has a higher fence (L18)."""
        run = self._runs.run(task, draft.loaded, self._lease.fence)
        if self._routine.patience is None:
            return await run
        every = self._routine.lease_for / RENEWALS
        try:
            return await self._routine.waiting(run, pauses(self._routine.patience, every), self._renew)
        except CutOffError:
            self._is_over = True
            return self._runs.failed(task, "ambiguous", "too_slow")

    def _decide(self, draft: Draft, command: Command) -> tuple[Event, ...]:
        decision = decide(draft.loaded.closure, command, now=self._wiring.clock.now())
        if isinstance(decision, Refused):
            raise ConflictError(draft.loaded.stream, draft.expected.sequence)
        return decision.events

    def _count(self, happened: tuple[Event, ...]) -> None:
        self._report = self._report + WorkReport(
            done=sum(isinstance(one, _ENDS) for one in happened),
            failed=sum(isinstance(one, TaskFailed) for one in happened),
            set_aside=sum(isinstance(one, TaskSetAside) for one in happened),
            passed_over=sum(isinstance(one, TaskPassedOver) for one in happened),
        )


def _shares(task: PendingTask) -> bool:
    """Whether the task may run before what was decided so far is committed."""
    if task.kind in {"destroy_key", "destroy_farewell_key"}:
        return task.cursor != INTENDED
    return task.kind in _SHARED


def _is_runnable(task: PendingTask, draft: Draft) -> bool:
    return any(one.name == task.name and not one.set_aside for one in draft.loaded.closure.tasks)


def _settled(task: PendingTask, draft: Draft) -> bool:
    """Whether the task is no longer pending; progress on one that is gets committed at once."""
    return all(one.name != task.name for one in draft.loaded.closure.tasks)
