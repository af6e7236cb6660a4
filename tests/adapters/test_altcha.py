"""ALTCHA: the provider's suite, and the attacks on a proof of work."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import altcha
import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hht_closure.adapters.altcha import LONGEST_TOKEN, AltchaCaptcha, solve_altcha
from hht_closure.errors import InvalidValueError, WiringError
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
ACCEPTED = CaptchaResult(accepted=True, challenge="c1")


class TestAltchaCaptcha(SelfContainedCaptchaContract):
    """The suite of a provider that makes its own questions."""

    def make_provider(self) -> CaptchaProvider:
        """Cheap work."""
        self.provider = cheap()
        return self.provider

    def solve(self, job: CaptchaJob) -> Mapping[str, str]:
        """What the widget does."""
        return {"altcha": solve_altcha(self.provider.widget(job)["challenge"])}


def cheap(*, cost: int = 10, tries: int = 50) -> AltchaCaptcha:
    """A captcha that is solved in a few milliseconds."""
    return AltchaCaptcha(cost=cost, tries=tries)


def verdict(captcha: AltchaCaptcha, token: str, job: CaptchaJob = JOB) -> CaptchaResult:
    """What the captcha says of a token."""
    answer = CaptchaAnswer(tokens={"altcha": token}, idempotency="0" * 32, timeout=timedelta(seconds=5))
    return captcha.verify(job, answer)


def repacked(token: str, **changed: object) -> str:
    """The token with some of its challenge's parameters changed."""
    content = json.loads(base64.b64decode(token))
    content["challenge"]["parameters"] |= changed
    return packed(content)


def packed(content: object) -> str:
    """A token with that content."""
    return base64.b64encode(json.dumps(content).encode()).decode()


def test_the_challenge_is_what_the_widget_takes() -> None:
    """The JSON has the fields of ALTCHA's second version, and the end in whole seconds."""
    asked = json.loads(cheap().widget(JOB)["challenge"])
    parameters = asked["parameters"]
    assert set(asked) == {"parameters", "signature"}
    assert set(parameters) == {"algorithm", "cost", "expiresAt", "keyLength", "keyPrefix", "nonce", "salt"}
    assert (parameters["algorithm"], parameters["cost"]) == ("PBKDF2/SHA-256", 10)
    assert parameters["expiresAt"] == int(JOB.expires.timestamp())


def test_altchas_own_library_accepts_the_solution() -> None:
    """Challenge, signature and solution are ALTCHA's: its own check agrees, under the job's secret as key.

    That check reads the machine's clock, hence an end that is far away.
    """
    far = datetime(2150, 1, 1, tzinfo=UTC)
    job = attrs.evolve(JOB, now=far, asked_at=far, expires=far + timedelta(minutes=5))
    token = solve_altcha(cheap().widget(job)["challenge"])
    assert [altcha.verify_solution(token, key).verified for key in (b"s" * 32, b"t" * 32)] == [True, False]


def test_a_widget_may_say_how_long_it_took() -> None:
    """What the solution holds beside counter and key is not looked at."""
    captcha = cheap()
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    content["solution"] |= {"time": 12.5}
    assert verdict(captcha, packed(content)) == ACCEPTED


@pytest.mark.parametrize(
    "changed",
    [
        {"algorithm": "SHA-256"},
        {"algorithm": "PBKDF2/SHA-512"},
        {"cost": 1},
        {"cost": 10.0},
        {"keyPrefix": "00"},
        {"keyPrefix": ""},
        {"keyLength": 1},
        {"expiresAt": 4_000_000_000},
        {"expiresAt": None},
        {"nonce": "00" * 16},
        {"data": {}},
    ],
)
def test_a_challenge_that_was_changed_is_refused(changed: dict[str, object]) -> None:
    """A token cannot name a cheaper algorithm, a lower cost, a shorter prefix or another end."""
    captcha = cheap()
    token = repacked(solve_altcha(captcha.widget(JOB)["challenge"]), **changed)
    assert verdict(captcha, token) == CaptchaResult(accepted=False, reason="wrong_challenge")


def test_a_cheap_challenge_under_a_stolen_key_is_refused() -> None:
    """A signature that is right does not make a lower cost right: it is not the challenge that was asked."""
    dear, lower = cheap(cost=20), cheap(cost=1)
    token = solve_altcha(lower.widget(JOB)["challenge"])
    assert verdict(dear, token) == CaptchaResult(accepted=False, reason="wrong_challenge")


def test_an_unsigned_challenge_is_refused() -> None:
    """Without a signature the token does not repeat what was asked."""
    captcha = cheap()
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    del content["challenge"]["signature"]
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, reason="wrong_challenge")


@pytest.mark.parametrize(
    "changed",
    [
        {"counter": -1},
        {"counter": 2**32},
        {"counter": 2**80},
        {"counter": True},
        {"counter": "1"},
        {"counter": None},
        {"derivedKey": ""},
        {"derivedKey": None},
        {"derivedKey": "00" * 32},
    ],
)
def test_work_that_was_not_done_is_refused(changed: dict[str, object]) -> None:
    """Counter and key must both be the ones that the work finds; a counter guessed right needs its key."""
    captcha = cheap()
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    content["solution"] |= changed
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, reason="wrong_solution")


def test_a_counter_as_a_fraction_is_refused() -> None:
    """``7.0`` is not ``7``: what equals the counter in Python alone is not the counter."""
    captcha = cheap()
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    content["solution"]["counter"] = float(content["solution"]["counter"])
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, reason="wrong_solution")


def test_the_work_grows_with_the_tries() -> None:
    """Over 100 challenges the counters spread over all the tries, and half of them are spent on average."""
    captcha = cheap(cost=1, tries=1000)
    counters: list[int] = []
    for number in range(100):
        job = attrs.evolve(JOB, secret=Secret(number.to_bytes(32, "big")))
        token = solve_altcha(captcha.widget(job)["challenge"])
        counters.append(json.loads(base64.b64decode(token))["solution"]["counter"])
    assert 400 < sum(counters) / 100 < 600
    assert max(counters) < 1000


def test_a_token_that_is_too_long_is_not_decoded() -> None:
    """The right solution in more than :data:`LONGEST_TOKEN` characters is malformed."""
    captcha = cheap()
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    content["solution"]["time"] = "x" * LONGEST_TOKEN
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, reason="malformed")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=200) | st.binary(max_size=300).map(lambda content: base64.b64encode(content).decode()))
@example("\ud800")
def test_garbage_is_refused_without_an_exception(token: str) -> None:
    """Texts and base64 of any bytes are refusals at worst."""
    assert verdict(cheap(), token).accepted is False


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    NESTED
    | st.fixed_dictionaries({"challenge": NESTED, "solution": NESTED})
    | st.fixed_dictionaries(
        {"challenge": NESTED, "solution": st.fixed_dictionaries({"counter": NESTED, "derivedKey": NESTED})}
    )
)
def test_json_of_any_shape_is_refused_without_an_exception(content: object) -> None:
    """JSON that is not the token, down to the shape of one, is a refusal."""
    assert verdict(cheap(), packed(content)).accepted is False


def test_the_provider_keeps_nothing() -> None:
    """The same token for the same challenge is right again: what is used up is the challenge, in the journal (L6)."""
    captcha = cheap()
    token = solve_altcha(captcha.widget(JOB)["challenge"])
    assert [verdict(one, token) for one in (captcha, captcha, cheap())] == [ACCEPTED] * 3


@pytest.mark.parametrize(("cost", "tries"), [(0, 10), (10, 0), (True, 10), (10, 10_000_001)])
def test_work_that_is_none_or_endless_does_not_exist(cost: int, tries: int) -> None:
    """Cost and tries are checked when the captcha is made (L30)."""
    with pytest.raises(WiringError):
        AltchaCaptcha(cost=cost, tries=tries)


@pytest.mark.parametrize("challenge", ["", "[]", "null", "{}", '{"parameters": {}}', '{"parameters": 1}'])
def test_what_is_no_challenge_is_not_solved(challenge: str) -> None:
    """``solve_altcha`` says that it was not given a challenge."""
    with pytest.raises(InvalidValueError):
        solve_altcha(challenge)


def test_a_challenge_that_is_not_solved_in_time_is_said() -> None:
    """When ALTCHA's solver gives up, there is no token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(altcha, "solve_challenge", lambda _: None)
        with pytest.raises(InvalidValueError, match="unsolved"):
            solve_altcha(cheap().widget(JOB)["challenge"])


def test_it_never_blocks() -> None:
    """It asks nobody and keeps nothing."""
    assert AltchaCaptcha().never_blocks


def test_without_the_extra_it_says_which() -> None:
    """A portal that did not install the extra is told so when it builds its verifiers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "altcha", None)
        with pytest.raises(WiringError, match=r"hht-closure\[altcha\]"):
            AltchaCaptcha()
