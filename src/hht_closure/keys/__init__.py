"""The key ring, what is derived from it under labels, and sealing (L7, L22, L23, L27).

:mod:`~hht_closure.keys.ring` holds the keys, :mod:`~hht_closure.keys.derivation` derives from them,
:mod:`~hht_closure.keys.sealing` seals and opens, :mod:`~hht_closure.keys.signing` signs.

Nothing here shows a key: not in ``repr``, not in a pickle, not in an error. ``cryptography`` is loaded at the first
use that needs it, and importing this package does not.
"""

from __future__ import annotations

from hht_closure.keys.derivation import KEY_SIZE, Part, derived, framed
from hht_closure.keys.ring import KeyRing
from hht_closure.keys.sealing import NONCE_SIZE, new_data_key, seal, unseal
from hht_closure.keys.signing import SigningKey

__all__ = [
    "KEY_SIZE",
    "NONCE_SIZE",
    "KeyRing",
    "Part",
    "SigningKey",
    "derived",
    "framed",
    "new_data_key",
    "seal",
    "unseal",
]
