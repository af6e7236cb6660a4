"""L3: a code counts only for the purpose, account, round, channel, contact version and challenge it was made for."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hht_closure.events import AttemptCounted
from hht_closure.keys import KeyRing
from hht_closure.testing import Person, UnsafeSeededEntropy, accepted, given, refused
from hht_closure.verification import email_code, sms_code
from tests.stage import LI, TERMS, MakeStage, Stage, refusal_codes

CODES = attrs.evolve(TERMS, requirement=sms_code & email_code)
EITHER = attrs.evolve(TERMS, requirement=sms_code | email_code)
KEYRING = KeyRing.generate(UnsafeSeededEntropy(7))


def test_a_changed_contact_point_voids_the_code_sent_to_it() -> None:
    """A code belongs to the contact version it was sent to, and an answer to a dead one is not counted (L3)."""
    li = Person()
    given(li.reason_given(), li.asks_for("sms_code")).when(li.with_contact("sms", version="8").tries("sms_code")).then(
        refused("challenge_voided")
    )


def test_an_unchanged_contact_point_lets_the_code_count() -> None:
    """The twin: the same answer with the same contact version is counted (L3)."""
    li = Person()
    given(li.reason_given(), li.asks_for("sms_code")).when(li.tries("sms_code")).then(accepted(AttemptCounted))


def test_a_contact_point_changed_back_revives_nothing(stage: Stage) -> None:
    """Version, not value: the old address again is a new version, and its old code stays dead (L3)."""
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    code = stage.code("sms_code")
    stage.accounts.change_contact(LI.id, "sms", "+8613700000000")
    stage.accounts.change_contact(LI.id, "sms", "+8613800001234")
    assert refusal_codes(stage.service.answer, stage.principal, "sms_code", code) == ("challenge_voided",)


def test_a_proof_dies_with_the_contact_version_it_was_given_for(stage: Stage) -> None:
    """Proved for one address is not proved for the next: the factor is missing again (L3)."""
    stage.verified()
    stage.accounts.change_contact(LI.id, "email", "another@example.com")
    assert [dict(one.parameters) for one in stage.service.current(stage.principal).missing] == [
        {"factor": "email_code"}
    ]


@pytest.mark.parametrize(("sent", "answered"), [("sms_code", "email_code"), ("email_code", "sms_code")])
def test_a_code_of_one_channel_is_wrong_on_the_other(make_stage: MakeStage, sent: str, answered: str) -> None:
    """An SMS code typed as the e-mail code is a wrong answer, and counts as one (L3, CODE-11)."""
    stage = make_stage(EITHER)
    stage.reason_given()
    stage.challenged("sms_code")
    stage.challenged("email_code")
    verdict = stage.service.answer(stage.principal, answered, stage.code(sent))
    assert (verdict.accepted, verdict.attempts_left) == (False, 4)


def test_a_code_of_one_round_is_wrong_in_the_next(make_stage: MakeStage) -> None:
    """The same number in a later round of the same account is a wrong answer (L3, CODE-12)."""
    stage = make_stage(CODES)
    stage.reason_given()
    stage.challenged("sms_code")
    old = stage.code("sms_code")
    stage.service.withdraw(stage.principal)
    stage.clock.advance(timedelta(minutes=2))
    stage.reason_given()
    stage.challenged("sms_code")
    assert stage.service.answer(stage.principal, "sms_code", old).accepted is False


def test_a_code_of_one_account_is_wrong_for_another(make_stage: MakeStage) -> None:
    """Li's code, typed by Wang for Wang's challenge, is a wrong answer (L3, CODE-12)."""
    stage = make_stage(CODES)
    wang = stage.logged_in("wang")
    for who in (stage.principal, wang):
        stage.reason_given(who)
        stage.challenged("sms_code", who)
    assert stage.service.answer(wang, "sms_code", stage.code("sms_code")).accepted is False


def test_a_code_of_an_earlier_challenge_is_wrong_for_the_next(make_stage: MakeStage) -> None:
    """Once a challenge is over, the next one has other digits, and the old ones are wrong (L3)."""
    stage = make_stage(CODES)
    stage.reason_given()
    stage.challenged("sms_code")
    old = stage.code("sms_code")
    stage.clock.advance(TERMS.codes.challenge_valid_for)
    stage.challenged("sms_code")
    assert stage.service.answer(stage.principal, "sms_code", old).accepted is False


def _secret(
    *,
    portal: str = "Stage",
    stream: str = "s",
    round_number: int = 1,
    factor: str = "sms_code",
    channel: str = "sms",
    version: str = "1",
    challenge: str = "1",
) -> bytes:
    return KEYRING.challenge_secret(
        key=KEYRING.current,
        portal=portal,
        stream=stream,
        round_number=round_number,
        factor=factor,
        channel=channel,
        contact_version=version,
        challenge=challenge,
    ).reveal()


def test_every_part_that_a_code_is_made_for_gives_another_secret() -> None:
    """Portal, stream, round, factor, channel, contact version and challenge: each changes the secret (L3, L7)."""
    secrets = {
        _secret(),
        _secret(portal="other"),
        _secret(stream="other"),
        _secret(round_number=2),
        _secret(factor="other"),
        _secret(channel="email"),
        _secret(version="2"),
        _secret(challenge="2"),
    }
    assert (len(secrets), _secret() in secrets) == (8, True)
