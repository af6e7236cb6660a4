"""The law of a precondition, clause by clause."""

from __future__ import annotations

from hht_closure.account import Account
from hht_closure.policy import Blocked, Clean
from hht_closure.ports import Precondition
from hht_closure.testing.contracts._expect import PortContract


class PreconditionContract(PortContract):
    """Subclass it, override the two hooks, and your precondition has its suite."""

    def make_clean(self) -> tuple[Precondition, Account]:
        """A new precondition, and an account with nothing in its way. Called at most once in each test."""
        raise NotImplementedError("make_clean is a hook that the suite needs")

    def make_blocked(self) -> tuple[Precondition, Account]:
        """A new precondition, and an account with something in its way. Called at most once in each test."""
        raise NotImplementedError("make_blocked is a hook that the suite needs")

    def test_it_has_a_name(self) -> None:
        """``name`` is what the terms call it by: stable, and not empty."""
        precondition, _ = self.make_clean()
        assert precondition.name == precondition.name != ""

    def test_nothing_in_the_way_is_clean(self) -> None:
        """``check`` says ``Clean`` where nothing is in the way."""
        precondition, account = self.make_clean()
        assert self.settled(precondition.check(account)) == Clean()

    def test_what_is_in_the_way_is_named(self) -> None:
        """``check`` says ``Blocked`` with blockers of which at least one is more than advice."""
        precondition, account = self.make_blocked()
        finding = self.settled(precondition.check(account))
        assert isinstance(finding, Blocked)
        assert any(not blocker.advisory for blocker in finding.blockers)

    def test_each_blocker_is_named_once(self) -> None:
        """All that is in the way stands in one answer, and each kind of blocker in one place of it."""
        precondition, account = self.make_blocked()
        finding = self.settled(precondition.check(account))
        codes = [blocker.code for blocker in finding.blockers] if isinstance(finding, Blocked) else []
        assert len(codes) == len(set(codes)) > 0

    def test_checking_changes_nothing(self) -> None:
        """``check`` gives the same again, clean or blocked."""
        precondition, account = self.make_blocked()
        assert self.settled(precondition.check(account)) == self.settled(precondition.check(account))
