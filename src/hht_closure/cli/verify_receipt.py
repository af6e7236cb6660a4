"""``hht-closure verify-receipt``: whether a receipt is what the portal signed, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hht_closure.errors import ReceiptInvalidError
from hht_closure.receipts import DataSetFate, Fate, ReceiptClaims, verify_receipt
from hht_closure.texts import has_text, moment, text

HOLDS: Final = 0
DOES_NOT_HOLD: Final = 1
WRONG_USAGE: Final = 2

_LONGEST_FILE: Final = 1_000_000
_PROBLEMS: Final = {
    "malformed": "it is not a signed token",
    "not_canonical": "it is not written in the one form that a receipt has",
    "algorithm": "it is signed with another algorithm than EdDSA",
    "type": "it is a signed token, but not a receipt",
    "key_unknown": "it is signed with a key that is not in the set",
    "signature": "the signature is wrong",
    "claims": "what is signed is no receipt of this version",
}


def verify_receipt_file(file: Path, keys: Path) -> int:
    """Check the receipt in that file, say what it states, and give the exit status.

    Args:
        file: a compact JWS; one newline at its end is allowed, and nothing else around it.
        keys: the portal's public keys, a JWK Set (RFC 7517).
    """
    try:
        token, jwks = _read(file), _read(keys)
    except OSError as error:
        return _no(f"{error.filename}: {error.strerror}", WRONG_USAGE)
    try:
        claims = verify_receipt(token.removesuffix(b"\n").decode("ascii", "replace"), jwks.decode("utf-8", "replace"))
    except ReceiptInvalidError as error:
        problem = str(error.args[0])
        if problem == "keys_malformed":
            return _no(f"{keys}: not a JWK Set", WRONG_USAGE)
        return _no(f"the receipt does not hold: {_PROBLEMS.get(problem, problem)}", DOES_NOT_HOLD)
    print("\n".join(said(claims)))
    return HOLDS


def said(claims: ReceiptClaims) -> Iterator[str]:
    """What the receipt says, for a person; in English."""
    yield "The receipt holds."
    yield f"  issued by       {claims.portal}"
    yield f"  closing         {claims.subject}"
    yield f"  confirmed       {moment(claims.confirmed_at, 'en')}"
    yield f"  erasure began   {moment(claims.erasure_began_at, 'en')}"
    yield f"  closed          {moment(claims.closed_at, 'en')}"
    yield f"  proved by       {', '.join(one.name for one in claims.factors)}"
    yield f"  journal         entry {claims.journal_head.sequence}, {claims.journal_head.hash.hex()}"
    yield "What became of the data:"
    for data_set in claims.data_sets:
        yield f"  {_name(data_set)}"
        yield from (f"    {_fate(one)}" for one in data_set.fates)
    yield f"Not covered: {', '.join(one.replace('_', ' ') for one in claims.not_covered)}"


def _name(data_set: DataSetFate) -> str:
    code = f"data_set.{data_set.name}"
    return text(code, "en") if has_text(code, "en") else data_set.name


def _fate(fate: Fate) -> str:
    what = text(f"disposition.{fate.disposition}", "en")
    return what if fate.until is None else f"{what}, until {moment(fate.until, 'en')} ({fate.ground})"


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_LONGEST_FILE)


def _no(problem: str, status: int) -> int:
    print(f"hht-closure verify-receipt: {problem}", file=sys.stderr)
    return status
