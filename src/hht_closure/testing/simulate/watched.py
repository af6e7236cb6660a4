"""The memory adapters, each saying what took effect at the moment it did; beyond that they are what they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hht_closure.account import Account, AccountId
from hht_closure.adapters.codes import CodeVerifier
from hht_closure.adapters.memory import (
    MemoryCodeSender,
    MemoryDirectory,
    MemoryJournal,
    MemoryKeyVault,
    MemoryLedger,
    MemoryMessages,
    MemorySendBudget,
    MemoryStore,
    MemoryTombstones,
)
from hht_closure.policy import Finding
from hht_closure.ports import (
    ChallengeJob,
    Clock,
    EraseJob,
    Lease,
    LedgerEntry,
    Letter,
    PersonAnswer,
    Progress,
    Record,
    RequestInfo,
)
from hht_closure.testing.simulate.faults import Faults
from hht_closure.testing.simulate.host import NothingOwed, NothingUnderWay, Rows
from hht_closure.testing.simulate.invariants import Invariants


class WatchedJournal(MemoryJournal):
    """The journal."""

    part = "journal"

    def __init__(self, clock: Clock, invariants: Invariants) -> None:
        super().__init__(clock)
        self._invariants = invariants

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Append, and say so."""
        super().append(stream, expected, records, due=due, fence=fence)
        self._invariants.appended(stream, records, fence)

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease, and say so."""
        leases = super().claim(limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)
        for one in leases:
            self._invariants.claimed(one)
        return leases


class WatchedVault(MemoryKeyVault):
    """The key vault."""

    part = "vault"

    def __init__(self, invariants: Invariants) -> None:
        super().__init__()
        self._invariants = invariants

    def destroy(self, key: str) -> None:
        """Destroy, and say so."""
        super().destroy(key)
        self._invariants.destroyed(key)


class WatchedLedger(MemoryLedger):
    """The ledger."""

    part = "ledger"

    def __init__(self, invariants: Invariants) -> None:
        super().__init__()
        self._invariants = invariants

    def record(self, entry: LedgerEntry) -> int:
        """Write, and say so."""
        position = super().record(entry)
        self._invariants.recorded(entry)
        return position


class _Budgets(MemorySendBudget):
    part = "budgets"


class _Tombstones(MemoryTombstones):
    part = "tombstones"


class WatchedStore(MemoryStore):
    """The store."""

    def __init__(self, clock: Clock, invariants: Invariants) -> None:
        super().__init__(clock)
        self.journal = WatchedJournal(clock, invariants)
        self.vault = WatchedVault(invariants)
        self.ledger = WatchedLedger(invariants)
        self.budgets = _Budgets()
        self.tombstones = _Tombstones()


class WatchedDirectory(MemoryDirectory):
    """The accounts."""

    part = "accounts"

    def __init__(self, invariants: Invariants, *accounts: Account) -> None:
        super().__init__(*accounts)
        self._invariants = invariants

    def freeze(self, account: AccountId, token: int) -> None:
        """Hold, and say so."""
        super().freeze(account, token)
        self._invariants.froze(account, token)

    def unfreeze(self, account: AccountId, token: int) -> None:
        """Give back, and say so."""
        super().unfreeze(account, token)
        self._invariants.unfroze(account, token)

    def revoke_sessions(self, account: AccountId) -> None:
        """End them, and say so."""
        super().revoke_sessions(account)
        self._invariants.revoked(account)

    def retire(self, account: AccountId) -> None:
        """Delete, and say so."""
        super().retire(account)
        self._invariants.retired(account)


class WatchedRows(Rows):
    """A data set."""

    def __init__(
        self, name: str, clock: Clock, faults: Faults, invariants: Invariants, *, after: tuple[str, ...] = ()
    ) -> None:
        super().__init__(name, clock, faults, after=after)
        self._invariants = invariants

    def erase(self, job: EraseJob) -> Progress:
        """A batch; and say so."""
        progress = super().erase(job)
        self._invariants.erased(self.name, job, progress)
        return progress


class WatchedPrecondition:
    """A precondition."""

    def __init__(self, precondition: NothingUnderWay | NothingOwed, invariants: Invariants) -> None:
        self.name = precondition.name
        self.part = precondition.name
        self._precondition = precondition
        self._invariants = invariants

    def check(self, account: Account) -> Finding:
        """What it finds; and say so."""
        finding = self._precondition.check(account)
        self._invariants.checked(self.name, account.id, finding)
        return finding


class WatchedMessages(MemoryMessages):
    """Letters."""

    part = "letters"

    def __init__(self, invariants: Invariants) -> None:
        super().__init__()
        self._invariants = invariants

    def send(self, letter: Letter) -> None:
        """Hand over, and say so."""
        super().send(letter)
        self._invariants.sent(letter)


class WatchedVerifier(CodeVerifier):
    """What sends codes and compares them."""

    def __init__(self, sender: MemoryCodeSender, invariants: Invariants) -> None:
        super().__init__(sender)
        self.part = self.factor
        self._invariants = invariants

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Compare, and say so."""
        self._invariants.compared(job.account.id)
        return super().check(job, answer, request)
