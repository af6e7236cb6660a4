"""Which of our languages a person gets."""

from __future__ import annotations

import pytest

from hht_closure.texts import LOCALES, match_locale


@pytest.mark.parametrize(
    "wanted", ["zh-Hans-CN", "zh_CN", "zh", "zh-CN", "zh-SG", "ZH-hans", "zh_CN.UTF-8", "cmn-Hans"]
)
def test_every_simplified_chinese_is_ours(wanted: str) -> None:
    """Script and region change nothing: the language counts."""
    assert match_locale(wanted) == "zh-CN"


@pytest.mark.parametrize("wanted", ["zh-TW", "zh-Hant-TW", "zh_HK"])
def test_traditional_chinese_gets_the_chinese_that_there_is(wanted: str) -> None:
    """It is nearer than English."""
    assert match_locale(wanted) == "zh-CN"


@pytest.mark.parametrize("wanted", ["en", "en-US", "en_GB", "EN", "en_GB@euro", "en-US-x-private"])
def test_every_english_is_ours(wanted: str) -> None:
    """Region and extensions change nothing."""
    assert match_locale(wanted) == "en"


@pytest.mark.parametrize(
    "wanted", ["fi", "", "*", "english", "zhx", "x-zh", "zh CN", "en;q=0.5", "../en", "en-" + "a" * 40]
)
def test_what_fits_nothing_is_none(wanted: str) -> None:
    """A language that we do not have, and what is no language tag, matches none."""
    assert match_locale(wanted) is None


@pytest.mark.parametrize("locale", LOCALES)
def test_a_locale_of_ours_matches_itself(locale: str) -> None:
    """What comes out can be put in again."""
    assert match_locale(locale) == locale
