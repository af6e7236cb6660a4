"""Every command in every stage: accepted or refused, never an exception, and nothing half done (DOM-01)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, get_args

import attrs
import pytest

from hht_closure import commands
from hht_closure.commands import Command
from hht_closure.errors import REFUSAL_CODES
from hht_closure.events import Event, TaskFailed, TaskPostponed
from hht_closure.lifecycle import Accepted, Decision, decide, fold
from hht_closure.stages import Stage
from tests.core.build import (
    CONFIRM,
    HOLD,
    LATER,
    LI,
    LIFT,
    RECHECK,
    STOP,
    TERMS,
    History,
    ask,
    asked,
    closed,
    confirmed,
    count,
    eligible,
    erased,
    erasing,
    fail,
    finish,
    frozen,
    given_back,
    judge,
    lapsed,
    open_round,
    opened,
    proved,
    reason,
    settle,
    statement,
    withdrawn,
)

WALKS: Final[Mapping[str, Callable[[], History]]] = {
    "unopened": History,
    "opened": opened,
    "eligible": eligible,
    "asked": asked,
    "proved": proved,
    "time is over": lambda: proved().later(TERMS.round_valid_for),
    "confirmed": confirmed,
    "frozen": frozen,
    "given back": given_back,
    "erasing": erasing,
    "erased": erased,
    "key to go": lambda: erased().then(
        finish("tombstone"), finish("retire"), commands.IntendKeyDestruction(task="destroy_key:1")
    ),
    "closed": closed,
    "purge due": lambda: closed().then(finish("ledger_closed")).later(timedelta(days=365)),
    "withdrawn": withdrawn,
    "lapsed": lapsed,
}

COMMANDS: Final[tuple[Command, ...]] = (
    commands.GiveAccountBack(cause="account_suspended"),
    open_round(),
    commands.RecordChecks(account=LI, findings=()),
    statement("data_backed_up"),
    reason("other", "Because I can."),
    ask("sms_code", "sms"),
    STOP,
    count("sms_code"),
    judge("sms_code", 2, "2", right=True),
    judge("sms_code", 2, "2", right=False),
    CONFIRM,
    commands.WithdrawClosure(),
    commands.LapseRound(),
    commands.SayAgain(),
    commands.BeginTask(task="freeze"),
    finish("freeze"),
    finish("destroy_key:1"),
    fail("freeze"),
    fail("recheck", "permanent"),
    commands.PostponeTask(task="freeze", after=timedelta(seconds=1)),
    RECHECK,
    attrs.evolve(RECHECK, account=None, findings=()),
    commands.RecordBatch(task="erase:messages", erased=1, cursor="1"),
    settle("erase:messages"),
    settle("purge:orders", remaining=1),
    commands.IntendKeyDestruction(task="destroy_key:1"),
    commands.CloseAccount(receipt="receipt"),
    commands.ReleaseTask(task="freeze", actor="operator", reason="repaired"),
    HOLD,
    LIFT,
    LATER,
)


def parts(decision: Decision) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """The events of an accepted decision, or the reasons of a refused one."""
    if isinstance(decision, Accepted):
        return decision.events, ()
    return (), tuple(one.code for one in decision.refusals)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())
def test_every_command_is_accepted_or_refused_in_every_stage(walk: Callable[[], History], command: Command) -> None:
    """Never an exception; what is accepted can happen, and what is refused says why (DOM-01)."""
    told = walk()
    decision = told.decision(command)
    happened, reasons = parts(decision)
    assert isinstance(decision, Accepted) or reasons
    assert set(reasons) <= set(REFUSAL_CODES)
    assert {one.at for one in happened} <= {told.now}
    fold(happened, told.closure)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())
def test_a_decision_depends_on_its_arguments_alone(walk: Callable[[], History], command: Command) -> None:
    """Same closure, command, time and entropy, same decision (L28)."""
    told = walk()
    assert told.decision(command) == walk().decision(command)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())
def test_time_that_runs_backwards_is_taken_as_the_time_of_the_last_event(
    walk: Callable[[], History], command: Command
) -> None:
    """``now`` is never before the last event, so nothing that was seen dead comes back (L6).

    Only a pause is counted by the clock as it goes now: it does not wait for the time that ran ahead to come again.
    """
    told = walk()
    back = told.now - timedelta(days=400)
    last = told.closure.at or back
    assert decide(told.closure, command, now=back) == _paused_earlier(
        decide(told.closure, command, now=last), last - back
    )


def _paused_earlier(decision: Decision, by: timedelta) -> Decision:
    """The decision with the ends of its pauses so much earlier."""
    if not isinstance(decision, Accepted):
        return decision
    return Accepted(
        tuple(
            attrs.evolve(one, due=one.due - by) if isinstance(one, TaskFailed | TaskPostponed) else one
            for one in decision.events
        )
    )


def test_every_command_is_tried() -> None:
    """A new command gets its line above."""
    assert {type(one) for one in COMMANDS} == set(get_args(Command))


def test_every_stage_is_tried() -> None:
    """A new stage gets its walk above."""
    assert {type(walk().closure.stage) for walk in WALKS.values()} == set(get_args(Stage))
