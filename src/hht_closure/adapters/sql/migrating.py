"""Making and changing the tables, from code and from any number of processes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hht_closure.adapters.sql.database import PATIENCE, address_of, problem_of, versions
from hht_closure.adapters.sql.tables import JOURNAL, KEYS, LEDGER, Part
from hht_closure.errors import StoreUnavailableError, StoreVersionError

SCRIPTS: Final = Path(__file__).with_name("migrations")
"""Where the migrations are; each is a module of its own, and never changes."""

_LOCK: Final = select(func.pg_advisory_xact_lock(int.from_bytes(b"hhtL", "big"), 2))
"""Two who make tables at one time fail ("tuple concurrently updated")."""


def migrate(
    url: str | URL,
    *,
    keys_url: str | URL | None = None,
    ledger_url: str | URL | None = None,
    scripts: Path = SCRIPTS,
) -> None:
    """Bring the tables to the version of this release; where they are, nothing happens.

    Run it before the new release starts, as the tables' owner; workers and people may go on meanwhile. Each database
    is changed in one transaction, or not at all. What it waits for it does so for some seconds at most, so that nobody
    has to wait behind it for long.

    Args:
        url: where the journal, the budgets and the tombstones are to stand.
        keys_url: where the keys are, if elsewhere.
        ledger_url: where the ledger is, if elsewhere.
        scripts: where the migrations are.

    Raises:
        StoreVersionError: a part is of a later release.
        StoreUnavailableError: a server cannot be reached, or is too busy now; nothing was changed there.
        InvalidValueError: an address is malformed, or not one of PostgreSQL.
    """
    parts = {JOURNAL: url, KEYS: keys_url or url, LEDGER: ledger_url or url}
    for address in dict.fromkeys(address_of(one) for one in parts.values()):
        here = [part for part, one in parts.items() if address_of(one) == address]
        engine = create_engine(address, poolclass=NullPool, hide_parameters=True, isolation_level="READ COMMITTED")
        problem = _migrated(engine, here, scripts)
        if problem is not None:
            raise StoreUnavailableError(here[0].store, problem)


def _migrated(engine: Engine, parts: list[Part], scripts: Path) -> str | None:
    """What stood in the way, if anything."""
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
            connection.execute(_LOCK)
            _refuse_later(connection)
            for part in parts:
                _bring(connection, part, scripts)
    except DBAPIError as error:
        return problem_of(error)
    return None


def _refuse_later(connection: Connection) -> None:
    """Whether this release knows everything that is there, also of parts that it is not asked to change.

    Raises:
        StoreVersionError: a part is of a later release.
    """
    found = versions(connection)
    for part in (JOURNAL, KEYS, LEDGER):
        if found.get(part.branch, 0) > part.version:
            raise StoreVersionError(part.store, found[part.branch], part.version)


def _bring(connection: Connection, part: Part, scripts: Path) -> None:
    """One part to the version of this release."""
    # Only who migrates pays for it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    command.upgrade(config, f"{part.branch}@head")
