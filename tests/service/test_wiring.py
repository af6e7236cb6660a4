"""What does not fit together is found when the service is built, and named; not at the first customer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from hht_closure.adapters.codes import CodeVerifier, email_code_verifier, sms_code_verifier
from hht_closure.adapters.memory import MemoryDataSet, MemoryPrecondition, MemoryTask
from hht_closure.errors import ClosureRefused, InvalidValueError, WiringError
from hht_closure.flows.wiring import Portal
from hht_closure.policy import FixedPolicy, Terms
from hht_closure.service import AsyncClosureService, ClosureService
from hht_closure.verification import Factor, captcha, email_code, sms_code
from tests.service.doubles import built, portal_of
from tests.stage import TERMS, Stage

Changes = Callable[[Stage], dict[str, object]]

PASSKEY = Factor("passkey", "possession")
STRONG_EMAIL = Factor("email_code", "possession")


def _policy(terms: Terms) -> Changes:
    return lambda _: {"policy": FixedPolicy(terms)}


def _portal(**parts: object) -> Changes:
    return lambda stage: {"portal": portal_of(stage, **parts)}


FAULTS: dict[str, tuple[Changes, str]] = {
    "a factor that no verifier proves": (
        _policy(attrs.evolve(TERMS, requirement=sms_code & PASSKEY)),
        "there is no verifier 'passkey'",
    ),
    "a factor of another class than its verifier shows": (
        _policy(attrs.evolve(TERMS, requirement=captcha & STRONG_EMAIL)),
        "the verifier 'email_code' does not show 'possession'",
    ),
    "a precondition that nobody has": (
        _policy(attrs.evolve(TERMS, preconditions=("no_open_order", "no_gold"))),
        "there is no precondition 'no_gold'",
    ),
    "a data set that nobody has": (
        _policy(attrs.evolve(TERMS, data_sets=("orders", "photos"))),
        "there is no data set 'photos'",
    ),
    "two preconditions of one name": (
        _portal(preconditions=(MemoryPrecondition("no_open_order"), MemoryPrecondition("no_open_order"))),
        "there are two of the precondition 'no_open_order'",
    ),
    "two data sets of one name": (
        _portal(data_sets=(MemoryDataSet("orders"), MemoryDataSet("messages"), MemoryDataSet("orders"))),
        "there are two of the data set 'orders'",
    ),
    "two tasks of one name": (
        _portal(tasks=(MemoryTask("crm"), MemoryTask("crm"))),
        "there are two of the task 'crm'",
    ),
    "two verifiers of one factor": (
        lambda stage: {
            "verifiers": (
                sms_code_verifier(stage.sms),
                email_code_verifier(stage.email),
                CodeVerifier(stage.email, factor="sms_code"),
            )
        },
        "there are two of the verifier 'sms_code'",
    ),
    "a data set after one that nobody has": (
        _portal(data_sets=(MemoryDataSet("orders", after=("photos",)), MemoryDataSet("messages"))),
        "there is no data set that 'orders' comes after, 'photos'",
    ),
    "a task after one that nobody has": (
        _portal(tasks=(MemoryTask("crm", after=("billing",)),)),
        "there is no task that 'crm' comes after, 'billing'",
    ),
    "a data set that waits for itself": (
        _portal(data_sets=(MemoryDataSet("orders", after=("orders",)), MemoryDataSet("messages"))),
        "every data set of these waits for another: orders",
    ),
    "two data sets that wait for each other": (
        _portal(
            data_sets=(
                MemoryDataSet("orders", after=("messages",)),
                MemoryDataSet("messages", after=("orders",)),
                MemoryDataSet("photos"),
            )
        ),
        "every data set of these waits for another: messages, orders",
    ),
    "three tasks in a ring": (
        _portal(
            tasks=(
                MemoryTask("crm", after=("billing",)),
                MemoryTask("billing", after=("search",)),
                MemoryTask("search", after=("crm",)),
            )
        ),
        "every task of these waits for another: billing, crm, search",
    ),
    "a data set whose name no receipt can hold": (
        _portal(data_sets=(MemoryDataSet("orders"), MemoryDataSet("messages"), MemoryDataSet("Chat logs"))),
        "Chat logs",
    ),
    "a task whose name no receipt can hold": (_portal(tasks=(MemoryTask("Tell the CRM"),)), "Tell the CRM"),
}


@pytest.mark.parametrize("face", [ClosureService, AsyncClosureService])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_when_the_service_is_built(
    tmp_path: Path, face: Callable[..., object], fault: str
) -> None:
    """Unknown factors, names, and cycles fail here, with a message that names what is wrong (L30)."""
    changes, message = FAULTS[fault]
    stage = Stage("memory", tmp_path)
    with pytest.raises(WiringError) as error:
        built(face, stage, **changes(stage))
    assert message in str(error.value)


def test_what_fits_is_taken(stage: Stage) -> None:
    """The twin of every fault above: an order that can be kept, over data sets and tasks that are there."""
    tasks = (MemoryTask("crm", after=("billing",)), MemoryTask("billing"))
    service = built(ClosureService, stage, portal=portal_of(stage, tasks=tasks))
    assert service.open(stage.principal).step == "eligibility"


class Fickle:
    """A policy that promises some terms and gives others."""

    def __init__(self, promised: Terms, given: Terms) -> None:
        self.promised = promised
        self.given = given

    def terms_for(self, account: object) -> Terms:
        """What it never promised."""
        return self.given

    def variants(self) -> tuple[Terms, ...]:
        """The promise."""
        return (self.promised,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (attrs.evolve(TERMS, data_sets=("photos",)), "there is no data set 'photos'"),
        (attrs.evolve(TERMS, preconditions=("no_gold",)), "there is no precondition 'no_gold'"),
        (attrs.evolve(TERMS, requirement=captcha & PASSKEY), "there is no verifier 'passkey'"),
    ],
)
def test_terms_given_at_run_time_that_cannot_be_kept_open_no_round(stage: Stage, given: Terms, message: str) -> None:
    """A policy that breaks its promise is the programmer's fault: an error that names it, and nothing is written."""
    service = built(ClosureService, stage, policy=Fickle(TERMS, given))
    with pytest.raises(WiringError) as error:
        service.open(stage.principal)
    assert str(error.value) == message
    with pytest.raises(WiringError):
        service.explain(stage.principal, "en")
    assert stage.events() == ()


def test_a_portal_without_a_name_is_refused(stage: Stage) -> None:
    """The name is bound into streams, codes and receipts, so there must be one."""
    with pytest.raises(InvalidValueError):
        attrs.evolve(portal_of(stage), name="")
    assert isinstance(portal_of(stage), Portal)


def _without_messages(stage: Stage) -> ClosureService:
    """A later release of the portal: the data set is gone, and the policy knows it."""
    orders = MemoryDataSet("orders", clock=stage.clock)
    changed = FixedPolicy(attrs.evolve(TERMS, version="2026-04", data_sets=("orders",)))
    return built(ClosureService, stage, portal=portal_of(stage, data_sets=(orders,)), policy=changed)


def test_a_round_whose_data_set_a_release_removed_is_told_that_the_terms_changed(stage: Stage) -> None:
    """No KeyError: neither notice nor confirm goes on with terms that cannot be kept, and a new round does."""
    nonce = stage.noticed().nonce
    service = _without_messages(stage)
    person = stage.principal
    for call in (lambda: service.notice(person, "en"), lambda: service.confirm(person, nonce)):
        with pytest.raises(ClosureRefused) as refused:
            call()
        assert refused.value.codes == ("terms_changed",)
    assert service.withdraw(person).step == "withdrawn"
    assert service.open(person).step == "eligibility"


def test_a_round_whose_verifier_a_release_removed_can_still_be_seen_and_withdrawn(stage: Stage) -> None:
    """A factor that nobody can prove any more has no destination; the person withdraws and begins anew."""
    stage.reason_given()
    changed = FixedPolicy(attrs.evolve(TERMS, version="2026-04", requirement=email_code))
    service = built(ClosureService, stage, verifiers=(email_code_verifier(stage.email),), policy=changed)
    view = service.current(stage.principal)
    assert [(one.name, one.destination) for one in view.factors] == [
        ("captcha", None),
        ("sms_code", None),
        ("email_code", "l***@example.com"),
    ]
    service.withdraw(stage.principal)
    assert [one.name for one in service.open(stage.principal).factors] == ["email_code"]


def test_a_precondition_that_a_release_removed_is_unknown_and_never_clean(stage: Stage) -> None:
    """What nobody can ask is unknown, and unknown is not clean (L2)."""
    stage.opened()
    changed = FixedPolicy(attrs.evolve(TERMS, version="2026-04", preconditions=("no_open_order",)))
    portal = portal_of(stage, preconditions=(stage.orders_check,))
    service = built(ClosureService, stage, portal=portal, policy=changed)
    view = service.recheck(stage.principal)
    assert ("check_unknown", "no_money_owed") in [
        (one.code, one.parameters.get("precondition")) for one in view.missing
    ]


def test_terms_that_leave_no_way_but_an_sms_are_named_in_the_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """The service is built all the same; whoever reads the log learns which terms they are."""
    caplog.clear()
    built(ClosureService, stage, policy=FixedPolicy(attrs.evolve(TERMS, requirement=captcha & sms_code)))
    assert [record.getMessage() for record in caplog.records] == [
        f"terms {TERMS.version!r} leave no way but a restricted factor: offer another beside it"
    ]


def test_terms_with_another_way_are_not_named(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """The twin: beside the SMS there is a code by mail."""
    caplog.clear()
    built(ClosureService, stage, policy=FixedPolicy(attrs.evolve(TERMS, requirement=captcha & (sms_code | email_code))))
    assert caplog.records == []
