"""Folding: in one go, in pieces, from the last opening; always the same closure (DOM-05)."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from hht_closure import events
from hht_closure.lifecycle import evolve, fold, next_due
from hht_closure.policy.terms import MOST_FAILURES
from hht_closure.stages import NOTHING, Open
from hht_closure.tasks import PendingTask
from tests.core.build import COURT, T0, TERMS, History, asked, confirmed, erased, erasing, proved
from tests.core.strategies import BEGINNINGS, JOURNEYS, KINDS, histories, sealed_as_stored, seeded, walked


def test_the_histories_hold_events_of_every_kind() -> None:
    """So that what is said of all histories here is said of all events."""
    seen = {type(one) for begin in BEGINNINGS for journey in JOURNEYS for one in walked(begin, journey).happened}
    assert set(KINDS) - seen == set()


@seeded
@given(histories())
def test_folding_all_that_happened_gives_the_closure(told: History) -> None:
    """The events are the truth, and the closure is computed from them (DOM-05)."""
    assert fold(told.happened) == told.closure


@seeded
@given(histories(), st.data())
def test_folding_in_pieces_is_folding_in_one_go(told: History, data: st.DataObject) -> None:
    """Wherever the stream is cut (DOM-05)."""
    cut = data.draw(st.integers(0, len(told.happened)))
    assert fold(told.happened[cut:], fold(told.happened[:cut])) == told.closure


@seeded
@given(histories())
def test_folding_may_begin_with_any_opening_of_a_round(told: History) -> None:
    """The opening carries over all that was before, so that only the last round is read (DESIGN 5)."""
    openings = [n for n, one in enumerate(told.happened) if isinstance(one, events.RoundOpened)]
    assert [fold(told.happened[n:]) for n in openings] == [told.closure] * len(openings)


@seeded
@given(histories())
def test_what_is_sealed_makes_no_difference(told: History) -> None:
    """The state holds no confidential text: folded from clear or sealed events it is the same (L22)."""
    assert fold(sealed_as_stored(one) for one in told.happened) == told.closure


@seeded
@given(histories())
def test_times_never_run_backwards(told: History) -> None:
    """Each event is at or after the one before, and the closure knows the last (L6)."""
    times = [one.at for one in told.happened]
    assert times == sorted(times)
    assert told.closure.at == (times[-1] if times else None)


@seeded
@given(histories())
def test_no_two_pending_tasks_have_one_name(told: History) -> None:
    """What an event says of a task it says of one (L16)."""
    names = [one.name for one in told.closure.tasks]
    assert len(set(names)) == len(names)


@seeded
@given(histories())
def test_work_that_waits_for_no_operator_is_due(told: History) -> None:
    """A closure with tasks that nobody has set aside is never forgotten (L16)."""
    idle = not told.closure.tasks or any(one.set_aside for one in told.closure.tasks)
    assert idle or next_due(told.closure) is not None


@seeded
@given(histories())
def test_no_erasure_comes_without_freeze_recheck_and_ledger(told: History) -> None:
    """Whatever else happens in between (L13, L15)."""
    names = [(type(one).__name__, getattr(one, "task", "")) for one in told.happened]
    firsts = [n for n, (kind, _) in enumerate(names) if kind in {"BatchErased", "DataSetErased"}][:1]
    needed = {
        ("TaskDone", "freeze"),
        ("TaskDone", "revoke_sessions"),
        ("ErasureBegun", ""),
        ("TaskDone", "ledger_begun"),
    }
    assert [needed - set(names[:n]) for n in firsts] == [set() for _ in firsts]


def test_what_is_kept_of_another_round_is_counters_tasks_and_holds() -> None:
    """Through the opening event, and through nothing else (L5, L16, L20)."""
    carried = events.Carried(asked().closure.attempts, (PendingTask("unfreeze", "1.0", T0),), (COURT,))
    opening = events.RoundOpened(T0, 2, events.Sealed(b""), TERMS, "d", carried)
    closure = evolve(NOTHING, opening)
    assert (closure.attempts, closure.tasks, closure.holds) == (carried.attempts, carried.tasks, carried.holds)
    assert isinstance(closure.stage, Open)


def test_a_statement_a_check_and_a_proof_leave_each_other_alone() -> None:
    """Each event changes what it speaks of."""
    told = proved()
    after = told.with_events(events.ChecksMade(T0, ()))
    assert (after.open.said, after.open.proving) == (told.open.said, told.open.proving)
    assert after.open.checks != told.open.checks


def test_a_repeated_challenge_changes_its_sending_and_no_other() -> None:
    """Its end stays what it was: a code does not live longer by being sent again (L6)."""
    told = asked().with_events(events.ChallengeMade(T0, "9", "email_code", "email", "e1", "k1", T0))
    after = told.with_events(events.ChallengeRepeated(T0 + TERMS.codes.resend_after, "2"))
    before, sent = told.open.proving.challenge_of("sms_code"), after.open.proving.challenge_of("sms_code")
    assert before is not None
    assert sent is not None
    assert (sent.expires, sent.sent_at) == (before.expires, T0 + TERMS.codes.resend_after)
    assert after.open.proving.challenge_of("email_code") == told.open.proving.challenge_of("email_code")


def test_a_rejected_answer_is_no_longer_in_flight() -> None:
    """It is a failure now; what else is in flight stays (L5)."""
    told = asked().with_events(
        events.AttemptCounted(T0, 2, "2"), events.AttemptCounted(T0, 3, "2"), events.AnswerRejected(T0, 2)
    )
    attempts = told.closure.attempts
    assert ([one.number for one in attempts.in_flight], attempts.failures) == ([3], (T0,))


def test_as_many_failures_are_remembered_as_any_terms_may_bear() -> None:
    """However old: another round may look further back. And no more, so that the state stays small (L5)."""
    told = asked()
    for number in range(2, 2 * MOST_FAILURES):
        told = told.with_events(events.AttemptCounted(told.now, number, "2"), events.AnswerRejected(told.now, number))
    told = told.with_events(events.AttemptCounted(told.now, 2 * MOST_FAILURES, "2"))
    assert (len(told.closure.attempts.failures), len(told.closure.attempts.in_flight)) == (MOST_FAILURES, 1)


def test_a_proof_on_a_challenge_that_nobody_made_proves_nothing() -> None:
    """There is no contact version it could belong to (L3)."""
    told = asked().with_events(events.FactorProved(T0, 1, "sms_code", "restricted_possession", "99", T0))
    assert [one.factor for one in told.open.proving.proofs] == ["captcha"]


def test_an_event_about_a_task_that_is_not_pending_changes_nothing_else() -> None:
    """A late report of what was done already (L16)."""
    told = confirmed()
    for event in (events.TaskDone(T0, "gone"), events.TaskFailed(T0, "gone", "retryable", "x", T0)):
        assert evolve(told.closure, event) == told.closure


def test_what_became_of_the_hosts_tasks_alone_stands_on_the_receipt() -> None:
    """Our own are told of by the receipt's other claims (L25)."""
    told = erasing().with_events(events.TaskDone(T0, "ledger_begun"))
    assert told.erasure.outcomes == ()


def test_a_farewell_without_a_time_limit_is_not_sent() -> None:
    """The terms know of none, so an address in the stream is none of ours to write to (L26)."""
    told = erased(attrs.evolve(TERMS, farewell_for=None)).with_events(
        *(events.TaskDone(T0, name) for name in ("tombstone", "retire", "destroy_key:1"))
    )
    begun = told.closing
    assert begun.erasure is not None
    sealed = attrs.evolve(begun, erasure=attrs.evolve(begun.erasure, has_farewell=True))
    closure = evolve(attrs.evolve(told.closure, stage=sealed), events.ClosureClosed(T0, "receipt"))
    assert [one.name for one in closure.tasks] == ["ledger_closed", "purge:orders"]
