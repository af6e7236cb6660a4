"""An account with very many messages: bounded memory and transactions, and kills that cost time alone (ERAS-12)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

from hht_closure.account import AccountId
from hht_closure.policy import Portion
from hht_closure.ports import EraseJob, Progress
from tests.endurance.erasing import erased
from tests.stage import Stage

SEED: Final = 4
MESSAGES: Final = 40_000
KILLS: Final = 3
BATCH: Final = 500
"""The most items that one transaction of a data set may touch, and so the most that a kill may have done again."""


def test_a_large_erasure_is_bounded_and_a_killed_worker_costs_time_alone(tmp_path: Path, store_url: str | None) -> None:
    """In memory, in the length of a transaction, and in what a kill repeats; and its progress is seen (ERAS-12, L16).

    The small one of ``python -m tests.endurance million``, by the same measures.
    """
    came = erased(tmp_path, messages=MESSAGES, kills=KILLS, url=store_url, speed=120, seed=SEED)
    assert (came.wrong, came.kills) == ((), KILLS)
    assert 0 < came.started < came.memory < 150
    assert 0 < max(came.transactions.values()) < 2
    assert {"portal", "portal VACUUM"} < set(came.transactions)
    # What a worker had erased and not yet said when it was killed is gone, and not counted.
    assert MESSAGES - BATCH * KILLS <= came.counted <= MESSAGES
    assert MESSAGES / BATCH - KILLS - 1 <= came.batches <= MESSAGES / BATCH + KILLS
    assert all(one < later for one, later in pairwise(came.seen))
    assert len(came.seen) >= KILLS
    assert all(seen <= told for seen, told in zip(came.seen, came.told, strict=True))


class ManyRows:
    """So many batches of rows that are counted down and not kept."""

    name = "messages"
    after = ("orders",)
    never_blocks = True

    def __init__(self, batches: int) -> None:
        self._left = batches * BATCH

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """Nothing is kept."""
        return (Portion("erased", self._left),)

    def erase(self, job: EraseJob) -> Progress:
        """The next batch."""
        self._left -= job.limit
        return Progress(erased=job.limit, cursor=f"{self._left}", done=not self._left)

    def remaining(self, account: AccountId) -> int:
        """What is left."""
        return self._left


def test_a_batch_costs_one_append_and_a_hundred_batches_one_reading(tmp_path: Path) -> None:
    """What is counted does not grow with what is erased already (ERAS-12)."""
    stage = Stage("memory", tmp_path)
    stage.messages = ManyRows(500)  # type: ignore[assignment]
    stage.restarted()
    stage.confirmed()
    watch = stage.watched()
    assert stage.service.work().set_aside == 0
    erased, appended, read = (
        watch.calls.count(f"{name}") for name in ("messages.erase", "journal.append", "journal.read")
    )
    assert erased == 500
    assert 500 <= appended < 515, "and a few before and after them"
    assert read <= 10
