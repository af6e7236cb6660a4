"""Stories on the pure machine: given what has happened, when that is asked, then this comes of it.

A story needs no store, no portal and no clock::

    >>> li = Person()
    >>> story = (
    ...     given(li.reason_given(), li.asks_for("sms_code"))
    ...     .when(li.with_contact("sms", version="8").tries("sms_code"))
    ...     .then(refused("challenge_voided"))
    ... )

What is *given* are steps: events, commands (which must be accepted), times that pass, and the short-hands of
:class:`Person` and :func:`worked_until`, which lead to a stage. What is asked in *when* are steps, too; the last
command is the one that *then* speaks of. A story that ends otherwise fails with the difference between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from difflib import ndiff
from typing import Final, Never, TypeAlias, Union, get_args

import attrs
from typing_extensions import TypeIs

from hht_closure import commands
from hht_closure.account import Account, Channel, ContactPoint, Principal
from hht_closure.commands import Command, Findings, NonceState
from hht_closure.errors import Refusal, RefusalCode
from hht_closure.events import Clear, Event
from hht_closure.lifecycle import Accepted, Decision, Refused, decide, evolve, fold, next_task
from hht_closure.policy import Clean, NoticeText, Portion, Terms
from hht_closure.stages import NOTHING, Closure
from hht_closure.tasks import INTENDED, PendingTask, PlannedTask, TaskKind
from hht_closure.verification import email_code, sms_code

__all__ = ["NOW", "Expected", "Person", "Plan", "Step", "Story", "accepted", "given", "refused", "worked_until"]

NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When a story begins."""

Plan: TypeAlias = Callable[[Closure, datetime], Iterable["Step"]]
"""Steps that depend on what has happened before."""

Step: TypeAlias = Union[Event, Command, timedelta, Plan, tuple["Step", ...]]  # noqa: UP007 - it names itself
"""A piece of a story."""

Expected: TypeAlias = Union[Accepted, Refused, "_Kinds", "_Codes"]
"""How a story may end."""

_EVENTS: Final = get_args(Event)
_COMMANDS: Final = get_args(Command)

# --- telling ------------------------------------------------------------------------------------------------


@attrs.frozen
class Story:
    """A closure at a moment, and what the last command came to.

    Attributes:
        closure: what all that has happened has made.
        now: the time of the next command.
        decision: what the last command of :meth:`when` came to; None before.
        happened: every event so far, in order.
    """

    closure: Closure = NOTHING
    now: datetime = NOW
    decision: Decision | None = None
    happened: tuple[Event, ...] = ()

    def at(self, now: datetime) -> Story:
        """The next command comes at that time; an earlier one than the last is a clock that steps back."""
        return attrs.evolve(self, now=now)

    def after(self, passed: timedelta) -> Story:
        """The next command comes so much later."""
        return self.at(self.now + passed)

    def when(self, *steps: Step) -> Story:
        """Ask for that; all commands but the last must be accepted.

        Raises:
            AssertionError: one of them is refused.
        """
        story = self
        for step in steps:
            story = story._taken(step)
        return story

    def then(self, expected: Expected) -> Story:
        """The last command came to that, and to nothing else; the story can go on from there.

        Raises:
            AssertionError: it came to something else; the message is the difference.
        """
        if self.decision is None:
            _fail("nothing was asked yet: a story has a `when` before its `then`")
        wanted, found = _lines(expected, self.decision), _lines(self.decision, expected)
        if wanted != found:
            _fail("- expected, + what came of it", *ndiff(wanted, found))
        return attrs.evolve(self, decision=None)

    def _taken(self, step: Step) -> Story:
        if isinstance(self.decision, Refused):
            _fail("a step before the last is refused", *_lines(self.decision, None))
        if isinstance(step, timedelta):
            return self.after(step)
        if _are_steps(step):
            return self.when(*step)
        if _is_event(step):
            return Story(evolve(self.closure, step), max(self.now, step.at), None, (*self.happened, step))
        if _is_command(step):
            decision = decide(self.closure, step, now=self.now)
            happened = decision.events if isinstance(decision, Accepted) else ()
            return Story(fold(happened, self.closure), self.now, decision, (*self.happened, *happened))
        return self.when(*step(self.closure, self.now))


def _is_event(step: Step) -> TypeIs[Event]:
    return isinstance(step, _EVENTS)


def _is_command(step: Step) -> TypeIs[Command]:
    return isinstance(step, _COMMANDS)


def _are_steps(step: Step) -> TypeIs[tuple[Step, ...]]:
    return isinstance(step, tuple)


def _fail(*lines: str) -> Never:
    raise AssertionError("\n".join(lines))


def given(*steps: Step) -> Story:
    """A story that begins when all this has happened.

    Raises:
        AssertionError: a command among the steps is refused.
    """
    story = Story().when(*steps)
    if isinstance(story.decision, Refused):
        _fail("what is given is refused", *_lines(story.decision, None))
    return attrs.evolve(story, decision=None)


# --- expecting ----------------------------------------------------------------------------------------------


@attrs.frozen
class _Kinds:
    """Accepted, with events of these kinds, or exactly these events."""

    events: tuple[Event | type[Event], ...]


@attrs.frozen
class _Codes:
    """Refused, with these codes, or exactly these refusals."""

    refusals: tuple[Refusal | RefusalCode, ...]


def accepted(*happened: Event | type[Event]) -> _Kinds:
    """The command leads to these events and no others, in this order; a type stands for any event of that type."""
    return _Kinds(happened)


def refused(*refusals: Refusal | RefusalCode) -> _Codes:
    """The command is refused for these reasons and no others, in this order; a code stands for any parameters."""
    return _Codes(refusals)


def _lines(one: Expected, other: Expected | None) -> list[str]:
    """One side of the comparison as lines, with no more detail than the other side asks for."""
    match one:
        case Accepted() | _Kinds():
            events = other.events if isinstance(other, Accepted | _Kinds) else ()
            return ["accepted", *_items(one.events, events)]
        case Refused() | _Codes():
            refusals = other.refusals if isinstance(other, Refused | _Codes) else ()
            return ["refused", *_items(one.refusals, refusals)]


def _items(ours: tuple[object, ...], theirs: tuple[object, ...]) -> Iterator[str]:
    for place, one in enumerate(ours):
        is_coarse = place < len(theirs) and isinstance(theirs[place], type | str)
        yield f"  {_name(one) if is_coarse or isinstance(one, type | str) else _whole(one)}"


def _whole(one: object) -> str:
    """All there is to it; a refusal's parameters in the order of their names, since their order says nothing."""
    if isinstance(one, Refusal):
        parameters = (f"{name}={value!r}" for name, value in sorted(one.parameters.items()))
        return f"{one.code} ({', '.join(parameters)})"
    return repr(one)


def _name(one: object) -> str:
    match one:
        case str():
            return one
        case Refusal():
            return one.code
        case type():
            return one.__name__
        case _:
            return type(one).__name__


# --- a person, and the worker -------------------------------------------------------------------------------


def _account() -> Account:
    sms = ContactPoint(channel="sms", address="+8613800000000", version="1")
    email = ContactPoint(channel="email", address="somebody@example.com", version="1")
    return Account(id="somebody", contacts=(sms, email))


def _principal() -> Principal:
    return Principal(account="somebody", session="1", logged_in_at=NOW)


def _terms() -> Terms:
    return Terms(
        version="1",
        requirement=sms_code & email_code,
        preconditions=("no_open_order",),
        data_sets=("messages",),
        notice_version="1",
        notices=(NoticeText("en", "Closing is final."),),
    )


@attrs.frozen(kw_only=True)
class Person:
    """Somebody who closes an account: what they ask for, as commands, with the world as it is for them then.

    ``attrs.evolve`` makes the same person in another world: other terms, findings, an older log-in.
    """

    account: Account = attrs.field(factory=_account)
    principal: Principal = attrs.field(factory=_principal)
    terms: Terms = attrs.field(factory=_terms)
    findings: Findings = (("no_open_order", Clean()),)

    def with_contact(self, channel: Channel, *, version: str) -> Person:
        """The same person, whose contact point of that channel has that version now."""
        contacts = tuple(
            attrs.evolve(one, version=version) if one.channel == channel else one for one in self.account.contacts
        )
        return attrs.evolve(self, account=attrs.evolve(self.account, contacts=contacts))

    def opens(self) -> commands.OpenRound:
        """Begins to close the account."""
        return commands.OpenRound(
            account=self.account, terms=self.terms, terms_digest=self._digest, findings=self.findings
        )

    def attests(self, statement: str, answer: str = "done", *, wording: str = "1") -> commands.AnswerStatement:
        """Answers a statement."""
        return commands.AnswerStatement(
            account=self.account, statement=statement, answer=answer, wording=wording, locale="en"
        )

    def says_why(self, reason: str = "rather_not_say", note: str = "") -> commands.GiveReason:
        """Gives a reason."""
        return commands.GiveReason(account=self.account, reason=reason, note=note, share_note=False)

    def asks_for(self, factor: str) -> commands.MakeChallenge:
        """Asks for a challenge; the factors with a channel are those whose name begins with it."""
        channel = next((one.channel for one in self.account.contacts if factor.startswith(one.channel)), None)
        return commands.MakeChallenge(
            principal=self.principal, account=self.account, factor=factor, channel=channel, key="k1"
        )

    def tries(self, factor: str) -> commands.CountAttempt:
        """Gives an answer, of which nobody knows yet whether it is right."""
        return commands.CountAttempt(principal=self.principal, account=self.account, factor=factor)

    def answers(self, factor: str, *, right: bool = True) -> Step:
        """Gives an answer, and it is judged."""

        def judge(closure: Closure, _: datetime) -> Iterable[Step]:
            last = closure.attempts.in_flight[-1]
            yield commands.JudgeAttempt(factor=factor, number=last.number, challenge=last.challenge, right=right)

        return (self.tries(factor), judge)

    def confirms(self, nonce: NonceState = "valid", *, nonce_digest: str = "n1") -> commands.ConfirmClosure:
        """Confirms for good."""
        return commands.ConfirmClosure(
            principal=self.principal,
            account=self.account,
            findings=self.findings,
            terms_digest=self._digest,
            nonce=nonce,
            nonce_digest=nonce_digest,
            notice_version=self.terms.notice_version,
            notice_digest="d1",
            locale="en",
            fates_digest="f1",
            key="k1",
        )

    def eligible(self) -> Step:
        """Everything up to the reason: a round is open, and every statement is answered."""
        return (self.opens(), *(self.attests(one.code, wording=one.wording) for one in self.terms.statements))

    def reason_given(self) -> Step:
        """Everything up to the verification."""
        return (self.eligible(), self.says_why())

    def verified(self) -> Step:
        """Everything up to the confirmation, with the two codes of the usual terms."""
        proving = tuple((self.asks_for(factor), self.answers(factor)) for factor in ("sms_code", "email_code"))
        return (self.reason_given(), *proving)

    def confirmed(self) -> Step:
        """Everything up to the final confirmation, and that."""
        return (self.verified(), self.confirms())

    @property
    def _digest(self) -> str:
        return f"terms-{self.terms.version}"

    def works(self, task: PendingTask) -> Command:
        """What a worker finds of that task when all goes well, with this person's account frozen by then."""
        match task.kind:
            case "recheck":
                return commands.RecheckAccount(
                    account=attrs.evolve(self.account, standing="frozen"),
                    findings=self.findings,
                    data_sets=tuple(PlannedTask(one) for one in self.terms.data_sets),
                    host_tasks=(),
                    farewell=Clear("somebody@example.com"),
                    jitter=0,
                )
            case "erase" | "purge":
                return commands.SettleDataSet(task=task.name, remaining=0, portions=(Portion("erased", 1),), jitter=0)
            case "close":
                return commands.CloseAccount(receipt="a receipt")
            case "destroy_key" | "destroy_farewell_key" if task.cursor != INTENDED:
                return commands.IntendKeyDestruction(task=task.name)
            case _:
                return commands.FinishTask(task=task.name)


def worked_until(kind: TaskKind | None, person: Person | None = None) -> Plan:
    """The worker has done everything that is due before a task of that kind; None: everything that is due now."""
    works = (person or Person()).works

    def work(closure: Closure, now: datetime) -> Iterable[Step]:
        task = next_task(closure, now)
        return () if task is None or task.kind == kind else (works(task), work)

    return work
