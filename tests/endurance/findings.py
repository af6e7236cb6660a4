"""What is wrong when a run has come to its end: lost, doubled, stuck, or not provable."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final

import attrs

from hht_closure import codec, events
from hht_closure.account import AccountId
from hht_closure.errors import ClosureError, ClosureRefused
from hht_closure.flows.answers import Confirmation
from hht_closure.flows.stream import farewell_key, round_key
from hht_closure.ports import KeyDestroyed, LedgerEntry
from hht_closure.receipts import ReceiptClaims, verify_head
from tests.endurance.ground import Ground, Host
from tests.postgres import rows

_TABLES: Final = ("sessions", "messages", "contacts", "profiles", "orders", "invoices")

_ONCE: Final = (
    events.RoundOpened,
    events.ClosureConfirmed,
    events.ErasureBegun,
    events.DataSetErased,
    events.TaskDone,
    events.KeyDestructionIntended,
    events.KeyDestroyed,
    events.ClosureClosed,
)
"""The events of which one closing has one each, or one for each task, data set and key."""

_DONE: Final = frozenset({"freeze", "revoke_sessions", "ledger_begun", "host:downstream", "tombstone", "retire"})
_DONE_AFTERWARDS: Final = frozenset({"ledger_closed", "farewell"})


def rows_of(ground: Ground, account: AccountId) -> Mapping[str, int]:
    """How many rows the portal has of somebody."""
    with closing(sqlite3.connect(ground.portal_file)) as connection:
        return _counted(connection, "user_id = ?", account)


def rows_of_others(host: Host) -> Mapping[str, int]:
    """How many rows the portal has of everybody whom no closing concerns."""
    ground = host.ground
    with closing(sqlite3.connect(ground.portal_file)) as connection:
        connection.execute("CREATE TEMP TABLE closing (id TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO closing VALUES (?)", [(one,) for one in ground.people])
        found = _counted(connection, "user_id NOT IN (SELECT id FROM closing)")
    if ground.messages_on_server and ground.url is not None:
        [row] = rows(ground.url, "SELECT count(*)::text FROM messages WHERE user_id <> ALL (%s)", list(ground.people))
        found["messages on the server"] = int(str(row[0]))
    return found


def _counted(connection: sqlite3.Connection, whose: str, *values: str) -> dict[str, int]:
    """How many rows each table has of them."""
    counts = {table: f"SELECT count(*) FROM {table} WHERE {whose}" for table in _TABLES}  # noqa: S608 - ours
    return {table: connection.execute(count, values).fetchone()[0] for table, count in counts.items()}


@attrs.frozen(kw_only=True)
class Ending:
    """How one account ended, as far as it can be read."""

    account: AccountId
    stream: str
    happened: tuple[events.Event, ...]
    ledger: tuple[LedgerEntry, ...]
    receipt: ReceiptClaims | None
    letters: Mapping[str, tuple[str, ...]]

    def count(self, kind: type[events.Event]) -> int:
        """How many events of that kind there are."""
        return sum(isinstance(one, kind) for one in self.happened)


def wrong(host: Host, confirmations: Mapping[AccountId, Confirmation]) -> Iterator[str]:
    """Everything that is wrong with anybody who confirmed, a line each; nothing where all is well.

    Each is closed, wholly erased, with each step done once, nothing pending but what a law keeps, an unbroken chain
    whose signed end is in the ledger, a receipt that verifies, and every message under one id.
    """
    letters = _letters(host.ground)
    for account, confirmation in confirmations.items():
        about = f"{account}:"
        try:
            ending = _ending(host, account, confirmation, letters)
        except ClosureError as error:
            yield f"{about} cannot be read: {error!r}"
            continue
        for line in (
            *_not_closed(host, ending),
            *_doubled(ending),
            *_not_erased(host, ending),
            *_unproved(host, ending),
        ):
            yield f"{about} {line}"


def _letters(ground: Ground) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """By stream and kind, the ids of what went out, repetitions included."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for sent in ground.outbox.sent():
        mine = found.setdefault(sent.id.partition(".")[0], {})
        mine[sent.kind] = (*mine.get(sent.kind, ()), sent.id)
    return found


def _ending(
    host: Host,
    account: AccountId,
    confirmation: Confirmation,
    letters: Mapping[str, Mapping[str, tuple[str, ...]]],
) -> Ending:
    stream = host.stream(account)
    return Ending(
        account=account,
        stream=stream,
        happened=codec.read(stream, host.records(account)),
        ledger=host.ledger(account),
        receipt=_receipt(host, confirmation),
        letters=letters.get(stream, {}),
    )


def _receipt(host: Host, confirmation: Confirmation) -> ReceiptClaims | None:
    """What the holder of the reference gets."""
    try:
        return host.service.receipt(confirmation.reference).claims
    except ClosureRefused:
        return None


def _not_closed(host: Host, ending: Ending) -> Iterator[str]:
    view = host.operator.look(ending.stream)
    if view.stage != "closed":
        yield f"stuck: the stage is {view.stage}"
    for task in view.pending:
        if task.kind != "purge" or task.set_aside:
            yield f"stuck: {task.name} is pending{', set aside' if task.set_aside else ''}, after {task.tries} failures"
    if any(isinstance(one, events.AccountGivenBack) for one in ending.happened):
        yield "stuck: it was given back on the way"


def _doubled(ending: Ending) -> Iterator[str]:
    """Each step has one event, and each message one id, however often it had to be sent."""
    steps = Counter(_step(one) for one in ending.happened if isinstance(one, _ONCE))
    for step, count in steps.items():
        if count > 1:
            yield f"doubled: {step} has happened {count} times"
    done = {one.task for one in ending.happened if isinstance(one, events.TaskDone)}
    for missing in sorted((_DONE | _DONE_AFTERWARDS) - done):
        yield f"lost: {missing} has not happened"
    for kind in ("farewell", "downstream"):
        ids = set(ending.letters.get(kind, ()))
        if len(ids) != 1:
            yield f"{'doubled' if ids else 'lost'}: {kind} went out under {len(ids)} ids"
    kinds = sorted(one.kind for one in ending.ledger)
    if kinds != ["begun", "closed", "held"]:
        yield f"doubled or lost: the ledger has {kinds}"


def _step(event: events.Event) -> str:
    about = getattr(event, "task", None) or getattr(event, "data_set", "")
    return f"{type(event).__name__} {about}".strip()


def _not_erased(host: Host, ending: Ending) -> Iterator[str]:
    account = host.directory.get(ending.account)
    if account is None or account.standing != "retired" or account.contacts or account.login_name is not None:
        yield "lost: the account is not retired"
    erased = {one.data_set for one in ending.happened if isinstance(one, events.DataSetErased)}
    for data_set in host.data_sets:
        if remaining := data_set.remaining(ending.account):
            yield f"lost: {remaining} items of {data_set.name} remain"
        if data_set.name not in erased:
            yield f"lost: {data_set.name} is not called erased"
    for key in (round_key(ending.stream, 1), farewell_key(ending.stream, 1)):
        if not isinstance(host.store.vault.fetch(key), KeyDestroyed):
            yield "lost: a key is not destroyed"


def _unproved(host: Host, ending: Ending) -> Iterator[str]:
    """The chain, the head that the ledger signed, and the receipt."""
    records = host.records(ending.account)
    if not isinstance(codec.verify(ending.stream, records), codec.Valid):
        yield "the chain is broken"
    hashes = {record.sequence: record.hash for record in records}
    jwks = host.keyring.jwks()
    for entry in ending.ledger:
        head = verify_head(entry.statement, jwks)
        if hashes.get(head.sequence) != head.hash:
            yield f"the ledger's signed head of {entry.kind!r} is not in the journal"
    receipt = ending.receipt
    if receipt is None or {one.name for one in receipt.data_sets} != {one.name for one in host.data_sets}:
        yield "the receipt does not name every data set"
