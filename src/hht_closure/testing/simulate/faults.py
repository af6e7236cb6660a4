"""What goes wrong, how often, and where: chosen anew for each seed, so that few things that seldom meet may meet."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final, Literal, get_args

import attrs

from hht_closure.errors import DeliveryError, StoreUnavailableError
from hht_closure.testing.simulate.schedule import Actor, Schedule, seconds

CallFault = Literal["fails", "ambiguous", "slow", "late", "cut_off", "nonsense"]
"""What happens to a call of a port.

It raises and had no effect; it raises after its effect; its answer is late; its effect is late, too; it raises, and
has its effect later; it has its effect, and gives what no port gives.
"""

Fault = Literal[CallFault, "outage", "lies", "behind", "killed", "request_lost", "slow_machine", "clock_jumps"]
"""All that goes wrong.

Besides: a port that is down for a while; an eraser that says what is not so; rows that are added behind it; a worker's
process that dies; a request whose process dies; a machine on which every turn takes long; a clock that jumps.
"""

FAULTS: Final[tuple[Fault, ...]] = (
    *get_args(CallFault),
    "outage",
    "lies",
    "behind",
    "killed",
    "request_lost",
    "slow_machine",
    "clock_jumps",
)

_CALL_FAULTS: Final[tuple[CallFault, ...]] = get_args(CallFault)
STORE: Final = ("journal", "vault", "ledger", "budgets", "tombstones")
"""The ports behind which the library keeps what is its own; it takes what they give for what it is."""

HOST: Final = ("accounts", "orders", "messages", "downstream", "newsletter", "no_order_under_way", "no_money_owed")
"""What a host writes, by the names that it has here."""

PARTS: Final = (*STORE, *HOST, "letters", "sms_code", "email_code")
"""Every port."""

_WEAKEST: Final = (*PARTS, *("journal",) * 3, *("accounts",) * 4, *("",) * 5)
"""Which port is the weakest: mostly one of the two on which a lease that is lost may do harm."""

_WEAK: Final = 0.1
_HOLDING: Final = frozenset({"claim", "freeze", "revoke_sessions", "release"})
"""What a confirmation does at its end: as much a worker's business as the person's."""

_FENCED: Final = frozenset({"append", "freeze", "unfreeze"})
"""What carries a fence, and could do harm if it came late and were taken."""

_RATES: Final = (0.0, 0.01, 0.03, 0.06, 0.1)
_KILLS: Final = (0.0, 0.001, 0.004, 0.012)
_LONGEST_DELAY: Final = (2, 200, 600, 1500)
"""Seconds; a lease ends after a hundred and twenty."""


class BrokeDownError(Exception):
    """What a port raises that broke down; no adapter announces it, so nobody knows whether it took effect."""


class RequestLostError(BaseException):
    """The process that worked on a person's request has died; no ``except Exception`` stops it."""


@attrs.frozen
class Climate:
    """How a seed's world is.

    Attributes:
        rate: of the calls, how many go wrong.
        weakest: the port of which many more do; empty where there is none.
        in_requests: of the calls that a person waits for, by how much fewer.
        fenced: of the calls that carry a fence, how many come late beside that.
        kinds: in which ways.
        killed: of a worker's turns, how many are its last.
        lost: of the turns within a request, after how many it is lost.
        host: of the host's own doings (an eraser's, say), how many are not what they should be.
        longest_delay: how late an effect or an answer may be, in seconds.
        outages: whether ports are down for a while.
        jumps: whether clocks jump.
    """

    rate: float
    weakest: str
    in_requests: float
    fenced: float
    kinds: tuple[CallFault, ...]
    killed: float
    lost: float
    host: float
    longest_delay: int
    outages: bool
    jumps: bool

    @classmethod
    def of(cls, random: Random) -> Climate:
        """Anything from fine weather to a storm."""
        return cls(
            rate=random.choice(_RATES),
            weakest=random.choice(_WEAKEST),
            in_requests=random.choice((0.0, 0.1, 0.1, 1.0)),
            fenced=random.choice((0.0, 0.0, 0.03, 0.15)),
            kinds=tuple(one for one in _CALL_FAULTS if random.random() < 0.6) or _CALL_FAULTS,
            killed=random.choice(_KILLS),
            lost=random.choice(_KILLS),
            host=random.choice((0.0, 0.05, 0.3)),
            longest_delay=random.choice(_LONGEST_DELAY),
            outages=random.random() < 0.4,
            jumps=random.random() < 0.5,
        )


@attrs.frozen
class Strike:
    """What happens to one call, and by how much it is late."""

    kind: CallFault
    delay: int


class Faults:
    """Decides of each call and each turn whether it goes wrong, and counts.

    Attributes:
        climate: how the world is.
        count: how often each thing went wrong so far.
    """

    def __init__(self, random: Random, schedule: Schedule) -> None:
        self.climate = Climate.of(random)
        self.count: Counter[Fault] = Counter()
        self._random = random
        self._schedule = schedule
        self._is_on = True
        self._down: dict[str, int] = {}

    def stop(self) -> None:
        """From now on nothing goes wrong any more; what is late already comes as late as it was to come."""
        self._is_on = False

    def strike(self, part: str, method: str) -> Strike | None:
        """What goes wrong with this call of that port; mostly nothing."""
        if not self._is_on:
            return None
        if self._down.get(part, 0) > self._schedule.elapsed:
            return self._counted(Strike("fails", 0))
        if self._schedule.current.asks and method not in _HOLDING and self._random.random() >= self.climate.in_requests:
            return None
        if method in _FENCED and self._random.random() < self.climate.fenced:
            return self._counted(Strike(self._random.choice(("late", "cut_off")), self._delay()))
        rate = _WEAK if part == self.climate.weakest else self.climate.rate
        if self._random.random() >= rate:
            return None
        kind = self._random.choice(self.climate.kinds)
        if kind == "nonsense" and (part in STORE or method in {"freeze", "unfreeze", "revoke_sessions", "retire"}):
            kind = "ambiguous"  # nobody looks at what these give
        return self._counted(Strike(kind, self._delay()))

    def _counted(self, strike: Strike) -> Strike:
        self.count[strike.kind] += 1
        return strike

    def _delay(self) -> int:
        """Mostly short, at times much longer than a lease."""
        return seconds(self.climate.longest_delay * self._random.random() ** 2)

    def error(self, part: str, *, took_effect: bool) -> Exception:
        """What that port raises; that nothing was changed it says only where nothing was."""
        if took_effect or self._random.random() < 0.5:
            return BrokeDownError(part)
        return DeliveryError("email", "unreachable") if part == "letters" else StoreUnavailableError(part, "locked")

    def takes_down(self, part: str) -> None:
        """That port is down for a while."""
        self.count["outage"] += 1
        self._down[part] = self._schedule.elapsed + seconds(60 * 10 ** (2 * self._random.random()))

    def happens(self, fault: Fault) -> bool:
        """Whether the host does not do now what it should."""
        happens = self._is_on and self._random.random() < self.climate.host
        self.count[fault] += happens
        return happens

    def kills(self, actor: Actor) -> bool:
        """Whether this was the last turn of a worker's process."""
        mortal = self._is_on and actor.process.startswith("worker") and not actor.is_remote
        kills = mortal and self._random.random() < self.climate.killed
        self.count["killed"] += kills
        return kills

    def loses(self, actor: Actor) -> bool:
        """Whether the request that the actor waits for is lost."""
        loses = self._is_on and actor.asks and self._random.random() < self.climate.lost
        self.count["request_lost"] += loses
        return loses
