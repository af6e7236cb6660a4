"""L13: freeze first, then check again, then erase."""

from __future__ import annotations

import attrs
import pytest

from hht_closure.commands import FinishTask, RecheckAccount, SettleDataSet
from hht_closure.events import ErasureBegun, TaskFailed
from hht_closure.policy import Clean
from hht_closure.tasks import PlannedTask
from hht_closure.testing import Person, accepted, given, refused, worked_until
from tests.stage import LI, TERMS, MakeStage, Stage

PERSON = Person()


def _recheck(standing: str) -> RecheckAccount:
    return RecheckAccount(
        account=attrs.evolve(PERSON.account, standing="frozen" if standing == "frozen" else "open"),
        findings=(("no_open_order", Clean()),),
        data_sets=(PlannedTask("messages"),),
        host_tasks=(),
        farewell=None,
        jitter=0,
    )


def test_the_account_is_frozen_then_checked_again_then_erased(stage: Stage) -> None:
    """Of the calls outside, in the order in which they were made: freeze, sessions, both checks, erasures (L13)."""
    nonce = stage.noticed().nonce
    watch = stage.watched()
    stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    wanted = {
        "accounts.freeze",
        "accounts.revoke_sessions",
        "no_open_order.check",
        "no_money_owed.check",
        "orders.erase",
        "messages.erase",
        "accounts.retire",
    }
    frozen = watch.calls.index("accounts.freeze")
    assert [one for one in watch.calls[frozen:] if one in wanted] == [
        "accounts.freeze",
        "accounts.revoke_sessions",
        "no_open_order.check",
        "no_money_owed.check",
        "orders.erase",
        "messages.erase",
        "accounts.retire",
    ]


def test_data_sets_go_in_the_order_of_what_they_depend_on(make_stage: MakeStage) -> None:
    """Messages come after orders, whatever order the terms name them in (L13, ERAS-07, PEERS)."""
    stage = make_stage(attrs.evolve(TERMS, data_sets=("messages", "orders")))
    stage.confirmed()
    watch = stage.watched()
    stage.service.work()
    assert [one for one in watch.calls if one.endswith(".erase")] == ["orders.erase", "messages.erase"]


def test_the_clean_recheck_is_committed_before_the_first_eraser_is_called(stage: Stage) -> None:
    """When the first eraser is called, ``ErasureBegun`` is in the journal already (L13, L15)."""
    stage.confirmed()
    seen: list[bool] = []

    def look(_: int, name: str) -> None:
        if name.endswith(".erase"):
            seen.append("ErasureBegun" in stage.kinds())

    stage.watched().before = look
    stage.service.work()
    assert seen == [True, True]


def test_the_account_is_frozen_in_the_call_that_confirms(stage: Stage) -> None:
    """No worker has run yet, and nobody can order anything any more (L13)."""
    stage.confirmed()
    account = stage.accounts.get(LI.id)
    assert (None if account is None else account.standing, stage.accounts.sessions(LI.id)) == ("frozen", frozenset())


def test_a_freeze_that_fails_stops_everything_behind_it(stage: Stage) -> None:
    """As long as the account cannot be frozen, nothing is checked again and nothing erased (L13)."""
    nonce = stage.noticed().nonce
    watch = stage.watched()

    def fail(_: int, name: str) -> None:
        if name == "accounts.freeze":
            raise OSError("no directory today")

    watch.before = fail
    stage.service.confirm(stage.principal, nonce)
    stage.worked_off()
    assert (stage.service.current(stage.principal).irreversible, stage.messages.remaining(LI.id)) == (False, 2)


def test_a_recheck_before_the_freeze_is_refused_by_the_machine() -> None:
    """Not even a broken worker can begin the erasure while the freeze is pending (L13)."""
    given(PERSON.confirmed()).when(_recheck("frozen")).then(refused("task_unknown"))


def test_a_clean_recheck_of_an_account_that_is_not_frozen_begins_nothing() -> None:
    """A directory that only says it froze: the recheck sees the standing, and asks again (L13)."""
    given(PERSON.confirmed(), worked_until("recheck")).when(_recheck("open")).then(accepted(TaskFailed))


def test_a_clean_recheck_of_a_frozen_account_begins_the_erasure() -> None:
    """The twin (L13)."""
    given(PERSON.confirmed(), worked_until("recheck")).when(_recheck("frozen")).then(accepted(ErasureBegun))


def test_the_recheck_cannot_be_reported_as_simply_done() -> None:
    """There is one way past the recheck, and it is the recheck (L13)."""
    given(PERSON.confirmed(), worked_until("recheck")).when(FinishTask(task="recheck")).then(refused("task_unknown"))


@pytest.mark.parametrize("until", ["freeze", "revoke_sessions", "recheck"])
def test_no_data_set_is_settled_before_the_erasure_has_begun(until: str) -> None:
    """An eraser that ran too early has nothing that it could record (L13, L15)."""
    settle = SettleDataSet(task="erase:messages", remaining=0, portions=(), jitter=0)
    story = {
        "freeze": given(PERSON.confirmed()),
        "revoke_sessions": given(PERSON.confirmed(), worked_until("revoke_sessions")),
        "recheck": given(PERSON.confirmed(), worked_until("recheck")),
    }[until]
    story.when(settle).then(refused("task_unknown"))
