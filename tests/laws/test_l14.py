"""L14: a recheck that finds something gives the account back: first the event, then the unfreezing."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure.events import AccountGivenBack, ErasureBegun, TaskSetAside
from hht_closure.policy import Blocked, Blocker, Clean, Unknown
from hht_closure.ports import KeyMissing
from tests.stage import LI, TERMS, Killed, MakeStage, Stage, refusal_codes

ORDER = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))


def _given_back(stage: Stage) -> None:
    stage.confirmed()
    stage.orders_check.finding = ORDER
    stage.service.work()


def test_an_order_in_between_gives_the_account_back_untouched(stage: Stage) -> None:
    """The account is as it was before, and so are all its data (L14, RACE-03)."""
    before = (stage.accounts.get(LI.id), stage.orders.items(LI.id), stage.messages.items(LI.id))
    _given_back(stage)
    assert (stage.accounts.get(LI.id), stage.orders.items(LI.id), stage.messages.items(LI.id)) == before


def test_without_the_order_the_account_is_closed(stage: Stage) -> None:
    """The twin (L14)."""
    stage.closed()
    assert stage.accounts.get(LI.id) is None


def test_the_event_is_committed_before_the_account_is_unfrozen(stage: Stage) -> None:
    """When the directory hears ``unfreeze``, the journal has ``AccountGivenBack`` already (L14)."""
    stage.confirmed()
    stage.orders_check.finding = ORDER
    seen: list[bool] = []

    def look(_: int, name: str) -> None:
        if name == "accounts.unfreeze":
            seen.append("AccountGivenBack" in stage.kinds())

    stage.watched().before = look
    stage.service.work()
    assert seen == [True]


def test_a_worker_that_dies_before_the_unfreezing_leaves_no_one_frozen(stage: Stage) -> None:
    """Dead between the event and the unfreezing: the next worker unfreezes (L14, L16)."""
    stage.confirmed()
    stage.orders_check.finding = ORDER
    watch = stage.watched()

    def die(_: int, name: str) -> None:
        if name == "accounts.unfreeze":
            raise Killed

    watch.before = die
    with pytest.raises(Killed):
        stage.service.work()
    watch.before = _live
    stage.restarted()
    stage.worked_off()
    assert (stage.accounts.get(LI.id), stage.count(ErasureBegun)) == (LI, 0)


def _live(_: int, __: str) -> None:
    """No more dying."""


def test_all_proofs_are_void_and_what_was_said_stays_said(stage: Stage) -> None:
    """The person proves who they are once more, and need not say again why (L14)."""
    _given_back(stage)
    stage.orders_check.finding = Clean()
    view = stage.service.recheck(stage.principal)
    assert [(one.code, one.parameters.get("factor")) for one in view.missing] == [
        ("factor_unproved", "captcha"),
        ("factor_unproved", "sms_code"),
        ("factor_unproved", "email_code"),
    ]


def test_the_person_is_told_once(stage: Stage) -> None:
    """A letter says that the account was given back (L14)."""
    _given_back(stage)
    stage.service.work()
    assert [one.kind for one in stage.letters.letters] == ["given_back"]


def test_a_changed_contact_point_gives_the_account_back(stage: Stage) -> None:
    """What was proved was another version (L14, DESIGN 7)."""
    stage.confirmed()
    stage.accounts.change_contact(LI.id, "email", "new@example.com")
    stage.service.work()
    assert [one.causes for one in stage.events() if isinstance(one, AccountGivenBack)] == [("contacts_changed",)]


def test_a_source_that_cannot_be_asked_is_asked_again(stage: Stage) -> None:
    """Unknown for an hour, then clean: the account is closed (L14)."""
    stage.confirmed()
    stage.orders_check.finding = Unknown()
    stage.worked_off()
    still_there = stage.accounts.get(LI.id) is not None
    stage.orders_check.finding = Clean()
    stage.worked_off()
    assert (still_there, stage.accounts.get(LI.id)) == (True, None)


def test_a_source_that_cannot_be_asked_in_time_gives_the_account_back(stage: Stage) -> None:
    """Unknown until the bounded time is over: given back, and nothing erased (L14)."""
    stage.confirmed()
    stage.orders_check.finding = Unknown()
    stage.worked_off()
    stage.clock.advance(TERMS.recheck_for)
    stage.service.work()
    assert (stage.count(AccountGivenBack), stage.accounts.get(LI.id), stage.messages.remaining(LI.id)) == (1, LI, 2)


def test_a_source_that_cannot_be_asked_holds_the_account_until_then(stage: Stage) -> None:
    """The twin: before the bounded time is over, it stays frozen and is not given back (L14)."""
    stage.confirmed()
    stage.orders_check.finding = Unknown()
    stage.clock.advance(TERMS.recheck_for - timedelta(seconds=1))
    stage.service.work()
    assert (stage.count(AccountGivenBack), stage.service.current(stage.principal).step) == (0, "closing")


def test_a_check_that_raises_is_unknown_and_not_clean(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in a precondition at the recheck erases nothing (L2, L14)."""
    stage.confirmed()

    def check(_: object) -> None:
        raise RuntimeError("the billing system is down")

    monkeypatch.setattr(stage.money_check, "check", check)
    stage.worked_off()
    assert stage.count(ErasureBegun) == 0


@pytest.mark.parametrize("step", ["freeze", "revoke_sessions"])
def test_a_directory_that_fails_until_the_time_is_over_costs_nobody_the_account(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Neither frozen for ever nor set aside: given back, as where a source cannot be asked (L14)."""
    monkeypatch.setattr(stage.accounts, step, _refuse)
    stage.confirmed()
    stage.worked_off()
    stage.clock.advance(TERMS.recheck_for)
    stage.worked_off()
    assert (stage.count(AccountGivenBack), stage.count(TaskSetAside), stage.accounts.get(LI.id)) == (1, 0, LI)


@pytest.mark.parametrize("step", ["freeze", "revoke_sessions"])
def test_a_directory_that_answers_in_time_costs_time_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The twin: within the bounded time the closing goes through, however often it failed (L14)."""
    with monkeypatch.context() as down:
        down.setattr(stage.accounts, step, _refuse)
        stage.confirmed()
        stage.worked_off()
    stage.worked_off()
    assert (stage.count(AccountGivenBack), stage.accounts.get(LI.id)) == (0, None)


def test_workers_lost_over_the_freeze_do_not_hold_the_account_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process dies over it until the time is over, and then the account is given back (L14, L19)."""
    with monkeypatch.context() as deadly:
        deadly.setattr(stage.accounts, "freeze", _die)
        with pytest.raises(Killed):
            stage.confirmed()
        for _ in range(20):
            stage.clock.advance(timedelta(minutes=3))
            with pytest.raises(Killed):
                stage.service.work()
        stage.clock.advance(TERMS.recheck_for)
        stage.worked_off()
    assert (stage.count(AccountGivenBack), stage.count(TaskSetAside), stage.accounts.get(LI.id)) == (1, 0, LI)


def test_an_unfreezing_that_keeps_failing_calls_for_help_and_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alarms, and no operator is needed: as soon as the directory answers nobody is frozen (L14, L19)."""
    with monkeypatch.context() as down:
        down.setattr(stage.accounts, "unfreeze", _refuse)
        _given_back(stage)
        for _ in range(12):
            stage.worked_off()
    alarms = {(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)}
    stage.worked_off()
    assert (alarms, stage.accounts.get(LI.id)) == ({("unfreeze:1.0", "adapter_failed")}, LI)


def test_an_unfreezing_that_kills_workers_calls_for_help_and_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where nobody lives to say that it failed: one alarm for every ten that are lost (L14, L19)."""
    with monkeypatch.context() as deadly:
        deadly.setattr(stage.accounts, "unfreeze", _die)
        stage.confirmed()
        stage.orders_check.finding = ORDER
        for _ in range(30):
            try:
                stage.service.work()
            except Killed:
                stage.clock.advance(timedelta(minutes=3))
    alarms = [(one.task, one.code) for one in stage.events() if isinstance(one, TaskSetAside)]
    stage.worked_off()
    assert (alarms, stage.accounts.get(LI.id)) == ([("unfreeze:1.0", "worker_lost")], LI)


def _refuse(*_: object) -> None:
    raise ConnectionError("the directory is down")


def _die(*_: object) -> None:
    raise Killed


def test_an_account_given_back_can_be_closed_later(stage: Stage) -> None:
    """The order is settled, everything is proved anew, and the closing goes through (L14)."""
    _given_back(stage)
    stage.orders_check.finding = Clean()
    stage.clock.advance(timedelta(minutes=2))
    stage.closed()
    assert (stage.accounts.get(LI.id), stage.count(ErasureBegun)) == (None, 1)


def test_until_the_order_is_settled_it_is_named(stage: Stage) -> None:
    """Given back and still blocked: the next confirmation is not reached (L14, L2)."""
    _given_back(stage)
    stage.service.recheck(stage.principal)
    assert refusal_codes(stage.service.notice, stage.principal, "en") == (
        "blocked",
        "factor_unproved",
        "factor_unproved",
        "factor_unproved",
    )


def test_an_account_suspended_during_the_cooling_off_is_given_back(make_stage: MakeStage) -> None:
    """A sanction that comes before the freeze is not escaped by closing: given back, suspended as it is (L14)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(days=1)))
    stage.confirmed()
    stage.accounts.change_standing(LI.id, "suspended")
    stage.clock.advance(timedelta(days=1))
    stage.service.work()
    account = stage.accounts.get(LI.id)
    assert (stage.count(AccountGivenBack), stage.count(ErasureBegun), account and account.standing) == (
        1,
        0,
        "suspended",
    )


def test_an_account_that_is_not_suspended_is_closed_after_the_cooling_off(make_stage: MakeStage) -> None:
    """The twin (L14)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(days=1)))
    stage.confirmed()
    stage.clock.advance(timedelta(days=1))
    stage.service.work()
    assert stage.accounts.get(LI.id) is None


def test_an_account_suspended_while_it_is_frozen_is_given_back(stage: Stage) -> None:
    """Nor is a sanction escaped that comes between the freeze and the erasure (L14)."""
    stage.confirmed()
    stage.accounts.change_standing(LI.id, "suspended")
    stage.service.work()
    account = stage.accounts.get(LI.id)
    assert (stage.count(AccountGivenBack), stage.count(ErasureBegun), account and account.standing) == (
        1,
        0,
        "suspended",
    )


def test_an_account_is_given_back_also_when_the_vault_is_lost(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is gone while it is frozen, and an order comes in: the ledger names it, and it is unfrozen (L14)."""
    stage = make_stage(attrs.evolve(TERMS, farewell_for=None))
    stage.confirmed()
    monkeypatch.setattr(stage.store.vault, "fetch", lambda _: KeyMissing())
    stage.orders_check.finding = ORDER
    stage.worked_off()
    account = stage.accounts.get(LI.id)
    assert (stage.count(AccountGivenBack), account and account.standing) == (1, "open")
