"""A small sample portal for each test, with cheap passwords and a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs

from hht_closure.account import AccountId
from hht_closure.adapters.sqlite_rows import SqliteRows
from hht_closure.portal import PortalCustomer, PortalLogin, PortalPieces, Sample, UnsafeCheapHasher
from hht_closure.portal.pieces import sample_portal
from hht_closure.portal.sample import SamplePerson, create_portal
from hht_closure.ports import EraseJob
from hht_closure.testing.clock import ManualClock, UnsafeSeededEntropy
from hht_closure.values import Secret

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class CountingHasher(UnsafeCheapHasher):
    """A cheap hasher that counts how often it verified, and the code points of the longest password it was given."""

    def __init__(self) -> None:
        self.verified = 0
        self.longest = 0

    def verify(self, password: Secret[str], stored: str) -> bool:
        """As the cheap one does."""
        self.verified += 1
        self.longest = max(self.longest, len(password.reveal()))
        return super().verify(password, stored)


@attrs.frozen(kw_only=True)
class Stage:
    """Everything a test of the portal touches."""

    path: Path
    sample: Sample
    clock: ManualClock
    hasher: CountingHasher
    pieces: PortalPieces
    login: PortalLogin
    customer: PortalCustomer

    @property
    def person(self) -> SamplePerson:
        """Who is to be closed, the Chinese one."""
        return self.sample.person("zh-CN")

    @property
    def other(self) -> AccountId:
        """Somebody who stays, and is open."""
        return self.sample.others[0]

    @property
    def suspended(self) -> AccountId:
        """Somebody whose account is suspended."""
        return self.sample.others[-1]

    def token(self) -> Secret[str]:
        """The token of a new session of the person."""
        token = self.login.log_in(self.person.login_name, self.person.password)
        assert token is not None
        return token

    def data_set(self, name: str) -> SqliteRows:
        """The data set of that name."""
        return next(one for one in self.pieces.data_sets if one.name == name)

    def one(self, question: str, *values: str | int) -> int | str | None:
        """The first value that the database answers."""
        with self.sample.database.reading() as connection:
            row: tuple[int | str | None] = connection.execute(question, values).fetchone()
        return row[0]

    def rows(self, question: str, *values: str | int) -> list[tuple[int | str | None, ...]]:
        """Everything that the database answers."""
        with self.sample.database.reading() as connection:
            rows: list[tuple[int | str | None, ...]] = connection.execute(question, values).fetchall()
        return rows

    def write(self, statement: str, *values: str | int) -> None:
        """One statement of the test's own."""
        with self.sample.database.transaction() as connection:
            connection.execute(statement, values)

    def bytes(self) -> bytes:
        """Every byte of the portal's files."""
        return b"".join(one.read_bytes() for one in sorted(self.path.parent.glob(f"{self.path.name}*")))


def make_stage(folder: Path, *, users: int = 6, messages: int = 80, messages_each: int = 20) -> Stage:
    """A portal in a new file of that folder."""
    hasher, clock, path = CountingHasher(), ManualClock(NOW), folder / "portal.db"
    sample = create_portal(
        path, seed=7, now=NOW, hasher=hasher, users=users, messages=messages, messages_each=messages_each
    )
    return Stage(
        path=path,
        sample=sample,
        clock=clock,
        hasher=hasher,
        pieces=sample_portal(sample.database, clock=clock),
        login=PortalLogin(sample.database, hasher=hasher, clock=clock, entropy=UnsafeSeededEntropy(1)),
        customer=PortalCustomer(sample.database, clock=clock),
    )


def erase_all(data_set: SqliteRows, account: AccountId, *, limit: int = 50) -> int:
    """Batch after batch; how many items went."""
    erased, cursor = 0, ""
    while True:
        progress = data_set.erase(EraseJob(account=account, cursor=cursor, limit=limit, key=f"after-{cursor}"))
        erased, cursor = erased + progress.erased, progress.cursor
        if progress.done:
            return erased
