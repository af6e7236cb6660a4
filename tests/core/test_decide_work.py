"""The tasks: order, retries, recheck, erasure, keys, and what is due (L13, L14, L15, L17, L19, L20, L23, L26)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import pytest

from hht_closure import commands, events
from hht_closure.commands import Command
from hht_closure.errors import InvalidValueError, refusal
from hht_closure.lifecycle import Accepted, next_due, next_task
from hht_closure.lifecycle.decide_work import EMPTY_BATCHES
from hht_closure.policy import Portion, Retries, Unknown
from hht_closure.tasks import INTENDED, PlannedTask
from tests.core.build import (
    CLEAN,
    CONFIRM,
    DAY,
    FROZEN,
    HOUR,
    KEPT_UNTIL,
    LI,
    MINUTE,
    OWING,
    PLAN,
    RECHECK,
    SECOND,
    T0,
    TERMS,
    History,
    asked,
    changed,
    closed,
    codes,
    confirmed,
    destroy,
    erased,
    erasing,
    fail,
    finish,
    frozen,
    given_back,
    open_round,
    opened,
    proved,
    reasoned,
    refusals,
    settle,
    statement,
    with_failures,
    with_proof,
    withdrawn,
)

TICK = timedelta(microseconds=1)
ALMOST_ALL = 2**32 - 1
HOST = (PlannedTask("mailing_list", mandatory=False), PlannedTask("downstream", ("mailing_list",)))


def with_host_tasks() -> History:
    """Two tasks of the host's are planned, one after the other."""
    return erasing(recheck=attrs.evolve(RECHECK, host_tasks=HOST)).then(
        finish("ledger_begun"), settle("erase:messages"), settle("erase:orders")
    )


def order(told: History) -> list[str]:
    """The tasks in the order of their turns, as long as something is due."""
    turns: list[str] = []
    while (name := told.next_name) is not None:
        turns.append(name)
        told = told.then(*end_of(name))
    return turns


def end_of(name: str) -> tuple[Command, ...]:
    """What brings the task of that name to its end."""
    kind, _, _ = name.partition(":")
    ends: dict[str, tuple[Command, ...]] = {
        "recheck": (RECHECK,),
        "erase": (settle(name),),
        "purge": (settle(name),),
        "destroy_key": destroy(name),
        "destroy_farewell_key": destroy(name),
        "close": (commands.CloseAccount(receipt="receipt"),),
    }
    return ends.get(kind, (finish(name),))


# --- the order ----------------------------------------------------------------------------------------------


def test_everything_happens_in_the_order_of_the_design() -> None:
    """From the freeze to the last key (DESIGN 7)."""
    told = confirmed()
    recheck = attrs.evolve(RECHECK, host_tasks=HOST)
    turns = order(told.then(finish("freeze"), finish("revoke_sessions"), recheck))
    assert turns == [
        "ledger_begun",
        "erase:messages",
        "erase:orders",
        "host:mailing_list",
        "host:downstream",
        "tombstone",
        "retire",
        "destroy_key:1",
        "close",
        "ledger_closed",
        "farewell",
        "destroy_farewell_key",
    ]


def test_first_frozen_then_checked_again() -> None:
    """The recheck has its turn only after freeze and sessions (L13)."""
    assert [confirmed().next_name, confirmed().then(finish("freeze")).next_name, frozen().next_name] == [
        "freeze",
        "revoke_sessions",
        "recheck",
    ]
    assert codes(confirmed().decision(RECHECK)) == ("task_unknown",)


TOO_EARLY: list[tuple[Callable[[], History], Command]] = [
    (confirmed, finish("revoke_sessions")),
    (confirmed, RECHECK),
    (lambda: confirmed().then(finish("freeze")), RECHECK),
    (lambda: erasing(attrs.evolve(TERMS, tombstone_for=None)), finish("retire")),
    (lambda: erasing(attrs.evolve(TERMS, tombstone_for=None)).then(finish("ledger_begun")), finish("retire")),
    (frozen, commands.RecordBatch(task="erase:messages", erased=1, cursor="1")),
    (frozen, settle("erase:messages")),
    (erasing, settle("erase:messages")),
    (erasing, finish("retire")),
    (erased, finish("retire")),
    (erased, commands.IntendKeyDestruction(task="destroy_key:1")),
    (erased, commands.CloseAccount(receipt="receipt")),
    (closed, settle("purge:orders")),
    (closed, commands.IntendKeyDestruction(task="destroy_farewell_key")),
    (confirmed, fail("recheck")),
    (confirmed, commands.PostponeTask(task="recheck", after=SECOND)),
]


@pytest.mark.parametrize(("walk", "command"), TOO_EARLY)
def test_a_task_whose_turn_it_is_not_is_refused(walk: Callable[[], History], command: Command) -> None:
    """Not even a broken worker erases before the recheck, or destroys a key that is still needed (L13, L15, L23)."""
    assert codes(walk().decision(command)) == ("task_unknown",)


@pytest.mark.parametrize(
    ("walk", "command"),
    [
        (frozen, finish("recheck")),
        (lambda: erasing().then(finish("ledger_begun")), finish("erase:messages")),
        (lambda: closed().then(finish("ledger_closed")), finish("purge:orders")),
        (withdrawn, finish("destroy_key:1")),
        (lambda: erased().then(finish("tombstone"), finish("retire"), *destroy("destroy_key:1")), finish("close")),
    ],
)
def test_a_task_whose_end_is_a_fact_of_its_own_is_not_simply_done(
    walk: Callable[[], History], command: Command
) -> None:
    """A recheck, an erasure, a purge, a key's end, a closing (L15, L17, L23)."""
    assert codes(walk().decision(command)) == ("task_unknown",)


@pytest.mark.parametrize(
    "command",
    [
        commands.RecordBatch(task="freeze", erased=1, cursor="1"),
        settle("freeze"),
        commands.IntendKeyDestruction(task="freeze"),
    ],
)
def test_each_end_belongs_to_its_kind_of_task(command: Command) -> None:
    """A freeze is not erased, settled or intended."""
    assert refusals(confirmed().decision(command)) == (refusal("task_unknown", task="freeze"),)


def test_what_is_not_due_is_not_the_next() -> None:
    """Half open the other way: at its time it is (L6)."""
    told = confirmed(attrs.evolve(TERMS, cooling_off=DAY))
    assert [next_task(told.closure, T0 + DAY - TICK), told.later(DAY).next_name] == [None, "freeze"]


def test_a_new_freeze_waits_for_every_unfreezing() -> None:
    """A late unfreezing must not open an account that is being erased (DESIGN 7)."""
    told = given_back().then(commands.RecordChecks(account=LI, findings=CLEAN))
    told = with_proof(with_proof(told.later(MINUTE), "captcha"), "sms_code", "sms").then(CONFIRM)
    assert told.task("freeze").after == ("unfreeze:1.0",)
    assert order(told)[:4] == ["unfreeze:1.0", "tell_given_back:1.0", "freeze", "revoke_sessions"]


def test_the_retirement_waits_for_what_was_pending_before() -> None:
    """A letter still wants the account's address (DESIGN 7)."""
    terms = attrs.evolve(TERMS, attempts=attrs.evolve(TERMS.attempts, failures=2))
    told = with_failures(asked(terms), "sms_code", 2).later(HOUR)
    told = told.then(commands.RecordChecks(account=LI, findings=CLEAN))
    told = with_proof(with_proof(told, "captcha"), "email_code", "email")
    confirm = attrs.evolve(CONFIRM, principal=attrs.evolve(CONFIRM.principal, logged_in_at=told.now))
    told = told.then(confirm, finish("freeze"), finish("revoke_sessions"), RECHECK)
    assert told.task("retire").after[-1] == told.task_names[0]
    assert told.task_names[0].startswith("tell_locked:")


# --- what is due --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        (History, None),
        (opened, T0 + TERMS.round_valid_for),
        (given_back, T0),
        (confirmed, T0),
        (lambda: confirmed(attrs.evolve(TERMS, cooling_off=DAY)), T0 + DAY),
        (
            lambda: closed().then(*end_of("ledger_closed"), *end_of("farewell"), *destroy("destroy_farewell_key")),
            KEPT_UNTIL,
        ),
        (lambda: withdrawn().then(*destroy("destroy_key:1")), None),
    ],
)
def test_everything_the_library_knows_of_due_work_is_next_due(
    walk: Callable[[], History], expected: datetime | None
) -> None:
    """Tasks that can run, and the end of an open round (DESIGN 5)."""
    assert next_due(walk().closure) == expected


def test_what_was_set_aside_is_not_due_but_for_its_alarm() -> None:
    """It waits for an operator, and keeps no worker busy (L19)."""
    told = erasing().then(fail("ledger_begun", "permanent"))
    assert (next_task(told.closure, told.now), next_due(told.closure)) == (None, told.now + DAY)


# --- failing, again and in the end --------------------------------------------------------------------------


def test_a_task_that_fails_is_tried_again_later() -> None:
    """With what went wrong, as a code (L19)."""
    (failed,) = confirmed().events_of(fail("freeze"))
    assert failed == events.TaskFailed(T0, "freeze", "retryable", "gone_wrong", T0 + 2.5 * SECOND)


@pytest.mark.parametrize(
    ("tries", "longest"),
    [(0, 5 * SECOND), (1, 10 * SECOND), (2, 20 * SECOND), (8, 1280 * SECOND)],
)
def test_the_pause_doubles(tries: int, longest: timedelta) -> None:
    """Full jitter: from nothing up to the pause, and never all of it (L19)."""
    told = tried(tries)
    pauses = [due_of(told, jitter) - told.now for jitter in (0, 2**31, ALMOST_ALL)]
    assert pauses == [timedelta(0), longest / 2, longest - TICK]


def tried(times: int, task: str = "freeze", told: History | None = None) -> History:
    """A task that failed so often: the freeze, if nothing else is said."""
    told = told or confirmed()
    for _ in range(times):
        told = told.then(fail(task))
    return told


def due_of(told: History, jitter: int) -> datetime:
    """When the freeze is tried next, after one more failure."""
    (failed,) = told.events_of(fail("freeze", jitter=jitter))
    assert isinstance(failed, events.TaskFailed)
    return failed.due


def test_the_pause_is_capped() -> None:
    """However often it failed (L19)."""
    patient = attrs.evolve(TERMS, retries=Retries(tries=1000))
    told = confirmed(patient)
    for _ in range(60):
        told = told.then(fail("freeze"))
    assert due_of(told, ALMOST_ALL) == told.now + HOUR - TICK


def test_jitter_of_more_than_32_bits_counts_by_its_last_32() -> None:
    """So that no pause is ever longer than the longest (L19)."""
    assert due_of(confirmed(), 2**40 + 2**31) == due_of(confirmed(), 2**31)


def test_a_mandatory_task_that_keeps_failing_is_set_aside() -> None:
    """After as many tries as the terms say: an alarm, and no more tries (L19)."""
    told = tried(9, "ledger_begun", erasing())
    assert [type(one) for one in told.events_of(fail("ledger_begun"))] == [events.TaskSetAside]
    task = told.then(fail("ledger_begun")).task("ledger_begun")
    assert (task.set_aside, task.tries) == (True, 10)


def test_what_leads_to_the_erasure_is_never_set_aside() -> None:
    """However often it fails, it is tried until the account is given back (L14)."""
    told = tried(20)
    assert [type(one) for one in told.events_of(fail("freeze", "permanent"))] == [events.TaskFailed]
    late = told.later(TERMS.recheck_for)
    assert late.events_of(fail("freeze")) == (events.AccountGivenBack(late.now, ("gone_wrong",)),)


def test_an_unfreezing_raises_its_alarm_and_goes_on() -> None:
    """It counts its tries anew, and nobody has to release it (L14, L19)."""
    told = tried(9, "unfreeze:1.0", given_back())
    alarm, again = told.events_of(fail("unfreeze:1.0"))
    assert alarm == events.TaskSetAside(told.now, "unfreeze:1.0", "gone_wrong")
    assert again == events.TaskFailed(
        told.now, "unfreeze:1.0", "retryable", "gone_wrong", told.now + TERMS.retries.longest
    )
    task = told.then(fail("unfreeze:1.0")).task("unfreeze:1.0")
    assert (task.set_aside, task.tries) == (False, 0)


def test_a_failure_for_good_is_set_aside_at_once() -> None:
    """Trying again would be of no use (L19)."""
    told = erasing()
    set_aside = events.TaskSetAside(told.now, "ledger_begun", "gone_wrong")
    assert told.events_of(fail("ledger_begun", "permanent")) == (set_aside,)


def test_an_ambiguous_failure_is_tried_again() -> None:
    """Every task is safe to run again (L16)."""
    (failed,) = confirmed().events_of(fail("freeze", "ambiguous"))
    assert isinstance(failed, events.TaskFailed)
    assert failed.kind == "ambiguous"


def test_a_best_effort_task_is_passed_over() -> None:
    """Reported, and nothing waits for it (L19)."""
    told = with_host_tasks().then(fail("host:mailing_list", "permanent"), finish("host:downstream"))
    assert told.erasure.outcomes == (("mailing_list", "passed_over"), ("downstream", "done"))
    assert told.next_name == "tombstone"


def test_a_task_set_aside_stops_no_other() -> None:
    """What does not wait for it goes on (L19)."""
    told = erasing(recheck=attrs.evolve(RECHECK, data_sets=(PlannedTask("messages"), PlannedTask("orders"))))
    told = told.then(finish("ledger_begun"), fail("erase:messages", "permanent"))
    assert told.next_name == "erase:orders"


def test_an_operator_has_a_task_tried_again() -> None:
    """At once, with all its tries; who and why stands in the journal (L19)."""
    release = commands.ReleaseTask(task="freeze", actor="night_shift", reason="database_repaired")
    told = confirmed().then(fail("freeze", "permanent")).later(DAY)
    assert told.events_of(release) == (events.TaskReleased(T0 + DAY, "freeze", "night_shift", "database_repaired"),)
    task = told.then(release).task("freeze")
    assert (task.set_aside, task.tries, task.due) == (False, 0, T0 + DAY)


@pytest.mark.parametrize(("task", "code"), [("freeze", "task_not_set_aside"), ("no_such_task", "task_unknown")])
def test_an_operator_releases_only_what_was_set_aside(task: str, code: str) -> None:
    """Anything else would change the order of things."""
    release = commands.ReleaseTask(task=task, actor="operator", reason="curious")
    assert refusals(confirmed().decision(release)) == (refusal(code, task=task),)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"actor": "Li Wei"}, {"reason": "he called me"}])
def test_an_operator_writes_codes_and_no_texts(change: dict[str, str]) -> None:
    """Nothing personal comes into the journal that way (L22)."""
    with pytest.raises(InvalidValueError):
        commands.ReleaseTask(**{"task": "freeze", "actor": "operator", "reason": "repaired", **change})


def test_a_failure_is_a_code_and_no_text() -> None:
    """A host's message may hold anything (L22)."""
    with pytest.raises(InvalidValueError) as error:
        commands.FailTask(task="host:a", kind="retryable", code="no mailbox li@example.com", jitter=0)
    assert error.value.args == ("code", "not_a_name")


def test_a_task_that_goes_on_is_called_again_and_has_not_failed() -> None:
    """Later, with all its tries."""
    told = with_host_tasks().then(commands.PostponeTask(task="host:mailing_list", after=MINUTE))
    task = told.task("host:mailing_list")
    assert (task.due, task.tries) == (T0 + MINUTE, 0)


def test_a_best_effort_task_that_only_ever_puts_off_is_passed_over_in_the_end() -> None:
    """Once its time is over nothing waits for it any more (L19)."""
    told = with_host_tasks()
    deadline = told.task("host:mailing_list").deadline
    assert deadline is not None
    late = told.later(deadline - told.now)
    postpone = commands.PostponeTask(task="host:mailing_list", after=MINUTE)
    assert late.events_of(postpone) == (events.TaskPassedOver(deadline, "host:mailing_list", "too_late"),)


@pytest.mark.parametrize("after", [timedelta(0), -SECOND, timedelta.max])
def test_a_task_is_put_off_by_a_duration(after: timedelta) -> None:
    """No zero, which would be a loop without a pause, and nothing endless (L30)."""
    with pytest.raises(InvalidValueError):
        commands.PostponeTask(task="host:mailing_list", after=after)


def test_without_a_round_there_is_nothing_that_could_fail() -> None:
    """No task is pending."""
    assert codes(History().decision(fail("freeze"))) == ("task_unknown",)


# --- the recheck --------------------------------------------------------------------------------------------


def test_a_clean_recheck_begins_the_erasure() -> None:
    """The point of no return, with all that goes (L15)."""
    assert frozen().events_of(RECHECK) == (
        events.ErasureBegun(T0, PLAN, (), tombstone=True, farewell=events.Clear("sealed later")),
    )


def test_terms_without_tombstone_and_farewell_plan_none() -> None:
    """And seal no address that nobody would destroy (L26, L27)."""
    told = frozen(attrs.evolve(TERMS, tombstone_for=None, farewell_for=None))
    (begun,) = told.events_of(RECHECK)
    assert begun == events.ErasureBegun(T0, PLAN, (), tombstone=False, farewell=None)
    assert order(told.with_events(begun))[-3:] == ["destroy_key:1", "close", "ledger_closed"]


@pytest.mark.parametrize(
    ("change", "causes"),
    [
        ({"findings": OWING}, ("unpaid",)),
        ({"account": attrs.evolve(FROZEN, contacts=FROZEN.contacts[:1])}, ("contacts_changed",)),
        (
            {
                "account": attrs.evolve(
                    FROZEN, contacts=(FROZEN.contacts[0], attrs.evolve(FROZEN.contacts[1], version="e2"))
                )
            },
            ("contacts_changed",),
        ),
    ],
)
def test_what_the_recheck_finds_gives_the_account_back(change: dict[str, object], causes: tuple[str, ...]) -> None:
    """A blocker, or a contact point that changed since: first the event, and nothing erased (L14)."""
    assert frozen().events_of(changed(RECHECK, change)) == (events.AccountGivenBack(T0, causes),)


def test_a_sanction_found_at_the_freeze_gives_the_account_back() -> None:
    """What no freeze may hide is a cause to give back, as long as nothing is erased (L14, L15)."""
    command = commands.GiveAccountBack(cause="account_suspended")
    assert confirmed().events_of(command) == (events.AccountGivenBack(confirmed().now, ("account_suspended",)),)


@pytest.mark.parametrize("walk", [opened, erasing, closed])
def test_only_a_closing_that_erased_nothing_is_given_back(walk: Callable[[], History]) -> None:
    """There is nothing to give back before the confirmation, and no way after the point of no return (L15)."""
    assert codes(walk().decision(commands.GiveAccountBack(cause="account_suspended"))) == ("irreversible",)


def test_what_the_terms_name_and_nobody_has_any_more_is_planned_all_the_same() -> None:
    """A data set that vanished from the portal is set aside with an alarm, and never forgotten (L15, L17)."""
    nobody = attrs.evolve(RECHECK, data_sets=())
    begun = frozen().then(nobody).closure.tasks
    assert {one.subject for one in begun if one.kind == "erase"} == set(TERMS.data_sets)


def test_giving_back_unfreezes_and_tells_the_person() -> None:
    """First the event, then the unfreezing as a task, then the letter (L14)."""
    assert order(given_back()) == ["unfreeze:1.0", "tell_given_back:1.0"]


def test_giving_back_keeps_what_was_pending_before() -> None:
    """The person still hears that the closing was locked (L16)."""
    terms = attrs.evolve(TERMS, attempts=attrs.evolve(TERMS.attempts, failures=2))
    told = with_failures(asked(terms), "sms_code", 2).later(HOUR)
    told = told.then(commands.RecordChecks(account=LI, findings=CLEAN))
    told = with_proof(with_proof(told, "captcha"), "email_code", "email")
    confirm = attrs.evolve(CONFIRM, principal=attrs.evolve(CONFIRM.principal, logged_in_at=told.now))
    told = told.then(confirm, finish("freeze"), finish("revoke_sessions"), attrs.evolve(RECHECK, findings=OWING))
    assert told.task_names == ("tell_locked:3", "unfreeze:1.0", "tell_given_back:1.0")


def test_a_blocker_beside_an_unknown_check_gives_back_at_once() -> None:
    """What is known to be in the way need not be asked again (L14)."""
    findings = (("orders_done", Unknown()), OWING[1])
    assert isinstance(frozen().events_of(attrs.evolve(RECHECK, findings=findings))[0], events.AccountGivenBack)


NOT_NOW = [
    ({"findings": CLEAN[:1]}, "check_unknown"),
    ({"account": LI}, "not_frozen"),
    ({"account": attrs.evolve(LI, standing="retired")}, "not_frozen"),
    ({"account": None, "findings": ()}, "not_frozen"),
]


@pytest.mark.parametrize(("change", "code"), NOT_NOW)
def test_what_cannot_be_said_now_is_asked_again(change: dict[str, object], code: str) -> None:
    """A source that cannot be asked, or an account that is not frozen after all (L13, L14)."""
    assert frozen().events_of(changed(RECHECK, change)) == (events.TaskFailed(T0, "recheck", "retryable", code, T0),)


@pytest.mark.parametrize(("change", "code"), NOT_NOW)
def test_it_is_asked_again_for_a_bounded_time_and_then_given_back(change: dict[str, object], code: str) -> None:
    """Half open: at the end of that time the account goes back (L14)."""
    recheck = changed(RECHECK, change)
    almost, over = (frozen().later(TERMS.recheck_for - rest) for rest in (TICK, timedelta(0)))
    assert isinstance(almost.events_of(recheck)[0], events.TaskFailed)
    assert over.events_of(recheck) == (events.AccountGivenBack(over.now, (code,)),)


def test_a_recheck_that_is_asked_again_often_is_never_set_aside() -> None:
    """Its bound is a time, and not a number of tries (L14)."""
    told = frozen()
    for _ in range(2 * TERMS.retries.tries):
        told = told.then(attrs.evolve(RECHECK, findings=()))
    assert told.task("recheck").set_aside is False


@pytest.mark.parametrize("kind", ["retryable", "permanent", "ambiguous"])
def test_a_recheck_that_cannot_be_run_gives_the_account_back_in_the_end(kind: events.FailureKind) -> None:
    """A directory that is down leaves nobody frozen for ever (L14)."""
    told = frozen()
    assert isinstance(told.events_of(fail("recheck", kind))[0], events.TaskFailed)
    late = told.later(TERMS.recheck_for)
    assert late.events_of(fail("recheck", kind)) == (events.AccountGivenBack(late.now, ("gone_wrong",)),)


def test_the_time_of_the_recheck_runs_from_the_end_of_the_cooling_off() -> None:
    """Before that nobody has asked (L14)."""
    told = confirmed(attrs.evolve(TERMS, cooling_off=7 * DAY)).later(7 * DAY)
    told = told.then(finish("freeze"), finish("revoke_sessions"))
    assert isinstance(told.events_of(attrs.evolve(RECHECK, findings=()))[0], events.TaskFailed)


# --- erasing ------------------------------------------------------------------------------------------------


def begun() -> History:
    """The first data set's turn."""
    return erasing().then(finish("ledger_begun"))


def batch(erased: int, cursor: str) -> commands.RecordBatch:
    """A batch of the messages went."""
    return commands.RecordBatch(task="erase:messages", erased=erased, cursor=cursor)


def test_progress_is_kept_batch_by_batch() -> None:
    """Where the next one begins, and how many went so far (L16)."""
    task = begun().then(batch(500, "500"), batch(20, "520")).task("erase:messages")
    assert (task.cursor, task.erased) == ("520", 520)


def test_a_data_set_is_done_only_when_nothing_remains() -> None:
    """Whatever the eraser thinks: it begins anew (L17)."""
    told = begun().then(batch(500, "500"))
    (failed,) = told.events_of(settle("erase:messages", Portion("erased", 500), remaining=1))
    assert isinstance(failed, events.TaskFailed)
    assert failed.code == "rows_remain"
    assert told.with_events(failed).task("erase:messages").cursor == ""


def test_a_data_set_that_is_done_says_what_became_of_it() -> None:
    """By disposition (L20)."""
    portions = (Portion("erased", 2), Portion("restricted", 1, KEPT_UNTIL, "law"))
    told = begun()
    assert told.events_of(settle("erase:messages", *portions)) == (events.DataSetErased(T0, "messages", portions),)
    assert told.then(settle("erase:messages", *portions)).erasure.fates == (("messages", portions),)


def test_an_erasure_that_gets_nowhere_is_set_aside() -> None:
    """Rows that always remain are an alarm in the end (L17, L19)."""
    told = begun()
    for _ in range(TERMS.retries.tries):
        told = told.then(settle("erase:messages", remaining=1))
    assert told.task("erase:messages").set_aside is True


def test_an_erasure_whose_batches_erase_nothing_is_set_aside() -> None:
    """A cursor that moves on and on is no progress when nothing goes with it (L19)."""
    told = begun()
    for number in range(EMPTY_BATCHES):
        told = told.then(batch(0, str(number)))
    assert told.task("erase:messages").set_aside is True


def test_a_batch_that_erased_something_gives_the_tries_back() -> None:
    """A large set with a failure now and then comes to its end (L19)."""
    told = begun().then(fail("erase:messages"), batch(1, "1"))
    assert told.task("erase:messages").tries == 0


def test_what_is_kept_until_a_time_that_is_over_must_go_now() -> None:
    """A retention that ended is none, and nothing is settled with it (L20)."""
    portion = Portion("restricted", 1, T0, "law")
    (failed,) = begun().events_of(settle("erase:messages", portion))
    assert isinstance(failed, events.TaskFailed)


# --- keys ---------------------------------------------------------------------------------------------------


def test_a_keys_destruction_is_intended_before_it_happens() -> None:
    """Intent, destruction, event: a crash in between is no riddle (L23)."""
    told = withdrawn()
    assert told.events_of(commands.IntendKeyDestruction(task="destroy_key:1")) == (
        events.KeyDestructionIntended(T0, "destroy_key:1"),
    )
    intended = told.then(commands.IntendKeyDestruction(task="destroy_key:1"))
    assert intended.task("destroy_key:1").cursor == INTENDED
    assert intended.events_of(finish("destroy_key:1")) == (events.KeyDestroyed(T0, "destroy_key:1"),)


def test_the_same_intent_again_changes_nothing() -> None:
    """After a crash it is there already (L16)."""
    intend = commands.IntendKeyDestruction(task="destroy_key:1")
    assert withdrawn().then(intend).decision(intend) == Accepted()


def test_a_failure_does_not_take_the_intent_back() -> None:
    """The key may be gone at any time (L23)."""
    told = withdrawn().then(commands.IntendKeyDestruction(task="destroy_key:1"), fail("destroy_key:1"))
    assert told.task("destroy_key:1").cursor == INTENDED


def test_a_rounds_key_dies_after_the_rounds_other_tasks() -> None:
    """They may still read what it sealed (DESIGN 7)."""
    told = with_failures(asked(), "sms_code", 5).then(commands.WithdrawClosure())
    assert order(told) == ["tell_locked:6", "destroy_key:1"]


# --- lapsing and withdrawing --------------------------------------------------------------------------------


def test_a_round_lapses_when_its_time_is_over() -> None:
    """Half open; and any other closure is left alone (L6)."""
    almost, over = (proved().later(TERMS.round_valid_for - rest) for rest in (TICK, timedelta(0)))
    assert almost.decision(commands.LapseRound()) == Accepted()
    assert over.events_of(commands.LapseRound()) == (events.RoundLapsed(over.now),)
    assert confirmed().later(400 * DAY).decision(commands.LapseRound()) == Accepted()


@pytest.mark.parametrize("walk", [confirmed, lambda: confirmed().then(finish("freeze")), frozen])
def test_leaving_the_closing_always_unfreezes(walk: Callable[[], History]) -> None:
    """Also when no freeze is recorded: it may have been done (DESIGN 7)."""
    assert order(walk().then(commands.WithdrawClosure())) == ["unfreeze:1.0", "destroy_key:1"]


def test_a_round_that_was_given_back_is_open_for_its_full_time_again() -> None:
    """The person did nothing wrong (L14)."""
    told = frozen().later(DAY).then(attrs.evolve(RECHECK, findings=OWING))
    assert told.open.lapses == T0 + DAY + TERMS.round_valid_for


def test_every_giving_back_has_an_unfreezing_of_its_own() -> None:
    """Told apart by name, so that the next freeze waits for each (DESIGN 7)."""
    told = given_back().then(commands.RecordChecks(account=LI, findings=CLEAN)).later(MINUTE)
    told = with_proof(with_proof(told, "captcha"), "sms_code", "sms").then(CONFIRM, commands.WithdrawClosure())
    assert [one for one in told.task_names if one.startswith("unfreeze")] == ["unfreeze:1.0", "unfreeze:1.1"]


# --- after the closing --------------------------------------------------------------------------------------


def test_the_closing_keeps_its_receipt() -> None:
    """With the account closed in the same breath (L25)."""
    told = erased().then(finish("tombstone"), finish("retire"), *destroy("destroy_key:1"))
    assert told.events_of(commands.CloseAccount(receipt="signed")) == (events.ClosureClosed(T0, "signed"),)


def test_a_farewell_has_a_time_limit_and_its_key_goes_either_way() -> None:
    """Done, or passed over when its time is over (L26)."""
    told = closed().then(finish("ledger_closed"))
    assert TERMS.farewell_for is not None
    assert told.task("farewell").deadline == T0 + TERMS.farewell_for
    late = told.later(TERMS.farewell_for)
    assert late.events_of(fail("farewell")) == (events.TaskPassedOver(late.now, "farewell", "gone_wrong"),)
    for sent in (told.then(finish("farewell")), late.then(fail("farewell"))):
        assert sent.next_name == "destroy_farewell_key"


def test_a_farewell_is_tried_until_its_time_is_over() -> None:
    """Its bound is a time, and not a number of tries (L26)."""
    told = closed().then(finish("ledger_closed"))
    for _ in range(2 * TERMS.retries.tries):
        told = told.then(fail("farewell"))
    assert told.closure.tasks[0].name == "farewell"


def test_a_farewell_is_never_tried_after_its_time() -> None:
    """The next try comes at its end at the latest, so that its key goes in time (L26)."""
    assert TERMS.farewell_for is not None
    told = closed().then(finish("ledger_closed"))
    for _ in range(20):
        told = told.then(fail("farewell"))
    almost = told.later(TERMS.farewell_for - SECOND)
    assert almost.then(fail("farewell", jitter=ALMOST_ALL)).task("farewell").due <= T0 + TERMS.farewell_for


def purging() -> History:
    """The first retention has ended."""
    told = closed().then(finish("ledger_closed"), finish("farewell"), *destroy("destroy_farewell_key"))
    return attrs.evolve(told, now=KEPT_UNTIL)


def test_what_the_law_kept_is_purged_when_that_ends() -> None:
    """Not a moment before (L20)."""
    assert [next_task(purging().closure, KEPT_UNTIL - TICK), purging().next_name] == [None, "purge:orders"]


def test_a_purge_is_done_only_when_nothing_remains() -> None:
    """As an erasure is (L17)."""
    told = purging().then(commands.RecordBatch(task="purge:orders", erased=1, cursor="1"))
    (failed,) = told.events_of(settle("purge:orders", remaining=1))
    assert isinstance(failed, events.TaskFailed)


def test_after_the_last_retention_nothing_is_left_to_do() -> None:
    """For ever (L20)."""
    told = purging()
    assert told.events_of(settle("purge:orders")) == (events.RetentionPurged(KEPT_UNTIL, "orders", None),)
    assert told.then(settle("purge:orders")).closure.tasks == ()


def test_a_longer_retention_is_purged_when_it_ends_too() -> None:
    """One after the other (L20)."""
    longer = Portion("restricted", 1, KEPT_UNTIL + DAY, "another law")
    told = purging().then(settle("purge:orders", longer))
    assert (told.task("purge:orders").due, told.next_name) == (KEPT_UNTIL + DAY, None)


def test_a_retention_that_ended_and_still_stands_is_a_failure() -> None:
    """Not a purge that is due again at once, for ever (L19, L20)."""
    told = purging()
    for _ in range(TERMS.retries.tries):
        told = told.then(settle("purge:orders", Portion("restricted", 1, told.now, "law"))).later(DAY)
    assert told.task("purge:orders").set_aside


def test_a_host_whose_clock_is_an_hour_behind_comes_round_before_its_tries_are_used_up() -> None:
    """By its own clock the retention has not ended yet: clocks that differ by an hour change nothing (L18, L20)."""
    told, began = purging(), purging().now
    while told.now < began + timedelta(hours=1):
        told = told.then(settle("purge:orders", Portion("restricted", 1, KEPT_UNTIL, "law")))
        told = told.later(told.task("purge:orders").due - told.now)
    assert told.events_of(settle("purge:orders")) == (events.RetentionPurged(told.now, "orders", None),)


def test_searching_is_no_failing_and_no_dying() -> None:
    """Empty batches are counted for themselves; what goes on searching has lived through being begun (L19)."""
    told = begun()
    for number in range(EMPTY_BATCHES - 1):
        told = told.then(commands.BeginTask(task="erase:messages"))
        told = told.then(commands.RecordBatch(task="erase:messages", erased=0, cursor=f"{number}"))
    task = told.task("erase:messages")
    assert (task.tries, task.begun, task.empty, task.set_aside) == (0, 0, EMPTY_BATCHES - 1, False)
    last = commands.RecordBatch(task="erase:messages", erased=0, cursor="end")
    assert told.events_of(last) == (events.TaskSetAside(told.now, "erase:messages", "no_progress"),)


def test_the_first_retention_to_end_has_its_data_set_purged() -> None:
    """Of several, the earliest (L20)."""
    kept = (Portion("restricted", 1, KEPT_UNTIL + DAY, "law"), Portion("restricted", 1, KEPT_UNTIL, "law"))
    told = begun().then(settle("erase:messages", *kept), settle("erase:orders"))
    told = told.then(finish("tombstone"), finish("retire"), *destroy("destroy_key:1"))
    told = told.then(commands.CloseAccount(receipt="receipt"))
    assert told.task("purge:messages").due == KEPT_UNTIL


def test_statements_say_nothing_about_tasks() -> None:
    """The dialogue schedules nothing outside until the confirmation."""
    assert (reasoned().closure.tasks, opened().then(statement("data_backed_up")).closure.tasks) == ((), ())


def test_an_open_round_that_is_opened_again_keeps_what_is_pending() -> None:
    """Carried over by the next opening (L16)."""
    told = confirmed().then(commands.WithdrawClosure(), open_round())
    assert told.task_names == ("unfreeze:1.0", "destroy_key:1")
