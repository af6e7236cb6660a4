"""What the crash harness finds: adapters that are broken on purpose, each by the harm that it does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest

from hht_closure.account import AccountId
from hht_closure.testing.crash import MemoryGround, Point, Run, ScenarioError, Trouble
from hht_closure.testing.crash.plots import PLOTS
from hht_closure.testing.crash.sample import sample_scenario
from hht_closure.testing.crash.stores import STORES
from hht_closure.testing.crash.troubles import Mode
from tests.testing.broken import (
    BlindDirectory,
    Break,
    ForgetfulDirectory,
    LazyJournal,
    OnceVault,
    UnfencedJournal,
    WriteBehindJournal,
    broken_directory,
    broken_journal,
    broken_vault,
    forgetful_vault,
    greedy_data_sets,
    renumbered_messages,
    with_broken,
)

ROOT: Final = Path(__file__).parents[2]
SEED: Final = 4


def _found(breaking: Callable[[], Break], mode: Mode, call: str, *, plot: str = "closing") -> str:
    """What is wrong where the calls of that name are disturbed so, one at a time, and one adapter is broken."""
    chosen = next(one for one in PLOTS if one.name == plot)
    scenario, ground = sample_scenario(chosen, None, folder=ROOT, seed=SEED)
    assert isinstance(ground, MemoryGround)
    run = Run.of(scenario, with_broken(ground, breaking), seed=SEED)
    numbered = [(number, one) for number, one in enumerate(run.expected.calls, 1) if one.name == call]
    points = [Point(Trouble(mode, number)) for number, one in numbered if mode in one.modes]
    return "\n".join(str(one) for trial in run.tried(points) for one in trial.findings)


def test_a_journal_that_loses_what_a_worker_appended_is_found() -> None:
    """Items are gone, and the journal knows of no erasure (L15, L16, CRSH-02, CRSH-09)."""
    found = _found(partial(broken_journal, LazyJournal), "killed_after", "MemoryDataSet.erase orders")
    assert "early: items of 'orders' are gone, and the journal says of no erasure that it began" in found


def test_a_journal_that_loses_what_a_person_was_told_is_found() -> None:
    """The last thing they did is not there when the process comes back (L16, CRSH-02)."""
    found = _found(partial(broken_journal, WriteBehindJournal), "killed_before", "CodeVerifier.offer sms_code")
    assert "lost: the person was told so, and the journal has no ReasonGiven" in found


def test_a_journal_that_does_not_look_at_fences_is_found() -> None:
    """A worker whose lease was taken over has written (L18, LEAS-01)."""
    found = _found(partial(broken_journal, UnfencedJournal), "taken_over", "UnfencedJournal.append")
    assert "doubled: a worker whose lease was taken over has written in the journal" in found


def test_a_vault_that_forgets_is_found() -> None:
    """The round's key is gone with the process that made it, and nobody destroyed it (L23, CRSH-02)."""
    found = _found(partial(broken_vault, forgetful_vault), "killed_before", "CodeVerifier.offer sms_code")
    assert "lost: the key of 'destroy_key:1' is missing" in found


def test_a_vault_that_cannot_bear_a_repetition_is_found() -> None:
    """The key is destroyed, its task is set aside, and the account is never closed (L16, L23, CRSH-02)."""
    found = _found(partial(broken_vault, OnceVault), "killed_after", "OnceVault.destroy")
    assert "stuck: the task 'destroy_key:1' is set aside" in found


def test_a_directory_that_forgets_a_freeze_is_found() -> None:
    """The closing goes on with an account that is open (L13, CRSH-09)."""
    found = _found(partial(broken_directory, ForgetfulDirectory), "killed_after", "MemoryDataSet.erase orders")
    assert "early: the journal says that the erasure began, and the account is open" in found


def test_a_directory_that_does_not_look_at_tokens_is_found() -> None:
    """A worker freezes the account late, when the person has withdrawn, and nothing unfreezes it (L18, LEAS-01)."""
    blind = partial(broken_directory, BlindDirectory)
    found = _found(blind, "late", "BlindDirectory.freeze", plot="withdrawn_when_frozen")
    assert "stuck: the account is frozen, and nothing will end that" in found


def test_messages_under_another_id_each_time_are_found() -> None:
    """The farewell goes out twice, and nobody can tell that it is one (L16, CRSH-04)."""
    found = _found(renumbered_messages, "killed_after", "RenumberedMessages.send")
    assert "doubled: 'farewell' went out under 2 ids" in found


def test_an_eraser_that_takes_too_much_in_a_repetition_is_found() -> None:
    """Somebody who closes nothing loses items (L16, CRSH-02)."""
    found = _found(partial(greedy_data_sets, AccountId("wang")), "killed_after", "GreedyDataSet.erase messages")
    assert "doubled: something of a person whom it does not concern has changed (number 1)" in found


def test_a_journal_that_loses_what_it_acknowledged_is_found_in_real_processes(tmp_path: Path) -> None:
    """In SQLite, with an exit status, the point and the words of the finding (L15, L16, CRSH-02)."""
    with STORES["sqlite"]() as store:
        scenario, ground = sample_scenario(PLOTS[0], store, folder=tmp_path / "sound", seed=SEED)
        names = [call.name for call in Run.of(scenario, ground).expected.calls]
    point = f"killed_after:{names.index('SqliteRows.erase messages') + 1}"
    arguments = ("--adapter", "sqlite", "--scenario", "closing", "--seed", str(SEED), "--point", point)
    said = subprocess.run(
        [sys.executable, "-m", "tests.testing.broken", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    wanted = f"closing {point} (SqliteRows.erase messages): early: items of 'messages' are gone"
    assert (said.returncode, wanted in said.stdout) == (1, True), said.stdout + said.stderr


def test_a_scenario_that_comes_to_another_end_is_none() -> None:
    """Where nobody disturbs it and it goes wrong, nothing can be said of disturbances."""
    scenario, ground = sample_scenario(PLOTS[0], None, folder=ROOT, seed=SEED)
    with pytest.raises(ScenarioError, match="lost: it comes to closed, and not to withdrawn"):
        Run.of(attrs.evolve(scenario, ends="withdrawn"), ground)
