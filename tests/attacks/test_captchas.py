"""Captcha tokens replayed, carried elsewhere, clicked twice, guessed; services that are down (CAPT-01, CAPT-04)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final, Literal, Protocol

import pytest

from hht_closure.account import Principal
from hht_closure.adapters.altcha import AltchaCaptcha, solve_altcha
from hht_closure.adapters.captcha import CaptchaVerifier
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.adapters.typed_captcha import TypedCaptcha
from hht_closure.events import ChallengeMade, ClosingLocked
from hht_closure.ports import CaptchaJob, CaptchaProvider, RequestInfo
from hht_closure.service import ClosureService
from hht_closure.testing.contracts.captcha_provider import HOST
from hht_closure.verification import Challenge, Verdict
from tests.adapters.test_siteverify import ADDRESS, FIELDS, KINDS, SECRET, Kind, Reply, Service, Services, captcha_for
from tests.service.doubles import built
from tests.stage import TERMS, Stage, at_a_barrier, refusal_codes

CaptchaKind = Literal["altcha", "typed", "turnstile", "hcaptcha", "recaptcha", "recaptcha v3"]
BOUND: Final[tuple[CaptchaKind, ...]] = ("altcha", "typed", "turnstile")
"""Those whose tokens are bound to challenge and session by themselves."""

ALL: Final[tuple[CaptchaKind, ...]] = (*BOUND, "hcaptcha")
"""And one that stands for those whose tokens are bound to nothing."""

REQUEST: Final = RequestInfo(remote_address=ADDRESS, host=HOST)
LIMIT: Final = TERMS.attempts.failures


class ReadAloud(TypedCaptcha):
    """Digits that somebody reads to the test."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[CaptchaJob] = []

    def widget(self, job: CaptchaJob) -> dict[str, str]:
        """The digits are those of the last job."""
        self.jobs.append(job)
        return {"digits": "6"}


class Portal:
    """A stage whose captcha is of that kind, and who solves it.

    Attributes:
        stage: the stage, with a new service.
        services: where outside services run.
        outside: the outside service, for a captcha that has one.
    """

    def __init__(self, stage: Stage, services: Services, *kinds: CaptchaKind) -> None:
        self.stage = stage
        self.services = services
        self.outside: Service | None = None
        self._read = ReadAloud()
        self.guarded_by(*(self._provider(kind) for kind in kinds))

    def guarded_by(self, *providers: CaptchaProvider) -> None:
        """From now on these providers stand in front of the codes."""
        verifiers = (
            CaptchaVerifier(*providers, hosts=(HOST,)),
            sms_code_verifier(self.stage.sms),
            email_code_verifier(self.stage.email),
        )
        self.stage.service = built(ClosureService, self.stage, verifiers=verifiers)

    def _provider(self, kind: CaptchaKind) -> CaptchaProvider:
        match kind:
            case "altcha":
                return AltchaCaptcha(cost=10, tries=50)
            case "typed":
                return self._read
            case _:
                self.outside = self.services.start(kind)
                return captcha_for(self.outside, self.stage.store.budgets)

    def asked(self, who: Principal | None = None) -> Challenge:
        """The captcha's challenge, after everything that comes before it."""
        self.stage.reason_given(who)
        return self.stage.challenged("captcha", who)

    def solved(self, challenge: Challenge, kind: CaptchaKind) -> Mapping[str, str]:
        """What the page sends when that widget was solved."""
        asked = {key.partition(".")[2]: value for key, value in challenge.parameters.items()}
        match kind:
            case "altcha":
                return {"altcha": solve_altcha(asked["challenge"])}
            case "typed":
                return {"typed": self._read.solution(self._read.jobs[-1]).reveal()}
            case _:
                assert self.outside is not None, "there is no outside service"
                return {FIELDS[kind]: self.outside.solve(asked, at=self.stage.clock.now())}

    def answered(self, tokens: Mapping[str, str], who: Principal | None = None) -> Verdict:
        """The verdict on what a page sent."""
        return self.stage.service.answer(who or self.stage.principal, "captcha", tokens, request=REQUEST)


class MakePortal(Protocol):
    """Makes a portal with captchas of these kinds, on the store that the test runs with."""

    def __call__(self, *kinds: CaptchaKind) -> Portal:
        """A portal."""
        ...


@pytest.fixture
def services() -> Iterator[Services]:
    """Outside services for one test."""
    started = Services()
    yield started
    started.stop()


@pytest.fixture
def make_portal(stage: Stage, services: Services) -> MakePortal:
    """Portals with captchas of one's own, on both stores in turn."""
    return lambda *kinds: Portal(stage, services, *kinds)


every_captcha: Final = pytest.mark.parametrize("kind", ALL)
every_bound_captcha: Final = pytest.mark.parametrize("kind", BOUND)


# --- used once (CAPT-01) ----------------------------------------------------------------------------------------


@every_captcha
def test_a_used_token_is_refused_on_the_same_closure(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """The challenge is used up with its solution, and the journal knows it (L6, CAPT-01)."""
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    assert portal.answered(tokens).accepted is True
    assert refusal_codes(portal.answered, tokens) == ("consumed",)


@every_captcha
def test_a_used_token_is_refused_after_a_restart(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """A new process on the same store refuses it as well (L6, CAPT-01)."""
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    portal.answered(tokens)
    again = portal.stage.restarted()
    assert refusal_codes(again.answer, portal.stage.principal, "captcha", tokens) == ("consumed",)


@every_captcha
def test_a_used_token_is_refused_on_another_closure(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """Somebody else's challenge is not solved by it, though an outside service would say yes again (L3, CAPT-01)."""
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    portal.answered(tokens)
    _forgets(portal)
    wang = portal.stage.logged_in("wang")
    portal.asked(wang)
    assert portal.answered(tokens, wang).accepted is False


@every_captcha
def test_a_used_token_is_refused_in_a_later_round(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """Withdrawn and opened again: the account is the same, the challenge is not (L3, CAPT-01)."""
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    portal.answered(tokens)
    _forgets(portal)
    portal.stage.service.withdraw(portal.stage.principal)
    portal.asked()
    assert portal.answered(tokens).accepted is False


@every_captcha
def test_the_next_challenge_is_solved_by_itself(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """The twin of all of them: what was solved for this challenge solves it (L3, CAPT-01)."""
    portal = make_portal(kind)
    portal.answered(portal.solved(portal.asked(), kind))
    portal.stage.service.withdraw(portal.stage.principal)
    assert portal.answered(portal.solved(portal.asked(), kind)).accepted is True


def _forgets(portal: Portal) -> None:
    """From now on an outside service takes its tokens any number of times."""
    for service in [one for one in (portal.outside,) if one is not None]:
        service.forgets = True


# --- clicked twice ----------------------------------------------------------------------------------------------


@every_captcha
def test_clicking_again_and_again_locks_nobody(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """Ten clicks more cost nothing, and the SMS goes out (L6, CAPT-01)."""
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    portal.answered(tokens)
    assert [refusal_codes(portal.answered, tokens) for _ in range(10)] == [("consumed",)] * 10
    assert portal.stage.challenged("sms_code").delivered is True


@every_captcha
def test_sixteen_clicks_at_once_are_one_proof(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """One is accepted, nobody is told no, nobody is locked, and the SMS goes out (L6, CAPT-01)."""
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    verdicts, codes = at_a_barrier(16, lambda _: portal.answered(tokens))
    assert [one.accepted for one in verdicts] == [True]
    assert set(codes) <= {"consumed", "try_again", "answer_not_judged"}
    assert portal.stage.count(ClosingLocked) == 0
    assert portal.stage.challenged("sms_code").delivered is True


def test_sixteen_people_at_once_share_no_token(make_portal: MakePortal) -> None:
    """Two closures present one token at the same instant, eight times each: it counts in one of them (L3, CAPT-01)."""
    portal = make_portal("hcaptcha")
    tokens = portal.solved(portal.asked(), "hcaptcha")
    _forgets(portal)
    people = (portal.stage.principal, portal.stage.logged_in("wang"))
    portal.asked(people[1])
    verdicts, _ = at_a_barrier(16, lambda number: portal.answered(tokens, people[number % 2]))
    assert [one.accepted for one in verdicts].count(True) == 1


# --- carried into another session -------------------------------------------------------------------------------


@every_bound_captcha
def test_a_token_asked_for_in_one_session_is_wrong_in_another(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """The challenge is the account's and still lives; what its widget asked was that session's (L3)."""
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    portal.stage.clock.advance(timedelta(seconds=30))
    portal.stage.logged_in()
    assert portal.answered(tokens).accepted is False


@every_captcha
def test_asked_again_in_the_new_session_it_is_solved_there(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """The twin: the same challenge is shown again, and what it asks now is right (L3, L7)."""
    portal = make_portal(kind)
    first = portal.asked()
    portal.stage.clock.advance(timedelta(seconds=30))
    portal.stage.logged_in()
    again = portal.stage.challenged("captcha")
    assert portal.answered(portal.solved(again, kind)).accepted is True
    assert (again.id, portal.stage.count(ChallengeMade)) == (first.id, 1)


# --- not passed (CAPT-04) ---------------------------------------------------------------------------------------


def _not_asked(portal: Portal) -> None:
    """The captcha is passed over."""
    portal.stage.reason_given()


def _guessed(portal: Portal) -> None:
    """A token that nobody gave out."""
    portal.asked()
    portal.answered({"cf-turnstile-response": "XXXX.DUMMY.TOKEN.XXXX"})


def _solved_elsewhere(portal: Portal) -> None:
    """A token from the page of somebody else, who shows the portal's widget there."""
    challenge = portal.asked()
    _outside(portal).changed = {"hostname": "evil.example"}
    portal.answered(portal.solved(challenge, "turnstile"))


def _service_down(portal: Portal) -> None:
    """The outside service cannot be asked."""
    tokens = portal.solved(portal.asked(), "turnstile")
    _outside(portal).reply = Reply(503)
    refusal_codes(portal.answered, tokens)


def _secret_unknown(portal: Portal) -> None:
    """The outside service does not know the portal any more."""
    tokens = portal.solved(portal.asked(), "turnstile")
    _outside(portal).reply = Reply(body=b'{"success": false, "error-codes": ["invalid-input-secret"]}')
    refusal_codes(portal.answered, tokens)


def _outside(portal: Portal) -> Service:
    """The portal's outside service."""
    assert portal.outside is not None, "there is no outside service"
    return portal.outside


@pytest.mark.parametrize("attempt", [_not_asked, _guessed, _solved_elsewhere, _service_down, _secret_unknown])
def test_without_the_captcha_no_sms_goes_out(make_portal: MakePortal, attempt: Callable[[Portal], None]) -> None:
    """Not asked, guessed, solved elsewhere, not judged: the code is refused, and nothing was sent (L8, CAPT-04)."""
    portal = make_portal("turnstile")
    attempt(portal)
    assert refusal_codes(portal.stage.challenged, "sms_code") == ("factor_out_of_order",)
    assert portal.stage.sms.sent == ()


@every_captcha
def test_with_the_captcha_the_sms_goes_out(make_portal: MakePortal, kind: CaptchaKind) -> None:
    """The twin: solved here, for this, and judged (L8, CAPT-04)."""
    portal = make_portal(kind)
    portal.answered(portal.solved(portal.asked(), kind))
    assert portal.stage.challenged("sms_code").delivered is True
    assert len(portal.stage.sms.sent) == 1


def test_a_flood_of_tokens_reaches_neither_service_nor_store(make_portal: MakePortal) -> None:
    """The limit of attempts stands in front of both: five are asked about, and the rest is locked out (L4, L5)."""
    portal = make_portal("turnstile")
    portal.asked()
    for number in range(LIMIT):
        portal.answered({"cf-turnstile-response": f"T0ken.{number}"})
    assert [refusal_codes(portal.answered, {"cf-turnstile-response": f"More.{one}"}) for one in range(20)] == [
        ("locked",)
    ] * 20
    assert len(_outside(portal).seen) == LIMIT


# --- the way round ----------------------------------------------------------------------------------------------


class Unreachable(TypedCaptcha):
    """A captcha that has to ask its service also for its widget, and the service is down."""

    name = "unreachable"
    fields = ("unreachable",)

    def widget(self, job: CaptchaJob) -> dict[str, str]:
        """Nothing.

        Raises:
            ConnectionError: always.
        """
        raise ConnectionError("captcha.example is down")


def test_with_the_service_down_at_the_answer_the_person_passes_by_the_other(make_portal: MakePortal) -> None:
    """Not told "wrong", and not held up: in the same challenge they type the digits instead (L8)."""
    portal = make_portal("turnstile", "typed")
    challenge = portal.asked()
    tokens = portal.solved(challenge, "turnstile")
    _outside(portal).reply = Reply(503)
    assert refusal_codes(portal.answered, tokens) == ("answer_not_judged",)
    assert portal.answered(portal.solved(challenge, "typed")).accepted is True
    assert portal.stage.challenged("sms_code").delivered is True


def test_asked_again_after_the_service_failed_the_person_passes_by_the_other(make_portal: MakePortal) -> None:
    """Who reloads the page gets another challenge, since the first is in doubt, and types its digits (L8)."""
    portal = make_portal("turnstile", "typed")
    tokens = portal.solved(portal.asked(), "turnstile")
    _outside(portal).reply = Reply(503)
    refusal_codes(portal.answered, tokens)
    again = portal.stage.challenged("captcha")
    assert portal.answered(portal.solved(again, "typed")).accepted is True


def test_with_the_service_down_when_it_is_asked_the_person_passes_by_the_other(make_portal: MakePortal) -> None:
    """A widget that cannot be had is left out, and the page shows the other (L8)."""
    portal = make_portal("typed")
    digits = ReadAloud()
    portal.guarded_by(Unreachable(), digits)
    challenge = portal.asked()
    assert (challenge.delivered, challenge.parameters) == (None, {"typed.digits": "6"})
    assert portal.answered({"typed": digits.solution(digits.jobs[-1]).reveal()}).accepted is True


# --- what is kept and said --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_an_answer_is_kept_or_logged(
    make_portal: MakePortal, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither token nor address nor the portal's secret stands in a store or a log (L7, L22)."""
    caplog.set_level(logging.DEBUG)
    portal = make_portal(kind)
    tokens = portal.solved(portal.asked(), kind)
    portal.answered(tokens)
    kept = repr(portal.stage.everything()) + repr([one.body for one in portal.stage.records()]) + caplog.text
    assert [one for one in (SECRET, ADDRESS, tokens[FIELDS[kind]]) if one in kept] == []
