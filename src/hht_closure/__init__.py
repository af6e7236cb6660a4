"""Close an account properly: conditions, proofs, confirmation, erasure, and a signed receipt.

What a portal imports stands here; adapters, the sample portal and the testing kit are modules of their own.
"""

from __future__ import annotations

from hht_closure.account import Account, AccountId, ContactPoint, Principal, Standing
from hht_closure.errors import (
    ClosureError,
    ClosureRefused,
    InvalidValueError,
    Refusal,
    StoreUnavailableError,
    WiringError,
)
from hht_closure.flows.answers import Confirmation, Explanation, Status, SweepReport, View, WorkReport
from hht_closure.flows.wiring import Portal, Store
from hht_closure.keys import KeyRing
from hht_closure.policy import (
    AttemptLimit,
    Blocked,
    Blocker,
    Clean,
    ClosurePolicy,
    CodeTimes,
    FixedPolicy,
    LegalHold,
    Notice,
    NoticeText,
    Portion,
    Reason,
    Retries,
    SendLimits,
    Statement,
    Terms,
    Unknown,
)
from hht_closure.receipts import Receipt, verify_receipt
from hht_closure.service import (
    AsyncClosureGuard,
    AsyncClosureOperator,
    AsyncClosureService,
    ClosureGuard,
    ClosureOperator,
    ClosureService,
    OperatorView,
)
from hht_closure.system import system_clock, system_entropy
from hht_closure.texts import sentence
from hht_closure.values import Secret
from hht_closure.verification import (
    Challenge,
    Factor,
    Requirement,
    Verdict,
    captcha,
    email_code,
    login_again,
    password,
    sms_code,
    totp,
)

__all__ = [
    "Account",
    "AccountId",
    "AsyncClosureGuard",
    "AsyncClosureOperator",
    "AsyncClosureService",
    "AttemptLimit",
    "Blocked",
    "Blocker",
    "Challenge",
    "Clean",
    "ClosureError",
    "ClosureGuard",
    "ClosureOperator",
    "ClosurePolicy",
    "ClosureRefused",
    "ClosureService",
    "CodeTimes",
    "Confirmation",
    "ContactPoint",
    "Explanation",
    "Factor",
    "FixedPolicy",
    "InvalidValueError",
    "KeyRing",
    "LegalHold",
    "Notice",
    "NoticeText",
    "OperatorView",
    "Portal",
    "Portion",
    "Principal",
    "Reason",
    "Receipt",
    "Refusal",
    "Requirement",
    "Retries",
    "Secret",
    "SendLimits",
    "Standing",
    "Statement",
    "Status",
    "Store",
    "StoreUnavailableError",
    "SweepReport",
    "Terms",
    "Unknown",
    "Verdict",
    "View",
    "WiringError",
    "WorkReport",
    "captcha",
    "email_code",
    "login_again",
    "password",
    "sentence",
    "sms_code",
    "system_clock",
    "system_entropy",
    "totp",
    "verify_receipt",
]
