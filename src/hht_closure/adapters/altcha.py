"""ALTCHA as a captcha provider: a proof of work that the browser does, with nobody else asked (extra ``altcha``).

The challenge is one of ALTCHA's second version (PBKDF2, a key whose first half is given), as the widget of
npm ``altcha`` 3 takes it in its attribute ``challenge``. Of the package ``altcha`` this module uses the parts
that are plain functions, and not ``create_challenge`` and ``verify_solution``: the first draws its own
randomness, the second reads the machine's clock, believes the token's cost and algorithm as long as they are
signed, and accepts the same solution any number of times.

Under a strict Content-Security-Policy the page needs the widget's ``external`` build with its worker file.
"""

from __future__ import annotations

import base64
import hmac
import json
from importlib.util import find_spec
from typing import Final

import attrs
from typing_extensions import TypeIs

from hht_closure.errors import InvalidValueError, WiringError
from hht_closure.ports import CaptchaAnswer, CaptchaJob, CaptchaResult
from hht_closure.values import Secret

ALGORITHM: Final = "PBKDF2/SHA-256"
"""The only one asked for and accepted; whatever a token names itself is compared with what was asked."""

LONGEST_TOKEN: Final = 8 * 1024
"""The longest token that is looked at, in characters; an honest one has about 700."""

_KEY_LENGTH: Final = 32
_PREFIX_LENGTH: Final = 16


@attrs.frozen(kw_only=True)
class _Question:
    """A challenge and its one solution, both derived from the job's secret."""

    parameters: dict[str, str | int]
    signature: str
    counter: int = attrs.field(repr=False)
    derived_key: str = attrs.field(repr=False)

    @property
    def challenge(self) -> str:
        """The challenge as the widget takes it."""
        return _canonical({"parameters": self.parameters, "signature": self.signature})

    @property
    def solution(self) -> str:
        """What the widget must find."""
        return _canonical({"counter": self.counter, "derivedKey": self.derived_key})


class AltchaCaptcha:
    """A :class:`~hht_closure.ports.CaptchaProvider` whose answer is work done for this challenge.

    Everything is derived from the job's secret, so a solution counts for this challenge, round, account and session
    alone, and nothing is stored to ask. The token must repeat the challenge exactly as it was asked; one with
    another algorithm, cost, prefix or end is refused, signed or not. A solution is used up with its challenge, as the
    journal says (``FactorProved``); the next challenge has another.

    Args:
        cost: iterations of PBKDF2 in each try.
        tries: the most tries that a challenge takes; half of it on average.

    The defaults take Python about 0.1 s on average and at most 0.3 s, and the server one try, under 1 ms, to
    ask and again to judge. They slow down a flood, not a determined program; a portal under attack raises them.
    Challenges that were asked with another cost or number of tries are refused, so all instances have the same.
    """

    name: str = "altcha"
    fields: tuple[str, ...] = ("altcha",)
    names_hosts: bool = False
    never_blocks = True

    def __init__(self, *, cost: int = 1000, tries: int = 1000) -> None:
        """A provider with this cost.

        Raises:
            WiringError: the extra is not installed, or cost or tries are not from 1 to ten million.
        """
        if not all(type(number) is int and 1 <= number <= 10_000_000 for number in (cost, tries)):
            raise WiringError("cost and tries of the ALTCHA captcha are whole numbers from 1 to ten million")
        _check_installed()
        self._cost = cost
        self._tries = tries

    def widget(self, job: CaptchaJob) -> dict[str, str]:
        """``challenge``: the JSON text for the widget's attribute of that name."""
        return {"challenge": self._question(job).challenge}

    def verify(self, job: CaptchaJob, answer: CaptchaAnswer) -> CaptchaResult:
        """Whether the token solves this job's challenge before the job ends.

        The reasons: ``expired``, ``malformed``, ``wrong_challenge``, ``wrong_solution``.
        """
        if job.now >= job.expires:
            return CaptchaResult(accepted=False, reason="expired")
        reason = _problem(self._question(job), answer.tokens["altcha"])
        return CaptchaResult(accepted=reason is None, reason=reason, challenge=None if reason else job.challenge)

    def _question(self, job: CaptchaJob) -> _Question:
        """The challenge of this job, always the same, and its solution.

        The key of the challenge's signature is the job's secret itself; ``expiresAt`` is in whole seconds and
        only tells the widget when to stop.
        """
        secret = job.secret.reveal()
        # 256 bits modulo a few millions: no counter is likelier than another by more than one part in 2**230
        counter = int.from_bytes(hmac.digest(secret, b"altcha counter", "sha256")) % self._tries
        parameters: dict[str, str | int] = {
            "algorithm": ALGORITHM,
            "cost": self._cost,
            "expiresAt": int(job.expires.timestamp()),
            "keyLength": _KEY_LENGTH,
            "nonce": hmac.digest(secret, b"altcha nonce", "sha256")[:16].hex(),
            "salt": hmac.digest(secret, b"altcha salt", "sha256")[:16].hex(),
        }
        derived_key = _derived_key(parameters, counter)
        parameters["keyPrefix"] = derived_key[: 2 * _PREFIX_LENGTH]
        signature = hmac.digest(secret, _canonical(parameters).encode(), "sha256").hex()
        return _Question(parameters=parameters, signature=signature, counter=counter, derived_key=derived_key)


def solve_altcha(challenge: str) -> str:
    """The token for a challenge: what the browser's widget does, for demonstrations and tests.

    Args:
        challenge: the JSON text that :meth:`AltchaCaptcha.widget` gives as ``challenge``.

    Raises:
        InvalidValueError: it is no challenge of ALTCHA, or was not solved within 90 seconds.
        WiringError: the extra is not installed.
    """
    _check_installed()
    from altcha import Challenge, Payload, solve_challenge  # noqa: PLC0415 - an extra

    try:
        asked = Challenge.from_dict(json.loads(challenge))  # pyright: ignore[reportUnknownMemberType]
        solution = solve_challenge(asked)
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise InvalidValueError("challenge", "malformed") from cause
    if solution is None:
        raise InvalidValueError("challenge", "unsolved")
    return Payload(asked, solution).to_base64()


def _check_installed() -> None:
    if find_spec("altcha") is None:
        raise WiringError("the ALTCHA captcha needs the extra: pip install 'hht-closure[altcha]'")


def _derived_key(parameters: dict[str, str | int], counter: int) -> str:
    """The key of one try, in hex, by ALTCHA's own derivation: the password is the nonce and the counter."""
    from altcha import ChallengeParameters, derive_key_pbkdf2  # noqa: PLC0415 - an extra

    nonce, salt = bytes.fromhex(str(parameters["nonce"])), bytes.fromhex(str(parameters["salt"]))
    asked = ChallengeParameters(
        algorithm=ALGORITHM,
        nonce=nonce.hex(),
        salt=salt.hex(),
        cost=int(parameters["cost"]),
        key_length=_KEY_LENGTH,
    )
    return derive_key_pbkdf2(asked, salt, nonce + counter.to_bytes(4, "big")).hex()


def _canonical(value: object) -> str:
    """Canonical JSON (RFC 8785 for the ASCII keys, texts and whole numbers used here), as ALTCHA signs it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _problem(question: _Question, token: str) -> str | None:
    """What is wrong with a token, or None; compared as canonical texts, so ``1``, ``1.0`` and ``true`` differ."""
    if len(token) > LONGEST_TOKEN:
        return "malformed"
    try:
        content: object = json.loads(base64.b64decode(token, validate=True))
        if not (_is_object(content) and _is_object(found := content.get("solution"))):
            return "malformed"
        challenge = _canonical(content.get("challenge"))
        solution = _canonical({"counter": found.get("counter"), "derivedKey": found.get("derivedKey")})
    except (ValueError, RecursionError):  # base64, UTF-8, JSON, a number of too many digits, nesting without end
        return "malformed"
    if not Secret(question.challenge).matches(challenge):
        return "wrong_challenge"
    return None if Secret(question.solution).matches(solution) else "wrong_solution"


def _is_object(value: object) -> TypeIs[dict[str, object]]:
    """Whether a value out of JSON is an object; its keys are texts then."""
    return isinstance(value, dict)
