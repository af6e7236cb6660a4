"""L21: the ledger knows whose account it was before anything goes, and for ever after; one sweep finds what is late."""

from __future__ import annotations

from hht_closure.adapters.memory import MemoryDataSet
from hht_closure.events import ErasureBegun
from hht_closure.receipts import verify_head
from tests.stage import LI, WANG, Stage, on_every_store

pytestmark = on_every_store


def test_the_ledger_has_the_account_before_the_first_eraser_is_called(stage: Stage) -> None:
    """When the first eraser is called, the entry ``begun`` is written (L21)."""
    stage.confirmed()
    seen: list[list[str]] = []

    def look(_: int, name: str) -> None:
        if name == "orders.erase":
            seen.append([entry.kind for _, entry in stage.store.ledger.entries()])

    stage.watched().before = look
    stage.service.work()
    assert seen == [["held", "begun"]]


def test_as_long_as_the_ledger_cannot_be_written_nothing_is_erased(stage: Stage) -> None:
    """Without an entry nobody could find the account again, so the erasers wait for it (L21)."""
    stage.confirmed()

    def fail(_: int, name: str) -> None:
        if name == "ledger.record":
            raise OSError("no ledger today")

    stage.watched().before = fail
    stage.service.work()
    assert (stage.count(ErasureBegun), stage.orders.remaining(LI.id), stage.messages.remaining(LI.id)) == (1, 1, 2)


def test_the_ledger_names_the_account_under_its_own_key(stage: Stage) -> None:
    """When every other key is gone, the ledger's key still opens whose account it was (L21)."""
    stage.closed()
    opened = [
        stage.keyring.unseal_account(
            entry.sealed_account, portal=stage.portal, stream=entry.stream, round_number=entry.round
        )
        for _, entry in stage.store.ledger.entries()
    ]
    assert opened == [LI.id] * 3


def test_the_ledger_signs_where_the_journal_stood(stage: Stage) -> None:
    """Its last statement is over the head of the closing event (L21, L24)."""
    stage.closed()
    _, entry = stage.store.ledger.entries()[-1]
    head = verify_head(entry.statement, stage.keyring.jwks())
    closing = next(one for one in stage.records() if b'"kind":"ClosureClosed"' in one.body)
    assert (head.kind, head.sequence, head.hash) == ("closed", closing.sequence, closing.hash)


def test_a_data_set_registered_before_the_erasure_goes_as_well(stage: Stage) -> None:
    """The terms did not name it; when the erasure begins it is there, and so it goes (L21, DESIGN 7)."""
    stage.confirmed()
    photos = MemoryDataSet("photos", clock=stage.clock)
    photos.add(LI.id, "a photo")
    stage.later_data_sets.append(photos)
    stage.restarted().work()
    reference = stage.keyring.reference(stage.portal, stage.stream(), 1)
    assert (photos.items(LI.id), [one.name for one in stage.service.receipt(reference).claims.data_sets]) == (
        (),
        ["orders", "messages", "photos"],
    )


def test_a_receipt_is_found_in_the_ledger_when_the_journal_is_lost(stage: Stage) -> None:
    """The journal alone was restored from before the closing: the ledger keeps the receipt (L21, DESIGN 7)."""
    reference = stage.closed().reference
    token = stage.service.receipt(reference).token
    found = [one.receipt for one in stage.store.ledger.find(stage.stream(), 1) if one.receipt is not None]
    assert found == [token]


# --- the sweep -------------------------------------------------------------------------------------------------------


def _photos(stage: Stage) -> MemoryDataSet:
    """The next release has photos, with one of each person."""
    photos = MemoryDataSet("photos", clock=stage.clock)
    for owner in (LI.id, WANG.id):
        photos.add(owner, f"a photo of {owner}")
    stage.later_data_sets.append(photos)
    stage.restarted()
    return photos


def test_one_sweep_erases_what_was_registered_after_the_closing(stage: Stage) -> None:
    """Li is closed, and the portal learns of photos: they go; Wang has an account, and keeps them (L21)."""
    stage.closed()
    photos = _photos(stage)
    report = stage.service.sweep()
    stage.service.work()
    assert (report.closed, report.added, photos.items(LI.id), len(photos.items(WANG.id))) == (1, 1, (), 1)


def test_without_a_sweep_what_was_registered_later_stays(stage: Stage) -> None:
    """The twin: nobody looks for it by itself, which is why behind a new release one sweeps (L21)."""
    stage.closed()
    photos = _photos(stage)
    stage.worked_off()
    assert len(photos.items(LI.id)) == 1


def test_the_sweep_needs_no_key_of_the_account(stage: Stage) -> None:
    """The round's key is destroyed and the account is retired; the ledger's own key says whose it was (L21, L23)."""
    stage.closed()
    assert stage.accounts.get(LI.id) is None
    photos = _photos(stage)
    vault = stage.watched().calls
    stage.service.sweep()
    stage.service.work()
    assert photos.items(LI.id) == ()
    assert "vault.create" not in vault
