"""One factor over several captcha providers; and the captcha suite itself, tried on providers broken on purpose."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import TypeVar

import pytest

from hht_closure.account import Account, AccountId
from hht_closure.adapters.altcha import AltchaCaptcha, solve_altcha
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.typed_captcha import TypedCaptcha
from hht_closure.errors import InvalidValueError, PortError, WiringError
from hht_closure.ports import (
    Answer,
    Asked,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    ChallengeJob,
    Clock,
    PersonAnswer,
    RequestInfo,
    Verifier,
)
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts.captcha_provider import NOON
from hht_closure.testing.contracts.verifier import SecretVerifierContract
from hht_closure.values import Secret
from hht_closure.verification import captcha
from tests.adapters.test_altcha import DownBudget, OnceBudget

T = TypeVar("T")
REQUEST = RequestInfo(remote_address="192.0.2.7", host="shop.example")
REFUSED = CaptchaResult(accepted=False, problem="wrong")


def challenge_job(secret: bytes = b"s" * 32) -> ChallengeJob:
    """What the service gives a verifier."""
    return ChallengeJob(
        account=Account(id=AccountId("shao")),
        contact=None,
        challenge="c1",
        secret=Secret(secret),
        expires=NOON + timedelta(minutes=10),
        valid_for=timedelta(minutes=10),
        locale="en",
        portal="shop",
    )


JOB = challenge_job()


def settled(answer: Answer[T]) -> T:
    """The value, awaited where that is needed."""
    return asyncio.run(awaited(answer)) if isinstance(answer, Awaitable) else answer


async def awaited(answer: Awaitable[T]) -> T:
    """The value of an awaitable."""
    return await answer


def token_for(job: CaptchaJob) -> str:
    """The right token of the plain captcha."""
    return hmac.digest(job.secret.reveal(), b"token", "sha256").hex()


class PlainCaptcha:
    """A captcha for tests: it shows the digest of its token, and remembers what it was given."""

    def __init__(self, name: str = "plain", clock: Clock | None = None, spent: set[str] | None = None) -> None:
        self.name = name
        self.clock = ManualClock(NOON) if clock is None else clock
        self.spent: set[str] = set() if spent is None else spent
        self.jobs: list[CaptchaJob] = []
        self.given: list[tuple[str, RequestInfo]] = []

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The digest of the token."""
        self.jobs.append(job)
        return {"digest": hmac.digest(token_for(job).encode(), b"shown", "sha256").hex()}

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """Once, and in time."""
        self.jobs.append(job)
        self.given.append((token, request))
        if token != token_for(job) or self.clock.now() >= job.expires or token in self.spent:
            return REFUSED
        self.spent.add(token)
        return CaptchaResult(accepted=True)


class AsyncCaptcha:
    """The plain captcha on an event loop."""

    def __init__(self, name: str = "later") -> None:
        self.plain = PlainCaptcha(name)

    @property
    def name(self) -> str:
        """The plain one's."""
        return self.plain.name

    async def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The plain one's."""
        return self.plain.widget(job)

    async def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """The plain one's."""
        return self.plain.verify(job, token, request)


class FailingCaptcha(PlainCaptcha):
    """A captcha whose service is not there and that says so by raising."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """Nothing."""
        raise TimeoutError

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """Nothing."""
        raise TimeoutError


class AsyncFailingCaptcha(AsyncCaptcha):
    """The same on an event loop."""

    async def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """Nothing."""
        raise TimeoutError

    async def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """Nothing."""
        raise TimeoutError


class AnsweringCaptcha(PlainCaptcha):
    """A captcha that always gives the same result."""

    def __init__(self, result: CaptchaResult) -> None:
        super().__init__()
        self.result = result

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """That result."""
        return self.result


def check(verifier: CaptchaVerifier, answer: PersonAnswer, job: ChallengeJob = JOB) -> bool:
    """The verdict on an answer."""
    return settled(verifier.check(job, answer, REQUEST))


def right(provider: PlainCaptcha, job: ChallengeJob = JOB) -> str:
    """The right token, from the job that the verifier gave the provider."""
    settled(CaptchaVerifier(provider).begin(job))
    return token_for(provider.jobs[-1])


def test_it_is_the_factor_that_requirements_name() -> None:
    """The verifier says of itself what ``hht_closure.verification.captcha`` says."""
    verifier: Verifier = CaptchaVerifier(PlainCaptcha())
    assert (verifier.factor, verifier.assurance, verifier.channel) == (captcha.name, "human_check", None)


def test_a_factor_may_have_another_name() -> None:
    """A portal with two captcha factors names them; the class stays ``human_check``."""
    verifier = CaptchaVerifier(PlainCaptcha(), factor="second_captcha")
    assert (verifier.factor, verifier.assurance) == ("second_captcha", "human_check")


def test_everybody_is_offered_it_and_nothing_is_sent() -> None:
    """There is no destination to show, and ``delivered`` is None."""
    verifier = CaptchaVerifier(PlainCaptcha())
    assert (verifier.offer(JOB.account), settled(verifier.begin(JOB)).delivered) == ("", None)


@pytest.mark.parametrize(
    "providers",
    [
        (),
        (PlainCaptcha("a"), PlainCaptcha("a")),
        (PlainCaptcha("a.b"),),
        (PlainCaptcha(""),),
    ],
)
def test_a_verifier_that_cannot_work_is_not_built(providers: tuple[PlainCaptcha, ...]) -> None:
    """No provider, two of one name, a name that cannot be a key."""
    with pytest.raises(WiringError):
        CaptchaVerifier(*providers)


def test_all_providers_are_asked_side_by_side() -> None:
    """``begin`` gives the parameters of each under its name, in the order given."""
    asked = settled(CaptchaVerifier(PlainCaptcha("b"), PlainCaptcha("a")).begin(JOB))
    assert list(asked.parameters) == ["b.digest", "a.digest"]


def test_the_same_challenge_asks_the_same() -> None:
    """With the same secret, the same is asked again (L7)."""
    verifier = CaptchaVerifier(PlainCaptcha("a"), PlainCaptcha("b"))
    assert settled(verifier.begin(JOB)) == settled(verifier.begin(JOB))


def test_any_one_provider_proves_the_factor() -> None:
    """Who cannot solve one solves another."""
    one, other = PlainCaptcha("one"), PlainCaptcha("other")
    verifier = CaptchaVerifier(one, other)
    assert [check(verifier, {name: right(p)}) for name, p in (("one", one), ("other", other))] == [True, True]


def test_a_plain_text_is_the_token_of_the_only_provider() -> None:
    """With one provider, a text and a mapping say the same."""
    provider = PlainCaptcha()
    assert check(CaptchaVerifier(provider), right(provider)) is True


def test_a_wrong_token_is_a_value() -> None:
    """A wrong token is a verdict and not an exception."""
    assert check(CaptchaVerifier(PlainCaptcha()), "guess") is False


def test_a_token_counts_for_its_provider_alone() -> None:
    """Each provider has a secret of its own, so one's token says nothing to the other (L3)."""
    one, other = PlainCaptcha("one"), PlainCaptcha("other")
    assert check(CaptchaVerifier(one, other), {"other": right(one)}) is False


def test_no_provider_is_given_the_challenges_secret() -> None:
    """What a provider derives, or gives away, tells nothing of the challenge's own secret (L7)."""
    provider = PlainCaptcha()
    settled(CaptchaVerifier(provider).begin(JOB))
    (job,) = provider.jobs
    assert (job.secret.matches(b"s" * 32), len(job.secret.reveal())) == (False, 32)


def test_the_provider_gets_the_rest_of_the_job_as_it_is() -> None:
    """Challenge, end, language and request go on unchanged."""
    provider = PlainCaptcha()
    check(CaptchaVerifier(provider), "token")
    (job,) = provider.jobs
    assert (job.challenge, job.expires, job.locale) == (JOB.challenge, JOB.expires, JOB.locale)
    assert provider.given == [("token", REQUEST)]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("token", "provider_not_named"),
        ({}, "not_one_token"),
        ({"one": "x", "other": "y"}, "not_one_token"),
        ({"third": "x"}, "provider_unknown"),
        ({"": "x"}, "provider_unknown"),
        ({"one": 7}, "not_a_token"),
        ({"one": None}, "not_a_token"),
        (None, "not_a_token"),
        (["one"], "not_a_token"),
    ],
)
def test_an_answer_of_another_form_is_malformed(answer: PersonAnswer, problem: str) -> None:
    """Not exactly one token for a provider of this verifier: the error says what, and nothing of the answer."""
    one, other = PlainCaptcha("one"), PlainCaptcha("other")
    with pytest.raises(InvalidValueError) as caught:
        check(CaptchaVerifier(one, other), answer)
    assert (caught.value.args, one.given, other.given) == (("answer", problem), [], [])


def test_an_asynchronous_provider_is_awaited() -> None:
    """Plain and asynchronous providers stand side by side, in either order."""
    for providers in ((PlainCaptcha("a"), AsyncCaptcha("b")), (AsyncCaptcha("a"), PlainCaptcha("b"))):
        begun = CaptchaVerifier(*providers).begin(JOB)
        assert isinstance(begun, Awaitable)
        assert list(asyncio.run(awaited(begun)).parameters) == ["a.digest", "b.digest"]


def test_an_asynchronous_verdict_is_awaited() -> None:
    """The right token is right and a wrong one wrong, later."""
    provider = AsyncCaptcha()
    verifier = CaptchaVerifier(provider)
    assert [check(verifier, right(provider.plain)), check(verifier, "guess")] == [True, False]


def test_plain_providers_give_plain_values() -> None:
    """Without an asynchronous provider nothing needs a loop."""
    verifier = CaptchaVerifier(PlainCaptcha())
    assert isinstance(verifier.begin(JOB), Asked)
    assert verifier.check(JOB, "guess", REQUEST) is False


@pytest.mark.parametrize("provider", [FailingCaptcha("down"), AsyncFailingCaptcha("down")])
def test_a_provider_that_raises_proves_nothing(provider: CaptchaProvider) -> None:
    """It comes out as a port's failure, told apart from a wrong token, with the cause behind it."""
    with pytest.raises(PortError) as caught:
        check(CaptchaVerifier(provider), "token")
    assert caught.value.args == ("captcha provider down.verify", "TimeoutError")
    assert isinstance(caught.value.__cause__, TimeoutError)


@pytest.mark.parametrize("provider", [FailingCaptcha("down"), AsyncFailingCaptcha("down")])
def test_a_provider_that_cannot_ask_is_a_ports_failure(provider: CaptchaProvider) -> None:
    """``begin`` does not leave a provider out in silence, wherever it stands."""
    for providers in ((provider,), (PlainCaptcha("up"), provider), (AsyncCaptcha("up"), provider)):
        with pytest.raises(PortError) as caught:
            settled(CaptchaVerifier(*providers).begin(JOB))
        assert caught.value.args == ("captcha provider down.widget", "TimeoutError")


def test_a_provider_that_is_unavailable_has_not_judged() -> None:
    """The problem ``unavailable`` is a port's failure: the person is not told that the token was wrong."""
    verifier = CaptchaVerifier(AnsweringCaptcha(CaptchaResult(accepted=False, problem="unavailable")))
    with pytest.raises(PortError):
        check(verifier, "token")


def test_unavailable_and_accepted_is_not_accepted() -> None:
    """A result that contradicts itself closes."""
    verifier = CaptchaVerifier(AnsweringCaptcha(CaptchaResult(accepted=True, problem="unavailable")))
    with pytest.raises(PortError):
        check(verifier, "token")


def test_only_true_is_true() -> None:
    """A provider that gives a text where a truth value belongs proves nothing."""
    result = CaptchaResult(accepted="no")  # type: ignore[arg-type]
    assert check(CaptchaVerifier(AnsweringCaptcha(result)), "token") is False


def test_it_never_blocks_where_no_provider_does() -> None:
    """A plain provider is taken to block unless it says otherwise; one on an event loop is not."""
    verifiers = [CaptchaVerifier(AsyncCaptcha()), CaptchaVerifier(AsyncCaptcha(), PlainCaptcha())]
    assert [one.never_blocks for one in verifiers] == [True, False]


def both(spent: OnceBudget | DownBudget) -> CaptchaVerifier:
    """The two captchas of this library for one factor."""
    clock = ManualClock(NOON)
    return CaptchaVerifier(AltchaCaptcha(spent=spent, clock=clock, cost=10, tries=50), TypedCaptcha(clock=clock))


def solved(verifier: CaptchaVerifier, job: ChallengeJob = JOB) -> dict[str, str]:
    """The answer that a browser with scripts gives."""
    return {"altcha": solve_altcha(settled(verifier.begin(job)).parameters["altcha.challenge"])}


def test_a_page_gets_all_three_forms() -> None:
    """A challenge for the script, a picture and a sound."""
    assert set(settled(both(OnceBudget()).begin(JOB)).parameters) == {
        "altcha.challenge",
        "typed.picture",
        "typed.sound",
        "typed.digits",
    }


def test_a_token_is_used_once() -> None:
    """The same solution a second time is refused, on another instance of the same store, too (CAPT-01)."""
    spent = OnceBudget()
    answer = solved(both(spent))
    assert [check(both(spent), answer) for _ in range(3)] == [True, False, False]


def test_a_token_is_refused_in_another_closure() -> None:
    """Another account, round or challenge has another secret, and there the token solves nothing (CAPT-01)."""
    verifier = both(OnceBudget())
    answer = solved(verifier)
    elsewhere = [check(verifier, answer, challenge_job(bytes([number]) * 32)) for number in (1, 2, 3)]
    assert [*elsewhere, check(verifier, answer)] == [False, False, False, True]


def test_the_digits_of_another_closure_are_refused() -> None:
    """What was read from one challenge's picture does not solve another's (CAPT-01)."""
    typed = TypedCaptcha(clock=ManualClock(NOON))
    seen = PlainCaptcha("typed")
    right(seen)
    digits = typed.solution(seen.jobs[-1]).reveal()
    verifier = CaptchaVerifier(typed)
    assert [check(verifier, digits, job) for job in (JOB, challenge_job(b"t" * 32))] == [True, False]


def test_without_the_memory_of_what_was_used_nothing_is_accepted() -> None:
    """Where the store of spent challenges is down, the right solution is a failure to ask, not a proof (CAPT-01)."""
    verifier = both(DownBudget())
    with pytest.raises(PortError):
        check(verifier, solved(verifier))


class TestCaptchaVerifierWithScript(SecretVerifierContract):
    """The suite of a verifier, answered by a browser that runs the script."""

    def make_verifier(self) -> Verifier:
        """Both captchas, and a store that is new."""
        return both(OnceBudget())

    def right_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """The proof of work."""
        return {"altcha": solve_altcha(asked.parameters["altcha.challenge"])}

    def wrong_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """Digits that were guessed."""
        return {"typed": "000000"}

    def malformed_answer(self) -> PersonAnswer:
        """Two tokens at once."""
        return {"altcha": "x", "typed": "000000"}


class TestCaptchaVerifierLater(SecretVerifierContract):
    """The suite of a verifier over an asynchronous provider."""

    def make_verifier(self) -> Verifier:
        """One provider on an event loop."""
        return CaptchaVerifier(AsyncCaptcha())

    def right_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """The token of the job that a verifier gives that provider."""
        return {"later": right(PlainCaptcha("later"), job)}

    def wrong_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """A guess."""
        return "guess"

    def malformed_answer(self) -> PersonAnswer:
        """A token for nobody."""
        return {"sooner": "guess"}
