"""The crash harness on the library's own scenarios, in memory and in processes that are really killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from hht_closure.testing.crash import Point, Run, ScenarioError, Trouble, in_words
from hht_closure.testing.crash.plots import PLOTS, Plot
from hht_closure.testing.crash.sample import sample_scenario
from hht_closure.testing.crash.stores import STORES
from hht_closure.testing.crash.troubles import Mode

ROOT: Final = Path(__file__).parents[2]
CLOSING: Final = PLOTS[0]
SEED: Final = 4


def _harm(plot: Plot, *, every: int) -> list[str]:
    """What is wrong at a sample of the plot's calls, each in every mode, in memory."""
    try:
        run = _run(plot, every=every)
    except ScenarioError as error:
        return [str(error)]
    return [line for trial in run.singles() for line in in_words(run, trial)]


def _run(plot: Plot, *, every: int = 1) -> Run:
    scenario, ground = sample_scenario(plot, None, folder=ROOT, seed=SEED)
    return Run.of(scenario, ground, seed=SEED, every=every)


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: f"{plot.name}-seed-{SEED}")
def test_whatever_goes_wrong_a_closing_comes_to_the_same(plot: Plot) -> None:
    """A sample of its calls, in all modes: nothing lost, doubled, stuck or early.

    (L13, L14, L15, L16, L17, L18, L19, L20, L23, L27, CRSH-01, CRSH-02, CRSH-03, CRSH-04, CRSH-09)
    """
    assert _harm(plot, every=43) == []


@pytest.mark.parametrize("plot", PLOTS[:3], ids=lambda plot: f"{plot.name}-seed-{SEED}")
def test_whatever_goes_wrong_again_in_the_recovery_it_comes_to_the_same(plot: Plot) -> None:
    """A sample of pairs: killed, and disturbed once more on the way out of it (L16, CRSH-01, CRSH-02, CRSH-09)."""
    run = _run(plot, every=31)
    assert [line for trial in run.pairs() for line in in_words(run, trial)] == []


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_undisturbed_every_scenario_comes_to_its_end_in_files_too(plot: Plot, tmp_path: Path) -> None:
    """Where foreign keys are kept, that is: in memory a wrong order would show nothing (L20, ERAS-07)."""
    with STORES["sqlite"]() as store:
        scenario, ground = sample_scenario(plot, store, folder=tmp_path, seed=SEED)
        Run.of(scenario, ground, seed=SEED)


def _harm_at(plot: Plot, mode: Mode, *methods: str) -> list[str]:
    """What is wrong where each call of these methods goes wrong in that way."""
    try:
        run = _run(plot)
    except ScenarioError as error:
        return [str(error)]
    numbered = enumerate(run.expected.calls, 1)
    of_these = [
        number for number, call in numbered if call.name.partition(" ")[0].endswith(methods) and mode in call.modes
    ]
    return [line for trial in run.tried(Point(Trouble(mode, one)) for one in of_these) for line in in_words(run, trial)]


def test_nobody_is_told_that_an_append_failed_which_took_effect() -> None:
    """Each append of a closing, with its answer lost on the way (CRSH-04, RACE-13)."""
    assert _harm_at(CLOSING, "ambiguous", ".append") == []


_EFFECTS: Final = (".append", ".record", ".retire", ".destroy", ".send", ".run")


def test_a_process_that_dies_behind_an_effect_loses_and_doubles_nothing() -> None:
    """Killed after each append, letter, task of the host's, and what the library does for good (L16, CRSH-02)."""
    assert _harm_at(CLOSING, "killed_after", *_EFFECTS) == []


def test_what_fails_is_done_all_the_same() -> None:
    """Each of these fails once, and nothing that rests on it comes before it (L16, CRSH-03, CRSH-09)."""
    assert _harm_at(CLOSING, "failing", *_EFFECTS, ".lay", ".remaining") == []


def test_a_worker_whose_lease_was_taken_over_writes_nothing() -> None:
    """It stands still before each append and goes on when another has the lease (L18, LEAS-01)."""
    assert _harm_at(CLOSING, "taken_over", ".append") == []


def test_a_worker_that_comes_late_neither_freezes_nor_unfreezes() -> None:
    """The person has withdrawn meanwhile, and the account is open (L18, LEAS-01)."""
    withdrawn = next(one for one in PLOTS if one.name == "withdrawn_when_frozen")
    assert _harm_at(withdrawn, "late", ".freeze", ".unfreeze") == []


@pytest.mark.usefixtures("unmeasured")
def test_real_processes_that_are_killed_lose_nothing_on_sqlite() -> None:
    """A sample of a closing's calls, and of pairs, on the sample portal (L16, CRSH-01 to CRSH-04, CRSH-09)."""
    arguments = ("--adapter", "sqlite", "--scenario", "closing", "--seed", str(SEED), "--every", "41", "--pairs")
    said = subprocess.run(
        [sys.executable, "-m", "hht_closure.testing.crash", *arguments], check=False, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stdout + said.stderr
