"""Data sets in an order that the host's rows do not bear, and orders that nobody could keep (ERAS-07)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.adapters.sqlite_rows import SqliteRows
from hht_closure.errors import WiringError
from hht_closure.events import ClosureClosed, DataSetErased, TaskFailed, TaskSetAside
from hht_closure.ports import EraseJob, Progress
from hht_closure.service import ClosureOperator, ClosureService
from tests.attacks.erasers import alarms, registered, worked_for
from tests.service.doubles import built, portal_of
from tests.stage import Stage, on_every_store


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """A host's database in which items point to orders, and foreign keys are enforced."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE purchase (id INTEGER PRIMARY KEY, owner TEXT)")
        database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, owner TEXT, purchase REFERENCES purchase (id))")
        for number in range(1, 4):
            database.execute("INSERT INTO purchase VALUES (?, 'li')", (number,))
            database.execute("INSERT INTO item VALUES (?, 'li', ?)", (number, number))
    with SqliteDatabase(path) as opened:
        yield opened


def _selling(
    stage: Stage, shop: SqliteDatabase, *, purchases_after: tuple[str, ...] = (), items_after: tuple[str, ...] = ()
) -> None:
    """The stage's portal also has purchases, and then items, in this order."""
    purchases = SqliteRows(shop, table="purchase", account_column="owner", name="purchases", after=purchases_after)
    items = SqliteRows(shop, table="item", account_column="owner", name="items", after=items_after)
    portal = portal_of(stage, data_sets=(stage.orders, stage.messages, purchases, items))
    stage.service = built(ClosureService, stage, portal=portal)
    stage.operator = ClosureOperator(stage.service)


def _rows(shop: SqliteDatabase) -> tuple[int, int]:
    with shop.reading() as connection:
        row: tuple[int, int] = connection.execute(
            "SELECT (SELECT count(*) FROM purchase), (SELECT count(*) FROM item)"
        ).fetchone()
    return row


@on_every_store
def test_rows_that_others_point_to_go_after_them(stage: Stage, shop: SqliteDatabase) -> None:
    """The order that the data sets name is kept, whatever the order in which they are registered (ERAS-07)."""
    _selling(stage, shop, purchases_after=("items",))
    stage.closed()
    assert (_rows(shop), stage.count(TaskFailed), stage.count(ClosureClosed)) == ((0, 0), 0, 1)


@on_every_store
def test_a_wrong_order_is_set_aside_and_tears_nothing(stage: Stage, shop: SqliteDatabase) -> None:
    """Purchases before their items: refused by the database, set aside with an alarm, every row there (ERAS-07)."""
    _selling(stage, shop, items_after=("purchases",))
    stage.confirmed()
    worked_for(stage, 2)
    erased = {one.data_set for one in stage.events() if isinstance(one, DataSetErased)}
    assert (alarms(stage), erased, _rows(shop)) == (["erase:purchases"], {"orders", "messages"}, (3, 3))
    assert stage.count(ClosureClosed) == 0


@on_every_store
def test_a_wrong_order_is_mended_by_hand_and_released(stage: Stage, shop: SqliteDatabase) -> None:
    """The order stands in the journal since the erasure began: the host takes the items away, and lets it go on."""
    _selling(stage, shop, items_after=("purchases",))
    stage.confirmed()
    worked_for(stage, 2)
    with shop.transaction() as connection:
        connection.execute("DELETE FROM item WHERE owner = 'li'")
    stage.operator.release(stage.stream(), "erase:purchases", actor="zhao", reason="items_deleted")
    stage.service.work()
    assert (_rows(shop), stage.count(ClosureClosed)) == ((0, 0), 1)


@on_every_store
def test_an_order_that_nobody_named_finds_itself(stage: Stage, shop: SqliteDatabase) -> None:
    """Purchases fail while their items are there, the items go, and the next try works: no alarm (L19, ERAS-07)."""
    _selling(stage, shop)
    stage.confirmed()
    worked_for(stage, 1)
    assert (_rows(shop), stage.count(TaskFailed), stage.count(TaskSetAside)) == ((0, 0), 1, 0)
    assert stage.count(ClosureClosed) == 1


CYCLES = [
    {"chats": ("chats",)},
    {"chats": ("photos",), "photos": ("chats",)},
    {"chats": ("photos",), "photos": ("films",), "films": ("chats",), "posts": ()},
    {"chats": ("orders",), "photos": ("messages", "films"), "films": ("photos",)},
]


@pytest.mark.parametrize("after", CYCLES, ids="-".join)
def test_a_cycle_is_refused_when_the_service_is_built(stage: Stage, after: dict[str, tuple[str, ...]]) -> None:
    """Not at the first customer, and with the names of those in it, whoever else is there (L30, ERAS-07)."""
    sets = [MemoryDataSet(name, after=before) for name, before in after.items()]
    with pytest.raises(WiringError) as refused:
        built(ClosureService, stage, portal=portal_of(stage, data_sets=(stage.orders, stage.messages, *sets)))
    assert "waits for another" in str(refused.value)
    assert "orders" not in str(refused.value)


def test_a_name_that_nothing_has_is_refused_when_the_service_is_built(stage: Stage) -> None:
    """Who waits for nobody would never be asked, or always (L30, ERAS-07)."""
    chats = MemoryDataSet("chats", after=("photos",))
    with pytest.raises(WiringError, match="photos"):
        built(ClosureService, stage, portal=portal_of(stage, data_sets=(stage.orders, stage.messages, chats)))


@on_every_store
def test_two_ways_to_one_set_are_no_cycle(stage: Stage) -> None:
    """The twin: a diamond is built, and each of its sets is erased after all that it names (ERAS-07)."""
    order = list[str]()

    class Noted(MemoryDataSet):
        def erase(self, job: EraseJob) -> Progress:
            order.append(self.name)
            return super().erase(job)

    top, left, right, end = (
        Noted("a_last", after=("b_left", "c_right"), clock=stage.clock),
        Noted("b_left", after=("d_first",), clock=stage.clock),
        Noted("c_right", after=("d_first",), clock=stage.clock),
        Noted("d_first", clock=stage.clock),
    )
    registered(stage, top, left, right, end)
    stage.closed()
    assert (order[0], set(order[1:3]), order[3:]) == ("d_first", {"b_left", "c_right"}, ["a_last"])
