"""The factor that a log-in proves: the person logs in again, by the portal's own means, before the closing.

For accounts without a password, and for portals whose identity provider asks for whatever it asks for::

    LoginAgainVerifier(means=("password",))
    LoginAgainVerifier(Factor("passkey_again", "possession"), means=("passkey",))

The page asks for a challenge, sends the person to the log-in (with OpenID Connect: ``prompt=login``, or
``max_age=0``), and when they are back calls ``answer(principal, "login_again", "")`` with what the session states then.
"""

from __future__ import annotations

from hht_closure.account import CLOCK_SKEW, Account, Channel
from hht_closure.errors import InvalidValueError
from hht_closure.ports import Asked, ChallengeJob, Offer, PersonAnswer, RequestInfo
from hht_closure.values import checked_text
from hht_closure.verification import Assurance, Factor, login_again


class LoginAgainVerifier:
    """A :class:`~hht_closure.ports.Verifier` that looks at the log-in which the session states.

    Right is a log-in by one of the means, at or after the moment the challenge was made. The one that opened the
    session has no grace, however fresh it is (by the clocks: where the identity provider's runs ahead of ours, by that
    much); nor has one whose time the provider does not state, or that lies further ahead of our clock than
    :data:`~hht_closure.account.CLOCK_SKEW`. An ``auth_time`` in whole seconds
    is rounded down, which makes nothing count that would not.

    The log-in is the answer; whatever text comes with it is not looked at. Nothing is stored, and nothing sent.
    """

    channel: Channel | None = None
    never_blocks = True

    def __init__(self, factor: Factor = login_again, *, means: tuple[str, ...] = ("password",)) -> None:
        """A verifier of log-ins by these means.

        Args:
            factor: its assurance class is what the weakest of the means shows.
            means: as :attr:`Principal.means <hht_closure.account.Principal>` names them; at least one.

        Raises:
            InvalidValueError: no factor, no means, one named twice, or what is no name of one.
        """
        if not isinstance(factor, Factor):
            raise InvalidValueError("factor", "not_a_factor")
        if not isinstance(means, tuple):
            raise InvalidValueError("means", "not_a_tuple")
        if not means:
            raise InvalidValueError("means", "empty")
        for one in means:
            checked_text(one, "means", longest=64)
        if len(set(means)) != len(means):
            raise InvalidValueError("means", "named_twice")
        self._factor = factor
        self._means = means

    @property
    def factor(self) -> str:
        """The factor's name."""
        return self._factor.name

    @property
    def assurance(self) -> Assurance:
        """What a log-in by these means shows, as the portal says."""
        return self._factor.assurance

    def offer(self, account: Account) -> Offer:
        """Everybody who is here has logged in before, and nothing is sent."""
        return Offer()

    def begin(self, job: ChallengeJob) -> Asked:
        """Nothing to send and nothing to show: the page leads to the log-in."""
        return Asked()

    def check(self, job: ChallengeJob, answer: PersonAnswer, request: RequestInfo) -> bool:
        """Whether the person has logged in by one of the means since the challenge was made."""
        at = job.principal.logged_in_at
        return at is not None and job.principal.means in self._means and job.asked_at <= at <= job.now + CLOCK_SKEW
