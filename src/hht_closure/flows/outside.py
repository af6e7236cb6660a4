"""What the flows ask outside before anything is decided: the account, the preconditions, the data sets."""

from __future__ import annotations

from hht_closure.account import Account, AccountId, Principal
from hht_closure.commands import Findings
from hht_closure.errors import ClosureError, ClosureRefused, PortError, WiringError, refusal
from hht_closure.flows.stream import Loaded
from hht_closure.flows.wiring import Wiring
from hht_closure.lifecycle import hold_on
from hht_closure.policy import Finding, NoticeText, Portion, Terms, Unknown
from hht_closure.texts import match_locale

Fates = tuple[tuple[str, tuple[Portion, ...]], ...]
"""What would become of each data set, by its name."""


class Outside:
    """The host's side, as the flows ask it."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def account(self, principal: Principal) -> Account:
        """The principal's own account as it stands; there is no other way to name one (L1).

        Raises:
            ClosureRefused: ``account_unknown``.
        """
        account = await self.find(account_of(principal))
        if account is None:
            raise ClosureRefused((refusal("account_unknown"),))
        return account

    async def find(self, account: AccountId) -> Account | None:
        """The account, or None where there is none any more.

        Raises:
            PortError: the directory gave somebody else's (L1).
        """
        found = await self._wiring.accounts.get(account)
        if found is not None and found.id != account:
            raise PortError("AccountDirectory.get", "another_account")
        return None if found is None or found.standing == "retired" else found

    async def findings(self, terms: Terms, account: Account) -> Findings:
        """What each of the terms' preconditions answers now."""
        return tuple([(name, await self._finding(name, account)) for name in terms.preconditions])

    async def _finding(self, name: str, account: Account) -> Finding:
        """One that fails, or that nobody has any more, is unknown; and unknown is not clean."""
        check = self._wiring.preconditions.get(name)
        if check is None:
            return Unknown()
        try:
            return await check.check(account)
        except WiringError:
            raise
        except ClosureError:
            return Unknown()

    async def fates(self, terms: Terms, loaded: Loaded, account: Account) -> Fates:
        """What would become of each of the terms' data sets, legal holds and all.

        Raises:
            ClosureRefused: ``terms_changed``; the portal no longer has what the round's terms name.
        """
        if any(name not in self._wiring.data_sets for name in terms.data_sets):
            raise ClosureRefused((refusal("terms_changed"),))
        return tuple([(name, await self._fate(name, loaded, account)) for name in terms.data_sets])

    async def _fate(self, name: str, loaded: Loaded, account: Account) -> tuple[Portion, ...]:
        portions = await self._wiring.data_sets[name].survey(account.id)
        hold = hold_on(loaded.closure, name, loaded.now(self._wiring.clock))
        return portions if hold is None else hold.over(portions)


def account_of(principal: Principal) -> AccountId:
    """Whose account it is: the principal's, and nothing in a request can say otherwise (L1).

    Raises:
        TypeError: it is no principal.
    """
    if not isinstance(principal, Principal):
        raise TypeError("a Principal is wanted")
    return principal.account


def notice_text(terms: Terms, locale: str) -> NoticeText:
    """The notice's wording in the language that fits ``locale`` (``zh-Hans-CN`` finds ``zh-CN``).

    Raises:
        ClosureRefused: ``locale_unknown``.
    """
    wanted = match_locale(locale)
    for one in terms.notices:
        if locale == one.locale or (wanted is not None and match_locale(one.locale) == wanted):
            return one
    raise ClosureRefused((refusal("locale_unknown"),))
