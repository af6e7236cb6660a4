"""The law of a data set, clause by clause."""

from __future__ import annotations

from hht_closure.account import AccountId
from hht_closure.ports import DataSet, EraseJob, Progress
from hht_closure.testing.contracts._expect import PortContract

ENOUGH_CALLS = 1_000
"""More batches than any suite needs; a data set that has not ended by then never ends."""


class DataSetContract(PortContract):
    """Subclass it, override the three hooks, and your data set has its suite."""

    def make_data_set(self) -> tuple[DataSet, AccountId]:
        """A new data set, and an account with items in it. Called once in each test, before every other hook.

        At least 7 items must go; any number more may be under a retention or hold.
        """
        raise NotImplementedError("make_data_set is a hook that the suite needs")

    def a_bystander(self) -> AccountId:
        """Another account, with items that must go of its own in the set just made; the suite erases none of them."""
        raise NotImplementedError("a_bystander is a hook that the suite needs")

    def add_an_item(self, account: AccountId) -> None:
        """Give that account one more item that must go, placed where a cursor that began at the front has passed.

        Where the order of the set does not allow that, anywhere.
        """
        raise NotImplementedError("add_an_item is a hook that the suite needs")

    def _erase(self, data_set: DataSet, account: AccountId, *, cursor: str = "", limit: int = 3) -> Progress:
        job = EraseJob(account=account, cursor=cursor, limit=limit, key=f"batch-after-{cursor}")
        return self.settled(data_set.erase(job))

    def _erase_all(self, data_set: DataSet, account: AccountId, *, limit: int = 3) -> int:
        """Batch after batch until the set says it is done; how many items it says it erased."""
        erased, cursor = 0, ""
        for _ in range(ENOUGH_CALLS):
            progress = self._erase(data_set, account, cursor=cursor, limit=limit)
            erased, cursor = erased + progress.erased, progress.cursor
            if progress.done:
                return erased
        raise AssertionError("the data set never says that it is done")

    def _remaining(self, data_set: DataSet, account: AccountId) -> int:
        return self.settled(data_set.remaining(account))

    def _restricted(self, data_set: DataSet, account: AccountId) -> int:
        portions = self.settled(data_set.survey(account))
        return sum(one.count for one in portions if one.disposition == "restricted")

    def test_the_set_has_a_name_and_does_not_wait_for_itself(self) -> None:
        """``name`` is stable, and ``after`` names other data sets only."""
        data_set, _ = self.make_data_set()
        assert data_set.name == data_set.name != ""
        assert data_set.name not in data_set.after

    def test_the_survey_and_the_remainder_agree(self) -> None:
        """Before anything is erased, what the survey says will go is what remains to go."""
        data_set, account = self.make_data_set()
        portions = self.settled(data_set.survey(account))
        going = sum(one.count for one in portions if one.disposition != "restricted")
        assert going == self._remaining(data_set, account) >= 7

    def test_surveying_changes_nothing(self) -> None:
        """``survey`` gives the same again."""
        data_set, account = self.make_data_set()
        assert self.settled(data_set.survey(account)) == self.settled(data_set.survey(account))

    def test_counting_changes_nothing(self) -> None:
        """``remaining`` gives the same again."""
        data_set, account = self.make_data_set()
        assert self._remaining(data_set, account) == self._remaining(data_set, account)

    def test_a_batch_erases_no_more_than_its_limit(self) -> None:
        """``erase`` touches at most ``limit`` items, and says truly how many it erased."""
        data_set, account = self.make_data_set()
        before = self._remaining(data_set, account)
        progress = self._erase(data_set, account, limit=3)
        assert progress.erased == before - self._remaining(data_set, account) <= 3

    def test_a_batch_of_one_goes_forward(self) -> None:
        """Batches of a single item come to the end, too."""
        data_set, account = self.make_data_set()
        before = self._remaining(data_set, account)
        assert self._erase_all(data_set, account, limit=1) == before

    def test_batch_after_batch_everything_goes(self) -> None:
        """When the set says it is done, nothing remains, and the batches add up (L17)."""
        data_set, account = self.make_data_set()
        before = self._remaining(data_set, account)
        assert self._erase_all(data_set, account) == before
        assert self._remaining(data_set, account) == 0

    def test_one_batch_with_room_for_all_takes_all(self) -> None:
        """A limit larger than the set empties it without an endless tail of batches."""
        data_set, account = self.make_data_set()
        self._erase_all(data_set, account, limit=100_000)
        assert self._remaining(data_set, account) == 0

    def test_the_same_batch_again_is_safe(self) -> None:
        """A job that is run twice, as after a crash, does no harm, and the end is the same."""
        data_set, account = self.make_data_set()
        first = self._erase(data_set, account)
        self._erase(data_set, account)
        self._erase(data_set, account, cursor=first.cursor)
        self._erase_all(data_set, account)
        assert self._remaining(data_set, account) == 0

    def test_a_lost_cursor_is_no_loss(self) -> None:
        """Batches that all begin with an empty cursor come to the end as well."""
        data_set, account = self.make_data_set()
        for _ in range(self._remaining(data_set, account)):
            self._erase(data_set, account, limit=3)
        assert self._remaining(data_set, account) == 0

    def test_an_empty_set_is_done_at_once(self) -> None:
        """Where nothing is left, a batch erases nothing and says that it is done."""
        data_set, account = self.make_data_set()
        self._erase_all(data_set, account)
        progress = self._erase(data_set, account)
        assert (progress.erased, progress.done) == (0, True)

    def test_an_item_that_comes_behind_the_cursor_is_found(self) -> None:
        """``remaining`` counts in the data themselves, not in what the batches have done (L17)."""
        data_set, account = self.make_data_set()
        self._erase(data_set, account)
        before = self._remaining(data_set, account)
        self.add_an_item(account)
        assert self._remaining(data_set, account) == before + 1

    def test_an_item_that_comes_after_the_end_can_be_erased(self) -> None:
        """A set that said it was done takes a new pass with an empty cursor."""
        data_set, account = self.make_data_set()
        self._erase_all(data_set, account)
        self.add_an_item(account)
        assert self._erase_all(data_set, account) == 1
        assert self._remaining(data_set, account) == 0

    def test_what_the_law_keeps_is_restricted_and_not_erased(self) -> None:
        """Items under a retention survive the erasure, are still surveyed, and do not remain to go (L20)."""
        data_set, account = self.make_data_set()
        before = self._restricted(data_set, account)
        self._erase_all(data_set, account)
        assert self._restricted(data_set, account) == before
        assert self._remaining(data_set, account) == 0

    def test_the_data_of_others_stay(self) -> None:
        """An erasure touches one account's items and nobody else's."""
        data_set, account = self.make_data_set()
        bystander = self.a_bystander()
        before = self.settled(data_set.survey(bystander))
        self._erase_all(data_set, account)
        assert self.settled(data_set.survey(bystander)) == before
        assert self._remaining(data_set, bystander) > 0


class RetainingDataSetContract(DataSetContract):
    """For a set with items under a retention (``make_data_set`` gives some): the same suite, and their purge."""

    def end_retention(self) -> None:
        """Let the time pass until every retention in the set just made has ended."""
        raise NotImplementedError("end_retention is a hook that the suite needs")

    def test_when_the_retention_ends_the_item_must_go(self) -> None:
        """What was restricted remains to go from the end of its retention on, and the next pass purges it (L20)."""
        data_set, account = self.make_data_set()
        kept = self._restricted(data_set, account)
        self._erase_all(data_set, account)
        self.end_retention()
        assert self._remaining(data_set, account) == kept > 0
        assert self._erase_all(data_set, account) == kept
        assert self._remaining(data_set, account) == 0
