"""Tombstones in SQL: what each call does within its transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from hht_closure.adapters.sql.tables import Instant, tombstone

_DIGEST: Final = bindparam("of", type_=Text())
_NEW: Final = insert(tombstone).values(digest=_DIGEST, until=bindparam("end", type_=Instant()))
_LAY: Final = _NEW.on_conflict_do_update(
    index_elements=[tombstone.c.digest], set_={"until": func.greatest(tombstone.c.until, _NEW.excluded.until)}
)
_UNTIL: Final = select(tombstone.c.until).where(tombstone.c.digest == _DIGEST)
_PURGE: Final = delete(tombstone).where(tombstone.c.until <= bindparam("end", type_=Instant()))


class TombstoneRows:
    """The port ``Tombstones`` over a connection, which each face brings in its way."""

    def lay(self, connection: Connection, digest: str, until: datetime) -> None:
        """Reserve the digest until then; a later end wins over an earlier one."""
        connection.execute(_LAY, {"of": digest, "end": until})

    def until(self, connection: Connection, digest: str) -> datetime | None:
        """Until when the digest is reserved, or None where it never was."""
        found: datetime | None = connection.scalar(_UNTIL, {"of": digest})
        return found

    def purge(self, connection: Connection, *, now: datetime) -> int:
        """Remove the digests whose time is over, and say how many."""
        return connection.execute(_PURGE, {"end": now}).rowcount
