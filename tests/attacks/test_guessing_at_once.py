"""Many answers at one instant, from many threads of many processes: counted before compared, and used once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest

from hht_closure.account import Principal
from hht_closure.events import AttemptCounted, FactorProved
from tests.attacks.processes import SMS, Callers, Ground, Processes, Threads, common_ground
from tests.stage import NOW, MakeStage, Stage, StoreKind, on_every_store, on_stores

LIMIT = SMS.attempts.failures
LOCKED_UNTIL = NOW + SMS.attempts.locked_for

ROUNDS: Final[Mapping[StoreKind, int]] = {"sqlite": 200, "postgres": 40}
"""How often guesses meet in four processes: less often on a server, where each of them costs more."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def four_processes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Sixty-four callers: four processes of sixteen threads each, on one store."""
    kind: StoreKind = request.param
    with (
        common_ground(kind, tmp_path_factory.mktemp("guessing"), people=250) as ground,
        Processes(ground, processes=4, threads=16) as callers,
    ):
        yield callers


def _challenged(stage: Stage, who: Principal) -> str:
    """The code that was sent to them."""
    stage.reason_given(who)
    stage.challenged("sms_code", who)
    return stage.code("sms_code", who)


def _answered(who: Principal, answers: tuple[str, ...], stage: Stage, caller: int) -> bool:
    """Whether this caller's answer was accepted."""
    return stage.service.answer(who, "sms_code", answers[caller]).accepted


# --- wrong guesses (CODE-03) ------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Guessed:
    """What comes of sixty-four wrong guesses at one instant."""

    verdicts: tuple[bool, ...] = (False,) * LIMIT
    refused: int = 64 - LIMIT
    told_otherwise: tuple[str, ...] = ()
    counted: int = LIMIT
    compared: int = LIMIT
    locked: bool = True


def _guessed(callers: Callers) -> Guessed:
    """A round of them, against a new person's challenge."""
    who, stage = next(callers.people), callers.stage
    _challenged(stage, who)
    told = callers.at_once(partial(_answered, who, (stage.wrong_code("sms_code", who),) * 64))
    return Guessed(
        verdicts=told.values,
        refused=len(told.codes),
        told_otherwise=told.otherwise("locked", "try_again"),
        counted=stage.count(AttemptCounted, account=who.account),
        compared=callers.ground.comparisons(who),
        locked=stage.closure(who.account).attempts.locked_until == LOCKED_UNTIL,
    )


def test_of_sixty_four_guesses_by_four_processes_five_are_compared(four_processes: Processes) -> None:
    """Each time: five counted, five compared, and then locked; all others are told so (L4, L5, CODE-03)."""
    rounds = ROUNDS[four_processes.stage.kind]
    assert [_guessed(four_processes) for _ in range(rounds)] == [Guessed()] * rounds


@on_every_store
def test_of_sixty_four_guesses_by_threads_five_are_compared(make_stage: MakeStage, tmp_path: Path) -> None:
    """The same in one process, eight times on each store (L4, L5, CODE-03)."""
    callers = Threads(make_stage(SMS), Ground(path=tmp_path, people=8), threads=64)
    assert [_guessed(callers) for _ in range(8)] == [Guessed()] * 8


# --- right answers among the guesses ----------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Mixed:
    """What comes of guesses with right answers among them: proved once, or else locked."""

    accepted: int
    proofs: int
    locked: bool
    within_the_limit: bool = True
    told_otherwise: tuple[str, ...] = ()


PROVED = Mixed(accepted=1, proofs=1, locked=False)
LOCKED = Mixed(accepted=0, proofs=0, locked=True)


def _mixed(callers: Callers, right_ones: range) -> Mixed:
    who, stage = next(callers.people), callers.stage
    right, wrong = _challenged(stage, who), stage.wrong_code("sms_code", who)
    answers = tuple(right if number in right_ones else wrong for number in range(64))
    told = callers.at_once(partial(_answered, who, answers))
    return Mixed(
        accepted=told.values.count(True),
        proofs=stage.count(FactorProved, account=who.account),
        locked=stage.closure(who.account).attempts.locked_until == LOCKED_UNTIL,
        within_the_limit=callers.ground.comparisons(who) <= LIMIT,
        told_otherwise=told.otherwise("locked", "try_again", "consumed"),
    )


@pytest.mark.parametrize(
    "right_ones",
    [pytest.param(range(37, 38), id="one of them"), pytest.param(range(0, 64, 2), id="every other")],
)
def test_right_answers_among_the_guesses_prove_once_or_not_at_all(four_processes: Processes, right_ones: range) -> None:
    """Five at the most are compared: one of them right, and it is proved once; none, and it is locked (L5, CODE-03)."""
    outcomes = [_mixed(four_processes, right_ones) for _ in range(20)]
    assert [one for one in outcomes if one not in (PROVED, LOCKED)] == []


# --- one right code, many times (CODE-02) -----------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Used:
    """What comes of sixteen uses of one right code at one instant."""

    verdicts: tuple[bool, ...] = (True,)
    refused: int = 15
    told_otherwise: tuple[str, ...] = ()
    proofs: int = 1
    in_flight: int = 0
    failures: int = 0
    locked: bool = False


def _used(callers: Callers) -> Used:
    """A round of them, by a new person."""
    who, stage = next(callers.people), callers.stage
    told = callers.at_once(partial(_answered, who, (_challenged(stage, who),) * 16))
    attempts = stage.closure(who.account).attempts
    return Used(
        verdicts=told.values,
        refused=len(told.codes),
        told_otherwise=told.otherwise("consumed", "try_again"),
        proofs=stage.count(FactorProved, account=who.account),
        in_flight=len(attempts.in_flight),
        failures=len(attempts.failures),
        locked=attempts.locked_until is not None,
    )


@on_stores("sqlite", "postgres")
def test_of_sixteen_uses_of_one_code_by_two_processes_one_is_accepted(store_kind: StoreKind, tmp_path: Path) -> None:
    """Sixteen times: one accepted, fifteen told so, nobody locked, and nothing used up (L6, CODE-02)."""
    with (
        common_ground(store_kind, tmp_path, people=16) as ground,
        Processes(ground, processes=2, threads=8) as callers,
    ):
        outcomes = [_used(callers) for _ in range(16)]
    assert outcomes == [Used()] * 16


@on_every_store
def test_of_sixteen_uses_of_one_code_by_threads_one_is_accepted(make_stage: MakeStage, tmp_path: Path) -> None:
    """The same in one process, sixteen times on each store (L6, CODE-02)."""
    callers = Threads(make_stage(SMS), Ground(path=tmp_path, people=16), threads=16)
    assert [_used(callers) for _ in range(16)] == [Used()] * 16
