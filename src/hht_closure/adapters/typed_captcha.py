"""Digits to read or to hear, as a captcha provider that needs no script (extra ``captcha``).

A picture and a sound of the same digits, so that a person who cannot see the one may hear the other (WCAG 2.2,
1.1.1: a captcha has alternatives for different senses). Programs that read pictures read this one; what keeps
them off are the counted attempts and the send budgets behind the captcha, not the captcha.

Of the package ``captcha`` this module uses the font, the voices and the functions on waves. Its own
``generate`` draws from the system's randomness, so it gives another rendering of the same digits at each call,
and several renderings are easier to read for a program than one; it also picks colours without regard to contrast.
"""

from __future__ import annotations

import base64
import hmac
import io
import random
import unicodedata
import wave
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hht_closure.adapters.codes import derived_code
from hht_closure.errors import WiringError
from hht_closure.ports import CaptchaAnswer, CaptchaJob, CaptchaResult
from hht_closure.values import Secret

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_TOKEN: Final = 64
"""The longest text that is looked at, in characters, spaces included."""

_WIDTH_PER_DIGIT: Final = 48
_HEIGHT: Final = 100
_INK: Final = (20, 32, 60)
_PAPER: Final = (250, 250, 246)
_FONT_SIZES: Final = (58, 64, 70)
_RATE: Final = 8000


class TypedCaptcha:
    """A :class:`~hht_closure.ports.CaptchaProvider` that asks for digits, shown as ``picture`` and said as ``sound``.

    Both are ``data:`` addresses, a PNG and a WAV. Digits and renderings are derived from the job's secret: the
    same job gives the same bytes (with the same version of Pillow), and nothing is stored. The voices speak
    English digits; for six digits the picture has about 4 KB and takes 10 ms, the sound about 95 KB, 9 seconds
    and takes 60 ms. The ink on the paper has a contrast of 15 to 1. A page with a Content-Security-Policy allows
    ``data:`` for images and media.

    The person may type spaces between the digits, and digits of any script (full-width ones, say).

    Args:
        digits: how many, from 4 to 9.
    """

    name: str = "typed"
    fields: tuple[str, ...] = ("typed",)
    names_hosts: bool = False

    def __init__(self, *, digits: int = 6) -> None:
        """A provider with this many digits.

        Raises:
            WiringError: the extra is not installed, or the number of digits is not from 4 to 9.
        """
        if type(digits) is not int or not 4 <= digits <= 9:
            raise WiringError("the typed captcha has from 4 to 9 digits")
        if find_spec("captcha") is None:
            raise WiringError("the typed captcha needs the extra: pip install 'hht-closure[captcha]'")
        self._digits = digits

    def solution(self, job: CaptchaJob) -> Secret[str]:
        """The digits that this job asks for; for demonstrations and tests, since nothing else can read them."""
        return derived_code(job.secret, self._digits)

    def widget(self, job: CaptchaJob) -> dict[str, str]:
        """``picture`` and ``sound`` of the digits, and ``digits``, how many there are."""
        text = self.solution(job).reveal()
        seed = hmac.digest(job.secret.reveal(), b"typed rendering", "sha256")
        # the seeded generator only places dots and noise; it guards nothing, and the host's own is not touched
        return {
            "picture": _address("image/png", _picture(text, random.Random(seed + b"p"))),  # noqa: S311
            "sound": _address("audio/wav", _sound(text, random.Random(seed + b"s"))),  # noqa: S311
            "digits": str(self._digits),
        }

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Whether these are the digits, before the job ends; reasons: ``expired``, ``malformed``, ``wrong_digits``."""
        if job.now >= job.expires:
            return CaptchaResult(accepted=False, reason="expired")
        typed = _typed(answer.tokens["typed"])
        if len(typed) != self._digits:
            return CaptchaResult(accepted=False, reason="malformed")
        if not self.solution(job).matches(typed):
            return CaptchaResult(accepted=False, reason="wrong_digits")
        return CaptchaResult(accepted=True, challenge=job.challenge)


def _typed(token: str) -> str:
    """The digits of a text as ASCII, without white space; empty where there is anything else in it."""
    if len(token) > LONGEST_TOKEN:
        return ""
    values = [unicodedata.decimal(one, None) for one in token if not one.isspace()]
    return "" if None in values else "".join(str(value) for value in values)


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _picture(text: str, chance: random.Random) -> bytes:
    """The digits in dark ink on light paper, each slanted and turned a little, with thin lines and dots across."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - an extra

    size = (_WIDTH_PER_DIGIT * len(text) + 20, _HEIGHT)
    ink = Image.new("L", size, 0)
    for place, digit in enumerate(text):
        glyph = _glyph(digit, chance)
        left = 10 + _WIDTH_PER_DIGIT * place + (_WIDTH_PER_DIGIT - glyph.width) // 2
        ink.paste(255, (left + chance.randint(-4, 4), chance.randint(-8, 8)), glyph)
    pen = ImageDraw.Draw(ink)
    for _ in range(3):
        left, top = chance.randint(-size[0] // 2, size[0] // 4), chance.randint(-_HEIGHT // 2, _HEIGHT // 2)
        right, bottom = left + chance.randint(size[0], 2 * size[0]), top + chance.randint(_HEIGHT // 2, 2 * _HEIGHT)
        pen.arc((left, top, right, bottom), 0, 360, fill=255, width=2)
    for _ in range(10 * len(text)):
        left, top = chance.randrange(size[0]), chance.randrange(_HEIGHT)
        pen.ellipse((left, top, left + 2, top + 2), fill=255)
    picture = Image.composite(Image.new("RGB", size, _INK), Image.new("RGB", size, _PAPER), ink)
    written = io.BytesIO()
    picture.quantize(16).save(written, "PNG", optimize=True)
    return written.getvalue()


def _glyph(digit: str, chance: random.Random) -> Image:
    """One digit as a mask; the slant stays small enough that 1 and 7 are told apart."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - an extra

    font = ImageFont.truetype(str(_data() / "DroidSansMono.ttf"), chance.choice(_FONT_SIZES))
    glyph = Image.new("L", (_HEIGHT, _HEIGHT), 0)
    middle = _HEIGHT / 2
    ImageDraw.Draw(glyph).text((middle, middle), digit, font=font, fill=255, anchor="mm")
    slant, tilt = chance.uniform(-0.2, 0.2), chance.uniform(-0.1, 0.1)
    slanted = (1.0, slant, -slant * middle, tilt, 1.0, -tilt * middle)
    glyph = glyph.transform(glyph.size, Image.Transform.AFFINE, slanted, Image.Resampling.BICUBIC)
    return glyph.rotate(chance.uniform(-15, 15), Image.Resampling.BICUBIC)


def _sound(text: str, chance: random.Random) -> bytes:
    """Three beeps, then the digits one by one over faint noise and voices that run backwards, then a beep."""
    from captcha import audio  # noqa: PLC0415 - an extra

    spoken = bytearray()
    for digit in text:
        pause = audio.create_silence(chance.randint(_RATE * 6 // 10, _RATE * 12 // 10))
        voice = audio.change_speed(bytearray(_voice(digit)), chance.uniform(1.0, 1.25))
        spoken += pause + audio.change_sound(voice, chance.uniform(1.2, 1.5))
    spoken += audio.create_silence(_RATE // 2)
    heard = audio.mix_wave(_murmur(len(spoken), chance), spoken)
    beeps = (audio.BEEP + audio.SILENCE) * 3
    return bytes(audio.patch_wave_header(beeps + heard + audio.END_BEEP))


def _murmur(length: int, chance: random.Random) -> bytearray:
    """Faint noise of that many samples with quiet backward voices in it."""
    from captcha import audio  # noqa: PLC0415 - an extra

    murmur = bytearray(126 + (value & 3) for value in chance.randbytes(length))
    start = 0
    while start < length:
        voice = audio.change_speed(bytearray(_voice(chance.choice("0123456789"))[::-1]), chance.uniform(0.8, 1.6))
        quiet = audio.change_sound(voice, chance.uniform(0.1, 0.25))[: length - start]
        murmur[start : start + len(quiet)] = audio.mix_wave(quiet, murmur[start : start + len(quiet)])
        start += len(quiet) + chance.randint(0, _RATE // 5)
    return murmur


@cache
def _voice(digit: str) -> bytes:
    """The samples of one spoken digit: mono, 8 bits, 8,000 a second."""
    with wave.open(str(_data() / digit / "default.wav"), "rb") as recording:
        return recording.readframes(-1)


@cache
def _data() -> Path:
    """Where the package keeps its font and voices."""
    from captcha import audio  # noqa: PLC0415 - an extra

    return Path(audio.DATA_DIR)
