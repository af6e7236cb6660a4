"""Signed heads: what the ledger keeps of the journal, so that cutting its tail is found (L24)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import attrs

from hht_closure.canonical import Json, b64, read_number, read_object, read_text, read_time, time_text, unb64
from hht_closure.errors import InvalidValueError, ReceiptInvalidError
from hht_closure.keys import KeyRing
from hht_closure.ports.keeping import LedgerKind
from hht_closure.receipts.claims import is_digest, is_hash, is_stream, is_text
from hht_closure.receipts.jws import sign, verify
from hht_closure.receipts.receipt import numeric_date, read_subject
from hht_closure.values import instant, is_count, is_name

HEAD_TYPE: Final = "hht-closure-head+jwt"
"""The ``typ`` of a signed head; it is never taken for a receipt (RFC 8725 section 3.11)."""

_CLAIMS: Final = ("version", "iss", "sub", "iat", "at", "kind", "data_set", "sequence", "hash", "receipt")


def _utc(value: datetime) -> datetime:
    return instant(value, "at")


@attrs.frozen(kw_only=True)
class HeadStatement:
    """Where the journal of one closing stood when the ledger took note of it.

    Attributes:
        portal: the portal's name.
        stream, round_number: which closing.
        kind: what the ledger took note of: a freeze to come, erasure begun, account closed, or a retention purged.
        sequence, hash: the entry's number, and its SHA-256 of 32 bytes.
        at: when that was.
        receipt: the digest of the receipt (:func:`receipt_digest`), exactly where the kind is ``closed``.
        data_set: which data set was purged, exactly where the kind is ``purged``.
    """

    portal: str = attrs.field(validator=is_text(200))
    stream: str = attrs.field(validator=is_stream)
    round_number: int = attrs.field(validator=is_count)
    kind: LedgerKind
    sequence: int = attrs.field(validator=is_count)
    hash: bytes = attrs.field(validator=is_hash)
    at: datetime = attrs.field(converter=_utc)
    receipt: str | None = attrs.field(default=None, validator=attrs.validators.optional(is_digest))
    data_set: str | None = attrs.field(default=None, validator=attrs.validators.optional(is_name))

    def __attrs_post_init__(self) -> None:
        if self.kind not in {"held", "begun", "closed", "purged"}:
            raise InvalidValueError("kind", "unknown")
        if (self.receipt is not None) != (self.kind == "closed"):
            raise InvalidValueError("receipt", "only_for_closed")
        if (self.data_set is not None) != (self.kind == "purged"):
            raise InvalidValueError("data_set", "only_for_purged")


def receipt_digest(token: str) -> str:
    """SHA-256 over a receipt's token, as 43 characters of base64url."""
    return b64(hashlib.sha256(token.encode()).digest())


def sign_head(statement: HeadStatement, keyring: KeyRing) -> str:
    """The signed head; the same statement under the same ring always gives the same token."""
    payload: Json = {
        "version": 1,
        "iss": statement.portal,
        "sub": f"{statement.stream}.{statement.round_number}",
        "iat": numeric_date(statement.at),
        "at": time_text(statement.at),
        "kind": statement.kind,
        "data_set": statement.data_set,
        "sequence": statement.sequence,
        "hash": b64(statement.hash),
        "receipt": statement.receipt,
    }
    return sign(payload, typ=HEAD_TYPE, key=keyring.signing[0])


def verify_head(token: str, jwks: str) -> HeadStatement:
    """What a signed head states, once it is certain that one of these keys signed it.

    Raises:
        ReceiptInvalidError: as :func:`~hht_closure.receipts.jws.verify`, and ``claims`` where what was signed is
            no head of this version.
    """
    payload = verify(token, typ=HEAD_TYPE, jwks=jwks)
    try:
        return _read_head(payload)
    except InvalidValueError as error:
        raise ReceiptInvalidError("claims") from error


def _read_head(payload: Json) -> HeadStatement:
    claims = read_object(payload, "head", *_CLAIMS)
    if read_number(claims["version"], "version") != 1:
        raise InvalidValueError("version", "unknown")
    stream, round_number = read_subject(claims["sub"])
    at = read_time(claims["at"], "at")
    if read_number(claims["iat"], "iat") != numeric_date(at):
        raise InvalidValueError("iat", "not_at")
    return HeadStatement(
        portal=read_text(claims["iss"], "iss"),
        stream=stream,
        round_number=round_number,
        kind=_kind(claims["kind"]),
        sequence=read_number(claims["sequence"], "sequence"),
        hash=unb64(read_text(claims["hash"], "hash")),
        at=at,
        receipt=None if claims["receipt"] is None else read_text(claims["receipt"], "receipt"),
        data_set=None if claims["data_set"] is None else read_text(claims["data_set"], "data_set"),
    )


def _kind(value: Json) -> LedgerKind:
    match value:
        case "held" | "begun" | "closed" | "purged":
            return value
        case _:
            raise InvalidValueError("kind", "unknown")
