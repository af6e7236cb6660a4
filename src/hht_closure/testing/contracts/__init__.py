"""One suite for each port: every clause of the port's docstring is a test method with its own sentence.

An adapter earns its suite with a subclass that says how it is made::

    class TestMemoryTombstones(TombstonesContract):
        def make_tombstones(self) -> Tombstones:
            return MemoryTombstones()

Plain and ``async`` adapters are both welcome; an adapter bound to one event loop overrides
:meth:`PortContract.settled`.
"""

from __future__ import annotations

from hht_closure.testing.contracts._expect import KeepingContract, PortContract
from hht_closure.testing.contracts.account_directory import AccountDirectoryContract, SuspendingDirectoryContract
from hht_closure.testing.contracts.captcha_provider import (
    CaptchaProviderContract,
    SelfContainedCaptchaContract,
    SpendingCaptchaContract,
)
from hht_closure.testing.contracts.code_sender import CodeSenderContract
from hht_closure.testing.contracts.data_set import DataSetContract, RetainingDataSetContract
from hht_closure.testing.contracts.journal import JournalContract
from hht_closure.testing.contracts.key_vault import KeyVaultContract
from hht_closure.testing.contracts.ledger import LedgerContract
from hht_closure.testing.contracts.messages import MessagesContract
from hht_closure.testing.contracts.precondition import PreconditionContract
from hht_closure.testing.contracts.send_budget import SendBudgetContract
from hht_closure.testing.contracts.task import TaskContract
from hht_closure.testing.contracts.tombstones import TombstonesContract
from hht_closure.testing.contracts.verifier import SecretVerifierContract, SendingVerifierContract, VerifierContract

__all__ = [
    "AccountDirectoryContract",
    "CaptchaProviderContract",
    "CodeSenderContract",
    "DataSetContract",
    "JournalContract",
    "KeepingContract",
    "KeyVaultContract",
    "LedgerContract",
    "MessagesContract",
    "PortContract",
    "PreconditionContract",
    "RetainingDataSetContract",
    "SecretVerifierContract",
    "SelfContainedCaptchaContract",
    "SendBudgetContract",
    "SendingVerifierContract",
    "SpendingCaptchaContract",
    "SuspendingDirectoryContract",
    "TaskContract",
    "TombstonesContract",
    "VerifierContract",
]
