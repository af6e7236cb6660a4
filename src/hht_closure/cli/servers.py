"""A mail server and an SMS gateway on the loopback interface, which keep what they are given (extra ``demo``)."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default
from http.server import ThreadingHTTPServer
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
            Mail(to=recipient, subject=str(message["Subject"]), text=message.get_content())
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
        self._taken: list[Sms] = []
        self._lock = Lock()
        self._server = ThreadingHTTPServer((HOST, 0), _gateway(self._take, f"Bearer {key}"))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://{HOST}:{self._server.server_port}/sms"

    def to(self, number: str) -> tuple[Sms, ...]:
        """The SMS for that number, the oldest first."""
        with self._lock:
            return tuple(one for one in self._taken if one.to == number)

    def _take(self, sms: Sms) -> None:
        with self._lock:
            self._taken.append(sms)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
