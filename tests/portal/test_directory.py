"""The sample portal's directory: its suite, and the guard in front of the orders."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from hht_closure.account import AccountId
from hht_closure.errors import ClosureRefused, InvalidValueError, PortError, StoreUnavailableError
from hht_closure.portal import PortalDirectory, assert_open
from hht_closure.testing.contracts._expect import at_once
from hht_closure.testing.contracts.account_directory import SuspendingDirectoryContract
from hht_closure.values import Secret
from tests.portal.stage import Stage


class TestPortalDirectory(SuspendingDirectoryContract):
    """The law of an account directory."""

    stage: Stage
    tokens: dict[AccountId, Secret[str]]

    @pytest.fixture(autouse=True)
    def _on_stage(self, stage: Stage) -> None:
        self.stage, self.tokens = stage, {}

    def make_directory(self) -> PortalDirectory:
        """The directory of the sample."""
        return self.stage.pieces.directory

    def an_account(self) -> AccountId:
        """One of the persons, logged in just now."""
        person = self.stage.sample.persons[len(self.tokens)]
        token = self.stage.login.log_in(person.login_name, person.password)
        assert token is not None
        self.tokens[person.account] = token
        return person.account

    def a_suspended_account(self) -> AccountId:
        """The suspended user."""
        return self.stage.suspended

    def live_sessions(self, account: AccountId) -> int:
        """Whether the token that the person holds is honoured."""
        return int(self.stage.login.principal(self.tokens[account]) is not None)


def refusals_of(stage: Stage, account: AccountId) -> tuple[str, ...]:
    """Why the guard lets that account take no order."""
    with stage.sample.database.transaction() as connection, pytest.raises(ClosureRefused) as refused:
        assert_open(connection, account)
    return refused.value.codes


def test_an_open_account_passes_the_guard(stage: Stage) -> None:
    """Business of an open account goes on, and the order it takes is there."""
    number = stage.customer.place_order(stage.person.account, product="SIM", amount_fen=100)
    assert stage.one("SELECT status FROM orders WHERE id = ?", number) == "placed"


def test_a_frozen_account_takes_no_order(stage: Stage) -> None:
    """After the freeze the guard refuses, and no order is written (L13)."""
    account, count = stage.person.account, "SELECT count(*) FROM orders"
    stage.pieces.directory.freeze(account, 1)
    before = stage.one(count)
    with pytest.raises(ClosureRefused, match="account_frozen"):
        stage.customer.place_order(account, product="SIM", amount_fen=100)
    assert stage.one(count) == before


def test_a_suspended_account_takes_no_order(stage: Stage) -> None:
    """A sanction stops business, too, and says that it is one."""
    assert refusals_of(stage, stage.suspended) == ("account_suspended",)


def test_a_retired_and_an_unknown_account_are_refused_alike(stage: Stage) -> None:
    """Nobody learns from the guard whether there once was such an account (L9)."""
    stage.pieces.directory.retire(stage.person.account)
    assert refusals_of(stage, stage.person.account) == refusals_of(stage, AccountId("nobody")) == ("account_unknown",)


def test_the_guard_outside_a_transaction_is_an_error(stage: Stage) -> None:
    """Without a transaction the guard could hold nothing, so it does not pretend to."""
    bare = sqlite3.connect(stage.path)
    with pytest.raises(InvalidValueError, match="no_transaction"):
        assert_open(bare, stage.person.account)
    bare.close()


def test_the_guard_holds_the_freeze_off_until_the_order_is_written(stage: Stage) -> None:
    """It writes the row that the freeze writes, also in a transaction that had only read so far (L13)."""
    host = sqlite3.connect(stage.path, isolation_level=None)
    host.execute("BEGIN")
    assert_open(host, stage.person.account)
    rival = sqlite3.connect(stage.path, isolation_level=None, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        rival.execute("UPDATE users SET standing = 'frozen' WHERE id = ?", (stage.person.account,))
    host.close()
    rival.close()


def test_of_a_freeze_and_orders_at_one_instant_no_order_comes_after_the_freeze(stage: Stage) -> None:
    """Every order that the recheck after the freeze does not see was refused (L13)."""
    account = stage.person.account
    seen: list[int | str | None] = []

    def close() -> int:
        stage.pieces.directory.freeze(account, 1)
        seen.append(stage.one("SELECT count(*) FROM orders WHERE user_id = ?", account))
        return 0

    def order() -> int:
        with contextlib.suppress(ClosureRefused):
            return stage.customer.place_order(account, product="SIM", amount_fen=1)
        return 0

    at_once([*[order] * 7, close])
    assert seen == [stage.one("SELECT count(*) FROM orders WHERE user_id = ?", account)]


def test_a_retired_row_holds_nothing_of_the_person(stage: Stage) -> None:
    """What is left is the id, the standing, and numbers that only grow."""
    account = stage.person.account
    stage.pieces.directory.freeze(account, 4)
    stage.pieces.directory.retire(account)
    left = stage.rows(
        "SELECT login_name, password_hash, phone, email, locale, standing, standing_before_freeze, freeze_token"
        " FROM users WHERE id = ?",
        account,
    )
    assert left == [(None, None, None, None, "und", "retired", None, 4)]


def test_an_id_cannot_be_issued_twice(stage: Stage) -> None:
    """A user's row cannot be deleted, so its id stays taken."""
    with pytest.raises(PortError, match="portal_database failed with IntegrityError"):
        stage.write("DELETE FROM users WHERE id = ?", stage.person.account)


def test_a_contact_version_does_not_come_back_with_its_address(stage: Stage) -> None:
    """A number that is changed, and changed back, has a version that was never there before (L3)."""
    account, directory = stage.person.account, stage.pieces.directory
    first = directory.get(account)
    assert first is not None
    address = {point.channel: point.address for point in first.contacts}
    stage.customer.change_phone(account, "+8619900009999")
    stage.customer.change_phone(account, address["sms"])
    stage.customer.change_email(account, "elsewhere@example.org")
    stage.customer.change_email(account, address["email"])
    second = directory.get(account)
    assert second is not None
    assert (first.contact_versions, second.contact_versions) == (
        (("email", "1"), ("sms", "1")),
        (("email", "3"), ("sms", "3")),
    )


def test_a_directory_that_cannot_be_asked_says_so(stage: Stage) -> None:
    """A table that is gone gives the library's error and not SQLite's."""
    stage.write("ALTER TABLE users RENAME TO elsewhere")
    with pytest.raises(StoreUnavailableError):
        stage.pieces.directory.get(stage.person.account)
