"""Where the harness plays: how a process ends is told as it was, and what others do meanwhile is known to who wakes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Never

import pytest

from hht_closure.flows.calls import driven
from hht_closure.testing.crash import Ground, Kept, Parts, Trouble, Watch
from hht_closure.testing.crash import grounds as of_grounds
from hht_closure.testing.crash.grounds import Broke, Died
from hht_closure.testing.crash.kept import Sent
from hht_closure.testing.crash.plots import PLOTS
from hht_closure.testing.crash.sample import sample_scenario
from hht_closure.testing.crash.stores import STORES

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Real processes, on the sample portal."""
    with STORES["sqlite"]() as store:
        yield sample_scenario(PLOTS[0], store, folder=tmp_path_factory.mktemp("ground") / "here", seed=1)[1]


@pytest.fixture(params=["memory", "processes"])
def ground(request: pytest.FixtureRequest, processes: Ground) -> Ground:
    """One of the two."""
    memory = sample_scenario(PLOTS[0], None, folder=Path(), seed=1)[1]
    return memory if request.param == "memory" else processes


def _makes_a_call(kept: Kept, watch: Watch, _: Parts) -> tuple[str | None, bool]:
    """What was noted by others until the call was made, and whether an hour had gone by."""
    begun = kept.clock.now()
    driven(watch(kept.outbox.add, Sent(kind="call", id="1")))
    return kept.notes.read("noted"), kept.clock.now() == begun + HOUR


def _looks_around(kept: Kept, _: Watch, __: Parts) -> tuple[str | None, int]:
    return kept.notes.read("noted"), len(kept.outbox.sent())


def _notes_and_waits(kept: Kept, _: Watch, __: Parts) -> None:
    kept.notes.write("noted", "meanwhile")
    kept.clock.advance(HOUR)


def test_a_process_gives_what_it_came_to(ground: Ground) -> None:
    """And nothing stands still where nothing is to."""
    with ground.world() as world:
        assert world.live((), _makes_a_call) == (None, False)


@pytest.mark.parametrize(("mode", "sent"), [("killed_before", 0), ("killed_after", 1)])
def test_a_process_that_is_killed_leaves_what_it_has_done(ground: Ground, mode: str, sent: int) -> None:
    """And nothing else: the next one finds it (CRSH-01, CRSH-02)."""
    trouble = Trouble("killed_before" if mode == "killed_before" else "killed_after", 1)
    with ground.world() as world:
        assert (world.live((trouble,), _makes_a_call), world.live((), _looks_around)) == (Died(), (None, sent))


def test_who_stood_still_knows_what_others_did_meanwhile(ground: Ground) -> None:
    """What they noted, and what time it has become; then it makes its call (LEAS-01)."""
    with ground.world() as world:
        lived = world.live((Trouble("late", 1),), _makes_a_call, lambda: world.live((), _notes_and_waits) and None)
        assert (lived, world.live((), _looks_around)) == (("meanwhile", True), ("meanwhile", 1))


def test_who_never_comes_to_the_call_does_not_stand_still(ground: Ground) -> None:
    """Nobody waits for it, and nobody else goes on."""
    meanwhile: list[str] = []
    with ground.world() as world:
        lived = world.live((Trouble("late", 2),), _makes_a_call, lambda: meanwhile.append("others"))
    assert (lived, meanwhile) == ((None, False), [])


def test_each_world_begins_anew(ground: Ground) -> None:
    """What one trial left is not in the next."""
    with ground.world() as world:
        world.live((), _notes_and_waits)
    with ground.world() as world:
        assert world.live((), _looks_around) == (None, 0)


def _fails(_: Kept, __: Watch, ___: Parts) -> Never:
    raise LookupError("nothing there")


def test_a_process_that_ends_with_an_error_says_which_and_where(ground: Ground) -> None:
    """Whatever no portal should meet."""
    with ground.world() as world:
        lived = world.live((), _fails)
    assert isinstance(lived, Broke)
    assert lived.what.startswith("LookupError: nothing there (test_crash_grounds.py:")


def test_what_goes_wrong_meanwhile_ends_the_one_that_stands_still(ground: Ground) -> None:
    """It is not left behind, and the error is not lost."""
    with ground.world() as world, pytest.raises(LookupError):
        world.live((Trouble("late", 1),), _makes_a_call, _fails_here)


def _fails_here() -> Never:
    raise LookupError


# --- real processes alone -------------------------------------------------------------------------------------


def _exits(_: Kept, __: Watch, ___: Parts) -> Never:
    os._exit(3)


def _hangs(_: Kept, __: Watch, ___: Parts) -> None:
    threading.Event().wait()


def _gives_a_lock(_: Kept, __: Watch, ___: Parts) -> object:
    return threading.Lock()


def test_a_process_that_ends_without_a_word_is_no_death_that_was_asked_for(processes: Ground) -> None:
    """A killed one is one that was killed, and nothing else."""
    with processes.world() as world:
        assert world.live((), _exits) == Broke("the process ended with 3")


def test_a_process_that_hangs_is_ended(processes: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is said."""
    monkeypatch.setattr(of_grounds, "LONGEST", 1)
    with processes.world() as world:
        assert world.live((), _hangs) == Broke("no end after 1 seconds")


def test_what_cannot_be_told_to_the_parent_is_said(processes: Ground) -> None:
    """It is a mistake in the harness, or in a host's step, and no crash."""
    with processes.world() as world:
        lived = world.live((), _gives_a_lock)
    assert isinstance(lived, Broke)
    assert "pickle" in lived.what
