"""Observers that fail, errors that say too much, adapters that raise errors of ours (L4, L8, L14, L16, L19, L22)."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Never

import attrs
import pytest

from hht_closure.account import Account
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import CodeVerifier, email_code_verifier
from hht_closure.errors import (
    ClosureRefused,
    ConflictError,
    DeliveryError,
    LeaseLostError,
    PortError,
    StaleTokenError,
    StoreUnavailableError,
)
from hht_closure.events import AccountGivenBack, AttemptCounted, Clear, Event, TaskSetAside
from hht_closure.policy import Terms
from hht_closure.ports import Asked, ChallengeJob, CodeMessage, Done, Offer, PersonAnswer, RequestInfo, TaskJob
from hht_closure.service import ClosureService
from tests.service.doubles import built
from tests.stage import LI, TERMS, WANG, Stage, WordCaptcha, refusal_codes

Observing = Callable[[str, tuple[Event, ...]], None]

OURS = (
    StoreUnavailableError("metrics", "full"),
    ConflictError("another", 1),
    LeaseLostError("another", 1),
    StaleTokenError(1, 2),
)
"""Errors of the library's own, which an adapter that uses its parts may raise."""

each_of_ours = pytest.mark.parametrize("error", OURS, ids=lambda one: type(one).__name__)
each_about_leases = pytest.mark.parametrize("error", OURS[2:], ids=lambda one: type(one).__name__)


def _raising(error: Exception) -> Callable[[object], Done]:
    """A call of one argument that ends with this error."""

    def fail(_: object) -> Done:
        raise error

    return fail


def _observing(error: Exception) -> Observing:
    """An observer that ends with this error."""

    def fail(_: str, __: tuple[Event, ...]) -> None:
        raise error

    return fail


def _passes(stage: Stage) -> None:
    """Everything that is tried within the time for which an unclear recheck is tried again, and an hour more."""
    stage.worked_off()
    stage.clock.advance(TERMS.recheck_for)
    stage.worked_off()


# --- observers ----------------------------------------------------------------------------------------------


def test_observers_see_no_text_in_clear(stage: Stage) -> None:
    """From the first look to the receipt, a metric gets what the journal gets, and no more (L22)."""
    stage.closed()
    assert not [
        (type(event).__name__, name)
        for event in stage.happened.events
        for name, value in attrs.asdict(event, recurse=False).items()
        if isinstance(value, Clear)
    ]


def test_observers_see_what_is_stored(stage: Stage) -> None:
    """The twin: every event of the closing, exactly as it stands in the journal (L22)."""
    stage.closed()
    assert tuple(stage.happened.events) == stage.events()


@each_of_ours
def test_an_observer_that_fails_does_not_count_an_answer_twice(
    stage: Stage, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wrong answer is one attempt, and the person gets the verdict (L4, L5)."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    before = stage.count(AttemptCounted)
    monkeypatch.setattr(stage.happened, "happened", _observing(error))
    verdict = stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    assert (verdict.accepted, stage.count(AttemptCounted) - before) == (False, 1)


def test_an_observer_that_fails_holds_up_no_closing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker goes on as if nobody had looked (L16)."""
    stage.confirmed()
    monkeypatch.setattr(stage.happened, "happened", _observing(StoreUnavailableError("metrics", "full")))
    stage.service.work()
    assert stage.accounts.get(LI.id) is None


# --- what stands behind an error ----------------------------------------------------------------------------


def _check_that_quotes(_: CodeVerifier, job: ChallengeJob, answer: PersonAnswer, __: RequestInfo) -> bool:
    """A verifier whose error quotes the code and the number."""
    raise RuntimeError(answer, job.contact and job.contact.address)


def _directory_that_quotes(_: str) -> Account | None:
    """A directory whose error quotes the number."""
    raise RuntimeError(LI.contacts[0].address)


def _logged(error: BaseException) -> str:
    """What ``logger.exception`` writes of it: with all that stands behind."""
    return "".join(traceback.format_exception(error))


def test_no_code_stands_behind_a_refusal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier's own exception goes nowhere, since a log would show the code and the number (L7, L22)."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    code = stage.code("sms_code")
    monkeypatch.setattr(CodeVerifier, "check", _check_that_quotes)
    with pytest.raises(ClosureRefused) as refused:
        stage.service.answer(stage.principal, "sms_code", code)
    assert [one for one in (code, LI.contacts[0].address) if one in _logged(refused.value)] == []


def test_no_number_stands_behind_a_failure_of_a_port(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory's own exception goes nowhere either (L22)."""
    monkeypatch.setattr(stage.accounts, "get", _directory_that_quotes)
    with pytest.raises(PortError) as failed:
        stage.service.current(stage.principal)
    assert LI.contacts[0].address not in _logged(failed.value)


def test_a_failure_of_a_port_says_what_raised_and_where(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: whoever mends the adapter is told the kind of error and the file (L22)."""
    monkeypatch.setattr(stage.accounts, "get", _directory_that_quotes)
    with pytest.raises(PortError, match=r"RuntimeError.*test_observers_and_errors\.py:\d+"):
        stage.service.current(stage.principal)


def test_no_reference_shows_in_a_repr(stage: Stage) -> None:
    """The reference is a ticket: a log that prints an answer does not give it away (L22)."""
    confirmation = stage.confirmed()
    view = stage.service.current(stage.principal)
    assert [confirmation.reference in repr(one) for one in (confirmation, view)] == [False, False]


def test_the_reference_is_in_the_answers(stage: Stage) -> None:
    """The twin: both hold it (L12)."""
    confirmation = stage.confirmed()
    assert stage.service.current(stage.principal).reference == confirmation.reference


# --- adapters that raise errors of ours ---------------------------------------------------------------------


@each_of_ours
def test_a_check_that_raises_an_error_of_ours_is_unknown(
    stage: Stage, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that reads by way of this library raises this library's errors: unknown, as any other (L2)."""
    monkeypatch.setattr(stage.money_check, "check", _raising(error))
    assert "check_unknown" in [one.code for one in stage.opened().missing]


@each_about_leases
def test_a_check_that_raises_an_error_about_leases_freezes_nobody_for_ever(
    stage: Stage, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for a bounded time, and then the account is given back (L14)."""
    stage.confirmed()
    monkeypatch.setattr(stage.money_check, "check", _raising(error))
    _passes(stage)
    assert (stage.count(AccountGivenBack), stage.accounts.get(LI.id)) == (1, LI)


@each_about_leases
def test_a_task_that_raises_an_error_about_leases_is_set_aside(
    stage: Stage, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost lease is what the directory and the journal say, and no task of the host's (L18, L19)."""
    stage.confirmed()
    monkeypatch.setattr(stage.downstream, "run", _raising(error))
    _passes(stage)
    assert {one.task for one in stage.events() if isinstance(one, TaskSetAside)} == {"host:downstream"}


def test_a_task_that_claims_a_lost_lease_starves_no_other_closing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass over two streams, the first with such a task: it is not taken twice, and the second is closed (L19)."""
    run = stage.downstream.run

    def lose_li(job: TaskJob) -> object:
        if job.account == LI.id:
            raise LeaseLostError("another", 1)
        return run(job)

    monkeypatch.setattr(stage.downstream, "run", lose_li)
    stage.closed()
    stage.clock.advance(2 * TERMS.retries.first)
    stage.confirmed(stage.logged_in("wang"))
    stage.service.work(limit=2)
    assert stage.accounts.get(WANG.id) is None


def _begin_that_fails(_: CodeVerifier, __: ChallengeJob) -> Asked:
    """A verifier that lets its sender's error through."""
    raise DeliveryError("sms", "unreachable")


def _check_that_fails(_: CodeVerifier, __: ChallengeJob, ___: PersonAnswer, ____: RequestInfo) -> bool:
    """A verifier that asks elsewhere, and gets no answer."""
    raise DeliveryError("sms", "unreachable")


def test_a_verifier_that_cannot_send_keeps_the_challenge(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises: the person is told that nothing was delivered (L8)."""
    stage.reason_given()
    stage.proved("captcha")
    monkeypatch.setattr(CodeVerifier, "begin", _begin_that_fails)
    assert stage.challenged("sms_code").delivered is False


def test_a_verifier_that_cannot_judge_refuses_for_now(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises: the person may try again, and the attempt counts (L4)."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    monkeypatch.setattr(CodeVerifier, "check", _check_that_fails)
    codes = refusal_codes(stage.service.answer, stage.principal, "sms_code", stage.code("sms_code"))
    assert (codes, stage.count(AttemptCounted)) == (("answer_not_judged",), 2)


def test_an_adapter_that_fails_leaves_a_trace_and_nothing_of_its_text(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says which call, type and line, so that it can be mended; the text stays where it was (L22)."""
    stage.opened()
    monkeypatch.setattr(stage.orders_check, "check", _raising(ValueError("canary +8613800001234")))
    with caplog.at_level("WARNING", logger="hht_closure"):
        stage.service.current(stage.principal)
    assert ("ValueError at test_observers_and_errors.py:" in caplog.text, "canary" in caplog.text) == (True, False)


class LeakingVerifier(CodeVerifier):
    """A verifier whose errors are of the right kind, and stand on one that quotes everything."""

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Cannot compare."""
        return _unavailable(f"compare {answer}")

    def offer(self, account: Account) -> Offer | None:
        """Cannot say."""
        return super().offer(account) if self.is_open else _unavailable(str(account.contacts))

    is_open = True


def _unavailable(text: str) -> Never:
    raise StoreUnavailableError("crm", "locked") from RuntimeError(text)


def _behind(error: BaseException) -> list[str]:
    """The kinds of everything that is behind an error."""
    behind: list[str] = []
    link: BaseException | None = error
    while link := link.__cause__ or link.__context__:
        behind.append(type(link).__name__)
    return behind


def test_nothing_stands_behind_a_refusal_that_an_adapters_own_error_led_to(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither answer nor address is to be had from a refusal, or from the log, which names kind and place (L7)."""
    verifier = LeakingVerifier(stage.sms)
    stage.service = built(
        ClosureService, stage, verifiers=(CaptchaVerifier(WordCaptcha()), verifier, email_code_verifier(stage.email))
    )
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    with pytest.raises(ClosureRefused) as unjudged:
        stage.service.answer(stage.principal, "sms_code", "424242")
    verifier.is_open = False
    stage.clock.advance(TERMS.codes.resend_after)
    with pytest.raises(ClosureRefused) as unasked:
        stage.service.challenge(stage.principal, "sms_code")
    assert {*_behind(unjudged.value), *_behind(unasked.value)} == {"StoreUnavailableError"}
    assert [one for one in ("424242", "+86138") if one in caplog.text] == []
    assert "StoreUnavailableError(crm, locked) (RuntimeError at nowhere)" in caplog.text


def test_a_sender_that_quotes_the_code_in_its_error_is_not_quoted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands in an error's place for a code is logged if it is one (L7)."""
    stage.reason_given()
    stage.proved("captcha")

    def send(message: CodeMessage) -> None:
        raise DeliveryError("sms", f"cannot deliver {message.code.reveal()} to {message.destination.reveal()}")

    monkeypatch.setattr(stage.sms, "send", send)
    stage.challenged("sms_code")
    assert "a code was not delivered: sms: unknown" in caplog.text
    assert "cannot deliver" not in caplog.text


def test_a_policy_that_fails_is_named_without_its_text(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it raised may quote the account (L22)."""

    def fail(_: Account) -> Terms:
        raise KeyError("no tariff for +8613800001234")

    monkeypatch.setattr(stage.policy, "terms_for", fail)
    with pytest.raises(PortError) as failed:
        stage.opened()
    assert (str(failed.value), _behind(failed.value)) == ("policy.terms_for failed with KeyError", [])
