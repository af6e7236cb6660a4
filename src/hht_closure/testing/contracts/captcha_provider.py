"""The law of a captcha provider, clause by clause."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from hht_closure.ports import CaptchaJob, CaptchaProvider, CaptchaResult, Clock, RequestInfo
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts._expect import PortContract
from hht_closure.values import Secret

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPIRES: Final = NOON + timedelta(minutes=10)
INSTANT: Final = timedelta(microseconds=1)

MALFORMED_TOKENS: Final = (
    "",
    " ",
    "\n",
    "x",
    "0",
    "-1",
    "=" * 100,
    "é" * 10,
    "\u0000",
    "\ud800",
    "\u202e123456",
    "1" * 100_000,
    *(
        base64.b64encode(content).decode()
        for content in (
            b"",
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{}",
            b'{"challenge": null, "solution": {}}',
            b'{"challenge": {}, "solution": {"counter": 1e999, "derivedKey": []}}',
            b"[" * 6_000,
            b"9" * 6_000,
            b"{" * 100_000,
        )
    ),
)
"""Texts that are the token of nothing: empty, no base64, no JSON, nested without end, huge."""


class CaptchaProviderContract(PortContract):
    """Subclass it, override the two hooks, and your provider has its suite."""

    def make_provider(self, clock: Clock) -> CaptchaProvider:
        """A new provider that reads the time from this clock. Called once in each test, before the other hook."""
        raise NotImplementedError("make_provider is a hook that the suite needs")

    def solve(self, job: CaptchaJob) -> str:
        """The right token for a job of the provider just made."""
        raise NotImplementedError("solve is a hook that the suite needs")

    def _job(self, number: int = 1) -> CaptchaJob:
        secret = hashlib.sha256(b"job %d" % number).digest()
        return CaptchaJob(challenge=f"challenge-{number}", secret=Secret(secret), expires=EXPIRES, locale="en")

    def _verify(self, provider: CaptchaProvider, job: CaptchaJob, token: str) -> CaptchaResult:
        return self.settled(provider.verify(job, token, RequestInfo()))

    def test_the_right_token_is_accepted(self) -> None:
        """``verify`` accepts what solves the job, and then names no problem."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        assert self._verify(provider, job, self.solve(job)) == CaptchaResult(accepted=True)

    def test_a_token_of_another_job_is_refused(self) -> None:
        """A token counts for the job it was made for and for no other (L3)."""
        provider = self.make_provider(ManualClock(NOON))
        others = [self._verify(provider, self._job(), self.solve(self._job(number))) for number in (2, 3, 4)]
        assert [(one.accepted, one.problem is None) for one in others] == [(False, False)] * 3

    def test_a_refused_token_spoils_nothing(self) -> None:
        """After a wrong token the right one is accepted; how often one may try is not the provider's to count."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        self._verify(provider, job, self.solve(self._job(2)))
        self._verify(provider, job, "")
        assert self._verify(provider, job, self.solve(job)).accepted

    def test_a_token_is_too_late_from_the_end_on(self) -> None:
        """At ``expires`` the right token is refused (L6)."""
        clock = ManualClock(NOON)
        provider = self.make_provider(clock)
        job = self._job()
        self.settled(provider.widget(job))
        token = self.solve(job)
        clock.set(EXPIRES)
        assert self._verify(provider, job, token).accepted is False

    def test_a_token_counts_until_the_last_instant(self) -> None:
        """One microsecond before ``expires`` the right token is accepted (L6)."""
        clock = ManualClock(NOON)
        provider = self.make_provider(clock)
        job = self._job()
        self.settled(provider.widget(job))
        token = self.solve(job)
        clock.set(EXPIRES - INSTANT)
        assert self._verify(provider, job, token).accepted

    def test_a_malformed_token_is_refused_and_raises_nothing(self) -> None:
        """Whatever the text, it is not accepted, never an exception, and the problem is named."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        judged = [self._verify(provider, job, token) for token in MALFORMED_TOKENS]
        assert [(one.accepted, one.problem is None) for one in judged] == [(False, False)] * len(MALFORMED_TOKENS)

    def test_a_token_with_something_added_is_no_token(self) -> None:
        """The right token with more behind or before it is refused."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        token = self.solve(job)
        judged = [self._verify(provider, job, changed) for changed in (token + "1", "1" + token, token + token)]
        assert [one.accepted for one in judged] == [False] * 3

    def test_the_same_job_asks_the_same(self) -> None:
        """``widget`` gives the same for the same job, from another instance, too, and at another time."""
        asked = self.settled(self.make_provider(ManualClock(NOON)).widget(self._job()))
        later = self.make_provider(ManualClock(NOON + timedelta(minutes=5)))
        assert self.settled(later.widget(self._job())) == asked

    def test_a_refusal_does_not_change_what_is_asked(self) -> None:
        """After a wrong token the same job still asks the same."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        asked = dict(self.settled(provider.widget(job)))
        self._verify(provider, job, "")
        assert self.settled(provider.widget(job)) == asked

    def test_parameters_are_texts_under_plain_names(self) -> None:
        """What a page needs is text, and no key has a dot, which parts it from the provider's name."""
        provider = self.make_provider(ManualClock(NOON))
        asked = self.settled(provider.widget(self._job()))
        assert [key for key in asked if not key or "." in key] == []
        assert {type(value) for value in asked.values()} <= {str}

    def test_the_secret_is_not_shown(self) -> None:
        """Neither the parameters nor a result hold the job's secret, in hex or base64 (L7)."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        shown = repr(self.settled(provider.widget(job))) + repr(self._verify(provider, job, "x"))
        secret = job.secret.reveal()
        assert [form for form in (secret.hex(), base64.b64encode(secret).decode()) if form in shown] == []

    def test_the_name_is_a_name(self) -> None:
        """``name`` can be the key of a token: ASCII letters, digits and underscores."""
        name = self.make_provider(ManualClock(NOON)).name
        assert name.isascii()
        assert name.isidentifier()


class SelfContainedCaptchaContract(CaptchaProviderContract):
    """For a provider that makes its questions itself, from the job's secret, and asks no outside service."""

    def test_another_job_asks_something_else(self) -> None:
        """What is asked depends on the job's secret."""
        provider = self.make_provider(ManualClock(NOON))
        asked = [dict(self.settled(provider.widget(self._job(number)))) for number in (1, 2)]
        assert asked[0] != asked[1]

    def test_another_language_asks_no_other_question(self) -> None:
        """Who changes the language while a challenge lives can still answer it."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        elsewhere = CaptchaJob(challenge=job.challenge, secret=job.secret, expires=job.expires, locale="zh-Hans-CN")
        assert self._verify(provider, elsewhere, self.solve(job)).accepted


class SpendingCaptchaContract(SelfContainedCaptchaContract):
    """For a provider that remembers what was solved, so that a token counts once even outside a closure."""

    def make_another(self, clock: Clock) -> CaptchaProvider:
        """Another instance that shares its memory with the provider just made."""
        raise NotImplementedError("make_another is a hook that the suite needs")

    def test_a_used_token_is_refused(self) -> None:
        """The same token a second time is not accepted."""
        provider = self.make_provider(ManualClock(NOON))
        job = self._job()
        token = self.solve(job)
        assert [self._verify(provider, job, token).accepted for _ in range(3)] == [True, False, False]

    def test_a_used_token_is_refused_elsewhere(self) -> None:
        """Another instance on the same store refuses it, too."""
        clock = ManualClock(NOON)
        provider, other = self.make_provider(clock), self.make_another(clock)
        job = self._job()
        token = self.solve(job)
        assert [self._verify(one, job, token).accepted for one in (provider, other)] == [True, False]

    def test_a_used_token_stays_used_to_the_end(self) -> None:
        """It is still refused in the last microsecond of the challenge."""
        clock = ManualClock(NOON)
        provider = self.make_provider(clock)
        job = self._job()
        token = self.solve(job)
        first = self._verify(provider, job, token).accepted
        clock.set(EXPIRES - INSTANT)
        assert (first, self._verify(provider, job, token).accepted) == (True, False)

    def test_one_used_token_does_not_use_another(self) -> None:
        """A second challenge is solved as if there had been no first."""
        provider = self.make_provider(ManualClock(NOON))
        judged = [self._verify(provider, self._job(number), self.solve(self._job(number))) for number in (1, 2)]
        assert [one.accepted for one in judged] == [True, True]
