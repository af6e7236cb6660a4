"""The sweep over the ledger: what a data set registered later still holds of accounts that are closed (L21)."""

from __future__ import annotations

import logging

import attrs

from hht_closure.commands import AddDataSets, Command
from hht_closure.errors import ClosureError, PortError, StoreUnavailableError, in_short
from hht_closure.events import DataSetsAdded
from hht_closure.flows.answers import SweepReport
from hht_closure.flows.stream import Loaded, Streams, nothing
from hht_closure.flows.wiring import Wiring
from hht_closure.ports import LedgerEntry
from hht_closure.values import checked_amount, checked_count

_log = logging.getLogger(__name__)


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
            report = attrs.evolve(report, position=position)
            if entry.kind == "closed" and entry.stream.startswith(self._streams.prefix):
                report = await self._swept(entry, report)
        return report

    async def _swept(self, entry: LedgerEntry, report: SweepReport) -> SweepReport:
        """Have what is registered now erased for that account; one that cannot be read stops no other (L19).

        Raises:
            StoreUnavailableError: the journal could not take it now.
        """

        async def ask(_: Loaded, __: None) -> Command:
            return AddDataSets(data_sets=self._wiring.planned_data_sets)

        try:
            _, happened, _ = await self._streams.perform(entry.stream, nothing, ask)
        except StoreUnavailableError:
            raise
        except ClosureError as error:
            said = in_short(error) if isinstance(error, PortError) else error
            _log.error("closure %s could not be swept: %s", entry.stream, said)
            return attrs.evolve(report, unworkable=report.unworkable + 1)
        added = sum(len(one.data_sets) for one in happened if isinstance(one, DataSetsAdded))
        return attrs.evolve(report, closed=report.closed + 1, added=report.added + added)
