"""A worker process: pass after pass on a ground, until its parent is gone or it is killed.

``python -m tests.endurance.worker FOLDER`` begins one. What it could not do because a store did not answer it does in
a later pass.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs

from hht_closure.account import Account, AccountId
from hht_closure.errors import ClosureError
from hht_closure.policy import Portion
from hht_closure.ports import AccountDirectory, DataSet, EraseJob, Progress
from tests.endurance.ground import Bare, Ground, Host
from tests.endurance.measuring import Measured, Measuring, peak_memory
from tests.endurance.transactions import time_transactions

IDLE: Final = 0.05
"""Seconds between two passes where there was nothing to do, or no store to ask."""

STOPS: Final = ("erase_before", "erase_after", "freeze_before", "freeze_after")
"""Where a process can stop itself: within the eraser of the messages or within the freeze, and on which side of it."""


def measured_in(ground: Ground) -> Measured:
    """What the workers on that ground have measured."""
    return Measured(ground.folder / "measured.jsonl")


def main(arguments: Sequence[str] | None = None) -> None:
    """Work."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.worker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ahead", type=float, default=0.0, help="hours by which this process's own clock is ahead")
    parser.add_argument("--stop", choices=STOPS, help="stop, as by SIGSTOP, the first time that it comes there")
    parser.add_argument("--measure", action="store_true", help="write down memory, transactions and batches")
    parser.add_argument("--passes", type=int, default=0, help="end after so many; 0: never")
    chosen = parser.parse_args(arguments)
    ground = Ground.at(chosen.folder)
    measured = measured_in(ground)
    if chosen.measure:
        measured.add("started", peak_memory())
        time_transactions(measured)
    with ground.host(
        ahead=timedelta(hours=chosen.ahead),
        observers=(Measuring(measured),) if chosen.measure else (),
        wrapping=Bare() if chosen.stop is None else Stopping(chosen.stop),
    ) as host:
        _say("ready")
        work(host, passes=chosen.passes)
    if chosen.measure:
        measured.add("memory", peak_memory())


def work(host: Host, *, passes: int) -> None:
    """Pass after pass; what each has come to, where there was something to do, is a line."""
    parent, done = os.getppid(), 0
    while os.getppid() == parent and (done < passes or not passes):
        done += 1
        try:
            report = host.service.work()
        except ClosureError as error:
            _say(f"no pass: {type(error).__name__} {error}")
            time.sleep(IDLE)
            continue
        if report.streams:
            _say(" ".join(f"{name}={count}" for name, count in attrs.asdict(report).items() if count))
        else:
            time.sleep(IDLE)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# --- standing still -----------------------------------------------------------------------------------------------


class Stopping:
    """Parts of the portal within which the process stops itself, once, and goes on when somebody continues it."""

    def __init__(self, where: str) -> None:
        self._where = where

    def at(self, where: str) -> None:
        """Stop, if it is there; nobody can prevent or defer it (POSIX, SIGSTOP)."""
        if where == self._where:
            self._where = ""
            os.kill(os.getpid(), signal.SIGSTOP)

    def accounts(self, directory: AccountDirectory) -> AccountDirectory:
        """The directory, with its freeze."""
        return _StoppingDirectory(directory, self)

    def data_set(self, data_set: DataSet) -> DataSet:
        """The messages, with their eraser."""
        return _StoppingRows(data_set, self) if data_set.name == "messages" else data_set


@attrs.frozen
class _StoppingDirectory:
    inner: AccountDirectory
    stopping: Stopping

    def get(self, account: AccountId) -> Account | None:
        found = self.inner.get(account)
        assert found is None or isinstance(found, Account)
        return found

    def freeze(self, account: AccountId, token: int) -> None:
        self.stopping.at("freeze_before")
        self.inner.freeze(account, token)
        self.stopping.at("freeze_after")

    def unfreeze(self, account: AccountId, token: int) -> None:
        self.inner.unfreeze(account, token)

    def revoke_sessions(self, account: AccountId) -> None:
        self.inner.revoke_sessions(account)

    def retire(self, account: AccountId) -> None:
        self.inner.retire(account)


@attrs.frozen
class _StoppingRows:
    inner: DataSet
    stopping: Stopping

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def after(self) -> tuple[str, ...]:
        return self.inner.after

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        found = self.inner.survey(account)
        assert isinstance(found, tuple)
        return found

    def erase(self, job: EraseJob) -> Progress:
        self.stopping.at("erase_before")
        progress = self.inner.erase(job)
        assert isinstance(progress, Progress)
        self.stopping.at("erase_after")
        return progress

    def remaining(self, account: AccountId) -> int:
        count = self.inner.remaining(account)
        assert isinstance(count, int)
        return count


if __name__ == "__main__":
    main()
