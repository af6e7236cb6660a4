"""Claim what is due, and work on it: one shift for each stream."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from hht_closure.errors import (
    ClosureError,
    ConflictError,
    InvalidValueError,
    LeaseLostError,
    PortError,
    StoreUnavailableError,
    in_short,
)
from hht_closure.flows.answers import WorkReport
from hht_closure.flows.outside import Outside
from hht_closure.flows.patience import Waiting
from hht_closure.flows.stream import Streams
from hht_closure.flows.wiring import Wiring
from hht_closure.ports import Lease
from hht_closure.values import LONGEST, checked_count
from hht_closure.worker.runs import Runs
from hht_closure.worker.shift import Routine, Shift

_log = logging.getLogger(__name__)

LEASE_FOR: Final = timedelta(minutes=2)
"""How long a worker holds a stream without renewing; it renews at every commit, and while it waits."""


class Worker:
    """Works on what is due.

    Args:
        wiring, streams, outside: the portal.
        waiting: how this face waits for what may never come back.
        lease_for: how long a stream is held without renewing.
    """

    def __init__(
        self, wiring: Wiring, streams: Streams, outside: Outside, waiting: Waiting, *, lease_for: timedelta = LEASE_FOR
    ) -> None:
        self._wiring = wiring
        self._streams = streams
        self._runs = Runs(wiring, streams, outside)
        self._waiting = waiting
        self._lease_for = lease_for

    async def work(self, *, limit: int, patience: timedelta | None) -> WorkReport:
        """One pass over at most ``limit`` streams that are due, the oldest first.

        Raises:
            InvalidValueError: the limit is no number from 1 to a million, or the patience no duration.
        """
        checked_count(limit, "limit")
        if patience is not None:
            _must_be_a_patience(patience)
        routine = Routine(lease_for=self._lease_for, patience=patience, waiting=self._waiting)
        report = WorkReport()
        for _ in range(limit):
            leases = await self._wiring.journal.claim(limit=1, lease_for=self._lease_for, prefix=self._streams.prefix)
            if not leases:
                break
            report += await self._under(leases[0], routine)
        return report

    async def hold(self, stream: str) -> None:
        """Freeze and revoke at once, in the call that confirmed; what fails here is done by the next pass (L13)."""
        routine = Routine(
            lease_for=self._lease_for, patience=None, waiting=self._waiting, only=("freeze", "revoke_sessions")
        )
        try:
            leases = await self._wiring.journal.claim(
                limit=1, lease_for=self._lease_for, prefix=self._streams.prefix, stream=stream
            )
            if leases:
                await self._under(leases[0], routine)
        except ClosureError:
            return

    async def _under(self, lease: Lease, routine: Routine) -> WorkReport:
        """Work on one stream; whatever goes wrong with it stops no other (L19).

        One that cannot be worked on keeps its lease until that ends, and so does not come up again in this pass.
        """
        try:
            report = await Shift(self._wiring, self._streams, self._runs, routine, lease).work()
        except LeaseLostError:
            return WorkReport(streams=1, leases_lost=1)
        except ConflictError:
            report = WorkReport(streams=1, leases_lost=1)
        except ClosureError as error:
            said = in_short(error) if isinstance(error, PortError | StoreUnavailableError) else error
            _log.error("closure %s could not be worked on: %s", lease.stream, said)
            return WorkReport(streams=1, unworkable=1)
        try:
            await self._wiring.journal.release(lease)
        except ClosureError as error:
            _log.warning("a lease could not be given back, and ends by itself: %s", in_short(error))
        return report


def _must_be_a_patience(value: object) -> None:
    if not isinstance(value, timedelta):
        raise InvalidValueError("patience", "not_a_duration")
    if not timedelta(0) < value <= LONGEST:
        raise InvalidValueError("patience", "duration_out_of_range")
