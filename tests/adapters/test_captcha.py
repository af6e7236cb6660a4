"""One factor over several captcha providers: what each is given, whose evidence counts, and the way round."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import TypeVar

import attrs
import pytest

from hht_closure.account import CLOCK_SKEW, Account, AccountId, Principal
from hht_closure.adapters.altcha import AltchaCaptcha, solve_altcha
from hht_closure.adapters.captcha import ACTION, CaptchaVerifier
from hht_closure.adapters.typed_captcha import TypedCaptcha
from hht_closure.errors import InvalidValueError, PortError, WiringError
from hht_closure.ports import (
    Answer,
    Asked,
    CaptchaAnswer,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    ChallengeJob,
    Offer,
    PersonAnswer,
    RequestInfo,
    Verifier,
)
from hht_closure.testing.contracts.captcha_provider import INSTANT, NOON
from hht_closure.testing.contracts.verifier import SecretVerifierContract
from hht_closure.values import Secret
from hht_closure.verification import captcha

T = TypeVar("T")
HOST = "shop.example"
REQUEST = RequestInfo(remote_address="192.0.2.7", host=HOST)
REFUSED = CaptchaResult(accepted=False, reason="wrong")


def challenge_job(secret: bytes = b"s" * 32, session: str = "session-1") -> ChallengeJob:
    """What the service gives a verifier."""
    return ChallengeJob(
        account=Account(id=AccountId("shao")),
        principal=Principal(account=AccountId("shao"), session=session, logged_in_at=NOON),
        contact=None,
        challenge="c1",
        secret=Secret(secret),
        now=NOON + timedelta(minutes=2),
        expires=NOON + timedelta(minutes=10),
        valid_for=timedelta(minutes=10),
        locale="en",
        portal="shop",
    )


JOB = challenge_job()
ELSEWHERE = challenge_job(session="session-2")


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

    names_hosts = False

    def __init__(self, name: str = "plain", *fields: str) -> None:
        self.name = name
        self.fields = fields or (name,)
        self.jobs: list[CaptchaJob] = []
        self.given: list[CaptchaAnswer] = []

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The digest of the token."""
        self.jobs.append(job)
        return {"digest": hmac.digest(token_for(job).encode(), b"shown", "sha256").hex()}

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """In every field, and in time."""
        self.jobs.append(job)
        self.given.append(answer)
        is_right = set(answer.tokens.values()) == {token_for(job)} and job.now < job.expires
        return CaptchaResult(accepted=True, challenge=job.challenge) if is_right else REFUSED


class AsyncCaptcha:
    """The plain captcha on an event loop."""

    names_hosts = False

    def __init__(self, name: str = "later") -> None:
        self.plain = PlainCaptcha(name)
        self.name = name
        self.fields = (name,)

    async def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The plain one's."""
        return self.plain.widget(job)

    async def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """The plain one's."""
        return self.plain.verify(job, answer)


class FailingCaptcha(PlainCaptcha):
    """A captcha whose service is not there and that says so by raising."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """Nothing."""
        raise TimeoutError(token_for(job))

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Nothing."""
        raise TimeoutError(token_for(job))


class AsyncFailingCaptcha(AsyncCaptcha):
    """The same on an event loop."""

    async def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """Nothing."""
        raise TimeoutError(token_for(job))

    async def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Nothing."""
        raise TimeoutError(token_for(job))


class AnsweringCaptcha(PlainCaptcha):
    """A captcha that always gives the same result."""

    def __init__(self, result: CaptchaResult) -> None:
        super().__init__()
        self.result = result
        self.names_hosts = result.host is not None

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """That result."""
        return self.result


def check(verifier: CaptchaVerifier, answer: PersonAnswer, job: ChallengeJob = JOB) -> bool:
    """The verdict on an answer."""
    return settled(verifier.check(job, answer, REQUEST))


def right(provider: PlainCaptcha, job: ChallengeJob = JOB) -> str:
    """The right token, from the job that the verifier gave the provider."""
    settled(CaptchaVerifier(provider).begin(job))
    return token_for(provider.jobs[-1])


# --- the factor -------------------------------------------------------------------------------------------------


def test_it_is_the_factor_that_requirements_name() -> None:
    """The verifier says of itself what ``hht_closure.verification.captcha`` says."""
    verifier: Verifier = CaptchaVerifier(PlainCaptcha())
    assert (verifier.factor, verifier.assurance, verifier.channel) == (captcha.name, "human_check", None)


def test_a_factor_may_have_another_name() -> None:
    """A portal with two captcha factors names them; the class stays ``human_check``."""
    verifier = CaptchaVerifier(PlainCaptcha(), factor="second_captcha")
    assert (verifier.factor, verifier.assurance) == ("second_captcha", "human_check")


def test_everybody_is_offered_it_and_nothing_is_sent() -> None:
    """There is no destination to show or to count, and ``delivered`` is None."""
    verifier = CaptchaVerifier(PlainCaptcha())
    assert (verifier.offer(JOB.account), settled(verifier.begin(JOB)).delivered) == (Offer(), None)


@pytest.mark.parametrize(
    "providers",
    [
        (),
        (PlainCaptcha("a"), PlainCaptcha("a")),
        (PlainCaptcha("a", "x"), PlainCaptcha("b", "x")),
        (PlainCaptcha("a", "x", "x"),),
        (PlainCaptcha("a.b"),),
        (PlainCaptcha(""),),
        (AnsweringCaptcha(CaptchaResult(accepted=True, host=HOST)),),
    ],
    ids=["none", "one name", "one field", "a field twice", "a dot", "no name", "a host that nobody named"],
)
def test_a_verifier_that_cannot_work_is_not_built(providers: tuple[PlainCaptcha, ...]) -> None:
    """No provider, two of one name or field, a name that cannot be a prefix, a host and none to compare it with."""
    with pytest.raises(WiringError):
        CaptchaVerifier(*providers)


@pytest.mark.parametrize(
    "hosts", [("https://shop.example",), ("shop.example:443",), ("shop.example/close",), ("",), ("a b",), HOST]
)
def test_what_is_no_host_is_not_compared_with_one(hosts: tuple[str, ...]) -> None:
    """A host with a scheme, a port or a path would refuse everybody, and a text would take a part of it for a host."""
    with pytest.raises(WiringError, match="host"):
        CaptchaVerifier(PlainCaptcha(), hosts=hosts)


@pytest.mark.parametrize("seconds", [0, -1, 61])
def test_judging_has_an_end(seconds: int) -> None:
    """A time-out of more than nothing and at most a minute (L30)."""
    with pytest.raises(InvalidValueError, match="timeout"):
        CaptchaVerifier(PlainCaptcha(), timeout=timedelta(seconds=seconds))


# --- asking -----------------------------------------------------------------------------------------------------


def test_all_providers_are_asked_side_by_side() -> None:
    """``begin`` gives the parameters of each under its name, in the order given."""
    asked = settled(CaptchaVerifier(PlainCaptcha("b"), PlainCaptcha("a")).begin(JOB))
    assert list(asked.parameters) == ["b.digest", "a.digest"]


def test_the_same_challenge_asks_the_same() -> None:
    """With the same secret, the same is asked again (L7)."""
    verifier = CaptchaVerifier(PlainCaptcha("a"), PlainCaptcha("b"))
    assert settled(verifier.begin(JOB)) == settled(verifier.begin(JOB))


def test_no_provider_is_given_the_challenges_secret() -> None:
    """What a provider derives, or gives away, tells nothing of the challenge's own secret (L7)."""
    provider = PlainCaptcha()
    settled(CaptchaVerifier(provider).begin(JOB))
    (job,) = provider.jobs
    assert (job.secret.matches(b"s" * 32), len(job.secret.reveal())) == (False, 32)


def test_the_provider_gets_the_rest_of_the_job_as_it_is() -> None:
    """Challenge, times and language go on unchanged, with the action and the portal's hosts."""
    provider = PlainCaptcha()
    check(CaptchaVerifier(provider, hosts=("Shop.Example",)), "token")
    (job,) = provider.jobs
    assert attrs.asdict(job, filter=lambda one, _: one.name != "secret") == {
        "challenge": JOB.challenge,
        "action": ACTION,
        "hosts": (HOST,),
        "now": JOB.now,
        "asked_at": NOON,
        "expires": JOB.expires,
        "locale": JOB.locale,
    }


@pytest.mark.parametrize("provider", [FailingCaptcha("down"), AsyncFailingCaptcha("down")])
def test_a_provider_that_cannot_ask_is_left_out(provider: CaptchaProvider, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever it stands, the others are asked, and the operator is told, without a word of what was raised (L22)."""
    asked = [
        settled(CaptchaVerifier(*providers).begin(JOB)).parameters.keys()
        for providers in (
            (provider, PlainCaptcha("up")),
            (PlainCaptcha("up"), provider),
            (AsyncCaptcha("up"), provider),
            (provider, AsyncCaptcha("up")),
        )
    ]
    assert asked == [{"up.digest"}] * 4
    said = "captcha provider down.widget failed with TimeoutError, and is left out"
    assert [one.getMessage() for one in caplog.records] == [said] * 4


@pytest.mark.parametrize("provider", [FailingCaptcha("down"), AsyncFailingCaptcha("down")])
def test_where_no_provider_can_ask_it_is_a_ports_failure(provider: CaptchaProvider) -> None:
    """Without any widget there is nothing to solve; nothing stands behind the error (L22)."""
    for providers in ((provider,), (FailingCaptcha("gone"), provider), (provider, AsyncFailingCaptcha("gone"))):
        with pytest.raises(PortError) as caught:
            settled(CaptchaVerifier(*providers).begin(JOB))
        assert caught.value.args == (f"captcha provider {providers[0].name}.widget", "TimeoutError")
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_widget_that_is_none_is_left_out() -> None:
    """What is no mapping is a failure of that provider alone."""
    nonsense = PlainCaptcha("nonsense")
    setattr(nonsense, "widget", lambda job: None)  # noqa: B010 - what its type forbids
    assert settled(CaptchaVerifier(nonsense, PlainCaptcha("up")).begin(JOB)).parameters.keys() == {"up.digest"}


def test_an_asynchronous_provider_is_awaited() -> None:
    """Plain and asynchronous providers stand side by side, in either order."""
    for providers in ((PlainCaptcha("a"), AsyncCaptcha("b")), (AsyncCaptcha("a"), PlainCaptcha("b"))):
        begun = CaptchaVerifier(*providers).begin(JOB)
        assert isinstance(begun, Awaitable)
        assert list(asyncio.run(awaited(begun)).parameters) == ["a.digest", "b.digest"]


def test_plain_providers_give_plain_values() -> None:
    """Without an asynchronous provider nothing needs a loop."""
    verifier = CaptchaVerifier(PlainCaptcha())
    assert isinstance(verifier.begin(JOB), Asked)
    assert verifier.check(JOB, "guess", REQUEST) is False


def test_it_never_blocks_where_no_provider_does() -> None:
    """A plain provider is taken to block unless it says otherwise; one on an event loop is not."""
    verifiers = [CaptchaVerifier(AsyncCaptcha()), CaptchaVerifier(AsyncCaptcha(), PlainCaptcha())]
    assert [(one.never_blocks, one.is_async) for one in verifiers] == [(True, True), (False, True)]


# --- answering --------------------------------------------------------------------------------------------------


def test_any_one_provider_proves_the_factor() -> None:
    """Who cannot solve one solves another."""
    one, other = PlainCaptcha("one"), PlainCaptcha("other")
    verifier = CaptchaVerifier(one, other)
    assert [check(verifier, {name: right(p)}) for name, p in (("one", one), ("other", other))] == [True, True]


def test_a_plain_text_is_the_token_of_the_only_field() -> None:
    """With one provider of one field, a text and a mapping say the same."""
    provider = PlainCaptcha()
    token = right(provider)
    assert [check(CaptchaVerifier(provider), answer) for answer in (token, {"plain": token})] == [True, True]


def test_a_provider_may_have_several_fields() -> None:
    """It is answered when all of them are filled in, and gets nothing else."""
    provider = PlainCaptcha("plain", "first", "second")
    token = right(provider)
    assert check(CaptchaVerifier(provider), {"first": token, "second": token}) is True
    assert provider.given[-1].tokens == {"first": token, "second": token}


def test_fields_that_were_left_empty_are_none() -> None:
    """A page sends every widget's fields, and the person solves one."""
    one, other = PlainCaptcha("one"), PlainCaptcha("other")
    assert check(CaptchaVerifier(one, other), {"one": "", "other": right(other)}) is True


def test_a_wrong_token_is_a_value() -> None:
    """A wrong token is a verdict and not an exception."""
    assert check(CaptchaVerifier(PlainCaptcha()), "guess") is False


def test_an_asynchronous_verdict_is_awaited() -> None:
    """The right token is right and a wrong one wrong, later."""
    provider = AsyncCaptcha()
    verifier = CaptchaVerifier(provider)
    assert [check(verifier, right(provider.plain)), check(verifier, "guess")] == [True, False]


def test_a_token_counts_for_its_provider_alone() -> None:
    """Each provider has a secret of its own, so one's token says nothing to the other (L3)."""
    one, other = PlainCaptcha("one"), PlainCaptcha("other")
    assert check(CaptchaVerifier(one, other), {"other": right(one)}) is False


def test_a_token_asked_for_in_one_session_is_wrong_in_another() -> None:
    """Who carries a token out of another's page proves nothing with it, also for the same challenge (L3, CAPT-01)."""
    provider = PlainCaptcha()
    assert check(CaptchaVerifier(provider), right(provider), ELSEWHERE) is False


def test_asked_again_in_the_new_session_it_is_solved_there() -> None:
    """The twin: who logs in again is asked again, for the same challenge, and solves that (L3)."""
    provider = PlainCaptcha()
    right(provider)
    assert check(CaptchaVerifier(provider), right(provider, ELSEWHERE), ELSEWHERE) is True


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("token", "provider_not_named"),
        ({}, "not_one_token"),
        ({"one": ""}, "not_one_token"),
        ({"one": "x", "other": "y"}, "not_one_token"),
        ({"one": "x", "third": "y"}, "not_one_token"),
        ({"third": "x"}, "not_one_token"),
        ({"": "x"}, "not_one_token"),
        ({"one": 7}, "not_a_token"),
        ({"one": None}, "not_a_token"),
        ({7: "x"}, "not_a_token"),
        (None, "not_a_token"),
        (["one"], "not_a_token"),
    ],
)
def test_an_answer_of_another_form_is_malformed(answer: PersonAnswer, problem: str) -> None:
    """Not the fields of exactly one provider of this verifier: the error says what, and nothing of the answer."""
    one, other = PlainCaptcha("one"), PlainCaptcha("other")
    with pytest.raises(InvalidValueError) as caught:
        check(CaptchaVerifier(one, other), answer)
    assert (caught.value.args, one.given, other.given) == (("answer", problem), [], [])


def test_half_of_a_providers_fields_are_no_answer() -> None:
    """A widget with two fields gave both or it gave nothing."""
    with pytest.raises(InvalidValueError, match="not_one_token"):
        check(CaptchaVerifier(PlainCaptcha("plain", "first", "second")), {"first": "x"})


def test_the_provider_is_told_whence_and_for_how_long() -> None:
    """The address as the portal says it, and the time-out of the verifier."""
    provider = PlainCaptcha()
    check(CaptchaVerifier(provider, timeout=timedelta(seconds=3)), "token")
    (given,) = provider.given
    assert (given.remote_address, given.timeout) == ("192.0.2.7", timedelta(seconds=3))


def test_the_same_judging_has_the_same_name() -> None:
    """One idempotency for the same tokens of the same challenge and session, and another for anything else (L6)."""
    provider = PlainCaptcha()
    verifier = CaptchaVerifier(provider)
    for answer, job in (("a", JOB), ("a", JOB), ("b", JOB), ("a", ELSEWHERE), ("a", challenge_job(b"t" * 32))):
        check(verifier, answer, job)
    names = [one.idempotency for one in provider.given]
    assert ([len(bytes.fromhex(one)) for one in names], len(set(names))) == ([16] * 5, 4)
    assert names[0] == names[1]


# --- the evidence -----------------------------------------------------------------------------------------------

EVIDENCE = CaptchaResult(accepted=True, action=ACTION, host=HOST, at=NOON, challenge="c1", score=0.9)


def accepts(result: CaptchaResult) -> bool:
    """Whether the verifier takes what a provider says."""
    return check(CaptchaVerifier(AnsweringCaptcha(result), hosts=(HOST,)), "token")


@pytest.mark.parametrize(
    "fitting",
    [
        {},
        {"action": None, "challenge": None, "at": None, "score": None},
        {"host": "SHOP.example"},
        {"at": NOON - CLOCK_SKEW},
        {"at": JOB.now + CLOCK_SKEW},
    ],
)
def test_evidence_that_fits_is_taken(fitting: dict[str, object]) -> None:
    """All of it, as little as there is, and clocks that differ by less than a minute."""
    assert accepts(evidence(**fitting)) is True


@pytest.mark.parametrize(
    ("strange", "what"),
    [
        ({"action": "login"}, "action"),
        ({"host": "evil.example"}, "host"),
        ({"host": "shop.example.evil.example"}, "host"),
        ({"host": ""}, "host"),
        ({"challenge": "c2"}, "challenge"),
        ({"at": NOON - CLOCK_SKEW - INSTANT}, "time"),
        ({"at": JOB.now + CLOCK_SKEW + INSTANT}, "time"),
    ],
)
def test_evidence_of_something_else_proves_nothing(
    strange: dict[str, object], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Solved for another action, on another host, for another challenge, before it was asked or in time to come (L3).

    The operator is told, since the portal may be configured wrongly; what the provider said is not in the log.
    """
    assert accepts(evidence(**strange)) is False
    said = f"captcha provider plain: solved for another {what}, or wrongly configured"
    assert [one.getMessage() for one in caplog.records] == [said]


def test_a_host_that_was_promised_and_is_not_named_proves_nothing() -> None:
    """Who says that it names the host and does not has shown nothing (L3)."""
    provider = AnsweringCaptcha(CaptchaResult(accepted=True))
    provider.names_hosts = True
    assert check(CaptchaVerifier(provider, hosts=(HOST,)), "token") is False


def test_what_is_refused_needs_no_evidence(caplog: pytest.LogCaptureFixture) -> None:
    """A no is a no, and nobody looks for reasons in the portal's configuration."""
    caplog.set_level(logging.DEBUG)
    assert (accepts(attrs.evolve(EVIDENCE, accepted=False, host="evil.example")), caplog.records) == (False, [])


def evidence(**changed: object) -> CaptchaResult:
    """The evidence with some of it changed."""
    return CaptchaResult(**{**attrs.asdict(EVIDENCE), **changed})


# --- what was not judged ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", [FailingCaptcha("down"), AsyncFailingCaptcha("down")])
def test_a_provider_that_raises_proves_nothing(provider: CaptchaProvider) -> None:
    """It comes out as a port's failure, told apart from a wrong token; nothing stands behind the error (L22)."""
    with pytest.raises(PortError) as caught:
        check(CaptchaVerifier(provider), "token")
    assert caught.value.args == ("captcha provider down.verify", "TimeoutError")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("accepted", [False, True])
def test_a_provider_that_is_unavailable_has_not_judged(accepted: bool) -> None:
    """``unavailable`` is a port's failure, whatever else is said: the person is not told that the token was wrong."""
    verifier = CaptchaVerifier(AnsweringCaptcha(CaptchaResult(accepted=accepted, reason="unavailable")))
    with pytest.raises(PortError, match="unavailable"):
        check(verifier, "token")


@pytest.mark.parametrize("result", [None, True, "yes"])
def test_a_result_that_is_none_has_not_judged(result: CaptchaResult) -> None:
    """What is no result is a failure of that call, and never taken as yes."""
    provider = PlainCaptcha()
    setattr(provider, "verify", lambda job, answer: result)  # noqa: B010 - what its type forbids
    with pytest.raises(PortError, match="wrong_type"):
        check(CaptchaVerifier(provider), "token")


def test_only_true_is_true() -> None:
    """A provider that gives a text where a truth value belongs proves nothing."""
    result = CaptchaResult(accepted="no")  # type: ignore[arg-type]
    assert check(CaptchaVerifier(AnsweringCaptcha(result)), "token") is False


def test_while_one_provider_is_down_another_proves_the_factor() -> None:
    """The way round: asked without it, and answered by the other."""
    other = PlainCaptcha("other")
    verifier = CaptchaVerifier(FailingCaptcha("down"), other)
    settled(verifier.begin(JOB))
    assert check(verifier, {"other": token_for(other.jobs[-1])}) is True


# --- the captchas of this library -------------------------------------------------------------------------------


def both() -> CaptchaVerifier:
    """The two captchas for one factor that ask no service."""
    return CaptchaVerifier(AltchaCaptcha(cost=10, tries=50), TypedCaptcha())


def solved(verifier: CaptchaVerifier, job: ChallengeJob = JOB) -> dict[str, str]:
    """The answer that a browser with scripts gives."""
    return {"altcha": solve_altcha(settled(verifier.begin(job)).parameters["altcha.challenge"])}


def test_a_page_gets_all_three_forms() -> None:
    """A challenge for the script, a picture and a sound."""
    assert set(settled(both().begin(JOB)).parameters) == {
        "altcha.challenge",
        "typed.picture",
        "typed.sound",
        "typed.digits",
    }


def test_a_solution_is_refused_in_another_closure() -> None:
    """Another account, round or challenge has another secret, and there the solution solves nothing (CAPT-01)."""
    verifier = both()
    answer = solved(verifier)
    elsewhere = [check(verifier, answer, challenge_job(bytes([number]) * 32)) for number in (1, 2, 3)]
    assert [*elsewhere, check(verifier, answer)] == [False, False, False, True]


def test_the_digits_of_another_closure_are_refused() -> None:
    """What was read from one challenge's picture does not solve another's (CAPT-01)."""
    typed = TypedCaptcha()
    seen = PlainCaptcha("typed")
    right(seen)
    digits = typed.solution(seen.jobs[-1]).reveal()
    verifier = CaptchaVerifier(typed)
    assert [check(verifier, digits, job) for job in (JOB, challenge_job(b"t" * 32))] == [True, False]


class TestCaptchaVerifierWithScript(SecretVerifierContract):
    """The suite of a verifier, answered by a browser that runs the script."""

    def make_verifier(self) -> Verifier:
        """Both captchas."""
        return both()

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
