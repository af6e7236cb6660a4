"""The notice: what closing means, as the person reads and accepts it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import attrs

from hht_closure.errors import InvalidValueError
from hht_closure.policy.dispositions import Portion
from hht_closure.values import checked_text

_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")


@attrs.frozen
class NoticeText:
    """The wording of the notice in one language, named by a language tag (RFC 5646): ``en``, ``zh-CN``."""

    locale: str
    text: str

    def __attrs_post_init__(self) -> None:
        if not _TAG.fullmatch(self.locale):
            raise InvalidValueError("locale", "not_a_language_tag")
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
