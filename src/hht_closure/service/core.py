"""What both faces drive: the flows of one portal, put together once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hht_closure.account import ContactPoint, Principal
from hht_closure.errors import ClosureRefused, WiringError, refusal
from hht_closure.flows.answers import Confirmation, View
from hht_closure.flows.calls import is_async
from hht_closure.flows.confirming import Confirming
from hht_closure.flows.dialogue import Dialogue
from hht_closure.flows.looking import Looking
from hht_closure.flows.outside import Outside
from hht_closure.flows.patience import Waiting
from hht_closure.flows.proving import Proving
from hht_closure.flows.stream import Streams
from hht_closure.flows.views import Views
from hht_closure.flows.wiring import Portal, Store, Wiring
from hht_closure.ports import Observer, Verifier
from hht_closure.worker import Sweeping, Worker


class Core:
    """What both faces drive.

    Args:
        wiring: the portal.
        waiting: how this face waits for what may never come back.
    """

    def __init__(self, wiring: Wiring, waiting: Waiting) -> None:
        self.wiring = wiring
        self.streams = Streams(self.wiring)
        outside = Outside(self.wiring)
        views = Views(self.wiring, outside)
        self.dialogue = Dialogue(self.wiring, self.streams, outside, views)
        self.proving = Proving(self.wiring, self.streams, outside)
        self.confirming = Confirming(self.wiring, self.streams, outside, views)
        self.looking = Looking(self.wiring, self.streams)
        self.worker = Worker(self.wiring, self.streams, outside, waiting)
        self.sweeping = Sweeping(self.wiring, self.streams)

    async def confirm(self, principal: Principal, nonce: str) -> Confirmation:
        """Confirm, and hold the account in the same call where nothing speaks against it (L13)."""
        confirmation = await self.confirming.confirm(principal, nonce)
        if confirmation.due <= self.wiring.clock.now():
            await self.worker.hold(self.streams.name(principal.account))
        return confirmation

    async def choose_contacts(self, principal: Principal, contacts: Collection[ContactPoint]) -> View:
        """Telling contacts is off unless the terms turn it on, and no terms can yet."""
        raise ClosureRefused((refusal("contacts_not_offered"),))


def refuse_async(portal: Portal, store: Store, verifiers: Iterable[Verifier], observers: Iterable[Observer]) -> None:
    """Whether every adapter is plain; the synchronous face finds out when it is built, not at the first customer.

    Raises:
        WiringError: it names the adapter.
    """
    hosts = (portal.accounts, *portal.preconditions, *portal.data_sets, *portal.tasks, portal.messages)
    kept = (store.journal, store.vault, store.ledger, store.budgets, store.tombstones)
    for port in (*hosts, *kept, *verifiers, *observers):
        if is_async(port):
            raise WiringError(f"{type(port).__name__} is asynchronous; use AsyncClosureService")
