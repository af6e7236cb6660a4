"""Captchas of outside services that judge by ``siteverify``: Turnstile, hCaptcha, reCAPTCHA (extra ``http``).

The page shows the service's widget, the widget gives a token, and the service says once what the token is worth::

    CaptchaVerifier(
        turnstile(secret=Secret("0x4AAA..."), site_key="0x4AAA...", spent=store.budgets),
        TypedCaptcha(),
        hosts=("shop.example",),
    )

Such a service is not always there, and some people it never lets through; so there is always another provider beside
it. What the services' own pages say is taken as law here: developers.cloudflare.com/turnstile (server-side
validation), docs.hcaptcha.com (verify the user response), developers.google.com/recaptcha/docs (verify, v3).

A service is told the token, our secret and, where the portal says it, the address from which the answer came, which
the widget has seen already; it is told nothing of the account.
"""

from __future__ import annotations

import hashlib
import logging
import re
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from ipaddress import ip_address
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode
from uuid import UUID

import attrs
from typing_extensions import TypeIs

from hht_closure.adapters.bounded_http import BoundedHttp, check_installed, is_safe_address
from hht_closure.errors import InvalidValueError, StoreUnavailableError, WiringError
from hht_closure.flows.wiring import fits
from hht_closure.keys.derivation import framed, hmac_of
from hht_closure.ports import Allowance, CaptchaAnswer, CaptchaJob, CaptchaResult, SendBudget
from hht_closure.values import Secret

REMEMBERED_FOR: Final = timedelta(days=1)
"""How long it is known which challenge a token was used for; the services' tokens live for five minutes at most."""

Evidence: TypeAlias = Literal["action", "cdata", "score"]
"""What a service may say beside host and time, which all of them say."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")  # what stands after "Bearer" (RFC 6750, 2.1)
_PLAIN: Final = re.compile(r"[\x21-\x7e]{1,255}\Z")
_CODE: Final = re.compile(r"[a-z][a-z-]{0,63}\Z")

_WRONG: Final = frozenset({"invalid-input-response", "missing-input-response"})
_MISCONFIGURED: Final = frozenset(
    {
        "missing-input-secret",
        "invalid-input-secret",
        "sitekey-secret-mismatch",
        "not-using-dummy-passcode",
        "not-using-dummy-secret",
        "missing-remoteip",
    }
)

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Siteverify:
    """What tells one service from another.

    Attributes:
        name: the prefix of its parameters.
        field: under which name its widget sends the token.
        url: where it judges.
        longest_token: the most characters of a token that are looked at.
        names_site: whether it takes the site key with the token (``sitekey``).
        knows_repetition: whether it gives the same again under the same ``idempotency_key``.
        promises: what a yes says beside host and time.
    """

    name: str
    field: str
    url: str
    longest_token: int
    names_site: bool = False
    knows_repetition: bool = False
    promises: frozenset[Evidence] = frozenset()


TURNSTILE: Final = Siteverify(
    name="turnstile",
    field="cf-turnstile-response",
    url="https://challenges.cloudflare.com/turnstile/v0/siteverify",
    longest_token=2048,
    knows_repetition=True,
    promises=frozenset({"action", "cdata"}),
)
"""Cloudflare Turnstile: a token lives for 300 seconds and carries what the widget was given as ``cData``."""

HCAPTCHA: Final = Siteverify(
    name="hcaptcha",
    field="h-captcha-response",
    url="https://api.hcaptcha.com/siteverify",
    longest_token=8192,
    names_site=True,
)
"""hCaptcha. A page loads its script with ``recaptchacompat=off``, or the widget fills in reCAPTCHA's field, too."""

RECAPTCHA: Final = Siteverify(
    name="recaptcha",
    field="g-recaptcha-response",
    url="https://www.google.com/recaptcha/api/siteverify",
    longest_token=8192,
)
"""reCAPTCHA with its checkbox (version 2): a token lives for two minutes."""

RECAPTCHA_V3: Final = attrs.evolve(RECAPTCHA, promises=frozenset({"action", "score"}))
"""reCAPTCHA without a question (version 3): it scores what it has seen of the person."""


def turnstile(*, secret: Secret[str], site_key: str, spent: SendBudget, url: str = TURNSTILE.url) -> SiteverifyCaptcha:
    """Cloudflare Turnstile; the widget takes ``site_key``, ``action`` and ``cdata``, and gives the latter two back.

    Its tokens are bound to challenge and session by ``cdata``.
    """
    return SiteverifyCaptcha(service=attrs.evolve(TURNSTILE, url=url), secret=secret, site_key=site_key, spent=spent)


def hcaptcha(*, secret: Secret[str], site_key: str, spent: SendBudget, url: str = HCAPTCHA.url) -> SiteverifyCaptcha:
    """hCaptcha; the widget takes ``site_key``."""
    return SiteverifyCaptcha(service=attrs.evolve(HCAPTCHA, url=url), secret=secret, site_key=site_key, spent=spent)


def recaptcha(
    *,
    secret: Secret[str],
    site_key: str,
    spent: SendBudget,
    least_score: float | None = None,
    url: str = RECAPTCHA.url,
) -> SiteverifyCaptcha:
    """reCAPTCHA; the widget takes ``site_key``, and ``action`` in version 3.

    Without ``least_score`` it is the checkbox of version 2. With it, it is version 3, and that is the lowest score,
    from 0 to 1, that is taken for a person (Google begins with 0.5). Where Google is not reached, the same service is
    to be found under the url ``https://www.recaptcha.net/recaptcha/api/siteverify``.
    """
    service = attrs.evolve(RECAPTCHA if least_score is None else RECAPTCHA_V3, url=url)
    return SiteverifyCaptcha(service=service, secret=secret, site_key=site_key, spent=spent, least_score=least_score)


@attrs.frozen(kw_only=True)
class SiteverifyCaptcha:
    """A :class:`~hht_closure.ports.CaptchaProvider` whose tokens an outside service judges.

    Most of these tokens are bound to nothing but the service's own memory. So a token is claimed in the store for
    the challenge and session in which it is first used, before the service is asked: anywhere else it is refused
    without a call, and a double click there goes on. (How many tokens may be tried at all is limited by the
    attempts, which are counted before.) What a service says of a token that was used already, or is too old, may be
    said of one that this very challenge has used: it is ``unavailable`` and never a no, and the page lets the widget
    be solved again.

    No redirect is followed, no proxy is taken from the environment, and nothing is sent without TLS, but to this very
    machine. The time-out counts for each step of the connection, and an answer that is not whole by then is none.

    Not accepted, with the reason: ``expired``, ``malformed``, ``spent`` (used for another challenge), ``wrong_token``,
    ``no_evidence`` (a yes without what the service promises to say), ``wrong_challenge``, ``low_score``, and
    ``unavailable`` where nobody has judged. A secret or site key that the service does not know is logged as an error.

    Attributes:
        service: which one; :func:`turnstile`, :func:`hcaptcha` and :func:`recaptcha` know theirs.
        secret: what the service knows us by; it goes into the body of a request and nowhere else.
        site_key: what the widget is known by; public.
        spent: where it is kept which challenge a token was used for: a store's ``budgets``, not an asynchronous one.
            It holds digests.
        least_score: the lowest score that is taken for a person, for a service that scores.
        context: which certificates are believed; the usual ones where None.
        monotonic: measures the time of an answer, in seconds.

    Raises:
        InvalidValueError: a secret or site key of another form, an address without TLS, a score that is none.
        WiringError: the extra is not installed, or the store is asynchronous.
    """

    service: Siteverify
    secret: Secret[str]
    site_key: str
    spent: SendBudget = attrs.field(repr=False)
    least_score: float | None = None
    context: ssl.SSLContext | None = attrs.field(default=None, repr=False)
    monotonic: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)

    def __attrs_post_init__(self) -> None:
        check_installed("a siteverify captcha")
        fits(self.spent, SendBudget, "the memory of used tokens")
        if not isinstance(self.secret, Secret):
            raise InvalidValueError("secret", "not_a_secret")
        if iscoroutinefunction(self.spent.take):
            raise WiringError("a siteverify captcha keeps what was used in a store that is not asynchronous")
        if not is_safe_address(self.service.url) or "?" in self.service.url:
            raise InvalidValueError("url", "not_a_safe_address")
        if not _PLAIN.match(self.secret.reveal()):
            raise InvalidValueError("secret", "not_a_secret")
        if not _PLAIN.match(self.site_key):
            raise InvalidValueError("site_key", "not_a_site_key")
        if ("score" in self.service.promises) is not _is_score(self.least_score):
            raise InvalidValueError("least_score", "not_a_score")

    @property
    def name(self) -> str:
        """The service's."""
        return self.service.name

    @property
    def fields(self) -> tuple[str, ...]:
        """The one under which its widget sends the token."""
        return (self.service.field,)

    @property
    def names_hosts(self) -> bool:
        """Every service says on which host its widget was solved."""
        return True

    def widget(self, job: CaptchaJob) -> dict[str, str]:
        """``site_key``, and ``action`` and ``cdata`` where the service gives them back. Asks nobody."""
        asked = {"site_key": self.site_key}
        if "action" in self.service.promises:
            asked["action"] = job.action
        if "cdata" in self.service.promises:
            asked["cdata"] = _bound(job, "cdata")
        return asked

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Whether the service takes the token, and it was not used for anything else."""
        token = answer.tokens[self.service.field]
        if job.now >= job.expires:
            return _refused("expired")
        if len(token) > self.service.longest_token or not _TOKEN.match(token):
            return _refused("malformed")
        try:
            taken_before = self.spent.take((self._claim(job, token),), now=job.now)
        except StoreUnavailableError as error:
            _log.warning("captcha %s: %s", self.name, error)
            return _refused("unavailable")
        if taken_before is not None:
            return _refused("spent")
        said = self._said(self._form(job, token, answer), answer.timeout.total_seconds())
        if isinstance(said, str):
            _log.warning("captcha %s: the service was not heard: %s", self.name, said)
            return _refused("unavailable")
        return self._judged(job, said)

    def _claim(self, job: CaptchaJob, token: str) -> Allowance:
        """A token is its first challenge's, for longer than it lives; two portals on one store included."""
        key = hashlib.sha256(framed("hht-closure/captcha/token", self.name, token.rstrip("="))).hexdigest()
        return Allowance(name="captcha", key=key, limit=1, window=REMEMBERED_FOR, taker=_bound(job, "taker"))

    def _form(self, job: CaptchaJob, token: str, answer: CaptchaAnswer) -> dict[str, str]:
        form = {"secret": self.secret.reveal(), "response": token}
        if answer.remote_address is not None and _is_address(answer.remote_address):
            form["remoteip"] = answer.remote_address
        if self.service.names_site:
            form["sitekey"] = self.site_key
        if self.service.knows_repetition:
            form["idempotency_key"] = str(UUID(hex=answer.idempotency, version=4))
        return form

    def _said(self, form: Mapping[str, str], timeout: float) -> Mapping[str, object] | str:
        """What the service says, or why it was not heard."""
        http = BoundedHttp(timeout=timeout, context=self.context, monotonic=self.monotonic)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        said = http.post(self.service.url, headers=headers, body=urlencode(form).encode(), reads=_judges)
        if isinstance(said, str):
            return said
        if not _judges(said.status):
            return f"status {said.status}"
        if not _is_object(said.content):
            return "answer_malformed"
        return said.content if said.status == 200 else {**said.content, "success": False}

    def _judged(self, job: CaptchaJob, said: Mapping[str, object]) -> CaptchaResult:
        codes = _codes(said.get("error-codes"))
        match said.get("success"):
            case True if not codes:
                return self._weighed(job, said)
            case False if codes and codes <= _WRONG:
                return _refused("wrong_token")
            case False if codes & _MISCONFIGURED:
                _log.error("captcha %s is wrongly configured: %s", self.name, ", ".join(sorted(codes)))
            case _:  # also a token that was used before or is too old: it may be this challenge that used it
                _log.warning("captcha %s: the service did not judge: %s", self.name, ", ".join(sorted(codes)))
        return _refused("unavailable")

    def _weighed(self, job: CaptchaJob, said: Mapping[str, object]) -> CaptchaResult:
        """A yes, with the evidence that makes it one for this job; the verifier compares action, host and time."""
        promised = self.service.promises
        host, at = _text(said.get("hostname")), _instant(said.get("challenge_ts"))
        action = _text(said.get("action")) if "action" in promised else None
        cdata = _text(said.get("cdata")) if "cdata" in promised else None
        score = _score(said.get("score")) if "score" in promised else None
        evidence: dict[Evidence, object] = {"action": action, "cdata": cdata, "score": score}
        if host is None or at is None or any(evidence[one] is None for one in promised):
            _log.warning("captcha %s: a yes without its evidence", self.name)
            return _refused("no_evidence")
        if cdata is not None and not Secret(_bound(job, "cdata")).matches(cdata):
            return _refused("wrong_challenge")
        if score is not None and self.least_score is not None and score < self.least_score:
            return CaptchaResult(accepted=False, reason="low_score", score=score)
        challenge = None if cdata is None else job.challenge
        return CaptchaResult(accepted=True, score=score, action=action, host=host, at=at, challenge=challenge)


def _judges(status: int) -> bool:
    """Whether an answer of that status says something of the token."""
    return status == 200 or 400 <= status < 500


def _refused(reason: str) -> CaptchaResult:
    return CaptchaResult(accepted=False, reason=reason)


def _bound(job: CaptchaJob, purpose: str) -> str:
    """64 hex digits that stand for challenge and session, and tell nothing of either."""
    return hmac_of(job.secret, "hht-closure/captcha", purpose).hex()


def _is_object(value: object) -> TypeIs[Mapping[str, object]]:
    return isinstance(value, dict)


def _codes(value: object) -> frozenset[str]:
    """The codes of an answer; what is none is ``unknown``, so that nothing of it is logged."""
    given = value if _is_list(value) else () if value is None else (None,)
    return frozenset(one if isinstance(one, str) and _CODE.match(one) else "unknown" for one in given)


def _is_list(value: object) -> TypeIs[list[object]]:
    return isinstance(value, list)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _score(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and _is_score(value) else None


def _is_score(value: object) -> bool:
    """Whether it is a number from 0 to 1; ``true`` and NaN are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _instant(value: object) -> datetime | None:
    """The time of a text in ISO 8601 with its zone."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.utcoffset() is not None else None


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True
