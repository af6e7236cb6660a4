"""What must be true at every moment, also where a process has just died: looked at in what is durable (CRSH-09)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from hht_closure import events as happened
from hht_closure.stages import Closed, Closing, Open
from hht_closure.testing.crash.findings import Finding
from hht_closure.testing.crash.life import Scenario
from hht_closure.testing.crash.state import State

CODES: Final = frozenset({"sms", "email"})
"""What goes out as often as the person asks for it."""

TOLD_OF: Final[Mapping[str, type[happened.Event]]] = {
    "farewell": happened.ClosureClosed,
    "given_back": happened.AccountGivenBack,
    "locked": happened.ClosingLocked,
}
"""Each letter, and the event of which it tells."""


@attrs.frozen
class Promised:
    """What the promises of a scenario rest on.

    Attributes:
        scenario: what is played.
        before: how it stood when nobody had asked for anything.
        heard: what kinds of things go out that are written down where they are looked for, as far as is known.
    """

    scenario: Scenario
    before: State
    heard: frozenset[str] = frozenset()


def broken_promises(state: State, promised: Promised) -> Iterator[Finding]:
    """What must hold at any moment and does not."""
    yield from _whole_or_begun(state, promised)
    yield from _held(state)
    yield from _in_order(state)
    yield from _keys(state)
    yield from _done_is_done(state, promised)
    yield from _told_in_time(state, promised)
    yield from _once(state)
    for number, (now, then) in enumerate(zip(state.others, promised.before.others, strict=True), 1):
        if (now.account, now.totals) != (then.account, then.totals):
            yield Finding("doubled", f"something of a person whom it does not concern has changed (number {number})")


def is_begun(state: State) -> bool:
    """Whether the point of no return is behind it, as the journal says."""
    stage = state.closure.stage
    return isinstance(stage, Closed) or (isinstance(stage, Closing) and stage.erasure is not None)


def _is_held(state: State) -> bool:
    return state.theirs.standing in {"frozen", "retired"}


# --- open and whole, or frozen and on its way -----------------------------------------------------------------


def _whole_or_begun(state: State, promised: Promised) -> Iterator[Finding]:
    """Nothing is gone but of a frozen account, with the erasure begun in the journal and in the ledger (L13, L15)."""
    theirs, before, early = (state.theirs, promised.before.theirs, promised.scenario.ended_by_the_freeze)
    is_written = any(one.kind == "begun" for one in state.ledger)
    for name in theirs.portions:
        if theirs.kept(name, state.now) != before.kept(name, state.now):
            yield Finding("early", f"items of {name!r} that a law keeps are not what they were")
        if theirs.going(name) >= before.going(name):
            continue
        if name in state.held and _is_held_from_the_start(state, name):
            yield Finding("early", f"items of {name!r} are gone, and a legal hold keeps them")
        if name in early:
            if not any(isinstance(one, happened.ClosureConfirmed) and one.due <= state.now for one in state.events):
                yield Finding("early", f"items of {name!r} are gone, and no freeze was due")
            continue
        if not is_begun(state):
            yield Finding("early", f"items of {name!r} are gone, and the journal says of no erasure that it began")
        if not is_written:
            yield Finding("early", f"items of {name!r} are gone, and the ledger does not name the account")
        if not _is_held(state):
            yield Finding("early", f"items of {name!r} are gone, and the account is {theirs.standing}")
    if is_written and not is_begun(state):
        yield Finding("early", "the ledger says that the erasure began, and the journal does not")
    if state.theirs.standing == "retired" and not is_begun(state):
        yield Finding("early", "the account is retired, and the journal says of no erasure that it began")


def _is_held_from_the_start(state: State, data_set: str) -> bool:
    """Whether the hold that is in force came before the erasure began: of a later one, a batch may go (L20)."""
    since = [number for number, one in enumerate(state.events) if _holds(one, data_set)]
    begun = [number for number, one in enumerate(state.events) if isinstance(one, happened.ErasureBegun)]
    return bool(since) and all(since[-1] < one for one in begun)


def _holds(event: happened.Event, data_set: str) -> bool:
    return isinstance(event, happened.LegalHoldSet) and event.hold.data_set == data_set


def _held(state: State) -> Iterator[Finding]:
    """Frozen before the erasure begins, and never without a way back (L13, L14, L18)."""
    stage, standing = state.closure.stage, state.theirs.standing
    pending = {one.kind for one in state.closure.tasks}
    if is_begun(state) and not _is_held(state):
        yield Finding("early", f"the journal says that the erasure began, and the account is {standing}")
    if isinstance(stage, Closing) and "freeze" not in pending and not _is_held(state):
        yield Finding("early", f"the freeze is called done, the closing goes on, and the account is {standing}")
    if standing == "frozen" and not any(one.kind == "held" for one in state.ledger):
        yield Finding("early", "the account is frozen, and the ledger does not name it")
    if standing == "frozen" and not (isinstance(stage, Closing) or "unfreeze" in pending):
        yield Finding("stuck", "the account is frozen, and nothing will end that")


# --- the order after the point of no return -------------------------------------------------------------------


def _in_order(state: State) -> Iterator[Finding]:
    """Sets, then tombstone and retirement, then the key, then the receipt, then the ledger (DESIGN 7)."""
    theirs = state.theirs
    erased = {one.data_set for one in state.events if isinstance(one, happened.DataSetErased)}
    retired, closed = (theirs.standing == "retired", isinstance(state.closure.stage, Closed))
    for name in sorted(erased - state.held):
        if theirs.remaining[name] and not _is_due_again(state, name):
            yield Finding("lost", f"{name!r} is called erased, and something remains that must go")
    if retired and not erased.issuperset(theirs.portions):
        yield Finding("early", "the account is retired, and not every data set is erased")
    if retired and _wants_tombstone(state) and not state.reserved:
        yield Finding("early", "the account is retired, and its login name is not reserved")
    if closed and not retired:
        yield Finding("early", "there is a receipt, and the account is not retired")
    if any(one.kind == "closed" and one.receipt != state.written_receipt for one in state.ledger):
        yield Finding("early", "the ledger has a receipt that is not the journal's")
    for kind in state.stray:
        yield Finding("early", f"the ledger's entry {kind!r} signs a head that the journal does not have")


def _is_due_again(state: State, data_set: str) -> bool:
    """Whether a retention has ended, and what it kept waits for its purge, for the first time or once more."""
    purges = (one for one in state.closure.tasks if one.name == f"purge:{data_set}")
    return any(one.due <= state.now or one.tries for one in purges)


def _wants_tombstone(state: State) -> bool:
    reserved_for = None if state.closure.round is None else state.closure.round.terms.tombstone_for
    begun = next((one.at for one in state.events if isinstance(one, happened.ErasureBegun)), None)
    return reserved_for is not None and begun is not None and state.now < begun + reserved_for


def _keys(state: State) -> Iterator[Finding]:
    """Intent, destruction, event; the round's when the account is retired or the round over, and before the receipt.

    (L23, L26)
    """
    stage = state.closure.stage
    intended = {one.task for one in state.events if isinstance(one, happened.KeyDestructionIntended)}
    pending = {one.kind for one in state.closure.tasks}
    for name, fate in state.keys.items():
        last = name == f"destroy_key:{state.count(happened.RoundOpened)}"
        if fate == "missing":
            yield Finding("lost", f"the key of {name!r} is missing")
        if fate == "destroyed" and name not in intended:
            yield Finding("early", f"the key of {name!r} is destroyed, and the journal does not say that it was to be")
        if last and fate == "destroyed" and isinstance(stage, Open):
            yield Finding("early", "the round's key is destroyed, and the round is open")
        if last and fate == "destroyed" and isinstance(stage, Closing) and state.theirs.standing != "retired":
            yield Finding("early", "the round's key is destroyed, and the account is not retired")
        if last and fate != "destroyed" and isinstance(stage, Closed):
            yield Finding("early", "there is a receipt, and the round's key is not destroyed")
        if name == "destroy_farewell_key" and fate == "destroyed" and "farewell" in pending:
            yield Finding("early", "the farewell's key is destroyed, and the farewell has not gone out")


# --- what is said is so ---------------------------------------------------------------------------------------


def _done_is_done(state: State, promised: Promised) -> Iterator[Finding]:
    """What the journal calls done has happened, and what a person was told is in the journal (L16)."""
    done = {one.task for one in state.events if isinstance(one, happened.TaskDone)}
    written = {one.kind for one in state.ledger}
    sent = {one.kind for one in state.sent}
    sessions = sum(state.theirs.remaining[name] for name in promised.scenario.ended_by_the_freeze)
    effects = {
        "revoke_sessions": not sessions,
        "ledger_begun": "begun" in written,
        "tombstone": state.reserved or not _wants_tombstone(state),
        "retire": state.theirs.standing == "retired",
        "ledger_closed": "closed" in written,
        "farewell": "farewell" in sent or "farewell" not in promised.heard,
    }
    for kind in promised.heard - CODES - set(TOLD_OF):
        effects[f"host:{kind}"] = kind in sent
    for task in sorted(done.intersection(effects)):
        if not effects[task]:
            yield Finding("lost", f"the task {task!r} is called done, and nothing is seen of it")
    for task in sorted({one.task for one in state.events if isinstance(one, happened.KeyDestroyed)}):
        if state.keys.get(task) != "destroyed":
            yield Finding("lost", f"the key of {task!r} is called destroyed, and it is {state.keys.get(task)}")
    for name in state.theirs.portions:
        batches = (one for one in state.events if isinstance(one, happened.BatchErased) and one.task == f"erase:{name}")
        called = sum(one.erased for one in batches)
        if called > _gone(state, promised.before, name):
            yield Finding("lost", f"the journal calls {called} items of {name!r} erased, and so many are not gone")
    left = Counter(one.leaves for one in promised.scenario.steps[: state.steps] if one.leaves is not None)
    for event, count in left.items():
        if state.count(event) < count:
            yield Finding("lost", f"the person was told so, and the journal has no {event.__name__}")


def _gone(state: State, before: State, data_set: str) -> int:
    """How many items are gone: by their number, or, since they may stay without a person, by how many must still go."""
    now, then = state.theirs, before.theirs
    return max(then.totals[data_set] - now.totals[data_set], then.remaining[data_set] - now.remaining[data_set])


def _told_in_time(state: State, promised: Promised) -> Iterator[Finding]:
    """Nobody is told what has not happened, nor a downstream system before the data sets are erased (L8, L26)."""
    left = {name for name, count in state.theirs.remaining.items() if count} - state.held
    full = bool(left) and not isinstance(state.closure.stage, Closed)
    kinds = Counter(one.kind for one in state.sent)
    for kind in sorted(kinds):
        event = TOLD_OF.get(kind)
        if event is not None and not state.count(event):
            yield Finding("early", f"the letter {kind!r} went out before {event.__name__} was in the journal")
        if event is None and kind not in CODES and (full or not is_begun(state)):
            yield Finding("early", f"the task {kind!r} ran, and something remains that must go before")
    asked = state.count(happened.ChallengeMade) + state.count(happened.ChallengeRepeated)
    if sum(kinds[kind] for kind in CODES) > asked:
        yield Finding("doubled", f"more codes went out than were asked for: the journal knows of {asked}")


# --- once -----------------------------------------------------------------------------------------------------

_ONE_EACH: Final = (happened.ErasureBegun, happened.ClosureClosed)


def _once(state: State) -> Iterator[Finding]:
    """One erasure and one receipt for each round, one confirmation until it is given back, one id for each message."""
    rounds = state.count(happened.RoundOpened)
    for event in _ONE_EACH:
        if state.count(event) > rounds:
            yield Finding("doubled", f"there is more than one {event.__name__} in a round")
    if state.count(happened.ClosureConfirmed) > rounds + state.count(happened.AccountGivenBack):
        yield Finding("doubled", "a closing is confirmed twice")
    for about, count in Counter((one.round, one.kind, one.subject) for one in state.ledger).items():
        if count > 1:
            yield Finding("doubled", f"the ledger has {count} entries about {about}")
    ids: dict[str, set[str]] = {}
    for sent in state.sent:
        if sent.kind not in CODES:
            ids.setdefault(sent.kind, set()).add(sent.id)
    for kind, several in ids.items():
        told_of = TOLD_OF.get(kind)
        if len(several) > (rounds if told_of is None else max(state.count(told_of), 1)):
            yield Finding("doubled", f"{kind!r} went out under {len(several)} ids")
