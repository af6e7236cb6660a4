"""The law of verifiers, clause by clause (L3, L7, L8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from hht_closure.account import CHANNELS, Account, AccountId, ContactPoint, Principal
from hht_closure.errors import InvalidValueError
from hht_closure.ports import Asked, ChallengeJob, Offer, PersonAnswer, RequestInfo, Verifier
from hht_closure.testing.contracts._expect import PortContract, raises
from hht_closure.values import Secret
from hht_closure.verification import Factor

SMS = ContactPoint(channel="sms", address="+8613812345678", version="3")
EMAIL = ContactPoint(channel="email", address="mei.lin@example.org", version="7")
UNREACHABLE = Account(id=AccountId("account-2"))
ACCOUNT = Account(id=AccountId("account-1"), contacts=(SMS, EMAIL), login_name="meilin")
REQUEST = RequestInfo(remote_address="192.0.2.7", host="portal.example.org")
VALID_FOR = timedelta(minutes=10)


class VerifierContract(PortContract):
    """Subclass it, override the three hooks (the others where they do not fit), and your verifier has its suite."""

    def make_verifier(self) -> Verifier:
        """A verifier that works. Called before every other hook; a second one in a test is as after a restart."""
        raise NotImplementedError("make_verifier is a hook that the suite needs")

    def right_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """What a person answers who got what was asked, and is right."""
        raise NotImplementedError("right_answer is a hook that the suite needs")

    def wrong_answer(self, verifier: Verifier, job: ChallengeJob, asked: Asked) -> PersonAnswer:
        """An answer in the right form that is not the right one."""
        raise NotImplementedError("wrong_answer is a hook that the suite needs")

    def malformed_answer(self) -> PersonAnswer:
        """An answer that has not the form of one."""
        return "x" * 10_000

    def an_account(self) -> Account:
        """An account that can be asked."""
        return ACCOUNT

    def a_principal(self) -> Principal:
        """Who asks and answers."""
        return Principal(account=self.an_account().id, session="session-1", logged_in_at=self.now())

    def now(self) -> datetime:
        """The time at which everything happens."""
        return datetime(2026, 3, 1, 12, tzinfo=UTC)

    def a_job(
        self, verifier: Verifier, *, secret: bytes = b"\x01" * 32, challenge: str = "challenge-1"
    ) -> ChallengeJob:
        """A challenge of that verifier; another secret makes it another challenge."""
        account, channel = self.an_account(), verifier.channel
        return ChallengeJob(
            account=account,
            principal=self.a_principal(),
            contact=None if channel is None else account.contact(channel),
            challenge=challenge,
            secret=Secret(secret),
            now=self.now(),
            expires=self.now() + VALID_FOR,
            valid_for=VALID_FOR,
            locale="en",
            portal="Harbour",
        )

    def _begin(self, verifier: Verifier, job: ChallengeJob) -> Asked:
        return self.settled(verifier.begin(job))

    def _is_right(self, verifier: Verifier, job: ChallengeJob, answer: PersonAnswer) -> bool:
        return self.settled(verifier.check(job, answer, REQUEST))

    def test_the_factor_and_its_assurance_can_stand_in_a_requirement(self) -> None:
        """The name is a name and the assurance class is one of those there are, at every look."""
        verifier = self.make_verifier()
        assert Factor(verifier.factor, verifier.assurance) == Factor(verifier.factor, verifier.assurance)

    def test_the_channel_is_one_that_there_is_or_none(self) -> None:
        """A verifier sends over a known channel, or sends nothing."""
        assert self.make_verifier().channel in CHANNELS | {None}

    def test_an_account_that_can_be_asked_is_offered_the_factor(self) -> None:
        """``offer`` gives an offer where there is a way."""
        verifier = self.make_verifier()
        assert isinstance(self.settled(verifier.offer(self.an_account())), Offer)

    def test_what_is_offered_shows_no_address(self) -> None:
        """What ``offer`` shows may stand on a page, and its ``repr`` in a log: no address is in them (L22)."""
        verifier = self.make_verifier()
        offered = self.settled(verifier.offer(self.an_account())) or Offer()
        shown = offered.shown + repr(offered)
        assert [one.address for one in self.an_account().contacts if one.address in shown] == []

    def test_offering_changes_nothing(self) -> None:
        """``offer`` gives the same again, and the answer to what was asked before is still right (L10)."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        answer = self.right_answer(verifier, job, self._begin(verifier, job))
        offers = [self.settled(verifier.offer(self.an_account())) or Offer() for _ in range(2)]
        first, second = ((one.shown, *map(_revealed, (one.destination, one.number_block))) for one in offers)
        assert (first == second, self._is_right(verifier, job, answer)) == (True, True)

    def test_the_right_answer_is_right(self) -> None:
        """``check`` accepts what the person was asked for."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        answer = self.right_answer(verifier, job, self._begin(verifier, job))
        assert self._is_right(verifier, job, answer) is True

    def test_a_wrong_answer_is_a_value(self) -> None:
        """``check`` gives False for a wrong answer, and raises nothing."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        answer = self.wrong_answer(verifier, job, self._begin(verifier, job))
        assert self._is_right(verifier, job, answer) is False

    def test_a_malformed_answer_is_an_error(self) -> None:
        """``check`` says which answers have not the form of one."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        self._begin(verifier, job)
        with raises(InvalidValueError):
            self._is_right(verifier, job, self.malformed_answer())

    def test_asking_again_asks_the_same(self) -> None:
        """With the same secret, ``begin`` asks the same: the answer to the first is right after the second (L7)."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        answer = self.right_answer(verifier, job, self._begin(verifier, job))
        self._begin(verifier, job)
        assert self._is_right(verifier, job, answer) is True

    def test_what_is_asked_does_not_show_itself(self) -> None:
        """Neither the secret nor what a widget is given stands in the ``repr`` of what came of asking (L22)."""
        verifier = self.make_verifier()
        asked = self._begin(verifier, self.a_job(verifier))
        assert [one for one in asked.parameters.values() if one and one in repr(asked)] == []


def _revealed(secret: Secret[str] | None) -> str | None:
    return None if secret is None else secret.reveal()


class SecretVerifierContract(VerifierContract):
    """For a verifier that derives what it asks from the challenge's secret: a code, a captcha, not a password."""

    def test_an_answer_counts_for_its_own_challenge_alone(self) -> None:
        """The right answer to one challenge is wrong for another (L3)."""
        verifier = self.make_verifier()
        job, other = self.a_job(verifier), self.a_job(verifier, secret=b"\x02" * 32, challenge="challenge-2")
        answer = self.right_answer(verifier, job, self._begin(verifier, job))
        self._begin(verifier, other)
        assert self._is_right(verifier, other, answer) is False

    def test_nothing_of_a_challenge_is_kept(self) -> None:
        """An answer is right by the job alone: a verifier just made, as after a restart, knows it, too (L7)."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        answer = self.right_answer(verifier, job, self._begin(verifier, job))
        assert self._is_right(self.make_verifier(), job, answer) is True


class SendingVerifierContract(SecretVerifierContract):
    """For a verifier with a channel; one more hook."""

    def make_failing(self) -> Verifier:
        """A verifier of the same factor whose transport fails."""
        raise NotImplementedError("make_failing is a hook that the suite needs")

    def test_without_a_contact_point_there_is_no_offer(self) -> None:
        """``offer`` gives None where the account has no contact point on the channel."""
        verifier = self.make_verifier()
        assert self.settled(verifier.offer(UNREACHABLE)) is None

    def test_the_offer_names_the_destination(self) -> None:
        """By what ``offer`` names, messages are counted: a verifier that sends says where (L8)."""
        verifier = self.make_verifier()
        offered = self.settled(verifier.offer(self.an_account())) or Offer()
        assert isinstance(offered.destination, Secret)

    def test_what_was_handed_over_is_said(self) -> None:
        """``begin`` says that the message was handed over."""
        verifier = self.make_verifier()
        assert self._begin(verifier, self.a_job(verifier)).delivered is True

    def test_a_failing_transport_is_said_and_not_raised(self) -> None:
        """``begin`` gives ``delivered=False`` when the message was not handed over (L8)."""
        verifier = self.make_failing()
        assert self._begin(verifier, self.a_job(verifier)).delivered is False

    def test_what_was_not_delivered_is_asked_all_the_same(self) -> None:
        """A challenge whose message got lost has the same right answer (L7, L8)."""
        verifier, failing = self.make_verifier(), self.make_failing()
        job = self.a_job(verifier)
        answer = self.right_answer(verifier, job, self._begin(verifier, job))
        self._begin(failing, job)
        assert self._is_right(failing, job, answer) is True

    def test_a_changed_address_does_not_reach_into_the_answer(self) -> None:
        """The answer hangs on the secret, which the service binds to the contact version, and on nothing else (L3)."""
        verifier = self.make_verifier()
        job = self.a_job(verifier)
        answer = self.right_answer(verifier, job, self._begin(verifier, job))
        assert self._is_right(verifier, attrs.evolve(job, contact=None), answer) is True
