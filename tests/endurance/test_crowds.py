"""Many closings at a time: workers that are killed, clocks that differ, a server that is restarted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.endurance.cluster import Cluster
from tests.endurance.crowds import with_kills, with_restarts

SEED: Final = 4


def test_killed_workers_lose_and_double_nothing(tmp_path: Path, store_url: str | None) -> None:
    """Four processes, of which one is killed every now and then, by lot: all closed, each step once (L16, L18).

    The small one of ``python -m tests.endurance killed``, by the same measures.
    """
    ended = with_kills(
        tmp_path, people=30, workers=[[]] * 4, kill_every=(0.1, 0.4), most_kills=5, url=store_url, speed=40, seed=SEED
    )
    assert (ended.wrong, ended.people, ended.died) == ((), 30, 0)
    assert ended.kills > 0


def test_clocks_that_differ_by_an_hour_change_nothing(tmp_path: Path, store_url: str | None) -> None:
    """A worker that is an hour ahead, one that is an hour behind, and one that is right, on one store (L6, L18)."""
    clocks = [["--ahead", "1"], ["--ahead", "-1"], []]
    ended = with_kills(
        tmp_path, people=15, workers=clocks, kill_every=(0.1, 0.4), most_kills=5, url=store_url, speed=40, seed=SEED
    )
    assert (ended.wrong, ended.people, ended.died) == ((), 15, 0)


def test_a_server_that_is_restarted_loses_nothing(tmp_path: Path, cluster: Cluster) -> None:
    """Twice with its clients sent away and once as by a crash, while people confirm and workers work (CRSH-07, L12).

    The workers live on: a pass that finds no store is a pass without effect. Whoever was given no answer confirms
    again with the same nonce. The small one of ``python -m tests.endurance restarted``.
    """
    ended = with_restarts(tmp_path, cluster, people=40, workers=3, speed=40)
    assert (ended.wrong, ended.people, ended.died) == ((), 40, 0)
    assert ended.passes_without_store > 0
    assert ended.asked_again > 0
