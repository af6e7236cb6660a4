"""Coroutines whose order a seed decides, step by step: no loop, no threads, no time, and the same again for a seed."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Generic, TypeVar

import attrs

from hht_closure.adapters.memory import MemoryStore
from hht_closure.flows.wiring import Portal, Store
from hht_closure.ports import Clock
from tests.service.doubles import Parts

T = TypeVar("T")
U = TypeVar("U")

ENOUGH_STEPS = 100_000
"""More than any of these races takes; one that has not ended by then never ends."""


def seeded(seed: str) -> random.Random:
    """Chance that comes again."""
    return random.Random(seed)  # noqa: S311 - to come again is what it is for


@coroutine
def step() -> Generator[None, None, None]:
    """Here somebody else may go on."""
    yield


class Stepped:
    """A port whose every call is two steps: somebody else may go on before it, and again before its value is seen."""

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> object:
        found = getattr(self._port, name)
        return _stepped(found) if callable(found) else found


def _stepped(call: Callable[..., object]) -> Callable[..., Awaitable[object]]:
    async def stepped(*args: object, **kwargs: object) -> object:
        await step()
        value = call(*args, **kwargs)
        if isinstance(value, Awaitable):
            value = await value
        await step()
        return value

    return stepped


def stepped_store(store: MemoryStore) -> Store:
    """The same store, with every part of it stepped."""
    stepped: Callable[..., Store] = Parts
    return stepped(
        journal=Stepped(store.journal),
        vault=Stepped(store.vault),
        ledger=Stepped(store.ledger),
        budgets=Stepped(store.budgets),
        tombstones=Stepped(store.tombstones),
    )


def stepped_host(host: Portal) -> Portal:
    """The same host, with every part of it stepped."""
    changed: Callable[..., Portal] = partial(attrs.evolve, host)
    return changed(
        accounts=Stepped(host.accounts),
        preconditions=tuple(Stepped(one) for one in host.preconditions),
        data_sets=tuple(Stepped(one) for one in host.data_sets),
        messages=Stepped(host.messages),
    )


def copied(store: MemoryStore, clock: Clock) -> MemoryStore:
    """Another store with the same in it: where many races begin at one place, the way there is gone once."""
    copy = MemoryStore(clock)
    copy.journal._streams = {
        name: attrs.evolve(one, records=list(one.records)) for name, one in store.journal._streams.items()
    }
    copy.vault._keys = dict(store.vault._keys)
    copy.ledger._entries = dict(store.ledger._entries)
    return copy


class _Going(Generic[T]):
    """A coroutine on its way."""

    def __init__(self, flow: Coroutine[object, None, T]) -> None:
        self._flow = flow
        self._value: list[T] = []

    @property
    def has_ended(self) -> bool:
        return bool(self._value)

    @property
    def value(self) -> T:
        return self._value[0]

    def go(self) -> None:
        """One step."""
        try:
            self._flow.send(None)
        except StopIteration as end:
            self._value.append(end.value)


def interleaved(
    one: Coroutine[object, None, T], other: Coroutine[object, None, U], rng: random.Random, *, begins_after: int
) -> tuple[T, U, int]:
    """Both to their ends: the other begins after so many steps of the first, and then chance decides each step.

    How often which of them comes is chance as well, so that each now and then takes many steps in a row. What both
    give, and how many steps there were.
    """
    odds = rng.choice((0.05, 0.3, 0.5, 0.7, 0.95))
    first, second = _Going(one), _Going(other)
    for taken in range(ENOUGH_STEPS):
        if first.has_ended and second.has_ended:
            return first.value, second.value, taken
        waits = second.has_ended or (taken < begins_after or rng.random() >= odds)
        (first if waits and not first.has_ended else second).go()
    raise AssertionError("it never ends")
