"""What the contract suites are written with: an expected error, an answer settled, callers at one instant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Barrier, Thread
from typing import TypeVar

from typing_extensions import TypeIs

from hht_closure.errors import ClosureError
from hht_closure.ports import Answer

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


@contextmanager
def raises(kind: type[E]) -> Generator[None, None, None]:
    """The block must raise an error of that kind.

    Raises:
        AssertionError: it raised nothing; another error goes through as it is.
    """
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected, and nothing was raised")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | ClosureError]:
    """What came of calls that threads make at one instant, in the order of the calls; the library's errors as values.

    Raises:
        AssertionError: a call ended with an error that is not the library's.
    """
    barrier = Barrier(len(calls))
    outcomes: dict[int, T | ClosureError] = {}

    def one(number: int, call: Callable[[], T]) -> None:
        barrier.wait()
        try:
            outcomes[number] = call()
        except ClosureError as error:
            outcomes[number] = error

    threads = [Thread(target=one, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(calls), "a call ended with an error that no port allows"
    return [outcomes[number] for number in range(len(calls))]


def _is_to_be_awaited(answer: T | Awaitable[T]) -> TypeIs[Awaitable[T]]:
    return isinstance(answer, Awaitable)


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


class PortContract:
    """What every suite shares."""

    def settled(self, answer: Answer[T]) -> T:
        """The value of a port's answer, plain or awaited; override it for an adapter bound to one event loop."""
        if _is_to_be_awaited(answer):
            return asyncio.run(_awaited(answer))
        return answer


class KeepingContract(PortContract):
    """What suites of the library's own stores share: they keep what they were given, whatever the host does (L4)."""

    def rolled_back(self) -> AbstractContextManager[None]:
        """A transaction of the host's: it has written when the block begins, and is rolled back when the block ends.

        Begin it as a host's framework does for a request: in this thread, and where the store could be taken along,
        that is in the store's own database, on the pool, session or connection that a host would have handed to it.
        Look in the end that the host's row is gone: a transaction that was none shows nothing. Where no host has a
        connection to what the store stands in (memory, a service behind HTTP), it is ``nullcontext()``. There is no
        default, so that no store passes because this was forgotten.
        """
        raise NotImplementedError("rolled_back is a hook that the suite needs")
