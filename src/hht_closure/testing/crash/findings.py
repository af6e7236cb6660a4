"""What can be wrong with a closing that was disturbed."""

from __future__ import annotations

from typing import Final, Literal, get_args

import attrs

Harm = Literal["lost", "doubled", "stuck", "early"]
"""Lost is what should have happened or be there, and is not; doubled what happened twice, or to what it was not to;
stuck what goes no further; early what came before that which it rests on."""

HARMS: Final[tuple[Harm, ...]] = get_args(Harm)


@attrs.frozen
class Finding:
    """A promise that is broken: how, and which."""

    harm: Harm
    what: str

    def __str__(self) -> str:
        return f"{self.harm}: {self.what}"
