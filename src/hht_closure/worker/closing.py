"""The proofs of a closing: the ledger's entries, and the receipt (L21, L24, L25)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hht_closure.account import AccountId
from hht_closure.canonical import b64
from hht_closure.commands import CloseAccount, Command, FinishTask
from hht_closure.errors import KeyMissingError
from hht_closure.events import ClosureClosed
from hht_closure.flows.stream import Loaded
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import proved_factors
from hht_closure.ports import LedgerEntry, LedgerKind
from hht_closure.receipts import (
    AcceptedNotice,
    DataSetFate,
    Declared,
    HeadStatement,
    JournalHead,
    ReceiptClaims,
    TaskOutcome,
    issue,
    receipt_digest,
    sign_head,
)
from hht_closure.stages import Closing, Erasure
from hht_closure.tasks import PendingTask
from hht_closure.verification import Factor


class Closings:
    """Writes the ledger and signs the receipt."""

    def __init__(self, wiring: Wiring, account_id: Callable[[Loaded], Awaitable[AccountId]]) -> None:
        self._wiring = wiring
        self._account_id = account_id

    async def hold(self, loaded: Loaded) -> None:
        """Before the freeze: whose account it is, so that it is given back also when the vault is lost (DESIGN 7)."""
        await self._name(loaded, "held")

    async def ledger_begun(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        """Before the first eraser: whose account it is, sealed under the ledger's own key, so that it can be found."""
        await self._name(loaded, "begun")
        return FinishTask(task=task.name)

    async def _name(self, loaded: Loaded, kind: LedgerKind) -> None:
        number = _number(loaded)
        sealed = self._wiring.keyring.seal_account(
            await self._account_id(loaded),
            portal=self._wiring.name,
            stream=loaded.stream,
            round_number=number,
            entropy=self._wiring.entropy,
        )
        await self._record(loaded, kind, number, sealed, None)

    async def close(self, _: PendingTask, loaded: Loaded, __: int) -> Command:
        """The receipt of all that was done; with it the closure is closed."""
        stage = loaded.closure.stage
        if not isinstance(stage, Closing) or stage.erasure is None:
            raise KeyMissingError(loaded.stream)
        return CloseAccount(
            receipt=issue(self._claims(loaded, stage, stage.erasure), self._wiring.keyring),
            data_sets=self._wiring.planned_data_sets,
        )

    async def ledger_closed(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        """The head of the closing event, signed, with the receipt; the account's name as it was sealed before."""
        number = _number(loaded)
        found = loaded.find(ClosureClosed)
        begun = [one for one in await self._wiring.ledger.find(loaded.stream, number) if one.kind == "begun"]
        if found is None or not isinstance(found[1], ClosureClosed) or not begun:
            raise KeyMissingError(loaded.stream)
        await self._record(loaded, "closed", number, begun[0].sealed_account, found[1].receipt)
        return FinishTask(task=task.name)

    async def _record(self, loaded: Loaded, kind: LedgerKind, number: int, sealed: bytes, receipt: str | None) -> None:
        statement = HeadStatement(
            portal=self._wiring.name,
            stream=loaded.stream,
            round_number=number,
            kind=kind,
            sequence=loaded.head.sequence,
            hash=loaded.head.hash,
            at=self._wiring.clock.now(),
            receipt=None if receipt is None else receipt_digest(receipt),
        )
        await self._wiring.ledger.record(
            LedgerEntry(
                stream=loaded.stream,
                round=number,
                kind=kind,
                statement=sign_head(statement, self._wiring.keyring),
                receipt=receipt,
                sealed_account=sealed,
            )
        )

    def _claims(self, loaded: Loaded, stage: Closing, erasure: Erasure) -> ReceiptClaims:
        this, confirmed, dialogue = stage.round, stage.confirmed, stage.dialogue
        receipt_id = self._wiring.keyring.mac(
            "hht-closure/receipt", self._wiring.name, loaded.stream, this.number, key=confirmed.key
        )
        proved = proved_factors(dialogue, confirmed.contacts, confirmed.at)
        return ReceiptClaims(
            id=b64(receipt_id[:18]),
            portal=self._wiring.name,
            stream=loaded.stream,
            round_number=this.number,
            confirmed_at=confirmed.at,
            erasure_began_at=erasure.began_at,
            closed_at=max(self._wiring.clock.now(), loaded.closure.at or confirmed.at),
            terms_version=this.terms.version,
            terms_digest=this.terms_digest,
            notice=AcceptedNotice(
                version=confirmed.notice_version, digest=confirmed.notice_digest, locale=confirmed.locale
            ),
            statements=tuple(
                Declared(code=code, answer="done" if answer == "done" else "waived", wording=wording)
                for code, answer, wording in dialogue.said.statements
            ),
            factors=tuple(Factor(one.factor, one.assurance) for one in dialogue.proving.proofs if one.factor in proved),
            data_sets=tuple(DataSetFate.of(name, portions) for name, portions in erasure.fates),
            tasks=tuple(TaskOutcome(name=name, outcome=outcome) for name, outcome in erasure.outcomes),
            journal_head=JournalHead(sequence=loaded.head.sequence, hash=loaded.head.hash),
        )


def _number(loaded: Loaded) -> int:
    this = loaded.closure.round
    if this is None:
        raise KeyMissingError(loaded.stream)
    return this.number
