"""Strategies for Hypothesis: events of every kind, and whole histories."""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import settings
from hypothesis import strategies as st

from hht_closure import commands
from hht_closure.commands import Command
from hht_closure.events import Clear, Confidential, Event, Sealed
from hht_closure.lifecycle import Accepted, Refused, next_task
from hht_closure.policy import LegalHold, NoticeText, Portion, Reason, Statement, Terms
from hht_closure.policy.terms import AttemptLimit
from hht_closure.verification import AllOf, AnyOf, Factor, Requirement, captcha, email_code, password, sms_code
from tests.core.build import (
    CLEAN,
    CONFIRM,
    HOLD,
    LATER,
    LI,
    LIFT,
    OWING,
    RECHECK,
    STOP,
    History,
    ask,
    changed,
    count,
    destroy,
    fail,
    finish,
    judge,
    open_round,
    principal,
    reason,
    settle,
    statement,
)

KINDS: Final[tuple[type[Event], ...]] = get_args(Event)

seeded: Final = settings(derandomize=True, deadline=None, max_examples=120)
"""The same examples on every run, however slow the machine."""

# --- events -------------------------------------------------------------------------------------------------

_NAMES: Final = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
_TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_TIMES: Final = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_DURATIONS: Final = st.integers(1, 10**9).map(lambda seconds: timedelta(seconds=seconds))


def _as_requirement(factor: Factor) -> Requirement:
    return factor


_IDENTITIES: Final[st.SearchStrategy[Requirement]] = st.recursive(
    st.sampled_from([sms_code, email_code, password]).map(_as_requirement),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf((captcha, *parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=5,
)
"""Requirements that prove who it is."""


@st.composite
def _terms(draw: st.DrawFn) -> Terms:
    window = draw(_DURATIONS)
    return Terms(
        version="1",
        requirement=draw(_IDENTITIES),
        preconditions=("orders_done",),
        data_sets=tuple(draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))),
        notice_version="7",
        notices=(NoticeText("zh-Hans-CN", "注销"), NoticeText("en", "Closing is final.\nFor ever.")),
        statements=tuple(Statement(code) for code in draw(st.lists(_NAMES, max_size=3, unique=True))),
        reasons=tuple(Reason(code, "not_wanted") for code in draw(st.lists(_NAMES, min_size=1, unique=True))),
        attempts=AttemptLimit(within=window, locked_for=window + draw(_DURATIONS)),
        cooling_off=draw(st.none() | _DURATIONS),
        farewell_for=draw(st.none() | _DURATIONS),
    )


_LEAVES: Final[dict[object, st.SearchStrategy[object]]] = {
    str: _TEXTS,
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    datetime: _TIMES,
    Confidential: st.binary(max_size=40).map(Sealed),
    Terms: _terms(),
    LegalHold: st.builds(LegalHold, _NAMES, _TIMES, st.just("Court order")),
    Portion: st.builds(Portion, st.sampled_from(["erased", "anonymised"]), st.integers(0, 10**6))
    | st.builds(Portion, st.just("restricted"), st.integers(0, 10**6), _TIMES, st.just("law")),
}


def values_of(hint: object) -> st.SearchStrategy[object]:
    """Values of that type, from what the classes state."""
    leaf = _LEAVES.get(hint)
    if leaf is not None:
        return leaf
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        return _tuples(parts)
    if origin in {Union, types.UnionType}:
        return st.none() | values_of(Union[tuple(part for part in parts if part is not types.NoneType)])  # noqa: UP007
    assert isinstance(hint, type)
    assert attrs.has(hint)
    hints = get_type_hints(hint)
    return st.builds(hint, **{one.name: values_of(hints[one.name]) for one in attrs.fields(hint)})


def _tuples(parts: tuple[object, ...]) -> st.SearchStrategy[object]:
    if parts[1:] == (Ellipsis,):
        return st.lists(values_of(parts[0]), max_size=3).map(tuple)
    return st.tuples(*(values_of(part) for part in parts))


# --- histories ----------------------------------------------------------------------------------------------

Move = Callable[[History], Command | None]
"""What somebody does next, or None where there is nothing to be done."""

Step = Move | timedelta
"""A move, or the time that goes by."""


def _judged(*, right: bool) -> Move:
    """A verdict on the oldest answer that is in flight."""

    def command(told: History) -> Command | None:
        for one in told.closure.attempts.in_flight:
            for challenge in getattr(getattr(told.closure.stage, "proving", None), "challenges", ()):
                if challenge.id == one.challenge:
                    return judge(challenge.factor, one.number, one.challenge, right=right)
        return None

    return command


def _at_work(told: History) -> Command | None:
    """What brings the task whose turn it is nearer to its end."""
    task = next_task(told.closure, told.now)
    if task is None:
        return None
    intend, destroyed = destroy(task.name)
    ends: dict[str, Command] = {
        "recheck": RECHECK,
        "erase": settle(task.name, Portion("restricted", 1, told.now + timedelta(days=1), "law")),
        "purge": settle(task.name),
        "destroy_key": destroyed if task.cursor else intend,
        "destroy_farewell_key": destroyed if task.cursor else intend,
        "close": commands.CloseAccount(receipt="receipt"),
    }
    return ends.get(task.kind, finish(task.name))


def _about_the_next(make: Callable[[str], Command]) -> Move:
    """A command about the task whose turn it is."""

    def command(told: History) -> Command | None:
        task = next_task(told.closure, told.now)
        return None if task is None else make(task.name)

    return command


_batch: Final = _about_the_next(lambda name: commands.RecordBatch(task=name, erased=1, cursor="1"))


def _release(told: History) -> Command | None:
    """An operator has what was set aside tried again."""
    aside = [one.name for one in told.closure.tasks if one.set_aside]
    return commands.ReleaseTask(task=aside[0], actor="operator", reason="repaired") if aside else None


def _asked(factor: str, channel: str | None = None) -> Move:
    return lambda told: ask(factor, channel, logged_in=told.now)


def _answered(factor: str, *, right: bool) -> tuple[Step, ...]:
    return (lambda told: count(factor, logged_in=told.now), _judged(right=right))


def _given(command: Command) -> Move:
    return lambda _: command


_CHECKED: Final = _given(commands.RecordChecks(account=LI, findings=CLEAN))
_CONFIRMED: Final[Move] = lambda told: attrs.evolve(CONFIRM, principal=principal(told.now))  # noqa: E731 - one of a list
_SAID: Final = (_given(statement("data_backed_up")), _given(statement("contacts_told", "waived")), _given(reason()))
_PROVED: Final = (
    _asked("captcha"),
    *_answered("captcha", right=True),
    _asked("sms_code", "sms"),
    *_answered("sms_code", right=True),
)

_TO_THE_CODE: Final = (
    _given(open_round()),
    *_SAID,
    _asked("captcha"),
    *_answered("captcha", right=True),
    _asked("sms_code", "sms"),
)
_TO_THE_RECHECK: Final = (_given(open_round()), *_SAID, *_PROVED, _CONFIRMED, _at_work, _at_work)

BEGINNINGS: Final[tuple[tuple[Step, ...], ...]] = (
    _TO_THE_CODE,
    (*_TO_THE_CODE, timedelta(minutes=2), _asked("sms_code", "sms")),
    (*_TO_THE_CODE, *_answered("sms_code", right=False) * 5),
    (*_TO_THE_RECHECK, _at_work, _about_the_next(lambda name: fail(name, "permanent")), _release),
    (*_TO_THE_RECHECK, _at_work, _at_work, _batch, _batch, _about_the_next(fail)),
    _TO_THE_RECHECK,
    (*_TO_THE_RECHECK, _given(attrs.evolve(RECHECK, findings=OWING)), _at_work),
    (*_TO_THE_RECHECK, *(_at_work,) * 10, _given(fail("farewell", "permanent"))),
    (_given(open_round()), *_SAID, *_PROVED),
    (_given(open_round()), *_SAID, *_PROVED, _CONFIRMED),
    (_given(open_round()), *_SAID, *_PROVED, _CONFIRMED, *(_at_work,) * 20),
    (*_TO_THE_RECHECK, _about_the_next(lambda name: commands.BeginTask(task=name)), _at_work),
    (_given(HOLD), *_TO_THE_RECHECK, *(_at_work,) * 20, _given(LIFT), _at_work),
    (*_TO_THE_RECHECK, *(_at_work,) * 20, _given(LATER), *(_at_work,) * 3),
)
"""How a history may begin: the openings, and how far they lead."""

JOURNEYS: Final[tuple[tuple[Step, ...], ...]] = (
    *BEGINNINGS,
    (_CHECKED, *_PROVED, _CONFIRMED),
    (_given(commands.RecordChecks(account=LI, findings=OWING)),),
    (_asked("sms_code", "sms"), timedelta(minutes=2), _asked("sms_code", "sms")),
    _answered("sms_code", right=False) * 5,
    (_asked("captcha"), *_answered("captcha", right=False) * 3),
    (lambda told: count("sms_code", logged_in=told.now),),
    (_given(STOP),),
    (_given(commands.WithdrawClosure()),),
    (timedelta(days=8), _given(commands.LapseRound())),
    (_at_work,) * 2,
    (_at_work,) * 20,
    (_about_the_next(fail),),
    (_about_the_next(lambda name: fail(name, "permanent")),),
    (_release,),
    (_about_the_next(lambda name: commands.BeginTask(task=name)),),
    (_given(HOLD),),
    (_given(LIFT),),
    (_given(LATER),),
    (_about_the_next(lambda name: commands.PostponeTask(task=name, after=timedelta(seconds=1))),),
    (_batch,),
    (_given(attrs.evolve(RECHECK, findings=OWING)),),
    (timedelta(seconds=1),),
    (timedelta(hours=1),),
    (timedelta(days=2), *(_at_work,) * 3),
)
"""What somebody may come to do in one go; whatever the machine refuses does not happen."""


def _stepped(told: History, step: Step) -> History:
    """Time goes by, or a command is given, and accepted or not."""
    if isinstance(step, timedelta):
        return told.later(step)
    command = step(told)
    decision = Refused(()) if command is None else told.decision(command)
    return told.with_events(*decision.events) if isinstance(decision, Accepted) else told


def walked(*journeys: tuple[Step, ...]) -> History:
    """One journey after the other, from the very beginning."""
    told = History()
    for journey in journeys:
        for step in journey:
            told = _stepped(told, step)
    return told


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A person, a worker, an operator and the time, each doing this and that; never more than the machine allows."""
    begin = draw(st.sampled_from(((), *BEGINNINGS)))
    size = draw(st.integers(0, 12))
    return walked(begin, *draw(st.lists(st.sampled_from(JOURNEYS), min_size=size, max_size=size)))


def sealed_as_stored(event: Event) -> Event:
    """The event with its confidential text as sealed bytes, which is how it stands in a journal."""
    changes = {
        one.name: Sealed(getattr(event, one.name).text.encode())
        for one in attrs.fields(type(event))
        if isinstance(getattr(event, one.name), Clear)
    }
    return changed(event, changes)
