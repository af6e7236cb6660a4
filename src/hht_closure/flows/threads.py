"""Threads that nobody waits for: where something runs that may never come back (L19)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, ContextVar, copy_context
from threading import Thread
from typing import Final, TypeVar

T = TypeVar("T")

_MAY_BE_CUT_OFF: Final = ContextVar("_MAY_BE_CUT_OFF", default=False)


def may_be_cut_off() -> bool:
    """Whether somebody waits with a patience: then what hangs must not keep one of the few threads that all share."""
    return _MAY_BE_CUT_OFF.get()


def patient_context() -> Context:
    """This context, in which :func:`may_be_cut_off` is true."""
    context = copy_context()
    context.run(_note)
    return context


def _note() -> None:
    _MAY_BE_CUT_OFF.set(True)


def in_a_thread(call: Callable[[], T]) -> Future[T]:
    """What the call gives, made in a thread of its own; one that hangs does not keep the process from ending."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on whoever gives it up leaves it alone

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(error)

    Thread(target=copy_context().run, args=(run,), name="hht-closure", daemon=True).start()
    return outcome
