"""``python -m hht_closure.testing.crash``: disturb a closing at every port call, and say what was lost by it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from hht_closure.errors import InvalidValueError
from hht_closure.testing.crash.plots import PLOTS
from hht_closure.testing.crash.run import Run, Tally, in_words
from hht_closure.testing.crash.sample import sample_scenario
from hht_closure.testing.crash.stores import STORES, StoreFactory
from hht_closure.testing.crash.trial import Trial
from hht_closure.testing.crash.troubles import Point
from hht_closure.testing.crash.undisturbed import ScenarioError

_FAST: Final = "/dev/shm"  # noqa: S108 - what is in memory outlives a killed process, too, and waits for no disk
"""Where trials are played unless ``TMPDIR`` or ``--folder`` says otherwise, where there is such a thing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what is asked for; 0 where nothing is lost, doubled, stuck or early, and else 1.

    Args:
        arguments: those of the command line where None.
    """
    asked = _parser().parse_args(arguments)
    began = monotonic()
    _say(f"crash harness: {asked.adapter}, seed {asked.seed}, every {asked.every}, {asked.jobs} at a time")
    with ExitStack() as running:
        running.enter_context(_without_log())
        folder = running.enter_context(TemporaryDirectory(prefix="crash-", dir=asked.folder))
        made = STORES.get(asked.adapter)
        store = None if made is None else running.enter_context(made())
        all_of_it = sum(_tallies(asked, Path(folder), store), Tally())
    _say(f"in all {all_of_it} ({monotonic() - began:.1f} s)")
    return 0 if all_of_it.is_well else 1


@contextmanager
def _without_log() -> Generator[None, None, None]:
    """Say nothing of the failures that are made here on purpose."""
    log = logging.getLogger("hht_closure")
    usual = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(usual)


def _tallies(asked: argparse.Namespace, folder: Path, store: StoreFactory | None) -> Iterator[Tally]:
    for plot in PLOTS:
        if asked.scenario and plot.name not in asked.scenario:
            continue
        scenario, ground = sample_scenario(plot, store, folder=folder / plot.name, seed=asked.seed)
        try:
            run = Run.of(scenario, ground, seed=asked.seed, every=asked.every, jobs=asked.jobs)
        except ScenarioError as error:
            for found in error.findings:
                _say(f"{plot.name}, undisturbed: {found}")
            yield Tally.of_undisturbed(error)
            continue
        _say(f"{plot.name}: {len(run.expected.calls)} port calls")
        if asked.point:
            yield _tally(run, "points named", run.tried(asked.point))
            continue
        yield _tally(run, "one trouble", run.singles())
        if asked.pairs:
            yield _tally(run, "pairs", run.pairs())


def _tally(run: Run, what: str, trials: Iterator[Trial]) -> Tally:
    """Say of each trial what is wrong with it, as soon as it is known, and count."""
    began, tally = monotonic(), Tally()
    for trial in trials:
        tally += Tally.of((trial,))
        for line in in_words(run, trial):
            _say(f"  {line}")
    _say(f"  {what}: {tally} ({monotonic() - began:.1f} s)")
    return tally


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hht_closure.testing.crash", description=__doc__)
    parser.add_argument("--adapter", choices=("memory", *STORES), default="sqlite", help="the store (default: sqlite)")
    parser.add_argument("--pairs", action="store_true", help="also a second trouble in the recovery from the first")
    parser.add_argument("--every", type=_count, default=1, help="of the calls, every so many (default: 1, all)")
    parser.add_argument("--seed", type=int, default=1, help="which points a sample has (default: 1)")
    parser.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, help="trials at a time (default: cores)")
    parser.add_argument("--folder", type=Path, default=_usual_folder(), help="where trials are played")
    parser.add_argument(
        "--scenario", action="append", choices=[one.name for one in PLOTS], help="only this one; may be repeated"
    )
    parser.add_argument(
        "--point", action="append", type=_point, help="only this point, as a report names it: killed_after:57"
    )
    return parser


def _usual_folder() -> Path | None:
    return Path(_FAST) if "TMPDIR" not in os.environ and os.access(_FAST, os.W_OK) else None


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is wanted")
    return count


def _point(text: str) -> Point:
    try:
        return Point.read(text)
    except InvalidValueError:
        raise argparse.ArgumentTypeError("a mode and a call are wanted: killed_after:57") from None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
