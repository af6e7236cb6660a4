"""Turnstile, hCaptcha and reCAPTCHA, against servers on the loopback interface that behave as they do."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from ssl import SSLContext
from threading import Lock, Thread
from typing import Final, Literal
from urllib.parse import parse_qsl

import attrs
import httpx2
import pytest

from hht_closure.account import CLOCK_SKEW
from hht_closure.adapters.bounded_http import LONGEST_ANSWER
from hht_closure.adapters.captcha import ACTION, CaptchaVerifier
from hht_closure.adapters.memory import MemorySendBudget
from hht_closure.adapters.siteverify import (
    HCAPTCHA,
    RECAPTCHA,
    REMEMBERED_FOR,
    TURNSTILE,
    SiteverifyCaptcha,
    hcaptcha,
    recaptcha,
    turnstile,
)
from hht_closure.errors import InvalidValueError, WiringError
from hht_closure.ports import (
    Allowance,
    CaptchaAnswer,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    Exhausted,
    RequestInfo,
    SendBudget,
)
from hht_closure.testing.contracts.captcha_provider import (
    EXPIRES,
    HOST,
    NOON,
    GoneBudget,
    SelfContainedCaptchaContract,
    SpendingCaptchaContract,
)
from hht_closure.values import Secret
from tests.adapters.test_captcha import JOB as CHALLENGE
from tests.adapters.test_captcha import settled
from tests.adapters.test_smtp import make_certificate

Kind = Literal["turnstile", "hcaptcha", "recaptcha", "recaptcha v3"]
KINDS: Final[tuple[Kind, ...]] = ("turnstile", "hcaptcha", "recaptcha", "recaptcha v3")
FIELDS: Final[Mapping[Kind, str]] = {
    "turnstile": "cf-turnstile-response",
    "hcaptcha": "h-captcha-response",
    "recaptcha": "g-recaptcha-response",
    "recaptcha v3": "g-recaptcha-response",
}
SECRET: Final = "0x4AAAAAAA-s3cret"
SITE_KEY: Final = "0x4AAAAAAA-site"
ADDRESS: Final = "192.0.2.77"


@attrs.frozen
class Reply:
    """What a service answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    in_pieces: bool = False


@attrs.frozen
class Seen:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


class Service(ThreadingHTTPServer):
    """A service that judges its own tokens as that kind does.

    Attributes:
        kind: whose ways it has.
        reply: answers everything, where it is set.
        changed: what it says otherwise in every yes; a value of None is left out.
        forgets: whether it takes a token any number of times.
        seen: what arrived.
    """

    request_queue_size = 64

    def __init__(self, kind: Kind, tls: SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kind: Kind = kind
        self.reply: Reply | None = None
        self.changed: Mapping[str, object] = {}
        self.forgets = False
        self.seen: list[Seen] = []
        self._sold: dict[str, dict[str, object]] = {}
        self._used: dict[str, str | None] = {}
        self._lock = Lock()
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        """Where it judges."""
        return f"{self._scheme}://127.0.0.1:{self.server_port}/siteverify"

    def solve(self, asked: Mapping[str, str], *, at: datetime = NOON) -> str:
        """The token that the widget gives to who solved it on the portal's page."""
        said: dict[str, object] = {"success": True, "challenge_ts": f"{at:%Y-%m-%dT%H:%M:%S}.096Z", "hostname": HOST}
        match self.kind:
            case "turnstile":
                said |= {"error-codes": [], "action": asked["action"], "cdata": asked["cdata"]}
            case "hcaptcha":
                said |= {"challenge_ts": f"{at:%Y-%m-%dT%H:%M:%S}.000000Z", "credit": False}
            case "recaptcha":
                said |= {"challenge_ts": f"{at:%Y-%m-%dT%H:%M:%S}Z"}
            case "recaptcha v3":
                said |= {"challenge_ts": f"{at:%Y-%m-%dT%H:%M:%S}Z", "action": asked["action"], "score": 0.9}
        with self._lock:
            token = f"{self.kind.replace(' ', '-')}.T0ken_{len(self._sold)}-{'A' * 400}"
            self._sold[token] = said
        return token

    def judged(self, form: Mapping[str, str]) -> Reply:
        """What it says of a token."""
        if self.reply is not None:
            return self.reply
        said = self._sold.get(form["response"])
        if form["secret"] != SECRET:
            return _no("invalid-input-secret")
        if said is None:
            return _no("invalid-input-response")
        if self.kind == "hcaptcha" and form.get("sitekey") != SITE_KEY:
            return _no("sitekey-secret-mismatch")
        with self._lock:
            key = form.get("idempotency_key") if self.kind == "turnstile" else None
            is_new = form["response"] not in self._used
            is_same = key is not None and self._used.setdefault(form["response"], key) == key
            self._used.setdefault(form["response"], key)
        if not (is_new or is_same or self.forgets):
            return _no("already-seen-response" if self.kind == "hcaptcha" else "timeout-or-duplicate")
        whole = {**said, **self.changed}
        return Reply(body=json.dumps({key: value for key, value in whole.items() if value is not None}).encode())

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


def _no(*codes: object) -> Reply:
    return Reply(body=json.dumps({"success": False, "error-codes": codes}).encode())


class _Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Keep the request, and judge."""
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(content, keep_blank_values=True, strict_parsing=True))
        self.server.seen.append(Seen(self.path, dict(self.headers.items()), form))
        reply = self.server.judged(form)
        self.send_response(reply.status)
        framing = ("Transfer-Encoding", "chunked") if reply.in_pieces else ("Content-Length", str(len(reply.body)))
        for name, value in (framing, ("Connection", "close"), *reply.headers.items()):
            self.send_header(name, value)
        self.end_headers()
        if not reply.in_pieces:
            self.wfile.write(reply.body)
            return
        for byte in reply.body:
            self.wfile.write(b"1\r\n" + bytes([byte]) + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST  # noqa: N815 - where a redirect would lead

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's name for it
        """Nothing is printed."""


class Services:
    """Starts services, and stops them when the test is over."""

    def __init__(self) -> None:
        self._running: list[tuple[Service, Thread]] = []

    def start(self, kind: Kind = "turnstile", reply: Reply | None = None, tls: SSLContext | None = None) -> Service:
        """A service of that kind."""
        service = Service(kind, tls)
        service.reply = reply
        thread = Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self._running.append((service, thread))
        return service

    def stop(self) -> None:
        """Stop them all."""
        for service, thread in self._running:
            service.shutdown()
            thread.join()
            service.server_close()


@pytest.fixture
def services() -> Iterator[Services]:
    """Services for one test."""
    started = Services()
    yield started
    started.stop()


@pytest.fixture(params=KINDS)
def service(request: pytest.FixtureRequest, services: Services) -> Service:
    """A service of each kind in turn."""
    return services.start(next(one for one in KINDS if one == request.param))


def captcha_of(kind: Kind, url: str, spent: SendBudget | None = None) -> SiteverifyCaptcha:
    """The provider for a service of that kind."""
    store = MemorySendBudget() if spent is None else spent
    match kind:
        case "turnstile":
            return turnstile(secret=Secret(SECRET), site_key=SITE_KEY, spent=store, url=url)
        case "hcaptcha":
            return hcaptcha(secret=Secret(SECRET), site_key=SITE_KEY, spent=store, url=url)
        case "recaptcha":
            return recaptcha(secret=Secret(SECRET), site_key=SITE_KEY, spent=store, url=url)
        case "recaptcha v3":
            return recaptcha(secret=Secret(SECRET), site_key=SITE_KEY, spent=store, url=url, least_score=0.5)


def captcha_for(service: Service, spent: SendBudget | None = None) -> SiteverifyCaptcha:
    """The provider for that service."""
    return captcha_of(service.kind, service.url, spent)


# --- the suite, earned by each ----------------------------------------------------------------------------------


class _OverHttp(SpendingCaptchaContract):
    """The suite of providers that claim their tokens, over the wire."""

    kind: Kind

    @pytest.fixture(autouse=True)
    def _service(self, services: Services) -> None:
        self.service = services.start(self.kind)

    def make_provider_over(self, spent: SendBudget) -> CaptchaProvider:
        """A provider for the service that runs."""
        self.provider = captcha_for(self.service, spent)
        return self.provider

    def solve(self, job: CaptchaJob) -> Mapping[str, str]:
        """What the widget does."""
        return {FIELDS[self.kind]: self.service.solve(self.provider.widget(job))}


class TestTurnstile(_OverHttp, SelfContainedCaptchaContract):
    """Cloudflare Turnstile, whose tokens are bound to the job, and claimed all the same."""

    kind: Kind = "turnstile"


class TestHcaptcha(_OverHttp):
    """The suite over hCaptcha."""

    kind: Kind = "hcaptcha"


class TestRecaptcha(_OverHttp):
    """reCAPTCHA with its checkbox."""

    kind: Kind = "recaptcha"


class TestRecaptchaV3(_OverHttp):
    """reCAPTCHA with its scores."""

    kind: Kind = "recaptcha v3"


# --- one token --------------------------------------------------------------------------------------------------

JOB: Final = SpendingCaptchaContract().a_job()
OTHER: Final = SpendingCaptchaContract().a_job(2)


def answered(field: str, token: str, *, address: str | None = ADDRESS, seconds: float = 30) -> CaptchaAnswer:
    """What comes back from a page."""
    return CaptchaAnswer(
        tokens={field: token},
        remote_address=address,
        idempotency="0123456789abcdef" * 2,
        timeout=timedelta(seconds=seconds),
    )


def judged(captcha: SiteverifyCaptcha, token: str, job: CaptchaJob = JOB, *, seconds: float = 30) -> CaptchaResult:
    """What the provider says of a token."""
    (field,) = captcha.fields
    return captcha.verify(job, answered(field, token, seconds=seconds))


def reason(captcha: SiteverifyCaptcha, token: str, job: CaptchaJob = JOB, *, seconds: float = 30) -> str | None:
    """Why a token is not accepted; None where it is."""
    result = judged(captcha, token, job, seconds=seconds)
    return None if result.accepted else result.reason or "without a reason"


def solved(service: Service, captcha: SiteverifyCaptcha, job: CaptchaJob = JOB) -> str:
    """The token of who solved the widget."""
    return service.solve(captcha.widget(job))


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("turnstile", {"site_key": SITE_KEY, "action": ACTION}),
        ("hcaptcha", {"site_key": SITE_KEY}),
        ("recaptcha", {"site_key": SITE_KEY}),
        ("recaptcha v3", {"site_key": SITE_KEY, "action": ACTION}),
    ],
)
def test_the_widget_gets_what_it_takes(kind: Kind, asked: Mapping[str, str]) -> None:
    """The site key, and the action where the service gives it back; nobody is asked for that."""
    widget = captcha_of(kind, "https://nobody.invalid/").widget(JOB)
    assert {key: value for key, value in widget.items() if key != "cdata"} == asked


def test_turnstiles_data_is_what_it_takes() -> None:
    """``cdata`` is up to 255 letters, digits, hyphens and underscores: 64 hex digits, which tell nothing."""
    cdata = captcha_of("turnstile", "https://nobody.invalid/").widget(JOB)["cdata"]
    assert (len(bytes.fromhex(cdata)), cdata == JOB.secret.reveal().hex()) == (32, False)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("turnstile", {"idempotency_key": "01234567-89ab-4def-8123-456789abcdef"}),
        ("hcaptcha", {"sitekey": SITE_KEY}),
        ("recaptcha", {}),
        ("recaptcha v3", {}),
    ],
)
def test_the_service_gets_what_it_takes(services: Services, kind: Kind, more: Mapping[str, str]) -> None:
    """A form with the secret, the token and the address, and what this service knows beside that."""
    service = services.start(kind)
    captcha = captcha_for(service)
    token = solved(service, captcha)
    judged(captcha, token)
    (seen,) = service.seen
    assert seen.form == {"secret": SECRET, "response": token, "remoteip": ADDRESS, **more}
    assert (seen.path, seen.headers["Content-Type"], seen.headers["Accept-Encoding"]) == (
        "/siteverify",
        "application/x-www-form-urlencoded",
        "identity",
    )


def test_the_secret_goes_into_the_body_alone(service: Service) -> None:
    """Neither the path nor a header holds it, since both are logged on the way (L22)."""
    captcha = captcha_for(service)
    judged(captcha, solved(service, captcha))
    (seen,) = service.seen
    assert [part for part in (seen.path, *seen.headers.values()) if SECRET in part] == []


@pytest.mark.parametrize("address", [None, "", "unknown", "192.0.2.7, 10.0.0.1", "shop.example", "192.0.2.7:80"])
def test_what_is_no_address_is_not_told(services: Services, address: str | None) -> None:
    """What a proxy wrote into a header is not sent on as the person's address."""
    service = services.start()
    captcha = captcha_for(service)
    captcha.verify(JOB, answered("cf-turnstile-response", solved(service, captcha), address=address))
    (seen,) = service.seen
    assert "remoteip" not in seen.form


def test_a_yes_comes_with_its_evidence(service: Service) -> None:
    """Host and time from every service; action, challenge and score from those that say them."""
    captcha = captcha_for(service)
    result = judged(captcha, solved(service, captcha))
    says_action, is_bound, scores = {
        "turnstile": (True, True, False),
        "hcaptcha": (False, False, False),
        "recaptcha": (False, False, False),
        "recaptcha v3": (True, False, True),
    }[service.kind]
    assert attrs.evolve(result, at=None) == CaptchaResult(
        accepted=True,
        host=HOST,
        action=ACTION if says_action else None,
        challenge=JOB.challenge if is_bound else None,
        score=0.9 if scores else None,
    )
    assert result.at is not None
    assert result.at.replace(microsecond=0) == NOON


# --- what a yes must hold ---------------------------------------------------------------------------------------

EVIDENCE: Final[Mapping[Kind, Sequence[str]]] = {
    "turnstile": ("hostname", "challenge_ts", "action", "cdata"),
    "hcaptcha": ("hostname", "challenge_ts"),
    "recaptcha": ("hostname", "challenge_ts"),
    "recaptcha v3": ("hostname", "challenge_ts", "action", "score"),
}
PROMISED: Final = [(kind, name) for kind, names in EVIDENCE.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), PROMISED)
@pytest.mark.parametrize("value", [None, "", False, True, [], {}, 7])
def test_a_yes_without_its_evidence_is_none(services: Services, kind: Kind, name: str, value: object) -> None:
    """What a service promises to say and does not, or says as something else, proves nothing (L3)."""
    service = services.start(kind)
    service.changed = {name: value}
    captcha = captcha_for(service)
    assert reason(captcha, solved(service, captcha)) == "no_evidence"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score", "0.9"),
        ("score", float("nan")),
        ("score", float("inf")),
        ("score", -0.1),
        ("score", 1.1),
        ("score", 10**400),
        ("challenge_ts", "2026-03-01T12:00:00"),
        ("challenge_ts", "2026-03-01"),
        ("challenge_ts", "noon"),
        ("challenge_ts", "9" * 5_000),
    ],
)
def test_a_score_is_from_0_to_1_and_a_time_has_a_zone(services: Services, name: str, value: object) -> None:
    """What only looks like evidence is none (L3)."""
    service = services.start("recaptcha v3")
    service.changed = {name: value}
    captcha = captcha_for(service)
    assert reason(captcha, solved(service, captcha)) == "no_evidence"


def test_what_a_service_does_not_promise_is_not_looked_at(services: Services) -> None:
    """The checkbox has no score and no action, whatever else is said."""
    service = services.start("recaptcha")
    service.changed = {"score": 0.0, "action": "login", "cdata": "x", "metadata": {"interactive": True}, "credit": True}
    captcha = captcha_for(service)
    assert reason(captcha, solved(service, captcha)) is None


def test_what_an_app_solved_is_not_solved_on_our_page(services: Services) -> None:
    """A token out of an app comes with the app's name in place of a host (L3)."""
    service = services.start("recaptcha")
    service.changed = {"hostname": None, "apk_package_name": "org.example"}
    captcha = captcha_for(service)
    assert reason(captcha, solved(service, captcha)) == "no_evidence"


@pytest.mark.parametrize("cdata", ["0" * 64, "x", "é"])
def test_the_data_of_another_widget_is_another_challenges(services: Services, cdata: str) -> None:
    """A token that was solved for other data was solved for something else, though nobody has used it (L3)."""
    service = services.start("turnstile")
    service.changed = {"cdata": cdata}
    captcha = captcha_for(service)
    assert reason(captcha, solved(service, captcha)) == "wrong_challenge"


@pytest.mark.parametrize(("score", "told"), [(0.49, "low_score"), (0.5, None), (1, None), (0, "low_score")])
def test_a_score_below_the_least_is_not_enough(services: Services, score: float, told: str | None) -> None:
    """The least score itself is enough."""
    service = services.start("recaptcha v3")
    service.changed = {"score": score}
    captcha = captcha_for(service)
    assert reason(captcha, solved(service, captcha)) == told


def proves(service: Service, *, at: datetime = NOON) -> bool:
    """Whether the whole verifier takes what was solved then."""
    captcha = captcha_for(service)
    verifier = CaptchaVerifier(captcha, hosts=(HOST,))
    begun = settled(verifier.begin(CHALLENGE))
    asked = {key.removeprefix(f"{captcha.name}."): value for key, value in begun.parameters.items()}
    answer = {FIELDS[service.kind]: service.solve(asked, at=at)}
    return settled(verifier.check(CHALLENGE, answer, RequestInfo(remote_address=ADDRESS)))


def test_what_was_solved_here_for_this_and_since_proves_the_factor(service: Service) -> None:
    """The twin of the next: host, action and time are right."""
    assert proves(service) is True


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        *((kind, {"hostname": "evil.example"}) for kind in KINDS),
        *((kind, {"hostname": f"{HOST}.evil.example"}) for kind in KINDS),
        ("turnstile", {"action": "login"}),
        ("recaptcha v3", {"action": "login"}),
    ],
)
def test_what_was_solved_elsewhere_or_for_something_else_proves_nothing(
    services: Services, kind: Kind, changed: Mapping[str, object]
) -> None:
    """A token that the portal's own widget gave for another action, or that another site's page got (L3)."""
    service = services.start(kind)
    service.changed = changed
    assert proves(service) is False


@pytest.mark.parametrize("at", [NOON - CLOCK_SKEW - timedelta(seconds=1), NOON + CLOCK_SKEW + timedelta(minutes=3)])
def test_what_was_solved_before_it_was_asked_proves_nothing(service: Service, at: datetime) -> None:
    """A stock of tokens from before, or from a time to come, opens nothing (L3)."""
    assert proves(service, at=at) is False


# --- what was used before ---------------------------------------------------------------------------------------


class Watched:
    """A store that keeps what it was asked."""

    def __init__(self) -> None:
        self.plain = MemorySendBudget()
        self.asked: list[Allowance] = []

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """As in memory."""
        self.asked.extend(allowances)
        return self.plain.take(allowances, now=now)


def test_a_replay_elsewhere_is_refused_without_a_call(service: Service) -> None:
    """A token used for one challenge is no other's, though its service would take it any number of times (CAPT-01)."""
    service.forgets = True
    captcha = captcha_for(service)
    token = solved(service, captcha)
    assert [reason(captcha, token), reason(captcha, token, OTHER), len(service.seen)] == [None, "spent", 1]


def test_a_token_of_another_session_is_claimed_there(service: Service) -> None:
    """What was used in one session is spent in another, also for the same challenge (L3, CAPT-01)."""
    service.forgets = True
    captcha = captcha_for(service)
    token = solved(service, captcha)
    here, there = (SpendingCaptchaContract().a_job(session=one) for one in ("session-1", "session-2"))
    assert [reason(captcha, token, one) for one in (here, there)] == [None, "spent"]


def test_turnstile_judges_a_repetition_as_the_first(services: Services) -> None:
    """Under the same idempotency key the same answer comes, so that a lost one is heard again (L6)."""
    service = services.start("turnstile")
    captcha = captcha_for(service)
    token = solved(service, captcha)
    assert [reason(captcha, token) for _ in range(3)] == [None] * 3


@pytest.mark.parametrize("kind", ["hcaptcha", "recaptcha", "recaptcha v3"])
def test_where_a_repetition_is_not_known_nobody_says_no(services: Services, kind: Kind) -> None:
    """The service takes a double click for a replay; it may be our own, so that nothing was judged (L6)."""
    service = services.start(kind)
    captcha = captcha_for(service)
    token = solved(service, captcha)
    assert [reason(captcha, token) for _ in range(3)] == [None, "unavailable", "unavailable"]


def test_what_is_kept_says_nothing(service: Service) -> None:
    """The store sees digests for a day: nothing of the token, of the challenge or of the secret (L22)."""
    spent = Watched()
    captcha = captcha_for(service, spent)
    token = solved(service, captcha)
    judged(captcha, token)
    (claim,) = spent.asked
    assert (claim.limit, claim.window, len(bytes.fromhex(claim.key)), len(bytes.fromhex(claim.taker))) == (
        1,
        REMEMBERED_FOR,
        32,
        32,
    )
    known = (token, JOB.challenge, JOB.secret.reveal().hex(), *captcha.widget(JOB).values())
    assert [one for one in known if one in repr(claim)] == []


GARBAGE: Final = ["", " ", "a b", "a\n", "é", "\ud800", "a=b", "=", '"', "<script>", "A" * 8_193]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_costs_neither_a_row_nor_a_call(service: Service, garbage: str) -> None:
    """What cannot be a token is kept nowhere and sent nowhere, so that a flood fills no store."""
    spent = Watched()
    assert reason(captcha_for(service, spent), garbage) == "malformed"
    assert (spent.asked, service.seen) == ([], [])


@pytest.mark.parametrize(("kind", "longest"), [("turnstile", 2048), ("hcaptcha", 8192), ("recaptcha", 8192)])
def test_a_token_has_a_greatest_length(services: Services, kind: Kind, longest: int) -> None:
    """As the services say, or twice of what was seen of those that do not say it."""
    captcha = captcha_for(services.start(kind))
    assert [reason(captcha, "A" * length) for length in (longest, longest + 1)] == ["wrong_token", "malformed"]


def test_a_token_that_comes_too_late_costs_nothing_either(service: Service) -> None:
    """After the challenge's end nobody is asked (L6)."""
    spent = Watched()
    captcha = captcha_for(service, spent)
    token = solved(service, captcha)
    assert reason(captcha, token, attrs.evolve(JOB, now=EXPIRES)) == "expired"
    assert (spent.asked, service.seen) == ([], [])


def test_without_the_store_nobody_is_asked(service: Service) -> None:
    """Asking would use the token up at its service, and nothing could be made of the answer."""
    captcha = captcha_for(service, GoneBudget())
    assert (reason(captcha, solved(service, captcha)), service.seen) == ("unavailable", [])


# --- what a service says ----------------------------------------------------------------------------------------

NOT_JUDGED: Final[Mapping[str, Reply]] = {
    "used before, or too old (Turnstile, reCAPTCHA)": _no("timeout-or-duplicate"),
    "used before (hCaptcha)": _no("already-seen-response"),
    "used before (hCaptcha, earlier)": _no("invalid-or-already-seen-response"),
    "too old (hCaptcha)": _no("expired-input-response"),
    "an error of its own": _no("internal-error"),
    "a request it does not understand": _no("bad-request"),
    "a secret it does not know": _no("invalid-input-secret"),
    "no secret": _no("missing-input-secret"),
    "a site key of somebody else": _no("sitekey-secret-mismatch"),
    "a code that nobody has heard of": _no("moon-phase"),
    "a wrong token and something else": _no("invalid-input-response", "internal-error"),
    "a code that is none": _no(7),
    "codes that are none": Reply(body=b'{"success": false, "error-codes": "invalid-input-response"}'),
    "a no without a reason": _no(),
    "neither yes nor no": Reply(body=b'{"error-codes": []}'),
    "something like a yes": Reply(body=b'{"success": "true"}'),
    "something else like a yes": Reply(body=b'{"success": 1}'),
    "a yes with a reason against it": Reply(body=b'{"success": true, "error-codes": ["invalid-input-response"]}'),
    "a page": Reply(body=b"<!DOCTYPE html><title>Just a moment...</title>"),
    "nothing": Reply(body=b""),
    "half of something": Reply(body=b'{"success": true'),
    "no UTF-8": Reply(body=b"\xff\xfe"),
    "a list": Reply(body=b'[{"success": true}]'),
    "nesting without end": Reply(body=b"[" * 16_000),
    "a number without end": Reply(body=b"1" * 16_000),
    "something compressed": Reply(body=gzip.compress(b'{"success": true}')),
    "too much": Reply(body=b'{"success": true}'.ljust(LONGEST_ANSWER + 1)),
    "far too much": Reply(body=b" " * 10_000_000),
    "an error": Reply(500),
    "not now": Reply(503),
    "nothing at all": Reply(204, b""),
    "too many requests": Reply(429, b"slow down"),
    "not found": Reply(404),
}
"""Answers that say nothing of a token, by what they are."""


@pytest.mark.parametrize("reply", NOT_JUDGED.values(), ids=NOT_JUDGED.keys())
def test_what_is_no_judgement_is_none(services: Services, reply: Reply) -> None:
    """Down, confused or misconfigured: not accepted, and nobody is told that the token was wrong."""
    captcha = captcha_for(services.start(reply=reply))
    assert judged(captcha, "T0ken") == CaptchaResult(accepted=False, reason="unavailable")


@pytest.mark.parametrize("status", [200, 400, 403, 422])
@pytest.mark.parametrize("codes", [("invalid-input-response",), ("missing-input-response",)])
def test_a_wrong_token_is_a_no(services: Services, status: int, codes: tuple[str, ...]) -> None:
    """What the service has never given out, under whatever status it says so."""
    captcha = captcha_for(services.start(reply=attrs.evolve(_no(*codes), status=status)))
    assert judged(captcha, "T0ken") == CaptchaResult(accepted=False, reason="wrong_token")


@pytest.mark.parametrize("status", [201, 204, 301, 400, 403, 500])
def test_a_yes_under_another_status_is_none(services: Services, status: int) -> None:
    """Only 200 and a yes are a yes."""
    service = services.start()
    captcha = captcha_for(service)
    whole = service.judged({"secret": SECRET, "response": solved(service, captcha)})
    service.reply = attrs.evolve(whole, status=status, body=b"" if status == 204 else whole.body)
    assert reason(captcha, "T0ken") == "unavailable"


@pytest.mark.parametrize("status", [201, 302, 500, 503])
def test_a_no_under_a_status_that_says_nothing_is_none(services: Services, status: int) -> None:
    """What stands in front of a service that is down may say anything."""
    captcha = captcha_for(services.start(reply=attrs.evolve(_no("invalid-input-response"), status=status)))
    assert reason(captcha, "T0ken") == "unavailable"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(services: Services, status: int) -> None:
    """Secret and token go where they were configured to go and nowhere else."""
    other = services.start()
    service = services.start(reply=Reply(status, headers={"Location": other.url}))
    assert (reason(captcha_for(service), "T0ken"), len(service.seen), other.seen) == ("unavailable", 1, [])


def test_an_answer_is_read_up_to_its_cap(services: Services) -> None:
    """Sixteen KiB are read: the twin of too much."""
    service = services.start()
    captcha = captcha_for(service)
    whole = service.judged({"secret": SECRET, "response": solved(service, captcha)})
    service.reply = attrs.evolve(whole, body=whole.body.ljust(LONGEST_ANSWER))
    assert reason(captcha, "T0ken") is None


def test_an_answer_that_comes_in_pieces_is_one_answer(services: Services) -> None:
    """Each byte by itself, and the whole in time."""
    service = services.start()
    captcha = captcha_for(service)
    whole = service.judged({"secret": SECRET, "response": solved(service, captcha)})
    service.reply = attrs.evolve(whole, in_pieces=True)
    assert reason(captcha, "T0ken") is None


def test_an_answer_that_dribbles_is_not_waited_for(services: Services) -> None:
    """The whole answer has one time, however often a piece of it comes: here each piece takes a second."""
    service = services.start()
    captcha = attrs.evolve(captcha_for(service), monotonic=_seconds())
    whole = service.judged({"secret": SECRET, "response": solved(service, captcha)})
    service.reply = attrs.evolve(whole, in_pieces=True)
    assert reason(captcha, "T0ken", seconds=30) == "unavailable"


def _seconds() -> Callable[[], float]:
    """A clock that goes on by a second at each look."""
    ticks = count()
    return lambda: float(next(ticks))


def test_a_service_that_says_nothing_is_not_waited_for() -> None:
    """One that takes the connection and never speaks holds nobody up longer than it may."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        captcha = captcha_of("turnstile", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        assert reason(captcha, "T0ken", seconds=0.1) == "unavailable"


def test_each_step_has_the_time_that_judging_may_take(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting, sending and hearing are given what the verifier gives."""
    given: list[object] = []

    class Told(httpx2.Client):
        """The client, and the time-out that it was given."""

        def __init__(self, *, verify: SSLContext, timeout: float, trust_env: bool) -> None:
            given.append(timeout)
            super().__init__(verify=verify, timeout=timeout, trust_env=trust_env)

    monkeypatch.setattr(httpx2, "Client", Told)
    reason(captcha_for(services.start()), "T0ken", seconds=7)
    assert given == [7.0]


def test_a_service_that_is_gone_has_not_judged() -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    assert reason(captcha_of("turnstile", url), "T0ken") == "unavailable"


def test_the_same_token_is_right_when_the_service_is_back(service: Service) -> None:
    """What was not judged is not used up (L6)."""
    captcha = captcha_for(service)
    token = solved(service, captcha)
    service.reply = Reply(503)
    first = reason(captcha, token)
    service.reply = None
    assert (first, reason(captcha, token)) == ("unavailable", None)


# --- who reads along --------------------------------------------------------------------------------------------


def test_no_proxy_is_taken_from_the_environment(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can set a variable does not read the tokens."""
    proxy, service = services.start(), services.start()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    captcha = captcha_for(service)
    assert (reason(captcha, solved(service, captcha)), len(service.seen), proxy.seen) == (None, 1, [])


def test_a_certificate_of_ones_own_can_be_believed(services: Services, tmp_path: Path) -> None:
    """A service within the house has a certificate of the house."""
    certificate = make_certificate(tmp_path)
    service = services.start(tls=certificate.server)
    captcha = attrs.evolve(captcha_for(service), context=certificate.client)
    assert reason(captcha, solved(service, captcha)) is None


def test_a_certificate_that_nobody_vouches_for_gets_nothing(services: Services, tmp_path: Path) -> None:
    """Who stands in between with a certificate of their own learns nothing."""
    service = services.start(tls=make_certificate(tmp_path).server)
    captcha = captcha_for(service)
    assert (reason(captcha, solved(service, captcha)), service.seen) == ("unavailable", [])


@pytest.mark.parametrize("reply", [None, *NOT_JUDGED.values()], ids=["a yes", *NOT_JUDGED.keys()])
def test_nothing_secret_is_logged(services: Services, reply: Reply | None, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by us nor by the client that carries it: no secret, no token, no address, at any level (L22)."""
    caplog.set_level(logging.DEBUG)
    service = services.start()
    captcha = captcha_for(service)
    token = solved(service, captcha)
    service.reply = reply
    judged(captcha, token)
    assert [one for one in (SECRET, token, ADDRESS) if one in caplog.text] == []


@pytest.mark.parametrize(
    "code", ["missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "not-using-dummy-passcode"]
)
def test_a_wrong_configuration_is_an_error_in_the_log(
    services: Services, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody passes until the operator mends it, so that they are told."""
    judged(captcha_for(services.start(reply=_no(code))), "T0ken")
    logged = [(one.levelname, one.getMessage()) for one in caplog.records]
    assert logged == [("ERROR", f"captcha turnstile is wrongly configured: {code}")]


def test_what_a_service_says_is_logged_where_it_is_a_code(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    """A line break or a person's data in a reason does not come into the log (L22)."""
    judged(captcha_for(services.start(reply=_no("moon-phase", "li@example.com\nERROR", 7))), "T0ken")
    assert [one.getMessage() for one in caplog.records] == [
        "captcha turnstile: the service did not judge: moon-phase, unknown"
    ]


def test_the_provider_does_not_show_its_secret(service: Service) -> None:
    """It is not in a ``repr``, nor does an answer show its token (L22)."""
    captcha = captcha_for(service)
    assert SECRET not in repr(captcha) + str(captcha)
    assert "T0ken" not in repr(answered("x", "T0ken"))


# --- how it is made ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("captcha", "url"),
    [
        (captcha_of("turnstile", TURNSTILE.url), "https://challenges.cloudflare.com/turnstile/v0/siteverify"),
        (captcha_of("hcaptcha", HCAPTCHA.url), "https://api.hcaptcha.com/siteverify"),
        (captcha_of("recaptcha", RECAPTCHA.url), "https://www.google.com/recaptcha/api/siteverify"),
    ],
)
def test_the_services_are_where_they_are(captcha: SiteverifyCaptcha, url: str) -> None:
    """Over TLS, at their own addresses."""
    assert (captcha.service.url, captcha.names_hosts) == (url, True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "verify.example",
        "http://verify.example/",
        "http://127.0.0.1.example.com/",
        "https://user:password@verify.example/",
        "https://verify.example/?secret=x",
        "https://verify.example/#x",
        "https://verify.example:99999/",
        "https://",
        "https://verify.example/ x",
        "ftp://127.0.0.1/",
        "https://[::1/",
    ],
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    """Without TLS to another machine, with a password or a query in it: refused when the provider is made."""
    with pytest.raises(InvalidValueError, match="url"):
        captcha_of("turnstile", url)


@pytest.mark.parametrize(
    "url", ["https://verify.example/x", "http://127.0.0.1/", "http://[::1]:80/", "http://localhost/"]
)
def test_a_safe_address_is_taken(url: str) -> None:
    """TLS, or this very machine."""
    assert captcha_of("turnstile", url).service.url == url


@pytest.mark.parametrize("value", ["", " ", "a b", "secret\n", "é", "x" * 256])
def test_a_secret_or_site_key_of_another_form_is_refused(value: str) -> None:
    """A line break that came along from a file would let nobody pass."""
    with pytest.raises(InvalidValueError, match="secret"):
        hcaptcha(secret=Secret(value), site_key=SITE_KEY, spent=MemorySendBudget())
    with pytest.raises(InvalidValueError, match="site_key"):
        hcaptcha(secret=Secret(SECRET), site_key=value, spent=MemorySendBudget())


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), True])
def test_a_least_score_is_a_score(score: float) -> None:
    """From 0 to 1 (L30)."""
    with pytest.raises(InvalidValueError, match="least_score"):
        recaptcha(secret=Secret(SECRET), site_key=SITE_KEY, spent=MemorySendBudget(), least_score=score)


def test_a_least_score_is_for_those_who_score() -> None:
    """A score that nobody compares would be believed to be compared."""
    with pytest.raises(InvalidValueError, match="least_score"):
        attrs.evolve(captcha_of("turnstile", TURNSTILE.url), least_score=0.5)


class LaterBudget:
    """A store on an event loop."""

    async def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Later."""
        raise NotImplementedError


def test_a_store_on_an_event_loop_is_refused() -> None:
    """The provider waits for its store in the thread in which it waits for its service."""
    with pytest.raises(WiringError, match="asynchronous"):
        captcha_of("turnstile", TURNSTILE.url, LaterBudget())


def test_it_blocks() -> None:
    """An asynchronous portal asks it in a thread."""
    verifier = CaptchaVerifier(captcha_of("turnstile", TURNSTILE.url), hosts=(HOST,))
    assert (verifier.never_blocks, verifier.is_async) == (False, False)


def test_the_verifier_must_know_the_hosts() -> None:
    """A service names the host, so somebody has to know the portal's."""
    with pytest.raises(WiringError, match="'turnstile' says on which host"):
        CaptchaVerifier(captcha_of("turnstile", TURNSTILE.url))


def test_the_extra_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal without the extra learns how to get it when the provider is made."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(WiringError, match=r"hht-closure\[http\]"):
        captcha_of("turnstile", TURNSTILE.url)
