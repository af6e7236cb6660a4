"""``python -m tests.sabotage``: break the package in every way of the list, and name the test that caught each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from time import monotonic

from tests.sabotage.lists import SABOTAGES
from tests.sabotage.runner import Caught, Finding, Missed, Spoiled, tried
from tests.sabotage.sabotage import Sabotage, SabotageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the sabotages that are asked for; 0 where every one was caught, and else 1.

    Args:
        arguments: those of the command line where None.
    """
    asked = _parser().parse_args(arguments)
    chosen = [one for one in SABOTAGES if not asked.words or any(word in one.name for word in asked.words)]
    if asked.list:
        for one in chosen:
            _say(f"{one.law:<5} {one.name}")
        return 0
    try:
        return _try(chosen, asked.jobs)
    except SabotageError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _try(chosen: Sequence[Sabotage], jobs: int) -> int:
    if not chosen:
        raise SabotageError("no sabotage has such a name")
    widest, began, caught = max(len(one.name) for one in chosen), monotonic(), 0
    _say(f"{'sabotage':<{widest}} | law | caught by | seconds")
    for trial in tried(chosen, jobs=jobs):
        caught += isinstance(trial.finding, Caught)
        sabotage = trial.sabotage
        _say(f"{sabotage.name:<{widest}} | {sabotage.law:<3} | {_in_words(trial.finding)} | {trial.seconds:.1f}")
    _say(f"{caught} of {len(chosen)} sabotages caught, in {monotonic() - began:.0f} s")
    return 0 if caught == len(chosen) else 1


def _in_words(finding: Finding) -> str:
    match finding:
        case Caught():
            return f"{finding.test}: {finding.states}"
        case Missed():
            return "NOT CAUGHT"
        case Spoiled():
            return f"NOT CAUGHT: {finding.why}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("words", nargs="*", help="only sabotages with one of these words in their name")
    parser.add_argument("--list", action="store_true", help="name them, and break nothing")
    parser.add_argument("--jobs", type=_jobs, default=2, help="how many are tried at a time (default: 2)")
    return parser


def _jobs(text: str) -> int:
    jobs = int(text)
    if jobs < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is wanted")
    return jobs


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
