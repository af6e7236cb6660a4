"""The two faces of the library: what a portal calls, in synchronous and in asynchronous code.

Both drive the same flows. :class:`ClosureService` runs them to the end without a loop and takes adapters with
plain methods; :class:`AsyncClosureService` awaits, and runs plain adapters in a thread unless they say that they
never block. Operators have an object of their own.
"""

from __future__ import annotations

from hht_closure.service.asynchronous import AsyncClosureService
from hht_closure.service.guard import AsyncClosureGuard, ClosureGuard
from hht_closure.service.operator import AsyncClosureOperator, ClosureOperator, OperatorView
from hht_closure.service.synchronous import ClosureService

__all__ = [
    "AsyncClosureGuard",
    "AsyncClosureOperator",
    "AsyncClosureService",
    "ClosureGuard",
    "ClosureOperator",
    "ClosureService",
    "OperatorView",
]
