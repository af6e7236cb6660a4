"""How long a worker waits for the host's side, and how each face cuts off what does not come back (L19).

What is cut off may go on all the same, and come to its end much later: a thread cannot be stopped, and a server may
have got the request long ago. Every task is safe to run again (L16), and what could do harm late carries a fence (L18).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
from threading import Thread
from typing import Final, Protocol, TypeVar

from hht_closure.flows.calls import driven

T = TypeVar("T")

Meanwhile = Callable[[], Awaitable[None]]
"""What is done between two pauses of waiting: the lease is renewed."""

PATIENCE: Final = timedelta(minutes=1)
"""How long the asynchronous face waits for one run of a task, unless it is told otherwise."""


class CutOffError(Exception):
    """The run did not come back in time; nobody knows what has become of it."""


class Waiting(Protocol):
    """How a face waits for something that may never come back."""

    async def __call__(self, run: Coroutine[object, None, T], pauses: Iterator[timedelta], meanwhile: Meanwhile) -> T:
        """What the run gives; ``meanwhile`` is called after each pause, and after the last one nobody waits any more.

        Raises:
            CutOffError: it did not come back.
        """
        ...


def pauses(patience: timedelta, every: timedelta) -> Iterator[timedelta]:
    """The patience in pieces, none of them longer than ``every``."""
    while patience > timedelta(0):
        yield min(patience, every)
        patience -= every


async def wait_beside_a_thread(run: Coroutine[object, None, T], pauses: Iterator[timedelta], meanwhile: Meanwhile) -> T:
    """The synchronous face: the run goes on in a thread of its own, and is left there when the patience is over.

    Raises:
        CutOffError: it did not come back.
    """
    # Only who wants an end for what hangs needs it.
    from concurrent.futures import Future, wait  # noqa: PLC0415

    outcome: Future[T] = Future()

    def drive() -> None:
        try:
            outcome.set_result(driven(run))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(error)

    Thread(target=drive, name="hht-closure-run", daemon=True).start()
    for pause in pauses:
        if wait((outcome,), pause.total_seconds()).done:
            return outcome.result()
        await meanwhile()
    raise CutOffError


async def wait_on_the_loop(run: Coroutine[object, None, T], pauses: Iterator[timedelta], meanwhile: Meanwhile) -> T:
    """The asynchronous face: the run is cancelled when the patience is over.

    Raises:
        CutOffError: it did not come back.
    """
    import asyncio  # noqa: PLC0415 - the synchronous face works without it

    task = asyncio.ensure_future(run)
    try:
        for pause in pauses:
            done, _ = await asyncio.wait((task,), timeout=pause.total_seconds())
            if done:
                return task.result()
            await meanwhile()
    finally:
        task.cancel()
    raise CutOffError
