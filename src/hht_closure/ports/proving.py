"""What proves a factor: verifiers, and the senders and captcha providers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from hht_closure.account import Account, Channel, ContactPoint, Principal
from hht_closure.ports.answer import Answer
from hht_closure.values import Secret
from hht_closure.verification import Assurance


@attrs.frozen(kw_only=True)
class ChallengeJob:
    """What a verifier is given to ask: who, where, and a secret that belongs to this challenge alone.

    Attributes:
        account: the account as it stands now.
        principal: who asks or answers now; the session may be another than the one that asked.
        contact: the contact point the challenge is bound to, for a verifier with a channel.
        challenge: the challenge's id; the same when the challenge is sent again.
        sending: what tells this sending from an earlier one of the same challenge, so that no transport takes a
            repetition that the person asked for as one of its own.
        secret: 32 bytes derived from purpose, portal, account, round, factor, channel, contact version and
            challenge (L3, L7); whatever the verifier asks is derived from it, so that nothing is stored.
        now: the time by the service's clock; whether the challenge has expired, the machine has judged already.
        expires: the instant from which an answer is too late.
        valid_for: how long the challenge lives from the moment it was made.
        locale: the person's language.
        portal: the portal's name.
    """

    account: Account = attrs.field(repr=False)
    principal: Principal = attrs.field(repr=False)
    contact: ContactPoint | None = attrs.field(repr=False)
    challenge: str
    sending: str = "1"
    secret: Secret[bytes]
    now: datetime
    expires: datetime
    valid_for: timedelta
    locale: str
    portal: str

    @property
    def asked_at(self) -> datetime:
        """When the challenge was made; what the person did before that proves nothing now."""
        return self.expires - self.valid_for


@attrs.frozen(kw_only=True)
class Offer:
    """That an account can prove a factor, and where its message would go.

    Attributes:
        shown: the masked destination, safe to show; empty for a verifier that sends nothing.
        destination: the address in the one form in which it is counted, however the portal spells it (L8); None for a
            verifier that sends nothing.
        number_block: what a telephone number shares with its neighbours, who are pumped together: all but the last
            four digits; None for anything else.
    """

    shown: str = ""
    destination: Secret[str] | None = None
    number_block: Secret[str] | None = None


@attrs.frozen(kw_only=True)
class Asked:
    """What came of asking: whether a message was handed over (None where nothing is sent), and what a widget needs."""

    delivered: bool | None = None
    parameters: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)


_is_optional_text = attrs.validators.optional(attrs.validators.instance_of(str))


@attrs.frozen(kw_only=True)
class RequestInfo:
    """What a portal knows of the request that brought an answer; never who it is."""

    remote_address: str | None = attrs.field(default=None, repr=False, validator=_is_optional_text)
    host: str | None = attrs.field(default=None, validator=_is_optional_text)


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

    def offer(self, account: Account) -> Answer[Offer | None]:
        """What can be shown and counted; None where there is no way, and never why. Changes nothing.

        A verifier with a channel names the destination.
        """
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
    """What a captcha is asked for, and what it must be bound to.

    Attributes:
        challenge: the challenge's id.
        secret: 32 bytes of this challenge, this provider and the session that asks, and of nothing else.
        action: what the captcha guards, as providers call it; the same at asking and judging.
        hosts: the host names on which the portal's pages are served; empty where no provider asks for them.
        now: the time.
        asked_at: when the challenge was made.
        expires: from when on an answer is too late.
        locale: the person's language.
    """

    challenge: str
    secret: Secret[bytes]
    action: str
    hosts: tuple[str, ...] = ()
    now: datetime
    asked_at: datetime
    expires: datetime
    locale: str


@attrs.frozen(kw_only=True)
class CaptchaAnswer:
    """What came back from a widget.

    Attributes:
        tokens: the widget's fields, by the names that the provider gives them.
        remote_address: from where the answer came, where the portal says so.
        idempotency: 32 hex digits, the same for the same tokens of the same challenge, whose judging is one judging.
        timeout: how long judging may take; afterwards it has not been judged.
    """

    tokens: Mapping[str, str] = attrs.field(repr=False)
    remote_address: str | None = attrs.field(default=None, repr=False)
    idempotency: str
    timeout: timedelta


@attrs.frozen(kw_only=True)
class CaptchaResult:
    """What a captcha provider says, with the evidence it has; the verifier compares that with the job.

    Attributes:
        accepted: whether the provider takes the tokens for this job's.
        reason: its code where it does not; ``unavailable`` where it has not judged at all.
        score: from 0, a program, to 1, a person; None where it gives none.
        action, host: what was guarded, and on which host name.
        at: when the person solved it.
        challenge: the id of the challenge that it was solved for.
    """

    accepted: bool
    reason: str | None = None
    score: float | None = None
    action: str | None = None
    host: str | None = None
    at: datetime | None = None
    challenge: str | None = None


class CaptchaProvider(Protocol):
    """Tells people from programs."""

    @property
    def name(self) -> str:
        """The prefix of its parameters; a name that stays, since pages hold it."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """The names under which a page sends this widget's tokens; no two providers share one."""
        ...

    @property
    def names_hosts(self) -> bool:
        """Whether it says on which host it was solved, so that the verifier must know the portal's hosts."""
        ...

    def widget(self, job: CaptchaJob) -> Answer[Mapping[str, str]]:
        """What the page needs to ask, by name; the same for the same job."""
        ...

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> Answer[CaptchaResult]:
        """Whether the tokens solve *this* job before it ends; all of its fields are there.

        Judging the same tokens for the same job again, also at the same instant, gives the same or ``unavailable``,
        and never a no (L6). Malformed tokens are not accepted, never an exception.
        """
        ...
