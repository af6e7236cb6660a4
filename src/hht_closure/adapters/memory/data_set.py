"""A portal's data set in memory."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from threading import Lock

import attrs

from hht_closure.account import AccountId
from hht_closure.policy import Portion
from hht_closure.ports import Clock, EraseJob, Progress
from hht_closure.system import system_clock
from hht_closure.values import instant


@attrs.frozen
class _Item:
    """One item: its place in the set, what it holds, and until when and why the law keeps it."""

    place: int
    content: str = attrs.field(repr=False)
    until: datetime | None = None
    ground: str | None = None

    def is_kept(self, now: datetime) -> bool:
        return self.until is not None and now < self.until


class MemoryDataSet:
    """The port ``DataSet``: items by account, each of which may be under a retention until a time.

    Args:
        name: by which terms, notice and receipt call it.
        after: the data sets that must be gone before.
        clock: by which retentions end.
    """

    never_blocks = True

    def __init__(self, name: str, *, after: tuple[str, ...] = (), clock: Clock = system_clock) -> None:
        self.name = name
        self.after = after
        self._clock = clock
        self._lock = Lock()
        self._items: dict[AccountId, list[_Item]] = {}
        self._places = 0

    def add(self, account: AccountId, *contents: str, until: datetime | None = None, ground: str | None = None) -> None:
        """More items of that account; with ``until`` and ``ground``, the law keeps them until then."""
        with self._lock:
            end = None if until is None else instant(until, "until")
            for content in contents:
                self._places += 1
                self._items.setdefault(account, []).append(_Item(self._places, content, end, ground))

    def items(self, account: AccountId) -> tuple[str, ...]:
        """What that account has in the set now."""
        with self._lock:
            return tuple(item.content for item in self._items.get(account, []))

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """What would become of this account's items: erased, or restricted until and on what ground."""
        with self._lock:
            now = self._clock.now()
            items = self._items.get(account, [])
        going = sum(not item.is_kept(now) for item in items)
        kept = Counter((item.until, item.ground) for item in items if item.is_kept(now))
        erased = (Portion("erased", going),) if going else ()
        return erased + tuple(Portion("restricted", count, until, ground) for (until, ground), count in kept.items())

    def erase(self, job: EraseJob) -> Progress:
        """Erase at most ``job.limit`` items behind the cursor, and leave what the law keeps."""
        with self._lock:
            now = self._clock.now()
            items = self._items.get(job.account, [])
            behind = [one for one in items if one.place > int(job.cursor or 0) and not one.is_kept(now)]
            batch = behind[: job.limit]
            erased = {one.place for one in batch}
            self._items[job.account] = [one for one in items if one.place not in erased]
            cursor = str(batch[-1].place) if batch else job.cursor
            return Progress(erased=len(batch), cursor=cursor, done=len(batch) == len(behind))

    def remaining(self, account: AccountId) -> int:
        """How many items must go and are still there."""
        with self._lock:
            now = self._clock.now()
            return sum(not item.is_kept(now) for item in self._items.get(account, []))
