"""The sweep over the ledger: what a data set registered later still holds of accounts that are closed (L21)."""

from __future__ import annotations

from hht_closure.commands import AddDataSets, Command
from hht_closure.events import DataSetsAdded
from hht_closure.flows.answers import SweepReport
from hht_closure.flows.stream import Loaded, Streams, nothing
from hht_closure.flows.wiring import Wiring
from hht_closure.ports import LedgerEntry
from hht_closure.tasks import PlannedTask
from hht_closure.values import checked_amount, checked_count


class Sweeping:
    """Looks over what is closed. It schedules and erases nothing itself: the worker does, as with everything else."""

    def __init__(self, wiring: Wiring, streams: Streams) -> None:
        self._wiring = wiring
        self._streams = streams

    async def sweep(self, *, after: int, limit: int) -> SweepReport:
        """Look at the ledger's entries behind that position, ``limit`` of them at most.

        Raises:
            InvalidValueError: the position is negative, or the limit is no number from 1 to a million.
            StoreUnavailableError: what was scheduled stays so, and sweeping again from the same position is safe.
        """
        checked_amount(after, "after")
        entries = await self._wiring.ledger.entries(after=after, limit=checked_count(limit, "limit"))
        report = SweepReport(position=after)
        for position, entry in entries:
            added = await self._covered(entry) if self._is_closed_here(entry) else 0
            closed = report.closed + self._is_closed_here(entry)
            report = SweepReport(position=position, closed=closed, added=report.added + added)
        return report

    def _is_closed_here(self, entry: LedgerEntry) -> bool:
        return entry.kind == "closed" and entry.stream.startswith(self._streams.prefix)

    async def _covered(self, entry: LedgerEntry) -> int:
        """Have what is registered now erased for that account; how many data sets that adds."""
        registered = tuple(PlannedTask(name, one.after) for name, one in self._wiring.data_sets.items())

        async def ask(_: Loaded, __: None) -> Command:
            return AddDataSets(data_sets=registered)

        _, happened, _ = await self._streams.perform(entry.stream, nothing, ask)
        return sum(len(one.data_sets) for one in happened if isinstance(one, DataSetsAdded))
