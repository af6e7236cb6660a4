"""How everything stands at a moment, as far as it is durable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import attrs

from hht_closure.account import Account
from hht_closure.events import ClosureClosed, Event
from hht_closure.policy import Portion
from hht_closure.ports import LedgerEntry
from hht_closure.receipts import ReceiptClaims
from hht_closure.stages import Closure
from hht_closure.testing.crash.kept import Sent

KeyFate = Literal["present", "destroyed", "missing"]


@attrs.frozen(kw_only=True)
class Belongings:
    """What the portal holds of an account: its row, and of each data set what there is and what must still go."""

    account: Account | None
    portions: Mapping[str, tuple[Portion, ...]]
    remaining: Mapping[str, int]

    def going(self, data_set: str) -> int:
        """How many items no law keeps."""
        return sum(one.count for one in self.portions[data_set] if one.disposition != "restricted")

    def kept(self, data_set: str, now: datetime) -> tuple[Portion, ...]:
        """What a law keeps beyond that time."""
        return tuple(one for one in self.portions[data_set] if one.until is not None and one.until > now)

    @property
    def totals(self) -> Mapping[str, int]:
        """How many items there are of each data set, whatever becomes of them."""
        return {name: sum(one.count for one in portions) for name, portions in self.portions.items()}

    @property
    def standing(self) -> str:
        """How the account stands; one that is gone is retired."""
        return "retired" if self.account is None else self.account.standing


@attrs.frozen(kw_only=True)
class State:
    """How everything stands.

    Attributes:
        now: by the clock.
        stream: the name of the account's stream.
        steps: how many steps of the person's have come to their end.
        events, closure: the whole of it, and what they fold to.
        theirs: what the portal holds of the account.
        others: what it holds of the people whom it does not concern.
        keys: the fate of each key that was ever made, by the task that destroys it.
        ledger: the entries of all rounds.
        stray: the kinds of those whose signed head is none that the journal has.
        reserved: whether the login name is.
        sent: what went out, repetitions included.
        receipt: what the receipt says, as the holder of the reference gets it; None where there is none.
        login_name: what the account is logged in by, or was.
    """

    now: datetime
    stream: str
    steps: int
    events: tuple[Event, ...]
    closure: Closure
    theirs: Belongings
    others: tuple[Belongings, ...]
    keys: Mapping[str, KeyFate]
    ledger: tuple[LedgerEntry, ...]
    stray: tuple[str, ...]
    reserved: bool
    sent: tuple[Sent, ...]
    receipt: ReceiptClaims | None
    login_name: str | None

    def count(self, kind: type[Event]) -> int:
        """How many events of that kind there are."""
        return sum(isinstance(one, kind) for one in self.events)

    @property
    def held(self) -> frozenset[str]:
        """The data sets that a legal hold keeps now."""
        return frozenset(one.data_set for one in self.closure.holds if one.until > self.now)

    @property
    def written_receipt(self) -> str | None:
        """The receipt as the journal holds it."""
        return next((one.receipt for one in self.events if isinstance(one, ClosureClosed)), None)
