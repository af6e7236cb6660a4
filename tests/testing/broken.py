"""Adapters that are broken on purpose, each in a way that only a crash, a repetition or a late worker brings to light.

``python -m tests.testing.broken`` runs the command of the harness on a SQLite store whose journal is
:class:`LazyJournal`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from unittest.mock import patch

import attrs

from hht_closure.account import Account, AccountId
from hht_closure.adapters.memory import MemoryDataSet, MemoryDirectory
from hht_closure.adapters.memory.journal import MemoryJournal
from hht_closure.adapters.memory.store import MemoryKeyVault
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.adapters.sqlite.journal import SqliteJournal
from hht_closure.flows.wiring import Store
from hht_closure.policy import Portion
from hht_closure.ports import (
    Clock,
    DueStream,
    EraseJob,
    Journal,
    KeyDestroyed,
    KeyMissing,
    KeyPresent,
    KeyVault,
    Lease,
    Ledger,
    Letter,
    Progress,
    Record,
    SendBudget,
    Tombstones,
)
from hht_closure.testing.crash import Kept, MemoryGround, OutboxMessages, Parts, Watch
from hht_closure.testing.crash.__main__ import main
from hht_closure.testing.crash.grounds import MemoryStart
from hht_closure.testing.crash.stores import STORES

_ANY_TOKEN: Final = 1_000_000

Break = Callable[[Parts, Kept], Parts]
"""Gives the parts of a process with one of them broken."""


def with_broken(ground: MemoryGround, breaking: Callable[[], Break]) -> MemoryGround:
    """The same ground, with one adapter broken in each process; what ``breaking`` makes lasts for a whole trial."""

    def make(kept: Kept) -> MemoryStart:
        sound, broken = ground.make(kept), breaking()

        def start(kept: Kept, watch: Watch) -> Parts:
            return broken(sound(kept, watch), kept)

        return start

    return MemoryGround(make, ground.begins)


@attrs.frozen(kw_only=True)
class MixedStore:
    """A store of parts from here and there."""

    journal: Journal
    vault: KeyVault
    ledger: Ledger
    budgets: SendBudget
    tombstones: Tombstones
    close: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, store: Store) -> MixedStore:
        """All parts of that one, to be replaced one by one."""
        return cls(
            journal=store.journal,
            vault=store.vault,
            ledger=store.ledger,
            budgets=store.budgets,
            tombstones=store.tombstones,
        )


# --- journals -------------------------------------------------------------------------------------------------


class JournalInFront:
    """A journal in front of another one, as it should be."""

    never_blocks = True

    def __init__(self, journal: MemoryJournal | SqliteJournal) -> None:
        self._journal = journal

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """As it should be."""
        return self._journal.read(stream, whole=whole)

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """As it should be."""
        self._journal.append(stream, expected, records, due=due, fence=fence)

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """As it should be."""
        return self._journal.claim(limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)

    def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """As it should be."""
        return self._journal.renew(lease, lease_for)

    def release(self, lease: Lease) -> None:
        """As it should be."""
        self._journal.release(lease)

    def due(self, *, limit: int, prefix: str = "") -> tuple[DueStream, ...]:
        """As it should be."""
        return self._journal.due(limit=limit, prefix=prefix)


class ForgetfulJournal(JournalInFront):
    """A journal that remembers some of what was appended, and writes it later."""

    def __init__(self, journal: MemoryJournal | SqliteJournal) -> None:
        super().__init__(journal)
        self._unwritten: list[tuple[str, int, Sequence[Record], datetime | None, int | None]] = []

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """What is written, and what is not."""
        unwritten = [record for one in self._unwritten for record in one[2]]
        return (*super().read(stream, whole=whole), *unwritten)

    def _write(self) -> None:
        for stream, expected, records, due, fence in self._unwritten:
            super().append(stream, expected, records, due=due, fence=fence)
        self._unwritten.clear()


class LazyJournal(ForgetfulJournal):
    """A journal that writes what a worker appends only when the lease is given back."""

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Write what a person's call appends; remember what a worker does."""
        if fence is None:
            super().append(stream, expected, records, due=due)
        else:
            self._unwritten.append((stream, expected, records, due, fence))

    def release(self, lease: Lease) -> None:
        """Write everything, and give the lease back."""
        self._write()
        super().release(lease)


class WriteBehindJournal(ForgetfulJournal):
    """A journal that writes what a person's call appends only with the next one, or when a worker comes."""

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Remember what a person's call appends; write what was remembered before."""
        self._write()
        if fence is None:
            self._unwritten.append((stream, expected, records, due, fence))
        else:
            super().append(stream, expected, records, due=due, fence=fence)

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Write everything, and then as it should be."""
        self._write()
        return super().claim(limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)


class UnfencedJournal(JournalInFront):
    """A journal that does not look at the fence under which is written."""

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Write it, whoever asks."""
        super().append(stream, expected, records, due=due)


def broken_journal(broken: Callable[[MemoryJournal], JournalInFront]) -> Break:
    """A portal whose journal is that one, in front of the sound one."""

    def parts_with(parts: Parts, _: Kept) -> Parts:
        journal = parts.store.journal
        assert isinstance(journal, MemoryJournal)
        return attrs.evolve(parts, store=attrs.evolve(MixedStore.of(parts.store), journal=broken(journal)))

    return parts_with


def lazy_sqlite(folder: Path, clock: Clock) -> MixedStore:
    """A SQLite store whose journal is lazy."""
    store = SqliteStore(folder / "closures", clock=clock)
    return attrs.evolve(MixedStore.of(store), journal=LazyJournal(store.journal), close=store.close)


# --- key vaults -----------------------------------------------------------------------------------------------


class OnceVault:
    """A key vault in which a key that is destroyed already cannot be destroyed."""

    never_blocks = True

    def __init__(self, vault: MemoryKeyVault) -> None:
        self._vault = vault

    def create(self, key: str, wrapped: bytes) -> KeyPresent | KeyDestroyed:
        """As it should be."""
        return self._vault.create(key, wrapped)

    def fetch(self, key: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """As it should be."""
        return self._vault.fetch(key)

    def destroy(self, key: str) -> None:
        """Destroy it, once.

        Raises:
            LookupError: it is destroyed.
        """
        if isinstance(self._vault.fetch(key), KeyDestroyed):
            raise LookupError(key)  # noqa: TRY004 - it is about what there is, and not about a type
        self._vault.destroy(key)


def forgetful_vault(_: MemoryKeyVault) -> MemoryKeyVault:
    """A vault that keeps keys in the process, and nowhere else."""
    return MemoryKeyVault()


def broken_vault(broken: Callable[[MemoryKeyVault], KeyVault]) -> Break:
    """A portal whose vault is that one."""

    def parts_with(parts: Parts, _: Kept) -> Parts:
        vault = parts.store.vault
        assert isinstance(vault, MemoryKeyVault)
        return attrs.evolve(parts, store=attrs.evolve(MixedStore.of(parts.store), vault=broken(vault)))

    return parts_with


# --- directories ----------------------------------------------------------------------------------------------


class BlindDirectory:
    """A directory that does not look at tokens: whoever comes last is right."""

    never_blocks = True

    def __init__(self, directory: MemoryDirectory) -> None:
        self._directory = directory

    def get(self, account: AccountId) -> Account | None:
        """As it should be."""
        return self._directory.get(account)

    def freeze(self, account: AccountId, token: int) -> None:
        """Freeze it, whoever asks."""
        self._directory.freeze(account, _ANY_TOKEN)

    def unfreeze(self, account: AccountId, token: int) -> None:
        """Unfreeze it, whoever asks."""
        self._directory.unfreeze(account, _ANY_TOKEN)

    def revoke_sessions(self, account: AccountId) -> None:
        """As it should be."""
        self._directory.revoke_sessions(account)

    def retire(self, account: AccountId) -> None:
        """As it should be."""
        self._directory.retire(account)


class ForgetfulDirectory(BlindDirectory):
    """A directory that keeps a freeze in the process, and nowhere else."""

    def __init__(self, directory: MemoryDirectory) -> None:
        super().__init__(directory)
        self._frozen: set[AccountId] = set()

    def get(self, account: AccountId) -> Account | None:
        """The account, frozen where this process remembers it."""
        found = self._directory.get(account)
        if found is None or account not in self._frozen:
            return found
        return attrs.evolve(found, standing="frozen", held_from=found.standing)

    def freeze(self, account: AccountId, token: int) -> None:
        """Remember it."""
        self._frozen.add(account)

    def unfreeze(self, account: AccountId, token: int) -> None:
        """Forget it."""
        self._frozen.discard(account)


def broken_directory(broken: Callable[[MemoryDirectory], BlindDirectory]) -> Break:
    """A portal whose directory is that one, in front of the sound one."""

    def parts_with(parts: Parts, _: Kept) -> Parts:
        accounts = parts.portal.accounts
        assert isinstance(accounts, MemoryDirectory)
        return attrs.evolve(parts, portal=attrs.evolve(parts.portal, accounts=broken(accounts)))

    return parts_with


# --- what cannot bear to be repeated --------------------------------------------------------------------------


class RenumberedMessages:
    """Messages under an id that each process makes anew."""

    never_blocks = True

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def send(self, letter: Letter) -> None:
        """Hand it over under that id."""
        OutboxMessages(self._kept.outbox).send(attrs.evolve(letter, id=f"{letter.id}.{self._kept.life}"))


def renumbered_messages() -> Break:
    """A portal that does not keep the ids of its messages."""

    def broken(parts: Parts, kept: Kept) -> Parts:
        return attrs.evolve(parts, portal=attrs.evolve(parts.portal, messages=RenumberedMessages(kept)))

    return broken


class GreedyDataSet:
    """A data set that takes another person's items when it is asked for the same batch a second time."""

    never_blocks = True

    def __init__(self, data_set: MemoryDataSet, other: AccountId, asked: set[str]) -> None:
        self._data_set = data_set
        self._other = other
        self._asked = asked
        self.name = data_set.name
        self.after = data_set.after

    def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """As it should be."""
        return self._data_set.survey(account)

    def erase(self, job: EraseJob) -> Progress:
        """The batch; and, the second time, as many of the other's."""
        if job.key in self._asked:
            self._data_set.erase(attrs.evolve(job, account=self._other))
        self._asked.add(job.key)
        return self._data_set.erase(job)

    def remaining(self, account: AccountId) -> int:
        """As it should be."""
        return self._data_set.remaining(account)


def greedy_data_sets(other: AccountId) -> Break:
    """A portal whose data sets take another's items in a repetition."""
    asked = set[str]()

    def broken(parts: Parts, _: Kept) -> Parts:
        greedy = tuple(
            GreedyDataSet(one, other, asked) for one in parts.portal.data_sets if isinstance(one, MemoryDataSet)
        )
        return attrs.evolve(parts, portal=attrs.evolve(parts.portal, data_sets=greedy))

    return broken


def _with_lazy_sqlite(arguments: Sequence[str]) -> int:
    """The command of the harness, on that store."""
    with patch.dict(STORES, {"sqlite": lambda: nullcontext(lazy_sqlite)}):
        return main(arguments)


if __name__ == "__main__":
    sys.exit(_with_lazy_sqlite(sys.argv[1:]))
