"""Receipts and signed heads: any JOSE library verifies them, and ours accepts one form only (L24, L25)."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import attrs
import jwt
import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import KeySet

from hht_closure.canonical import Json, b64, canonical, unb64
from hht_closure.errors import InvalidValueError, ReceiptInvalidError
from hht_closure.keys import KeyRing, SigningKey
from hht_closure.policy import Portion
from hht_closure.receipts import (
    HEAD_TYPE,
    RECEIPT_TYPE,
    AcceptedNotice,
    DataSetFate,
    Declared,
    Fate,
    HeadStatement,
    JournalHead,
    ReceiptClaims,
    TaskOutcome,
    issue,
    receipt_digest,
    sign_head,
    verify_head,
    verify_receipt,
)
from hht_closure.receipts.jws import LONGEST_TOKEN, sign, verify
from hht_closure.receipts.receipt import from_json, to_json
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.values import Secret
from hht_closure.verification import captcha, sms_code

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
RING = KeyRing.generate(UnsafeSeededEntropy(1))
JWKS = RING.jwks()
STREAM = "s" * 32
DIGEST = b64(b"\x01" * 32)
CLOSED_AT = datetime(2025, 11, 22, 14, 1, 35, 1, UTC)

CLAIMS = ReceiptClaims(
    id="receipt-1",
    portal="户户通",
    stream=STREAM,
    round_number=2,
    confirmed_at=CLOSED_AT - timedelta(minutes=2),
    erasure_began_at=CLOSED_AT - timedelta(minutes=1),
    closed_at=CLOSED_AT,
    terms_version="2025-1",
    terms_digest=DIGEST,
    notice=AcceptedNotice(version="3", digest=DIGEST, locale="zh-Hans-CN"),
    statements=(Declared(code="data_backed_up", answer="done", wording="1"),),
    factors=(captcha, sms_code),
    data_sets=(
        DataSetFate(
            name="contacts",
            fates=(
                Fate(disposition="erased"),
                Fate(disposition="restricted", until=datetime(2030, 1, 1, tzinfo=UTC), ground="Tax law § 147"),
            ),
        ),
        DataSetFate(name="messages", fates=()),
    ),
    tasks=(TaskOutcome(name="retire", outcome="done"), TaskOutcome(name="host:crm", outcome="passed_over")),
    journal_head=JournalHead(sequence=25, hash=b"\x02" * 32),
)

HEAD = HeadStatement(
    portal="bank",
    stream=STREAM,
    round_number=2,
    kind="closed",
    sequence=26,
    hash=b"\x03" * 32,
    at=CLOSED_AT,
    receipt=DIGEST,
)


def code_of(token: str, jwks: str = JWKS) -> str:
    """The problem for which the token is no receipt."""
    with pytest.raises(ReceiptInvalidError) as error:
        verify_receipt(token, jwks)
    return str(error.value.args[0])


def forged(header: bytes, payload: bytes, key: SigningKey = RING.signing[0]) -> str:
    """A token over any header and payload whatever, with a good signature."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(key.sign(signed.encode()))}"


def header(**changes: Json) -> bytes:
    """The header of a receipt with some of its members changed."""
    return canonical({"alg": "EdDSA", "kid": RING.signing[0].kid, "typ": RECEIPT_TYPE, **changes})


# --- others verify it -------------------------------------------------------------------------------------------


def test_a_receipt_says_what_was_claimed() -> None:
    """Verifying gives the claims, to the microsecond (L25)."""
    assert verify_receipt(issue(CLAIMS, RING), JWKS) == CLAIMS


def test_the_same_closing_signed_again_gives_the_same_receipt() -> None:
    """A crash between signing and storing changes not one byte (L16, RFC 8032 section 5.1.6)."""
    assert issue(attrs.evolve(CLAIMS), KeyRing.load(RING.dump())) == issue(CLAIMS, RING)


def test_pyjwt_verifies_a_receipt() -> None:
    """The most used library of Python reads it with nothing but the published keys (L25)."""
    keys = jwt.PyJWKSet.from_json(JWKS)
    token = issue(CLAIMS, RING)
    claims = jwt.decode(token, keys[RING.signing[0].kid].key, algorithms=["EdDSA"], issuer="户户通")
    assert claims == to_json(CLAIMS)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated:joserfc.errors.SecurityWarning")
def test_joserfc_verifies_a_receipt() -> None:
    """Another library, by another hand, agrees (L25)."""
    keys = KeySet.import_key_set(json.loads(JWKS))
    seen = joserfc_jws.deserialize_compact(issue(CLAIMS, RING), keys, algorithms=["EdDSA"])
    assert seen.payload == canonical(to_json(CLAIMS))


def test_openssl_verifies_a_receipt(tmp_path: Path) -> None:
    """No JOSE library is needed at all: the public key, the text before the last dot, 64 bytes (L25)."""
    signed, _, signature = issue(CLAIMS, RING).rpartition(".")
    pem, data, sig = tmp_path / "key.pem", tmp_path / "signed", tmp_path / "sig"
    pem.write_text(RING.public_pem())
    data.write_text(signed)
    sig.write_bytes(unb64(signature))
    command: list[str | Path] = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        pem,
        "-rawin",
        "-in",
        data,
        "-sigfile",
        sig,
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    data.write_text(signed + "A")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_a_receipt_outlives_the_rotation_of_its_key() -> None:
    """Keys that no longer sign are still published, and new receipts are signed by the new one (L25)."""
    rotated = RING.rotated(UnsafeSeededEntropy(2))
    assert verify_receipt(issue(CLAIMS, RING), rotated.jwks()) == CLAIMS
    assert code_of(issue(CLAIMS, rotated)) == "key_unknown"


def test_a_receipt_has_the_claims_that_its_documentation_names() -> None:
    """What earlier releases signed is read for ever, so the form is fixed here (L25)."""
    assert canonical(to_json(CLAIMS)).decode() == (
        '{"closed_at":"2025-11-22T14:01:35.000001Z","confirmed_at":"2025-11-22T13:59:35.000001Z",'
        '"data_sets":[{"fates":[{"disposition":"erased","ground":null,"until":null},'
        '{"disposition":"restricted","ground":"Tax law § 147","until":"2030-01-01T00:00:00.000000Z"}],'
        '"name":"contacts"},{"fates":[],"name":"messages"}],'
        '"erasure_began_at":"2025-11-22T14:00:35.000001Z",'
        '"factors":[{"assurance":"human_check","name":"captcha"},'
        '{"assurance":"restricted_possession","name":"sms_code"}],"iat":1763820095,"iss":"户户通",'
        f'"journal_head":{{"hash":"{b64(bytes([2]) * 32)}","sequence":25}},"jti":"receipt-1",'
        '"not_covered":["host_backups","replicas","exports_taken_by_the_person"],'
        f'"notice":{{"digest":"{DIGEST}","locale":"zh-Hans-CN","version":"3"}},'
        '"statements":[{"answer":"done","code":"data_backed_up","wording":"1"}],'
        f'"sub":"{STREAM}.2","tasks":[{{"name":"retire","outcome":"done"}},'
        '{"name":"host:crm","outcome":"passed_over"}],'
        f'"terms":{{"digest":"{DIGEST}","version":"2025-1"}},"version":1}}'
    )


# --- ours accepts one form --------------------------------------------------------------------------------------


def accepted(tokens: list[str], accepts: Callable[[str, str], object]) -> list[str]:
    """Those of the tokens that are not refused."""
    found: list[str] = []
    for token in tokens:
        try:
            accepts(token, JWKS)
        except ReceiptInvalidError:
            continue
        found.append(token)
    return found


def test_a_receipt_with_any_character_changed_is_refused() -> None:
    """Every position, for another legal character, the next one of the alphabet (L25)."""
    token = issue(CLAIMS, RING)
    changed = [token[:at] + ALPHABET[(ALPHABET.find(token[at]) + 1) % 64] + token[at + 1 :] for at in range(len(token))]
    assert accepted([token, *changed], verify_receipt) == [token]


def test_the_last_character_of_each_part_has_one_spelling() -> None:
    """Bits behind the last byte count as well: there all 63 other characters are refused (RFC 4648 section 3.5)."""
    token = issue(CLAIMS, RING)
    ends = [at - 1 for at in range(len(token)) if token[at] == "."] + [len(token) - 1]
    spelled = {token[:at] + one + token[at + 1 :] for at in ends for one in ALPHABET}
    assert len(spelled) == 1 + 3 * 63
    assert accepted(sorted(spelled), verify_receipt) == [token]


@pytest.mark.parametrize(
    "spelling", ["{}=", "{}==", "{}\n", "\n{}", " {}", "{} ", "{}.", ".{}", "{}é", "{}\x00", "{}A", "\ufeff{}"]
)
def test_nothing_may_stand_around_a_receipt(spelling: str) -> None:
    """Padding, spaces, newlines and further parts are refused."""
    assert code_of(spelling.format(issue(CLAIMS, RING))) in {"malformed", "signature"}


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b", "e30.e30.", "\ud800..", "a" * (LONGEST_TOKEN + 1)])
def test_what_is_no_token_is_malformed(token: str) -> None:
    """Three parts, of base64url, of at most 64 KiB."""
    assert code_of(token) == "malformed"


def test_a_deeply_nested_payload_is_malformed() -> None:
    """A payload made to exhaust the reader is refused like any other."""
    assert code_of(forged(header(), b"[" * 40_000)) == "malformed"


def test_a_token_that_is_too_long_is_malformed_however_good() -> None:
    """Its length is looked at before anything costs more (at most 64 KiB)."""
    assert code_of(forged(header(), canonical("a" * LONGEST_TOKEN))) == "malformed"


def test_a_token_without_a_signature_is_refused() -> None:
    """``alg: none`` is an algorithm of the token's choosing, and the token does not choose (RFC 8725 section 3.1)."""
    payload = b64(canonical(to_json(CLAIMS)))
    assert code_of(f"{b64(header(alg='none'))}.{payload}.") == "algorithm"
    assert code_of(f"{b64(header())}.{payload}.") == "signature"


@pytest.mark.parametrize("secret", [unb64(json.loads(JWKS)["keys"][0]["x"]), RING.public_pem().encode(), b""])
@pytest.mark.parametrize(("alg", "code"), [("HS256", "algorithm"), ("EdDSA", "signature")])
def test_a_token_made_with_the_public_key_as_a_secret_is_refused(secret: bytes, alg: str, code: str) -> None:
    """The confusion of HMAC with signatures, by whoever knows what everybody knows (RFC 8725 section 2.1)."""
    signed = f"{b64(header(alg=alg))}.{b64(canonical(to_json(CLAIMS)))}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    assert (code_of(f"{signed}.{b64(mac)}"), code_of(f"{signed}.{b64(mac + mac)}")) == (code, code)


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES256", "RS256", "Ed25519", "eddsa", ""])
def test_the_algorithm_is_never_the_tokens(alg: str) -> None:
    """Even under a good signature another name for it is refused (RFC 8725 section 3.1)."""
    assert code_of(forged(header(alg=alg), canonical(to_json(CLAIMS)))) == "algorithm"


@pytest.mark.parametrize("kid", ["", "gone", "../../etc/passwd", "/dev/null", "' OR 1=1 --", "https://evil.example/k"])
def test_a_key_that_is_not_published_is_refused(kid: str) -> None:
    """The key id is looked up in the set that is given, and nowhere else (RFC 8725 section 3.10)."""
    assert code_of(forged(header(kid=kid), canonical(to_json(CLAIMS)))) == "key_unknown"


def test_a_receipt_signed_by_a_stranger_under_our_key_id_is_refused() -> None:
    """A key id proves nothing; the signature does."""
    stranger = SigningKey(kid=RING.signing[0].kid, seed=Secret(b"\x09" * 32))
    assert code_of(forged(header(), canonical(to_json(CLAIMS)), stranger)) == "signature"


def test_a_signed_head_is_no_receipt_and_a_receipt_no_head() -> None:
    """What was signed for one purpose is not taken for another (RFC 8725 section 3.11)."""
    assert code_of(sign_head(HEAD, RING)) == "type"
    with pytest.raises(ReceiptInvalidError, match="type"):
        verify_head(issue(CLAIMS, RING), JWKS)


@pytest.mark.parametrize(
    "changes",
    [{"jku": "https://evil.example"}, {"crit": ["exp"]}, {"jwk": {}}, {"b64": False}, {"kid": 7}, {"typ": None}],
)
def test_a_header_holds_three_texts_and_nothing_else(changes: dict[str, Json]) -> None:
    """Nobody can make the verifier fetch, trust or skip anything (RFC 7515 section 4.1)."""
    assert code_of(forged(header(**changes), canonical(to_json(CLAIMS)))) == "malformed"


def test_header_and_payload_have_one_spelling() -> None:
    """Spaces, another order, or a name twice make another text, however well it is signed (L25)."""
    payload = canonical(to_json(CLAIMS))
    spaced = json.dumps(json.loads(header())).encode()
    assert code_of(forged(spaced, payload)) == "not_canonical"
    assert code_of(forged(header(), json.dumps(to_json(CLAIMS)).encode())) == "not_canonical"
    assert code_of(forged(header(), payload[:-1] + b',"version":1}')) == "malformed"
    assert code_of(forged(header(), payload[:-1] + b".0}")) == "malformed"
    assert code_of(forged(header(), b"\xff")) == "malformed"


def test_a_token_too_long_to_be_verified_is_not_signed() -> None:
    """Better no receipt than one that nobody accepts."""
    with pytest.raises(InvalidValueError, match="token: too_long"):
        sign("a" * LONGEST_TOKEN, typ=RECEIPT_TYPE, key=RING.signing[0])


# --- the published keys -----------------------------------------------------------------------------------------

OURS: dict[str, Json] = json.loads(JWKS)["keys"][0]


@pytest.mark.parametrize(
    "jwks",
    [
        "",
        "[]",
        "{}",
        '{"keys":{}}',
        '{"keys":[1]}',
        '{"keys":[],"keys":[]}',
        "\ud800",
        json.dumps({"keys": [{**OURS, "kid": 7}]}),
        json.dumps({"keys": [{**OURS, "x": "AA"}]}),
        json.dumps({"keys": [{**OURS, "x": None}]}),
        json.dumps({"keys": [{**OURS, "x": f"{OURS['x']}="}]}),
        json.dumps({"keys": [{**OURS, "d": OURS["x"]}]}),
        json.dumps({"keys": [OURS, OURS]}),
    ],
)
def test_a_damaged_key_set_is_the_key_sets_fault(jwks: str) -> None:
    """Who verifies is told that the keys are wrong, and not that the receipt is."""
    assert code_of(issue(CLAIMS, RING), jwks) == "keys_malformed"


def test_a_key_set_may_be_formatted_and_hold_other_keys() -> None:
    """Members and kinds of key that nobody here knows are passed over (RFC 7517 section 5)."""
    other: dict[str, Json] = {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r1"}
    jwks = json.dumps({"keys": [other, {**OURS, "x5t": "AA"}], "note": "ours"}, indent=2)
    assert verify_receipt(issue(CLAIMS, RING), jwks) == CLAIMS


@pytest.mark.parametrize(
    "change", [{"kty": "EC"}, {"crv": "X25519"}, {"alg": "ES256"}, {"use": "enc"}, {"crv": "Ed448"}]
)
def test_a_key_for_something_else_verifies_nothing(change: dict[str, Json]) -> None:
    """A key is used for what it is published for (RFC 8725 section 3.1)."""
    assert code_of(issue(CLAIMS, RING), json.dumps({"keys": [{**OURS, **change}]})) == "key_unknown"


# --- claims -----------------------------------------------------------------------------------------------------


def changed_claims(name: str, value: Json) -> Json:
    """The claims as JSON with one of them changed."""
    return {**to_json(CLAIMS), name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("version", "1"),
        ("extra", 1),
        ("iss", ""),
        ("iss", "e\u0301"),
        ("sub", STREAM),
        ("sub", f"{STREAM}.02"),
        ("sub", f"{STREAM}.0"),
        ("sub", f"{STREAM}.２"),
        ("sub", f"{STREAM}x.2"),
        ("sub", f"{STREAM}.2\n"),
        ("iat", 1763820096),
        ("iat", 1763820095 + 0.0),
        ("confirmed_at", "2025-11-22T14:01:35.000002Z"),
        ("erasure_began_at", "2025-11-22T13:59:35.000000Z"),
        ("closed_at", "2025-11-22T14:01:35Z"),
        ("terms", {"version": "1"}),
        ("terms", {"version": "1", "digest": DIGEST[:-1]}),
        ("terms", {"version": "1", "digest": DIGEST[:-1] + "F"}),
        ("notice", {"version": "3", "digest": DIGEST, "locale": "en", "text": "x"}),
        ("statements", [{"code": "a", "answer": "maybe", "wording": "1"}]),
        ("statements", [{"code": "a", "answer": "done", "wording": "1"}] * 2),
        ("factors", [{"name": "captcha", "assurance": "magic"}]),
        ("factors", [{"name": "captcha", "assurance": "human_check"}] * 2),
        ("data_sets", []),
        ("data_sets", [{"name": "a", "fates": []}] * 2),
        ("data_sets", [{"name": "Wang Wei", "fates": []}]),
        ("data_sets", [{"name": "a", "fates": [{"disposition": "kept", "until": None, "ground": None}]}]),
        ("data_sets", [{"name": "a", "fates": [{"disposition": "erased", "until": None, "ground": "x"}]}]),
        ("data_sets", [{"name": "a", "fates": [{"disposition": "restricted", "until": None, "ground": "x"}]}]),
        ("data_sets", [{"name": "a", "fates": [{"disposition": "erased", "until": None, "ground": None}] * 2}]),
        ("tasks", [{"name": "retire", "outcome": "failed"}]),
        ("tasks", [{"name": "retire me", "outcome": "done"}]),
        ("journal_head", {"sequence": 0, "hash": DIGEST}),
        ("journal_head", {"sequence": 25, "hash": "AA"}),
        ("journal_head", {"sequence": True, "hash": DIGEST}),
        ("not_covered", ["host_backups", "host_backups"]),
        ("not_covered", "host_backups"),
    ],
)
def test_claims_that_no_receipt_can_have_are_refused(name: str, value: Json) -> None:
    """Reading is as strict as writing: no other names, types, orders, or values (L25)."""
    with pytest.raises(InvalidValueError):
        from_json(changed_claims(name, value))


def test_a_claim_that_is_missing_is_missed() -> None:
    """Each one of them is needed."""
    claims = to_json(CLAIMS)
    for name in claims:
        with pytest.raises(InvalidValueError, match="receipt: other_names"):
            from_json({other: value for other, value in claims.items() if other != name})


def test_a_good_signature_over_other_claims_is_no_receipt() -> None:
    """Whatever else our key may have signed under that type, it is refused under a code of its own."""
    assert code_of(sign(changed_claims("version", 2), typ=RECEIPT_TYPE, key=RING.signing[0])) == "claims"


def test_a_receipt_tells_what_became_of_data_and_not_how_many() -> None:
    """Counts may tell of a person and stay behind; equal fates are named once (L22, L25)."""
    until = datetime(2030, 1, 1, tzinfo=UTC)
    portions = (
        Portion("erased", 13_800),
        Portion("restricted", 2, until, "Tax law"),
        Portion("restricted", 5, until.astimezone(timezone(timedelta(hours=8))), "Tax law"),
    )
    assert DataSetFate.of("invoices", portions) == DataSetFate(
        name="invoices",
        fates=(Fate(disposition="erased"), Fate(disposition="restricted", until=until, ground="Tax law")),
    )


def test_an_answer_or_outcome_that_nobody_knows_is_none() -> None:
    """A statement is done or waived, a task done or passed over."""
    with pytest.raises(InvalidValueError, match="answer: unknown"):
        attrs.evolve(CLAIMS.statements[0], answer="maybe")
    with pytest.raises(InvalidValueError, match="outcome: unknown"):
        attrs.evolve(CLAIMS.tasks[0], outcome="failed")


def test_the_subject_is_the_stream_and_the_round() -> None:
    """Whose receipt it is, only the portal's key ring can say (L22)."""
    assert CLAIMS.subject == f"{STREAM}.2"


# --- heads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        attrs.evolve(HEAD, kind="begun", receipt=None),
        attrs.evolve(HEAD, kind="purged", receipt=None, data_set="invoices"),
    ],
)
def test_a_signed_head_states_what_was_signed(head: HeadStatement) -> None:
    """Where the journal stood, for each kind of entry in the ledger (L24)."""
    assert verify_head(sign_head(head, RING), JWKS) == head


def test_a_signed_head_with_any_character_changed_is_refused() -> None:
    """Every position, for the next character of the alphabet (L24)."""
    token = sign_head(HEAD, RING)
    changed = [token[:at] + ALPHABET[(ALPHABET.find(token[at]) + 1) % 64] + token[at + 1 :] for at in range(len(token))]
    assert accepted([token, *changed], verify_head) == [token]


@pytest.mark.parametrize(
    ("kind", "receipt", "data_set"),
    [
        ("closed", None, None),
        ("begun", DIGEST, None),
        ("purged", None, None),
        ("closed", DIGEST, "invoices"),
        ("reopened", None, None),
    ],
)
def test_a_head_names_receipt_and_data_set_where_they_belong(
    kind: str, receipt: str | None, data_set: str | None
) -> None:
    """The receipt with the closing, the data set with its purge, and neither elsewhere (L24)."""
    with pytest.raises(InvalidValueError):
        attrs.evolve(HEAD, kind=kind, receipt=receipt, data_set=data_set)


@pytest.mark.parametrize(
    ("name", "value"),
    [("version", 2), ("iat", 0), ("kind", "reopened"), ("kind", "begun"), ("extra", 1), ("hash", "AA")],
)
def test_a_good_signature_over_other_claims_is_no_head(name: str, value: Json) -> None:
    """Reading a head is as strict as reading a receipt (L24)."""
    payload = verify(sign_head(HEAD, RING), typ=HEAD_TYPE, jwks=JWKS)
    assert isinstance(payload, dict)
    token = sign({**payload, name: value}, typ=HEAD_TYPE, key=RING.signing[0])
    with pytest.raises(ReceiptInvalidError, match="claims"):
        verify_head(token, JWKS)


def test_the_digest_of_a_receipt_is_that_of_its_token() -> None:
    """SHA-256 over the text as it was handed out, which anybody can repeat."""
    token = issue(CLAIMS, RING)
    assert unb64(receipt_digest(token)) == hashlib.sha256(token.encode()).digest()
