"""What works without a log-in: status and receipt by reference, and whether a login name is reserved."""

from __future__ import annotations

from hht_closure.errors import ClosureRefused, refusal
from hht_closure.events import ClosureClosed, RoundOpened
from hht_closure.flows.answers import Status
from hht_closure.flows.stream import Loaded, Streams
from hht_closure.flows.views import erased_so_far, is_irreversible
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import fold, step_of
from hht_closure.receipts import Receipt, verify_receipt
from hht_closure.stages import Closed, Closing, Closure, Step
from hht_closure.values import checked_text


class Looking:
    """Reading calls for the holder of a reference; they change nothing (L10)."""

    def __init__(self, wiring: Wiring, streams: Streams) -> None:
        self._wiring = wiring
        self._streams = streams

    async def status(self, reference: str) -> Status:
        """How far the closing of that reference is.

        Raises:
            ClosureRefused: ``reference_unknown``, the same for everything that does not verify (L9).
        """
        stream, number = self._read(reference)
        closure = await self._round(stream, number)
        if closure.round is None or closure.round.number < number:
            return await self._from_the_ledger(stream, number)
        stage = closure.stage
        confirmed = stage.confirmed if isinstance(stage, Closing | Closed) else None
        return Status(
            step=step_of(closure, (), self._wiring.clock.now()),
            confirmed_at=None if confirmed is None else confirmed.at,
            irreversible=isinstance(stage, Closing | Closed) and is_irreversible(stage),
            erased=erased_so_far(closure),
            closed_at=stage.closed_at if isinstance(stage, Closed) else None,
        )

    async def receipt(self, reference: str) -> Receipt:
        """The signed receipt of the closing of that reference.

        Raises:
            ClosureRefused: ``reference_unknown``, or ``receipt_not_ready``.
        """
        stream, number = self._read(reference)
        loaded = await self._streams.load(stream)
        token = _receipt(loaded, number)
        if token is None:
            entries = await self._wiring.ledger.find(stream, number)
            token = next((one.receipt for one in entries if one.receipt is not None), None)
        if token is None:
            raise ClosureRefused((refusal("receipt_not_ready"),))
        return Receipt(token=token, claims=verify_receipt(token, self._wiring.keyring.jwks()))

    async def _from_the_ledger(self, stream: str, number: int) -> Status:
        """What the ledger calls begun or closed is, also where the journal has lost it."""
        entries = await self._wiring.ledger.find(stream, number)
        token = next((one.receipt for one in entries if one.receipt is not None), None)
        claims = None if token is None else verify_receipt(token, self._wiring.keyring.jwks())
        begun: Step = "closing" if any(one.kind != "held" for one in entries) else "none"
        return Status(
            step=begun if claims is None else "closed",
            confirmed_at=None if claims is None else claims.confirmed_at,
            irreversible=begun == "closing",
            erased=(),
            closed_at=None if claims is None else claims.closed_at,
        )

    async def reserved(self, login_name: str) -> bool:
        """Whether a tombstone keeps that login name; to be asked wherever an account can be made (L27).

        Raises:
            InvalidValueError: no login name could be that.
        """
        name = checked_text(login_name, "login_name", longest=320)
        digest = self._wiring.keyring.tombstone(self._wiring.name, name)
        until = await self._wiring.tombstones.until(digest)
        return until is not None and self._wiring.clock.now() < until

    def _read(self, reference: str) -> tuple[str, int]:
        read = self._wiring.keyring.read_reference(self._wiring.name, reference)
        if read is None:
            raise ClosureRefused((refusal("reference_unknown"),))
        return read

    async def _round(self, stream: str, number: int) -> Closure:
        """The closure as that round left it, or as it is now where the round is the last."""
        loaded = await self._streams.load(stream)
        if loaded.closure.round is None or loaded.closure.round.number <= number:
            return loaded.closure
        whole = await self._streams.load(stream, whole=True)
        until = [event for _, event in whole.events]
        later = next(i for i, event in enumerate(until) if isinstance(event, RoundOpened) and event.number > number)
        return fold(until[:later])


def _receipt(loaded: Loaded, number: int) -> str | None:
    found = loaded.find(ClosureClosed)
    this = loaded.closure.round
    if found is None or this is None or this.number != number or not isinstance(found[1], ClosureClosed):
        return None
    return found[1].receipt
