"""Whether what the demonstration needs is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

_NEEDED: Final = ("aiosmtpd", "altcha", "captcha", "httpx2", "rich")


def missing_extra() -> str | None:
    """What to say when the extra ``demo`` is not installed, or None when it is."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if not missing:
        return None
    return (
        "the extra 'demo' is missing: install 'hht-closure[demo]', or '.[demo]' in a checkout"
        f" (not found: {', '.join(missing)})"
    )
