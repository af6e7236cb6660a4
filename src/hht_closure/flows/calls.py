"""The ports as the flows call them: each wrapped once, every method an ``async def``.

This is the only place that tells a plain port from an ``async`` one. What an adapter raises and its port does
not allow is wrapped here, so that the flows meet no foreign exception.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Generic, ParamSpec, Protocol, TypeVar

from typing_extensions import TypeIs

from hht_closure.account import Account, AccountId, Channel
from hht_closure.errors import ClosureError, PortError, WiringError, in_short
from hht_closure.events import Event
from hht_closure.flows.threads import in_a_thread, may_be_cut_off
from hht_closure.policy import Blocked, Clean, Finding, Portion, Unknown
from hht_closure.ports import (
    AccountDirectory,
    Again,
    Allowance,
    Answer,
    Asked,
    ChallengeJob,
    DataSet,
    Done,
    DueStream,
    EraseJob,
    Exhausted,
    Failed,
    Journal,
    KeyDestroyed,
    KeyMissing,
    KeyPresent,
    KeyVault,
    Lease,
    Ledger,
    LedgerEntry,
    Letter,
    Messages,
    Observer,
    Offer,
    PersonAnswer,
    Precondition,
    Progress,
    Record,
    RequestInfo,
    SendBudget,
    Task,
    TaskJob,
    Tombstones,
    Verifier,
)
from hht_closure.verification import Assurance

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")


class Caller(Protocol):
    """How a face calls a port's method: at once, awaited, or in a thread."""

    async def __call__(self, call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the method gives."""
        ...


async def call_directly(call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """The synchronous face: what a plain method gives, here and now.

    Raises:
        WiringError: the method gave something to await.
    """
    value = call(*args, **kwargs)
    if _is_pending(value):
        if inspect.iscoroutine(value):
            value.close()
        raise WiringError(f"{_name(call)} is asynchronous; use AsyncClosureService")
    return value


def driven(flow: Coroutine[object, None, T]) -> T:
    """What the flow gives: with plain adapters it never waits, so that one step runs it to the end."""
    try:
        flow.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    flow.close()
    raise WiringError("a synchronous flow waited for something asynchronous; use AsyncClosureService")


async def call_on_the_loop(call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """The asynchronous face: coroutines are awaited, and plain methods run in a thread unless they never block."""
    if inspect.iscoroutinefunction(call) or _never_blocks(call):
        return await _awaited(call(*args, **kwargs))
    import asyncio  # noqa: PLC0415 - the synchronous face works without it

    if may_be_cut_off():
        return await _awaited(await asyncio.wrap_future(in_a_thread(partial(call, *args, **kwargs))))
    return await _awaited(await asyncio.to_thread(call, *args, **kwargs))


async def _awaited(value: Answer[T]) -> T:
    return await value if _is_pending(value) else value


def _is_pending(value: T | Awaitable[T]) -> TypeIs[Awaitable[T]]:
    return inspect.isawaitable(value)


def _never_blocks(call: object) -> bool:
    """Whether the adapter says of itself that none of its methods blocks: ``never_blocks = True``."""
    return getattr(getattr(call, "__self__", None), "never_blocks", False) is True


def _name(call: object) -> str:
    return getattr(call, "__qualname__", type(call).__name__)


def _bare_name(call: object) -> str:
    return getattr(call, "__name__", "call")


def is_async(port: object) -> bool:
    """Whether any method of the adapter is an ``async def``, or it says so itself of what it stands in front of."""
    return getattr(port, "is_async", False) is True or any(
        inspect.iscoroutinefunction(getattr(type(port), name, None)) for name in dir(type(port)) if name[0] != "_"
    )


class _Calls(Generic[A]):
    """A port behind a caller."""

    def __init__(self, port: A, caller: Caller) -> None:
        self._port = port
        self._caller = caller

    def _method(self, name: str) -> str:
        """The adapter's own name for that method, to be said in an error."""
        return f"{type(self._port).__name__}.{name}"

    async def _call(self, call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        failure: ClosureError
        try:
            return await self._caller(call, *args, **kwargs)
        except ClosureError as error:
            failure = error
            if isinstance(error, PortError) or error.__cause__ is not None:
                _log.warning("%s: %s%s", self._method(_bare_name(call)), in_short(error), _cause(error))
        except Exception as error:  # noqa: BLE001 - whatever a host's code raises is a failure of that call
            failure = PortError(_name(call), type(error).__name__, _place(error))
            _log.warning("%s", failure)
        failure.__cause__ = failure.__context__ = None  # its text may hold anything (L7, L22)
        raise failure


def _cause(error: BaseException) -> str:
    """What is behind an error, for whoever mends the adapter; nothing of its text."""
    cause = error.__cause__
    return "" if cause is None else f" ({type(cause).__name__} at {_place(cause)})"


def _place(error: BaseException) -> str:
    """The file and line that raised it, for whoever mends the adapter; nothing of the text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "nowhere" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _given(value: object, kind: type[T], call: str) -> T:
    """What a port gave, when it is what the port gives; nonsense is a failure of that call, and never taken as yes.

    Raises:
        PortError: it is something else.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise _failed(call, "wrong_type")
    return value


def _failed(call: str, problem: str) -> PortError:
    """The failure of a call that gave what no port gives, logged like any other."""
    failure = PortError(call, problem)
    _log.warning("%s", failure)
    return failure


def _is_sequence(value: object) -> TypeIs[tuple[object, ...] | list[object]]:
    return isinstance(value, tuple | list)


class AccountCalls(_Calls[AccountDirectory]):
    """The portal's accounts."""

    async def get(self, account: AccountId) -> Account | None:
        """See :meth:`AccountDirectory.get <hht_closure.ports.AccountDirectory.get>`."""
        found = await self._call(self._port.get, account)
        return None if found is None else _given(found, Account, self._method("get"))

    async def freeze(self, account: AccountId, token: int) -> None:
        """Hold the account."""
        await self._call(self._port.freeze, account, token)

    async def unfreeze(self, account: AccountId, token: int) -> None:
        """Give it back its earlier standing."""
        await self._call(self._port.unfreeze, account, token)

    async def revoke_sessions(self, account: AccountId) -> None:
        """End its sessions."""
        await self._call(self._port.revoke_sessions, account)

    async def retire(self, account: AccountId) -> None:
        """Delete or anonymise it."""
        await self._call(self._port.retire, account)


class PreconditionCalls(_Calls[Precondition]):
    """One check."""

    async def check(self, account: Account) -> Finding:
        """What it finds."""
        finding = await self._call(self._port.check, account)
        if not isinstance(finding, Clean | Blocked | Unknown):
            raise _failed(self._method("check"), "wrong_type")
        return finding


class DataSetCalls(_Calls[DataSet]):
    """One data set."""

    @property
    def after(self) -> tuple[str, ...]:
        """What goes before it."""
        return self._port.after

    async def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """What would become of its items."""
        portions = await self._call(self._port.survey, account)
        if not _is_sequence(portions):
            raise _failed(self._method("survey"), "wrong_type")
        return tuple(_given(one, Portion, self._method("survey")) for one in portions)

    async def erase(self, job: EraseJob) -> Progress:
        """One batch."""
        return _given(await self._call(self._port.erase, job), Progress, self._method("erase"))

    async def remaining(self, account: AccountId) -> int:
        """What must go and is still there."""
        remaining = _given(await self._call(self._port.remaining, account), int, self._method("remaining"))
        if remaining < 0:
            raise _failed(self._method("remaining"), "negative")
        return remaining


class TaskCalls(_Calls[Task]):
    """One task of the host's."""

    @property
    def name(self) -> str:
        """Its name."""
        return self._port.name

    @property
    def after(self) -> tuple[str, ...]:
        """What happens before it."""
        return self._port.after

    @property
    def mandatory(self) -> bool:
        """Whether the closing waits for it."""
        return self._port.mandatory

    async def run(self, job: TaskJob) -> Done | Again | Failed:
        """Do it."""
        outcome = await self._call(self._port.run, job)
        if not isinstance(outcome, Done | Again | Failed):
            raise _failed(self._method("run"), "wrong_type")
        return outcome


class MessageCalls(_Calls[Messages]):
    """Messages to the person."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over."""
        await self._call(self._port.send, letter)


class VerifierCalls(_Calls[Verifier]):
    """What proves one factor."""

    @property
    def factor(self) -> str:
        """The factor's name."""
        return self._port.factor

    @property
    def assurance(self) -> Assurance:
        """What a proof shows."""
        return self._port.assurance

    @property
    def channel(self) -> Channel | None:
        """The channel it sends over."""
        return self._port.channel

    async def offer(self, account: Account) -> Offer | None:
        """Where the message would go, or None where there is no way."""
        offer = await self._call(self._port.offer, account)
        if offer is None:
            return None
        given = _given(offer, Offer, self._method("offer"))
        if self.channel is not None and given.destination is None:
            raise _failed(self._method("offer"), "no_destination")
        return given

    async def begin(self, job: ChallengeJob) -> Asked:
        """Ask."""
        return _given(await self._call(self._port.begin, job), Asked, self._method("begin"))

    async def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Whether the answer is right."""
        return _given(await self._call(self._port.check, job, answer, request), bool, self._method("check"))


class JournalCalls(_Calls[Journal]):
    """The journal."""

    async def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records, from the last that opens a round on."""
        return await self._call(self._port.read, stream, whole=whole)

    async def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None
    ) -> None:
        """Append all or none."""
        await self._call(self._port.append, stream, expected, records, due=due, fence=fence)

    async def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str, stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease what is due."""
        return await self._call(self._port.claim, limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)

    async def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """Keep the lease for longer."""
        return await self._call(self._port.renew, lease, lease_for)

    async def release(self, lease: Lease) -> None:
        """Give it back."""
        await self._call(self._port.release, lease)

    async def due(self, *, limit: int, prefix: str) -> tuple[DueStream, ...]:
        """What there is to do."""
        return await self._call(self._port.due, limit=limit, prefix=prefix)


class VaultCalls(_Calls[KeyVault]):
    """The key vault."""

    async def create(self, key: str, wrapped: bytes) -> KeyPresent | KeyDestroyed:
        """Store the key, if it is new."""
        return await self._call(self._port.create, key, wrapped)

    async def fetch(self, key: str) -> KeyPresent | KeyDestroyed | KeyMissing:
        """The key, or how it is gone."""
        return await self._call(self._port.fetch, key)

    async def destroy(self, key: str) -> None:
        """Destroy it."""
        await self._call(self._port.destroy, key)


class LedgerCalls(_Calls[Ledger]):
    """The ledger."""

    async def record(self, entry: LedgerEntry) -> int:
        """Write an entry."""
        return await self._call(self._port.record, entry)

    async def entries(self, *, after: int, limit: int) -> tuple[tuple[int, LedgerEntry], ...]:
        """The entries behind that position."""
        return await self._call(self._port.entries, after=after, limit=limit)

    async def find(self, stream: str, round_number: int) -> tuple[LedgerEntry, ...]:
        """The entries of a round."""
        return await self._call(self._port.find, stream, round_number)


class BudgetCalls(_Calls[SendBudget]):
    """What was sent."""

    async def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Take one from each, or none."""
        exhausted = await self._call(self._port.take, allowances, now=now)
        return None if exhausted is None else _given(exhausted, Exhausted, self._method("take"))


class TombstoneCalls(_Calls[Tombstones]):
    """Reserved login names."""

    async def lay(self, digest: str, until: datetime) -> None:
        """Reserve one."""
        await self._call(self._port.lay, digest, until)

    async def until(self, digest: str) -> datetime | None:
        """Until when it is reserved."""
        return await self._call(self._port.until, digest)


class ObserverCalls(_Calls[Observer]):
    """Who is told what happened."""

    async def happened(self, stream: str, events: tuple[Event, ...]) -> None:
        """Tell."""
        await self._call(self._port.happened, stream, events)
