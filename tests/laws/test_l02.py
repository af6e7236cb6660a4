"""L2: confirm holds only when everything that the terms ask for holds at that very moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from hht_closure.commands import NonceState
from hht_closure.errors import Refusal, RefusalCode, refusal
from hht_closure.events import ClosureConfirmed, Event, FactorProved, ReasonGiven, StatementAnswered
from hht_closure.policy import Blocked, Blocker, Clean, CodeTimes, Unknown
from hht_closure.testing import Person, accepted, given, refused
from hht_closure.testing.stories import NOW
from tests.stage import LI, TERMS, MakeStage, Stage, refusal_codes

LI_PERSON = Person()
VERIFIED = given(LI_PERSON.verified())
TICK = timedelta(microseconds=1)
MONEY_OWED = Blocker(code="money_owed", parameters={"count": 2, "amount": 4500}, ground="Contract 4.2", remedy="/bills")


def _is_statement(event: Event) -> bool:
    return isinstance(event, StatementAnswered) and event.statement == "contacts_told"


def _is_reason(event: Event) -> bool:
    return isinstance(event, ReasonGiven)


def _is_sms_proof(event: Event) -> bool:
    return isinstance(event, FactorProved) and event.factor == "sms_code"


def _is_email_proof(event: Event) -> bool:
    return isinstance(event, FactorProved) and event.factor == "email_code"


@pytest.mark.parametrize(
    ("is_left_out", "missing"),
    [
        pytest.param(_is_statement, refusal("statement_unanswered", statement="contacts_told"), id="a statement"),
        pytest.param(_is_reason, refusal("reason_missing"), id="the reason"),
        pytest.param(_is_sms_proof, refusal("factor_unproved", factor="sms_code"), id="the SMS code"),
        pytest.param(_is_email_proof, refusal("factor_unproved", factor="email_code"), id="the e-mail code"),
    ],
)
def test_what_has_not_happened_is_named_exactly(is_left_out: Callable[[Event], bool], missing: Refusal) -> None:
    """Everything happened but one thing: that one thing, and no other, is the reason of the refusal (L2, DOM-03)."""
    rest = tuple(one for one in VERIFIED.happened if not is_left_out(one))
    given(*rest).when(LI_PERSON.confirms()).then(refused(missing))


@pytest.mark.parametrize(
    ("person", "missing"),
    [
        pytest.param(
            attrs.evolve(LI_PERSON, findings=(("no_open_order", Blocked((MONEY_OWED,))),)),
            Refusal(
                "blocked",
                {
                    "precondition": "no_open_order",
                    "blocker": "money_owed",
                    "ground": "Contract 4.2",
                    "remedy": "/bills",
                    "count": 2,
                    "amount": 4500,
                },
            ),
            id="something is in the way",
        ),
        pytest.param(
            attrs.evolve(LI_PERSON, findings=(("no_open_order", Unknown()),)),
            refusal("check_unknown", precondition="no_open_order"),
            id="a source cannot be asked",
        ),
        pytest.param(
            attrs.evolve(LI_PERSON, findings=()),
            refusal("check_unknown", precondition="no_open_order"),
            id="a source was not asked",
        ),
        pytest.param(
            attrs.evolve(LI_PERSON, principal=attrs.evolve(LI_PERSON.principal, logged_in_at=None)),
            refusal("reauth_required"),
            id="nobody knows when the log-in was",
        ),
        pytest.param(
            LI_PERSON.with_contact("email", version="2"),
            refusal("factor_unproved", factor="email_code"),
            id="another e-mail address",
        ),
        pytest.param(
            attrs.evolve(LI_PERSON, terms=attrs.evolve(LI_PERSON.terms, version="2")),
            refusal("terms_changed"),
            id="other terms",
        ),
        pytest.param(
            attrs.evolve(LI_PERSON, account=attrs.evolve(LI_PERSON.account, standing="suspended")),
            refusal("account_suspended"),
            id="a sanction",
        ),
    ],
)
def test_what_no_longer_holds_is_named_exactly(person: Person, missing: Refusal) -> None:
    """All was done, and one thing is otherwise at the moment of the confirmation (L2, DOM-03)."""
    VERIFIED.when(person.confirms()).then(refused(missing))


@pytest.mark.parametrize(("nonce", "code"), [("invalid", "nonce_invalid"), ("expired", "nonce_expired")])
def test_a_nonce_that_accepts_something_else_confirms_nothing(nonce: NonceState, code: RefusalCode) -> None:
    """The notice accepted must be the one in force, and in time (L2, L11)."""
    VERIFIED.when(LI_PERSON.confirms(nonce)).then(refused(code))


def test_with_nothing_missing_the_same_person_confirms() -> None:
    """The twin of every refusal above: the same story, whole, is accepted (L2)."""
    VERIFIED.when(LI_PERSON.confirms()).then(accepted(ClosureConfirmed))


def test_everything_that_is_missing_is_said_at_once() -> None:
    """A person is not sent round by round: all reasons come in one answer, in the order of the steps (L2)."""
    stranger = attrs.evolve(
        LI_PERSON,
        findings=(("no_open_order", Unknown()),),
        principal=attrs.evolve(LI_PERSON.principal, logged_in_at=None),
    )
    given(LI_PERSON.opens()).when(stranger.confirms("invalid")).then(
        refused(
            "reauth_required",
            "check_unknown",
            "statement_unanswered",
            "statement_unanswered",
            "reason_missing",
            "factor_unproved",
            "factor_unproved",
            "nonce_invalid",
        )
    )


SHORT_LOGIN = attrs.evolve(LI_PERSON, terms=attrs.evolve(LI_PERSON.terms, login_valid_for=timedelta(minutes=10)))
SHORT_PROOF = attrs.evolve(
    LI_PERSON, terms=attrs.evolve(LI_PERSON.terms, codes=CodeTimes(proof_valid_for=timedelta(minutes=10)))
)


def test_a_login_counts_until_just_before_its_limit() -> None:
    """One microsecond before the limit no new log-in is asked for (L2, PEERS)."""
    given(SHORT_LOGIN.verified()).at(NOW + timedelta(minutes=10) - TICK).when(SHORT_LOGIN.confirms()).then(
        accepted(ClosureConfirmed)
    )


def test_a_login_is_too_old_exactly_at_its_limit() -> None:
    """Exactly at the limit it is (L2, CODE-29)."""
    given(SHORT_LOGIN.verified()).at(NOW + timedelta(minutes=10)).when(SHORT_LOGIN.confirms()).then(
        refused("reauth_required")
    )


def test_a_proof_counts_until_just_before_its_limit() -> None:
    """One microsecond before the limit the proofs hold (L2, DOM-02)."""
    given(SHORT_PROOF.verified()).at(NOW + timedelta(minutes=10) - TICK).when(SHORT_PROOF.confirms()).then(
        accepted(ClosureConfirmed)
    )


def test_a_proof_is_too_old_exactly_at_its_limit() -> None:
    """Exactly at the limit every proof of that time is gone (L2, DOM-02)."""
    given(SHORT_PROOF.verified()).at(NOW + timedelta(minutes=10)).when(SHORT_PROOF.confirms()).then(
        refused("factor_unproved", "factor_unproved")
    )


def test_a_round_ends_exactly_at_its_limit() -> None:
    """A round that has lapsed is no round, whether or not a worker has said so (L2)."""
    fresh = attrs.evolve(
        LI_PERSON, principal=attrs.evolve(LI_PERSON.principal, logged_in_at=NOW + LI_PERSON.terms.round_valid_for)
    )
    VERIFIED.at(NOW + LI_PERSON.terms.round_valid_for).when(fresh.confirms()).then(refused("no_round"))


def test_a_blocker_that_comes_after_the_proofs_keeps_the_account_open(stage: Stage) -> None:
    """All factors proved, the notice read, then an order: refused, and the account stays as it is (L2, PEERS)."""
    nonce = stage.noticed().nonce
    stage.orders_check.finding = Blocked((MONEY_OWED,))
    assert (refusal_codes(stage.service.confirm, stage.principal, nonce), stage.accounts.get(LI.id)) == (
        ("blocked",),
        LI,
    )


def test_an_old_login_must_be_renewed_and_then_confirms(make_stage: MakeStage) -> None:
    """Beyond the window a fresh log-in is asked for; with it the very same nonce confirms (L2, CODE-29)."""
    stage = make_stage(attrs.evolve(TERMS, login_valid_for=timedelta(minutes=5)))
    nonce = stage.noticed().nonce
    stage.clock.advance(timedelta(minutes=5))
    assert (
        refusal_codes(stage.service.confirm, stage.principal, nonce),
        stage.service.confirm(stage.logged_in(), nonce).at,
    ) == (("reauth_required",), stage.clock.now())


def test_both_sources_say_what_is_in_the_way_in_one_answer(stage: Stage) -> None:
    """Two preconditions block: both are in the refusal, with count and amount (L2, PEERS)."""
    nonce = stage.noticed().nonce
    stage.orders_check.finding = Blocked((attrs.evolve(MONEY_OWED, code="order_open"),))
    stage.money_check.finding = Blocked((MONEY_OWED,))
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("blocked", "blocked")


def test_a_check_that_the_terms_leave_out_is_not_asked(make_stage: MakeStage) -> None:
    """A check is switched off by the terms, and its source hears nothing (L2, PEERS)."""
    stage = make_stage(attrs.evolve(TERMS, preconditions=("no_open_order",)))
    stage.money_check.finding = Blocked((MONEY_OWED,))
    stage.closed()
    assert (stage.money_check.asked, stage.accounts.get(LI.id)) == (0, None)


def test_what_is_only_advisory_is_never_in_the_way(stage: Stage) -> None:
    """A debt below the limit is shown and holds nobody up (L2, PEERS)."""
    stage.money_check.finding = Blocked((attrs.evolve(MONEY_OWED, advisory=True),))
    stage.closed()
    assert stage.accounts.get(LI.id) is None


def test_a_paid_invoice_lets_the_same_person_go_on(stage: Stage) -> None:
    """The twin of the blocker: once it is gone, the same nonce confirms (L2)."""
    nonce = stage.noticed().nonce
    stage.money_check.finding = Blocked((MONEY_OWED,))
    refusal_codes(stage.service.confirm, stage.principal, nonce)
    stage.money_check.finding = Clean()
    assert stage.service.confirm(stage.principal, nonce).at == stage.clock.now()
