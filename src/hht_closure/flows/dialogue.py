"""What a person asks for on the way to the verification: look, open, check again, declare, say why, withdraw."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from hht_closure.account import Account, Principal
from hht_closure.codec import terms_digest
from hht_closure.commands import (
    AnswerStatement,
    Command,
    Findings,
    GiveReason,
    OpenRound,
    RecordChecks,
    WithdrawClosure,
)
from hht_closure.errors import ClosureRefused, Refusal, refusal
from hht_closure.flows.answers import Explanation, View
from hht_closure.flows.outside import Outside, account_of, notice_text
from hht_closure.flows.stream import Loaded, Streams, nothing
from hht_closure.flows.views import Views, blockers_of, statement_views
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import blocker_refusals
from hht_closure.policy import Terms, Unknown
from hht_closure.stages import Open
from hht_closure.texts import match_locale

_NORMALISED_UP_TO: Final = 10_000
"""Code points of a note that are brought to NFC for the person; a longer one is refused as it is."""


class Dialogue:
    """The calls up to the verification, each for the principal's own account (L1)."""

    def __init__(self, wiring: Wiring, streams: Streams, outside: Outside, views: Views) -> None:
        self._wiring = wiring
        self._streams = streams
        self._outside = outside
        self._views = views

    async def current(self, principal: Principal) -> View:
        """What is, and what can be done next; changes nothing (L10)."""
        loaded = await self._streams.load(self._streams.name(account_of(principal)))
        return await self._views.view(loaded, await self._outside.find(account_of(principal)))

    async def explain(self, principal: Principal, locale: str) -> Explanation:
        """What closing would mean; changes nothing (L10)."""
        account = await self._outside.account(principal)
        loaded = await self._streams.load(self._streams.name(account_of(principal)))
        stage = loaded.closure.stage
        terms = stage.round.terms if isinstance(stage, Open) else self._wiring.terms_for(account)
        text = notice_text(terms, locale)
        findings = await self._outside.findings(terms, account)
        return Explanation(
            locale=text.locale,
            text=text.text,
            blockers=blockers_of(findings),
            unknown=tuple(name for name, finding in findings if isinstance(finding, Unknown)),
            statements=statement_views(terms, stage if isinstance(stage, Open) else None),
            fates=await self._outside.fates(terms, loaded, account),
            tombstone_days=None if terms.tombstone_for is None else terms.tombstone_for.days,
        )

    async def open(self, principal: Principal) -> View:
        """Begin a round, or go on with the one that is open."""

        async def ask(_: Loaded, account: Account) -> Command:
            terms = self._wiring.terms_for(account)
            findings = await self._outside.findings(terms, account)
            return OpenRound(account=account, terms=terms, terms_digest=terms_digest(terms), findings=findings)

        return await self._perform(principal, ask)

    async def recheck(self, principal: Principal) -> View:
        """Ask the preconditions again, after an invoice was paid, say."""

        async def ask(loaded: Loaded, account: Account) -> Command:
            stage = loaded.closure.stage
            findings = await self._outside.findings(stage.round.terms, account) if isinstance(stage, Open) else ()
            return RecordChecks(account=account, findings=findings)

        return await self._perform(principal, ask)

    async def attest(self, principal: Principal, statement: str, answer: str, *, wording: str, locale: str) -> View:
        """Declare something ``done`` or ``waived``, in the wording and language in which it was shown."""
        language = match_locale(locale)
        if language is None:
            raise ClosureRefused((refusal("locale_unknown"),))

        async def ask(_: Loaded, account: Account) -> Command:
            return AnswerStatement(
                account=account, statement=statement, answer=answer, wording=wording, locale=language
            )

        return await self._perform(principal, ask)

    async def give_reason(self, principal: Principal, code: str, *, note: str, share_note: bool) -> View:
        """Say why, or choose not to.

        Raises:
            TypeError: ``share_note`` is no boolean; a consent is not guessed from a text.
        """
        if not isinstance(share_note, bool):
            raise TypeError("share_note: True or False is wanted")
        text = unicodedata.normalize("NFC", note) if len(note) <= _NORMALISED_UP_TO else note

        async def ask(_: Loaded, account: Account) -> Command:
            return GiveReason(account=account, reason=code, note=text, share_note=share_note)

        return await self._perform(principal, ask)

    async def withdraw(self, principal: Principal) -> View:
        """Keep the account, while that is possible (L15)."""

        async def ask(_: Loaded, __: None) -> Command:
            return WithdrawClosure()

        loaded, _, _ = await self._streams.perform(self._streams.name(account_of(principal)), nothing, ask)
        return await self._views.view(loaded, await self._outside.find(account_of(principal)))

    async def _perform(self, principal: Principal, ask: Callable[[Loaded, Account], Awaitable[Command]]) -> View:
        stream = self._streams.name(account_of(principal))
        try:
            loaded, _, _ = await self._streams.perform(stream, partial(self._outside.account, principal), ask)
        except ClosureRefused as refused:
            raise await self._detailed(refused, stream, principal) from None
        return await self._views.view(loaded, await self._outside.find(account_of(principal)))

    async def _detailed(self, refused: ClosureRefused, stream: str, principal: Principal) -> ClosureRefused:
        """The same refusals, with the amounts of what is in the way asked for now: the journal keeps none."""
        if all(one.code != "blocked" or "remedy" in one.parameters for one in refused.refusals):
            return refused
        stage = (await self._streams.load(stream)).closure.stage
        if not isinstance(stage, Open):
            return refused
        terms = stage.round.terms
        findings = await self._outside.findings(terms, await self._outside.account(principal))
        return ClosureRefused(_with_amounts(refused.refusals, terms, findings))


def _with_amounts(refusals: tuple[Refusal, ...], terms: Terms, findings: Findings) -> tuple[Refusal, ...]:
    known = {
        (one.parameters["precondition"], one.parameters["blocker"]): one
        for one in blocker_refusals(terms, findings)
        if one.code == "blocked"
    }
    return tuple(
        known.get((one.parameters.get("precondition", ""), one.parameters.get("blocker", "")), one) for one in refusals
    )
