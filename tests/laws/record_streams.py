"""Record the streams of this release, so that every later one can be held to them (L29).

Run it once for a release, before it is published, and commit what it writes::

    python -m tests.laws.record_streams

It writes ``tests/streams/<version>/<history>.json``: the entries of one stream as text, and the state to which
they fold. Clock and entropy are seeded, so that recording again gives the same files. A file of a release that
is out is never written again: it says what that release wrote.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs

from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.canonical import b64
from hht_closure.errors import ClosureRefused
from hht_closure.policy import Blocked, Blocker, Clean, SendLimits
from hht_closure.ports import Again, Done, Failed
from hht_closure.stages import Closure
from tests.stage import LI, RETENTION_ENDS, TERMS, Stage

STREAMS: Final = Path(__file__).parents[1] / "streams"
ORDER: Final = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))


def plain_state(closure: Closure) -> list[str]:
    """The closure as lines that a person can compare: every value of it, by its path."""
    return list(_lines("closure", closure))


def _lines(path: str, value: object) -> list[str]:
    kind = type(value)
    if attrs.has(kind):
        names = [one.name for one in attrs.fields(kind)]
        inner = [line for name in names for line in _lines(f"{path}.{name}", getattr(value, name))]
        return [f"{path}: {kind.__name__}", *inner]
    if isinstance(value, tuple):
        inner = [line for number, one in enumerate(value) for line in _lines(f"{path}[{number}]", one)]
        return [f"{path}: {len(value)}", *inner]
    return [f"{path} = {value!s}"]


# --- histories ----------------------------------------------------------------------------------------------


def closed(stage: Stage) -> None:
    """Closed without trouble, and purged when the retention ended."""
    stage.closed()
    stage.clock.set(RETENTION_ENDS)
    stage.service.work()


def in_the_middle(stage: Stage) -> None:
    """On the way: a wrong answer, a proof, a code sent twice."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    stage.clock.advance(timedelta(minutes=1))
    stage.challenged("sms_code")


def out_of_messages(stage: Stage) -> None:
    """The portal has sent its day's worth, and the alarm was raised."""
    stage.policy.terms = attrs.evolve(TERMS, sends=SendLimits(overall=1))
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    stage.clock.advance(timedelta(minutes=1))
    with suppress(ClosureRefused):
        stage.challenged("sms_code")


def locked_withdrawn_lapsed(stage: Stage) -> None:
    """Locked by wrong answers, withdrawn, opened anew, and lapsed."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    for _ in range(TERMS.attempts.failures):
        stage.service.answer(stage.principal, "sms_code", stage.wrong_code("sms_code"))
    stage.service.withdraw(stage.principal)
    stage.service.work()
    stage.opened()
    stage.clock.advance(TERMS.round_valid_for)
    stage.service.work()


def given_back(stage: Stage) -> None:
    """Given back for an open order, and told."""
    stage.confirmed()
    stage.orders_check.finding = ORDER
    stage.service.work()


def given_back_and_closed(stage: Stage) -> None:
    """Given back for an open order, confirmed anew, and closed."""
    given_back(stage)
    stage.orders_check.finding = Clean()
    stage.clock.advance(timedelta(minutes=2))
    stage.closed()


def erasing(stage: Stage) -> None:
    """Beyond the point of no return, with one data set erased and one that fails."""

    def fail(_: int, name: str) -> None:
        if name == "messages.erase":
            raise OSError("no database today")

    stage.watched().before = fail
    stage.closed()


def with_trouble(stage: Stage) -> None:
    """Large, postponed, failing, set aside, released, and a farewell that never arrives."""
    stage.messages.add(LI.id, *(f"message {number}" for number in range(700)))
    stage.letters.failing = True
    stage.downstream.outcome = Again(timedelta(minutes=5))
    stage.confirmed()
    stage.service.work()
    stage.downstream.outcome = Failed("retryable", "busy")
    stage.clock.advance(timedelta(minutes=6))
    stage.service.work()
    stage.downstream.outcome = Failed("permanent", "no_such_tenant")
    stage.worked_off()
    stage.downstream.outcome = Done()
    stage.operator.release(stage.stream(), "host:downstream", actor="anna", reason="tenant_made")
    stage.service.work()
    stage.clock.advance(timedelta(days=3))
    stage.service.work()


def held_and_added_to(stage: Stage) -> None:
    """Under a legal hold from before the first round, lifted after the closing; and a data set came later."""
    stage.operator.hold(
        stage.stream(), "messages", until=RETENTION_ENDS, ground="Court order 7", actor="legal", reason="court_order"
    )
    stage.closed()
    stage.operator.lift(stage.stream(), "messages", ground="Court order 7", actor="legal", reason="case_closed")
    stage.later_data_sets.append(MemoryDataSet("drafts", clock=stage.clock))
    stage.restarted()
    stage.service.sweep()
    stage.worked_off()


def lost_over(stage: Stage) -> None:
    """A worker was lost over it, so that the next one counts before it tries."""
    stage.confirmed()
    stage.store.journal.claim(limit=1, lease_for=timedelta(minutes=2))
    stage.worked_off()


HISTORIES: Final[tuple[Callable[[Stage], None], ...]] = (
    closed,
    in_the_middle,
    out_of_messages,
    locked_withdrawn_lapsed,
    given_back,
    given_back_and_closed,
    erasing,
    with_trouble,
    held_and_added_to,
    lost_over,
)


def recorded(history: Callable[[Stage], None]) -> dict[str, object]:
    """The stream of that history, and the state to which it folds, as they are kept."""
    stage = Stage("memory", STREAMS, seed=29)
    history(stage)
    return {
        "history": (history.__doc__ or "").strip(),
        "stream": stage.stream(),
        "entries": [{"body": one.body.decode(), "hash": b64(one.hash), "opens": one.opens} for one in stage.records()],
        "state": plain_state(stage.closure()),
    }


def main() -> None:
    """Write the streams of the version that ``pyproject.toml`` names."""
    project = tomllib.loads((STREAMS.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    folder = STREAMS / project["project"]["version"]
    folder.mkdir(parents=True, exist_ok=True)
    for history in HISTORIES:
        content = json.dumps(recorded(history), ensure_ascii=False, indent=1)
        (folder / f"{history.__name__}.json").write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
