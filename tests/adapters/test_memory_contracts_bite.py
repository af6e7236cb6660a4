"""The contract suites are not satisfied with anything: adapters broken on purpose fail the clause they break."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs
import pytest

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.adapters.memory import (
    MemoryDataSet,
    MemoryDirectory,
    MemoryJournal,
    MemoryKeyVault,
    MemoryLedger,
    MemoryMessages,
    MemoryPrecondition,
    MemorySendBudget,
    MemoryTombstones,
)
from hht_closure.errors import DeliveryError
from hht_closure.policy import Blocked, Blocker, Finding
from hht_closure.ports import (
    Allowance,
    Clock,
    EraseJob,
    Exhausted,
    KeyDestroyed,
    KeyMissing,
    KeyPresent,
    Lease,
    LedgerEntry,
    Letter,
    Progress,
    Record,
)
from hht_closure.testing.contracts import (
    AccountDirectoryContract,
    DataSetContract,
    JournalContract,
    KeyVaultContract,
    LedgerContract,
    MessagesContract,
    PreconditionContract,
    SendBudgetContract,
    TombstonesContract,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEI = AccountId("mei")


class LastWriterWins(MemoryJournal):
    """A journal that believes its callers about the length."""

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Number the records anew, and append them whatever was expected."""
        length = len(self.read(stream, whole=True))
        renumbered = [attrs.evolve(one, sequence=length + place) for place, one in enumerate(records, start=1)]
        super().append(stream, length, renumbered, due=due, fence=fence)


class FenceIgnored(MemoryJournal):
    """A journal that takes a late worker's append."""

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Append without a look at the fence."""
        super().append(stream, expected, records, due=due)


class LeaseForAll(MemoryJournal):
    """A journal that gives away what is leased already."""

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease for no time at all."""
        return super().claim(limit=limit, lease_for=timedelta(0), prefix=prefix, stream=stream)


class NobodyIsLost(MemoryJournal):
    """A journal that never says that a lease before came to nothing."""

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease as if everybody had given back."""
        leases = super().claim(limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)
        return tuple(attrs.evolve(one, takeovers=0) for one in leases)


class ProgressHidesDeath(MemoryJournal):
    """A journal that counts lost workers anew when somebody has appended."""

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Append, and forget who was lost."""
        super().append(stream, expected, records, due=due, fence=fence)
        self._streams[stream].takeovers = -1


class LostForEver(MemoryJournal):
    """A journal that remembers every lease that was lost, whoever has given one back since."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._lost = 0

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease, and count on."""
        leases = super().claim(limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)
        self._lost = max(self._lost, *(one.takeovers for one in leases), 0)
        return tuple(attrs.evolve(one, takeovers=self._lost) for one in leases)


class RenewedAsNew(MemoryJournal):
    """A journal in which a lease that is renewed forgets how it came about."""

    def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """Renew as if nobody had been lost."""
        return attrs.evolve(super().renew(lease, lease_for), takeovers=0)


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (LastWriterWins, "test_who_expects_too_little_conflicts"),
        (LastWriterWins, "test_of_eight_appenders_exactly_one_wins"),
        (FenceIgnored, "test_a_worker_whose_lease_was_taken_cannot_append"),
        (FenceIgnored, "test_a_fence_that_was_never_given_is_lost"),
        (LeaseForAll, "test_of_eight_claimers_one_holds_the_lease"),
        (LeaseForAll, "test_a_leased_stream_is_not_claimed_until_the_lease_ends"),
        (NobodyIsLost, "test_leases_that_are_not_given_back_are_counted"),
        (NobodyIsLost, "test_who_appended_and_then_died_is_counted"),
        (ProgressHidesDeath, "test_who_appended_and_then_died_is_counted"),
        (LostForEver, "test_a_lease_that_is_given_back_ends_the_count"),
        (RenewedAsNew, "test_a_lease_that_is_given_back_ends_the_count"),
    ],
)
def test_a_broken_journal_fails_its_clause(broken: type[MemoryJournal], clause: str) -> None:
    """Lost conflicts, ignored fences, shared leases, and lost workers that are not counted, are found (L18, L19)."""

    class Suite(JournalContract):
        def make_journal(self, clock: Clock) -> MemoryJournal:
            return broken(clock)

    with pytest.raises(AssertionError):
        getattr(Suite(), clause)()


class PartOfTheRequest(MemoryJournal):
    """A journal on its caller's connection: what the caller rolls back has never been."""

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """The caller's transaction."""
        before = deepcopy(self._streams)
        yield
        self._streams = before


class AfterTheRequest(MemoryJournal):
    """A journal that appends for good, but only when its caller's transaction is over: after the comparison."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._later: list[Callable[[], None]] = []

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Remember it."""
        self._later.append(partial(super().append, stream, expected, records, due=due, fence=fence))

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """The caller's transaction."""
        yield
        for append in self._later:
            append()


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (PartOfTheRequest, "test_a_rollback_of_the_hosts_takes_no_record_back"),
        (PartOfTheRequest, "test_a_rollback_of_the_hosts_gives_no_fence_back"),
        (AfterTheRequest, "test_an_append_does_not_wait_for_the_hosts_transaction"),
    ],
)
def test_a_journal_within_its_callers_transaction_fails_its_clause(
    broken: type[PartOfTheRequest | AfterTheRequest], clause: str
) -> None:
    """Attempts and fences that a rollback gives back, and a count that comes after the comparison, are found (L4)."""

    class Suite(JournalContract):
        def make_journal(self, clock: Clock) -> MemoryJournal:
            self.journal = broken(clock)
            return self.journal

        def rolled_back(self) -> AbstractContextManager[None]:
            return self.journal.rolled_back()

    with pytest.raises(AssertionError):
        getattr(Suite(), clause)()


class ForgetfulVault(MemoryKeyVault):
    """A vault that leaves no mark."""

    def fetch(self, key: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """Missing where it was destroyed."""
        found = super().fetch(key)
        return KeyMissing() if found == KeyDestroyed() else found


def test_a_vault_without_marks_fails_its_clause() -> None:
    """Destroyed and missing are two answers (L23)."""

    class Suite(KeyVaultContract):
        def make_key_vault(self) -> MemoryKeyVault:
            return ForgetfulVault()

    with pytest.raises(AssertionError):
        Suite().test_a_destroyed_key_is_not_a_missing_one()


class RepeatingLedger(MemoryLedger):
    """A ledger that writes everything down again."""

    def record(self, entry: LedgerEntry) -> int:
        """Make each entry another one."""
        return super().record(attrs.evolve(entry, subject=f"{entry.subject}{len(self.entries())}"))


def test_a_ledger_that_repeats_itself_fails_its_clause() -> None:
    """There is at most one entry about the same."""

    class Suite(LedgerContract):
        def make_ledger(self) -> MemoryLedger:
            return RepeatingLedger()

    with pytest.raises(AssertionError):
        Suite().test_the_same_entry_again_keeps_its_first_position()


class BudgetOfTheRequest(MemorySendBudget):
    """A budget on its caller's connection."""

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """The caller's transaction."""
        before = self._taken
        yield
        self._taken = before


def test_a_budget_within_its_callers_transaction_fails_its_clause() -> None:
    """Sendings that a rollback gives back are found (L4, L8)."""

    class Suite(SendBudgetContract):
        def make_send_budget(self) -> MemorySendBudget:
            self.budget = BudgetOfTheRequest()
            return self.budget

        def rolled_back(self) -> AbstractContextManager[None]:
            return self.budget.rolled_back()

    with pytest.raises(AssertionError):
        Suite().test_a_rollback_of_the_hosts_gives_no_sending_back()


class VaultOfTheRequest(MemoryKeyVault):
    """A vault on its caller's connection."""

    @contextmanager
    def rolled_back(self) -> Generator[None, None, None]:
        """The caller's transaction."""
        before = dict(self._keys)
        yield
        self._keys = before


@pytest.mark.parametrize(
    "clause",
    ["test_a_rollback_of_the_hosts_takes_no_key_back", "test_a_rollback_of_the_hosts_brings_no_key_back"],
)
def test_a_vault_within_its_callers_transaction_fails_its_clause(clause: str) -> None:
    """Keys that a rollback loses, and keys that it brings back, are found (L23)."""

    class Suite(KeyVaultContract):
        def make_key_vault(self) -> MemoryKeyVault:
            self.vault = VaultOfTheRequest()
            return self.vault

        def rolled_back(self) -> AbstractContextManager[None]:
            return self.vault.rolled_back()

    with pytest.raises(AssertionError):
        getattr(Suite(), clause)()


class GreedyBudget(MemorySendBudget):
    """A budget that takes from the first allowances although a later one is exhausted."""

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Take from one after the other."""
        outcomes = [super(GreedyBudget, self).take([one], now=now) for one in allowances]
        return next((one for one in outcomes if one is not None), None)


def test_a_budget_that_takes_half_fails_its_clause() -> None:
    """All or nothing is taken (L8)."""

    class Suite(SendBudgetContract):
        def make_send_budget(self) -> MemorySendBudget:
            return GreedyBudget()

    with pytest.raises(AssertionError):
        Suite().test_where_one_is_exhausted_nothing_is_taken_from_any()


class ShorteningTombstones(MemoryTombstones):
    """Tombstones of which the last one counts."""

    def lay(self, digest: str, until: datetime) -> None:
        """Forget what was there."""
        self._ends[digest] = until


def test_tombstones_that_shorten_fail_their_clause() -> None:
    """A later end wins (L27)."""

    class Suite(TombstonesContract):
        def make_tombstones(self) -> MemoryTombstones:
            return ShorteningTombstones()

    with pytest.raises(AssertionError):
        Suite().test_an_earlier_end_does_not_shorten()


class TokenForgottenByUnfreeze(MemoryDirectory):
    """A directory in which a late freeze still freezes."""

    def unfreeze(self, account: AccountId, token: int) -> None:
        """Unfreeze, and forget the token."""
        super().unfreeze(account, token)
        self._entries[account].token = 0


class StandingForgotten(MemoryDirectory):
    """A directory that remembers the standing of the last freeze, which is frozen."""

    def freeze(self, account: AccountId, token: int) -> None:
        """Freeze, and remember what stands there."""
        super().freeze(account, token)
        entry = self._entries[account]
        entry.before_freeze = "frozen" if token > 1 else entry.before_freeze


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (TokenForgottenByUnfreeze, "test_a_late_freeze_is_refused"),
        (TokenForgottenByUnfreeze, "test_unfreezing_an_account_that_is_not_frozen_keeps_the_token"),
        (StandingForgotten, "test_freezing_again_does_not_forget_the_earlier_standing"),
    ],
)
def test_a_broken_directory_fails_its_clause(broken: type[MemoryDirectory], clause: str) -> None:
    """Forgotten tokens and forgotten standings are found (L18)."""

    class Suite(AccountDirectoryContract):
        def make_directory(self) -> MemoryDirectory:
            self.directory = broken()
            return self.directory

        def an_account(self) -> AccountId:
            contact = ContactPoint(channel="email", address="mei@example.org", version="1")
            self.directory.add(Account(id=MEI, contacts=(contact,)))
            return MEI

    with pytest.raises(AssertionError):
        getattr(Suite(), clause)()


class EverybodyErased(MemoryDataSet):
    """A data set that forgets to ask whose items they are."""

    def erase(self, job: EraseJob) -> Progress:
        """Erase, and take the others along."""
        progress = super().erase(job)
        self._items = {account: items for account, items in self._items.items() if account == job.account}
        return progress


class DoneTooSoon(MemoryDataSet):
    """A data set that believes itself."""

    def erase(self, job: EraseJob) -> Progress:
        """Say that it is done after the first batch."""
        return attrs.evolve(super().erase(job), done=True)


class LimitIgnored(MemoryDataSet):
    """A data set that takes everything at once."""

    def erase(self, job: EraseJob) -> Progress:
        """Erase without a bound."""
        return super().erase(attrs.evolve(job, limit=1_000))


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (EverybodyErased, "test_the_data_of_others_stay"),
        (DoneTooSoon, "test_batch_after_batch_everything_goes"),
        (LimitIgnored, "test_a_batch_erases_no_more_than_its_limit"),
    ],
)
def test_a_broken_data_set_fails_its_clause(broken: type[MemoryDataSet], clause: str) -> None:
    """Erasing too much, too little or too much at once is found (L17)."""

    class Suite(DataSetContract):
        def make_data_set(self) -> tuple[MemoryDataSet, AccountId]:
            self.data_set = broken("letters")
            self.data_set.add(MEI, *"abcdefg")
            return self.data_set, MEI

        def a_bystander(self) -> AccountId:
            self.data_set.add(AccountId("other"), "theirs")
            return AccountId("other")

    with pytest.raises(AssertionError):
        getattr(Suite(), clause)()


class Wavering(MemoryPrecondition):
    """A precondition that is changed by being asked."""

    def check(self, account: Account) -> Finding:
        """Another blocker each time."""
        super().check(account)
        return Blocked((Blocker(code=f"debt_{self.asked}", ground="g", remedy="/"),))


def test_a_precondition_that_changes_by_being_asked_fails_its_clause() -> None:
    """Checking changes nothing."""

    class Suite(PreconditionContract):
        def make_blocked(self) -> tuple[MemoryPrecondition, Account]:
            return Wavering("no_money_owed"), Account(id=MEI)

    with pytest.raises(AssertionError):
        Suite().test_checking_changes_nothing()


class Talkative(MemoryMessages):
    """Messages whose error tells the address."""

    def send(self, letter: Letter) -> None:
        """Fail, and say for whom."""
        raise DeliveryError(letter.to.channel, letter.to.address)


def test_messages_that_tell_the_address_fail_their_clause() -> None:
    """No error names a person (L22)."""

    class Suite(MessagesContract):
        def make_failing(self) -> MemoryMessages:
            return Talkative()

    with pytest.raises(AssertionError):
        Suite().test_the_error_names_nobody()


class AsyncTombstones:
    """Tombstones that have to be awaited."""

    def __init__(self) -> None:
        self._stones = MemoryTombstones()

    async def lay(self, digest: str, until: datetime) -> None:
        """Reserve the digest."""
        self._stones.lay(digest, until)

    async def until(self, digest: str) -> datetime | None:
        """Until when it is reserved."""
        return self._stones.until(digest)

    async def purge(self, *, now: datetime) -> int:
        """Remove what is over."""
        return self._stones.purge(now=now)


class TestAsyncTombstones(TombstonesContract):
    """An adapter of coroutines passes the same suite."""

    def make_tombstones(self) -> AsyncTombstones:
        """New ones."""
        return AsyncTombstones()
