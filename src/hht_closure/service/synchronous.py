"""The synchronous face."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Literal

from hht_closure.account import ContactPoint, Principal
from hht_closure.flows.answers import Confirmation, Explanation, Status, SweepReport, View, WorkReport
from hht_closure.flows.calls import call_directly, driven
from hht_closure.flows.patience import wait_beside_a_thread
from hht_closure.flows.wiring import Portal, Store, wire
from hht_closure.keys import KeyRing
from hht_closure.policy import ClosurePolicy, Notice
from hht_closure.ports import Clock, Entropy, Observer, PersonAnswer, RequestInfo, Verifier
from hht_closure.receipts import Receipt
from hht_closure.service.core import Core, refuse_async
from hht_closure.system import system_clock, system_entropy
from hht_closure.verification import Challenge, Verdict


class ClosureService:
    """Closes accounts, for a portal whose code is synchronous."""

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
            caller=call_directly,
        )
        refuse_async(portal, store, verifiers, observers)
        self.core = Core(wiring, wait_beside_a_thread)

    def current(self, principal: Principal) -> View:
        """Where the closing is, what can be done next, and what is missing; changes nothing (L10)."""
        return driven(self.core.dialogue.current(principal))

    def explain(self, principal: Principal, locale: str) -> Explanation:
        """What closing this account would mean, in full, before anything is begun; changes nothing (L10).

        Raises:
            ClosureRefused: ``account_unknown``, ``locale_unknown``.
        """
        return driven(self.core.dialogue.explain(principal, locale))

    def open(self, principal: Principal) -> View:
        """Begin a round of closing, or go on with the one that is open.

        Raises:
            ClosureRefused: ``account_unknown``, ``account_suspended``, ``account_frozen``, ``already_confirmed``.
        """
        return driven(self.core.dialogue.open(principal))

    def recheck(self, principal: Principal) -> View:
        """Ask the preconditions again, after an invoice was paid, say.

        Raises:
            ClosureRefused: ``no_round``, or what is wrong with the account.
        """
        return driven(self.core.dialogue.recheck(principal))

    def attest(
        self, principal: Principal, statement: str, answer: Literal["done", "waived"], *, wording: str, locale: str
    ) -> View:
        """Declare something ``done``, or ``waived`` ("I don't need it"), in the wording and language that was shown.

        Raises:
            ClosureRefused: ``statement_unknown``, ``statement_answer_unknown``, ``wording_unknown``,
                ``locale_unknown``.
        """
        return driven(self.core.dialogue.attest(principal, statement, answer, wording=wording, locale=locale))

    def give_reason(self, principal: Principal, code: str, *, note: str = "", share_note: bool = False) -> View:
        """Choose a reason, with a note of at most 2,000 code points where the reason takes one.

        Raises:
            ClosureRefused: ``reason_unknown``, ``note_...``, or everything that comes before it and is missing.
        """
        return driven(self.core.dialogue.give_reason(principal, code, note=note, share_note=share_note))

    def choose_contacts(self, principal: Principal, contacts: Collection[ContactPoint]) -> View:
        """Whom to tell, where the terms allow it.

        Raises:
            ClosureRefused: ``contacts_not_offered``.
        """
        return driven(self.core.choose_contacts(principal, contacts))

    def challenge(self, principal: Principal, factor: str) -> Challenge:
        """Ask for a factor: send a code to the stored contact point, or give what a widget needs.

        The same code is sent again while its challenge lives (L7).

        Raises:
            ClosureRefused: ``factor_unknown``, ``factor_out_of_order``, ``factor_unavailable``, ``too_soon``,
                ``send_limit_reached``, ``locked``, ``reauth_required``,
                ``temporarily_unavailable``, or what comes before it.
        """
        return driven(self.core.proving.challenge(principal, factor))

    def answer(
        self, principal: Principal, factor: str, answer: PersonAnswer, request: RequestInfo | None = None
    ) -> Verdict:
        """Answer a challenge. A wrong answer is a verdict; the attempt counts before it is compared (L4).

        Args:
            principal: who is acting.
            factor: which factor.
            answer: a text, or a mapping of a widget's tokens.
            request: the address and host of the request, for verifiers that want them.

        Raises:
            ClosureRefused: ``challenge_missing``, ``challenge_expired``, ``challenge_voided``, ``consumed``,
                ``locked``, ``reauth_required``, ``try_again``, ``answer_malformed``, ``answer_not_judged``.
        """
        return driven(self.core.proving.answer(principal, factor, answer, request))

    def notice(self, principal: Principal, locale: str) -> Notice:
        """What closing means, with the nonce that :meth:`confirm` wants; changes nothing (L10).

        Raises:
            ClosureRefused: ``locale_unknown``, or everything that comes before it and is missing.
        """
        return driven(self.core.confirming.notice(principal, locale))

    def confirm(self, principal: Principal, nonce: str) -> Confirmation:
        """Close the account for good: the only call that can lead to an erasure.

        The same nonce gives an equal answer for ever, also when the account is gone (L12).

        Raises:
            ClosureRefused: everything that does not hold at this moment, at once (L2).
        """
        return driven(self.core.confirm(principal, nonce))

    def withdraw(self, principal: Principal) -> View:
        """Keep the account.

        Raises:
            ClosureRefused: ``irreversible`` once the erasure has begun (L15); ``no_round``.
        """
        return driven(self.core.dialogue.withdraw(principal))

    def status(self, reference: str) -> Status:
        """How far a closing is, for the holder of its reference, without a log-in.

        Raises:
            ClosureRefused: ``reference_unknown``.
        """
        return driven(self.core.looking.status(reference))

    def receipt(self, reference: str) -> Receipt:
        """The signed receipt, for the holder of the reference, without a log-in (L25).

        Raises:
            ClosureRefused: ``reference_unknown``, ``receipt_not_ready``.
        """
        return driven(self.core.looking.receipt(reference))

    def reserved(self, login_name: str) -> bool:
        """Whether a tombstone keeps that login name; ask wherever an account can be made (L27)."""
        return driven(self.core.looking.reserved(login_name))

    def work(self, *, limit: int = 100, patience: timedelta | None = None) -> WorkReport:
        """One pass over at most ``limit`` closures that are due; any number of workers may run at a time (L18).

        Args:
            limit: how many closures, from 1 to a million.
            patience: how long one run of a task may take. What takes longer is cut off, has failed, and is tried again
                later; meanwhile the lease is renewed. To have that, each run goes on in a thread of its own, where
                adapters must not be bound to the thread that made them. None: on this thread, and without an end; a
                worker that hangs then loses its lease, and another one goes on.
        """
        return driven(self.core.worker.work(limit=limit, patience=patience))

    def sweep(self, *, after: int = 0, limit: int = 1000) -> SweepReport:
        """Have closed accounts erased also from data sets that are registered since; behind a new release, once (L21).

        The workers do the erasing. Sweep on from ``report.position`` until it stands still.

        Args:
            after: the position in the ledger behind which to begin.
            limit: how many entries of the ledger, from 1 to a million.
        """
        return driven(self.core.sweeping.sweep(after=after, limit=limit))
