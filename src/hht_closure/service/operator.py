"""What an operator can do: look, have a task tried again, set and lift legal holds. Nobody can confirm for anybody."""

from __future__ import annotations

from datetime import datetime

import attrs

from hht_closure.account import AccountId
from hht_closure.commands import Command, LiftLegalHold, ReleaseTask, SetLegalHold
from hht_closure.errors import InvalidValueError, WiringError
from hht_closure.flows.calls import driven
from hht_closure.flows.stream import Loaded, nothing
from hht_closure.policy import LegalHold
from hht_closure.ports import DueStream
from hht_closure.service.asynchronous import AsyncClosureService
from hht_closure.service.core import Core
from hht_closure.service.synchronous import ClosureService
from hht_closure.stages import Closure
from hht_closure.tasks import PendingTask
from hht_closure.values import checked_count, checked_text


@attrs.frozen(kw_only=True)
class OperatorView:
    """A closure as an operator sees it; nothing personal, not even sealed.

    Attributes:
        stream: whose, by the name that its journal has.
        stage: how it is.
        pending: what has not happened yet, each with its tries, when it is due, and how much it has erased so far.
        holds: the legal holds on this account's data sets; one whose time is over holds nothing.
    """

    stream: str
    stage: str
    pending: tuple[PendingTask, ...]
    holds: tuple[LegalHold, ...] = ()

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

    def stream_of(self, account: AccountId) -> str:
        """The name of an account's stream, also where there is no closing of it; the name tells nothing back."""
        return self._acts.stream_of(account)

    def release(self, stream: str, task: str, *, actor: str, reason: str) -> OperatorView:
        """Have a task that was set aside, or waits for its next try, tried now.

        Actor and reason are names, ``[a-z][a-z0-9_]*``, here and in the calls below: the journal keeps them.

        Raises:
            ClosureRefused: ``task_unknown``, ``task_not_set_aside``.
            InvalidValueError: actor or reason is not a name.
        """
        return driven(self._acts.act(stream, ReleaseTask(task=task, actor=actor, reason=reason)))

    def hold(
        self, stream: str, data_set: str, *, until: datetime, ground: str, actor: str, reason: str
    ) -> OperatorView:
        """Keep a data set of this account until then, whatever its closing comes to, and also before there is one.

        The data sets that come after it (``DataSet.after``) are kept with it: they may go only when it has gone.

        What is settled under the hold is ``restricted`` on the notice and the receipt, and purged when it ends (L20).
        A batch that is under way at this instant may still go; none after it. Holds on other grounds stay beside it,
        and the one that ends last counts; set again on the same ground, it ends at the new time.

        Args:
            stream: whose, see :meth:`stream_of`.
            data_set: the name of a registered data set.
            until: when the hold ends, in time to come.
            ground: what asks for it, at most 300 code points; it stands on the receipt, and must name nobody.
            actor: who does it, a name.
            reason: why, a name.

        Raises:
            InvalidValueError: there is no such data set, or the time is over, or a name is none.
        """
        return driven(self._acts.hold(stream, LegalHold(data_set, until, ground), actor, reason))

    def lift(self, stream: str, data_set: str, *, ground: str, actor: str, reason: str) -> OperatorView:
        """End the hold on that ground before its time; what it alone kept is erased by the next pass of a worker.

        It ends for the data sets that come after this one as well.

        Raises:
            ClosureRefused: ``hold_unknown``.
        """
        return driven(self._acts.lift(stream, data_set, ground, actor, reason))


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

    def stream_of(self, account: AccountId) -> str:
        """See :meth:`ClosureOperator.stream_of`."""
        return self._acts.stream_of(account)

    async def release(self, stream: str, task: str, *, actor: str, reason: str) -> OperatorView:
        """See :meth:`ClosureOperator.release`."""
        return await self._acts.act(stream, ReleaseTask(task=task, actor=actor, reason=reason))

    async def hold(
        self, stream: str, data_set: str, *, until: datetime, ground: str, actor: str, reason: str
    ) -> OperatorView:
        """See :meth:`ClosureOperator.hold`."""
        return await self._acts.hold(stream, LegalHold(data_set, until, ground), actor, reason)

    async def lift(self, stream: str, data_set: str, *, ground: str, actor: str, reason: str) -> OperatorView:
        """See :meth:`ClosureOperator.lift`."""
        return await self._acts.lift(stream, data_set, ground, actor, reason)


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

    def stream_of(self, account: AccountId) -> str:
        return self._core.streams.name(account)

    async def hold(self, stream: str, hold: LegalHold, actor: str, reason: str) -> OperatorView:
        if hold.data_set not in self._core.wiring.data_sets:
            raise InvalidValueError("data_set", "not_registered")
        if hold.until <= self._core.wiring.clock.now():
            raise InvalidValueError("until", "time_is_over")
        holds = tuple(attrs.evolve(hold, data_set=one) for one in self._with_what_comes_after(hold.data_set))
        return await self.act(stream, SetLegalHold(holds=holds, actor=actor, reason=reason))

    async def lift(self, stream: str, data_set: str, ground: str, actor: str, reason: str) -> OperatorView:
        data_sets = self._with_what_comes_after(data_set)
        return await self.act(stream, LiftLegalHold(data_sets=data_sets, ground=ground, actor=actor, reason=reason))

    def _with_what_comes_after(self, data_set: str) -> tuple[str, ...]:
        """The data set, and all that may be touched only when it is gone; those that are registered now."""
        found = [data_set]
        for name in found:
            found += [
                one.name for one in self._core.wiring.planned_data_sets if name in one.after and one.name not in found
            ]
        return tuple(found)

    async def act(self, stream: str, command: Command) -> OperatorView:
        self._own(stream)

        async def ask(_: Loaded, __: None) -> Command:
            return command

        loaded, _, _ = await self._core.streams.perform(stream, nothing, ask)
        return _view(stream, loaded.closure)


def _view(stream: str, closure: Closure) -> OperatorView:
    return OperatorView(
        stream=stream, stage=type(closure.stage).__name__.lower(), pending=closure.tasks, holds=closure.holds
    )
