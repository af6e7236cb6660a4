"""L23: a round's key is created when it opens and destroyed when it ends: intent, destruction, event."""

from __future__ import annotations

import pytest

from hht_closure.errors import KeyDestroyedError, KeyMissingError
from hht_closure.events import ClosureClosed, KeyDestroyed, ReasonGiven, TaskFailed
from hht_closure.flows.calls import driven
from hht_closure.flows.stream import round_key
from hht_closure.keys import KeyRing
from hht_closure.ports import KeyDestroyed as DestroyedInVault
from hht_closure.ports import KeyMissing, KeyPresent
from tests.stage import LI, TERMS, Killed, Stage


def _key(stage: Stage, number: int = 1) -> KeyPresent | DestroyedInVault | KeyMissing:
    return stage.store.vault.fetch(round_key(stage.stream(), number))


def test_a_key_is_made_with_its_round(stage: Stage) -> None:
    """Before there is none, afterwards there is one (L23)."""
    before = _key(stage)
    stage.opened()
    assert (before, isinstance(_key(stage), KeyPresent)) == (KeyMissing(), True)


def test_a_closed_rounds_key_is_destroyed(stage: Stage) -> None:
    """With the closing the key is gone, and known to be (L23)."""
    stage.closed()
    assert (_key(stage), stage.kinds().count("KeyDestroyed")) == (DestroyedInVault(), 2)


def test_a_withdrawn_rounds_key_is_destroyed(stage: Stage) -> None:
    """What was written of the reason cannot be read any more (L23)."""
    stage.reason_given()
    stage.service.withdraw(stage.principal)
    stage.service.work()
    assert _key(stage) == DestroyedInVault()


def test_a_lapsed_rounds_key_is_destroyed(stage: Stage) -> None:
    """Nobody confirmed in time (L23)."""
    stage.reason_given()
    stage.clock.advance(TERMS.round_valid_for)
    stage.service.work()
    assert (stage.kinds()[-3:], _key(stage)) == (
        ("RoundLapsed", "KeyDestructionIntended", "KeyDestroyed"),
        DestroyedInVault(),
    )


def test_an_open_rounds_key_stays(stage: Stage) -> None:
    """The twin: a worker that finds nothing to do destroys nothing (L23)."""
    stage.reason_given()
    stage.service.work()
    assert isinstance(_key(stage), KeyPresent)


def test_the_next_round_has_a_key_of_its_own(stage: Stage) -> None:
    """Destroying the first round's key leaves the second round's alone (L23)."""
    stage.reason_given()
    stage.service.withdraw(stage.principal)
    stage.reason_given()
    stage.service.work()
    assert (_key(stage, 1), isinstance(_key(stage, 2), KeyPresent)) == (DestroyedInVault(), True)


def test_the_intent_is_committed_before_and_the_event_after_the_destruction(stage: Stage) -> None:
    """When the vault is told to destroy, the journal has the intent and not yet the event (L23)."""
    stage.confirmed()
    seen: list[tuple[str, ...]] = []

    def look(_: int, name: str) -> None:
        if name == "vault.destroy" and not seen:
            seen.append(tuple(one for one in stage.kinds() if one.startswith("Key")))

    stage.watched().before = look
    stage.service.work()
    assert (seen, [one for one in stage.kinds() if one.startswith("Key")][:2]) == (
        [("KeyDestructionIntended",)],
        ["KeyDestructionIntended", "KeyDestroyed"],
    )


def test_the_key_is_destroyed_only_after_the_account_is_retired(stage: Stage) -> None:
    """Nothing that still needs the key comes after it (L23, CRSH-09)."""
    stage.confirmed()
    watch = stage.watched()
    stage.service.work()
    order = [
        one for one in watch.calls if one in {"orders.erase", "messages.erase", "accounts.retire", "vault.destroy"}
    ]
    assert order == ["orders.erase", "messages.erase", "accounts.retire", "vault.destroy", "vault.destroy"]


def test_dying_between_intent_and_destruction_leaves_one_event(stage: Stage) -> None:
    """Three processes die on it, the fourth finishes: destroyed once in the journal (L23, KEY-04)."""
    stage.confirmed()
    watch = stage.watched()

    def die(_: int, name: str) -> None:
        if name == "vault.destroy":
            raise Killed

    watch.before = die
    for _ in range(3):
        with pytest.raises(Killed):
            stage.service.work()
        stage.restarted()
        stage.clock.advance(TERMS.codes.resend_after * 3)
    watch.before = _live
    stage.worked_off()
    destroyed = [one.task for one in stage.events() if isinstance(one, KeyDestroyed)]
    assert (destroyed, _key(stage)) == (["destroy_key:1", "destroy_farewell_key"], DestroyedInVault())


def _live(_: int, __: str) -> None:
    """No more dying."""


def test_what_was_sealed_says_that_its_key_was_destroyed(stage: Stage) -> None:
    """Opening a note of a closed round is ``KeyDestroyedError``, and no other key is tried (L23, KEY-01)."""
    stage.closed()
    streams = stage.service.core.streams
    loaded = driven(streams.load(stage.stream()))
    with pytest.raises(KeyDestroyedError):
        driven(streams.unsealed(loaded, ReasonGiven, "note", round_key(stage.stream(), 1)))


def test_a_missing_key_is_not_a_destroyed_one(stage: Stage) -> None:
    """Of a key that nobody destroyed the answer is another: an alarm (L23)."""
    with pytest.raises(KeyMissingError):
        driven(stage.service.core.streams.key(round_key(stage.stream(), 1)))


def test_while_the_round_is_open_its_note_opens(stage: Stage) -> None:
    """The twin (L23)."""
    stage.reason_given(note="I move abroad.")
    streams = stage.service.core.streams
    loaded = driven(streams.load(stage.stream()))
    assert driven(streams.unsealed(loaded, ReasonGiven, "note", round_key(stage.stream(), 1))) == "I move abroad."


def test_a_destroyed_key_is_never_made_again(stage: Stage) -> None:
    """The vault keeps the mark: creating under the same id is refused (L23)."""
    stage.closed()
    with pytest.raises(KeyDestroyedError):
        driven(stage.service.core.streams.create_key(round_key(stage.stream(), 1)))


def test_a_vault_that_lost_its_keys_is_an_alarm_and_erases_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restored from before the round: the work fails as ``key_missing`` and is not taken for done (L23, DESIGN 7)."""
    nonce = stage.noticed().nonce
    monkeypatch.setattr(stage.store.vault, "fetch", _missing)
    stage.service.confirm(stage.principal, nonce)
    stage.service.work()
    codes = {one.code for one in stage.events() if isinstance(one, TaskFailed)}
    assert (codes, stage.count(ClosureClosed), stage.messages.remaining(LI.id)) == ({"key_missing"}, 0, 2)


def _missing(_: str) -> KeyMissing:
    return KeyMissing()


def test_a_key_ring_without_the_wrapping_secret_says_that_it_is_missing(stage: Stage) -> None:
    """Another ring, the same vault: missing, and never garbage (L23)."""
    stage.opened()
    another = KeyRing.generate(stage.entropy)
    found = _key(stage)
    assert isinstance(found, KeyPresent)
    with pytest.raises(KeyMissingError):
        another.unwrap(round_key(stage.stream(), 1), found.wrapped)
