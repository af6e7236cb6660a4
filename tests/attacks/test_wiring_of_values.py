"""Nonsense from a host: refused where it is made, and at the latest a failure of its own task (L14, L16, L19)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from hht_closure.account import Account
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import CodeVerifier, sms_code_verifier
from hht_closure.adapters.memory import MemoryCodeSender
from hht_closure.adapters.phone import MobileNumbers
from hht_closure.errors import WiringError
from hht_closure.events import AccountGivenBack, ErasureBegun, TaskSetAside
from hht_closure.policy import Blocked, Blocker, Clean, Finding
from hht_closure.ports import Done, Failed, TaskJob
from tests.stage import LI, TERMS, WANG, Stage, refusal_codes

Make = Callable[..., object]


@pytest.mark.parametrize("part", ["messages", "downstream"])
def test_an_order_that_is_a_list_is_refused_when_the_service_is_built(
    stage: Stage, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``after=["orders"]`` could not be written down: it fails here, and not at the first customer (L30, DESIGN 4)."""
    monkeypatch.setattr(getattr(stage, part), "after", [])
    with pytest.raises(WiringError):
        stage.restarted()


def test_a_task_that_is_mandatory_by_a_number_is_refused_when_the_service_is_built(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``mandatory=1`` could not be written down either (L30, DESIGN 4)."""
    monkeypatch.setattr(stage.downstream, "mandatory", 1)
    with pytest.raises(WiringError):
        stage.restarted()


def test_a_tuple_and_a_fact_are_accepted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: written properly, the account is closed in that order (L16)."""
    monkeypatch.setattr(stage.downstream, "mandatory", False)
    stage.restarted()
    stage.closed()
    assert stage.accounts.get(LI.id) is None


def test_a_plan_that_cannot_be_written_down_gives_the_account_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spoilt after the service was built: the recheck fails for a bounded time, and nobody stays frozen (L14)."""
    stage.confirmed()
    monkeypatch.setattr(stage.messages, "after", ["orders"])
    stage.worked_off()
    stage.clock.advance(TERMS.recheck_for)
    stage.worked_off()
    assert (stage.count(AccountGivenBack), stage.count(ErasureBegun), stage.accounts.get(LI.id)) == (1, 0, LI)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Blocked, {"blockers": ("order_open",)}),
        (Blocked, {"blockers": [Blocker(code="order_open", ground="Contract 2", remedy="/orders")]}),
        (Blocker, {"code": "order_open", "ground": "Contract 2", "remedy": "/orders", "parameters": None}),
        (Blocker, {"code": "order_open", "ground": "Contract 2", "remedy": "/orders", "parameters": {"count": None}}),
        (Failed, {"kind": "bogus", "code": "broken"}),
    ],
    ids=["a_text", "a_list", "no_parameters", "a_nameless_parameter", "an_unknown_failure"],
)
def test_an_answer_that_is_nonsense_cannot_be_made(kind: Make, fields: Mapping[str, object]) -> None:
    """What exists is valid: the mistake shows where it is made (L30)."""
    with pytest.raises(ValueError, match=r"\w"):
        kind(**fields)


def _texts_for_li(account: Account) -> Finding:
    """A check whose blockers are texts, for one of its customers."""
    make: Make = Blocked
    return Clean() if account.id != LI.id else _finding(make(("order_open",)))


def _finding(value: object) -> Finding:
    assert isinstance(value, Clean | Blocked)
    return value


def test_a_check_that_answers_nonsense_is_unknown_to_the_person(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nonsense is not clean, and no crash: the person is told that the check could not be made (L2)."""
    monkeypatch.setattr(stage.orders_check, "check", _texts_for_li)
    assert "check_unknown" in [one.code for one in stage.opened().missing]


def test_a_check_that_answers_nonsense_gives_the_account_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for a bounded time, like any source that cannot be asked (L14)."""
    stage.confirmed()
    monkeypatch.setattr(stage.orders_check, "check", _texts_for_li)
    stage.worked_off()
    stage.clock.advance(TERMS.recheck_for)
    stage.worked_off()
    assert (stage.count(AccountGivenBack), stage.accounts.get(LI.id)) == (1, LI)


def test_a_check_that_answers_nonsense_stops_no_other_closing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two closings in one pass, the first with a nonsensical check: the second is closed (L19)."""
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    monkeypatch.setattr(stage.orders_check, "check", _texts_for_li)
    stage.service.work()
    assert stage.accounts.get(WANG.id) is None


def _bogus(_: TaskJob) -> Done | Failed:
    """A task whose failure is of no kind that there is."""
    make: Make = Failed
    return _outcome(make("bogus", "broken"))


def _outcome(value: object) -> Done | Failed:
    assert isinstance(value, Done | Failed)
    return value


def test_a_task_that_answers_nonsense_is_set_aside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted like any failure: at last an operator is called (L19)."""
    monkeypatch.setattr(stage.downstream, "run", _bogus)
    stage.closed()
    for _ in range(TERMS.retries.tries):
        stage.clock.advance(timedelta(hours=1))
        stage.service.work()
    assert [one.task for one in stage.events() if isinstance(one, TaskSetAside)] == ["host:downstream"]


def _blocked_by_nonsense() -> Blocked:
    """A finding made past its own checks, as an unpickled or a patched one can be."""
    finding = object.__new__(Blocked)
    object.__setattr__(finding, "blockers", ("a text",))
    return finding


def test_a_finding_made_past_its_checks_gives_the_account_back_and_stops_nobody(stage: Stage) -> None:
    """It cannot be decided on: a failure of that recheck, for a bounded time; another closing goes on (L14, L19)."""
    stage.confirmed()
    stage.confirmed(stage.logged_in("wang"))
    stage.orders_check.finding = _blocked_by_nonsense()
    stage.service.work(limit=1)
    stage.orders_check.finding = Clean()
    stage.worked_off()
    assert (stage.accounts.get(LI.id), stage.accounts.get(WANG.id)) == (None, None)


def test_a_finding_that_stays_nonsense_gives_the_account_back(stage: Stage) -> None:
    """Nobody stays frozen because a check is broken for good (L14)."""
    stage.confirmed()
    stage.orders_check.finding = _blocked_by_nonsense()
    stage.clock.advance(TERMS.recheck_for)
    stage.worked_off()
    assert stage.accounts.get(LI.id) == LI


@pytest.mark.parametrize(
    ("part", "method"),
    [
        ("accounts", "freeze"),
        ("orders", "erase"),
        ("messages", "remaining"),
        ("orders_check", "check"),
        ("downstream", "run"),
        ("letters", "send"),
    ],
)
def test_a_part_that_lacks_a_method_is_refused_when_the_service_is_built(
    stage: Stage, part: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was mistyped fails here with its name, and not at the first customer (DESIGN 4)."""
    monkeypatch.setattr(getattr(stage, part), method, None)
    with pytest.raises(WiringError, match=f"has no method '{method}'"):
        stage.restarted()


def test_an_adapter_that_gives_something_else_is_named_in_the_log(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A verifier that forgets its ``return`` proves nothing, and whoever reads the log learns which one (L19)."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    monkeypatch.setattr(CodeVerifier, "check", lambda *_: None)
    caplog.clear()
    refusal_codes(stage.service.answer, stage.principal, "sms_code", "123456")
    assert [record.getMessage() for record in caplog.records] == ["CodeVerifier.check failed with wrong_type"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: CaptchaVerifier([]), "a captcha provider \\(list\\) has no"),  # type: ignore[arg-type]
        (lambda: sms_code_verifier(MemoryCodeSender), "is the class MemoryCodeSender"),  # type: ignore[arg-type]
        (
            lambda: sms_code_verifier(MemoryCodeSender("sms"), numbers=MobileNumbers),  # type: ignore[arg-type]
            "the number plan is the class MobileNumbers",
        ),
    ],
    ids=["a list of providers", "a class of senders", "a class of plans"],
)
def test_what_is_no_part_of_a_verifier_is_named_when_it_is_built(make: Callable[[], object], told: str) -> None:
    """A list, a class: what is wrong is said where it is written, and not at the first customer (DESIGN 4)."""
    with pytest.raises(WiringError, match=told):
        make()
