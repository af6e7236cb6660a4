"""The work after the confirmation, watched: which task has happened, and how far each erasure is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hht_closure import ClosureService
from hht_closure.cli.demo.screen import Screen
from hht_closure.cli.demo.steps import Step, Words
from hht_closure.events import (
    BatchErased,
    ClosureClosed,
    DataSetErased,
    ErasureBegun,
    Event,
    KeyDestroyed,
    TaskDone,
)
from hht_closure.texts import text

_MOST_PASSES: Final = 20


class Watcher:
    """An observer (``ports.Observer``) that shows what was committed."""

    def __init__(self, screen: Screen, words: Words) -> None:
        self._screen = screen
        self._words = words
        self._totals: Mapping[str, int] = {}
        self._erased: dict[str, int] = {}
        self._watching = False

    def watch(self, totals: Mapping[str, int]) -> None:
        """Show what happens from now on; before, the steps of the story say it.

        Args:
            totals: how many items of each data set there are.
        """
        self._totals, self._watching = totals, True

    def happened(self, stream: str, events: Sequence[Event]) -> None:
        """Show each event that a person would want to know of."""
        if not self._watching:
            return
        try:
            for event in events:
                self._show(event)
        except BrokenPipeError:
            self._watching = False  # the reader has gone away; the next step meets that outside of the library

    def _show(self, event: Event) -> None:
        match event:
            case TaskDone() | KeyDestroyed():
                self._done(event.task, self._task(event.task.partition(":")[0]))
            case ErasureBegun():
                self._done("recheck", self._words("erasure.begun"))
            case BatchErased():
                name = event.task.partition(":")[2]
                self._progress(name, self._erased.get(name, 0) + event.erased, self._totals.get(name, 0))
            case DataSetErased():
                gone = sum(one.count for one in event.portions if one.disposition == "erased")
                self._progress(event.data_set, gone, gone)
                self._done(f"erase:{event.data_set}", self._erased_line(event.data_set, gone))
            case ClosureClosed():
                self._done("close", self._task("close"))
            case _:
                pass

    def _erased_line(self, data_set: str, gone: int) -> str:
        """How many went; the sessions had ended before, with the confirmation."""
        name = self._words.data_set(data_set)
        if data_set == "sessions" and not gone:
            return self._words("erasure.sessions", data_set=name)
        return self._words("erasure.erased", data_set=name, number=gone)

    def _task(self, kind: str) -> str:
        return text(f"task.{kind}", self._words.locale)

    def _done(self, task: str, line: str) -> None:
        self._screen.done(task, line)

    def _progress(self, name: str, erased: int, total: int) -> None:
        self._erased[name] = erased
        self._screen.progress(name, self._words.data_set(name), erased, total)


def erase(service: ClosureService, screen: Screen, watcher: Watcher, words: Words, totals: Mapping[str, int]) -> None:
    """Work until nothing is due, in passes over one closing; a portal's worker does the same for ever."""
    screen.show(
        Step(
            code="erasure",
            title=words("erasure.title"),
            call="service.work(limit=1)",
            parts=(words.say("erasure.worker"),),
            facts={"items": dict(totals)},
        )
    )
    watcher.watch(totals)
    with screen.working():
        for _ in range(_MOST_PASSES):
            if not service.work(limit=1).streams:
                break
