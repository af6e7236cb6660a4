"""What outlives a process of the portal, beside the host's own data: the person's notes, the time, what went out.

In a folder each of them is a file, so that a process that is killed leaves all of it behind; without a folder they
are in memory, for processes that are played within one.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import attrs

from hht_closure.account import Channel
from hht_closure.ports import Again, CodeMessage, Done, Failed, Letter, TaskJob
from hht_closure.testing.clock import ManualClock


class Notes:
    """What a person's browser and memory hold: names and texts. A server that dies takes none of it along."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._notes: dict[str, str] = {}
        self.read_anew()

    def read_anew(self) -> None:
        """What another process has written down meanwhile counts from now on."""
        if self._path is not None and self._path.exists():
            self._notes = json.loads(self._path.read_text(encoding="utf-8"))

    def read(self, name: str) -> str | None:
        """The note of that name."""
        return self._notes.get(name)

    def write(self, name: str, text: str) -> None:
        """Note that."""
        self._notes[name] = text
        self._keep()

    def drop(self, name: str) -> None:
        """Forget it; repeatable."""
        self._notes.pop(name, None)
        self._keep()

    def _keep(self) -> None:
        if self._path is not None:
            self._path.write_text(json.dumps(self._notes), encoding="utf-8")


class KeptClock(ManualClock):
    """A clock that stands still until it is moved, and stands there still for the next process."""

    def __init__(self, notes: Notes, start: datetime) -> None:
        kept = notes.read("now")
        super().__init__(start if kept is None else datetime.fromisoformat(kept))
        self._notes = notes

    def advance(self, by: timedelta) -> None:
        """Move the clock, for this process and all that come."""
        super().advance(by)
        self._notes.write("now", self.now().isoformat())

    def read_anew(self) -> None:
        """What time it has become meanwhile."""
        kept = self._notes.read("now")
        if kept is not None:
            self.set(datetime.fromisoformat(kept))


@attrs.frozen(kw_only=True)
class Sent:
    """One thing that went out: ``sms``, ``email``, a letter's kind or a task's name; its id; where to, and a code."""

    kind: str
    id: str
    to: str = attrs.field(default="", repr=False)
    code: str = attrs.field(default="", repr=False)


class Outbox:
    """Everything that went out, one line each, repetitions included, in order."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._sent: list[Sent] = []

    def add(self, sent: Sent) -> None:
        """Write it down, behind everything else (``O_APPEND``), so that it is there whatever becomes of the process."""
        if self._path is None:
            self._sent.append(sent)
            return
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, (json.dumps(attrs.asdict(sent)) + "\n").encode())
        finally:
            os.close(file)

    def sent(self) -> tuple[Sent, ...]:
        """All of it."""
        if self._path is None:
            return tuple(self._sent)
        if not self._path.exists():
            return ()
        return tuple(Sent(**json.loads(line)) for line in self._path.read_text(encoding="utf-8").splitlines())

    def last_code(self, channel: Channel) -> str | None:
        """The code that the person has read last on that channel."""
        return next((one.code for one in reversed(self.sent()) if one.kind == channel), None)


class OutboxCodeSender:
    """A :class:`~hht_closure.ports.CodeSender` that puts codes into an outbox, where the person reads them."""

    def __init__(self, outbox: Outbox, channel: Channel) -> None:
        self._outbox = outbox
        self.channel: Channel = channel

    def send(self, message: CodeMessage) -> None:
        """Write it down."""
        to, code = message.destination.reveal(), message.code.reveal()
        self._outbox.add(Sent(kind=message.channel, id=message.id, to=to, code=code))


class OutboxMessages:
    """A :class:`~hht_closure.ports.Messages` that puts letters into an outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(self, letter: Letter) -> None:
        """Write it down."""
        self._outbox.add(Sent(kind=letter.kind, id=letter.id, to=letter.to.address))


class OutboxTask:
    """A :class:`~hht_closure.ports.Task` that writes down what it was asked to do, and gives the outcome it was given.

    Attributes:
        outcome: what each run gives; only one that is done is written down.
    """

    def __init__(
        self,
        outbox: Outbox,
        name: str,
        *,
        after: tuple[str, ...] = (),
        mandatory: bool = True,
        outcome: Done | Again | Failed | None = None,
    ) -> None:
        self._outbox = outbox
        self.name = name
        self.after = after
        self.mandatory = mandatory
        self.outcome: Done | Again | Failed = Done() if outcome is None else outcome

    def run(self, job: TaskJob) -> Done | Again | Failed:
        """The outcome."""
        if isinstance(self.outcome, Done):
            self._outbox.add(Sent(kind=self.name, id=job.key))
        return self.outcome


class Kept:
    """What outlives each process of one trial.

    Args:
        folder: where it lies; None for memory.
        start: the time when the first process begins.

    Attributes:
        notes, clock, outbox: the person's notes, the time, and what went out.
    """

    def __init__(self, folder: Path | None, start: datetime) -> None:
        self.notes = Notes(None if folder is None else folder / "notes.json")
        self.clock = KeptClock(self.notes, start)
        self.outbox = Outbox(None if folder is None else folder / "outbox.jsonl")

    @property
    def life(self) -> int:
        """Which process this is, from 1."""
        return int(self.notes.read("life") or "1")

    def begin(self) -> None:
        """One process more."""
        begun = self.notes.read("life")
        self.notes.write("life", "1" if begun is None else str(int(begun) + 1))

    def read_anew(self) -> None:
        """Know what others have done while this process stood still."""
        self.notes.read_anew()
        self.clock.read_anew()
