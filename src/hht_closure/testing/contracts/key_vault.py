"""The law of a key vault, clause by clause (L23)."""

from __future__ import annotations

from functools import partial

from hht_closure.ports import KeyDestroyed, KeyMissing, KeyPresent, KeyVault
from hht_closure.testing.contracts._expect import KeepingContract, at_once

WRAPPED = bytes(range(60))
OTHER = WRAPPED[::-1]


class KeyVaultContract(KeepingContract):
    """Subclass it, override ``make_key_vault`` and ``rolled_back``, and your vault has its suite."""

    def make_key_vault(self) -> KeyVault:
        """A new, empty vault. Called once in each test; several threads call it."""
        raise NotImplementedError("make_key_vault is a hook that the suite needs")

    def _create(self, vault: KeyVault, wrapped: bytes) -> object:
        return self.settled(vault.create("k", wrapped))

    def test_a_key_never_created_is_missing(self) -> None:
        """``fetch`` of an id without any mark says missing, which is an alarm elsewhere (L23)."""
        vault = self.make_key_vault()
        assert self.settled(vault.fetch("k")) == KeyMissing()

    def test_a_key_is_given_back_to_the_byte(self) -> None:
        """``create`` and ``fetch`` give the wrapped key as it was stored."""
        vault = self.make_key_vault()
        assert self._create(vault, WRAPPED) == KeyPresent(WRAPPED)
        assert self.settled(vault.fetch("k")) == KeyPresent(WRAPPED)

    def test_the_first_key_wins(self) -> None:
        """A second ``create`` gives the key that is there, and does not replace it."""
        vault = self.make_key_vault()
        self._create(vault, WRAPPED)
        assert self._create(vault, OTHER) == KeyPresent(WRAPPED)
        assert self.settled(vault.fetch("k")) == KeyPresent(WRAPPED)

    def test_of_eight_creators_one_wins_and_all_know(self) -> None:
        """Eight callers with eight keys for one id all get the same one, and it is the one that stays."""
        vault = self.make_key_vault()
        outcomes = at_once([partial(self._create, vault, bytes([number]) * 60) for number in range(8)])
        assert outcomes == [self.settled(vault.fetch("k"))] * 8

    def test_a_destroyed_key_is_not_a_missing_one(self) -> None:
        """After ``destroy`` the answer is destroyed, and not missing (L23)."""
        vault = self.make_key_vault()
        self._create(vault, WRAPPED)
        self.settled(vault.destroy("k"))
        assert self.settled(vault.fetch("k")) == KeyDestroyed()

    def test_destroyed_stays_destroyed(self) -> None:
        """``create`` after ``destroy`` stores nothing and says so."""
        vault = self.make_key_vault()
        self._create(vault, WRAPPED)
        self.settled(vault.destroy("k"))
        assert self._create(vault, OTHER) == KeyDestroyed()
        assert self.settled(vault.fetch("k")) == KeyDestroyed()

    def test_destroying_is_repeatable(self) -> None:
        """``destroy`` twice is no error, as after a crash between intent and event (L23)."""
        vault = self.make_key_vault()
        self._create(vault, WRAPPED)
        self.settled(vault.destroy("k"))
        self.settled(vault.destroy("k"))
        assert self.settled(vault.fetch("k")) == KeyDestroyed()

    def test_a_key_never_seen_can_be_destroyed(self) -> None:
        """``destroy`` of an unknown id leaves its mark: nobody can create that key afterwards."""
        vault = self.make_key_vault()
        self.settled(vault.destroy("k"))
        assert self.settled(vault.fetch("k")) == KeyDestroyed()
        assert self._create(vault, WRAPPED) == KeyDestroyed()

    def test_the_other_keys_stay(self) -> None:
        """``destroy`` touches one key alone."""
        vault = self.make_key_vault()
        self._create(vault, WRAPPED)
        self.settled(vault.create("other", OTHER))
        self.settled(vault.destroy("k"))
        assert self.settled(vault.fetch("other")) == KeyPresent(OTHER)

    def test_fetching_changes_nothing(self) -> None:
        """``fetch`` leaves no mark: a key asked for before it exists can still be created."""
        vault = self.make_key_vault()
        self.settled(vault.fetch("k"))
        assert self._create(vault, WRAPPED) == KeyPresent(WRAPPED)

    def test_a_rollback_of_the_hosts_takes_no_key_back(self) -> None:
        """A key created while the host had a transaction open is there after its rollback (L4, L23)."""
        vault = self.make_key_vault()
        with self.rolled_back():
            self._create(vault, WRAPPED)
        assert self.settled(vault.fetch("k")) == KeyPresent(WRAPPED)

    def test_a_rollback_of_the_hosts_brings_no_key_back(self) -> None:
        """A key destroyed while the host had a transaction open stays destroyed (L4, L23)."""
        vault = self.make_key_vault()
        self._create(vault, WRAPPED)
        with self.rolled_back():
            self.settled(vault.destroy("k"))
        assert self.settled(vault.fetch("k")) == KeyDestroyed()
