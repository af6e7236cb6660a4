"""Which telephone numbers get codes: an allowed one however it is spelled, and no other."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Final

import attrs
import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hht_closure.adapters.phone import MobileNumbers
from hht_closure.errors import InvalidValueError, WiringError
from tests.packaging.sources import printed_by
from tests.service.doubles import loose

LI: Final = "+8613800001234"
CHINA: Final = MobileNumbers(regions=("CN",), disallowed=("+86170", "+861740"))
BRITAIN: Final = MobileNumbers(regions=("GB",))
WORLD: Final = MobileNumbers(regions=("CN", *sorted(phonenumbers.SUPPORTED_REGIONS - {"CN"})))
NOWHERE_MOBILE: Final = ("TA",)
"""Regions without a mobile network: Tristan da Cunha."""

SPELLINGS: Final = {
    "as E.164 has it": LI,
    "as it is dialled at home": "13800001234",
    "in groups": "138 0000 1234",
    "with hyphens": "138-0000-1234",
    "with dashes": "138–0000—1234",
    "with brackets": "(138) 0000.1234",
    "from abroad": "008613800001234",
    "from abroad, in groups": "00 86 138 0000 1234",
    "with the country in groups": "+86 138 0000 1234",
    "without the plus": "8613800001234",
    "with a trunk zero": "+86 (0)138 0000 1234",
    "in full width": "１３８００００１２３４",
    "in full width, with the country": "＋８６　１３８－００００－１２３４",
    "with an ideographic space": "138\u30000000\u30001234",
    "with spaces that do not break": "138\u00a00000\u00a01234",
    "with a long vowel for a hyphen": "138ー0000ー1234",
    "between marks of direction": "\u202a+86 138 0000 1234\u202c",
    "with a space of no width": "138\u200b0000\u200b1234",
    "in Arabic digits": "١٣٨٠٠٠٠١٢٣٤",
    "with a carrier in front": "17951 138 0000 1234",
    "with space around": "  13800001234 ",
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_spelling_of_a_number_is_that_number(spelled: str) -> None:
    """The budget counts, and the sender writes to, one form (L8)."""
    assert CHINA.normal(spelled) == LI


@pytest.mark.parametrize(
    ("region", "spelled", "normal"),
    [
        ("GB", "07400 123456", "+447400123456"),
        ("US", "(202) 456-1111", "+12024561111"),
        ("US", "011 1 202 456 1111", "+12024561111"),
        ("IT", "312 345 6789", "+393123456789"),
        ("SG", "8123 4567", "+6581234567"),
        ("AR", "011 15-2345-6789", "+5491123456789"),
        ("RU", "8 (912) 345-67-89", "+79123456789"),
        ("HK", "5123 4567", "+85251234567"),
    ],
)
def test_a_number_without_its_country_is_one_of_the_first_region(region: str, spelled: str, normal: str) -> None:
    """Trunk prefixes, and those by which one dials abroad, are that region's own."""
    assert MobileNumbers(regions=(region, "CN")).normal(spelled) == normal


def test_the_second_region_is_reached_with_its_country() -> None:
    """What is stored without one belongs to the first region, and is never guessed to be of another."""
    plan = MobileNumbers(regions=("CN", "GB"))
    assert (plan.normal("+447400123456"), plan.normal("07400123456")) == ("+447400123456", None)


NUMBERS_NOT_WRITTEN_TO: Final = {
    "empty": "",
    "a space": " ",
    "a plus": "+",
    "words": "call me",
    "words around it": "call 13800001234",
    "too short": "1380000123",
    "too long": "138000012345",
    "far too long": "1" * 5000,
    "an extension": "13800001234 ext. 5",
    "an extension with x": "13800001234x5",
    "an extension with #": "13800001234#5",
    "an extension of RFC 3966": "+8613800001234;ext=5",
    "a pause": "13800001234,5",
    "letters for digits": "138 0000 CALL",
    "two numbers": "13800001234/13900005678",
    "two numbers with a comma": "13800001234,13900005678",
    "two numbers with a space": "13800001234 13900005678",
    "two lines": "13800001234\n13900005678",
    "a header": "13800001234\r\nX-To: 1",
    "a tabulator": "138\t00001234",
    "a URI": "tel:+86-13800001234",
    "a URI that moves it abroad": "tel:8001234;phone-context=+1",
    "a plus in the middle": "86+13800001234",
    "two pluses": "++8613800001234",
    "digits in circles": "①③⑧⓪⓪⓪⓪①②③④",
    "digits as exponents": "¹³⁸⁰⁰⁰⁰¹²³⁴",
    "a star in front": "*13800001234",
    "a surrogate": "\ud8001380000123",
    "a nought byte": "13800001234\x00",
    "no such range": "12000001234",
    "an emergency": "110",
    "a short code": "10086",
    "at home abroad": "07400123456",
    "abroad": "+447400123456",
    "the neighbour": "+85251234567",
    "a country that is not there": "+99913800001234",
    "disallowed": "17000001234",
    "disallowed, with more of it": "+86 170 9999 1234",
    "disallowed, from abroad": "0086 174 0000 1234",
    "disallowed, with a trunk zero": "+86 0170 0000 1234",
    "disallowed, with a carrier in front": "17951 170 0000 1234",
    "disallowed, in full width": "１７０００００１２３４",
    "fixed": "010 1234 5678",
    "premium rate": "168 12345",
    "shared cost": "400 800 1234",
    "free": "800 123 4567",
    "Inmarsat": "+870773111632",
    "Iridium": "+881612345678",
    "a network of the world": "+88216123456",
    "premium rate of the world": "+979123456789",
    "free of the world": "+80012345678",
}


@pytest.mark.parametrize("number", NUMBERS_NOT_WRITTEN_TO.values(), ids=NUMBERS_NOT_WRITTEN_TO.keys())
def test_nothing_is_sent_to_any_other_number(number: str) -> None:
    """Not one number, not a mobile one, not of the region, or disallowed: the same None for all (L8, ABU-03)."""
    assert CHINA.normal(number) is None


@pytest.mark.parametrize(
    ("number", "normal"),
    [("17100001234", "+8617100001234"), ("17300001234", "+8617300001234"), ("+86 138 1740 1700", "+8613817401700")],
)
def test_a_prefix_disallows_what_begins_with_it_and_nothing_else(number: str, normal: str) -> None:
    """The twin: the neighbours of a prefix, and a number that holds it elsewhere (ABU-03)."""
    assert CHINA.normal(number) == normal


def test_without_disallowed_prefixes_the_range_is_written_to() -> None:
    """The twin: it was the prefix that stood in the way (ABU-03)."""
    plan = attrs.evolve(CHINA, disallowed=())
    assert [plan.normal(one) for one in ("17000001234", "17400001234")] == ["+8617000001234", "+8617400001234"]


# --- regions --------------------------------------------------------------------------------------------------


def _example(region: str, kind: int) -> str | None:
    number = phonenumbers.example_number_for_type(region, kind)
    return None if number is None else phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS - set(NOWHERE_MOBILE)))
def test_every_region_writes_to_its_own_mobile_numbers(region: str) -> None:
    """Also where a larger neighbour has the same range: the Vatican Italy's, the Isle of Man some of Britain's."""
    mobile = _example(region, phonenumbers.PhoneNumberType.MOBILE)
    assert (mobile is not None, MobileNumbers(regions=(region,)).normal(mobile or "")) == (True, mobile)


NEITHER_FIXED_NOR_MOBILE: Final = (
    phonenumbers.PhoneNumberType.TOLL_FREE,
    phonenumbers.PhoneNumberType.PREMIUM_RATE,
    phonenumbers.PhoneNumberType.SHARED_COST,
    phonenumbers.PhoneNumberType.VOIP,
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
    phonenumbers.PhoneNumberType.PAGER,
    phonenumbers.PhoneNumberType.UAN,
    phonenumbers.PhoneNumberType.VOICEMAIL,
)


def _examples(kind: int) -> Iterator[str]:
    """An example of that kind from each region that has one."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = _example(region, kind)
        if number is not None:
            yield number


@pytest.mark.parametrize("kind", NEITHER_FIXED_NOR_MOBILE, ids=phonenumbers.PhoneNumberType.to_string)
def test_no_region_writes_to_numbers_of_this_kind(kind: int) -> None:
    """Wherever they are, they cost somebody more than a message, or are nobody's telephone (L8, ABU-03)."""
    examples = tuple(_examples(kind))
    assert (len(examples) > 10, [one for one in examples if WORLD.normal(one) is not None]) == (True, [])


@pytest.mark.parametrize(
    ("region", "number"),
    [
        pytest.param("GB", "+447797712345", id="Jersey is not Britain"),
        pytest.param("GB", "+447781123456", id="Guernsey is not Britain"),
        pytest.param("GB", "+447624123456", id="the Isle of Man is not Britain"),
        pytest.param("US", "+14164561111", id="Canada is not the United States"),
        pytest.param("US", "+18765550123", id="Jamaica is not the United States"),
        pytest.param("US", "+18095550123", id="the Dominican Republic is not the United States"),
        pytest.param("RU", "+77011234567", id="Kazakhstan is not Russia"),
        pytest.param("KZ", "+79123456789", id="Russia is not Kazakhstan"),
        pytest.param("CN", "+85251234567", id="Hong Kong is a region"),
    ],
)
def test_a_country_code_is_not_a_region(region: str, number: str) -> None:
    """Who shares the code with the region charges prices of their own (ABU-03)."""
    of_its_own = {phonenumbers.region_code_for_number(phonenumbers.parse(number))}
    assert (MobileNumbers(regions=(region,)).normal(number), of_its_own & {region}) == (None, set())


def test_a_range_that_two_regions_share_belongs_to_both() -> None:
    """The package's ``region_code_for_number`` names the first alone, and nobody of the second got a code."""
    shared = "+447924123456"
    plans = [MobileNumbers(regions=(region,)) for region in ("GB", "IM", "JE")]
    assert [plan.normal(shared) for plan in plans] == [shared, shared, None]


# --- any text -------------------------------------------------------------------------------------------------

NEAR_A_NUMBER: Final = st.text(st.sampled_from("0123456789+-() ./x#,;=\n０８９＋٣①\u202a\u200b\ud800"), max_size=40)
PLANS: Final = st.sampled_from([CHINA, BRITAIN, MobileNumbers(regions=("US", "AR", "MX")), WORLD])


@settings(max_examples=500, deadline=None)
@example(text="0" * 300, plan=CHINA)
@example(text="+" + "1" * 10_000, plan=WORLD)
@example(text="+521", plan=WORLD)
@given(text=st.one_of(st.text(), NEAR_A_NUMBER), plan=PLANS)
def test_any_text_is_a_number_in_its_one_form_or_none(text: str, plan: MobileNumbers) -> None:
    """Nothing is raised; and what is given is given again for itself, so that what is counted is what is sent to."""
    normal = plan.normal(text)
    assert (normal is None or plan.normal(normal) == normal, _is_e164(normal)) == (True, True)


@settings(max_examples=300, deadline=None)
@given(region=st.sampled_from(WORLD.regions), digits=st.text("0123456789", min_size=4, max_size=12))
def test_a_number_of_any_region_has_one_form(region: str, digits: str) -> None:
    """Dialled at home or from abroad, a number that is written to has a form that stays (L8)."""
    plan = MobileNumbers(regions=(region,))
    normal = plan.normal(digits)
    assert normal in {None, plan.normal(normal or "")}


def _is_e164(normal: str | None) -> bool:
    """A plus and at most fifteen digits (ITU-T E.164, 6.2), or nothing."""
    return normal is None or (normal[0] == "+" and normal[1:].isdecimal() and normal.isascii() and len(normal) <= 16)


def test_no_number_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither one that is written to nor one that is not (L22)."""
    with caplog.at_level(logging.DEBUG):
        for number in (*SPELLINGS.values(), *NUMBERS_NOT_WRITTEN_TO.values()):
            CHINA.normal(number)
    assert caplog.records == []


# --- making one -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regions", "problem"),
    [
        pytest.param((), "empty", id="none"),
        pytest.param(("CN", "XX"), "unknown", id="one that there is not"),
        pytest.param(("cn",), "unknown", id="small letters"),
        pytest.param(("001",), "unknown", id="the world"),
        pytest.param(("ZZ",), "unknown", id="anywhere"),
        pytest.param((None,), "unknown", id="no text"),
        pytest.param(("CN", "CN"), "named_twice", id="twice"),
        pytest.param("CN", "not_a_tuple", id="a text"),
        pytest.param(["CN"], "not_a_tuple", id="a list"),
    ],
)
def test_regions_are_checked_when_the_plan_is_made(regions: object, problem: str) -> None:
    """A region that is misspelled would refuse everybody there, and no region everybody (L30)."""
    with pytest.raises(InvalidValueError) as refused:
        loose(MobileNumbers)(regions=regions)
    assert refused.value.args == ("regions", problem)


@pytest.mark.parametrize(
    ("disallowed", "problem"),
    [
        pytest.param(("86170",), "not_a_prefix", id="without its plus"),
        pytest.param(("+",), "not_a_prefix", id="a plus alone"),
        pytest.param(("",), "not_a_prefix", id="empty"),
        pytest.param(("+86 170",), "not_a_prefix", id="with a space"),
        pytest.param(("+86170\n",), "not_a_prefix", id="with a newline"),
        pytest.param(("+０８６",), "not_a_prefix", id="in full width"),
        pytest.param(("+0170",), "not_a_prefix", id="no country begins with nought"),
        pytest.param((86170,), "not_a_prefix", id="a number"),
        pytest.param("+86170", "not_a_tuple", id="a text"),
        pytest.param(["+86170"], "not_a_tuple", id="a list"),
    ],
)
def test_prefixes_are_checked_when_the_plan_is_made(disallowed: object, problem: str) -> None:
    """One that is misspelled would disallow nothing, and nobody would notice (L30, ABU-03)."""
    with pytest.raises(InvalidValueError) as refused:
        loose(MobileNumbers)(regions=("CN",), disallowed=disallowed)
    assert refused.value.args == ("disallowed", problem)


def test_a_plan_is_a_value() -> None:
    """Equal to its like, and nobody changes it afterwards."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        loose(setattr)(CHINA, "regions", ("GB",))
    assert attrs.evolve(CHINA) == CHINA


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal that did not install the extra is told so when it makes its plan."""
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    with pytest.raises(WiringError, match=r"hht-closure\[phone\]"):
        MobileNumbers(regions=("CN",))


def test_importing_the_adapter_loads_no_numbering_plan() -> None:
    """The package is loaded when a plan is made, at the portal's start, and not at the first person's code."""
    plan = "MobileNumbers(regions=('CN',))"
    loaded = "print('phonenumbers' in sys.modules, end=' ')"
    code = f"import sys\nfrom hht_closure.adapters.phone import MobileNumbers\n{loaded}\n{plan}\n{loaded}"
    assert printed_by(code) == "False True"
