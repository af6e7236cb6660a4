"""A worker in a process of its own (``python -m tests.attacks.lost_workers``) that is killed within an eraser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import attrs

from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.policy import Retries
from hht_closure.ports import EraseJob, Progress
from hht_closure.testing.clock import UnsafeSeededEntropy
from tests.stage import TERMS, Stage, StoreKind

FEW_TRIES = attrs.evolve(TERMS, retries=Retries(tries=3))
"""Terms under which a task is tried three times."""
APART = timedelta(minutes=3)
"""How much later than the one before each worker comes: longer than a lease lasts."""


def killed_within_messages(stage: Stage, number: int) -> int:
    """How the process of the worker of that number ended that works on this store: -9 where it was killed.

    It comes that many times :data:`APART` later than the stage began; the stage's clock goes on with it.
    """
    stage.clock.advance(APART)
    arguments = (stage.kind, str(stage.path), stage.url, str(number))
    ended = subprocess.run([sys.executable, "-m", __name__, *arguments], check=False, timeout=120)
    return ended.returncode


class Deadly(MemoryDataSet):
    """A data set whose eraser kills its process, as a machine without memory does."""

    def erase(self, job: EraseJob) -> Progress:
        """Be killed."""
        os.kill(os.getpid(), signal.SIGKILL)
        return super().erase(job)


def _work(kind: StoreKind, path: str, url: str, number: int) -> None:
    with closing(Stage(kind, Path(path), terms=FEW_TRIES, url=url or None)) as stage:
        stage.entropy = UnsafeSeededEntropy(1000 + number)
        stage.messages = Deadly("messages", after=("orders",), clock=stage.clock)
        stage.restarted()
        stage.clock.advance(number * APART)
        stage.service.work()


if __name__ == "__main__":
    match sys.argv[1]:
        case "sqlite" | "postgres" as kind:
            _work(kind, sys.argv[2], sys.argv[3], int(sys.argv[4]))
        case _:
            raise SystemExit("a store that processes can share")
