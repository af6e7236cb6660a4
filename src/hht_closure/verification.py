"""Proving who you are: factors, the requirement over them, challenges, verdicts and proofs.

A requirement is written as a portal thinks of it::

    captcha & (sms_code | email_code)

Within ``&`` the order counts: what stands further left is proved first, so that nothing is sent before the
captcha was passed (L8).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, Never, Union, assert_never

import attrs

from hht_closure.errors import InvalidValueError
from hht_closure.values import are_all, is_name

Assurance = Literal["human_check", "knowledge", "address_control", "restricted_possession", "possession"]
"""What a factor shows (NIST SP 800-63B): somebody is there, knows, reads that address, holds that number
(restricted: numbers can be taken over), holds that device."""

ASSURANCES: Final[tuple[Assurance, ...]] = (
    "human_check",
    "knowledge",
    "address_control",
    "restricted_possession",
    "possession",
)


def _and(self: Requirement, other: Requirement) -> AllOf:
    """Both, this one first."""
    return AllOf(_parts(self, AllOf) + _parts(other, AllOf))


def _or(self: Requirement, other: Requirement) -> AnyOf:
    """One of the two."""
    return AnyOf(_parts(self, AnyOf) + _parts(other, AnyOf))


def _no_truth(_: Requirement) -> Never:
    """``a and b`` would be ``b`` alone, silently."""
    raise TypeError("a requirement is neither true nor false: combine with & and |, not with and, or, not")


def _check_parts(parts: object) -> None:
    if not parts:
        raise InvalidValueError("requirement", "empty")
    if not are_all(parts, Factor | AllOf | AnyOf):
        raise InvalidValueError("requirement", "not_a_requirement")


@attrs.frozen
class Factor:
    """One thing to be proved, by a verifier of that name; its assurance class is fixed with it."""

    name: str = attrs.field(validator=is_name)
    assurance: Assurance

    __and__ = _and
    __or__ = _or
    __bool__ = _no_truth

    def __attrs_post_init__(self) -> None:
        if self.assurance not in ASSURANCES:
            raise InvalidValueError("assurance", "unknown")


@attrs.frozen
class AllOf:
    """Every part, from left to right."""

    parts: tuple[Requirement, ...]

    __and__ = _and
    __or__ = _or
    __bool__ = _no_truth

    def __attrs_post_init__(self) -> None:
        _check_parts(self.parts)


@attrs.frozen
class AnyOf:
    """Any one of the parts, as the person likes."""

    parts: tuple[Requirement, ...]

    __and__ = _and
    __or__ = _or
    __bool__ = _no_truth

    def __attrs_post_init__(self) -> None:
        _check_parts(self.parts)


Requirement = Union[Factor, AllOf, AnyOf]  # noqa: UP007 - a forward reference inside the classes needs the name

captcha: Final = Factor("captcha", "human_check")
sms_code: Final = Factor("sms_code", "restricted_possession")
email_code: Final = Factor("email_code", "address_control")
password: Final = Factor("password", "knowledge")
login_again: Final = Factor("login_again", "knowledge")
totp: Final = Factor("totp", "possession")


def _parts(requirement: Requirement, kind: type[AllOf | AnyOf]) -> tuple[Requirement, ...]:
    """The parts of a combination of the same kind, so that ``a & b & c`` is one level deep."""
    if isinstance(requirement, kind):
        return requirement.parts
    return (requirement,)


def factors_of(requirement: Requirement) -> Iterator[Factor]:
    """Every factor that the requirement names, from left to right, repetitions included."""
    match requirement:
        case Factor():
            yield requirement
        case AllOf() | AnyOf():
            for part in requirement.parts:
                yield from factors_of(part)
        case _:
            assert_never(requirement)


def holds(requirement: Requirement, proved: Container[str]) -> bool:
    """Whether the requirement is met by the factors of these names."""
    match requirement:
        case Factor():
            return requirement.name in proved
        case AllOf():
            return all(holds(part, proved) for part in requirement.parts)
        case AnyOf():
            return any(holds(part, proved) for part in requirement.parts)
        case _:
            assert_never(requirement)


def proves_identity(requirement: Requirement) -> bool:
    """Whether every way to meet the requirement shows *who* it is; a captcha alone never does."""
    match requirement:
        case Factor():
            return requirement.assurance != "human_check"
        case AllOf():
            return any(proves_identity(part) for part in requirement.parts)
        case AnyOf():
            return all(proves_identity(part) for part in requirement.parts)
        case _:
            assert_never(requirement)


def can_do_without(requirement: Requirement, assurance: Assurance) -> bool:
    """Whether there is a way to meet the requirement without any factor of that class.

    Whoever asks for a restricted one, an SMS, offers another beside it (NIST SP 800-63B, 3.2.9).
    """
    return holds(requirement, {one.name for one in factors_of(requirement) if one.assurance != assurance})


def missing_factors(requirement: Requirement, proved: Container[str]) -> tuple[str, ...]:
    """The names of the factors that could still bring the requirement nearer, from left to right."""
    match requirement:
        case Factor():
            return () if requirement.name in proved else (requirement.name,)
        case AllOf():
            return tuple(name for part in requirement.parts for name in missing_factors(part, proved))
        case AnyOf():
            if holds(requirement, proved):
                return ()
            return tuple(name for part in requirement.parts for name in missing_factors(part, proved))
        case _:
            assert_never(requirement)


def is_reached(requirement: Requirement, factor: str, proved: Container[str]) -> bool:
    """Whether everything that the requirement puts in front of this factor is proved (L8).

    False for a factor that the requirement does not name.
    """
    match requirement:
        case Factor():
            return requirement.name == factor
        case AllOf():
            for part in requirement.parts:
                if is_reached(part, factor, proved):
                    return True
                if not holds(part, proved):
                    return False
            return False
        case AnyOf():
            return any(is_reached(part, factor, proved) for part in requirement.parts)
        case _:
            assert_never(requirement)


def first_in_front(requirement: Requirement, factor: str, proved: Container[str]) -> str:
    """Which factor to prove first on the way to one that is not reached; that one itself where nothing is in front."""
    match requirement:
        case Factor():
            return factor
        case AllOf():
            for part in requirement.parts:
                if factor in {one.name for one in factors_of(part)}:
                    return first_in_front(part, factor, proved)
                if not holds(part, proved):
                    return missing_factors(part, proved)[0]
            return factor
        case AnyOf():
            ways = (part for part in requirement.parts if factor in {one.name for one in factors_of(part)})
            return next((first_in_front(part, factor, proved) for part in ways), factor)
        case _:
            assert_never(requirement)


@attrs.frozen
class PendingChallenge:
    """What was asked and not replaced since, as the machine remembers it: one for each factor.

    The code itself is nowhere in it: it is derived when it is needed, under the key ring's key ``key`` (L7).
    """

    id: str
    factor: str
    channel: str | None
    contact_version: str | None
    key: str
    sent_at: datetime
    expires: datetime
    consumed: bool = False


@attrs.frozen
class Proof:
    """A factor that was proved: of which contact version, by which challenge, and until when it counts.

    It counts no longer once the contact point has another version (L3).
    """

    factor: str
    assurance: Assurance
    challenge: str
    channel: str | None
    contact_version: str | None
    expires: datetime


@attrs.frozen
class Attempt:
    """An answer that is counted and not judged yet: its number in the account's history, and its challenge."""

    number: int
    at: datetime
    challenge: str


@attrs.frozen
class Attempts:
    """What the account's answers have come to, over all factors, rounds and sessions (L5).

    Attributes:
        challenges: how many challenges were ever made; the next one's number.
        counted: how many answers were ever counted; the next one's number.
        failures: when answers were wrong, the oldest first.
        in_flight: answers that were counted and not judged; they count until they are.
        locked_until: until when nothing is asked or answered; afterwards a fresh log-in is asked for.
    """

    challenges: int = 0
    counted: int = 0
    failures: tuple[datetime, ...] = ()
    in_flight: tuple[Attempt, ...] = ()
    locked_until: datetime | None = None

    def failed_since(self, start: datetime) -> int:
        """How many answers were wrong after that instant."""
        return sum(at > start for at in self.failures)

    def in_flight_since(self, start: datetime) -> int:
        """How many answers counted after that instant are not judged yet."""
        return sum(one.at > start for one in self.in_flight)


@attrs.frozen(kw_only=True)
class Challenge:
    """What the person is asked: where the code went (masked), until when it counts, what a widget needs.

    ``delivered`` is None for a factor that sends nothing, and False when handing over failed: the challenge
    and its hold-off stand, and after ``resend_at`` the same digits are sent again.
    """

    factor: str
    id: str
    expires: datetime
    resend_at: datetime
    destination: str | None = None
    delivered: bool | None = None
    parameters: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)


@attrs.frozen(kw_only=True)
class Verdict:
    """What came of an answer. A wrong answer is a value, not an exception.

    ``attempts_left`` counts over all factors; ``locked_until`` is set by the answer that used up the last.
    """

    factor: str
    accepted: bool
    attempts_left: int
    locked_until: datetime | None = None
