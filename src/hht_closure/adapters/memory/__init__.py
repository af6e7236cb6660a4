"""Every port in memory: the reference implementations, for tests, examples and trying things out.

They keep the same laws as any other adapter, and everything is gone when the program ends. All are thread safe, and
none ever blocks (``never_blocks``), so an event loop may call them directly.
"""

from __future__ import annotations

from hht_closure.adapters.memory.data_set import MemoryDataSet
from hht_closure.adapters.memory.directory import MemoryDirectory
from hht_closure.adapters.memory.host import MemoryPrecondition, MemoryTask
from hht_closure.adapters.memory.journal import MemoryJournal
from hht_closure.adapters.memory.outbox import MemoryCodeSender, MemoryMessages
from hht_closure.adapters.memory.store import (
    MemoryKeyVault,
    MemoryLedger,
    MemorySendBudget,
    MemoryStore,
    MemoryTombstones,
)

__all__ = [
    "MemoryCodeSender",
    "MemoryDataSet",
    "MemoryDirectory",
    "MemoryJournal",
    "MemoryKeyVault",
    "MemoryLedger",
    "MemoryMessages",
    "MemoryPrecondition",
    "MemorySendBudget",
    "MemoryStore",
    "MemoryTask",
    "MemoryTombstones",
]
