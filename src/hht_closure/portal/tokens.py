"""Tokens of the sample portal, of sessions and of password resets: who holds one has it, and no file gives it away."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Final

from hht_closure.ports import Entropy
from hht_closure.values import Secret

_TOKEN_BYTES: Final = 32


def new_token(entropy: Entropy) -> Secret[str]:
    """A text that nobody can guess, and that can stand in a URL."""
    return Secret(urlsafe_b64encode(entropy.token(_TOKEN_BYTES)).decode().rstrip("="))


def token_digest(token: Secret[str]) -> str:
    """What the database knows of a token: whoever reads the file can do nothing with it."""
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).hexdigest()
