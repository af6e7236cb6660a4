"""L11: the nonce accepts exactly what was shown, and is dead when any of it changes."""

from __future__ import annotations

from datetime import timedelta

import attrs

from hht_closure.policy import Blocked, Blocker, Clean, NoticeText
from tests.stage import GROUND, LI, RETENTION_ENDS, TERMS, MakeStage, Stage, refusal_codes

IN_THE_WAY = Blocked((Blocker(code="order_open", ground="Contract 2", remedy="/orders"),))
TICK = timedelta(microseconds=1)


def test_unchanged_it_confirms(stage: Stage) -> None:
    """The twin of all that follows (L11)."""
    nonce = stage.noticed().nonce
    assert stage.service.confirm(stage.principal, nonce).at == stage.clock.now()


def test_other_terms_kill_it(stage: Stage) -> None:
    """The policy asks for something else since: a new round takes the new terms (L11)."""
    nonce = stage.noticed().nonce
    stage.policy.terms = attrs.evolve(TERMS, tombstone_for=timedelta(days=1))
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("terms_changed",)


def test_another_wording_of_the_notice_kills_it(stage: Stage) -> None:
    """What was read is no longer what is in force (L2, L11)."""
    nonce = stage.noticed().nonce
    stage.policy.terms = attrs.evolve(TERMS, notices=(NoticeText("en", "Closing is quite final."), TERMS.notices[1]))
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("terms_changed",)


def test_a_changed_contact_point_kills_it_even_when_it_is_proved_anew(stage: Stage) -> None:
    """The new address is proved, and the old nonce is dead all the same (L11)."""
    nonce = stage.noticed().nonce
    stage.accounts.change_contact(LI.id, "email", "new@example.com")
    stage.clock.advance(timedelta(minutes=2))
    stage.proved("email_code")
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("nonce_invalid",)


def test_another_end_of_a_retention_kills_it(stage: Stage) -> None:
    """What is kept, until when and why is part of what was read (L11)."""
    nonce = stage.noticed().nonce
    stage.orders.add(LI.id, "a later invoice", until=RETENTION_ENDS + timedelta(days=1), ground=GROUND)
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("nonce_invalid",)


def test_one_more_message_does_not_kill_it(stage: Stage) -> None:
    """The twin: counts change by the minute and are not part of it (L11)."""
    nonce = stage.noticed().nonce
    stage.messages.add(LI.id, "a message that came meanwhile")
    assert stage.service.confirm(stage.principal, nonce).at == stage.clock.now()


def test_the_next_round_kills_it(stage: Stage) -> None:
    """Withdrawn and begun anew, with everything proved: the old nonce is of the old round (L11)."""
    nonce = stage.noticed().nonce
    stage.service.withdraw(stage.principal)
    stage.clock.advance(timedelta(minutes=2))
    stage.verified()
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("nonce_invalid",)


def test_being_given_back_kills_it(stage: Stage) -> None:
    """The nonce that led to a closing that was given back does not close the account later (L11, L14)."""
    nonce = stage.noticed().nonce
    stage.service.confirm(stage.principal, nonce)
    stage.orders_check.finding = IN_THE_WAY
    stage.service.work()
    stage.orders_check.finding = Clean()
    stage.clock.advance(timedelta(minutes=2))
    stage.verified()
    assert refusal_codes(stage.service.confirm, stage.principal, nonce) == ("nonce_invalid",)


def test_a_new_nonce_after_being_given_back_confirms(stage: Stage) -> None:
    """The twin: read again, it can be accepted again (L11, L14)."""
    stage.confirmed()
    stage.orders_check.finding = IN_THE_WAY
    stage.service.work()
    stage.orders_check.finding = Clean()
    stage.clock.advance(timedelta(minutes=2))
    assert stage.confirmed().at == stage.clock.now()


def test_it_is_worth_nothing_at_another_portal(make_stage: MakeStage) -> None:
    """Two portals with the same keys, the same person, the same state: only the name differs (L11)."""
    nonce = make_stage().noticed().nonce
    elsewhere = make_stage(portal="Elsewhere")
    elsewhere.noticed()
    assert refusal_codes(elsewhere.service.confirm, elsewhere.principal, nonce) == ("nonce_invalid",)


def test_it_is_recomputed_and_not_remembered(make_stage: MakeStage) -> None:
    """The twin: another machine with the same keys in the same state, that never gave it out, accepts it (L11)."""
    nonce = make_stage().noticed().nonce
    another = make_stage()
    another.verified()
    assert another.service.confirm(another.principal, nonce).at == another.clock.now()


def test_its_time_is_part_of_it(stage: Stage) -> None:
    """A nonce whose time somebody moves on is no nonce (L11)."""
    locale, at, key, mac = stage.noticed().nonce.split(".")
    moved = f"{locale}.{int(at) + 1}.{key}.{mac}"
    assert refusal_codes(stage.service.confirm, stage.principal, moved) == ("nonce_invalid",)


def test_its_language_is_part_of_it(stage: Stage) -> None:
    """Read in English is not accepted in Chinese (L2, L11)."""
    chinese = "zh-CN" + stage.noticed().nonce.removeprefix("en")
    assert refusal_codes(stage.service.confirm, stage.principal, chinese) == ("nonce_invalid",)


def test_it_counts_until_just_before_its_end(stage: Stage) -> None:
    """One microsecond before the end of its validity it confirms (L6, L11)."""
    nonce = stage.noticed().nonce
    stage.clock.advance(TERMS.notice_valid_for - TICK)
    assert stage.service.confirm(stage.principal, nonce).at == stage.clock.now()


def test_it_is_dead_exactly_at_its_end(stage: Stage) -> None:
    """Exactly at the end it says ``nonce_expired``: read again (L6, L11)."""
    notice = stage.noticed()
    stage.clock.set(notice.expires)
    assert refusal_codes(stage.service.confirm, stage.principal, notice.nonce) == ("nonce_expired",)


def test_a_nonce_from_the_future_is_no_older_than_now(stage: Stage) -> None:
    """Given while the clock was ahead, and shown when it is set right: it counts within its time (L6, L11)."""
    nonce = stage.noticed().nonce
    stage.clock.advance(-timedelta(minutes=1))
    assert stage.service.confirm(stage.logged_in(), nonce).at == stage.clock.now() + timedelta(minutes=1)


def test_the_nonce_is_nowhere_in_the_store(stage: Stage) -> None:
    """``ClosureConfirmed`` keeps its digest; the nonce itself is not stored, before or after (L11)."""
    nonce = stage.noticed().nonce
    stage.service.confirm(stage.principal, nonce)
    mac = nonce.rpartition(".")[2].encode()
    assert [one.sequence for one in stage.records() if mac in one.body] == []


def test_a_nonce_has_one_text(stage: Stage) -> None:
    """A zero in front of its time makes it another, and the one that was given stays good (L11)."""
    nonce = stage.noticed().nonce
    locale, at, key, mac = nonce.split(".")
    refused = refusal_codes(stage.service.confirm, stage.principal, f"{locale}.0{at}.{key}.{mac}")
    first = stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    assert (refused, stage.service.confirm(stage.principal, nonce)) == (("nonce_invalid",), first)
