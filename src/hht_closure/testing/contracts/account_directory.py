"""The law of an account directory, clause by clause."""

from __future__ import annotations

from functools import partial

from hht_closure.account import Account, AccountId
from hht_closure.errors import StaleTokenError
from hht_closure.ports import AccountDirectory
from hht_closure.testing.contracts._expect import PortContract, at_once, raises

NOBODY = AccountId("nobody-has-this-id")


class AccountDirectoryContract(PortContract):
    """Subclass it, override the three hooks, and your directory has its suite."""

    def make_directory(self) -> AccountDirectory:
        """A new directory. Called once in each test, before every other hook."""
        raise NotImplementedError("make_directory is a hook that the suite needs")

    def an_account(self) -> AccountId:
        """An account in the directory just made: open, with a contact point, and logged in at least once.

        Another account at each call (two are asked for at most). None has the id ``nobody-has-this-id``.
        """
        raise NotImplementedError("an_account is a hook that the suite needs")

    def live_sessions(self, account: AccountId) -> int:
        """How many sessions, tokens and pending password resets of that account the portal would still honour now."""
        raise NotImplementedError("live_sessions is a hook that the suite needs")

    def _standing(self, directory: AccountDirectory, account: AccountId) -> str:
        found = self.settled(directory.get(account))
        return "retired" if found is None else found.standing

    def _read(self, directory: AccountDirectory, account: AccountId) -> Account:
        found = self.settled(directory.get(account))
        assert found is not None
        return found

    def _freeze(self, directory: AccountDirectory, account: AccountId, token: int) -> None:
        self.settled(directory.freeze(account, token))

    def test_an_account_is_given_as_it_stands(self) -> None:
        """``get`` gives the account by its own id, open, with its contact points."""
        directory = self.make_directory()
        account = self.an_account()
        found = self._read(directory, account)
        assert (found.id, found.standing, bool(found.contacts)) == (account, "open", True)

    def test_where_there_is_no_account_there_is_none(self) -> None:
        """``get`` gives None for an id that was never issued."""
        directory = self.make_directory()
        assert self.settled(directory.get(NOBODY)) is None

    def test_looking_changes_nothing(self) -> None:
        """``get`` gives the same again, and ends no session."""
        directory = self.make_directory()
        account = self.an_account()
        before = self.live_sessions(account)
        assert self._read(directory, account) == self._read(directory, account)
        assert self.live_sessions(account) == before

    def test_a_frozen_account_says_so(self) -> None:
        """After ``freeze`` the standing is ``frozen``, and nothing else about the account has changed."""
        directory = self.make_directory()
        account = self.an_account()
        before = self._read(directory, account)
        self.settled(directory.freeze(account, 1))
        after = self._read(directory, account)
        assert after.standing == "frozen"
        assert (after.id, after.contacts, after.locale, after.login_name) == (
            before.id,
            before.contacts,
            before.locale,
            before.login_name,
        )

    def test_unfreezing_gives_the_earlier_standing_back(self) -> None:
        """``unfreeze`` makes an account that was open open again, with everything it had."""
        directory = self.make_directory()
        account = self.an_account()
        before = self._read(directory, account)
        self.settled(directory.freeze(account, 1))
        self.settled(directory.unfreeze(account, 2))
        assert self._read(directory, account) == before

    def test_freezing_again_does_not_forget_the_earlier_standing(self) -> None:
        """``freeze`` is repeatable: after two of them one ``unfreeze`` still gives an open account."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.freeze(account, 1))
        self.settled(directory.freeze(account, 1))
        self.settled(directory.freeze(account, 2))
        self.settled(directory.unfreeze(account, 3))
        assert self._standing(directory, account) == "open"

    def test_unfreezing_is_repeatable(self) -> None:
        """A second ``unfreeze`` under the same token is no error and changes nothing."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.freeze(account, 1))
        self.settled(directory.unfreeze(account, 2))
        self.settled(directory.unfreeze(account, 2))
        assert self._standing(directory, account) == "open"

    def test_a_late_freeze_is_refused(self) -> None:
        """A ``freeze`` whose token is lower than one that ``unfreeze`` has seen changes nothing (L18)."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.freeze(account, 3))
        self.settled(directory.unfreeze(account, 5))
        with raises(StaleTokenError):
            self.settled(directory.freeze(account, 4))
        assert self._standing(directory, account) == "open"

    def test_a_late_unfreeze_is_refused(self) -> None:
        """An ``unfreeze`` whose token is lower than one that ``freeze`` has seen leaves the account frozen (L18)."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.freeze(account, 5))
        with raises(StaleTokenError):
            self.settled(directory.unfreeze(account, 4))
        assert self._standing(directory, account) == "frozen"

    def test_a_refused_token_is_not_kept(self) -> None:
        """After a refusal the highest token seen is what it was: the same token as before still works."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.freeze(account, 5))
        with raises(StaleTokenError):
            self.settled(directory.unfreeze(account, 4))
        self.settled(directory.unfreeze(account, 5))
        assert self._standing(directory, account) == "open"

    def test_unfreezing_an_account_that_is_not_frozen_keeps_the_token(self) -> None:
        """A give-back that overtakes the freeze makes that freeze too late (L18)."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.unfreeze(account, 5))
        with raises(StaleTokenError):
            self.settled(directory.freeze(account, 4))
        assert self._standing(directory, account) == "open"

    def test_tokens_of_one_account_say_nothing_of_another(self) -> None:
        """Each account has a highest token of its own, and a freeze touches one account alone."""
        directory = self.make_directory()
        account, other = self.an_account(), self.an_account()
        self.settled(directory.freeze(account, 9))
        assert self._standing(directory, other) == "open"
        self.settled(directory.freeze(other, 1))
        assert self._standing(directory, other) == "frozen"

    def test_of_freezes_at_one_instant_the_highest_token_stays(self) -> None:
        """Eight callers with tokens 1 to 8: whatever their order, afterwards 7 is too late (L18)."""
        directory = self.make_directory()
        account = self.an_account()
        at_once([partial(self._freeze, directory, account, token) for token in range(1, 9)])
        assert self._standing(directory, account) == "frozen"
        with raises(StaleTokenError):
            self.settled(directory.unfreeze(account, 7))

    def test_revoking_ends_every_session(self) -> None:
        """After ``revoke_sessions`` no session, token or password reset of the account is honoured; repeatable."""
        directory = self.make_directory()
        account = self.an_account()
        assert self.live_sessions(account) > 0
        self.settled(directory.revoke_sessions(account))
        self.settled(directory.revoke_sessions(account))
        assert self.live_sessions(account) == 0

    def test_revoking_leaves_the_sessions_of_others(self) -> None:
        """``revoke_sessions`` touches one account alone."""
        directory = self.make_directory()
        account, other = self.an_account(), self.an_account()
        before = self.live_sessions(other)
        self.settled(directory.revoke_sessions(account))
        assert self.live_sessions(other) == before

    def test_a_retired_account_is_gone(self) -> None:
        """After ``retire`` there is no account, or one whose standing is ``retired``; repeatable."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.retire(account))
        self.settled(directory.retire(account))
        assert self._standing(directory, account) == "retired"

    def test_nobody_is_logged_in_to_a_retired_account(self) -> None:
        """``retire`` makes the log-in unusable for good, sessions included."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.retire(account))
        assert self.live_sessions(account) == 0

    def test_a_frozen_account_can_be_retired(self) -> None:
        """``retire`` works on the account as the closing leaves it: frozen."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.freeze(account, 1))
        self.settled(directory.retire(account))
        assert self._standing(directory, account) == "retired"

    def test_nothing_brings_a_retired_account_back(self) -> None:
        """After ``retire``, ``freeze`` and ``unfreeze`` do nothing, and are no error."""
        directory = self.make_directory()
        account = self.an_account()
        self.settled(directory.freeze(account, 1))
        self.settled(directory.retire(account))
        self.settled(directory.freeze(account, 2))
        self.settled(directory.unfreeze(account, 3))
        assert self._standing(directory, account) == "retired"

    def test_retiring_one_account_leaves_the_others(self) -> None:
        """``retire`` touches one account alone."""
        directory = self.make_directory()
        account, other = self.an_account(), self.an_account()
        before = self._read(directory, other)
        self.settled(directory.retire(account))
        assert self._read(directory, other) == before


class SuspendingDirectoryContract(AccountDirectoryContract):
    """For a portal that knows sanctions: the same suite, and that a closing does not lift one."""

    def a_suspended_account(self) -> AccountId:
        """An account in the directory just made whose standing is ``suspended``."""
        raise NotImplementedError("a_suspended_account is a hook that the suite needs")

    def test_a_suspension_survives_a_closing_given_back(self) -> None:
        """``unfreeze`` goes back to the standing before ``freeze``, also where that was ``suspended``."""
        directory = self.make_directory()
        account = self.a_suspended_account()
        self.settled(directory.freeze(account, 1))
        assert self._standing(directory, account) == "frozen"
        self.settled(directory.unfreeze(account, 2))
        assert self._standing(directory, account) == "suspended"
