"""What a person reads: every code as a sentence, in English and in Chinese.

A text is found by its code (``refusal.locked``, ``statement.data_backed_up``) in a gettext catalogue; English is a
catalogue, too. Catalogues are read at first use. Texts are plain: whoever puts one into HTML escapes it there.
"""

from __future__ import annotations

from hht_closure.texts.catalogue import detailed_text, has_text, text
from hht_closure.texts.figures import deadline, moment, money, whole_minutes
from hht_closure.texts.locales import LOCALES, match_locale
from hht_closure.texts.sentences import blocker_sentence, sentence

__all__ = [
    "LOCALES",
    "blocker_sentence",
    "deadline",
    "detailed_text",
    "has_text",
    "match_locale",
    "moment",
    "money",
    "sentence",
    "text",
    "whole_minutes",
]
