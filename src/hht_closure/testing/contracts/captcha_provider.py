"""The law of a captcha provider, clause by clause (L3, L6, L7)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import attrs

from hht_closure.adapters.memory import MemorySendBudget
from hht_closure.errors import StoreUnavailableError
from hht_closure.ports import (
    Allowance,
    CaptchaAnswer,
    CaptchaJob,
    CaptchaProvider,
    CaptchaResult,
    Exhausted,
    SendBudget,
)
from hht_closure.testing.contracts._expect import PortContract, at_once
from hht_closure.values import Secret

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPIRES: Final = NOON + timedelta(minutes=10)
INSTANT: Final = timedelta(microseconds=1)
HOST: Final = "portal.example.org"

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

    def make_provider(self) -> CaptchaProvider:
        """A new provider. Called once in each test, before the other hook."""
        raise NotImplementedError("make_provider is a hook that the suite needs")

    def solve(self, job: CaptchaJob) -> Mapping[str, str]:
        """The right tokens for a job of the provider just made, by the names of its fields."""
        raise NotImplementedError("solve is a hook that the suite needs")

    def a_job(self, number: int = 1, *, session: str = "session-1") -> CaptchaJob:
        """One of many jobs, made at noon; of the same number in another session it is the same challenge."""
        return CaptchaJob(
            challenge=f"challenge-{number}",
            secret=Secret(hashlib.sha256(f"job {number} in {session}".encode()).digest()),
            action="close_account",
            hosts=(HOST,),
            now=NOON,
            asked_at=NOON,
            expires=EXPIRES,
            locale="en",
        )

    def _verify(self, provider: CaptchaProvider, job: CaptchaJob, tokens: Mapping[str, str]) -> CaptchaResult:
        about = repr((job.secret.reveal(), sorted(tokens.items())))
        answer = CaptchaAnswer(
            tokens=tokens,
            remote_address="192.0.2.7",
            idempotency=hashlib.sha256(about.encode()).hexdigest()[:32],
            timeout=timedelta(seconds=30),
        )
        return self.settled(provider.verify(job, answer))

    def test_the_right_token_is_accepted(self) -> None:
        """``verify`` accepts what solves the job, and then names no reason."""
        provider = self.make_provider()
        result = self._verify(provider, self.a_job(), self.solve(self.a_job()))
        assert (result.accepted, result.reason) == (True, None)

    def test_the_evidence_is_the_jobs(self) -> None:
        """Action, host, challenge and time, where a provider says them, are those of the job that was solved."""
        provider, job = self.make_provider(), self.a_job()
        result = self._verify(provider, job, self.solve(job))
        assert result.action in {None, job.action}
        assert result.host in {None, HOST}
        assert result.challenge in {None, job.challenge}
        assert result.at is None or abs(result.at - NOON) < timedelta(minutes=1)
        assert result.score is None or 0 <= result.score <= 1

    def test_who_names_hosts_names_the_host(self) -> None:
        """``names_hosts`` is a promise: what is accepted then comes with its host."""
        provider, job = self.make_provider(), self.a_job()
        assert (self._verify(provider, job, self.solve(job)).host is not None) is provider.names_hosts

    def test_a_malformed_token_spoils_nothing(self) -> None:
        """After what is no token the right one is accepted; how often one may try is not the provider's to count."""
        provider, job = self.make_provider(), self.a_job()
        for malformed in MALFORMED_TOKENS[:6]:
            self._verify(provider, job, dict.fromkeys(provider.fields, malformed))
        assert self._verify(provider, job, self.solve(job)).accepted

    def test_a_token_is_too_late_from_the_end_on(self) -> None:
        """At ``expires``, by the job's time, the right token is refused (L6)."""
        provider, job = self.make_provider(), self.a_job()
        tokens = self.solve(job)
        assert self._verify(provider, attrs.evolve(job, now=EXPIRES), tokens).accepted is False

    def test_a_token_counts_until_the_last_instant(self) -> None:
        """One microsecond before ``expires`` the right token is accepted (L6)."""
        provider, job = self.make_provider(), self.a_job()
        tokens = self.solve(job)
        assert self._verify(provider, attrs.evolve(job, now=EXPIRES - INSTANT), tokens).accepted

    def test_the_same_again_is_never_a_no(self) -> None:
        """Judged again for the same job, the same tokens are accepted or not judged (L6)."""
        provider, job = self.make_provider(), self.a_job()
        tokens = self.solve(job)
        judged = [self._verify(provider, job, tokens) for _ in range(3)]
        assert [one for one in judged if not one.accepted and one.reason != "unavailable"] == []

    def test_the_same_at_one_instant_is_accepted_once_at_least(self) -> None:
        """Eight callers with the same tokens for the same job: one is told yes, and none is told no (L6)."""
        provider, job = self.make_provider(), self.a_job()
        tokens = self.solve(job)
        judged = at_once([partial(self._verify, provider, job, tokens) for _ in range(8)])
        said = {"yes" if one.accepted else one.reason for one in judged if isinstance(one, CaptchaResult)}
        assert said in ({"yes"}, {"yes", "unavailable"})

    def test_a_malformed_token_is_refused_and_raises_nothing(self) -> None:
        """Whatever the text, it is not accepted, never an exception, and the reason is named."""
        provider, job = self.make_provider(), self.a_job()
        judged = [self._verify(provider, job, dict.fromkeys(provider.fields, one)) for one in MALFORMED_TOKENS]
        assert [(one.accepted, one.reason is None) for one in judged] == [(False, False)] * len(MALFORMED_TOKENS)

    def test_a_token_with_something_added_is_no_token(self) -> None:
        """The right token with more behind or before it is refused."""
        provider, job = self.make_provider(), self.a_job()
        tokens = self.solve(job)
        changed = [
            {**tokens, field: text}
            for field, token in tokens.items()
            for text in (token + "1", "1" + token, token + token)
        ]
        assert [self._verify(provider, job, one).accepted for one in changed] == [False] * len(changed)

    def test_the_same_job_asks_the_same(self) -> None:
        """``widget`` gives the same for the same job, from another instance, too, and at another time."""
        asked = self.settled(self.make_provider().widget(self.a_job()))
        later = attrs.evolve(self.a_job(), now=NOON + timedelta(minutes=5))
        assert self.settled(self.make_provider().widget(later)) == asked

    def test_a_refusal_does_not_change_what_is_asked(self) -> None:
        """After a wrong token the same job still asks the same."""
        provider, job = self.make_provider(), self.a_job()
        asked = dict(self.settled(provider.widget(job)))
        self._verify(provider, job, dict.fromkeys(provider.fields, "x"))
        assert self.settled(provider.widget(job)) == asked

    def test_parameters_are_texts_under_plain_names(self) -> None:
        """What a page needs is text, and no key has a dot, which parts it from the provider's name."""
        asked = self.settled(self.make_provider().widget(self.a_job()))
        assert [key for key in asked if not key or "." in key] == []
        assert {type(value) for value in asked.values()} <= {str}

    def test_the_secret_is_not_shown(self) -> None:
        """Neither the parameters nor a result hold the job's secret, in hex or base64 (L7)."""
        provider, job = self.make_provider(), self.a_job()
        result = self._verify(provider, job, dict.fromkeys(provider.fields, "x"))
        shown = repr(self.settled(provider.widget(job))) + repr(result)
        secret = job.secret.reveal()
        assert [form for form in (secret.hex(), base64.b64encode(secret).decode()) if form in shown] == []

    def test_the_name_is_a_name(self) -> None:
        """``name`` can be the prefix of a parameter: ASCII letters, digits and underscores."""
        name = self.make_provider().name
        assert name.isascii()
        assert name.isidentifier()

    def test_the_fields_are_those_that_are_solved(self) -> None:
        """``fields`` names what the page sends: at least one, none twice, and nothing else is in an answer."""
        provider = self.make_provider()
        assert sorted(provider.fields) == sorted(self.solve(self.a_job()))
        assert len(provider.fields) > 0


class SelfContainedCaptchaContract(CaptchaProviderContract):
    """For a provider whose tokens are bound to the job by themselves: what is asked is made from its secret."""

    def test_a_token_of_another_job_is_refused(self) -> None:
        """A token counts for the job it was made for and for no other (L3)."""
        provider = self.make_provider()
        others = [self._verify(provider, self.a_job(), self.solve(self.a_job(number))) for number in (2, 3, 4)]
        assert [(one.accepted, one.reason is None) for one in others] == [(False, False)] * 3

    def test_a_token_of_another_session_is_refused(self) -> None:
        """What was asked in one session is not answered in another (L3)."""
        provider = self.make_provider()
        result = self._verify(provider, self.a_job(), self.solve(self.a_job(session="session-2")))
        assert (result.accepted, result.reason is None) == (False, False)

    def test_the_challenge_is_named(self) -> None:
        """Who knows which challenge was solved says so."""
        provider, job = self.make_provider(), self.a_job()
        assert self._verify(provider, job, self.solve(job)).challenge == job.challenge

    def test_another_jobs_token_spoils_nothing(self) -> None:
        """After the token of another job the right one is accepted."""
        provider, job = self.make_provider(), self.a_job()
        self._verify(provider, job, self.solve(self.a_job(2)))
        assert self._verify(provider, job, self.solve(job)).accepted

    def test_another_job_asks_something_else(self) -> None:
        """What is asked depends on the job's secret."""
        provider = self.make_provider()
        asked = [dict(self.settled(provider.widget(self.a_job(number)))) for number in (1, 2)]
        assert asked[0] != asked[1]

    def test_another_language_asks_no_other_question(self) -> None:
        """Who changes the language while a challenge lives can still answer it."""
        provider, job = self.make_provider(), self.a_job()
        assert self._verify(provider, attrs.evolve(job, locale="zh-Hans-CN"), self.solve(job)).accepted


class GoneBudget:
    """A store that is not there."""

    def take(self, allowances: Sequence[Allowance], *, now: datetime) -> Exhausted | None:
        """Nothing is taken.

        Raises:
            StoreUnavailableError: always.
        """
        raise StoreUnavailableError("budget", "gone")


class SpendingCaptchaContract(CaptchaProviderContract):
    """For a provider whose tokens are not bound to the job by themselves: it claims them for a job in a store.

    Attributes:
        token_lives: for how long a token could be presented; it stays its job's at least for that.
    """

    token_lives: timedelta = timedelta(minutes=5)

    def make_provider_over(self, spent: SendBudget) -> CaptchaProvider:
        """A provider that keeps in that store which job a token was used for; several share what solves them."""
        raise NotImplementedError("make_provider_over is a hook that the suite needs")

    def make_provider(self) -> CaptchaProvider:
        """One over a store that is new."""
        return self.make_provider_over(MemorySendBudget())

    def _reasons(self, *judged: CaptchaResult) -> list[str | None]:
        """Yes, no, or not judged, for each."""
        said = ("no" if one.reason != "unavailable" else one.reason for one in judged)
        return ["yes" if one.accepted else reason for one, reason in zip(judged, said, strict=True)]

    def test_a_token_used_for_one_job_is_refused_for_another(self) -> None:
        """The first challenge in which it is used is the only one (L3, CAPT-01)."""
        provider = self.make_provider()
        tokens = self.solve(self.a_job())
        judged = [self._verify(provider, self.a_job(number), tokens) for number in (1, 2, 3)]
        assert self._reasons(*judged) == ["yes", "no", "no"]

    def test_a_token_used_in_one_session_is_refused_in_another(self) -> None:
        """Also where it is the same challenge (L3)."""
        provider = self.make_provider()
        tokens = self.solve(self.a_job())
        judged = [self._verify(provider, self.a_job(session=one), tokens) for one in ("session-1", "session-2")]
        assert self._reasons(*judged) == ["yes", "no"]

    def test_a_used_token_is_refused_by_another_instance(self) -> None:
        """Another instance on the same store refuses it for another job, too (L3)."""
        spent = MemorySendBudget()
        provider, other = self.make_provider_over(spent), self.make_provider_over(spent)
        tokens = self.solve(self.a_job())
        judged = [self._verify(provider, self.a_job(), tokens), self._verify(other, self.a_job(2), tokens)]
        assert self._reasons(*judged) == ["yes", "no"]

    def test_a_used_token_stays_used_while_it_lives(self) -> None:
        """In the last microsecond in which it could be presented it is still another job's (L3)."""
        provider = self.make_provider()
        tokens, late = self.solve(self.a_job()), NOON + self.token_lives - INSTANT
        other = attrs.evolve(self.a_job(2), now=late, asked_at=late, expires=late + timedelta(minutes=10))
        judged = [self._verify(provider, self.a_job(), tokens), self._verify(provider, other, tokens)]
        assert self._reasons(*judged) == ["yes", "no"]

    def test_two_jobs_at_one_instant_share_no_token(self) -> None:
        """Eight jobs present the same token at once: one of them is told yes (L3)."""
        provider = self.make_provider()
        tokens = self.solve(self.a_job())
        jobs = [self.a_job(1, session=f"session-{number}") for number in range(1, 9)]
        judged = at_once([partial(self._verify, provider, job, tokens) for job in jobs])
        told_yes = [one for one in judged if isinstance(one, CaptchaResult) and one.accepted]
        assert len(told_yes) <= 1

    def test_one_used_token_does_not_use_another(self) -> None:
        """A second challenge is solved as if there had been no first."""
        provider = self.make_provider()
        judged = [self._verify(provider, self.a_job(number), self.solve(self.a_job(number))) for number in (1, 2)]
        assert self._reasons(*judged) == ["yes", "yes"]

    def test_without_the_store_nothing_is_judged(self) -> None:
        """Where nobody can say whether a token was used before, the reason is ``unavailable``."""
        provider = self.make_provider_over(GoneBudget())
        assert self._reasons(self._verify(provider, self.a_job(), self.solve(self.a_job()))) == ["unavailable"]

    def test_what_was_not_judged_is_not_used_up(self) -> None:
        """A token that met a store that was not there is right when there is one."""
        gone, provider = self.make_provider_over(GoneBudget()), self.make_provider()
        tokens = self.solve(self.a_job())
        self._verify(gone, self.a_job(), tokens)
        assert self._verify(provider, self.a_job(), tokens).accepted
