"""The journal in SQL: what each call does within its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs
from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    Text,
    bindparam,
    case,
    false,
    func,
    insert,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.sql.dml import ReturningInsert

from hht_closure.adapters.sql.moment import Moment
from hht_closure.adapters.sql.tables import Instant, entry, in_microseconds, stream
from hht_closure.errors import ConflictError, InvalidValueError, LeaseLostError
from hht_closure.ports import Clock, DueStream, Lease, Record
from hht_closure.system import system_clock

_NAME: Final = bindparam("stream_name", type_=Text())
_PREFIXED: Final = func.starts_with(stream.c.name, bindparam("prefix", type_=Text()))
_LIMIT: Final = bindparam("limit", type_=Integer())
_LENGTH: Final = bindparam("new_length", type_=BigInteger())
_OPENED_AT: Final = bindparam("new_opened_at", type_=BigInteger())
_DUE: Final = bindparam("new_due", type_=Instant())
_UNDER_FENCE: Final = stream.c.fence == bindparam("old_fence", type_=BigInteger())

_WHOLE: Final = (
    select(entry.c.sequence, entry.c.body, entry.c.hash, entry.c.opens)
    .where(entry.c.stream == _NAME)
    .order_by(entry.c.sequence)
)
_FROM_AN_OPENING: Final = _WHOLE.where(
    entry.c.sequence >= select(stream.c.opened_at).where(stream.c.name == _NAME).scalar_subquery()
)
_DUE_STREAMS: Final = (
    select(stream.c.name, stream.c.due)
    .where(stream.c.due.is_not(None), _PREFIXED)
    .order_by(stream.c.due, stream.c.name)
    .limit(_LIMIT)
)
_FENCE: Final = select(stream.c.fence).where(stream.c.name == _NAME)
_RELEASE: Final = update(stream).where(stream.c.name == _NAME, _UNDER_FENCE).values(lease_expires=None)

_ENTRIES: Final = (
    func.unnest(
        bindparam("sequences", type_=ARRAY(BigInteger())),
        bindparam("bodies", type_=ARRAY(LargeBinary())),
        bindparam("hashes", type_=ARRAY(LargeBinary())),
        bindparam("openings", type_=ARRAY(Boolean())),
    )
    .table_valued("sequence", "body", "hash", "opens", name="put")
    .render_derived()
)


def _with_entries(written: CTE) -> ReturningInsert[tuple[int]]:
    """Write the stream's row and, where it was written, the entries."""
    put = select(written.c.name, _ENTRIES.c.sequence, _ENTRIES.c.body, _ENTRIES.c.hash, _ENTRIES.c.opens)
    return (
        insert(entry)
        .from_select(["stream", "sequence", "body", "hash", "opens"], put.join_from(written, _ENTRIES, true()))
        .returning(entry.c.sequence)
    )


class JournalRows:
    """The port ``Journal`` over a connection, which each face brings in its way.

    Args:
        clock: by which streams are due and leases end; None: the server's.
    """

    def __init__(self, clock: Clock | None) -> None:
        self._moment = Moment(clock)
        self._writers = clock or system_clock
        self._write_appending()
        self._write_leasing()

    def _write_appending(self) -> None:
        """The statements of :meth:`append`: the stream's row and all entries in one, so that there is one answer."""
        # Due by the server's clock or by the writer's: one that runs ahead writes "now" as a time to come.
        written = func.greatest(self._moment.now, bindparam("written", type_=Instant()))
        was_due = func.coalesce(written >= _DUE, false())
        begun = (
            insert_or(stream)
            .values(name=_NAME, length=_LENGTH, opened_at=_OPENED_AT, due=_DUE, was_due=was_due)
            .on_conflict_do_nothing()
        )
        grown = (
            update(stream)
            .where(stream.c.name == _NAME, stream.c.length == bindparam("old_length", type_=BigInteger()))
            .values(length=_LENGTH, opened_at=func.greatest(stream.c.opened_at, _OPENED_AT), due=_DUE, was_due=was_due)
        )
        self._begin = _with_entries(begun.returning(stream.c.name).cte("begun"))
        self._grow = _with_entries(grown.returning(stream.c.name).cte("grown"))
        self._grow_under_fence = _with_entries(grown.where(_UNDER_FENCE).returning(stream.c.name).cte("grown"))

    def _write_leasing(self) -> None:
        """The statements of :meth:`claim` and :meth:`renew`."""
        now = self._moment.now
        free = or_(stream.c.lease_expires.is_(None), stream.c.lease_expires <= now, stream.c.leased_at > now)
        # As a subquery the time is taken once and serves an index; and beyond the last that was due when it was
        # written, what is not due yet needs no look.
        once = select(now).scalar_subquery()
        last = select(func.max(stream.c.due)).where(stream.c.was_due).scalar_subquery()
        self._pick_due = (
            select(stream.c.name)
            .where(stream.c.due <= select(func.greatest(now, last)).scalar_subquery())
            .where(or_(stream.c.due <= once, stream.c.was_due), free, _PREFIXED)
            .order_by(stream.c.due, stream.c.name)
            .limit(_LIMIT)
            .with_for_update(skip_locked=True)
        )
        self._pick_one = select(stream.c.name).where(stream.c.name == _NAME, _PREFIXED).limit(_LIMIT).with_for_update()
        expires = type_coerce(now, BigInteger()) + bindparam("lease_for", type_=BigInteger())
        takeovers = case((stream.c.lease_expires.is_(None), 0), else_=stream.c.takeovers + 1)
        self._lease = (
            update(stream)
            .where(stream.c.name == func.any(bindparam("names", type_=ARRAY(Text()))), free)
            .values(fence=stream.c.fence + 1, leased_at=now, lease_expires=expires, takeovers=takeovers)
            .returning(stream.c.name, stream.c.fence, stream.c.lease_expires, stream.c.takeovers)
        )
        self._renew = (
            update(stream)
            .where(stream.c.name == _NAME, _UNDER_FENCE)
            .values(leased_at=now, lease_expires=func.greatest(bindparam("promised", type_=Instant()), expires))
            .returning(stream.c.lease_expires)
        )

    # --- records ------------------------------------------------------------------------------------------

    def read(self, connection: Connection, name: str, *, whole: bool) -> tuple[Record, ...]:
        """The records from the last that opens a round on; with ``whole``, all."""
        rows = connection.execute(_WHOLE if whole else _FROM_AN_OPENING, {"stream_name": name})
        return tuple(Record(row.sequence, row.body, row.hash, row.opens) for row in rows)

    def append(
        self,
        connection: Connection,
        name: str,
        expected: int,
        records: Sequence[Record],
        *,
        due: datetime | None,
        fence: int | None,
    ) -> None:
        """Append all the records, or none: whoever changes the length from the expected one has the stream's row.

        Raises:
            ConflictError: the stream has another length.
            LeaseLostError: the fence is not the last one given.
            InvalidValueError: the records are not numbered from ``expected + 1``, or there are none.
        """
        length = expected + len(records)
        if not records or [one.sequence for one in records] != list(range(expected + 1, length + 1)):
            raise InvalidValueError("records", "misnumbered")
        written: dict[str, object] = {
            "stream_name": name,
            "new_length": length,
            "new_opened_at": max((one.sequence for one in records if one.opens), default=0),
            "new_due": due,
            "written": self._writers.now(),
            "sequences": [one.sequence for one in records],
            "bodies": [one.body for one in records],
            "hashes": [one.hash for one in records],
            "openings": [one.opens for one in records],
            **self._moment.parameters(),
        }
        if fence is not None:
            appended = connection.execute(
                self._grow_under_fence, {**written, "old_length": expected, "old_fence": fence}
            )
        elif expected > 0:
            appended = connection.execute(self._grow, {**written, "old_length": expected})
        else:
            appended = connection.execute(self._begin, written)
        if not appended.all() or (fence is not None and fence < 1):
            raise self._refusal(connection, name, expected, fence)

    def _refusal(
        self, connection: Connection, name: str, expected: int, fence: int | None
    ) -> ConflictError | LeaseLostError:
        """Why nothing was appended. A fence never comes back, so what it says is true whoever has come since."""
        if fence is not None and (fence < 1 or connection.scalar(_FENCE, {"stream_name": name}) != fence):
            return LeaseLostError(name, fence)
        return ConflictError(name, expected)

    # --- leases -------------------------------------------------------------------------------------------

    def claim(
        self, connection: Connection, *, limit: int, lease_for: timedelta, prefix: str, name: str | None
    ) -> tuple[Lease, ...]:
        """Lease streams that are due and not leased, the oldest due first; with a name, that one, due or not.

        In two statements: the first has the rows, and passes over those that others have. The second looks at the
        leases again, by a time that is taken now: by that of the first, a lease given meanwhile begins in the future.
        """
        wanted: dict[str, object] = {"prefix": prefix, "limit": limit}
        if name is None:
            rows = connection.execute(self._pick_due, wanted | dict(self._moment.parameters()))
        else:
            rows = connection.execute(self._pick_one, wanted | {"stream_name": name})
        names = list(rows.scalars())
        if not names:
            return ()
        leased = connection.execute(
            self._lease,
            {"names": names, "lease_for": in_microseconds(lease_for), **self._moment.parameters()},
        ).all()
        place = {one: number for number, one in enumerate(names)}
        ordered = sorted(leased, key=lambda row: place[row.name])
        return tuple(Lease(row.name, row.fence, row.lease_expires, row.takeovers) for row in ordered)

    def renew(self, connection: Connection, lease: Lease, lease_for: timedelta) -> Lease:
        """The same lease with a later end.

        Raises:
            LeaseLostError: somebody else has claimed since.
        """
        expires: datetime | None = connection.scalar(
            self._renew,
            {
                "stream_name": lease.stream,
                "old_fence": lease.fence,
                "promised": lease.expires,
                "lease_for": in_microseconds(lease_for),
                **self._moment.parameters(),
            },
        )
        if expires is None:
            raise LeaseLostError(lease.stream, lease.fence)
        return attrs.evolve(lease, expires=expires)

    def release(self, connection: Connection, lease: Lease) -> None:
        """Give the lease back; a lease that is lost already is no error."""
        connection.execute(_RELEASE, {"stream_name": lease.stream, "old_fence": lease.fence})

    def due(self, connection: Connection, *, limit: int, prefix: str) -> tuple[DueStream, ...]:
        """The streams that have work to do, now or later, leased or not, the oldest first."""
        rows = connection.execute(_DUE_STREAMS, {"limit": limit, "prefix": prefix})
        return tuple(DueStream(row.name, row.due) for row in rows)
