"""Looking again and again at what one process finds and leaves, and keeping what is broken."""

from __future__ import annotations

from hht_closure.errors import ClosureError
from hht_closure.testing.crash.findings import Finding
from hht_closure.testing.crash.life import Life
from hht_closure.testing.crash.promises import Promised, broken_promises
from hht_closure.testing.crash.sight import CHANGING, Sight
from hht_closure.testing.crash.state import State


class Inspector:
    """Looks, and notes what it finds.

    Attributes:
        promised: what must hold.
        found: what did not, in order, each once.
    """

    def __init__(self, life: Life, promised: Promised | None = None) -> None:
        self._sight = Sight(life)
        self._seen: State | None = None
        self.promised = promised or Promised(life.scenario, self._sight.look())
        self.found: dict[Finding, None] = {}

    def looks(self) -> State | None:
        """At everything; None where it cannot be read."""
        try:
            self._seen = self._sight.look(self.promised.before)
        except ClosureError as error:
            self._cannot_be_read(error)
            return None
        return self._compares(self._seen)

    def glances(self, method: str) -> None:
        """At what a call of that method of a port may have changed."""
        if method not in CHANGING:
            return
        if self._seen is None:
            self.looks()
            return
        try:
            self._seen = self._sight.glance(self._seen, method)
        except ClosureError as error:
            self._cannot_be_read(error)
        else:
            self._compares(self._seen)

    def looks_away(self) -> None:
        """What was seen is not what will be: the next glance is at everything."""
        self._seen = None

    def notes(self, *found: Finding) -> None:
        """Keep what was found otherwise."""
        self.found.update(dict.fromkeys(found))

    def _compares(self, state: State) -> State:
        self.notes(*broken_promises(state, self.promised))
        return state

    def _cannot_be_read(self, error: ClosureError) -> None:
        self._seen = None
        self.notes(Finding("lost", f"what is kept cannot be read: {type(error).__name__}"))
