"""How steps are shown: in words that fit, and as JSON lines."""

from __future__ import annotations

import json
from io import StringIO

import pytest

from hht_closure.cli.demo.screen import JsonScreen, RichScreen, wrapped
from hht_closure.cli.demo.steps import Line, Proof, Step, Table

STEP = Step(
    code="login",
    title="Log-in",
    call="login.log_in(...)",
    parts=(
        Line("say", "It was told."),
        Line("yes", "It was done."),
        Line("no", "It was refused."),
        Line("quote", "It was written."),
        Line("copy", "a/b --c"),
        Table(("Data", "Items"), (("Messages", "1,200"), ("联系人", "7")), frozenset({1})),
    ),
    facts={"means": "password", "portal": "户户通"},
)


class Terminal(StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    ("text", "room", "pieces"),
    [
        ("", 10, [""]),
        ("one two three", 8, ["one two", "three"]),
        ("one two", 7, ["one two"]),
        ("a-word-longer-than-that", 5, ["a-word-longer-than-that"]),
        ("注销账号不可撤销", 8, ["注销账号", "不可撤销"]),
        ("注销账号，不可撤销。", 8, ["注销账", "号，不可", "撤销。"]),
        ("请看（须知）再说", 6, ["请看", "（须", "知）再", "说"]),
        ("验证码 711751，有效", 15, ["验证码 711751，", "有效"]),
    ],
)
def test_a_text_is_broken_where_its_language_allows(text: str, room: int, pieces: list[str]) -> None:
    """At spaces, and between Chinese characters, but never before a mark that ends or after one that opens."""
    assert wrapped(text, room) == pieces


def test_a_step_is_shown_as_plain_text_outside_a_terminal() -> None:
    """With signs, with columns that stand under each other in both scripts, without colours and trailing blanks."""
    out = StringIO()
    RichScreen(out).show(STEP)
    assert out.getvalue().splitlines() == [
        "",
        "1. Log-in",
        "   login.log_in(...)",
        "   It was told.",
        "   ✓ It was done.",
        "   ✗ It was refused.",
        "   │ It was written.",
        "   a/b --c",
        "   Data       Items",
        "   Messages   1,200",
        "   联系人         7",
    ]


def test_markup_in_a_text_is_text() -> None:
    """What stands in brackets, or between colons, is shown as it is."""
    out = StringIO()
    RichScreen(out).begin("[bold]A[/bold] :smile: [link=x]")
    assert out.getvalue() == "[bold]A[/bold] :smile: [link=x]\n"


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick is green there."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    RichScreen(out).proof(Proof(name="journal", holds=True, text="It holds."))
    assert "\x1b[32m✓" in out.getvalue()


def test_a_terminal_shows_how_far_the_erasure_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bar for each data set."""
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    screen = RichScreen(out)
    with screen.working():
        screen.progress("messages", "Chat messages", 500, 1200)
    assert "500/1200" in out.getvalue()


def test_elsewhere_no_bars_are_drawn() -> None:
    """A file is no place for them."""
    out = StringIO()
    screen = RichScreen(out)
    with screen.working():
        screen.progress("messages", "Chat messages", 500, 1200)
        screen.done("freeze", "Hold the account")
    assert out.getvalue() == "   ✓ Hold the account\n"


def test_what_does_not_hold_has_a_cross() -> None:
    """A proof that failed cannot be overlooked."""
    out = StringIO()
    RichScreen(out).proof(Proof(name="journal", holds=False, text="It holds."))
    assert out.getvalue() == "   ✗ It holds.\n"


def test_json_lines_are_ascii_objects_with_a_step() -> None:
    """One line each, whatever is in it, that any program reads in any encoding."""
    out = StringIO()
    screen = JsonScreen(out)
    screen.begin("nothing of this")
    screen.show(STEP)
    screen.done("freeze", "Hold the account")
    screen.progress("messages", "Chat messages", 500, 1200)
    screen.proof(Proof(name="journal", holds=True, text="It holds.", facts={"entries": 7}))
    screen.end(proved=True, lines=(), facts={"directory": None})
    assert out.getvalue().isascii()
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"step": "login", "means": "password", "portal": "户户通"},
        {"step": "task", "task": "freeze"},
        {"step": "erasing", "data_set": "messages", "erased": 500, "total": 1200},
        {"step": "proof", "name": "journal", "holds": True, "entries": 7},
        {"step": "result", "proved": True, "directory": None},
    ]
