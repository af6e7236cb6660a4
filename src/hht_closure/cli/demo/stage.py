"""The sample portal with everything around it, as a host would put it together."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import attrs

from hht_closure import ClosureService, FixedPolicy, KeyRing, Portal
from hht_closure.account import Account, Principal
from hht_closure.adapters.altcha import AltchaCaptcha
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.adapters.http_sms import HttpSmsSender
from hht_closure.adapters.login_again import LoginAgainVerifier
from hht_closure.adapters.smtp import SmtpCodeSender, SmtpMessages
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.adapters.typed_captcha import TypedCaptcha
from hht_closure.cli.demo.steps import StoryError, Words
from hht_closure.cli.servers import HOST, LoopbackMail, LoopbackSms
from hht_closure.portal import (
    PasswordHasher,
    PortalCustomer,
    PortalDirectory,
    PortalLogin,
    Sample,
    SamplePerson,
    create_portal,
    sample_portal,
)
from hht_closure.ports import Clock, Entropy, Observer
from hht_closure.values import Secret

SENDER: Final = "closing@portal.example.com"
USERS: Final = 40

_MESSAGES_OF_OTHERS: Final = 2_000


@attrs.frozen(kw_only=True)
class Stage:
    """Everything the demonstration touches."""

    folder: Path
    words: Words
    clock: Clock
    sample: Sample
    person: SamplePerson
    account: Account
    directory: PortalDirectory
    login: PortalLogin
    customer: PortalCustomer
    service: ClosureService
    keyring: KeyRing
    mail: LoopbackMail
    sms: LoopbackSms

    @property
    def portal_file(self) -> Path:
        """The portal's database."""
        return self.folder / "portal.db"

    @property
    def journal_file(self) -> Path:
        """The library's journal."""
        return self.folder / "closures" / "journal.db"

    def log_in(self) -> Secret[str]:
        """The token of a new session.

        Raises:
            StoryError: the log-in failed.
        """
        token = self.login.log_in(self.person.login_name, self.person.password)
        if token is None:
            raise StoryError("login", "user name and password opened no session")
        return token

    def principal(self, token: Secret[str]) -> Principal:
        """Who is acting, as the session says.

        Raises:
            StoryError: there is no such session.
        """
        principal = self.login.principal(token)
        if principal is None:
            raise StoryError("login", "the session is not known")
        return principal

    def address(self, channel: str) -> str:
        """Where the person was reached before the closing.

        Raises:
            StoryError: there is no such contact point.
        """
        contact = self.account.contact(channel)
        if contact is None:
            raise StoryError("portal", f"the person has no contact point for {channel}")
        return contact.address


@contextmanager
def opened_stage(
    folder: Path,
    *,
    words: Words,
    seed: int,
    messages: int,
    clock: Clock,
    entropy: Entropy,
    hasher: PasswordHasher,
    observer: Observer,
) -> Generator[Stage, None, None]:
    """Create the portal in that folder, start the servers, and build the service; all of it ends with the block."""
    with ExitStack() as running:
        sample = create_portal(
            folder / "portal.db",
            seed=seed,
            now=clock.now(),
            hasher=hasher,
            users=USERS,
            messages=2 * messages + _MESSAGES_OF_OTHERS,
            messages_each=messages,
        )
        running.enter_context(closing(sample.database))
        key = secrets.token_urlsafe(16)
        mail, sms = running.enter_context(LoopbackMail()), running.enter_context(LoopbackSms(key))
        store = running.enter_context(SqliteStore(folder / "closures", clock=clock))
        pieces = sample_portal(sample.database, clock=clock)
        keyring = KeyRing.generate(entropy)
        service = ClosureService(
            portal=Portal(
                name=pieces.name,
                accounts=pieces.directory,
                preconditions=pieces.preconditions,
                data_sets=pieces.data_sets,
                messages=SmtpMessages(HOST, mail.port, sender=SENDER, clock=clock),
            ),
            store=store,
            verifiers=(
                CaptchaVerifier(AltchaCaptcha(), TypedCaptcha()),
                sms_code_verifier(_sms_sender(sms, key)),
                LoginAgainVerifier(),
                email_code_verifier(SmtpCodeSender(HOST, mail.port, sender=SENDER, clock=clock)),
            ),
            keyring=keyring,
            policy=FixedPolicy(pieces.terms),
            clock=clock,
            entropy=entropy,
            observers=(observer,),
        )
        person = next(one for one in sample.persons if one.locale == words.locale)
        account = pieces.directory.get(person.account)
        if account is None:
            raise StoryError("portal", "the person has no account")
        yield Stage(
            folder=folder,
            words=words,
            clock=clock,
            sample=sample,
            person=person,
            account=account,
            directory=pieces.directory,
            login=PortalLogin(sample.database, hasher=hasher, clock=clock, entropy=entropy),
            customer=PortalCustomer(sample.database, clock=clock),
            service=service,
            keyring=keyring,
            mail=mail,
            sms=sms,
        )


def _sms_sender(sms: LoopbackSms, key: str) -> HttpSmsSender:
    """The gateway as configuration: another provider is another address, header and body."""
    return HttpSmsSender(
        url=sms.url,
        headers={"Authorization": Secret(f"Bearer {key}")},
        body={"to": "${destination}", "text": "${text}", "ttl_minutes": "${minutes}"},
        accepted={"status": "accepted"},
    )
