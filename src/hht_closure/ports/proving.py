"""What proves a factor: verifiers, and the senders and captcha providers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from hht_closure.account import Account, Channel, ContactPoint
from hht_closure.ports.answer import Answer
from hht_closure.values import Secret
from hht_closure.verification import Assurance


@attrs.frozen(kw_only=True)
class ChallengeJob:
    """What a verifier is given to ask: who, where, and a secret that belongs to this challenge alone.

    Attributes:
        account: the account as it stands now.
        contact: the contact point the challenge is bound to, for a verifier with a channel.
        challenge: the challenge's id; the same when the challenge is sent again.
        sending: what tells this sending from an earlier one of the same challenge, so that no transport takes a
            repetition that the person asked for as one of its own.
        secret: 32 bytes derived from purpose, portal, account, round, factor, channel, contact version and
            challenge (L3, L7); whatever the verifier asks is derived from it, so that nothing is stored.
        expires: the instant from which an answer is too late.
        locale: the person's language.
        portal: the portal's name.
    """

    account: Account = attrs.field(repr=False)
    contact: ContactPoint | None = attrs.field(repr=False)
    challenge: str
    sending: str = "1"
    secret: Secret[bytes]
    expires: datetime
    valid_for: timedelta
    locale: str
    portal: str


@attrs.frozen(kw_only=True)
class Asked:
    """What came of asking: whether a message was handed over (None where nothing is sent), and what a widget needs."""

    delivered: bool | None = None
    parameters: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)


@attrs.frozen(kw_only=True)
class RequestInfo:
    """What a portal knows of the request that brought an answer; never who it is."""

    remote_address: str | None = attrs.field(default=None, repr=False)
    host: str | None = None


PersonAnswer = str | Mapping[str, str]
"""What a person gives: a text (a code, a password), or a mapping of a widget's tokens."""


class Verifier(Protocol):
    """Proves one factor."""

    @property
    def factor(self) -> str:
        """The factor's name, as the requirement calls it."""
        ...

    @property
    def assurance(self) -> Assurance:
        """What a proof shows; the requirement's factor must say the same."""
        ...

    @property
    def channel(self) -> Channel | None:
        """The channel whose contact point a challenge is bound to and sent to; None for a factor that sends nothing."""
        ...

    def offer(self, account: Account) -> Answer[str | None]:
        """The masked destination (or an empty text), safe to show; None where there is no way. Changes nothing."""
        ...

    def begin(self, job: ChallengeJob) -> Answer[Asked]:
        """Ask. With the same secret, the same is asked again (L7). A failing transport gives ``delivered=False``."""
        ...

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> Answer[bool]:
        """Whether the answer is right, compared in constant time; called once for each counted attempt (L4).

        Raises:
            InvalidValueError: the answer has not the form of an answer (the attempt counts all the same).
        """
        ...


@attrs.frozen(kw_only=True)
class CodeMessage:
    """A one-time code on its way. ``id`` is new at each sending, since transports drop what they have seen."""

    channel: Channel
    destination: Secret[str]
    code: Secret[str]
    valid_for: timedelta
    locale: str
    portal: str
    id: str


class CodeSender(Protocol):
    """Carries one-time codes over one channel."""

    @property
    def channel(self) -> Channel:
        """The channel it carries for."""
        ...

    def send(self, message: CodeMessage) -> Answer[None]:
        """Hand the message over; to that destination and to nobody else.

        Raises:
            DeliveryError: it was not handed over; neither code nor destination is in the error.
        """
        ...


@attrs.frozen(kw_only=True)
class CaptchaJob:
    """What a captcha is bound to: a secret of its own for this challenge and provider, and when it ends."""

    challenge: str
    secret: Secret[bytes]
    expires: datetime
    locale: str


@attrs.frozen(kw_only=True)
class CaptchaResult:
    """What a captcha provider says; ``problem`` is its code where it does not accept."""

    accepted: bool
    problem: str | None = None


class CaptchaProvider(Protocol):
    """Tells people from programs."""

    @property
    def name(self) -> str:
        """The key of its token in the answer's mapping, and the prefix of its parameters."""
        ...

    def widget(self, job: CaptchaJob) -> Answer[Mapping[str, str]]:
        """What the page needs to ask, by name; the same for the same job."""
        ...

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> Answer[CaptchaResult]:
        """Whether the token solves *this* job before it ends. A malformed token is not accepted, never an exception."""
        ...
