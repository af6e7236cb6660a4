"""A whole portal for tests of the service: memory adapters around it, and a store of choice.

A folder of tests gets its fixtures by a ``conftest.py`` of two lines::

    from tests.stage import make_stage, stage, store_kind

    __all__ = ["make_stage", "stage", "store_kind"]

Each test that asks for ``stage`` (the usual portal) or ``make_stage`` (terms and the rest of one's own) then runs
twice, on :class:`MemoryStore` and on :class:`SqliteStore` in a directory of its own::

    def test_a_closed_account_is_gone(stage: Stage) -> None:
        stage.closed()
        assert stage.accounts.get(stage.principal.account) is None

    def test_a_round_lapses(make_stage: MakeStage) -> None:
        stage = make_stage(attrs.evolve(TERMS, round_valid_for=timedelta(days=1)))
        ...

On PostgreSQL as well, in a database of its own, runs what says so; ``pytestmark = on_every_store`` says it for all
tests of a module, which must then all have a stage::

    @on_every_store
    def test_two_workers_share_nothing(stage: Stage) -> None:
        ...

    @on_stores("sqlite", "postgres")
    def test_a_process_that_is_killed_loses_nothing(make_stage: MakeStage) -> None:
        ...

A stage that is done with is closed (:meth:`Stage.close`) where a test makes many: its database is lent to the next one.

The walks (:meth:`Stage.opened`, ``eligible``, ``reason_given``, ``verified``, ``noticed``, ``confirmed``, ``closed``)
each do what comes before them. Nothing is random, nothing reads the machine's clock, and nothing sleeps.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from threading import Barrier, Thread
from typing import Final, Literal, ParamSpec, Protocol, TypeVar

import pytest

from hht_closure import codec
from hht_closure.account import Account, AccountId, ContactPoint, Principal
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.adapters.memory import (
    MemoryCodeSender,
    MemoryDataSet,
    MemoryDirectory,
    MemoryMessages,
    MemoryPrecondition,
    MemoryStore,
    MemoryTask,
)
from hht_closure.adapters.sql import SqlStore
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.errors import ClosureRefused
from hht_closure.events import Event
from hht_closure.flows.answers import Confirmation, View
from hht_closure.flows.wiring import Portal
from hht_closure.keys import KeyRing
from hht_closure.lifecycle import fold
from hht_closure.policy import Notice, NoticeText, Terms
from hht_closure.ports import CaptchaAnswer, CaptchaJob, CaptchaResult, Record
from hht_closure.service import ClosureOperator, ClosureService
from hht_closure.stages import Closure
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from hht_closure.verification import Challenge, Verdict, captcha, email_code, sms_code
from tests.postgres import dumped, lent_database

P = ParamSpec("P")
T = TypeVar("T")

StoreKind = Literal["memory", "sqlite", "postgres"]

NOW: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
RETENTION_ENDS: Final = NOW + timedelta(days=1000)
GROUND: Final = "E-commerce Law Art. 31"

LI: Final = Account(
    id="li",
    contacts=(
        ContactPoint(channel="sms", address="+8613800001234", version="s1"),
        ContactPoint(channel="email", address="li.weiguo@example.com", version="e1"),
    ),
    locale="zh-CN",
    login_name="li.weiguo",
)
WANG: Final = Account(
    id="wang",
    contacts=(
        ContactPoint(channel="sms", address="+8613900005678", version="s1"),
        ContactPoint(channel="email", address="wang.fang@example.com", version="e1"),
    ),
    login_name="wang.fang",
)

TERMS: Final = Terms(
    version="2026-03",
    requirement=captcha & sms_code & email_code,
    preconditions=("no_open_order", "no_money_owed"),
    data_sets=("orders", "messages"),
    notice_version="3",
    notices=(NoticeText("en", "Closing is final."), NoticeText("zh-CN", "注销后无法恢复。")),
)
"""The usual terms: a captcha, then both codes; everything else as the library has it."""


class WordCaptcha:
    """A :class:`~hht_closure.ports.CaptchaProvider` whose page shows the word that solves it: for tests alone."""

    name = "word"
    fields = ("word",)
    names_hosts = False
    never_blocks = True

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The word itself."""
        return {"word": self._word(job)}

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Whether it is the word of this job."""
        return CaptchaResult(accepted=hmac.compare_digest(answer.tokens["word"].encode(), self._word(job).encode()))

    def _word(self, job: CaptchaJob) -> str:
        return hmac.digest(job.secret.reveal(), b"word", "sha256").hex()[:12]


class StagePolicy:
    """A policy whose terms a test can change at any time: set :attr:`terms`."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def terms_for(self, account: Account) -> Terms:
        """The terms as they are set."""
        return self.terms

    def variants(self) -> tuple[Terms, ...]:
        """The terms, alone."""
        return (self.terms,)


class Killed(BaseException):
    """The process died here; no ``except Exception`` stops it."""


class Watch:
    """Sees every call of a port, before and after it, by the port's name and method: ``accounts.freeze``.

    Attributes:
        calls: every call that was begun, in order.
        before, after: called with the call's number (from 1) and name; may raise.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.before: Callable[[int, str], None] = _nothing
        self.after: Callable[[int, str], None] = _nothing

    def over(self, port: object, name: str, *methods: str) -> None:
        """Watch these methods of the port from now on."""
        for method in methods:
            setattr(port, method, self._watched(getattr(port, method), f"{name}.{method}"))

    def _watched(self, call: Callable[P, T], name: str) -> Callable[P, T]:
        @wraps(call)
        def watched(*args: P.args, **kwargs: P.kwargs) -> T:
            self.calls.append(name)
            number = len(self.calls)
            self.before(number, name)
            value = call(*args, **kwargs)
            self.after(number, name)
            return value

        return watched


def _nothing(number: int, name: str) -> None:
    """What a watch does that nobody has set."""


class Happenings:
    """The observer of a stage: keeps every event that was committed, in order."""

    never_blocks = True

    def __init__(self) -> None:
        self.events: list[Event] = []

    def happened(self, stream: str, events: tuple[Event, ...]) -> None:
        """Keep them."""
        self.events.extend(events)


class Stage:
    """A portal with two people (``li`` acts, ``wang`` is there), two preconditions, two data sets and one task.

    Attributes:
        kind: on which store it stands.
        path: where a store of files has them.
        url: where a store on a server is; that of another stage, for two on one store, or a new one's of its own.
        clock, entropy, keyring: of the tests' own making; ``entropy`` is seeded.
        store, service, operator: what is tested; new ones after :meth:`restarted`.
        policy: set ``policy.terms`` to change the terms that new rounds get.
        accounts, orders_check, money_check, orders, messages, downstream, letters, sms, email: the host's side.
        later_data_sets: append to it and call :meth:`restarted`, and the portal has one more.
        happened: every event that was committed.
        watch: see :meth:`watched`.
        principal: who acts, logged in when the stage was made, or by the last :meth:`logged_in`.
    """

    def __init__(
        self,
        kind: StoreKind,
        path: Path,
        *,
        terms: Terms = TERMS,
        seed: int = 1,
        portal: str = "Stage",
        url: str | None = None,
    ) -> None:
        self.kind: StoreKind = kind
        self.path = path
        self._lent = ExitStack()
        self.url = self._lent.enter_context(lent_database()) if kind == "postgres" and url is None else url or ""
        self.clock = ManualClock(NOW)
        self.entropy = UnsafeSeededEntropy(seed)
        self.keyring = KeyRing.generate(self.entropy)
        self.terms = terms
        self.policy = StagePolicy(terms)
        self.portal = portal
        self.accounts = MemoryDirectory(LI, WANG)
        self.orders_check = MemoryPrecondition("no_open_order")
        self.money_check = MemoryPrecondition("no_money_owed")
        self.orders = MemoryDataSet("orders", clock=self.clock)
        self.messages = MemoryDataSet("messages", after=("orders",), clock=self.clock)
        self.later_data_sets: list[MemoryDataSet] = []
        self.downstream = MemoryTask("downstream")
        self.letters = MemoryMessages()
        self.sms = MemoryCodeSender("sms")
        self.email = MemoryCodeSender("email")
        self.happened = Happenings()
        self.watch = Watch()
        self._is_watched = False
        for owner in (LI.id, WANG.id):
            self.orders.add(owner, f"an order of {owner}")
            self.orders.add(owner, f"an invoice of {owner}", until=RETENTION_ENDS, ground=GROUND)
            self.messages.add(owner, f"a first message of {owner}", f"a second message of {owner}")
        self.store = self._new_store()
        self.service = self._new_service()
        self.principal = self.logged_in()

    # --- putting it together ------------------------------------------------------------------------------

    def _new_store(self) -> MemoryStore | SqliteStore | SqlStore:
        match self.kind:
            case "memory":
                return MemoryStore(self.clock)
            case "sqlite":
                return SqliteStore(self.path, clock=self.clock)
            case "postgres":
                return SqlStore(self.url, clock=self.clock, connections=4)  # of the hundred that a server has

    def _new_service(self) -> ClosureService:
        service = ClosureService(
            portal=Portal(
                name=self.portal,
                accounts=self.accounts,
                preconditions=(self.orders_check, self.money_check),
                data_sets=(self.orders, self.messages, *self.later_data_sets),
                tasks=(self.downstream,),
                messages=self.letters,
            ),
            store=self.store,
            verifiers=(
                CaptchaVerifier(WordCaptcha()),
                sms_code_verifier(self.sms),
                email_code_verifier(self.email),
            ),
            keyring=self.keyring,
            policy=self.policy,
            clock=self.clock,
            entropy=self.entropy,
            observers=(self.happened,),
        )
        self.operator = ClosureOperator(service)
        return service

    def restarted(self) -> ClosureService:
        """A new process: the store opened anew, and a fresh service on it; the host's side stays."""
        if not isinstance(self.store, MemoryStore):
            self.store.close()
            self.store = self._new_store()
            if self._is_watched:
                self._watch_the_store()
        self.service = self._new_service()
        return self.service

    def close(self) -> None:
        """Close the store's files or connections, and give its database back; repeatable."""
        if not isinstance(self.store, MemoryStore):
            self.store.close()
        self._lent.close()

    def watched(self) -> Watch:
        """From now on :attr:`watch` sees every port call that can change something, also after :meth:`restarted`."""
        self._is_watched = True
        self._watch_the_store()
        watch = self.watch
        watch.over(self.accounts, "accounts", "get", "freeze", "unfreeze", "revoke_sessions", "retire")
        for check in (self.orders_check, self.money_check):
            watch.over(check, check.name, "check")
        for data_set in (self.orders, self.messages):
            watch.over(data_set, data_set.name, "survey", "erase", "remaining")
        watch.over(self.downstream, "downstream", "run")
        watch.over(self.letters, "letters", "send")
        for sender in (self.sms, self.email):
            watch.over(sender, sender.channel, "send")
        return watch

    def _watch_the_store(self) -> None:
        store, watch = self.store, self.watch
        watch.over(store.journal, "journal", "read", "append", "claim", "renew", "release")
        watch.over(store.vault, "vault", "create", "fetch", "destroy")
        watch.over(store.ledger, "ledger", "record", "find")
        watch.over(store.budgets, "budgets", "take")
        watch.over(store.tombstones, "tombstones", "lay")

    # --- who acts ------------------------------------------------------------------------------------------

    def logged_in(self, account: str = "li") -> Principal:
        """A fresh log-in, now, in a session of its own; where it is Li's, it is who acts from now on."""
        session = f"session-{self.clock.now().isoformat()}-{account}"
        self.accounts.log_in(AccountId(account), session)
        principal = Principal(account=AccountId(account), session=session, logged_in_at=self.clock.now())
        if account == "li":
            self.principal = principal
        return principal

    # --- walks ---------------------------------------------------------------------------------------------

    def opened(self, principal: Principal | None = None) -> View:
        """A round is open."""
        return self.service.open(principal or self.principal)

    def eligible(self, principal: Principal | None = None) -> View:
        """Nothing is in the way, and every statement is answered."""
        who = principal or self.principal
        view = self.opened(who)
        if any(one.code == "check_needed" for one in view.missing):
            view = self.service.recheck(who)
        for one in self.terms.statements:
            view = self.service.attest(who, one.code, "done", wording=one.wording, locale="en")
        return view

    def reason_given(self, principal: Principal | None = None, note: str = "I move abroad.") -> View:
        """A reason is given, with a note."""
        who = principal or self.principal
        self.eligible(who)
        return self.service.give_reason(who, "other", note=note)

    def challenged(self, factor: str, principal: Principal | None = None) -> Challenge:
        """The challenge of that factor, asked for now."""
        return self.service.challenge(principal or self.principal, factor)

    def proved(self, factor: str, principal: Principal | None = None) -> Verdict:
        """The factor asked for, and answered rightly."""
        who = principal or self.principal
        return self.service.answer(who, factor, self.right_answer(self.challenged(factor, who), who))

    def verified(self, principal: Principal | None = None) -> View:
        """Every factor that the terms name is proved."""
        who = principal or self.principal
        self.reason_given(who)
        for factor in ("captcha", "sms_code", "email_code"):
            if self.terms.factor(factor) is not None:
                self.proved(factor, who)
        return self.service.current(who)

    def noticed(self, principal: Principal | None = None) -> Notice:
        """The notice is read; its nonce is what confirm wants."""
        who = principal or self.principal
        self.verified(who)
        return self.service.notice(who, "en")

    def confirmed(self, principal: Principal | None = None) -> Confirmation:
        """Confirmed for good, and (without a cooling-off) frozen."""
        who = principal or self.principal
        return self.service.confirm(who, self.noticed(who).nonce)

    def closed(self, principal: Principal | None = None) -> Confirmation:
        """Closed, with everything done that is due now."""
        confirmation = self.confirmed(principal)
        self.service.work()
        return confirmation

    def worked_off(self) -> None:
        """Everything done that is due within an hour, also what is leased or tried again later: ten passes."""
        for _ in range(10):
            self.clock.advance(timedelta(minutes=6))
            self.service.work()

    # --- codes ---------------------------------------------------------------------------------------------

    def right_answer(self, challenge: Challenge, principal: Principal | None = None) -> str | Mapping[str, str]:
        """What the person would type, who reads the page and the messages sent to them."""
        if challenge.factor == "captcha":
            return {"word": challenge.parameters["word.word"]}
        return self.code(challenge.factor, principal)

    def code(self, factor: str, principal: Principal | None = None) -> str:
        """The digits last sent for that factor to where the account is reached now."""
        sender = self.sms if factor == "sms_code" else self.email
        account = self.accounts.get((principal or self.principal).account)
        contact = None if account is None else account.contact(sender.channel)
        assert contact is not None, "the account has no such contact point"
        return sender.last_code(contact.address)

    def wrong_code(self, factor: str, principal: Principal | None = None) -> str:
        """Six digits that are not the right ones."""
        return f"{(int(self.code(factor, principal)) + 1) % 1_000_000:06d}"

    def sent(self) -> int:
        """How many codes and letters were handed over so far."""
        return len(self.sms.sent) + len(self.email.sent) + len(self.letters.letters)

    # --- what stands in the store ---------------------------------------------------------------------------

    def stream(self, account: str = "li") -> str:
        """The name of that account's stream."""
        return self.keyring.stream_name(self.portal, AccountId(account))

    def records(self, account: str = "li") -> tuple[Record, ...]:
        """Every stored entry of that account's stream."""
        return self.store.journal.read(self.stream(account), whole=True)

    def events(self, account: str = "li") -> tuple[Event, ...]:
        """Every event of that account's stream, as it is stored."""
        return codec.read(self.stream(account), self.records(account))

    def kinds(self, account: str = "li") -> tuple[str, ...]:
        """The names of these events, in order."""
        return tuple(type(one).__name__ for one in self.events(account))

    def count(self, *kinds: type[Event], account: str = "li") -> int:
        """How many of the account's events are of these kinds."""
        return sum(isinstance(one, kinds) for one in self.events(account))

    def closure(self, account: str = "li") -> Closure:
        """The account's closure, folded from its whole stream."""
        return fold(self.events(account))

    def everything(self) -> object:
        """All that is kept and all that was sent, to be compared with what it was before (L10)."""
        host = (
            self.sent(),
            [(self.accounts.get(one), self.accounts.sessions(one)) for one in (LI.id, WANG.id)],
            [data_set.items(one) for data_set in (self.orders, self.messages) for one in (LI.id, WANG.id)],
            self.downstream.jobs,
            tuple(self.happened.events),
        )
        if isinstance(self.store, SqliteStore):
            return host, tuple(_dump(one) for one in sorted(self.path.glob("*.db")))
        if isinstance(self.store, SqlStore):
            return host, dumped(self.url)
        parts = (
            self.store.journal,
            self.store.vault,
            self.store.ledger,
            self.store.budgets,
            self.store.tombstones,
        )
        return host, [
            {name: deepcopy(value) for name, value in vars(part).items() if isinstance(value, dict)} for part in parts
        ]


def _dump(database: Path) -> tuple[str, ...]:
    """The rows of a database, as SQL."""
    with closing(sqlite3.connect(database)) as connection:
        return tuple(connection.iterdump())


# --- what tests are written with ----------------------------------------------------------------------------


def refusal_codes(call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> tuple[str, ...]:
    """The codes of the refusal that the call must meet.

    Raises:
        AssertionError: it was not refused.
    """
    try:
        call(*args, **kwargs)
    except ClosureRefused as refused:
        return refused.codes
    raise AssertionError("a refusal was expected, and the call was accepted")


def at_a_barrier(count: int, call: Callable[[int], T]) -> tuple[list[T], list[str]]:
    """Call it in that many threads at one instant: the values, and the codes of the refusals, sorted.

    Raises:
        AssertionError: a call raised something that is not a refusal.
    """
    barrier = Barrier(count)
    values: list[T] = []
    codes: list[str] = []

    def one(number: int) -> None:
        barrier.wait()
        try:
            values.append(call(number))
        except ClosureRefused as refused:
            codes.append(",".join(refused.codes))

    threads = [Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(values) + len(codes) == count, "a call ended with an error that is no refusal"
    return values, sorted(codes)


class MakeStage(Protocol):
    """Makes a stage with terms of one's own, on the store that the test runs with."""

    def __call__(self, terms: Terms = TERMS, *, seed: int = 1, portal: str = "Stage") -> Stage:
        """A new stage; each call gives another store. Two of the same seed behave exactly alike."""
        ...


def on_stores(*kinds: StoreKind) -> pytest.MarkDecorator:
    """A mark for a test that has a stage: it runs on each of these stores, and not on the usual two."""
    return pytest.mark.parametrize("store_kind", kinds, indirect=True)


on_every_store: Final = on_stores("memory", "sqlite", "postgres")
"""A mark for a test that has a stage: it runs on PostgreSQL, too."""


@pytest.fixture(params=["memory", "sqlite"])
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    """The stores on which a test runs in turn: the two that cost no time, unless it is marked."""
    kind: StoreKind = request.param
    return kind


@pytest.fixture
def make_stage(store_kind: StoreKind, tmp_path: Path) -> Iterator[MakeStage]:
    """Stages with terms of one's own, on several stores in turn."""
    made: list[Stage] = []

    def make(terms: Terms = TERMS, *, seed: int = 1, portal: str = "Stage") -> Stage:
        made.append(Stage(store_kind, tmp_path / f"closures-{len(made)}", terms=terms, seed=seed, portal=portal))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """The usual portal, on several stores in turn."""
    return make_stage()
