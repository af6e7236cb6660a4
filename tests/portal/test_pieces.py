"""The sample portal put together: names that fit, terms that hold, notices that say what will happen."""

from __future__ import annotations

import pytest

from hht_closure.errors import ClosureRefused, PortError
from hht_closure.portal.pieces import TOMBSTONE_FOR
from hht_closure.ports import AccountDirectory, DataSet, Precondition
from hht_closure.verification import can_do_without, missing_factors
from tests.portal.stage import Stage


def test_the_pieces_are_what_the_ports_ask_for(stage: Stage) -> None:
    """The type checkers see that directory, preconditions and data sets keep to their protocols."""
    directory: AccountDirectory = stage.pieces.directory
    preconditions: tuple[Precondition, ...] = stage.pieces.preconditions
    data_sets: tuple[DataSet, ...] = stage.pieces.data_sets
    assert (directory is not None, len(preconditions), len(data_sets)) == (True, 2, 6)


def test_the_terms_name_every_precondition_and_data_set(stage: Stage) -> None:
    """What is there is asked, and what is there goes."""
    terms = stage.pieces.terms
    assert terms.preconditions == ("no_unfinished_orders", "no_unpaid_invoices")
    assert terms.data_sets == ("sessions", "messages", "contacts", "profile", "orders", "invoices")


def test_the_captcha_comes_before_the_phone_and_the_phone_before_the_mailbox(stage: Stage) -> None:
    """All three are asked for, in this order (L8)."""
    proved = {"login_again"}
    assert missing_factors(stage.pieces.terms.requirement, proved) == ("captcha", "email_code")
    assert missing_factors(stage.pieces.terms.requirement, ()) == ("captcha", "sms_code", "login_again", "email_code")


def test_whose_number_is_gone_has_another_way(stage: Stage) -> None:
    """The SMS, which is a restricted factor, can be done without (NIST SP 800-63B, 3.2.9)."""
    assert can_do_without(stage.pieces.terms.requirement, "restricted_possession") is True


def test_no_data_set_waits_for_one_that_comes_later(stage: Stage) -> None:
    """The sets stand in an order in which they can go."""
    names = [one.name for one in stage.pieces.data_sets]
    assert [
        one.name for one in stage.pieces.data_sets if not set(one.after) <= set(names[: names.index(one.name)])
    ] == []


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("zh-CN", ("不可撤销", "《电子商务法》第三十一条", "三年", "自行备份", "九十天", "凭证")),
        ("en", ("nobody can undo", "E-commerce Law", "three years", "Your own copies", "90 days", "receipt")),
    ],
)
def test_the_notice_says_what_closing_means(stage: Stage, locale: str, words: tuple[str, ...]) -> None:
    """No way back, what the law keeps and for how long, one's own copies, the reserved name, the receipt."""
    notice = stage.pieces.terms.notice_text(locale)
    assert notice is not None
    assert [word for word in words if word not in notice.text] == []


def test_the_login_name_is_reserved_for_as_long_as_the_notice_says(stage: Stage) -> None:
    """Ninety days."""
    assert (stage.pieces.terms.tombstone_for, TOMBSTONE_FOR.days) == (TOMBSTONE_FOR, 90)


def test_a_message_goes_to_a_contact_of_ones_own(stage: Stage) -> None:
    """Another user's contact is nobody to write to."""
    with pytest.raises(PortError):
        stage.customer.send_message(stage.other, 1, "hello")


def test_a_frozen_account_neither_pays_nor_settles(stage: Stage) -> None:
    """After the freeze nothing of the account changes but by the closing."""
    stage.pieces.directory.freeze(stage.person.account, 1)
    with pytest.raises(ClosureRefused, match="account_frozen"):
        stage.customer.pay_invoices(stage.person.account)
    with pytest.raises(ClosureRefused, match="account_frozen"):
        stage.customer.settle_orders(stage.person.account)
