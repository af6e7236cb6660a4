"""How long a worker waits for the host's side, and how each face cuts off what does not come back (L19).

What is cut off may go on all the same, and come to its end much later: a thread cannot be stopped, and a server may
have got the request long ago. Every task is safe to run again (L16), and what could do harm late carries a fence (L18).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import wait
from datetime import timedelta
from functools import partial
from typing import Final, Protocol, TypeVar

from hht_closure.flows.calls import driven
from hht_closure.flows.threads import in_a_thread, patient_context

T = TypeVar("T")

Meanwhile = Callable[[], Awaitable[None]]
"""What is done between two pauses of waiting: the lease is renewed."""

PATIENCE: Final = timedelta(minutes=1)
"""How long the asynchronous face waits for one run of a task, unless it is told otherwise."""


class CutOffError(Exception):
    """The run did not come back in time, or was cancelled; nobody knows what has become of it."""


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
    outcome = in_a_thread(partial(driven, run))
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

    task = asyncio.get_running_loop().create_task(run, context=patient_context())
    try:
        for pause in pauses:
            done, _ = await asyncio.wait((task,), timeout=pause.total_seconds())
            if done and not task.cancelled():
                return task.result()
            if done:
                break  # an adapter was cancelled by somebody else, which is no reason to end this worker
            await meanwhile()
    finally:
        task.cancel()
    raise CutOffError
