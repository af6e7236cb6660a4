"""What the guard says of an account: nothing late brings back one that is closed (L9, L10, L15)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs
import pytest

from hht_closure.account import Account, AccountId, Standing
from hht_closure.adapters.memory import MemoryDirectory
from hht_closure.errors import (
    ClosureError,
    InvalidValueError,
    JournalBrokenError,
    PortError,
    StoreUnavailableError,
    WiringError,
)
from hht_closure.ports import Failed, Record
from hht_closure.service import AsyncClosureGuard, AsyncClosureService, ClosureGuard, ClosureService
from tests.service.doubles import AsyncDirectory, Parts, built, loose, portal_of
from tests.stage import LI, NOW, TERMS, WANG, MakeStage, Stage, on_every_store

NOBODY = AccountId("nobody")


def standing(stage: Stage, account: AccountId = LI.id) -> Standing:
    """What the guard of the stage's portal says now."""
    return ClosureGuard(stage.service).standing(account)


def restored(stage: Stage, *accounts: Account) -> ClosureGuard:
    """The guard over a directory that came back from a backup with these accounts in it."""
    return ClosureGuard(built(ClosureService, stage, portal=portal_of(stage, accounts=MemoryDirectory(*accounts))))


def begun(stage: Stage) -> None:
    """Past the point of no return, and held up there by a system that is down."""
    stage.downstream.outcome = Failed("permanent", "no_such_system")
    stage.closed()


# --- what it says -------------------------------------------------------------------------------------------


def test_an_account_that_nobody_closes_stands_as_the_directory_says(stage: Stage) -> None:
    """Open and suspended are the portal's to say."""
    stage.accounts.change_standing(WANG.id, "suspended")
    assert (standing(stage), standing(stage, WANG.id)) == ("open", "suspended")


def test_an_account_that_never_was_is_retired(stage: Stage) -> None:
    """Nothing may be booked for it."""
    assert standing(stage, NOBODY) == "retired"


def test_an_account_is_open_until_it_is_frozen(stage: Stage) -> None:
    """A round under way changes nothing for other services."""
    stage.noticed()
    assert standing(stage) == "open"


@on_every_store
def test_a_confirmed_account_is_frozen(stage: Stage) -> None:
    """From the freeze on, which comes in the same call (L13)."""
    stage.confirmed()
    assert standing(stage) == "frozen"


def test_an_account_in_its_cooling_off_is_open(make_stage: MakeStage) -> None:
    """Until that time is over the account works."""
    stage = make_stage(attrs.evolve(TERMS, cooling_off=TERMS.round_valid_for))
    stage.confirmed()
    assert standing(stage) == "open"


def test_a_withdrawn_account_is_open_again(stage: Stage) -> None:
    """Withdrawn before the point of no return, and unfrozen (L14)."""
    stage.confirmed()
    stage.service.withdraw(stage.principal)
    stage.service.work()
    assert standing(stage) == "open"


@on_every_store
def test_a_closed_account_is_retired(stage: Stage) -> None:
    """Also in a new process, and also when its time is long over."""
    stage.closed()
    first = standing(stage)
    stage.restarted()
    stage.clock.advance(TERMS.round_valid_for)
    assert (first, standing(stage)) == ("retired", "retired")


@on_every_store
def test_an_account_whose_row_a_backup_has_brought_back_is_retired(stage: Stage) -> None:
    """The journal knows what was closed; a row in the directory brings nothing back."""
    stage.closed()
    guard = restored(stage, LI, WANG)
    assert (guard.standing(LI.id), guard.standing(WANG.id)) == ("retired", "open")


@pytest.mark.parametrize("earlier", ["open", "suspended"])
def test_past_the_point_of_no_return_an_account_is_frozen_at_least(stage: Stage, earlier: Standing) -> None:
    """Whatever a restored directory says: half of the data may be gone already (L15)."""
    begun(stage)
    stage.accounts.change_standing(LI.id, earlier)
    stage.accounts.unfreeze(LI.id, 99)
    assert (stage.accounts.get(LI.id), standing(stage)) == (attrs.evolve(LI, standing=earlier), "frozen")


def test_an_account_whose_row_is_gone_before_the_closing_ends_is_retired(stage: Stage) -> None:
    """Retired by the directory and not yet closed in the journal: it is not coming back from there."""
    begun(stage)
    stage.accounts.retire(LI.id)
    assert standing(stage) == "retired"


def test_the_same_id_at_another_portal_is_another_account(stage: Stage) -> None:
    """Two portals may share a store; the portal's name is in the stream's (L1)."""
    stage.closed()
    elsewhere = portal_of(stage, name="Elsewhere", accounts=MemoryDirectory(LI))
    assert ClosureGuard(built(ClosureService, stage, portal=elsewhere)).standing(LI.id) == "open"


def test_a_closing_that_happens_while_it_asks_is_not_missed(stage: Stage) -> None:
    """The journal is asked last: what the directory has just said may be over already."""
    nonce = stage.noticed().nonce
    watch, guard = stage.watched(), ClosureGuard(stage.service)

    def close(number: int, name: str) -> None:
        if number == 1:
            stage.service.confirm(stage.principal, nonce)
            stage.service.work()

    watch.after = close
    assert (guard.standing(LI.id), watch.calls[0]) == ("retired", "accounts.get")


# --- what it does not do ------------------------------------------------------------------------------------


WALKS: dict[str, Callable[[Stage], object]] = {
    "unknown": lambda stage: stage.accounts.retire(LI.id),
    "untouched": lambda stage: None,
    "verified": Stage.verified,
    "frozen": Stage.confirmed,
    "begun": begun,
    "closed": Stage.closed,
}


@pytest.mark.parametrize("walk", WALKS)
def test_every_answer_costs_one_reading_of_the_directory_and_one_of_the_journal(stage: Stage, walk: str) -> None:
    """An account that is closed costs what one costs that never was (L9)."""
    WALKS[walk](stage)
    watch = stage.watched()
    standing(stage)
    assert watch.calls == ["accounts.get", "journal.read"]


@pytest.mark.parametrize("walk", WALKS)
def test_asking_changes_nothing(stage: Stage, walk: str) -> None:
    """Journal, keys, ledger, accounts and data: the same after as before (L10)."""
    WALKS[walk](stage)
    before = stage.everything()
    for _ in range(20):
        standing(stage)
    assert stage.everything() == before


def test_the_guard_has_one_call() -> None:
    """Who only asks cannot do anything else with it."""
    for guard in (ClosureGuard, AsyncClosureGuard):
        assert {one for one in dir(guard) if not one.startswith("_")} == {"standing"}


# --- when nobody knows --------------------------------------------------------------------------------------


class FailingDirectory(MemoryDirectory):
    """Raises what it was given, whoever is asked for."""

    def __init__(self, error: Exception) -> None:
        super().__init__(LI, WANG)
        self._error = error

    def get(self, account: AccountId) -> Account | None:
        """It cannot."""
        raise self._error


class OddDirectory(MemoryDirectory):
    """Gives the same for everybody."""

    def __init__(self, given: object) -> None:
        super().__init__()
        self._given = given

    def get(self, account: AccountId) -> Account | None:
        """What it was given."""
        given: Callable[[], Account | None] = loose(lambda: self._given)  # type: ignore[assignment]  # it is nonsense
        return given()


@pytest.mark.parametrize("who", [LI.id, WANG.id, NOBODY])
@pytest.mark.parametrize(
    ("error", "raised"),
    [(RuntimeError("li.weiguo"), PortError), (StoreUnavailableError("portal_database", "busy"), StoreUnavailableError)],
)
def test_a_directory_that_fails_is_never_open(
    stage: Stage, who: AccountId, error: Exception, raised: type[ClosureError]
) -> None:
    """Nobody knows, and that is said of a closed account as of any other (L9); nothing of the error's text (L22)."""
    stage.closed()
    guard = ClosureGuard(built(ClosureService, stage, portal=portal_of(stage, accounts=FailingDirectory(error))))
    with pytest.raises(raised) as failed:
        guard.standing(who)
    assert "weiguo" not in str(failed.value)


@pytest.mark.parametrize("given", [WANG, "open", {"standing": "open"}, True])
def test_a_directory_that_gives_nonsense_is_never_open(stage: Stage, given: object) -> None:
    """Somebody else's account, or no account at all, is a failure of the directory (L1)."""
    guard = ClosureGuard(built(ClosureService, stage, portal=portal_of(stage, accounts=OddDirectory(given))))
    with pytest.raises(PortError):
        guard.standing(LI.id)


class OtherJournal:
    """The stage's journal, but for what is read in it."""

    def __init__(self, stage: Stage, read: Callable[[tuple[Record, ...]], tuple[Record, ...]]) -> None:
        entire = stage.store.journal
        self.append, self.claim, self.renew = entire.append, entire.claim, entire.renew
        self.release, self.due = entire.release, entire.due
        self._entire, self._read = entire, read

    def read(self, stream: str, *, whole: bool = False) -> tuple[Record, ...]:
        """Something else than what stands there."""
        return self._read(self._entire.read(stream, whole=whole))


def read_otherwise(stage: Stage, read: Callable[[tuple[Record, ...]], tuple[Record, ...]]) -> ClosureGuard:
    """The guard of a portal whose journal is read like that."""
    return ClosureGuard(built(ClosureService, stage, store=Parts.of(stage, journal=OtherJournal(stage, read))))


def test_a_journal_that_cannot_be_read_is_never_open(stage: Stage) -> None:
    """The directory alone does not know what was closed."""

    def away(_: tuple[Record, ...]) -> tuple[Record, ...]:
        raise StoreUnavailableError("journal", "unreachable")

    with pytest.raises(StoreUnavailableError):
        read_otherwise(stage, away).standing(LI.id)


def test_a_journal_that_was_edited_is_not_believed(stage: Stage) -> None:
    """Whoever cuts something out of the stream opens no account (L24)."""
    stage.closed()
    with pytest.raises(JournalBrokenError):
        read_otherwise(stage, lambda records: (*records[:3], *records[4:])).standing(LI.id)


@pytest.mark.parametrize("account", [None, 7, b"li", "", "x" * 201, "li\x00", "l\ud800i", "e\u0301", ["li"], LI, NOW])
def test_what_can_be_no_id_is_told_so_and_nobody_is_asked(stage: Stage, account: object) -> None:
    """A webhook may bring anything (L30)."""
    watch, guard = stage.watched(), ClosureGuard(stage.service)
    with pytest.raises(InvalidValueError):
        loose(guard.standing)(account)
    assert watch.calls == []


# --- the asynchronous face ----------------------------------------------------------------------------------


def test_the_asynchronous_guard_says_the_same(stage: Stage) -> None:
    """Over a directory that is asynchronous itself, before and after the closing."""
    portal = portal_of(stage, accounts=AsyncDirectory(stage.accounts))
    guard = AsyncClosureGuard(built(AsyncClosureService, stage, portal=portal))

    async def asked() -> tuple[Standing, ...]:
        return tuple([await guard.standing(one) for one in (LI.id, WANG.id, NOBODY)])

    before = asyncio.run(asked())
    stage.closed()
    assert (before, asyncio.run(asked())) == (("open", "open", "retired"), ("retired", "open", "retired"))


def test_each_guard_wants_its_own_service(stage: Stage) -> None:
    """A guard of the wrong face is found out when it is built."""
    with pytest.raises(WiringError, match="AsyncClosureGuard takes the other"):
        loose(ClosureGuard)(built(AsyncClosureService, stage))
    with pytest.raises(WiringError, match="ClosureGuard takes the other"):
        loose(AsyncClosureGuard)(stage.service)
