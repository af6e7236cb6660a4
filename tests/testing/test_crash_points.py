"""The harness's points and its watch: what goes wrong is what was asked for, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Final, Never

import pytest

from hht_closure.adapters.memory import MemoryCodeSender, MemoryJournal
from hht_closure.errors import InvalidValueError
from hht_closure.flows.calls import driven
from hht_closure.ports import CodeMessage, Record
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.crash import Call, InjectedError, Point, Trouble, Watch
from hht_closure.testing.crash.troubles import MODES, Mode, pairs, sampled, single_points
from hht_closure.testing.crash.watch import Killed
from hht_closure.values import Secret
from tests.stage import NOW

SEEDED: Final = Random  # the same for the same seed is what is wanted
CODE = CodeMessage(
    channel="sms",
    destination=Secret("+8613800001234"),
    code=Secret("123456"),
    valid_for=NOW - NOW.replace(hour=7),
    locale="en",
    portal="Harbour",
    id="1",
)

_RECORD: Final = Record(1, b"{}", bytes(32))
_LONG: Final = timedelta(minutes=2)


def _calls(*under_lease: bool) -> tuple[Call, ...]:
    return tuple(Call("MemoryJournal.read", one) for one in under_lease)


# --- points ---------------------------------------------------------------------------------------------------


def test_every_call_is_met_in_every_mode() -> None:
    """Without a sample, nothing is left out (CRSH-01, CRSH-02, CRSH-03, CRSH-04)."""
    points = list(single_points(_calls(True, True, True), every=1, random=SEEDED(1)))
    assert points == [Point(Trouble(mode, call)) for mode in MODES for call in (1, 2, 3)]


def test_only_a_worker_can_lose_its_lease() -> None:
    """A call of the person's is met in every other mode (LEAS-01)."""
    points = list(single_points(_calls(False, True), every=1, random=SEEDED(1)))
    assert [str(one) for one in points if one.first.mode == "taken_over"] == ["taken_over:2"]


def test_a_sample_has_its_share_of_every_mode() -> None:
    """Every third call of 30, from somewhere: ten of each mode (CRSH-01)."""
    points = list(single_points(_calls(*[True] * 30), every=3, random=SEEDED(1)))
    assert [sum(one.first.mode == mode for one in points) for mode in MODES] == [10] * len(MODES)


@pytest.mark.parametrize("seed", range(20))
def test_a_sample_is_never_empty(seed: int) -> None:
    """Also where the stride is longer than the scenario; nothing tried would pass for nothing wrong."""
    assert len(sampled("abc", 100, SEEDED(seed))) == 1


def test_the_same_seed_gives_the_same_pairs() -> None:
    """Also the modes of the second trouble, which chance chooses; another seed gives others (CRSH-01)."""
    first, calls = Trouble("killed_after", 7), _calls(*[True, False] * 20)
    drawn = [list(pairs(first, calls, every=2, random=SEEDED(seed))) for seed in (1, 1, 2)]
    assert (drawn[0] == drawn[1], drawn[0] == drawn[2]) == (True, False)


@pytest.mark.parametrize("text", ["killed_after:57", "ambiguous:1", "killed_before:12+failing:3", "failing:1+late:2"])
def test_a_point_is_read_as_it_is_written(text: str) -> None:
    """What a report names can be tried again."""
    assert str(Point.read(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "killed", "killed_after:0", "killed_after:-1", "early:3", "failing:1+", "1:failing", "late:1+failing:2"],
)
def test_what_is_no_point_is_refused(text: str) -> None:
    """It is said, and not guessed."""
    with pytest.raises(InvalidValueError):
        Point.read(text)


# --- the watch ------------------------------------------------------------------------------------------------


def _die() -> Never:
    raise Killed


def _watch(troubles: Sequence[Trouble], slept: list[str] | None = None) -> Watch:
    return Watch(troubles, _die, lambda: None if slept is None else slept.append("slept"))


@pytest.mark.parametrize(
    ("mode", "error", "taken"),
    [
        ("killed_before", Killed, 0),
        ("killed_after", Killed, 1),
        ("failing", InjectedError, 0),
        ("ambiguous", InjectedError, 1),
    ],
)
def test_a_call_goes_wrong_as_it_was_told(mode: Mode, error: type[BaseException], taken: int) -> None:
    """Dead before it or after it, failing without effect or with it (CRSH-01, CRSH-02, CRSH-03, CRSH-04)."""
    effects: list[str] = []
    watch = _watch((Trouble(mode, 2),))
    driven(watch(effects.append, "first"))
    with pytest.raises(error):
        driven(watch(effects.append, "second"))
    assert (len(effects), watch.has_met_all) == (1 + taken, True)


@pytest.mark.parametrize("mode", ["taken_over", "late"])
def test_a_process_stands_still_before_the_call_and_then_makes_it(mode: Mode) -> None:
    """What it asks for is what it would have asked for in time (LEAS-01)."""
    happened: list[str] = []
    watch = _watch((Trouble(mode, 1),), happened)
    driven(watch(happened.append, "called"))
    assert (happened, watch.has_woken) == (["slept", "called"], True)


def test_trouble_that_has_not_come_is_not_met() -> None:
    """A trial of it would have tried nothing."""
    watch = _watch((Trouble("failing", 2),))
    driven(watch([].append, "first"))
    assert not watch.has_met_all


def test_who_is_dead_does_nothing_more() -> None:
    """A clean-up that runs on the way out reaches no port (CRSH-01)."""
    effects: list[str] = []
    watch = _watch((Trouble("killed_before", 1),))
    for _ in range(2):
        with pytest.raises(Killed):
            driven(watch(effects.append, "an effect"))
    assert (effects, len(watch.calls)) == ([], 1)


def test_a_worker_has_its_lease_from_the_claim_to_the_release() -> None:
    """What lies in between is under it, the claim is not yet, and a claim that gives nothing brings none (LEAS-01)."""
    journal, watch = MemoryJournal(ManualClock(NOW)), _watch(())
    journal.append("s", 0, (_RECORD,), due=NOW)
    (lease,) = driven(watch(journal.claim, limit=1, lease_for=_LONG))
    driven(watch(journal.read, "s"))
    driven(watch(journal.release, lease))
    driven(watch(journal.claim, limit=1, lease_for=_LONG, stream="t"))
    driven(watch(journal.read, "s"))
    assert [one.under_lease for one in watch.calls] == [False, True, True, False, False]


def test_a_sender_is_watched_like_a_port() -> None:
    """The service sees it only through its verifier (CRSH-04)."""
    sender = MemoryCodeSender("sms")
    watch = _watch((Trouble("ambiguous", 1),))
    with pytest.raises(InjectedError):
        watch.sender(sender).send(CODE)
    assert ([one.name for one in watch.calls], sender.sent) == (["MemoryCodeSender.send sms"], (CODE,))


def test_it_is_looked_at_what_a_call_leaves_once_something_went_wrong() -> None:
    """Before that, it is what it is where nobody disturbs it (CRSH-09)."""
    looked: list[str] = []
    watch = _watch((Trouble("ambiguous", 2),))
    watch.looks = looked.append
    driven(watch([].append, "first"))
    with pytest.raises(InjectedError):
        driven(watch([].extend, "second"))
    driven(watch([].clear))
    assert looked == ["extend", "clear"]
