"""What comes late brings no closed account back: webhooks, imports, password resets, sign-ons (RACE-07, TOMB-02)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from shutil import copyfile

import pytest

from hht_closure.account import AccountId, Standing
from hht_closure.adapters.memory import MemoryStore
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.errors import PortError, StoreUnavailableError
from hht_closure.portal import PortalDirectory, PortalInbox, PortalJoining, PortalResets, open_portal
from hht_closure.portal.pieces import TOMBSTONE_FOR, sample_portal
from hht_closure.portal.resets import RESET_VALID_FOR
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.values import Secret
from tests.attacks.sample import SampleClosings, settle
from tests.portal.stage import CountingHasher, Stage, make_stage

NEW_PASSWORD = Secret("another password")
OF_THE_PERSON = "SELECT count(*) FROM {} WHERE user_id = ?"


class Letters:
    """The mail of the resets: what went where; each letter is also somebody's moment."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Secret[str]]] = []
        self.moment: Callable[[], object] = lambda: None

    def send(self, address: str, token: Secret[str]) -> None:
        """Keep it."""
        self.moment()
        self.sent.append((address, token))


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Stage]:
    """A small portal whose person has nothing in the way."""
    made = make_stage(tmp_path)
    settle(made, made.person.account)
    yield made
    made.sample.database.close()


@pytest.fixture
def closings(portal: Stage) -> SampleClosings:
    """The library over it."""
    return SampleClosings(portal, MemoryStore(portal.clock))


def inbox_of(closings: SampleClosings) -> PortalInbox:
    """What other services bring."""
    portal = closings.portal
    return PortalInbox(portal.sample.database, standing=closings.guard.standing, clock=portal.clock)


def joining_of(closings: SampleClosings) -> PortalJoining:
    """How one gets an account."""
    return PortalJoining(closings.portal.sample.database, reserved=closings.service.reserved)


def resets_of(portal: Stage, letters: Letters, database: SqliteDatabase | None = None) -> PortalResets:
    """How one gets a new password."""
    return PortalResets(
        database or portal.sample.database,
        hasher=portal.hasher,
        clock=portal.clock,
        entropy=UnsafeSeededEntropy(5),
        mail=letters,
    )


def restored(portal: Stage, backup: Path) -> None:
    """The portal's file as it was when the backup was made."""
    portal.sample.database.forget()
    with SqliteDatabase(backup) as old, old.reading() as source, portal.sample.database.transaction() as connection:
        columns = "login_name, password_hash, phone, email, locale, standing, standing_before_freeze, freeze_token, id"
        row = source.execute(f"SELECT {columns} FROM users WHERE id = ?", (portal.person.account,)).fetchone()  # noqa: S608
        connection.execute(f"UPDATE users SET ({columns}) = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?", (*row, row[-1]))  # noqa: S608


def backed_up(portal: Stage) -> Path:
    """A copy of the portal's file as it stands now."""
    portal.sample.database.forget()
    backup = portal.path.with_name("backup.db")
    copyfile(portal.path, backup)
    return backup


def unpaid(portal: Stage, account: AccountId) -> int:
    """An invoice of theirs that is open; it is in the way of a closing."""
    portal.write(
        "INSERT INTO invoices (user_id, amount_fen, status, issued_at, due_at)"
        " VALUES (?, 100, 'open', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z')",
        account,
    )
    number = portal.one("SELECT max(id) FROM invoices WHERE user_id = ?", account)
    assert isinstance(number, int)
    return number


def paid(portal: Stage, invoice: int) -> bool:
    """Whether that invoice is paid."""
    return portal.one("SELECT status FROM invoices WHERE id = ?", invoice) == "paid"


# --- a payment's webhook --------------------------------------------------------------------------------------


def test_a_payment_for_an_open_account_is_booked(closings: SampleClosings) -> None:
    """The legitimate variant."""
    portal = closings.portal
    invoice = unpaid(portal, portal.person.account)
    told = inbox_of(closings).payment_received(portal.person.account, invoice)
    assert (told, paid(portal, invoice)) == ("taken", True)


def test_a_payment_for_a_frozen_account_waits_and_is_not_lost(closings: SampleClosings) -> None:
    """The invoice gives the account back, and when the provider sends the payment again it is booked (L14)."""
    portal, account = closings.portal, closings.portal.person.account
    closings.confirmed(account)
    invoice, inbox = unpaid(portal, account), inbox_of(closings)
    first = (inbox.payment_received(account, invoice), paid(portal, invoice))
    closings.service.work()
    assert (first, inbox.payment_received(account, invoice), paid(portal, invoice)) == (("later", False), "taken", True)


@pytest.mark.parametrize("bring_back", [False, True], ids=["as_erased", "restored_from_a_backup"])
def test_a_payment_for_a_closed_account_books_nothing(closings: SampleClosings, *, bring_back: bool) -> None:
    """Also where a restored backup says that the account is open: the journal knows better."""
    portal, account = closings.portal, closings.portal.person.account
    backup = backed_up(portal)
    closings.closed(account)
    if bring_back:
        restored(portal, backup)
    invoice = unpaid(portal, account)
    told = inbox_of(closings).payment_received(account, invoice)
    assert (told, paid(portal, invoice)) == ("gone", False)


def test_without_the_guard_a_restored_row_takes_the_payment(closings: SampleClosings) -> None:
    """The twin: the row alone says ``open``, and so brings the account back."""
    portal, account = closings.portal, closings.portal.person.account
    backup = backed_up(portal)
    closings.closed(account)
    restored(portal, backup)

    def by_the_row(asked: AccountId) -> Standing:
        found = portal.pieces.directory.get(asked)
        return "retired" if found is None else found.standing

    invoice = unpaid(portal, account)
    unguarded = PortalInbox(portal.sample.database, standing=by_the_row, clock=portal.clock)
    assert (unguarded.payment_received(account, invoice), paid(portal, invoice)) == ("taken", True)


def test_a_payment_for_nobody_is_answered_like_one_for_a_closed_account(closings: SampleClosings) -> None:
    """Whoever sends webhooks learns of nobody whether there was such an account (L9)."""
    closings.closed(closings.portal.person.account)
    told = [inbox_of(closings).payment_received(one, 1) for one in (closings.portal.person.account, AccountId("u99"))]
    assert told == ["gone", "gone"]


def test_a_freeze_between_the_question_and_the_booking_is_seen(closings: SampleClosings) -> None:
    """The guard answers for its own moment; the transaction's guard answers for the booking's (L13)."""
    portal, account = closings.portal, closings.portal.person.account
    invoice = unpaid(portal, account)

    def then_frozen(asked: AccountId) -> Standing:
        standing = closings.guard.standing(asked)
        portal.pieces.directory.freeze(asked, 1)
        return standing

    inbox = PortalInbox(portal.sample.database, standing=then_frozen, clock=portal.clock)
    assert (inbox.payment_received(account, invoice), paid(portal, invoice)) == ("later", False)


def test_a_payment_is_not_booked_while_nobody_knows(closings: SampleClosings) -> None:
    """A directory that cannot be asked is an error that the provider meets, and never a yes."""
    portal = closings.portal
    portal.write("ALTER TABLE users RENAME TO elsewhere")
    with pytest.raises(StoreUnavailableError):
        inbox_of(closings).payment_received(portal.person.account, 1)


# --- an import that runs late ----------------------------------------------------------------------------------

CONTACTS = [("王无此人", "+8619900008888"), ("张无此人", "+8619900007777")]


def test_an_import_for_an_open_account_is_taken(closings: SampleClosings) -> None:
    """The legitimate variant: all of it."""
    portal, account = closings.portal, closings.portal.person.account
    before = portal.one(OF_THE_PERSON.format("contacts"), account)
    assert isinstance(before, int)
    assert inbox_of(closings).contacts_imported(account, CONTACTS) == "taken"
    assert portal.one(OF_THE_PERSON.format("contacts"), account) == before + 2


@pytest.mark.parametrize("when", ["confirmed", "closed"])
def test_a_late_import_leaves_nothing(closings: SampleClosings, when: str) -> None:
    """Begun while the account was open, it ends while it is frozen, or a year after it was closed."""
    portal, account = closings.portal, closings.portal.person.account
    {"confirmed": closings.confirmed, "closed": closings.closed}[when](account)
    before = portal.one(OF_THE_PERSON.format("contacts"), account)
    told = inbox_of(closings).contacts_imported(account, CONTACTS)
    assert (told, portal.one(OF_THE_PERSON.format("contacts"), account)) == (
        {"confirmed": "later", "closed": "gone"}[when],
        before,
    )


def test_an_import_that_breaks_off_leaves_nothing(closings: SampleClosings) -> None:
    """All of it or none: half an import is nobody's to clean up later."""
    portal, account = closings.portal, closings.portal.person.account
    before = portal.one(OF_THE_PERSON.format("contacts"), account)
    broken: list[tuple[str, str]] = [*CONTACTS, ("no number", None)]  # type: ignore[list-item]  # a broken file
    with pytest.raises(PortError):
        inbox_of(closings).contacts_imported(account, broken)
    assert portal.one(OF_THE_PERSON.format("contacts"), account) == before


# --- an invitation or a sign-on that brings the name ------------------------------------------------------------


def test_a_new_name_gets_an_account_with_an_id_that_nobody_had(closings: SampleClosings) -> None:
    """The legitimate variant."""
    joined = joining_of(closings).join("New.Person", email="new@example.com", locale="en")
    assert (joined, closings.guard.standing(AccountId(str(joined)))) == ("u0000007", "open")


def test_a_closed_accounts_name_is_not_given_away(closings: SampleClosings) -> None:
    """However it is spelled, by whatever way it comes: form, invitation, another's sign-on (L27, TOMB-02)."""
    portal = closings.portal
    name = portal.person.login_name
    closings.closed(portal.person.account)
    spelled = (name, f" {name.upper()} ", "".join(chr(ord(letter) + 0xFEE0) for letter in name))
    told = [joining_of(closings).join(one, email="x@example.com", locale="en") for one in spelled]
    assert told == [None, None, None]


def test_a_name_that_is_taken_and_one_that_is_reserved_are_answered_alike(closings: SampleClosings) -> None:
    """Nobody learns from the form who has closed an account (L9)."""
    portal = closings.portal
    closings.closed(portal.person.account)
    names = (portal.sample.person("en").login_name, portal.person.login_name)
    told = [joining_of(closings).join(one, email="x@example.com", locale="en") for one in names]
    assert (told, portal.one("SELECT count(*) FROM users")) == ([None, None], 6)


def test_when_the_name_is_free_again_whoever_takes_it_inherits_nothing(closings: SampleClosings) -> None:
    """A fresh account with an id of its own, and not one row of the closed one's (TOMB-02)."""
    portal, account = closings.portal, closings.portal.person.account
    closings.closed(account)
    portal.clock.advance(TOMBSTONE_FOR)
    joined = joining_of(closings).join(portal.person.login_name, email="x@example.com", locale="en")
    assert joined is not None
    held = [portal.one(OF_THE_PERSON.format(table), joined) for table in ("messages", "contacts", "orders", "sessions")]
    assert (joined != account, held, closings.guard.standing(account)) == (True, [0, 0, 0, 0], "retired")


@pytest.fixture
def impatient(portal: Stage) -> Iterator[SampleClosings]:
    """The library on a connection of its own, which waits for nobody."""
    with SqliteDatabase(portal.path, busy_for=0) as database:
        yield SampleClosings(portal, MemoryStore(portal.clock), pieces=sample_portal(database, clock=portal.clock))


def worked_off(closings: SampleClosings) -> None:
    """Everything done that is due within a day, also what is tried again later."""
    for _ in range(24):
        closings.portal.clock.advance(timedelta(hours=1))
        closings.service.work()


def test_a_name_cannot_be_taken_in_the_middle_of_its_closing(portal: Stage, impatient: SampleClosings) -> None:
    """At whatever statement of the closing somebody joins under the name, nobody gets it (L27)."""
    account, name = portal.person.account, portal.person.login_name
    told: list[AccountId | None] = []
    with SqliteDatabase(portal.path, busy_for=0) as rival:

        def join(_: str) -> None:
            with suppress(StoreUnavailableError):
                joining = PortalJoining(rival, reserved=impatient.service.reserved)
                told.append(joining.join(name, email="x@example.com", locale="en"))

        ready = impatient.ready(account)
        traced(impatient.pieces.directory._database, join)
        impatient.service.confirm(*ready)
        worked_off(impatient)
        traced(impatient.pieces.directory._database, None)
    assert (set(told), impatient.guard.standing(account), len(told) > 20) == ({None}, "retired", True)


def test_a_closing_cannot_free_the_name_while_the_tombstones_are_asked(
    portal: Stage, impatient: SampleClosings
) -> None:
    """The other way round: the closing goes on between a joining's steps, and the name is not given away (L27).

    It would be, if the tombstones were asked first and the name taken then.
    """
    account, name = portal.person.account, portal.person.login_name
    ready = impatient.ready(account)

    def reserved(asked: str) -> bool:
        said = impatient.service.reserved(asked)
        impatient.service.confirm(*ready)
        impatient.service.work()
        return said

    joined = PortalJoining(portal.sample.database, reserved=reserved).join(name, email="x@example.com", locale="en")
    assert (joined, portal.rows("SELECT id FROM users WHERE login_name = ?", name)) == (None, [(account,)])
    worked_off(impatient)
    assert (impatient.guard.standing(account), impatient.service.reserved(name)) == ("retired", True)


# --- a password reset (RACE-07) ---------------------------------------------------------------------------------


def asked(portal: Stage, *, letters: Letters | None = None) -> Secret[str]:
    """The token that the person got by mail."""
    mail = letters or Letters()
    resets_of(portal, mail).ask(portal.person.login_name)
    return mail.sent[-1][1]


def test_a_forgotten_password_is_replaced_once(portal: Stage) -> None:
    """The legitimate variant: the new one works, the old one and every session are gone, and so is the token."""
    session, token, resets = portal.token(), asked(portal), resets_of(portal, Letters())
    used = (resets.reset(token, NEW_PASSWORD), resets.reset(token, Secret("a third")))
    works = portal.login.log_in(portal.person.login_name, NEW_PASSWORD)
    assert (used, works is not None, portal.login.principal(session)) == ((True, False), True, None)
    assert portal.login.log_in(portal.person.login_name, portal.person.password) is None


def test_a_token_ends_at_its_end(portal: Stage) -> None:
    """Half open, as everything."""
    token = asked(portal)
    portal.clock.advance(RESET_VALID_FOR)
    assert resets_of(portal, Letters()).reset(token, NEW_PASSWORD) is False


def test_the_next_token_takes_the_place_of_the_first(portal: Stage) -> None:
    """One is good at a time."""
    letters = Letters()
    resets = resets_of(portal, letters)
    resets.ask(portal.person.login_name)
    resets.ask(portal.person.login_name)
    (_, first), (_, second) = letters.sent
    assert (resets.reset(first, NEW_PASSWORD), resets.reset(second, NEW_PASSWORD)) == (False, True)


def test_a_password_too_long_to_be_one_is_not_hashed(portal: Stage) -> None:
    """Nobody makes the portal work by sending megabytes."""
    token = asked(portal)
    assert resets_of(portal, Letters()).reset(token, Secret("x" * 5000)) is False


def test_the_token_is_not_in_the_file(portal: Stage) -> None:
    """Whoever reads the file cannot set a password with it."""
    assert asked(portal).reveal().encode() not in portal.bytes()


@pytest.mark.parametrize("case", ["unknown", "suspended", "frozen", "retired"])
def test_nobody_is_told_whether_there_is_such_an_account(portal: Stage, case: str) -> None:
    """No letter and no row, and nothing to be told by: the same for all that cannot have one (L9)."""
    letters, account = Letters(), portal.person.account
    if case == "suspended":
        portal.write("UPDATE users SET standing = 'suspended' WHERE id = ?", account)
    if case == "frozen":
        portal.pieces.directory.freeze(account, 1)
    if case == "retired":
        portal.pieces.directory.retire(account)
    name = "nobody" if case == "unknown" else portal.person.login_name
    resets_of(portal, letters).ask(name)
    assert (letters.sent, portal.one("SELECT count(*) FROM password_resets")) == ([], 0)


def test_a_token_issued_before_the_freeze_is_dead_after_it(portal: Stage) -> None:
    """At once, and not only when the closing has revoked it (RACE-07)."""
    token = asked(portal)
    portal.pieces.directory.freeze(portal.person.account, 1)
    refused = resets_of(portal, Letters()).reset(token, NEW_PASSWORD)
    assert (refused, portal.login.log_in(portal.person.login_name, NEW_PASSWORD)) == (False, None)


def test_a_closing_leaves_no_token(closings: SampleClosings) -> None:
    """Revoked with the sessions; a closing that is given back does not bring it to life again (L14)."""
    portal, account = closings.portal, closings.portal.person.account
    token = asked(portal)
    closings.confirmed(account)
    left = portal.one("SELECT count(*) FROM password_resets")
    unpaid(portal, account)
    closings.service.work()
    works = resets_of(portal, Letters()).reset(token, NEW_PASSWORD)
    assert (left, closings.guard.standing(account), works) == (0, "open", False)


def test_a_late_reset_brings_no_closed_account_back(closings: SampleClosings) -> None:
    """Weeks after the closing the letter is opened (RACE-07, TOMB-05)."""
    portal, account = closings.portal, closings.portal.person.account
    token = asked(portal)
    closings.closed(account)
    assert resets_of(portal, Letters()).reset(token, NEW_PASSWORD) is False
    assert portal.rows("SELECT standing, password_hash FROM users WHERE id = ?", account) == [("retired", None)]


def traced(database: SqliteDatabase, moment: Callable[[str], None] | None) -> None:
    """Before each statement of that connection, this happens."""
    database._connection.set_trace_callback(moment)


class MomentHasher(CountingHasher):
    """A hasher whose hashing is somebody's moment."""

    def __init__(self, moment: Callable[[], object]) -> None:
        super().__init__()
        self._moment = moment

    def hash(self, password: Secret[str]) -> str:
        """As the cheap one does."""
        self._moment()
        return super().hash(password)


class Freezing:
    """Freezes the account from another connection, at the first moment from the given one on at which it can.

    Attributes:
        moments: how many there were.
        found: what could be told of passwords and tokens when the freeze had just happened.
        happened: what was done after the freeze, and must not be.
    """

    def __init__(self, portal: Stage, at: int) -> None:
        self._portal, self._at = portal, at
        self._database = SqliteDatabase(portal.path, busy_for=0)
        self._directory = PortalDirectory(self._database)
        self.moments = 0
        self.found: tuple[object, set[object]] | None = None
        self.happened: set[str] = set()

    def moment(self, _: str = "") -> None:
        """A step of the reset is about to be taken."""
        self.moments += 1
        if self.found is None and self.moments > self._at:
            with suppress(StoreUnavailableError):  # the reset's transaction has the file: at the next step, then
                self._directory.freeze(self._portal.person.account, 1)
                self.found = self.state()

    def state(self) -> tuple[object, set[object]]:
        """The password's hash, and the tokens that are issued; committed data only."""
        with self._database.reading() as connection:
            password = connection.execute(
                "SELECT password_hash FROM users WHERE id = ?", (self._portal.person.account,)
            ).fetchone()[0]
            return password, set(connection.execute("SELECT token_digest FROM password_resets").fetchall())

    def look(self) -> None:
        """See whether anything has happened since the freeze that must not."""
        if self.found is not None:
            (password, tokens), (then_password, then_tokens) = self.state(), self.found
            self.happened |= {"password set"} if password != then_password else set()
            self.happened |= set() if tokens <= then_tokens else {"token issued"}

    def end(self) -> None:
        """Freeze now at last, where there was no moment for it."""
        self._at = 0
        self.moment()
        self.look()
        self._database.close()


def raced(portal: Stage, at: int) -> tuple[int, bool, set[str]]:
    """A password forgotten and set anew, with the freeze at that moment.

    How many moments there were, whether the password was taken, and what was done after the freeze.
    """
    portal.write("UPDATE users SET standing = 'open', freeze_token = 0 WHERE id = ?", portal.person.account)
    portal.write("DELETE FROM password_resets")
    freezing, letters = Freezing(portal, at), Letters()
    letters.moment = freezing.moment
    with open_portal(portal.path) as database:
        traced(database, freezing.moment)
        resets = PortalResets(
            database,
            hasher=MomentHasher(freezing.moment),
            clock=portal.clock,
            entropy=UnsafeSeededEntropy(at),
            mail=letters,
        )
        resets.ask(portal.person.login_name)
        freezing.look()
        taken = bool(letters.sent) and resets.reset(letters.sent[0][1], Secret(f"password {at}"))
        traced(database, None)
    freezing.end()
    return freezing.moments, taken, freezing.happened


def test_a_freeze_at_any_step_of_a_reset_ends_it(portal: Stage) -> None:
    """After the freeze no token is issued and none works, whatever step it falls on (RACE-07)."""
    moments, taken, _ = raced(portal, at=10_000)
    outcomes = [raced(portal, at) for at in range(moments)]
    assert (taken, moments > 10) == (True, True)
    assert [after for *_, after in outcomes if after] == []
    assert {taken for _, taken, _ in outcomes} == {True, False}


def test_a_reset_that_does_not_ask_is_found_out(portal: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: without the guard in its transactions the same freezes are overtaken (RACE-07)."""
    monkeypatch.setattr("hht_closure.portal.resets._is_open", lambda *_: True)
    moments, _, _ = raced(portal, at=10_000)
    done = {one for at in range(moments) for one in raced(portal, at)[2]}
    assert done == {"password set", "token issued"}
