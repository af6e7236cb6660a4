"""The two ways to say no: refusals, which a person may meet, and errors, which only code can cause.

A :class:`Refusal` is a value with a stable code; its sentence, in the person's language, comes from the
catalogue (:mod:`hht_closure.texts`). The core returns refusals; the service raises them, all at once, in
one :class:`ClosureRefused`. Everything else here is an exception that a programmer or a broken adapter
caused. Neither carries anything secret or personal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, get_args

import attrs

RefusalCode = Literal[
    # the account and the log-in
    "account_unknown",
    "account_suspended",
    "account_frozen",
    "reauth_required",
    # the round
    "no_round",
    "already_confirmed",
    "irreversible",
    "terms_changed",
    "too_many_changes",
    # conditions
    "blocked",
    "check_unknown",
    "check_needed",
    "statement_unanswered",
    "statement_unknown",
    "statement_answer_unknown",
    "wording_unknown",
    "locale_unknown",
    # the reason
    "reason_missing",
    "reason_unknown",
    "note_not_wanted",
    "note_required",
    "note_too_long",
    "note_invalid",
    # telling contacts
    "contacts_not_offered",
    # proving who you are
    "factor_unknown",
    "factor_unavailable",
    "factor_out_of_order",
    "factor_unproved",
    "too_soon",
    "send_limit_reached",
    "challenge_missing",
    "challenge_expired",
    "challenge_voided",
    "consumed",
    "try_again",
    "locked",
    "answer_malformed",
    "answer_not_judged",
    "temporarily_unavailable",
    # confirming
    "nonce_invalid",
    "nonce_expired",
    # without a log-in
    "reference_unknown",
    "receipt_not_ready",
    # operators
    "task_unknown",
    "task_not_set_aside",
    "hold_unknown",
]
"""Every code of a refusal. A code without a text in each catalogue fails a test."""

REFUSAL_CODES: Final[tuple[str, ...]] = get_args(RefusalCode)

Parameter = str | int | datetime
"""What a refusal or a blocker may carry: a text, a whole number (money in its smallest unit), an instant."""


@attrs.frozen
class Refusal:
    """One "no" that a person may meet: a stable code, and what its sentence needs to be complete.

    The parameters (what somebody owes, say) do not show in its ``repr`` (L22).
    """

    code: RefusalCode
    parameters: Mapping[str, Parameter] = attrs.field(factory=dict[str, Parameter], repr=False)


def refusal(code: RefusalCode, /, **parameters: Parameter) -> Refusal:
    """A refusal with its parameters by name."""
    return Refusal(code, parameters)


class ClosureRefused(Exception):
    """A command was refused; ``refusals`` holds every reason at once, in the order a person meets them."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(refusals)
        self.refusals = refusals

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all refusals, in order."""
        return tuple(one.code for one in self.refusals)

    def __str__(self) -> str:
        return ", ".join(self.codes)


_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
"""A code as we write them."""


class ClosureError(Exception):
    """The root of everything that goes wrong in code; its ``args`` are the evidence."""

    sentence = "{}"

    def __str__(self) -> str:
        return self.sentence.format(*self.args)


def in_short(error: ClosureError) -> str:
    """The error for a log: its kind, and those of its arguments that are codes.

    A host's code raises these errors, too, and may have put any text into them (L22).
    """
    said = [one for one in error.args if isinstance(one, str) and _CODE.match(one)]
    return f"{type(error).__name__}({', '.join(said)})"


class InvalidValueError(ClosureError, ValueError):
    """A value cannot exist in this form; args: the field, the problem's code."""

    sentence = "{0}: {1}"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)


class WiringError(ClosureError):
    """The service was put together wrongly; arg: what does not fit."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class PortError(ClosureError):
    """An adapter failed in a way its port does not allow.

    Args: the call, the error's type, and, where it is known, the file and line that raised it. The adapter's own
    exception is not kept behind it: its text may hold a code, an address, anything (L7, L22).
    """

    def __init__(self, call: str, cause: str, where: str = "") -> None:
        super().__init__(*((call, cause, where) if where else (call, cause)))

    def __str__(self) -> str:
        call, cause, *where = self.args
        return f"{call} failed with {cause}" + "".join(f" at {one}" for one in where)


class StoreUnavailableError(ClosureError):
    """A store could not do its work now (locked, full, gone) and changed nothing; trying again is safe.

    Args: the store, the problem's code.
    """

    sentence = "the {0} is unavailable: {1}"

    def __init__(self, store: str, problem: str) -> None:
        super().__init__(store, problem)


class StoreVersionError(ClosureError):
    """A database is not one of this library's, or of another version; args: store, found, wanted."""

    sentence = "the {0} has version {1}, and this library reads version {2}"

    def __init__(self, store: str, found: int, wanted: int) -> None:
        super().__init__(store, found, wanted)


class ConflictError(ClosureError):
    """Somebody else appended first; read again and decide anew. Args: the stream, the length expected."""

    sentence = "stream {0} is no longer {1} entries long"

    def __init__(self, stream: str, expected: int) -> None:
        super().__init__(stream, expected)


class LeaseLostError(ClosureError):
    """The lease belongs to another worker now; args: the stream, the fence that no longer counts."""

    sentence = "the lease on stream {0} with fence {1} is lost"

    def __init__(self, stream: str, fence: int) -> None:
        super().__init__(stream, fence)


class StaleTokenError(ClosureError):
    """A directory was given a token lower than one it has seen (L18); args: the token, the one seen."""

    sentence = "token {0} is older than {1}"

    def __init__(self, token: int, seen: int) -> None:
        super().__init__(token, seen)


class JournalBrokenError(ClosureError):
    """A stored entry is not what was appended; args: the stream, the sequence number."""

    sentence = "stream {0} is broken at entry {1}"

    def __init__(self, stream: str, sequence: int) -> None:
        super().__init__(stream, sequence)
        self.stream = stream
        self.sequence = sequence


class UnsupportedEventError(ClosureError):
    """An event is of a kind or version that this release does not know; reading stops (L29)."""

    sentence = "event {0} of version {1} is not known to this release"

    def __init__(self, kind: str, version: int) -> None:
        super().__init__(kind, version)


class ImpossibleEventError(ClosureError):
    """A stream holds an event that cannot happen there; args: the event, the stage."""

    sentence = "{0} cannot happen in the stage {1}"

    def __init__(self, event: str, stage: str) -> None:
        super().__init__(event, stage)


class KeyDestroyedError(ClosureError):
    """What was asked for is sealed under a key that was destroyed on purpose; arg: the key's id."""

    sentence = "key {0} was destroyed"

    def __init__(self, key: str) -> None:
        super().__init__(key)


class KeyMissingError(ClosureError):
    """A key that should be there is not, and nobody destroyed it: an alarm (L23); arg: the key's id."""

    sentence = "key {0} is missing"

    def __init__(self, key: str) -> None:
        super().__init__(key)


class SealBrokenError(ClosureError):
    """A sealed field does not open under its key and place (L22); arg: the field."""

    sentence = "the sealed field {0} does not open"

    def __init__(self, field: str) -> None:
        super().__init__(field)


class DeliveryError(ClosureError):
    """A message could not be handed over; args: the channel, the problem's code."""

    sentence = "{0} could not be delivered: {1}"

    def __init__(self, channel: str, problem: str) -> None:
        super().__init__(channel, problem)


class ReceiptInvalidError(ClosureError):
    """A receipt (or another signed statement) does not verify; arg: the problem's code."""

    sentence = "the signed statement does not verify: {0}"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
