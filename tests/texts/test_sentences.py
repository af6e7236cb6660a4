"""Refusals and blockers as a person reads them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import get_args

import pytest

from hht_closure.errors import Parameter, Refusal, RefusalCode, refusal
from hht_closure.policy import Blocker
from hht_closure.texts import blocker_sentence, sentence

UNTIL = datetime(2026, 3, 4, 9, 5, tzinfo=UTC)


def a_blocker(code: str, **parameters: Parameter) -> Blocker:
    """Something in the way."""
    return Blocker(code=code, parameters=parameters, ground="contract 4.2", remedy="/orders")


def test_a_lock_says_until_when() -> None:
    """The time of a refusal stands in its sentence, with the zone."""
    assert sentence(refusal("locked", until=UNTIL), "en") == (
        "There were too many wrong answers, so closing this account is locked until 4 March 2026, 09:05 UTC. "
        "Then log in again and ask for a new code."
    )


def test_a_lock_says_until_when_in_chinese() -> None:
    """The same in the person's language."""
    assert sentence(refusal("locked", until=UNTIL), "zh-CN") == (
        "错误次数过多，注销操作已锁定至 2026年3月4日 09:05（UTC）。届时请重新登录并获取新的验证码。"
    )


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize("code", get_args(RefusalCode))
def test_a_missing_parameter_costs_no_person_a_sentence(code: RefusalCode, locale: str) -> None:
    """A refusal without its parameters has a sentence without a hole."""
    assert "{" not in sentence(refusal(code), locale)


@pytest.mark.parametrize(("locale", "said"), [("en", "Attempts left: 3"), ("zh-CN", "还可尝试 3 次。")])
def test_a_malformed_answer_says_how_many_are_left(locale: str, said: str) -> None:
    """It cost an attempt, and whoever typed it should know."""
    assert sentence(refusal("answer_malformed", attempts_left=3), locale).endswith(said)


def test_a_factor_is_said_in_words() -> None:
    """A parameter that is a code of ours is said as people call it."""
    assert sentence(refusal("factor_unproved", factor="sms_code"), "zh-CN") == "请先完成身份验证：短信验证码。"


def test_a_factor_of_the_hosts_is_said_by_its_name() -> None:
    """A name that we have no text for is better than none."""
    assert sentence(refusal("factor_unproved", factor="bank_card"), "en") == (
        "Please prove first that it is you: bank_card."
    )


def test_a_statement_is_said_in_words() -> None:
    """The person reads which statement is open."""
    assert "我已备份需要保留的数据。" in sentence(refusal("statement_unanswered", statement="data_backed_up"), "zh-CN")


def test_a_parameter_cannot_borrow_another_text() -> None:
    """A value that is written like a code says nothing but itself."""
    assert sentence(refusal("factor_unproved", factor="captcha.x}{until"), "en").endswith("captcha.x}{until.")


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "2 invoices are not paid yet, CNY 1,234.50 in all."),
        ("zh-CN", "您有 2 张账单尚未支付，共计 1,234.50 元。"),
    ],
)
def test_arrears_are_said_with_count_and_sum(locale: str, said: str) -> None:
    """How much is in the way stands in the sentence, in money and not in fen."""
    assert blocker_sentence(a_blocker("unpaid_invoices", count=2, amount=123_450, currency="CNY"), locale) == said


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "Something must be settled before this account can be closed (prize_pending)."),
        ("zh-CN", "注销前还有一项事务需要处理（prize_pending）。"),
    ],
)
def test_a_hosts_own_blocker_has_a_general_sentence(locale: str, said: str) -> None:
    """A code that the catalogue does not know is named, so that support can be told."""
    assert blocker_sentence(a_blocker("prize_pending", count=1), locale) == said


@pytest.mark.parametrize("code", ["unknown", "unpaid_invoices"])
def test_a_blocker_has_a_sentence_whatever_it_is_called(code: str) -> None:
    """A host's code may be a word of the catalogue's, and may come without parameters."""
    assert "{" not in blocker_sentence(a_blocker(code), "en")


@pytest.mark.parametrize("currency", ["", "yuan", "\n"])
def test_an_amount_of_no_currency_is_not_said(currency: str) -> None:
    """A figure in fen without its currency would be read as something else."""
    said = blocker_sentence(a_blocker("unpaid_invoices", count=2, amount=5, currency=currency), "en")
    assert said == "There are invoices that are not paid yet."


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"blocker": "unfinished_orders", "count": 2}, "2 orders are not finished yet. Please settle this first."),
        ({"blocker": "unfinished_orders"}, "There are orders that are not finished yet. Please settle this first."),
        (
            {"blocker": "prize_pending", "count": 2},
            "Something must be settled before this account can be closed (prize_pending). Please settle this first.",
        ),
        ({"count": 2}, "Something must be settled before this account can be closed. It is listed below."),
    ],
)
def test_a_refusal_for_a_blocker_says_the_blocker(parameters: dict[str, Parameter], said: str) -> None:
    """Who is refused reads what is in the way, with all that is known of it."""
    assert sentence(Refusal("blocked", parameters), "en") == said


def test_catalogues_are_read_at_first_use() -> None:
    """Importing the texts loads neither gettext nor Babel; a first sentence needs no Babel either."""
    script = (
        "import sys; import hht_closure.texts as t; print('gettext' in sys.modules);"
        "t.text('stage.closed', 'en'); print('gettext' in sys.modules, 'babel' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "True", "False"]
