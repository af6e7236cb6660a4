"""The keys that sign receipts and journal heads: Ed25519, deterministic (L25)."""

from __future__ import annotations

import attrs

from hht_closure.keys.derivation import is_key, is_key_id
from hht_closure.values import Secret


@attrs.frozen(kw_only=True, eq=False)
class SigningKey:
    """An Ed25519 key (RFC 8032): its id, and the seed that all of it follows from."""

    kid: str = attrs.field(validator=is_key_id)
    seed: Secret[bytes] = attrs.field(validator=is_key)

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes; the same data always give the same (RFC 8032 section 5.1.6)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        return Ed25519PrivateKey.from_private_bytes(self.seed.reveal()).sign(data)

    def public(self) -> bytes:
        """The public key, 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        return Ed25519PrivateKey.from_private_bytes(self.seed.reveal()).public_key().public_bytes_raw()

    def public_pem(self) -> str:
        """The public key as SubjectPublicKeyInfo in PEM (RFC 8410), as ``openssl`` reads it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

        public = Ed25519PublicKey.from_public_bytes(self.public())
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
