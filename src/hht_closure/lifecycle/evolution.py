"""``evolve``: what an event makes of a closure.

Each function below says, in its decorator, in which stages its event can happen and to which stage it leads;
the decorator keeps to that when it runs, and the diagram is drawn from the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar

import attrs

from hht_closure import events
from hht_closure.errors import ImpossibleEventError
from hht_closure.events import Event
from hht_closure.policy import Portion
from hht_closure.stages import (
    NOTHING,
    Checks,
    Closed,
    Closing,
    Closure,
    Confirmed,
    Erasure,
    Lapsed,
    Open,
    Proving,
    Round,
    Said,
    Stage,
    Unopened,
    Withdrawn,
)
from hht_closure.tasks import INTENDED, PendingTask, PlannedTask
from hht_closure.verification import Attempt, Attempts, PendingChallenge, Proof

S = TypeVar("S", bound=Stage)
E = TypeVar("E", bound=Event)

_STEPS: Final[dict[type[Event], tuple[tuple[type[Stage], ...], Callable[..., Closure]]]] = {}
TRANSITIONS: Final[list[tuple[str, str, str]]] = []
"""From which stage, by which event, to which stage; in the order of this file."""

_Step = Callable[[Closure, S, E], Closure]


def _on(
    event: type[E], *, within: tuple[type[S], ...], to: type[Stage] | None = None
) -> Callable[[_Step[S, E]], _Step[S, E]]:
    """Say in which stages the event can happen, and where it leads; None: it stays where it is."""

    def register(step: _Step[S, E]) -> _Step[S, E]:
        _STEPS[event] = (within, step)
        TRANSITIONS.extend((one.__name__, event.__name__, (to or one).__name__) for one in within)
        return step

    return register


def evolve(closure: Closure, event: Event) -> Closure:
    """The closure after the event.

    Raises:
        ImpossibleEventError: the event cannot happen in this stage, so the stream is not one of ours.
    """
    within, step = _STEPS[type(event)]
    stage = closure.stage
    if type(stage) not in within:
        raise ImpossibleEventError(type(event).__name__, type(stage).__name__)
    return step(closure, stage, event)


def fold(happened: Iterable[Event], closure: Closure = NOTHING) -> Closure:
    """The closure after all the events; in one go or in pieces, the result is the same."""
    for event in happened:
        closure = evolve(closure, event)
    return closure


# --- the dialogue -------------------------------------------------------------------------------------------


@_on(events.RoundOpened, within=(Unopened, Withdrawn, Lapsed), to=Open)
def _round_opened(_: Closure, __: Unopened | Withdrawn | Lapsed, event: events.RoundOpened) -> Closure:
    """A round begins with what the event carries over, so that folding may begin here."""
    this = Round(event.number, event.terms, event.terms_digest, event.at)
    stage = Open(this, event.at + event.terms.round_valid_for, None, Said(), Proving(), 0)
    return Closure(event.at, stage, event.carried.attempts, event.carried.tasks)


def _open(
    stage: Open, *, checks: Checks | None = None, said: Said | None = None, proving: Proving | None = None
) -> Open:
    return Open(
        stage.round,
        stage.lapses,
        checks or stage.checks,
        said or stage.said,
        proving or stage.proving,
        stage.given_back,
    )


@_on(events.ChecksMade, within=(Open,))
def _checks_made(closure: Closure, stage: Open, event: events.ChecksMade) -> Closure:
    checks = Checks(event.at, event.outcomes)
    return Closure(event.at, _open(stage, checks=checks), closure.attempts, closure.tasks)


@_on(events.StatementAnswered, within=(Open,))
def _statement_answered(closure: Closure, stage: Open, event: events.StatementAnswered) -> Closure:
    others = tuple(one for one in stage.said.statements if one[0] != event.statement)
    said = Said((*others, (event.statement, event.answer, event.wording)), stage.said.reason)
    return Closure(event.at, _open(stage, said=said), closure.attempts, closure.tasks)


@_on(events.ReasonGiven, within=(Open,))
def _reason_given(closure: Closure, stage: Open, event: events.ReasonGiven) -> Closure:
    said = Said(stage.said.statements, event.reason)
    return Closure(event.at, _open(stage, said=said), closure.attempts, closure.tasks)


@_on(events.ChallengeMade, within=(Open,))
def _challenge_made(closure: Closure, stage: Open, event: events.ChallengeMade) -> Closure:
    challenge = PendingChallenge(
        event.challenge, event.factor, event.channel, event.contact_version, event.key, event.at, event.expires
    )
    others = tuple(one for one in stage.proving.challenges if one.factor != event.factor)
    proving = Proving((*others, challenge), stage.proving.proofs)
    before = closure.attempts
    attempts = Attempts(before.challenges + 1, before.counted, before.failures, before.in_flight, before.locked_until)
    return Closure(event.at, _open(stage, proving=proving), attempts, closure.tasks)


@_on(events.ChallengeRepeated, within=(Open,))
def _challenge_repeated(closure: Closure, stage: Open, event: events.ChallengeRepeated) -> Closure:
    challenges = tuple(
        attrs.evolve(one, sent_at=event.at) if one.id == event.challenge else one for one in stage.proving.challenges
    )
    proving = Proving(challenges, stage.proving.proofs)
    return Closure(event.at, _open(stage, proving=proving), closure.attempts, closure.tasks)


@_on(events.AttemptCounted, within=(Open,))
def _attempt_counted(closure: Closure, stage: Open, event: events.AttemptCounted) -> Closure:
    before = closure.attempts
    start = event.at - stage.round.terms.attempts.within
    attempts = Attempts(
        before.challenges,
        event.number,
        tuple(at for at in before.failures if at > start),
        (*(one for one in before.in_flight if one.at > start), Attempt(event.number, event.at, event.challenge)),
        before.locked_until,
    )
    return Closure(event.at, stage, attempts, closure.tasks)


@_on(events.FactorProved, within=(Open,))
def _factor_proved(closure: Closure, stage: Open, event: events.FactorProved) -> Closure:
    """The challenge is used up, and so is every answer to it that is still in flight (L5)."""
    challenges = tuple(
        PendingChallenge(c.id, c.factor, c.channel, c.contact_version, c.key, c.sent_at, c.expires, consumed=True)
        if c.id == event.challenge
        else c
        for c in stage.proving.challenges
    )
    proofs = (
        *(one for one in stage.proving.proofs if one.factor != event.factor),
        *(
            Proof(event.factor, event.assurance, c.id, c.channel, c.contact_version, event.expires)
            for c in challenges
            if c.id == event.challenge
        ),
    )
    before = closure.attempts
    attempts = Attempts(
        before.challenges,
        before.counted,
        before.failures,
        tuple(one for one in before.in_flight if one.challenge != event.challenge),
        before.locked_until,
    )
    return Closure(event.at, _open(stage, proving=Proving(challenges, proofs)), attempts, closure.tasks)


@_on(events.AnswerRejected, within=(Open,))
def _answer_rejected(closure: Closure, stage: Open, event: events.AnswerRejected) -> Closure:
    before = closure.attempts
    attempts = Attempts(
        before.challenges,
        before.counted,
        (*before.failures, event.at),
        tuple(one for one in before.in_flight if one.number != event.attempt),
        before.locked_until,
    )
    return Closure(event.at, stage, attempts, closure.tasks)


@_on(events.ClosingLocked, within=(Open,))
def _closing_locked(closure: Closure, stage: Open, event: events.ClosingLocked) -> Closure:
    """Old challenges are dead, and the person is told; what is proved stays proved (L5)."""
    before = closure.attempts
    attempts = Attempts(before.challenges, before.counted, before.failures, before.in_flight, event.until)
    telling = PendingTask("tell_locked", str(before.counted), event.at, mandatory=False)
    proving = Proving((), stage.proving.proofs)
    return Closure(event.at, _open(stage, proving=proving), attempts, (*closure.tasks, telling))


@_on(events.ClosureConfirmed, within=(Open,), to=Closing)
def _closure_confirmed(closure: Closure, stage: Open, event: events.ClosureConfirmed) -> Closure:
    """Freeze first, then check again; a new freeze waits for every unfreezing that is pending (L13)."""
    confirmed = Confirmed(
        event.at,
        event.due,
        event.nonce_digest,
        event.notice_version,
        event.notice_digest,
        event.locale,
        event.fates_digest,
        event.contacts,
        event.key,
    )
    unfreezing = tuple(one.name for one in closure.tasks if one.kind == "unfreeze")
    tasks = (
        *closure.tasks,
        PendingTask("freeze", "", event.due, unfreezing),
        PendingTask("revoke_sessions", "", event.due, ("freeze",)),
        PendingTask("recheck", "", event.due, ("freeze", "revoke_sessions")),
    )
    return Closure(event.at, Closing(stage.round, stage, confirmed, None), closure.attempts, tasks)


@_on(events.RoundWithdrawn, within=(Open, Closing), to=Withdrawn)
def _round_withdrawn(closure: Closure, stage: Open | Closing, event: events.RoundWithdrawn) -> Closure:
    return Closure(
        event.at, Withdrawn(stage.round, event.at), closure.attempts, _tasks_of_an_ended_round(closure, stage, event.at)
    )


@_on(events.RoundLapsed, within=(Open,), to=Lapsed)
def _round_lapsed(closure: Closure, stage: Open, event: events.RoundLapsed) -> Closure:
    return Closure(
        event.at, Lapsed(stage.round, event.at), closure.attempts, _tasks_of_an_ended_round(closure, stage, event.at)
    )


def _tasks_of_an_ended_round(closure: Closure, stage: Open | Closing, at: datetime) -> tuple[PendingTask, ...]:
    """Unfreeze, where there was a freeze to come or done; the round's key dies after everything else (L23)."""
    tasks = _without_the_freeze(closure.tasks)
    if isinstance(stage, Closing):
        tasks = (*tasks, _unfreezing(stage.round, stage.dialogue.given_back, at))
    number = str(stage.round.number)
    return (*tasks, PendingTask("destroy_key", number, at, tuple(one.name for one in tasks)))


def _without_the_freeze(tasks: tuple[PendingTask, ...]) -> tuple[PendingTask, ...]:
    return tuple(one for one in tasks if one.kind not in {"freeze", "revoke_sessions", "recheck"})


def _unfreezing(this: Round, given_back: int, at: datetime) -> PendingTask:
    return PendingTask("unfreeze", f"{this.number}.{given_back}", at)


# --- the work after it --------------------------------------------------------------------------------------


@_on(events.AccountGivenBack, within=(Closing,), to=Open)
def _account_given_back(closure: Closure, stage: Closing, event: events.AccountGivenBack) -> Closure:
    """The account goes back to its person: all proofs are void, what they said stays said (L14)."""
    dialogue = stage.dialogue
    back = Open(
        stage.round,
        event.at + stage.round.terms.round_valid_for,
        None,
        dialogue.said,
        Proving(),
        dialogue.given_back + 1,
    )
    unfreeze = _unfreezing(stage.round, dialogue.given_back, event.at)
    telling = PendingTask("tell_given_back", unfreeze.subject, event.at, (unfreeze.name,), mandatory=False)
    return Closure(event.at, back, closure.attempts, (*_without_the_freeze(closure.tasks), unfreeze, telling))


@_on(events.ErasureBegun, within=(Closing,))
def _erasure_begun(closure: Closure, stage: Closing, event: events.ErasureBegun) -> Closure:
    """The point of no return: from here on there is a plan, in the order of DESIGN's chapter 7."""
    erasure = Erasure(event.at, (), (), event.farewell is not None)
    closing = Closing(stage.round, stage.dialogue, stage.confirmed, erasure)
    before = _done(closure.tasks, "recheck")
    return Closure(event.at, closing, closure.attempts, (*before, *_plan(stage.round, event)))


def _plan(this: Round, event: events.ErasureBegun) -> tuple[PendingTask, ...]:
    """Ledger, data sets, the host's tasks, tombstone, retirement, the round's key, the receipt."""
    at = event.at
    erasing = tuple(_planned("erase", one, ("ledger_begun",), at) for one in event.data_sets)
    erased = tuple(one.name for one in erasing)
    hosts = tuple(_planned("host", one, erased, at) for one in event.host_tasks)
    settled = ("ledger_begun", *erased, *(one.name for one in hosts))
    tombstone = (PendingTask("tombstone", "", at, settled),) if event.tombstone else ()
    retire = PendingTask("retire", "", at, (*settled, "tombstone"))
    destroy = PendingTask("destroy_key", str(this.number), at, ("retire",))
    close = PendingTask("close", "", at, (destroy.name,))
    return (PendingTask("ledger_begun", "", at), *erasing, *hosts, *tombstone, retire, destroy, close)


def _planned(kind: str, one: PlannedTask, before: tuple[str, ...], at: datetime) -> PendingTask:
    after = (*before, *(f"{kind}:{name}" for name in one.after))
    if kind == "erase":
        return PendingTask("erase", one.name, at, after)
    return PendingTask("host", one.name, at, after, one.mandatory)


@_on(events.TaskDone, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_done(closure: Closure, _: Stage, event: events.TaskDone) -> Closure:
    return _settle_task(closure, event.at, event.task, "done")


@_on(events.TaskPassedOver, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_passed_over(closure: Closure, _: Stage, event: events.TaskPassedOver) -> Closure:
    return _settle_task(closure, event.at, event.task, "passed_over")


def _settle_task(closure: Closure, at: datetime, task: str, outcome: str) -> Closure:
    """The task is no longer pending; what became of the host's tasks stands on the receipt."""
    stage = closure.stage
    if isinstance(stage, Closing) and stage.erasure is not None and task.startswith("host:"):
        name = task.removeprefix("host:")
        outcomes = (*stage.erasure.outcomes, (name, "done" if outcome == "done" else "passed_over"))
        erasure = attrs.evolve(stage.erasure, outcomes=outcomes)
        stage = Closing(stage.round, stage.dialogue, stage.confirmed, erasure)
    return Closure(at, stage, closure.attempts, _done(closure.tasks, task))


def _done(tasks: tuple[PendingTask, ...], name: str) -> tuple[PendingTask, ...]:
    return tuple(one for one in tasks if one.name != name)


def _changed(
    tasks: tuple[PendingTask, ...], name: str, change: Callable[[PendingTask], PendingTask]
) -> tuple[PendingTask, ...]:
    return tuple(change(one) if one.name == name else one for one in tasks)


@_on(events.TaskFailed, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_failed(closure: Closure, stage: Stage, event: events.TaskFailed) -> Closure:
    """Once more, later; an erasure begins its data set anew, which costs little and finds what was missed."""

    def later(one: PendingTask) -> PendingTask:
        cursor = "" if one.kind in {"erase", "purge"} else one.cursor
        return attrs.evolve(one, due=event.due, tries=one.tries + 1, cursor=cursor)

    return Closure(event.at, stage, closure.attempts, _changed(closure.tasks, event.task, later))


@_on(events.TaskSetAside, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_set_aside(closure: Closure, stage: Stage, event: events.TaskSetAside) -> Closure:
    def aside(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, set_aside=True, tries=one.tries + 1)

    return Closure(event.at, stage, closure.attempts, _changed(closure.tasks, event.task, aside))


@_on(events.TaskReleased, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _task_released(closure: Closure, stage: Stage, event: events.TaskReleased) -> Closure:
    def again(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, set_aside=False, tries=0, due=event.at)

    return Closure(event.at, stage, closure.attempts, _changed(closure.tasks, event.task, again))


@_on(events.BatchErased, within=(Closing, Closed))
def _batch_erased(closure: Closure, stage: Stage, event: events.BatchErased) -> Closure:
    def further(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, cursor=event.cursor, erased=one.erased + event.erased, tries=0)

    return Closure(event.at, stage, closure.attempts, _changed(closure.tasks, event.task, further))


@_on(events.DataSetErased, within=(Closing,))
def _data_set_erased(closure: Closure, stage: Closing, event: events.DataSetErased) -> Closure:
    erasure = stage.erasure
    if erasure is None:
        raise ImpossibleEventError("DataSetErased", "Closing")
    fates = (*erasure.fates, (event.data_set, event.portions))
    closing = Closing(stage.round, stage.dialogue, stage.confirmed, attrs.evolve(erasure, fates=fates))
    return Closure(event.at, closing, closure.attempts, _done(closure.tasks, f"erase:{event.data_set}"))


@_on(events.KeyDestructionIntended, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _key_destruction_intended(closure: Closure, stage: Stage, event: events.KeyDestructionIntended) -> Closure:
    def intended(one: PendingTask) -> PendingTask:
        return attrs.evolve(one, cursor=INTENDED)

    return Closure(event.at, stage, closure.attempts, _changed(closure.tasks, event.task, intended))


@_on(events.KeyDestroyed, within=(Open, Closing, Closed, Withdrawn, Lapsed))
def _key_destroyed(closure: Closure, stage: Stage, event: events.KeyDestroyed) -> Closure:
    return Closure(event.at, stage, closure.attempts, _done(closure.tasks, event.task))


@_on(events.ClosureClosed, within=(Closing,), to=Closed)
def _closure_closed(closure: Closure, stage: Closing, event: events.ClosureClosed) -> Closure:
    """Closed; what comes later are tasks of the closed stage: the ledger, the farewell, the purges (L20, L26)."""
    erasure = stage.erasure
    if erasure is None:
        raise ImpossibleEventError("ClosureClosed", "Closing")
    tasks = (
        *_done(closure.tasks, "close"),
        PendingTask("ledger_closed", "", event.at),
        *_farewell(stage, erasure, event.at),
        *_purges(erasure),
    )
    return Closure(event.at, Closed(stage.round, stage.confirmed, event.at), closure.attempts, tasks)


def _farewell(stage: Closing, erasure: Erasure, at: datetime) -> tuple[PendingTask, ...]:
    terms = stage.round.terms
    if not erasure.has_farewell or terms.farewell_for is None:
        return ()
    return (
        PendingTask("farewell", "", at, ("ledger_closed",), mandatory=False, deadline=at + terms.farewell_for),
        PendingTask("destroy_farewell_key", "", at, ("farewell",)),
    )


def _purges(erasure: Erasure) -> tuple[PendingTask, ...]:
    """One purge for each data set that the law keeps for a while, due when the first of it may go (L20)."""
    return tuple(
        PendingTask("purge", name, first, ("ledger_closed",))
        for name, portions in erasure.fates
        if (first := next_end(portions)) is not None
    )


def next_end(portions: Iterable[Portion]) -> datetime | None:
    """When the first retention among the portions ends, or None where nothing is kept."""
    return min((one.until for one in portions if one.until is not None), default=None)


@_on(events.RetentionPurged, within=(Closed,))
def _retention_purged(closure: Closure, stage: Closed, event: events.RetentionPurged) -> Closure:
    """What could go went; the next purge comes when the next retention ends."""
    name = f"purge:{event.data_set}"
    rest = _done(closure.tasks, name)
    if event.next is not None:
        rest = (*rest, PendingTask("purge", event.data_set, event.next))
    return Closure(event.at, stage, closure.attempts, rest)
