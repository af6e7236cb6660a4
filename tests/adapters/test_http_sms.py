"""SMS through a JSON gateway, against a real HTTP server on the loopback interface."""

from __future__ import annotations

import gzip
import json
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import SSLContext
from threading import Thread

import attrs
import pytest

from hht_closure.adapters.bounded_http import LONGEST_ANSWER, Json
from hht_closure.adapters.http_sms import HttpSmsSender
from hht_closure.errors import DeliveryError, InvalidValueError, WiringError
from hht_closure.ports import CodeMessage, CodeSender
from hht_closure.testing.contracts.code_sender import CodeSenderContract, Delivered
from hht_closure.values import Secret
from tests.adapters.test_smtp import make_certificate

TO = "+8613812345678"
CODE = "004217"
BODY: Mapping[str, Json] = {"to": "${destination}", "text": "${text}"}
ALL: Mapping[str, Json] = {
    "to": ["${destination}"],
    "template": {"id": 42, "values": ["${code}", "${minutes} min", True, None, 1.5]},
    "meta": "${id}/${locale}: ${text}",
}


@attrs.frozen
class Seen:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: object


@attrs.frozen
class Reply:
    """What the gateway answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


class Gateway(ThreadingHTTPServer):
    """A gateway that keeps what it sees and always answers the same."""

    def __init__(self, reply: Reply, tls: SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.seen: list[Seen] = []
        self.scheme = "http" if tls is None else "https"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        """Where it takes messages."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}/send"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        """Keep the request, and answer."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(Seen(self.path, dict(self.headers.items()), json.loads(content)))
        reply = self.server.reply
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.body))} | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST  # noqa: N815 - where a redirect would lead

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's name for it
        """Nothing is printed."""


class Gateways:
    """Starts gateways, and stops them when the test is over."""

    def __init__(self) -> None:
        self._running: list[tuple[Gateway, Thread]] = []

    def start(self, reply: Reply | None = None, tls: SSLContext | None = None) -> Gateway:
        """A gateway that answers so."""
        gateway = Gateway(reply or Reply(), tls)
        thread = Thread(target=gateway.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self._running.append((gateway, thread))
        return gateway

    def stop(self) -> None:
        """Stop them all."""
        for gateway, thread in self._running:
            gateway.shutdown()
            thread.join()
            gateway.server_close()


@pytest.fixture
def gateways() -> Iterator[Gateways]:
    """Gateways for one test."""
    started = Gateways()
    yield started
    started.stop()


def a_code(to: str = TO, locale: str = "en", portal: str = "Harbour", id_: str = "challenge-1") -> CodeMessage:
    """A code on its way."""
    return CodeMessage(
        channel="sms",
        destination=Secret(to),
        code=Secret(CODE),
        valid_for=timedelta(minutes=10),
        locale=locale,
        portal=portal,
        id=id_,
    )


def the_problem(sender: HttpSmsSender, message: CodeMessage | None = None) -> str:
    """The problem's code of the delivery that fails."""
    with pytest.raises(DeliveryError) as caught:
        sender.send(message or a_code())
    _, problem = caught.value.args
    return str(problem)


class TestHttpSmsSender(CodeSenderContract):
    """The contract of code senders, over the wire."""

    @pytest.fixture(autouse=True)
    def _gateway(self, gateways: Gateways) -> None:
        self.gateways = gateways
        self.gateway = gateways.start()

    def make_sender(self) -> CodeSender:
        """A sender to the gateway that runs."""
        return HttpSmsSender(url=self.gateway.url, body=BODY)

    def make_failing(self) -> CodeSender:
        """A sender to a gateway that quotes number and code when it refuses them."""
        failing = self.gateways.start(Reply(400, f'{{"error": "{TO} {CODE}"}}'.encode()))
        return HttpSmsSender(url=failing.url, body=BODY)

    def delivered(self) -> Sequence[Delivered]:
        """What the gateway was given."""
        bodies = [one.body for one in self.gateway.seen if isinstance(one.body, dict)]
        return [Delivered(body["to"], body["text"]) for body in bodies]

    def destination(self) -> str:
        """A number."""
        return TO

    def no_single_destinations(self) -> Sequence[str]:
        """Lists as gateways know them, and what is no number."""
        return (
            f"{TO},13800000000",
            f"{TO};13800000000",
            f"{TO}\n",
            f"{TO} 13800000000",
            f'{TO}","b":"',
            "",
            "mei",
            "12",
        )


def test_a_body_is_filled_where_its_placeholders_stand(gateways: Gateways) -> None:
    """Placeholders are filled within texts, at any depth; everything else goes out as it was configured."""
    gateway = gateways.start()
    HttpSmsSender(url=gateway.url, body=ALL).send(a_code())
    text = (
        "Harbour: 004217 is your code for closing your account. It counts for 10 minutes. "
        "Not you? Ignore this and do not pass the code on."
    )
    assert gateway.seen[0].body == {
        "to": [TO],
        "template": {"id": 42, "values": [CODE, "10 min", True, None, 1.5]},
        "meta": f"challenge-1/en: {text}",
    }


def test_the_text_is_in_the_persons_language(gateways: Gateways) -> None:
    """The wording is the catalogue's."""
    gateway = gateways.start()
    HttpSmsSender(url=gateway.url, body=BODY).send(a_code(locale="zh-Hans", portal="港湾"))
    assert gateway.seen[0].body == {
        "to": TO,
        "text": "【港湾】验证码 004217，您正在注销账号，10 分钟内有效。如非本人操作，请忽略，切勿将验证码告诉他人。",
    }


@pytest.mark.parametrize("hostile", ['","to":"+86138', '"}', "\\", "${destination}", "{code}", "\ud800"])
def test_no_value_changes_the_form_of_the_body(gateways: Gateways, hostile: str) -> None:
    """What is put into a text stays in it as it is, and is not filled again."""
    gateway = gateways.start()
    HttpSmsSender(url=gateway.url, body={"a": "${locale}", "b": "${destination} ${code}"}).send(a_code(locale=hostile))
    assert gateway.seen[0].body == {"a": hostile, "b": f"{TO} {CODE}"}


def test_headers_and_the_messages_id_go_with_it(gateways: Gateways) -> None:
    """The gateway's own key, and the id by which a repetition is known."""
    gateway = gateways.start()
    HttpSmsSender(url=gateway.url, body=BODY, headers={"X-Key": Secret("s3cret")}).send(a_code(id_="a b\r\nX: y"))
    headers = gateway.seen[0].headers
    assert (headers["X-Key"], headers["Idempotency-Key"], headers["Content-Type"], "X" in headers) == (
        "s3cret",
        "a%20b%0D%0AX%3A%20y",
        "application/json",
        False,
    )


@pytest.mark.parametrize(("name", "found"), [("X-Request-Id", "challenge-1"), (None, None)])
def test_the_header_of_the_id_is_configured(gateways: Gateways, name: str | None, found: str | None) -> None:
    """A gateway that knows it by another name gets it by that; one that does not want it gets none."""
    gateway = gateways.start()
    HttpSmsSender(url=gateway.url, body=BODY, idempotency_header=name).send(a_code())
    headers = gateway.seen[0].headers
    assert (headers.get("X-Request-Id"), headers.get("Idempotency-Key")) == (found, None)


def test_a_number_is_sent_without_what_people_put_into_it(gateways: Gateways) -> None:
    """Spaces and hyphens are for reading."""
    gateway = gateways.start()
    HttpSmsSender(url=gateway.url, body={"to": "${destination}", "code": "${code}"}).send(a_code("+86 138-1234-5678"))
    assert gateway.seen[0].body == {"to": TO, "code": CODE}


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(301, headers={"Location": "/other"}), "refused"),
        (Reply(400), "refused"),
        (Reply(401), "refused"),
        (Reply(429), "refused"),
        (Reply(500), "unavailable"),
        (Reply(503), "unavailable"),
    ],
)
def test_a_status_that_is_no_yes_is_named(gateways: Gateways, reply: Reply, problem: str) -> None:
    """What the gateway refuses, and what it cannot do now."""
    assert the_problem(HttpSmsSender(url=gateways.start(reply).url, body=BODY)) == problem


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(gateways: Gateways, status: int) -> None:
    """Number and code go where they were configured to go and nowhere else."""
    other = gateways.start()
    gateway = gateways.start(Reply(status, headers={"Location": other.url}))
    problem = the_problem(HttpSmsSender(url=gateway.url, body=BODY))
    assert (problem, len(gateway.seen), other.seen) == ("refused", 1, [])


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ({"code": "OK"}, {"code": "OK"}),
        ({"code": "OK", "more": 1}, {"code": "OK"}),
        ({"result": {"status": [{"code": 0}]}}, {"result.status.0.code": 0}),
        ({"code": "OK", "ok": True}, {"code": "OK", "ok": True}),
    ],
)
def test_an_answer_that_says_yes_is_one(
    gateways: Gateways, answer: Json, accepted: Mapping[str, str | int | bool]
) -> None:
    """The gateway's own yes is looked for where the configuration says."""
    gateway = gateways.start(Reply(body=json.dumps(answer).encode()))
    HttpSmsSender(url=gateway.url, body=BODY, accepted=accepted).send(a_code())
    assert len(gateway.seen) == 1


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ({"code": "LIMIT"}, {"code": "OK"}),
        ({}, {"code": "OK"}),
        ([], {"code": "OK"}),
        ("OK", {"code": "OK"}),
        (None, {"code": "OK"}),
        ({"code": True}, {"code": 1}),
        ({"code": "0"}, {"code": 0}),
        ({"code": "OK", "ok": False}, {"code": "OK", "ok": True}),
        ({"result": []}, {"result.0.code": 0}),
        ({"result": "OK"}, {"result.0": "O"}),
    ],
)
def test_a_status_of_200_with_a_no_in_it_is_a_no(
    gateways: Gateways, answer: Json, accepted: Mapping[str, str | int | bool]
) -> None:
    """Gateways answer 200 and put their refusal into the body."""
    gateway = gateways.start(Reply(body=json.dumps(answer).encode()))
    assert the_problem(HttpSmsSender(url=gateway.url, body=BODY, accepted=accepted)) == "refused"


@pytest.mark.parametrize(
    "body",
    [b"", b"OK", b"{", b"\xff\xfe", b"[" * 60_000, b"1" * 60_000, gzip.compress(b'{"code": "OK"}')],
    ids=["empty", "text", "half", "not utf-8", "deep", "a long number", "compressed"],
)
def test_an_answer_that_is_no_json_is_malformed(gateways: Gateways, body: bytes) -> None:
    """Where a yes is looked for, something that cannot be read is none."""
    gateway = gateways.start(Reply(body=body))
    assert the_problem(HttpSmsSender(url=gateway.url, body=BODY, accepted={"code": "OK"})) == "answer_malformed"


def test_an_answer_is_read_up_to_its_cap(gateways: Gateways) -> None:
    """Sixty-four KiB are read."""
    gateway = gateways.start(Reply(body=b'{"code": "OK"}'.ljust(LONGEST_ANSWER)))
    HttpSmsSender(url=gateway.url, body=BODY, accepted={"code": "OK"}).send(a_code())
    assert len(gateway.seen) == 1


def test_a_longer_answer_is_too_large(gateways: Gateways) -> None:
    """One byte more is not."""
    gateway = gateways.start(Reply(body=b'{"code": "OK"}'.ljust(LONGEST_ANSWER + 1)))
    assert the_problem(HttpSmsSender(url=gateway.url, body=BODY, accepted={"code": "OK"})) == "answer_too_large"


def test_an_answer_that_takes_too_long_is_a_timeout(gateways: Gateways) -> None:
    """The whole answer has one time, however often a piece of it comes."""
    gateway = gateways.start(Reply(body=b'{"code": "OK"}'))
    times = iter([0.0, 10.0])
    sender = HttpSmsSender(url=gateway.url, body=BODY, accepted={"code": "OK"}, monotonic=lambda: next(times))
    assert the_problem(sender) == "timeout"


def test_a_gateway_that_says_nothing_is_a_timeout() -> None:
    """One that takes the connection and never speaks holds nobody up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert the_problem(HttpSmsSender(url=url, body=BODY, timeout=0.1)) == "timeout"


def test_a_gateway_that_is_down_is_unreachable(gateways: Gateways) -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    assert the_problem(HttpSmsSender(url=url, body=BODY)) == "unreachable"


@pytest.mark.parametrize("reply", [Reply(400), Reply(body=CODE.encode())], ids=["refused", "malformed"])
def test_nothing_stands_behind_the_error(gateways: Gateways, reply: Reply) -> None:
    """The request, which holds number and code, is neither cause nor context of the error (L22)."""
    sender = HttpSmsSender(url=gateways.start(reply).url, body=BODY, accepted={"code": "OK"})
    with pytest.raises(DeliveryError) as caught:
        sender.send(a_code())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_nothing_stands_behind_the_error_of_a_connection() -> None:
    """Nor does the client's own error, which holds the request."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sender = HttpSmsSender(url=f"http://127.0.0.1:{silent.getsockname()[1]}/", body=BODY, timeout=0.1)
        with pytest.raises(DeliveryError) as caught:
            sender.send(a_code())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_another_channel_is_not_carried(gateways: Gateways) -> None:
    """A message for e-mail is not sent as an SMS."""
    gateway = gateways.start()
    message = attrs.evolve(a_code(), channel="email")
    assert (the_problem(HttpSmsSender(url=gateway.url, body=BODY), message), gateway.seen) == ("wrong_channel", [])


def test_no_proxy_is_taken_from_the_environment(gateways: Gateways, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can set a variable does not read the codes."""
    proxy, gateway = gateways.start(), gateways.start()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    HttpSmsSender(url=gateway.url, body=BODY).send(a_code())
    assert (len(gateway.seen), proxy.seen) == (1, [])


def test_a_certificate_of_ones_own_can_be_believed(gateways: Gateways, tmp_path: Path) -> None:
    """A gateway within the house has a certificate of the house."""
    certificate = make_certificate(tmp_path)
    gateway = gateways.start(tls=certificate.server)
    HttpSmsSender(url=gateway.url, body=BODY, context=certificate.client).send(a_code())
    assert len(gateway.seen) == 1


def test_a_certificate_that_nobody_vouches_for_gets_nothing(gateways: Gateways, tmp_path: Path) -> None:
    """Who stands in between with a certificate of their own learns nothing."""
    gateway = gateways.start(tls=make_certificate(tmp_path).server)
    assert (the_problem(HttpSmsSender(url=gateway.url, body=BODY)), gateway.seen) == ("unreachable", [])


@pytest.mark.parametrize(
    "url",
    [
        "https://sms.example.com/send",
        "https://sms.example.com:8443/send?key=x",
        "http://127.0.0.1/",
        "http://[::1]:80/",
        "http://localhost:8000/",
    ],
)
def test_a_safe_address_is_taken(url: str) -> None:
    """TLS, or this very machine."""
    assert HttpSmsSender(url=url, body=BODY).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sms.example.com",
        "http://sms.example.com/send",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "https://user:password@sms.example.com/",
        "https://",
        "https:///send",
        "https://sms.example.com:99999/",
        "https://sms.example.com/ send",
        "https://sms.example.com/#part",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://[::1/",
    ],
)
def test_an_unsafe_address_is_refused(url: str) -> None:
    """An address without TLS to another machine, or with a password in it, is refused when the sender is made."""
    with pytest.raises(InvalidValueError, match="url"):
        HttpSmsSender(url=url, body=BODY)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"to": "${destination}", "text": "${text}", "x": "${name}"}, "unknown_placeholder"),
        ({"to": "${destination}", "text": "${ text }"}, "unknown_placeholder"),
        ({"to": "${destination}", "text": "${text.__class__}"}, "unknown_placeholder"),
        ({"to": "${destination}", "${code}": 1}, "placeholder_in_key"),
        ({"to": "${destination}"}, "no_code"),
        ({"text": "${text}"}, "no_destination"),
        ({"to": "${destination}", "text": "${text}", "x": float("nan")}, "not_json"),
    ],
)
def test_a_body_that_cannot_work_is_refused(body: Mapping[str, Json], problem: str) -> None:
    """What is wrong with the configuration is said when the sender is made, not at the first customer."""
    with pytest.raises(InvalidValueError, match=problem):
        HttpSmsSender(url="https://sms.example.com/", body=body)


@pytest.mark.parametrize("headers", [{"X:": "a"}, {"": "a"}, {"X": "a\r\nY: b"}, {"X": ""}, {"X": "é"}])
def test_a_header_that_is_none_is_refused(headers: Mapping[str, str]) -> None:
    """No configuration makes a second header out of one."""
    secrets = {name: Secret(value) for name, value in headers.items()}
    with pytest.raises(InvalidValueError, match="not_a_header"):
        HttpSmsSender(url="https://sms.example.com/", body=BODY, headers=secrets)


@pytest.mark.parametrize("timeout", [0, -1, 61, float("inf"), float("nan")])
def test_a_timeout_has_an_end(timeout: float) -> None:
    """At most a minute, and more than nothing (L30)."""
    with pytest.raises(InvalidValueError, match="duration_out_of_range"):
        HttpSmsSender(url="https://sms.example.com/", body=BODY, timeout=timeout)


def test_the_sender_does_not_show_its_keys() -> None:
    """Neither a header's value nor the address's query stands in its ``repr``."""
    sender = HttpSmsSender(url="https://sms.example.com/?key=s3cret", body=BODY, headers={"X-Key": Secret("s3cret")})
    assert "s3cret" not in repr(sender)


def test_a_body_stays_what_was_checked(gateways: Gateways) -> None:
    """Who changes the mapping afterwards changes no message."""
    gateway = gateways.start()
    body: dict[str, Json] = dict(BODY)
    sender = HttpSmsSender(url=gateway.url, body=body)
    body["bcc"] = "+8613800000000"
    sender.send(a_code())
    (seen,) = (one.body for one in gateway.seen if isinstance(one.body, dict))
    assert seen.keys() == BODY.keys()


def test_the_extra_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal without the extra learns how to get it when the sender is made."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(WiringError, match=r"hht-closure\[http\]"):
        HttpSmsSender(url="https://sms.example.com/", body=BODY)
