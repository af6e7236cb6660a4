"""Clocks that jump, freezes that come late, log-ins from the future (L5, L6, L16, L18)."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure.account import CLOCK_SKEW, AccountId, Principal
from hht_closure.errors import StaleTokenError
from hht_closure.policy import Blocked, Blocker
from hht_closure.ports import EraseJob, Progress
from tests.stage import LI, TERMS, MakeStage, Stage, refusal_codes

AHEAD = timedelta(days=300)
ORDER = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))


def _confirmed_by_a_clock_that_ran_ahead(stage: Stage) -> None:
    """Confirmed while the clock was 300 days ahead; it is right again."""
    stage.clock.advance(AHEAD)
    stage.logged_in()
    stage.confirmed()
    stage.clock.advance(-AHEAD)
    stage.logged_in()


def test_withdrawing_helps_after_a_clock_that_ran_ahead(stage: Stage) -> None:
    """Withdrawn with the clock set right: the account is open within the hour, and not in 300 days (L6, L16)."""
    _confirmed_by_a_clock_that_ran_ahead(stage)
    stage.service.withdraw(stage.principal)
    stage.worked_off()
    assert stage.accounts.get(LI.id) == LI


def test_a_closing_confirmed_by_a_clock_that_ran_ahead_goes_on(stage: Stage) -> None:
    """Nobody withdraws: it sticks nowhere, and the account is closed within the hour (L6, L16)."""
    _confirmed_by_a_clock_that_ran_ahead(stage)
    stage.worked_off()
    assert stage.accounts.get(LI.id) is None


def test_a_failure_after_a_clock_that_ran_ahead_is_tried_again_by_the_right_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An eraser fails once, after the point of no return: it is tried again within the hour (L16, L19)."""
    _confirmed_by_a_clock_that_ran_ahead(stage)
    erase, failures = stage.orders.erase, [OSError()]

    def fail_once(job: EraseJob) -> Progress:
        for failure in failures:
            failures.clear()
            raise failure
        return erase(job)

    monkeypatch.setattr(stage.orders, "erase", fail_once)
    stage.worked_off()
    assert stage.accounts.get(LI.id) is None


def test_a_cooling_off_is_not_cut_short_by_a_right_clock(make_stage: MakeStage) -> None:
    """The twin: what is due later than its event waits for its time (L6)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(days=1)))
    stage.confirmed()
    stage.worked_off()
    assert stage.accounts.get(LI.id) == LI


def _late_freeze(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The first freeze is lost on its way and tried again in the same pass, which gives the account back."""
    freeze, unfreeze, token = stage.accounts.freeze, stage.accounts.unfreeze, stage.entropy.token
    calls: list[tuple[str, int]] = []

    def lose_the_first(account: AccountId, fence: int) -> None:
        calls.append(("freeze", fence))
        if len(calls) == 1:
            raise TimeoutError
        freeze(account, fence)

    def note(account: AccountId, fence: int) -> None:
        calls.append(("unfreeze", fence))
        unfreeze(account, fence)

    def without_jitter(size: int) -> bytes:
        return bytes(size) if size == 4 else token(size)

    stage.confirmed()
    monkeypatch.setattr(stage.accounts, "freeze", lose_the_first)
    monkeypatch.setattr(stage.accounts, "unfreeze", note)
    monkeypatch.setattr(stage.entropy, "token", without_jitter)
    stage.orders_check.finding = ORDER
    stage.clock.advance(timedelta(hours=1))
    stage.worked_off()
    monkeypatch.setattr(stage.accounts, "freeze", freeze)
    return calls


def test_a_freeze_that_arrives_after_the_giving_back_is_stale(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unfreezing has a fence of its own, higher than any freeze of the closing before it (L18, DESIGN 7)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(hours=1)))
    lost = _late_freeze(stage, monkeypatch)[0]
    with pytest.raises(StaleTokenError):
        stage.accounts.freeze(LI.id, lost[1])


def test_the_freezes_of_one_pass_share_its_fence(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: one lease, one fence for both tries; and the unfreezing is not among them (L18)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(hours=1)))
    calls = _late_freeze(stage, monkeypatch)
    first = calls[0][1]
    assert [(name, fence > first) for name, fence in calls] == [
        ("freeze", False),
        ("freeze", False),
        ("unfreeze", True),
    ]


def _locked(stage: Stage) -> None:
    """Locked by wrong answers, until now; the checks are fresh."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    wrong = stage.wrong_code("sms_code")
    for _ in range(TERMS.attempts.failures):
        stage.service.answer(stage.principal, "sms_code", wrong)
    stage.clock.advance(TERMS.attempts.locked_for)
    stage.service.recheck(stage.logged_in())


def _logged_in_ahead(stage: Stage, ahead: timedelta) -> Principal:
    """Who logged in then, by the clock of an identity provider."""
    return attrs.evolve(stage.principal, logged_in_at=stage.clock.now() + ahead)


@pytest.mark.parametrize("ahead", [AHEAD, CLOCK_SKEW + timedelta(microseconds=1)])
def test_a_log_in_from_the_future_does_not_end_a_lock(stage: Stage, ahead: timedelta) -> None:
    """After a lock a fresh log-in is asked for, and one that has not happened yet is none (L5)."""
    _locked(stage)
    assert refusal_codes(stage.service.challenge, _logged_in_ahead(stage, ahead), "captcha") == ("reauth_required",)


def test_a_log_in_by_a_clock_a_minute_ahead_ends_a_lock(stage: Stage) -> None:
    """The twin: two clocks never agree exactly (L5)."""
    _locked(stage)
    assert stage.service.challenge(_logged_in_ahead(stage, CLOCK_SKEW), "captcha").factor == "captcha"
