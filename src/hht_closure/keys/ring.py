"""The key ring: every key the library holds by itself, and what is derived from each under a label.

What people meet again years later (stream names, tombstones) hangs on the identity key, which never rotates; what
must be read for years (the ledger's account ids) on the ledger's key; all else on the ring's secrets, which rotate,
and old ones go on verifying.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from hht_closure.account import AccountId
from hht_closure.canonical import Json, b64, canonical, parse, read_list, read_number, read_object, read_text, unb64
from hht_closure.errors import InvalidValueError, KeyMissingError, SealBrokenError
from hht_closure.keys.derivation import KEY_ID, KEY_SIZE, Part, check_key, derived, hmac_of, is_key, is_key_id
from hht_closure.keys.sealing import NONCE_SIZE, named, seal, unseal
from hht_closure.keys.signing import SigningKey
from hht_closure.ports.keeping import Entropy
from hht_closure.values import Secret

_REFERENCE: Final = re.compile(
    r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{32})\.([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{24})\Z", re.ASCII
)
_NO_REFERENCE: Final = ("", "A" * 32, "0", "A" * 24)


def _frozen(secrets: Mapping[str, Secret[bytes]]) -> Mapping[str, Secret[bytes]]:
    return MappingProxyType(dict(secrets))


@attrs.frozen(kw_only=True, eq=False)
class KeyRing:
    """Every key that the library holds by itself, with everything that is derived from them.

    Attributes:
        identity: names streams, tombstones and what is counted; it never rotates, for with another one nobody finds
            their closure.
        secrets: by key id; the current one makes what is new, the others go on verifying and opening.
        current: the id of the one that makes what is new.
        ledger: seals the ledger's account ids; it outlives every retention (L21).
        signing: the first one signs, the others only verify.
    """

    identity: Secret[bytes] = attrs.field(validator=is_key)
    secrets: Mapping[str, Secret[bytes]] = attrs.field(converter=_frozen)
    current: str = attrs.field(validator=is_key_id)
    ledger: Secret[bytes] = attrs.field(validator=is_key)
    signing: tuple[SigningKey, ...]
    _derived: dict[tuple[str, str], Secret[bytes]] = attrs.field(
        init=False, factory=dict[tuple[str, str], Secret[bytes]]
    )

    def __attrs_post_init__(self) -> None:
        for key, secret in self.secrets.items():
            if not KEY_ID.match(key):
                raise InvalidValueError("secrets", "not_a_key_id")
            check_key(secret, "secrets")
        if self.current not in self.secrets:
            raise InvalidValueError("current", "unknown")
        if not self.signing:
            raise InvalidValueError("signing", "empty")
        if len({one.kid for one in self.signing}) != len(self.signing):
            raise InvalidValueError("signing", "named_twice")

    def __repr__(self) -> str:
        signing = tuple(one.kid for one in self.signing)
        return f"KeyRing(current={self.current!r}, secrets={tuple(self.secrets)!r}, signing={signing!r})"

    @classmethod
    def generate(cls, entropy: Entropy) -> KeyRing:
        """A new ring, with one secret and one signing key."""
        key, secret = _new_secret(entropy)
        return cls(
            identity=Secret(entropy.token(KEY_SIZE)),
            secrets={key: secret},
            current=key,
            ledger=Secret(entropy.token(KEY_SIZE)),
            signing=(_new_signing_key(entropy),),
        )

    def rotated(self, entropy: Entropy) -> KeyRing:
        """The ring with a new current secret and a new signing key; the old ones are kept behind them.

        Raises:
            InvalidValueError: the entropy repeats itself and gave an id that the ring has already.
        """
        key, secret = _new_secret(entropy)
        if key in self.secrets:
            raise InvalidValueError("secrets", "named_twice")
        return attrs.evolve(
            self,
            secrets={**self.secrets, key: secret},
            current=key,
            signing=(_new_signing_key(entropy), *self.signing),
        )

    def dump(self) -> str:
        """The ring as canonical JSON, keys in clear: for a file of its own, that only the service may read."""
        return canonical(
            {
                "version": 1,
                "identity": b64(self.identity.reveal()),
                "secrets": {key: b64(secret.reveal()) for key, secret in self.secrets.items()},
                "current": self.current,
                "ledger": b64(self.ledger.reveal()),
                "signing": [{"kid": one.kid, "alg": "EdDSA", "seed": b64(one.seed.reveal())} for one in self.signing],
            }
        ).decode()

    @classmethod
    def load(cls, text: str) -> KeyRing:
        """The ring that :meth:`dump` wrote; one newline at the end is allowed.

        Raises:
            InvalidValueError: it is anything else; the error names the place and shows nothing of the content.
        """
        ring = read_object(
            parse(text.removesuffix("\n").encode("utf-8", "replace")),
            "keyring",
            *("version", "identity", "secrets", "current", "ledger", "signing"),
        )
        if read_number(ring["version"], "version") != 1:
            raise InvalidValueError("version", "unknown")
        return cls(
            identity=_read_key(ring["identity"], "identity"),
            secrets={key: _read_key(one, "secrets") for key, one in read_object(ring["secrets"], "secrets").items()},
            current=read_text(ring["current"], "current"),
            ledger=_read_key(ring["ledger"], "ledger"),
            signing=tuple(_read_signing_key(one) for one in read_list(ring["signing"], "signing")),
        )

    def stream_name(self, portal: str, account: AccountId) -> str:
        """The name of the account's stream at that portal: 32 characters that tell nothing of the account."""
        return self.stream_prefix(portal) + b64(hmac_of(self.identity, "hht-closure/stream", portal, account)[:18])

    def stream_prefix(self, portal: str) -> str:
        """The first 8 characters of all the names of that portal's streams, by which its workers know them."""
        return b64(hmac_of(self.identity, "hht-closure/portal", portal)[:6])

    def tombstone(self, portal: str, login_name: str) -> str:
        """The keyed digest that keeps a login name reserved (L27): 43 characters.

        However the name is spelled (case, width, composition, spaces around it), the digest is the same; without
        the key no list of names finds it.
        """
        return b64(hmac_of(derived(self.identity, "hht-closure/tombstone"), portal, _normalised(login_name)))

    def counted(self, portal: str, kind: str, channel: str, value: str) -> str:
        """The keyed digest under which messages to a destination are counted (L8): 43 characters.

        It hangs on the identity key, so that a rotation gives nobody a second day's worth.
        """
        return b64(hmac_of(derived(self.identity, "hht-closure/counted"), portal, kind, channel, value))

    def mac(self, label: str, *parts: Part, key: str | None = None) -> bytes:
        """HMAC-SHA256 over the parts, under a key that serves this label alone; 32 bytes.

        Args:
            label: what it is for.
            parts: whatever it is bound to; ``1`` and ``"1"`` are not the same.
            key: the id of the ring's secret; the current one where none is named.

        Raises:
            KeyMissingError: the ring has no such secret.
        """
        return hmac_of(self._key_for(label, self.current if key is None else key), *parts)

    def challenge_secret(
        self,
        *,
        key: str,
        portal: str,
        stream: str,
        round_number: int,
        factor: str,
        channel: str | None,
        contact_version: str | None,
        challenge: str,
    ) -> Secret[bytes]:
        """What the code of one challenge is derived from, 32 bytes, bound to all it was made for (L3, L7).

        ``key`` is the key id recorded with the challenge, so that a rotation in the middle changes no digits.

        Raises:
            KeyMissingError: the ring has no such secret.
        """
        bound = ("close-account", portal, stream, round_number, factor, channel, contact_version, challenge)
        return Secret(self.mac("hht-closure/challenge", *bound, key=key))

    def wrap(self, key_id: str, data_key: Secret[bytes], entropy: Entropy) -> bytes:
        """The data key as the vault may keep it (L23); the blob names the ring's secret that opens it.

        Nonces are random: one secret may wrap 2^32 keys (NIST SP 800-38D section 8.3), then rotate.
        """
        check_key(data_key, "data_key")
        ring_key = self.current
        sealed = seal(
            self._key_for("hht-closure/wrap", ring_key),
            data_key.reveal(),
            place=("wrap", key_id, ring_key),
            nonce=entropy.token(NONCE_SIZE),
        )
        return bytes([len(ring_key)]) + ring_key.encode() + sealed

    def unwrap(self, key_id: str, wrapped: bytes) -> Secret[bytes]:
        """The data key that :meth:`wrap` wrapped for that id.

        Raises:
            SealBrokenError: the blob was changed, or belongs to another id.
            KeyMissingError: the ring has not the secret that it names.
        """
        end = 1 + wrapped[0] if wrapped else 0
        ring_key = wrapped[1:end].decode("ascii", "replace")
        place = ("wrap", key_id, ring_key)
        if not KEY_ID.match(ring_key):
            raise SealBrokenError(named(place))
        return Secret(unseal(self._key_for("hht-closure/wrap", ring_key), wrapped[end:], place=place))

    def seal_account(
        self, account: AccountId, *, portal: str, stream: str, round_number: int, entropy: Entropy
    ) -> bytes:
        """The account id under the ledger's own key, so that what comes later still finds the rows (L21)."""
        return seal(
            derived(self.ledger, "hht-closure/ledger"),
            account.encode(),
            place=(portal, stream, round_number, "account"),
            nonce=entropy.token(NONCE_SIZE),
        )

    def unseal_account(self, sealed: bytes, *, portal: str, stream: str, round_number: int) -> AccountId:
        """The account id that :meth:`seal_account` sealed for that round.

        Raises:
            SealBrokenError: it was changed, or belongs to another round.
        """
        key = derived(self.ledger, "hht-closure/ledger")
        return AccountId(unseal(key, sealed, place=(portal, stream, round_number, "account")).decode())

    def reference(self, portal: str, stream: str, round_number: int, key: str | None = None) -> str:
        """The ticket by which a round is found without a log-in: ``<key id>.<stream>.<round>.<mac>``, 144 bits of MAC.

        Raises:
            KeyMissingError: the ring has no such secret.
        """
        ring_key = self.current if key is None else key
        mac = self._reference_mac(portal, stream, round_number, ring_key)
        return f"{ring_key}.{stream}.{round_number}.{mac}"

    def read_reference(self, portal: str, text: object) -> tuple[str, int] | None:
        """Stream and round of a reference that this ring made for that portal; None for whatever else (L9).

        One MAC is computed and compared, in constant time, however wrong the text is.
        """
        match = _REFERENCE.match(text) if isinstance(text, str) else None
        ring_key, stream, digits, given = match.groups() if match else _NO_REFERENCE
        known = ring_key in self.secrets
        mac = self._reference_mac(portal, stream, int(digits), ring_key if known else self.current)
        genuine = hmac.compare_digest(mac, given)
        return (stream, int(digits)) if match and known and genuine else None

    def jwks(self) -> str:
        """The public keys as a JWK Set (RFC 7517, RFC 8037), to be published; it stays valid for old receipts (L25)."""
        keys: list[Json] = [
            {"alg": "EdDSA", "crv": "Ed25519", "kid": one.kid, "kty": "OKP", "use": "sig", "x": b64(one.public())}
            for one in self.signing
        ]
        return canonical({"keys": keys}).decode()

    def public_pem(self, kid: str | None = None) -> str:
        """One public key in PEM, for ``openssl``; the one that signs where none is named.

        Raises:
            KeyMissingError: there is no signing key of that id.
        """
        found = next((one for one in self.signing if kid in {None, one.kid}), None)
        if found is None:
            raise KeyMissingError(str(kid))
        return found.public_pem()

    def _reference_mac(self, portal: str, stream: str, round_number: int, key: str) -> str:
        return b64(self.mac("hht-closure/reference", portal, stream, round_number, key=key)[:18])

    def _key_for(self, label: str, key: str) -> Secret[bytes]:
        """The key of one label under one secret; derived once for each, since every call of a person asks again."""
        found = self._derived.get((key, label))
        if found is None:
            if key not in self.secrets:
                raise KeyMissingError(key)
            found = self._derived[key, label] = derived(self.secrets[key], label)
        return found


def _normalised(login_name: str) -> str:
    """The name without what people do not see as a difference (Unicode 3.13, D146, with NFKC)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", login_name).casefold()).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def _new_secret(entropy: Entropy) -> tuple[str, Secret[bytes]]:
    return entropy.token(6).hex(), Secret(entropy.token(KEY_SIZE))


def _new_signing_key(entropy: Entropy) -> SigningKey:
    return SigningKey(kid=entropy.token(6).hex(), seed=Secret(entropy.token(KEY_SIZE)))


def _read_key(value: Json, field: str) -> Secret[bytes]:
    return Secret(unb64(read_text(value, field)))


def _read_signing_key(value: Json) -> SigningKey:
    one = read_object(value, "signing", "kid", "alg", "seed")
    if one["alg"] != "EdDSA":
        raise InvalidValueError("alg", "unknown")
    return SigningKey(kid=read_text(one["kid"], "kid"), seed=_read_key(one["seed"], "seed"))
