"""Sealing: AES-256-GCM, bound to the place where the sealed bytes stand (L22).

What is sealed opens whole, with its key and at its place, or not at all; never as garbage.
"""

from __future__ import annotations

from typing import Final

from hht_closure.errors import InvalidValueError, SealBrokenError
from hht_closure.keys.derivation import KEY_SIZE, check_key, framed
from hht_closure.ports.keeping import Entropy
from hht_closure.values import Secret

NONCE_SIZE: Final = 12
"""The size of an AES-GCM nonce, in bytes (NIST SP 800-38D section 5.2.1.1)."""

_SEAL_VERSION: Final = b"\x01"
_TAG_SIZE: Final = 16


def new_data_key(entropy: Entropy) -> Secret[bytes]:
    """A key for the fields of one round, or for one farewell; 32 bytes (L23, L26)."""
    return Secret(entropy.token(KEY_SIZE))


def seal(data_key: Secret[bytes], plaintext: bytes, *, place: tuple[str | int, ...], nonce: bytes) -> bytes:
    """The plaintext under AES-256-GCM: one version byte, the nonce, the ciphertext with its tag (L22).

    Args:
        data_key: 32 bytes.
        plaintext: what to seal.
        place: where it stands (stream, sequence, field, schema version); it opens at no other place.
        nonce: 12 bytes, never used with this key before.

    Raises:
        InvalidValueError: the key or the nonce has another size.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    check_key(data_key, "data_key")
    if len(nonce) != NONCE_SIZE:
        raise InvalidValueError("nonce", "not_12_bytes")
    return _SEAL_VERSION + nonce + AESGCM(data_key.reveal()).encrypt(nonce, plaintext, framed(_SEAL_VERSION, *place))


def unseal(data_key: Secret[bytes], sealed: bytes, *, place: tuple[str | int, ...]) -> bytes:
    """What :func:`seal` sealed at that place; whole, or not at all (L22).

    Raises:
        SealBrokenError: another key, another place, or a changed byte; its argument is the place.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    check_key(data_key, "data_key")
    nonce = sealed[1 : 1 + NONCE_SIZE]
    if sealed[:1] != _SEAL_VERSION or len(sealed) < 1 + NONCE_SIZE + _TAG_SIZE:
        raise SealBrokenError(named(place))
    try:
        return AESGCM(data_key.reveal()).decrypt(nonce, sealed[1 + NONCE_SIZE :], framed(_SEAL_VERSION, *place))
    except InvalidTag as error:
        raise SealBrokenError(named(place)) from error


def named(place: tuple[str | int, ...]) -> str:
    """The place as errors name it; it holds nothing personal."""
    return "/".join(str(one) for one in place)
