"""Where a scenario is played, again and again: in processes that are killed, or in memory, where that is simulated."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from threading import Event, Thread
from traceback import extract_tb
from typing import Final, Never, Protocol, TypeVar

import attrs

from hht_closure.testing.crash.kept import Kept
from hht_closure.testing.crash.life import Parts
from hht_closure.testing.crash.troubles import Trouble
from hht_closure.testing.crash.watch import Killed, Watch

T = TypeVar("T")

LONGEST: Final = 120
"""Seconds after which a process that has not come to its end is taken to hang."""


@attrs.frozen
class Died:
    """The process was killed, as it was told."""


@attrs.frozen
class Broke:
    """The process ended with something that no portal should meet: in words."""

    what: str


Act = Callable[[Kept, Watch, Parts], T]
"""What a process does with its parts; it gives a value that can be pickled."""


def _nothing() -> None:
    """Nobody does anything meanwhile."""


class World(Protocol):
    """One trial's portal: what its processes leave behind."""

    def live(self, troubles: Sequence[Trouble], act: Act[T], meanwhile: Callable[[], None] = ...) -> T | Died | Broke:
        """Begin a process on what is there, with these troubles ahead, and say how it ended.

        Where it stands still on the way, ``meanwhile`` is called, and then it goes on.
        """
        ...


class Ground(Protocol):
    """Gives each trial a world of its own, in which nothing has happened yet."""

    def world(self) -> AbstractContextManager[World]:
        """A new one; it is gone when the block ends."""
        ...


# --- in memory ------------------------------------------------------------------------------------------------

MemoryStart = Callable[[Kept, Watch], Parts]
"""Makes the parts of a process anew on what is kept in the object behind it."""


@attrs.frozen
class MemoryGround:
    """Worlds in memory: a process that is killed stops wherever it is, and its objects are dropped.

    Args:
        make: makes a host and a store in which nothing has happened, by the clock that is kept, and gives what
            starts a process on them.
        begins: the time when the first process begins.
    """

    make: Callable[[Kept], MemoryStart]
    begins: datetime

    @contextmanager
    def world(self) -> Generator[World, None, None]:
        """A new one."""
        kept = Kept(None, self.begins)
        yield _MemoryWorld(self.make(kept), kept)


class _MemoryWorld:
    def __init__(self, start: MemoryStart, kept: Kept) -> None:
        self._start = start
        self._kept = kept

    def live(
        self, troubles: Sequence[Trouble], act: Act[T], meanwhile: Callable[[], None] = _nothing
    ) -> T | Died | Broke:
        """In a thread of its own where it stands still on the way; the caller's waits for the one or the other."""
        if not any(one.sleeps for one in troubles):
            return self._lived(troubles, act, _nothing)
        ended, stands, goes_on = list[T | Died | Broke](), Event(), Event()

        def sleep() -> None:
            stands.set()
            goes_on.wait()

        def live() -> None:
            ended.append(self._lived(troubles, act, sleep))
            stands.set()

        thread = Thread(target=live)
        thread.start()
        stands.wait()
        try:
            if not ended:
                meanwhile()
        finally:
            goes_on.set()
            thread.join()
        return ended[0]

    def _lived(self, troubles: Sequence[Trouble], act: Act[T], sleep: Callable[[], None]) -> T | Died | Broke:
        watch = Watch(troubles, _die_in_memory, sleep)
        self._kept.begin()
        try:
            return act(self._kept, watch, self._start(self._kept, watch))
        except Killed:
            return Died()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this is about
            return _broke(error)


def _die_in_memory() -> Never:
    raise Killed


# --- in processes ---------------------------------------------------------------------------------------------

ProcessStart = Callable[[Path, Kept, Watch], Parts]
"""Makes the parts of a process anew on what lies in that folder, or in whatever it leads to."""

_STANDS_STILL: Final = b"S"
_HAS_ENDED: Final = b"E"
"""What a process says to its parent first: that it stands still, or that it is over, and what came of it."""


@attrs.frozen(kw_only=True)
class ProcessGround:
    """Worlds in folders, played by processes that are really killed (``SIGKILL``); needs ``os.fork``.

    The folder that a portal begins with is made once and copied for each trial. It is the host's own business what
    else belongs to it: a database on a server, say, that :attr:`start` finds by the folder's name, new in each trial.

    Attributes:
        folder: where all this lies; it need not be there yet.
        prepare: puts what a portal begins with into the template, and leaves nothing open.
        start: begins a process.
        begins: the time when the first process begins.
    """

    folder: Path
    prepare: Callable[[Path], None]
    start: ProcessStart
    begins: datetime

    def __attrs_post_init__(self) -> None:
        self._template.mkdir(parents=True)
        self.prepare(self._template)

    @property
    def _template(self) -> Path:
        return self.folder / "template"

    @contextmanager
    def world(self) -> Generator[World, None, None]:
        """A copy of the template."""
        folder = Path(mkdtemp(dir=self.folder, prefix="trial-"))
        try:
            shutil.copytree(self._template, folder, dirs_exist_ok=True)
            yield _ProcessWorld(self, folder)
        finally:
            shutil.rmtree(folder)


class _ProcessWorld:
    def __init__(self, ground: ProcessGround, folder: Path) -> None:
        self._ground = ground
        self._folder = folder

    def live(
        self, troubles: Sequence[Trouble], act: Act[T], meanwhile: Callable[[], None] = _nothing
    ) -> T | Died | Broke:
        reading, writing = os.pipe()
        waiting, waking = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.close(waking)
            self._live_and_leave(troubles, act, writing, waiting)
        os.close(writing)
        os.close(waiting)
        try:
            said = _heard(reading, waking, meanwhile)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            _, status = os.waitpid(child, 0)
        if said is None:
            return _end_without_a_word(status)
        value: T | Broke = pickle.loads(said)  # noqa: S301 - from our own child
        return value

    def _live_and_leave(self, troubles: Sequence[Trouble], act: Act[T], writing: int, waiting: int) -> Never:
        """In the child: it never comes back, and leaves nothing undone of what its parent has open."""

        def sleep(kept: Kept) -> None:
            os.write(writing, _STANDS_STILL)
            os.read(waiting, 1)
            kept.read_anew()

        try:
            signal.alarm(LONGEST)
            said = _said(self._lived(troubles, act, sleep))
            with os.fdopen(writing, "wb") as answer:
                answer.write(_HAS_ENDED + said)
        finally:
            os._exit(0)

    def _lived(self, troubles: Sequence[Trouble], act: Act[T], sleep: Callable[[Kept], None]) -> T | Broke:
        kept = Kept(self._folder, self._ground.begins)
        kept.begin()
        watch = Watch(troubles, _die, lambda: sleep(kept))
        try:
            parts = self._ground.start(self._folder, kept, watch)
            value = act(kept, watch, parts)
            parts.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this is about
            return _broke(error)
        return value


def _said(value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception as error:  # noqa: BLE001 - it is our own mistake, and is to be read
        return pickle.dumps(_broke(error))


def _heard(reading: int, waking: int, meanwhile: Callable[[], None]) -> bytes | None:
    """What the process says in the end; None where it ends without a word. While it stands still, others go on."""
    with os.fdopen(reading, "rb") as answer, os.fdopen(waking, "wb") as wake:
        first = answer.read(1)
        if first == _STANDS_STILL:
            meanwhile()
            wake.write(b"!")
            wake.flush()
            first = answer.read(1)
        return answer.read() if first == _HAS_ENDED else None


def _end_without_a_word(status: int) -> Died | Broke:
    how = os.waitstatus_to_exitcode(status)
    if how == -signal.SIGKILL:
        return Died()
    return Broke(f"no end after {LONGEST} seconds" if how == -signal.SIGALRM else f"the process ended with {how}")


def _die() -> Never:
    os.kill(os.getpid(), signal.SIGKILL)
    while True:  # until it arrives
        time.sleep(1)


def _broke(error: Exception) -> Broke:
    place = extract_tb(error.__traceback__)[-1]
    return Broke(f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")
