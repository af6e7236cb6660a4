"""``hht-closure verify-receipt``: whether a receipt is what the portal signed, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs

from hht_closure.errors import Parameter, ReceiptInvalidError
from hht_closure.receipts import Fate, ReceiptClaims, verify_receipt
from hht_closure.texts import has_text, text

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


def verify_receipt_file(file: Path, keys: Path, *, locale: str = "en") -> int:
    """Check the receipt in that file, say what it states, and give the exit status.

    Args:
        file: a compact JWS; one newline at its end is allowed, and nothing else around it.
        keys: the portal's public keys, a JWK Set (RFC 7517).
        locale: the language of what it states; what is wrong is said in English.
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
    print("\n".join(said(claims, locale)))
    return HOLDS


def said(claims: ReceiptClaims, locale: str) -> Iterator[str]:
    """What the receipt says, for a person; what the portal itself wrote (name, grounds) as it is signed."""
    words, head = _Words(locale), claims.journal_head
    yield words("holds")
    yield words("portal", portal=claims.portal)
    yield words("closing", closing=claims.subject)
    yield words("confirmed", at=claims.confirmed_at)
    yield words("began", at=claims.erasure_began_at)
    yield words("closed", at=claims.closed_at)
    yield words("factors", factors=words.listed(one.name for one in claims.factors))
    yield words("journal", entry=head.sequence, hash=head.hash.hex())
    yield words("data")
    for data_set in claims.data_sets:
        yield f"  {words.named('data_set', data_set.name)}"
        yield from (f"    {words.fate(one)}" for one in _folded(data_set.fates))
    yield words("not_covered", copies=words.listed(words.named("not_covered", one) for one in claims.not_covered))


def _folded(fates: Iterable[Fate]) -> Iterator[Fate]:
    """One for each disposition and ground, until the last of them ends; a receipt may name several ends."""
    last: dict[tuple[str, str | None], Fate] = {}
    for one in fates:
        known = last.setdefault((one.disposition, one.ground), one)
        if _end(known) < _end(one):
            last[one.disposition, one.ground] = one
    yield from last.values()


def _end(fate: Fate) -> float:
    return 0.0 if fate.until is None else fate.until.timestamp()


@attrs.frozen
class _Words:
    """The command's own sentences, ``verify_receipt.*`` of the catalogues, in one language."""

    locale: str

    def __call__(self, code: str, /, **parameters: Parameter) -> str:
        return text(f"verify_receipt.{code}", self.locale, **parameters)

    def named(self, kind: str, name: str) -> str:
        """A name of the receipt in words; one that nobody has worded, as it is."""
        code = f"{kind}.{name}"
        return text(code, self.locale) if has_text(code, self.locale) else name

    def listed(self, names: Iterable[str]) -> str:
        """The names one after the other."""
        return ("、" if self.locale == "zh-CN" else ", ").join(names)

    def fate(self, fate: Fate) -> str:
        """What became of it, and for kept data until when and on what ground."""
        what = self.named("disposition", fate.disposition)
        if fate.until is None:
            return what
        return self("fate_until", fate=what, until=fate.until, ground=fate.ground or "")


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_LONGEST_FILE)


def _no(problem: str, status: int) -> int:
    print(f"hht-closure verify-receipt: {problem}", file=sys.stderr)
    return status
