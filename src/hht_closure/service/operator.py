"""What an operator can do: look, and have a task tried again. Nobody can confirm for anybody."""

from __future__ import annotations

import attrs

from hht_closure.commands import Command, ReleaseTask
from hht_closure.errors import InvalidValueError, WiringError
from hht_closure.flows.calls import driven
from hht_closure.flows.stream import Loaded, nothing
from hht_closure.ports import DueStream
from hht_closure.service.asynchronous import AsyncClosureService
from hht_closure.service.core import Core
from hht_closure.service.synchronous import ClosureService
from hht_closure.stages import Closure
from hht_closure.tasks import PendingTask
from hht_closure.values import checked_count, checked_text


@attrs.frozen(kw_only=True)
class OperatorView:
    """A closure as an operator sees it: its stage, and what is pending; nothing personal, not even sealed."""

    stream: str
    stage: str
    pending: tuple[PendingTask, ...]

    @property
    def set_aside(self) -> tuple[PendingTask, ...]:
        """The tasks that wait for an operator."""
        return tuple(one for one in self.pending if one.set_aside)


class ClosureOperator:
    """The operators' object, for synchronous code."""

    def __init__(self, service: ClosureService) -> None:
        if not isinstance(service, ClosureService):
            raise WiringError("a ClosureOperator wants a ClosureService; AsyncClosureOperator takes the other")
        self._acts = _Acts(service.core)

    def due(self, *, limit: int = 100) -> tuple[DueStream, ...]:
        """The closures with work to do, now or later, the oldest first."""
        return driven(self._acts.due(limit))

    def look(self, stream: str) -> OperatorView:
        """One closure."""
        return driven(self._acts.look(stream))

    def release(self, stream: str, task: str, *, actor: str, reason: str) -> OperatorView:
        """Have a task that was set aside tried again; actor and reason are names, ``[a-z][a-z0-9_]*``.

        Raises:
            ClosureRefused: ``task_unknown``, ``task_not_set_aside``.
            InvalidValueError: actor or reason is not a name.
        """
        return driven(self._acts.release(stream, ReleaseTask(task=task, actor=actor, reason=reason)))


class AsyncClosureOperator:
    """The operators' object, for asynchronous code."""

    def __init__(self, service: AsyncClosureService) -> None:
        self._acts = _Acts(service.core)

    async def due(self, *, limit: int = 100) -> tuple[DueStream, ...]:
        """See :meth:`ClosureOperator.due`."""
        return await self._acts.due(limit)

    async def look(self, stream: str) -> OperatorView:
        """See :meth:`ClosureOperator.look`."""
        return await self._acts.look(stream)

    async def release(self, stream: str, task: str, *, actor: str, reason: str) -> OperatorView:
        """See :meth:`ClosureOperator.release`."""
        return await self._acts.release(stream, ReleaseTask(task=task, actor=actor, reason=reason))


class _Acts:
    """What both objects do."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def due(self, limit: int) -> tuple[DueStream, ...]:
        limit = checked_count(limit, "limit")
        return await self._core.wiring.journal.due(limit=limit, prefix=self._core.streams.prefix)

    async def look(self, stream: str) -> OperatorView:
        self._own(stream)
        return _view(stream, (await self._core.streams.load(stream)).closure)

    def _own(self, stream: str) -> None:
        """Whether the stream is this portal's; another's in the same store is none of its operators' business."""
        if not checked_text(stream, "stream", longest=200).startswith(self._core.streams.prefix):
            raise InvalidValueError("stream", "not_of_this_portal")

    async def release(self, stream: str, command: ReleaseTask) -> OperatorView:
        self._own(stream)

        async def ask(_: Loaded, __: None) -> Command:
            return command

        loaded, _, _ = await self._core.streams.perform(stream, nothing, ask)
        return _view(stream, loaded.closure)


def _view(stream: str, closure: Closure) -> OperatorView:
    return OperatorView(stream=stream, stage=type(closure.stage).__name__.lower(), pending=closure.tasks)
