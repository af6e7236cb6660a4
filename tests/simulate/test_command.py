"""The command, and that its worlds are worth the name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hht_closure.testing.simulate.__main__ import main
from hht_closure.testing.simulate.faults import FAULTS
from hht_closure.testing.simulate.run import Tally, played
from tests.simulate.playing import broken, simulate
from tests.simulate.sabotages import BACK


def test_everything_that_can_go_wrong_does_and_closings_end_in_every_way() -> None:
    """A storm in which one thing never happens would show nothing of it."""
    tally = Tally()
    for seed in range(1, 61):
        tally.add(played(seed))
    assert set(tally.faults) == set(FAULTS)
    assert set(tally.ends) == {"closed", "withdrawn", "given back", "lapsed", "still open", "never opened"}


def test_it_says_what_was_tried_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Seeds, steps, faults by kind, outcomes, time."""
    assert main(["--seeds", "3", "--seed", "5"]) == 0
    first, steps, faults, accounts, last = capsys.readouterr().out.splitlines()
    assert first == "simulation: seeds 5 to 7"
    assert [line.partition(":")[0] for line in (steps, faults, accounts)] == ["steps", "faults", "accounts"]
    assert last.startswith("0 of 3 seeds failed, in ")


def test_one_seed_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Down to each call of a port, and what a person asked for."""
    assert main(["--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert "journal.claim" in said
    assert "asks server-" in said
    assert "appended RoundOpened, ChecksMade" in said
    assert said.endswith("seed 3: everything held\n")


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--seed", "-1"], ["--seeds", "many"]])
def test_a_number_from_one_on_is_wanted(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is refused with the usage."""
    with pytest.raises(SystemExit):
        main(wrong)
    assert "usage: python -m hht_closure.testing.simulate" in capsys.readouterr().err


def test_a_seed_that_fails_fails_again_and_comes_to_it_in_the_same_way(tmp_path: Path) -> None:
    """What was reported is the end of what is replayed, line for line, and twice the same (L28)."""
    package = broken(next(one for one in BACK if "given back is not" in one.name), tmp_path)
    reported = simulate("--seeds", "1000", package=package)
    at, *rest = reported.text.partition("seed ")[2].split()
    assert rest[0] == "failed:"
    first, second = (simulate("--seed", at, package=package, hash_seed=one) for one in (3, 4))
    assert first == second
    assert first.status == 1
    last = [line.strip() for line in reported.text.splitlines() if line.startswith("  ")][:-1]
    assert 1 < len(last) <= 30
    assert [one for one in last if one not in {line.strip() for line in first.text.splitlines()}] == []


def test_with_keep_going_every_seed_that_fails_is_named(tmp_path: Path) -> None:
    """Not only the first."""
    package = broken(next(one for one in BACK if "given back is not" in one.name), tmp_path)
    said = simulate("--seeds", "40", "--keep-going", package=package)
    assert said.text.count("failed: L14") > 1
    assert "of 40 seeds failed" in said.text
