"""Counts the calls of a portal's ports, and makes trouble at the ones it was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Never, ParamSpec, TypeVar

from hht_closure.account import Channel
from hht_closure.flows.calls import call_directly
from hht_closure.ports import Answer, CodeMessage, CodeSender
from hht_closure.testing.crash.troubles import Call, Mode, Trouble

P = ParamSpec("P")
T = TypeVar("T")


class Killed(BaseException):
    """The process died here, where processes are played within one; no ``except Exception`` stops it."""


class InjectedError(Exception):
    """What a port raises when it was told to fail; no adapter announces it, so nobody knows whether it took effect."""


class Watch:
    """A :class:`~hht_closure.flows.calls.Caller` of one process: every call of a port goes through it.

    Args:
        troubles: what happens at which call, counted from 1.
        die: ends the process.
        sleep: has the process stand still until it is woken.

    Attributes:
        calls: every call that was begun, in order, by adapter, method, and the adapter's own name where it has one.
        has_woken: whether the process stood still, and goes on.
        looks: called with the name of the method after each call, once it has gone wrong, or where nothing is to.
    """

    def __init__(self, troubles: Sequence[Trouble], die: Callable[[], Never], sleep: Callable[[], None]) -> None:
        self.calls: list[Call] = []
        self.has_woken = False
        self.looks: Callable[[str], None] = _nobody_looks
        self._troubles = {one.call: one.mode for one in troubles}
        self._left = set(self._troubles)
        self._has_gone_wrong = not troubles
        self._die = die
        self._sleep = sleep
        self._is_dead = False
        self._has_lease = False
        self._last = ""

    async def __call__(self, call: Callable[P, Answer[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the port's method gives, unless this is where it goes wrong."""
        number = self._before(call)
        value = await call_directly(call, *args, **kwargs)
        method = _method(call)
        if method in {"claim", "release"}:
            self._has_lease = method == "claim" and bool(value)
        self._after(number, method)
        return value

    def sender(self, sender: CodeSender) -> CodeSender:
        """The same sender, watched: the service sees it only through its verifier, so the watch must be told of it."""
        return _WatchedSender(sender, self)

    def over(self, call: Callable[P, Answer[None]], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call something plain that gives nothing, unless this is where it goes wrong."""
        number = self._before(call)
        call(*args, **kwargs)
        self._after(number, _method(call))

    def comes_to_an_end(self) -> None:
        """The call of the service is over; a lease that it lost and did not give back is nobody's."""
        self._has_lease = False

    @property
    def has_met_all(self) -> bool:
        """Whether everything that was to go wrong has."""
        return not self._left

    @property
    def has_appended_after_all(self) -> bool:
        """Whether the last thing that went wrong was an append that had its effect."""
        return self._last.endswith(".append")

    def _before(self, call: object) -> int:
        if self._is_dead:
            raise Killed
        self.calls.append(Call(_name(call), self._has_lease))
        number = len(self.calls)
        match self._met(number, "killed_before", "failing", "taken_over", "late"):
            case None:
                pass
            case "killed_before":
                self._end()
            case "failing":
                self._last = ""
                raise InjectedError
            case _:
                self._sleep()
                self.has_woken = True
        return number

    def _after(self, number: int, method: str) -> None:
        mode = self._met(number, "killed_after", "ambiguous")
        if mode == "killed_after":
            self._end()
        if self._has_gone_wrong:
            self.looks(method)
        if mode == "ambiguous":
            self._last = self.calls[number - 1].name
            raise InjectedError

    def _met(self, number: int, *modes: Mode) -> Mode | None:
        """What happens at that call, where it is one of these."""
        mode = self._troubles.get(number)
        if mode not in modes:
            return None
        self._left.discard(number)
        self._has_gone_wrong = True
        return mode

    def _end(self) -> Never:
        self._is_dead = True
        self._die()


def _nobody_looks(_: str) -> None:
    """Nothing is looked at."""


class _WatchedSender:
    """A sender of codes behind a watch."""

    def __init__(self, sender: CodeSender, watch: Watch) -> None:
        self._sender = sender
        self._watch = watch
        self.channel: Channel = sender.channel

    def send(self, message: CodeMessage) -> None:
        """Hand it over, unless this is where it goes wrong."""
        self._watch.over(self._sender.send, message)


def _method(call: object) -> str:
    return str(getattr(call, "__name__", "call"))


def _name(call: object) -> str:
    """``SqliteJournal.append``, ``SqliteRows.erase messages``."""
    owner = getattr(call, "__self__", None)
    method = f"{type(owner).__name__}.{_method(call)}"
    for label in ("name", "factor", "channel"):
        own: object = getattr(owner, label, None)
        if isinstance(own, str):
            return f"{method} {own}"
    return method
