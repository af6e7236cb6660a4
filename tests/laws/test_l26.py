"""L26: a farewell with the reference goes out after the closing; its address is destroyed either way."""

from __future__ import annotations

from datetime import timedelta

import attrs

from hht_closure.events import ClosureClosed, TaskPassedOver
from hht_closure.flows.stream import farewell_key
from hht_closure.ports import KeyDestroyed, KeyPresent
from hht_closure.verification import captcha, sms_code
from tests.stage import LI, TERMS, MakeStage, Stage

FAREWELL_FOR = timedelta(days=3)


def test_the_farewell_brings_the_reference_to_the_person(stage: Stage) -> None:
    """One letter, to the address that was proved, in the person's language, with the ticket (L26, PEERS)."""
    reference = stage.closed().reference
    stage.service.work()
    assert [(one.kind, one.to.address, one.locale, one.reference) for one in stage.letters.letters] == [
        ("farewell", "li.weiguo@example.com", "zh-CN", reference)
    ]


def test_the_farewell_goes_out_after_the_closing(stage: Stage) -> None:
    """When the letter is handed over, ``ClosureClosed`` is in the journal (L26)."""
    stage.confirmed()
    seen: list[bool] = []

    def look(_: int, name: str) -> None:
        if name == "letters.send":
            seen.append("ClosureClosed" in stage.kinds())

    stage.watched().before = look
    stage.service.work()
    assert seen == [True]


def test_a_farewell_that_was_sent_leaves_no_address(stage: Stage) -> None:
    """Its key is destroyed as soon as it is delivered (L26, OUT-06)."""
    stage.closed()
    assert stage.store.vault.fetch(farewell_key(stage.stream(), 1)) == KeyDestroyed()


def test_a_farewell_that_cannot_be_sent_holds_up_nothing(stage: Stage) -> None:
    """No mail server, and the account is closed all the same, with its receipt (L26)."""
    stage.letters.failing = True
    reference = stage.closed().reference
    assert (stage.count(ClosureClosed), stage.service.status(reference).step) == (1, "closed")


def test_a_farewell_is_tried_as_long_as_it_may(stage: Stage) -> None:
    """Two days without a mail server, then it comes back: the letter goes out (L26)."""
    stage.letters.failing = True
    stage.closed()
    for _ in range(48):
        stage.clock.advance(timedelta(hours=1))
        stage.service.work()
    stage.letters.failing = False
    stage.clock.advance(timedelta(hours=2))
    stage.service.work()
    assert [one.kind for one in stage.letters.letters] == ["farewell"]


def test_a_farewell_that_could_never_be_sent_leaves_no_address(stage: Stage) -> None:
    """When its time is over it is passed over, and its key is destroyed (L26, OUT-06)."""
    stage.letters.failing = True
    stage.closed()
    key = farewell_key(stage.stream(), 1)
    before = stage.store.vault.fetch(key)
    stage.clock.advance(FAREWELL_FOR)
    stage.service.work()
    assert (isinstance(before, KeyPresent), stage.store.vault.fetch(key), stage.count(TaskPassedOver)) == (
        True,
        KeyDestroyed(),
        1,
    )


def test_terms_without_a_farewell_send_none_and_seal_no_address(make_stage: MakeStage) -> None:
    """The twin: nothing is sent, and no key is made for it (L26)."""
    stage = make_stage(attrs.evolve(TERMS, farewell_for=None))
    stage.closed()
    assert (stage.letters.letters, [one.name for one in stage.closure().tasks]) == ((), ["purge:orders"])


def test_somebody_without_an_address_gets_none_and_is_closed(make_stage: MakeStage) -> None:
    """The twin: proved by captcha and SMS alone, without an e-mail address (L26)."""
    stage = make_stage(attrs.evolve(TERMS, requirement=captcha & sms_code))
    stage.accounts.change_contact(LI.id, "email", None)
    stage.closed()
    assert (stage.letters.letters, stage.accounts.get(LI.id)) == ((), None)
