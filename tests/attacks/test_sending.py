"""Codes that are sent again, and budgets that hold when a number changes in between (L7, L8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs
import pytest

from hht_closure.account import Account
from hht_closure.adapters.codes import CodeVerifier
from hht_closure.errors import ConflictError, StoreUnavailableError
from hht_closure.policy import SendLimits
from hht_closure.ports import Allowance, Exhausted, Offer, Record
from hht_closure.service import ClosureService
from hht_closure.verification import sms_code
from tests.service.doubles import built
from tests.stage import LI, TERMS, WANG, Killed, MakeStage, Stage, at_a_barrier, refusal_codes

SMS = attrs.evolve(TERMS, requirement=sms_code)
HOLD_OFF = TERMS.codes.resend_after


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


def test_ten_conflicts_cost_one_sending(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody else comes first, each budget is asked once, and the code goes out (L8)."""
    stage = make_stage(attrs.evolve(SMS, sends=SendLimits(per_account=1)))
    stage.reason_given()
    watch, journal = stage.watched(), stage.store.journal
    append, tries = journal.append, list[str]()

    def come_eleventh(
        stream: str, expected: int, records: Sequence[Record], *, due: datetime | None, fence: int | None = None
    ) -> None:
        tries.append(stream)
        if len(tries) <= 10:
            raise ConflictError(stream, expected)
        append(stream, expected, records, due=due, fence=fence)

    monkeypatch.setattr(journal, "append", come_eleventh)
    assert (stage.challenged("sms_code").delivered, len(tries), watch.calls.count("budgets.take")) == (True, 11, 1)


def test_sixteen_tabs_at_one_instant_send_one_message(make_stage: MakeStage) -> None:
    """One goes out, and fifteen are told to wait (L8)."""
    stage = make_stage(SMS)
    stage.reason_given()
    asked, told = at_a_barrier(16, lambda _: stage.challenged("sms_code").delivered)
    assert (asked, told, len(stage.sms.sent)) == ([True], ["too_soon"] * 15, 1)


def test_what_is_paid_for_is_what_is_sent_to(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number changes right after the budget was taken: the message goes where it was paid for (L3, L8)."""
    stage = make_stage(attrs.evolve(SMS, sends=SendLimits(per_destination=1)))
    wang = stage.logged_in("wang")
    stage.reason_given(wang)
    stage.reason_given()
    take = stage.store.budgets.take

    def changed_then(allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        exhausted = take(allowances, now=now)
        monkeypatch.setattr(stage.store.budgets, "take", take)
        stage.accounts.change_contact(LI.id, "sms", WANG.contacts[0].address)
        return exhausted

    monkeypatch.setattr(stage.store.budgets, "take", changed_then)
    stage.challenged("sms_code")
    stage.challenged("sms_code", wang)
    assert [one.destination.reveal() for one in stage.sms.sent] == [LI.contacts[0].address, WANG.contacts[0].address]


def test_a_verifier_that_does_not_say_where_it_sends_sends_nothing(make_stage: MakeStage) -> None:
    """What cannot be counted is not sent (L8)."""

    class Uncounted(CodeVerifier):
        def offer(self, account: Account) -> Offer | None:
            return Offer(shown="to you")

    stage = make_stage(SMS)
    stage.reason_given()
    stage.service = built(ClosureService, stage, verifiers=(Uncounted(stage.sms),))
    assert (refusal_codes(stage.challenged, "sms_code"), stage.sms.sent) == (("temporarily_unavailable",), ())


# --- between the budget, the commit and the sending -------------------------------------------------------------


def _journal_full(_: int, name: str) -> None:
    if name == "journal.append":
        raise StoreUnavailableError("journal", "full")


def _dies_before(call: str) -> Callable[[int, str], None]:
    """The process ends when that call is about to be made."""

    def dies(_: int, name: str) -> None:
        if name == call:
            raise Killed

    return dies


def _asked_in_vain(stage: Stage, trouble: Callable[[int, str], None]) -> None:
    """A code is asked for, there is trouble, and the process begins anew."""
    stage.watch.before = trouble
    with pytest.raises((StoreUnavailableError, Killed)):
        stage.challenged("sms_code")
    stage.watch.before = lambda number, name: None
    stage.restarted()


TROUBLE = pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(_journal_full, id="the journal is full"),
        pytest.param(_dies_before("journal.append"), id="dead before the commit"),
        pytest.param(_dies_before("sms.send"), id="dead before the sending"),
    ],
)


@TROUBLE
def test_what_was_paid_for_and_not_sent_comes_after_the_hold_off(
    make_stage: MakeStage, trouble: Callable[[int, str], None]
) -> None:
    """Nothing goes out, at once it is too soon, and a minute later the code comes (L8, CRSH-01)."""
    stage = make_stage(SMS)
    stage.watched()
    stage.reason_given()
    _asked_in_vain(stage, trouble)
    told = refusal_codes(stage.challenged, "sms_code")
    stage.clock.advance(HOLD_OFF)
    assert (told, stage.challenged("sms_code").delivered, len(stage.sms.sent)) == (("too_soon",), True, 1)


@TROUBLE
def test_trouble_between_budget_and_sending_gives_nobody_more(
    make_stage: MakeStage, trouble: Callable[[int, str], None]
) -> None:
    """What was taken stays taken: five times in vain are the day's five (L8, CRSH-01)."""
    stage = make_stage(SMS)
    stage.watched()
    stage.reason_given()
    for _ in range(5):
        _asked_in_vain(stage, trouble)
        stage.clock.advance(HOLD_OFF)
    assert (refusal_codes(stage.challenged, "sms_code"), stage.sms.sent) == (("send_limit_reached",), ())


def test_a_commit_whose_answer_was_lost_sends_one_message(make_stage: MakeStage) -> None:
    """The journal has it and says nothing: read back, paid for once, sent once (L8, RACE-13)."""
    stage = make_stage(attrs.evolve(SMS, sends=SendLimits(per_account=1)))
    watch = stage.watched()
    stage.reason_given()

    def answer_lost(_: int, name: str) -> None:
        if name == "journal.append":
            raise ConnectionError("gone")

    watch.after = answer_lost
    assert (stage.challenged("sms_code").delivered, len(stage.sms.sent)) == (True, 1)


def test_a_gateway_that_fails_is_not_asked_more_often(make_stage: MakeStage) -> None:
    """A sending that failed was one: five in a day, also when none arrives (L8, CODE-27)."""
    stage = make_stage(SMS)
    watch = stage.watched()
    stage.reason_given()
    stage.sms.failing = True
    for _ in range(5):
        stage.challenged("sms_code")
        stage.clock.advance(HOLD_OFF)
    assert (refusal_codes(stage.challenged, "sms_code"), watch.calls.count("sms.send")) == (("send_limit_reached",), 5)
