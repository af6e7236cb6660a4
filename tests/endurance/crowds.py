"""Many closings at a time, while workers are killed, their clocks differ, or the server is restarted under them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from hht_closure.account import AccountId
from hht_closure.errors import PortError, StoreUnavailableError
from hht_closure.flows.answers import Confirmation
from tests.endurance.cluster import Cluster, Mode
from tests.endurance.findings import rows_of_others, wrong
from tests.endurance.fleet import Fleet, until
from tests.endurance.ground import Ground, Host
from tests.endurance.preparing import crowd
from tests.endurance.worker import IDLE

_PATIENCE: Final = 900.0
"""Seconds after which a run is given up; reached only when something is wrong."""

_MESSAGES_EACH: Final = 30
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_AT_A_TIME: Final = 4
"""How many persons confirm at a time."""


@attrs.frozen(kw_only=True)
class Ended:
    """What came of it.

    Attributes:
        wrong: what is wrong at the end, a line each.
        people: how many confirmed.
        seconds: from the first worker's start until nothing was due.
        kills: how many workers were killed on purpose; ``died``: how many ended by themselves.
        passes_without_store: how often a worker found no store to ask, and went on.
        leases_lost: how often a worker learned that another had taken over.
        sent_again: how many messages went out once more, under the id that they had.
        asked_again: how many people were given no answer to their confirmation, and asked again with the same nonce;
            ``confirmed_unheard``: how many of them had confirmed all the same.
    """

    wrong: tuple[str, ...]
    people: int
    seconds: float
    kills: int
    died: int
    passes_without_store: int
    leases_lost: int
    sent_again: int
    asked_again: int = 0
    confirmed_unheard: int = 0


def with_kills(
    folder: Path,
    *,
    people: int,
    workers: Sequence[Sequence[str]],
    kill_every: tuple[float, float],
    most_kills: int,
    url: str | None,
    speed: float,
    seed: int,
) -> Ended:
    """Close so many accounts with several workers, of which now and then one is killed.

    Args:
        folder: where.
        people: how many; all have confirmed, and the cooling-off of all ends when the workers are there.
        workers: the command line of each.
        kill_every: between how many and how many seconds one of them, drawn by lot, is killed.
        most_kills: how many are killed at most.
        url: the database with the store; None: files.
        speed: of the clock; the leases of those that are killed are waited for.
        seed: what the lots and the times follow from.
    """
    rng = random.Random(seed)  # noqa: S311 - they are to come again
    ground = crowd(folder, people=people, messages_each=_MESSAGES_EACH, url=url, speed=speed, cooling_off=1)
    with ExitStack() as running:
        host = running.enter_context(ground.host())
        others = rows_of_others(host)
        confirmations = {one: host.service.confirm(host.principal(one), host.noticed(one)) for one in ground.people}
        fleet = running.enter_context(Fleet(ground, workers))
        until(lambda: fleet.ready == fleet.places, seconds=_PATIENCE)
        began = time.monotonic()
        host.clock.advance(_DAY)  # and all of it is due
        kills = _Kills(fleet, rng, kill_every, most_kills)
        until(host.is_idle, seconds=_PATIENCE, meanwhile=kills.kill_when_it_is_time)
        while not host.is_idle(_DAY):  # what a worker ahead has put off, or left behind, is due by its clock
            host.clock.advance(_HOUR)
            until(host.is_idle, seconds=_PATIENCE, meanwhile=fleet.tend)
        return _ended(host, fleet, confirmations, others, time.monotonic() - began)


class _Kills:
    """Kills a worker now and then, and begins another for it.

    Never the last but one that works: where processes take longer to begin than to be killed, nothing would be done.
    """

    def __init__(self, fleet: Fleet, rng: random.Random, every: tuple[float, float], most: int) -> None:
        self._fleet, self._rng, self._every, self._most = fleet, rng, every, most
        self._next = self._drawn()

    def _drawn(self) -> float:
        return time.monotonic() + self._rng.uniform(*self._every)

    def kill_when_it_is_time(self) -> None:
        """Kill one, drawn by lot, if it is time."""
        self._fleet.tend()
        is_time = time.monotonic() >= self._next and self._fleet.killed < self._most
        if is_time and len(self._fleet.ready) > 1:
            self._fleet.kill(self._rng.choice(self._fleet.ready))
            self._next = self._drawn()


# --- a server that is restarted -----------------------------------------------------------------------------------

_RESTARTS: Final[tuple[tuple[float, Mode, float], ...]] = (
    (0.2, "fast", 0.0),
    (0.4, "immediate", 1.0),
    (0.9, "fast", 0.0),
)
"""When which share of the people have confirmed: how the server is stopped, and for how many seconds."""


def with_restarts(folder: Path, cluster: Cluster, *, people: int, workers: int, speed: float) -> Ended:
    """Close so many accounts while they confirm, several workers work, and the server is restarted three times."""
    ground = crowd(folder, people=people, messages_each=_MESSAGES_EACH, url=cluster.url, speed=speed)
    with ExitStack() as running:
        host = running.enter_context(ground.host())
        others = rows_of_others(host)
        confirming = _Confirming(ground, {one: host.noticed(one) for one in ground.people})
        began = time.monotonic()
        fleet = running.enter_context(Fleet(ground, [[]] * workers))
        until(lambda: fleet.ready == fleet.places, seconds=_PATIENCE)
        running.enter_context(confirming)
        for share, mode, away in _RESTARTS:
            until(partial(confirming.has_answered, share), seconds=_PATIENCE)
            cluster.restart(mode, after=away)
        until(partial(confirming.has_answered, 1.0), seconds=_PATIENCE, meanwhile=fleet.tend)
        until(host.is_idle, seconds=_PATIENCE, meanwhile=fleet.tend)
        ended = _ended(host, fleet, confirming.answers, others, time.monotonic() - began)
        repeated = [one for one in ground.people if confirming.asked(host, one) != confirming.answers[one]]
        return attrs.evolve(
            ended,
            wrong=(*ended.wrong, *(f"{one}: another answer to the same nonce" for one in repeated)),
            asked_again=len(confirming.asked_again),
            confirmed_unheard=len(confirming.confirmed_unheard),
        )


class _Confirming:
    """Persons who confirm, several at a time, and ask again until they are answered.

    Attributes:
        answers: what they were told.
        asked_again, confirmed_unheard: see :class:`Ended`.
    """

    def __init__(self, ground: Ground, nonces: Mapping[AccountId, str]) -> None:
        self._ground = ground
        self._nonces = nonces
        self._waiting = list(nonces)
        self._threads = [threading.Thread(target=self._confirm) for _ in range(_AT_A_TIME)]
        self.answers: dict[AccountId, Confirmation] = {}
        self.asked_again: set[AccountId] = set()
        self.confirmed_unheard: set[AccountId] = set()

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def has_answered(self, share: float) -> bool:
        """Whether so many of them have an answer."""
        return len(self.answers) >= share * len(self._nonces)

    def asked(self, host: Host, account: AccountId) -> Confirmation:
        """The answer to the nonce."""
        return host.service.confirm(host.principal(account), self._nonces[account])

    def _confirm(self) -> None:
        """What one thread does; taking from the end of a list is one step, so that two never take the same."""
        with self._ground.host() as host, suppress(IndexError):
            while True:
                account = self._waiting.pop()
                self.answers[account] = self._patiently(host, account)

    def _patiently(self, host: Host, account: AccountId) -> Confirmation:
        unheard = None
        while True:
            try:
                answer = self.asked(host, account)
            except (StoreUnavailableError, PortError):
                unheard = host.clock.now()
                self.asked_again.add(account)
                time.sleep(IDLE)
                continue
            if unheard is not None and answer.at <= unheard:
                self.confirmed_unheard.add(account)
            return answer


# --- the end ------------------------------------------------------------------------------------------------------


def _ended(
    host: Host, fleet: Fleet, confirmations: Mapping[AccountId, Confirmation], others: Mapping[str, int], seconds: float
) -> Ended:
    fleet.close()
    said = fleet.said()
    sent = [(one.kind, one.id) for one in host.ground.outbox.sent()]
    changed = ["the rows of others have changed"] if rows_of_others(host) != others else []
    return Ended(
        wrong=(*wrong(host, confirmations), *changed),
        people=len(confirmations),
        seconds=seconds,
        kills=fleet.killed,
        died=fleet.died,
        passes_without_store=sum(line.startswith("no pass") for line in said),
        leases_lost=sum(_count(line, "leases_lost") for line in said),
        sent_again=len(sent) - len(set(sent)),
    )


def _count(line: str, name: str) -> int:
    """A number of a pass's line."""
    return sum(int(part.removeprefix(f"{name}=")) for part in line.split() if part.startswith(f"{name}="))
