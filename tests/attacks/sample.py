"""Closings with as few steps before the confirmation as any terms allow; of the sample portal, or of another one."""

from __future__ import annotations

from itertools import count

import attrs

from hht_closure.account import AccountId, Principal
from hht_closure.adapters.login_again import LoginAgainVerifier
from hht_closure.adapters.memory import MemoryMessages
from hht_closure.flows.answers import Confirmation
from hht_closure.flows.calls import driven
from hht_closure.flows.wiring import Portal, Store
from hht_closure.keys import KeyRing
from hht_closure.policy import FixedPolicy, Retries, Terms
from hht_closure.portal import PortalPieces
from hht_closure.service import ClosureGuard, ClosureService
from hht_closure.stages import Closure
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from hht_closure.verification import login_again
from tests.portal.stage import Stage

PATIENT = Retries(tries=100)
"""Tasks that fail because somebody else has the file are tried again, and not set aside."""


class Closings:
    """The library over a portal: who logs in again may close an account.

    Attributes:
        clock: the service's.
        service, guard: what is tested.
    """

    def __init__(self, host: Portal, terms: Terms, store: Store, clock: ManualClock) -> None:
        self.clock = clock
        self.service = ClosureService(
            portal=host,
            store=store,
            verifiers=(LoginAgainVerifier(),),
            keyring=KeyRing.generate(UnsafeSeededEntropy(1)),
            policy=FixedPolicy(quick(terms)),
            clock=clock,
            entropy=UnsafeSeededEntropy(2),
        )
        self.guard = ClosureGuard(self.service)
        self._sessions = count(1)

    def principal(self, account: AccountId) -> Principal:
        """A fresh log-in, now."""
        session = f"session-{next(self._sessions)}"
        return Principal(account=account, session=session, logged_in_at=self.clock.now())

    def ready(self, account: AccountId) -> tuple[Principal, str]:
        """All is done but the confirmation: who acts, and the nonce that it wants."""
        service, principal = self.service, self.principal(account)
        service.open(principal)
        service.give_reason(principal, "rather_not_say")
        service.challenge(principal, "login_again")
        principal = self.principal(account)
        assert service.answer(principal, "login_again", "").accepted
        return principal, service.notice(principal, "en").nonce

    def confirmed(self, account: AccountId) -> Confirmation:
        """Confirmed for good, and frozen."""
        return self.service.confirm(*self.ready(account))

    def closed(self, account: AccountId) -> Confirmation:
        """Closed, and everything erased."""
        confirmation = self.confirmed(account)
        self.service.work()
        return confirmation

    def closure(self, account: AccountId) -> Closure:
        """What the journal says of that account's closing."""
        streams = self.service.core.streams
        return driven(streams.load(streams.name(account))).closure


class SampleClosings(Closings):
    """The library over the sample portal.

    Attributes:
        portal, pieces: the sample.
    """

    def __init__(self, portal: Stage, store: Store, *, pieces: PortalPieces | None = None) -> None:
        self.portal = portal
        self.pieces = portal.pieces if pieces is None else pieces
        super().__init__(host_of(self.pieces), self.pieces.terms, store, portal.clock)


def host_of(pieces: PortalPieces) -> Portal:
    """The sample portal as a host, whose letters go nowhere."""
    return Portal(
        name=pieces.name,
        accounts=pieces.directory,
        preconditions=pieces.preconditions,
        data_sets=pieces.data_sets,
        messages=MemoryMessages(),
    )


def quick(terms: Terms) -> Terms:
    """The same terms with one factor to be proved, nothing to declare, and patience."""
    return attrs.evolve(terms, requirement=login_again, statements=(), retries=PATIENT)


def settle(portal: Stage, account: AccountId) -> None:
    """Nothing is in the way any more: orders finished, invoices paid."""
    portal.customer.settle_orders(account)
    portal.customer.pay_invoices(account)
