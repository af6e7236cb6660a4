"""Key vault, ledger, budgets and tombstones in memory, and the store that holds them with the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from threading import Lock

from hht_closure.adapters.memory.journal import MemoryJournal
from hht_closure.ports import Allowance, Clock, Exhausted, KeyDestroyed, KeyMissing, KeyPresent, LedgerEntry
from hht_closure.system import system_clock
from hht_closure.values import instant


class MemoryKeyVault:
    """The port ``KeyVault``: a destroyed key leaves its mark in its place."""

    never_blocks = True

    def __init__(self) -> None:
        self._keys: dict[str, KeyPresent | KeyDestroyed] = {}
        self._lock = Lock()

    def create(self, key: str, wrapped: bytes) -> KeyPresent | KeyDestroyed:
        """Store the key if its id is new, and give what is there now."""
        with self._lock:
            return self._keys.setdefault(key, KeyPresent(bytes(wrapped)))

    def fetch(self, key: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """The key, or which of the two ways it is not there."""
        with self._lock:
            return self._keys.get(key, KeyMissing())

    def destroy(self, key: str) -> None:
        """Remove the key for good, and leave a mark."""
        with self._lock:
            self._keys[key] = KeyDestroyed()


class MemoryLedger:
    """The port ``Ledger``: a dictionary that keeps the order of recording."""

    never_blocks = True

    def __init__(self) -> None:
        self._entries: dict[tuple[str, int, str, str], tuple[int, LedgerEntry]] = {}
        self._lock = Lock()

    def record(self, entry: LedgerEntry) -> int:
        """Write the entry and give its position; the first one's where there is one about the same already."""
        with self._lock:
            about = (entry.stream, entry.round, entry.kind, entry.subject)
            position, _ = self._entries.setdefault(about, (len(self._entries) + 1, entry))
            return position

    def entries(self, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, LedgerEntry], ...]:
        """Entries behind that position, with theirs, in order."""
        with self._lock:
            return tuple(islice((one for one in self._entries.values() if one[0] > after), limit))

    def find(self, stream: str, round_number: int) -> tuple[LedgerEntry, ...]:
        """The entries of one round, in order."""
        with self._lock:
            entries = [entry for _, entry in self._entries.values()]
        return tuple(entry for entry in entries if (entry.stream, entry.round) == (stream, round_number))


class MemorySendBudget:
    """The port ``SendBudget``: for each name and key, when something was taken and by whom."""

    never_blocks = True

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], list[tuple[datetime, str]]] = {}
        self._lock = Lock()

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Take one from each, or none from any: None when all had one left, else the first that had not."""
        now = instant(now, "now")
        with self._lock:
            taken = dict(self._taken)
            for one in allowances:
                about = (one.name, one.key)
                counting = sorted(each for each in taken.get(about, []) if each[0] + one.window > now)
                if one.taker and any(taker == one.taker for _, taker in counting):
                    continue
                if len(counting) >= one.limit:
                    return Exhausted(name=one.name, until=counting[-one.limit][0] + one.window)
                taken[about] = [*counting, (now, one.taker)]
            self._taken = taken
            return None


class MemoryTombstones:
    """The port ``Tombstones``: digests and their ends."""

    never_blocks = True

    def __init__(self) -> None:
        self._ends: dict[str, datetime] = {}
        self._lock = Lock()

    def lay(self, digest: str, until: datetime) -> None:
        """Reserve the digest until then; a later end wins over an earlier one."""
        with self._lock:
            end = instant(until, "until")
            self._ends[digest] = max(end, self._ends.get(digest, end))

    def until(self, digest: str) -> datetime | None:
        """Until when the digest is reserved, or None where it never was."""
        with self._lock:
            return self._ends.get(digest)

    def purge(self, *, now: datetime) -> int:
        """Remove the digests whose time is over, and say how many."""
        with self._lock:
            left = {digest: end for digest, end in self._ends.items() if end > now}
            removed = len(self._ends) - len(left)
            self._ends = left
            return removed


class MemoryStore:
    """Everything the library keeps, in memory.

    Attributes:
        journal, vault, ledger, budgets, tombstones: the parts, each of which can be replaced.
    """

    never_blocks = True

    def __init__(self, clock: Clock = system_clock) -> None:
        self.journal = MemoryJournal(clock)
        self.vault = MemoryKeyVault()
        self.ledger = MemoryLedger()
        self.budgets = MemorySendBudget()
        self.tombstones = MemoryTombstones()
