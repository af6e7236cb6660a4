"""The key vault in SQL: what each call does within its transaction."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, LargeBinary, Text, bindparam, func, select, text, true
from sqlalchemy.dialects.postgresql import insert

from hht_closure.adapters.sql.tables import key
from hht_closure.ports import KeyDestroyed, KeyMissing, KeyPresent

_ID: Final = bindparam("key_id", type_=Text())
_KEPT: Final = select(key.c.wrapped, key.c.destroyed).where(key.c.id == _ID)
_CREATE: Final = insert(key).values(id=_ID, wrapped=bindparam("wrapping", type_=LargeBinary())).on_conflict_do_nothing()
_DESTROY: Final = (
    insert(key)
    .values(id=_ID, wrapped=b"", destroyed=true())
    .on_conflict_do_update(
        index_elements=[key.c.id],
        # As many zeros as there were bytes: when the page is tidied, the new row comes to lie where the old one stood.
        set_={"wrapped": func.decode(func.repeat("00", func.length(key.c.wrapped)), "hex"), "destroyed": true()},
        where=~key.c.destroyed,
    )
)

_SWEEP: Final = text(f"VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF) {key.name}")


class KeyRows:
    """The port ``KeyVault`` over a connection, which each face brings in its way."""

    def create(self, connection: Connection, key_id: str, wrapped: bytes) -> KeyPresent | KeyDestroyed:
        """Store the key if its id is new, and give what is there now.

        Who comes second waits for the first within the ``INSERT``, and the ``SELECT`` after it sees what is committed.
        """
        connection.execute(_CREATE, {"key_id": key_id, "wrapping": wrapped})
        row = connection.execute(_KEPT, {"key_id": key_id}).one()
        return KeyDestroyed() if row.destroyed else KeyPresent(row.wrapped)

    def fetch(self, connection: Connection, key_id: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """The key, or which of the two ways it is not there."""
        row = connection.execute(_KEPT, {"key_id": key_id}).one_or_none()
        if row is None:
            return KeyMissing()
        return KeyDestroyed() if row.destroyed else KeyPresent(row.wrapped)

    def destroy(self, connection: Connection, key_id: str) -> None:
        """Overwrite the key and mark it, in one statement."""
        connection.execute(_DESTROY, {"key_id": key_id})

    def sweep(self, connection: Connection) -> None:
        """Tidy the pages on which rows were overwritten: until then the old row stands there, found by no statement."""
        connection.execute(_SWEEP)
