"""The notice: what closing means, as the person reads and accepts it."""

from __future__ import annotations

from datetime import datetime

import attrs

from hht_closure.policy.dispositions import Portion
from hht_closure.values import checked_text


@attrs.frozen
class NoticeText:
    """The wording of the notice in one language."""

    locale: str
    text: str

    def __attrs_post_init__(self) -> None:
        checked_text(self.locale, "locale", longest=35)
        checked_text(self.text, "notice", longest=20_000)


@attrs.frozen(kw_only=True)
class Notice:
    """What this person is shown before the final confirmation, and the nonce that accepts exactly this.

    ``fates`` says of each data set what is erased and what is kept, until when, and on what ground.
    ``digest`` is SHA-256 over version, locale, text and the fates (without their counts, which change by the
    minute). Confirm with ``nonce`` before ``expires``.
    """

    version: str
    locale: str
    text: str
    fates: tuple[tuple[str, tuple[Portion, ...]], ...]
    digest: str
    nonce: str = attrs.field(repr=False)
    expires: datetime
