"""The tables are made and changed from code: once, all or nothing, by any number of processes, with work under way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from hht_closure.adapters.sql import AsyncSqlStore, SqlStore, migrate
from hht_closure.adapters.sql.migrating import SCRIPTS
from hht_closure.adapters.sql.tables import VERSIONS, metadata
from hht_closure.errors import StoreUnavailableError, StoreVersionError
from hht_closure.events import ClosureClosed
from hht_closure.ports import Allowance, KeyDestroyed, LedgerEntry, Record
from hht_closure.testing.clock import ManualClock
from tests.attacks.processes import SMS, Ground
from tests.postgres import OneLoop, connected, in_a_thread, lines_of, new_database, rows, until_true, waiting
from tests.stage import Stage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

VERSION_ROWS: Final = [("journal_1",), ("keys_1",), ("ledger_1",)]
ALL_VERSIONS: Final = "SELECT version_num FROM hht_closure_version ORDER BY 1"


MIGRATING: Final = """
import sys
import alembic.command, psycopg
from hht_closure.adapters.sql import SqlStore, migrate

print("ready", flush=True)
sys.stdin.readline()
migrate(sys.argv[1])
SqlStore(sys.argv[1]).close()
print("opened", flush=True)
"""


@pytest.fixture
def empty_url() -> Iterator[str]:
    """The address of a database without any table."""
    with new_database(migrated=False) as url:
        yield url


def one(sequence: int) -> Record:
    """A record of that number."""
    body = f"entry {sequence}".encode()
    return Record(sequence, body, sha256(body).digest(), opens=sequence == 1)


def test_eight_processes_migrate_a_new_database_at_one_instant(empty_url: str) -> None:
    """Every one of them gets its store, and the tables are made once."""
    with ExitStack() as running:
        started = [running.enter_context(lines_of(MIGRATING, empty_url)) for _ in range(8)]
        assert [each.told() for each in started] == ["ready"] * 8
        for each in started:
            each.tell("go")
        assert [each.told() for each in started] == ["opened"] * 8
    assert rows(empty_url, ALL_VERSIONS) == VERSION_ROWS


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    """It is run before every start, and what is kept stays."""
    migrate(empty_url)
    with SqlStore(empty_url) as store:
        store.journal.append("s", 0, [one(1)], due=NOON)
        migrate(empty_url)
        assert store.journal.read("s") == (one(1),)
    assert rows(empty_url, ALL_VERSIONS) == VERSION_ROWS


def test_the_migrations_make_the_tables_that_the_code_knows(empty_url: str) -> None:
    """Columns, types, keys and indexes: neither side has what the other has not."""
    migrate(empty_url)
    address = make_url(empty_url).set(drivername="postgresql+psycopg")
    with create_engine(address, poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSIONS, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_store_without_tables_is_not_opened(empty_url: str) -> None:
    """Nothing is made in passing: who may make tables is not who uses them."""
    with pytest.raises(StoreVersionError) as raised:
        SqlStore(empty_url)
    assert raised.value.args == ("journal", 0, 1)


@pytest.mark.parametrize(("branch", "store"), [("journal", "journal"), ("keys", "key vault"), ("ledger", "ledger")])
def test_a_part_of_a_later_release_is_neither_opened_nor_migrated(branch: str, store: str, empty_url: str) -> None:
    """This release does not know what it holds; nothing is changed (L29)."""
    migrate(empty_url)
    rows(
        empty_url,
        "UPDATE hht_closure_version SET version_num = %s WHERE version_num = %s RETURNING true",
        f"{branch}_2",
        f"{branch}_1",
    )
    before = rows(empty_url, ALL_VERSIONS)
    for use in (SqlStore, migrate):
        with pytest.raises(StoreVersionError) as raised:
            use(empty_url)
        assert raised.value.args == (store, 2, 1)
    assert rows(empty_url, ALL_VERSIONS) == before


def test_an_awaited_store_without_tables_is_not_opened(empty_url: str) -> None:
    """It says so at ``async with``, and at the first call where that was left out."""

    async def entered() -> None:
        async with AsyncSqlStore(empty_url):
            pass

    async def called() -> None:
        store = AsyncSqlStore(empty_url)
        try:
            await store.vault.fetch("k")
        finally:
            await store.close()

    with OneLoop() as loop:
        for use in (entered, called):
            with pytest.raises(StoreVersionError):
                loop.run(use())


# --- a later release, with closures under way ---------------------------------------------------------------------

LATER: Final = '''
"""What a later release might add: a column that the release before does not know."""

import sqlalchemy as sa
from alembic import op

revision = "journal_2"
down_revision = "journal_1"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("hht_closure_stream", sa.Column("later", sa.BigInteger()))
    op.add_column("hht_closure_entry", sa.Column("later", sa.Text(), server_default="x"))
    op.execute("SELECT pg_advisory_xact_lock(7)")
'''


@pytest.fixture
def later_scripts(tmp_path: Path) -> Path:
    """The migrations, and one more that waits at its end for a lock of the test's."""
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts)
    (scripts / "versions" / "journal_2.py").write_text(LATER)
    return scripts


def test_a_process_goes_on_while_and_after_the_tables_are_changed(empty_url: str, later_scripts: Path) -> None:
    """What the release before writes waits for the change, and is not lost (CRSH-07)."""
    migrate(empty_url)
    with SqlStore(empty_url) as store, psycopg.connect(empty_url) as other:
        for sequence in range(1, 11):  # often enough that the statements are prepared
            store.journal.append("s", sequence - 1, [one(sequence)], due=NOON)
        other.execute("SELECT pg_advisory_lock(7)")
        migrated = in_a_thread(lambda: migrate(empty_url, scripts=later_scripts))
        until_true(empty_url, waiting())
        appended = in_a_thread(lambda: store.journal.append("s", 10, [one(11)], due=NOON))
        until_true(empty_url, waiting(2))
        other.commit()
        other.execute("SELECT pg_advisory_unlock(7)")
        migrated()
        appended()
        store.journal.append("s", 11, [one(12)], due=NOON)
        assert [record.sequence for record in store.journal.read("s")] == list(range(1, 13))
    assert rows(empty_url, ALL_VERSIONS) == [("journal_2",), *VERSION_ROWS[1:]]


def test_a_worker_closes_what_is_under_way_while_the_tables_are_changed(
    empty_url: str, later_scripts: Path, tmp_path: Path
) -> None:
    """The release before goes on with what it knows, and ends what it began; it is not started anew (L29, CRSH-07)."""
    migrate(empty_url)
    ground = Ground(path=tmp_path, people=4)
    stage = ground.peopled(Stage("postgres", tmp_path, terms=SMS, url=empty_url))
    with closing(stage), psycopg.connect(empty_url) as other:
        people = list(ground.principals())
        for who in people:
            stage.confirmed(who)
        other.execute("SELECT pg_advisory_lock(7)")
        migrated = in_a_thread(lambda: migrate(empty_url, scripts=later_scripts))
        until_true(empty_url, waiting())
        worked = in_a_thread(stage.service.work)
        until_true(empty_url, waiting(2))
        other.commit()
        other.execute("SELECT pg_advisory_unlock(7)")
        migrated()
        report = worked()
        assert (report.streams, report.failed, report.unworkable) == (4, 0, 0)
        assert [stage.count(ClosureClosed, account=who.account) for who in people] == [1] * 4
    with pytest.raises(StoreVersionError) as raised:
        SqlStore(empty_url)
    assert raised.value.args == ("journal", 2, 1)


def test_a_migration_that_fails_leaves_everything_as_it_was(empty_url: str, later_scripts: Path) -> None:
    """All of it is one transaction; and the error says nothing of the server (CRSH-07)."""
    migrate(empty_url)
    script = later_scripts / "versions" / "journal_2.py"
    script.write_text(LATER.replace("SELECT pg_advisory_xact_lock(7)", "SELECT 1 / 0"))
    with pytest.raises(StoreUnavailableError) as raised:
        migrate(empty_url, scripts=later_scripts)
    assert (raised.value.args, raised.value.__context__) == (("journal", "other"), None)
    assert rows(empty_url, ALL_VERSIONS) == VERSION_ROWS
    with SqlStore(empty_url) as store:
        store.journal.append("s", 0, [one(1)], due=NOON)


# --- three sets of rights -----------------------------------------------------------------------------------------

RIGHTS: Final = {
    "journal": (
        "SELECT, INSERT, UPDATE ON hht_closure_stream",
        "SELECT, INSERT ON hht_closure_entry",
        "SELECT, INSERT, UPDATE, DELETE ON hht_closure_taking",
        "SELECT, INSERT, UPDATE, DELETE ON hht_closure_tombstone",
    ),
    "keys": ("SELECT, INSERT, UPDATE ON hht_closure_key",),
    "ledger": ("SELECT, INSERT ON hht_closure_ledger",),
}
"""All that each role needs, beside reading the table of versions."""


@pytest.fixture
def addresses(empty_url: str) -> Iterator[dict[str, str]]:
    """An address for each part, of a role that may do what :data:`RIGHTS` says and nothing else."""
    migrate(empty_url)
    suffix = str(make_url(empty_url).database)
    names = {part: f"{part}_{suffix}" for part in RIGHTS}
    with closing(connected(empty_url)) as server:
        for part, name in names.items():
            role = sql.Identifier(name)
            server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'of a test'").format(role))
            for right in (*RIGHTS[part], "SELECT ON hht_closure_version"):
                server.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(right), role))
        yield {
            part: make_url(empty_url).set(username=name, password="of a test").render_as_string(hide_password=False)
            for part, name in names.items()
        }
        for name in names.values():
            server.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_three_roles_with_few_rights_are_enough(addresses: dict[str, str]) -> None:
    """No role changes or removes an entry of a journal or a ledger, and each can do its work."""
    clock = ManualClock(NOON)
    with SqlStore(
        addresses["journal"], keys_url=addresses["keys"], ledger_url=addresses["ledger"], clock=clock
    ) as store:
        store.journal.append("s", 0, [one(1)], due=NOON)
        lease = store.journal.claim(limit=1, lease_for=HOUR)[0]
        store.journal.append("s", 1, [one(2)], due=None, fence=lease.fence)
        store.journal.release(store.journal.renew(lease, HOUR))
        allowance = Allowance(name="account", key="k", limit=1, window=HOUR)
        clock.advance(2 * HOUR)
        assert [store.budgets.take([allowance], now=NOON + hour * HOUR) for hour in range(3)] == [None] * 3
        store.tombstones.lay("d", NOON)
        assert store.tombstones.purge(now=NOON) == 1
        store.vault.create("k", b"wrapped")
        store.vault.destroy("k")
        assert store.vault.fetch("k") == KeyDestroyed()
        entry = LedgerEntry(stream="s", round=1, kind="begun", statement="a.b.c", sealed_account=b"x")
        assert [store.ledger.record(entry), store.ledger.record(entry)] == [1, 1]


def test_a_part_with_anothers_rights_can_do_nothing(addresses: dict[str, str]) -> None:
    """Who has the journal's address has no key and no line of the ledger."""
    with SqlStore(addresses["journal"]) as store:
        for call in (lambda: store.vault.fetch("k"), store.ledger.entries, lambda: store.vault.create("k", b"mine")):
            with pytest.raises(StoreUnavailableError) as raised:
                call()
            assert raised.value.args[1] == "no_right"
