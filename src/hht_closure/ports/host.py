"""What a host writes: its accounts, conditions, data sets, tasks and messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, Protocol

import attrs

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.policy import Finding, Portion
from hht_closure.ports.answer import Answer
from hht_closure.values import checked_text, is_amount, is_duration, is_name


class AccountDirectory(Protocol):
    """The portal's accounts. Ids are never issued twice."""

    def get(self, account: AccountId) -> Answer[Account | None]:
        """The account as it stands now, committed data only; None where there is none. Changes nothing."""
        ...

    def freeze(self, account: AccountId, token: int) -> Answer[None]:
        """Hold the account: its owner may log in to see the closing and withdraw it, and nothing else works.

        Repeatable. The earlier standing is remembered. A sanction that comes while the account is frozen changes
        that, and ``get`` states it as ``held_from``. Afterwards ``get`` says ``frozen``. After ``retire``
        it does nothing.

        Raises:
            StaleTokenError: the token is lower than one seen by ``freeze`` or ``unfreeze`` (L18); nothing changed.
        """
        ...

    def unfreeze(self, account: AccountId, token: int) -> Answer[None]:
        """Back to the standing before ``freeze``. Repeatable; on an account that is not frozen it only keeps the token.

        After ``retire`` it does nothing.

        Raises:
            StaleTokenError: the token is lower than one seen; nothing changed.
        """
        ...

    def revoke_sessions(self, account: AccountId) -> Answer[None]:
        """End every session, token, and pending password reset of the account. Repeatable."""
        ...

    def retire(self, account: AccountId) -> Answer[None]:
        """Delete or anonymise the account: the log-in can never be used again. Repeatable.

        Afterwards ``get`` gives None or an account whose standing is ``retired``.
        """
        ...


class Precondition(Protocol):
    """One check that must be clean before an account is closed."""

    @property
    def name(self) -> str:
        """The name by which terms call for it."""
        ...

    def check(self, account: Account) -> Answer[Finding]:
        """``Clean``, ``Blocked`` with all that is in the way, or ``Unknown``. Changes nothing.

        An exception counts as ``Unknown``, and unknown is not clean.
        """
        ...


@attrs.frozen(kw_only=True)
class EraseJob:
    """One bounded batch of an erasure.

    Attributes:
        account: whose data.
        cursor: what the batch before gave back; empty for the first one, and again after a crash that lost it.
        limit: the most items that this call may touch.
        key: an idempotency key: the same batch of the same data set of the same closing has the same key.
    """

    account: AccountId = attrs.field(repr=False)
    cursor: str
    limit: int
    key: str


@attrs.frozen(kw_only=True)
class Progress:
    """What one batch did: how many items it erased, where the next begins, and whether it thinks it is done.

    The cursor goes into the journal in clear: a row number, say, and nothing personal; at most 200 code points.
    """

    erased: int = attrs.field(validator=is_amount)
    cursor: str = ""
    done: bool

    def __attrs_post_init__(self) -> None:
        checked_text(self.cursor, "cursor", longest=200, shortest=0)


class DataSet(Protocol):
    """A named kind of the portal's data."""

    @property
    def name(self) -> str:
        """The name by which terms, notice and receipt call it."""
        ...

    @property
    def after(self) -> tuple[str, ...]:
        """The data sets that must be gone before this one is touched."""
        ...

    def survey(self, account: AccountId) -> Answer[tuple[Portion, ...]]:
        """What would become of this account's items, by disposition, with ``until`` and ground. Changes nothing."""
        ...

    def erase(self, job: EraseJob) -> Answer[Progress]:
        """Erase at most ``job.limit`` items, in one transaction of the host's own.

        Safe to run again with the same job, and with an empty cursor at any time. Items added behind the
        cursor are found by :meth:`remaining`. Items that the law keeps are restricted, not erased.
        """
        ...

    def remaining(self, account: AccountId) -> Answer[int]:
        """How many items must go and are still there, counted in the data themselves (L17). Changes nothing.

        Items under a retention or hold are not counted until that ends.
        """
        ...


@attrs.frozen(kw_only=True)
class TaskJob:
    """One run of a host's task: whose account, and a key that stays the same when it is run again."""

    account: AccountId = attrs.field(repr=False)
    key: str


@attrs.frozen
class Done:
    """The task has happened."""


@attrs.frozen
class Again:
    """The task goes on, and wants to be called again after that time."""

    after: timedelta = attrs.field(default=timedelta(seconds=1), validator=is_duration)


@attrs.frozen
class Failed:
    """The task did not happen, or nobody knows (``ambiguous``); the code is a name and goes into the journal."""

    kind: Literal["retryable", "permanent", "ambiguous"] = attrs.field(
        validator=attrs.validators.in_(("retryable", "permanent", "ambiguous"))
    )
    code: str = attrs.field(validator=is_name)


class Task(Protocol):
    """Something else that must happen outside once the data sets are erased: a downstream system told, say."""

    @property
    def name(self) -> str:
        """The name by which journal and receipt call it."""
        ...

    @property
    def after(self) -> tuple[str, ...]:
        """The tasks that must have happened before."""
        ...

    @property
    def mandatory(self) -> bool:
        """Whether the closing waits for it; what is not mandatory is passed over when it keeps failing (L19)."""
        ...

    def run(self, job: TaskJob) -> Answer[Done | Again | Failed]:
        """Do it, or find that it was done before: safe to run again. An exception counts as ``Failed("ambiguous")``."""
        ...


LetterKind = Literal["locked", "given_back", "farewell"]


@attrs.frozen(kw_only=True)
class Letter:
    """An ordinary message to the person. ``id`` stays the same when it is sent again (L16)."""

    kind: LetterKind
    to: ContactPoint = attrs.field(repr=False)
    locale: str
    portal: str
    id: str
    reference: str | None = attrs.field(default=None, repr=False)
    until: datetime | None = None


class Messages(Protocol):
    """Ordinary messages to the person: the closing is locked, was given back, is done."""

    def send(self, letter: Letter) -> Answer[None]:
        """Hand the letter over to a transport; the wording is the adapter's, or the catalogue's.

        Raises:
            DeliveryError: it was not handed over.
        """
        ...
