"""Compact JWS (RFC 7515) with Ed25519 (RFC 8037): a writer, and a verifier that accepts one form only (L25).

What is written verifies with any JOSE library. The verifier here is stricter than those need to be: the algorithm is
its own and never the token's (RFC 8725 section 3.1), the type must be the one expected (section 3.11), and header,
payload and base64url must be canonical, so that a token with any one character changed is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hht_closure.canonical import Json, b64, canonical, parse, parse_any_form, read_list, read_object, read_text, unb64
from hht_closure.errors import InvalidValueError, ReceiptInvalidError
from hht_closure.keys import SigningKey

LONGEST_TOKEN: Final = 65_536
"""The most characters of a token."""

ALGORITHM: Final = "EdDSA"
"""The name that JOSE libraries know Ed25519 by (RFC 8037 section 3.1)."""


def sign(payload: Json, *, typ: str, key: SigningKey) -> str:
    """The payload as a signed token; the same payload, type and key always give the same.

    Raises:
        InvalidValueError: the payload has no canonical form, or the token would be too long.
    """
    header = canonical({"alg": ALGORITHM, "kid": key.kid, "typ": typ})
    signed = f"{b64(header)}.{b64(canonical(payload))}"
    token = f"{signed}.{b64(key.sign(signed.encode()))}"
    if len(token) > LONGEST_TOKEN:
        raise InvalidValueError("token", "too_long")
    return token


def verify(token: str, *, typ: str, jwks: str) -> Json:
    """The payload of a token of that type, signed by one of the keys.

    Args:
        token: what somebody shows.
        typ: the type it must have.
        jwks: a JWK Set (RFC 7517); keys of other kinds in it are passed over.

    Raises:
        ReceiptInvalidError: ``malformed``, ``not_canonical``, ``algorithm``, ``type``, ``key_unknown``, ``signature``,
            or ``keys_malformed`` where the fault is in the JWK Set.
    """
    keys = _public_keys(jwks)
    header, payload, signature = _segments(token)
    kid = _key_named(_json(header), typ)
    if kid not in keys:
        raise ReceiptInvalidError("key_unknown")
    signed, _, _ = token.rpartition(".")
    _check_signature(keys[kid], signature, signed.encode())
    return _json(payload)


def _segments(token: str) -> tuple[bytes, bytes, bytes]:
    """Header, payload and signature (RFC 7515 section 7.1)."""
    parts = token.split(".") if len(token) <= LONGEST_TOKEN else []
    if len(parts) != 3:
        raise ReceiptInvalidError("malformed")
    try:
        header, payload, signature = (unb64(part) for part in parts)
    except InvalidValueError as error:
        raise _invalid(error) from error
    return header, payload, signature


def _json(data: bytes) -> Json:
    try:
        return parse(data)
    except InvalidValueError as error:
        raise _invalid(error) from error


def _invalid(error: InvalidValueError) -> ReceiptInvalidError:
    return ReceiptInvalidError("not_canonical" if error.args[1] == "not_canonical" else "malformed")


def _key_named(header: Json, typ: str) -> str:
    """The key id, once the header is of exactly the form that :func:`sign` writes."""
    try:
        fields = read_object(header, "header", "alg", "kid", "typ")
        alg, kid, found = (read_text(fields[name], name) for name in ("alg", "kid", "typ"))
    except InvalidValueError as error:
        raise ReceiptInvalidError("malformed") from error
    if alg != ALGORITHM:
        raise ReceiptInvalidError("algorithm")
    if found != typ:
        raise ReceiptInvalidError("type")
    return kid


def _check_signature(public: bytes, signature: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except InvalidSignature as error:
        raise ReceiptInvalidError("signature") from error


def _public_keys(jwks: str) -> Mapping[str, bytes]:
    """The Ed25519 keys of a JWK Set by id; other keys and members are passed over (RFC 7517 section 5)."""
    try:
        entries = [
            read_object(one, "key") for one in read_list(read_object(_any_form(jwks), "jwks").get("keys"), "keys")
        ]
        found = [(read_text(one.get("kid"), "kid"), _public_key(one)) for one in entries if _is_ours(one)]
    except InvalidValueError as error:
        raise ReceiptInvalidError("keys_malformed") from error
    if len(dict(found)) != len(found):
        raise ReceiptInvalidError("keys_malformed")
    return dict(found)


def _any_form(jwks: str) -> Json:
    return parse_any_form(jwks.encode("utf-8", "replace"))


def _is_ours(key: Mapping[str, Json]) -> bool:
    return (
        key.get("kty") == "OKP"
        and key.get("crv") == "Ed25519"
        and key.get("alg", ALGORITHM) == ALGORITHM
        and key.get("use", "sig") == "sig"
    )


def _public_key(key: Mapping[str, Json]) -> bytes:
    """The public key's 32 bytes; a set that gives the private part away is not one to trust (RFC 8037 section 2)."""
    public = unb64(read_text(key.get("x"), "x"))
    if len(public) != 32 or "d" in key:
        raise InvalidValueError("key", "not_a_public_key")
    return public
