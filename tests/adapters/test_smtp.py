"""E-mail over SMTP, against a real server on the loopback interface."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

import attrs
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hht_closure.account import ContactPoint
from hht_closure.adapters.smtp import SmtpCodeSender, SmtpMessages, Tls, one_address
from hht_closure.errors import DeliveryError, InvalidValueError, WiringError
from hht_closure.ports import CodeMessage, CodeSender, Letter, LetterKind, Messages
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts.code_sender import CodeSenderContract, Delivered
from hht_closure.testing.contracts.messages import MessagesContract
from hht_closure.values import Secret

NOW = datetime(2026, 3, 4, 9, 5, tzinfo=UTC)
SENDER = "closing@portal.example.org"
TO = "mei.lin@example.org"
CODE = "004217"
HOSTILE = "A\r\nBcc: b@example.org\r\n\r\nB"


class Postbox:
    """What a mail server was given; ``refuses`` maps a step of the dialogue to the server's answer."""

    def __init__(self, refuses: dict[str, str] | None = None) -> None:
        self.envelopes: list[Envelope] = []
        self.hello: str | None = None
        self.greeted_by: list[str | None] = []
        self._refuses = refuses or {}

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the recipient, or not."""
        if "RCPT" in self._refuses:
            return self._refuses["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender, or not."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._refuses.get("MAIL", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, or not."""
        if "DATA" in self._refuses:
            return self._refuses["DATA"]
        self.envelopes.append(envelope)
        self.greeted_by.append(session.host_name)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Say good-bye, or not."""
        return self._refuses.get("QUIT", "221 Bye")

    @property
    def messages(self) -> list[EmailMessage]:
        """The messages as a mail program reads them."""
        return [email.message_from_bytes(one.original_content or b"", policy=default) for one in self.envelopes]

    @property
    def delivered(self) -> list[Delivered]:
        """Every recipient of every envelope with the text that was sent."""
        return [
            Delivered(destination, message.get_content())
            for envelope, message in zip(self.envelopes, self.messages, strict=True)
            for destination in envelope.rcpt_tos
        ]


@attrs.frozen
class Post:
    """A running server, and its postbox."""

    postbox: Postbox
    port: int


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Servers:
    """Starts servers, and stops them when the test is over."""

    def __init__(self) -> None:
        self._running: list[Controller] = []

    def start(
        self,
        refuses: dict[str, str] | None = None,
        *,
        starttls: ssl.SSLContext | None = None,
        implicit: ssl.SSLContext | None = None,
        password: bytes | None = None,
        smtputf8: bool = True,
    ) -> Post:
        """A server that refuses at these steps; with a certificate it insists on TLS, with a password on a login."""
        postbox = Postbox(refuses)

        def authenticator(server: SMTP, session: Session, envelope: Envelope, way: str, given: object) -> AuthResult:
            return AuthResult(success=given == LoginPassword(b"portal", password or b""), handled=False)

        server = Controller(
            postbox,
            hostname="127.0.0.1",
            port=free_port(),
            ssl_context=implicit,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticator,
            auth_required=password is not None,
            enable_SMTPUTF8=smtputf8,
        )
        server.start()
        self._running.append(server)
        return Post(postbox, server.port)

    def stop(self) -> None:
        """Stop them all."""
        for server in self._running:
            server.stop()


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Servers for one test."""
    started = Servers()
    yield started
    started.stop()


def code_sender(port: int, **settings: object) -> SmtpCodeSender:
    """A sender to that port of this machine."""
    given = {"sender": SENDER, "clock": ManualClock(NOW), "timeout": 5.0} | settings
    return SmtpCodeSender("127.0.0.1", port, **given)  # type: ignore[arg-type]


def a_code(to: str = TO, locale: str = "en", portal: str = "Harbour", id_: str = "challenge-1") -> CodeMessage:
    """A code on its way."""
    return CodeMessage(
        channel="email",
        destination=Secret(to),
        code=Secret(CODE),
        valid_for=timedelta(minutes=10),
        locale=locale,
        portal=portal,
        id=id_,
    )


def the_problem(sender: SmtpCodeSender, message: CodeMessage) -> tuple[str, str]:
    """The channel and the problem's code of the delivery that fails."""
    with pytest.raises(DeliveryError) as caught:
        sender.send(message)
    channel, problem = caught.value.args
    return channel, problem


class TestSmtpCodeSender(CodeSenderContract):
    """The contract of code senders, over the wire."""

    @pytest.fixture(autouse=True)
    def _server(self, servers: Servers) -> None:
        self.servers = servers
        self.post = servers.start()

    def make_sender(self) -> CodeSender:
        """A sender to the server that runs."""
        return code_sender(self.post.port)

    def make_failing(self) -> CodeSender:
        """A sender to a server that quotes the address when it refuses it."""
        return code_sender(self.servers.start({"RCPT": f"550 <{TO}> is unknown", "DATA": f"554 {CODE}"}).port)

    def delivered(self) -> Sequence[Delivered]:
        """What the server was given."""
        return self.post.postbox.delivered

    def destination(self) -> str:
        """An address."""
        return TO

    def no_single_destinations(self) -> Sequence[str]:
        """Lists, headers, comments, routes, groups."""
        return (
            f"{TO},b@example.org",
            f"{TO} b@example.org",
            f"{TO};b@example.org",
            f"{TO}\r\nBcc: b@example.org",
            f"{TO}\nRCPT TO:<b@example.org>",
            f"{TO}>\r\nRCPT TO:<b@example.org",
            f"b@example.org <{TO}>",
            f"<{TO}>",
            f"group:{TO},b@example.org;",
            f"b@example.org({TO}",
            '"b@example.org,"@example.org',
            "@hop.example.org:b@example.org",
        )


class TestSmtpMessages(MessagesContract):
    """The contract of messages, over the wire."""

    @pytest.fixture(autouse=True)
    def _server(self, servers: Servers) -> None:
        self.post = servers.start()

    def make_messages(self) -> Messages:
        """Messages to the server that runs."""
        return SmtpMessages("127.0.0.1", self.post.port, sender=SENDER, clock=ManualClock(NOW))

    def make_failing(self) -> Messages:
        """Messages to a server that does not."""
        return SmtpMessages("127.0.0.1", free_port(), sender=SENDER, clock=ManualClock(NOW))

    def reached(self) -> tuple[str, ...]:
        """Whom the server has something for."""
        return tuple(one.destination for one in self.post.postbox.delivered)


def test_the_mail_as_it_arrives(servers: Servers) -> None:
    """Headers and text of a code: in the person's language, dated by the clock, answered by no robot (RFC 3834)."""
    post = servers.start()
    code_sender(post.port).send(a_code())
    (message,) = post.postbox.messages
    assert {name: str(message[name]) for name in ("From", "To", "Subject", "Date", "Auto-Submitted")} == {
        "From": SENDER,
        "To": TO,
        "Subject": "Your code for closing your Harbour account",
        "Date": "Wed, 04 Mar 2026 09:05:00 +0000",
        "Auto-Submitted": "auto-generated",
    }
    assert message.get_content().startswith("Your code is: 004217\r\n\r\nIt is for closing your account with Harbour")


def test_an_encoded_word_in_the_portals_name_is_no_header(servers: Servers) -> None:
    """A name that decodes to line ends makes no second recipient and no other body (RFC 2047)."""
    post = servers.start()
    name = "Shop =?utf-8?q?=0D=0ABcc=3A_x=40y.example=0D=0A=0D=0APhishing?="
    code_sender(post.port).send(a_code(portal=name))
    (message,) = post.postbox.messages
    assert (message["Bcc"], "Phishing" in message.get_content().splitlines()[0]) == (None, False)


def test_a_chinese_mail_is_chinese(servers: Servers) -> None:
    """Subject, text and language say the same."""
    post = servers.start()
    code_sender(post.port).send(a_code(locale="zh-Hans-CN", portal="港湾"))
    (message,) = post.postbox.messages
    assert (message["Subject"], message["Content-Language"], message.get_content().splitlines()[0]) == (
        "港湾账号注销验证码",
        "zh-CN",
        "您的验证码：004217",
    )


def test_the_code_stands_in_no_header(servers: Servers) -> None:
    """A locked screen shows the subject, and not the code."""
    post = servers.start()
    code_sender(post.port).send(a_code())
    (message,) = post.postbox.messages
    assert [name for name, value in message.items() if CODE in value] == []


def test_the_envelope_names_sender_and_recipient_alone(servers: Servers) -> None:
    """One recipient; what cannot be delivered comes back to the sender's address."""
    post = servers.start()
    code_sender(post.port).send(a_code())
    (envelope,) = post.postbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [TO])


def test_a_repetition_has_the_same_message_id(servers: Servers) -> None:
    """The same message again is known as the same, and another one is not."""
    post = servers.start()
    for id_ in ("challenge-1", "challenge-1", "challenge-2"):
        code_sender(post.port).send(a_code(id_=id_))
    first, second, third = (one["Message-ID"] for one in post.postbox.messages)
    assert (first == second, second == third, first.endswith("@portal.example.org>")) == (True, False, True)


def test_a_code_and_a_letter_of_one_id_are_two_messages(servers: Servers) -> None:
    """The kinds of message share no ids."""
    post = servers.start()
    code_sender(post.port).send(a_code(id_="1"))
    SmtpMessages("127.0.0.1", post.port, sender=SENDER, clock=ManualClock(NOW)).send(a_letter("farewell", id_="1"))
    assert len({one["Message-ID"] for one in post.postbox.messages}) == 2


@pytest.mark.parametrize("id_", ["a>\r\nBcc: b@example.org", "编号", "x" * 1000])
def test_an_id_makes_no_header(servers: Servers, id_: str) -> None:
    """Whatever an id is made of, the message has its headers and no other."""
    post = servers.start()
    code_sender(post.port).send(a_code(id_=id_))
    (message,) = post.postbox.messages
    assert (len(message.keys()), "Bcc" in message) == (len(set(message.keys())), False)


@pytest.mark.parametrize("message", [a_code(portal=HOSTILE), a_code(locale=HOSTILE)], ids=["portal", "locale"])
def test_no_value_makes_a_header(servers: Servers, message: CodeMessage) -> None:
    """A portal's name or a locale with a line break in it stays within its line."""
    post = servers.start()
    code_sender(post.port).send(message)
    assert ("Bcc" in post.postbox.messages[0], post.postbox.delivered[0].destination) == (False, TO)


def test_an_address_of_another_script_is_carried(servers: Servers) -> None:
    """A local part that is not ASCII goes out with SMTPUTF8 (RFC 6531), its domain in ASCII (RFC 5890)."""
    post = servers.start(smtputf8=True)
    code_sender(post.port).send(a_code(to="张三@例子.example.org"))
    (envelope,) = post.postbox.envelopes
    assert (envelope.rcpt_tos, envelope.smtp_utf8, CODE in post.postbox.delivered[0].text) == (
        ["张三@xn--fsqu00a.example.org"],
        True,
        True,
    )


def test_a_server_without_smtputf8_refuses_such_an_address(servers: Servers) -> None:
    """What the server cannot carry is said, and nobody gets it."""
    post = servers.start(smtputf8=False)
    assert the_problem(code_sender(post.port), a_code(to="张三@example.org")) == ("email", "refused")
    assert post.postbox.delivered == []


@pytest.mark.parametrize("written", ["mei@example.org", "mei.lin+a@sub.example.org", "mei@localhost", "张三@例子.中国"])
def test_an_address_is_one(written: str) -> None:
    """Plain addresses of any script are taken."""
    assert one_address(written) is not None


@pytest.mark.parametrize(
    "written",
    [
        "",
        "@",
        "mei",
        "mei@",
        "@example.org",
        "a@b@example.org",
        "mei@[127.0.0.1]",
        "mei@-example.org",
        "mei@example..org",
        "mei@example.org.",
        "mei@exa mple.org",
        "mei@faß.example.org",
        "x" * 65 + "@example.org",
        "mei@" + "x" * 64 + ".org",
        "=?utf-8?q?a=2Cb?=@example.org",
        "mei\u202e@example.org",
        "\ud800@example.org",
    ],
)
def test_what_is_no_single_plain_address_is_none(written: str) -> None:
    """Nothing is guessed: ``faß`` is refused, since the older rule makes it ``fass``, somebody else's domain."""
    assert one_address(written) is None


@pytest.mark.parametrize(
    ("refuses", "problem"),
    [
        ({"RCPT": f"550 <{TO}> is unknown"}, "refused_recipient"),
        ({"RCPT": "450 try later"}, "refused_recipient"),
        ({"MAIL": "550 not you"}, "refused"),
        ({"DATA": f"554 {CODE} looks like spam"}, "refused"),
    ],
)
def test_a_refusal_of_the_servers_is_named(servers: Servers, refuses: dict[str, str], problem: str) -> None:
    """Which step failed is said by a code."""
    assert the_problem(code_sender(servers.start(refuses).port), a_code()) == ("email", problem)


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_nothing_stands_behind_the_error(servers: Servers, step: str) -> None:
    """The server's words, which quote address and code, are neither cause nor context of the error (L22)."""
    sender = code_sender(servers.start({step: f"550 {TO} {CODE}"}).port)
    with pytest.raises(DeliveryError) as caught:
        sender.send(a_code())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_bad_good_bye_is_no_failure(servers: Servers) -> None:
    """What the server has taken is handed over, whatever it says afterwards."""
    post = servers.start({"QUIT": "500 no"})
    code_sender(post.port).send(a_code())
    assert len(post.postbox.delivered) == 1


def test_a_server_that_is_down_is_unreachable() -> None:
    """Nobody listens."""
    assert the_problem(code_sender(free_port()), a_code()) == ("email", "unreachable")


@pytest.mark.parametrize("tls", ["unsafe_none", "implicit"])
def test_a_server_that_says_nothing_is_a_timeout(tls: Tls) -> None:
    """A server that takes the connection and never speaks holds nobody up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert the_problem(code_sender(port, timeout=0.1, tls=tls), a_code()) == ("email", "timeout")


def test_another_channel_is_not_carried(servers: Servers) -> None:
    """A message for SMS is not sent as a mail."""
    post = servers.start()
    message = attrs.evolve(a_code(), channel="sms")
    assert (the_problem(code_sender(post.port), message), post.postbox.delivered) == (("sms", "wrong_channel"), [])


@attrs.frozen
class Certificate:
    """A certificate for this machine, and the two ends that use it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for this machine."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def make_certificate(folder: Path) -> Certificate:
    """A certificate that signs itself, valid for 127.0.0.1, written to that folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return Certificate(server, ssl.create_default_context(cafile=str(folder / "cert.pem")))


def test_starttls_carries_the_mail(servers: Servers, certificate: Certificate) -> None:
    """The server asks for TLS, the sender goes over to it, and the mail arrives (RFC 3207)."""
    post = servers.start(starttls=certificate.server)
    code_sender(post.port, tls="starttls", context=certificate.client).send(a_code())
    assert [one.destination for one in post.postbox.delivered] == [TO]


def test_implicit_tls_carries_the_mail(servers: Servers, certificate: Certificate) -> None:
    """TLS from the first byte (RFC 8314)."""
    post = servers.start(implicit=certificate.server)
    code_sender(post.port, tls="implicit", context=certificate.client).send(a_code())
    assert [one.destination for one in post.postbox.delivered] == [TO]


def test_a_server_without_starttls_gets_nothing(servers: Servers) -> None:
    """Where TLS is asked for and not offered, nothing goes out in clear (RFC 3207, 6)."""
    post = servers.start()
    problem = the_problem(code_sender(post.port, tls="starttls"), a_code())
    assert (problem, post.postbox.delivered) == (("email", "tls"), [])


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    servers: Servers, certificate: Certificate, tls: Tls
) -> None:
    """Who stands in between with a certificate of their own learns nothing."""
    posts = {
        "starttls": servers.start(starttls=certificate.server),
        "implicit": servers.start(implicit=certificate.server),
    }
    post = posts[tls]
    problem = the_problem(code_sender(post.port, tls=tls), a_code())
    assert (problem, post.postbox.delivered) == (("email", "tls"), [])


@pytest.mark.parametrize(("password", "arrived"), [("s3cret", [TO]), ("wrong", [])])
def test_the_server_may_ask_for_a_login(
    servers: Servers, certificate: Certificate, password: str, arrived: list[str]
) -> None:
    """User name and password are given after TLS has begun; the wrong ones are refused."""
    post = servers.start(starttls=certificate.server, password=b"s3cret")
    sender = code_sender(post.port, tls="starttls", context=certificate.client, login=("portal", Secret(password)))
    outcome = outcome_of(sender)
    assert ([one.destination for one in post.postbox.delivered], outcome) == (
        arrived,
        "handed over" if arrived else "email could not be delivered: refused",
    )


def outcome_of(sender: SmtpCodeSender) -> str:
    """What came of sending."""
    try:
        sender.send(a_code())
    except DeliveryError as error:
        return str(error)
    return "handed over"


def test_tls_is_the_default_for_another_machine(servers: Servers) -> None:
    """For a host that is not plainly this machine nothing goes out in clear unless it is asked for.

    ``127.1`` leads to this machine, too, but is not how one writes it.
    """
    post = servers.start()
    sender = SmtpCodeSender("127.1", post.port, sender=SENDER, clock=ManualClock(NOW))
    assert (the_problem(sender, a_code()), post.postbox.delivered) == (("email", "tls"), [])


def test_a_password_is_never_sent_in_clear() -> None:
    """A login without TLS to another machine is refused when the sender is made."""
    with pytest.raises(WiringError):
        SmtpCodeSender("mail.example.org", 25, sender=SENDER, tls="unsafe_none", login=("portal", Secret("s3cret")))


def test_the_sender_does_not_show_its_password() -> None:
    """The login stands in no ``repr``."""
    shown = repr(SmtpCodeSender("mail.example.org", 587, sender=SENDER, login=("portal", Secret("s3cret"))))
    assert ("portal'" in shown, "s3cret" in shown) == (False, False)


@pytest.mark.parametrize("sender", ["", "nobody", "a@example.org, b@example.org", "a@example.org\nBcc: b@example.org"])
def test_a_sender_is_one_address(sender: str) -> None:
    """What is no address is refused when the sender is made."""
    with pytest.raises(InvalidValueError, match="sender"):
        SmtpCodeSender("127.0.0.1", 25, sender=sender)


@pytest.mark.parametrize("timeout", [0, -1, 61, float("inf"), float("nan")])
def test_a_timeout_has_an_end(timeout: float) -> None:
    """At most a minute, and more than nothing (L30)."""
    with pytest.raises(InvalidValueError, match="duration_out_of_range"):
        SmtpCodeSender("127.0.0.1", 25, sender=SENDER, timeout=timeout)


def a_letter(
    kind: LetterKind,
    id_: str = "letter-1",
    locale: str = "en",
    reference: str | None = None,
    until: datetime | None = None,
) -> Letter:
    """A letter of that kind."""
    to = ContactPoint(channel="email", address=TO, version="7")
    return Letter(kind=kind, to=to, locale=locale, portal="Harbour", id=id_, reference=reference, until=until)


@pytest.mark.parametrize(
    ("letter", "subject", "said"),
    [
        (a_letter("locked", until=NOW), "Closing your Harbour account is locked for now", "4 March 2026, 09:05 UTC"),
        (a_letter("locked"), "Closing your Harbour account is locked for now", "is locked for now"),
        (a_letter("given_back"), "Your Harbour account was not closed", "Nothing was erased"),
        (a_letter("farewell", reference="REF-1"), "Your Harbour account is closed", "\r\nREF-1\r\n"),
        (a_letter("farewell"), "Your Harbour account is closed", "It cannot be brought back"),
        (a_letter("farewell", locale="zh_CN", reference="REF-1"), "您的 Harbour 账号已注销", "\r\nREF-1\r\n"),
    ],
)
def test_a_letter_as_it_arrives(servers: Servers, letter: Letter, subject: str, said: str) -> None:
    """Each kind has its subject and says what it knows: until when, under which reference."""
    post = servers.start()
    SmtpMessages("127.0.0.1", post.port, sender=SENDER, clock=ManualClock(NOW)).send(letter)
    (message,) = post.postbox.messages
    assert (message["Subject"], said in message.get_content()) == (subject, True)


def test_a_letter_to_a_telephone_is_not_carried(servers: Servers) -> None:
    """A contact point that is no e-mail address is told so."""
    post = servers.start()
    letter = attrs.evolve(a_letter("farewell"), to=ContactPoint(channel="sms", address="13812341234", version="1"))
    with pytest.raises(DeliveryError, match="wrong_channel"):
        SmtpMessages("127.0.0.1", post.port, sender=SENDER).send(letter)


def test_the_machine_does_not_tell_its_name(servers: Servers) -> None:
    """The sender says hello as its own domain, and asks no name server for it."""
    post = servers.start()
    code_sender(post.port).send(a_code())
    assert post.postbox.greeted_by == ["portal.example.org"]
