"""L9: for callers without a session: unknown, closed and locked cannot be told apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hht_closure.keys.derivation import Part, hmac_of
from hht_closure.values import Secret
from tests.stage import MakeStage, Stage, refusal_codes


def _other_round(reference: str) -> str:
    key, stream, _, mac = reference.split(".")
    return f"{key}.{stream}.2.{mac}"


def _other_stream(reference: str) -> str:
    key, stream, number, mac = reference.split(".")
    return f"{key}.{stream[::-1]}.{number}.{mac}"


def _other_mac(reference: str) -> str:
    return reference[:-1] + ("A" if reference[-1] != "A" else "B")


def _other_key(reference: str) -> str:
    return "000000000000." + reference.partition(".")[2]


def _nothing(_: str) -> str:
    return ""


def _garbage(_: str) -> str:
    return "../../etc/passwd\x00"


FORGERIES = [_other_round, _other_stream, _other_mac, _other_key, _nothing, _garbage]


@pytest.mark.parametrize("forged", FORGERIES)
def test_every_reference_that_does_not_verify_meets_the_same_refusal(
    stage: Stage, forged: Callable[[str], str]
) -> None:
    """Round, stream, MAC or key of another, or no reference at all: one answer (L9, CODE-26)."""
    reference = forged(stage.closed().reference)
    assert [refusal_codes(ask, reference) for ask in (stage.service.status, stage.service.receipt)] == [
        ("reference_unknown",),
        ("reference_unknown",),
    ]


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_reference_that_does_not_verify_asks_no_port(stage: Stage, forged: Callable[[str], str]) -> None:
    """What is asked of the store does not depend on what is guessed, since nothing is asked (L9, CODE-26)."""
    reference = forged(stage.closed().reference)
    watch = stage.watched()
    refusal_codes(stage.service.status, reference)
    assert watch.calls == []


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_reference_that_does_not_verify_costs_one_mac(
    stage: Stage, forged: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However wrong it is, exactly one MAC is computed, as for a genuine one (L9)."""
    reference = forged(stage.closed().reference)
    macs: list[str] = []

    def counted(key: Secret[bytes], *parts: Part) -> bytes:
        macs.append("one")
        return hmac_of(key, *parts)

    monkeypatch.setattr("hht_closure.keys.ring.hmac_of", counted)
    refusal_codes(stage.service.status, reference)
    assert macs == ["one"]


def test_a_genuine_reference_works_when_the_log_in_is_gone(stage: Stage) -> None:
    """The twin: the ticket alone gives status and receipt of a closed account (L9)."""
    reference = stage.closed().reference
    assert (stage.service.status(reference).step, stage.service.receipt(reference).claims.round_number) == (
        "closed",
        1,
    )


def test_a_reference_of_one_portal_is_none_of_another(make_stage: MakeStage) -> None:
    """Two portals with one key ring: the portal's name is bound into the reference (L9)."""
    reference = make_stage().closed().reference
    assert refusal_codes(make_stage(portal="Elsewhere").service.status, reference) == ("reference_unknown",)


def test_a_status_tells_nothing_of_whom(stage: Stage) -> None:
    """Neither the account's id nor a contact point or a note is in what the holder of a reference sees (L9, L22)."""
    shown = repr(stage.service.status(stage.closed().reference))
    assert [one for one in ("li", "1380000", "example.com", "abroad") if one in shown] == []
