"""L28: the same closure, command, time and entropy give the same events; the machine reads nothing else."""

from __future__ import annotations

import builtins
import os
import random
import secrets
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from hht_closure.commands import WithdrawClosure
from hht_closure.events import Event
from hht_closure.lifecycle import Accepted, decide, fold, next_due, step_of
from hht_closure.stages import NOTHING, Closure
from hht_closure.testing import Person, Story, given, worked_until
from tests.stage import MakeStage

PERSON = Person()


def _whole_life() -> Story:
    """Wrong and right answers, confirmed, given back, begun anew, worked to the end."""
    return given(
        PERSON.reason_given(),
        PERSON.asks_for("sms_code"),
        PERSON.answers("sms_code", right=False),
        WithdrawClosure(),
        timedelta(minutes=2),
        PERSON.confirmed(),
        worked_until(None),
    )


LIFE = _whole_life()


def _forbidden(*_: object, **__: object) -> None:
    raise AssertionError("the machine asked outside")


def _closed_off(outside: pytest.MonkeyPatch) -> None:
    """Every way out of the machine raises; what the test itself needs is there already."""
    for module, name in (
        (time, "time"),
        (time, "time_ns"),
        (time, "monotonic"),
        (os, "urandom"),
        (os, "getenv"),
        (random, "random"),
        (secrets, "token_bytes"),
        (builtins, "open"),
        (socket, "socket"),
    ):
        outside.setattr(module, name, _forbidden)


def test_the_machine_asks_nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time, randomness, environment, files and sockets raise, and a whole life passes all the same (L28, DOM-08)."""
    with monkeypatch.context() as outside:
        _closed_off(outside)
        again = _whole_life()
    assert again.happened == LIFE.happened


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: time.time(), id="the time"),  # noqa: PLW0108 - looked up when it is called
        pytest.param(lambda: os.urandom(1), id="randomness"),
        pytest.param(lambda: open(os.devnull), id="a file"),  # noqa: PTH123, SIM115
        pytest.param(lambda: socket.socket(), id="a socket"),  # noqa: PLW0108
    ],
)
def test_what_is_closed_off_does_raise(monkeypatch: pytest.MonkeyPatch, ask: Callable[[], object]) -> None:
    """The twin: whoever does ask outside is found out (L28)."""
    with monkeypatch.context() as outside:
        _closed_off(outside)
        raised = _raises(ask)
    assert raised is True


def _raises(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except AssertionError:
        return True
    return False


def test_deciding_twice_gives_the_same_events() -> None:
    """Every command of a life, decided twice on the same closure (L28, DOM-08)."""
    story = given(PERSON.verified())
    decisions = [decide(story.closure, PERSON.confirms(), now=story.now) for _ in range(2)]
    assert decisions[0] == decisions[1]


def test_deciding_changes_nothing() -> None:
    """The closure is the same after a decision as before (L28)."""
    story = given(PERSON.verified())
    before = repr(story.closure)
    decide(story.closure, PERSON.confirms(), now=story.now)
    assert repr(story.closure) == before


def _in_pieces(happened: tuple[Event, ...], size: int) -> Closure:
    closure = NOTHING
    for start in range(0, len(happened), size):
        closure = fold(happened[start : start + size], closure)
    return closure


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_folding_in_pieces_gives_the_same_closure(size: int) -> None:
    """In one go or in pieces of any size (L28, DOM-05)."""
    assert _in_pieces(LIFE.happened, size) == fold(LIFE.happened)


def test_folding_at_any_cut_gives_the_same_closure() -> None:
    """Every place at which a life can be cut in two (L28, DOM-05)."""
    whole = fold(LIFE.happened)
    halves = [fold(LIFE.happened[cut:], fold(LIFE.happened[:cut])) == whole for cut in range(len(LIFE.happened) + 1)]
    assert (all(halves), len(halves) > 30) == (True, True)


def test_what_is_computed_of_a_closure_depends_on_the_time_given_alone() -> None:
    """Step and due time, asked twice (L28)."""
    story = given(PERSON.verified())
    contacts = PERSON.account.contact_versions

    def computed(now: datetime) -> tuple[object, ...]:
        return step_of(story.closure, contacts, now), next_due(story.closure)

    assert computed(story.now) == computed(story.now)


def test_two_portals_of_the_same_seed_write_the_same_bytes(make_stage: MakeStage) -> None:
    """The whole service over: same clock, same entropy, same entries, byte by byte (L28)."""
    one, other = make_stage(seed=28), make_stage(seed=28)
    one.closed()
    other.closed()
    assert [record.body for record in one.records()] == [record.body for record in other.records()]


def test_two_portals_of_different_seeds_do_not(make_stage: MakeStage) -> None:
    """The twin: entropy is an input, and shows (L28)."""
    one, other = make_stage(seed=28), make_stage(seed=29)
    one.closed()
    other.closed()
    assert one.records()[0].body != other.records()[0].body


def test_a_command_that_changes_nothing_is_accepted_without_events() -> None:
    """Opening what is open, declaring what is declared: accepted, and nothing is written (L28, L10)."""
    story = given(PERSON.eligible())
    decisions = [decide(story.closure, one, now=story.now) for one in (PERSON.opens(), PERSON.attests("contacts_told"))]
    assert decisions == [Accepted(), Accepted()]
