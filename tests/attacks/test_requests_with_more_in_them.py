"""A request that brings more than it should changes nothing: not where a code goes, and not what must be proved.

What a portal's page does with a form it was not meant to get: it hands the whole of it on, as keyword arguments or as
the answer. The library takes a person from the session, a destination from the directory and the factors from the
terms, and has no place for anything else (L1, L2, L3, CODE-16, CODE-31).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from hht_closure.account import Principal
from hht_closure.events import AttemptCounted
from hht_closure.ports import RequestInfo
from hht_closure.values import Secret
from tests.portal.stage import Stage as PortalStage
from tests.portal.stage import make_stage as make_portal
from tests.service.doubles import loose
from tests.stage import LI, TERMS, Stage, refusal_codes

ELSEWHERE: Final = "+8613700000000"
MORE: Final[Mapping[str, object]] = {
    "to": ELSEWHERE,
    "phone": ELSEWHERE,
    "email": ["li.weiguo@example.com", "somebody.else@example.com"],
    "account": "wang",
    "max_age": "0",
    "prompt": "none",
    "skip": "sms_code",
    "force": "false",
}
"""What nobody asked for, by its name in a form; ``email`` came twice."""

TEXTS: Final = {name: value for name, value in MORE.items() if isinstance(value, str)}


@pytest.fixture
def asked(stage: Stage) -> Stage:
    """The captcha is passed, an SMS code is on its way, and it can be sent again by now."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    stage.clock.advance(TERMS.codes.resend_after)
    return stage


def _destinations(stage: Stage) -> list[str]:
    """Where messages went, over both channels."""
    return [one.destination.reveal() for one in (*stage.sms.sent, *stage.email.sent)]


# --- as keyword arguments -------------------------------------------------------------------------------------

CALLS: Final[Mapping[str, Callable[[Stage, Mapping[str, object]], object]]] = {
    "open": lambda stage, more: loose(stage.service.open)(stage.principal, **more),
    "recheck": lambda stage, more: loose(stage.service.recheck)(stage.principal, **more),
    "give_reason": lambda stage, more: loose(stage.service.give_reason)(stage.principal, "rather_not_say", **more),
    "challenge": lambda stage, more: loose(stage.service.challenge)(stage.principal, "sms_code", **more),
    "answer": lambda stage, more: loose(stage.service.answer)(
        stage.principal, "sms_code", stage.code("sms_code"), **more
    ),
    "withdraw": lambda stage, more: loose(stage.service.withdraw)(stage.principal, **more),
    "confirm": lambda stage, more: loose(stage.service.confirm)(stage.principal, "nonce", **more),
    "principal": lambda _, more: loose(Principal)(account="li", session="s", **more),
    "request": lambda _, more: loose(RequestInfo)(host="example.com", **more),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_call_takes_an_argument_that_is_not_its_own(asked: Stage, call: str) -> None:
    """Each by itself it is a ``TypeError``; nothing is sent, counted or changed (CODE-16, CODE-31)."""
    before = asked.everything()
    for name, value in MORE.items():
        with pytest.raises(TypeError):
            CALLS[call](asked, {name: value})
    assert asked.everything() == before


@pytest.mark.parametrize("call", ["open", "recheck", "give_reason", "challenge", "answer", "withdraw"])
def test_the_same_calls_are_taken_without_it(asked: Stage, call: str) -> None:
    """The twin: with nothing more in them they do what they are for (CODE-16)."""
    assert CALLS[call](asked, {}) is not None


# --- in the answer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_a_right_code_is_right_whatever_comes_with_it(asked: Stage, name: str) -> None:
    """The code is looked at and the rest is not: the next one goes where the first one went (CODE-16, CODE-31)."""
    answer = {"code": asked.code("sms_code"), name: TEXTS[name]}
    verdict = asked.service.answer(asked.principal, "sms_code", answer)
    asked.challenged("sms_code")
    assert (verdict.accepted, _destinations(asked)) == (True, [LI.contacts[0].address] * 2)


@pytest.mark.parametrize("name", TEXTS)
def test_a_wrong_code_is_wrong_whatever_comes_with_it(asked: Stage, name: str) -> None:
    """It counts like any other (L4, CODE-31)."""
    answer = {"code": asked.wrong_code("sms_code"), name: TEXTS[name]}
    verdict = asked.service.answer(asked.principal, "sms_code", answer)
    assert (verdict.accepted, verdict.attempts_left) == (False, TERMS.attempts.failures - 1)


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_code_proves_nothing(asked: Stage, name: str) -> None:
    """A form without the code is malformed, it counts, and the factors to be proved stay the same (CODE-31)."""
    missing = asked.service.current(asked.principal).missing
    codes = refusal_codes(asked.service.answer, asked.principal, "sms_code", {name: TEXTS[name]})
    assert (codes, asked.service.current(asked.principal).missing, asked.count(AttemptCounted)) == (
        ("answer_malformed",),
        missing,
        2,
    )


@pytest.mark.parametrize("name", TEXTS)
def test_a_captcha_is_answered_with_its_own_fields_alone(stage: Stage, name: str) -> None:
    """The right word with more beside it is no answer; the captcha is not passed, and no SMS goes out (CODE-31)."""
    stage.reason_given()
    word = stage.challenged("captcha").parameters["word.word"]
    codes = refusal_codes(stage.service.answer, stage.principal, "captcha", {"word": word, name: TEXTS[name]})
    refused = refusal_codes(stage.service.challenge, stage.principal, "sms_code")
    assert (codes, refused, _destinations(stage)) == (("answer_malformed",), ("factor_out_of_order",), [])


@pytest.mark.parametrize("name", ["code", "email", "to"])
def test_a_field_that_came_twice_is_no_answer(asked: Stage, name: str) -> None:
    """Which of two values is meant nobody guesses: refused, and nothing is compared, counted or sent (CODE-16)."""
    before, code = asked.everything(), asked.code("sms_code")
    codes = refusal_codes(
        loose(asked.service.answer), asked.principal, "sms_code", {"code": code, name: [code, "a second value"]}
    )
    assert (codes, asked.everything()) == (("answer_malformed",), before)


# --- in the factor, and in the request -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "factor",
    [
        f"sms_code&to={ELSEWHERE}",
        "sms_code,email_code",
        "sms_code email_code",
        "SMS_CODE",
        " sms_code",
        "none",
        "skip",
        "",
    ],
)
def test_a_factor_is_named_exactly(asked: Stage, factor: str) -> None:
    """What is not one of the terms' names to the letter is no factor, to be asked for or to be answered (CODE-31)."""
    before, code = asked.everything(), asked.code("sms_code")
    codes = (
        refusal_codes(asked.service.challenge, asked.principal, factor),
        refusal_codes(asked.service.answer, asked.principal, factor, code),
    )
    assert (codes, asked.everything()) == ((("factor_unknown",), ("factor_unknown",)), before)


def test_the_host_of_a_request_is_in_no_message(asked: Stage) -> None:
    """A forged ``Host`` with an answer: the next message goes to the same number in the same name (CODE-16)."""
    forged = RequestInfo(host="evil.example", remote_address="192.0.2.66")
    asked.service.answer(asked.principal, "sms_code", asked.wrong_code("sms_code"), forged)
    asked.challenged("sms_code")
    first, second = asked.sms.sent
    assert (second.destination.reveal(), second.portal, second.locale) == (
        first.destination.reveal(),
        first.portal,
        first.locale,
    )


# --- the sample portal ------------------------------------------------------------------------------------------


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[PortalStage]:
    """A small portal in a file of its own."""
    made = make_portal(tmp_path)
    yield made
    made.sample.database.close()


def _state(portal: PortalStage) -> list[tuple[int | str | None, ...]]:
    """Who is logged in, and how everybody is reached."""
    return portal.rows("SELECT token_digest, user_id FROM sessions") + portal.rows("SELECT id, phone, email FROM users")


@pytest.mark.parametrize("name", MORE)
def test_a_log_in_takes_a_name_and_a_password_alone(portal: PortalStage, name: str) -> None:
    """Anything more is a ``TypeError``; no password is verified, and nothing is written (CODE-16, CODE-31)."""
    before, person = _state(portal), portal.person
    with pytest.raises(TypeError):
        loose(portal.login.log_in)(person.login_name, person.password, **{name: MORE[name]})
    assert (_state(portal), portal.hasher.verified) == (before, 0)


@pytest.mark.parametrize("name", MORE)
def test_another_number_is_taken_by_itself(portal: PortalStage, name: str) -> None:
    """A change of the telephone number changes that alone: anything more is a ``TypeError`` (L3, CODE-16)."""
    before = _state(portal)
    with pytest.raises(TypeError):
        loose(portal.customer.change_phone)(portal.person.account, ELSEWHERE, **{name: MORE[name]})
    assert _state(portal) == before


@pytest.mark.parametrize("came", ["name", "password", "name as bytes", "password in clear"])
def test_a_name_or_password_that_came_twice_is_no_log_in(portal: PortalStage, came: str) -> None:
    """A ``TypeError`` before anything is asked: nothing is verified or written (CODE-16, INP-04)."""
    before, name, password = _state(portal), portal.person.login_name, portal.person.password
    twice: tuple[object, object] = {
        "name": ([name, "somebody"], password),
        "password": (name, Secret([password.reveal(), "another"])),
        "name as bytes": (name.encode(), password),
        "password in clear": (name, password.reveal()),
    }[came]
    with pytest.raises(TypeError):
        loose(portal.login.log_in)(*twice)
    assert (_state(portal), portal.hasher.verified) == (before, 0)
