"""Whoever has no session cannot tell one account from another, or from none: not by answer, effect or cost (L9).

Costs are counted and not timed: hashes of passwords, statements of the database, calls of ports, MACs (CODE-26).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs
import pytest

from hht_closure.account import AccountId, Principal
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.adapters.memory import MemoryCodeSender, MemoryMessages, MemoryStore
from hht_closure.errors import ClosureRefused, Refusal, refusal
from hht_closure.flows.wiring import Portal
from hht_closure.keys import KeyRing
from hht_closure.keys.derivation import Part, hmac_of
from hht_closure.policy import FixedPolicy
from hht_closure.service import ClosureService
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.values import Secret
from hht_closure.verification import captcha, email_code, sms_code
from tests.portal.stage import Stage as PortalStage
from tests.portal.stage import make_stage as make_portal
from tests.stage import Stage, WordCaptcha

# --- logging in to the sample portal ----------------------------------------------------------------------------


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[PortalStage]:
    """A small portal in a file of its own."""
    made = make_portal(tmp_path)
    yield made
    made.sample.database.close()


def _closing(portal: PortalStage) -> ClosureService:
    """The portal's closing, kept in memory."""
    entropy, pieces = UnsafeSeededEntropy(1), portal.pieces
    return ClosureService(
        portal=Portal(
            name=pieces.name,
            accounts=pieces.directory,
            preconditions=pieces.preconditions,
            data_sets=pieces.data_sets,
            messages=MemoryMessages(),
        ),
        store=MemoryStore(portal.clock),
        verifiers=(
            CaptchaVerifier(WordCaptcha()),
            sms_code_verifier(MemoryCodeSender("sms")),
            email_code_verifier(MemoryCodeSender("email")),
        ),
        keyring=KeyRing.generate(entropy),
        policy=FixedPolicy(attrs.evolve(pieces.terms, requirement=captcha & sms_code & email_code)),
        clock=portal.clock,
        entropy=entropy,
    )


def _locked(portal: PortalStage) -> AccountId:
    """The person has answered wrongly until their closing was locked."""
    account, service, terms = portal.person.account, _closing(portal), portal.pieces.terms
    portal.customer.settle_orders(account)
    portal.customer.pay_invoices(account)
    principal = Principal(account=account, session="s", logged_in_at=portal.clock.now())
    service.open(principal)
    for one in terms.statements:
        service.attest(principal, one.code, "done", wording=one.wording, locale="en")
    service.give_reason(principal, "rather_not_say")
    service.challenge(principal, "captcha")
    verdicts = [service.answer(principal, "captcha", "wrong") for _ in range(terms.attempts.failures)]
    assert verdicts[-1].locked_until is not None
    return account


def _frozen(portal: PortalStage) -> AccountId:
    """The person's account is held."""
    portal.pieces.directory.freeze(portal.person.account, 1)
    return portal.person.account


def _retired(portal: PortalStage) -> AccountId:
    """The person's account is gone."""
    portal.pieces.directory.retire(portal.person.account)
    return portal.person.account


ACCOUNTS: Final[Mapping[str, Callable[[PortalStage], AccountId]]] = {
    "open": lambda portal: portal.person.account,
    "suspended": lambda portal: portal.suspended,
    "frozen": _frozen,
    "locked in its closing": _locked,
    "retired": _retired,
    "unknown": lambda _: AccountId("nobody"),
}


def _login_name(portal: PortalStage, account: AccountId) -> str:
    """By which that account logs in; somebody's that nobody is where there is none."""
    return str(portal.one("SELECT max(login_name) FROM users WHERE id = ?", account) or "nobody")


def _watched(portal: PortalStage, ask: Callable[[], object]) -> tuple[object, int, list[str], bool]:
    """What is answered, how many passwords are hashed, what the database does, and whether all is as it was."""
    connection = portal.sample.database._connection
    before, hashed = list(connection.iterdump()), portal.hasher.verified
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    answer = ask()
    connection.set_trace_callback(None)
    return (
        answer,
        portal.hasher.verified - hashed,
        [one.split()[0] for one in statements],
        list(connection.iterdump()) == before,
    )


ONE_LOOK: Final = ["BEGIN", "SELECT", "ROLLBACK"]
"""What the database does for a log-in that fails."""


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_log_in_that_fails_is_always_the_same(portal: PortalStage, account: str) -> None:
    """Whoever it is, and whatever their closing has come to: None, one hash, one look, no trace (L9, CODE-26)."""
    login_name = _login_name(portal, ACCOUNTS[account](portal))
    seen = _watched(portal, lambda: portal.login.log_in(login_name, Secret("wrong")))
    assert seen == (None, 1, ONE_LOOK, True)


def test_the_name_and_password_of_a_retired_account_are_nobodys(portal: PortalStage) -> None:
    """What was right once is a log-in that fails like any other (L9, CODE-26)."""
    login_name, password = portal.person.login_name, portal.person.password
    _retired(portal)
    assert _watched(portal, lambda: portal.login.log_in(login_name, password)) == (None, 1, ONE_LOOK, True)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_password_that_is_wrong_is_always_the_same(portal: PortalStage, account: str) -> None:
    """The check behind the factor ``password``: False, one hash, one look, no trace (L9, CODE-26)."""
    whose = ACCOUNTS[account](portal)
    assert _watched(portal, lambda: portal.login.check(whose, Secret("wrong"))) == (False, 1, ONE_LOOK, True)


def test_a_log_in_that_succeeds_is_seen(portal: PortalStage) -> None:
    """The twin: the same watch sees the hash, the session that is written, and that something has changed (CODE-26)."""
    login_name, password = portal.person.login_name, portal.person.password
    _, hashed, statements, is_as_it_was = _watched(portal, lambda: portal.login.log_in(login_name, password))
    assert (hashed, statements, is_as_it_was) == (1, [*ONE_LOOK, "BEGIN", "INSERT", "COMMIT"], False)


# --- asking with a reference that nobody was given --------------------------------------------------------------


def _nothing(_: Stage) -> None:
    """Nobody has done anything."""


def _stopped(stage: Stage) -> None:
    """Wrong answers have locked the closing."""
    stage.reason_given()
    stage.challenged("captcha")
    for _ in range(stage.terms.attempts.failures):
        stage.service.answer(stage.principal, "captcha", "wrong")


def _withdrawn(stage: Stage) -> None:
    """The person has thought better of it."""
    stage.opened()
    stage.service.withdraw(stage.principal)


CLOSURES: Final[Mapping[str, tuple[str, Callable[[Stage], object]]]] = {
    "no account": ("nobody", _nothing),
    "no closing": ("wang", _nothing),
    "open": ("li", Stage.opened),
    "locked": ("li", _stopped),
    "ready to confirm": ("li", Stage.noticed),
    "withdrawn": ("li", _withdrawn),
    "closing": ("li", Stage.confirmed),
    "closed": ("li", Stage.closed),
}


def _refused(ask: Callable[[str], object], reference: str) -> tuple[Refusal, ...]:
    """The refusals that the reference meets, parameters included."""
    with pytest.raises(ClosureRefused) as refused:
        ask(reference)
    return refused.value.refusals


@pytest.mark.parametrize("closure", CLOSURES)
def test_a_reference_that_nobody_was_given_is_always_refused_alike(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, closure: str
) -> None:
    """Stream and key are right and the MAC is not: one refusal, one MAC, no port asked, no trace (L9, CODE-26)."""
    account, walk = CLOSURES[closure]
    walk(stage)
    forged = f"{stage.keyring.current}.{stage.stream(account)}.1.{'A' * 24}"
    before, calls = stage.everything(), stage.watched().calls
    macs: list[str] = []

    def counted(key: Secret[bytes], *parts: Part) -> bytes:
        macs.append("one")
        return hmac_of(key, *parts)

    monkeypatch.setattr("hht_closure.keys.ring.hmac_of", counted)
    refused = [_refused(ask, forged) for ask in (stage.service.status, stage.service.receipt)]
    unknown, asked = (refusal("reference_unknown"),), tuple(calls)
    assert (refused, asked, macs, stage.everything() == before) == ([unknown] * 2, (), ["one"] * 2, True)


@pytest.mark.parametrize("closure", ["open", "locked", "ready to confirm", "withdrawn", "closing", "closed"])
def test_a_reference_that_was_given_is_seen_to_be_read(stage: Stage, closure: str) -> None:
    """The twin: the genuine one reads the stream, and the same watch sees it (L9, CODE-26)."""
    account, walk = CLOSURES[closure]
    walk(stage)
    genuine = stage.keyring.reference(stage.portal, stage.stream(account), 1)
    watch = stage.watched()
    stage.service.status(genuine)
    assert watch.calls == ["journal.read"]
