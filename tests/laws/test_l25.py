"""L25: the receipt is a JWS that any JOSE library verifies; it lists what was done, and names no person."""

from __future__ import annotations

import json

import jwt
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from hht_closure import codec
from hht_closure.canonical import b64, canonical, parse, unb64
from hht_closure.errors import ReceiptInvalidError
from hht_closure.events import ClosureConfirmed
from hht_closure.keys import KeyRing
from hht_closure.receipts import verify_receipt
from tests.stage import TERMS, Stage, refusal_codes


def _token(stage: Stage) -> str:
    return stage.service.receipt(stage.closed().reference).token


def test_pyjwt_verifies_it(stage: Stage) -> None:
    """With the published keys and nothing of this library (L25)."""
    token = _token(stage)
    keys = jwt.PyJWKSet.from_json(stage.keyring.jwks())
    claims = jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], algorithms=["EdDSA"], issuer="Stage")
    assert (claims["sub"], claims["terms"]["version"]) == (f"{stage.stream()}.1", TERMS.version)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated:joserfc.errors.SecurityWarning")
def test_joserfc_verifies_it(stage: Stage) -> None:
    """Another library, the same claims (L25)."""
    token = _token(stage)
    keys = KeySet.import_key_set(json.loads(stage.keyring.jwks()))
    verified = jws.deserialize_compact(token, keys, algorithms=["EdDSA"])
    assert json.loads(verified.payload)["jti"] == verify_receipt(token, stage.keyring.jwks()).id


def test_another_key_does_not_verify_it(stage: Stage) -> None:
    """The twin: with another portal's published keys it is no receipt (L25, RCPT-02)."""
    with pytest.raises(ReceiptInvalidError):
        verify_receipt(_token(stage), KeyRing.generate(stage.entropy).jwks())


def test_it_says_what_the_closing_was_held_to(stage: Stage) -> None:
    """Terms' and notice's digests are those of the journal (L25)."""
    claims = verify_receipt(_token(stage), stage.keyring.jwks())
    confirmed = next(one for one in stage.events() if isinstance(one, ClosureConfirmed))
    assert (claims.terms_digest, claims.notice.digest, claims.notice.version, claims.notice.locale) == (
        codec.terms_digest(TERMS),
        confirmed.notice_digest,
        "3",
        "en",
    )


def test_it_says_what_was_declared_and_proved(stage: Stage) -> None:
    """Statements with their answers, factors with their classes (L25)."""
    claims = verify_receipt(_token(stage), stage.keyring.jwks())
    assert (
        [(one.code, one.answer) for one in claims.statements],
        [(one.name, one.assurance) for one in claims.factors],
    ) == (
        [("data_backed_up", "done"), ("contacts_told", "done")],
        [("captcha", "human_check"), ("sms_code", "restricted_possession"), ("email_code", "address_control")],
    )


def test_it_says_where_the_journal_stood_before_it(stage: Stage) -> None:
    """Its head is the entry before the closing event (L25)."""
    claims = verify_receipt(_token(stage), stage.keyring.jwks())
    before = stage.records()[stage.kinds().index("ClosureClosed") - 1]
    assert (claims.journal_head.sequence, claims.journal_head.hash) == (before.sequence, before.hash)


def test_it_is_canonical_json(stage: Stage) -> None:
    """Header and payload are written in the one canonical form (L25)."""
    parts = [unb64(one) for one in _token(stage).split(".")[:2]]
    assert [canonical(parse(one)) for one in parts] == parts


def test_a_changed_byte_anywhere_is_refused(stage: Stage) -> None:
    """Each character of the token in turn (L25, RCPT-01)."""
    token, jwks = _token(stage), stage.keyring.jwks()
    accepted = [index for index in range(len(token)) if _verifies(_changed(token, index), jwks)]
    assert (accepted, _verifies(token, jwks)) == ([], True)


def _changed(token: str, index: int) -> str:
    return f"{token[:index]}{'A' if token[index] != 'A' else 'B'}{token[index + 1 :]}"


def _verifies(token: str, jwks: str) -> bool:
    try:
        verify_receipt(token, jwks)
    except ReceiptInvalidError:
        return False
    return True


def test_an_unsigned_copy_is_refused(stage: Stage) -> None:
    """``alg: none`` is not what the verifier verifies by (L25, RCPT-02)."""
    _, payload, signature = _token(stage).split(".")
    header = b64(canonical({"alg": "none", "kid": stage.keyring.signing[0].kid, "typ": "hht-closure-receipt+jwt"}))
    with pytest.raises(ReceiptInvalidError, match="algorithm"):
        verify_receipt(f"{header}.{payload}.{signature}", stage.keyring.jwks())


def test_it_is_identifiably_of_one_closing(stage: Stage) -> None:
    """Li's receipt and Wang's have each their own opaque subject (L25, RCPT-04)."""
    li = verify_receipt(_token(stage), stage.keyring.jwks())
    confirmation = stage.closed(stage.logged_in("wang"))
    wang = stage.service.receipt(confirmation.reference).claims
    assert (li.stream, wang.stream) == (stage.stream("li"), stage.stream("wang"))


def test_there_is_none_before_the_closing(stage: Stage) -> None:
    """Confirmed, and not yet closed: ``receipt_not_ready`` (L25)."""
    assert refusal_codes(stage.service.receipt, stage.confirmed().reference) == ("receipt_not_ready",)


def test_keys_that_rotate_leave_old_receipts_valid(stage: Stage) -> None:
    """The set of published keys keeps the old ones (L25)."""
    token = _token(stage)
    rotated = stage.keyring.rotated(stage.entropy)
    assert verify_receipt(token, rotated.jwks()).subject == f"{stage.stream()}.1"
