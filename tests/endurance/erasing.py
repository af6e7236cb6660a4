"""One account with very many messages: how much memory, how long a transaction, and what a kill on the way changes."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Final

import attrs

from hht_closure import codec
from hht_closure.account import AccountId
from hht_closure.events import BatchErased, DataSetErased
from tests.endurance.findings import rows_of_others, wrong
from tests.endurance.fleet import Fleet, until
from tests.endurance.ground import Host
from tests.endurance.measuring import Measured
from tests.endurance.preparing import one_with
from tests.endurance.server_watch import transactions_watched
from tests.endurance.worker import measured_in

TASK: Final = "erase:messages"
_PATIENCE: Final = 900.0
"""Seconds after which a run is given up; reached only when something is wrong."""


@attrs.frozen(kw_only=True)
class Erased:
    """What came of it.

    Attributes:
        wrong: what is wrong at the end, a line each.
        kills: how often the worker was killed.
        counted: how many messages the journal counts as erased; where a worker died between an eraser's commit and
            its own, that batch is not counted, and the receipt holds no counts at all.
        batches: how many entries the journal has about batches.
        seconds: how long it took, from the first worker's start until nothing was due.
        started, memory: of the workers' processes, the memory before they opened anything, and the most that any had,
            in MB.
        transactions: the longest transaction of each database, in seconds.
        first, last: the processor's seconds for a batch, in the first tenth of them and in the last.
        seen: how many messages were gone at each look from another process, while it ran.
        told: the same, as the person is told it, who has nothing but the reference.
        look: the longest that such a look took, in seconds.
    """

    wrong: tuple[str, ...]
    kills: int
    counted: int
    batches: int
    seconds: float
    started: float
    memory: float
    transactions: Mapping[str, float]
    first: float
    last: float
    seen: tuple[int, ...]
    told: tuple[int, ...]
    look: float


def erased(
    folder: Path,
    *,
    messages: int,
    kills: int,
    url: str | None,
    speed: float,
    seed: int,
    on_server: bool = False,
    one_in: int = 10,
) -> Erased:
    """Close an account with so many messages, and kill the worker so often on the way.

    Args:
        folder: where.
        messages: how many.
        kills: how often, at moments spread over the erasure.
        url: the database with the store; None: files.
        speed: of the clock; a killed worker's lease is waited for.
        seed: what the moments follow from.
        on_server: whether the messages stand on the store's server, too.
        one_in: another account has a message for each so many of these, and keeps them.
    """
    rng = random.Random(seed)  # noqa: S311 - the moments are to come again
    ground = one_with(folder, messages=messages, url=url, speed=speed, on_server=on_server, one_in=one_in)
    measured = measured_in(ground)
    [person] = ground.people
    with ExitStack() as running:
        host = running.enter_context(ground.host())
        others = rows_of_others(host)
        confirmation = host.service.confirm(host.principal(person), host.noticed(person))
        if url is not None:
            running.enter_context(transactions_watched(url, measured))
        progress = _Progress(host, person, confirmation.reference)
        began = time.monotonic()
        fleet = running.enter_context(Fleet(ground, [["--measure"]]))
        for number in range(kills):
            progress.wait_for(int(messages * (number + rng.random()) / kills))
            time.sleep(rng.random() * 0.03)  # anywhere within a batch, and not only where the looking ends
            fleet.kill(0)
        progress.wait_for(messages + 1)
        seconds = time.monotonic() - began
        events = codec.read(host.stream(person), host.records(person))
        gone = [one for one in events if isinstance(one, BatchErased) and one.task == TASK]
        last = [one for one in events if isinstance(one, DataSetErased) and one.data_set == "messages"]
        first_tenth, last_tenth = _paces(measured)
        changed = ["the rows of others have changed"] if rows_of_others(host) != others else []
        return Erased(
            wrong=(*wrong(host, {person: confirmation}), *changed),
            kills=fleet.killed,
            counted=sum(portion.count for one in last for portion in one.portions),
            batches=len(gone),
            seconds=seconds,
            started=measured.most("started"),
            memory=measured.most("memory"),
            transactions={of: measured.most("transaction", of) for of in measured.kinds("transaction")},
            first=first_tenth,
            last=last_tenth,
            seen=tuple(progress.seen),
            told=tuple(progress.told),
            look=progress.look,
        )


class _Progress:
    """Looks at a closing from another process than the worker's, again and again."""

    def __init__(self, host: Host, account: AccountId, reference: str) -> None:
        self._host, self._stream, self._reference = host, host.stream(account), reference
        self.seen: list[int] = []
        self.told: list[int] = []
        self.look = 0.0

    def wait_for(self, count: int) -> None:
        """Come back when so many messages are gone, or when nothing is due any more."""
        until(lambda: self._erased() >= count or self._host.is_idle(), seconds=_PATIENCE)

    def _erased(self) -> int:
        """How many messages are gone, as an operator sees it; 0 when that is not under way."""
        began = time.monotonic()
        pending = self._host.operator.look(self._stream).pending
        self.look = max(self.look, time.monotonic() - began)
        gone = next((one.erased for one in pending if one.name == TASK and one.cursor), 0)
        if gone and gone not in self.seen:
            self.seen.append(gone)
            self.told.append(dict(self._host.service.status(self._reference).erased)["messages"])
        return gone


def _paces(measured: Measured) -> tuple[float, float]:
    """The work for a batch at the beginning and at the end, from one to the next of the same process.

    In a processor's time, which is the process's own, whatever else the machine does.
    """
    batches = measured.lines("batch", TASK)
    paces = [later.spent - one.spent for one, later in pairwise(batches) if one.process == later.process]
    tenth = max(len(paces) // 10, 1)
    return mean(paces[:tenth] or [0.0]), mean(paces[-tenth:] or [0.0])
