"""Many callers at one instant: threads of this process, or processes with threads on one store."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

import attrs

from hht_closure.account import Account, AccountId, ContactPoint, Principal
from hht_closure.adapters.codes import CodeVerifier
from hht_closure.errors import ClosureRefused
from hht_closure.ports import ChallengeJob, CodeSender, PersonAnswer, RequestInfo
from hht_closure.service import ClosureService
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.verification import sms_code
from tests.postgres import lent_database
from tests.service.doubles import built
from tests.stage import NOW, TERMS, Stage, StoreKind

T = TypeVar("T")

SMS: Final = attrs.evolve(TERMS, requirement=sms_code, statements=())
"""The usual terms, with one code to be proved and nothing to declare."""

_SPAWN: Final = multiprocessing.get_context("spawn")
_PATIENCE: Final = 60.0
"""Seconds after which a test gives up on a process; reached only when something is wrong."""
_TURN: Final = 0.0001
"""Seconds that a thread runs before another has its turn: a tenth of what a call takes where nothing blocks."""


class TalliedCodes(CodeVerifier):
    """A verifier of codes that writes down whose answer it compares, before it does so.

    One line in one file for all processes: what is written to its end (``O_APPEND``) takes no other's place
    (POSIX.1-2024, ``write``).
    """

    def __init__(self, sender: CodeSender, tally: Path) -> None:
        super().__init__(sender)
        self._tally = tally

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Write it down, and compare."""
        tally = os.open(self._tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(tally, f"{job.account.id}\n".encode())
        finally:
            os.close(tally)
        return super().check(job, answer, request)


@attrs.frozen(kw_only=True)
class Ground:
    """Where all callers meet: so many ``people`` whom every portal knows, and a file of all comparisons.

    Where there are several processes, their store lies beneath ``path`` as well, or on the server at ``url``.
    """

    path: Path
    people: int
    url: str | None = None

    def portal(self, number: int) -> Stage:
        """A process's own portal: on the same store, of the same keys and people, with randomness of its own."""
        kind: StoreKind = "sqlite" if self.url is None else "postgres"
        stage = Stage(kind, self.path / "store", terms=SMS, url=self.url)
        stage.entropy = UnsafeSeededEntropy(1000 + number)
        return self.peopled(stage)

    def peopled(self, stage: Stage) -> Stage:
        """The stage with all the people, and with a verifier that writes down each comparison."""
        for number in range(self.people):
            stage.accounts.add(_person(number))
        stage.service = built(ClosureService, stage, verifiers=(TalliedCodes(stage.sms, self._tally),))
        return stage

    def principals(self) -> Iterator[Principal]:
        """All the people, logged in; the same in every process."""
        for number in range(self.people):
            account = _person(number).id
            yield Principal(account=account, session=f"session-of-{account}", logged_in_at=NOW)

    def comparisons(self, who: Principal) -> int:
        """How many answers of theirs were compared so far, by all processes together."""
        return self._tally.read_text().splitlines().count(who.account)

    @property
    def _tally(self) -> Path:
        return self.path / "comparisons"


@contextmanager
def common_ground(kind: StoreKind, path: Path, *, people: int) -> Generator[Ground, None, None]:
    """A ground for several processes, on a store of that kind which nobody else has."""
    with ExitStack() as lent:
        url = lent.enter_context(lent_database()) if kind == "postgres" else None
        yield Ground(path=path, people=people, url=url)


def _person(number: int) -> Account:
    """One of the people: with a telephone of their own, in a block of numbers where nobody else is."""
    phone = ContactPoint(channel="sms", address=f"+86138{number:04d}0000", version="s1")
    return Account(id=AccountId(f"person-{number}"), contacts=(phone,), login_name=f"person.{number}")


@attrs.frozen
class Told(Generic[T]):
    """What callers were told: values, and the codes of refusals; an error that is no refusal stands there as it is."""

    values: tuple[T, ...] = ()
    codes: tuple[str, ...] = ()

    @classmethod
    def by(cls, call: Callable[[], T]) -> Told[T]:
        """What this call told."""
        try:
            return cls(values=(call(),))
        except ClosureRefused as refused:
            return cls(codes=refused.codes)
        except Exception as error:  # noqa: BLE001 - a test says what it was
            return cls(codes=(repr(error),))

    @classmethod
    def together(cls, several: Iterable[Told[T]]) -> Told[T]:
        """What they were told, all in one."""
        each = tuple(several)
        return cls(
            tuple(value for one in each for value in one.values), tuple(code for one in each for code in one.codes)
        )

    def otherwise(self, *usual: str) -> tuple[str, ...]:
        """The codes that are none of these."""
        return tuple(code for code in self.codes if code not in usual)


class Callers(Protocol):
    """Who calls at one instant.

    Attributes:
        ground: where they meet.
        stage: the portal on which a round is prepared and looked at.
        people: those with whom nothing has happened yet.
    """

    ground: Ground
    stage: Stage
    people: Iterator[Principal]

    def at_once(self, call: Callable[[Stage, int], T]) -> Told[T]:
        """What each of them was told, who called this at one instant with the portal and their own number."""
        ...


class Threads(Callers):
    """So many threads of this process, on one portal."""

    def __init__(self, stage: Stage, ground: Ground, *, threads: int) -> None:
        self.ground = ground
        self.stage = ground.peopled(stage)
        self.people = ground.principals()
        self._threads = threads

    def at_once(self, call: Callable[[Stage, int], T]) -> Told[T]:
        """Call it in every thread; they take turns within a call, too, and not only where one of them waits."""
        barrier, usual = threading.Barrier(self._threads), sys.getswitchinterval()
        with ThreadPoolExecutor(self._threads) as threads, ExitStack() as ending:
            ending.callback(sys.setswitchinterval, usual)
            sys.setswitchinterval(_TURN)
            return Told.together(threads.map(partial(_set_off, barrier.wait, call, self.stage), range(self._threads)))


class Processes(Callers):
    """So many processes, with so many threads in each, a portal for each, and one store, until a ``with`` block ends.

    They are started once and kept, and so are their threads.
    """

    def __init__(self, ground: Ground, *, processes: int, threads: int) -> None:
        self.ground = ground
        self.stage = ground.portal(0)
        self.people = ground.principals()
        self._barrier = _SPAWN.Barrier(processes * threads)
        with ExitStack() as starting:
            starting.callback(self.stage.close)
            callers = [range(one * threads, (one + 1) * threads) for one in range(processes)]
            self._lines = [self._start(number, some, starting) for number, some in enumerate(callers, 1)]
            for line in self._lines:
                _wait_for(line)
                line.recv()
            self._ends = starting.pop_all()

    def _start(self, number: int, callers: range, starting: ExitStack) -> Connection:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(self.ground, number, callers, self._barrier, theirs))
        process.start()
        starting.callback(process.join, _PATIENCE)
        starting.callback(ours.close)
        theirs.close()
        return ours

    def at_once(self, call: Callable[[Stage, int], T]) -> Told[T]:
        """Call it, which must be importable, in every thread of every process."""
        for line in self._lines:
            line.send(call)
        told: list[Told[T]] = []
        for line in self._lines:
            _wait_for(line)
            told.append(line.recv())
        return Told.together(told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()


def _wait_for(line: Connection) -> None:
    if not line.poll(_PATIENCE):
        raise TimeoutError("a process does not answer")


def _serve(ground: Ground, number: int, callers: range, barrier: Barrier, line: Connection) -> None:
    """What each process does: one call after the other, each in all its threads, until the line is closed."""
    with closing(ground.portal(number)) as stage, ThreadPoolExecutor(len(callers)) as threads, suppress(EOFError):
        line.send("ready")
        while True:
            call: Callable[[Stage, int], object] = line.recv()
            line.send(Told.together(threads.map(partial(_set_off, barrier.wait, call, stage), callers)))


def _set_off(wait: Callable[[float], object], call: Callable[[Stage, int], T], stage: Stage, caller: int) -> Told[T]:
    """What one thread does: wait for all the others, and call."""
    wait(_PATIENCE)
    return Told.by(partial(call, stage, caller))
