"""The sample portal's preconditions: their suites, and what their blockers say."""

from __future__ import annotations

import pytest

from hht_closure.account import Account, AccountId
from hht_closure.policy import Blocked, Unknown
from hht_closure.ports import Precondition
from hht_closure.testing.contracts.precondition import PreconditionContract
from tests.portal.stage import Stage


def account_of(stage: Stage, account: AccountId) -> Account:
    """The account as the directory gives it."""
    found = stage.pieces.directory.get(account)
    assert found is not None
    return found


class _OnStage(PreconditionContract):
    """The person is blocked, the others are not."""

    number: int
    stage: Stage

    @pytest.fixture(autouse=True)
    def _on_stage(self, stage: Stage) -> None:
        self.stage = stage

    def make_clean(self) -> tuple[Precondition, Account]:
        """Somebody with nothing open."""
        return self.stage.pieces.preconditions[self.number], account_of(self.stage, self.stage.other)

    def make_blocked(self) -> tuple[Precondition, Account]:
        """The person."""
        return self.stage.pieces.preconditions[self.number], account_of(self.stage, self.stage.person.account)


class TestNoUnfinishedOrders(_OnStage):
    """The law of a precondition, for orders."""

    number = 0


class TestNoUnpaidInvoices(_OnStage):
    """The law of a precondition, for invoices."""

    number = 1


def blocker_of(stage: Stage, number: int) -> tuple[str, dict[str, object], str]:
    """Code, parameters and remedy of the one blocker."""
    finding = stage.pieces.preconditions[number].check(account_of(stage, stage.person.account))
    assert isinstance(finding, Blocked)
    (blocker,) = finding.blockers
    return blocker.code, dict(blocker.parameters), blocker.remedy


def test_unfinished_orders_are_counted(stage: Stage) -> None:
    """A second order under way makes two, and the page to go to is named."""
    stage.customer.place_order(stage.person.account, product="SIM", amount_fen=1)
    assert blocker_of(stage, 0) == ("unfinished_orders", {"count": 2}, "/orders")


def test_unpaid_invoices_are_counted_and_summed(stage: Stage) -> None:
    """The sum is in fen, with its currency."""
    account = stage.person.account
    stage.write("UPDATE invoices SET amount_fen = 700 WHERE user_id = ? AND status = 'open'", account)
    stage.write(
        "INSERT INTO invoices (user_id, amount_fen, status, issued_at, due_at)"
        " VALUES (?, 50, 'open', '2026-02-01T00:00:00Z', '2026-02-15T00:00:00Z')",
        account,
    )
    parameters = {"count": 2, "amount": 750, "currency": "CNY"}
    assert blocker_of(stage, 1) == ("unpaid_invoices", parameters, "/invoices")


def test_settling_and_paying_clears_the_way(stage: Stage) -> None:
    """Exactly one order and one invoice are in the person's way, and the person can put both right."""
    account = stage.person.account
    settled = (stage.customer.settle_orders(account), stage.customer.pay_invoices(account))
    findings = [one.check(account_of(stage, account)) for one in stage.pieces.preconditions]
    assert (settled, [type(one).__name__ for one in findings]) == ((1, 1), ["Clean", "Clean"])


@pytest.mark.parametrize(("number", "table"), [(0, "orders"), (1, "invoices")])
def test_a_source_that_cannot_be_asked_is_unknown(stage: Stage, number: int, table: str) -> None:
    """Unknown is not clean."""
    account = account_of(stage, stage.person.account)
    stage.write(f"DROP TABLE {table}")
    assert stage.pieces.preconditions[number].check(account) == Unknown()
