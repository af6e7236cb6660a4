"""What hosts and adapters give is checked where it is built (L22, L30)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hht_closure.account import AccountId
from hht_closure.errors import InvalidValueError
from hht_closure.ports import Again, EraseJob, Failed, Letter, Progress, TaskJob
from hht_closure.ports.keeping import KeyPresent, LedgerEntry
from tests.core.build import EMAIL


@pytest.mark.parametrize("after", [timedelta(0), timedelta(seconds=-1), timedelta.max, 5])
def test_a_task_asks_to_be_called_again_after_a_duration(after: timedelta) -> None:
    """No zero, which would be a loop without a pause, and nothing endless (L30)."""
    with pytest.raises(InvalidValueError) as error:
        Again(after)
    assert error.value.args[0] == "after"


@pytest.mark.parametrize("code", ["", "no mailbox li@example.com", "Timeout", "a" * 65])
def test_a_failure_is_a_code_and_no_text(code: str) -> None:
    """It stands in the journal in clear, for ever (L22)."""
    with pytest.raises(InvalidValueError) as error:
        Failed("retryable", code)
    assert error.value.args == ("code", "not_a_name")


@pytest.mark.parametrize("erased", [-1, True, 1.5, "1", None])
def test_a_batch_counts_whole_items(erased: object) -> None:
    """What could not be stored is refused before it is (L30)."""
    with pytest.raises(InvalidValueError) as error:
        Progress(erased=erased, done=False)  # type: ignore[arg-type]
    assert error.value.args[0] == "erased"


@pytest.mark.parametrize("cursor", ["x" * 201, "a\x00b", 7])
def test_a_cursor_is_a_short_text(cursor: object) -> None:
    """It stands in the journal in clear, for ever (L22, L30)."""
    with pytest.raises(InvalidValueError) as error:
        Progress(erased=1, cursor=cursor, done=False)  # type: ignore[arg-type]
    assert error.value.args[0] == "cursor"


def test_the_first_and_the_last_batch_need_no_cursor() -> None:
    """Empty stands for the beginning."""
    assert Progress(erased=0, done=True).cursor == ""


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        (EraseJob(account=AccountId("li.weiguo"), cursor="", limit=1, key="k"), "li.weiguo"),
        (TaskJob(account=AccountId("li.weiguo"), key="k"), "li.weiguo"),
        (Letter(kind="farewell", to=EMAIL, locale="en", portal="P", id="1", reference="the-ticket"), "li@example.com"),
        (Letter(kind="farewell", to=EMAIL, locale="en", portal="P", id="1", reference="the-ticket"), "the-ticket"),
        (KeyPresent(b"wrapped-key"), "wrapped-key"),
        (
            LedgerEntry(stream="s", round=1, kind="begun", statement="jws", sealed_account=b"sealed-account"),
            "sealed-account",
        ),
    ],
)
def test_what_goes_through_a_port_shows_no_person_and_no_key(value: object, hidden: str) -> None:
    """Not in a ``repr``, and so in no log of a host's (L22)."""
    assert hidden not in repr(value)
