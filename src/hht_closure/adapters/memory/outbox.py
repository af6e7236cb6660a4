"""What would be sent, kept in memory instead."""

from __future__ import annotations

from threading import Lock

from hht_closure.account import Channel
from hht_closure.errors import DeliveryError
from hht_closure.ports import CodeMessage, Letter


class MemoryCodeSender:
    """The port ``CodeSender`` for one channel: keeps every message instead of carrying it.

    Attributes:
        failing: while it is true, nothing is handed over and ``send`` raises.
    """

    never_blocks = True

    def __init__(self, channel: Channel) -> None:
        self.channel: Channel = channel
        self.failing = False
        self._sent: list[CodeMessage] = []
        self._lock = Lock()

    @property
    def sent(self) -> tuple[CodeMessage, ...]:
        """Every message handed over, in order."""
        with self._lock:
            return tuple(self._sent)

    def last_code(self, destination: str) -> str:
        """The code that the person at that address would type now.

        Raises:
            LookupError: nothing was sent there.
        """
        for message in reversed(self.sent):
            if message.destination.reveal() == destination:
                return message.code.reveal()
        raise LookupError("no code was sent there")

    def send(self, message: CodeMessage) -> None:
        """Keep the message.

        Raises:
            DeliveryError: the sender is set to fail.
        """
        with self._lock:
            if self.failing:
                raise DeliveryError(self.channel, "unreachable")
            self._sent.append(message)


class MemoryMessages:
    """The port ``Messages``: keeps every letter instead of carrying it.

    Attributes:
        failing: while it is true, nothing is handed over and ``send`` raises.
    """

    never_blocks = True

    def __init__(self) -> None:
        self.failing = False
        self._letters: list[Letter] = []
        self._lock = Lock()

    @property
    def letters(self) -> tuple[Letter, ...]:
        """Every letter handed over, in order, repetitions included."""
        with self._lock:
            return tuple(self._letters)

    def send(self, letter: Letter) -> None:
        """Keep the letter.

        Raises:
            DeliveryError: the messages are set to fail.
        """
        with self._lock:
            if self.failing:
                raise DeliveryError(letter.to.channel, "unreachable")
            self._letters.append(letter)
