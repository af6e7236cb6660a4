"""ALTCHA: the provider's suite, and the attacks on a proof of work."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta

import altcha
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hht_closure.adapters.altcha import LONGEST_TOKEN, LONGEST_VALIDITY, AltchaCaptcha, solve_altcha
from hht_closure.errors import InvalidValueError, StoreUnavailableError, WiringError
from hht_closure.ports import (
    Allowance,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    Clock,
    Exhausted,
    RequestInfo,
    SendBudget,
)
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts.captcha_provider import NOON, SpendingCaptchaContract
from hht_closure.values import Secret

JOB = CaptchaJob(challenge="c1", secret=Secret(b"s" * 32), expires=NOON + timedelta(minutes=10), locale="en")
ACCEPTED = CaptchaResult(accepted=True)


class OnceBudget:
    """A budget in memory that remembers everything it was asked."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, str], list[datetime]] = {}
        self.asked: list[Allowance] = []

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """One from each, by its sliding window; called with one allowance here."""
        (wanted,) = allowances
        self.asked.append(wanted)
        takings = self.taken.setdefault((wanted.name, wanted.key), [])
        counting = [at for at in takings if at > now - wanted.window]
        if len(counting) >= wanted.limit:
            return Exhausted(name=wanted.name, until=counting[0] + wanted.window)
        takings.append(now)
        return None


class AsyncBudget:
    """The same on an event loop."""

    def __init__(self) -> None:
        self.plain = OnceBudget()

    async def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """One from each, later."""
        return self.plain.take(allowances, now=now)


class DownBudget:
    """A store that is not there."""

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Nothing was taken."""
        raise StoreUnavailableError("budget", "down")


class AsyncDownBudget:
    """A store on an event loop that is not there."""

    async def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Nothing was taken."""
        raise StoreUnavailableError("budget", "down")


class TestAltchaCaptcha(SpendingCaptchaContract):
    """The suite of a provider that makes its own questions and remembers what was solved."""

    provider: AltchaCaptcha
    spent: SendBudget

    def make_provider(self, clock: Clock) -> CaptchaProvider:
        """Cheap work, and a store of its own."""
        self.spent = OnceBudget()
        self.provider = cheap(self.spent, clock)
        return self.provider

    def make_another(self, clock: Clock) -> CaptchaProvider:
        """Another instance on the same store."""
        return cheap(self.spent, clock)

    def solve(self, job: CaptchaJob) -> str:
        """What the widget does."""
        return solve_altcha(self.provider.widget(job)["challenge"])


class TestAsyncAltchaCaptcha(TestAltchaCaptcha):
    """The same suite over a store on an event loop."""

    def make_provider(self, clock: Clock) -> CaptchaProvider:
        """Cheap work, and an asynchronous store of its own."""
        self.spent = AsyncBudget()
        self.provider = cheap(self.spent, clock)
        return self.provider


def cheap(spent: SendBudget, clock: Clock, *, cost: int = 10, tries: int = 50) -> AltchaCaptcha:
    """A captcha that is solved in a few milliseconds."""
    return AltchaCaptcha(spent=spent, clock=clock, cost=cost, tries=tries)


def verdict(captcha: AltchaCaptcha, token: str, job: CaptchaJob = JOB) -> CaptchaResult:
    """What the captcha says, awaited where that is needed."""
    answer = captcha.verify(job, token, RequestInfo())
    return asyncio.run(awaited(answer)) if isinstance(answer, Awaitable) else answer


async def awaited(pending: Awaitable[CaptchaResult]) -> CaptchaResult:
    """What an asynchronous captcha says."""
    return await pending


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
    asked = json.loads(cheap(OnceBudget(), ManualClock(NOON)).widget(JOB)["challenge"])
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
    job = CaptchaJob(challenge="c1", secret=Secret(b"s" * 32), expires=far + timedelta(minutes=5), locale="en")
    token = solve_altcha(cheap(OnceBudget(), ManualClock(far)).widget(job)["challenge"])
    assert [altcha.verify_solution(token, key).verified for key in (b"s" * 32, b"t" * 32)] == [True, False]


def test_a_widget_may_say_how_long_it_took() -> None:
    """What the solution holds beside counter and key is not looked at."""
    captcha = cheap(OnceBudget(), ManualClock(NOON))
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
    captcha = cheap(OnceBudget(), ManualClock(NOON))
    token = repacked(solve_altcha(captcha.widget(JOB)["challenge"]), **changed)
    assert verdict(captcha, token) == CaptchaResult(accepted=False, problem="wrong_challenge")


def test_a_cheap_challenge_under_a_stolen_key_is_refused() -> None:
    """A signature that is right does not make a lower cost right: it is not the challenge that was asked."""
    dear, lower = cheap(OnceBudget(), ManualClock(NOON), cost=20), cheap(OnceBudget(), ManualClock(NOON), cost=1)
    token = solve_altcha(lower.widget(JOB)["challenge"])
    assert verdict(dear, token) == CaptchaResult(accepted=False, problem="wrong_challenge")


def test_an_unsigned_challenge_is_refused() -> None:
    """Without a signature the token does not repeat what was asked."""
    captcha = cheap(OnceBudget(), ManualClock(NOON))
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    del content["challenge"]["signature"]
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, problem="wrong_challenge")


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
    captcha = cheap(OnceBudget(), ManualClock(NOON))
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    content["solution"] |= changed
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, problem="wrong_solution")


def test_a_counter_as_a_fraction_is_refused() -> None:
    """``7.0`` is not ``7``: what equals the counter in Python alone is not the counter."""
    captcha = cheap(OnceBudget(), ManualClock(NOON))
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    content["solution"]["counter"] = float(content["solution"]["counter"])
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, problem="wrong_solution")


def test_the_work_grows_with_the_tries() -> None:
    """Over 100 challenges the counters spread over all the tries, and half of them are spent on average."""
    captcha = cheap(OnceBudget(), ManualClock(NOON), cost=1, tries=1000)
    counters: list[int] = []
    for number in range(100):
        job = CaptchaJob(challenge="c", secret=Secret(number.to_bytes(32, "big")), expires=JOB.expires, locale="en")
        token = solve_altcha(captcha.widget(job)["challenge"])
        counters.append(json.loads(base64.b64decode(token))["solution"]["counter"])
    assert 400 < sum(counters) / 100 < 600
    assert max(counters) < 1000


def test_a_token_that_is_too_long_is_not_decoded() -> None:
    """The right solution in more than :data:`LONGEST_TOKEN` characters is malformed."""
    captcha = cheap(OnceBudget(), ManualClock(NOON))
    content = json.loads(base64.b64decode(solve_altcha(captcha.widget(JOB)["challenge"])))
    content["solution"]["time"] = "x" * LONGEST_TOKEN
    assert verdict(captcha, packed(content)) == CaptchaResult(accepted=False, problem="malformed")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(max_size=200) | st.binary(max_size=300).map(lambda content: base64.b64encode(content).decode()))
@example("\ud800")
def test_garbage_is_refused_without_an_exception(token: str) -> None:
    """Texts and base64 of any bytes are refusals at worst."""
    assert verdict(cheap(OnceBudget(), ManualClock(NOON)), token).accepted is False


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
    assert verdict(cheap(OnceBudget(), ManualClock(NOON)), packed(content)).accepted is False


def test_a_second_use_is_named() -> None:
    """The problem of a replay is ``spent`` (CAPT-01)."""
    captcha = cheap(OnceBudget(), ManualClock(NOON))
    token = solve_altcha(captcha.widget(JOB)["challenge"])
    assert [verdict(captcha, token).problem for _ in range(2)] == [None, "spent"]


def test_a_replay_in_other_words_is_a_replay() -> None:
    """What is spent is the challenge, not the token's text: another ``time`` makes no new token (CAPT-01)."""
    captcha = cheap(OnceBudget(), ManualClock(NOON))
    token = solve_altcha(captcha.widget(JOB)["challenge"])
    content = json.loads(base64.b64decode(token))
    content["solution"]["time"] = 1
    assert [verdict(captcha, one).problem for one in (token, packed(content))] == [None, "spent"]


@pytest.mark.parametrize("spent", [DownBudget(), AsyncDownBudget()])
def test_without_the_store_nothing_is_accepted(spent: DownBudget | AsyncDownBudget) -> None:
    """Where nobody can say whether a challenge was solved before, it is not accepted, and the problem says why."""
    captcha = AltchaCaptcha(spent=spent, clock=ManualClock(NOON), cost=10, tries=50)
    token = solve_altcha(captcha.widget(JOB)["challenge"])
    assert verdict(captcha, token) == CaptchaResult(accepted=False, problem="unavailable")


def test_only_a_right_solution_is_spent() -> None:
    """A token that is refused takes nothing from the store."""
    spent = OnceBudget()
    captcha = cheap(spent, ManualClock(NOON))
    token = solve_altcha(captcha.widget(JOB)["challenge"])
    for wrong in ("", repacked(token, cost=1), "x"):
        verdict(captcha, wrong)
    assert spent.asked == []


def test_what_is_stored_says_nothing() -> None:
    """The store sees a digest for a day: neither the secret nor anything that a page has seen."""
    spent = OnceBudget()
    captcha = cheap(spent, ManualClock(NOON))
    challenge = captcha.widget(JOB)["challenge"]
    verdict(captcha, solve_altcha(challenge))
    (allowance,) = spent.asked
    assert (allowance.limit, allowance.window, len(bytes.fromhex(allowance.key))) == (1, LONGEST_VALIDITY, 32)
    assert (allowance.key in challenge, allowance.key == JOB.secret.reveal().hex()) == (False, False)


def test_a_challenge_that_outlives_the_memory_is_not_asked() -> None:
    """More than a day of validity would outlive the memory of what was spent: that is wired wrongly."""
    job = CaptchaJob(
        challenge="c", secret=JOB.secret, expires=NOON + LONGEST_VALIDITY + timedelta(seconds=1), locale="en"
    )
    with pytest.raises(WiringError):
        cheap(OnceBudget(), ManualClock(NOON)).widget(job)


def test_a_challenge_that_outlives_the_memory_is_not_accepted() -> None:
    """Nor is a solution taken while its challenge has more than a day to live."""
    clock = ManualClock(NOON + timedelta(hours=1))
    captcha = cheap(OnceBudget(), clock)
    job = CaptchaJob(
        challenge="c", secret=JOB.secret, expires=NOON + LONGEST_VALIDITY + timedelta(seconds=1), locale="en"
    )
    token = solve_altcha(captcha.widget(job)["challenge"])
    clock.set(NOON)
    assert verdict(captcha, token, job).accepted is False


@pytest.mark.parametrize(("cost", "tries"), [(0, 10), (10, 0), (True, 10), (10, 10_000_001)])
def test_work_that_is_none_or_endless_does_not_exist(cost: int, tries: int) -> None:
    """Cost and tries are checked when the captcha is made (L30)."""
    with pytest.raises(WiringError):
        AltchaCaptcha(spent=OnceBudget(), clock=ManualClock(NOON), cost=cost, tries=tries)


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
            solve_altcha(cheap(OnceBudget(), ManualClock(NOON)).widget(JOB)["challenge"])


def test_it_blocks_where_its_store_does() -> None:
    """A plain store is taken to block unless it says otherwise; one on an event loop is not."""
    captchas = [cheap(spent, ManualClock(NOON)) for spent in (OnceBudget(), AsyncBudget())]
    assert [one.never_blocks for one in captchas] == [False, True]


def test_without_the_extra_it_says_which() -> None:
    """A portal that did not install the extra is told so when it builds its verifiers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "altcha", None)
        with pytest.raises(WiringError, match=r"hht-closure\[altcha\]"):
            AltchaCaptcha(spent=OnceBudget(), clock=ManualClock(NOON))
