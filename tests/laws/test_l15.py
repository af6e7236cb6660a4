"""L15: the point of no return is ``ErasureBegun``; before it one can withdraw, after it the only way is forward."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure.account import Standing
from hht_closure.adapters.memory import MemoryStore
from hht_closure.adapters.memory.journal import MemoryJournal
from hht_closure.commands import Command, LapseRound, WithdrawClosure
from hht_closure.errors import ImpossibleEventError, RefusalCode
from hht_closure.events import (
    AccountGivenBack,
    ChecksMade,
    ErasureBegun,
    Event,
    RoundLapsed,
    RoundOpened,
    RoundWithdrawn,
)
from hht_closure.testing import Person, accepted, given, refused, worked_until
from hht_closure.testing.stories import NOW
from tests.stage import LI, TERMS, MakeStage, Stage, on_stores, refusal_codes

PERSON = Person()


def _no_eraser(stage: Stage) -> None:
    """The worker gets as far as the first eraser, which does not work today."""

    def fail(_: int, name: str) -> None:
        if name == "orders.erase":
            raise OSError("no database today")

    stage.watched().before = fail


def test_after_the_confirmation_one_can_withdraw_while_nothing_is_erased(stage: Stage) -> None:
    """Frozen, and withdrawn before the recheck: the account is as it was (L15)."""
    stage.confirmed()
    stage.service.withdraw(stage.principal)
    stage.service.work()
    assert (stage.accounts.get(LI.id), stage.messages.remaining(LI.id)) == (LI, 2)


def test_once_the_erasure_has_begun_withdrawing_is_refused(stage: Stage) -> None:
    """Not one item is erased yet, and it is too late all the same (L15, DOM-07)."""
    stage.confirmed()
    _no_eraser(stage)
    stage.service.work()
    assert (
        stage.count(ErasureBegun),
        len(stage.orders.items(LI.id)),
        refusal_codes(stage.service.withdraw, stage.principal),
    ) == (1, 2, ("irreversible",))


def test_the_view_and_the_status_say_that_it_is_too_late(stage: Stage) -> None:
    """``irreversible``, and ``withdraw`` is no longer among what can be done (L15)."""
    reference = stage.confirmed().reference
    before = stage.service.current(stage.principal)
    _no_eraser(stage)
    stage.service.work()
    after = stage.service.current(stage.principal)
    assert (
        (before.irreversible, "withdraw" in before.can),
        (after.irreversible, "withdraw" in after.can),
        stage.service.status(reference).irreversible,
    ) == ((False, True), (True, False), True)


def test_after_the_closing_withdrawing_is_refused(stage: Stage) -> None:
    """Closed is closed (L15, DOM-04)."""
    stage.closed()
    assert refusal_codes(stage.service.withdraw, stage.principal) == ("irreversible",)


def test_the_receipt_names_the_point_of_no_return(stage: Stage) -> None:
    """Its claim ``erasure_began_at`` is the time of the event (L15, L25)."""
    reference = stage.confirmed().reference
    stage.clock.advance(timedelta(minutes=3))
    stage.service.work()
    began = [one.at for one in stage.events() if isinstance(one, ErasureBegun)]
    assert [stage.service.receipt(reference).claims.erasure_began_at] == began


def test_in_the_cooling_off_nothing_happens_and_one_can_withdraw(make_stage: MakeStage) -> None:
    """The account works until it is over, and withdrawing keeps it (L15, DESIGN 7)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(days=7)))
    stage.confirmed()
    stage.clock.advance(timedelta(days=7) - timedelta(microseconds=1))
    stage.service.work()
    during = (stage.accounts.get(LI.id), stage.service.current(stage.principal).step)
    stage.service.withdraw(stage.principal)
    stage.clock.advance(timedelta(days=1))
    stage.service.work()
    assert (during, stage.accounts.get(LI.id)) == ((LI, "cooling_off"), LI)


def test_when_the_cooling_off_is_over_the_account_is_closed(make_stage: MakeStage) -> None:
    """The twin: nobody withdrew (L15)."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(days=7)))
    stage.confirmed()
    stage.clock.advance(timedelta(days=7))
    stage.service.work()
    assert stage.accounts.get(LI.id) is None


@pytest.mark.parametrize("until", ["recheck", "erase", "retire", "close", "farewell"])
def test_withdrawing_is_refused_from_the_point_of_no_return_on(until: str) -> None:
    """At every task of the work, before and after (L15, DOM-07)."""
    story = {
        "recheck": given(PERSON.confirmed(), worked_until("recheck")).when(WithdrawClosure()),
        "erase": given(PERSON.confirmed(), worked_until("erase")).when(WithdrawClosure()),
        "retire": given(PERSON.confirmed(), worked_until("retire")).when(WithdrawClosure()),
        "close": given(PERSON.confirmed(), worked_until("close")).when(WithdrawClosure()),
        "farewell": given(PERSON.confirmed(), worked_until("farewell")).when(WithdrawClosure()),
    }[until]
    story.then(accepted(RoundWithdrawn) if until == "recheck" else refused("irreversible"))


@pytest.mark.parametrize(
    "event",
    [RoundWithdrawn(NOW), AccountGivenBack(NOW, ("order_open",)), RoundLapsed(NOW)],
    ids=lambda one: type(one).__name__,
)
def test_a_stream_that_leads_back_from_the_erasure_is_not_read(event: Event) -> None:
    """Such an event cannot have been decided, so the stream is not one of ours (L15, DOM-09)."""
    story = given(PERSON.confirmed(), worked_until("erase"))
    with pytest.raises(ImpossibleEventError):
        story.when(event)


CLOSED = given(PERSON.confirmed(), worked_until(None))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (PERSON.opens(), "already_confirmed"),
        (PERSON.attests("contacts_told"), "already_confirmed"),
        (PERSON.says_why(), "already_confirmed"),
        (PERSON.asks_for("sms_code"), "already_confirmed"),
        (PERSON.tries("sms_code"), "already_confirmed"),
        (WithdrawClosure(), "irreversible"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_nothing_leads_out_of_closed(command: Command, code: str) -> None:
    """Every command of a person is refused for a closed account (L15, DOM-04)."""
    story = CLOSED.when(command)
    story.then(refused("irreversible") if code == "irreversible" else refused("already_confirmed"))


ENDED = {
    "withdrawn": given(PERSON.verified(), WithdrawClosure()),
    "lapsed": given(PERSON.verified(), PERSON.terms.round_valid_for, LapseRound()),
}
COMMANDS: tuple[Command, ...] = (
    PERSON.attests("contacts_told"),
    PERSON.says_why(),
    PERSON.asks_for("sms_code"),
    PERSON.tries("sms_code"),
    PERSON.confirms(),
)


@pytest.mark.parametrize("ended", ENDED)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: type(one).__name__)
def test_nothing_but_opening_leads_out_of_an_ended_round(ended: str, command: Command) -> None:
    """What was said and proved in it counts no more (L15, DOM-04)."""
    ENDED[ended].when(command).then(refused("no_round"))


@pytest.mark.parametrize("ended", ENDED)
def test_opening_leads_out_of_an_ended_round(ended: str) -> None:
    """The twin: a new round, with everything to be done anew (L15)."""
    ENDED[ended].when(PERSON.opens()).then(accepted(RoundOpened, ChecksMade))


@pytest.mark.parametrize(
    ("standing", "code"),
    [("suspended", "account_suspended"), ("frozen", "account_frozen"), ("retired", "account_unknown")],
)
def test_an_account_that_is_not_open_cannot_begin(standing: Standing, code: RefusalCode) -> None:
    """Nobody closes an account to escape a sanction (L2, PEERS)."""
    held = attrs.evolve(PERSON, account=attrs.evolve(PERSON.account, standing=standing))
    given().when(held.opens()).then(refused(code))


@on_stores("memory")
@pytest.mark.parametrize("begun", [False, True])
def test_a_journal_that_was_lost_leaves_what_the_ledger_says(stage: Stage, begun: bool) -> None:
    """An account that was about to be frozen is not lost; one whose erasure had begun is (L15, DESIGN 7)."""
    if begun:
        _no_eraser(stage)
    reference = stage.confirmed().reference
    if begun:
        stage.service.work()
    assert isinstance(stage.store, MemoryStore)
    stage.store.journal = MemoryJournal(stage.clock)
    status = stage.restarted().status(reference)
    assert (status.step, status.irreversible) == (("closing", True) if begun else ("none", False))
