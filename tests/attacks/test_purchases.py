"""A purchase and a closing at the same time: never paid and erased (RACE-03, L13, L14).

Ten thousand interleavings. In memory and over a file a seed decides the order of all steps; where processes and a
server are real, they do, and the seed decides only when the customer is let go. Either the purchase is refused, or the
closing is: at its confirmation, or by giving the account back. All of these happen, and the account is never left in
between.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from hht_closure.stages import Closed
from tests.attacks.customers import UNGUARDED, on_a_server, two_processes
from tests.attacks.purchases import GOOD, FileRaces, MemoryRaces, Outcome, Races
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

PARTS: Final = 12
IN_MEMORY, IN_A_FILE, IN_TWO_PROCESSES, ON_A_SERVER = 8_880, 800, 200, 120


def seeds(ground: str, number: int, *, part: int = 0) -> list[str]:
    """That many of them; printed, so that one race can be run again."""
    print(f"seeds {ground}-{part}-0 to {number - 1}")  # noqa: T201
    return [f"{ground}-{part}-{one}" for one in range(number)]


def bad(outcomes: Iterable[tuple[str, Outcome]]) -> tuple[list[str], set[Outcome]]:
    """The seeds whose race ended as none may, and all the ways in which races ended."""
    ended = dict(outcomes)
    return [seed for seed, outcome in ended.items() if outcome not in GOOD], set(ended.values())


def test_there_are_ten_thousand_of_them() -> None:
    """As many as were promised."""
    assert IN_MEMORY + IN_A_FILE + IN_TWO_PROCESSES + ON_A_SERVER == 10_000


@pytest.mark.parametrize("part", range(PARTS))
def test_in_memory_nobody_pays_and_is_erased(part: int) -> None:
    """Every call of a port, and every step of the transactions, in any order."""
    races = MemoryRaces()
    assert bad((seed, races.run(seed)) for seed in seeds("memory", IN_MEMORY // PARTS, part=part)) == ([], GOOD)


@pytest.mark.parametrize("part", range(4))
def test_over_a_file_nobody_pays_and_is_erased(tmp_path: Path, part: int) -> None:
    """The sample portal on two connections; whoever finds the file busy comes again."""
    races = FileRaces(tmp_path)
    assert bad((seed, races.run(seed)) for seed in seeds("file", IN_A_FILE // 4, part=part)) == ([], GOOD)


def test_of_two_processes_nobody_pays_and_is_erased(tmp_path: Path) -> None:
    """The sample portal and the library's files; the customer is another process, let go in the middle of a closing."""
    with two_processes(tmp_path, people=IN_TWO_PROCESSES + 1) as crossing:
        calls = crossing.alone()
        ended = [(seed, crossing.run(seed, calls)) for seed in seeds("processes", IN_TWO_PROCESSES)]
    assert bad(ended) == ([], GOOD)


def test_on_a_server_nobody_pays_and_is_erased(postgres_url: str) -> None:
    """Purchases at every isolation level, in another thread, and the closing on the same server."""
    with on_a_server(postgres_url) as crossing:
        calls = crossing.alone()
        ended = [(seed, crossing.run(seed, calls)) for seed in seeds("server", ON_A_SERVER)]
    assert bad(ended) == ([], GOOD)


@pytest.mark.parametrize("number", range(5))
def test_a_race_is_the_same_again_for_its_seed(tmp_path: Path, number: int) -> None:
    """So that one that went wrong can be looked at."""
    grounds: tuple[Races, ...] = (MemoryRaces(), FileRaces(tmp_path))
    assert [one.run(f"again-{number}") for one in grounds] == [one.run(f"again-{number}") for one in grounds]


# --- the twins: the same without the guard ------------------------------------------------------------------------


def test_in_memory_somebody_pays_and_is_erased_without_the_guard() -> None:
    """The account is looked at, and then the order is written: as hosts do."""
    races = MemoryRaces()
    assert "paid and erased" in {races.run(seed, guarded=False) for seed in seeds("memory", 400)}


def test_over_a_file_somebody_pays_and_is_erased_without_the_guard(tmp_path: Path) -> None:
    """SQLite's one writer at a time is no guard by itself."""
    races = FileRaces(tmp_path)
    assert "paid and erased" in {races.run(seed, guarded=False) for seed in seeds("file", 200)}


def test_of_two_processes_one_pays_and_is_erased_without_the_guard(tmp_path: Path) -> None:
    """The customer's process has looked, and stands still for as long as the closing takes."""
    with two_processes(tmp_path, people=2, customer=UNGUARDED) as crossing:
        account = next(crossing.accounts)
        crossing.go(account)
        looked = crossing.sold()
        crossing.closings.closed(account)
        crossing.go(account)
        assert (looked, crossing.sold(), type(crossing.closings.closure(account).stage)) == ("refused", "paid", Closed)
