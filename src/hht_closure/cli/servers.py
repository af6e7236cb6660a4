"""A mail server and an SMS gateway on the loopback interface, which keep what they are given (extra ``demo``)."""

from __future__ import annotations

import email
import json
import socket
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Final, Self

import attrs
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from hht_closure.errors import StoreUnavailableError

HOST: Final = "127.0.0.1"

_ATTEMPTS: Final = 5
_LONGEST_REQUEST: Final = 65_536


@attrs.frozen(kw_only=True)
class Mail:
    """A mail that arrived."""

    to: str = attrs.field(repr=False)
    subject: str
    text: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Sms:
    """An SMS that the gateway took."""

    to: str = attrs.field(repr=False)
    text: str = attrs.field(repr=False)


class LoopbackMail:
    """A real SMTP server on a free port of this machine."""

    def __init__(self) -> None:
        self._letters: list[Mail] = []
        self._lock = Lock()
        self._controller: Controller | None = None
        self.port = 0

    def to(self, address: str) -> tuple[Mail, ...]:
        """The mails for that address, the oldest first."""
        with self._lock:
            return tuple(one for one in self._letters if one.to == address)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keep the mail, once for each recipient."""
        message: EmailMessage = email.message_from_bytes(envelope.original_content or b"", policy=default)
        found = [
            Mail(to=recipient, subject=str(message["Subject"]), text=message.get_content().replace("\r\n", "\n"))
            for recipient in envelope.rcpt_tos
        ]
        with self._lock:
            self._letters.extend(found)
        return "250 OK"

    def __enter__(self) -> Self:
        """Start it; the port is tried again when somebody else has taken it in between.

        Raises:
            StoreUnavailableError: no port could be had.
        """
        for _ in range(_ATTEMPTS):
            self.port = _free_port()
            self._controller = Controller(self, hostname=HOST, port=self.port, ready_timeout=10.0)
            try:
                self._controller.start()
            except OSError:
                continue
            return self
        raise StoreUnavailableError("mail server", "no_port")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._controller is not None:
            self._controller.stop()


class LoopbackSms:
    """A real HTTP gateway for SMS on a free port of this machine: ``POST /sms`` with JSON and a key."""

    def __init__(self, key: str) -> None:
        self._authorization = f"Bearer {key}"
        self._taken: list[Sms] = []
        self._lock = Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://{HOST}:{self.port}/sms"

    def to(self, number: str) -> tuple[Sms, ...]:
        """The SMS for that number, the oldest first."""
        with self._lock:
            return tuple(one for one in self._taken if one.to == number)

    def take(self, authorization: str | None, content: bytes) -> tuple[int, str]:
        """The status and the word with which a request is answered; what is accepted is kept."""
        if authorization != self._authorization:
            return 401, "unauthorised"
        try:
            sms = json.loads(content)
            found = Sms(to=str(sms["to"]), text=str(sms["text"]))
        except (ValueError, LookupError, TypeError):
            return 400, "malformed"
        with self._lock:
            self._taken.append(found)
        return 200, "accepted"

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            StoreUnavailableError: no port could be had.
        """
        try:
            self._server = ThreadingHTTPServer((HOST, 0), _requests(self))
        except OSError as error:
            raise StoreUnavailableError("SMS gateway", "no_port") from error
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _requests(gateway: LoopbackSms) -> type[BaseHTTPRequestHandler]:
    """How the standard library wants to be told of a server: a class, one instance for each connection."""

    class Requests(BaseHTTPRequestHandler):
        """One connection to the gateway."""

        timeout = 10

        def do_POST(self) -> None:
            """Take one SMS."""
            length = self.headers.get("Content-Length", "")
            size = min(int(length), _LONGEST_REQUEST) if length.isascii() and length.isdigit() else 0
            status, word = gateway.take(self.headers.get("Authorization"), self.rfile.read(size))
            answer = json.dumps({"status": word}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Write nothing: a log of requests is no part of the demonstration."""

    return Requests


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
