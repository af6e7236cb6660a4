"""The terms of a closing: everything that one round is held to, as plain data.

A portal writes a :class:`ClosurePolicy`, a function from an account to :class:`Terms`. The terms are stored
whole in the event that opens the round, with their digest; a policy that changes later changes nothing for a
round under way but that its confirmation is refused with ``terms_changed``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final, Literal, Protocol

import attrs

from hht_closure.account import Account
from hht_closure.errors import InvalidValueError
from hht_closure.policy.notice import NoticeText
from hht_closure.values import are_all, are_names, checked_text, is_count, is_duration, is_name, is_optional_duration
from hht_closure.verification import AllOf, AnyOf, Factor, Requirement, factors_of, proves_identity


@attrs.frozen
class Statement:
    """Something the person declares, ``done`` or ``waived``: answered it must be, but it holds nobody up.

    ``wording`` is the version of the sentence that is shown.
    """

    code: str = attrs.field(validator=is_name)
    wording: str = "1"

    def __attrs_post_init__(self) -> None:
        checked_text(self.wording, "wording", longest=64)


@attrs.frozen
class Reason:
    """One of the reasons to choose from, and whether a note in the person's own words goes with it."""

    code: str = attrs.field(validator=is_name)
    note: Literal["not_wanted", "optional", "required"] = "optional"

    def __attrs_post_init__(self) -> None:
        if self.note not in {"not_wanted", "optional", "required"}:
            raise InvalidValueError("note", "unknown")


@attrs.frozen(kw_only=True)
class CodeTimes:
    """For how long a challenge can be answered, when it is sent again, and for how long a proof counts."""

    challenge_valid_for: timedelta = attrs.field(default=timedelta(minutes=10), validator=is_duration)
    resend_after: timedelta = attrs.field(default=timedelta(seconds=60), validator=is_duration)
    proof_valid_for: timedelta = attrs.field(default=timedelta(minutes=30), validator=is_duration)


MOST_FAILURES: Final = 100
"""How many wrong answers any terms may bear (NIST SP 800-63B, 3.2.2), and so how many are remembered of an account."""


@attrs.frozen(kw_only=True)
class AttemptLimit:
    """How many wrong answers, over all factors of an account, are borne within a sliding window (L5).

    The one that uses up the last locks the account's closing for ``locked_for``; that is at least the
    window, so that the lock ends when its failures no longer count. At most :data:`MOST_FAILURES` are borne.
    """

    failures: int = attrs.field(default=5, validator=is_count)
    within: timedelta = attrs.field(default=timedelta(hours=1), validator=is_duration)
    locked_for: timedelta = attrs.field(default=timedelta(hours=1), validator=is_duration)

    def __attrs_post_init__(self) -> None:
        if self.failures > MOST_FAILURES:
            raise InvalidValueError("failures", "number_out_of_range")
        if self.locked_for < self.within:
            raise InvalidValueError("locked_for", "shorter_than_window")


@attrs.frozen(kw_only=True)
class SendLimits:
    """How many codes a day may go out on a channel (L8).

    To one account, to one destination, to one block of telephone numbers (all but the last four digits: whoever pumps
    messages for money does it over numbers that lie side by side), and by the whole portal.
    """

    per_account: int = attrs.field(default=5, validator=is_count)
    per_destination: int = attrs.field(default=5, validator=is_count)
    per_number_block: int = attrs.field(default=50, validator=is_count)
    overall: int = attrs.field(default=10_000, validator=is_count)


@attrs.frozen(kw_only=True)
class Retries:
    """How often a task that fails is tried, and how the pause grows: doubling from ``first`` to ``longest`` (L19)."""

    tries: int = attrs.field(default=10, validator=is_count)
    first: timedelta = attrs.field(default=timedelta(seconds=5), validator=is_duration)
    longest: timedelta = attrs.field(default=timedelta(hours=1), validator=is_duration)


STATEMENTS = (Statement("data_backed_up"), Statement("contacts_told"))
REASONS = (
    Reason("no_longer_needed"),
    Reason("another_account"),
    Reason("privacy_concerns"),
    Reason("too_many_messages"),
    Reason("dissatisfied"),
    Reason("other", note="required"),
    Reason("rather_not_say", note="not_wanted"),
)


@attrs.frozen(kw_only=True)
class Terms:
    """Everything that one round of closing is held to (L30: checked here, once).

    Attributes:
        version: the policy's own name for this edition.
        requirement: what must be proved, ``captcha & (sms_code | email_code)``.
        preconditions: the names of the checks that are asked; what is not named is not asked.
        data_sets: the names of the data sets that go.
        notice_version: the edition of the notice.
        notices: its wording, one for each language.
        statements: what the person is asked to declare.
        reasons: what there is to choose from; at least one of them wants no note, so that the person need not say.
        login_valid_for: how fresh the log-in must be when the closing is confirmed (L2).
        check_valid_for: how long a clean check carries the dialogue on; confirm always asks anew.
        notice_valid_for: how long the nonce of a notice counts.
        round_valid_for: when a round that nobody confirms lapses.
        recheck_for: how long a source that cannot be asked is asked again before the account is given back (L14).
        cooling_off: a time between confirmation and freeze in which the person can withdraw; None for none.
        tombstone_for: how long the login name stays reserved; None for not at all.
        farewell_for: how long a farewell is tried before its address is destroyed; None for no farewell.
    """

    version: str
    requirement: Requirement
    preconditions: tuple[str, ...] = attrs.field(validator=are_names)
    data_sets: tuple[str, ...] = attrs.field(validator=are_names)
    notice_version: str
    notices: tuple[NoticeText, ...]
    statements: tuple[Statement, ...] = STATEMENTS
    reasons: tuple[Reason, ...] = REASONS
    codes: CodeTimes = CodeTimes()
    attempts: AttemptLimit = AttemptLimit()
    sends: SendLimits = SendLimits()
    retries: Retries = Retries()
    login_valid_for: timedelta = attrs.field(default=timedelta(minutes=30), validator=is_duration)
    check_valid_for: timedelta = attrs.field(default=timedelta(minutes=30), validator=is_duration)
    notice_valid_for: timedelta = attrs.field(default=timedelta(minutes=15), validator=is_duration)
    round_valid_for: timedelta = attrs.field(default=timedelta(days=7), validator=is_duration)
    recheck_for: timedelta = attrs.field(default=timedelta(days=1), validator=is_duration)
    cooling_off: timedelta | None = attrs.field(default=None, validator=is_optional_duration)
    tombstone_for: timedelta | None = attrs.field(default=timedelta(days=90), validator=is_optional_duration)
    farewell_for: timedelta | None = attrs.field(default=timedelta(days=3), validator=is_optional_duration)

    def __attrs_post_init__(self) -> None:
        _each_is_what_it_is_called(self)
        checked_text(self.version, "version", longest=64)
        checked_text(self.notice_version, "notice_version", longest=64)
        if not isinstance(self.requirement, Factor | AllOf | AnyOf):
            raise InvalidValueError("requirement", "not_a_requirement")
        if not proves_identity(self.requirement):
            raise InvalidValueError("requirement", "proves_no_identity")
        classes = {(one.name, one.assurance) for one in factors_of(self.requirement)}
        if len({name for name, _ in classes}) != len(classes):
            raise InvalidValueError("requirement", "factor_of_two_classes")
        if not self.data_sets:
            raise InvalidValueError("data_sets", "empty")
        _distinct("notices", [one.locale for one in self.notices])
        _distinct("reasons", [one.code for one in self.reasons])
        if len({one.code for one in self.statements}) != len(self.statements):
            raise InvalidValueError("statements", "named_twice")
        if all(one.note != "not_wanted" for one in self.reasons):
            raise InvalidValueError("reasons", "no_way_not_to_say")

    def notice_text(self, locale: str) -> NoticeText | None:
        """The notice's wording in exactly that language, or None."""
        return next((one for one in self.notices if one.locale == locale), None)

    def reason(self, code: str) -> Reason | None:
        """The reason of that code, or None."""
        return next((one for one in self.reasons if one.code == code), None)

    def statement(self, code: str) -> Statement | None:
        """The statement of that code, or None."""
        return next((one for one in self.statements if one.code == code), None)

    def factor(self, name: str) -> Factor | None:
        """The factor of that name, where the requirement asks for it, or None."""
        return next((one for one in factors_of(self.requirement) if one.name == name), None)


def _each_is_what_it_is_called(terms: Terms) -> None:
    """A part of another type would be found when the first round is written down, by its person."""
    parts = {"codes": CodeTimes, "attempts": AttemptLimit, "sends": SendLimits, "retries": Retries}
    for field, kind in parts.items():
        if not isinstance(getattr(terms, field), kind):
            raise InvalidValueError(field, "wrong_type")
    rows = {"notices": NoticeText, "statements": Statement, "reasons": Reason}
    for field, kind in rows.items():
        if not are_all(getattr(terms, field), kind):
            raise InvalidValueError(field, "wrong_type")


def _distinct(field: str, names: list[str]) -> None:
    if not names:
        raise InvalidValueError(field, "empty")
    if len(set(names)) != len(names):
        raise InvalidValueError(field, "named_twice")


class ClosurePolicy(Protocol):
    """What a portal decides: from an account to the terms of its closing."""

    def terms_for(self, account: Account) -> Terms:
        """The terms for this account now; pure, quick, and one of :meth:`variants`."""
        ...

    def variants(self) -> Collection[Terms]:
        """All terms that :meth:`terms_for` may give, so that the service can check them when it is built."""
        ...


@attrs.frozen
class FixedPolicy:
    """The same terms for everybody."""

    terms: Terms

    def terms_for(self, account: Account) -> Terms:
        """The terms."""
        return self.terms

    def variants(self) -> Collection[Terms]:
        """The terms, alone."""
        return (self.terms,)
