"""The catalogues are whole, equal in what they hold, and compiled."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from hht_closure.errors import REFUSAL_CODES, InvalidValueError
from hht_closure.policy.dispositions import DISPOSITIONS
from hht_closure.policy.terms import REASONS, STATEMENTS
from hht_closure.ports import LetterKind
from hht_closure.tasks import TaskKind
from hht_closure.texts import LOCALES, detailed_text, has_text, text
from hht_closure.verification import captcha, email_code, password, sms_code

FOLDERS = {"en": "en", "zh-CN": "zh_CN"}
STAGES = [
    "none",
    "eligibility",
    "reason",
    "verification",
    "confirmation",
    "cooling_off",
    "closing",
    "closed",
    "withdrawn",
    "lapsed",
]
TASKS = [
    "freeze",
    "unfreeze",
    "revoke_sessions",
    "recheck",
    "ledger_begun",
    "erase",
    "host",
    "tombstone",
    "retire",
    "destroy_key",
    "close",
    "ledger_closed",
    "farewell",
    "purge",
    "tell",
]
SAMPLE_DATA_SETS = ["messages", "contacts", "sessions", "profile", "orders", "invoices"]
LETTERS = [f"letter.{kind}.{part}" for kind in get_args(LetterKind) for part in ("subject", "text")]

NEEDED = (
    *(f"refusal.{code}" for code in REFUSAL_CODES),
    *(f"statement.{one.code}" for one in STATEMENTS),
    *(f"reason.{one.code}" for one in REASONS),
    *(f"factor.{one.name}" for one in (captcha, sms_code, email_code, password)),
    *(f"stage.{stage}" for stage in STAGES),
    *(f"disposition.{disposition}" for disposition in sorted(DISPOSITIONS)),
    *(f"task.{task}" for task in (*TASKS, *get_args(TaskKind))),
    *(f"data_set.{name}" for name in SAMPLE_DATA_SETS),
    *LETTERS,
    "blocker.unfinished_orders",
    "blocker.unpaid_invoices",
    "blocker.unknown",
    "answer.done",
    "answer.waived",
    "mail.code.subject",
    "mail.code.text",
    "sms.code.text",
)


def catalogue(locale: str, kind: str) -> bytes:
    """The bytes of one catalogue as it is shipped."""
    folder = files("hht_closure.texts") / "locale" / FOLDERS[locale] / "LC_MESSAGES"
    return (folder / f"hht_closure.{kind}").read_bytes()


def written(locale: str) -> Catalog:
    """The catalogue as it is written."""
    return read_po(io.BytesIO(catalogue(locale, "po")), locale=FOLDERS[locale], abort_invalid=True)


def forms(locale: str) -> Mapping[str, tuple[str, ...]]:
    """Every code with its texts: one, or singular and plural."""
    found: dict[str, tuple[str, ...]] = {}
    for message in written(locale):
        code = message.id if isinstance(message.id, str) else message.id[0]
        found[code] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    del found[""]
    return found


def compiled(source: io.BytesIO) -> list[tuple[str, str]]:
    """The messages of a compiled catalogue; its header, which names the compiler's version, aside."""
    return sorted((str(message.id), str(message.string)) for message in read_mo(source) if message.id)


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_compiled_is_what_is_written(locale: str) -> None:
    """The shipped ``.mo`` holds what its ``.po`` says now; else compile it again."""
    fresh = io.BytesIO()
    write_mo(fresh, written(locale))
    fresh.seek(0)
    assert compiled(io.BytesIO(catalogue(locale, "mo"))) == compiled(fresh)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("code", NEEDED)
def test_every_code_has_a_text(code: str, locale: str) -> None:
    """No person meets a bare code."""
    assert has_text(code, locale)


def test_both_catalogues_have_the_same_codes() -> None:
    """A text in one language has its counterpart in the other."""
    assert forms("en").keys() == forms("zh-CN").keys()


def test_both_catalogues_have_the_same_placeholders() -> None:
    """What one language says of a case, the other says, too: count, amount, time."""
    places = [
        {code: {frozenset(re.findall(r"\{(.*?)\}", form)) for form in texts} for code, texts in forms(locale).items()}
        for locale in LOCALES
    ]
    assert places[0] == places[1]


@pytest.mark.parametrize("locale", LOCALES)
def test_braces_are_placeholders_and_nothing_else(locale: str) -> None:
    """A template names parameters; it has no formats, attributes, indices or half braces."""
    texts = [form for texts in forms(locale).values() for form in texts]
    assert [one for one in texts if re.search(r"[{}]", re.sub(r"\{[a-z][a-z0-9_]*\}", "", one))] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_empty(locale: str) -> None:
    """Every form of every text says something."""
    assert [code for code, texts in forms(locale).items() if not all(one.strip() for one in texts)] == []


def test_chinese_texts_are_chinese() -> None:
    """No sentence was left in English: every Chinese text has Chinese characters in it."""
    assert [code for code, (one,) in forms("zh-CN").items() if not re.search("[\u4e00-\u9fff]", one)] == []


def test_a_text_has_its_parameters_filled_in() -> None:
    """What the placeholders name stands in the text."""
    assert text("mail.code.subject", "en", portal="Harbour") == "Your code for closing your Harbour account"


def test_a_text_is_given_in_the_persons_language() -> None:
    """The locale decides."""
    assert text("stage.closed", "zh-Hans-CN") == "已注销"


def test_a_language_that_we_do_not_have_gets_english() -> None:
    """A person always gets a sentence."""
    assert text("stage.closed", "fi") == "Closed"


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 order is not finished yet."), (2, "2 orders are not finished yet.")]
)
def test_the_count_decides_between_one_and_many(count: int, said: str) -> None:
    """English has a singular."""
    assert text("blocker.unfinished_orders.detailed", "en", count=count) == said


def test_chinese_counts_without_a_plural() -> None:
    """Chinese has one form for any number."""
    assert text("blocker.unfinished_orders.detailed", "zh-CN", count=1) == "您有 1 笔订单尚未完成。"


@pytest.mark.parametrize("code", ["no.such.code", "", "refusal."])
def test_a_code_without_a_text_is_an_error(code: str) -> None:
    """A code that nobody has written a text for is a programmer's mistake, and says so."""
    with pytest.raises(InvalidValueError, match="no_text"):
        text(code, "en")


def test_a_missing_parameter_is_an_error() -> None:
    """A text with a hole in it is not given out."""
    with pytest.raises(InvalidValueError, match="parameter_missing"):
        text("refusal.locked.detailed", "en")


@pytest.mark.parametrize(
    "hostile", ["{0.__class__}", "{portal}", "{portal.__init__.__globals__}", "%(portal)s", "{", "}}", r"\1\g<0>"]
)
def test_a_value_is_inert(hostile: str) -> None:
    """What stands in a value is put in as it is: it names nothing and reaches nothing."""
    assert text("letter.farewell.subject", "en", portal=hostile) == f"Your {hostile} account is closed"


def test_a_value_breaks_no_line() -> None:
    """A value stays within its line, so that it makes no header and no second message."""
    assert "\n" not in text("mail.code.subject", "en", portal="A\r\nBcc: b@example.org\u2028")


def test_a_value_turns_no_direction() -> None:
    """A value cannot make the rest of the sentence read backwards."""
    assert text("letter.farewell.subject", "en", portal="A\u202eB") == "Your AB account is closed"


def test_the_detailed_text_needs_all_its_parameters() -> None:
    """With all of them it is taken, and without one the plain text is."""
    assert detailed_text("refusal.note_too_long", "en", longest=500) == (
        "The note is too long. Please shorten it to 500 characters."
    )
    assert detailed_text("refusal.note_too_long", "en") == "The note is too long. Please shorten it."


def test_an_end_is_rounded_up_and_any_other_time_down() -> None:
    """By the parameter's name: what is locked ``until`` a time is open then; what was confirmed ``at`` one, was."""
    time = datetime(2026, 3, 4, 9, 5, 0, 142_000, tzinfo=UTC)
    assert "until 4 March 2026, 09:05:01 UTC." in text("refusal.locked.detailed", "en", until=time)
    assert "on 4 March 2026, 09:05 UTC." in text("demo.confirmation.confirmed", "en", at=time)


@pytest.mark.parametrize(
    ("locale", "portal", "said"),
    [
        ("zh-CN", "户户通", "您的户户通账号已注销"),
        ("zh-CN", "Harbour", "您的 Harbour 账号已注销"),
        ("zh-CN", "户户通 Plus", "您的户户通 Plus 账号已注销"),
        ("en", "户户通", "Your 户户通 account is closed"),
    ],
)
def test_no_space_parts_chinese_from_chinese(locale: str, portal: str, said: str) -> None:
    """A space sets off what is not Chinese in a Chinese text, and nothing else."""
    assert text("letter.farewell.subject", locale, portal=portal) == said


def test_the_spaces_of_a_column_stay() -> None:
    """Only the one space that belongs to a value goes."""
    assert text("verify_receipt.portal", "zh-CN", portal="户户通") == "  签发方      户户通"


def test_a_code_message_by_sms_says_what_it_is_for() -> None:
    """Whoever gets the SMS unasked reads that an account is to be closed, and what to do."""
    said = text("sms.code.text", "zh-CN", portal="港湾", code="004217", minutes=10)
    assert said == "【港湾】验证码 004217，您正在注销账号，10 分钟内有效。如非本人操作，请忽略，切勿将验证码告诉他人。"
