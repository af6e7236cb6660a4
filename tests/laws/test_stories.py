"""The stories that the laws are told with: a story that ends otherwise fails, and says how."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hht_closure.commands import WithdrawClosure
from hht_closure.errors import refusal
from hht_closure.events import RoundLapsed, RoundWithdrawn
from hht_closure.testing import Person, Story, accepted, given, refused, worked_until
from hht_closure.testing.stories import NOW

LI = Person()


def test_a_story_that_ends_as_told_goes_on() -> None:
    """After ``then`` the same story can be told further."""
    story = given(LI.opens()).when(WithdrawClosure()).then(accepted(RoundWithdrawn))
    story.after(timedelta(days=1)).when(WithdrawClosure()).then(accepted())


def test_an_acceptance_instead_of_a_refusal_fails() -> None:
    """The message has both sides, line by line."""
    story = given(LI.opens()).when(WithdrawClosure())
    with pytest.raises(AssertionError, match=r"(?s)- refused.*-   irreversible.*\+ accepted.*\+   RoundWithdrawn"):
        story.then(refused("irreversible"))


def test_a_refusal_instead_of_an_acceptance_fails() -> None:
    """The other way round."""
    with pytest.raises(AssertionError, match=r"(?s)- accepted.*\+ refused.*\+   no_round"):
        given().when(WithdrawClosure()).then(accepted(RoundWithdrawn))


def test_another_event_fails() -> None:
    """A type stands for its own events alone."""
    story = given(LI.opens()).when(WithdrawClosure())
    with pytest.raises(AssertionError, match=r"(?s)-   RoundLapsed.*\+   RoundWithdrawn"):
        story.then(accepted(RoundLapsed))


def test_an_event_too_few_or_too_many_fails() -> None:
    """The list is the whole list."""
    story = given(LI.opens()).when(WithdrawClosure())
    with pytest.raises(AssertionError):
        story.then(accepted())
    with pytest.raises(AssertionError):
        story.then(accepted(RoundWithdrawn, RoundWithdrawn))


def test_an_exact_event_is_compared_exactly() -> None:
    """Its time is part of it."""
    story = given(LI.opens()).when(WithdrawClosure())
    story.then(accepted(RoundWithdrawn(NOW)))
    with pytest.raises(AssertionError):
        story.then(accepted(RoundWithdrawn(NOW + timedelta(seconds=1))))


def test_an_exact_refusal_is_compared_with_its_parameters() -> None:
    """A code alone stands for any parameters; a refusal for its own."""
    story = given(LI.reason_given()).when(LI.asks_for("email_code"))
    story.then(refused("factor_out_of_order"))
    with pytest.raises(AssertionError, match="factor='sms_code'"):
        story.then(refused(refusal("factor_out_of_order", factor="sms_code")))


def test_what_is_given_must_be_possible() -> None:
    """A command among what is given that is refused is a mistake in the story."""
    with pytest.raises(AssertionError, match=r"(?s)what is given is refused.*no_round"):
        given(WithdrawClosure())


def test_every_step_before_the_last_must_be_possible() -> None:
    """Only the last command may be refused."""
    with pytest.raises(AssertionError, match=r"(?s)a step before the last is refused.*no_round"):
        given().when(WithdrawClosure(), LI.opens())


def test_a_story_without_a_question_has_no_end() -> None:
    """``then`` comes after ``when``."""
    with pytest.raises(AssertionError, match="nothing was asked yet"):
        given(LI.opens()).then(accepted())


def test_the_shorthands_lead_to_a_closed_account() -> None:
    """From the first look to the last task, and a story is a value that can be told twice."""
    story = given(LI.confirmed(), worked_until(None))
    assert (type(story.closure.stage).__name__, story.closure.tasks, Story().happened) == ("Closed", (), ())
