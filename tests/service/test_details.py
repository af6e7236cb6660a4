"""Corners of the flows: what a refusal tells in detail, budgets under conflicts, and parts that are lost half-way."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from datetime import timedelta

import attrs
import pytest

from hht_closure.account import Account, AccountId
from hht_closure.adapters.codes import CodeVerifier, email_code_verifier
from hht_closure.adapters.memory import MemoryLedger
from hht_closure.errors import ConflictError, StoreUnavailableError, WiringError
from hht_closure.events import ClosureConfirmed, TaskFailed
from hht_closure.flows.calls import driven
from hht_closure.policy import Blocked, Blocker, Clean, Finding, FixedPolicy
from hht_closure.service import ClosureService
from hht_closure.texts import sentence
from hht_closure.verification import email_code, sms_code
from hht_closure.worker.worker import LEASE_FOR
from tests.service.doubles import Parts, built, codes, portal_of, refusals
from tests.stage import GROUND, NOW, TERMS, Stage

OWED = Blocker(
    code="unpaid_invoices",
    parameters={"count": 2, "amount": 123_450, "currency": "CNY"},
    ground=GROUND,
    remedy="/bills",
)


def test_what_is_in_the_way_is_told_with_its_amount_and_where_to_put_it_right(stage: Stage) -> None:
    """The journal keeps no amounts, so that they are asked for again when a later step is refused."""
    stage.money_check.finding = Blocked((OWED,))
    stage.eligible()
    (refused,) = refusals(lambda: stage.service.give_reason(stage.principal, "rather_not_say"))
    assert (refused.code, refused.parameters["amount"], refused.parameters["remedy"]) == ("blocked", 123_450, "/bills")
    assert "1,234.50" in sentence(refused, "en")
    assert not any(b"123450" in one.body for one in stage.records())
    stage.money_check.finding = Clean()
    stage.service.recheck(stage.principal)
    assert stage.service.give_reason(stage.principal, "rather_not_say").step == "verification"


def test_what_was_put_right_meanwhile_is_told_by_its_code(stage: Stage) -> None:
    """The last check stands until the next one, and there is no amount any more to tell of."""
    stage.money_check.finding = Blocked((OWED,))
    stage.eligible()
    stage.money_check.finding = Clean()
    (refused,) = refusals(lambda: stage.service.give_reason(stage.principal, "rather_not_say"))
    assert refused.parameters == {"precondition": "no_money_owed", "blocker": "unpaid_invoices"}


class Silent:
    """A precondition whose ``check`` forgot its ``return``."""

    name = "no_money_owed"

    def check(self, account: Account) -> None:
        """Nothing."""


class Raising:
    """A precondition whose source is down, with something personal in the error."""

    name = "no_money_owed"

    def check(self, account: Account) -> Finding:
        """Raise."""
        raise ConnectionError("no row for li.weiguo@example.com")


@pytest.mark.parametrize("check", [Silent(), Raising()])
def test_a_check_that_answers_nothing_is_unknown_and_never_clean(stage: Stage, check: Silent | Raising) -> None:
    """Whether it raises or forgets to answer, the person is told that it is not known yet (L2)."""
    stage.service = built(ClosureService, stage, portal=portal_of(stage, preconditions=(stage.orders_check, check)))
    stage.eligible()
    assert stage.service.explain(stage.principal, "en").unknown == ("no_money_owed",)
    assert codes(lambda: stage.service.give_reason(stage.principal, "rather_not_say")) == ["check_unknown"]
    stage.restarted()
    stage.service.recheck(stage.principal)
    assert stage.service.give_reason(stage.principal, "rather_not_say").step == "verification"


def test_a_nonce_in_a_language_that_the_terms_do_not_have_confirms_nothing(stage: Stage) -> None:
    """It can be of no notice that anybody was shown (L11)."""
    right = stage.noticed().nonce
    assert codes(lambda: stage.service.confirm(stage.principal, f"fr.{right.partition('.')[2]}")) == ["nonce_invalid"]


def test_a_second_notice_confirms_what_the_first_has_confirmed(stage: Stage) -> None:
    """Two tabs, two nonces of the same things shown: one closing, equal answers (L12)."""
    first = stage.noticed().nonce
    stage.clock.advance(timedelta(minutes=1))
    second = stage.service.notice(stage.principal, "en").nonce
    assert first != second
    confirmation = stage.service.confirm(stage.principal, first)
    assert stage.service.confirm(stage.principal, second) == confirmation
    assert stage.count(ClosureConfirmed) == 1


def test_a_challenge_that_comes_second_takes_from_the_budgets_once(stage: Stage) -> None:
    """A conflict costs the person neither a send nor the hold-off (L8)."""
    stage.reason_given()
    stage.proved("captcha")
    watch = stage.watched()

    def second(_: int, name: str) -> None:
        if name == "journal.append" and watch.calls.count(name) <= 3:
            raise ConflictError(stage.stream(), 0)

    watch.before = second
    assert stage.challenged("sms_code").delivered is True
    assert (watch.calls.count("budgets.take"), len(stage.sms.sent)) == (1, 1)


class Unwilling(CodeVerifier):
    """A verifier that has no way to reach this account, though it has an address."""

    def offer(self, account: Account) -> str | None:
        """None."""
        return None


def test_a_verifier_without_a_way_to_the_account_is_unavailable_and_sends_nothing(stage: Stage) -> None:
    """A landline takes no SMS: the verifier knows, and says so before anything is spent (L8)."""
    verifiers = (Unwilling(stage.sms, factor="sms_code"), email_code_verifier(stage.email))
    policy = FixedPolicy(attrs.evolve(TERMS, requirement=sms_code | email_code))
    stage.service = built(ClosureService, stage, verifiers=verifiers, policy=policy)
    stage.reason_given()
    before = stage.everything()
    assert codes(lambda: stage.challenged("sms_code")) == ["factor_unavailable"]
    assert stage.everything() == before
    assert stage.proved("email_code").accepted


def test_a_ledger_that_is_lost_before_the_closing_entry_is_an_alarm(stage: Stage) -> None:
    """The head cannot be signed for an account whose entry is gone; with the ledger back it is (L24)."""
    nonce = stage.noticed().nonce
    watch = stage.watched()

    def full(_: int, name: str) -> None:
        if name == "ledger.record" and watch.calls.count(name) > 2:
            raise StoreUnavailableError("ledger", "full")

    watch.before = full
    confirmation = stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    lost = built(ClosureService, stage, store=Parts.of(stage, ledger=MemoryLedger()))
    stage.clock.advance(TERMS.retries.first)
    lost.work()
    failed = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskFailed)]
    assert failed == [("ledger_closed", "full"), ("ledger_closed", "key_missing")]
    assert [one.kind for one in stage.letters.letters] == ["farewell"], "it holds up nothing, and nothing holds it up"
    watch.before = lambda number, name: None
    stage.worked_off()
    kinds = [one.kind for one in stage.store.ledger.find(stage.stream(), 1)]
    assert kinds == ["held", "begun", "closed"]
    assert stage.service.status(confirmation.reference).closed_at == NOW


def test_a_directory_that_has_seen_a_later_token_ends_the_worker_at_that_account(stage: Stage) -> None:
    """Somebody with a later lease was there: this worker has lost its own, and a later one goes on (L18)."""
    nonce = stage.noticed().nonce
    stage.accounts.unfreeze(AccountId("li"), 3)
    confirmation = stage.service.confirm(stage.principal, nonce)
    assert stage.kinds()[-1] == "ClosureConfirmed"
    stage.clock.advance(LEASE_FOR)
    assert stage.service.work(limit=1).leases_lost == 1
    stage.worked_off()
    assert stage.service.status(confirmation.reference).step == "closed"


class Deferred:
    """Something to await that is no coroutine."""

    def __await__(self) -> Generator[None, None, Finding]:
        """Nothing, at once."""
        yield
        return Clean()


class DeferredPrecondition:
    """A plain ``def`` that gives such a thing."""

    name = "no_open_order"

    def check(self, account: Account) -> Awaitable[Finding]:
        """Something to await."""
        return Deferred()


def test_anything_to_await_is_refused_by_the_synchronous_face(stage: Stage) -> None:
    """A future as much as a coroutine: it would never be waited for."""
    portal = portal_of(stage, preconditions=(DeferredPrecondition(), stage.money_check))
    with pytest.raises(WiringError, match=r"DeferredPrecondition\.check is asynchronous"):
        built(ClosureService, stage, portal=portal).open(stage.principal)


def test_a_flow_that_waits_is_ended_and_named() -> None:
    """The synchronous face has no loop to wait on."""

    async def waits() -> Finding:
        return await Deferred()

    with pytest.raises(WiringError, match="waited for something asynchronous"):
        driven(waits())


def test_a_factor_that_the_account_cannot_be_asked_for_is_not_available(stage: Stage) -> None:
    """Without a number there is no SMS, and the page can say so before anybody asks; the mail is there."""
    stage.accounts.change_contact(stage.principal.account, "sms", None)
    view = stage.reason_given()
    assert {one.name: (one.available, one.destination is None) for one in view.factors} == {
        "captcha": (True, True),
        "sms_code": (False, True),
        "email_code": (True, False),
    }
