"""What a port's method gives: plain values, or things to await."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from typing_extensions import TypeAliasType

T = TypeVar("T")
Answer = TypeAliasType("Answer", T | Awaitable[T], type_params=(T,))
"""What a port's method gives: the value, or something to await for it."""
