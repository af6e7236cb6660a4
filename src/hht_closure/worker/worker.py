"""Claim a stream, run its tasks one after the other, append what came of them."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Final

import attrs

from hht_closure.commands import Command, LapseRound
from hht_closure.errors import ClosureError, ConflictError, LeaseLostError, StoreUnavailableError
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
from hht_closure.flows.outside import Outside
from hht_closure.flows.stream import Draft, Streams
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import Refused, decide, next_task
from hht_closure.ports import Lease
from hht_closure.stages import Open
from hht_closure.tasks import INTENDED, PendingTask, TaskKind
from hht_closure.values import checked_count
from hht_closure.worker.runs import Runs

_log = logging.getLogger(__name__)

LEASE_FOR: Final = timedelta(minutes=2)
"""How long a worker holds a stream without renewing; it renews at every commit."""

BATCHES: Final = 100
"""How many batches of one closure are erased in a row, before others that were due earlier have their turn (L19)."""

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
    {"freeze", "revoke_sessions", "recheck", "tell_locked", "erase", "host", "tombstone", "farewell"}
)
"""Kinds that may run while what came before them is decided and not yet committed, since all are safe to run again.

Every other kind rests on something that must be durable first: the erasure on ``ErasureBegun``, a key's
destruction on its intent, the ledger on ``ClosureClosed``, the unfreezing on ``AccountGivenBack``.
"""


class Worker:
    """Works on what is due."""

    def __init__(self, wiring: Wiring, streams: Streams, outside: Outside) -> None:
        self._wiring = wiring
        self._streams = streams
        self._runs = Runs(wiring, streams, outside)

    async def work(self, *, limit: int) -> WorkReport:
        """One pass over at most ``limit`` streams that are due, the oldest first.

        Raises:
            InvalidValueError: the limit is no number from 1 to a million.
        """
        checked_count(limit, "limit")
        report = WorkReport()
        for _ in range(limit):
            leases = await self._wiring.journal.claim(limit=1, lease_for=LEASE_FOR, prefix=self._streams.prefix)
            if not leases:
                break
            report = _sum(report, await self._under(leases[0]))
        return report

    async def hold(self, stream: str) -> None:
        """Freeze and revoke at once, in the call that confirmed; what fails here is done by the next pass (L13)."""
        try:
            leases = await self._wiring.journal.claim(
                limit=1, lease_for=LEASE_FOR, prefix=self._streams.prefix, stream=stream
            )
            if leases:
                await self._under(leases[0], only=("freeze", "revoke_sessions"))
        except ClosureError:
            return

    async def _under(self, lease: Lease, only: Collection[TaskKind] | None = None) -> WorkReport:
        """Work on one stream; whatever goes wrong with it stops no other (L19).

        One that cannot be worked on, or that somebody else works on, keeps its lease until that ends, and so does
        not come up again in this pass.
        """
        try:
            report = await self._stream(lease, only)
        except LeaseLostError:
            return WorkReport(streams=1, leases_lost=1)
        except ConflictError:
            report = WorkReport(streams=1, leases_lost=1)
        except ClosureError as error:
            _log.error("a closure could not be worked on: %s", error)
            return WorkReport(streams=1, unworkable=1)
        await self._wiring.journal.release(lease)
        return report

    async def _stream(self, lease: Lease, only: Collection[TaskKind] | None) -> WorkReport:
        """Run what is due in this stream; commit before a task that rests on what came before it."""
        report, batches = WorkReport(streams=1), 0
        draft = await self._lapsed(Draft.of(await self._streams.load(lease.stream)))
        while (task := next_task(draft.loaded.closure, draft.loaded.now(self._wiring.clock))) is not None:
            if batches == BATCHES or (only is not None and task.kind not in only):
                break
            if task.kind == "unfreeze" and report != WorkReport(streams=1):
                break  # under a new fence, so that no freeze of this pass can come after it (L18)
            if draft.records and not _shares(task):
                draft = Draft.of(await self._streams.commit(draft, fence=lease.fence))
                lease = await self._wiring.journal.renew(lease, LEASE_FOR)
            draft, happened = await self._run(task, draft, lease.fence)
            report = _counted(report, happened)
            if not _settled(task, draft):
                batches += 1
                draft = Draft.of(await self._streams.commit(draft, fence=lease.fence))
                lease = await self._wiring.journal.renew(lease, LEASE_FOR)
        await self._streams.commit(draft, fence=lease.fence)
        return report

    async def _run(self, task: PendingTask, draft: Draft, fence: int) -> tuple[Draft, tuple[Event, ...]]:
        """The draft with what came of the task; what it gave and makes no sense is a failure of that task (L19)."""
        command = await self._runs.run(task, draft.loaded, fence)
        try:
            happened = self._decide(draft, command)
            return await self._streams.extend(draft, happened), happened
        except (ConflictError, StoreUnavailableError):
            raise
        except Exception:  # noqa: BLE001 - a host's value can be broken in any way, and must not stop other closures
            happened = self._decide(draft, self._runs.failed(task, "ambiguous", "malformed"))
            return await self._streams.extend(draft, happened), happened

    async def _lapsed(self, draft: Draft) -> Draft:
        stage = draft.loaded.closure.stage
        if isinstance(stage, Open) and self._wiring.clock.now() >= stage.lapses:
            return await self._streams.extend(draft, self._decide(draft, LapseRound()))
        return draft

    def _decide(self, draft: Draft, command: Command) -> tuple[Event, ...]:
        decision = decide(draft.loaded.closure, command, now=self._wiring.clock.now())
        if isinstance(decision, Refused):
            raise ConflictError(draft.loaded.stream, draft.expected.sequence)
        return decision.events


def _shares(task: PendingTask) -> bool:
    """Whether the task may run before what was decided so far is committed."""
    if task.kind in {"destroy_key", "destroy_farewell_key"}:
        return task.cursor != INTENDED
    return task.kind in _SHARED


def _settled(task: PendingTask, draft: Draft) -> bool:
    """Whether the task is no longer pending; progress on one that is gets committed at once."""
    return all(one.name != task.name for one in draft.loaded.closure.tasks)


def _counted(report: WorkReport, happened: tuple[Event, ...]) -> WorkReport:
    failed = sum(isinstance(one, TaskFailed) for one in happened)
    aside = sum(isinstance(one, TaskSetAside) for one in happened)
    passed = sum(isinstance(one, TaskPassedOver) for one in happened)
    done = sum(isinstance(one, _ENDS) for one in happened)
    return _sum(report, WorkReport(done=done, failed=failed, set_aside=aside, passed_over=passed))


def _sum(one: WorkReport, other: WorkReport) -> WorkReport:
    return WorkReport(**{name: value + getattr(other, name) for name, value in attrs.asdict(one).items()})
