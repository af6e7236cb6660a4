"""The captcha suite itself: it passes providers that keep the law, and finds each way to break it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

import attrs
import pytest

from hht_closure.errors import StoreUnavailableError
from hht_closure.ports import Allowance, CaptchaAnswer, CaptchaJob, CaptchaProvider, CaptchaResult, SendBudget
from hht_closure.testing.contracts.captcha_provider import (
    EXPIRES,
    INSTANT,
    SelfContainedCaptchaContract,
    SpendingCaptchaContract,
)
from tests.adapters.test_captcha import REFUSED, PlainCaptcha, token_for

UNAVAILABLE = CaptchaResult(accepted=False, reason="unavailable")


class TestPlainCaptcha(SelfContainedCaptchaContract):
    """The captcha of these tests keeps the whole law."""

    def provider(self) -> PlainCaptcha:
        """The provider under test."""
        return PlainCaptcha()

    def make_provider(self) -> CaptchaProvider:
        """The provider under test."""
        return self.provider()

    def solve(self, job: CaptchaJob) -> Mapping[str, str]:
        """The right token."""
        return {"plain": token_for(job)}


class TestTwoFields(TestPlainCaptcha):
    """One whose widget sends two fields keeps it, too."""

    def provider(self) -> PlainCaptcha:
        """Two fields."""
        return PlainCaptcha("plain", "first", "second")

    def solve(self, job: CaptchaJob) -> Mapping[str, str]:
        """The right token in both."""
        return dict.fromkeys(("first", "second"), token_for(job))


class TicketCaptcha:
    """A captcha whose tokens are tickets: whoever holds one is let in, once, as the store knows.

    The office that gives the tickets out forgets which of them have come back.
    """

    name = "ticket"
    fields = ("ticket",)
    names_hosts = False
    window = SpendingCaptchaContract.token_lives

    def __init__(self, spent: SendBudget, sold: set[str]) -> None:
        self.spent = spent
        self.sold = sold

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """Where the tickets are."""
        return {"office": "ground floor"}

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """A ticket that was sold, for the job that came with it first."""
        ticket = answer.tokens["ticket"]
        if ticket not in self.sold or job.now >= job.expires:
            return REFUSED
        taker = job.secret.reveal().hex()
        allowance = Allowance(name="ticket", key=ticket, limit=1, window=self.window, taker=taker)
        return self.taken(allowance, job)

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """Whether the store gives it to this job."""
        try:
            taken = self.spent.take((allowance,), now=job.now)
        except StoreUnavailableError:
            return UNAVAILABLE
        return CaptchaResult(accepted=True) if taken is None else REFUSED


class TestTicketCaptcha(SpendingCaptchaContract):
    """The ticket captcha keeps the law of those whose tokens are bound to nothing."""

    kind: Callable[[SendBudget, set[str]], CaptchaProvider] = TicketCaptcha
    sold: set[str]

    def make_provider_over(self, spent: SendBudget) -> CaptchaProvider:
        """One at the same office."""
        self.sold = getattr(self, "sold", set())
        return type(self).kind(spent, self.sold)

    def solve(self, job: CaptchaJob) -> Mapping[str, str]:
        """A ticket that was just sold."""
        self.sold.add(f"number {len(self.sold)}")
        return {"ticket": f"number {len(self.sold) - 1}"}


# --- broken on purpose ------------------------------------------------------------------------------------------


class Grim(PlainCaptcha):
    """Broken: accepts nothing."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """No."""
        return REFUSED


class Credulous(PlainCaptcha):
    """Broken: accepts anything."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Yes."""
        return CaptchaResult(accepted=True)


class Timeless(PlainCaptcha):
    """Broken: accepts at the very end."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """As if it had just been asked."""
        return super().verify(attrs.evolve(job, now=job.asked_at), answer)


class Hasty(PlainCaptcha):
    """Broken: ends an instant early."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """As if it were an instant later."""
        return super().verify(attrs.evolve(job, now=job.now + INSTANT), answer)


class Brittle(PlainCaptcha):
    """Broken: raises on what it cannot read."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Hex, or an exception."""
        bytes.fromhex(answer.tokens["plain"])
        return super().verify(job, answer)


class Silent(PlainCaptcha):
    """Broken: does not say why it refuses."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Without a reason."""
        return CaptchaResult(accepted=super().verify(job, answer).accepted)


class Lenient(PlainCaptcha):
    """Broken: looks for the token somewhere in the text."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """The token, if it is in there."""
        found = token_for(job) if token_for(job) in answer.tokens["plain"] else "x"
        return super().verify(job, attrs.evolve(answer, tokens={"plain": found}))


class Once(PlainCaptcha):
    """Broken: says no to who clicks twice."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """The first alone."""
        was_there = [one.tokens for one in self.given].count(answer.tokens) > 0
        result = super().verify(job, answer)
        return REFUSED if was_there else result


class Fickle(PlainCaptcha):
    """Broken: asks something else each time."""

    calls = count()

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The number of the call."""
        return {**super().widget(job), "call": str(next(self.calls))}


class Ticking(PlainCaptcha):
    """Broken: asks something else at another time."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """The time that is left."""
        return {**super().widget(job), "left": str(EXPIRES - job.now)}


class Sulking(PlainCaptcha):
    """Broken: asks something else after a wrong token."""

    def widget(self, job: CaptchaJob) -> Mapping[str, str]:
        """How often something was answered."""
        return {**super().widget(job), "answers": str(len(self.given))}


class Touchy(PlainCaptcha):
    """Broken: after a wrong token nothing is right."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """The right one first, or never."""
        result = super().verify(job, answer)
        return REFUSED if len({repr(one.tokens) for one in self.given}) > 1 else result


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


class Local(PlainCaptcha):
    """Broken: the token depends on the language."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """In English alone."""
        return super().verify(job, answer) if job.locale == "en" else REFUSED


class Modest(PlainCaptcha):
    """Broken: does not say which challenge was solved."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Without it."""
        return attrs.evolve(super().verify(job, answer), challenge=None)


class Mistaken(PlainCaptcha):
    """Broken: says that something else was solved."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """A log-in."""
        return attrs.evolve(super().verify(job, answer), action="login")


class Boastful(PlainCaptcha):
    """Broken: promises a host and names none."""

    names_hosts = True


class Sessionless(PlainCaptcha):
    """Broken: takes what was asked in another session."""

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Whatever was asked of the same challenge."""
        sessions = [TestPlainCaptcha().a_job(session=one) for one in ("session-1", "session-2")]
        right = [token_for(one) for one in sessions if one.challenge == job.challenge]
        return CaptchaResult(accepted=True) if answer.tokens["plain"] in right else super().verify(job, answer)


class Misnamed(PlainCaptcha):
    """Broken: its name cannot be a prefix."""

    def __init__(self) -> None:
        super().__init__("a captcha", "plain")


class Misfielded(PlainCaptcha):
    """Broken: does not say what its page sends."""

    def __init__(self) -> None:
        super().__init__("plain", "plain", "more")


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (Grim, "test_the_right_token_is_accepted"),
        (Mistaken, "test_the_evidence_is_the_jobs"),
        (Boastful, "test_who_names_hosts_names_the_host"),
        (Touchy, "test_a_malformed_token_spoils_nothing"),
        (Timeless, "test_a_token_is_too_late_from_the_end_on"),
        (Hasty, "test_a_token_counts_until_the_last_instant"),
        (Once, "test_the_same_again_is_never_a_no"),
        (Brittle, "test_a_malformed_token_is_refused_and_raises_nothing"),
        (Silent, "test_a_malformed_token_is_refused_and_raises_nothing"),
        (Lenient, "test_a_token_with_something_added_is_no_token"),
        (Fickle, "test_the_same_job_asks_the_same"),
        (Ticking, "test_the_same_job_asks_the_same"),
        (Sulking, "test_a_refusal_does_not_change_what_is_asked"),
        (Dotted, "test_parameters_are_texts_under_plain_names"),
        (Loose, "test_the_secret_is_not_shown"),
        (Misnamed, "test_the_name_is_a_name"),
        (Misfielded, "test_the_fields_are_those_that_are_solved"),
        (Credulous, "test_a_token_of_another_job_is_refused"),
        (Sessionless, "test_a_token_of_another_session_is_refused"),
        (Modest, "test_the_challenge_is_named"),
        (Touchy, "test_another_jobs_token_spoils_nothing"),
        (Stubborn, "test_another_job_asks_something_else"),
        (Local, "test_another_language_asks_no_other_question"),
    ],
)
def test_the_suite_finds_what_is_broken(broken: type[PlainCaptcha], clause: str) -> None:
    """Each clause fails for a provider that breaks it."""

    class Suite(TestPlainCaptcha):
        """The suite over the broken provider."""

        def provider(self) -> PlainCaptcha:
            """The broken one."""
            return broken()

    with pytest.raises((AssertionError, ValueError)):
        getattr(Suite(), clause)()


class Forgetful(TicketCaptcha):
    """Broken: does not ask the store."""

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """Yes."""
        return CaptchaResult(accepted=True)


class Lonely(TicketCaptcha):
    """Broken: remembers what was used by itself alone."""

    def __init__(self, spent: SendBudget, sold: set[str]) -> None:
        super().__init__(spent, sold)
        self.used: dict[str, str] = {}

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """Whether this instance has seen it."""
        is_ours = self.used.setdefault(allowance.key, allowance.taker) == allowance.taker
        return CaptchaResult(accepted=True) if is_ours else REFUSED


class Transferable(TicketCaptcha):
    """Broken: a challenge's ticket counts in every session."""

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """Whoever comes with the same challenge."""
        return super().taken(attrs.evolve(allowance, taker=job.challenge), job)


class Takerless(TicketCaptcha):
    """Broken: a double click is told no."""

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """The first alone."""
        return super().taken(attrs.evolve(allowance, taker=""), job)


class Shortlived(TicketCaptcha):
    """Broken: forgets a ticket while it can still be presented."""

    window = SpendingCaptchaContract.token_lives - INSTANT


class Wasteful(TicketCaptcha):
    """Broken: one use of one ticket uses them all up."""

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """One key for all."""
        return super().taken(attrs.evolve(allowance, key="all"), job)


class Careless(TicketCaptcha):
    """Broken: without the store it believes."""

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """Yes, in doubt."""
        result = super().taken(allowance, job)
        return CaptchaResult(accepted=True) if result == UNAVAILABLE else result


class Vengeful(TicketCaptcha):
    """Broken: a ticket that met no store is torn up."""

    def taken(self, allowance: Allowance, job: CaptchaJob) -> CaptchaResult:
        """Not sold any more."""
        result = super().taken(allowance, job)
        if result == UNAVAILABLE:
            self.sold.discard(allowance.key)
        return result


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (Takerless, "test_the_same_again_is_never_a_no"),
        (Takerless, "test_the_same_at_one_instant_is_accepted_once_at_least"),
        (Forgetful, "test_a_token_used_for_one_job_is_refused_for_another"),
        (Transferable, "test_a_token_used_in_one_session_is_refused_in_another"),
        (Lonely, "test_a_used_token_is_refused_by_another_instance"),
        (Shortlived, "test_a_used_token_stays_used_while_it_lives"),
        (Forgetful, "test_two_jobs_at_one_instant_share_no_token"),
        (Wasteful, "test_one_used_token_does_not_use_another"),
        (Careless, "test_without_the_store_nothing_is_judged"),
        (Vengeful, "test_what_was_not_judged_is_not_used_up"),
    ],
)
def test_the_suite_finds_what_is_spent_wrongly(broken: type[TicketCaptcha], clause: str) -> None:
    """Each clause fails for a provider that breaks it."""

    class Suite(TestTicketCaptcha):
        """The suite over the broken provider."""

        kind = broken

    with pytest.raises(AssertionError):
        getattr(Suite(), clause)()
