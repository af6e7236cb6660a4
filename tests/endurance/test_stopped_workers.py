"""Workers that stand still beyond their lease, are taken over, and go on as if nothing had happened (LEAS-01)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from hht_closure.account import AccountId
from hht_closure.errors import StaleTokenError
from hht_closure.flows.answers import Confirmation
from hht_closure.flows.calls import driven
from hht_closure.portal import PortalCustomer
from hht_closure.worker.worker import LEASE_FOR
from tests.endurance.findings import rows_of, wrong
from tests.endurance.fleet import WorkerProcess
from tests.endurance.ground import Ground, Host
from tests.endurance.preparing import crowd
from tests.postgres import dumped

LOST: Final = ["streams=1 leases_lost=1"]
"""What a worker says of a pass in which it learns that somebody else has the lease."""

_COOLING_OFF: Final = 3


class Case:
    """A person on a ground whose clock stands still, with the process of the test as portal and as second worker."""

    def __init__(self, ground: Ground, host: Host) -> None:
        self.ground, self.host = ground, host
        self.person: AccountId = ground.people[0]

    def confirmed(self) -> Confirmation:
        """The person has confirmed, and a worker is to freeze the account: in the call itself nobody could.

        Where there is a cooling-off, it is over.
        """
        journal, nonce = self.host.service.core.wiring.journal, self.host.noticed(self.person)
        [lease] = driven(journal.claim(limit=1, lease_for=LEASE_FOR, prefix="", stream=self.host.stream(self.person)))
        confirmation = self.host.service.confirm(self.host.principal(self.person), nonce)
        driven(journal.release(lease))
        self.host.clock.advance(timedelta(days=_COOLING_OFF))
        return confirmation

    def stopped(self, where: str) -> WorkerProcess:
        """A worker that stands still there, in its first pass."""
        worker = WorkerProcess(self.ground, where, "--stop", where, "--passes", "1")
        worker.wait_until_stopped()
        return worker

    def lease_ends(self) -> None:
        """So much time passes that nobody holds a lease any more who has not renewed it."""
        assert self.host.service.work().streams == 0, "as long as it lasts, nobody else works on it"
        self.host.clock.advance(LEASE_FOR)

    def worked_off(self) -> None:
        """The second worker does everything that is due."""
        while self.host.service.work().streams:
            pass

    def standing(self) -> str:
        """How the account stands."""
        found = self.host.directory.get(self.person)
        return "unknown" if found is None else found.standing

    def everything(self) -> object:
        """Everything that is kept, in the portal and in the store, and the id of everything that went out."""
        url, folder = self.ground.url, self.ground.folder
        files = [folder / "portal.db", *(folder / "closures").glob("*.db")]
        sent = {(one.kind, one.id) for one in self.ground.outbox.sent()}
        return sent, [_dump(file) for file in sorted(files)], None if url is None else dumped(url)


def _dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


MakeCase = Callable[[int], Case]


@pytest.fixture
def make_case(tmp_path: Path, store_url: str | None) -> Iterator[MakeCase]:
    """Cases with so many days of cooling-off."""
    hosts: list[Host] = []

    def make(cooling_off: int) -> Case:
        ground = crowd(tmp_path, people=1, messages_each=1_200, url=store_url, speed=0, cooling_off=cooling_off)
        hosts.append(ground.host())
        return Case(ground, hosts[-1])

    yield make
    for host in hosts:
        host.close()


@pytest.mark.parametrize("where", ["erase_before", "erase_after"])
def test_who_wakes_up_in_an_eraser_changes_nothing(make_case: MakeCase, where: str) -> None:
    """Another has closed the account meanwhile; what the late eraser touches is gone, and its append is refused.

    (LEAS-01, L15, L18)
    """
    case = make_case(0)
    confirmation = case.confirmed()
    with case.stopped(where) as late:
        case.lease_ends()
        case.worked_off()
        assert case.host.service.status(confirmation.reference).step == "closed"
        before = case.everything()
        assert late.go_on() == LOST
    assert case.everything() == before
    assert list(wrong(case.host, {case.person: confirmation})) == []


def test_who_was_taken_over_appends_nothing_even_where_the_other_has_not_yet(make_case: MakeCase) -> None:
    """Both stand still within the same batch: by the stream's length the first could append; its fence forbids it.

    The one who took over goes on, and finds some of its work done (LEAS-01, L18).
    """
    case = make_case(0)
    confirmation = case.confirmed()
    with case.stopped("erase_before") as first:
        case.lease_ends()
        with case.stopped("erase_before") as second:
            records = case.host.records(case.person)
            assert first.go_on() == LOST
            assert case.host.records(case.person) == records
            assert rows_of(case.ground, case.person)["messages"] > 0
            [report] = second.go_on()
            assert "leases_lost" not in report
    case.worked_off()
    assert list(wrong(case.host, {case.person: confirmation})) == []


@pytest.mark.parametrize(
    ("where", "cooling_off"),
    [("freeze_before", 0), ("freeze_before", _COOLING_OFF), ("freeze_after", _COOLING_OFF)],
)
def test_a_freeze_that_comes_after_the_withdrawal_leaves_the_account_open(
    make_case: MakeCase, where: str, cooling_off: int
) -> None:
    """The person has withdrawn, another worker has given the account back: the late freeze is refused.

    (LEAS-01, L14, L18)
    """
    case = make_case(cooling_off)
    case.confirmed()
    with case.stopped(where) as late:
        case.lease_ends()
        case.host.service.withdraw(case.host.principal(case.person))
        case.worked_off()
        assert case.standing() == "open"
        before = case.everything()
        assert late.go_on() == LOST
    assert case.everything() == before
    assert case.standing() == "open"
    assert case.host.operator.look(case.host.stream(case.person)).pending == ()


def test_a_freeze_that_comes_before_the_unfreezing_does_not_last(make_case: MakeCase) -> None:
    """Withdrawn while the worker stood still, and its lease still runs: it freezes, and learns that it came too late.

    What ends the freeze has a higher fence, and nobody can freeze behind it (LEAS-01, L14, L18).
    """
    case = make_case(_COOLING_OFF)
    case.confirmed()
    with case.stopped("freeze_before") as late:
        case.host.service.withdraw(case.host.principal(case.person))
        [said] = late.go_on()
        assert "leases_lost=1" in said
    case.worked_off()
    assert case.standing() == "open"
    with pytest.raises(StaleTokenError):
        case.host.directory.freeze(case.person, 1)


def test_a_freeze_that_comes_after_the_account_was_given_back_leaves_it_open(make_case: MakeCase) -> None:
    """An order came in while the worker stood still; another has frozen, found it, and given the account back.

    (LEAS-01, L14, L18, RACE-03)
    """
    case = make_case(0)
    case.confirmed()
    with case.stopped("freeze_before") as late:
        PortalCustomer(case.host.database, clock=case.host.clock).place_order(
            case.person, product="a telephone", amount_fen=99_900
        )
        case.lease_ends()
        case.worked_off()
        assert case.standing() == "open"
        before = case.everything()
        assert late.go_on() == LOST
    assert case.everything() == before
    assert case.host.operator.look(case.host.stream(case.person)).stage == "open"
