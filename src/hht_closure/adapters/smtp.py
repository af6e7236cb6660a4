"""E-mail over SMTP (RFC 5321): one-time codes and letters, each to exactly one address.

Both give one and the same ``Message-ID`` when a message is sent again, so that a mail program can tell.
An error names a problem and never the address, the code or what the server said, which quotes them::

    unreachable, timeout, tls, refused_recipient, refused, bad_address, wrong_channel
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from contextlib import closing, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Final, Literal

import attrs

from hht_closure.account import Channel
from hht_closure.errors import DeliveryError, InvalidValueError, WiringError
from hht_closure.ports import Clock, CodeMessage, Letter
from hht_closure.system import system_clock
from hht_closure.texts import detailed_text, match_locale, text, whole_minutes
from hht_closure.values import Secret, checked_text

Tls = Literal["starttls", "implicit", "unsafe_none"]
"""How the connection is protected: TLS that the server must offer (RFC 3207), TLS from the first byte (RFC 8314),
or not at all."""

# No quoting, comments, lists or routes: one plain address, whose local part may be of any script (RFC 6531).
_LOCAL_PART: Final = re.compile(r"(?!.*=\?)[^\s\x00-\x1f\x7f-\x9f\"(),:;<>@\[\\\]]{1,64}\Z")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")


def one_address(written: str) -> Address | None:
    """The address, when the text is exactly one: no list, no comment, no quoting; its domain in ASCII (RFC 5890)."""
    local, _, name = written.rpartition("@")
    try:
        domain = name.encode("idna").decode()
        is_same = name.isascii() or domain.encode().decode("idna") == name.lower()  # "ß" would be another's domain
    except UnicodeError:
        return None
    if not (is_same and _LOCAL_PART.match(local) and local.isprintable() and _DOMAIN.match(domain)):
        return None
    return Address(username=local, domain=domain)


def _sender(written: str) -> Address:
    address = one_address(checked_text(written, "sender", longest=320))
    if address is None:
        raise InvalidValueError("sender", "bad_address")
    return address


@attrs.frozen
class SmtpPost:
    """A mail server that takes our mail, how it is talked to, and in whose name; what both classes below share.

    Attributes:
        host, port: where the server is.
        sender: the address the mail comes from, and to which the server reports what it cannot deliver.
        tls: ``starttls`` where nothing is said, and ``unsafe_none`` for a server on this very machine.
        login: user name and password, where the server asks for them; never sent to another machine without TLS.
        timeout: the longest wait for the connection and for each part of an answer, in seconds; at most 60.
        context: which certificates are believed; the system's where None.
        clock: the time in the header.

    Raises:
        InvalidValueError: the sender is no address, the time-out is none, or ``tls`` is unknown.
        WiringError: a password would go out in clear.
    """

    host: str
    port: int
    sender: Address = attrs.field(kw_only=True, converter=_sender)
    tls: Tls | None = attrs.field(kw_only=True, default=None)
    login: tuple[str, Secret[str]] | None = attrs.field(kw_only=True, default=None, repr=False)
    timeout: float = attrs.field(kw_only=True, default=10.0)
    context: ssl.SSLContext | None = attrs.field(kw_only=True, default=None, repr=False)
    clock: Clock = attrs.field(kw_only=True, default=system_clock, repr=False)

    def __attrs_post_init__(self) -> None:
        if self._protection not in {"starttls", "implicit", "unsafe_none"}:
            raise InvalidValueError("tls", "unknown")
        if not 0 < self.timeout <= 60:
            raise InvalidValueError("timeout", "duration_out_of_range")
        if self.login is not None and self._protection == "unsafe_none" and not _is_this_machine(self.host):
            raise WiringError("a password for the mail server would go out without TLS")

    @property
    def _protection(self) -> Tls:
        return self.tls or ("unsafe_none" if _is_this_machine(self.host) else "starttls")

    def _post(self, written: str, *, subject: str, body: str, locale: str, message_id: str) -> None:
        """Write the message and hand it over, for that one recipient.

        The error is raised where no other one is under way: what stands behind it holds the address, and what
        the server said, which quotes it.
        """
        recipient = one_address(written)
        if recipient is None:
            raise DeliveryError("email", "bad_address")
        in_ascii = recipient.addr_spec.isascii() and self.sender.addr_spec.isascii()
        message = EmailMessage(policy=SMTP if in_ascii else SMTPUTF8)
        message["From"] = self.sender
        message["To"] = recipient
        message["Subject"] = subject.replace("=?", "= ?")  # no encoded word of somebody's making (RFC 2047)
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = f"<{hashlib.sha256(message_id.encode()).hexdigest()[:40]}@{self.sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: no robot answers it
        message.set_content(body)
        message["Content-Language"] = match_locale(locale) or "en"
        problem = self._hand_over(message, recipient.addr_spec)
        if problem is not None:
            raise DeliveryError("email", problem)

    def _hand_over(self, message: EmailMessage, recipient: str) -> str | None:
        """The problem's code, or None when the server has taken the message."""
        try:
            with closing(self._connection()) as connection:
                self._log_in(connection)
                connection.send_message(message, self.sender.addr_spec, [recipient])
                # What goes wrong after the server has taken the message changes nothing: it is handed over.
                with suppress(smtplib.SMTPException, OSError):
                    connection.quit()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return _problem(error)
        return None

    def _connection(self) -> smtplib.SMTP:
        """A connection; it says hello as the sender's domain, which asks no name server and tells no host name."""
        name, wait = self.sender.domain, self.timeout
        if self._protection == "implicit":
            context = self.context or ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, local_hostname=name, timeout=wait, context=context)
        return smtplib.SMTP(self.host, self.port, local_hostname=name, timeout=wait)

    def _log_in(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if self._protection == "starttls":
            if not connection.has_extn("starttls"):
                # RFC 3207, 6: whoever stands in between takes the offer away; going on in clear is what they want.
                raise ssl.SSLError("STARTTLS is not offered")
            connection.starttls(context=self.context or ssl.create_default_context())
        if self.login is not None:
            user, password = self.login
            connection.login(user, password.reveal())


class SmtpCodeSender(SmtpPost):
    """A :class:`~hht_closure.ports.CodeSender` by e-mail, worded by the catalogue.

    The code stands in the text and not in the subject, which a locked screen shows.
    """

    @property
    def channel(self) -> Channel:
        """``email``."""
        return "email"

    def send(self, message: CodeMessage) -> None:
        """Hand the code over.

        Raises:
            DeliveryError: it was not handed over.
        """
        if message.channel != self.channel:
            raise DeliveryError(message.channel, "wrong_channel")
        minutes, code = whole_minutes(message.valid_for), message.code.reveal()
        self._post(
            message.destination.reveal(),
            subject=text("mail.code.subject", message.locale, portal=message.portal),
            body=text("mail.code.text", message.locale, portal=message.portal, code=code, minutes=minutes),
            locale=message.locale,
            message_id=f"code {message.id}",
        )


class SmtpMessages(SmtpPost):
    """:class:`~hht_closure.ports.Messages` by e-mail, worded by the catalogue."""

    def send(self, letter: Letter) -> None:
        """Hand the letter over.

        Raises:
            DeliveryError: it was not handed over; ``wrong_channel`` for a contact point that is no e-mail address.
        """
        if letter.to.channel != "email":
            raise DeliveryError(letter.to.channel, "wrong_channel")
        known = {"portal": letter.portal, "reference": letter.reference, "until": letter.until}
        parameters = {name: value for name, value in known.items() if value is not None}
        self._post(
            letter.to.address,
            subject=text(f"letter.{letter.kind}.subject", letter.locale, portal=letter.portal),
            body=detailed_text(f"letter.{letter.kind}.text", letter.locale, **parameters),
            locale=letter.locale,
            message_id=f"letter {letter.id}",
        )


def _problem(error: Exception) -> str:
    behind = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
    match behind:
        case ssl.SSLError():
            return "tls"
        case TimeoutError():
            return "timeout"
        case smtplib.SMTPRecipientsRefused():
            return "refused_recipient"
        case smtplib.SMTPConnectError() | None:
            return "unreachable"
        case smtplib.SMTPException() | ValueError():
            return "refused"
        case _:
            return "unreachable"


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
