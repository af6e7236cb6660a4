"""What a closing is held to: preconditions, statements, reasons, the notice, and the terms that bind them.

:mod:`~hht_closure.policy.conditions` holds what may be in the way, :mod:`~hht_closure.policy.dispositions`
what becomes of data, :mod:`~hht_closure.policy.notice` what the person reads, and
:mod:`~hht_closure.policy.terms` the whole.
"""

from __future__ import annotations

from hht_closure.policy.conditions import Blocked, Blocker, Clean, Finding, Unknown
from hht_closure.policy.dispositions import LegalHold, Portion
from hht_closure.policy.notice import Notice, NoticeText
from hht_closure.policy.terms import (
    AttemptLimit,
    ClosurePolicy,
    CodeTimes,
    FixedPolicy,
    Reason,
    Retries,
    SendLimits,
    Statement,
    Terms,
)

__all__ = [
    "AttemptLimit",
    "Blocked",
    "Blocker",
    "Clean",
    "ClosurePolicy",
    "CodeTimes",
    "Finding",
    "FixedPolicy",
    "LegalHold",
    "Notice",
    "NoticeText",
    "Portion",
    "Reason",
    "Retries",
    "SendLimits",
    "Statement",
    "Terms",
    "Unknown",
]
