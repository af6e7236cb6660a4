"""The people who close an account: at one tab or at two, careless or fickle, and asking again where no answer came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Final, ParamSpec, TypeVar

import attrs

from hht_closure.account import AccountId, Channel, Principal
from hht_closure.errors import ClosureError, ClosureRefused
from hht_closure.flows.answers import Confirmation, View
from hht_closure.service import AsyncClosureService
from hht_closure.testing.simulate.book import Violation
from hht_closure.testing.simulate.faults import RequestLostError
from hht_closure.testing.simulate.schedule import Pause, seconds
from hht_closure.testing.simulate.surroundings import Surroundings

P = ParamSpec("P")
T = TypeVar("T")

_LOCALE: Final = "en"
_CHANNELS: Final[Mapping[str, Channel]] = {"sms_code": "sms", "email_code": "email"}
_COME_LATER: Final = frozenset({"account_frozen", "account_suspended", "send_limit_reached"})
_EARLY: Final = 0.05
"""How much less anybody regrets before it is nearly too late."""


@attrs.frozen
class Temper:
    """How a person is.

    Attributes:
        haste: the longest they wait before they go on, in seconds.
        mistakes: of the codes they type, how many are wrong.
        regrets: how often they want their account back when they have confirmed.
        patience: how many things they do before they give up.
    """

    haste: float
    mistakes: float
    regrets: float
    patience: int

    @classmethod
    def of(cls, random: Random) -> Temper:
        """Somebody."""
        return cls(
            haste=random.choice((2.0, 15.0, 60.0)),
            mistakes=random.choice((0.0, 0.0, 0.0, 0.1, 0.6)),
            regrets=random.choice((0.0, 0.0, 0.3, 0.8)),
            patience=random.choice((10, 16, 22)),
        )


class Person:
    """Somebody at one tab, on the way to close their account.

    Whoever gets no answer looks how far it came; a confirmation of unknown outcome is sent again as it was (L12).

    Attributes:
        account: whose.
        references: what they were given when they confirmed, each once and in order.
    """

    def __init__(self, around: Surroundings, account: AccountId) -> None:
        self.account = account
        self.references: dict[str, None] = {}
        self._around = around
        self._random = around.random
        self._temper = Temper.of(around.random)
        self._patience = self._temper.patience
        self._server = around.random.choice(around.servers)
        self._principal: Principal | None = None
        self._sessions = 0
        self._view: View | None = None
        self._nonce = ""
        self._confirmations: dict[str, Confirmation] = {}

    async def lives(self) -> None:
        """Try, as long as there is patience."""
        while self._patience > 0:
            self._patience -= 1
            await self._waits(self._temper.haste)
            try:
                if await self._does_one_thing():
                    return
            except ClosureRefused as refused:
                await self._thinks_about(refused)
            except (ClosureError, RequestLostError):
                self._view = None

    async def _does_one_thing(self) -> bool:
        """One step on; whether there is nothing more to do."""
        principal = self._principal or self._logs_in()
        if principal is None:
            return True
        if self._nonce:
            return await self._confirms(principal)
        view, self._view = self._view, None
        if view is None:
            view = await self._asks(self._service.current, principal)
        if "withdraw" in view.can and self._random.random() < self._temper.regrets * _EARLY:
            await self._asks(self._service.withdraw, principal)
            return False
        step = self._step_after(view)
        if step is None:
            return self._random.random() < 0.6
        self._view = await step(principal, view)
        return False

    def _step_after(self, view: View) -> Callable[[Principal, View], Awaitable[View | None]] | None:
        match view.step:
            case "none" | "withdrawn" | "lapsed":
                return self._opens
            case "eligibility":
                return self._becomes_eligible
            case "reason":
                return self._gives_reason
            case "verification":
                return self._proves
            case "confirmation":
                return self._reads_the_notice
            case "cooling_off" | "closing" | "closed":
                return None

    @property
    def _service(self) -> AsyncClosureService:
        return self._server.service

    async def _asks(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer to a request, which may be lost on the way."""
        around = self._around
        around.trace.note(around.schedule, f"asks {self._server.name}: {getattr(call, '__name__', 'call')}")
        actor = around.schedule.current
        actor.asks = True
        try:
            return await call(*args, **kwargs)
        finally:
            actor.asks = False

    async def _waits(self, longest: float) -> None:
        await Pause(seconds(longest * self._random.random()))

    def _logs_in(self) -> Principal | None:
        """A fresh log-in, at one of the servers; None where there is no such account any more."""
        accounts = self._around.host.accounts
        if accounts.get(self.account) is None:
            return None
        self._sessions += 1
        self._server = self._random.choice(self._around.servers)
        session, now = f"{self.account}.{self._sessions}", self._server.clock.now()
        accounts.log_in(self.account, session)
        self._principal = Principal(account=self.account, session=session, logged_in_at=now)
        return self._principal

    # --- the steps --------------------------------------------------------------------------------------------

    async def _opens(self, principal: Principal, _: View) -> View:
        return await self._asks(self._service.open, principal)

    async def _becomes_eligible(self, principal: Principal, view: View) -> View:
        """Put right what is in the way, answer every statement, have it checked again."""
        if view.blockers:
            self._puts_right()
        for one in view.statements:
            if one.answer is None:
                attest = self._service.attest
                view = await self._asks(attest, principal, one.code, "done", wording=one.wording, locale=_LOCALE)
        if any(one.code in {"check_needed", "check_unknown", "blocked"} for one in view.missing):
            view = await self._asks(self._service.recheck, principal)
        return view

    def _puts_right(self) -> None:
        self._around.host.deliver(self.account)
        self._around.host.pay(self.account)

    async def _gives_reason(self, principal: Principal, _: View) -> View:
        reason, note = self._random.choice((("other", "I move abroad."), ("rather_not_say", "")))
        return await self._asks(self._service.give_reason, principal, reason, note=note)

    async def _proves(self, principal: Principal, view: View) -> None:
        """Ask for the next factor, and type what was read, or anything."""
        factor = next((one.name for one in view.factors if not one.proved), None)
        if factor is None:  # the account was closed while the view was made
            return
        await self._asks(self._service.challenge, principal, factor)
        await self._waits(self._temper.haste)
        await self._asks(self._service.answer, principal, factor, self._typed(factor))

    def _typed(self, factor: str) -> str:
        found = self._around.host.accounts.get(self.account)
        channel = _CHANNELS[factor]
        contact = None if found is None else found.contact(channel)
        if contact is None or self._random.random() < self._temper.mistakes:
            return self._random.choice(("000000", "nothing that was sent"))
        try:
            return self._around.senders[channel].last_code(contact.address)
        except LookupError:
            return "123456"

    async def _reads_the_notice(self, principal: Principal, _: View) -> None:
        self._nonce = (await self._asks(self._service.notice, principal, _LOCALE)).nonce

    async def _confirms(self, principal: Principal) -> bool:
        """The nonce is kept until there is an answer; the same one must give the same confirmation (L12).

        And then, at times, they want it back. Whether this is the end of it.
        """
        try:
            confirmation = await self._asks(self._service.confirm, principal, self._nonce)
        except ClosureRefused:
            self._nonce = ""
            raise
        known = self._confirmations.setdefault(self._nonce, confirmation)
        self.references[confirmation.reference] = None
        if known != confirmation:
            self._around.invariants.breaks(Violation("L12", "the same nonce gave another confirmation"))
        if self._random.random() < 0.1:
            return False
        self._nonce = ""
        if self._random.random() < self._temper.regrets:
            await self._waits(self._temper.haste)
            await self._asks(self._service.withdraw, principal)
            return False
        return self._random.random() < 0.5

    async def _thinks_about(self, refused: ClosureRefused) -> None:
        """What a refusal asks for: another log-in, something put right, or time."""
        codes = set(refused.codes)
        self._around.trace.note(self._around.schedule, f"is refused: {refused}")
        self._view = None
        if codes & {"reauth_required", "locked"}:
            self._principal = None
        if "blocked" in codes:
            self._puts_right()
        if codes & _COME_LATER:
            self._patience -= 2
            await self._waits(120)
        if "too_soon" in codes:
            await Pause(seconds(61))
        if "locked" in codes:
            await Pause(seconds(3700))
