"""What the sample portal holds of a person: which of it goes, which the law keeps, and that no byte of it stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_rows import SqliteRows
from hht_closure.errors import PortError
from hht_closure.ports import EraseJob
from hht_closure.testing.contracts.data_set import DataSetContract, RetainingDataSetContract
from tests.portal.stage import NOW, Stage, erase_all

TABLES = ("profiles", "sessions", "contacts", "messages", "orders", "invoices")


class TestMessages(DataSetContract):
    """The law of a data set, for messages."""

    stage: Stage

    @pytest.fixture(autouse=True)
    def _on_stage(self, stage: Stage) -> None:
        self.stage = stage

    def make_data_set(self) -> tuple[SqliteRows, AccountId]:
        """The person's twenty messages, numbered from 1,000 on, so that there is room in front."""
        self.stage.write("UPDATE messages SET id = id + 1000")
        return self.stage.data_set("messages"), self.stage.person.account

    def a_bystander(self) -> AccountId:
        """The English person, who has twenty, too."""
        return self.stage.sample.person("en").account

    def add_an_item(self, account: AccountId) -> None:
        """A message in front of all the others."""
        self.stage.write(
            "INSERT INTO messages (id, user_id, contact_id, direction, body, sent_at)"
            " VALUES (1, ?, 1, 'in', 'late', '2026-03-01T00:00:00Z')",
            account,
        )


class TestOrders(RetainingDataSetContract):
    """The law of a data set, for orders, most of which the law keeps."""

    stage: Stage

    @pytest.fixture(autouse=True)
    def _on_stage(self, stage: Stage) -> None:
        self.stage = stage

    def make_data_set(self) -> tuple[SqliteRows, AccountId]:
        """The person's orders, and ten more from long ago behind them."""
        self.stage.write("UPDATE orders SET id = id + 1000")
        for number in range(10):
            self._long_ago(self.stage.person.account, 5000 + number)
        return self.stage.data_set("orders"), self.stage.person.account

    def a_bystander(self) -> AccountId:
        """The English person, with old orders as well."""
        return self.stage.sample.person("en").account

    def add_an_item(self, account: AccountId) -> None:
        """An order from long ago, in front of all the others."""
        self._long_ago(account, 1)

    def end_retention(self) -> None:
        """Four years later."""
        self.stage.clock.advance(timedelta(days=4 * 366))

    def _long_ago(self, account: AccountId, number: int) -> None:
        self.stage.write(
            "INSERT INTO orders (id, user_id, product, amount_fen, status, placed_at, completed_at)"
            " VALUES (?, ?, 'SIM', 1, 'finished', '2019-01-01T00:00:00Z', '2019-01-02T00:00:00Z')",
            number,
            account,
        )


def close_everything(stage: Stage, account: AccountId) -> None:
    """Through the ports, in the order of a closing: settled, frozen, erased, retired."""
    stage.customer.settle_orders(account)
    stage.customer.pay_invoices(account)
    stage.pieces.directory.freeze(account, 1)
    stage.pieces.directory.revoke_sessions(account)
    for data_set in stage.pieces.data_sets:
        erase_all(data_set, account, limit=7)
    stage.pieces.directory.retire(account)


def texts_of(stage: Stage, account: AccountId) -> list[str]:
    """Every text in the database that is the account's alone."""
    held = stage.rows("SELECT login_name, password_hash, phone, email FROM users WHERE id = ?", account)
    held += stage.rows("SELECT token_digest FROM sessions WHERE user_id = ?", account)
    return [text for row in held for text in row if isinstance(text, str)]


def test_no_byte_of_the_person_is_left(stage: Stage) -> None:
    """Phone, address, login name, hash, contacts, messages: nowhere in the file, its log, its index or free pages."""
    account = stage.person.account
    contact = stage.customer.add_contact(account, name="张无此人", phone="+8619900008888")
    stage.customer.send_message(account, contact, "这句话谁也没说过：木兰溪边三点半")
    stage.write("UPDATE profiles SET nickname = '独一无二的昵称' WHERE user_id = ?", account)
    stage.token()
    wanted = ["张无此人", "+8619900008888", "木兰溪边三点半", "独一无二的昵称", *texts_of(stage, account)]
    before = stage.bytes()
    assert [text for text in wanted if text.encode() not in before] == []
    close_everything(stage, account)
    after = stage.bytes()
    assert [text for text in wanted if text.encode() in after] == []


def test_copies_that_balancing_left_behind_are_gone_too(stage: Stage) -> None:
    """``secure_delete`` does not reach what SQLite moved between pages; the last step writes the file anew."""
    account, english = stage.person.account, stage.sample.person("en").account
    contact = stage.customer.add_contact(account, name="X", phone="+8619900008888")
    stage.write("DELETE FROM messages")
    rows = 400
    for number in range(rows):
        owner = english if number % 2 else account
        stage.write(
            "INSERT INTO messages (user_id, contact_id, direction, body, sent_at) VALUES (?, ?, 'out', ?, '2026')",
            owner,
            contact if owner == account else 13,
            f"{'canary' if owner == account else 'stays'}-{number:05d}-{'x' * (number * 37 % 900)}",
        )
    for number in range(0, rows, 3):
        stage.write("UPDATE messages SET body = body || ? WHERE body LIKE ?", "y" * 700, f"%-{number:05d}-%")
    close_everything(stage, account)
    assert (stage.bytes().count(b"canary-"), stage.one("SELECT count(*) FROM messages")) == (0, rows // 2)


def test_the_log_is_empty_after_an_erasure(stage: Stage) -> None:
    """A deleted row still stands in the write-ahead log until that is truncated; the last batch does it."""
    erase_all(stage.data_set("messages"), stage.person.account)
    assert stage.path.with_name(f"{stage.path.name}-wal").stat().st_size == 0


def test_everybody_else_keeps_everything(stage: Stage) -> None:
    """A closing changes no row of another account."""
    account = stage.person.account

    def held() -> list[object]:
        users = stage.rows("SELECT * FROM users WHERE id <> ?", account)
        return [users, *(stage.rows(f"SELECT * FROM {table} WHERE user_id <> ?", account) for table in TABLES)]  # noqa: S608

    before = held()
    close_everything(stage, account)
    assert held() == before


def test_orders_and_invoices_name_nobody(stage: Stage) -> None:
    """What the law keeps holds of the person the account's id and nothing else."""
    close_everything(stage, stage.person.account)
    columns = stage.rows(
        "SELECT name FROM pragma_table_info('orders')"
        " UNION SELECT name FROM pragma_table_info('invoices') ORDER BY name"
    )
    known = "amount_fen completed_at due_at id issued_at paid_at placed_at product status user_id"
    assert [name for (name,) in columns] == known.split()


def test_transactions_are_kept_for_three_years_from_their_completion(stage: Stage) -> None:
    """An order finished in March 2024 is kept to the end of March 2027, on the ground of Art. 31 (L20)."""
    account, orders = stage.person.account, stage.data_set("orders")
    stage.write("DELETE FROM orders")
    stage.write(
        "INSERT INTO orders (user_id, product, amount_fen, status, placed_at, completed_at)"
        " VALUES (?, 'SIM', 1, 'finished', '2024-02-20T00:00:00Z', '2024-03-01T00:00:00Z')",
        account,
    )
    kept = orders.survey(account)[1]
    assert (kept.count, kept.until, kept.ground) == (1, datetime(2027, 4, 1, tzinfo=UTC), "E-commerce Law (CN) Art. 31")


def test_contacts_wait_for_the_messages_that_point_to_them(stage: Stage) -> None:
    """Out of order the database refuses, and nothing is erased; the set says what it waits for."""
    account, contacts = stage.person.account, stage.data_set("contacts")
    with pytest.raises(PortError, match="IntegrityError"):
        contacts.erase(EraseJob(account=account, cursor="", limit=50, key="k"))
    assert (contacts.after, contacts.remaining(account)) == (("messages",), 12)


def test_a_closed_account_has_nothing_left_that_must_go(stage: Stage) -> None:
    """Each data set says so itself (L17), and what is kept is surveyed with its end."""
    close_everything(stage, stage.person.account)
    portions = [one.survey(stage.person.account) for one in stage.pieces.data_sets]
    remaining = {one.name: one.remaining(stage.person.account) for one in stage.pieces.data_sets}
    kept = [part.until for parts in portions for part in parts if part.until is not None]
    assert set(remaining.values()) == {0}
    assert min(kept) > NOW
