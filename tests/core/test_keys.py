"""The key ring, derivations under labels, and sealing (L3, L7, L9, L22, L23, L27)."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from typing import ClassVar

import attrs
import pytest

from hht_closure.account import AccountId
from hht_closure.canonical import b64, unb64
from hht_closure.errors import InvalidValueError, KeyMissingError, SealBrokenError
from hht_closure.keys import KeyRing, Part, SigningKey, derived, framed, new_data_key, seal, unseal
from hht_closure.testing.clock import UnsafeSeededEntropy
from hht_closure.values import Secret

ACCOUNT = AccountId("account-7")
PLACE = ("stream", 3, "note", 1)
NONCE = bytes(range(12))


@pytest.fixture
def ring() -> KeyRing:
    """A ring as a portal makes it."""
    return KeyRing.generate(UnsafeSeededEntropy(1))


def fixed_ring() -> KeyRing:
    """A ring whose every key is written down here, for what must never change."""
    return KeyRing(
        identity=Secret(b"\x01" * 32),
        secrets={"k1": Secret(b"\x02" * 32)},
        current="k1",
        ledger=Secret(b"\x03" * 32),
        signing=(SigningKey(kid="s1", seed=Secret(b"\x04" * 32)),),
    )


def key_texts(ring: KeyRing) -> list[str]:
    """Every key of the ring, in each form that a leak would have."""
    keys = [ring.identity, ring.ledger, *ring.secrets.values(), *(one.seed for one in ring.signing)]
    return [form for key in keys for form in (b64(key.reveal()), key.reveal().hex(), repr(key.reveal())[2:-1])]


# --- the ring ---------------------------------------------------------------------------------------------------


def test_importing_the_keys_loads_nothing_heavy() -> None:
    """A portal that imports the library pays for cryptography at the first use, not before."""
    code = (
        "import sys, hht_closure.keys, hht_closure.receipts;"
        "print(sorted({'cryptography', 'sqlite3', 'asyncio', 'ssl'} & set(sys.modules)))"
    )
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=quiet)
    assert done.stdout.strip() == "[]"


def test_a_ring_shows_its_ids_and_no_key(ring: KeyRing) -> None:
    """``repr`` of a ring, and of its parts, after use, too, holds no key (L7, L22)."""
    ring.mac("label", "part")
    shown = f"{ring!r} {ring} {ring.signing!r} {ring.secrets!r} {attrs.asdict(ring, recurse=False)!r}"
    assert [form for form in key_texts(ring) if form in shown] == []
    assert ring.current in repr(ring)
    assert ring.signing[0].kid in repr(ring)


def test_a_ring_is_not_pickled(ring: KeyRing) -> None:
    """Neither the ring nor a signing key can be sent to a worker's queue by accident (L22)."""
    with pytest.raises(TypeError):
        pickle.dumps(ring)
    with pytest.raises(TypeError):
        pickle.dumps(ring.signing[0])
    with pytest.raises(TypeError):
        copy.deepcopy(ring)


def test_a_ring_survives_its_file(ring: KeyRing) -> None:
    """What was dumped is loaded, with every key and in the same order."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    loaded = KeyRing.load(rotated.dump() + "\n")
    assert loaded.dump() == rotated.dump()
    assert (repr(loaded.signing), loaded.current) == (repr(rotated.signing), rotated.current)
    assert sorted(key_texts(loaded)) == sorted(key_texts(rotated))


def damaged(**changes: object) -> str:
    """The fixed ring's file with some of its members changed."""
    file = {**json.loads(fixed_ring().dump()), **changes}
    return json.dumps(file, sort_keys=True, separators=(",", ":"))


SIGNING = {"alg": "EdDSA", "kid": "s1", "seed": b64(b"\x04" * 32)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "json: malformed"),
        ("{}", "keyring: other_names"),
        ("[]", "keyring: not_an_object"),
        (damaged() + " ", "json: not_canonical"),
        (damaged(extra=1), "keyring: other_names"),
        (damaged(version=2), "version: unknown"),
        (damaged(version=True), "version: not_a_number"),
        (damaged(identity=b64(b"\x01" * 31)), "identity: not_32_bytes"),
        (damaged(identity=b64(b"\x01" * 32) + "="), "base64url: not_base64url"),
        (damaged(ledger=7), "ledger: not_a_text"),
        (damaged(ledger=b64(b"\x01" * 33)), "ledger: not_32_bytes"),
        (damaged(current="k2"), "current: unknown"),
        (damaged(current=""), "current: not_a_key_id"),
        (damaged(secrets={}), "current: unknown"),
        (damaged(secrets={"k1": b64(b"short")}), "secrets: not_32_bytes"),
        (damaged(secrets={"k1": b64(b"\x02" * 32), "k.2": b64(b"\x02" * 32)}), "secrets: not_a_key_id"),
        (damaged(signing=[]), "signing: empty"),
        (damaged(signing=[SIGNING, SIGNING]), "signing: named_twice"),
        (damaged(signing=[{**SIGNING, "alg": "HS256"}]), "alg: unknown"),
        (damaged(signing=[{**SIGNING, "seed": b64(b"\x04")}]), "seed: not_32_bytes"),
        (damaged(signing=[{**SIGNING, "kid": "../s1"}]), "kid: not_a_key_id"),
    ],
)
def test_a_damaged_file_is_refused_and_not_shown(text: str, message: str) -> None:
    """A ring that is not exactly what was dumped is no ring; the error names the place and no content."""
    with pytest.raises(InvalidValueError) as error:
        KeyRing.load(text)
    assert str(error.value) == message


def test_rotation_keeps_what_was_and_signs_anew(ring: KeyRing) -> None:
    """A rotation changes what is used from now on, and takes nothing away."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    assert rotated.current not in ring.secrets
    assert set(ring.secrets) < set(rotated.secrets)
    assert rotated.signing[1:] == ring.signing
    assert (rotated.identity, rotated.ledger) == (ring.identity, ring.ledger)


def test_a_rotation_with_entropy_that_repeats_itself_is_refused(ring: KeyRing) -> None:
    """An id that comes again would put a new key in the place of an old one."""
    again = UnsafeSeededEntropy(1)
    KeyRing.generate(again)
    rotated = ring.rotated(again)
    repeating = UnsafeSeededEntropy(1)
    KeyRing.generate(repeating)
    with pytest.raises(InvalidValueError, match="secrets: named_twice"):
        rotated.rotated(repeating)


# --- what never changes -----------------------------------------------------------------------------------------


def test_what_earlier_releases_derived_is_derived_again() -> None:
    """Names, digests and references outlive every release; these were written by the first."""
    ring = fixed_ring()
    stream = ring.stream_name("bank", ACCOUNT)
    assert (stream, ring.tombstone("bank", "Wang"), ring.reference("bank", stream, 1)) == (
        "VEibI_TGjUK0VFrMMkaJMM8YxQXOwuRh",
        "c2EqA63iHbPuhFXRo5GrYBUIgNdAJ3fGWvlTN4VYdzA",
        "k1.VEibI_TGjUK0VFrMMkaJMM8YxQXOwuRh.1.TSJUbcRg77fUACuLEkqoHQW1",
    )


def test_what_earlier_releases_sealed_is_opened() -> None:
    """A wrapped key and a sealed account id of the first release open today."""
    ring = fixed_ring()
    wrapped = unb64("AmsxAf0_6zySULeXSptSi3T6ZoWiNaGehU-BrV0xuP3eg7eMxeezsp6XClX9gVjqbNwgL73RJFiq-8uimnCAFw")
    sealed = unb64("AWljYyGkYbVe9Vt76i-HK6u_onEbSUL8bxFHclz1Fq60hTh166M")
    assert ring.unwrap("round/1", wrapped).reveal() == b"\x07" * 32
    assert ring.unseal_account(sealed, portal="bank", stream="s", round_number=1) == ACCOUNT


def test_hkdf_is_that_of_the_standard() -> None:
    """RFC 5869 appendix A.3: no salt, no info."""
    okm = derived(Secret(b"\x0b" * 22), "", 42).reveal().hex()
    assert okm == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"


# --- derivations ------------------------------------------------------------------------------------------------


def test_a_stream_name_hangs_on_portal_and_account(ring: KeyRing) -> None:
    """Two portals, or two accounts, never share a stream; 32 characters, the account not among them."""
    names = {ring.stream_name(portal, AccountId(account)) for portal, account in [("a", "bc"), ("ab", "c"), ("a", "b")]}
    assert [len(name) for name in names] == [32, 32, 32]


def test_a_stream_name_survives_rotation(ring: KeyRing) -> None:
    """The identity key never rotates, so a closure is found for ever."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    assert rotated.stream_name("bank", ACCOUNT) == ring.stream_name("bank", ACCOUNT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("1",), (1,)),
        (("1",), (b"1",)),
        ((b"1",), (1,)),
        (("",), (None,)),
        (("",), (b"",)),
        (("",), ()),
        (("ab", "c"), ("a", "bc")),
        (("a", "b"), ("ab",)),
        (("asb",), ("a", "b")),
        (("\ud800",), ("?",)),
    ],
)
def test_parts_that_differ_give_macs_that_differ(ring: KeyRing, one: tuple[Part, ...], other: tuple[Part, ...]) -> None:
    """Parts are tagged by type and length-prefixed: no two ways to cut them share a MAC."""
    assert ring.mac("label", *one) != ring.mac("label", *other)


def test_labels_that_differ_give_macs_that_differ(ring: KeyRing) -> None:
    """What was made for one purpose says nothing for another."""
    assert ring.mac("one", "part") != ring.mac("two", "part")


def test_a_mac_comes_again_after_a_rotation_under_its_own_key(ring: KeyRing) -> None:
    """The old key goes on, under its id; without the id it is the new one."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    assert rotated.mac("label", "part", key=ring.current) == ring.mac("label", "part")
    assert rotated.mac("label", "part") != ring.mac("label", "part")


def test_a_mac_under_an_unknown_key_is_an_alarm(ring: KeyRing) -> None:
    """A key that is not there is missing, never replaced by another (L23)."""
    with pytest.raises(KeyMissingError, match="key gone is missing"):
        ring.mac("label", "part", key="gone")
    with pytest.raises(KeyMissingError):
        ring.mac("label", "part", key="")


def test_true_is_not_a_part() -> None:
    """A boolean is not the number one."""
    with pytest.raises(InvalidValueError, match="part: not_a_number"):
        framed(True)


CHALLENGE: dict[str, str | int | None] = {
    "portal": "bank",
    "stream": "s",
    "round_number": 1,
    "factor": "sms_code",
    "channel": "sms",
    "contact_version": "7",
    "challenge": "c1",
}


def challenge_secret(ring: KeyRing, key: str, **changes: str | int | None) -> bytes:
    """The secret of a challenge, with some of what it is bound to changed."""
    bound = {**CHALLENGE, **changes}
    return ring.challenge_secret(key=key, **bound).reveal()


@pytest.mark.parametrize(
    "change",
    [
        {"portal": "shop"},
        {"stream": "t"},
        {"round_number": 2},
        {"factor": "email_code"},
        {"channel": "email"},
        {"channel": None},
        {"contact_version": "8"},
        {"contact_version": None},
        {"challenge": "c2"},
    ],
)
def test_a_challenge_is_bound_to_all_it_was_made_for(ring: KeyRing, change: dict[str, str | int | None]) -> None:
    """Another portal, account, round, factor, channel, contact version or challenge has another code (L3)."""
    assert challenge_secret(ring, ring.current, **change) != challenge_secret(ring, ring.current)


def test_a_challenge_is_bound_to_its_purpose(ring: KeyRing) -> None:
    """A code made to log in, under the same label, would be another (L3)."""
    label, bound = "hht-closure/challenge", tuple(CHALLENGE.values())
    assert challenge_secret(ring, ring.current) == ring.mac(label, "close-account", *bound)


def test_a_challenge_keeps_its_digits_through_a_rotation(ring: KeyRing) -> None:
    """Sending again after a rotation sends what was sent before (L7)."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    assert challenge_secret(rotated, ring.current) == challenge_secret(ring, ring.current)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Wang", "wang"),
        ("wang", "  wang\u3000"),
        ("wang", "ｗａｎｇ"),
        ("strasse", "straße"),
        ("é", "e\u0301"),
        ("ﬁ", "FI"),
    ],
)
def test_a_tombstone_holds_for_every_spelling(ring: KeyRing, name: str, other: str) -> None:
    """Case, width, composition and spaces around it make no other login name (L27)."""
    assert ring.tombstone("bank", name) == ring.tombstone("bank", other)


def test_a_tombstone_is_keyed_and_of_one_portal(ring: KeyRing) -> None:
    """Another name, portal or key has another digest, so that no list of names finds it (L27)."""
    other = KeyRing.generate(UnsafeSeededEntropy(9))
    digests = {
        ring.tombstone("bank", "wang"),
        ring.tombstone("bank", "wang1"),
        ring.tombstone("shop", "wang"),
        other.tombstone("bank", "wang"),
    }
    assert len(digests) == 4


def test_a_tombstone_survives_rotation(ring: KeyRing) -> None:
    """A name stays reserved, whatever the ring's secrets do (L27)."""
    assert ring.rotated(UnsafeSeededEntropy(2)).tombstone("bank", "wang") == ring.tombstone("bank", "wang")


# --- what is counted --------------------------------------------------------------------------------------------


def test_what_is_counted_is_keyed_and_of_one_portal(ring: KeyRing) -> None:
    """Another portal, kind, channel, destination or key is another count (L8)."""
    digests = {
        ring.counted("bank", "destination", "sms", "+8613800001234"),
        ring.counted("shop", "destination", "sms", "+8613800001234"),
        ring.counted("bank", "number_block", "sms", "+8613800001234"),
        ring.counted("bank", "destination", "email", "+8613800001234"),
        ring.counted("bank", "destination", "sms", "+8613800001235"),
        KeyRing.generate(UnsafeSeededEntropy(9)).counted("bank", "destination", "sms", "+8613800001234"),
    }
    assert len(digests) == 6


def test_what_is_counted_survives_rotation(ring: KeyRing) -> None:
    """A new secret gives nobody a second day's worth of messages (L8)."""
    asked = ("bank", "destination", "sms", "+8613800001234")
    assert ring.rotated(UnsafeSeededEntropy(2)).counted(*asked) == ring.counted(*asked)


# --- references -------------------------------------------------------------------------------------------------


def reference(ring: KeyRing) -> str:
    """A reference to the third round of the account."""
    return ring.reference("bank", ring.stream_name("bank", ACCOUNT), 3)


def test_a_reference_is_read_back(ring: KeyRing) -> None:
    """It gives the stream and the round it was made for."""
    assert ring.read_reference("bank", reference(ring)) == (ring.stream_name("bank", ACCOUNT), 3)


def test_a_reference_survives_rotation_and_can_be_made_again(ring: KeyRing) -> None:
    """It names its key, so that a ticket of last year is read, and repeated, today (L12)."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    stream = ring.stream_name("bank", ACCOUNT)
    assert rotated.read_reference("bank", reference(ring)) == (stream, 3)
    assert rotated.reference("bank", stream, 3, ring.current) == reference(ring)


def test_a_reference_under_an_unknown_key_is_not_made(ring: KeyRing) -> None:
    """A key that is not there is missing (L23)."""
    with pytest.raises(KeyMissingError):
        ring.reference("bank", ring.stream_name("bank", ACCOUNT), 3, "gone")


def test_a_reference_of_another_portal_is_not_read(ring: KeyRing) -> None:
    """Two portals that share a ring do not read each other's tickets."""
    assert ring.read_reference("shop", reference(ring)) is None


def test_a_reference_with_any_character_changed_is_not_read(ring: KeyRing) -> None:
    """Nothing of it can be guessed or moved, the round least of all (L9)."""
    text = reference(ring)
    changed = [text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :] for at in range(len(text))]
    assert [one for one in changed if ring.read_reference("bank", one) is not None] == []


@pytest.mark.parametrize(
    "spelling",
    [
        "{text}=",
        "{text}\n",
        " {text}",
        "{key}.{stream}.03.{mac}",
        "{key}.{stream}.+3.{mac}",
        "{key}.{stream}.３.{mac}",
        "{key}.{stream}.4.{mac}",
        "{key}.{stream}..{mac}",
        "{key}.{stream}.3.",
        "{key}.{stream}.3",
        "gone.{stream}.3.{mac}",
        ".{stream}.3.{mac}",
        "{key}.{stream}.9999999999.{mac}",
        "",
        "...",
        "\ud800",
    ],
)
def test_a_reference_has_one_spelling(ring: KeyRing, spelling: str) -> None:
    """Leading zeros, signs, other digits, padding, spaces and missing parts are not read (L9)."""
    text = reference(ring)
    key, stream, _, mac = text.split(".")
    assert ring.read_reference("bank", spelling.format(text=text, key=key, stream=stream, mac=mac)) is None


class CountingRing(KeyRing):
    """A ring that counts its MACs."""

    macs: ClassVar[list[str]] = []

    def mac(self, label: str, *parts: Part, key: str | None = None) -> bytes:
        """The MAC, counted."""
        self.macs.append(label)
        return super().mac(label, *parts, key=key)


@pytest.mark.parametrize("spelling", ["{text}", "{text}=", "x{text}", "", "{head}.4.{mac}"])
def test_a_reference_costs_one_mac_however_wrong_it_is(ring: KeyRing, spelling: str) -> None:
    """By its cost nobody can tell an unknown reference from a malformed one (L9)."""
    text = reference(ring)
    head, _, mac = text.rsplit(".", 2)
    counting = CountingRing.load(ring.dump())
    CountingRing.macs.clear()
    counting.read_reference("bank", spelling.format(text=text, head=head, mac=mac))
    assert CountingRing.macs == ["hht-closure/reference"]


# --- data keys and sealing --------------------------------------------------------------------------------------


def test_a_wrapped_key_opens_across_rotations(ring: KeyRing) -> None:
    """The blob names the ring's secret it was wrapped under (L23)."""
    entropy = UnsafeSeededEntropy(5)
    key = new_data_key(entropy)
    wrapped = ring.wrap("round/1", key, entropy)
    rotated = ring.rotated(entropy).rotated(entropy)
    assert rotated.unwrap("round/1", wrapped).reveal() == key.reveal()
    assert rotated.wrap("round/1", key, entropy)[1:13] == rotated.current.encode()


def test_a_wrapped_key_opens_for_its_own_id_alone(ring: KeyRing) -> None:
    """A blob moved to another id in the vault does not open."""
    entropy = UnsafeSeededEntropy(5)
    wrapped = ring.wrap("round/1", new_data_key(entropy), entropy)
    with pytest.raises(SealBrokenError):
        ring.unwrap("round/2", wrapped)


def test_a_key_wrapped_under_a_secret_that_is_gone_is_an_alarm(ring: KeyRing) -> None:
    """Missing is another answer than broken (L23)."""
    entropy = UnsafeSeededEntropy(5)
    wrapped = ring.rotated(entropy).wrap("round/1", new_data_key(entropy), entropy)
    with pytest.raises(KeyMissingError):
        ring.unwrap("round/1", wrapped)


def flipped(data: bytes) -> list[bytes]:
    """The data with one bit changed, for every bit."""
    return [data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :] for at in range(len(data)) for bit in range(8)]


def test_a_wrapped_key_with_any_bit_changed_does_not_open(ring: KeyRing) -> None:
    """Neither the key nor the name of the secret can be changed."""
    entropy = UnsafeSeededEntropy(5)
    for changed in [b"", b"\x00", b"\xff", *flipped(ring.wrap("round/1", new_data_key(entropy), entropy))]:
        with pytest.raises((SealBrokenError, KeyMissingError)):
            ring.unwrap("round/1", changed)


def test_a_key_of_another_size_is_not_wrapped(ring: KeyRing) -> None:
    """A data key has 32 bytes."""
    with pytest.raises(InvalidValueError, match="data_key: not_32_bytes"):
        ring.wrap("round/1", Secret(b"short"), UnsafeSeededEntropy(5))


DATA_KEY = Secret(b"\x05" * 32)
PLAINTEXT = "不想说 13800138000".encode()


def test_what_is_sealed_is_opened_at_its_place() -> None:
    """The same bytes come back, and they do not stand in what is stored (L22)."""
    sealed = seal(DATA_KEY, PLAINTEXT, place=PLACE, nonce=NONCE)
    assert unseal(DATA_KEY, sealed, place=PLACE) == PLAINTEXT
    assert b"13800138000" not in sealed


def test_an_empty_text_is_sealed_too() -> None:
    """Nothing is sealed as nothing."""
    assert unseal(DATA_KEY, seal(DATA_KEY, b"", place=PLACE, nonce=NONCE), place=PLACE) == b""


@pytest.mark.parametrize(
    "place",
    [
        ("other", 3, "note", 1),
        ("stream", 4, "note", 1),
        ("stream", 3, "destination", 1),
        ("stream", 3, "note", 2),
        ("stream", "3", "note", 1),
        ("stream", 3, "note"),
        (),
    ],
)
def test_what_is_sealed_does_not_open_elsewhere(place: tuple[str | int, ...]) -> None:
    """Another stream, entry, field or schema version is another place (L22)."""
    with pytest.raises(SealBrokenError):
        unseal(DATA_KEY, seal(DATA_KEY, PLAINTEXT, place=PLACE, nonce=NONCE), place=place)


def test_what_is_sealed_does_not_open_with_any_bit_changed() -> None:
    """Version, nonce, text and tag are all bound: an error, never garbage (L22)."""
    for changed in flipped(seal(DATA_KEY, PLAINTEXT, place=PLACE, nonce=NONCE)):
        with pytest.raises(SealBrokenError):
            unseal(DATA_KEY, changed, place=PLACE)


def test_what_is_sealed_does_not_open_cut_short() -> None:
    """No beginning of it is enough (L22)."""
    sealed = seal(DATA_KEY, PLAINTEXT, place=PLACE, nonce=NONCE)
    for end in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            unseal(DATA_KEY, sealed[:end], place=PLACE)


def test_a_broken_seal_names_its_place_and_nothing_else() -> None:
    """The error says where to look, and holds no text and no key (L22)."""
    with pytest.raises(SealBrokenError) as error:
        unseal(Secret(b"\x06" * 32), seal(DATA_KEY, PLAINTEXT, place=PLACE, nonce=NONCE), place=PLACE)
    assert error.value.args == ("stream/3/note/1",)


def test_a_nonce_or_key_of_another_size_seals_nothing() -> None:
    """A nonce has 12 bytes and a key 32."""
    with pytest.raises(InvalidValueError, match="nonce: not_12_bytes"):
        seal(DATA_KEY, PLAINTEXT, place=PLACE, nonce=b"short")
    with pytest.raises(InvalidValueError, match="data_key: not_32_bytes"):
        seal(Secret(b"\x05" * 16), PLAINTEXT, place=PLACE, nonce=NONCE)
    with pytest.raises(InvalidValueError, match="data_key: not_32_bytes"):
        unseal(Secret(b"\x05" * 16), b"", place=PLACE)


def test_the_ledger_finds_the_account_after_every_rotation(ring: KeyRing) -> None:
    """What comes later still finds the rows, for the ledger's key outlives the ring's secrets (L21)."""
    entropy = UnsafeSeededEntropy(5)
    sealed = ring.seal_account(ACCOUNT, portal="bank", stream="s", round_number=1, entropy=entropy)
    rotated = ring.rotated(entropy)
    assert rotated.unseal_account(sealed, portal="bank", stream="s", round_number=1) == ACCOUNT


@pytest.mark.parametrize(("portal", "stream", "round_number"), [("shop", "s", 1), ("bank", "t", 1), ("bank", "s", 2)])
def test_the_ledgers_account_opens_for_its_own_round_alone(
    ring: KeyRing, portal: str, stream: str, round_number: int
) -> None:
    """A line of the ledger moved to another round does not open (L21)."""
    entropy = UnsafeSeededEntropy(5)
    sealed = ring.seal_account(ACCOUNT, portal="bank", stream="s", round_number=1, entropy=entropy)
    with pytest.raises(SealBrokenError):
        ring.unseal_account(sealed, portal=portal, stream=stream, round_number=round_number)


# --- public keys ------------------------------------------------------------------------------------------------


def test_the_public_key_follows_from_the_seed() -> None:
    """RFC 8032 section 7.1, test 2."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = SigningKey(kid="s", seed=Secret(seed))
    assert key.public().hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_the_published_keys_hold_no_private_part(ring: KeyRing) -> None:
    """The JWK Set lists every public key and nothing that signs."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    keys = json.loads(rotated.jwks())["keys"]
    assert [one["kid"] for one in keys] == [one.kid for one in rotated.signing]
    assert [set(one) for one in keys] == [{"alg", "crv", "kid", "kty", "use", "x"}] * 2
    assert [form for form in key_texts(rotated) if form in rotated.jwks()] == []


def test_the_pem_is_of_the_key_that_is_named(ring: KeyRing) -> None:
    """Without a name it is the one that signs; an unknown name is missing."""
    rotated = ring.rotated(UnsafeSeededEntropy(2))
    assert rotated.public_pem() == rotated.public_pem(rotated.signing[0].kid)
    assert rotated.public_pem(ring.signing[0].kid) == ring.public_pem()
    assert rotated.public_pem() != ring.public_pem()
    with pytest.raises(KeyMissingError):
        ring.public_pem("gone")
