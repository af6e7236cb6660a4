"""THE MACHINE: what may happen to a closure, and what then is.

Two pure functions, and everything else follows from them::

    evolve(closure, event) -> closure                         what an event makes of a closure
    decide(closure, command, now=...) -> Accepted | Refused   which events a command leads to, or why not

The stages, and the events that lead from one to the next (the diagram in the docs is drawn from this code)::

    unopened --RoundOpened--> open --ClosureConfirmed--> closing --ErasureBegun--> closing --ClosureClosed--> closed
                              open --RoundWithdrawn--> withdrawn <--RoundWithdrawn-- closing (before the erasure)
                              open --RoundLapsed--> lapsed
                              open <--AccountGivenBack-- closing (before the erasure)
              withdrawn, lapsed --RoundOpened--> open

The laws it keeps by itself, whatever the code around it does:

- L2   confirm holds only if no precondition blocks or is unknown, every statement is answered, the requirement
       holds with proofs that live, the log-in is fresh, and the notice accepted is the one in force - all *now*
- L3   a challenge and a proof belong to a contact version; another version voids them
- L4   an answer is counted by an event before a verdict can be given on it
- L5   counters belong to the account; failures and answers in flight count, in a sliding window
- L6   a challenge is used once; validity is half open; ``now`` is never before the last event
- L8   a factor is asked for only when what the requirement puts in front of it is proved
- L13  the erasure begins only from a recheck, and the recheck is made only after the freeze
- L14  a recheck that finds something gives the account back, and only then it is unfrozen
- L15  after ``ErasureBegun`` nothing leads back
- L17  a data set is settled only when nothing remains
- L19  a task that keeps failing is set aside or passed over, and stops no other
- L20  under a legal hold no batch of the data set is taken
- L21  what is registered after a closing is erased for the closed account, too
- L23  a key's destruction is intended before it happens, and comes after everything that needs the key
- L28  the same closure, command, time and entropy give the same events

``decide_dialogue`` and ``decide_proving`` hold what a person's commands lead to, ``decide_work`` what the worker's
do, ``decide_operator`` what an operator's do; ``evolve_dialogue``, ``evolve_work`` and ``evolve_operator`` what the
events make of a closure; ``facts`` what is true at a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import attrs

from hht_closure import commands
from hht_closure.commands import Command
from hht_closure.events import TaskFailed, TaskPostponed
from hht_closure.lifecycle import (
    decide_dialogue,
    decide_operator,
    decide_proving,
    decide_work,
    evolve_dialogue,
    evolve_operator,
    evolve_work,
)
from hht_closure.lifecycle.decide_work import next_due, next_task
from hht_closure.lifecycle.decision import Accepted, Decision, Refused
from hht_closure.lifecycle.evolution import TRANSITIONS, evolve, fold
from hht_closure.lifecycle.facts import (
    attempts_left,
    blocker_refusals,
    hold_on,
    missing_for,
    proved_factors,
    step_of,
)
from hht_closure.stages import Closure

_DECISIONS: Final[dict[type, Callable[..., Decision]]] = {
    commands.OpenRound: decide_dialogue.open_round,
    commands.RecordChecks: decide_dialogue.record_checks,
    commands.AnswerStatement: decide_dialogue.answer_statement,
    commands.GiveReason: decide_dialogue.give_reason,
    commands.MakeChallenge: decide_proving.make_challenge,
    commands.StopSending: decide_proving.stop_sending,
    commands.CountAttempt: decide_proving.count_attempt,
    commands.JudgeAttempt: decide_proving.judge_attempt,
    commands.ConfirmClosure: decide_dialogue.confirm_closure,
    commands.WithdrawClosure: decide_dialogue.withdraw_closure,
    commands.LapseRound: decide_work.lapse_round,
    commands.SayAgain: decide_work.say_again,
    commands.BeginTask: decide_work.begin_task,
    commands.FinishTask: decide_work.finish_task,
    commands.FailTask: decide_work.fail_task,
    commands.PostponeTask: decide_work.postpone_task,
    commands.RecheckAccount: decide_work.recheck_account,
    commands.GiveAccountBack: decide_work.give_account_back,
    commands.RecordBatch: decide_work.record_batch,
    commands.SettleDataSet: decide_work.settle_data_set,
    commands.IntendKeyDestruction: decide_work.intend_key_destruction,
    commands.CloseAccount: decide_work.close_account,
    commands.ReleaseTask: decide_operator.release_task,
    commands.SetLegalHold: decide_operator.set_legal_hold,
    commands.LiftLegalHold: decide_operator.lift_legal_hold,
    commands.AddDataSets: decide_operator.add_data_sets,
}


def decide(closure: Closure, command: Command, *, now: datetime) -> Decision:
    """Which events the command leads to at this time, or every reason why it leads to none.

    Args:
        closure: the account's closing history, folded.
        command: what is asked, with all that was found outside.
        now: the aware time in UTC; where it is before the last event, that event's time is taken (L6).
    """
    if closure.at is None or now >= closure.at:
        return _DECISIONS[type(command)](closure, command, now)
    return _by_the_clock(_DECISIONS[type(command)](closure, command, closure.at), closure.at - now)


def _by_the_clock(decision: Decision, ahead: timedelta) -> Decision:
    """The decision with its pauses counted by the clock as it goes now: the last event's ran ahead of it by so much."""
    if isinstance(decision, Refused):
        return decision
    return Accepted(
        tuple(
            attrs.evolve(one, due=one.due - ahead) if isinstance(one, TaskFailed | TaskPostponed) else one
            for one in decision.events
        )
    )


EVOLUTIONS: Final = (evolve_dialogue, evolve_work, evolve_operator)
"""The modules whose functions ``evolve`` calls; naming them here has them registered."""

__all__ = [
    "EVOLUTIONS",
    "TRANSITIONS",
    "Accepted",
    "Decision",
    "Refused",
    "attempts_left",
    "blocker_refusals",
    "decide",
    "evolve",
    "fold",
    "hold_on",
    "missing_for",
    "next_due",
    "next_task",
    "proved_factors",
    "step_of",
]
