"""What other services ask before they act for an account: a webhook, a late job, a single sign-on.

A closing is known in two places. The journal knows what was closed, and goes on knowing it when the account's row is
gone, or has come back with a restored backup; the directory knows everything else. Who asks the directory alone books
a late payment on an account that was erased, and so brings it back.
"""

from __future__ import annotations

from hht_closure.account import AccountId, Standing
from hht_closure.errors import WiringError
from hht_closure.flows.calls import driven
from hht_closure.flows.outside import Outside
from hht_closure.flows.views import is_irreversible
from hht_closure.service.asynchronous import AsyncClosureService
from hht_closure.service.core import Core
from hht_closure.service.synchronous import ClosureService
from hht_closure.stages import Closed, Closing
from hht_closure.values import checked_text


class ClosureGuard:
    """How an account stands, for synchronous code.

    Args:
        service: of the portal whose accounts are meant; the same id at another portal is another account.
    """

    def __init__(self, service: ClosureService) -> None:
        if not isinstance(service, ClosureService):
            raise WiringError("a ClosureGuard wants a ClosureService; AsyncClosureGuard takes the other")
        self._standings = _Standings(service.core)

    def standing(self, account_id: AccountId) -> Standing:
        """How the account stands: only where it is ``open`` may anything be begun or booked for it.

        ``retired`` where it is closed, whatever the portal's own tables say, and where there is no such account: the
        two cannot be told apart (L9). At least ``frozen`` from the point of no return on (L15). Changes nothing (L10),
        and costs one reading of the directory and one of the journal.

        It is true of the moment of the question. What is then written for the account passes the guard of the host's
        own transaction (``assert_open``) as well, or a closing that begins in between is not seen.

        Raises:
            InvalidValueError: no account could have such an id.
            StoreUnavailableError: the directory or the journal cannot be read now; nobody knows, and it is not open.
            PortError: the directory failed, or gave another account.
            JournalBrokenError: what the journal has of the account is not what was appended.
        """
        return driven(self._standings.standing(account_id))


class AsyncClosureGuard:
    """How an account stands, for asynchronous code.

    Args:
        service: of the portal whose accounts are meant; the same id at another portal is another account.
    """

    def __init__(self, service: AsyncClosureService) -> None:
        if not isinstance(service, AsyncClosureService):
            raise WiringError("an AsyncClosureGuard wants an AsyncClosureService; ClosureGuard takes the other")
        self._standings = _Standings(service.core)

    async def standing(self, account_id: AccountId) -> Standing:
        """See :meth:`ClosureGuard.standing`."""
        return await self._standings.standing(account_id)


class _Standings:
    """What both objects ask."""

    def __init__(self, core: Core) -> None:
        self._streams = core.streams
        self._outside = Outside(core.wiring)

    async def standing(self, account_id: AccountId) -> Standing:
        """The directory first, then the journal: what that says of an ending was never true and then false again.

        So whatever the directory said is said of a moment at which the journal's answer held, too. Both are always
        asked, so that an account that is closed costs what one costs that never was (L9).
        """
        account_id = AccountId(checked_text(account_id, "account", longest=200))
        account = await self._outside.find(account_id)
        stage = (await self._streams.load(self._streams.name(account_id))).closure.stage
        if account is None or isinstance(stage, Closed):
            return "retired"
        if isinstance(stage, Closing) and is_irreversible(stage):
            return "frozen"
        return account.standing
