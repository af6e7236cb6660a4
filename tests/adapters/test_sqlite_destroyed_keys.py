"""After ``destroy`` a key is nowhere: not in the file, not in the WAL (L23, KEY-02)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hht_closure.adapters.sqlite import SqliteKeyVault
from hht_closure.ports import KeyDestroyed, KeyPresent
from hht_closure.testing.clock import UnsafeSeededEntropy


def _found(directory: Path, keys: dict[str, bytes]) -> set[str]:
    """The names of those keys of which a part of sixteen bytes stands in any file of the directory."""
    stored = b"\n".join(path.read_bytes() for path in sorted(directory.iterdir()))
    return {name for name, key in keys.items() if any(key[at : at + 16] in stored for at in range(0, len(key) - 15, 4))}


def test_the_bytes_of_a_destroyed_key_are_in_no_file(tmp_path: Path) -> None:
    """They were there before, so the search is a real one; afterwards they are gone while the vault is still open."""
    vault = SqliteKeyVault(tmp_path / "keys.db")
    keys = {"k": UnsafeSeededEntropy(1).token(60)}
    vault.create("k", keys["k"])
    assert _found(tmp_path, keys) == {"k"}
    vault.destroy("k")
    assert _found(tmp_path, keys) == set()
    vault.close()
    assert _found(tmp_path, keys) == set()


def test_of_many_keys_exactly_the_destroyed_ones_are_gone(tmp_path: Path) -> None:
    """No copy stays in an unused part of a page, whatever the order and the sizes; the others stay to the byte."""
    vault = SqliteKeyVault(tmp_path / "keys.db")
    entropy = UnsafeSeededEntropy(2)
    keys = {entropy.token(8).hex(): entropy.token(20 + number % 90) for number in range(200)}
    for name, key in keys.items():
        vault.create(name, key)
    kept = dict(sorted(keys.items())[::10])
    destroyed = {name: key for name, key in keys.items() if name not in kept}
    for name in sorted(destroyed):
        vault.destroy(name)
    assert _found(tmp_path, destroyed) == set()
    assert {name: vault.fetch(name) for name in kept} == {name: KeyPresent(key) for name, key in kept.items()}
    assert {vault.fetch(name) for name in destroyed} == {KeyDestroyed()}
    vault.close()


def test_keys_created_between_destructions_do_not_bring_one_back(tmp_path: Path) -> None:
    """Create, destroy, create, as many times as rounds come and go: what is destroyed stays gone."""
    vault = SqliteKeyVault(tmp_path / "keys.db")
    entropy = UnsafeSeededEntropy(3)
    keys = {f"round-{number}": entropy.token(60) for number in range(60)}
    names = list(keys)
    vault.create(names[0], keys[names[0]])
    for before, name in pairwise(names):
        vault.create(name, keys[name])
        vault.destroy(before)
    assert _found(tmp_path, keys) == {names[-1]}
    vault.close()
