"""The demonstration's sentences: each that it says is there, and each that is there is said."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from hht_closure.cli.demo.steps import Words
from hht_closure.policy.dispositions import DISPOSITIONS
from hht_closure.portal.conditions import INVOICES_GROUND, ORDERS_GROUND
from hht_closure.portal.data_sets import KEPT_GROUND
from hht_closure.texts import LOCALES, has_text

SAID = re.compile(r"""(?:words|_words|say|yes|no)\(\s*"([a-z_]+(?:\.[a-z_]+)?)\"""")
PROOFS = re.compile(r'self\._proof\(\s*"([a-z]+)"')
COLUMNS = ("data_set", "items", "disposition", "until", "before", "after", "kept")


def said() -> set[str]:
    """Every code that the demonstration's modules name."""
    folder = files("hht_closure.cli.demo")
    source = "".join(one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".py"))
    return {
        *(f"demo.{code}" for code in SAID.findall(source)),
        *(f"demo.proof.{name}" for name in PROOFS.findall(source)),
        *(f"demo.column.{name}" for name in COLUMNS),
        *(f"demo.fate.{name}" for name in DISPOSITIONS),
    }


def written(locale: str) -> set[str]:
    """Every code of the demonstration in the catalogue of that language."""
    folder = files("hht_closure.texts") / "locale" / locale.replace("-", "_") / "LC_MESSAGES"
    return set(re.findall(r'msgid "(demo\..*)"', (folder / "hht_closure.po").read_text(encoding="utf-8")))


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_said_and_what_is_written_is_the_same(locale: str) -> None:
    """No code without a text, and no text without use."""
    assert said() == written(locale)


@pytest.mark.parametrize("ground", [ORDERS_GROUND, INVOICES_GROUND, KEPT_GROUND])
def test_a_ground_in_english_is_what_the_portal_wrote(ground: str) -> None:
    """The catalogue says it in no other words; in Chinese it is another text."""
    assert Words("en").ground(ground) == ground
    assert Words("zh-CN").ground(ground) != ground


def test_a_ground_that_is_not_the_sample_portals_is_said_as_written() -> None:
    """There is no text for it."""
    assert Words("zh-CN").ground("Games Act 7") == "Games Act 7"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_is_compiled(locale: str) -> None:
    """The catalogue that is shipped has them all."""
    assert [code for code in sorted(said()) if not has_text(code, locale)] == []
