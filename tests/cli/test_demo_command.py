"""The demonstration as a command of its own, and its receipt as others verify it (L25)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from pathlib import Path

import attrs
import jwt
import pytest

from hht_closure.cli import main
from hht_closure.texts import LOCALES


@attrs.frozen
class Ran:
    """A command that has ended, and its directory."""

    directory: Path
    status: int
    out: str
    err: str


@pytest.fixture(scope="module", params=LOCALES)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """``hht-closure demo`` in one of the languages, with its files kept."""
    directory = tmp_path_factory.mktemp("demo") / "kept 'here'"
    command = [sys.executable, "-m", "hht_closure.cli", "demo", "--locale", request.param, "--directory", directory]
    ended = subprocess.run(
        [*command, "--messages", "60"],
        check=False,
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    return Ran(directory, ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def token(ran: Ran) -> str:
    """The receipt."""
    return (ran.directory / "receipt.jws").read_text()


def test_it_ends_with_status_0_and_complains_of_nothing(ran: Ran) -> None:
    """Everything was proved, and nothing stands on the standard error."""
    assert (ran.status, ran.err) == (0, "")


def test_it_says_how_to_check_what_it_left(ran: Ran) -> None:
    """The commands stand there unbroken, whatever the width, and run as they stand there."""
    commands = [line.strip() for line in ran.out.splitlines() if " verify-" in line]
    ended = [subprocess.run(one, shell=True, check=False, capture_output=True) for one in commands]  # noqa: S602 - shown to be copied
    assert [one.partition(" verify-")[2].partition(" ")[0] for one in commands] == ["receipt", "journal"]
    assert [(one.returncode, one.stderr) for one in ended] == [(0, b""), (0, b"")]


def test_pyjwt_verifies_the_receipt(ran: Ran) -> None:
    """A library that has never heard of us, with the published keys."""
    keys = jwt.PyJWKSet.from_json((ran.directory / "keys.jwks.json").read_text())
    header = jwt.get_unverified_header(token(ran))
    claims = jwt.decode(
        token(ran), keys[header["kid"]], algorithms=["EdDSA"], issuer="户户通", options={"verify_iat": False}
    )
    assert sorted(one["name"] for one in claims["data_sets"]) == [
        "contacts",
        "invoices",
        "messages",
        "orders",
        "profile",
        "sessions",
    ]


def test_openssl_verifies_the_receipt(ran: Ran, tmp_path: Path) -> None:
    """With the PEM that lies beside it."""
    signed, _, signature = token(ran).rpartition(".")
    (tmp_path / "signed").write_text(signed)
    (tmp_path / "signature").write_bytes(urlsafe_b64decode(f"{signature}=="))
    key = ran.directory / "receipt-key.pem"
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", tmp_path / "signed"]
    verified = subprocess.run(
        [*map(str, command), "-sigfile", str(tmp_path / "signature")], check=False, capture_output=True
    )
    assert (verified.returncode, verified.stdout) == (0, b"Signature Verified Successfully\n")


def test_our_own_commands_verify_what_is_left(ran: Ran) -> None:
    """Receipt and journal, by anybody who has the files."""
    keys = str(ran.directory / "keys.jwks.json")
    assert main(["verify-receipt", str(ran.directory / "receipt.jws"), "--keys", keys]) == 0
    assert main(["verify-journal", str(ran.directory / "closures" / "journal.db")]) == 0


def test_a_text_of_a_real_journal_that_was_edited_is_found(ran: Ran, tmp_path: Path) -> None:
    """The journal of a whole closing, with one byte of each entry changed."""
    whole = (ran.directory / "closures" / "journal.db").read_bytes()
    copy, places = tmp_path / "journal.db", []
    start = whole.find(b'{"commit":')
    while start >= 0:
        places.append(start)
        start = whole.find(b'{"commit":', start + 1)
    unseen = []
    for place in places:
        copy.write_bytes(whole[: place + 12] + bytes([whole[place + 12] ^ 1]) + whole[place + 13 :])
        if main(["verify-journal", str(copy)]) != 1:
            unseen.append(place)
    assert (unseen, len(places) > 30) == ([], True)


def test_no_code_and_no_password_is_left_anywhere(ran: Ran) -> None:
    """The ring was in memory only: there is no key in the files that would open what is sealed in them."""
    published = json.loads((ran.directory / "keys.jwks.json").read_text())["keys"]
    assert [sorted(one) for one in published] == [["alg", "crv", "kid", "kty", "use", "x"]]
