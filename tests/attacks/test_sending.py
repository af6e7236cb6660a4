"""Codes that are sent again, and budgets that hold when a number changes in between (L7, L8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
import pytest

from hht_closure.errors import ConflictError
from hht_closure.policy import SendLimits
from hht_closure.ports import Record
from tests.stage import LI, TERMS, WANG, MakeStage, Stage, refusal_codes


def _asked_for_an_sms(stage: Stage, account: str = "li") -> None:
    """An SMS code is asked for, after everything that comes before it."""
    who = stage.logged_in(account)
    stage.reason_given(who)
    stage.proved("captcha", who)
    stage.challenged("sms_code", who)


def _asked_again(stage: Stage) -> None:
    """The same code, asked for again as soon as that is possible."""
    _asked_for_an_sms(stage)
    stage.clock.advance(TERMS.codes.resend_after)
    stage.challenged("sms_code")


def test_a_code_sent_again_is_another_message(stage: Stage) -> None:
    """Its id is new: a gateway that drops what it has seen delivers what the person asked for (L8)."""
    _asked_again(stage)
    assert len({one.id for one in stage.sms.sent}) == len(stage.sms.sent) == 2


def test_a_code_sent_again_is_the_same_code(stage: Stage) -> None:
    """The twin: the same digits while the challenge lives (L7)."""
    _asked_again(stage)
    first, second = [one.code.reveal() for one in stage.sms.sent]
    assert first == second


def _number_changes_meanwhile(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next append somebody else comes first, and ``li`` has ``wang``'s number."""
    journal = stage.store.journal
    append = journal.append

    def come_second(
        stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        monkeypatch.setattr(journal, "append", append)
        stage.accounts.change_contact(LI.id, "sms", WANG.contacts[0].address)
        raise ConflictError(stream, expected)

    monkeypatch.setattr(journal, "append", come_second)


def test_the_budget_of_the_number_that_is_sent_to_is_asked(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number changed between two tries of one call, and the new one has had its code: no more goes there (L8)."""
    stage = make_stage(attrs.evolve(TERMS, sends=SendLimits(per_destination=1)))
    _asked_for_an_sms(stage, "wang")
    stage.reason_given(stage.logged_in())
    stage.proved("captcha")
    _number_changes_meanwhile(stage, monkeypatch)
    refusal_codes(stage.service.challenge, stage.principal, "sms_code")
    assert [one.destination.reveal() for one in stage.sms.sent] == [WANG.contacts[0].address]


def test_a_conflict_alone_costs_one_sending(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: somebody else came first, the number is the same: it is paid for once, and the code goes out (L8)."""
    stage = make_stage(attrs.evolve(TERMS, sends=SendLimits(per_destination=1)))
    stage.reason_given()
    stage.proved("captcha")
    _number_changes_meanwhile(stage, monkeypatch)
    monkeypatch.setattr(stage.accounts, "change_contact", lambda *_: None)
    assert stage.challenged("sms_code").delivered is True
