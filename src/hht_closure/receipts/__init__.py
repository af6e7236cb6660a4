"""Receipts and signed journal heads: proof of what was done, that any JOSE library verifies (L24, L25).

:mod:`~hht_closure.receipts.claims` says what a receipt states, :mod:`~hht_closure.receipts.receipt` signs and reads
it, :mod:`~hht_closure.receipts.heads` does so for the ledger's heads, and :mod:`~hht_closure.receipts.jws` is the
form of both. Importing this package does not load ``cryptography``.
"""

from __future__ import annotations

from hht_closure.receipts.claims import (
    NOT_COVERED,
    AcceptedNotice,
    DataSetFate,
    Declared,
    Fate,
    JournalHead,
    ReceiptClaims,
    TaskOutcome,
)
from hht_closure.receipts.heads import HEAD_TYPE, HeadStatement, receipt_digest, sign_head, verify_head
from hht_closure.receipts.receipt import RECEIPT_TYPE, Receipt, issue, verify_receipt

__all__ = [
    "HEAD_TYPE",
    "NOT_COVERED",
    "RECEIPT_TYPE",
    "AcceptedNotice",
    "DataSetFate",
    "Declared",
    "Fate",
    "HeadStatement",
    "JournalHead",
    "Receipt",
    "ReceiptClaims",
    "TaskOutcome",
    "issue",
    "receipt_digest",
    "sign_head",
    "verify_head",
    "verify_receipt",
]
