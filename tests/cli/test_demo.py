"""``hht-closure demo`` within this process: its steps, its options, and what becomes of its files."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from hht_closure.account import AccountId
from hht_closure.cli import main
from hht_closure.cli.demo import Wishes, run_demo
from hht_closure.cli.demo.outside import Outlook, look
from hht_closure.portal import UnsafeCheapHasher
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from tests.cli.evidence import NOW

STEPS = [
    "portal",
    "login",
    "explanation",
    "blocked",
    "settled",
    "statements",
    "reason",
    "captcha",
    "sms_code",
    "email_code",
    "notice",
    "confirmation",
    "erasure",
    "receipt",
    "farewell",
    "proofs",
    "result",
]
TASKS = [
    "recheck",
    "ledger_begun",
    "erase:sessions",
    "erase:messages",
    "erase:contacts",
    "erase:profile",
    "erase:orders",
    "erase:invoices",
    "tombstone",
    "retire",
    "destroy_key:1",
    "close",
    "ledger_closed",
    "farewell",
    "destroy_farewell_key",
]
PROOFS = ["rows", "others", "traces", "journal", "receipt", "head", "login", "reserved", "status", "farewell"]


def shown(wishes: Wishes) -> str:
    """What is shown of it, with a clock that stands still, cheap passwords and randomness that comes again."""
    out = StringIO()
    proved = run_demo(
        wishes,
        out=out,
        clock=ManualClock(NOW),
        entropy=UnsafeSeededEntropy(wishes.seed),
        hasher=UnsafeCheapHasher(),
    )
    assert proved
    return out.getvalue()


def lines(wishes: Wishes) -> list[dict[str, object]]:
    """The JSON lines of it."""
    return [json.loads(line) for line in shown(wishes).splitlines()]


def test_every_step_is_a_json_line_with_a_stable_code() -> None:
    """In their order; tasks, progress and proofs stand between them."""
    told = lines(Wishes(locale="en", messages=30, as_json=True))
    assert [one["step"] for one in told if one["step"] not in {"task", "erasing", "proof"}] == STEPS


def test_every_task_and_every_proof_has_its_line() -> None:
    """In the order of DESIGN, chapter 7; and every proof holds."""
    told = lines(Wishes(locale="en", messages=30, as_json=True))
    assert [one["task"] for one in told if one["step"] == "task"] == TASKS
    assert [(one["name"], one["holds"]) for one in told if one["step"] == "proof"] == [(name, True) for name in PROOFS]


def test_both_blockers_are_in_one_answer() -> None:
    """With counts, the amount, and where to put each right; the statements that are missing are named with them."""
    told = next(one for one in lines(Wishes(locale="en", messages=5, as_json=True)) if one["step"] == "blocked")
    amount = re.search(r'"amount": (\d+)', json.dumps(told))
    assert amount is not None
    assert told["blockers"] == [
        {"code": "unfinished_orders", "remedy": "/orders", "count": 1},
        {
            "code": "unpaid_invoices",
            "remedy": "/invoices",
            "count": 1,
            "amount": int(amount[1]),
            "currency": "CNY",
        },
    ]
    assert told["refused"] == ["blocked", "blocked", "statement_unanswered", "statement_unanswered"]


def test_a_large_set_is_erased_in_batches_that_are_shown() -> None:
    """Five hundred at a time."""
    told = lines(Wishes(locale="en", messages=1_100, as_json=True))
    assert [one["erased"] for one in told if one["step"] == "erasing" and one["data_set"] == "messages"] == [
        500,
        1000,
        1100,
    ]


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        (
            "en",
            (
                "1 order is not finished yet.",
                "Put it right at /invoices",
                "A wrong code, 000000: rejected. Attempts left: 4",
                "the point of no return",
                "Chat messages erased: 30",
                "Log-in sessions: all of them ended with the confirmation",
                "login.principal(login.log_in(name, password))",
                "Huhutong (户户通) states that the account was closed",
                "Kept because of: E-commerce Law (CN) Art. 31.",
                "Everything was proved",
            ),
        ),
        (
            "zh-CN",
            (
                "您有 1 笔订单尚未完成。",
                "请前往 /invoices 处理",
                "输入错误的验证码 000000：未通过，还可尝试 4 次",
                "此后不可撤销",
                "聊天记录已删除：30",
                "登录会话：确认时已全部结束",
                "您的户户通账号已注销",
                "保留依据：《电子商务法》第三十一条。",
                "依据：《民法典》第五百零九条；",
                "依据：《民法典》第五百七十九条；",
                "全部验证通过",
            ),
        ),
    ],
)
def test_it_is_told_in_the_persons_language(locale: str, words: tuple[str, ...]) -> None:
    """What is in the way, the verdict, the point of no return, the erasure, the result."""
    told = shown(Wishes(locale=locale, messages=30))
    assert [word for word in words if word not in told] == []


def test_a_ground_in_chinese_has_no_english_in_it() -> None:
    """The sample portal's own grounds are all translated."""
    told = shown(Wishes(locale="zh-CN", messages=5))
    assert [word for word in ("Art.", "service agreement", "Civil Code", "告别") if word in told] == []


def test_how_many_messages_are_looked_for_is_said() -> None:
    """Not all of them are: 25 of those that nobody else has."""
    (proof,) = (one for one in lines(Wishes(locale="en", messages=300, as_json=True)) if one.get("name") == "traces")
    assert (proof["messages"], proof["texts"], proof["found"]) == (25, 29, 0)


def test_the_confirmation_is_not_said_to_be_in_the_future() -> None:
    """A fraction of a second that has passed is left out."""
    out = StringIO()
    clock = ManualClock(NOW + timedelta(seconds=10, milliseconds=142))
    wishes = Wishes(locale="en", messages=5)
    run_demo(wishes, out=out, clock=clock, entropy=UnsafeSeededEntropy(1), hasher=UnsafeCheapHasher())
    assert "Confirmed on 1 March 2026, 08:00:10 UTC." in out.getvalue()


def test_every_step_has_a_number() -> None:
    """From one, without a gap."""
    told = shown(Wishes(locale="en", messages=30)).splitlines()
    assert [line.partition(".")[0] for line in told if line[:1].isdigit()] == [str(n) for n in range(1, 17)]


def outlook(directory: Path, seed: int, messages: int = 30) -> Outlook:
    """What the portal of that seed holds of the others when the demonstration is over."""
    shown(Wishes(locale="en", directory=directory, seed=seed, messages=messages))
    return look(directory / "portal.db", AccountId("u0000002"))


def test_the_same_seed_gives_the_same_portal(tmp_path: Path) -> None:
    """The same people with the same messages, orders and invoices."""
    assert outlook(tmp_path / "a", 7) == outlook(tmp_path / "b", 7)


def test_another_seed_gives_another_portal(tmp_path: Path) -> None:
    """Other people."""
    assert outlook(tmp_path / "a", 7).others_digest != outlook(tmp_path / "b", 8).others_digest


def test_a_directory_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    """With the portal, the three files of the library, the receipt and the keys, and nothing else."""
    kept = tmp_path / "new" / "kept"
    shown(Wishes(locale="en", directory=kept, messages=5))
    assert sorted(str(one.relative_to(kept)) for one in kept.rglob("*") if one.is_file()) == [
        "closures/journal.db",
        "closures/keys.db",
        "closures/ledger.db",
        "keys.jwks.json",
        "portal.db",
        "receipt-key.pem",
        "receipt.jws",
    ]
    assert not (kept / "receipt.jws").read_bytes().endswith(b"\n")


def test_without_a_directory_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary one goes with everything in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shown(Wishes(locale="en", messages=5))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_empty_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 and one line, before anything is told; what is in it is left alone."""
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["demo", "--directory", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"hht-closure demo: {tmp_path}: the directory is not empty; name a new one\n"
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 and one line."""
    file = tmp_path / "file"
    file.touch()
    assert main(["demo", "--directory", str(file)]) == 2
    assert capsys.readouterr().err == f"hht-closure demo: {file}: File exists\n"


def test_the_command_ends_with_0_when_everything_was_proved(capsys: pytest.CaptureFixture[str]) -> None:
    """And has shown it."""
    assert main(["demo", "--json", "--locale", "zh-Hans-CN", "--messages", "5"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told[0]["locale"], told[-1]) == ("zh-CN", {"step": "result", "proved": True, "directory": None})
