"""A journal in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

import attrs

from hht_closure.errors import ConflictError, InvalidValueError, LeaseLostError
from hht_closure.ports import Clock, DueStream, Lease, Record
from hht_closure.values import instant


@attrs.define
class _Stream:
    """One stream: its records, when it is due, when that was written, the last fence given, and its leases."""

    records: list[Record] = attrs.field(factory=list[Record])
    due: datetime | None = None
    written: datetime | None = None
    fence: int = 0
    leased_at: datetime | None = None
    leased_until: datetime | None = None
    takeovers: int = 0

    def is_free(self, now: datetime) -> bool:
        """Whether nobody has it; a lease from a time to come is of a clock that has stepped back since, and over."""
        if self.leased_until is None or self.leased_at is None:
            return True
        return not self.leased_at <= now < self.leased_until


class MemoryJournal:
    """The port ``Journal`` in its plainest form: streams in a dictionary, one lock around each method."""

    never_blocks = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._streams: dict[str, _Stream] = {}
        self._lock = Lock()

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records from the last that opens a round on; with ``whole``, all."""
        with self._lock:
            records = tuple(self._streams.get(stream, _Stream()).records)
        opening = max((place for place, record in enumerate(records) if record.opens), default=0)
        return records if whole else records[opening:]

    def append(
        self,
        stream: str,
        expected: int,
        records: Sequence[Record],
        *,
        due: datetime | None,
        fence: int | None = None,
    ) -> None:
        """Append all the records, or none, and set when the stream is due next.

        Raises:
            ConflictError: the stream has another length.
            LeaseLostError: the fence is not the last one given.
            InvalidValueError: the records are not numbered from ``expected + 1``, or there are none.
        """
        if not records or [one.sequence for one in records] != list(range(expected + 1, expected + 1 + len(records))):
            raise InvalidValueError("records", "misnumbered")
        with self._lock:
            found = self._streams.get(stream, _Stream())
            if fence is not None and (fence < 1 or fence != found.fence):
                raise LeaseLostError(stream, fence)
            if expected != len(found.records):
                raise ConflictError(stream, expected)
            found.due = None if due is None else instant(due, "due")
            found.written = self._clock.now()
            found.records.extend(records)
            self._streams[stream] = found

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease streams that are due and not leased, the oldest due first; with ``stream``, that one, due or not."""
        with self._lock:
            now = self._clock.now()
            wanted = self._due_by(now) if stream is None else [stream] if stream in self._streams else []
            free = [name for name in wanted if name.startswith(prefix) and self._streams[name].is_free(now)]
            return tuple(self._leased(name, now + lease_for) for name in free[:limit])

    def _due_by(self, now: datetime) -> list[str]:
        """What is due, or was when it was written: a clock that stepped back since takes nothing back."""
        return [one.stream for one in self._all_due() if one.due <= max(now, self._streams[one.stream].written or now)]

    def _all_due(self) -> list[DueStream]:
        due = [DueStream(name, found.due) for name, found in self._streams.items() if found.due is not None]
        return sorted(due, key=lambda one: (one.due, one.stream))

    def _leased(self, name: str, expires: datetime) -> Lease:
        found = self._streams[name]
        found.fence += 1
        found.takeovers = 0 if found.leased_until is None else found.takeovers + 1
        found.leased_at, found.leased_until = self._clock.now(), expires
        return Lease(name, found.fence, expires, found.takeovers)

    def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """The same lease with a later end.

        Raises:
            LeaseLostError: somebody else has claimed since.
        """
        with self._lock:
            found = self._streams.get(lease.stream, _Stream())
            if found.fence != lease.fence:
                raise LeaseLostError(lease.stream, lease.fence)
            found.leased_at = self._clock.now()
            found.leased_until = max(lease.expires, found.leased_at + lease_for)
            return attrs.evolve(lease, expires=found.leased_until)

    def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that is lost already is no error."""
        with self._lock:
            found = self._streams.get(lease.stream, _Stream())
            if found.fence == lease.fence:
                found.leased_until = None

    def due(self, *, limit: int, prefix: str = "") -> tuple[DueStream, ...]:
        """The streams that have work to do, now or later, leased or not, the oldest first."""
        with self._lock:
            return tuple([one for one in self._all_due() if one.stream.startswith(prefix)][:limit])
