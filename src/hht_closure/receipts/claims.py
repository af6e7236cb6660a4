"""What a receipt says, as values: no person, no counts, nothing that could be sealed (L25)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, Literal

import attrs

from hht_closure.errors import InvalidValueError
from hht_closure.policy import Portion
from hht_closure.policy.dispositions import Disposition
from hht_closure.values import are_names, checked_text, instant, is_count, is_name
from hht_closure.verification import Factor

NOT_COVERED: Final = ("host_backups", "replicas", "exports_taken_by_the_person")
"""The copies that no erasure of ours reaches, named on every receipt unless the portal names others."""

_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")
_STREAM: Final = re.compile(r"[A-Za-z0-9_-]{32}\Z")
_TASK: Final = re.compile(r"[a-z][a-z0-9_]{0,63}(?::[a-z0-9_]{1,64})?\Z")


def is_text(longest: int) -> Callable[[object, attrs.Attribute[str], str], None]:
    """Validator: a text of 1 to so many code points."""

    def check(_: object, attribute: attrs.Attribute[str], value: str) -> None:
        checked_text(value, attribute.name, longest=longest)

    return check


def is_digest(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Validator: a SHA-256 in canonical base64url, 43 characters."""
    if not _DIGEST.match(value):
        raise InvalidValueError(attribute.name, "not_a_digest")


def is_stream(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Validator: the name of a stream, 32 characters of base64url."""
    if not _STREAM.match(value):
        raise InvalidValueError(attribute.name, "not_a_stream")


def is_hash(_: object, attribute: attrs.Attribute[bytes], value: bytes) -> None:
    """Validator: a SHA-256, 32 bytes."""
    if len(value) != 32:
        raise InvalidValueError(attribute.name, "not_32_bytes")


def _utc(value: datetime) -> datetime:
    return instant(value)


def _optional_utc(value: datetime | None) -> datetime | None:
    return None if value is None else instant(value, "until")


@attrs.frozen(kw_only=True)
class AcceptedNotice:
    """The notice that the person accepted: its edition, the digest of what was shown, and its language."""

    version: str = attrs.field(validator=is_text(64))
    digest: str = attrs.field(validator=is_digest)
    locale: str = attrs.field(validator=is_text(35))


@attrs.frozen(kw_only=True)
class Declared:
    """A statement that the person answered, and the version of its wording."""

    code: str = attrs.field(validator=is_name)
    answer: Literal["done", "waived"]
    wording: str = attrs.field(validator=is_text(64))

    def __attrs_post_init__(self) -> None:
        if self.answer not in {"done", "waived"}:
            raise InvalidValueError("answer", "unknown")


@attrs.frozen(kw_only=True)
class Fate:
    """What became of a part of a data set; kept data say until when and on what ground (L20)."""

    disposition: Disposition
    until: datetime | None = attrs.field(default=None, converter=_optional_utc)
    ground: str | None = None

    def __attrs_post_init__(self) -> None:
        Portion(self.disposition, 0, self.until, self.ground)


@attrs.frozen(kw_only=True)
class DataSetFate:
    """What became of a data set; without fates there was nothing in it."""

    name: str = attrs.field(validator=is_name)
    fates: tuple[Fate, ...]

    def __attrs_post_init__(self) -> None:
        if len(set(self.fates)) != len(self.fates):
            raise InvalidValueError("fates", "named_twice")

    @classmethod
    def of(cls, name: str, portions: Iterable[Portion]) -> DataSetFate:
        """The fates of these portions, one for each disposition and ground, until the last of them ends.

        The counts stay behind, for they may tell of a person.
        """
        last: dict[tuple[Disposition, str | None], datetime | None] = {}
        for one in portions:
            kind = (one.disposition, one.ground)
            ends = [end for end in (last.get(kind), one.until) if end is not None]
            last[kind] = max(ends, default=None)
        fates = (Fate(disposition=kind, until=until, ground=ground) for (kind, ground), until in last.items())
        return cls(name=name, fates=tuple(fates))


@attrs.frozen(kw_only=True)
class TaskOutcome:
    """How a task ended: done, or passed over because it kept failing and nothing waits for it (L19)."""

    name: str
    outcome: Literal["done", "passed_over"]

    def __attrs_post_init__(self) -> None:
        if not _TASK.match(self.name):
            raise InvalidValueError("name", "not_a_name")
        if self.outcome not in {"done", "passed_over"}:
            raise InvalidValueError("outcome", "unknown")


@attrs.frozen(kw_only=True)
class JournalHead:
    """The last entry of the journal before the closing event: its number, and its hash of 32 bytes (L24)."""

    sequence: int = attrs.field(validator=is_count)
    hash: bytes = attrs.field(validator=is_hash)


@attrs.frozen(kw_only=True)
class ReceiptClaims:
    """What a receipt states (L25).

    Attributes:
        id: the receipt's own id; the same when the same closing is signed again.
        portal: the portal's name.
        stream, round_number: which closing; opaque to everybody but the portal.
        confirmed_at: when the person confirmed for good.
        erasure_began_at: the point of no return (L15).
        closed_at: when the account was closed.
        terms_version, terms_digest: the terms that the closing was held to.
        notice: what the person accepted.
        statements: what the person declared.
        factors: what was proved, with the class of each.
        data_sets: what became of every data set.
        tasks: how the other tasks ended.
        journal_head: where the journal stood.
        not_covered: codes of the copies that are out of reach.
    """

    id: str = attrs.field(validator=is_text(64))
    portal: str = attrs.field(validator=is_text(200))
    stream: str = attrs.field(validator=is_stream)
    round_number: int = attrs.field(validator=is_count)
    confirmed_at: datetime = attrs.field(converter=_utc)
    erasure_began_at: datetime = attrs.field(converter=_utc)
    closed_at: datetime = attrs.field(converter=_utc)
    terms_version: str = attrs.field(validator=is_text(64))
    terms_digest: str = attrs.field(validator=is_digest)
    notice: AcceptedNotice
    statements: tuple[Declared, ...]
    factors: tuple[Factor, ...]
    data_sets: tuple[DataSetFate, ...]
    tasks: tuple[TaskOutcome, ...]
    journal_head: JournalHead
    not_covered: tuple[str, ...] = attrs.field(default=NOT_COVERED, validator=are_names)

    def __attrs_post_init__(self) -> None:
        if not self.confirmed_at <= self.erasure_began_at <= self.closed_at:
            raise InvalidValueError("closed_at", "out_of_order")
        if not self.data_sets:
            raise InvalidValueError("data_sets", "empty")
        _distinct("statements", [one.code for one in self.statements])
        _distinct("factors", [one.name for one in self.factors])
        _distinct("data_sets", [one.name for one in self.data_sets])
        _distinct("tasks", [one.name for one in self.tasks])

    @property
    def subject(self) -> str:
        """The closing that it speaks of, ``<stream>.<round>``."""
        return f"{self.stream}.{self.round_number}"


def _distinct(field: str, names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise InvalidValueError(field, "named_twice")
