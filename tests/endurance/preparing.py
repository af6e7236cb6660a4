"""Portals as runs find them: a crowd with a few messages each, or one person with very many."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hht_closure.account import AccountId
from hht_closure.portal import PortalCustomer, Sample, UnsafeCheapHasher, create_portal
from tests.endurance.clock import CommonClock
from tests.endurance.ground import SEED, Ground
from tests.postgres import connected

BEGINS: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
"""When every run begins, by its own clock."""

_STAY: Final = 2_000
"""How many messages belong to people whom no closing concerns, beside those that a run counts."""


def crowd(
    folder: Path, *, people: int, messages_each: int, url: str | None, speed: float, cooling_off: int = 0
) -> Ground:
    """A portal with so many people to be closed, who have about so many messages each, and three who stay."""
    sample = _created(folder, users=people + 3, messages=(people + 3) * messages_each, messages_each=messages_each)
    sample.database.close()
    CommonClock.begun(folder / "time.json", at=BEGINS, speed=speed)
    return Ground(folder=folder, url=url, people=sample.others[:-1], cooling_off=cooling_off).write()


def one_with(
    folder: Path, *, messages: int, url: str | None, speed: float, on_server: bool = False, one_in: int = 1
) -> Ground:
    """A portal with one person to be closed, who has so many messages, and another, who stays.

    Args:
        folder: where.
        messages: how many.
        url: the database with the store; None: files.
        speed: of the clock.
        on_server: whether the messages stand on the store's server, too; in the file there are none to speak of then.
        one_in: the other's messages are spread among the person's, one for each so many.
    """
    in_file = 1 if on_server else messages
    sample = _created(folder, users=4, messages=2 * in_file + _STAY, messages_each=in_file)
    one, other = (person.account for person in sample.persons)
    clock = CommonClock.begun(folder / "time.json", at=BEGINS, speed=speed)
    with closing(sample.database) as database:
        customer = PortalCustomer(database, clock=clock)
        customer.settle_orders(one)
        customer.pay_invoices(one)
        with database.transaction() as connection:
            if on_server:
                connection.execute("DELETE FROM messages WHERE user_id = ?", (one,))
            else:
                connection.execute("DELETE FROM messages WHERE user_id = ? AND id % ? <> 0", (other, one_in))
        database.rewrite()
    if url is not None and on_server:
        _fill(url, one, other, messages, one_in)
    return Ground(folder=folder, url=url, people=(one,), messages_on_server=on_server).write()


def _created(folder: Path, *, users: int, messages: int, messages_each: int) -> Sample:
    return create_portal(
        folder / "portal.db",
        seed=SEED,
        now=BEGINS,
        hasher=UnsafeCheapHasher(),
        users=users,
        messages=messages,
        messages_each=messages_each,
    )


def _fill(url: str, one: AccountId, other: AccountId, messages: int, one_in: int) -> None:
    """So many messages of one person, and among them the other's, as they come in."""
    with closing(connected(url)) as server:
        server.execute(
            "CREATE TABLE messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id text, body text)"
        )
        server.execute(
            "INSERT INTO messages (user_id, body) SELECT account, repeat('x', 60)"
            " FROM generate_series(1, %s) AS number, unnest(%s::text[]) AS account"
            " WHERE account = %s OR number %% %s = 0",
            (messages, [one, other], one, one_in),
        )
        server.execute("CREATE INDEX messages_of_user ON messages (user_id, id)")
