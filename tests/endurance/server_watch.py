"""How long transactions take on a server, as the server sees them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Final

from tests.endurance.measuring import Measured
from tests.postgres import connected

_OLDEST: Final = (
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


@contextmanager
def transactions_watched(url: str, measured: Measured, *, every: float = 0.02) -> Generator[None, None, None]:
    """While the block runs, ask the server again and again for the oldest transaction of this database.

    What is longer than ``every`` is seen, and its length is known to within that.
    """
    ended = threading.Event()

    def watch() -> None:
        longest = -1.0
        with closing(connected(url)) as connection:
            while not ended.wait(every):
                [oldest] = connection.execute(_OLDEST).fetchone() or (0.0,)
                if isinstance(oldest, float) and oldest > longest:
                    longest = oldest
                    measured.add("transaction", oldest, of="postgres")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
