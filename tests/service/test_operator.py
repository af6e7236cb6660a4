"""What operators can do: look, release, hold; nobody confirms for anybody, and nothing personal shows."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryTask
from hht_closure.errors import InvalidValueError
from hht_closure.events import LegalHoldLifted, LegalHoldSet, TaskReleased
from hht_closure.policy import LegalHold
from hht_closure.ports import Done, DueStream, Failed
from hht_closure.service import AsyncClosureOperator, AsyncClosureService, ClosureOperator, ClosureService
from hht_closure.stages import NOTHING
from tests.service.doubles import built, codes, portal_of
from tests.stage import LI, NOW, RETENTION_ENDS, Stage, on_every_store

pytestmark = on_every_store

HOLD = LegalHold("messages", NOW + timedelta(days=400), "Court of Hangzhou, order 12")


@pytest.fixture
def aside(stage: Stage) -> Stage:
    """A closing that waits for an operator."""
    stage.downstream.outcome = Failed("permanent", "no_such_system")
    stage.closed()
    return stage


def test_an_operator_sees_what_is_due_with_the_oldest_first(stage: Stage) -> None:
    """An open round is due when it lapses, a confirmed one now; each under the name of its stream."""
    stage.opened(stage.logged_in("wang"))
    stage.confirmed()
    later = stage.service.current(stage.logged_in("wang")).lapses
    assert later is not None
    assert stage.operator.due() == (DueStream(stage.stream(), NOW), DueStream(stage.stream("wang"), later))
    assert stage.operator.due(limit=1) == (DueStream(stage.stream(), NOW),)


def test_an_operator_sees_stage_and_tasks_and_nothing_personal(aside: Stage) -> None:
    """Not even what is sealed (L22)."""
    view = aside.operator.look(aside.stream())
    assert (view.stage, view.stream) == ("closing", aside.stream())
    assert [one.name for one in view.pending] == [
        "host:downstream",
        "tombstone",
        "retire",
        "destroy_key:1",
        "close",
    ]
    assert [one.name for one in view.set_aside] == ["host:downstream"]
    assert not any(word in repr(view) for word in ("weiguo", "13800001234", "'li'"))


def test_looking_changes_nothing(aside: Stage) -> None:
    """An operator's reading calls are reading calls (L10)."""
    before = aside.everything()
    aside.operator.look(aside.stream())
    aside.operator.due()
    assert aside.everything() == before


def test_a_stream_that_nobody_wrote_is_unopened(stage: Stage) -> None:
    """A name of this portal that nobody has used shows an empty closure."""
    view = stage.operator.look(stage.stream("nobody"))
    assert (view.stage, view.pending, view.set_aside) == ("unopened", NOTHING.tasks, ())


def test_another_portals_stream_is_none_of_an_operators_business(stage: Stage) -> None:
    """Two portals may share a store; each has its own operators (L1)."""
    with pytest.raises(InvalidValueError, match="not_of_this_portal"):
        stage.operator.look(stage.keyring.stream_name("Another", LI.id))


def test_a_release_is_on_record_and_the_closing_goes_on(aside: Stage) -> None:
    """Who, and a code that says why; then the task runs as if it had never failed (L19)."""
    aside.clock.advance(aside.terms.retries.first)
    aside.downstream.outcome = Done()
    view = aside.operator.release(aside.stream(), "host:downstream", actor="ops_zhao", reason="system_registered")
    assert (view.set_aside, view.pending[0].tries) == ((), 0)
    released = [one for one in aside.events() if isinstance(one, TaskReleased)]
    assert [(one.task, one.actor, one.reason, one.at) for one in released] == [
        ("host:downstream", "ops_zhao", "system_registered", aside.clock.now())
    ]
    aside.service.work()
    assert aside.operator.look(aside.stream()).stage == "closed"


def test_a_task_that_nobody_knows_cannot_be_released(aside: Stage) -> None:
    """A slip of the finger is told so, and nothing is written."""
    before = aside.everything()
    assert codes(
        lambda: aside.operator.release(aside.stream(), "host:upstream", actor="ops_zhao", reason="typing")
    ) == ["task_unknown"]
    nobody = aside.stream("nobody")
    assert codes(lambda: aside.operator.release(nobody, "retire", actor="ops_zhao", reason="typing")) == [
        "task_unknown"
    ]
    assert aside.everything() == before


def test_a_task_that_is_not_set_aside_cannot_be_released(aside: Stage) -> None:
    """A release is no way to run a task before its turn (L15)."""
    before = aside.everything()
    assert codes(lambda: aside.operator.release(aside.stream(), "retire", actor="ops_zhao", reason="hurry")) == [
        "task_not_set_aside"
    ]
    assert aside.everything() == before


@pytest.mark.parametrize(
    ("actor", "reason"), [("Zhao Min", "repaired"), ("zhao@example.com", "repaired"), ("ops", "called Li Weiguo back")]
)
def test_a_release_takes_names_and_no_texts(aside: Stage, actor: str, reason: str) -> None:
    """The journal keeps what an operator gives for ever, so that it must be nothing personal (L22)."""
    before = aside.everything()
    with pytest.raises(InvalidValueError):
        aside.operator.release(aside.stream(), "host:downstream", actor=actor, reason=reason)
    assert aside.everything() == before


def test_an_operator_has_no_way_to_confirm_or_to_answer_for_anybody(stage: Stage) -> None:
    """Both objects have exactly these calls; what a person must do, a person does."""
    for operator in (ClosureOperator(stage.service), AsyncClosureOperator(built(AsyncClosureService, stage))):
        calls = {one for one in dir(operator) if not one.startswith("_")}
        assert calls == {"due", "look", "stream_of", "release", "hold", "lift"}


def test_the_asynchronous_operator_releases_as_well(aside: Stage) -> None:
    """Both objects do the same."""
    service = built(AsyncClosureService, aside)
    aside.downstream.outcome = Done()

    async def scenario() -> str:
        operator = AsyncClosureOperator(service)
        await operator.release(aside.stream(), "host:downstream", actor="ops_zhao", reason="repaired")
        await service.work()
        return (await operator.look(aside.stream())).stage

    assert asyncio.run(scenario()) == "closed"


def test_two_tasks_set_aside_are_released_one_by_one(stage: Stage) -> None:
    """One that fails does not hide another (L19)."""
    tasks = (MemoryTask("crm"), MemoryTask("search"))
    for one in tasks:
        one.outcome = Failed("permanent", "no_such_system")
    stage.service = built(ClosureService, stage, portal=portal_of(stage, tasks=tasks))
    stage.operator = ClosureOperator(stage.service)
    stage.closed()
    assert [one.name for one in stage.operator.look(stage.stream()).set_aside] == ["host:crm", "host:search"]
    for one in tasks:
        one.outcome = Done()
        stage.operator.release(stage.stream(), f"host:{one.name}", actor="ops_zhao", reason="repaired")
    stage.service.work()
    assert stage.operator.look(stage.stream()).stage == "closed"


# --- what waits for its next try ------------------------------------------------------------------------------------


def test_a_task_that_waits_for_its_next_try_is_tried_now(stage: Stage) -> None:
    """The system is back, and nobody need wait for the pause to end (L19)."""
    stage.downstream.outcome = Failed("retryable", "busy")
    stage.closed()
    (waiting,) = [one for one in stage.operator.look(stage.stream()).pending if one.tries]
    stage.downstream.outcome = Done()
    before = stage.service.work().done
    view = stage.operator.release(stage.stream(), waiting.name, actor="ops_zhao", reason="system_is_back")
    assert (before, waiting.name, waiting.set_aside, waiting.due > NOW) == (0, "host:downstream", False, True)
    assert [(one.tries, one.due) for one in view.pending if one.name == waiting.name] == [(0, NOW)]
    stage.service.work()
    assert stage.operator.look(stage.stream()).stage == "closed"


def test_what_has_not_failed_is_not_hurried(stage: Stage) -> None:
    """A purge waits for the law's time, and no release brings it forward (L20)."""
    stage.closed()
    before = stage.everything()
    assert codes(
        lambda: stage.operator.release(stage.stream(), "purge:orders", actor="ops_zhao", reason="disk_full")
    ) == ["task_not_set_aside"]
    assert stage.everything() == before


# --- what is seen ----------------------------------------------------------------------------------------------------


def test_an_operator_sees_how_far_a_large_set_is(stage: Stage) -> None:
    """So many are gone already: the view counts what the batches so far have erased (ERAS-12)."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(60_000)))
    stage.confirmed()
    stage.service.work(limit=1)
    (erasing,) = [one for one in stage.operator.look(stage.stream()).pending if one.kind == "erase"]
    assert (erasing.name, erasing.erased) == ("erase:messages", 50_000)


def test_an_operator_sees_what_a_closed_account_still_waits_for(stage: Stage) -> None:
    """The purge of what a law keeps, and when it is due (L20)."""
    stage.closed()
    view = stage.operator.look(stage.stream())
    assert (view.stage, [(one.name, one.due) for one in view.pending]) == (
        "closed",
        [("purge:orders", RETENTION_ENDS)],
    )
    assert stage.operator.due() == (DueStream(stage.stream(), RETENTION_ENDS),)


def test_an_account_has_one_name_with_or_without_a_closing(stage: Stage) -> None:
    """The name tells nothing back, and is the same ever after; asking for it changes nothing (L10, L22)."""
    before = stage.everything()
    name = stage.operator.stream_of(LI.id)
    assert (name, "li" in name.lower().split("-"), stage.everything() == before) == (stage.stream(), False, True)
    stage.closed()
    assert stage.operator.stream_of(LI.id) == name != stage.operator.stream_of(AccountId("nobody"))


# --- holds -----------------------------------------------------------------------------------------------------------


def test_a_hold_and_its_lifting_are_on_record(stage: Stage) -> None:
    """Who set it, who ended it, and a code that says why; the view shows what is held (L20)."""
    stage.opened()
    held = stage.operator.hold(
        stage.stream(), HOLD.data_set, until=HOLD.until, ground=HOLD.ground, actor="ops_zhao", reason="court_order"
    )
    stage.clock.advance(timedelta(hours=1))
    lifted = stage.operator.lift(
        stage.stream(), HOLD.data_set, ground=HOLD.ground, actor="ops_qian", reason="case_over"
    )
    assert (held.holds, lifted.holds) == ((HOLD,), ())
    assert [one for one in stage.events() if isinstance(one, LegalHoldSet | LegalHoldLifted)] == [
        LegalHoldSet(NOW, HOLD, "ops_zhao", "court_order"),
        LegalHoldLifted(NOW + timedelta(hours=1), "messages", HOLD.ground, "ops_qian", "case_over"),
    ]


def test_the_asynchronous_operator_holds_and_lifts_as_well(stage: Stage) -> None:
    """Both objects do the same (L20)."""
    operator = AsyncClosureOperator(built(AsyncClosureService, stage))

    async def scenario() -> tuple[tuple[LegalHold, ...], ...]:
        stream = operator.stream_of(LI.id)
        held = await operator.hold(
            stream, HOLD.data_set, until=HOLD.until, ground=HOLD.ground, actor="ops_zhao", reason="court_order"
        )
        seen = await operator.look(stream)
        lifted = await operator.lift(stream, HOLD.data_set, ground=HOLD.ground, actor="ops_zhao", reason="case_over")
        return held.holds, seen.holds, lifted.holds, tuple(await operator.due())

    assert asyncio.run(scenario()) == ((HOLD,), (HOLD,), (), ())
