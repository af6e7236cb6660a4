"""How each kind of task is run: what is done outside, and the command that says what came of it.

Every run is safe to repeat, from any point (L16). What goes wrong becomes a failure of that task and of nothing
else (L19); an exception's text goes nowhere, since it may hold anything.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.commands import (
    Command,
    FailTask,
    FinishTask,
    GiveAccountBack,
    IntendKeyDestruction,
    PostponeTask,
    RecheckAccount,
)
from hht_closure.errors import (
    ClosureError,
    DeliveryError,
    KeyDestroyedError,
    KeyMissingError,
    LeaseLostError,
    SealBrokenError,
    StaleTokenError,
    StoreUnavailableError,
)
from hht_closure.events import Clear, ErasureBegun, FailureKind, RoundOpened
from hht_closure.flows.outside import Outside
from hht_closure.flows.stream import Loaded, Streams, farewell_key, round_key
from hht_closure.flows.wiring import Wiring
from hht_closure.ports import Again, Done, Failed, Letter, LetterKind, TaskJob
from hht_closure.stages import Closed, Closing, Round
from hht_closure.tasks import INTENDED, PendingTask, PlannedTask, TaskKind
from hht_closure.texts import match_locale
from hht_closure.values import is_code
from hht_closure.worker.closing import Closings
from hht_closure.worker.erasing import Erasing

_log = logging.getLogger(__name__)

Run = Callable[[PendingTask, Loaded, int], Awaitable[Command]]


class Runs:
    """Runs one task of a closure."""

    def __init__(self, wiring: Wiring, streams: Streams, outside: Outside) -> None:
        self._wiring = wiring
        self._streams = streams
        self._outside = outside
        erasing = Erasing(wiring, self.account_id)
        closings = self._closings = Closings(wiring, self.account_id)
        self._by_kind: Final[Mapping[TaskKind, Run]] = {
            "freeze": self._freeze,
            "revoke_sessions": self._revoke_sessions,
            "recheck": self._recheck,
            "unfreeze": self._unfreeze,
            "tell_locked": self._tell_locked,
            "tell_given_back": self._tell_given_back,
            "ledger_begun": closings.ledger_begun,
            "erase": erasing.erase,
            "purge": erasing.erase,
            "host": self._host,
            "tombstone": self._tombstone,
            "retire": self._retire,
            "destroy_key": self._destroy_key,
            "close": closings.close,
            "ledger_closed": closings.ledger_closed,
            "farewell": self._farewell,
            "destroy_farewell_key": self._destroy_key,
        }

    async def run(self, task: PendingTask, loaded: Loaded, fence: int) -> Command:
        """Run the task, and say what came of it.

        Raises:
            LeaseLostError: the directory has seen a higher fence, so somebody else has the lease (L18).
        """
        if task.kind == "farewell" and task.deadline is not None and self._wiring.clock.now() >= task.deadline:
            return self.failed(task, "permanent", "too_late")
        try:
            return await self._by_kind[task.kind](task, loaded, fence)
        except StaleTokenError as error:
            if task.kind not in {"freeze", "unfreeze"}:
                return self.failed(task, "ambiguous", "adapter_failed")
            raise LeaseLostError(loaded.stream, fence) from error
        except (StoreUnavailableError, DeliveryError) as error:
            return self.failed(task, "retryable", _code(error.args[1]))
        except (KeyMissingError, KeyDestroyedError):
            return self.failed(task, "retryable", "key_missing")
        except ClosureError:
            return self.failed(task, "ambiguous", "adapter_failed")

    def failed(self, task: PendingTask, kind: FailureKind, code: str) -> FailTask:
        """What to say of a task that did not happen."""
        return FailTask(task=task.name, kind=kind, code=code, jitter=self._jitter())

    def _jitter(self) -> int:
        return int.from_bytes(self._wiring.entropy.token(4), "big")

    # --- whose account it is ------------------------------------------------------------------------------

    async def account_id(self, loaded: Loaded) -> AccountId:
        """The account of this stream: sealed in the opening of the round, and after that in the ledger (L21).

        Raises:
            KeyMissingError: nobody can say any more whose it is.
            SealBrokenError: what was sealed there is another account's, or another portal's (L1).
        """
        account = await self._unsealed_account(loaded)
        if self._streams.name(account) != loaded.stream:
            raise SealBrokenError("account")
        return account

    async def _unsealed_account(self, loaded: Loaded) -> AccountId:
        number = _round(loaded).number
        try:
            key = round_key(loaded.stream, number)
            return AccountId(await self._streams.unsealed(loaded, RoundOpened, "account", key))
        except (KeyMissingError, KeyDestroyedError) as error:
            if isinstance(error, KeyMissingError):
                _log.error("%s; the ledger is asked whose account it is", error)
            for entry in await self._wiring.ledger.find(loaded.stream, number):
                return self._wiring.keyring.unseal_account(
                    entry.sealed_account, portal=self._wiring.name, stream=loaded.stream, round_number=number
                )
            raise

    async def _account(self, loaded: Loaded) -> Account | None:
        return await self._outside.find(await self.account_id(loaded))

    # --- freeze, recheck, give back -----------------------------------------------------------------------

    async def _freeze(self, task: PendingTask, loaded: Loaded, fence: int) -> Command:
        """Hold the account; one sanctioned since the confirmation is given back, for no freeze may hide that (L14)."""
        account = await self._account(loaded)
        if account is not None and account.standing == "suspended":
            return GiveAccountBack(cause="account_suspended")
        await self._closings.hold(loaded)
        await self._wiring.accounts.freeze(await self.account_id(loaded), fence)
        return FinishTask(task=task.name)

    async def _revoke_sessions(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        await self._wiring.accounts.revoke_sessions(await self.account_id(loaded))
        return FinishTask(task=task.name)

    async def _unfreeze(self, task: PendingTask, loaded: Loaded, fence: int) -> Command:
        await self._wiring.accounts.unfreeze(await self.account_id(loaded), fence)
        return FinishTask(task=task.name)

    async def _recheck(self, _: PendingTask, loaded: Loaded, __: int) -> Command:
        """Everything that the point of no return fixes: findings, data sets, tasks, and where the farewell goes."""
        account = await self._account(loaded)
        terms = _round(loaded).terms
        return RecheckAccount(
            account=account,
            findings=() if account is None else await self._outside.findings(terms, account),
            data_sets=self._wiring.planned_data_sets,
            host_tasks=tuple(PlannedTask(one.name, one.after, one.mandatory) for one in self._wiring.tasks.values()),
            farewell=None if account is None else _farewell_of(account),
            jitter=self._jitter(),
        )

    # --- the host's tasks, the tombstone, the retirement --------------------------------------------------

    async def _host(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        host = self._wiring.tasks.get(task.subject)
        if host is None:
            return self.failed(task, "permanent", "not_registered")
        key = f"{loaded.stream}.{_round(loaded).number}.{task.name}"
        match await host.run(TaskJob(account=await self.account_id(loaded), key=key)):
            case Done():
                return FinishTask(task=task.name)
            case Again() as again:
                return PostponeTask(task=task.name, after=again.after)
            case Failed() as failed:
                return self.failed(task, failed.kind, failed.code)

    async def _tombstone(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        """Reserve the login name, before the account that has it is retired (L27)."""
        account = await self._account(loaded)
        reserved_for = _round(loaded).terms.tombstone_for
        if account is not None and account.login_name is not None and reserved_for is not None:
            digest = self._wiring.keyring.tombstone(self._wiring.name, account.login_name)
            await self._wiring.tombstones.lay(digest, self._wiring.clock.now() + reserved_for)
        return FinishTask(task=task.name)

    async def _retire(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        await self._wiring.accounts.retire(await self.account_id(loaded))
        return FinishTask(task=task.name)

    async def _destroy_key(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        """First the intent, in the journal; in the next run the destruction itself (L23)."""
        if task.cursor != INTENDED:
            return IntendKeyDestruction(task=task.name)
        if task.kind == "destroy_key":
            await self._wiring.vault.destroy(round_key(loaded.stream, int(task.subject)))
        else:
            await self._wiring.vault.destroy(farewell_key(loaded.stream, _round(loaded).number))
        return FinishTask(task=task.name)

    # --- letters ------------------------------------------------------------------------------------------

    async def _tell_locked(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        return await self._tell(task, loaded, "locked")

    async def _tell_given_back(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        return await self._tell(task, loaded, "given_back")

    async def _tell(self, task: PendingTask, loaded: Loaded, kind: LetterKind) -> Command:
        account = await self._account(loaded)
        to = None if account is None else account.contact("email")
        if account is None or to is None:
            return self.failed(task, "permanent", "no_address")
        until = loaded.closure.attempts.locked_until if kind == "locked" else None
        await self._wiring.messages.send(
            Letter(
                kind=kind,
                to=to,
                locale=match_locale(account.locale) or "en",
                portal=self._wiring.name,
                id=f"{loaded.stream}.{task.name}",
                until=until,
            )
        )
        return FinishTask(task=task.name)

    async def _farewell(self, task: PendingTask, loaded: Loaded, _: int) -> Command:
        """The last message, with the reference; its address is opened for this and for nothing else (L26)."""
        this, stage = _round(loaded), loaded.closure.stage
        key = stage.confirmed.key if isinstance(stage, Closed | Closing) else self._wiring.keyring.current
        text = await self._streams.unsealed(loaded, ErasureBegun, "farewell", farewell_key(loaded.stream, this.number))
        where: dict[str, str] = json.loads(text)
        await self._wiring.messages.send(
            Letter(
                kind="farewell",
                to=ContactPoint(channel="email", address=where["address"], version=where["version"]),
                locale=where["locale"],
                portal=self._wiring.name,
                id=f"{loaded.stream}.{this.number}.farewell",
                reference=self._wiring.keyring.reference(self._wiring.name, loaded.stream, this.number, key=key),
            )
        )
        return FinishTask(task=task.name)


def _code(problem: object) -> str:
    """The adapter's code, where it is one; a text that could hold anything goes nowhere (L22)."""
    return problem if isinstance(problem, str) and is_code(problem) else "adapter_failed"


def _farewell_of(account: Account) -> Clear | None:
    """Where the farewell goes, as text to be sealed under a key of its own; None without an e-mail address."""
    to = account.contact("email")
    if to is None:
        return None
    locale = match_locale(account.locale) or "en"
    return Clear(json.dumps({"address": to.address, "version": to.version, "locale": locale}))


def _round(loaded: Loaded) -> Round:
    """The round under way, or the last.

    Raises:
        KeyMissingError: there never was one, so there is nobody this could be about.
    """
    this = loaded.closure.round
    if this is None:
        raise KeyMissingError(loaded.stream)
    return this
