"""Deriving keys and digests: one label for each purpose, and parts that can be read in one way only.

Every derivation takes its parts length-prefixed and tagged by type, so that no two questions ever share an answer.
``cryptography`` is loaded at the first use that needs it, as everywhere in this package.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final, assert_never

import attrs

from hht_closure.errors import InvalidValueError
from hht_closure.values import Secret

Part = str | bytes | int | None
"""What goes into a derivation: a text, bytes, a whole number, or nothing; each unlike the others."""

KEY_SIZE: Final = 32
"""The size of every key, in bytes."""

KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
"""The form of every key's id."""


def check_key(value: Secret[bytes], field: str) -> None:
    """Refuse a key of another size.

    Raises:
        InvalidValueError: it has not 32 bytes.
    """
    if len(value.reveal()) != KEY_SIZE:
        raise InvalidValueError(field, "not_32_bytes")


def is_key(_: object, attribute: attrs.Attribute[Secret[bytes]], value: Secret[bytes]) -> None:
    """Validator: a key of 32 bytes."""
    check_key(value, attribute.name)


def is_key_id(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Validator: an id of a key, 1 to 64 characters of base64url."""
    if not KEY_ID.match(value):
        raise InvalidValueError(attribute.name, "not_a_key_id")


def framed(*parts: Part) -> bytes:
    """The parts as one run of bytes that can be cut in one way only: tag, length in four bytes, content, for each.

    Raises:
        InvalidValueError: a boolean, which is not a number.
    """
    return b"".join(_framed(part) for part in parts)


def derived(secret: Secret[bytes], label: str, size: int = KEY_SIZE) -> Secret[bytes]:
    """HKDF-SHA256 without salt (RFC 5869): a key of that size in bytes that serves the label alone."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    hkdf = HKDF(algorithm=SHA256(), length=size, salt=None, info=label.encode())
    return Secret(hkdf.derive(secret.reveal()))


def hmac_of(key: Secret[bytes], *parts: Part) -> bytes:
    """HMAC-SHA256 (RFC 2104) over the framed parts; 32 bytes."""
    return hmac.digest(key.reveal(), framed(*parts), hashlib.sha256)


def _framed(part: Part) -> bytes:
    tag, content = _tagged(part)
    return tag + len(content).to_bytes(4, "big") + content


def _tagged(part: Part) -> tuple[bytes, bytes]:
    match part:
        case None:
            return b"n", b""
        case bool():
            raise InvalidValueError("part", "not_a_number")
        case int():
            return b"i", str(part).encode()
        case str():
            # A lone surrogate stays distinct, and is in no error.
            return b"s", part.encode("utf-8", "surrogatepass")
        case bytes():
            return b"b", part
        case _:
            assert_never(part)
