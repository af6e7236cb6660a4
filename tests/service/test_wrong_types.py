"""Anything at all given to any public call: a refusal, an ``InvalidValueError`` or a ``TypeError``, and no change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hht_closure.account import Account, AccountId, ContactPoint, Principal
from hht_closure.errors import ClosureRefused, InvalidValueError
from hht_closure.ports import RequestInfo
from tests.service.doubles import loose
from tests.stage import Stage, StoreKind

NO_TEXT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**30), 2**63, 2**64]),
    st.floats(),
    st.binary(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.tuples(st.text(max_size=3)),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.builds(object),
    st.just(datetime(2026, 3, 1, tzinfo=UTC)),
)
TEXT = st.one_of(st.text(max_size=40), st.text(alphabet="\ud800\udfff\x00\u202e{}%", max_size=5))
ANYTHING = NO_TEXT | TEXT
NO_NUMBER = st.one_of(st.none(), st.text(max_size=5), st.floats(), st.binary(max_size=3), st.lists(st.integers()))
NO_BOOLEAN = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.floats(), st.lists(st.integers()))

Call = Callable[[Stage, object], object]

CALLS: dict[str, tuple[Call, st.SearchStrategy[object]]] = {
    "current(principal)": (lambda s, x: loose(s.service.current)(x), ANYTHING),
    "explain(principal)": (lambda s, x: loose(s.service.explain)(x, "en"), ANYTHING),
    "explain(locale)": (lambda s, x: loose(s.service.explain)(s.principal, x), ANYTHING),
    "open(principal)": (lambda s, x: loose(s.service.open)(x), ANYTHING),
    "recheck(principal)": (lambda s, x: loose(s.service.recheck)(x), ANYTHING),
    "attest(principal)": (
        lambda s, x: loose(s.service.attest)(x, "data_backed_up", "waived", wording="1", locale="en"),
        ANYTHING,
    ),
    "attest(statement)": (
        lambda s, x: loose(s.service.attest)(s.principal, x, "waived", wording="1", locale="en"),
        ANYTHING,
    ),
    "attest(answer)": (
        lambda s, x: loose(s.service.attest)(s.principal, "data_backed_up", x, wording="1", locale="en"),
        ANYTHING,
    ),
    "attest(wording)": (
        lambda s, x: loose(s.service.attest)(s.principal, "data_backed_up", "waived", wording=x, locale="en"),
        NO_TEXT,
    ),
    "attest(locale)": (
        lambda s, x: loose(s.service.attest)(s.principal, "data_backed_up", "waived", wording="1", locale=x),
        NO_TEXT,
    ),
    "give_reason(principal)": (lambda s, x: loose(s.service.give_reason)(x, "rather_not_say"), ANYTHING),
    "give_reason(code)": (lambda s, x: loose(s.service.give_reason)(s.principal, x), ANYTHING),
    "give_reason(note)": (lambda s, x: loose(s.service.give_reason)(s.principal, "other", note=x), NO_TEXT),
    "give_reason(share_note)": (
        lambda s, x: loose(s.service.give_reason)(s.principal, "other", note="a note", share_note=x),
        NO_BOOLEAN,
    ),
    "choose_contacts(principal)": (lambda s, x: loose(s.service.choose_contacts)(x, ()), ANYTHING),
    "choose_contacts(contacts)": (lambda s, x: loose(s.service.choose_contacts)(s.principal, x), ANYTHING),
    "challenge(principal)": (lambda s, x: loose(s.service.challenge)(x, "captcha"), ANYTHING),
    "challenge(factor)": (lambda s, x: loose(s.service.challenge)(s.principal, x), ANYTHING),
    "answer(principal)": (lambda s, x: loose(s.service.answer)(x, "sms_code", "123456"), ANYTHING),
    "answer(factor)": (lambda s, x: loose(s.service.answer)(s.principal, x, "123456"), ANYTHING),
    "answer(answer)": (
        lambda s, x: loose(s.service.answer)(s.principal, "sms_code", x),
        NO_TEXT.filter(lambda x: x != {}),
    ),
    "answer(request)": (
        lambda s, x: loose(s.service.answer)(s.principal, "sms_code", "123456", x),
        ANYTHING.filter(lambda x: x is not None),
    ),
    "notice(principal)": (lambda s, x: loose(s.service.notice)(x, "en"), ANYTHING),
    "notice(locale)": (lambda s, x: loose(s.service.notice)(s.principal, x), ANYTHING),
    "confirm(principal)": (lambda s, x: loose(s.service.confirm)(x, "en.1.k.m"), ANYTHING),
    "confirm(nonce)": (lambda s, x: loose(s.service.confirm)(s.principal, x), ANYTHING),
    "withdraw(principal)": (lambda s, x: loose(s.service.withdraw)(x), ANYTHING),
    "status(reference)": (lambda s, x: loose(s.service.status)(x), ANYTHING),
    "receipt(reference)": (lambda s, x: loose(s.service.receipt)(x), ANYTHING),
    "reserved(login_name)": (lambda s, x: loose(s.service.reserved)(x), NO_TEXT),
    "work(limit)": (lambda s, x: loose(s.service.work)(limit=x), NO_NUMBER),
    "operator.due(limit)": (lambda s, x: loose(s.operator.due)(limit=x), NO_NUMBER),
    "operator.look(stream)": (lambda s, x: loose(s.operator.look)(x), NO_TEXT),
    "operator.release(stream)": (
        lambda s, x: loose(s.operator.release)(x, "freeze", actor="ops", reason="why"),
        ANYTHING,
    ),
    "operator.release(task)": (
        lambda s, x: loose(s.operator.release)(s.stream(), x, actor="ops", reason="why"),
        ANYTHING,
    ),
    "operator.release(actor)": (
        lambda s, x: loose(s.operator.release)(s.stream(), "freeze", actor=x, reason="why"),
        ANYTHING,
    ),
    "operator.release(reason)": (
        lambda s, x: loose(s.operator.release)(s.stream(), "freeze", actor="ops", reason=x),
        ANYTHING,
    ),
}

SEEDED = settings(
    derandomize=True,
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def ready(tmp_path: Path, kind: StoreKind) -> Iterator[Stage]:
    """A round with everything done but the confirmation, and a code that was sent and not answered."""
    stage = Stage(kind, tmp_path / "store")
    stage.reason_given()
    stage.proved("captcha")
    stage.challenged("sms_code")
    yield stage
    stage.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("call", CALLS)
def test_a_value_of_a_wrong_type_is_named_so_and_changes_nothing(ready: Stage, call: str) -> None:
    """INP-04: whatever a caller hands in, the answer is one of three, and the closing stands as it stood."""
    calling, values = CALLS[call]
    before = ready.everything()

    @SEEDED
    @given(values)
    def refused(value: object) -> None:
        with pytest.raises((ClosureRefused, InvalidValueError, TypeError)):
            calling(ready, value)

    refused()
    assert ready.everything() == before


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("limit", [0, -1, -(10**30), 1_000_001, 2**63, 10**30, True])
def test_a_limit_out_of_range_is_refused_and_nothing_is_claimed(ready: Stage, limit: int) -> None:
    """A pass takes from one closure to a million; SQLite cannot even be asked for more than 64 bits (L30)."""
    before = ready.everything()
    for call in (ready.service.work, ready.operator.due):
        with pytest.raises(InvalidValueError):
            call(limit=limit)
    assert ready.everything() == before
    assert ready.service.work(limit=1_000_000).streams == 0
    assert [one.stream for one in ready.operator.due(limit=1_000_000)] == [ready.stream()]


PRINCIPAL = {"account": "li", "session": "s", "logged_in_at": None, "means": "password"}


@SEEDED
@given(st.sampled_from(["account", "session", "means"]), NO_TEXT)
def test_no_principal_is_made_of_wrong_types(field: str, value: object) -> None:
    """A principal that exists is valid, so that no flow asks again (L30)."""
    with pytest.raises((InvalidValueError, TypeError)):
        loose(Principal)(**{**PRINCIPAL, field: value})


@SEEDED
@given(NO_TEXT.filter(lambda x: x is not None and not isinstance(x, datetime)) | TEXT)
def test_no_time_of_log_in_is_made_of_anything_but_a_time(value: object) -> None:
    """Least of all of a number, which could be seconds or milliseconds."""
    with pytest.raises((InvalidValueError, TypeError)):
        loose(Principal)(**{**PRINCIPAL, "logged_in_at": value})


@SEEDED
@given(st.sampled_from(["id", "locale", "standing", "login_name"]), NO_TEXT.filter(lambda x: x is not None))
def test_no_account_is_made_of_wrong_types(field: str, value: object) -> None:
    """What a directory gives is checked when it is built, in the directory, where the fault is."""
    right = {"id": AccountId("li"), "login_name": "li.weiguo"}
    with pytest.raises((InvalidValueError, TypeError)):
        loose(Account)(**{**right, field: value})


@SEEDED
@given(st.sampled_from([one.name for one in attrs.fields(ContactPoint)]), NO_TEXT)
def test_no_contact_point_is_made_of_wrong_types(field: str, value: object) -> None:
    """Channel, address and version are texts."""
    right = {"channel": "sms", "address": "+8613800001234", "version": "1"}
    with pytest.raises((InvalidValueError, TypeError)):
        loose(ContactPoint)(**{**right, field: value})


def test_a_request_says_nothing_of_who_sent_it() -> None:
    """The address is for the captcha provider alone, and does not show itself (L22)."""
    assert "192.0.2.7" not in repr(RequestInfo(remote_address="192.0.2.7", host="example.com"))
