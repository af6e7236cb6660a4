"""Where a run takes place: the sample portal in a folder, its store there or on a server, and any number of hosts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import attrs

from hht_closure.account import AccountId, Principal
from hht_closure.adapters.codes import email_code_verifier
from hht_closure.adapters.memory import MemoryCodeSender
from hht_closure.adapters.sqlite import SqliteStore
from hht_closure.flows.calls import driven
from hht_closure.flows.wiring import Portal
from hht_closure.keys import KeyRing
from hht_closure.policy import FixedPolicy, Terms
from hht_closure.portal import open_portal, sample_portal
from hht_closure.ports import AccountDirectory, DataSet, LedgerEntry, Observer, Record
from hht_closure.service import ClosureOperator, ClosureService
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.testing.crash.kept import Outbox, OutboxMessages, OutboxTask
from hht_closure.testing.crash.stores import ClosableStore
from hht_closure.verification import email_code
from tests.endurance.clock import NO_TIME, CommonClock

SOON: Final = timedelta(minutes=30)
"""What is due within that time, a run waits for; what the law keeps is due in years."""

SEED: Final = 4
"""What the people and the keys of every run follow from."""

_LONG: Final = timedelta(days=6)
"""So long that nothing a person has shown dies in a run, at whatever speed its clock goes."""


class Wrapping(Protocol):
    """What a process puts around parts of the portal."""

    def accounts(self, directory: AccountDirectory) -> AccountDirectory:
        """In the place of the directory."""
        ...

    def data_set(self, data_set: DataSet) -> DataSet:
        """In the place of a data set."""
        ...


class Bare:
    """Nothing is put around anything."""

    def accounts(self, directory: AccountDirectory) -> AccountDirectory:
        """The directory itself."""
        return directory

    def data_set(self, data_set: DataSet) -> DataSet:
        """The data set itself."""
        return data_set


_BARE: Final = Bare()


@attrs.frozen(kw_only=True)
class Ground:
    """Where a run takes place; it is written down in its folder, so that every process finds it there.

    Attributes:
        folder: where everything lies.
        url: the address of the database with the store; None: files in the folder.
        people: the accounts that can be closed.
        cooling_off: the days between confirmation and freeze.
        messages_on_server: whether the portal's messages stand on the store's server; all else of it is in a file.
    """

    folder: Path
    url: str | None
    people: tuple[AccountId, ...] = attrs.field(repr=False)
    cooling_off: int = 0
    messages_on_server: bool = False

    @classmethod
    def at(cls, folder: Path) -> Self:
        """The one that was prepared in that folder."""
        written = json.loads((folder / "ground.json").read_text())
        return cls(folder=folder, **written | {"people": tuple(written["people"])})

    def write(self) -> Self:
        """Write it down."""
        written = attrs.asdict(self, filter=attrs.filters.exclude("folder"))
        (self.folder / "ground.json").write_text(json.dumps(written))
        return self

    @property
    def portal_file(self) -> Path:
        """The portal's database."""
        return self.folder / "portal.db"

    @property
    def journal_file(self) -> Path:
        """The library's journal, where it is a file."""
        return self.folder / "closures" / "journal.db"

    @property
    def outbox(self) -> Outbox:
        """What went out to anybody."""
        return Outbox(self.folder / "outbox.jsonl")

    def clock(self, ahead: timedelta = NO_TIME) -> CommonClock:
        """The clock of a process of this run."""
        return CommonClock(self.folder / "time.json", ahead=ahead)

    def host(
        self, *, ahead: timedelta = NO_TIME, observers: Sequence[Observer] = (), wrapping: Wrapping = _BARE
    ) -> Host:
        """A process's own host, to be closed."""
        return Host(self, ahead, observers, wrapping)


class Host:
    """Everything that one process of the portal has open.

    The store's clock is the common one. The process's own may differ from it, as that of a machine differs from the
    server's.
    """

    def __init__(self, ground: Ground, ahead: timedelta, observers: Sequence[Observer], wrapping: Wrapping) -> None:
        self.ground = ground
        self.clock = ground.clock(ahead)
        with ExitStack() as opening:
            self.database = opening.enter_context(closing(open_portal(ground.portal_file)))
            self.store = _store(ground)
            opening.callback(self.store.close)
            messages = _messages_on_server(ground, opening)
            self._ends = opening.pop_all()
        pieces = sample_portal(self.database, clock=self.clock)
        self.directory = pieces.directory
        self.data_sets = tuple(messages or one if one.name == "messages" else one for one in pieces.data_sets)
        self.mail = MemoryCodeSender("email")
        self.keyring = KeyRing.generate(UnsafeSeededEntropy(SEED))
        self.service = ClosureService(
            portal=Portal(
                name=pieces.name,
                accounts=wrapping.accounts(pieces.directory),
                preconditions=pieces.preconditions,
                data_sets=tuple(map(wrapping.data_set, self.data_sets)),
                tasks=(OutboxTask(ground.outbox, "downstream"),),
                messages=OutboxMessages(ground.outbox),
            ),
            store=self.store,
            verifiers=(email_code_verifier(self.mail),),
            keyring=self.keyring,
            policy=FixedPolicy(_terms(pieces.terms, ground.cooling_off)),
            clock=self.clock,
            observers=observers,
        )
        self.operator = ClosureOperator(self.service)

    def principal(self, account: AccountId) -> Principal:
        """Who acts, logged in just now."""
        return Principal(account=account, session=f"session of {account}", logged_in_at=self.clock.now())

    def stream(self, account: AccountId) -> str:
        """The name of the account's stream."""
        return self.service.core.streams.name(account)

    def records(self, account: AccountId) -> tuple[Record, ...]:
        """Everything in the account's stream."""
        return driven(self.service.core.wiring.journal.read(self.stream(account), whole=True))

    def ledger(self, account: AccountId) -> tuple[LedgerEntry, ...]:
        """What the ledger has of the account's first round."""
        return driven(self.service.core.wiring.ledger.find(self.stream(account), 1))

    def noticed(self, account: AccountId) -> str:
        """All that a person does before they confirm; the nonce with which they do."""
        service, who = self.service, self.principal(account)
        service.open(who)
        service.give_reason(who, "no_longer_needed")
        service.challenge(who, "email_code")
        found = self.directory.get(account)
        contact = None if found is None else found.contact("email")
        assert contact is not None, "the account has a mailbox"
        service.answer(who, "email_code", self.mail.last_code(contact.address))
        return service.notice(who, "en").nonce

    def is_idle(self, within: timedelta = SOON) -> bool:
        """Whether nothing is due within that time: a lease that nobody holds any more and a retry are waited for."""
        due = self.operator.due(limit=1)
        return not due or due[0].due > self.clock.now() + within

    def close(self) -> None:
        """Close it; repeatable."""
        self._ends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _store(ground: Ground) -> ClosableStore:
    if ground.url is None:
        return SqliteStore(ground.folder / "closures", clock=ground.clock())
    from hht_closure.adapters.sql import SqlStore  # noqa: PLC0415 - most of what a worker imports, of no use for files

    return SqlStore(ground.url, clock=ground.clock())


def _messages_on_server(ground: Ground, opening: ExitStack) -> DataSet | None:
    """The messages, where they stand on the server; their connections are closed with everything else."""
    if not ground.messages_on_server or ground.url is None:
        return None
    from sqlalchemy import create_engine, make_url  # noqa: PLC0415 - as above

    from hht_closure.adapters.sql_rows import SqlRows  # noqa: PLC0415

    engine = create_engine(make_url(ground.url).set(drivername="postgresql+psycopg"))
    opening.callback(engine.dispose)
    return SqlRows(engine, table="messages", account_column="user_id", name="messages")


def _terms(terms: Terms, cooling_off: int) -> Terms:
    """Those of the sample portal, with one code to be proved and nothing to declare."""
    return attrs.evolve(
        terms,
        requirement=email_code,
        statements=(),
        login_valid_for=_LONG,
        check_valid_for=_LONG,
        notice_valid_for=_LONG,
        cooling_off=timedelta(days=cooling_off) if cooling_off else None,
    )
