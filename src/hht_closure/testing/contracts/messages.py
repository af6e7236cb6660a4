"""The law of messages, clause by clause (L16, L26)."""

from __future__ import annotations

from datetime import UTC, datetime

from hht_closure.account import ContactPoint
from hht_closure.errors import DeliveryError
from hht_closure.ports import Letter, Messages
from hht_closure.testing.contracts._expect import PortContract, raises

TO = ContactPoint(channel="email", address="mei.lin@example.org", version="7")
LOCKED = Letter(
    kind="locked", to=TO, locale="en", portal="Harbour", id="letter-1", until=datetime(2026, 3, 1, 12, tzinfo=UTC)
)
GIVEN_BACK = Letter(kind="given_back", to=TO, locale="zh-Hans", portal="Harbour", id="letter-2")
FAREWELL = Letter(kind="farewell", to=TO, locale="en", portal="Harbour", id="letter-3", reference="HHT-REF")


class MessagesContract(PortContract):
    """Subclass it, override the three hooks, and your messages have their suite."""

    def make_messages(self) -> Messages:
        """Messages with a transport that works. Called at most once in each test."""
        raise NotImplementedError("make_messages is a hook that the suite needs")

    def make_failing(self) -> Messages:
        """Messages whose transport cannot be reached. Called at most once in each test."""
        raise NotImplementedError("make_failing is a hook that the suite needs")

    def reached(self) -> tuple[str, ...]:
        """The addresses that the transport just made has been handed a letter for, in order, repetitions included."""
        raise NotImplementedError("reached is a hook that the suite needs")

    def test_a_letter_goes_to_its_address_and_nowhere_else(self) -> None:
        """``send`` hands one letter over, to that contact point alone."""
        messages = self.make_messages()
        self.settled(messages.send(FAREWELL))
        assert self.reached() == (TO.address,)

    def test_every_kind_of_letter_is_carried(self) -> None:
        """Locked, given back and farewell all go out, in either language."""
        messages = self.make_messages()
        for letter in (LOCKED, GIVEN_BACK, FAREWELL):
            self.settled(messages.send(letter))
        assert len(self.reached()) == 3

    def test_the_same_letter_again_is_no_error(self) -> None:
        """A letter may be sent again under the same id, as after a crash; it arrives at least once (L16)."""
        messages = self.make_messages()
        self.settled(messages.send(FAREWELL))
        self.settled(messages.send(FAREWELL))
        assert set(self.reached()) == {TO.address}

    def test_a_failing_transport_is_named(self) -> None:
        """A letter that was not handed over is a ``DeliveryError``, and nobody got it."""
        messages = self.make_failing()
        with raises(DeliveryError):
            self.settled(messages.send(FAREWELL))
        assert self.reached() == ()

    def test_the_error_names_nobody(self) -> None:
        """Neither the address nor the reference stands in the error (L22)."""
        messages = self.make_failing()
        try:
            self.settled(messages.send(FAREWELL))
        except DeliveryError as error:
            told = f"{error!r} {error}"
        else:
            raise AssertionError("the transport did not fail")
        assert TO.address not in told
        assert "HHT-REF" not in told
