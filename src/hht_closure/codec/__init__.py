"""Events as they are stored: canonical JSON with versions, in a chain of hashes; sealing happens here.

:mod:`~hht_closure.codec.plain` turns values into JSON and back, :mod:`~hht_closure.codec.versions` knows the
kinds of events and lifts old ones (L29), :mod:`~hht_closure.codec.chain` makes and checks the entries (L24).
"""

from __future__ import annotations

from hht_closure.canonical import digest
from hht_closure.codec.chain import START, Broken, Head, Sealer, Valid, read, verify, write
from hht_closure.codec.plain import read_plain, to_plain
from hht_closure.codec.versions import KINDS, from_stored, to_stored
from hht_closure.policy import Terms


def terms_digest(terms: Terms) -> str:
    """SHA-256 over the terms as they are stored, base64url: any change of any of them shows."""
    return digest(to_plain(terms, Terms))


__all__ = [
    "KINDS",
    "START",
    "Broken",
    "Head",
    "Sealer",
    "Valid",
    "from_stored",
    "read",
    "read_plain",
    "terms_digest",
    "to_plain",
    "to_stored",
    "verify",
    "write",
]
