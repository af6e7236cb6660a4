"""Whoever has messages sent for money, or to annoy: numbers that get none, and budgets that hold (L8)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Final

import attrs
import pytest

from hht_closure.account import Account, AccountId, ContactPoint, Principal
from hht_closure.adapters.codes import CodeVerifier, email_code_verifier, sms_code_verifier
from hht_closure.adapters.memory import MemoryStore
from hht_closure.adapters.phone import MobileNumbers
from hht_closure.errors import ClosureRefused, Refusal, StoreUnavailableError, refusal
from hht_closure.events import SendingStopped
from hht_closure.flows.answers import View
from hht_closure.policy import SendLimits, Terms
from hht_closure.ports import Allowance, CodeMessage, Exhausted
from hht_closure.service import AsyncClosureService, ClosureService
from hht_closure.verification import Factor, email_code, sms_code
from tests.service.doubles import built, loose, refusals
from tests.stage import LI, NOW, TERMS, WANG, MakeStage, Stage, Watch, at_a_barrier, refusal_codes

NUMBERS: Final = MobileNumbers(regions=("CN", "GB"), disallowed=("+86170",))
DAY: Final = timedelta(days=1)
HOLD_OFF: Final = TERMS.codes.resend_after
BY_TWO_TELEPHONE_FACTORS: Final = sms_code | Factor("sms_backup", "restricted_possession") | email_code


def _terms(**limits: int) -> Terms:
    """Any code will do, checks stay good, and this is what may be sent in a day."""
    return attrs.evolve(
        TERMS,
        requirement=sms_code | email_code,
        sends=SendLimits(**limits),
        check_valid_for=timedelta(days=30),
        round_valid_for=timedelta(days=60),
    )


def _guarded(stage: Stage) -> Stage:
    """The stage with a service that writes to mobile numbers alone, by two factors that share the channel."""
    stage.policy.terms = stage.terms
    stage.service = built(
        ClosureService,
        stage,
        verifiers=(
            sms_code_verifier(stage.sms, numbers=NUMBERS),
            CodeVerifier(stage.sms, factor="sms_backup", numbers=NUMBERS),
            email_code_verifier(stage.email),
        ),
    )
    return stage


def _with_two_telephone_factors(stage: Stage) -> Stage:
    """The same, for terms that take either of them."""
    _guarded(stage)
    stage.policy.terms = attrs.evolve(stage.terms, requirement=BY_TWO_TELEPHONE_FACTORS)
    return stage


def _person(stage: Stage, name: str, *, sms: str | None = None, email: str | None = None) -> Principal:
    """Somebody new with these contact points, who may ask for a code now."""
    contacts = (
        *((ContactPoint(channel="sms", address=sms, version="s1"),) if sms is not None else ()),
        *((ContactPoint(channel="email", address=email, version="e1"),) if email is not None else ()),
    )
    stage.accounts.add(Account(id=AccountId(name), contacts=contacts))
    who = stage.logged_in(name)
    stage.reason_given(who)
    return who


def _people(stage: Stage, *numbers: str) -> list[Principal]:
    """One person for each of these numbers."""
    return [_person(stage, f"person-{place}", sms=number) for place, number in enumerate(numbers)]


def _told(stage: Stage, who: Principal, factor: str = "sms_code") -> str:
    """What comes of asking for a code."""
    try:
        return "sent" if stage.challenged(factor, who).delivered else "not delivered"
    except ClosureRefused as refused:
        return ",".join(refused.codes)


def _destinations(messages: Sequence[CodeMessage]) -> list[str]:
    return [one.destination.reveal() for one in messages]


def _alarms(stage: Stage) -> list[tuple[str, str]]:
    """Channel and budget of every alarm, in order."""
    return [(one.channel, one.budget) for one in stage.happened.events if isinstance(one, SendingStopped)]


# --- numbers that get no message (ABU-03) ------------------------------------------------------------------------

LI_NORMAL: Final = "+8613800001234"
NOT_WRITTEN_TO: Final = {
    "premium rate": "+449012345678",
    "shared cost": "400 800 1234",
    "disallowed": "17000001234",
    "disallowed, spelled otherwise": "0086 170-0000-1234",
    "fixed": "010 1234 5678",
    "pager": "+447640123456",
    "personal number": "+447012345678",
    "over the internet": "+445612345678",
    "satellite": "+870773111632",
    "abroad": "+12024561111",
    "of a neighbour who shares the country code": "+447797712345",
    "with an extension": "13800001234 ext. 5",
    "two numbers": "13800001234, 13900005678",
    "garbage": "call me",
}
not_written_to = pytest.mark.parametrize("number", NOT_WRITTEN_TO.values(), ids=NOT_WRITTEN_TO.keys())


@attrs.frozen
class Noticed:
    """All that whoever asks for a code can notice, and the calls of ports that it took."""

    refusals: tuple[Refusal, ...]
    asking: tuple[str, ...]
    view: View
    looking: tuple[str, ...]


def _noticed(stage: Stage, watch: Watch, who: Principal) -> Noticed:
    watch.calls.clear()
    with pytest.raises(ClosureRefused) as refused:
        stage.challenged("sms_code", who)
    asking = _calls(watch)
    return Noticed(refused.value.refusals, asking, stage.service.current(who), _calls(watch))


def _calls(watch: Watch) -> tuple[str, ...]:
    """The calls since the last look."""
    calls = tuple(watch.calls)
    watch.calls.clear()
    return calls


@not_written_to
def test_a_number_that_is_not_written_to_gets_no_message(make_stage: MakeStage, number: str) -> None:
    """Refused before anything is paid for, written down or sent (L8, ABU-03)."""
    stage = _guarded(make_stage(_terms()))
    who = _person(stage, "somebody", sms=number)
    before = stage.everything()
    assert (refusal_codes(stage.challenged, "sms_code", who), stage.everything()) == (("factor_unavailable",), before)


@not_written_to
def test_such_a_number_cannot_be_told_from_none(make_stage: MakeStage, number: str) -> None:
    """The same refusal, the same view, the same calls in the same order: no oracle on the prefix (L8, L9, ABU-03)."""
    stage = _guarded(make_stage(_terms()))
    watch = stage.watched()
    one, other = _person(stage, "one", sms=number), _person(stage, "other")
    assert _noticed(stage, watch, one) == _noticed(stage, watch, other)


@not_written_to
def test_nor_can_one_that_took_the_place_of_a_good_number(make_stage: MakeStage, number: str) -> None:
    """A code was sent before, and the number changed since; then it was taken away altogether (L8, ABU-03)."""
    stage = _guarded(make_stage(_terms()))
    watch = stage.watched()
    who = _person(stage, "somebody", sms="13800001234")
    stage.challenged("sms_code", who)
    stage.clock.advance(HOLD_OFF)
    stage.accounts.change_contact(who.account, "sms", number)
    bad = _noticed(stage, watch, who)
    stage.accounts.change_contact(who.account, "sms", None)
    assert bad == _noticed(stage, watch, who)


def test_within_the_hold_off_no_number_is_told_from_another(make_stage: MakeStage) -> None:
    """Whoever tries one number after the other hears ``too_soon`` of good and bad ones alike (L8, ABU-03)."""
    stage = _guarded(make_stage(_terms()))
    who = _person(stage, "somebody", sms="13800001234")
    stage.challenged("sms_code", who)
    told = set[str]()
    for number in ("+8613900005678", "07400 123456", *NOT_WRITTEN_TO.values()):
        stage.accounts.change_contact(who.account, "sms", number)
        told.add(_told(stage, who))
    assert told == {"too_soon"}


SPELLINGS: Final = (
    "+8613800001234",
    "13800001234",
    "138 0000 1234",
    "138-0000-1234",
    "008613800001234",
    "+86 (0)138 0000 1234",
    "8613800001234",
    "１３８００００１２３４",
    "＋８６　１３８－００００－１２３４",
    "\u202a138\u00a00000\u00a01234\u202c",
)
"""Ten of one number."""


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_an_allowed_number_gets_its_code_however_it_is_stored(make_stage: MakeStage, spelled: str) -> None:
    """The twin: shown masked, sent to in its one form, and the code is right (L8, ABU-03)."""
    stage = _guarded(make_stage(_terms()))
    who = _person(stage, "somebody", sms=spelled)
    shown = stage.challenged("sms_code", who).destination
    message = stage.sms.sent[-1]
    verdict = stage.service.answer(who, "sms_code", message.code.reveal())
    assert (shown, message.destination.reveal(), verdict.accepted) == ("+86 138****1234", LI_NORMAL, True)


@pytest.mark.parametrize("face", [ClosureService, AsyncClosureService])
@pytest.mark.parametrize("name", ["to", "phone", "email", "address", "destination", "contact", "channel", "account"])
def test_no_address_can_be_given_with_the_request(stage: Stage, face: type[ClosureService], name: str) -> None:
    """A code goes to what is stored; the call takes nothing that could say otherwise (L3, CODE-16)."""
    service = built(face, stage)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        loose(service.challenge)(stage.principal, "sms_code", **{name: WANG.contacts[0].address})


# --- one destination, however it is written ---------------------------------------------------------------------


def test_one_number_in_ten_spellings_gets_one_numbers_worth(make_stage: MakeStage) -> None:
    """Ten accounts, ten spellings, and five messages (L8, ABU-01)."""
    stage = _guarded(make_stage(_terms(per_destination=5)))
    told = [_told(stage, who) for who in _people(stage, *SPELLINGS)]
    assert (told, _destinations(stage.sms.sent)) == (["sent"] * 5 + ["send_limit_reached"] * 5, [LI_NORMAL] * 5)


def test_ten_numbers_get_ten_numbers_worth(make_stage: MakeStage) -> None:
    """The twin: as many accounts, each with a number of its own (L8)."""
    stage = _guarded(make_stage(_terms(per_destination=5)))
    people = _people(stage, *(f"1380000{place:04}" for place in range(10)))
    assert [_told(stage, who) for who in people] == ["sent"] * 10


def test_one_mailbox_in_other_letters_gets_one_mailboxes_worth(make_stage: MakeStage) -> None:
    """Capitals, small letters, full width: one mailbox, two messages; another has its own (L8, ABU-01)."""
    stage = _guarded(make_stage(_terms(per_destination=2)))
    addresses = ("li@example.com", "Li@Example.COM", "LI@EXAMPLE.COM", "ｌｉ@example.com", "li@example.org")
    people = [_person(stage, f"person-{place}", email=one) for place, one in enumerate(addresses)]
    told = [_told(stage, who, "email_code") for who in people]
    assert told == ["sent", "sent", "send_limit_reached", "send_limit_reached", "sent"]


def test_when_somebody_else_asked_nobody_is_told(make_stage: MakeStage) -> None:
    """Of the account's own budget one learns the time; of a number's none, for it may be somebody else's (L8, L9)."""
    stage = _guarded(make_stage(_terms(per_account=1, per_destination=2)))
    owner, stranger, other = _people(stage, "13800001234", "13800001234", "13800001234")
    _told(stage, owner)
    _told(stage, stranger)
    stage.clock.advance(HOLD_OFF)
    told = [refusals(partial(stage.challenged, "sms_code", who)) for who in (owner, other)]
    assert told == [(refusal("send_limit_reached", until=NOW + DAY),), (refusal("send_limit_reached"),)]


def test_an_account_that_begins_anew_has_the_number_it_had(make_stage: MakeStage) -> None:
    """One account is closed and another opened with the same telephone: it is still that telephone (L8, ABU-01)."""
    stage = make_stage(_terms(per_destination=1))
    stage.reason_given()
    stage.proved("sms_code")
    stage.service.confirm(stage.principal, stage.service.notice(stage.principal, "en").nonce)
    stage.service.work()
    newcomer = _person(stage, "li-again", sms=LI.contacts[0].address)
    assert (stage.accounts.get(LI.id), _told(stage, newcomer)) == (None, "send_limit_reached")


# --- a block of numbers -----------------------------------------------------------------------------------------

SIDE_BY_SIDE: Final = (
    "13800000001",
    "+86 138 0000 0002",
    "0086 138-0000-0003",
    "１３８００００９９９９",
    "8613800001234",
)


def test_numbers_that_lie_side_by_side_share_a_budget(make_stage: MakeStage) -> None:
    """All but the last four digits are the same: three messages in a day, however they are written (L8)."""
    stage = _guarded(make_stage(_terms(per_number_block=3)))
    told = [_told(stage, who) for who in _people(stage, *SIDE_BY_SIDE)]
    assert told == ["sent"] * 3 + ["temporarily_unavailable"] * 2


def test_the_next_block_goes_on(make_stage: MakeStage) -> None:
    """The twin: a number of another block, and a mail, are sent as ever (L8)."""
    stage = _guarded(make_stage(_terms(per_number_block=3)))
    told = [_told(stage, who) for who in _people(stage, *SIDE_BY_SIDE, "13800010000")]
    reader = _person(stage, "reader", sms="13800000005", email="reader@example.com")
    assert (told[-1], _told(stage, reader, "email_code")) == ("sent", "sent")


def test_each_block_that_is_used_up_raises_its_own_alarm(make_stage: MakeStage) -> None:
    """Two blocks, with five people refused in each: two alarms (L8, ABU-04)."""
    stage = _guarded(make_stage(_terms(per_number_block=1)))
    blocks = [f"138{block:04}{place:04}" for place in range(6) for block in (0, 1)]
    told = Counter(_told(stage, who) for who in _people(stage, *blocks))
    assert (told, _alarms(stage)) == (
        {"sent": 2, "temporarily_unavailable": 10},
        [("sms", "number_block")] * 2,
    )


# --- the portal's own budget, and its alarm (ABU-04) --------------------------------------------------------------

OVERALL: Final = _terms(overall=3)
TWENTY: Final = tuple(f"138{place:04}0000" for place in range(20))
A_HUNDRED: Final = {"sent": 3, "too_soon": 12, "temporarily_unavailable": 85}
"""What twenty people hear who ask five times each: three got a message, and are told to wait when they ask again."""


def test_of_a_hundred_requests_three_are_sent_and_one_alarm_is_raised(make_stage: MakeStage) -> None:
    """Twenty people ask in turn, five times each, and the budget is three (L8, ABU-04)."""
    stage = _guarded(make_stage(OVERALL))
    people = _people(stage, *TWENTY)
    told = Counter(_told(stage, who) for _ in range(5) for who in people)
    assert (told, len(stage.sms.sent), _alarms(stage)) == (A_HUNDRED, 3, [("sms", "overall")])


def test_of_a_hundred_requests_at_once_three_are_sent_and_one_alarm_is_raised(make_stage: MakeStage) -> None:
    """The same, all twenty at one instant (L8, ABU-04)."""
    stage = _guarded(make_stage(OVERALL))
    people = _people(stage, *TWENTY)
    told, _ = at_a_barrier(20, lambda place: [_told(stage, people[place]) for _ in range(5)])
    assert (Counter(one for each in told for one in each), len(stage.sms.sent), _alarms(stage)) == (
        A_HUNDRED,
        3,
        [("sms", "overall")],
    )


def test_one_person_in_sixteen_tabs_raises_one_alarm(make_stage: MakeStage) -> None:
    """Sixteen requests of one account at one instant, with nothing left: sixteen refusals, one alarm (L8, ABU-04)."""
    stage = _guarded(make_stage(_terms(overall=1)))
    first, second = _people(stage, "13800001234", "13900005678")
    stage.challenged("sms_code", first)
    told, _ = at_a_barrier(16, lambda _: _told(stage, second))
    assert (told, _alarms(stage)) == (["temporarily_unavailable"] * 16, [("sms", "overall")])


def test_whose_budget_it_was_nobody_is_told(make_stage: MakeStage) -> None:
    """The refusal has no time and no cause, whether a block or the portal is meant (L8, L9, ABU-04)."""
    told = list[tuple[Refusal, ...]]()
    for terms in (_terms(overall=1), _terms(per_number_block=1)):
        stage = _guarded(make_stage(terms))
        first, second = _people(stage, "13800001234", "13800005678")
        stage.challenged("sms_code", first)
        with pytest.raises(ClosureRefused) as refused:
            stage.challenged("sms_code", second)
        told.append(refused.value.refusals)
    assert told == [(refusal("temporarily_unavailable"),)] * 2


@pytest.mark.parametrize("turn", [0, 1], ids=["the same person refused each day", "another one"])
def test_a_day_later_there_is_a_new_budget_and_a_new_alarm(make_stage: MakeStage, turn: int) -> None:
    """Used up again, said again: three days, three alarms (L8, ABU-04)."""
    stage = _guarded(make_stage(OVERALL))
    people = _people(stage, *TWENTY[:4])
    days = list[tuple[list[str], int]]()
    for _ in range(3):
        days.append(([_told(stage, who) for who in people], len(_alarms(stage))))
        stage.clock.advance(DAY)
        people = people[turn:] + people[:turn]
    told = ["sent", "sent", "sent", "temporarily_unavailable"]
    assert days == [(told, 1), (told, 2), (told, 3)]


def test_within_a_day_the_alarm_is_not_raised_again(make_stage: MakeStage) -> None:
    """Twelve hours after it, with the budget half free and used up once more, by somebody else (L8, ABU-04)."""
    stage = _guarded(make_stage(_terms(overall=2)))
    one, two, three, four = _people(stage, *TWENTY[:4])
    told = [_told(stage, one)]
    stage.clock.advance(DAY / 2)
    told += [_told(stage, two), _told(stage, three)]
    stage.clock.advance(DAY / 2)
    told += [_told(stage, three), _told(stage, four)]
    assert (told, _alarms(stage)) == (
        ["sent", "sent", "temporarily_unavailable", "sent", "temporarily_unavailable"],
        [("sms", "overall")],
    )


def test_a_new_round_raises_no_second_alarm(make_stage: MakeStage) -> None:
    """Whoever withdraws and begins anew after each refusal makes no noise with it (L8, ABU-04)."""
    stage = _guarded(make_stage(_terms(overall=1)))
    first, second = _people(stage, "13800001234", "13900005678")
    stage.challenged("sms_code", first)
    for _ in range(5):
        _told(stage, second)
        stage.service.withdraw(second)
        stage.reason_given(second)
    assert _alarms(stage) == [("sms", "overall")]


def test_each_channel_has_an_alarm_of_its_own(make_stage: MakeStage) -> None:
    """SMS and mail are used up apart, and said apart (L8, ABU-04)."""
    stage = _guarded(make_stage(_terms(overall=1)))
    people = [_person(stage, f"p{n}", sms=f"138000{n}0000", email=f"p{n}@example.com") for n in range(3)]
    told = [[_told(stage, who, factor) for who in people] for factor in ("sms_code", "email_code")]
    assert (told, _alarms(stage)) == (
        [["sent", "temporarily_unavailable", "temporarily_unavailable"]] * 2,
        [("sms", "overall"), ("email", "overall")],
    )


@pytest.mark.parametrize("limits", [{"overall": 1}, {"per_number_block": 1}], ids=["overall", "block"])
def test_an_alarm_names_nobody(
    make_stage: MakeStage, limits: dict[str, int], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No number, no block and no digest by which either is counted: not in the entry, and not in the log (L22)."""
    stage = _guarded(make_stage(_terms(**limits)))
    asked = list[Allowance]()
    take = stage.store.budgets.take

    def written_down(allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        asked.extend(allowances)
        return take(allowances, now=now)

    monkeypatch.setattr(stage.store.budgets, "take", written_down)
    first, second = _people(stage, "13800001234", "13800005678")
    with caplog.at_level(logging.DEBUG):
        told = [_told(stage, first), _told(stage, second)]
    digests = {one.key for one in asked if one.name in {"destination", "number_block"}}
    said = stage.records(second.account)[-1].body.decode() + caplog.text
    named = [one for one in ("13800005678", "1380000", "person-1", *digests) if one in said]
    assert (told, stage.kinds(second.account)[-1], len(digests), named) == (
        ["sent", "temporarily_unavailable"],
        "SendingStopped",
        3,
        [],
    )


def test_requests_that_are_refused_for_all_take_nothing_from_anybody(make_stage: MakeStage) -> None:
    """A hundred of them, and then there is more for all: the person has the whole of the day's five (L8, ABU-04)."""
    stage = _guarded(make_stage(_terms(overall=1)))
    first, second = _people(stage, "13800001234", "13900005678")
    stage.challenged("sms_code", first)
    told = Counter(_told(stage, second) for _ in range(100))
    stage.service.withdraw(second)
    stage.policy.terms = _terms(overall=100)
    stage.reason_given(second)
    for _ in range(6):
        told[_told(stage, second)] += 1
        stage.clock.advance(HOLD_OFF)
    assert told == {"temporarily_unavailable": 100, "sent": 5, "send_limit_reached": 1}


# --- an alarm that meets with trouble ----------------------------------------------------------------------------


def _all_used_up(stage: Stage) -> tuple[Principal, Principal]:
    """Two people for whom there is no message left."""
    first, second, third = _people(_guarded(stage), *TWENTY[:3])
    stage.challenged("sms_code", first)
    return second, third


def test_an_alarm_that_cannot_be_counted_is_raised_by_the_next_refused(make_stage: MakeStage) -> None:
    """The budgets fail in between: refused all the same, and the alarm comes with the next request (L8, ABU-04)."""
    stage = make_stage(_terms(overall=1))
    watch = stage.watched()
    second, third = _all_used_up(stage)
    asked = list[str]()

    def fails_once(_: int, name: str) -> None:
        asked.append(name)
        if name == "budgets.take" and asked.count(name) == 2:
            raise StoreUnavailableError("send budget", "locked")

    watch.before = fails_once
    told = [_told(stage, second), _told(stage, third)]
    assert (told, _alarms(stage)) == (["temporarily_unavailable"] * 2, [("sms", "overall")])


def test_an_alarm_that_the_journal_did_not_take_is_raised_when_its_round_asks_again(make_stage: MakeStage) -> None:
    """The journal is full for a moment: refused all the same, and the alarm comes later, once (L8, ABU-04)."""
    stage = make_stage(_terms(overall=1))
    watch = stage.watched()
    second, _ = _all_used_up(stage)

    def fails(_: int, name: str) -> None:
        if name == "journal.append":
            raise StoreUnavailableError("journal", "full")

    watch.before = fails
    told = [_told(stage, second)]
    watch.before = lambda number, name: None
    told += [_told(stage, second), _told(stage, second)]
    assert (told, _alarms(stage)) == (["temporarily_unavailable"] * 3, [("sms", "overall")])


def _withdraws_in_the_middle(stage: Stage, monkeypatch: pytest.MonkeyPatch, who: Principal) -> None:
    """In another tab that person ends the round, when the alarm is counted and not yet written."""
    take = stage.store.budgets.take

    def withdrawn_meanwhile(allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        exhausted = take(allowances, now=now)
        if allowances[0].name == "alarm":
            monkeypatch.setattr(stage.store.budgets, "take", take)
            stage.service.withdraw(who)
        return exhausted

    monkeypatch.setattr(stage.store.budgets, "take", withdrawn_meanwhile)


def test_whoever_withdraws_at_that_moment_hears_the_same(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is ``temporarily_unavailable``, whatever becomes of the alarm (L8, L9, ABU-04)."""
    stage = make_stage(_terms(overall=1))
    second, _ = _all_used_up(stage)
    _withdraws_in_the_middle(stage, monkeypatch, second)
    assert (_told(stage, second), stage.service.current(second).step) == ("temporarily_unavailable", "withdrawn")


def test_an_alarm_that_somebody_avoids_is_raised_by_the_next_refused(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever uses a budget up and withdraws in another tab keeps nobody from hearing of it (L8, ABU-04)."""
    stage = make_stage(_terms(overall=1))
    second, third = _all_used_up(stage)
    _withdraws_in_the_middle(stage, monkeypatch, second)
    told = [_told(stage, second), _told(stage, third)]
    assert (told, _alarms(stage)) == (["temporarily_unavailable"] * 2, [("sms", "overall")])


# --- a day of trying everything (ABU-01) --------------------------------------------------------------------------


def test_a_number_that_changes_back_and_forth_gets_the_account_no_more(make_stage: MakeStage) -> None:
    """Five hundred requests in a day, the number another before each: five messages in all (L8, ABU-01)."""
    stage = _guarded(make_stage(_terms()))
    who = _person(stage, "somebody", sms="13800001234")
    for number in range(500):
        stage.clock.advance(DAY / 501)
        stage.accounts.change_contact(who.account, "sms", ("13900005678", "13800001234")[number % 2])
        _told(stage, who)
    assert len(stage.sms.sent) == 5


def test_a_second_factor_on_the_channel_gets_the_account_no_more(make_stage: MakeStage) -> None:
    """Two verifiers write to the same telephone, asked in turn: five messages in all (L8, ABU-01)."""
    stage = _with_two_telephone_factors(make_stage(_terms(per_destination=100)))
    who = _person(stage, "somebody", sms="13800001234")
    for number in range(500):
        stage.clock.advance(DAY / 501)
        _told(stage, who, ("sms_code", "sms_backup")[number % 2])
    assert len(stage.sms.sent) == 5


def test_two_accounts_of_one_number_in_ever_new_rounds_get_it_no_more(make_stage: MakeStage) -> None:
    """Each withdraws and begins anew every two hours, and asks every ten minutes: five to the number (ABU-01)."""
    stage = _guarded(make_stage(_terms()))
    people = _people(stage, "13800001234", "+86 138 0000 1234")
    for hour in range(0, 24, 2):
        for who in people:
            stage.service.withdraw(who)
            stage.reason_given(who)
        for minute in range(0, 120, 10):
            stage.clock.set(NOW + timedelta(hours=hour, minutes=minute))
            for who in people:
                _told(stage, who)
    assert _destinations(stage.sms.sent) == [LI_NORMAL] * 5


LIMITS: Final = SendLimits(per_account=3, per_destination=4, per_number_block=6, overall=8)
POOL: Final = (
    *SPELLINGS[:6],
    *(f"{spelled}{place}" for place in range(4) for spelled in ("+86 138 0000 000", "1380000000")),
    *(f"+86 139 0000 000{place}" for place in range(4)),
    *("17000001234", "+12024561111", "nothing"),
)
MAILBOXES: Final = ("li@example.com", "LI@example.com", "wang@example.com")


@attrs.frozen(kw_only=True)
class Most:
    """The most messages within a day to one account's channel, one address, one block, and on one channel.

    And the shortest times between two of one account's messages by the same factor, and between two alarms of one
    channel for the whole portal.
    """

    account: int
    address: int
    block: int
    overall: int
    apart: bool
    alarms_apart: bool


@attrs.define
class Pumping:
    """Somebody with six accounts who tries whatever there is, for as long as it takes, and keeps count."""

    stage: Stage
    random: Random
    people: list[Principal]
    sent: list[tuple[datetime, str, str, str, str]] = attrs.field(factory=list)

    def tries(self) -> None:
        """Something or other, some time later."""
        self.stage.clock.advance(timedelta(seconds=self.random.randrange(1, 1200)))
        who = self.random.choice(self.people)
        match self.random.randrange(20):
            case 0:
                self.stage.service.withdraw(who)
                self.stage.reason_given(who)
            case 1:
                self.stage.policy.terms = self.stage.terms
                self.stage.restarted()
                _with_two_telephone_factors(self.stage)
            case 2:
                self.stage.accounts.change_contact(who.account, "email", self.random.choice(MAILBOXES))
            case 3 | 4 | 5:
                self.stage.accounts.change_contact(who.account, "sms", self.random.choice((*POOL, None)))
            case 6:
                self.stage.sms.failing = self.random.randrange(5) == 0
            case _:
                self._asks(who, self.random.choice(("sms_code", "sms_code", "sms_backup", "email_code")))

    def _asks(self, who: Principal, factor: str) -> None:
        sender = self.stage.email if factor == "email_code" else self.stage.sms
        before = len(sender.sent)
        _told(self.stage, who, factor)
        self.sent += [
            (self.stage.clock.now(), who.account, factor, one.channel, one.destination.reveal().casefold())
            for one in sender.sent[before:]
        ]

    def most(self) -> Most:
        """What has come of it, by what was really sent."""
        times = [one.at for one in self.stage.happened.events if isinstance(one, SendingStopped)]
        alarms = [
            one.at
            for one in self.stage.happened.events
            if isinstance(one, SendingStopped) and (one.channel, one.budget) == ("sms", "overall")
        ]
        return Most(
            account=_most([(at, f"{who} {channel}") for at, who, _, channel, _ in self.sent]),
            address=_most([(at, to) for at, _, _, _, to in self.sent]),
            block=_most([(at, to[:-4]) for at, _, _, channel, to in self.sent if channel == "sms"]),
            overall=_most([(at, channel) for at, _, _, channel, _ in self.sent]),
            apart=_apart([(at, f"{who} {factor}") for at, who, factor, _, _ in self.sent], HOLD_OFF),
            alarms_apart=len(times) > len(alarms) > 1 and _apart([(at, "") for at in alarms], DAY),
        )


def _most(sent: Sequence[tuple[datetime, str]]) -> int:
    """The most that any one of them had within a day."""
    return max(sum(other == one and at - DAY < then <= at for then, other in sent) for at, one in sent)


def _apart(times: Sequence[tuple[datetime, str]], gap: timedelta) -> bool:
    """Whether no two of the same are nearer than that."""
    return all(
        abs(at - then) >= gap for place, (at, one) in enumerate(times) for then, other in times[:place] if one == other
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_tried_each_budget_is_used_up_and_none_is_passed(make_stage: MakeStage, seed: int) -> None:
    """Counted by what was sent within any day at all; each is reached, so each was tried (L8, ABU-01, ABU-04)."""
    stage = _with_two_telephone_factors(make_stage(attrs.evolve(_terms(), sends=LIMITS), seed=seed))
    people = [_person(stage, f"person-{place}", sms=POOL[place], email=MAILBOXES[place % 3]) for place in range(6)]
    pumping = Pumping(stage, Random(seed), people)  # noqa: S311 - no secret hangs on it
    for _ in range(500):
        pumping.tries()
    assert pumping.most() == Most(account=3, address=4, block=6, overall=8, apart=True, alarms_apart=True)


# --- what must not set a budget back to nothing -------------------------------------------------------------------


def _neighbours(make_stage: MakeStage, terms: Terms) -> tuple[Stage, Stage]:
    """Two portals on one store and one key ring."""
    one, other = make_stage(terms, portal="One"), make_stage(terms, portal="Other")
    other.clock, other.keyring, other.path = one.clock, one.keyring, one.path
    if isinstance(one.store, MemoryStore):
        other.store = one.store
    other.restarted()
    return one, other


@pytest.mark.parametrize("budget", ["per_account", "per_destination", "per_number_block", "overall"])
def test_two_portals_on_one_store_do_not_use_up_each_others_budgets(make_stage: MakeStage, budget: str) -> None:
    """Each has its own of every kind, though the same person is a customer of both (L8, DESIGN 7)."""
    one, other = _neighbours(make_stage, attrs.evolve(_terms(**{budget: 1}), requirement=sms_code))
    told = list[str]()
    for stage in (one, other):
        stage.reason_given()
        told.append(_told(stage, stage.principal))
    assert told == ["sent", "sent"]


def test_two_portals_on_one_store_have_an_alarm_each(make_stage: MakeStage) -> None:
    """What is used up at the one is said there, and at the other when it comes to that (L8, ABU-04, DESIGN 7)."""
    one, other = _neighbours(make_stage, attrs.evolve(_terms(overall=1), requirement=sms_code))
    for stage in (one, other):
        wang = stage.logged_in("wang")
        for who in (stage.logged_in(), wang):
            stage.reason_given(who)
            _told(stage, who)
    assert [_alarms(one), _alarms(other)] == [[("sms", "overall")]] * 2


@pytest.mark.parametrize("budget", ["per_destination", "per_number_block"])
def test_a_rotation_of_keys_gives_nobody_a_second_days_worth(make_stage: MakeStage, budget: str) -> None:
    """A number is counted under a key that stays, also where two instances have different ones for a while (L8)."""
    stage = make_stage(attrs.evolve(_terms(**{budget: 1}), requirement=sms_code))
    stage.reason_given()
    stage.challenged("sms_code")
    stage.keyring = stage.keyring.rotated(stage.entropy)
    stage.restarted()
    newcomer = _person(stage, "newcomer", sms=LI.contacts[0].address)
    assert (_told(stage, newcomer), len(stage.sms.sent)) != ("sent", 2)


def test_an_account_whose_events_lie_ahead_does_not_wind_the_budgets_on(make_stage: MakeStage) -> None:
    """One was last seen by a clock two days ahead: what it asks counts now, and frees nobody's budget (L6, L8)."""
    stage = _guarded(make_stage(_terms(overall=2)))
    ahead, other, third = _people(stage, *TWENTY[:3])
    stage.clock.advance(2 * DAY)
    stage.service.recheck(ahead)
    stage.clock.set(NOW)
    told = [_told(stage, who) for who in (other, ahead, third)]
    stage.clock.advance(HOLD_OFF)
    told += [_told(stage, who) for who in (other, ahead, third)]
    assert (told.count("sent"), len(stage.sms.sent)) == (2, 2)
