"""What a host writes, in memory: every law of its ports, and the calls by which a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hht_closure.account import Account, AccountId, ContactPoint
from hht_closure.adapters.memory import (
    MemoryCodeSender,
    MemoryDataSet,
    MemoryDirectory,
    MemoryMessages,
    MemoryPrecondition,
    MemoryTask,
)
from hht_closure.errors import DeliveryError
from hht_closure.policy import Blocked, Blocker, Portion, Unknown
from hht_closure.ports import (
    AccountDirectory,
    Again,
    CodeMessage,
    DataSet,
    Done,
    Failed,
    Messages,
    Precondition,
    TaskJob,
)
from hht_closure.testing.clock import ManualClock
from hht_closure.testing.contracts import (
    MessagesContract,
    PreconditionContract,
    RetainingDataSetContract,
    SuspendingDirectoryContract,
)
from hht_closure.values import Secret

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
MEI = AccountId("mei")
EMAIL = ContactPoint(channel="email", address="mei@example.org", version="1")
DEBT = Blocker(code="money_owed", ground="contract 4.2", remedy="/invoices")


class TestMemoryDirectory(SuspendingDirectoryContract):
    """The directory in memory."""

    def make_directory(self) -> AccountDirectory:
        """A new one."""
        self.directory = MemoryDirectory()
        self.made = 0
        return self.directory

    def an_account(self) -> AccountId:
        """The next account, with an address and a session."""
        self.made += 1
        account = AccountId(f"account-{self.made}")
        self.directory.add(Account(id=account, contacts=(EMAIL,), login_name=f"name-{self.made}"))
        self.directory.log_in(account, "session")
        return account

    def a_suspended_account(self) -> AccountId:
        """An account under a sanction."""
        account = self.an_account()
        self.directory.change_standing(account, "suspended")
        return account

    def live_sessions(self, account: AccountId) -> int:
        """The sessions of the account."""
        return len(self.directory.sessions(account))


class TestMemoryDataSet(RetainingDataSetContract):
    """The data set in memory."""

    def make_data_set(self) -> tuple[DataSet, AccountId]:
        """Seven items that go, and two that the law keeps."""
        self.clock = ManualClock(NOON)
        self.data_set = MemoryDataSet("letters", after=("files",), clock=self.clock)
        self.data_set.add(MEI, *"abcdefg")
        self.data_set.add(MEI, "h", "i", until=NOON + YEAR, ground="Tax Code 147")
        return self.data_set, MEI

    def a_bystander(self) -> AccountId:
        """An account with one item."""
        self.data_set.add(AccountId("other"), "theirs")
        return AccountId("other")

    def add_an_item(self, account: AccountId) -> None:
        """One more."""
        self.data_set.add(account, "late")

    def end_retention(self) -> None:
        """A year passes."""
        self.clock.advance(YEAR)


class TestMemoryPrecondition(PreconditionContract):
    """The precondition in memory."""

    def make_clean(self) -> tuple[Precondition, Account]:
        """As it is made."""
        return MemoryPrecondition("no_money_owed"), Account(id=MEI)

    def make_blocked(self) -> tuple[Precondition, Account]:
        """Set to block."""
        return MemoryPrecondition("no_money_owed", Blocked((DEBT,))), Account(id=MEI)


class TestMemoryMessages(MessagesContract):
    """The messages in memory."""

    def make_messages(self) -> Messages:
        """A new outbox."""
        self.messages = MemoryMessages()
        return self.messages

    def make_failing(self) -> Messages:
        """An outbox set to fail."""
        self.messages = MemoryMessages()
        self.messages.failing = True
        return self.messages

    def reached(self) -> tuple[str, ...]:
        """The addresses of the letters."""
        return tuple(letter.to.address for letter in self.messages.letters)


def test_a_contact_version_never_comes_back() -> None:
    """Not even when the old address does (L3)."""
    directory = MemoryDirectory(Account(id=MEI, contacts=(EMAIL,)))
    directory.change_contact(MEI, "email", "new@example.org")
    changed = directory.get(MEI)
    directory.change_contact(MEI, "email", EMAIL.address)
    back = directory.get(MEI)
    assert changed is not None
    assert back is not None
    assert [one.address for one in back.contacts] == [EMAIL.address]
    assert len({EMAIL.version, changed.contacts[0].version, back.contacts[0].version}) == 3


def test_a_removed_contact_is_gone() -> None:
    """An address of None takes the channel away."""
    directory = MemoryDirectory(Account(id=MEI, contacts=(EMAIL,)))
    directory.change_contact(MEI, "email", None)
    assert directory.get(MEI) == Account(id=MEI)


def test_an_id_is_issued_once() -> None:
    """Neither an account that is there nor one that was retired can be added again."""
    directory = MemoryDirectory(Account(id=MEI), Account(id=AccountId("gone")))
    directory.retire(AccountId("gone"))
    for account in (MEI, AccountId("gone")):
        with pytest.raises(ValueError, match="once"):
            directory.add(Account(id=account))


def test_a_sanction_during_a_freeze_waits_for_its_end() -> None:
    """A frozen account stays frozen, and takes the new standing on when it is given back."""
    directory = MemoryDirectory(Account(id=MEI))
    directory.freeze(MEI, 1)
    directory.change_standing(MEI, "suspended")
    assert directory.get(MEI) == Account(id=MEI, standing="frozen", held_from="suspended")
    directory.unfreeze(MEI, 2)
    assert directory.get(MEI) == Account(id=MEI, standing="suspended")


def test_the_survey_names_what_is_kept_until_when_and_why() -> None:
    """Items with the same end and ground make one portion (L20)."""
    data_set = MemoryDataSet("invoices", clock=ManualClock(NOON))
    data_set.add(MEI, "a")
    data_set.add(MEI, "b", "c", until=NOON + YEAR, ground="Tax Code 147")
    assert data_set.survey(MEI) == (Portion("erased", 1), Portion("restricted", 2, NOON + YEAR, "Tax Code 147"))
    assert data_set.items(MEI) == ("a", "b", "c")


def test_a_precondition_says_what_it_was_set_to_say() -> None:
    """The finding can be changed between two checks, and the asking is counted."""
    precondition = MemoryPrecondition("no_money_owed")
    precondition.check(Account(id=MEI))
    precondition.finding = Unknown()
    assert (precondition.check(Account(id=MEI)), precondition.asked) == (Unknown(), 2)


def test_a_task_gives_the_outcome_it_was_set_to_give() -> None:
    """Done, again or failed, and every job is remembered."""
    task = MemoryTask("purge_search_index", after=("other",), mandatory=False)
    job = TaskJob(account=MEI, key="k")
    outcomes = [task.run(job)]
    for outcome in (Again(), Failed("retryable", "down")):
        task.outcome = outcome
        outcomes.append(task.run(job))
    assert outcomes == [Done(), Again(), Failed("retryable", "down")]
    assert (task.jobs, task.name, task.after, task.mandatory) == ((job,) * 3, "purge_search_index", ("other",), False)


def _message(destination: str, code: str) -> CodeMessage:
    return CodeMessage(
        channel="sms",
        destination=Secret(destination),
        code=Secret(code),
        valid_for=timedelta(minutes=10),
        locale="en",
        portal="Harbour",
        id=code,
    )


def test_the_last_code_of_a_destination_can_be_typed() -> None:
    """The newest message to that number counts, and not what went elsewhere."""
    sender = MemoryCodeSender("sms")
    for destination, code in (("+86-1", "111111"), ("+86-1", "222222"), ("+86-2", "333333")):
        sender.send(_message(destination, code))
    assert (sender.last_code("+86-1"), len(sender.sent), sender.channel) == ("222222", 3, "sms")


def test_where_nothing_was_sent_there_is_no_last_code() -> None:
    """Asking for it is an error, and no empty text."""
    with pytest.raises(LookupError):
        MemoryCodeSender("sms").last_code("+86-1")


def test_a_failing_sender_hands_nothing_over() -> None:
    """The error names the channel and neither code nor destination (L22)."""
    sender = MemoryCodeSender("sms")
    sender.failing = True
    with pytest.raises(DeliveryError) as caught:
        sender.send(_message("+86-1", "111111"))
    assert (caught.value.args, sender.sent) == (("sms", "unreachable"), ())
