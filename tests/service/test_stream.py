"""Appends whose outcome nobody knows, appends that meet, observers that fail, and streams that are gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import pytest

from hht_closure.account import Account, AccountId, Principal
from hht_closure.adapters.memory import MemoryJournal, MemoryKeyVault, MemoryLedger, MemoryPrecondition
from hht_closure.errors import (
    ClosureRefused,
    ConflictError,
    KeyDestroyedError,
    KeyMissingError,
    PortError,
    StoreUnavailableError,
)
from hht_closure.events import ClosureClosed, ClosureConfirmed, Event, ReasonGiven, RoundOpened, TaskFailed
from hht_closure.flows.answers import Confirmation, Status
from hht_closure.flows.stream import TRIES, round_key
from hht_closure.policy import Finding
from hht_closure.ports import Record
from hht_closure.service import ClosureService
from tests.service.doubles import Parts, PlainJournal, built, codes, portal_of
from tests.stage import NOW, TERMS, MakeStage, Stage, at_a_barrier

T = TypeVar("T")

LI = AccountId("li")

# --- appends of unknown outcome (RACE-13) -----------------------------------------------------------------------

APPENDS = 22
"""How many appends a whole closing takes, from the first look to the farewell's key."""


class Patient:
    """A client that repeats a call that failed, waits where it is told to, and counts its errors."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.errors = 0

    def call(self, once: Callable[[], T]) -> T:
        """What the call gives in the end; three tries are enough for one failure and one hold-off."""
        for _ in range(3):
            try:
                return once()
            except (StoreUnavailableError, PortError):
                self.errors += 1
            except ClosureRefused as refused:
                if refused.codes != ("too_soon",):
                    raise
                self._stage.clock.advance(timedelta(seconds=60))
        raise AssertionError("the repeated call does not go on")

    def prove(self, factor: str) -> None:
        """Challenge and answer; where the verdict was lost on its way, the challenge is used up and proved."""
        stage = self._stage
        challenge = self.call(lambda: stage.challenged(factor))
        answer = stage.right_answer(challenge)

        def answered() -> bool:
            try:
                return stage.service.answer(stage.principal, factor, answer).accepted
            except ClosureRefused as refused:
                if refused.codes != ("consumed",):
                    raise
                return True

        assert self.call(answered)

    def close(self) -> Confirmation:
        """The whole way, each call repeated until it goes through."""
        stage, person = self._stage, self._stage.principal
        self.call(stage.opened)
        for one in TERMS.statements:
            self.call(partial(stage.service.attest, person, one.code, "done", wording="1", locale="en"))
        self.call(lambda: stage.service.give_reason(person, "rather_not_say"))
        for factor in ("captcha", "sms_code", "email_code"):
            self.prove(factor)
        nonce = self.call(lambda: stage.service.notice(person, "en")).nonce
        confirmation = self.call(lambda: stage.service.confirm(person, nonce))
        self.call(stage.service.work)
        stage.worked_off()
        return confirmation


def failing(stage: Stage, number: int, *, with_effect: bool, readable: bool = True) -> None:
    """The append of that number loses its answer, having taken effect or not; and perhaps the reading behind it."""
    watch = stage.watched()
    lost: list[str] = []

    def fail(name: str) -> None:
        if name == "journal.append" and watch.calls.count(name) == number and not lost:
            lost.append(name)
            raise ConnectionError("the answer was lost")
        if name == "journal.read" and not readable and len(lost) == 1:
            lost.append(name)
            raise ConnectionError("and the line is still down")

    def after(_: int, name: str) -> None:
        if with_effect:
            fail(name)

    def before(_: int, name: str) -> None:
        if not with_effect or name == "journal.read":
            fail(name)

    watch.before, watch.after = before, after


REPEATED = {"TaskBegun", "AttemptCounted", "ChallengeRepeated", "TaskFailed"}
"""Events of which a repeated call may add one; all others happen exactly once."""


def effects(stage: Stage) -> list[str]:
    """What has happened, without what a repetition may add."""
    return [one for one in stage.kinds() if one not in REPEATED]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What happens when nothing fails."""
    stage = Stage("memory", tmp_path_factory.mktemp("undisturbed"))
    calls = stage.watched().calls
    client = Patient(stage)
    client.close()
    assert (client.errors, calls.count("journal.append")) == (0, APPENDS)
    return effects(stage)


def all_is_done(stage: Stage, confirmation: Confirmation) -> None:
    """The account is closed, whatever failed on the way; and the person heard of it under one id."""
    assert stage.service.status(confirmation.reference).step == "closed"
    assert stage.accounts.get(LI) is None
    assert stage.messages.items(LI) == ()
    assert len({one.id for one in stage.letters.letters}) == 1
    assert stage.operator.look(stage.stream()).set_aside == ()


@pytest.mark.parametrize("number", range(1, APPENDS + 1))
def test_an_append_whose_answer_is_lost_is_found_by_reading_back(
    tmp_path: Path, undisturbed: list[str], number: int
) -> None:
    """It took effect: nobody is told of a failure or of a conflict, and nothing happens twice (RACE-13)."""
    stage = Stage("memory", tmp_path)
    failing(stage, number, with_effect=True)
    client = Patient(stage)
    confirmation = client.close()
    assert client.errors == 0
    assert list(stage.kinds()) == undisturbed_with_attempts(undisturbed, stage)
    all_is_done(stage, confirmation)


def undisturbed_with_attempts(undisturbed: list[str], stage: Stage) -> list[str]:
    """The undisturbed events, where each proof has exactly the one attempt before it."""
    expected: list[str] = []
    for one in undisturbed:
        expected += ["AttemptCounted", one] if one == "FactorProved" else [one]
    return expected


@pytest.mark.parametrize("number", range(1, APPENDS + 1))
def test_an_append_without_effect_is_an_error_and_the_repeated_call_goes_on(
    tmp_path: Path, undisturbed: list[str], number: int
) -> None:
    """It took no effect: the caller learns that nothing changed, and repeats; one effect each (RACE-13)."""
    stage = Stage("memory", tmp_path)
    failing(stage, number, with_effect=False)
    confirmation = Patient(stage).close()
    assert effects(stage) == undisturbed
    all_is_done(stage, confirmation)


@pytest.mark.parametrize("number", range(1, APPENDS + 1))
def test_an_append_that_nobody_can_look_after_is_found_by_the_repeated_call(
    tmp_path: Path, undisturbed: list[str], number: int
) -> None:
    """It took effect and the line stays down: the repeated call finds what is so, and goes on from there (RACE-13)."""
    stage = Stage("memory", tmp_path)
    failing(stage, number, with_effect=True, readable=False)
    confirmation = Patient(stage).close()
    assert effects(stage) == undisturbed
    all_is_done(stage, confirmation)


def test_a_confirmation_whose_answer_is_lost_is_given_again(stage: Stage) -> None:
    """The same nonce gives the confirmation that the first call made (L12)."""
    nonce = stage.noticed().nonce
    failing(stage, 1, with_effect=True, readable=False)
    with pytest.raises((StoreUnavailableError, PortError)):
        stage.service.confirm(stage.principal, nonce)
    assert stage.count(ClosureConfirmed) == 1
    confirmation = stage.service.confirm(stage.principal, nonce)
    assert confirmation.at == NOW
    assert stage.count(ClosureConfirmed) == 1


# --- appends that meet ----------------------------------------------------------------------------------------------


def storm(stage: Stage, conflicts: int) -> None:
    """So many appends in a row come second."""
    watch = stage.watched()

    def fail(_: int, name: str) -> None:
        if name == "journal.append" and watch.calls.count(name) <= conflicts:
            raise ConflictError(stage.stream(), 0)

    watch.before = fail


def test_whoever_comes_second_reads_again_and_decides_anew(stage: Stage) -> None:
    """A storm of conflicts ends with the call done, once (the person sees nothing of it)."""
    storm(stage, TRIES - 1)
    assert stage.service.open(stage.principal).step == "eligibility"
    assert stage.kinds() == ("RoundOpened", "ChecksMade")


def test_a_storm_that_does_not_end_is_an_error_that_can_be_repeated(stage: Stage) -> None:
    """Nobody waits for ever: after 200 times the journal counts as unavailable, and nothing was changed."""
    storm(stage, TRIES)
    with pytest.raises(StoreUnavailableError, match="contended"):
        stage.service.open(stage.principal)
    assert stage.events() == ()
    assert stage.service.open(stage.principal).step == "eligibility"


def test_calls_that_meet_all_go_through(stage: Stage) -> None:
    """Eight tabs that choose a reason at one instant: eight choices, no error, no gap."""
    stage.eligible()
    before = len(stage.records())
    views, refused = at_a_barrier(8, lambda n: stage.service.give_reason(stage.principal, "other", note=f"note {n}"))
    assert (len(views), refused) == (8, [])
    assert stage.count(ReasonGiven) == 8
    assert [one.sequence for one in stage.records()] == list(range(1, before + 9))


class Meddling(MemoryPrecondition):
    """A check in the middle of which something else happens."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.meddle: Callable[[], object] = tuple

    def check(self, account: Account) -> Finding:
        """Let it happen, and then say what was asked."""
        self.meddle()
        return super().check(account)


def test_a_withdrawal_in_the_middle_of_the_recheck_wins(stage: Stage) -> None:
    """The person came first: the worker's ``ErasureBegun`` meets it and is dropped, and nothing is erased (L15)."""
    check = Meddling("no_open_order")
    stage.service = built(ClosureService, stage, portal=portal_of(stage, preconditions=(check, stage.money_check)))
    confirmation = stage.confirmed()
    check.meddle = lambda: stage.service.withdraw(stage.principal)
    report = stage.service.work(limit=1)
    assert report.leases_lost == 1
    check.meddle = tuple
    stage.worked_off()
    assert stage.service.status(confirmation.reference).step == "withdrawn"
    account = stage.accounts.get(LI)
    assert account is not None
    assert account.standing == "open"
    assert len(stage.messages.items(LI)) == 2


def test_a_confirmation_withdrawn_in_another_tab_is_told_so(stage: Stage) -> None:
    """Confirm and withdraw meet; whoever comes second is told, by a code, and nothing is in between (RACE-02)."""
    nonce = stage.noticed().nonce
    check = Meddling("no_open_order")
    service = built(ClosureService, stage, portal=portal_of(stage, preconditions=(check, stage.money_check)))

    def withdrawn() -> None:
        check.meddle = tuple
        stage.service.withdraw(stage.principal)

    check.meddle = withdrawn
    assert codes(lambda: service.confirm(stage.principal, nonce)) == ["no_round"]
    assert stage.count(ClosureConfirmed) == 0


# --- observers ---------------------------------------------------------------------------------------------------


class Failing:
    """An observer that fails, with something personal in the text."""

    never_blocks = True

    def happened(self, stream: str, events: tuple[Event, ...]) -> None:
        """Fail."""
        raise RuntimeError("no metric for li.weiguo@example.com")


def test_an_observer_that_fails_changes_nothing_and_is_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """What has happened has happened; the next observer is told all the same; the log holds no text of the error."""
    stage.service = built(ClosureService, stage, observers=(Failing(), stage.happened))
    confirmation = stage.closed()
    assert stage.service.status(confirmation.reference).step == "closed"
    assert tuple(type(one).__name__ for one in stage.happened.events) == stage.kinds()
    assert "an observer failed" in caplog.text
    assert "weiguo" not in caplog.text


def test_observers_are_told_only_of_what_was_committed(stage: Stage) -> None:
    """A refused call and a failed append tell nobody anything."""
    watch = stage.watched()

    def fail(_: int, name: str) -> None:
        if name == "journal.append":
            raise StoreUnavailableError("journal", "full")

    watch.before = fail
    with pytest.raises(StoreUnavailableError, match="full"):
        stage.service.open(stage.principal)
    assert codes(lambda: stage.service.withdraw(stage.principal)) == ["no_round"]
    assert stage.happened.events == []


# --- references of other rounds, and of streams that are gone --------------------------------------------------------


def test_receipt_and_status_survive_the_loss_of_the_journal(stage: Stage) -> None:
    """What the ledger calls closed is closed, and the ledger keeps the receipt (L21)."""
    confirmation = stage.closed()
    receipt = stage.service.receipt(confirmation.reference)
    status = stage.service.status(confirmation.reference)
    lost = built(ClosureService, stage, store=Parts.of(stage, journal=MemoryJournal(stage.clock)))
    assert lost.receipt(confirmation.reference) == receipt
    assert lost.status(confirmation.reference) == status


def test_a_reference_without_journal_or_ledger_shows_nothing_and_fails_nobody(stage: Stage) -> None:
    """A genuine reference to what is lost altogether: no step, no receipt, and no error."""
    confirmation = stage.confirmed()
    lost = built(ClosureService, stage, store=Parts.of(stage, journal=MemoryJournal(stage.clock)))
    assert lost.status(confirmation.reference).step == "none"
    assert codes(lambda: lost.receipt(confirmation.reference)) == ["receipt_not_ready"]


def test_a_reference_shows_its_own_round_when_a_later_one_is_under_way(make_stage: MakeStage) -> None:
    """The first round was withdrawn and stays so; the second is another closing, with a reference of its own."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=timedelta(days=1)))
    first = stage.confirmed()
    stage.service.withdraw(stage.principal)
    stage.worked_off()
    second = stage.confirmed(stage.logged_in())
    assert first.reference != second.reference
    assert stage.count(RoundOpened) == 2
    assert [stage.service.status(one.reference).step for one in (first, second)] == ["withdrawn", "cooling_off"]
    stage.clock.set(second.due)
    stage.service.work()
    assert [stage.service.status(one.reference).step for one in (first, second)] == ["withdrawn", "closed"]
    assert codes(lambda: stage.service.receipt(first.reference)) == ["receipt_not_ready"]
    assert stage.service.receipt(second.reference).claims.round_number == 2


def test_a_status_tells_how_far_and_nothing_about_whom(stage: Stage) -> None:
    """Whoever holds the reference may know the times and the counts (L9)."""
    confirmation = stage.confirmed()
    status = stage.service.status(confirmation.reference)
    assert (status.step, status.confirmed_at, status.irreversible, status.closed_at) == ("closing", NOW, False, None)
    stage.service.work()
    status = stage.service.status(confirmation.reference)
    assert (status.step, status.irreversible, status.closed_at) == ("closed", True, NOW)
    assert {one.name for one in attrs.fields(Status)} == {
        "step",
        "confirmed_at",
        "irreversible",
        "erased",
        "closed_at",
    }


def test_a_login_name_is_reserved_from_the_closing_until_its_term_ends(stage: Stage) -> None:
    """However it is spelled; and exactly until the end of the term (L27)."""
    assert not stage.service.reserved("li.weiguo")
    stage.closed()
    for spelled in ("li.weiguo", " LI.Weiguo", "ｌｉ．ｗｅｉｇｕｏ"):
        assert stage.service.reserved(spelled)
    assert not stage.service.reserved("wang.fang")
    stage.clock.set(NOW + timedelta(days=90) - timedelta(microseconds=1))
    assert stage.service.reserved("li.weiguo")
    stage.clock.set(NOW + timedelta(days=90))
    assert not stage.service.reserved("li.weiguo")


# --- keys that are gone --------------------------------------------------------------------------------------------


def test_a_note_whose_key_is_missing_is_not_kept_and_the_person_goes_on_without_one(stage: Stage) -> None:
    """A missing key is an alarm, not a reason to write in clear (L22, L23)."""
    stage.eligible()
    lost = built(ClosureService, stage, store=Parts.of(stage, vault=MemoryKeyVault()))
    before = stage.kinds()
    with pytest.raises(KeyMissingError):
        lost.give_reason(stage.principal, "other", note="I move abroad.")
    assert stage.kinds() == before
    assert lost.give_reason(stage.principal, "rather_not_say").step == "verification"


def test_a_round_is_not_opened_under_a_key_that_was_destroyed(stage: Stage) -> None:
    """Destroyed stays destroyed: no second key takes its place under the same name (L23)."""
    stage.store.vault.destroy(round_key(stage.stream(), 1))
    with pytest.raises(KeyDestroyedError):
        stage.service.open(stage.principal)
    assert stage.events() == ()


def test_a_closing_whose_key_is_missing_goes_on_by_the_ledger_with_an_alarm(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Missing is an alarm; but the ledger names the account, so that nobody stays frozen (L23, DESIGN 7)."""
    stage.confirmed()
    lost = built(ClosureService, stage, store=Parts.of(stage, vault=MemoryKeyVault()))
    lost.work()
    assert stage.count(ClosureClosed) == 1
    assert "is missing; the ledger is asked whose account it is" in caplog.text


def test_a_closing_of_which_key_and_ledger_are_missing_waits_and_erases_nothing(stage: Stage) -> None:
    """Now nobody knows whose account it is: nothing is erased, and with both back it goes on (L23)."""
    stage.confirmed()
    lost = built(ClosureService, stage, store=Parts.of(stage, vault=MemoryKeyVault(), ledger=MemoryLedger()))
    report = lost.work()
    assert (report.failed, report.done) == (1, 0)
    failed = [one for one in stage.events() if isinstance(one, TaskFailed)]
    assert [(one.task, one.code) for one in failed] == [("recheck", "key_missing")]
    assert len(stage.messages.items(LI)) == 2
    stage.worked_off()
    assert stage.count(ClosureClosed) == 1


class Counted(PlainJournal):
    """A journal that counts the records of each reading."""

    never_blocks = True

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.lengths: list[int] = []

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """The records, counted."""
        records = super().read(stream, whole=whole)
        self.lengths.append(len(records))
        return records


def test_a_stream_is_read_from_its_last_round_on(stage: Stage) -> None:
    """Folding begins with the last opening, which carries what was before (COSTS: fold little)."""
    stage.opened()
    for _ in range(3):
        stage.service.withdraw(stage.principal)
        stage.opened(stage.logged_in())
    journal = Counted(stage)
    service = built(ClosureService, stage, store=Parts.of(stage, journal=journal))
    assert service.current(stage.principal).step == "eligibility"
    assert journal.lengths == [2]
    assert len(stage.records()) > 10


def test_the_principal_decides_whose_stream_it_is(stage: Stage) -> None:
    """Two people's closings never meet (L1)."""
    stage.opened()
    other = Principal(account=AccountId("wang"), session="s", logged_in_at=stage.clock.now())
    assert stage.service.current(other).step == "none"
    assert stage.stream("wang") != stage.stream("li")
