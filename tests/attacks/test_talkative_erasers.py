"""Erasers whose exceptions tell everything: the text goes nowhere (L22, ERAS-10)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import attrs
import pytest

from hht_closure.errors import PortError, StoreUnavailableError
from hht_closure.events import TaskFailed
from hht_closure.service import AsyncClosureService
from tests.attacks.erasers import HOUR, sick_chats
from tests.service.doubles import AsyncDataSet, built, portal_of
from tests.stage import Stage, on_every_store

CANARY = "Li Weiguo, Nanjing Road 4711"


class Spoken(Exception):
    """An exception whose every form holds the canary."""

    def __init__(self) -> None:
        super().__init__(CANARY)
        self.add_note(CANARY)

    def __repr__(self) -> str:
        return f"Spoken({CANARY})"


def _chained() -> Exception:
    error = RuntimeError(f"cannot delete {CANARY}")
    error.__cause__ = ValueError(CANARY)
    error.__context__ = KeyError(CANARY)
    return error


def _wrapped() -> Exception:
    error = StoreUnavailableError("crm", f"no row for {CANARY}")
    error.__cause__ = KeyError(CANARY)
    return error


def _several() -> Exception:
    return ExceptionGroup(CANARY, [ValueError(CANARY)])


def _named() -> Exception:
    return StoreUnavailableError(CANARY, CANARY)


def _placed() -> Exception:
    return PortError(CANARY, CANARY, CANARY)


TALKATIVE: list[Callable[[], Exception]] = [Spoken, _chained, _wrapped, _several, _named, _placed]


def _sinks(stage: Stage, logged: Sequence[logging.LogRecord], *more: object) -> str:
    """Everywhere that the text could have gone to, as one text."""
    formatted = [logging.Formatter("%(name)s %(message)s").format(one) for one in logged]
    stored = [one.body for one in stage.records()]
    files = [one.read_bytes() for one in stage.path.glob("*")] if stage.kind == "sqlite" else []
    seen = (stage.happened.events, stage.operator.look(stage.stream()), stage.everything())
    return repr((formatted, [one.exc_info for one in logged], stored, files, seen, more))


@on_every_store
@pytest.mark.parametrize("make_error", TALKATIVE)
def test_the_text_of_an_erasers_exception_goes_nowhere(
    stage: Stage, make_error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither into a log nor the journal, a status, a report, an operator's view, or an observer (L22, ERAS-10)."""
    caplog.set_level(logging.DEBUG)
    chats = sick_chats(stage, "li")
    chats.error = make_error
    confirmation = stage.confirmed()
    report = stage.service.work()
    status = stage.service.status(confirmation.reference)
    assert (report.failed, CANARY in _sinks(stage, caplog.records, report, status)) == (1, False)


@pytest.mark.parametrize("method", ["survey", "remaining"])
@pytest.mark.parametrize("make_error", TALKATIVE)
def test_the_text_of_what_counts_goes_nowhere(
    stage: Stage,
    make_error: Callable[[], Exception],
    method: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A survey or a count that raises tells as little as an eraser (L22, ERAS-10)."""
    caplog.set_level(logging.DEBUG)
    stage.confirmed()

    def fail(_: object) -> None:
        raise make_error()

    monkeypatch.setattr(stage.messages, method, fail)
    report = stage.service.work()
    assert (report.failed, CANARY in _sinks(stage, caplog.records, report)) == (1, False)


@pytest.mark.parametrize("make_error", TALKATIVE)
def test_the_text_goes_nowhere_from_a_thread_or_a_loop(
    stage: Stage, make_error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Where each run has a thread of its own, and where it is awaited, all the same (L22, ERAS-10)."""
    caplog.set_level(logging.DEBUG)
    chats = sick_chats(stage, "li")
    chats.error = make_error
    stage.confirmed()
    reports = [stage.service.work(patience=HOUR)]
    stage.clock.advance(HOUR)
    data_sets = (AsyncDataSet(stage.orders), AsyncDataSet(stage.messages), AsyncDataSet(chats))
    awaited = built(AsyncClosureService, stage, portal=portal_of(stage, data_sets=data_sets))
    reports.append(asyncio.run(awaited.work()))
    assert ([one.failed for one in reports], CANARY in _sinks(stage, caplog.records, reports)) == ([1, 1], False)


@on_every_store
def test_the_receipt_of_an_eraser_that_talked_does_not_talk(stage: Stage) -> None:
    """It failed with its text, was mended, and the account is closed: the receipt has none of it (L25, ERAS-10)."""
    chats = sick_chats(stage, "li")
    chats.error = Spoken
    reference = stage.closed().reference
    chats.sick.clear()
    stage.worked_off()
    receipt = stage.service.receipt(reference)
    assert CANARY not in repr((receipt.claims, receipt.token, [one.receipt for _, one in stage.store.ledger.entries()]))


@on_every_store
def test_whoever_mends_it_is_told_where_it_failed(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """The twin: one warning with the adapter's call, the error's type and the place (ERAS-10)."""
    chats = sick_chats(stage, "li")
    chats.error = Spoken
    stage.confirmed()
    caplog.clear()
    stage.service.work()
    (said,) = [one.getMessage() for one in caplog.records]
    assert said.startswith("Raising.erase failed with Spoken at erasers.py:")
    failed = [attrs.astuple(one)[1:4] for one in stage.events() if isinstance(one, TaskFailed)]
    assert failed == [("erase:chats", "ambiguous", "adapter_failed")]
