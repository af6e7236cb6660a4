"""Digits to read or to hear: the provider's suite, and what a person meets."""

from __future__ import annotations

import base64
import io
import random
import sys
import wave
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest
from captcha import audio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from hht_closure.adapters.typed_captcha import LONGEST_TOKEN, TypedCaptcha
from hht_closure.errors import WiringError
from hht_closure.ports import CaptchaAnswer, CaptchaJob, CaptchaProvider, CaptchaResult
from hht_closure.testing.contracts.captcha_provider import NOON, SelfContainedCaptchaContract
from hht_closure.values import Secret

JOB = CaptchaJob(
    challenge="c1",
    secret=Secret(b"s" * 32),
    action="close_account",
    now=NOON,
    asked_at=NOON,
    expires=NOON + timedelta(minutes=10),
    locale="en",
)
CAPTCHA = TypedCaptcha()


class TestTypedCaptcha(SelfContainedCaptchaContract):
    """The suite of a provider that makes its own questions."""

    def make_provider(self) -> CaptchaProvider:
        """Six digits."""
        self.provider = TypedCaptcha()
        return self.provider

    def solve(self, job: CaptchaJob) -> Mapping[str, str]:
        """The digits, as a person reads them."""
        return {"typed": self.provider.solution(job).reveal()}


def job(number: int) -> CaptchaJob:
    """One of many jobs."""
    return attrs.evolve(JOB, challenge=str(number), secret=Secret(number.to_bytes(32, "big")))


def verdict(typed: str) -> CaptchaResult:
    """What the captcha says of what was typed."""
    answer = CaptchaAnswer(tokens={"typed": typed}, idempotency="0" * 32, timeout=timedelta(seconds=5))
    return CAPTCHA.verify(JOB, answer)


def content(address: str) -> bytes:
    """What a ``data:`` address holds."""
    return base64.b64decode(address.partition(",")[2], validate=True)


def spoken(address: str) -> bytes:
    """The samples of a sound."""
    with wave.open(io.BytesIO(content(address))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 1, 8000)
        return bytes(sound.readframes(-1))


def luminance(colour: tuple[int, ...]) -> float:
    """The relative luminance of an sRGB colour (WCAG 2.2)."""
    parts = [value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("written", ["{0} {1} {2} {3} {4} {5}", " {0}{1}{2} {3}{4}{5}\n", "{0}{1}{2}\u3000{3}{4}{5}"])
def test_white_space_between_digits_does_not_matter(written: str) -> None:
    """A person may type the digits in groups."""
    assert verdict(written.format(*CAPTCHA.solution(JOB).reveal())).accepted


@pytest.mark.parametrize("zero", ["\uff10", "\u0660", "\u0966"])
def test_digits_of_any_script_are_digits(zero: str) -> None:
    """Full-width, Arabic or Devanagari digits count as what they are worth."""
    typed = "".join(chr(ord(zero) + int(digit)) for digit in CAPTCHA.solution(JOB).reveal())
    assert verdict(typed).accepted


@pytest.mark.parametrize("typed", ["12345", "1234567", "12345x", "\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2", "1" * 100_000])
def test_what_is_not_six_digits_is_malformed(typed: str) -> None:
    """Another number of digits, or anything that is no decimal digit, is no answer at all."""
    assert verdict(typed) == CaptchaResult(accepted=False, reason="malformed")


def test_a_text_that_is_too_long_is_not_looked_at() -> None:
    """The right digits in more than :data:`LONGEST_TOKEN` characters are malformed."""
    padded = CAPTCHA.solution(JOB).reveal() + " " * LONGEST_TOKEN
    assert verdict(padded) == CaptchaResult(accepted=False, reason="malformed")


def test_wrong_digits_are_wrong() -> None:
    """Each digit counts: changing any one makes the answer wrong."""
    right = CAPTCHA.solution(JOB).reveal()
    changed = [right[:at] + str((int(right[at]) + 1) % 10) + right[at + 1 :] for at in range(6)]
    reasons = [verdict(one).reason for one in changed]
    assert reasons == ["wrong_digits"] * 6


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=80).filter(lambda text: "".join(text.split()) != CAPTCHA.solution(JOB).reveal()))
@example("\ud800")
def test_garbage_is_refused_without_an_exception(token: str) -> None:
    """Whatever text comes, the worst is a refusal."""
    assert verdict(token).accepted is False


def test_every_digit_is_about_as_likely() -> None:
    """Over 2,000 jobs no digit stands out (12,000 draws, 1,200 expected of each, five deviations are 164)."""
    drawn = "".join(CAPTCHA.solution(job(number)).reveal() for number in range(2000))
    assert [digit for digit in "0123456789" if abs(drawn.count(digit) - 1200) > 164] == []


@pytest.mark.parametrize("digits", [4, 9])
def test_the_number_of_digits_is_the_portals(digits: int) -> None:
    """From four to nine; the page is told how many."""
    captcha = TypedCaptcha(digits=digits)
    assert (len(captcha.solution(JOB).reveal()), captcha.widget(JOB)["digits"]) == (digits, str(digits))


@pytest.mark.parametrize("digits", [3, 10, True, 6.0])
def test_other_numbers_of_digits_do_not_exist(digits: int) -> None:
    """Too few are guessed, too many are not typed."""
    with pytest.raises(WiringError):
        TypedCaptcha(digits=digits)


def test_the_picture_is_a_picture() -> None:
    """A PNG, wide enough for its digits."""
    address = CAPTCHA.widget(JOB)["picture"]
    with Image.open(io.BytesIO(content(address))) as picture:
        assert (address.partition(",")[0], picture.format, picture.size) == ("data:image/png;base64", "PNG", (308, 100))


def test_the_ink_stands_out() -> None:
    """Ink on paper has a contrast of more than 7 to 1 (WCAG 2.2, 1.4.6), and there is enough of both."""
    with Image.open(io.BytesIO(content(CAPTCHA.widget(JOB)["picture"]))) as picture:
        counted = picture.convert("RGB").getcolors(maxcolors=256)
    assert counted is not None
    shades = sorted((luminance(colour), number) for number, colour in counted if isinstance(colour, tuple))
    (ink, inked), (paper, empty) = shades[0], shades[-1]
    assert (paper + 0.05) / (ink + 0.05) > 7
    assert inked > 1000
    assert empty > 15_000


def test_other_digits_give_another_picture_and_sound() -> None:
    """What is shown and said depends on what is asked."""
    first, second = CAPTCHA.widget(job(1)), CAPTCHA.widget(job(2))
    assert [first[key] == second[key] for key in ("picture", "sound")] == [False, False]


def test_the_sound_is_long_enough_to_type_along() -> None:
    """Six digits take from six to fifteen seconds, and not more than 200 KB as an address."""
    address = CAPTCHA.widget(JOB)["sound"]
    assert address.startswith("data:audio/wav;base64,")
    assert 6 < len(spoken(address)) / 8000 < 15
    assert len(address) < 200_000


def test_the_sound_has_as_many_voices_as_digits() -> None:
    """Behind the beeps there are six loud stretches, parted by at least 0.3 s of quiet."""
    samples = spoken(CAPTCHA.widget(JOB)["sound"])
    body = samples[3 * len(audio.BEEP + audio.SILENCE) : -len(audio.END_BEEP)]
    loud = [at for at, value in enumerate(body) if abs(value - 128) > 40]
    stretches = 1 + sum(after - before > 2400 for before, after in pairwise(loud))
    assert stretches == 6


def test_the_hosts_random_numbers_are_left_alone() -> None:
    """Rendering neither seeds nor draws from the generator that the host's own code may use."""
    state = random.getstate()
    CAPTCHA.widget(JOB)
    assert random.getstate() == state


def test_without_the_extra_it_says_which() -> None:
    """A portal that did not install the extra is told so when it builds its verifiers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "captcha", None)
        with pytest.raises(WiringError, match=r"hht-closure\[captcha\]"):
            TypedCaptcha()
