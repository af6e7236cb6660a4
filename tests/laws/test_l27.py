"""L27: a tombstone is a keyed digest of the login name with an end date, set before the account is retired."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import attrs
import pytest

from hht_closure.keys import KeyRing
from tests.stage import LI, TERMS, MakeStage, Stage

TICK = timedelta(microseconds=1)
RESERVED_FOR = timedelta(days=90)


def test_a_closed_accounts_login_name_is_reserved(stage: Stage) -> None:
    """Before it is not, afterwards it is (L27)."""
    before = stage.service.reserved("li.weiguo")
    stage.closed()
    assert (before, stage.service.reserved("li.weiguo")) == (False, True)


@pytest.mark.parametrize("spelling", ["LI.WEIGUO", " li.weiguo ", "ｌｉ．ｗｅｉｇｕｏ", "Li.Weiguo\u3000"])
def test_other_spellings_of_it_are_reserved_as_well(stage: Stage, spelling: str) -> None:
    """Case, width and spaces make no other name (L27)."""
    stage.closed()
    assert stage.service.reserved(spelling) is True


def test_other_names_are_not(stage: Stage) -> None:
    """The twin: a name that only looks like it in part (L27)."""
    stage.closed()
    assert stage.service.reserved("li.weigu") is False


def test_it_is_set_before_the_account_is_retired(stage: Stage) -> None:
    """When the directory hears ``retire``, the name is reserved already: no gap to register it in (L27)."""
    stage.confirmed()
    seen: list[bool] = []

    def look(_: int, name: str) -> None:
        if name == "accounts.retire":
            seen.append(stage.service.reserved("li.weiguo"))

    stage.watched().before = look
    stage.service.work()
    assert seen == [True]


def test_as_long_as_it_cannot_be_set_the_account_is_not_retired(stage: Stage) -> None:
    """The name must not be free for a moment, so the retirement waits (L27)."""
    stage.confirmed()

    def fail(_: int, name: str) -> None:
        if name == "tombstones.lay":
            raise OSError("no tombstones today")

    stage.watched().before = fail
    stage.service.work()
    assert stage.accounts.get(LI.id) == attrs.evolve(LI, standing="frozen", held_from="open")


def test_it_counts_until_just_before_its_end(stage: Stage) -> None:
    """A microsecond before the end the name is reserved (L6, L27)."""
    stage.closed()
    stage.clock.advance(RESERVED_FOR - TICK)
    assert stage.service.reserved("li.weiguo") is True


def test_it_is_over_exactly_at_its_end(stage: Stage) -> None:
    """Names are not blocked for ever (L27, PEERS)."""
    stage.closed()
    stage.clock.advance(RESERVED_FOR)
    assert stage.service.reserved("li.weiguo") is False


def test_terms_without_a_tombstone_reserve_nothing(make_stage: MakeStage) -> None:
    """The twin (L27)."""
    stage = make_stage(attrs.evolve(TERMS, tombstone_for=None))
    stage.closed()
    assert stage.service.reserved("li.weiguo") is False


def test_a_withdrawn_closure_reserves_nothing(stage: Stage) -> None:
    """Whoever keeps the account keeps the name anyway (L27)."""
    stage.confirmed()
    stage.service.withdraw(stage.principal)
    stage.service.work()
    assert stage.service.reserved("li.weiguo") is False


def test_without_the_key_no_list_of_names_finds_it(stage: Stage) -> None:
    """Hashes of the right name, plain or under another ring, match nothing (L27, TOMB-01)."""
    digest = stage.keyring.tombstone("Stage", str(LI.login_name))
    guesses = {
        hashlib.sha256(b"li.weiguo").hexdigest(),
        KeyRing.generate(stage.entropy).tombstone("Stage", "li.weiguo"),
    }
    assert (digest in guesses, len(digest)) == (False, 43)


def test_two_portals_reserve_each_for_itself(stage: Stage) -> None:
    """The portal's name is bound into the digest (L27)."""
    assert stage.keyring.tombstone("Stage", "li") != stage.keyring.tombstone("Elsewhere", "li")
