"""The law of code senders, clause by clause (L7, L8, L22)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import attrs

from hht_closure.account import CHANNELS
from hht_closure.errors import DeliveryError
from hht_closure.ports import CodeMessage, CodeSender
from hht_closure.testing.contracts._expect import PortContract, raises
from hht_closure.values import Secret

CODE = "004217"


@attrs.frozen
class Delivered:
    """What really arrived: at which destination, and the text in which the code stands."""

    destination: str
    text: str


class CodeSenderContract(PortContract):
    """Subclass it, override the five hooks, and your sender has its suite."""

    def make_sender(self) -> CodeSender:
        """A sender with a transport that works. Called at most once in each test."""
        raise NotImplementedError("make_sender is a hook that the suite needs")

    def make_failing(self) -> CodeSender:
        """A sender whose transport cannot be reached. Called at most once in each test."""
        raise NotImplementedError("make_failing is a hook that the suite needs")

    def delivered(self) -> Sequence[Delivered]:
        """What has arrived at the far end of the transport, in order, repetitions included."""
        raise NotImplementedError("delivered is a hook that the suite needs")

    def destination(self) -> str:
        """A destination as the portal's directory has it."""
        raise NotImplementedError("destination is a hook that the suite needs")

    def no_single_destinations(self) -> Sequence[str]:
        """Texts that a careless transport takes for two destinations, or for a destination and something more."""
        raise NotImplementedError("no_single_destinations is a hook that the suite needs")

    def a_message(self, sender: CodeSender, *, locale: str = "en") -> CodeMessage:
        """A message for that sender."""
        return CodeMessage(
            channel=sender.channel,
            destination=Secret(self.destination()),
            code=Secret(CODE),
            valid_for=timedelta(minutes=10),
            locale=locale,
            portal="Harbour",
            id="challenge-1",
        )

    def _send(self, sender: CodeSender, message: CodeMessage) -> None:
        self.settled(sender.send(message))

    def test_the_channel_is_one_that_there_is(self) -> None:
        """A sender carries over a known channel."""
        assert self.make_sender().channel in CHANNELS

    def test_a_message_reaches_its_destination_and_nobody_else(self) -> None:
        """``send`` hands one message over, to that destination alone."""
        sender = self.make_sender()
        self._send(sender, self.a_message(sender))
        assert [one.destination for one in self.delivered()] == [self.destination()]

    def test_the_code_arrives_digit_for_digit(self) -> None:
        """The code stands in what arrives, with the zeros at its beginning."""
        sender = self.make_sender()
        self._send(sender, self.a_message(sender))
        assert [CODE in one.text for one in self.delivered()] == [True]

    def test_the_code_arrives_in_every_language(self) -> None:
        """A message can be had in Chinese, in English, and for somebody whose language we do not have."""
        sender = self.make_sender()
        for locale in ("zh-Hans-CN", "en-GB", "fi"):
            self._send(sender, self.a_message(sender, locale=locale))
        assert [CODE in one.text for one in self.delivered()] == [True, True, True]

    def test_sending_again_brings_the_same_code(self) -> None:
        """The same message again is no error, and whatever arrives holds the same code to the same destination (L7)."""
        sender = self.make_sender()
        self._send(sender, self.a_message(sender))
        self._send(sender, self.a_message(sender))
        assert {(one.destination, CODE in one.text) for one in self.delivered()} == {(self.destination(), True)}

    def test_only_a_single_destination_is_taken(self) -> None:
        """A list of destinations, or one with more behind it, is a ``DeliveryError``, and nobody gets anything."""
        sender = self.make_sender()
        for text in self.no_single_destinations():
            with raises(DeliveryError):
                self._send(sender, attrs.evolve(self.a_message(sender), destination=Secret(text)))
        assert list(self.delivered()) == []

    def test_a_failing_transport_is_named(self) -> None:
        """What was not handed over is a ``DeliveryError``."""
        sender = self.make_failing()
        with raises(DeliveryError):
            self._send(sender, self.a_message(sender))

    def test_the_error_names_neither_code_nor_destination(self) -> None:
        """Nothing of the message stands in the error, nor in any error behind it (L7, L22)."""
        sender = self.make_failing()
        try:
            self._send(sender, self.a_message(sender))
        except DeliveryError as error:
            told = " ".join(f"{one} {one!r}" for one in _with_all_behind(error))
        else:
            raise AssertionError("the transport did not fail")
        assert [secret for secret in (CODE, self.destination()) if secret in told] == []


def _with_all_behind(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that it came from."""
    while True:
        yield error
        behind = error.__cause__ or error.__context__
        if behind is None:
            return
        error = behind
