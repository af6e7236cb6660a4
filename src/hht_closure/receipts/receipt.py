"""The receipt: the signed statement of what was done when an account was closed (L25).

Its claims are those of a JWT where JWT has a name for them (``iss``, ``sub``, ``jti``, ``iat``; RFC 7519 section
4.1), and in plain words where not. Reading is as strict as writing: one claim too many, or one missing, and it is no
receipt.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import attrs

from hht_closure.canonical import (
    Json,
    b64,
    read_list,
    read_number,
    read_object,
    read_text,
    read_time,
    time_text,
    unb64,
)
from hht_closure.errors import InvalidValueError, ReceiptInvalidError
from hht_closure.keys import KeyRing
from hht_closure.policy.dispositions import Disposition
from hht_closure.receipts.claims import (
    AcceptedNotice,
    DataSetFate,
    Declared,
    Fate,
    JournalHead,
    ReceiptClaims,
    TaskOutcome,
)
from hht_closure.receipts.jws import sign, verify
from hht_closure.verification import Assurance, Factor

RECEIPT_TYPE: Final = "hht-closure-receipt+jwt"
"""The ``typ`` of a receipt (RFC 8725 section 3.11)."""

_VERSION: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CLAIMS: Final = (
    "version",
    "iss",
    "sub",
    "jti",
    "iat",
    "confirmed_at",
    "erasure_began_at",
    "closed_at",
    "terms",
    "notice",
    "statements",
    "factors",
    "data_sets",
    "tasks",
    "journal_head",
    "not_covered",
)


@attrs.frozen
class Receipt:
    """A receipt as a portal hands it out: the signed token, and what it says."""

    token: str
    claims: ReceiptClaims


def issue(claims: ReceiptClaims, keyring: KeyRing) -> str:
    """The signed receipt; the same claims under the same ring always give the same token."""
    return sign(to_json(claims), typ=RECEIPT_TYPE, key=keyring.signing[0])


def verify_receipt(token: str, jwks: str) -> ReceiptClaims:
    """What a receipt says, once it is certain that one of these keys signed it.

    Raises:
        ReceiptInvalidError: as :func:`~hht_closure.receipts.jws.verify`, and ``claims`` where what was signed is
            no receipt of this version.
    """
    payload = verify(token, typ=RECEIPT_TYPE, jwks=jwks)
    try:
        return from_json(payload)
    except InvalidValueError as error:
        raise ReceiptInvalidError("claims") from error


def numeric_date(at: datetime) -> int:
    """The instant as whole seconds since 1970, rounded down (NumericDate, RFC 7519 section 2)."""
    return (at - _EPOCH) // timedelta(seconds=1)


def read_subject(value: Json) -> tuple[str, int]:
    """Stream and round of a subject ``<stream>.<round>``.

    Raises:
        InvalidValueError: it is not exactly of that form.
    """
    text = read_text(value, "sub")
    stream, _, digits = text.rpartition(".")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10) or digits.startswith("0"):
        raise InvalidValueError("sub", "not_a_subject")
    return stream, int(digits)


def to_json(claims: ReceiptClaims) -> dict[str, Json]:
    """The claims as they are signed."""
    statements: list[Json] = [
        {"code": one.code, "answer": one.answer, "wording": one.wording} for one in claims.statements
    ]
    factors: list[Json] = [{"name": one.name, "assurance": one.assurance} for one in claims.factors]
    tasks: list[Json] = [{"name": one.name, "outcome": one.outcome} for one in claims.tasks]
    return {
        "version": _VERSION,
        "iss": claims.portal,
        "sub": claims.subject,
        "jti": claims.id,
        "iat": numeric_date(claims.closed_at),
        "confirmed_at": time_text(claims.confirmed_at),
        "erasure_began_at": time_text(claims.erasure_began_at),
        "closed_at": time_text(claims.closed_at),
        "terms": {"version": claims.terms_version, "digest": claims.terms_digest},
        "notice": {
            "version": claims.notice.version,
            "digest": claims.notice.digest,
            "locale": claims.notice.locale,
        },
        "statements": statements,
        "factors": factors,
        "data_sets": [_data_set_json(one) for one in claims.data_sets],
        "tasks": tasks,
        "journal_head": {"sequence": claims.journal_head.sequence, "hash": b64(claims.journal_head.hash)},
        "not_covered": list(claims.not_covered),
    }


def from_json(value: Json) -> ReceiptClaims:
    """The claims that :func:`to_json` wrote.

    Raises:
        InvalidValueError: another version, other names, or values that no receipt can have.
    """
    claims = read_object(value, "receipt", *_CLAIMS)
    if read_number(claims["version"], "version") != _VERSION:
        raise InvalidValueError("version", "unknown")
    stream, round_number = read_subject(claims["sub"])
    closed_at = read_time(claims["closed_at"], "closed_at")
    if read_number(claims["iat"], "iat") != numeric_date(closed_at):
        raise InvalidValueError("iat", "not_closed_at")
    terms = read_object(claims["terms"], "terms", "version", "digest")
    return ReceiptClaims(
        id=read_text(claims["jti"], "jti"),
        portal=read_text(claims["iss"], "iss"),
        stream=stream,
        round_number=round_number,
        confirmed_at=read_time(claims["confirmed_at"], "confirmed_at"),
        erasure_began_at=read_time(claims["erasure_began_at"], "erasure_began_at"),
        closed_at=closed_at,
        terms_version=read_text(terms["version"], "terms"),
        terms_digest=read_text(terms["digest"], "terms"),
        notice=_notice(claims["notice"]),
        statements=tuple(_declared(one) for one in read_list(claims["statements"], "statements")),
        factors=tuple(_factor(one) for one in read_list(claims["factors"], "factors")),
        data_sets=tuple(_data_set(one) for one in read_list(claims["data_sets"], "data_sets")),
        tasks=tuple(_task(one) for one in read_list(claims["tasks"], "tasks")),
        journal_head=_head(claims["journal_head"]),
        not_covered=tuple(read_text(one, "not_covered") for one in read_list(claims["not_covered"], "not_covered")),
    )


def _data_set_json(data_set: DataSetFate) -> Json:
    return {"name": data_set.name, "fates": [_fate_json(one) for one in data_set.fates]}


def _fate_json(fate: Fate) -> Json:
    until = None if fate.until is None else time_text(fate.until)
    return {"disposition": fate.disposition, "until": until, "ground": fate.ground}


def _notice(value: Json) -> AcceptedNotice:
    one = read_object(value, "notice", "version", "digest", "locale")
    version, digest, locale = (read_text(one[name], name) for name in ("version", "digest", "locale"))
    return AcceptedNotice(version=version, digest=digest, locale=locale)


def _declared(value: Json) -> Declared:
    one = read_object(value, "statements", "code", "answer", "wording")
    return Declared(
        code=read_text(one["code"], "code"), answer=_answer(one["answer"]), wording=read_text(one["wording"], "wording")
    )


def _answer(value: Json) -> Literal["done", "waived"]:
    match value:
        case "done" | "waived":
            return value
        case _:
            raise InvalidValueError("answer", "unknown")


def _factor(value: Json) -> Factor:
    one = read_object(value, "factors", "name", "assurance")
    return Factor(read_text(one["name"], "name"), _assurance(one["assurance"]))


def _assurance(value: Json) -> Assurance:
    match value:
        case "human_check" | "knowledge" | "address_control" | "restricted_possession" | "possession":
            return value
        case _:
            raise InvalidValueError("assurance", "unknown")


def _data_set(value: Json) -> DataSetFate:
    one = read_object(value, "data_sets", "name", "fates")
    return DataSetFate(
        name=read_text(one["name"], "name"), fates=tuple(_fate(each) for each in read_list(one["fates"], "fates"))
    )


def _fate(value: Json) -> Fate:
    one = read_object(value, "fates", "disposition", "until", "ground")
    return Fate(
        disposition=_disposition(one["disposition"]),
        until=None if one["until"] is None else read_time(one["until"], "until"),
        ground=None if one["ground"] is None else read_text(one["ground"], "ground"),
    )


def _disposition(value: Json) -> Disposition:
    match value:
        case "erased" | "anonymised" | "restricted":
            return value
        case _:
            raise InvalidValueError("disposition", "unknown")


def _task(value: Json) -> TaskOutcome:
    one = read_object(value, "tasks", "name", "outcome")
    return TaskOutcome(name=read_text(one["name"], "name"), outcome=_outcome(one["outcome"]))


def _outcome(value: Json) -> Literal["done", "passed_over"]:
    match value:
        case "done" | "passed_over":
            return value
        case _:
            raise InvalidValueError("outcome", "unknown")


def _head(value: Json) -> JournalHead:
    one = read_object(value, "journal_head", "sequence", "hash")
    return JournalHead(sequence=read_number(one["sequence"], "sequence"), hash=unb64(read_text(one["hash"], "hash")))
