"""Stores, transports and providers that fail: nothing is lost, nobody is accused, and later it works."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.errors import JournalBrokenError, PortError, StoreUnavailableError, StoreVersionError
from hht_closure.events import AnswerRejected, AttemptCounted, TaskPassedOver
from hht_closure.flows.stream import farewell_key
from hht_closure.ports import (
    Asked,
    CaptchaAnswer,
    CaptchaJob,
    CaptchaResult,
    ChallengeJob,
    KeyDestroyed,
    Offer,
    PersonAnswer,
    RequestInfo,
)
from hht_closure.service import ClosureService
from hht_closure.verification import Assurance, email_code, sms_code
from tests.service.doubles import built, codes, loose
from tests.stage import TERMS, MakeStage, Stage, WordCaptcha, refusal_codes

# --- the store ---------------------------------------------------------------------------------------------------


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose files a test can get at."""
    stage = Stage("sqlite", tmp_path / "store")
    yield stage
    stage.close()


def _edit(stage: Stage, sequence: int, body: bytes) -> None:
    with closing(sqlite3.connect(stage.path / "journal.db")) as database, database:
        database.execute("UPDATE entry SET body = ? WHERE sequence = ?", (body, sequence))


def test_an_edited_journal_is_not_read_and_nothing_is_built_on_it(on_disk: Stage) -> None:
    """One byte changed by hand stops every call of that account, and no other account's (L24)."""
    stage = on_disk
    stage.eligible()
    body = stage.records()[2].body
    _edit(stage, 3, body.replace(b"done", b"dune"))
    before = stage.everything()
    person = stage.principal
    calls: list[Callable[[], object]] = [
        lambda: stage.service.current(person),
        lambda: stage.service.open(person),
        lambda: stage.service.give_reason(person, "rather_not_say"),
        lambda: stage.service.withdraw(person),
        lambda: stage.operator.look(stage.stream()),
    ]
    for call in calls:
        with pytest.raises(JournalBrokenError) as broken:
            call()
        assert (broken.value.stream, broken.value.sequence) == (stage.stream(), 3)
    assert stage.everything() == before
    assert stage.opened(stage.logged_in("wang")).step == "eligibility"
    _edit(stage, 3, body)
    assert stage.closed(stage.logged_in()).reference


@pytest.mark.parametrize("file", ["journal.db", "keys.db", "ledger.db"])
def test_a_store_of_another_version_is_not_opened(on_disk: Stage, file: str) -> None:
    """A later release's file is left as it is, and said to be one."""
    stage = on_disk
    stage.eligible()
    stage.close()

    def version(number: int) -> None:
        with closing(sqlite3.connect(stage.path / file)) as database:
            database.execute(f"PRAGMA user_version = {number}")

    version(2)
    with pytest.raises(StoreVersionError, match="has version 2, and this library reads version 1"):
        stage.restarted()
    version(1)
    stage.restarted()
    assert stage.service.current(stage.principal).step == "reason"


@pytest.mark.parametrize(
    ("call", "walk", "last"),
    [
        ("journal.read", Stage.opened, ()),
        ("journal.append", Stage.opened, ()),
        ("vault.create", Stage.opened, ()),
        ("accounts.get", Stage.opened, ()),
        ("vault.fetch", Stage.reason_given, ("StatementAnswered",)),
    ],
)
@pytest.mark.parametrize("error", [StoreUnavailableError("store", "locked"), ConnectionError("10.0.0.1 is gone")])
def test_a_part_that_is_down_is_an_error_and_nothing_is_half_done(
    stage: Stage, call: str, walk: Callable[[Stage], object], last: tuple[str, ...], error: Exception
) -> None:
    """Not the person's fault, so no refusal; nothing of the outside's text is in it, and trying again works."""
    watch = stage.watched()

    def down(_: int, name: str) -> None:
        if name == call:
            raise error

    watch.before = down
    with pytest.raises((StoreUnavailableError, PortError)) as raised:
        walk(stage)
    assert "10.0.0.1" not in str(raised.value)
    watch.before = lambda number, name: None
    assert stage.kinds()[-1:] == last
    assert stage.closed().reference


def test_a_send_budget_that_cannot_be_asked_is_used_up(stage: Stage) -> None:
    """Nothing is sent without a budget, and nothing is written (L8); when it is back, the code goes out."""
    stage.reason_given()
    stage.proved("captcha")
    watch = stage.watched()
    for error in (StoreUnavailableError("send budget", "locked"), ConnectionError("gone")):

        def down(_: int, name: str, error: Exception = error) -> None:
            if name == "budgets.take":
                raise error

        watch.before = down
        before = stage.everything()
        assert codes(lambda: stage.service.challenge(stage.principal, "sms_code")) == ["temporarily_unavailable"]
        assert stage.everything() == before
    watch.before = lambda number, name: None
    assert stage.proved("sms_code").accepted


# --- transports and providers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", ["sms_code", "email_code"])
def test_a_code_that_could_not_be_sent_is_sent_again_with_the_same_digits(stage: Stage, factor: str) -> None:
    """The person is told; the challenge and its hold-off stand; later the same digits come (L7, L8)."""
    sender = stage.sms if factor == "sms_code" else stage.email
    stage.reason_given()
    stage.proved("captcha")
    if factor == "email_code":
        stage.proved("sms_code")
    first = stage.challenged(factor)
    digits = stage.code(factor)
    sender.failing = True
    stage.clock.set(first.resend_at)
    second = stage.challenged(factor)
    assert (first.delivered, second.delivered, second.id) == (True, False, first.id)
    assert codes(lambda: stage.challenged(factor)) == ["too_soon"]
    sender.failing = False
    stage.clock.set(second.resend_at)
    third = stage.challenged(factor)
    assert (third.delivered, third.id, stage.code(factor), len(sender.sent)) == (True, first.id, digits, 2)
    assert stage.service.answer(stage.principal, factor, digits).accepted


def test_a_farewell_that_cannot_be_sent_holds_up_nothing_and_comes_later(stage: Stage) -> None:
    """The account is closed all the same; a mail server down for a day delays the farewell by a day (L26)."""
    stage.letters.failing = True
    confirmation = stage.closed()
    assert stage.service.status(confirmation.reference).step == "closed"
    assert stage.service.receipt(confirmation.reference).token
    for _ in range(24):
        stage.clock.advance(timedelta(hours=1))
        stage.service.work()
    sent_in_vain = len(stage.letters.letters)
    stage.letters.failing = False
    stage.clock.advance(timedelta(hours=2))
    stage.service.work()
    assert sent_in_vain == 0
    assert [(one.kind, one.to.address, one.reference) for one in stage.letters.letters] == [
        ("farewell", "li.weiguo@example.com", confirmation.reference)
    ]
    assert stage.operator.look(stage.stream()).set_aside == ()


def test_a_farewell_is_given_up_at_its_deadline_and_its_key_destroyed(stage: Stage) -> None:
    """After three days nobody can read the address any more, whether the farewell went out or not (L26)."""
    stage.letters.failing = True
    confirmation = stage.closed()
    closed_at = stage.service.status(confirmation.reference).closed_at
    assert closed_at is not None
    for _ in range(71):
        stage.clock.advance(timedelta(hours=1))
        stage.service.work()
    assert stage.count(TaskPassedOver) == 0
    stage.clock.set(closed_at + timedelta(days=3))
    stage.service.work()
    assert [(one.task, one.at) for one in stage.events() if isinstance(one, TaskPassedOver)] == [
        ("farewell", closed_at + timedelta(days=3))
    ]
    assert stage.store.vault.fetch(farewell_key(stage.stream(), 1)) == KeyDestroyed()
    assert stage.letters.letters == ()
    assert stage.service.receipt(confirmation.reference).token


class FragileCaptcha(WordCaptcha):
    """A captcha provider whose service can be down."""

    def __init__(self) -> None:
        self.down = False

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The word, where the service answers."""
        self._ask()
        return super().widget(job)

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """The verdict, where the service answers."""
        self._ask()
        return super().verify(job, answer)

    def _ask(self) -> None:
        if self.down:
            raise ConnectionError("captcha.example is down")


def test_a_captcha_service_that_is_down_proves_nothing_and_accuses_nobody(stage: Stage) -> None:
    """Not proved, and not told "wrong"; the attempt counts (L4), and the same word is right when it is back."""
    provider = FragileCaptcha()
    verifiers = (CaptchaVerifier(provider), sms_code_verifier(stage.sms), email_code_verifier(stage.email))
    stage.service = built(ClosureService, stage, verifiers=verifiers)
    stage.reason_given()
    provider.down = True
    asked = stage.challenged("captcha")
    assert (asked.delivered, asked.parameters) == (False, {})
    provider.down = False
    right = stage.right_answer(stage.challenged("captcha"))
    provider.down = True
    assert codes(lambda: stage.service.answer(stage.principal, "captcha", right)) == ["answer_not_judged"]
    assert (stage.count(AttemptCounted), stage.count(AnswerRejected)) == (1, 0)
    provider.down = False
    verdict = stage.proved("captcha")
    assert (verdict.accepted, verdict.attempts_left) == (True, 4)


def test_a_directory_that_gives_somebody_elses_account_is_believed_in_nothing(stage: Stage) -> None:
    """A cache that mixes accounts up must not close the wrong one (L1)."""
    other = stage.accounts.get(AccountId("wang"))
    right = stage.accounts.get
    loose(setattr)(stage.accounts, "get", lambda account: other)
    with pytest.raises(PortError, match="another_account"):
        stage.service.open(stage.principal)
    loose(setattr)(stage.accounts, "get", right)
    assert (stage.events(), stage.events("wang")) == ((), ())
    assert stage.closed().reference


def test_a_factor_that_the_account_cannot_prove_is_unavailable(make_stage: MakeStage) -> None:
    """Without a telephone number there is no SMS code; with one there is."""
    stage = make_stage(TERMS)
    stage.accounts.add(
        Account(id=AccountId("zhao"), contacts=(ContactPoint(channel="email", address="z@example.com", version="1"),))
    )
    person = stage.logged_in("zhao")
    stage.reason_given(person)
    stage.proved("captcha", person)
    assert codes(lambda: stage.service.challenge(person, "sms_code")) == ["factor_unavailable"]
    stage.accounts.change_contact(AccountId("zhao"), "sms", "+8613700001111")
    assert stage.proved("sms_code", person).accepted


class FragileOffer:
    """A verifier that must ask somebody whether it can be offered, and cannot ask."""

    factor = email_code.name
    assurance: Assurance = email_code.assurance
    channel = None

    def offer(self, account: Account) -> Offer:
        """Nobody can say."""
        raise ConnectionError("directory.example is down")

    def begin(self, job: ChallengeJob) -> Asked:
        """Nothing to send."""
        return Asked()

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Never."""
        return False


def test_a_factor_of_which_nobody_can_say_where_it_goes_stands_in_nobodys_way(stage: Stage) -> None:
    """The view shows it without a destination, and the other factors go on; asking for it may be tried again (L8)."""
    verifiers = (CaptchaVerifier(WordCaptcha()), sms_code_verifier(stage.sms), FragileOffer())
    stage.policy.terms = attrs.evolve(TERMS, requirement=sms_code | email_code)
    stage.service = built(ClosureService, stage, verifiers=verifiers)
    view = stage.reason_given()
    assert {one.name: one.destination for one in view.factors}["email_code"] is None
    assert refusal_codes(stage.service.challenge, stage.principal, "email_code") == ("temporarily_unavailable",)
    assert stage.proved("sms_code").accepted is True
