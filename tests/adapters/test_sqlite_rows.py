"""Rows of a host's table as a data set: the suite, retentions, and names that are no names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_database import SqliteDatabase
from hht_closure.adapters.sqlite_rows import Retention, SqliteRows
from hht_closure.errors import InvalidValueError, StoreUnavailableError
from hht_closure.policy import Portion
from hht_closure.ports import EraseJob
from hht_closure.receipts import DataSetFate
from hht_closure.service import ClosureService
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts.data_set import DataSetContract, RetainingDataSetContract
from tests.service.doubles import built, portal_of
from tests.stage import LI, Stage

OWNER, BYSTANDER = AccountId("anna"), AccountId("ben")
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """It stands in the middle of March 2026."""
    return ManualClock(NOW)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """A table of letters, with nothing in it."""
    path = tmp_path / "host.db"
    path.touch()
    with SqliteDatabase(path) as made:
        with made.transaction() as connection:
            connection.execute("CREATE TABLE letters (id INTEGER PRIMARY KEY, owner TEXT, sent TEXT, begun TEXT)")
            connection.execute("CREATE INDEX letters_of_owner ON letters (owner)")
            connection.execute(
                "CREATE TABLE bookings (id INTEGER PRIMARY KEY, owner TEXT, payer TEXT, iban TEXT, at TEXT)"
            )
            connection.execute("CREATE INDEX bookings_of_owner ON bookings (owner)")
        yield made


def write(database: SqliteDatabase, owner: str, *sent: str | None, first: int | None = None) -> None:
    """Letters of that owner, sent then; the first under that number."""
    with database.transaction() as connection:
        for number, when in enumerate(sent):
            place = None if first is None else first + number
            connection.execute("INSERT INTO letters (id, owner, sent) VALUES (?, ?, ?)", (place, owner, when))


def book(
    database: SqliteDatabase, owner: str, *payers: str | None, first: int | None = None, at: str = "2020-01-01"
) -> None:
    """Bookings of that owner, paid by those; the first under that number."""
    with database.transaction() as connection:
        for number, payer in enumerate(payers):
            place = None if first is None else first + number
            row = (place, owner, payer, "" if payer is None else f"IBAN of {payer}", at)
            connection.execute("INSERT INTO bookings (id, owner, payer, iban, at) VALUES (?, ?, ?, ?, ?)", row)


def bookings(database: SqliteDatabase, *, keep_until: Retention | None = None) -> SqliteRows:
    """The table as a data set whose rows stay, without the person."""
    return SqliteRows(
        database,
        table="bookings",
        account_column="owner",
        name="bookings",
        keep_until=keep_until,
        anonymise={"payer": None, "iban": ""},
    )


def letters(database: SqliteDatabase, *, keep_until: Retention | None = None) -> SqliteRows:
    """The table as a data set."""
    return SqliteRows(database, table="letters", account_column="owner", name="letters", keep_until=keep_until)


def two_years(clock: ManualClock) -> Retention:
    """From the sending, or from the beginning of what was never sent."""
    return Retention(since=("sent", "begun"), years=2, ground="Act 7", clock=clock)


class TestSqliteRows(DataSetContract):
    """The law of a data set, where everything goes."""

    database: SqliteDatabase

    @pytest.fixture(autouse=True)
    def _with_table(self, database: SqliteDatabase) -> None:
        self.database = database

    def make_data_set(self) -> tuple[SqliteRows, AccountId]:
        """Eight letters of Anna's, from number 100 on."""
        write(self.database, OWNER, *["2020-01-01T00:00:00Z"] * 8, first=100)
        return letters(self.database), OWNER

    def a_bystander(self) -> AccountId:
        """Ben, with two."""
        write(self.database, BYSTANDER, None, None)
        return BYSTANDER

    def add_an_item(self, account: AccountId) -> None:
        """In front of all the others."""
        write(self.database, account, None, first=-5)


class TestRetainedSqliteRows(RetainingDataSetContract):
    """The law of a data set, where a law keeps some."""

    database: SqliteDatabase
    clock: ManualClock

    @pytest.fixture(autouse=True)
    def _with_table(self, database: SqliteDatabase, clock: ManualClock) -> None:
        self.database, self.clock = database, clock

    def make_data_set(self) -> tuple[SqliteRows, AccountId]:
        """Old and young letters in turn."""
        write(self.database, OWNER, *["2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z"] * 8, first=100)
        return letters(self.database, keep_until=two_years(self.clock)), OWNER

    def a_bystander(self) -> AccountId:
        """Ben, with an old one."""
        write(self.database, BYSTANDER, "2020-01-01T00:00:00Z")
        return BYSTANDER

    def add_an_item(self, account: AccountId) -> None:
        """An old one in front of all the others."""
        write(self.database, account, "2020-01-01T00:00:00Z", first=1)

    def end_retention(self) -> None:
        """Three years later."""
        self.clock.advance(timedelta(days=3 * 366))


class TestAnonymisedSqliteRows(DataSetContract):
    """The law of a data set, where rows stay and the person goes."""

    database: SqliteDatabase

    @pytest.fixture(autouse=True)
    def _with_table(self, database: SqliteDatabase) -> None:
        self.database = database

    def make_data_set(self) -> tuple[SqliteRows, AccountId]:
        """Eight bookings of Anna's, from number 100 on."""
        book(self.database, OWNER, *["Anna A."] * 8, first=100)
        return bookings(self.database), OWNER

    def a_bystander(self) -> AccountId:
        """Ben, with two."""
        book(self.database, BYSTANDER, "Ben B.", "Ben B.")
        return BYSTANDER

    def add_an_item(self, account: AccountId) -> None:
        """In front of all the others."""
        book(self.database, account, "Anna A.", first=-5)


class TestRetainedAnonymisedSqliteRows(RetainingDataSetContract):
    """The law of a data set, where the person stays for as long as a law says, and then goes from the rows."""

    database: SqliteDatabase
    clock: ManualClock

    @pytest.fixture(autouse=True)
    def _with_table(self, database: SqliteDatabase, clock: ManualClock) -> None:
        self.database, self.clock = database, clock

    def make_data_set(self) -> tuple[SqliteRows, AccountId]:
        """Eight old bookings, and eight young ones."""
        book(self.database, OWNER, *["Anna A."] * 8, first=100)
        book(self.database, OWNER, *["Anna A."] * 8, first=200, at="2026-01-01")
        law = Retention(since=("at",), years=2, ground="Act 7", clock=self.clock)
        return bookings(self.database, keep_until=law), OWNER

    def a_bystander(self) -> AccountId:
        """Ben, with an old one."""
        book(self.database, BYSTANDER, "Ben B.")
        return BYSTANDER

    def add_an_item(self, account: AccountId) -> None:
        """An old one in front of all the others."""
        book(self.database, account, "Anna A.", first=1)

    def end_retention(self) -> None:
        """Three years later."""
        self.clock.advance(timedelta(days=3 * 366))


def test_a_survey_gives_one_portion_for_each_month_in_which_a_retention_ends(
    database: SqliteDatabase, clock: ManualClock
) -> None:
    """Rows of one month end together, on the first of the month after their years; what goes comes first."""
    write(
        database, OWNER, "2025-06-30T23:59:59Z", "2024-05-31T00:00:00Z", "2025-06-01T00:00:00Z", "2023-01-01T00:00:00Z"
    )
    assert letters(database, keep_until=two_years(clock)).survey(OWNER) == (
        Portion("erased", 1),
        Portion("restricted", 1, datetime(2026, 6, 1, tzinfo=UTC), "Act 7"),
        Portion("restricted", 2, datetime(2027, 7, 1, tzinfo=UTC), "Act 7"),
    )


def test_a_survey_of_nothing_still_says_what_would_happen(database: SqliteDatabase) -> None:
    """A first row that comes later changes a count and not the fate."""
    assert letters(database).survey(OWNER) == (Portion("erased", 0),)


@pytest.mark.parametrize(("now", "remaining"), [("2026-05-31T23:59:59.999999Z", 0), ("2026-06-01T00:00:00Z", 1)])
def test_a_retention_is_half_open(database: SqliteDatabase, clock: ManualClock, now: str, remaining: int) -> None:
    """Kept a microsecond before its end, and at its end no more (L20)."""
    write(database, OWNER, "2024-05-31T00:00:00Z")
    clock.set(datetime.fromisoformat(now))
    assert letters(database, keep_until=two_years(clock)).remaining(OWNER) == remaining


def test_the_first_date_that_is_there_counts(database: SqliteDatabase, clock: ManualClock) -> None:
    """A letter that was never sent is kept from its beginning."""
    with database.transaction() as connection:
        connection.execute("INSERT INTO letters (owner, begun) VALUES (?, '2026-01-01T00:00:00Z')", (OWNER,))
    portions = letters(database, keep_until=two_years(clock)).survey(OWNER)
    assert portions[1].until == datetime(2028, 2, 1, tzinfo=UTC)


def test_a_row_without_any_date_is_not_kept(database: SqliteDatabase, clock: ManualClock) -> None:
    """No law can have begun to keep it."""
    write(database, OWNER, None)
    assert letters(database, keep_until=two_years(clock)).remaining(OWNER) == 1


@pytest.mark.parametrize("text", ["", "a b", 'a"b', "a;--", "1a", "schema.table", "x" * 64, "größe"])
def test_what_is_no_identifier_gets_into_no_statement(database: SqliteDatabase, clock: ManualClock, text: str) -> None:
    """Table, account column and dates alike."""
    with pytest.raises(InvalidValueError, match="not_an_identifier"):
        SqliteRows(database, table=text, account_column="owner", name="letters")
    with pytest.raises(InvalidValueError, match="not_an_identifier"):
        SqliteRows(database, table="letters", account_column=text, name="letters")
    with pytest.raises(InvalidValueError, match="not_an_identifier"):
        Retention(since=("sent", text), years=1, ground="x", clock=clock)


@pytest.mark.parametrize("years", [0, -1, 101, True])
def test_a_retention_has_an_end(clock: ManualClock, years: int) -> None:
    """No zero, negative, endless or boolean durations (L30)."""
    with pytest.raises(InvalidValueError, match="years"):
        Retention(since=("sent",), years=years, ground="x", clock=clock)


def test_a_retention_counts_from_something(clock: ManualClock) -> None:
    """Without a column there is nothing to keep by (L30)."""
    with pytest.raises(InvalidValueError, match="since"):
        Retention(since=(), years=1, ground="x", clock=clock)


@pytest.mark.parametrize(("name", "after"), [("Letters", ()), ("letters", ("not a name",))])
def test_a_data_set_has_a_name_that_terms_can_call(database: SqliteDatabase, name: str, after: tuple[str, ...]) -> None:
    """And so have those it waits for."""
    with pytest.raises(InvalidValueError, match="not_a_name"):
        SqliteRows(database, table="letters", account_column="owner", name=name, after=after)


def job(*, cursor: str = "", limit: int = 3) -> EraseJob:
    """A batch of Anna's letters."""
    return EraseJob(account=OWNER, cursor=cursor, limit=limit, key="k")


def test_a_cursor_of_another_kind_erases_nothing(database: SqliteDatabase) -> None:
    """It is refused, and the rows are there."""
    write(database, OWNER, None)
    with pytest.raises(InvalidValueError, match="not_a_cursor"):
        letters(database).erase(job(cursor="page-2"))
    assert letters(database).remaining(OWNER) == 1


def test_a_batch_of_nothing_is_refused(database: SqliteDatabase) -> None:
    """It would never come to an end."""
    with pytest.raises(InvalidValueError, match="limit"):
        letters(database).erase(job(limit=0))


def test_a_batch_that_fails_erases_nothing(database: SqliteDatabase) -> None:
    """A batch is one transaction: a row that cannot go keeps the others of the batch."""
    write(database, OWNER, None, None, None, first=1)
    with database.transaction() as connection:
        connection.execute("CREATE TABLE stamps (letter INTEGER REFERENCES letters (id))")
        connection.execute("INSERT INTO stamps VALUES (3)")
    with pytest.raises(Exception, match="IntegrityError"):
        letters(database).erase(job())
    assert letters(database).remaining(OWNER) == 3


def test_a_table_that_is_not_there_is_an_error_of_the_library(database: SqliteDatabase) -> None:
    """SQLite's own error is wrapped, and holds no path."""
    rows = SqliteRows(database, table="missing", account_column="owner", name="letters")
    with pytest.raises(StoreUnavailableError, match="portal_database is unavailable: SQLITE_ERROR"):
        rows.remaining(OWNER)


# --- rows that stay without the person --------------------------------------------------------------------------


def erased(rows: SqliteRows, *, limit: int = 100) -> int:
    """One batch of Anna's."""
    return rows.erase(job(limit=limit)).erased


def test_an_anonymised_row_stays_without_the_person(database: SqliteDatabase) -> None:
    """What is named takes the place of what was the person's; everything else is as it was, and so are all others."""
    book(database, OWNER, "Anna A.", first=1)
    book(database, BYSTANDER, "Ben B.", first=2)
    erased(bookings(database))
    with database.reading() as connection:
        rows = connection.execute("SELECT * FROM bookings ORDER BY id").fetchall()
    assert rows == [(1, OWNER, None, "", "2020-01-01"), (2, BYSTANDER, "Ben B.", "IBAN of Ben B.", "2020-01-01")]


def test_anonymised_rows_are_surveyed_as_such_before_and_after(database: SqliteDatabase) -> None:
    """The notice says what will become of them, and the receipt what has."""
    book(database, OWNER, "Anna A.", "Anna A.")
    before = bookings(database).survey(OWNER)
    erased(bookings(database))
    assert (before, bookings(database).survey(OWNER)) == ((Portion("anonymised", 2),), (Portion("anonymised", 2),))


def test_a_row_that_never_bore_the_person_is_not_touched(database: SqliteDatabase) -> None:
    """It need not go, and is among those that stay."""
    book(database, OWNER, None, "Anna A.")
    rows = bookings(database)
    assert (rows.remaining(OWNER), erased(rows), rows.survey(OWNER)) == (1, 1, (Portion("anonymised", 2),))


@pytest.mark.parametrize("column", ["payer", "iban"])
def test_a_row_that_gets_the_person_back_must_go_again(database: SqliteDatabase, column: str) -> None:
    """A late job that writes a name is seen: the columns themselves are the marker (L17)."""
    book(database, OWNER, "Anna A.")
    rows = bookings(database)
    erased(rows)
    with database.transaction() as connection:
        connection.execute(f"UPDATE bookings SET {column} = 'Anna A.'")  # noqa: S608 - one of two names
    assert (rows.remaining(OWNER), erased(rows), rows.remaining(OWNER)) == (1, 1, 0)


def test_no_byte_of_the_person_is_left_in_an_anonymised_row(database: SqliteDatabase, tmp_path: Path) -> None:
    """Not in the file, and not in its log (L22)."""
    book(database, OWNER, *["a name that nobody has"] * 50)
    files = sorted(tmp_path.glob("host.db*"))
    before = sum(one.read_bytes().count(b"a name that nobody has") for one in files)
    erased(bookings(database))
    assert (before > 0, sum(one.read_bytes().count(b"a name that nobody has") for one in files)) == (True, 0)


@pytest.mark.parametrize("kind", ["TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "TEXT COLLATE NOCASE", ""])
@pytest.mark.parametrize("constant", [None, "", "0", "007", "gone", 0, -7, 2**40, True, b"", b"gone"])
def test_whatever_takes_the_persons_place_is_known_again(
    database: SqliteDatabase, kind: str, constant: str | bytes | int | None
) -> None:
    """Also where the column's type makes something else of it: an erasure comes to its end."""
    with database.transaction() as connection:
        connection.execute(f"CREATE TABLE notes (owner TEXT, note {kind})")
        connection.execute("INSERT INTO notes VALUES (?, 'of Anna'), (?, 12345)", (OWNER, OWNER))
    rows = SqliteRows(database, table="notes", account_column="owner", name="notes", anonymise={"note": constant})
    assert (erased(rows), rows.remaining(OWNER), erased(rows)) == (2, 0, 0)


@pytest.mark.parametrize(
    ("anonymise", "problem"),
    [
        ({}, "empty"),
        ({"owner": None}, "column_by_which_rows_are_found"),
        ({"at": None}, "column_by_which_rows_are_found"),
        ({"pay er": None}, "not_an_identifier"),
        ({"payer": 0.1}, "not_a_constant"),
        ({"payer": ["x"]}, "not_a_constant"),
    ],
)
def test_what_would_anonymise_nothing_is_refused(
    database: SqliteDatabase, clock: ManualClock, anonymise: object, problem: str
) -> None:
    """Nothing at all, or a column without which the rows could not be found by a repetition or a sweep (L21)."""
    law = Retention(since=("at",), years=2, ground="Act 7", clock=clock)
    make: Callable[..., SqliteRows] = SqliteRows
    with pytest.raises(InvalidValueError, match=problem):
        make(database, table="bookings", account_column="owner", name="b", keep_until=law, anonymise=anonymise)


def test_a_receipt_says_of_anonymised_rows_that_they_were_anonymised(database: SqliteDatabase, tmp_path: Path) -> None:
    """And not that they were erased, since they are still there (L25)."""
    stage = Stage("memory", tmp_path)
    book(database, LI.id, *["Li"] * 3)
    rows = SqliteRows(database, table="bookings", account_column="owner", name="messages", anonymise={"payer": None})
    stage.service = built(ClosureService, stage, portal=portal_of(stage, data_sets=(stage.orders, rows)))
    claims = stage.service.receipt(stage.closed().reference).claims
    assert [one for one in claims.data_sets if one.name == "messages"] == [
        DataSetFate.of("messages", (Portion("anonymised", 3),))
    ]
