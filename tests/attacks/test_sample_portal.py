"""Attacks on the sample portal: dates that cannot be read, and names that cannot be encoded (L9, L20, L22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hht_closure.errors import PortError
from hht_closure.values import Secret
from tests.portal.stage import Stage, erase_all, make_stage

UNREADABLE = ("2025/12/01 10:00", "20251201", "1764500000", "2025-12-01 10:00:00 UTC", "yesterday", "")
"""Dates as other systems write them."""

A_SURROGATE = "\ud800abc"
"""A lone surrogate, as a body of JSON may carry it."""


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Stage]:
    """A small portal in a file of its own."""
    made = make_stage(tmp_path)
    yield made
    made.sample.database.close()


def _with_a_date(portal: Stage, date: str) -> int | str | None:
    """The id of the person's first order, which was completed on that date."""
    of_the_person = "WHERE user_id = ?"
    first = portal.one(f"SELECT min(id) FROM orders {of_the_person}", portal.person.account)  # noqa: S608
    portal.write(
        f"UPDATE orders SET status = 'finished', placed_at = ?, completed_at = ? {of_the_person}"  # noqa: S608
        " AND id = (SELECT min(id) FROM orders WHERE user_id = ?)",
        date,
        date,
        portal.person.account,
        portal.person.account,
    )
    return first


@pytest.mark.parametrize("date", UNREADABLE)
def test_an_order_whose_date_cannot_be_read_stays(portal: Stage, date: str) -> None:
    """Whether the law keeps it nobody can say, and what is deleted does not come back (L20)."""
    first = _with_a_date(portal, date)
    erase_all(portal.data_set("orders"), portal.person.account)
    assert portal.rows("SELECT id FROM orders WHERE completed_at = ?", date) == [(first,)]


@pytest.mark.parametrize("date", UNREADABLE)
def test_a_date_that_cannot_be_read_is_said_before_anybody_confirms(portal: Stage, date: str) -> None:
    """The survey fails, so that no notice can be made: it is found before the point of no return (L15, L20)."""
    _with_a_date(portal, date)
    with pytest.raises(PortError, match="date_unreadable"):
        portal.data_set("orders").survey(portal.person.account)


def test_an_order_whose_date_can_be_read_goes_in_its_time(portal: Stage) -> None:
    """The twin: of ten years ago, no law keeps it (L20)."""
    _with_a_date(portal, "2016-01-01T10:00:00Z")
    erase_all(portal.data_set("orders"), portal.person.account)
    assert portal.rows("SELECT id FROM orders WHERE completed_at = '2016-01-01T10:00:00Z'") == []


def test_a_name_that_cannot_be_encoded_is_nobodys(portal: Stage) -> None:
    """The same answer, the same one verification, nothing written, and no exception that holds the name (L9, L22)."""
    before, sessions = portal.hasher.verified, portal.rows("SELECT * FROM sessions")
    answer = portal.login.log_in(A_SURROGATE, portal.person.password)
    assert (answer, portal.hasher.verified - before, portal.rows("SELECT * FROM sessions")) == (None, 1, sessions)


def test_a_name_that_can_be_encoded_is_found(portal: Stage) -> None:
    """The twin: the person, with the same password (L9)."""
    assert portal.login.log_in(portal.person.login_name, portal.person.password) is not None


def test_a_password_that_cannot_be_encoded_is_wrong(portal: Stage) -> None:
    """It is compared like any other, and is not the right one (L9)."""
    assert portal.login.log_in(portal.person.login_name, Secret(A_SURROGATE)) is None
