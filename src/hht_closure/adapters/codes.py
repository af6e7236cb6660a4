"""The factors that are proved with a one-time code: derived, sent by a sender, compared, and never stored (L7).

A portal names the sender, and that is all::

    verifiers=(email_code_verifier(SmtpCodeSender(...)), sms_code_verifier(HttpSmsSender(...)))
"""

from __future__ import annotations

import hmac
import logging
import re
import unicodedata
from collections.abc import Awaitable, Mapping
from inspect import iscoroutinefunction
from typing import Final

from hht_closure.account import Account, Channel
from hht_closure.errors import DeliveryError, InvalidValueError, WiringError
from hht_closure.ports import Answer, Asked, ChallengeJob, CodeMessage, CodeSender, PersonAnswer, RequestInfo
from hht_closure.values import Secret
from hht_closure.verification import Assurance, Factor, email_code, sms_code

LONGEST_ANSWER: Final = 64
"""The most code points of an answer that are looked at."""

_LABEL: Final = b"hht-closure one-time code 1\x00"
_FACTORS: Final[Mapping[Channel, Factor]] = {"sms": sms_code, "email": email_code}
_log = logging.getLogger(__name__)


class CodeVerifier:
    """A :class:`~hht_closure.ports.Verifier` that sends a code of digits and asks for it back.

    The sender decides the channel, and the channel the assurance class: ``address_control`` for e-mail,
    ``restricted_possession`` for SMS (NIST SP 800-63B, 3.1.3.3). Where the sender gives an awaitable, so does
    ``begin``.

    A sender that fails, in whatever way, gives ``delivered=False``: the challenge stands, and sending again sends
    the same digits. What is not a :class:`DeliveryError` is a fault in the sender's code and is logged as one,
    with its type and without its text, which may quote the code.
    """

    def __init__(self, sender: CodeSender, *, factor: str | None = None, digits: int = 6) -> None:
        """A verifier over that sender.

        Args:
            sender: carries the codes.
            factor: the factor's name; ``sms_code`` or ``email_code``, as the channel is, where none is given.
            digits: how long a code is, from 6 to 10.

        Raises:
            InvalidValueError: the factor's name is not one, or the number of digits is out of range.
        """
        if isinstance(digits, bool) or not 6 <= digits <= 10:
            raise InvalidValueError("digits", "number_out_of_range")
        usual = _FACTORS[sender.channel]
        self._sender = sender
        self._factor = usual if factor is None else Factor(factor, usual.assurance)
        self._digits = digits

    @property
    def factor(self) -> str:
        """The factor's name."""
        return self._factor.name

    @property
    def assurance(self) -> Assurance:
        """``address_control`` or ``restricted_possession``, as the channel is."""
        return self._factor.assurance

    @property
    def channel(self) -> Channel:
        """The sender's channel."""
        return self._sender.channel

    @property
    def never_blocks(self) -> bool:
        """Whether the sender says so, or is asynchronous; the verifier itself does no I/O."""
        return getattr(self._sender, "never_blocks", False) is True or self.is_async

    @property
    def is_async(self) -> bool:
        """Whether the sender is asynchronous, so that only the asynchronous service can use it."""
        return iscoroutinefunction(self._sender.send)

    def offer(self, account: Account) -> str | None:
        """The masked destination; None where the account has no contact point on the channel."""
        contact = account.contact(self.channel)
        if contact is None:
            return None
        return masked_phone(contact.address) if self.channel == "sms" else masked_email(contact.address)

    def begin(self, job: ChallengeJob) -> Answer[Asked]:
        """Send the code of this challenge to the contact point it is bound to.

        Raises:
            InvalidValueError: the job has no contact point on this channel, which is the caller's mistake.
        """
        message = self._message(job)
        try:
            sending = self._sender.send(message)
        except Exception as error:  # noqa: BLE001 - a sender that fails is no reason to lose the challenge (L8)
            return self._not_delivered(error)
        return self._delivered_later(sending) if isinstance(sending, Awaitable) else Asked(delivered=True)

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Whether this is the code of this challenge. A mapping holds it under ``code``.

        White space is left out, and digits written in full width count as digits.

        Raises:
            InvalidValueError: it is not that many digits.
        """
        given = _digits_of(answer)
        if not re.fullmatch(rf"[0-9]{{{self._digits}}}", given):
            raise InvalidValueError("answer", "not_a_code")
        return derived_code(job.secret, self._digits).matches(given)

    def _message(self, job: ChallengeJob) -> CodeMessage:
        contact = job.contact
        if contact is None or contact.channel != self.channel:
            raise InvalidValueError("contact", "not_on_this_channel")
        return CodeMessage(
            channel=self.channel,
            destination=Secret(contact.address),
            code=derived_code(job.secret, self._digits),
            valid_for=job.valid_for,
            locale=job.locale,
            portal=job.portal,
            id=f"{job.challenge}.{job.sending}",
        )

    async def _delivered_later(self, sending: Awaitable[None]) -> Asked:
        try:
            await sending
        except Exception as error:  # noqa: BLE001 - as in begin
            return self._not_delivered(error)
        return Asked(delivered=True)

    def _not_delivered(self, error: Exception) -> Asked:
        if isinstance(error, DeliveryError):
            _log.warning("a code was not delivered: %s", error)
        else:
            _log.error("the sender of %s codes failed with %s", self.channel, type(error).__name__)
        return Asked(delivered=False)


def sms_code_verifier(sender: CodeSender, *, digits: int = 6) -> CodeVerifier:
    """The factor ``sms_code`` over a sender of SMS.

    Raises:
        WiringError: the sender carries for another channel.
    """
    return _verifier_for("sms", sender, digits)


def email_code_verifier(sender: CodeSender, *, digits: int = 6) -> CodeVerifier:
    """The factor ``email_code`` over a sender of e-mail.

    Raises:
        WiringError: the sender carries for another channel.
    """
    return _verifier_for("email", sender, digits)


def _verifier_for(channel: Channel, sender: CodeSender, digits: int) -> CodeVerifier:
    if sender.channel != channel:
        raise WiringError(f"a sender for {sender.channel} was given for {channel}")
    return CodeVerifier(sender, digits=digits)


def derived_code(secret: Secret[bytes], digits: int) -> Secret[str]:
    """The code of a challenge: always the same digits for the same secret, each as likely as any other (L7).

    HMAC-SHA256 over a label, the length and a counter gives bytes; a byte from 250 on is thrown away, since
    256 is no multiple of ten, and the next block is taken where one does not suffice.
    """
    key, code, block = secret.reveal(), "", 0
    while len(code) < digits:
        stream = hmac.digest(key, _LABEL + bytes([digits]) + block.to_bytes(4, "big"), "sha256")
        code += "".join(str(byte % 10) for byte in stream if byte < 250)
        block += 1
    return Secret(code[:digits])


def masked_phone(number: str) -> str:
    """A telephone number that its owner recognises and nobody else learns: ``138****1234``, ``+86 138****1234``.

    Four stars stand for what is hidden, however long it is, and at least four digits are.
    """
    digits = "".join(c for c in number if c.isascii() and c.isdigit())
    country = ""
    if number.lstrip().startswith("+"):
        country = "+"
        if digits.startswith("86") and len(digits) == 13:
            country, digits = "+86 ", digits[2:]
    if len(digits) >= 11:
        return f"{country}{digits[:3]}****{digits[-4:]}"
    if len(digits) >= 9:
        return f"{country}{digits[:3]}****{digits[-2:]}"
    return f"****{digits[-2:]}" if len(digits) >= 6 else "****"


def masked_email(address: str) -> str:
    """An e-mail address that its owner recognises: ``z***@example.com``; of one letter not even that one.

    The domain is shown; what is no address is hidden whole.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return "***"
    return f"{local[0] if len(local) > 1 else ''}***@{domain}"


def _digits_of(answer: PersonAnswer) -> str:
    """The answer without white space, and with every decimal digit of compatibility form as the plain one."""
    given = answer.get("code") if isinstance(answer, Mapping) else answer
    if not isinstance(given, str):
        raise InvalidValueError("answer", "not_a_text")
    if len(given) > LONGEST_ANSWER:
        raise InvalidValueError("answer", "too_long")
    return "".join(unicodedata.normalize("NFKC", c) if c.isdecimal() else c for c in given if not c.isspace())
