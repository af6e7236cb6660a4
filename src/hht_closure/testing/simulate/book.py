"""What is known of an account while a seed runs: what is durable, what was done outside, and what is so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import attrs

from hht_closure.account import AccountId
from hht_closure.adapters.memory import MemoryStore
from hht_closure.events import ErasureBegun, Event, RoundOpened
from hht_closure.flows.stream import round_key
from hht_closure.ports import KeyDestroyed, LedgerKind
from hht_closure.stages import NOTHING, Closure
from hht_closure.testing.simulate.host import Downstream, Host


@attrs.frozen
class Violation:
    """An invariant that does not hold: its law or case, and what is so instead."""

    law: str
    what: str

    def __str__(self) -> str:
        return f"{self.law}: {self.what}"


@attrs.define(eq=False)
class Book:
    """One account.

    Attributes:
        account, stream: whose.
        events: everything in its stream, as it was appended.
        closure: what they fold to.
        kinds: how many events there are of each kind.
        done: how often each task was done.
        holders: which process was given each fence.
        fence: the last fence given.
        token: the last token that the directory took.
        frozen_in: in which step it was frozen; None where it is not.
        clean_in: in which step each precondition was last found clean.
        letters: the ids of the letters that went out, by kind.
        compared: how many answers were compared.
        revoked: whether its sessions were ended since the last confirmation.
        under_hold: how many batches of each data set went since it was last put under a hold.
    """

    account: AccountId
    stream: str
    events: list[Event] = attrs.field(factory=list[Event])
    closure: Closure = NOTHING
    kinds: Counter[type[Event]] = attrs.field(factory=Counter[type[Event]])
    done: Counter[str] = attrs.field(factory=Counter[str])
    holders: dict[int, str] = attrs.field(factory=dict[int, str])
    fence: int = 0
    token: int = 0
    frozen_in: int | None = None
    clean_in: dict[str, int] = attrs.field(factory=dict[str, int])
    letters: dict[str, set[str]] = attrs.field(factory=dict[str, set[str]])
    compared: int = 0
    revoked: bool = False
    under_hold: Counter[str] = attrs.field(factory=Counter[str])

    @property
    def is_begun(self) -> bool:
        """Whether the point of no return is passed; nothing leads back from there."""
        return bool(self.kinds[ErasureBegun])

    def this_round(self) -> list[Event]:
        """The events since the last round was opened."""
        opened = max((at for at, one in enumerate(self.events) if isinstance(one, RoundOpened)), default=0)
        return self.events[opened:]

    def is_held(self, data_set: str, now: datetime) -> bool:
        """Whether a hold keeps that data set, as far as is durable."""
        return any(one.data_set == data_set and now < one.until for one in self.closure.holds)

    def pending(self, kind: str) -> bool:
        """Whether a task of that kind is."""
        return any(one.kind == kind for one in self.closure.tasks)


@attrs.frozen(kw_only=True)
class Truth:
    """What is so, whoever says what: read where it lies, past every port and every fault.

    Attributes:
        host, store, tasks: where it lies.
        preconditions: their names.
        reserved: the digest under which each account's login name would be reserved.
    """

    host: Host
    store: MemoryStore
    tasks: Mapping[str, Downstream]
    preconditions: tuple[str, ...]
    reserved: Mapping[AccountId, str]

    def standing(self, account: AccountId) -> str:
        """How the account stands; one that is gone is retired."""
        found = self.host.accounts.get(account)
        return "retired" if found is None else found.standing

    def ends(self, account: AccountId, data_set: str) -> list[datetime | None]:
        """Of each row that is there, until when the law keeps it; None where it may go."""
        return [row.until for table in self.host.sets if table.name == data_set for row in table.rows[account]]

    def is_reserved(self, account: AccountId) -> bool:
        """Whether its login name is."""
        return self.store.tombstones.until(self.reserved[account]) is not None

    def is_in_ledger(self, book: Book, kind: LedgerKind) -> bool:
        """Whether the ledger has such an entry about the last round."""
        number = 0 if book.closure.round is None else book.closure.round.number
        return any(one.kind == kind for one in self.store.ledger.find(book.stream, number))

    def is_destroyed(self, key: str) -> bool:
        """Whether that key was destroyed."""
        return isinstance(self.store.vault.fetch(key), KeyDestroyed)

    def is_round_key_destroyed(self, book: Book) -> bool:
        """Whether the key of the last round was."""
        return book.closure.round is not None and self.is_destroyed(round_key(book.stream, book.closure.round.number))
