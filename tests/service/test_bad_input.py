"""Bad input and a world that fails: a clear no, nothing lost, and the same with good input works right after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import attrs
import pytest

from hht_closure.account import AccountId, Principal
from hht_closure.errors import (
    ClosureRefused,
    InvalidValueError,
)
from hht_closure.events import ReasonGiven
from hht_closure.flows.stream import round_key
from tests.service.doubles import codes, loose, refusals
from tests.stage import Stage

LI = AccountId("li")
MILLION = "a" * 1_000_000


def somebody(stage: Stage) -> Principal:
    """A principal whose account the directory does not have."""
    return Principal(account=AccountId("nobody"), session="s", logged_in_at=stage.clock.now())


def attested(stage: Stage, **changes: str) -> object:
    """A statement answered, with what is changed of the right way to do it."""
    right = {"statement": "data_backed_up", "answer": "done", "wording": "1", "locale": "en"}
    return loose(stage.service.attest)(stage.principal, **{**right, **changes})


@attrs.frozen
class Case:
    """A call with something wrong in it, what is said to it, and the same call done rightly."""

    before: Callable[[Stage], object]
    wrong: Callable[[Stage], object]
    says: list[str]
    right: Callable[[Stage], object]


CASES: dict[str, Case] = {
    "open, for an account that is not there": Case(
        lambda s: None,
        lambda s: s.service.open(somebody(s)),
        ["account_unknown"],
        lambda s: s.opened(),
    ),
    "explain, for an account that is not there": Case(
        lambda s: None,
        lambda s: s.service.explain(somebody(s), "en"),
        ["account_unknown"],
        lambda s: s.service.explain(s.principal, "en"),
    ),
    "explain, in a language that nobody wrote": Case(
        lambda s: None,
        lambda s: s.service.explain(s.principal, "fr"),
        ["locale_unknown"],
        lambda s: s.service.explain(s.principal, "zh-Hans-CN"),
    ),
    "explain, in a language of a million characters": Case(
        lambda s: None,
        lambda s: s.service.explain(s.principal, MILLION),
        ["locale_unknown"],
        lambda s: s.service.explain(s.principal, "en-GB"),
    ),
    "attest, before a round was opened": Case(lambda s: None, attested, ["no_round"], lambda s: s.eligible()),
    "attest, a statement that is not in the terms": Case(
        Stage.opened, lambda s: attested(s, statement="sold_my_soul"), ["statement_unknown"], attested
    ),
    "attest, an answer that is none": Case(
        Stage.opened, lambda s: attested(s, answer="maybe"), ["statement_answer_unknown"], attested
    ),
    "attest, another wording than was shown": Case(
        Stage.opened, lambda s: attested(s, wording="0"), ["wording_unknown"], attested
    ),
    "attest, a language that there is not": Case(
        Stage.opened, lambda s: attested(s, locale="xx"), ["locale_unknown"], attested
    ),
    "give_reason, one that is not in the terms": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "bored"),
        ["reason_unknown"],
        lambda s: s.service.give_reason(s.principal, "rather_not_say"),
    ),
    "give_reason, without the note that it asks for": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "other", note=" \n "),
        ["note_required"],
        lambda s: s.service.give_reason(s.principal, "other", note="I move."),
    ),
    "give_reason, with a note where none is wanted": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "rather_not_say", note="but"),
        ["note_not_wanted"],
        lambda s: s.service.give_reason(s.principal, "rather_not_say"),
    ),
    "give_reason, with a note of a million characters": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "other", note=MILLION),
        ["note_too_long"],
        lambda s: s.service.give_reason(s.principal, "other", note="a" * 2000),
    ),
    "give_reason, with a note one character too long": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "other", note="文" * 2001),
        ["note_too_long"],
        lambda s: s.service.give_reason(s.principal, "other", note="文" * 2000),
    ),
    "give_reason, with a null in the note": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "other", note="a\x00b"),
        ["note_invalid"],
        lambda s: s.service.give_reason(s.principal, "other", note="a\nb"),
    ),
    "give_reason, with an escape sequence in the note": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "other", note="\x1b[2J"),
        ["note_invalid"],
        lambda s: s.service.give_reason(s.principal, "other", note="[2J"),
    ),
    "give_reason, with half a character in the note": Case(
        Stage.eligible,
        lambda s: s.service.give_reason(s.principal, "other", note="\ud83d"),
        ["note_invalid"],
        lambda s: s.service.give_reason(s.principal, "other", note="\U0001f642"),
    ),
    "challenge, a factor that no verifier proves": Case(
        Stage.reason_given,
        lambda s: s.service.challenge(s.principal, "palm_reading"),
        ["factor_unknown"],
        lambda s: s.challenged("captcha"),
    ),
    "challenge, before the reason": Case(
        Stage.eligible,
        lambda s: s.service.challenge(s.principal, "captcha"),
        ["reason_missing"],
        lambda s: (s.reason_given(), s.challenged("captcha")),
    ),
    "challenge, before its turn": Case(
        Stage.reason_given,
        lambda s: s.service.challenge(s.principal, "sms_code"),
        ["factor_out_of_order"],
        lambda s: (s.proved("captcha"), s.challenged("sms_code")),
    ),
    "answer, a factor that no verifier proves": Case(
        Stage.reason_given,
        lambda s: s.service.answer(s.principal, "palm_reading", "1"),
        ["factor_unknown"],
        lambda s: s.proved("captcha"),
    ),
    "answer, what was never asked": Case(
        Stage.reason_given,
        lambda s: s.service.answer(s.principal, "captcha", "1"),
        ["challenge_missing"],
        lambda s: s.proved("captcha"),
    ),
    "notice, in a language that nobody wrote": Case(
        Stage.verified,
        lambda s: s.service.notice(s.principal, "tlh"),
        ["locale_unknown"],
        lambda s: s.service.notice(s.principal, "zh_CN.UTF-8"),
    ),
    "notice, before anything was said": Case(
        Stage.opened,
        lambda s: s.service.notice(s.principal, "en"),
        [
            "statement_unanswered",
            "statement_unanswered",
            "reason_missing",
            "factor_unproved",
            "factor_unproved",
            "factor_unproved",
        ],
        Stage.noticed,
    ),
    "notice, without a round": Case(
        lambda s: None, lambda s: s.service.notice(s.principal, "en"), ["no_round"], Stage.noticed
    ),
    "notice, when the closing is confirmed": Case(
        Stage.confirmed,
        lambda s: s.service.notice(s.principal, "en"),
        ["already_confirmed"],
        lambda s: s.service.current(s.principal),
    ),
    "confirm, without a round": Case(
        lambda s: None, lambda s: s.service.confirm(s.principal, "a.1.b.c"), ["no_round"], Stage.confirmed
    ),
    "withdraw, without a round": Case(
        lambda s: None, lambda s: s.service.withdraw(s.principal), ["no_round"], Stage.opened
    ),
    "recheck, without a round": Case(
        lambda s: None, lambda s: s.service.recheck(s.principal), ["no_round"], Stage.opened
    ),
    "choose_contacts, which no terms offer": Case(
        Stage.opened,
        lambda s: s.service.choose_contacts(s.principal, ()),
        ["contacts_not_offered"],
        lambda s: s.eligible(),
    ),
    "status, of no reference": Case(
        Stage.confirmed,
        lambda s: s.service.status(""),
        ["reference_unknown"],
        lambda s: s.service.current(s.principal),
    ),
    "receipt, before it is ready": Case(
        Stage.confirmed,
        lambda s: s.service.receipt(str(s.service.current(s.principal).reference)),
        ["receipt_not_ready"],
        lambda s: s.service.work(),
    ),
    "open, when the closing is confirmed": Case(
        Stage.confirmed,
        lambda s: s.service.open(s.principal),
        ["account_frozen"],
        lambda s: s.service.current(s.principal),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_and_nothing_is_lost(stage: Stage, case: str) -> None:
    """A code that says what is wrong, a sentence in both languages, nothing changed; done rightly, it works."""
    one = CASES[case]
    one.before(stage)
    before = stage.everything()
    assert codes(lambda: one.wrong(stage)) == one.says
    assert stage.everything() == before
    one.right(stage)


def test_a_wrong_wording_is_told_which_one_is_right(stage: Stage) -> None:
    """A page that was open over a change of wording learns what to show instead."""
    stage.opened()
    (refused,) = refusals(lambda: attested(stage, wording="0"))
    assert refused.parameters == {"wording": "1"}


def test_a_naive_time_of_log_in_is_no_time() -> None:
    """Nobody can know what it means, so that it never comes as far as the service (L30)."""
    with pytest.raises(InvalidValueError, match="naive_time"):
        Principal(account=AccountId("li"), session="s", logged_in_at=datetime(2026, 3, 1, 8))  # noqa: DTZ001


@pytest.mark.parametrize("standing", ["suspended", "frozen", "retired"])
def test_an_account_that_may_not_be_closed_is_told_why(stage: Stage, standing: str) -> None:
    """A sanctioned account is not closed to escape the sanction; back in good standing it is (L2)."""
    says = {"suspended": "account_suspended", "frozen": "account_frozen", "retired": "account_unknown"}[standing]
    loose(stage.accounts.change_standing)(LI, standing)
    assert codes(lambda: stage.service.open(stage.principal)) == [says]
    stage.accounts.change_standing(LI, "open")
    assert stage.closed().reference


# --- answers -------------------------------------------------------------------------------------------------

NO_ANSWERS: Mapping[str, object] = {
    "a number": 123456,
    "nothing": None,
    "bytes": b"123456",
    "a list": ["123456"],
    "a mapping of numbers": {"code": 123456},
    "a mapping with a number for a key": {1: "123456"},
    "a nested mapping": {"code": {"code": "123456"}},
    "a million characters": MILLION,
    "a mapping of a million characters": {"code": MILLION},
}


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_what_has_not_the_form_of_an_answer_is_not_even_counted(stage: Stage, answer: str) -> None:
    """No attempt is lost for what no person can have typed, and the right answer is right afterwards."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    before = stage.everything()
    assert codes(lambda: loose(stage.service.answer)(stage.principal, "sms_code", NO_ANSWERS[answer])) == [
        "answer_malformed"
    ]
    assert stage.everything() == before
    assert stage.service.answer(stage.principal, "sms_code", stage.code("sms_code")).accepted


@pytest.mark.parametrize(
    "answer", ["", "12345", "1234567", "abcdef", "1" * 65, "1" * 16_384, {"token": "1"}, {}, {"code": ""}]
)
def test_a_text_that_is_no_code_is_told_so_and_counts(stage: Stage, answer: str | Mapping[str, str]) -> None:
    """The attempt counts before anybody looks (L4); the challenge lives, and the right code proves the factor."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    assert codes(lambda: stage.service.answer(stage.principal, "sms_code", answer)) == ["answer_malformed"]
    assert stage.kinds()[-2:] == ("AttemptCounted", "AnswerRejected")
    verdict = stage.service.answer(stage.principal, "sms_code", stage.code("sms_code"))
    assert (verdict.accepted, verdict.attempts_left) == (True, 4)


def test_a_code_may_come_as_a_mapping_with_spaces_and_in_full_width(stage: Stage) -> None:
    """What a person's keyboard or a form makes of six digits is the same six digits."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    wide = " ".join(chr(ord(digit) + 0xFEE0) for digit in stage.code("sms_code"))
    assert stage.service.answer(stage.principal, "sms_code", {"code": wide}).accepted


# --- notes ---------------------------------------------------------------------------------------------------


def kept_note(stage: Stage) -> str:
    """The note as it stands sealed in the journal."""

    async def opened() -> str:
        streams = stage.service.core.streams
        loaded = await streams.load(stage.stream())
        return await streams.unsealed(loaded, ReasonGiven, "note", round_key(stage.stream(), 1))

    return asyncio.run(opened())


def test_a_decomposed_note_is_kept_composed(stage: Stage) -> None:
    """Macs write ``e`` and an accent; the note is brought to NFC for the person instead of refused (L30)."""
    stage.reason_given(note="Je pars a\u0300 Que\u0301bec.")
    assert kept_note(stage) == "Je pars \u00e0 Qu\u00e9bec."


def test_a_decomposed_note_is_measured_as_it_is_kept(stage: Stage) -> None:
    """2,000 characters are 2,000, whichever way they were typed."""
    stage.reason_given(note="e\u0301" * 2000)
    assert kept_note(stage) == "\u00e9" * 2000


# --- nonces and references -------------------------------------------------------------------------------------

NO_TEXTS: Mapping[str, object] = {
    "nothing": None,
    "a number": 5,
    "bytes": b"en.1.k.m",
    "a list": [],
    "an empty text": "",
    "a million characters": MILLION,
    "four million points": "." * 4_000_000,
    "characters beyond ASCII": "恩.1.k.m",
    "the form of one": "en.1772352000000000.k1.AAAA",
    "a time beyond all calendars": "en.99999999999999999.k1.AAAA",
    "half a character": "en.1.k1.\ud83d",
}


@pytest.mark.parametrize("nonce", NO_TEXTS)
def test_a_nonce_that_is_none_confirms_nothing(stage: Stage, nonce: str) -> None:
    """A refusal or a TypeError, never a closing; with the right nonce the person confirms right after (L11)."""
    right = stage.noticed().nonce
    before = stage.everything()
    with pytest.raises((ClosureRefused, TypeError, InvalidValueError)) as error:
        loose(stage.service.confirm)(stage.principal, NO_TEXTS[nonce])
    assert stage.everything() == before
    assert not isinstance(error.value, ClosureRefused) or error.value.codes == ("nonce_invalid",)
    assert stage.service.confirm(stage.principal, right).reference


@pytest.mark.parametrize("change", ["locale", "time", "key", "mac"])
def test_a_nonce_with_one_part_changed_confirms_nothing(stage: Stage, change: str) -> None:
    """Every part of it is under the MAC (L11)."""
    right = stage.noticed().nonce
    parts = right.split(".")
    place = ["locale", "time", "key", "mac"].index(change)
    parts[place] = {"locale": "zh-CN", "time": str(int(parts[1]) + 1), "key": "other", "mac": parts[3][::-1]}[change]
    assert codes(lambda: stage.service.confirm(stage.principal, ".".join(parts))) == ["nonce_invalid"]
    assert stage.service.confirm(stage.principal, right).reference


@pytest.mark.parametrize("reference", NO_TEXTS)
@pytest.mark.parametrize("call", ["status", "receipt"])
def test_a_reference_that_is_none_shows_nothing(stage: Stage, call: str, reference: str) -> None:
    """Unknown, or no text at all; and the right reference works (L9)."""
    right = stage.closed().reference
    looks = loose(stage.service.status if call == "status" else stage.service.receipt)
    with pytest.raises((ClosureRefused, TypeError, InvalidValueError)) as error:
        looks(NO_TEXTS[reference])
    assert not isinstance(error.value, ClosureRefused) or error.value.codes == ("reference_unknown",)
    assert looks(right)
