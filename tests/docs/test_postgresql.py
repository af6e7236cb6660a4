"""The page on PostgreSQL does what it says: on a server, with the roles and the rights that stand there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import attrs
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import MetaData, create_engine, make_url
from sqlalchemy.pool import NullPool

from hht_closure.adapters.sql import SqlStore
from hht_closure.events import ClosureClosed, ClosureConfirmed
from hht_closure.service import ClosureService
from tests.docs.documents import DOCS, blocks
from tests.postgres import SERVER, connected, new_database, rows
from tests.service.doubles import built
from tests.stage import Stage

PAGE: Final = DOCS / "postgresql.md"
PARTS: Final = ("journal", "keys", "ledger")
PASSWORDS: Final = {"owner": "one", "journal": "two", "keys": "three", "ledger": "four"}


def address(harbour: str, role: str, part: str) -> str:
    """Where that role finds that part."""
    url = make_url(SERVER).set(username=f"{harbour}_{role}", password=PASSWORDS[role], database=f"{harbour}_{part}")
    return url.render_as_string(hide_password=False)


@pytest.fixture
def harbour(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What the page's roles and databases are called here; they are gone when the test has ended."""
    with new_database(migrated=False):  # skips, or fails, where there is no server
        name = f"harbour_{secrets.token_hex(4)}"
    for part in PARTS:
        monkeypatch.setenv(f"OWNERS_{part.upper()}", address(name, "owner", part))
        monkeypatch.setenv(part.upper(), address(name, part, part))
    yield name
    with closing(connected()) as server:
        for part in PARTS:
            gone = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(f"{name}_{part}"))
            server.execute(gone)
        for role in PASSWORDS:
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(f"{name}_{role}")))


def line_of(block: str) -> int:
    """Where it stands on the page."""
    return len(block) - len(block.lstrip("\n"))


def run(harbour: str) -> dict[str, object]:
    """The page's blocks from top to bottom: SQL in the database that its first line names, and Python."""
    namespace: dict[str, object] = {"__name__": "document"}
    in_sql = blocks(PAGE, "sql")
    for block in sorted([*in_sql, *blocks(PAGE, "python")], key=line_of):
        if block in in_sql:
            run_sql(block.replace("harbour", harbour))
        else:
            exec(compile(block, PAGE, "exec"), namespace)  # noqa: S102 - it is our own document
    return namespace


def run_sql(block: str) -> None:
    """Each statement, by who may do everything."""
    where, _, statements = block.strip().partition("\n")
    database = where.removeprefix("-- in ")
    url = make_url(SERVER) if database == "postgres" else make_url(SERVER).set(database=database)
    with closing(connected(url.render_as_string(hide_password=False))) as server:
        for statement in statements.split(";\n"):
            server.execute(statement.encode())


@attrs.frozen
class Moved:
    """A portal with a closing under way on files, and what the page's code has made of it."""

    stage: Stage
    page: dict[str, object]
    harbour: str


@pytest.fixture
def moved(harbour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    """All of the page was done, from top to bottom."""
    monkeypatch.chdir(tmp_path)
    stage = Stage("sqlite", tmp_path / "closures")
    stage.confirmed()
    stage.close()
    page = run(harbour)
    store = page["store"]
    assert isinstance(store, SqlStore)
    with store:
        stage.service = built(ClosureService, stage, store=store)
        yield Moved(stage, page, harbour)


def test_a_portal_is_moved_as_the_page_says_and_closes_what_was_under_way(moved: Moved) -> None:
    """With the rights that it grants, and none besides, in three databases (L16)."""
    moved.stage.service.work()
    kinds = [type(one) for one in moved.stage.happened.events]
    assert (kinds.count(ClosureConfirmed), kinds.count(ClosureClosed)) == (1, 1)


@pytest.mark.parametrize(("part", "tables"), [("journal", 4), ("keys", 1), ("ledger", 1)])
def test_each_database_has_its_own_tables_alone(moved: Moved, part: str, tables: int) -> None:
    """And the version of its part: whoever has a dump of the journal has no key (L23)."""
    found = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'hht_closure_version'"
    assert rows(address(moved.harbour, "owner", part), found) == [(tables,)]


def test_a_hosts_own_alembic_leaves_the_librarys_tables_alone(moved: Moved) -> None:
    """With the page's ``include_name`` it proposes nothing; without it, to drop them all."""
    url = make_url(address(moved.harbour, "owner", "journal")).set(drivername="postgresql+psycopg")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        proposed = [
            {one[0] for one in compare_metadata(MigrationContext.configure(connection, opts=options), MetaData())}
            for options in ({"include_name": moved.page["include_name"]}, {})
        ]
    assert proposed == [set(), {"remove_table", "remove_index"}]
