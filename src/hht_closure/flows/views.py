"""A closure as its person sees it: computed at every look, since what is true dies by time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from hht_closure.account import Account
from hht_closure.commands import Findings
from hht_closure.errors import PortError, StoreUnavailableError, refusal
from hht_closure.flows.answers import Call, Confirmation, FactorView, StatementView, View
from hht_closure.flows.outside import Outside
from hht_closure.flows.stream import Loaded
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import attempts_left, missing_for, proved_factors, step_of
from hht_closure.policy import Blocked, Blocker, Terms
from hht_closure.ports import Offer
from hht_closure.stages import Closed, Closing, Closure, Open, Step
from hht_closure.verification import Factor, factors_of, holds, is_reached

_CAN: Final[Mapping[Step, tuple[Call, ...]]] = {
    "none": ("open",),
    "eligibility": ("recheck", "attest", "withdraw"),
    "reason": ("give_reason", "recheck", "attest", "withdraw"),
    "verification": ("challenge", "answer", "give_reason", "recheck", "attest", "withdraw"),
    "confirmation": ("notice", "confirm", "challenge", "give_reason", "recheck", "attest", "withdraw"),
    "cooling_off": ("withdraw", "status"),
    "closing": ("status",),
    "closed": ("status", "receipt"),
    "withdrawn": ("open",),
    "lapsed": ("open",),
}


_NOT_WHILE_LOCKED: Final = frozenset({"challenge", "answer", "notice", "confirm"})


class Views:
    """Makes views of closures."""

    def __init__(self, wiring: Wiring, outside: Outside) -> None:
        self._wiring = wiring
        self._outside = outside

    async def view(self, loaded: Loaded, account: Account | None) -> View:
        """The closure as its person sees it now; nothing is changed (L10)."""
        now = loaded.now(self._wiring.clock)
        closure = loaded.closure
        stage = closure.stage
        step = step_of(closure, () if account is None else account.contact_versions, now)
        if isinstance(stage, Open) and account is not None and step != "lapsed":
            return await self._open(closure, stage, step, account, now)
        if isinstance(stage, Closing | Closed):
            return self._confirmed(loaded, stage, step)
        return View(step=step, can=_CAN[step], locked_until=_lock(closure, now))

    def confirmation(self, loaded: Loaded, stage: Closing | Closed) -> Confirmation:
        """What was confirmed: made again whenever it is asked for, and always equal (L12)."""
        return Confirmation(reference=self._reference(loaded, stage), at=stage.confirmed.at, due=stage.confirmed.due)

    def _reference(self, loaded: Loaded, stage: Closing | Closed) -> str:
        ring = self._wiring.keyring
        return ring.reference(self._wiring.name, loaded.stream, stage.round.number, key=stage.confirmed.key)

    def _confirmed(self, loaded: Loaded, stage: Closing | Closed, step: Step) -> View:
        irreversible = is_irreversible(stage)
        can = _CAN[step]
        return View(
            step=step,
            can=can if irreversible or "withdraw" in can else ("withdraw", *can),
            due=stage.confirmed.due,
            irreversible=irreversible,
            reference=self._reference(loaded, stage),
            erased=erased_so_far(loaded.closure),
        )

    async def _open(self, closure: Closure, stage: Open, step: Step, account: Account, now: datetime) -> View:
        terms = stage.round.terms
        proved = proved_factors(stage, account.contact_versions, now)
        findings = await self._outside.findings(terms, account) if step == "eligibility" else ()
        factors = [
            await self._factor(one, stage, proved, account) for one in dict.fromkeys(factors_of(terms.requirement))
        ]
        locked = _lock(closure, now)
        missing = missing_for(stage, "confirmation", account.contact_versions, now)
        return View(
            step=step,
            can=_CAN[step] if locked is None else tuple(one for one in _CAN[step] if one not in _NOT_WHILE_LOCKED),
            missing=missing if locked is None else (refusal("locked", until=locked), *missing),
            blockers=blockers_of(findings),
            statements=statement_views(terms, stage),
            reasons=terms.reasons,
            factors=tuple(factors),
            requirement_met=holds(terms.requirement, proved),
            attempts_left=attempts_left(closure, now),
            locked_until=locked,
            lapses=stage.lapses,
        )

    async def _factor(self, factor: Factor, stage: Open, proved: frozenset[str], account: Account) -> FactorView:
        offer = await self._offer(factor.name, account)
        return FactorView(
            name=factor.name,
            assurance=factor.assurance,
            available=offer is not None,
            destination=None if offer is None or offer.destination is None else offer.shown,
            reached=is_reached(stage.round.terms.requirement, factor.name, proved),
            proved=factor.name in proved,
        )

    async def _offer(self, factor: str, account: Account) -> Offer | None:
        """Where a code would go; None where there is no way: nobody verifies that factor any more, or can say now."""
        verifier = self._wiring.verifiers.get(factor)
        if verifier is None:
            return None
        try:
            return await verifier.offer(account)
        except (StoreUnavailableError, PortError):
            return None


def _lock(closure: Closure, now: datetime) -> datetime | None:
    """Until when the closing is locked, where it is."""
    until = closure.attempts.locked_until
    return until if until is not None and now < until else None


def is_irreversible(stage: Closing | Closed) -> bool:
    """Whether the point of no return is passed (L15)."""
    return isinstance(stage, Closed) or stage.erasure is not None


def blockers_of(findings: Findings) -> tuple[Blocker, ...]:
    """Everything in the way, and what is only advisory, all at once."""
    return tuple(one for _, finding in findings if isinstance(finding, Blocked) for one in finding.blockers)


def statement_views(terms: Terms, stage: Open | None) -> tuple[StatementView, ...]:
    """The statements, and what was answered so far."""
    answers = {} if stage is None else {code: answer for code, answer, _ in stage.said.statements}
    return tuple(
        StatementView(code=one.code, wording=one.wording, answer=answers.get(one.code)) for one in terms.statements
    )


def erased_so_far(closure: Closure) -> tuple[tuple[str, int], ...]:
    """How many items each data set has lost so far: the ones that are settled, and the one under way."""
    stage = closure.stage
    if not isinstance(stage, Closing) or stage.erasure is None:
        return ()
    settled = tuple(
        (name, sum(one.count for one in portions if one.disposition != "restricted"))
        for name, portions in stage.erasure.fates
    )
    under_way = tuple((one.subject, one.erased) for one in closure.tasks if one.kind == "erase")
    return (*settled, *under_way)
