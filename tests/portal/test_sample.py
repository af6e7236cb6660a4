"""The sample itself: the same from the same seed, of the size that was asked for, and nobody's real data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hht_closure.errors import InvalidValueError, StoreUnavailableError, StoreVersionError
from hht_closure.portal import UnsafeCheapHasher, create_portal, open_portal
from hht_closure.portal.sample import PERSONS
from hht_closure.portal.sample_words import FIRST_COMMON_NUMBER, Language, phone_number
from tests.portal.stage import NOW, Stage, make_stage

TABLES = ("users", "profiles", "sessions", "contacts", "messages", "orders", "invoices")


def contents(stage: Stage) -> list[object]:
    """Every row of every table."""
    return [stage.rows(f"SELECT * FROM {table} ORDER BY rowid") for table in TABLES]  # noqa: S608 - names of this file


def test_the_same_seed_gives_the_same_portal(tmp_path: Path) -> None:
    """Two portals of one seed do not differ in a single value, passwords included."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = make_stage(tmp_path / "one"), make_stage(tmp_path / "two")
    assert contents(one) == contents(two)
    assert one.person.password.reveal() == two.person.password.reveal()
    one.sample.database.close()
    two.sample.database.close()


def test_there_are_as_many_messages_as_asked_for(stage: Stage) -> None:
    """In all, and of each person to be closed."""
    each = [
        stage.one("SELECT count(*) FROM messages WHERE user_id = ?", person.account) for person in stage.sample.persons
    ]
    assert (stage.one("SELECT count(*) FROM messages"), each) == (80, [20, 20])


def test_chinese_people_write_chinese_and_english_people_english(stage: Stage) -> None:
    """Each person's messages are in the person's language."""
    chinese, english = (
        [
            row[0]
            for row in stage.rows("SELECT body FROM messages WHERE user_id = ?", stage.sample.person(locale).account)
        ]
        for locale in ("zh-CN", "en")
    )
    assert all(re.search("[一-鿿]", str(body)) for body in chinese)
    assert all(str(body).isascii() for body in english)


def test_no_address_can_reach_anybody(stage: Stage) -> None:
    """Mail goes to RFC 2606 names alone, numbers lie in blocks that are not served."""
    emails = [str(row[0]) for row in stage.rows("SELECT email FROM users")]
    phones = [str(row[0]) for row in stage.rows("SELECT phone FROM users UNION ALL SELECT phone FROM contacts")]
    assert [one for one in emails if not re.search(r"@example\.(com|net|org)\Z", one)] == []
    assert [one for one in phones if not re.fullmatch(r"\+861990000\d{4}|\+447700900\d{3}", one)] == []


@pytest.mark.parametrize("language", PERSONS)
def test_numbers_that_come_again_are_not_those_of_the_persons(language: Language) -> None:
    """However many users there are, the number of a person to be closed is the person's alone."""
    first = {phone_number(number, language) for number in range(FIRST_COMMON_NUMBER)}
    later = {phone_number(number, language) for number in range(FIRST_COMMON_NUMBER, 21_000)}
    assert first & later == set()


def test_the_password_of_a_person_is_not_shown(stage: Stage) -> None:
    """Neither password nor login name stand in the ``repr`` of the sample (L22)."""
    shown = repr(stage.sample)
    assert (stage.person.password.reveal() in shown, stage.person.login_name in shown) == (False, False)


def test_a_file_that_is_there_is_not_overwritten(stage: Stage) -> None:
    """Creating a portal twice in one place is an error."""
    with pytest.raises(FileExistsError):
        create_portal(stage.path, seed=1, now=NOW, hasher=UnsafeCheapHasher())


def test_only_the_owner_may_read_the_file(stage: Stage) -> None:
    """The file holds personal data."""
    assert stage.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("users", "messages"), [(2, 2_000), (40, 10)])
def test_a_portal_too_small_for_its_persons_is_refused(tmp_path: Path, users: int, messages: int) -> None:
    """There must be somebody who stays, and messages for everybody who goes."""
    with pytest.raises(InvalidValueError):
        create_portal(tmp_path / "x.db", seed=1, now=NOW, hasher=UnsafeCheapHasher(), users=users, messages=messages)


def test_a_portal_opens_again(stage: Stage) -> None:
    """What was created is there after the process that created it."""
    with open_portal(stage.path) as again, again.reading() as connection:
        row: tuple[int] = connection.execute("SELECT count(*) FROM users").fetchone()
    assert row == (6,)


def test_a_database_of_another_version_is_not_opened(stage: Stage) -> None:
    """The file says which tables it has."""
    stage.write("PRAGMA user_version = 9")
    with pytest.raises(StoreVersionError):
        open_portal(stage.path)


def test_a_missing_portal_is_not_created_by_opening_it(tmp_path: Path) -> None:
    """An empty database would say that nothing is left to erase."""
    with pytest.raises(StoreUnavailableError):
        open_portal(tmp_path / "missing.db")
    assert list(tmp_path.iterdir()) == []
