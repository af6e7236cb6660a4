"""Whoever has the whole store, and not the keys, learns nothing of a code: nothing in it depends on the digits.

Trying a million codes against a dump needs something in it that is different for different codes: a digest, an HMAC,
a cipher text, a length. So it is enough, and says more than any list of digests, to show that there is no such thing:
stages that are alike in all but their codes keep the same (L7, CODE-25).
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest

from hht_closure.adapters.codes import sms_code_verifier
from hht_closure.keys import KeyRing
from hht_closure.values import Secret
from hht_closure.verification import sms_code
from tests.stage import LI, NOW, TERMS, MakeStage, Stage

SMS: Final = attrs.evolve(TERMS, requirement=sms_code)


def _asked(stage: Stage) -> str:
    """A code is on its way, and nobody has answered."""
    stage.reason_given()
    stage.challenged("sms_code")
    return stage.code("sms_code")


def _asked_again(stage: Stage) -> str:
    """The same code is on its way a second time."""
    code = _asked(stage)
    stage.clock.advance(TERMS.codes.resend_after)
    stage.challenged("sms_code")
    return code


def _answered_wrongly(stage: Stage) -> str:
    """An answer was wrong, in its last digit."""
    code = _asked(stage)
    stage.service.answer(stage.principal, "sms_code", code[:-1] + str((int(code[-1]) + 1) % 10))
    return code


def _answered(stage: Stage) -> str:
    """The answer was right."""
    code = _asked(stage)
    stage.service.answer(stage.principal, "sms_code", code)
    return code


at_each_moment: Final = pytest.mark.parametrize("until", [_asked, _asked_again, _answered_wrongly, _answered])


def _with_ten_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages that are made from now on send codes of ten digits."""
    monkeypatch.setattr("tests.stage.sms_code_verifier", partial(sms_code_verifier, digits=10))


class OtherChallenges(KeyRing):
    """A key ring that is alike in all but the secrets of challenges, and so in all but the codes."""

    def challenge_secret(
        self,
        *,
        key: str,
        portal: str,
        stream: str,
        round_number: int,
        factor: str,
        channel: str | None,
        contact_version: str | None,
        challenge: str,
    ) -> Secret[bytes]:
        """The secret of a challenge that nobody made."""
        return super().challenge_secret(
            key=key,
            portal=portal,
            stream=stream,
            round_number=round_number,
            factor=factor,
            channel=channel,
            contact_version=contact_version,
            challenge=f"not {challenge}",
        )


def _with_other_codes(stage: Stage) -> Stage:
    """The same stage, with other codes."""
    ring = stage.keyring
    stage.keyring = OtherChallenges(
        identity=ring.identity, secrets=ring.secrets, current=ring.current, ledger=ring.ledger, signing=ring.signing
    )
    stage.restarted()
    return stage


# --- nothing that is kept depends on a code -------------------------------------------------------------------


@at_each_moment
def test_nothing_that_is_kept_depends_on_the_code(make_stage: MakeStage, until: Callable[[Stage], str]) -> None:
    """Two stages differ in their codes alone, and every row of every part of their stores is the same (L7, CODE-25)."""
    stage, other = make_stage(SMS), _with_other_codes(make_stage(SMS))
    code, another = until(stage), until(other)
    assert (code == another, stage.everything() == other.everything()) == (False, True)


@at_each_moment
def test_what_does_depend_on_a_choice_is_seen(make_stage: MakeStage, until: Callable[[Stage], str]) -> None:
    """The twin: stages that differ in their entropy alone are told apart by what they keep (CODE-25)."""
    stage, other = make_stage(SMS), make_stage(SMS, seed=2)
    until(stage)
    until(other)
    assert stage.everything() != other.everything()


# --- and no trace of one stands in the bytes ------------------------------------------------------------------


def _kept(stage: Stage) -> bytes:
    """All that the store holds: its parts in memory, or every byte of its files, the log and the index included."""
    files = (one.read_bytes() for one in sorted(stage.path.glob("*")))
    return b"\n".join((pickle.dumps(stage.everything()), *files))


def _traces(stage: Stage, code: str) -> Iterator[bytes]:
    """What an attacker looks for who has this code in mind: it, its number, its digests, and its MACs under names."""
    text, number = code.encode(), int(code)
    yield text
    yield bytes.fromhex(code)
    yield from (number.to_bytes(6, "big"), number.to_bytes(6, "little"))
    names = (stage.stream(), stage.keyring.current, stage.portal, LI.id, "sms_code", "s1", "1", LI.contacts[0].address)
    digests = [hashlib.new(one, text).digest() for one in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b")]
    for digest in (*digests, *(hmac.digest(name.encode(), text, "sha256") for name in names)):
        yield from (digest, digest.hex().encode())
        yield from (b64encode(digest).rstrip(b"="), urlsafe_b64encode(digest).rstrip(b"="))


@at_each_moment
def test_no_code_stands_in_a_dump_in_clear_or_digested(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, until: Callable[[Stage], str]
) -> None:
    """Of all codes the right one alone could be recognised, and nothing of it is there (L7, CODE-25).

    The codes have ten digits, so that none stands there by chance: a dump has less than a million bytes, and each
    begins ten certain digits once in 10^10 times, and the six bytes of their number once in 2^48.
    """
    _with_ten_digits(monkeypatch)
    stage = make_stage(SMS)
    traces, kept = _traces(stage, until(stage)), _kept(stage)
    assert (len(kept) < 1_000_000, [one for one in traces if one in kept]) == (True, [])


@pytest.mark.parametrize("careless", [str, lambda code: hashlib.sha256(code.encode()).hexdigest()])
def test_a_code_that_a_store_keeps_is_found(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch, careless: Callable[[str], str]
) -> None:
    """The twin: the digits in clear, or their SHA-256, under any name in any part of the store (CODE-25)."""
    _with_ten_digits(monkeypatch)
    stage = make_stage(SMS)
    code = _asked(stage)
    stage.store.tombstones.lay(careless(code), NOW)
    kept = _kept(stage)
    assert [one for one in _traces(stage, code) if one in kept] == [careless(code).encode()]


def test_the_log_of_the_database_is_searched(tmp_path: Path) -> None:
    """The twin: what was changed lately stands in SQLite's write-ahead log, and that is among the bytes (CODE-25)."""
    stage = Stage("sqlite", tmp_path / "store", terms=SMS)
    _asked(stage)
    log, searched = (stage.path / "journal.db-wal").read_bytes(), _kept(stage)
    stage.close()
    assert (b"ChallengeMade" in log, log in searched) == (True, True)
