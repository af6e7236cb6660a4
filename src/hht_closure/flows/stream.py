"""Load a closure, decide, append: the one way in which anything changes.

Everybody decides on what they read and appends behind it; whoever comes second reads again and decides anew.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

import attrs

from hht_closure import codec
from hht_closure.account import AccountId
from hht_closure.canonical import b64
from hht_closure.codec import START, Head
from hht_closure.codec.chain import Place, place_of
from hht_closure.commands import AnswerStatement, Command, CountAttempt, GiveReason, MakeChallenge, RecordChecks
from hht_closure.errors import (
    ClosureError,
    ClosureRefused,
    ConflictError,
    KeyDestroyedError,
    KeyMissingError,
    LeaseLostError,
    PortError,
    StoreUnavailableError,
    in_short,
    refusal,
)
from hht_closure.events import Clear, ErasureBegun, Event, ReasonGiven, RoundOpened, Sealed
from hht_closure.flows.wiring import Wiring
from hht_closure.keys import new_data_key, seal, unseal
from hht_closure.lifecycle import Refused, decide, fold, next_due
from hht_closure.ports import Clock, KeyDestroyed, KeyMissing, Record
from hht_closure.stages import Closure
from hht_closure.values import Secret, checked_text

_log = logging.getLogger(__name__)

A = TypeVar("A")

TRIES: Final = 200
"""How often a decision is taken anew because somebody else appended first; each time somebody has got on."""

LONGEST_ROUND: Final = 300
"""How many events a round may come to before its person can only confirm or withdraw; each call reads them all."""

_GROWING: Final = (AnswerStatement, GiveReason, RecordChecks, MakeChallenge, CountAttempt)

NONCE_SIZE: Final = 12
"""Bytes of a nonce of AES-GCM."""


@attrs.frozen
class Loaded:
    """A stream as it was read: the closure, where it ends, and its events since the last round was opened."""

    stream: str
    closure: Closure
    head: Head
    events: tuple[tuple[int, Event], ...]

    def now(self, clock: Clock) -> datetime:
        """The time, but never before the last event: a clock that steps back revives nothing (L6)."""
        now, last = clock.now(), self.closure.at
        return now if last is None or now > last else last

    def find(self, kind: type[Event]) -> tuple[int, Event] | None:
        """The last event of that kind in this round, with its sequence."""
        return next((one for one in reversed(self.events) if isinstance(one[1], kind)), None)


@attrs.frozen
class Draft:
    """Events that are decided and encoded, and not appended yet."""

    loaded: Loaded
    expected: Head
    records: tuple[Record, ...] = ()
    events: tuple[Event, ...] = ()

    @classmethod
    def of(cls, loaded: Loaded) -> Draft:
        """An empty draft behind what was loaded."""
        return cls(loaded, loaded.head)


class Streams:
    """The closures of one portal, in its journal."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    @property
    def prefix(self) -> str:
        """What the names of all this portal's streams begin with."""
        return self._wiring.keyring.stream_prefix(self._wiring.name)

    def name(self, account: AccountId) -> str:
        """The stream of an account."""
        return self._wiring.keyring.stream_name(self._wiring.name, account)

    async def load(self, stream: str, *, whole: bool = False) -> Loaded:
        """The stream as it stands; an edited one is not read.

        Raises:
            JournalBrokenError: an entry is not what was appended.
            UnsupportedEventError: an event is of a later release.
            InvalidValueError: no stream has such a name.
        """
        checked_text(stream, "stream", longest=200)
        records = await self._wiring.journal.read(stream, whole=whole)
        happened = codec.read(stream, records)
        head = Head(records[-1].sequence, records[-1].hash) if records else START
        numbered = tuple((record.sequence, event) for record, event in zip(records, happened, strict=True))
        return Loaded(stream, fold(_from_an_opening(happened)), head, numbered)

    async def perform(
        self,
        stream: str,
        look: Callable[[], Awaitable[A]],
        ask: Callable[[Loaded, A], Awaitable[Command]],
        *,
        before: Callable[[Loaded, A], Awaitable[None]] | None = None,
    ) -> tuple[Loaded, tuple[Event, ...], A]:
        """Decide on a command and append what it leads to, with ``before`` called in between.

        Args:
            stream: whose.
            look: fetches the account, *before* the stream is read: what is seen of the account is then never later
                than what is known of its closing, and an account that was just frozen is not taken for another's doing.
            ask: makes the command, with what else it fetches outside; both are called again after a conflict.
            before: what must be settled before the events are appended, a budget, say; called again, too.

        Returns:
            The closure after it, the events that were appended, and what was looked at.

        Raises:
            ClosureRefused: the machine says no.
            StoreUnavailableError: the journal could not take it; nothing was changed.
        """
        for _ in range(TRIES):
            looked = await look()
            loaded = await self.load(stream)
            command = await ask(loaded, looked)
            if isinstance(command, _GROWING) and len(loaded.events) >= LONGEST_ROUND:
                raise ClosureRefused((refusal("too_many_changes"),))
            decision = decide(loaded.closure, command, now=self._wiring.clock.now())
            if isinstance(decision, Refused):
                raise ClosureRefused(decision.refusals)
            if not decision.events:
                return loaded, (), looked
            if before is not None:
                await before(loaded, looked)
            try:
                draft = await self.extend(Draft.of(loaded), decision.events)
                return await self.commit(draft), decision.events, looked
            except ConflictError:
                continue
        raise StoreUnavailableError("journal", "contended")

    async def extend(self, draft: Draft, happened: Sequence[Event]) -> Draft:
        """More events behind the draft's."""
        if not happened:
            return draft
        loaded = draft.loaded
        keys = await self._sealing_keys(loaded, happened)

        def sealer(place: Place, text: Clear) -> Sealed:
            return Sealed(
                seal(keys[str(place[2])], text.text.encode(), place=place, nonce=self._wiring.entropy.token(NONCE_SIZE))
            )

        commit = b64(self._wiring.entropy.token(9))
        records = codec.write(loaded.stream, loaded.head, happened, sealer, commit=commit)
        stored = codec.read(loaded.stream, records)
        after = Loaded(
            loaded.stream,
            fold(stored, loaded.closure),
            Head(records[-1].sequence, records[-1].hash),
            (*loaded.events, *zip((one.sequence for one in records), stored, strict=True)),
        )
        return Draft(after, draft.expected, (*draft.records, *records), (*draft.events, *stored))

    async def commit(self, draft: Draft, *, fence: int | None = None) -> Loaded:
        """Append the draft.

        Raises:
            ConflictError: somebody else appended first.
            LeaseLostError: somebody else has the lease.
            StoreUnavailableError: nothing was changed.
        """
        if not draft.records:
            return draft.loaded
        stream = draft.loaded.stream
        due = self._due(draft.loaded.closure)
        try:
            await self._wiring.journal.append(stream, draft.expected.sequence, draft.records, due=due, fence=fence)
        except (ConflictError, LeaseLostError, StoreUnavailableError):
            raise
        except PortError as error:
            if not await self._is_there(stream, draft.records[-1]):
                raise StoreUnavailableError("journal", "no_answer") from error
        await self._tell(stream, draft.events)
        return draft.loaded

    async def must_stand(self, draft: Draft) -> None:
        """Whether the stream is still as it was read.

        Raises:
            ConflictError: somebody else appended first.
        """
        stream, expected = draft.loaded.stream, draft.expected.sequence
        records = await self._wiring.journal.read(stream)
        if (records[-1].sequence if records else 0) != expected:
            raise ConflictError(stream, expected)

    def _due(self, closure: Closure) -> datetime | None:
        """When there is work, by the clock as it goes now: an event's time may be of a clock that ran ahead (L6)."""
        due, last = next_due(closure), closure.at
        return min(due, self._wiring.clock.now()) if due is not None and due == last else due

    async def _is_there(self, stream: str, last: Record) -> bool:
        """Whether an append of unknown outcome took effect: read back before anything is decided."""
        return any(one.hash == last.hash for one in await self._wiring.journal.read(stream, whole=True))

    async def _tell(self, stream: str, happened: tuple[Event, ...]) -> None:
        """Tell the observers, with every text sealed; one that fails changes nothing of what has happened."""
        for observer in self._wiring.observers:
            try:
                await observer.happened(stream, happened)
            except ClosureError as error:
                _log.error("an observer failed: %s", in_short(error))

    # --- keys ---------------------------------------------------------------------------------------------

    async def _sealing_keys(self, loaded: Loaded, happened: Sequence[Event]) -> Mapping[str, Secret[bytes]]:
        """The key for each kind of event that holds a confidential text, created where a new one begins."""
        keys: dict[str, Secret[bytes]] = {}
        for event in happened:
            match event:
                case RoundOpened(account=Clear()):
                    keys["RoundOpened"] = await self.create_key(round_key(loaded.stream, event.number))
                case ReasonGiven(note=Clear()):
                    keys["ReasonGiven"] = await self.key(round_key(loaded.stream, _number(loaded)))
                case ErasureBegun(farewell=Clear()):
                    keys["ErasureBegun"] = await self.create_key(farewell_key(loaded.stream, _number(loaded)))
                case _:
                    pass
        return keys

    async def create_key(self, key: str) -> Secret[bytes]:
        """The key of that id, made now if there was none.

        Raises:
            KeyDestroyedError: it was destroyed; another will not take its place.
        """
        ring = self._wiring.keyring
        wrapped = ring.wrap(key, new_data_key(self._wiring.entropy), self._wiring.entropy)
        kept = await self._wiring.vault.create(key, wrapped)
        if isinstance(kept, KeyDestroyed):
            raise KeyDestroyedError(key)
        return ring.unwrap(key, kept.wrapped)

    async def key(self, key: str) -> Secret[bytes]:
        """The key of that id.

        Raises:
            KeyDestroyedError: it was destroyed on purpose.
            KeyMissingError: it is not there, and nobody destroyed it: an alarm (L23).
        """
        kept = await self._wiring.vault.fetch(key)
        match kept:
            case KeyDestroyed():
                raise KeyDestroyedError(key)
            case KeyMissing():
                raise KeyMissingError(key)
            case _:
                return self._wiring.keyring.unwrap(key, kept.wrapped)

    async def unsealed(self, loaded: Loaded, kind: type[Event], field: str, key: str) -> str:
        """The confidential text of the last event of that kind in this round.

        Raises:
            KeyDestroyedError, KeyMissingError: the key is gone.
            SealBrokenError: it does not open at its place.
        """
        found = loaded.find(kind)
        sealed = None if found is None else getattr(found[1], field)
        if found is None or not isinstance(sealed, Sealed):
            raise KeyMissingError(key)
        place = place_of(kind, loaded.stream, found[0], field)
        return unseal(await self.key(key), sealed.data, place=place).decode()


async def nothing() -> None:
    """What a command looks at that needs no account."""


def _from_an_opening(happened: Sequence[Event]) -> Sequence[Event]:
    """From the last opening of a round on: it carries over all that was before (fold little)."""
    for index in range(len(happened) - 1, -1, -1):
        if isinstance(happened[index], RoundOpened):
            return happened[index:]
    return happened


def _number(loaded: Loaded) -> int:
    this = loaded.closure.round
    return 0 if this is None else this.number


def round_key(stream: str, number: int) -> str:
    """The id of a round's key."""
    return f"{stream}.{number}"


def farewell_key(stream: str, number: int) -> str:
    """The id of the key under which a farewell's address is sealed (L26)."""
    return f"{stream}.{number}.farewell"
