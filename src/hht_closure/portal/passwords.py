"""How the sample portal keeps passwords: Argon2id, and a frightening one for tests."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from base64 import b64decode, b64encode
from typing import Final, Protocol

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from hht_closure.ports import Entropy
from hht_closure.values import Secret

MEMORY_KIB: Final = 19 * 1024
ITERATIONS: Final = 2
LANES: Final = 1
"""OWASP's first choice for Argon2id: 19 MiB, two passes, one lane."""

_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_STORED: Final = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)\Z")


class PasswordHasher(Protocol):
    """Turns passwords into what may be stored."""

    def hash(self, password: Secret[str]) -> str:
        """What is stored for this password; another text each time."""
        ...

    def verify(self, password: Secret[str], stored: str) -> bool:
        """Whether the stored text was made from this password; as much work for a wrong one as for the right one."""
        ...


class Argon2idHasher:
    """Argon2id (RFC 9106) in the PHC string format; passwords are normalised to NFKC (NIST SP 800-63B, 3.1.1.2)."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def hash(self, password: Secret[str]) -> str:
        """The PHC string, with a new salt of 16 bytes."""
        salt = self._entropy.token(_SALT_BYTES)
        key = _argon2id(salt, _HASH_BYTES, ITERATIONS, LANES, MEMORY_KIB).derive(_bytes(password))
        return f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${_unpadded(salt)}${_unpadded(key)}"

    def verify(self, password: Secret[str], stored: str) -> bool:
        """Whether the password gives the stored key, under the stored salt and costs; False for another format."""
        found = _STORED.match(stored)
        if found is None:
            return False
        memory, iterations, lanes = (int(found[number]) for number in (1, 2, 3))
        salt, key = _padded(found[4]), _padded(found[5])
        derived = _argon2id(salt, len(key), iterations, lanes, memory).derive(_bytes(password))
        return hmac.compare_digest(derived, key)


class UnsafeCheapHasher:
    """One bare SHA-256, without salt and without cost: for tests, and never for a password that anybody uses."""

    def hash(self, password: Secret[str]) -> str:
        """A text that any graphics card turns back into the password."""
        return f"unsafe:{hashlib.sha256(_bytes(password)).hexdigest()}"

    def verify(self, password: Secret[str], stored: str) -> bool:
        """Whether it is the same digest."""
        return hmac.compare_digest(self.hash(password), stored)


def _argon2id(salt: bytes, length: int, iterations: int, lanes: int, memory: int) -> Argon2id:
    return Argon2id(salt=salt, length=length, iterations=iterations, lanes=lanes, memory_cost=memory)


def _bytes(password: Secret[str]) -> bytes:
    return unicodedata.normalize("NFKC", password.reveal()).encode("utf-8", "surrogatepass")


def _unpadded(raw: bytes) -> str:
    return b64encode(raw).rstrip(b"=").decode()


def _padded(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4))
