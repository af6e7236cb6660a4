"""Confirm, at one instant with itself, with a withdrawal in another tab, and with answers that are lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path
from threading import Barrier, Condition, local
from typing import Final, Protocol, TypeVar

import attrs
import pytest

from hht_closure.account import Principal
from hht_closure.errors import ClosureRefused, PortError, StoreUnavailableError
from hht_closure.events import ChallengeMade, ClosureConfirmed, ErasureBegun, FactorProved
from hht_closure.flows.answers import Confirmation
from hht_closure.flows.stream import round_key
from hht_closure.ports import KeyPresent, Record
from tests.attacks.processes import SMS, Callers, Ground, Processes, Threads, Told, common_ground
from tests.stage import LI, MakeStage, Stage, StoreKind, on_every_store, on_stores

T = TypeVar("T")

# --- sixteen confirms at one instant (RACE-01) ------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Confirmed:
    """What comes of sixteen confirms at one instant."""

    answers: int = 16
    different: int = 1
    refused: tuple[str, ...] = ()
    recorded: int = 1


def _confirmed(who: Principal, nonce: str, stage: Stage, _: int) -> Confirmation:
    return stage.service.confirm(who, nonce)


def _round_of_confirms(callers: Callers) -> Confirmed:
    """A round of them, by a new person."""
    who = next(callers.people)
    told = callers.at_once(partial(_confirmed, who, callers.stage.noticed(who).nonce))
    return Confirmed(
        answers=len(told.values),
        different=len(set(told.values)),
        refused=told.codes,
        recorded=callers.stage.count(ClosureConfirmed, account=who.account),
    )


@on_stores("sqlite", "postgres")
def test_sixteen_confirms_by_four_processes_make_one_closure(store_kind: StoreKind, tmp_path: Path) -> None:
    """Sixteen times: one closure, sixteen equal confirmations, and nobody meets an error (L12, RACE-01)."""
    with (
        common_ground(store_kind, tmp_path, people=16) as ground,
        Processes(ground, processes=4, threads=4) as callers,
    ):
        outcomes = [_round_of_confirms(callers) for _ in range(16)]
    assert outcomes == [Confirmed()] * 16


@on_every_store
def test_sixteen_confirms_by_threads_make_one_closure(make_stage: MakeStage, tmp_path: Path) -> None:
    """The same in one process, sixteen times on each store (L12, RACE-01)."""
    callers = Threads(make_stage(SMS), Ground(path=tmp_path, people=16), threads=16)
    assert [_round_of_confirms(callers) for _ in range(16)] == [Confirmed()] * 16


# --- confirm in one tab, withdraw in the other (RACE-02) --------------------------------------------------------

BRIEF: Final = attrs.evolve(SMS, data_sets=("messages",), tombstone_for=None, farewell_for=None)
"""Terms of a closing that takes few calls."""

SEED: Final = 20260301

BEHIND_THE_END: Final = 60
"""More port calls than confirm and the worker's pass make together."""

BEHIND_THE_POINT: Final = 26
"""More port calls than they make up to the point of no return; from there on nothing is left to be decided."""

STRIDE: Final[Mapping[StoreKind, int]] = {"memory": 1, "sqlite": 8, "postgres": 32}
"""In memory every interleaving is met; elsewhere, where one costs more and the ports are the same, every so many."""

_PATIENCE: Final = 60.0
"""Seconds after which a test gives up on a thread; reached only when something is wrong."""


class Turns:
    """Two threads, of which one alone goes on at a time; before each port call it is settled anew which.

    Args:
        places: how many calls the first has made when the second makes its first, its second, and so on; those for
            which there is no place it makes in a row. When one has ended the other goes on alone.
    """

    def __init__(self, places: Sequence[int]) -> None:
        self._places = places
        self._made = [0, 0]
        self._is_alone = False
        self._turn = self._next()
        self._changed = Condition()
        self._this = local()

    def before(self, _: int, __: str) -> None:
        """Wait for the turn: what a :class:`~tests.stage.Watch` is to do before each call of the two."""
        me: int = self._this.number
        with self._changed:
            if self._made[me]:
                self._pass_to(me if self._is_alone else self._next())
            assert self._changed.wait_for(lambda: self._turn == me, _PATIENCE), "the other one never ends"
            self._made[me] += 1

    def take(self, first: Callable[[], T], second: Callable[[], T]) -> tuple[Told[T], Told[T]]:
        """What the two were told."""
        with ThreadPoolExecutor(2) as threads:
            one, other = threads.submit(self._taken, 0, first), threads.submit(self._taken, 1, second)
            return one.result(), other.result()

    def _taken(self, me: int, call: Callable[[], T]) -> Told[T]:
        self._this.number = me
        told = Told.by(call)
        with self._changed:
            self._is_alone = True
            self._pass_to(1 - me)
        return told

    def _pass_to(self, whom: int) -> None:
        self._turn = whom
        self._changed.notify_all()

    def _next(self) -> int:
        place = self._places[min(self._made[1], len(self._places) - 1)]
        return 1 if self._made[0] >= place else 0


def _interleavings() -> list[tuple[int, ...]]:
    """A thousand: the withdrawal as a whole at every place, and its three port calls at places drawn by lot."""
    whole = [(place,) for place in range(BEHIND_THE_END)]
    apart = [places for places in combinations_with_replacement(range(BEHIND_THE_POINT), 3) if len(set(places)) > 1]
    lot = random.Random(SEED)  # noqa: S311 - it is to come out the same again
    return whole + lot.sample(apart, 1000 - len(whole))


class Tabs(Protocol):
    """How two calls meet."""

    def __call__(self, first: Callable[[], str], second: Callable[[], str]) -> tuple[Told[str], Told[str]]:
        """What the two were told."""
        ...


def at_one_instant(first: Callable[[], str], second: Callable[[], str]) -> tuple[Told[str], Told[str]]:
    """Both set off at a barrier."""
    barrier = Barrier(2)

    def one(call: Callable[[], str]) -> Told[str]:
        barrier.wait(_PATIENCE)
        return Told.by(call)

    with ThreadPoolExecutor(2) as threads:
        told = threads.map(one, (first, second))
        return next(told), next(told)


@attrs.frozen(kw_only=True)
class Ending:
    """What both tabs were told, what became of the closing, and what is left."""

    confirming: tuple[str, ...]
    withdrawing: tuple[str, ...]
    step: str
    standing: str
    messages: int
    begun: int


WITHDRAWN_BEFORE: Final = Ending(
    confirming=("no_round",), withdrawing=("withdrawn",), step="withdrawn", standing="open", messages=2, begun=0
)
WITHDRAWN_AFTER: Final = attrs.evolve(WITHDRAWN_BEFORE, confirming=("confirmed",))
CLOSED: Final = Ending(
    confirming=("confirmed",), withdrawing=("irreversible",), step="closed", standing="gone", messages=0, begun=1
)
ENDINGS: Final = {WITHDRAWN_BEFORE, WITHDRAWN_AFTER, CLOSED}
"""The withdrawal wins wherever it comes before the point of no return, before the confirmation or after it (L15)."""


@attrs.frozen(kw_only=True)
class Noticed:
    """A closing that wants nothing but to be confirmed, as it stands in the store, to be laid out many times."""

    records: tuple[Record, ...]
    due: datetime
    key: bytes
    nonce: str

    @classmethod
    def of(cls, stage: Stage) -> Noticed:
        """The stage's own, brought to that point."""
        nonce = stage.noticed().nonce
        key = stage.store.vault.fetch(round_key(stage.stream(), 1))
        assert isinstance(key, KeyPresent)
        (due,) = stage.store.journal.due(limit=1)
        return cls(records=stage.records(), due=due.due, key=key.wrapped, nonce=nonce)

    def laid_out(self, stage: Stage) -> Stage:
        """The same on a new stage of the same seed, whose randomness does not come again."""
        stage.entropy.token(10_000)
        stage.store.journal.append(stage.stream(), 0, self.records, due=self.due)
        stage.store.vault.create(round_key(stage.stream(), 1), self.key)
        return stage


def _ending(stage: Stage, nonce: str, tabs: Tabs) -> Ending:
    """Confirm, and work, in one tab; withdraw in the other; then all that is left to do, and the stage is closed."""

    def confirm() -> str:
        stage.service.confirm(stage.principal, nonce)
        stage.service.work()
        return "confirmed"

    confirming, withdrawing = tabs(confirm, lambda: stage.service.withdraw(stage.principal).step)
    stage.worked_off()
    account = stage.accounts.get(LI.id)
    with closing(stage):
        return Ending(
            confirming=confirming.values + confirming.codes,
            withdrawing=withdrawing.values + withdrawing.codes,
            step=stage.service.status(stage.keyring.reference(stage.portal, stage.stream(), 1)).step,
            standing="gone" if account is None else account.standing,
            messages=len(stage.messages.items(LI.id)),
            begun=stage.count(ErasureBegun),
        )


def _ending_by_turns(stage: Stage, nonce: str, places: Sequence[int]) -> Ending:
    """The same by turns."""
    turns = Turns(places)

    def tabs(first: Callable[[], str], second: Callable[[], str]) -> tuple[Told[str], Told[str]]:
        watch = stage.watched()
        unwatched, watch.before = watch.before, turns.before
        told = turns.take(first, second)
        watch.before = unwatched
        return told

    return _ending(stage, nonce, tabs)


@on_every_store
def test_confirm_and_withdraw_interleaved_in_a_thousand_ways_have_one_winner(make_stage: MakeStage) -> None:
    """Wherever the one falls within the other, one wins, all is as it says, and the loser is told (L15, RACE-02)."""
    first = make_stage(BRIEF)
    noticed = Noticed.of(first)
    endings = {
        places: _ending_by_turns(noticed.laid_out(make_stage(BRIEF)), noticed.nonce, places)
        for places in _interleavings()[:: STRIDE[first.kind]]
    }
    strays = {places: ending for places, ending in endings.items() if ending not in ENDINGS}
    assert (strays, set(endings.values())) == ({}, ENDINGS)


@on_every_store
def test_confirm_and_withdraw_at_one_instant_have_one_winner(make_stage: MakeStage) -> None:
    """Two threads at a barrier, as the machine will have it, thirty-two times: the same (L15, RACE-02)."""
    noticed = Noticed.of(make_stage(BRIEF))
    endings = [_ending(noticed.laid_out(make_stage(BRIEF)), noticed.nonce, at_one_instant) for _ in range(32)]
    assert [one for one in endings if one not in ENDINGS] == []


# --- a store that commits and does not answer (RACE-13) ---------------------------------------------------------

WRITES: Final = frozenset({"budgets.take", "journal.append", "journal.claim", "journal.renew", "journal.release"})
"""The calls of the store by which something is written on the way from the challenge to the confirmation."""

WRITTEN: Final = 8
"""How often, when nothing fails: budget, challenge, attempt, verdict, confirmation, and three times for the hold."""


@attrs.define(kw_only=True)
class Disturbance:
    """A write that is lost: the connection breaks before it takes effect, or behind that.

    Attributes:
        number: which, from 1; 0 for none.
        with_effect: whether it is committed.
        deaf: whether the line is still down when it is read back.
    """

    number: int
    with_effect: bool
    deaf: bool
    written: int = 0
    lost: int = 0

    def before(self, _: int, name: str) -> None:
        """What a :class:`~tests.stage.Watch` does before each call."""
        self.written += name in WRITES
        if name == "journal.read" and self.deaf and self.lost == 1:
            self._lose()
        if not self.with_effect:
            self._perhaps_lose(name)

    def after(self, _: int, name: str) -> None:
        """What it does behind each call."""
        self._perhaps_lose(name)

    def _perhaps_lose(self, name: str) -> None:
        if name in WRITES and self.written == self.number and self.lost == 0:
            self._lose()

    def _lose(self) -> None:
        self.lost += 1
        raise ConnectionError


class Repeating:
    """A client that repeats a call that failed, and keeps all that it was told meanwhile."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.told: set[str] = set()

    def call(self, once: Callable[[], T]) -> T:
        """What the call gives in the end; after a refusal it waits for as long as one waits for another code."""
        for _ in range(4):
            try:
                return once()
            except (StoreUnavailableError, PortError):
                self.told.add("failed")
            except ClosureRefused as refused:
                self.told.update(refused.codes)
                self._stage.clock.advance(SMS.codes.resend_after)
        raise AssertionError(f"the repeated call does not go on: {self.told}")

    def confirm(self) -> Confirmation:
        """From the challenge to the confirmation."""
        stage, person = self._stage, self._stage.principal
        self.call(lambda: stage.challenged("sms_code"))
        code = stage.code("sms_code")
        self.call(lambda: self._proved(code))
        nonce = self.call(lambda: stage.service.notice(person, "en")).nonce
        return self.call(lambda: stage.service.confirm(person, nonce))

    def _proved(self, code: str) -> bool:
        """Whoever does not know what became of the answer looks first, before giving it again."""
        stage = self._stage
        is_proved = stage.service.current(stage.principal).step == "confirmation"
        return is_proved or stage.service.answer(stage.principal, "sms_code", code).accepted


@attrs.frozen(kw_only=True)
class Effects:
    """What there is once, whatever was lost; and nothing was told but what may be."""

    challenges: int = 1
    sent: int = 1
    proofs: int = 1
    closures: int = 1
    step: str = "closed"
    told_otherwise: frozenset[str] = frozenset()


def _effects(stage: Stage, disturbance: Disturbance, may_be_told: frozenset[str]) -> Effects:
    stage.reason_given()
    watch, client = stage.watched(), Repeating(stage)
    undisturbed = watch.before, watch.after
    watch.before, watch.after = disturbance.before, disturbance.after
    confirmation = client.confirm()
    watch.before, watch.after = undisturbed
    stage.worked_off()
    with closing(stage):
        return Effects(
            challenges=stage.count(ChallengeMade),
            sent=len(stage.sms.sent),
            proofs=stage.count(FactorProved),
            closures=stage.count(ClosureConfirmed),
            step=stage.service.status(confirmation.reference).step,
            told_otherwise=frozenset(client.told) - may_be_told,
        )


TRY_AGAIN: Final = frozenset({"failed", "temporarily_unavailable", "too_soon"})


@on_every_store
@pytest.mark.parametrize(
    ("with_effect", "deaf", "may_be_told"),
    [
        pytest.param(False, False, TRY_AGAIN, id="not committed"),
        pytest.param(True, False, frozenset({"temporarily_unavailable"}), id="committed"),
        pytest.param(True, True, TRY_AGAIN, id="committed, and the line stays down"),
    ],
)
def test_whichever_write_is_lost_a_client_that_repeats_has_each_effect_once(
    make_stage: MakeStage, *, with_effect: bool, deaf: bool, may_be_told: frozenset[str]
) -> None:
    """Each write from challenge to confirm in turn: one effect each, and never another's conflict (L16, RACE-13)."""
    effects = {
        number: _effects(make_stage(SMS), Disturbance(number=number, with_effect=with_effect, deaf=deaf), may_be_told)
        for number in range(1, WRITTEN + 1)
    }
    assert effects == dict.fromkeys(range(1, WRITTEN + 1), Effects())


@on_every_store
def test_with_no_write_lost_the_client_is_told_nothing(make_stage: MakeStage) -> None:
    """The twin, which also shows that there are no more writes than were lost above (L16, RACE-13)."""
    nothing_lost = Disturbance(number=0, with_effect=True, deaf=False)
    assert (_effects(make_stage(SMS), nothing_lost, frozenset()), nothing_lost.written) == (Effects(), WRITTEN)
