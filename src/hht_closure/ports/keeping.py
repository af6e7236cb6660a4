"""What the library keeps: journal, key vault, ledger, budgets, tombstones; and the clock and entropy it is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import attrs

from hht_closure.events import Event
from hht_closure.ports.answer import Answer
from hht_closure.values import is_count


@attrs.frozen
class Record:
    """One entry of a stream as it is stored.

    Attributes:
        sequence: from 1, without a gap.
        body: canonical JSON in UTF-8, with the hash of the entry before.
        hash: SHA-256 over the body, 32 bytes.
        opens: whether it opens a round; reading may begin here.
    """

    sequence: int
    body: bytes
    hash: bytes
    opens: bool = False


@attrs.frozen
class Lease:
    """The right to work on one stream.

    Attributes:
        stream: its name.
        fence: the number under which is written; higher than any before it in this stream.
        expires: until when, by the store's clock.
        takeovers: how many leases on this stream just before this one ended, one after the other, without being given
            back: so many workers died, or stood still, over what is to be done now.
    """

    stream: str
    fence: int
    expires: datetime
    takeovers: int = 0


@attrs.frozen
class DueStream:
    """A stream with work to do since that time."""

    stream: str
    due: datetime


class Journal(Protocol):
    """The append-only store of events, one stream for each account; on a connection of its own (L4).

    Every method is atomic: all of it is durable when it returns, or nothing is.

    Raises (all methods):
        StoreUnavailableError: nothing was changed, and trying again is safe.
    """

    def read(self, stream: str, *, whole: bool = False) -> Answer[tuple[Record, ...]]:
        """The records from the last that opens a round on; with ``whole``, all. Empty for a new stream."""
        ...

    def append(
        self,
        stream: str,
        expected: int,
        records: Sequence[Record],
        *,
        due: datetime | None,
        fence: int | None = None,
    ) -> Answer[None]:
        """Append all the records, or none, and set when the stream is due next (None: nothing to do).

        Args:
            stream: its name.
            expected: how many records the stream has now.
            records: at least one, numbered from ``expected + 1``.
            due: when there is work to do.
            fence: the fence of the lease under which this is written; None for a person's call.

        Raises:
            LeaseLostError: the fence is not the last one given for this stream; looked at first.
            ConflictError: the stream has another length.
            InvalidValueError: no records, or wrongly numbered ones.
        """
        ...

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> Answer[tuple[Lease, ...]]:
        """Lease streams that are due and not leased, the oldest due first; with ``stream``, that one, due or not.

        What was due when it was written is due, also for a clock that has stepped back since; and a lease that begins
        in a time to come is over.
        Only names that begin with ``prefix`` are looked at: two portals may share a journal, and each works on its own.

        The fence of each is higher than any before it in that stream, and each says how many before it ended without
        being given back (``takeovers``): they count until one is. Two callers never hold a lease on one
        stream at a time; one that has expired may be claimed by anybody. A stream that nobody has written gives
        nothing. The store's clock decides (L18).
        """
        ...

    def renew(self, lease: Lease, lease_for: timedelta) -> Answer[Lease]:
        """The same lease with a later end; never an earlier one.

        Raises:
            LeaseLostError: somebody else has claimed since.
        """
        ...

    def release(self, lease: Lease) -> Answer[None]:
        """Give the lease back; a lease that is lost already is no error. The fence stays used."""
        ...

    def due(self, *, limit: int, prefix: str = "") -> Answer[tuple[DueStream, ...]]:
        """The streams that have work to do, now or later, leased or not, the oldest first. Changes nothing.

        Only names that begin with ``prefix`` are looked at.
        """
        ...


@attrs.frozen
class KeyPresent:
    """The key is there, wrapped."""

    wrapped: bytes = attrs.field(repr=False)


@attrs.frozen
class KeyDestroyed:
    """The key was destroyed on purpose."""


@attrs.frozen
class KeyMissing:
    """There is no such key, and no mark that there was one."""


class KeyVault(Protocol):
    """Keeps wrapped keys, apart from the journal (L23).

    Raises (all methods):
        StoreUnavailableError: nothing was changed.
    """

    def create(self, key: str, wrapped: bytes) -> Answer[KeyPresent | KeyDestroyed]:
        """Store the key if its id is new, and give what is there now: the first one wins; destroyed stays destroyed."""
        ...

    def fetch(self, key: str) -> Answer[KeyPresent | KeyDestroyed | KeyMissing]:
        """The key, or which of the two ways it is not there. Changes nothing."""
        ...

    def destroy(self, key: str) -> Answer[None]:
        """Overwrite and remove the key for good, and leave a mark. Repeatable, also for an id never seen.

        After an error the key may be gone already; call again.
        """
        ...


LedgerKind = Literal["held", "begun", "closed", "purged"]
"""An account is about to be frozen; its erasure has begun; it is closed; a retention of it has ended."""


@attrs.frozen(kw_only=True)
class LedgerEntry:
    """One line of the ledger.

    Attributes:
        stream, round, kind: what it is about; at most one entry for each.
        subject: for ``purged`` the data set; else empty.
        statement: a compact JWS over the journal's head (and, for ``closed``, the receipt).
        sealed_account: the account id under the ledger's own key.
    """

    stream: str
    round: int
    kind: LedgerKind
    subject: str = ""
    statement: str
    receipt: str | None = None
    sealed_account: bytes = attrs.field(repr=False)


class Ledger(Protocol):
    """Kept apart from the data and backed up on its own: what was erased, so that nothing comes back (L21).

    Raises (all methods):
        StoreUnavailableError: nothing was changed.
    """

    def record(self, entry: LedgerEntry) -> Answer[int]:
        """Write the entry and give its position, from 1; the first one's where there is one about the same already."""
        ...

    def entries(self, *, after: int = 0, limit: int = 1000) -> Answer[tuple[tuple[int, LedgerEntry], ...]]:
        """Entries behind that position, with theirs, in order. Changes nothing."""
        ...

    def find(self, stream: str, round_number: int) -> Answer[tuple[LedgerEntry, ...]]:
        """The entries of one round, in order. Changes nothing."""
        ...


@attrs.frozen(kw_only=True)
class Allowance:
    """How often something may happen within a window: the key is a digest and holds nothing personal.

    Where ``taker`` says who takes, the same taker takes but once within a window, and may ask again: a token that
    is used up is still that of the challenge that used it, and of no other.
    """

    name: str
    key: str
    limit: int = attrs.field(validator=is_count)
    window: timedelta = attrs.field(validator=attrs.validators.gt(timedelta(0)))
    taker: str = attrs.field(default="", validator=attrs.validators.instance_of(str))


@attrs.frozen(kw_only=True)
class Exhausted:
    """An allowance is used up; it is free again at that time."""

    name: str
    until: datetime


class SendBudget(Protocol):
    """Counts what was sent (L8)."""

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Answer[Exhausted | None]:
        """Take one from each, or none from any: None when all had one left, else the first that had not.

        Each is a sliding window: a taking counts until ``window`` after it. Who has taken from an allowance and says
        so (``taker``) takes nothing more from it and is not refused. Atomic among any number of callers.

        Raises:
            StoreUnavailableError: nothing was taken, and nothing may be sent.
        """
        ...


class Tombstones(Protocol):
    """Keyed digests of login names that stay reserved for a while (L27)."""

    def lay(self, digest: str, until: datetime) -> Answer[None]:
        """Reserve the digest until then; a later end wins over an earlier one. Repeatable."""
        ...

    def until(self, digest: str) -> Answer[datetime | None]:
        """Until when the digest is reserved, or None where it never was. Changes nothing."""
        ...

    def purge(self, *, now: datetime) -> Answer[int]:
        """Remove the digests whose time is over, and say how many."""
        ...


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The aware time in UTC."""
        ...


class Entropy(Protocol):
    """Randomness."""

    def token(self, size: int) -> bytes:
        """That many bytes that nobody can guess."""
        ...


class Observer(Protocol):
    """Is told what has happened, after it was committed: for metrics and alarms. It cannot change or stop anything."""

    def happened(self, stream: str, events: tuple[Event, ...]) -> Answer[None]:
        """These events were appended to that stream. A set-aside task (``TaskSetAside``) is an alarm (L19)."""
        ...
