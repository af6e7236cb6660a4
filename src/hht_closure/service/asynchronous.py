"""The asynchronous face."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Literal

from hht_closure.account import ContactPoint, Principal
from hht_closure.flows.answers import Confirmation, Explanation, Status, SweepReport, View, WorkReport
from hht_closure.flows.calls import call_on_the_loop
from hht_closure.flows.patience import PATIENCE, wait_on_the_loop
from hht_closure.flows.wiring import Portal, Store, wire
from hht_closure.keys import KeyRing
from hht_closure.policy import ClosurePolicy, Notice
from hht_closure.ports import Clock, Entropy, Observer, PersonAnswer, RequestInfo, Verifier
from hht_closure.receipts import Receipt
from hht_closure.service.core import Core
from hht_closure.system import system_clock, system_entropy
from hht_closure.verification import Challenge, Verdict


class AsyncClosureService:
    """Closes accounts, for a portal whose code is asynchronous; adapters may be either."""

    def __init__(
        self,
        *,
        portal: Portal,
        store: Store,
        verifiers: Collection[Verifier],
        keyring: KeyRing,
        policy: ClosurePolicy,
        clock: Clock = system_clock,
        entropy: Entropy = system_entropy,
        observers: Collection[Observer] = (),
    ) -> None:
        wiring = wire(
            portal=portal,
            store=store,
            verifiers=verifiers,
            keyring=keyring,
            policy=policy,
            clock=clock,
            entropy=entropy,
            observers=observers,
            caller=call_on_the_loop,
        )
        self.core = Core(wiring, wait_on_the_loop)

    async def current(self, principal: Principal) -> View:
        """Where the closing is, what can be done next, and what is missing; changes nothing (L10)."""
        return await self.core.dialogue.current(principal)

    async def explain(self, principal: Principal, locale: str) -> Explanation:
        """See :meth:`ClosureService.explain`."""
        return await self.core.dialogue.explain(principal, locale)

    async def open(self, principal: Principal) -> View:
        """See :meth:`ClosureService.open`."""
        return await self.core.dialogue.open(principal)

    async def recheck(self, principal: Principal) -> View:
        """See :meth:`ClosureService.recheck`."""
        return await self.core.dialogue.recheck(principal)

    async def attest(
        self, principal: Principal, statement: str, answer: Literal["done", "waived"], *, wording: str, locale: str
    ) -> View:
        """See :meth:`ClosureService.attest`."""
        return await self.core.dialogue.attest(principal, statement, answer, wording=wording, locale=locale)

    async def give_reason(self, principal: Principal, code: str, *, note: str = "", share_note: bool = False) -> View:
        """See :meth:`ClosureService.give_reason`."""
        return await self.core.dialogue.give_reason(principal, code, note=note, share_note=share_note)

    async def choose_contacts(self, principal: Principal, contacts: Collection[ContactPoint]) -> View:
        """See :meth:`ClosureService.choose_contacts`."""
        return await self.core.choose_contacts(principal, contacts)

    async def challenge(self, principal: Principal, factor: str) -> Challenge:
        """See :meth:`ClosureService.challenge`."""
        return await self.core.proving.challenge(principal, factor)

    async def answer(
        self, principal: Principal, factor: str, answer: PersonAnswer, request: RequestInfo | None = None
    ) -> Verdict:
        """See :meth:`ClosureService.answer`."""
        return await self.core.proving.answer(principal, factor, answer, request)

    async def notice(self, principal: Principal, locale: str) -> Notice:
        """See :meth:`ClosureService.notice`."""
        return await self.core.confirming.notice(principal, locale)

    async def confirm(self, principal: Principal, nonce: str) -> Confirmation:
        """See :meth:`ClosureService.confirm`."""
        return await self.core.confirm(principal, nonce)

    async def withdraw(self, principal: Principal) -> View:
        """See :meth:`ClosureService.withdraw`."""
        return await self.core.dialogue.withdraw(principal)

    async def status(self, reference: str) -> Status:
        """See :meth:`ClosureService.status`."""
        return await self.core.looking.status(reference)

    async def receipt(self, reference: str) -> Receipt:
        """See :meth:`ClosureService.receipt`."""
        return await self.core.looking.receipt(reference)

    async def reserved(self, login_name: str) -> bool:
        """Whether a tombstone keeps that login name; ask wherever an account can be made (L27)."""
        return await self.core.looking.reserved(login_name)

    async def work(self, *, limit: int = 100, patience: timedelta | None = PATIENCE) -> WorkReport:
        """One pass over at most ``limit`` closures that are due; any number of workers may run at a time (L18).

        Args:
            limit: how many closures, from 1 to a million.
            patience: how long one run of a task may take, a minute if nothing else is said. What takes longer is
                cancelled, has failed, and is tried again later; meanwhile the lease is renewed. None: without an end.
        """
        return await self.core.worker.work(limit=limit, patience=patience)

    async def sweep(self, *, after: int = 0, limit: int = 1000) -> SweepReport:
        """See :meth:`ClosureService.sweep`."""
        return await self.core.sweeping.sweep(after=after, limit=limit)
