"""The two ways to say no: refusals with stable codes, and errors that carry evidence and nothing personal."""

from __future__ import annotations

import inspect
import pickle

import pytest

from hht_closure import errors
from hht_closure.errors import REFUSAL_CODES, ClosureError, ClosureRefused, Refusal, refusal

ERRORS = [
    (errors.InvalidValueError("field", "too_long"), "field: too_long"),
    (errors.WiringError("unknown factor"), "unknown factor"),
    (errors.PortError("freeze", "OSError"), "freeze failed with OSError"),
    (errors.StoreUnavailableError("journal", "locked"), "the journal is unavailable: locked"),
    (errors.StoreVersionError("vault", 2, 1), "the vault has version 2, and this library reads version 1"),
    (errors.ConflictError("s", 3), "stream s is no longer 3 entries long"),
    (errors.LeaseLostError("s", 4), "the lease on stream s with fence 4 is lost"),
    (errors.StaleTokenError(3, 5), "token 3 is older than 5"),
    (errors.JournalBrokenError("s", 7), "stream s is broken at entry 7"),
    (errors.UnsupportedEventError("Odd", 2), "event Odd of version 2 is not known to this release"),
    (errors.ImpossibleEventError("Odd", "Open"), "Odd cannot happen in the stage Open"),
    (errors.KeyDestroyedError("k"), "key k was destroyed"),
    (errors.KeyMissingError("k"), "key k is missing"),
    (errors.SealBrokenError("note"), "the sealed field note does not open"),
    (errors.DeliveryError("sms", "timeout"), "sms could not be delivered: timeout"),
    (errors.ReceiptInvalidError("signature"), "the signed statement does not verify: signature"),
]


@pytest.mark.parametrize(("error", "sentence"), ERRORS, ids=[type(one).__name__ for one, _ in ERRORS])
def test_an_error_says_its_evidence_in_a_sentence(error: ClosureError, sentence: str) -> None:
    """Evidence stands in ``args``; the sentence is made of it."""
    assert str(error) == sentence


@pytest.mark.parametrize("error", [one for one, _ in ERRORS], ids=[type(one).__name__ for one, _ in ERRORS])
def test_an_error_comes_through_a_pickle_as_it_was(error: ClosureError) -> None:
    """Queues and process pools pickle exceptions; type and evidence arrive."""
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(back), back.args, str(back)) == (type(error), error.args, str(error))


def test_every_error_is_tried_here() -> None:
    """A new error gets its sentence and its pickle checked."""
    leaves = {one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, ClosureError)}
    assert {type(one) for one, _ in ERRORS} == leaves - {ClosureError}


def test_an_invalid_value_is_a_value_error() -> None:
    """Whoever catches the standard library's error catches ours."""
    assert issubclass(errors.InvalidValueError, ValueError)


def test_a_broken_journal_says_where() -> None:
    """Stream and entry can be taken by name."""
    error = errors.JournalBrokenError("s", 7)
    assert (error.stream, error.sequence) == ("s", 7)


def test_a_refusal_has_a_code_and_parameters() -> None:
    """What its sentence needs to be complete goes with it."""
    assert refusal("blocked", blocker="unpaid", amount=1200) == Refusal(
        "blocked", {"blocker": "unpaid", "amount": 1200}
    )


def test_a_refused_command_says_every_reason_at_once() -> None:
    """In the order in which a person meets them."""
    refused = ClosureRefused((refusal("reason_missing"), refusal("factor_unproved", factor="captcha")))
    assert refused.codes == ("reason_missing", "factor_unproved")
    assert str(refused) == "reason_missing, factor_unproved"


def test_a_refusal_is_no_error() -> None:
    """A "no" to a person is never caught with what went wrong in code."""
    assert not issubclass(ClosureRefused, ClosureError)


def test_a_refused_command_comes_through_a_pickle() -> None:
    """With all its refusals."""
    refused = ClosureRefused((refusal("locked"),))
    assert pickle.loads(pickle.dumps(refused)).refusals == refused.refusals  # noqa: S301 - our own bytes


def test_refusal_codes_are_named_once() -> None:
    """Each code means one thing."""
    assert len(set(REFUSAL_CODES)) == len(REFUSAL_CODES)
