"""L1: every call acts for the principal's own account; a proof given by another account is refused."""

from __future__ import annotations

from hht_closure.errors import ClosureRefused
from tests.stage import Stage, refusal_codes


def test_a_person_who_confirms_closes_their_own_account_alone(stage: Stage) -> None:
    """Li's confirmation closes Li's account, and Wang's stays as it was (L1, PEERS)."""
    before = stage.accounts.get(stage.logged_in("wang").account)
    stage.closed()
    assert (stage.accounts.get(stage.principal.account), stage.accounts.get(stage.logged_in("wang").account)) == (
        None,
        before,
    )
