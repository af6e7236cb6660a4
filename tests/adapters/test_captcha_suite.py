"""The captcha suite itself: it passes a provider that keeps the law, and finds each way to break it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import count

import pytest

from hht_closure.ports import CaptchaJob, CaptchaProvider, CaptchaResult, Clock, RequestInfo
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts.captcha_provider import NOON, SpendingCaptchaContract
from tests.adapters.test_captcha import REFUSED, PlainCaptcha, token_for


class TestPlainCaptcha(SpendingCaptchaContract):
    """The captcha of these tests keeps the whole law."""

    spent: set[str]

    def provider(self, clock: Clock) -> PlainCaptcha:
        """The provider under test."""
        return PlainCaptcha(clock=clock, spent=self.spent)

    def make_provider(self, clock: Clock) -> CaptchaProvider:
        """One with a memory of its own."""
        self.spent = set()
        return self.provider(clock)

    def make_another(self, clock: Clock) -> CaptchaProvider:
        """One that shares that memory."""
        return self.provider(clock)

    def solve(self, job: CaptchaJob) -> str:
        """The right token."""
        return token_for(job)


class Grim(PlainCaptcha):
    """Broken: accepts nothing."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """No."""
        return REFUSED


class Credulous(PlainCaptcha):
    """Broken: accepts anything."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """Yes."""
        return CaptchaResult(accepted=True)


class Timeless(PlainCaptcha):
    """Broken: accepts at the very end."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """As if it were noon."""
        self.clock = ManualClock(NOON)
        return super().verify(job, token, request)


class Hasty(PlainCaptcha):
    """Broken: ends a second early."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """As if it were a second later."""
        self.clock = ManualClock(self.clock.now() + timedelta(seconds=1))
        return super().verify(job, token, request)


class Brittle(PlainCaptcha):
    """Broken: raises on what it cannot read."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """Hex, or an exception."""
        bytes.fromhex(token)
        return super().verify(job, token, request)


class Silent(PlainCaptcha):
    """Broken: does not say why it refuses."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """Without a problem."""
        return CaptchaResult(accepted=super().verify(job, token, request).accepted)


class Forgetful(PlainCaptcha):
    """Broken: forgets what was used."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """As if it were the first."""
        self.spent.clear()
        return super().verify(job, token, request)


class Lonely(PlainCaptcha):
    """Broken: remembers what was used by itself alone."""

    def __init__(self, name: str = "plain", clock: Clock | None = None, spent: set[str] | None = None) -> None:
        super().__init__(name, clock)


class Fickle(PlainCaptcha):
    """Broken: asks something else each time."""

    calls = count()

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The number of the call."""
        return {**super().widget(job), "call": str(next(self.calls))}


class Stubborn(PlainCaptcha):
    """Broken: asks everybody the same."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """Nothing of the job."""
        return {"question": "2 + 2"}


class Loose(PlainCaptcha):
    """Broken: shows its secret."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The secret."""
        return {"question": job.secret.reveal().hex()}


class Dotted(PlainCaptcha):
    """Broken: a key that looks like another provider's."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """A dot in the key."""
        return {"other.digest": super().widget(job)["digest"]}


class Lenient(PlainCaptcha):
    """Broken: looks for the token somewhere in the text."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """The token, if it is in there."""
        found = token_for(job) if token_for(job) in token else token
        return super().verify(job, found, request)


class Local(PlainCaptcha):
    """Broken: the token depends on the language."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """In English alone."""
        return super().verify(job, token, request) if job.locale == "en" else REFUSED


class Wasteful(PlainCaptcha):
    """Broken: one use of one token uses them all up."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """The first alone."""
        return REFUSED if self.spent else super().verify(job, token, request)


class Touchy(PlainCaptcha):
    """Broken: after a wrong token nothing is right."""

    def verify(self, job: CaptchaJob, token: str, request: RequestInfo) -> CaptchaResult:
        """A wrong token spends the right one."""
        if token != token_for(job):
            self.spent.add(token_for(job))
        return super().verify(job, token, request)


class Sulking(PlainCaptcha):
    """Broken: asks something else after a wrong token."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """How often something was answered."""
        return {**super().widget(job), "answers": str(len(self.given))}


class Misnamed(PlainCaptcha):
    """Broken: its name cannot be a key."""

    def __init__(self, name: str = "plain", clock: Clock | None = None, spent: set[str] | None = None) -> None:
        super().__init__("a captcha", clock, spent)


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (Grim, "test_the_right_token_is_accepted"),
        (Credulous, "test_a_token_of_another_job_is_refused"),
        (Touchy, "test_a_refused_token_spoils_nothing"),
        (Timeless, "test_a_token_is_too_late_from_the_end_on"),
        (Hasty, "test_a_token_counts_until_the_last_instant"),
        (Brittle, "test_a_malformed_token_is_refused_and_raises_nothing"),
        (Silent, "test_a_malformed_token_is_refused_and_raises_nothing"),
        (Lenient, "test_a_token_with_something_added_is_no_token"),
        (Fickle, "test_the_same_job_asks_the_same"),
        (Sulking, "test_a_refusal_does_not_change_what_is_asked"),
        (Dotted, "test_parameters_are_texts_under_plain_names"),
        (Loose, "test_the_secret_is_not_shown"),
        (Misnamed, "test_the_name_is_a_name"),
        (Stubborn, "test_another_job_asks_something_else"),
        (Local, "test_another_language_asks_no_other_question"),
        (Forgetful, "test_a_used_token_is_refused"),
        (Forgetful, "test_a_used_token_stays_used_to_the_end"),
        (Lonely, "test_a_used_token_is_refused_elsewhere"),
        (Wasteful, "test_one_used_token_does_not_use_another"),
    ],
)
def test_the_suite_finds_what_is_broken(broken: type[PlainCaptcha], clause: str) -> None:
    """Each clause fails for a provider that breaks it."""

    class Suite(TestPlainCaptcha):
        """The suite over the broken provider."""

        def provider(self, clock: Clock) -> PlainCaptcha:
            """The broken one."""
            return broken(clock=clock, spent=self.spent)

    with pytest.raises((AssertionError, ValueError)):
        getattr(Suite(), clause)()
