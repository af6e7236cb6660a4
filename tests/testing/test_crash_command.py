"""``python -m hht_closure.testing.crash``: what it says, and how it ends."""

from __future__ import annotations

import pytest

from hht_closure.testing.crash.__main__ import main


def _said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """How the command ends, and its lines without the seconds."""
    status = main(["--adapter", "memory", "--scenario", "lapsed", "--jobs", "1", *arguments])
    return status, [line.partition(" (")[0] for line in capsys.readouterr().out.splitlines()]


def test_the_command_says_how_many_points_there_were(capsys: pytest.CaptureFixture[str]) -> None:
    """And what was lost, doubled, stuck or early; status 0 where nothing was."""
    status, said = _said(capsys, "--point", "killed_after:30", "--point", "failing:31")
    assert (status, said[-1]) == (0, "in all 2 points: 0 lost, 0 doubled, 0 stuck, 0 early")


def test_a_point_that_never_comes_is_said_and_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was tried there."""
    status, said = _said(capsys, "--point", "failing:9999")
    assert (status, said[-1]) == (1, "in all 1 points: 0 lost, 0 doubled, 0 stuck, 0 early, 1 never came")


def test_the_command_gives_the_same_answer_in_several_processes(capsys: pytest.CaptureFixture[str]) -> None:
    """Trials at the same time are the same trials, in the same order."""
    said = [_said(capsys, "--every", "29", "--jobs", jobs)[1][1:] for jobs in ("1", "2")]
    assert said[0] == said[1]


@pytest.mark.parametrize("arguments", [("--point", "late"), ("--every", "0"), ("--jobs", "0"), ("--adapter", "paper")])
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """With status 2 and a word on it."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "error" in capsys.readouterr().err
