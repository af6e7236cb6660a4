"""The send budget in SQL: what each call does within its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import BigInteger, Connection, Integer, Text, bindparam, delete, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from hht_closure.adapters.sql.moment import Moment
from hht_closure.adapters.sql.tables import Instant, taking
from hht_closure.ports import Allowance, Clock, Exhausted
from hht_closure.values import instant

REMOVED: Final = 100
"""Takings that are removed in passing, at most: many more than one call adds."""

_LOCKS: Final = select(
    func.pg_advisory_xact_lock(
        func.unnest(bindparam("locks", type_=ARRAY(BigInteger()))).column_valued("number"),
    )
)

_NAME: Final = bindparam("allowance", type_=Text())
_KEY: Final = bindparam("of", type_=Text())
_TAKER: Final = bindparam("who", type_=Text())
_NOW: Final = bindparam("taken_at", type_=Instant())
_COUNTING: Final = (
    select(taking.c.at)
    .where(taking.c.name == _NAME, taking.c.key == _KEY, taking.c.at > bindparam("since", type_=Instant()))
    .correlate(None)
)
_IN_THE_WAY: Final = _COUNTING.order_by(taking.c.at.desc()).offset(bindparam("fitting", type_=Integer())).limit(1)
_HAS_TAKEN: Final = _COUNTING.where(taking.c.taker == _TAKER)

_TAKE: Final = (
    insert(taking)
    .from_select(
        ["name", "key", "at", "ends", "taker"],
        select(_NAME, _KEY, _NOW, bindparam("over_at", type_=Instant()), _TAKER)
        .where(~_IN_THE_WAY.exists())
        .where(or_(_TAKER == "", ~_HAS_TAKEN.exists())),
    )
    .returning(taking.c.number)
)


class BudgetRows:
    """The port ``SendBudget`` over a connection, which each face brings in its way.

    Args:
        clock: the store's, for removing alone; None: the server's.
    """

    def __init__(self, clock: Clock | None) -> None:
        self._moment = Moment(clock)
        # Over by the caller's clock and by the store's: one that runs ahead takes away nothing that others count.
        over = func.least(bindparam("callers", type_=Instant()), self._moment.now)
        oldest = (
            select(taking.c.number)
            .where(taking.c.ends <= select(over).scalar_subquery())
            .order_by(taking.c.ends)
            .limit(REMOVED)
            .with_for_update(skip_locked=True)
        )
        self._remove = delete(taking).where(taking.c.number.in_(oldest))

    def take(self, connection: Connection, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Take one from each, or none from any: None when all had one left, else the first that had not.

        Who takes from the same allowance waits; the locks are taken in one order, so that nobody waits for ever.
        """
        moment = instant(now, "now")
        if not allowances:
            return None
        connection.execute(_LOCKS, {"locks": sorted({_lock(one) for one in allowances})})
        for one in allowances:
            until = _take(connection, one, moment)
            if until is not None:
                connection.rollback()
                return Exhausted(name=one.name, until=until)
        connection.execute(self._remove, {"callers": moment, **self._moment.parameters()})
        return None


def _take(connection: Connection, one: Allowance, now: datetime) -> datetime | None:
    """Take one; else when it is free again: when the last of those that fit ends."""
    about = {"allowance": one.name, "of": one.key, "since": now - one.window}
    fitting = {"fitting": one.limit - 1}
    taking_it = {**about, **fitting, "who": one.taker, "taken_at": now, "over_at": now + one.window}
    if connection.scalar(_TAKE, taking_it) is not None:
        return None
    if one.taker and connection.scalar(_HAS_TAKEN, {**about, "who": one.taker}) is not None:
        return None
    last: datetime | None = connection.scalar(_IN_THE_WAY, {**about, **fitting})
    return None if last is None else last + one.window


def _lock(one: Allowance) -> int:
    """The number of the advisory lock of an allowance: 64 bits, far from the small numbers that a host may use."""
    parts = [part.encode() for part in ("hht_closure", one.name, one.key)]
    digest = sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
