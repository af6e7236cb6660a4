"""The full runs, on demand: ``python -m tests.endurance million|killed|clocks|restarted``.

Each prints what it measured and what was wrong, and ends with another status than 0 where it falls short.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.endurance.cluster import NoPostgresError, own_cluster
from tests.endurance.crowds import Ended, with_kills, with_restarts
from tests.endurance.erasing import Erased, erased

MOST_MEMORY: Final = 150.0
"""MB that a worker may have at most."""

LONGEST_TRANSACTION: Final = 2.0
"""Seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of them; 0 where nothing is wrong."""
    chosen = _parser().parse_args(arguments)
    logging.getLogger("hht_closure").setLevel(logging.CRITICAL)  # a store that is away is what some runs are about
    _say(f"seed {chosen.seed}")
    try:
        with TemporaryDirectory() as folder, _store(chosen) as url:
            match chosen.run:
                case "million":
                    return _tell_of_messages(chosen, _million(chosen, Path(folder), url))
                case "killed":
                    return _tell_of_people(_crowd(chosen, Path(folder), url, [[]] * chosen.workers))
                case "clocks":
                    workers = [["--ahead", "1"], ["--ahead", "-1"], [], []]
                    return _tell_of_people(_crowd(chosen, Path(folder), url, workers))
                case _:
                    return _restarted(chosen, Path(folder))
    except NoPostgresError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.endurance")
    runs = parser.add_subparsers(dest="run", required=True)
    million = runs.add_parser("million", help="one account with a million messages, and a worker that is killed")
    million.add_argument("--messages", type=int, default=1_000_000)
    million.add_argument("--kills", type=int, default=10)
    million.add_argument("--messages-on-server", action="store_true", help="with --store postgres: the messages, too")
    million.add_argument("--one-in", type=int, default=10, help="for each so many, another keeps a message (10)")
    killed = runs.add_parser("killed", help="many accounts, and workers of which one is killed every few seconds")
    clocks = runs.add_parser("clocks", help="the same, with one clock an hour ahead and one an hour behind")
    restarted = runs.add_parser("restarted", help="many accounts, and a PostgreSQL server that is restarted")
    for run, people, speed in ((killed, 500, 1.0), (clocks, 200, 10.0), (restarted, 200, 10.0)):
        run.add_argument("--people", type=int, default=people)
        run.add_argument("--workers", type=int, default=4)
        run.set_defaults(speed=speed)
    for run in (killed, clocks):
        run.add_argument(
            "--every", type=float, nargs=2, default=(2.0, 5.0), metavar="SECONDS", help="between two kills"
        )
    for run in (million, killed, clocks):
        run.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    for run in (million, killed, clocks, restarted):
        run.add_argument("--seed", type=int, default=4)
        run.add_argument("--speed", type=float, help="how many times faster than the real time leases end")
    million.set_defaults(speed=30.0)
    return parser


@contextmanager
def _store(chosen: argparse.Namespace) -> Generator[str | None, None, None]:
    """The address of a database on a server of the run's own; None for files."""
    if getattr(chosen, "store", "sqlite") == "sqlite":
        yield None
        return
    with own_cluster() as cluster:
        yield cluster.url


def _million(chosen: argparse.Namespace, folder: Path, url: str | None) -> Erased:
    return erased(
        folder,
        messages=chosen.messages,
        kills=chosen.kills,
        url=url,
        speed=chosen.speed,
        seed=chosen.seed,
        on_server=chosen.messages_on_server,
        one_in=chosen.one_in,
    )


def _crowd(chosen: argparse.Namespace, folder: Path, url: str | None, workers: Sequence[Sequence[str]]) -> Ended:
    return with_kills(
        folder,
        people=chosen.people,
        workers=workers,
        kill_every=tuple(chosen.every),
        most_kills=chosen.people,
        url=url,
        speed=chosen.speed,
        seed=chosen.seed,
    )


def _restarted(chosen: argparse.Namespace, folder: Path) -> int:
    with own_cluster() as cluster:
        ended = with_restarts(folder, cluster, people=chosen.people, workers=chosen.workers, speed=chosen.speed)
    return _tell_of_people(ended)


# --- what is told -------------------------------------------------------------------------------------------------


def _tell_of_messages(chosen: argparse.Namespace, came: Erased) -> int:
    _say(f"erased: {chosen.messages} messages in {came.seconds:.0f} s, the worker killed {came.kills} times")
    _say(
        f"batches: {came.batches}, of {came.first * 1000:.1f} ms at the beginning and {came.last * 1000:.1f} at the end"
    )
    _say(f"counted in the journal: {came.counted}; what a killed worker had not said yet is gone and not counted")
    _say(f"memory of a worker: {came.started:.0f} MB at its start, {came.memory:.0f} MB at most")
    for of, seconds in came.transactions.items():
        _say(f"longest transaction, {of}: {seconds * 1000:.0f} ms")
    _say(f"seen from outside: {len(came.seen)} steps, {came.look * 1000:.0f} ms at most for a look")
    short = list(came.wrong)
    if came.memory >= MOST_MEMORY:
        short.append(f"more than {MOST_MEMORY:.0f} MB")
    short += [f"{of}: longer than {LONGEST_TRANSACTION:.0f} s" for of, one in came.transactions.items() if one > 2]
    return _verdict(short)


def _tell_of_people(ended: Ended) -> int:
    _say(f"confirmed: {ended.people} people; all done after {ended.seconds:.0f} s")
    _say(f"workers: {ended.kills} killed, {ended.died} ended by themselves")
    _say(f"passes without a store: {ended.passes_without_store}; leases lost: {ended.leases_lost}")
    _say(f"people who were given no answer and asked again: {ended.asked_again}; confirmed: {ended.confirmed_unheard}")
    _say(f"messages sent again under their id: {ended.sent_again}")
    return _verdict(ended.wrong)


def _verdict(short: Sequence[str]) -> int:
    for line in short:
        _say(f"WRONG: {line}")
    lost, doubled, stuck = (sum(f": {kind}" in line for line in short) for kind in ("lost", "doubled", "stuck"))
    _say(f"{lost} lost, {doubled} doubled, {stuck} stuck, {len(short)} wrong in all")
    return 1 if short else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
