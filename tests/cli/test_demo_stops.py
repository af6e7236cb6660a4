"""The demonstration when something goes wrong: one line, the right status, and nothing left behind."""

from __future__ import annotations

import smtplib
import tempfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import NoReturn

import pytest

from hht_closure.cli import main
from hht_closure.cli.demo.erasing import Watcher
from hht_closure.cli.demo.outside import look
from hht_closure.cli.demo.screen import JsonScreen
from hht_closure.cli.demo.stage import Stage, opened_stage
from hht_closure.cli.demo.steps import StoryError, Words
from hht_closure.cli.demo.story import Story
from hht_closure.portal import UnsafeCheapHasher
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from tests.cli.evidence import NOW

QUICK = ["demo", "--json", "--messages", "1", "--locale", "en"]


def stopped(stage_folder: Path, wrong: Callable[[Stage], None]) -> str:
    """What is said when that has gone wrong before the first step."""
    words = Words("en")
    with opened_stage(
        stage_folder,
        words=words,
        seed=3,
        messages=5,
        clock=ManualClock(NOW),
        entropy=UnsafeSeededEntropy(3),
        hasher=UnsafeCheapHasher(),
        observer=Watcher(JsonScreen(StringIO()), words),
    ) as stage:
        outlook = look(stage.portal_file, stage.person.account)
        wrong(stage)
        with pytest.raises(StoryError) as error:
            list(Story(stage, outlook).steps())
    return str(error.value)


def write(stage: Stage, statement: str) -> None:
    """One statement about the person's account."""
    with stage.sample.database.transaction() as connection:
        connection.execute(statement, (stage.person.account,))


def the_password_is_another(stage: Stage) -> None:
    """Nobody can log in."""
    write(stage, "UPDATE users SET password_hash = 'unsafe:' WHERE id = ?")


def nothing_is_in_the_way(stage: Stage) -> None:
    """Everything was settled before."""
    stage.customer.settle_orders(stage.person.account)
    stage.customer.pay_invoices(stage.person.account)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (the_password_is_another, "login: user name and password opened no session"),
        (nothing_is_in_the_way, "blocked: an unfinished order and an unpaid invoice were not both in the way"),
    ],
)
def test_a_story_that_cannot_go_on_says_where_it_stopped(
    tmp_path: Path, wrong: Callable[[Stage], None], said: str
) -> None:
    """With the step's code."""
    assert said in stopped(tmp_path, wrong)


def test_a_mail_that_does_not_arrive_stops_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and one line; the steps that were taken stand there."""

    def lost(*_: object, **__: object) -> NoReturn:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(smtplib.SMTP, "send_message", lost)
    assert main(QUICK) == 1
    said = capsys.readouterr()
    assert said.err == "hht-closure demo: the demonstration stopped at email_code: no message with a code has arrived\n"
    assert said.out.splitlines()[-1].startswith('{"step": "sms_code"')


def test_a_disk_that_takes_nothing_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Status 1, and no traceback."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    assert main(QUICK) == 1
    said = capsys.readouterr().err
    assert (said.startswith("hht-closure demo: FileNotFoundError: "), said.count("\n")) == (True, 1)


def test_an_interrupt_ends_it_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As Control-C does; the servers stop, and the temporary directory goes."""

    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(smtplib.SMTP, "send_message", interrupted)
    assert main(QUICK) == 130
    assert capsys.readouterr().err == "hht-closure demo: interrupted\n"
    assert list(tmp_path.iterdir()) == []
