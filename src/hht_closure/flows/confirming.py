"""The notice, and the confirmation of exactly what it showed (L2, L11, L12)."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import attrs

from hht_closure.account import Account, Principal
from hht_closure.canonical import Json, b64, digest, time_text
from hht_closure.codec import terms_digest
from hht_closure.commands import Command, ConfirmClosure, NonceState
from hht_closure.errors import ClosureRefused, InvalidValueError, KeyMissingError, refusal
from hht_closure.flows.answers import Confirmation
from hht_closure.flows.outside import Fates, Outside, account_of, notice_text
from hht_closure.flows.stream import Loaded, Streams
from hht_closure.flows.views import Views
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import missing_for
from hht_closure.policy import Notice, NoticeText, Portion
from hht_closure.stages import Closed, Closing, ContactVersions, Open, is_over

_LABEL: Final = "hht-closure/confirm"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_LONGEST_NONCE: Final = 300


@attrs.frozen
class _Shown:
    """Everything that the person saw; the nonce accepts this and nothing else."""

    number: int
    given_back: int
    terms_digest: str
    contacts: ContactVersions
    locale: str
    notice_version: str
    notice_digest: str
    fates_digest: str


@attrs.frozen
class _Nonce:
    """A nonce taken apart: locale, microseconds since 1970, key id, MAC."""

    locale: str
    at: int
    key: str
    mac: str


class Confirming:
    """Notice and confirmation, for the principal's own account (L1)."""

    def __init__(self, wiring: Wiring, streams: Streams, outside: Outside, views: Views) -> None:
        self._wiring = wiring
        self._streams = streams
        self._outside = outside
        self._views = views

    async def notice(self, principal: Principal, locale: str) -> Notice:
        """What closing this account means, with the nonce that accepts it; changes nothing (L10)."""
        account = await self._outside.account(principal)
        loaded = await self._streams.load(self._streams.name(account_of(principal)))
        stage = _ready(loaded, account, loaded.now(self._wiring.clock))
        terms = stage.round.terms
        text = notice_text(terms, locale)
        fates = await self._outside.fates(terms, loaded, account)
        shown = _shown(stage, text, fates, account.contact_versions)
        now = loaded.now(self._wiring.clock)
        at = (now - _EPOCH) // _TICK
        key = self._wiring.keyring.current
        return Notice(
            version=terms.notice_version,
            locale=text.locale,
            text=text.text,
            fates=fates,
            digest=shown.notice_digest,
            nonce=f"{text.locale}.{at}.{key}.{self._mac(loaded.stream, shown, at, key)}",
            expires=now + terms.notice_valid_for,
        )

    async def confirm(self, principal: Principal, nonce: str) -> Confirmation:
        """Close the account for good; the same nonce gives the same answer for ever, also without the account."""
        nonce_digest = digest(nonce) if _is_text(nonce) else ""
        stream = self._streams.name(account_of(principal))
        loaded = await self._streams.load(stream)
        stage = loaded.closure.stage
        if isinstance(stage, Closing | Closed) and _is_confirmed(loaded, nonce_digest):
            return self._views.confirmation(loaded, stage)

        async def ask(loaded: Loaded, account: Account) -> Command:
            return await self._command(loaded, principal, account, nonce, nonce_digest)

        try:
            loaded, _, _ = await self._streams.perform(stream, partial(self._outside.account, principal), ask)
        except ClosureRefused:
            # Somebody may have confirmed the same meanwhile, and the account may be gone since.
            loaded = await self._streams.load(stream)
            if not _is_confirmed(loaded, nonce_digest):
                raise
        stage = loaded.closure.stage
        if not isinstance(stage, Closing | Closed):
            raise ClosureRefused((refusal("no_round"),))
        return self._views.confirmation(loaded, stage)

    async def _command(
        self, loaded: Loaded, principal: Principal, account: Account, nonce: str, nonce_digest: str
    ) -> Command:
        """Everything that must hold, looked at now: findings, fates, terms, and what the nonce is worth."""
        stage = loaded.closure.stage
        taken = _take_apart(nonce)
        shown = None if taken is None else await self._in_force(loaded, account, taken.locale)
        findings = await self._outside.findings(stage.round.terms, account) if isinstance(stage, Open) else ()
        return ConfirmClosure(
            principal=principal,
            account=account,
            findings=findings,
            terms_digest=terms_digest(self._wiring.terms_for(account)),
            nonce=self._worth(loaded, shown, taken),
            nonce_digest=nonce_digest,
            notice_version="" if shown is None else shown.notice_version,
            notice_digest="" if shown is None else shown.notice_digest,
            locale="" if shown is None else shown.locale,
            fates_digest="" if shown is None else shown.fates_digest,
            key=self._wiring.keyring.current,
        )

    async def _in_force(self, loaded: Loaded, account: Account, locale: str) -> _Shown | None:
        """What a notice in that language would show now; for a confirmed round, what it showed then."""
        stage = loaded.closure.stage
        if isinstance(stage, Closing):
            confirmed = stage.confirmed
            if locale != confirmed.locale:
                return None
            return _Shown(
                stage.round.number,
                stage.dialogue.given_back,
                stage.round.terms_digest,
                confirmed.contacts,
                confirmed.locale,
                confirmed.notice_version,
                confirmed.notice_digest,
                confirmed.fates_digest,
            )
        if not isinstance(stage, Open):
            return None
        text = stage.round.terms.notice_text(locale)
        if text is None:
            return None
        fates = await self._outside.fates(stage.round.terms, loaded, account)
        return _shown(stage, text, fates, account.contact_versions)

    def _worth(self, loaded: Loaded, shown: _Shown | None, taken: _Nonce | None) -> NonceState:
        this = loaded.closure.round
        if shown is None or taken is None or this is None:
            return "invalid"
        try:
            expected = self._mac(loaded.stream, shown, taken.at, taken.key)
        except (KeyMissingError, InvalidValueError):
            return "invalid"
        if not hmac.compare_digest(expected.encode(), taken.mac.encode()):
            return "invalid"
        over = is_over(_EPOCH + taken.at * _TICK, this.terms.notice_valid_for, loaded.now(self._wiring.clock))
        return "expired" if over else "valid"

    def _mac(self, stream: str, shown: _Shown, at: int, key: str) -> str:
        """The nonce's MAC over everything the person saw; it is recomputed and nowhere stored (L11)."""
        contacts = [part for pair in shown.contacts for part in pair]
        return b64(
            self._wiring.keyring.mac(
                _LABEL,
                self._wiring.name,
                stream,
                shown.number,
                shown.given_back,
                shown.terms_digest,
                len(contacts),
                *contacts,
                shown.locale,
                shown.notice_version,
                shown.notice_digest,
                shown.fates_digest,
                at,
                key=key,
            )
        )


def _is_confirmed(loaded: Loaded, nonce_digest: str) -> bool:
    """Whether the round was confirmed, by this very nonce (L12)."""
    stage = loaded.closure.stage
    return isinstance(stage, Closing | Closed) and stage.confirmed.nonce_digest == nonce_digest


def _ready(loaded: Loaded, account: Account, now: datetime) -> Open:
    """The open round, when nothing is missing before its notice is read.

    Raises:
        ClosureRefused: with everything that is missing.
    """
    stage = loaded.closure.stage
    if isinstance(stage, Closing | Closed):
        raise ClosureRefused((refusal("already_confirmed"),))
    if not isinstance(stage, Open) or now >= stage.lapses:
        raise ClosureRefused((refusal("no_round"),))
    missing = missing_for(stage, "confirmation", account.contact_versions, now)
    if missing:
        raise ClosureRefused(missing)
    return stage


def _shown(stage: Open, text: NoticeText, fates: Fates, contacts: ContactVersions) -> _Shown:
    terms = stage.round.terms
    kept: Json = [[name, [_fate(one) for one in portions]] for name, portions in fates]
    fates_digest = digest(kept)
    notice_digest = digest([terms.notice_version, text.locale, text.text, fates_digest])
    return _Shown(
        stage.round.number,
        stage.given_back,
        stage.round.terms_digest,
        contacts,
        text.locale,
        terms.notice_version,
        notice_digest,
        fates_digest,
    )


def _fate(portion: Portion) -> Json:
    """What becomes of it, without the count, which changes by the minute."""
    until = None if portion.until is None else time_text(portion.until)
    return [portion.disposition, until, portion.ground]


def _is_text(nonce: object) -> bool:
    return isinstance(nonce, str) and len(nonce) <= _LONGEST_NONCE and nonce.isascii()


def _take_apart(nonce: str) -> _Nonce | None:
    parts = nonce.split(".") if _is_text(nonce) else []
    if len(parts) != 4 or not (parts[1].isdigit() and len(parts[1]) <= 17):
        return None
    taken = _Nonce(parts[0], int(parts[1]), parts[2], parts[3])
    return taken if f"{taken.at}" == parts[1] else None  # one nonce has one text: its digest is what is kept
