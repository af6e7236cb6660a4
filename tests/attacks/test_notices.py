"""A notice whose language is none could be read and never confirmed (L11, L30)."""

from __future__ import annotations

import attrs
import pytest

from hht_closure.errors import InvalidValueError
from hht_closure.policy import NoticeText
from tests.stage import LI, TERMS, MakeStage


@pytest.mark.parametrize("locale", ["zh_CN.UTF-8", "en.", "\u4e2d\u6587", "en US", "e"])
def test_a_notice_has_a_language_tag(locale: str) -> None:
    """The name of a locale, or a text, is no language tag, and is refused when the terms are built (L30)."""
    with pytest.raises(InvalidValueError):
        NoticeText(locale, "Closing is final.")


@pytest.mark.parametrize("locale", ["en", "zh-CN", "zh-Hans-CN", "es-419"])
def test_a_notice_in_any_language_can_be_confirmed(make_stage: MakeStage, locale: str) -> None:
    """The twin: what can be built can be read, and what was read can be confirmed (L11)."""
    stage = make_stage(attrs.evolve(TERMS, notices=(NoticeText(locale, "Closing is final."),)))
    stage.verified()
    stage.service.confirm(stage.principal, stage.service.notice(stage.principal, locale).nonce)
    stage.service.work()
    assert stage.accounts.get(LI.id) is None
