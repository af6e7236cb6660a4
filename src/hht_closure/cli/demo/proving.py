"""The three proofs: captcha, SMS code, e-mail code, with codes that are read from the messages that really arrived."""

from __future__ import annotations

import re
from typing import Final

from hht_closure.account import Principal
from hht_closure.adapters.altcha import solve_altcha
from hht_closure.cli.demo.stage import Stage
from hht_closure.cli.demo.steps import Step, StoryError, quoted

_CODE: Final = re.compile(r"(?<!\d)\d{6}(?!\d)")


def captcha_solved(stage: Stage, principal: Principal) -> Step:
    """The browser's part done here: a proof of work.

    Raises:
        StoryError: the solved captcha was not accepted.
    """
    service, words = stage.service, stage.words
    challenge = service.challenge(principal, "captcha")
    verdict = service.answer(principal, "captcha", {"altcha": solve_altcha(challenge.parameters["altcha.challenge"])})
    if not verdict.accepted:
        raise StoryError("captcha", "the solved captcha was not accepted")
    return Step(
        code="captcha",
        title=words("captcha.title"),
        call='service.challenge(principal, "captcha"), service.answer(...)',
        parts=(words.yes("captcha.solved"), words.say("captcha.others")),
        facts={"accepted": True},
    )


def sms_code_entered(stage: Stage, principal: Principal) -> Step:
    """With a wrong code first, to show the verdict.

    Raises:
        StoryError: no code arrived, a wrong one was accepted, or the right one was not.
    """
    words = stage.words
    challenge = stage.service.challenge(principal, "sms_code")
    arrived = [one.text for one in stage.sms.to(stage.address("sms"))]
    code = _code_in("sms_code", arrived)
    wrong = "000000" if code != "000000" else "000001"
    rejected = stage.service.answer(principal, "sms_code", wrong)
    accepted = stage.service.answer(principal, "sms_code", code)
    if rejected.accepted or not accepted.accepted:
        raise StoryError("sms_code", "a wrong code was accepted, or the right one was not")
    return Step(
        code="sms_code",
        title=words("sms_code.title"),
        call='service.challenge(principal, "sms_code"), service.answer(...)',
        parts=(
            words.say("code.sent", destination=str(challenge.destination)),
            words.say("sms_code.arrived"),
            *quoted(arrived[-1]),
            words.no("code.wrong", code=wrong, left=rejected.attempts_left),
            words.yes("code.right", code=code),
        ),
        facts={"destination": challenge.destination, "attempts_left": rejected.attempts_left, "accepted": True},
    )


def email_code_entered(stage: Stage, principal: Principal) -> Step:
    """The code as it stands in the mail that arrived.

    Raises:
        StoryError: no code arrived, or it was not accepted.
    """
    words = stage.words
    challenge = stage.service.challenge(principal, "email_code")
    arrived = stage.mail.to(stage.address("email"))
    code = _code_in("email_code", [one.text for one in arrived])
    if not stage.service.answer(principal, "email_code", code).accepted:
        raise StoryError("email_code", "the code that arrived was not accepted")
    return Step(
        code="email_code",
        title=words("email_code.title"),
        call='service.challenge(principal, "email_code"), service.answer(...)',
        parts=(
            words.say("code.sent", destination=str(challenge.destination)),
            words.say("email_code.arrived"),
            *quoted(f"{arrived[-1].subject}\n\n{arrived[-1].text}"),
            words.yes("code.right", code=code),
        ),
        facts={"destination": challenge.destination, "accepted": True},
    )


def _code_in(step: str, arrived: list[str]) -> str:
    """The code in the last message that arrived.

    Raises:
        StoryError: no message has arrived, or there is no code in it.
    """
    found = _CODE.search(arrived[-1]) if arrived else None
    if found is None:
        raise StoryError(step, "no message with a code has arrived")
    return found[0]
