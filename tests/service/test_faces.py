"""The two faces: one flow, driven at once or awaited, with plain and asynchronous adapters in any mixture."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import get_ident
from typing import TypeVar

import attrs
import pytest

from hht_closure.account import Account, AccountId, ContactPoint, Principal
from hht_closure.adapters.codes import email_code_verifier, sms_code_verifier
from hht_closure.errors import ClosureRefused, WiringError
from hht_closure.events import ClosureClosed, Event
from hht_closure.flows.answers import Confirmation, WorkReport
from hht_closure.policy import Clean, Finding, FixedPolicy
from hht_closure.ports import Answer
from hht_closure.service import AsyncClosureOperator, AsyncClosureService, ClosureService
from hht_closure.verification import email_code, sms_code
from tests.service.doubles import (
    AsyncCodeSender,
    AsyncDataSet,
    AsyncDirectory,
    AsyncJournal,
    AsyncMessages,
    AsyncObserver,
    AsyncPrecondition,
    AsyncTask,
    Parts,
    ThreadPrecondition,
    built,
    portal_of,
)
from tests.stage import TERMS, Stage, StoreKind

T = TypeVar("T")
Face = Callable[..., ClosureService | AsyncClosureService]
FACES: tuple[Face, ...] = (ClosureService, AsyncClosureService)


async def settled(value: Answer[T]) -> T:
    """The value of either face."""
    return await value if isinstance(value, Awaitable) else value


async def confirmed(
    service: ClosureService | AsyncClosureService, stage: Stage, who: Principal | None = None
) -> Confirmation:
    """The whole dialogue, through every call a person makes on the way."""
    person = who or stage.principal
    await settled(service.current(person))
    await settled(service.explain(person, "en"))
    await settled(service.open(person))
    await settled(service.recheck(person))
    for one in stage.terms.statements:
        await settled(service.attest(person, one.code, "done", wording=one.wording, locale="en"))
    await settled(service.give_reason(person, "other", note="I move abroad.", share_note=True))
    for factor in ("captcha", "sms_code", "email_code"):
        challenge = await settled(service.challenge(person, factor))
        verdict = await settled(service.answer(person, factor, stage.right_answer(challenge, person)))
        assert verdict.accepted
    notice = await settled(service.notice(person, "en"))
    return await settled(service.confirm(person, notice.nonce))


async def closed(service: ClosureService | AsyncClosureService, stage: Stage) -> tuple[Confirmation, WorkReport, str]:
    """From the first look to the receipt."""
    confirmation = await confirmed(service, stage)
    report = await settled(service.work())
    assert await settled(service.reserved("li.weiguo"))
    assert (await settled(service.status(confirmation.reference))).step == "closed"
    receipt = await settled(service.receipt(confirmation.reference))
    return confirmation, report, receipt.token


def test_both_faces_on_both_stores_come_to_the_same_events_and_the_same_receipt(tmp_path: Path) -> None:
    """The flow is written once: face and store make no difference, byte for byte of the receipt (L28)."""
    outcomes: list[tuple[object, list[Event]]] = []
    kinds: tuple[StoreKind, ...] = ("memory", "sqlite")
    for number, (face, kind) in enumerate((face, kind) for face in FACES for kind in kinds):
        stage = Stage(kind, tmp_path / str(number))
        outcomes.append((asyncio.run(closed(built(face, stage), stage)), stage.happened.events))
        stage.close()
    first = outcomes[0]
    assert len(first[1]) > 30
    assert outcomes == [first] * 4


def test_both_faces_withdraw_alike(tmp_path: Path) -> None:
    """A person who changes their mind is given the same view by both faces (L28)."""
    views = []
    for number, face in enumerate(FACES):
        stage = Stage("memory", tmp_path / str(number), terms=attrs.evolve(TERMS, cooling_off=TERMS.round_valid_for))
        service = built(face, stage)
        asyncio.run(confirmed(service, stage))

        async def withdrawn(service: ClosureService | AsyncClosureService = service, stage: Stage = stage) -> object:
            return await settled(service.withdraw(stage.principal))

        views.append((asyncio.run(withdrawn()), stage.happened.events))
    assert views[0] == views[1]


def test_both_faces_refuse_the_telling_of_contacts(stage: Stage) -> None:
    """No terms turn it on yet, and both faces say so in the same words."""
    codes = []
    for face in FACES:
        service = built(face, stage)

        async def chosen(service: ClosureService | AsyncClosureService = service) -> None:
            await settled(service.choose_contacts(stage.principal, ()))

        with pytest.raises(ClosureRefused) as refused:
            asyncio.run(chosen())
        codes.append(refused.value.codes)
    assert codes == [("contacts_not_offered",)] * 2


def test_the_asynchronous_face_takes_asynchronous_adapters_everywhere(stage: Stage) -> None:
    """Directory, checks, data sets, tasks, letters, senders, journal and observers may all be ``async def``."""
    told = AsyncObserver()
    service = built(
        AsyncClosureService,
        stage,
        portal=portal_of(
            stage,
            accounts=AsyncDirectory(stage.accounts),
            preconditions=(AsyncPrecondition(stage.orders_check), AsyncPrecondition(stage.money_check)),
            data_sets=(AsyncDataSet(stage.orders), AsyncDataSet(stage.messages)),
            tasks=(AsyncTask(stage.downstream),),
            messages=AsyncMessages(stage.letters),
        ),
        store=Parts.of(stage, journal=AsyncJournal(stage)),
        verifiers=(
            sms_code_verifier(AsyncCodeSender(stage.sms)),
            email_code_verifier(AsyncCodeSender(stage.email)),
        ),
        policy=FixedPolicy(attrs.evolve(TERMS, requirement=sms_code & email_code)),
        observers=(told,),
    )

    async def scenario() -> str:
        person = stage.principal
        await service.open(person)
        for one in stage.terms.statements:
            await service.attest(person, one.code, "waived", wording=one.wording, locale="zh-CN")
        await service.give_reason(person, "rather_not_say")
        for factor in ("sms_code", "email_code"):
            assert (await service.challenge(person, factor)).delivered is True
            assert (await service.answer(person, factor, stage.code(factor))).accepted
        confirmation = await service.confirm(person, (await service.notice(person, "zh")).nonce)
        await service.work()
        return (await service.status(confirmation.reference)).step

    assert asyncio.run(scenario()) == "closed"
    assert stage.accounts.get(AccountId("li")) is None
    assert tuple(type(one).__name__ for one in told.events) == stage.kinds()


def test_plain_and_asynchronous_adapters_mix(stage: Stage) -> None:
    """Each port may be of either kind, whatever its neighbour is."""
    service = built(
        AsyncClosureService,
        stage,
        portal=portal_of(
            stage,
            preconditions=(AsyncPrecondition(stage.orders_check), stage.money_check),
            data_sets=(stage.orders, AsyncDataSet(stage.messages)),
        ),
    )
    _, report, _ = asyncio.run(closed(service, stage))
    assert (report.failed, report.set_aside, stage.messages.items(AccountId("li"))) == (0, 0, ())


def test_a_plain_adapter_runs_in_a_thread_unless_it_never_blocks(stage: Stage) -> None:
    """A blocking adapter must not hold up the loop; one that says it never blocks is spared the thread."""
    blocking = ThreadPrecondition("no_open_order", never_blocks=False)
    quick = ThreadPrecondition("no_money_owed", never_blocks=True)
    service = built(AsyncClosureService, stage, portal=portal_of(stage, preconditions=(blocking, quick)))

    async def opened() -> int:
        await service.open(stage.principal)
        return get_ident()

    loop = asyncio.run(opened())
    assert quick.threads == {loop}
    assert blocking.threads
    assert loop not in blocking.threads


def _replaced(part: str) -> Callable[[Stage], dict[str, object]]:
    """The parts of a service with one adapter that is asynchronous."""
    makers: dict[str, Callable[[Stage], dict[str, object]]] = {
        "AsyncDirectory": lambda s: {"portal": portal_of(s, accounts=AsyncDirectory(s.accounts))},
        "AsyncPrecondition": lambda s: {
            "portal": portal_of(s, preconditions=(AsyncPrecondition(s.orders_check), s.money_check))
        },
        "AsyncDataSet": lambda s: {"portal": portal_of(s, data_sets=(s.orders, AsyncDataSet(s.messages)))},
        "AsyncTask": lambda s: {"portal": portal_of(s, tasks=(AsyncTask(s.downstream),))},
        "AsyncMessages": lambda s: {"portal": portal_of(s, messages=AsyncMessages(s.letters))},
        "AsyncJournal": lambda s: {"store": Parts.of(s, journal=AsyncJournal(s))},
        "AsyncObserver": lambda _: {"observers": (AsyncObserver(),)},
    }
    return makers[part]


@pytest.mark.parametrize(
    "part",
    [
        "AsyncDirectory",
        "AsyncPrecondition",
        "AsyncDataSet",
        "AsyncTask",
        "AsyncMessages",
        "AsyncJournal",
        "AsyncObserver",
    ],
)
def test_the_synchronous_face_refuses_an_asynchronous_adapter_when_it_is_built(stage: Stage, part: str) -> None:
    """Not at the first customer: the error names the adapter, and what to use instead."""
    with pytest.raises(WiringError, match=rf"{part} is asynchronous; use AsyncClosureService"):
        built(ClosureService, stage, **_replaced(part)(stage))


class DeferredPrecondition:
    """A plain ``def`` that gives something to await: nothing but a call can tell."""

    name = "no_open_order"

    def check(self, account: Account) -> Awaitable[Finding]:
        """A coroutine."""

        async def later() -> Finding:
            return Clean()

        return later()


def test_the_synchronous_face_refuses_at_the_first_call_what_only_a_call_can_tell(stage: Stage) -> None:
    """A plain method that gives an awaitable is named at once, and nothing has happened."""
    portal = portal_of(stage, preconditions=(DeferredPrecondition(), stage.money_check))
    service = built(ClosureService, stage, portal=portal)
    with pytest.raises(WiringError, match=r"DeferredPrecondition\.check is asynchronous; use AsyncClosureService"):
        service.open(stage.principal)
    assert stage.events() == ()


def test_the_asynchronous_face_awaits_what_a_plain_method_gives(stage: Stage) -> None:
    """The same adapter is right for the other face."""
    portal = portal_of(stage, preconditions=(DeferredPrecondition(), stage.money_check))
    service = built(AsyncClosureService, stage, portal=portal)
    assert asyncio.run(service.open(stage.principal)).blockers == ()
    assert stage.kinds() == ("RoundOpened", "ChecksMade")


def test_the_synchronous_face_refuses_an_asynchronous_sender_when_it_is_built(stage: Stage) -> None:
    """A sender stands behind its verifier, and is found there before anybody asks for a code."""
    with pytest.raises(WiringError, match=r"CodeVerifier is asynchronous; use AsyncClosureService"):
        built(
            ClosureService,
            stage,
            verifiers=(sms_code_verifier(AsyncCodeSender(stage.sms)), email_code_verifier(stage.email)),
            policy=FixedPolicy(attrs.evolve(TERMS, requirement=sms_code & email_code)),
        )


def test_ten_accounts_close_side_by_side_on_one_loop(stage: Stage) -> None:
    """Closings of different accounts do not meet, however their awaits interleave."""
    people = []
    for number in range(10):
        contacts = (
            ContactPoint(channel="sms", address=f"+86139000010{number:02d}", version="s1"),
            ContactPoint(channel="email", address=f"person{number}@example.com", version="e1"),
        )
        stage.accounts.add(Account(id=AccountId(f"person-{number}"), contacts=contacts, login_name=f"person{number}"))
        stage.messages.add(AccountId(f"person-{number}"), "a message")
        people.append(stage.logged_in(f"person-{number}"))
    service = built(
        AsyncClosureService,
        stage,
        portal=portal_of(
            stage,
            accounts=AsyncDirectory(stage.accounts),
            data_sets=(AsyncDataSet(stage.orders), AsyncDataSet(stage.messages)),
        ),
    )

    async def scenario() -> tuple[list[str], list[WorkReport]]:
        confirmations = await asyncio.gather(*(confirmed(service, stage, one) for one in people))
        reports = await asyncio.gather(*(service.work() for _ in range(3)))
        statuses = await asyncio.gather(*(service.status(one.reference) for one in confirmations))
        return [one.step for one in statuses], list(reports)

    steps, reports = asyncio.run(scenario())
    assert steps == ["closed"] * 10
    assert sum(one.streams for one in reports) == 10
    assert sum(one.failed + one.leases_lost + one.unworkable for one in reports) == 0
    assert [stage.accounts.get(AccountId(f"person-{number}")) for number in range(10)] == [None] * 10
    assert {stage.count(ClosureClosed, account=f"person-{number}") for number in range(10)} == {1}


def test_the_asynchronous_operator_sees_what_is_due(stage: Stage) -> None:
    """Operators of asynchronous code have the same object."""
    service = built(AsyncClosureService, stage)

    async def scenario() -> tuple[list[str], str]:
        await confirmed(service, stage)
        operator = AsyncClosureOperator(service)
        due = await operator.due()
        return [one.stream for one in due], (await operator.look(due[0].stream)).stage

    assert asyncio.run(scenario()) == ([stage.stream()], "closing")
