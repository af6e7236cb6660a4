"""Services built of a stage's parts with some of them replaced, and adapters that are asynchronous or broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import get_ident
from typing import TypeVar

import attrs
import pytest

from hht_closure.account import Account, AccountId, Channel
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.adapters.memory import (
    MemoryCodeSender,
    MemoryDataSet,
    MemoryDirectory,
    MemoryMessages,
    MemoryPrecondition,
    MemoryTask,
)
from hht_closure.errors import ClosureRefused, Refusal
from hht_closure.events import Event
from hht_closure.flows.wiring import Portal
from hht_closure.policy import Finding, Portion
from hht_closure.ports import (
    Again,
    CodeMessage,
    Done,
    DueStream,
    EraseJob,
    Failed,
    Journal,
    KeyVault,
    Lease,
    Ledger,
    Letter,
    Progress,
    Record,
    SendBudget,
    TaskJob,
    Tombstones,
)
from hht_closure.texts import sentence
from tests.stage import Stage, WordCaptcha

S = TypeVar("S")


def portal_of(stage: Stage, **changes: object) -> Portal:
    """The stage's portal, with these parts of it replaced."""
    usual = Portal(
        name="Stage",
        accounts=stage.accounts,
        preconditions=(stage.orders_check, stage.money_check),
        data_sets=(stage.orders, stage.messages),
        tasks=(stage.downstream,),
        messages=stage.letters,
    )
    changed: Callable[..., Portal] = partial(attrs.evolve, usual)
    return changed(**changes)


def built(face: Callable[..., S], stage: Stage, **changes: object) -> S:
    """A service of that face on the stage's parts, with these replaced."""
    parts: dict[str, object] = {
        "portal": portal_of(stage),
        "store": stage.store,
        "verifiers": (
            CaptchaVerifier(WordCaptcha()),
            sms_code_verifier(stage.sms),
            email_code_verifier(stage.email),
        ),
        "keyring": stage.keyring,
        "policy": stage.policy,
        "clock": stage.clock,
        "entropy": stage.entropy,
        "observers": (stage.happened,),
    }
    return face(**{**parts, **changes})


@attrs.frozen(kw_only=True)
class Parts:
    """A store put together from parts."""

    journal: Journal
    vault: KeyVault
    ledger: Ledger
    budgets: SendBudget
    tombstones: Tombstones

    @classmethod
    def of(cls, stage: Stage, **changes: object) -> Parts:
        """The stage's store, with these parts replaced."""
        kept = stage.store
        parts: dict[str, object] = {
            "journal": kept.journal,
            "vault": kept.vault,
            "ledger": kept.ledger,
            "budgets": kept.budgets,
            "tombstones": kept.tombstones,
        }
        make: Callable[..., Parts] = cls
        return make(**{**parts, **changes})


def loose(call: Callable[..., object]) -> Callable[..., object]:
    """The call as untyped code meets it, to be given what its types forbid."""
    return call


def refusals(call: Callable[[], object]) -> tuple[Refusal, ...]:
    """The refusals that the call meets; each has a sentence in both languages, with nothing left to fill in."""
    with pytest.raises(ClosureRefused) as refused:
        call()
    for one in refused.value.refusals:
        for locale in ("en", "zh-CN"):
            said = sentence(one, locale)
            assert len(said) > 3
            assert "{" not in said
            assert "}" not in said
    return refused.value.refusals


def codes(call: Callable[[], object]) -> list[str]:
    """The codes of these refusals."""
    return [one.code for one in refusals(call)]


async def another_turn() -> None:
    """Let everything else on the loop have its turn first."""
    await asyncio.sleep(0)


class AsyncDirectory:
    """An ``AccountDirectory`` whose every method is an ``async def``."""

    def __init__(self, plain: MemoryDirectory) -> None:
        self._plain = plain

    async def get(self, account: AccountId) -> Account | None:
        """The account."""
        await another_turn()
        return self._plain.get(account)

    async def freeze(self, account: AccountId, token: int) -> None:
        """Hold it."""
        await another_turn()
        self._plain.freeze(account, token)

    async def unfreeze(self, account: AccountId, token: int) -> None:
        """Give it back."""
        await another_turn()
        self._plain.unfreeze(account, token)

    async def revoke_sessions(self, account: AccountId) -> None:
        """End its sessions."""
        await another_turn()
        self._plain.revoke_sessions(account)

    async def retire(self, account: AccountId) -> None:
        """Delete it."""
        await another_turn()
        self._plain.retire(account)


class AsyncPrecondition:
    """A ``Precondition`` that is asynchronous."""

    def __init__(self, plain: MemoryPrecondition) -> None:
        self.name = plain.name
        self._plain = plain

    async def check(self, account: Account) -> Finding:
        """What it finds."""
        await another_turn()
        return self._plain.check(account)


class AsyncDataSet:
    """A ``DataSet`` that is asynchronous."""

    def __init__(self, plain: MemoryDataSet) -> None:
        self.name = plain.name
        self.after = plain.after
        self._plain = plain

    async def survey(self, account: AccountId) -> tuple[Portion, ...]:
        """What would become of its items."""
        await another_turn()
        return self._plain.survey(account)

    async def erase(self, job: EraseJob) -> Progress:
        """One batch."""
        await another_turn()
        return self._plain.erase(job)

    async def remaining(self, account: AccountId) -> int:
        """What is still there."""
        await another_turn()
        return self._plain.remaining(account)


class AsyncTask:
    """A ``Task`` that is asynchronous."""

    def __init__(self, plain: MemoryTask) -> None:
        self.name = plain.name
        self.after = plain.after
        self.mandatory = plain.mandatory
        self._plain = plain

    async def run(self, job: TaskJob) -> Done | Again | Failed:
        """Do it."""
        await another_turn()
        return self._plain.run(job)


class AsyncMessages:
    """``Messages`` that are asynchronous."""

    def __init__(self, plain: MemoryMessages) -> None:
        self._plain = plain

    async def send(self, letter: Letter) -> None:
        """Hand it over."""
        await another_turn()
        self._plain.send(letter)


class AsyncCodeSender:
    """A ``CodeSender`` that is asynchronous."""

    def __init__(self, plain: MemoryCodeSender) -> None:
        self.channel: Channel = plain.channel
        self._plain = plain

    async def send(self, message: CodeMessage) -> None:
        """Hand it over."""
        await another_turn()
        self._plain.send(message)


class AsyncObserver:
    """An ``Observer`` that is asynchronous, and keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def happened(self, stream: str, events: tuple[Event, ...]) -> None:
        """Keep them."""
        await another_turn()
        self.events.extend(events)


class PlainJournal(Journal):
    """A journal that passes every call on to a plain one; tests change a method of it."""

    def __init__(self, stage: Stage) -> None:
        self.kept = stage.store.journal

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records."""
        return self.kept.read(stream, whole=whole)

    def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Append all or none."""
        self.kept.append(stream, expected, records, due=due, fence=fence)

    def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease what is due."""
        return self.kept.claim(limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)

    def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """Keep the lease."""
        return self.kept.renew(lease, lease_for)

    def release(self, lease: Lease) -> None:
        """Give it back."""
        self.kept.release(lease)

    def due(self, *, limit: int, prefix: str = "") -> tuple[DueStream, ...]:
        """What there is to do."""
        return self.kept.due(limit=limit, prefix=prefix)


class AsyncJournal(Journal):
    """A journal whose every method is an ``async def``."""

    def __init__(self, stage: Stage) -> None:
        self._plain = stage.store.journal

    async def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records."""
        await another_turn()
        return self._plain.read(stream, whole=whole)

    async def append(
        self, stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        """Append all or none."""
        await another_turn()
        self._plain.append(stream, expected, records, due=due, fence=fence)

    async def claim(
        self, *, limit: int, lease_for: timedelta, prefix: str = "", stream: str | None = None
    ) -> tuple[Lease, ...]:
        """Lease what is due."""
        await another_turn()
        return self._plain.claim(limit=limit, lease_for=lease_for, prefix=prefix, stream=stream)

    async def renew(self, lease: Lease, lease_for: timedelta) -> Lease:
        """Keep the lease."""
        await another_turn()
        return self._plain.renew(lease, lease_for)

    async def release(self, lease: Lease) -> None:
        """Give it back."""
        await another_turn()
        self._plain.release(lease)

    async def due(self, *, limit: int, prefix: str = "") -> tuple[DueStream, ...]:
        """What there is to do."""
        await another_turn()
        return self._plain.due(limit=limit, prefix=prefix)


class ThreadPrecondition:
    """A precondition that says in which thread it was asked; it may block, or says that it never does."""

    def __init__(self, name: str, *, never_blocks: bool) -> None:
        self.name = name
        self.never_blocks = never_blocks
        self.threads: set[int] = set()
        self._plain = MemoryPrecondition(name)

    def check(self, account: Account) -> Finding:
        """Clean, from this thread."""
        self.threads.add(get_ident())
        return self._plain.check(account)
