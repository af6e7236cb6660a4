"""The stores on which processes are really killed, and how a run comes by one; another is one line more."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, Protocol

from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.flows.wiring import Store
from hht_closure.ports import Clock

SERVER: Final = "HHT_CLOSURE_POSTGRES"
"""The environment variable with the address of a PostgreSQL server, whose role may make databases."""

_USUAL_SERVER: Final = "postgresql://postgres@127.0.0.1:5432/postgres"


class ClosableStore(Store, Protocol):
    """A store that holds files or connections."""

    def close(self) -> None:
        """Let go of them."""
        ...


StoreFactory = Callable[[Path, Clock], ClosableStore]
"""Opens the store of the portal that lies in that folder; made new where there is none."""


def _sqlite() -> AbstractContextManager[StoreFactory]:
    """Files in the folder of the portal."""

    def opened(folder: Path, clock: Clock) -> ClosableStore:
        return SqliteStore(folder / "closures", clock=clock)

    return nullcontext(opened)


@contextmanager
def _postgres() -> Generator[StoreFactory, None, None]:
    """A database of the run's own, shared by all trials: the portal of each has another name, and so other streams."""
    # Only who wants it needs the extra.
    from sqlalchemy import create_engine, make_url, text  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    from hht_closure.adapters.sql import SqlStore, migrate  # noqa: PLC0415

    server = make_url(os.environ.get(SERVER, _USUAL_SERVER)).set(drivername="postgresql+psycopg")
    name = f"hht_closure_crash_{secrets.token_hex(6)}"
    ours = server.set(database=name)
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        # The server outlives every process that is killed here, so that nothing need wait for its disk.
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    try:
        migrate(ours)
        yield lambda _, clock: SqlStore(ours, clock=clock)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


STORES: Final[Mapping[str, Callable[[], AbstractContextManager[StoreFactory]]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
}
"""By the name of the adapter: what gives a run its store, for as long as it lasts."""
