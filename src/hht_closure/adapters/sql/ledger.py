"""The ledger in SQL: what each call does within its transaction."""

from __future__ import annotations

from typing import Final

import attrs
from sqlalchemy import BigInteger, Connection, Integer, Row, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from hht_closure.adapters.sql.tables import ledger
from hht_closure.ports import LedgerEntry

_LOCK: Final = select(func.pg_advisory_xact_lock(int.from_bytes(b"hhtL", "big"), 1))
"""One at a time, so that positions are given in the order in which they are committed.

Who reads on behind a position would else miss an entry with a lower one that is committed later; a sequence gives its
numbers in the order of asking, and leaves gaps. The lock needs no right on the table but to read and to insert.
"""

_STREAM: Final = bindparam("stream_name", type_=Text())
_ROUND: Final = bindparam("round_number", type_=BigInteger())
_POSITION: Final = select(ledger.c.position).where(
    ledger.c.stream == _STREAM,
    ledger.c.round == _ROUND,
    ledger.c.kind == bindparam("entry_kind", type_=Text()),
    ledger.c.subject == bindparam("entry_subject", type_=Text()),
)
_RECORD: Final = (
    insert(ledger)
    .values(position=select(func.coalesce(func.max(ledger.c.position), 0) + 1).scalar_subquery())
    .on_conflict_do_nothing(index_elements=["stream", "round", "kind", "subject"])
    .returning(ledger.c.position)
)
_ENTRIES: Final = (
    select(ledger)
    .where(ledger.c.position > bindparam("behind", type_=BigInteger()))
    .order_by(ledger.c.position)
    .limit(bindparam("limit", type_=Integer()))
)
_ROUNDS: Final = select(ledger).where(ledger.c.stream == _STREAM, ledger.c.round == _ROUND).order_by(ledger.c.position)


class LedgerRows:
    """The port ``Ledger`` over a connection, which each face brings in its way."""

    def record(self, connection: Connection, one: LedgerEntry) -> int:
        """Write the entry and give its position; the first one's where there is one about the same already."""
        connection.execute(_LOCK)  # a statement of its own: the next one sees what was committed while this one waited
        new: int | None = connection.scalar(_RECORD, attrs.asdict(one))
        return self._first(connection, one) if new is None else new

    def _first(self, connection: Connection, one: LedgerEntry) -> int:
        """Where the entry stands that is about the same."""
        about = {
            "stream_name": one.stream,
            "round_number": one.round,
            "entry_kind": one.kind,
            "entry_subject": one.subject,
        }
        position: int = connection.execute(_POSITION, about).scalar_one()
        return position

    def entries(self, connection: Connection, *, after: int, limit: int) -> tuple[tuple[int, LedgerEntry], ...]:
        """Entries behind that position, with theirs, in order."""
        rows = connection.execute(_ENTRIES, {"behind": after, "limit": limit})
        return tuple((row.position, _entry(row)) for row in rows)

    def find(self, connection: Connection, stream: str, round_number: int) -> tuple[LedgerEntry, ...]:
        """The entries of one round, in order."""
        rows = connection.execute(_ROUNDS, {"stream_name": stream, "round_number": round_number})
        return tuple(_entry(row) for row in rows)


def _entry(row: Row[tuple[object, ...]]) -> LedgerEntry:
    return LedgerEntry(
        stream=row.stream,
        round=row.round,
        kind=row.kind,
        subject=row.subject,
        statement=row.statement,
        receipt=row.receipt,
        sealed_account=row.sealed_account,
    )
