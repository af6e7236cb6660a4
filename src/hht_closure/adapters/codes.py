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
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Final, Protocol

from hht_closure.account import Account, Channel, ContactPoint
from hht_closure.errors import DeliveryError, InvalidValueError, WiringError
from hht_closure.flows.wiring import fits
from hht_closure.ports import Answer, Asked, ChallengeJob, CodeMessage, CodeSender, Offer, PersonAnswer, RequestInfo
from hht_closure.values import Secret, is_code
from hht_closure.verification import Assurance, Factor, email_code, sms_code

LONGEST_ANSWER: Final = 64
"""The most code points of an answer that are looked at."""

_LABEL: Final = b"hht-closure one-time code 1\x00"
_DIGIT_OF: Final = bytes(48 + byte % 10 for byte in range(256))
_BIASED: Final = bytes(range(250, 256))
_FACTORS: Final[Mapping[Channel, Factor]] = {"sms": sms_code, "email": email_code}
_log = logging.getLogger(__name__)


class NumberPlan(Protocol):
    """Which telephone numbers are written to, and their one form."""

    def normal(self, number: str) -> str | None:
        """The number in its E.164 form, ``+8613800001234``; None where nothing is sent, and never why (L8)."""
        ...


class CodeVerifier:
    """A :class:`~hht_closure.ports.Verifier` that sends a code of digits and asks for it back.

    The sender decides the channel, and the channel the assurance class: ``address_control`` for e-mail,
    ``restricted_possession`` for SMS (NIST SP 800-63B, 3.1.3.3). Where the sender gives an awaitable, so does
    ``begin``.

    A sender that fails, in whatever way, gives ``delivered=False``: the challenge stands, and sending again sends
    the same digits. What is not a :class:`DeliveryError` is a fault in the sender's code and is logged as one,
    with its type and without its text, which may quote the code.
    """

    def __init__(
        self,
        sender: CodeSender,
        *,
        factor: str | None = None,
        digits: int = 6,
        numbers: NumberPlan | None = None,
    ) -> None:
        """A verifier over that sender.

        Args:
            sender: carries the codes.
            factor: the factor's name; ``sms_code`` or ``email_code``, as the channel is, where none is given.
            digits: how long a code is, from 6 to 10.
            numbers: which telephone numbers are written to (:mod:`hht_closure.adapters.phone`); all, as the portal
                spells them, where none is given.

        Raises:
            InvalidValueError: the factor's name is not one, or the number of digits is out of range.
            WiringError: the sender is no sender, or the plan no plan.
        """
        if isinstance(digits, bool) or not 6 <= digits <= 10:
            raise InvalidValueError("digits", "number_out_of_range")
        fits(sender, CodeSender, "the sender of codes")
        if numbers is not None:
            fits(numbers, NumberPlan, "the number plan")
        usual = _FACTORS[sender.channel]
        self._sender = sender
        self._factor = usual if factor is None else Factor(factor, usual.assurance)
        self._digits = digits
        self._numbers = numbers

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

    def offer(self, account: Account) -> Offer | None:
        """The destination; None where the account has none on the channel, or none that is written to."""
        address = self._destination(account.contact(self.channel))
        if address is None:
            return None
        if self.channel == "email":
            return Offer(shown=masked_email(address), destination=Secret(counted_email(address)))
        number = counted_number(address)
        return Offer(shown=masked_phone(address), destination=Secret(number), number_block=Secret(number[:-4]))

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
        given = digits_of(answer)
        if not re.fullmatch(rf"[0-9]{{{self._digits}}}", given):
            raise InvalidValueError("answer", "not_a_code")
        return derived_code(job.secret, self._digits).matches(given)

    def _message(self, job: ChallengeJob) -> CodeMessage:
        destination = self._destination(job.contact)
        if destination is None:
            raise InvalidValueError("contact", "not_on_this_channel")
        return CodeMessage(
            channel=self.channel,
            destination=Secret(destination),
            code=derived_code(job.secret, self._digits),
            valid_for=job.valid_for,
            locale=job.locale,
            portal=job.portal,
            id=f"{job.challenge}.{job.sending}",
        )

    def _destination(self, contact: ContactPoint | None) -> str | None:
        """Where to write: the address as it is, or the number as the plan has it."""
        if contact is None or contact.channel != self.channel:
            return None
        if self.channel == "email" or self._numbers is None:
            return contact.address
        return self._numbers.normal(contact.address)

    async def _delivered_later(self, sending: Awaitable[None]) -> Asked:
        try:
            await sending
        except Exception as error:  # noqa: BLE001 - as in begin
            return self._not_delivered(error)
        return Asked(delivered=True)

    def _not_delivered(self, error: Exception) -> Asked:
        if isinstance(error, DeliveryError):
            problem = error.args[1] if is_code(error.args[1]) else "unknown"
            _log.warning("a code was not delivered: %s: %s", self.channel, problem)
        else:
            _log.error("the sender of %s codes failed with %s", self.channel, type(error).__name__)
        return Asked(delivered=False)


def sms_code_verifier(sender: CodeSender, *, digits: int = 6, numbers: NumberPlan | None = None) -> CodeVerifier:
    """The factor ``sms_code`` over a sender of SMS.

    Raises:
        WiringError: the sender carries for another channel.
    """
    return _carrying(CodeVerifier(sender, digits=digits, numbers=numbers), "sms")


def email_code_verifier(sender: CodeSender, *, digits: int = 6) -> CodeVerifier:
    """The factor ``email_code`` over a sender of e-mail.

    Raises:
        WiringError: the sender carries for another channel.
    """
    return _carrying(CodeVerifier(sender, digits=digits), "email")


def _carrying(verifier: CodeVerifier, channel: Channel) -> CodeVerifier:
    if verifier.channel != channel:
        raise WiringError(f"a sender for {verifier.channel} was given for {channel}")
    return verifier


def derived_code(secret: Secret[bytes], digits: int) -> Secret[str]:
    """The code of a challenge: always the same digits for the same secret, each as likely as any other (L7).

    HMAC-SHA256 over a label, the length and a counter gives bytes; a byte from 250 on is thrown away, since
    256 is no multiple of ten, and the next block is taken where one does not suffice.
    """
    key, code, block = secret.reveal(), b"", 0
    while len(code) < digits:
        stream = hmac.digest(key, _LABEL + bytes([digits]) + block.to_bytes(4, "big"), "sha256")
        code += stream.translate(_DIGIT_OF, _BIASED)
        block += 1
    return Secret(code[:digits].decode())


def counted_number(number: str) -> str:
    """A telephone number as budgets count it: its digits, with a plus in front where there is one."""
    digits = "".join(str(unicodedata.decimal(c)) for c in number if c.isdecimal())
    return f"+{digits}" if unicodedata.normalize("NFKC", number).lstrip().startswith("+") else digits


def counted_email(address: str) -> str:
    """An address as budgets count it: no other one for capitals or a domain in ASCII (RFC 5321, 2.4; RFC 5890)."""
    local, _, domain = unicodedata.normalize("NFKC", address).strip().casefold().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    return f"{local}@{domain}"


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


def digits_of(answer: PersonAnswer) -> str:
    """The answer without white space, and with every decimal digit of compatibility form as the plain one.

    Raises:
        InvalidValueError: not a text, or one that no code is as long as.
    """
    given = answer.get("code") if isinstance(answer, Mapping) else answer
    if not isinstance(given, str):
        raise InvalidValueError("answer", "not_a_text")
    if len(given) > LONGEST_ANSWER:
        raise InvalidValueError("answer", "too_long")
    return "".join(unicodedata.normalize("NFKC", c) if c.isdecimal() else c for c in given if not c.isspace())
