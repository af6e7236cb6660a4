"""The protocols of the outside: what a host writes, and what the library keeps.

:mod:`~hht_closure.ports.host` is what a portal writes, :mod:`~hht_closure.ports.proving` what proves a factor,
:mod:`~hht_closure.ports.keeping` what the library keeps.

A method may be plain or ``async def``; that is what :data:`Answer` says. Each docstring is a law, and each
law is a clause of the contract suite of that port in :mod:`hht_closure.testing`.

A port raises what its docstring names. Whatever else comes out of an adapter is taken as a failure of that
call, with an unknown effect, and never shown to a person.
"""

from __future__ import annotations

from hht_closure.ports.answer import Answer
from hht_closure.ports.host import (
    AccountDirectory,
    Again,
    DataSet,
    Done,
    EraseJob,
    Failed,
    Letter,
    LetterKind,
    Messages,
    Precondition,
    Progress,
    Task,
    TaskJob,
)
from hht_closure.ports.keeping import (
    Allowance,
    Clock,
    DueStream,
    Entropy,
    Exhausted,
    Journal,
    KeyDestroyed,
    KeyMissing,
    KeyPresent,
    KeyVault,
    Lease,
    Ledger,
    LedgerEntry,
    LedgerKind,
    Observer,
    Record,
    SendBudget,
    Tombstones,
)
from hht_closure.ports.proving import (
    Asked,
    CaptchaAnswer,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    ChallengeJob,
    CodeMessage,
    CodeSender,
    Offer,
    PersonAnswer,
    RequestInfo,
    Verifier,
)

__all__ = [
    "AccountDirectory",
    "Again",
    "Allowance",
    "Answer",
    "Asked",
    "CaptchaAnswer",
    "CaptchaJob",
    "CaptchaProvider",
    "CaptchaResult",
    "ChallengeJob",
    "Clock",
    "CodeMessage",
    "CodeSender",
    "DataSet",
    "Done",
    "DueStream",
    "Entropy",
    "EraseJob",
    "Exhausted",
    "Failed",
    "Journal",
    "KeyDestroyed",
    "KeyMissing",
    "KeyPresent",
    "KeyVault",
    "Lease",
    "Ledger",
    "LedgerEntry",
    "LedgerKind",
    "Letter",
    "LetterKind",
    "Messages",
    "Observer",
    "Offer",
    "PersonAnswer",
    "Precondition",
    "Progress",
    "Record",
    "RequestInfo",
    "SendBudget",
    "Task",
    "TaskJob",
    "Tombstones",
    "Verifier",
]
