"""``python -m hht_closure.testing.simulate``: play seeds, and say of the first that fails how, and how to replay it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from time import monotonic
from typing import Final

from hht_closure.testing.simulate.run import Outcome, Tally, played

_SEEDS: Final = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is asked for; 0 where everything held in every seed, and else 1.

    Args:
        arguments: those of the command line where None.
    """
    asked = _parser().parse_args(arguments)
    if asked.seeds is None and asked.seed is not None:
        return _replay(asked.seed)
    first = 1 if asked.seed is None else asked.seed
    return _play(range(first, first + (asked.seeds or _SEEDS)), goes_on=asked.keep_going)


def _replay(seed: int) -> int:
    """One seed, with everything that happens in it; the same again gives the same, byte for byte."""
    outcome = played(seed, _say)
    _say(f"seed {seed}: {outcome.violation or 'everything held'}")
    return 0 if outcome.violation is None else 1


def _play(seeds: range, *, goes_on: bool) -> int:
    _say(f"simulation: seeds {seeds[0]} to {seeds[-1]}")
    tally, began = Tally(), monotonic()
    for seed in seeds:
        outcome = played(seed)
        tally.add(outcome)
        if outcome.violation is not None:
            _report(outcome)
            if not goes_on:
                break
    for line in tally.lines():
        _say(line)
    _say(f"{len(tally.failed)} of {tally.seeds} seeds failed, in {monotonic() - began:.1f} s")
    return 0 if not tally.failed else 1


def _report(outcome: Outcome) -> None:
    """The seed, the invariant with its law, what happened last, and how all of it is seen again."""
    _say(f"seed {outcome.seed} failed: {outcome.violation}")
    for line in outcome.last:
        _say(f"  {line}")
    _say(f"  replay: python -m hht_closure.testing.simulate --seed {outcome.seed}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hht_closure.testing.simulate", description=__doc__)
    parser.add_argument("--seeds", type=_count, help=f"how many seeds (default: {_SEEDS})")
    parser.add_argument(
        "--seed", type=_count, help="the first of them (default: 1); without --seeds, that one with its whole trace"
    )
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that fails")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is wanted")
    return count


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
