"""How a process sees what is durable: read with calls that are not counted, and no more of it than may have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from hht_closure import codec
from hht_closure.account import Account, AccountId
from hht_closure.errors import ClosureRefused
from hht_closure.events import ClosureClosed, ErasureBegun, Event, RoundOpened
from hht_closure.flows.calls import driven
from hht_closure.flows.stream import farewell_key, round_key
from hht_closure.lifecycle import fold
from hht_closure.ports import KeyDestroyed, KeyPresent, LedgerEntry, Record
from hht_closure.receipts import ReceiptClaims, verify_head
from hht_closure.service.core import Core
from hht_closure.stages import NOTHING, Closure
from hht_closure.testing.crash.life import Life
from hht_closure.testing.crash.state import Belongings, KeyFate, State

_ITEMS: Final = frozenset({"erase", "revoke_sessions", "retire"})
_ACCOUNT: Final = frozenset({"freeze", "unfreeze"})
_KEYS: Final = frozenset({"create", "destroy"})
_SENT: Final = frozenset({"send", "run"})
CHANGING: Final = _ITEMS | _ACCOUNT | _KEYS | _SENT | {"append", "record", "lay"}
"""The methods of ports after which something that is looked at can be another."""


@attrs.frozen
class _Journal:
    """What the journal says, and what follows from it alone."""

    records: tuple[Record, ...] = ()
    events: tuple[Event, ...] = ()
    closure: Closure = NOTHING
    receipt: ReceiptClaims | None = None


_NOTHING: Final = _Journal()


class Sight:
    """One process's sight of how everything stands; of the journal it folds what is new.

    Raises (all methods):
        ClosureError: the journal is broken, or something cannot be read.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._core: Core = life.looking
        self._stream = self._core.streams.name(life.scenario.account)
        self._journal = _NOTHING

    def look(self, before: State | None = None) -> State:
        """Everything; ``before`` says by what the account was logged in at first, and None, that this is at first."""
        journal = self._journal = self._read()
        theirs = self._belongings(self._life.scenario.account)
        login_name = _login_name(theirs.account) if before is None else before.login_name
        return State(
            now=self._life.kept.clock.now(),
            stream=self._stream,
            steps=self._life.steps_ended,
            events=journal.events,
            closure=journal.closure,
            theirs=theirs,
            others=tuple(self._belongings(one) for one in self._life.scenario.others),
            keys=self._keys(),
            ledger=self._ledger(),
            stray=self._stray(),
            reserved=self._is_reserved(login_name),
            sent=self._life.kept.outbox.sent(),
            receipt=journal.receipt,
            login_name=login_name,
        )

    def glance(self, seen: State, method: str) -> State:
        """What a call of that method of a port may have changed, read anew; the rest is as it was seen before."""
        seen = attrs.evolve(seen, now=self._life.kept.clock.now(), steps=self._life.steps_ended)
        if method == "append":
            journal = self._journal = self._read()
            now = attrs.evolve(seen, events=journal.events, closure=journal.closure, receipt=journal.receipt)
            return attrs.evolve(now, keys=self._keys())
        if method in _ITEMS:
            return attrs.evolve(seen, theirs=self._belongings(self._life.scenario.account))
        if method in _ACCOUNT:
            return attrs.evolve(
                seen, theirs=attrs.evolve(seen.theirs, account=self._account(self._life.scenario.account))
            )
        if method in _KEYS:
            return attrs.evolve(seen, keys=self._keys())
        if method == "record":
            return attrs.evolve(seen, ledger=self._ledger(), stray=self._stray())
        if method == "lay":
            return attrs.evolve(seen, reserved=self._is_reserved(seen.login_name))
        return attrs.evolve(seen, sent=self._life.kept.outbox.sent())

    # --- the parts ------------------------------------------------------------------------------------------

    def _read(self) -> _Journal:
        known = self._journal
        records = driven(self._core.wiring.journal.read(self._stream, whole=True))
        length = len(known.records)
        if not length or records[:length] != known.records:
            known, length = _NOTHING, 0
        if len(records) == length:
            return known
        last = max(length - 1, 0)  # read with what follows it, so that the chain is whole
        new = codec.read(self._stream, records[last:])[length - last :]
        events, closure, receipt = (*known.events, *new), fold(new, known.closure), known.receipt
        if receipt is None and any(isinstance(one, ClosureClosed) for one in new):
            receipt = self._receipt(_rounds(events)[-1])
        return _Journal(records, events, closure, receipt)

    def _receipt(self, round_number: int) -> ReceiptClaims | None:
        wiring = self._core.wiring
        reference = wiring.keyring.reference(wiring.name, self._stream, round_number)
        try:
            return driven(self._core.looking.receipt(reference)).claims
        except ClosureRefused:
            return None

    def _belongings(self, account: AccountId) -> Belongings:
        sets = self._core.wiring.data_sets.items()
        return Belongings(
            account=self._account(account),
            portions={name: driven(one.survey(account)) for name, one in sets},
            remaining={name: driven(one.remaining(account)) for name, one in sets},
        )

    def _account(self, account: AccountId) -> Account | None:
        return driven(self._core.wiring.accounts.get(account))

    def _keys(self) -> Mapping[str, KeyFate]:
        return {name: self._fate(key) for name, key in _keys(self._stream, self._journal.events)}

    def _fate(self, key: str) -> KeyFate:
        match driven(self._core.wiring.vault.fetch(key)):
            case KeyPresent():
                return "present"
            case KeyDestroyed():
                return "destroyed"
            case _:
                return "missing"

    def _ledger(self) -> tuple[LedgerEntry, ...]:
        ledger = self._core.wiring.ledger
        rounds = _rounds(self._journal.events)
        return tuple(entry for one in rounds for entry in driven(ledger.find(self._stream, one)))

    def _stray(self) -> tuple[str, ...]:
        keys = self._core.wiring.keyring.jwks()
        heads = {(one.sequence, one.hash) for one in self._journal.records}
        signed = ((one.kind, verify_head(one.statement, keys)) for one in self._ledger())
        return tuple(kind for kind, head in signed if (head.sequence, head.hash) not in heads)

    def _is_reserved(self, login_name: str | None) -> bool:
        return login_name is not None and driven(self._core.looking.reserved(login_name))


def _login_name(account: Account | None) -> str | None:
    return None if account is None else account.login_name


def _rounds(events: tuple[Event, ...]) -> tuple[int, ...]:
    return tuple(one.number for one in events if isinstance(one, RoundOpened))


def _keys(stream: str, events: tuple[Event, ...]) -> Iterator[tuple[str, str]]:
    """Each key by the task that destroys it, and its id in the vault."""
    number = 0
    for event in events:
        if isinstance(event, RoundOpened):
            number = event.number
            yield f"destroy_key:{number}", round_key(stream, number)
        if isinstance(event, ErasureBegun) and event.farewell is not None:
            yield "destroy_farewell_key", farewell_key(stream, number)
