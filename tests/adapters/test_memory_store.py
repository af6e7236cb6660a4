"""The store in memory keeps every law of its ports."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from hht_closure.adapters.memory import (
    MemoryJournal,
    MemoryKeyVault,
    MemoryLedger,
    MemorySendBudget,
    MemoryStore,
    MemoryTombstones,
)
from hht_closure.ports import Clock, Journal, KeyVault, Ledger, SendBudget, Tombstones
from hht_closure.testing.contracts import (
    JournalContract,
    KeepingContract,
    KeyVaultContract,
    LedgerContract,
    SendBudgetContract,
    TombstonesContract,
)


class _InMemory(KeepingContract):
    """No host has a connection to it: there is nothing that could be rolled back."""

    def rolled_back(self) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()


class TestMemoryJournal(_InMemory, JournalContract):
    """The journal in memory."""

    def make_journal(self, clock: Clock) -> Journal:
        """A new one."""
        return MemoryJournal(clock)


class TestMemoryKeyVault(_InMemory, KeyVaultContract):
    """The key vault in memory."""

    def make_key_vault(self) -> KeyVault:
        """A new one."""
        return MemoryKeyVault()


class TestMemoryLedger(_InMemory, LedgerContract):
    """The ledger in memory."""

    def make_ledger(self) -> Ledger:
        """A new one."""
        return MemoryLedger()


class TestMemorySendBudget(_InMemory, SendBudgetContract):
    """The send budget in memory."""

    def make_send_budget(self) -> SendBudget:
        """A new one."""
        return MemorySendBudget()


class TestMemoryTombstones(TombstonesContract):
    """The tombstones in memory."""

    def make_tombstones(self) -> Tombstones:
        """New ones."""
        return MemoryTombstones()


def test_a_memory_store_holds_every_part() -> None:
    """The five parts stand under the same names as in any other store."""
    store = MemoryStore()
    assert [type(part) for part in (store.journal, store.vault, store.ledger, store.budgets, store.tombstones)] == [
        MemoryJournal,
        MemoryKeyVault,
        MemoryLedger,
        MemorySendBudget,
        MemoryTombstones,
    ]
