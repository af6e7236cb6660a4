"""L1: every call acts for the principal's own account; a proof given by another account is refused."""

from __future__ import annotations

from hht_closure.stages import NOTHING
from tests.stage import LI, WANG, Stage, refusal_codes


def test_a_person_who_confirms_closes_their_own_account_alone(stage: Stage) -> None:
    """Li's closing leaves nothing of Li's account, and Wang's as it was (L1, PEERS)."""
    stage.closed()
    assert (stage.accounts.get(LI.id), stage.accounts.get(WANG.id)) == (None, WANG)


def test_logging_in_as_another_person_leaves_the_first_closure_untouched(stage: Stage) -> None:
    """Wang opens a round in between, and Li's stays where it was (L1, PEERS)."""
    stage.verified()
    before = stage.closure("li")
    stage.verified(stage.logged_in("wang"))
    assert stage.closure("li") == before


def test_what_one_person_proved_does_not_count_for_another(stage: Stage) -> None:
    """Li has proved everything; Wang, who has not, is told of every factor (L1)."""
    stage.verified()
    wang = stage.logged_in("wang")
    stage.reason_given(wang)
    codes = refusal_codes(stage.service.notice, wang, "en")
    assert codes == ("factor_unproved", "factor_unproved", "factor_unproved")


def test_a_nonce_confirms_for_nobody_but_the_person_it_was_given_to(stage: Stage) -> None:
    """Wang, ready to confirm, shows Li's nonce: refused, and both accounts stay open (L1, L11)."""
    li_nonce = stage.noticed().nonce
    wang = stage.logged_in("wang")
    stage.noticed(wang)
    assert (
        refusal_codes(stage.service.confirm, wang, li_nonce),
        [stage.accounts.get(one.id) for one in (LI, WANG)],
    ) == (("nonce_invalid",), [LI, WANG])


def test_withdrawing_withdraws_the_own_round_alone(stage: Stage) -> None:
    """Wang, who has no round, cannot end Li's (L1)."""
    stage.opened()
    assert (
        refusal_codes(stage.service.withdraw, stage.logged_in("wang")),
        stage.service.current(stage.principal).step,
        stage.closure("wang"),
    ) == (("no_round",), "eligibility", NOTHING)
