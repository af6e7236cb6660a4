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
- L23  a key's destruction is intended before it happens, and comes after everything that needs the key
- L28  the same closure, command, time and entropy give the same events

:mod:`~hht_closure.lifecycle.evolution` holds ``evolve``, :mod:`~hht_closure.lifecycle.dialogue` what a person's
commands lead to, :mod:`~hht_closure.lifecycle.working` what the worker's do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from hht_closure import commands
from hht_closure.commands import Command
from hht_closure.lifecycle import dialogue, working
from hht_closure.lifecycle.decision import Accepted, Decision, Refused
from hht_closure.lifecycle.dialogue import blocker_refusals, missing_for, proved_factors, step_of
from hht_closure.lifecycle.evolution import TRANSITIONS, evolve, fold
from hht_closure.lifecycle.working import next_due, next_task
from hht_closure.stages import Closure

_DECISIONS: Final[dict[type, Callable[..., Decision]]] = {
    commands.OpenRound: dialogue.open_round,
    commands.RecordChecks: dialogue.record_checks,
    commands.AnswerStatement: dialogue.answer_statement,
    commands.GiveReason: dialogue.give_reason,
    commands.MakeChallenge: dialogue.make_challenge,
    commands.CountAttempt: dialogue.count_attempt,
    commands.JudgeAttempt: dialogue.judge_attempt,
    commands.ConfirmClosure: dialogue.confirm_closure,
    commands.WithdrawClosure: dialogue.withdraw_closure,
    commands.LapseRound: working.lapse_round,
    commands.FinishTask: working.finish_task,
    commands.FailTask: working.fail_task,
    commands.RecheckAccount: working.recheck_account,
    commands.RecordBatch: working.record_batch,
    commands.SettleDataSet: working.settle_data_set,
    commands.IntendKeyDestruction: working.intend_key_destruction,
    commands.CloseAccount: working.close_account,
    commands.ReleaseTask: working.release_task,
}


def decide(closure: Closure, command: Command, *, now: datetime) -> Decision:
    """Which events the command leads to at this time, or every reason why it leads to none.

    Args:
        closure: the account's closing history, folded.
        command: what is asked, with all that was found outside.
        now: the aware time in UTC; where it is before the last event, that event's time is taken (L6).
    """
    if closure.at is not None and now < closure.at:
        now = closure.at
    return _DECISIONS[type(command)](closure, command, now)


__all__ = [
    "TRANSITIONS",
    "Accepted",
    "Decision",
    "Refused",
    "blocker_refusals",
    "decide",
    "evolve",
    "fold",
    "missing_for",
    "next_due",
    "next_task",
    "proved_factors",
    "step_of",
]
