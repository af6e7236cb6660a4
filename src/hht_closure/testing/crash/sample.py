"""Where the harness's own scenarios are played: the sample portal on a store that lasts, and a small one in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.adapters.memory import MemoryDataSet, MemoryDirectory, MemoryPrecondition, MemoryStore
from hht_closure.events import Event
from hht_closure.flows.wiring import Portal, Store
from hht_closure.keys import KeyRing
from hht_closure.policy import FixedPolicy
from hht_closure.portal import PortalCustomer, UnsafeCheapHasher, create_portal, open_portal, sample_portal
from hht_closure.ports import AccountDirectory, DataSet, Precondition
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from hht_closure.testing.crash.grounds import Ground, MemoryGround, MemoryStart, ProcessGround
from hht_closure.testing.crash.kept import Kept, OutboxCodeSender, OutboxMessages
from hht_closure.testing.crash.life import Parts, Scenario
from hht_closure.testing.crash.plots import Plot
from hht_closure.testing.crash.stores import StoreFactory
from hht_closure.testing.crash.watch import Watch

BEGINS: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
"""When every scenario begins."""

_MESSAGES: Final = 600
"""Of the person: more than one batch, so that a batch is followed by another."""


def sample_scenario(plot: Plot, store: StoreFactory | None, *, folder: Path, seed: int) -> tuple[Scenario, Ground]:
    """The plot, played there.

    Args:
        plot: what happens.
        store: opens the store that is tried, and then processes are really killed; None for everything in memory.
        folder: where files may be put; it need not be there yet.
        seed: what keys and nonces follow from.
    """
    if store is None:
        return _scenario(plot, _LI, (_WANG,), ()), MemoryGround(partial(_memory_portal, plot, seed), BEGINS)
    ground = ProcessGround(
        folder=folder, prepare=partial(_prepare, store), start=partial(_start, plot, store, seed), begins=BEGINS
    )
    return _scenario(plot, _FIRST, _OTHERS, ("sessions",)), ground


def _scenario(
    plot: Plot, account: AccountId, others: tuple[AccountId, ...], ended_by_the_freeze: tuple[str, ...]
) -> Scenario:
    return Scenario(
        name=plot.name,
        account=account,
        others=others,
        steps=plot.steps,
        ends=plot.ends,
        ended_by_the_freeze=ended_by_the_freeze,
        worker_between=plot.worker_between,
    )


@attrs.frozen(kw_only=True)
class _Host:
    """What differs between the two portals."""

    name: str
    accounts: AccountDirectory
    preconditions: Sequence[Precondition]
    data_sets: Sequence[DataSet]
    store: Store
    close: Callable[[], None] = lambda: None


class _Observer:
    """Is told, and may fail at it; nothing rests on it."""

    def happened(self, stream: str, events: tuple[Event, ...]) -> None:
        """Hear it."""


def _parts(plot: Plot, seed: int, kept: Kept, watch: Watch, host: _Host) -> Parts:
    checks = (*host.preconditions, *plot.preconditions(kept.notes))
    terms = plot.terms(tuple(one.name for one in checks), tuple(one.name for one in host.data_sets))
    return Parts(
        portal=Portal(
            name=host.name,
            accounts=host.accounts,
            preconditions=checks,
            data_sets=tuple(host.data_sets),
            tasks=plot.tasks(kept),
            messages=OutboxMessages(kept.outbox),
        ),
        store=host.store,
        verifiers=(
            sms_code_verifier(watch.sender(OutboxCodeSender(kept.outbox, "sms"))),
            email_code_verifier(watch.sender(OutboxCodeSender(kept.outbox, "email"))),
        ),
        keyring=KeyRing.generate(UnsafeSeededEntropy(seed)),
        policy=FixedPolicy(terms),
        entropy=UnsafeSeededEntropy(1000 * seed + kept.life),
        observers=(_Observer(),),
        close=host.close,
    )


# --- the sample portal ----------------------------------------------------------------------------------------

_FIRST: Final = AccountId("u0000001")
_OTHERS: Final = (AccountId("u0000002"), AccountId("u0000003"))


def _prepare(store: StoreFactory, folder: Path) -> None:
    """The sample portal with a person in whose way nothing is; as all the others, they are logged in."""
    clock = ManualClock(BEGINS)
    sample = create_portal(
        folder / "portal.db",
        seed=1,
        now=BEGINS,
        hasher=UnsafeCheapHasher(),
        users=4,
        messages=2 * _MESSAGES + 100,
        messages_each=_MESSAGES,
    )
    with closing(sample.database):
        customer = PortalCustomer(sample.database, clock=clock)
        customer.settle_orders(_FIRST)
        customer.pay_invoices(_FIRST)
    store(folder, clock).close()


def _start(plot: Plot, store: StoreFactory, seed: int, folder: Path, kept: Kept, watch: Watch) -> Parts:
    with ExitStack() as opening:
        database = opening.enter_context(closing(open_portal(folder / "portal.db")))
        opened = opening.enter_context(closing(store(folder, kept.clock)))
        opened_all = opening.pop_all()
    pieces = sample_portal(database, clock=kept.clock)
    host = _Host(
        name=f"Crash harness, {folder.name}",  # new in each trial, since a server's store is not
        accounts=pieces.directory,
        preconditions=pieces.preconditions,
        data_sets=pieces.data_sets,
        store=opened,
        close=opened_all.close,
    )
    return _parts(plot, seed, kept, watch, host)


# --- in memory ------------------------------------------------------------------------------------------------

_LI: Final = AccountId("li")
_WANG: Final = AccountId("wang")


def _person(name: AccountId, phone: str) -> Account:
    return Account(
        id=name,
        contacts=(
            ContactPoint(channel="sms", address=phone, version="s1"),
            ContactPoint(channel="email", address=f"{name}@example.com", version="e1"),
        ),
        login_name=f"{name}.login",
    )


def _memory_portal(plot: Plot, seed: int, kept: Kept) -> MemoryStart:
    """Two people, with messages that go and orders of which a law keeps some."""
    clock = kept.clock
    accounts = MemoryDirectory(_person(_LI, "+8613800001234"), _person(_WANG, "+8613900005678"))
    orders = MemoryDataSet("orders", clock=clock)
    messages = MemoryDataSet("messages", after=("orders",), clock=clock)
    for one in (_LI, _WANG):
        orders.add(one, "an order")
        orders.add(one, "an invoice", until=BEGINS + timedelta(days=1000), ground="E-commerce Law Art. 31")
        messages.add(one, *(f"message {number}" for number in range(_MESSAGES)))
    host = _Host(
        name="Crash harness",
        accounts=accounts,
        preconditions=(MemoryPrecondition("no_open_order"), MemoryPrecondition("no_money_owed")),
        data_sets=(orders, messages),
        store=MemoryStore(clock),
    )
    return partial(_memory_start, plot, seed, host)


def _memory_start(plot: Plot, seed: int, host: _Host, kept: Kept, watch: Watch) -> Parts:
    return _parts(plot, seed, kept, watch, host)
