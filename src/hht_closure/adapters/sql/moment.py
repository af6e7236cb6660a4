"""The store's time, as it stands in a statement: the server's, unless a clock is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, bindparam, literal_column

from hht_closure.adapters.sql.tables import Instant
from hht_closure.ports import Clock

_SERVERS: Final[ColumnElement[datetime]] = literal_column(
    "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)", Instant()
)
"""The server's clock as it goes on within a transaction; ``now()`` would stand still since the transaction began."""


class Moment:
    """The one clock by which streams are due and leases end (L18).

    With the server's, the clocks of workers may differ as they like. A clock that is given must be one for all.
    """

    def __init__(self, clock: Clock | None) -> None:
        self._clock = clock
        self.now: ColumnElement[datetime] = _SERVERS if clock is None else bindparam("moment", type_=Instant())

    def parameters(self) -> Mapping[str, datetime]:
        """What a statement with :attr:`now` in it needs, as of now."""
        return {} if self._clock is None else {"moment": self._clock.now()}
