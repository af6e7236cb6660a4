"""A host that rolls its request back gives nobody an attempt: Django's ``ATOMIC_REQUESTS``, over HTTP (L4, CODE-09).

Each request is one transaction of the host's database. The views write a row of their own first and then call the
service; what they raise rolls that row back. The journal commits by itself, in its own file or in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Final, Protocol
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import WSGIApplication

import attrs
import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.urls import path

from hht_closure.account import AccountId
from hht_closure.adapters.password import PasswordVerifier
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.errors import ClosureRefused, StoreUnavailableError
from hht_closure.events import AttemptCounted, FactorProved
from hht_closure.flows.wiring import Portal
from hht_closure.policy import SendLimits
from hht_closure.service import ClosureService
from hht_closure.values import Secret
from hht_closure.verification import password, sms_code
from tests.stage import TERMS, MakeStage, Stage

SMS: Final = attrs.evolve(TERMS, requirement=sms_code)
LIMIT: Final = TERMS.attempts.failures
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
PASSWORD: Final = "correct horse"
TABLES: Final = """
    CREATE TABLE note (text TEXT);
    CREATE TABLE login (account TEXT, password TEXT);
    INSERT INTO login VALUES ('li', 'correct horse');
"""
"""The host's: what its requests write, and who may log in."""


class Views:
    """The host's pages. Whatever they raise rolls their request back; a refusal is a page like any other."""

    def __init__(self, stage: Stage, factor: str = "sms_code") -> None:
        self.stage = stage
        self.factor = factor
        self.urlpatterns = (
            path("answer", self.answer),
            path("answer-before-writing", self.answer_before_writing),
            path("challenge", self.challenge),
        )

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Write, then judge the answer; a wrong one is forbidden, as many a host has it."""
        _write("answer")
        return self._judged(request)

    def answer_before_writing(self, request: HttpRequest) -> HttpResponse:
        """The same in the other order."""
        response = self._judged(request)
        _write("answer")
        return response

    def challenge(self, request: HttpRequest) -> HttpResponse:
        """Write, have a code sent, and break down."""
        _write("challenge")
        try:
            self.stage.service.challenge(self.stage.principal, self.factor)
        except ClosureRefused as refused:
            return HttpResponse(str(refused), status=409)
        raise RuntimeError("the page's template is broken")

    def _judged(self, request: HttpRequest) -> HttpResponse:
        try:
            verdict = self.stage.service.answer(self.stage.principal, self.factor, request.POST["answer"])
        except ClosureRefused as refused:
            return HttpResponse(str(refused), status=409)
        except StoreUnavailableError as error:
            return HttpResponse(str(error), status=503)
        if not verdict.accepted:
            raise PermissionDenied
        return HttpResponse("right")


def _write(text: str) -> None:
    """A row in the host's database, on the connection and in the transaction of this request."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO note (text) VALUES (%s)", [text])


@attrs.frozen
class Host:
    """A portal on Django, as a browser and its database's owner see it."""

    port: int
    database: Path

    def post(self, page: str, answer: str = "") -> tuple[int, str]:
        """Send a form, and give the answer's status and text."""
        with closing(HTTPConnection("127.0.0.1", self.port)) as browser:
            browser.request("POST", f"/{page}", urlencode({"answer": answer}), FORM)
            response = browser.getresponse()
            return response.status, response.read().decode()

    def rows(self) -> tuple[str, ...]:
        """What requests have written for good, looked at from outside."""
        with closing(sqlite3.connect(self.database)) as outside:
            return tuple(text for (text,) in outside.execute("SELECT text FROM note ORDER BY rowid"))


class Quiet(WSGIRequestHandler):
    """Writes no log of the requests."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing."""


class Serve(Protocol):
    """Puts views on the web, over that database."""

    def __call__(self, views: Views, database: Path | None = None) -> Host:
        """The host, with its tables made; without a database, one of its own."""
        ...


@pytest.fixture(scope="session")
def django_application() -> WSGIApplication:
    """Django can be set up once in a process, and only these tests use it; each puts its own views and file into it."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "none", "ATOMIC_REQUESTS": True}},
        LOGGING_CONFIG=None,
        ROOT_URLCONF="none",
        SECRET_KEY="of no use",
    )
    application: WSGIApplication = get_wsgi_application()
    return application


@pytest.fixture
def serve(django_application: WSGIApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves views over HTTP until the test ends."""
    with ExitStack() as until_the_end:

        def start(views: Views, database: Path | None = None) -> Host:
            file = database or tmp_path / "host.sqlite3"
            with closing(sqlite3.connect(file)) as owner:
                owner.executescript(TABLES)
            monkeypatch.setattr(settings, "ROOT_URLCONF", views)
            monkeypatch.setitem(connections.settings["default"], "NAME", str(file))
            return Host(until_the_end.enter_context(_served(django_application)), file)

        yield start


@contextmanager
def _served(application: WSGIApplication) -> Iterator[int]:
    """The application behind a real server on the loopback interface, and its port."""
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def _asked_for_a_code(stage: Stage) -> Stage:
    stage.reason_given()
    stage.challenged("sms_code")
    return stage


# --- attempts ---------------------------------------------------------------------------------------------------


def test_a_rolled_back_request_gives_no_attempt_back(make_stage: MakeStage, serve: Serve) -> None:
    """Five requests with a wrong code, each rolled back: the host's rows are gone, the attempts stay (L4, CODE-09)."""
    stage = _asked_for_a_code(make_stage(SMS))
    host, wrong = serve(Views(stage)), stage.wrong_code("sms_code")
    statuses = [host.post("answer", wrong)[0] for _ in range(LIMIT)]
    assert (statuses, host.rows(), len(stage.closure().attempts.failures)) == ([403] * LIMIT, (), LIMIT)


def test_rolled_back_requests_lock_like_any_others(make_stage: MakeStage, serve: Serve) -> None:
    """After five of them the right code is refused, and for no other reason than the lock (L5, CODE-04, CODE-09)."""
    stage = _asked_for_a_code(make_stage(SMS))
    host, wrong = serve(Views(stage)), stage.wrong_code("sms_code")
    for _ in range(LIMIT):
        host.post("answer", wrong)
    assert host.post("answer", stage.code("sms_code")) == (409, "locked")


def test_a_request_that_succeeds_keeps_both(make_stage: MakeStage, serve: Serve) -> None:
    """The twin: the right code in a request that is committed leaves the host's row and the proof (L4)."""
    stage = _asked_for_a_code(make_stage(SMS))
    host = serve(Views(stage))
    response = host.post("answer", stage.code("sms_code"))
    assert (response, host.rows(), stage.count(FactorProved)) == ((200, "right"), ("answer",), 1)


# --- sendings ---------------------------------------------------------------------------------------------------


def test_a_rolled_back_request_gives_no_sending_back(make_stage: MakeStage, serve: Serve) -> None:
    """Two a day, and both requests broke down after the sending: the third sends nothing (L8, CODE-09)."""
    stage = make_stage(attrs.evolve(SMS, sends=SendLimits(per_account=2)))
    stage.reason_given()
    host = serve(Views(stage))
    statuses = list[int]()
    for _ in range(3):
        statuses.append(host.post("challenge")[0])
        stage.clock.advance(TERMS.codes.resend_after)
    assert (statuses, len(stage.sms.sent)) == ([500, 500, 409], 2)


def test_a_code_sent_by_a_rolled_back_request_counts(make_stage: MakeStage, serve: Serve) -> None:
    """The twin: the person has the message in hand, so its challenge stands and the code is right (L8)."""
    stage = make_stage(SMS)
    stage.reason_given()
    host = serve(Views(stage))
    host.post("challenge")
    assert (host.post("answer", stage.code("sms_code")), host.rows()) == ((200, "right"), ("answer",))


# --- a journal in the host's own file ---------------------------------------------------------------------------


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The answers that were compared with a code; all of them are right."""
    answers: list[object] = []

    def check(_: object, __: object, answer: object, ___: object) -> bool:
        answers.append(answer)
        return True

    monkeypatch.setattr("hht_closure.adapters.codes.CodeVerifier.check", check)
    return answers


@pytest.fixture
def in_one_file(tmp_path: Path, serve: Serve) -> Iterator[tuple[Stage, Host]]:
    """A stage whose journal's file holds the host's tables, too, and whose writes do not wait for the host's."""
    stage = Stage("sqlite", tmp_path / "closures", terms=SMS)
    assert isinstance(stage.store, SqliteStore)
    file = stage.store.journal.file
    with file.reading() as connected:
        connected.execute("PRAGMA busy_timeout = 0")
    yield stage, serve(Views(stage), file.path)
    stage.close()


def test_what_cannot_be_counted_is_not_compared(in_one_file: tuple[Stage, Host], compared: list[object]) -> None:
    """The request holds the file's write lock, so that nothing can be counted: no answer is looked at (L4, CODE-09)."""
    stage, host = in_one_file
    _asked_for_a_code(stage)
    assert (host.post("answer", "123456"), compared) == ((503, "the journal is unavailable: locked"), [])


def test_what_can_be_counted_is_compared(in_one_file: tuple[Stage, Host], compared: list[object]) -> None:
    """The twin: before the request has written, it holds no lock; counted, compared, and the row is kept (L4)."""
    stage, host = in_one_file
    _asked_for_a_code(stage)
    status, _ = host.post("answer-before-writing", "123456")
    assert (status, compared, stage.count(AttemptCounted), host.rows()) == (200, ["123456"], 1, ("answer",))


def test_what_cannot_be_paid_for_is_not_sent(in_one_file: tuple[Stage, Host]) -> None:
    """Nothing can be taken from the budget while the request holds the lock: no message goes out (L8)."""
    stage, host = in_one_file
    stage.reason_given()
    assert (host.post("challenge"), stage.sms.sent) == ((409, "temporarily_unavailable"), ())


# --- a verifier that asks the host's database --------------------------------------------------------------------


class HostPasswords:
    """The host's own check, on the connection of the request: it reads, and counts in a row of its own."""

    def check(self, account: AccountId, password: Secret[str]) -> bool:
        """Whether it is the account's."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT password FROM login WHERE account = %s", [account])
            (right,) = cursor.fetchone()
        _write("tried")
        return password.matches(right)


@pytest.fixture
def with_a_password(make_stage: MakeStage, serve: Serve) -> tuple[Stage, Host]:
    """A stage where the host's password is asked for, and has been asked for."""
    stage = make_stage()
    stage.policy.terms = attrs.evolve(TERMS, requirement=password)
    stage.service = ClosureService(
        portal=Portal(
            name="Stage",
            accounts=stage.accounts,
            preconditions=(stage.orders_check, stage.money_check),
            data_sets=(stage.orders, stage.messages),
            messages=stage.letters,
        ),
        store=stage.store,
        verifiers=(PasswordVerifier(HostPasswords()),),
        keyring=stage.keyring,
        policy=stage.policy,
        clock=stage.clock,
        entropy=stage.entropy,
    )
    stage.reason_given()
    stage.challenged("password")
    return stage, serve(Views(stage, "password"))


def test_a_verifier_may_ask_the_hosts_database_within_the_request(with_a_password: tuple[Stage, Host]) -> None:
    """The right password is right, and everything is kept (L4)."""
    stage, host = with_a_password
    response = host.post("answer", PASSWORD)
    assert (response, host.rows(), stage.count(FactorProved)) == ((200, "right"), ("answer", "tried"), 1)


def test_the_journals_count_outlives_the_hosts_own(with_a_password: tuple[Stage, Host]) -> None:
    """A wrong password: what the host counted on its own connection is rolled back, the attempt stays (L4, CODE-09)."""
    stage, host = with_a_password
    status, _ = host.post("answer", "a guess")
    assert (status, host.rows(), len(stage.closure().attempts.failures)) == (403, (), 1)
