"""A million codes: every digit as likely as any other at every place, whatever stands beside it (L7, CODE-23).

Nothing here is left to chance: the secrets are counters, the worst keys that a derivation could be given, and the
figures are the same in every run. What they are held against would be passed by chance once in ten thousand times.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

import pytest

from hht_closure.adapters.codes import derived_code
from hht_closure.keys import KeyRing
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.values import Secret

MILLION: Final = 1_000_000
DIGITS: Final = 6
_VALUE_OF: Final = bytes(byte - ord("0") if byte in b"0123456789" else 255 for byte in range(256))

ONE_PLACE: Final = 33.72
"""The 99.99 % quantile of chi-square with 9 degrees of freedom: ten digits (Abramowitz and Stegun, 26.4.4)."""

TWO_PLACES: Final = 160.06
"""The 99.99 % quantile of chi-square with 99 degrees of freedom: a hundred pairs of digits (as above)."""


def _secret(number: int) -> Secret[bytes]:
    """The secret of that number, 32 bytes."""
    return Secret(number.to_bytes(32, "big"))


@pytest.fixture(scope="module")
def codes() -> bytes:
    """The codes of a million secrets, end to end."""
    return "".join([derived_code(_secret(number), DIGITS).reveal() for number in range(MILLION)]).encode()


def _chi_square(values: bytes, kinds: Iterable[int]) -> float:
    """Pearson's statistic against all kinds of value being equally likely."""
    counts = [values.count(kind) for kind in kinds]
    expected = len(values) / len(counts)
    return math.fsum((one - expected) ** 2 for one in counts) / expected


def _places(codes: bytes) -> list[float]:
    """The statistic of each place."""
    return [_chi_square(codes[place::DIGITS], b"0123456789") for place in range(DIGITS)]


def _neighbours(codes: bytes) -> list[float]:
    """The statistic of each place together with the next."""
    values = codes.translate(_VALUE_OF)
    return [
        _chi_square(_pairs(values[place::DIGITS], values[place + 1 :: DIGITS]), range(100))
        for place in range(DIGITS - 1)
    ]


def _pairs(tens: bytes, ones: bytes) -> bytes:
    """Each two digits as one byte, 0 to 99: reckoned for all at once in two long numbers, since no byte carries."""
    pairs = 10 * int.from_bytes(tens, "big") + int.from_bytes(ones, "big")
    return pairs.to_bytes(len(tens), "big")


def _different(codes: bytes) -> int:
    """How many different codes there are."""
    return len({codes[start : start + DIGITS] for start in range(0, len(codes), DIGITS)})


def test_at_every_place_every_digit_is_as_likely_as_any_other(codes: bytes) -> None:
    """Chi-square of each of the six places stays below its quantile (L7, CODE-23)."""
    assert [one for one in _places(codes) if one >= ONE_PLACE] == []


def test_no_digit_says_anything_of_the_next(codes: bytes) -> None:
    """Chi-square of each two neighbouring places stays below its quantile (L7, CODE-23)."""
    assert [one for one in _neighbours(codes) if one >= TWO_PLACES] == []


def test_codes_meet_as_often_as_chance_lets_them(codes: bytes) -> None:
    """A million draws of a million leave 1/e of the codes out, 367,879; 312 is one standard deviation (L7, CODE-23).

    The number of codes that never come has the mean N/e and the variance N (1/e - 2/e^2) (Johnson and Kotz, Urn
    Models, chapter 3); four deviations are borne.
    """
    never = MILLION - _different(codes)
    deviation = math.sqrt(MILLION * (math.exp(-1) - 2 * math.exp(-2)))
    assert abs(never - MILLION / math.e) < 4 * deviation


def test_a_code_is_a_text_whatever_it_begins_with(codes: bytes) -> None:
    """A tenth begins with a zero, a thousandth with three, and all have six digits: none was a number (L7, CODE-23).

    Means 100,000 and 1,000, standard deviations 300 and 32; four are borne.
    """
    zero = codes[::DIGITS].count(b"0")
    three = sum(codes[start : start + 3] == b"000" for start in range(0, len(codes), DIGITS))
    assert (len(codes), codes.isdigit(), abs(zero - 100_000) < 1_200, abs(three - 1_000) < 127) == (
        MILLION * DIGITS,
        True,
        True,
        True,
    )


def test_a_code_with_zeros_in_front_is_right_with_them_and_wrong_without(codes: bytes) -> None:
    """The first of the million that begins with 000 matches as it was sent, and not as a number (L7, CODE-23)."""
    start = next(start for start in range(0, len(codes), DIGITS) if codes[start : start + 3] == b"000")
    sent, code = codes[start : start + DIGITS].decode(), derived_code(_secret(start // DIGITS), DIGITS)
    assert (code.matches(sent), code.matches(sent.lstrip("0"))) == (True, False)


# --- through the key ring -----------------------------------------------------------------------------------

ISSUED: Final = 20_000


@pytest.fixture(scope="module")
def issued() -> bytes:
    """The codes of twenty thousand challenges of one round, as a key ring gives them, end to end."""
    ring = KeyRing.generate(UnsafeSeededEntropy(23))
    return "".join(
        derived_code(
            ring.challenge_secret(
                key=ring.current,
                portal="Stage",
                stream="stream",
                round_number=1,
                factor="sms_code",
                channel="sms",
                contact_version="s1",
                challenge=str(number),
            ),
            DIGITS,
        ).reveal()
        for number in range(ISSUED)
    ).encode()


def test_the_codes_of_a_key_rings_challenges_are_spread_evenly(issued: bytes) -> None:
    """One challenge after the other, at every place every digit is as likely as any other (L7, CODE-23)."""
    assert [one for one in _places(issued) if one >= ONE_PLACE] == []


def test_the_codes_of_a_key_rings_challenges_meet_as_often_as_birthdays_do(issued: bytes) -> None:
    """Of n (n - 1) / 2N = 200 pairs of equal codes the deviation is 14, and four are borne (L7, CODE-23)."""
    counted = Counter(issued[start : start + DIGITS] for start in range(0, len(issued), DIGITS))
    pairs = sum(one * (one - 1) // 2 for one in counted.values())
    expected = ISSUED * (ISSUED - 1) / 2 / MILLION
    assert abs(pairs - expected) < 4 * math.sqrt(expected)


# --- the twins: what is broken on purpose is found ------------------------------------------------------------


def test_a_remainder_of_all_bytes_is_found_out() -> None:
    """Modulo ten over all 256 bytes, 0 to 5 come 26 times and 6 to 9 come 25 times: every place shows it (CODE-23).

    Bytes of SHAKE256 stand in the place of the derivation's; the statistic of a place is then about 375.
    """
    modulo_ten = bytes(ord("0") + byte % 10 for byte in range(256))
    biased = hashlib.shake_256(b"a million codes").digest(MILLION * DIGITS).translate(modulo_ten)
    assert [one >= ONE_PLACE for one in _places(biased)] == [True] * DIGITS


def test_digits_that_hang_together_are_found_out(codes: bytes) -> None:
    """Every second digit like the one before: each place is even, and those pairs show it (CODE-23)."""
    twice = bytearray(codes)
    twice[1::2] = codes[::2]
    assert (
        [one for one in _places(bytes(twice)) if one >= ONE_PLACE],
        [one >= TWO_PLACES for one in _neighbours(bytes(twice))],
    ) == ([], [True, False, True, False, True])
