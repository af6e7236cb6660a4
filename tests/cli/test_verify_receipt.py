"""``hht-closure verify-receipt``: what any one character breaks (L25)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from hht_closure.cli import main
from hht_closure.cli.verify_receipt import said
from hht_closure.keys import KeyRing
from hht_closure.receipts import DataSetFate, Fate, HeadStatement, sign_head
from hht_closure.testing.clock import UnsafeSeededEntropy
from tests.cli.evidence import CLAIMS, NOW, RING, TOKEN, make_receipt

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment asks for no language."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A receipt that holds, and its keys."""
    return make_receipt(tmp_path)


def status(files: tuple[Path, Path]) -> int:
    """The exit status of the command for these files."""
    receipt, keys = files
    return main(["verify-receipt", str(receipt), "--keys", str(keys)])


def with_text(files: tuple[Path, Path], text: str | bytes) -> int:
    """The exit status when the receipt is that text."""
    files[0].write_bytes(text if isinstance(text, bytes) else text.encode())
    return status(files)


def test_a_receipt_that_holds_says_what_it_states(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Who issued it, when the account was closed, and what became of each data set."""
    assert status(files) == 0
    assert capsys.readouterr().out.splitlines() == [
        "The receipt holds.",
        "  issued by       Harbour",
        f"  closing         {'s' * 32}.1",
        "  confirmed       1 March 2026, 08:00 UTC",
        "  erasure began   1 March 2026, 08:01 UTC",
        "  closed          1 March 2026, 08:02 UTC",
        "  proved by       sms_code",
        f"  journal         entry 25, {'03' * 32}",
        "What became of the data:",
        "  Chat messages",
        "    Erased for good",
        "  chess_games",
        "    Kept for a legal reason and used for nothing else, until 1 January 2030, 00:00 UTC (Games Act 7)",
        "Not covered: host backups, replicas, exports taken by the person",
    ]


def test_it_speaks_the_language_of_the_environment(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the demonstration does; what the portal signed in words of its own stays as it is."""
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert status(files) == 0
    assert capsys.readouterr().out.splitlines() == [
        "注销凭证有效。",
        "  签发方      Harbour",
        f"  注销编号    {'s' * 32}.1",
        "  确认时间    2026年3月1日 08:00（UTC）",
        "  开始删除    2026年3月1日 08:01（UTC）",
        "  注销完成    2026年3月1日 08:02（UTC）",
        "  身份验证    sms_code",
        f"  日志        第 25 条，{'03' * 32}",
        "数据处理结果：",
        "  聊天记录",
        "    永久删除",
        "  chess_games",
        "    依法保留，不作他用，最迟保留至 2030年1月1日 00:00（UTC）（Games Act 7）",
        "不包括：门户自己的备份、数据库副本、用户自行导出的数据",
    ]


def test_times_that_have_passed_are_rounded_down_and_ends_up() -> None:
    """Nothing was confirmed later than it was, and what is kept is not gone before its time."""
    part = timedelta(milliseconds=142)
    kept = Fate(disposition="restricted", until=NOW + part, ground="Games Act 7")
    claims = attrs.evolve(
        CLAIMS,
        confirmed_at=NOW + part,
        data_sets=(DataSetFate(name="chess_games", fates=(kept,)),),
    )
    told = list(said(claims, "en"))
    assert told[3] == "  confirmed       1 March 2026, 08:00 UTC"
    assert told[10].endswith("until 1 March 2026, 08:00:01 UTC (Games Act 7)")


def test_what_is_kept_on_one_ground_is_one_line() -> None:
    """Until the last of it ends; another ground is another line."""
    fates = [
        Fate(disposition="restricted", until=datetime(year, 1, 1, tzinfo=UTC), ground=ground)
        for year, ground in ((2029, "Games Act 7"), (2031, "Games Act 7"), (2030, "Games Act 7"), (2028, "Tax Act 2"))
    ]
    claims = attrs.evolve(CLAIMS, data_sets=(DataSetFate(name="chess_games", fates=tuple(fates)),))
    assert [line.partition(", ")[2] for line in said(claims, "en") if line.startswith("    ")] == [
        "until 1 January 2031, 00:00 UTC (Games Act 7)",
        "until 1 January 2028, 00:00 UTC (Tax Act 2)",
    ]


def test_one_newline_at_the_end_is_allowed(files: tuple[Path, Path]) -> None:
    """Editors and ``echo`` put one there."""
    assert with_text(files, f"{TOKEN}\n") == 0


@pytest.mark.parametrize(
    "text",
    [
        f"{TOKEN}\n\n",
        f"{TOKEN}\r\n",
        f"{TOKEN} ",
        f" {TOKEN}",
        f"\n{TOKEN}",
        f"\ufeff{TOKEN}",
        f"{TOKEN}=",
        f"{TOKEN}.",
        f"{TOKEN}\x00",
        f"{TOKEN}.{TOKEN}",
        TOKEN.replace(".", ".\n", 1),
        TOKEN.replace(".", "..", 1),
        "",
        "\n",
        "..",
        "{}",
        "x" * 2_000_000,
        b"\xff\xfe",
        TOKEN.encode("utf-16"),
    ],
)
def test_anything_else_around_or_within_it_is_refused(files: tuple[Path, Path], text: str | bytes) -> None:
    """White space, padding, a byte order mark, another encoding, too much, or nothing."""
    assert with_text(files, text) == 1


def test_any_one_character_that_is_another_is_refused(files: tuple[Path, Path]) -> None:
    """Each character of the receipt, one after the other."""
    unseen = []
    for at, character in enumerate(TOKEN):
        other = ALPHABET[(ALPHABET.find(character) + 1) % len(ALPHABET)]
        if with_text(files, f"{TOKEN[:at]}{other}{TOKEN[at + 1 :]}") != 1:
            unseen.append(at)
    assert (unseen, with_text(files, TOKEN)) == ([], 0)


def test_any_one_character_that_is_missing_is_refused(files: tuple[Path, Path]) -> None:
    """Each character of the receipt, one after the other."""
    assert [at for at in range(len(TOKEN)) if with_text(files, TOKEN[:at] + TOKEN[at + 1 :]) != 1] == []


@pytest.mark.parametrize("part", [0, 1, 2])
def test_another_spelling_of_the_same_bytes_is_refused(files: tuple[Path, Path], part: int) -> None:
    """Base64url has unused bits at its end (RFC 4648 section 3.5); one form only is accepted."""
    parts = TOKEN.split(".")
    whole = parts[part]
    accepted = []
    for last in ALPHABET:
        parts[part] = whole[:-1] + last
        if with_text(files, ".".join(parts)) == 0:
            accepted.append(last)
    assert accepted == [whole[-1]]


def test_another_portals_key_does_not_bear_it_out(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The set must have the key that signed."""
    files[1].write_text(KeyRing.generate(UnsafeSeededEntropy(6)).jwks())
    assert status(files) == 1
    assert capsys.readouterr().err == (
        "hht-closure verify-receipt: the receipt does not hold: it is signed with a key that is not in the set\n"
    )


def test_an_old_receipt_holds_after_the_keys_were_rotated(files: tuple[Path, Path]) -> None:
    """The set keeps the old key (L25)."""
    files[1].write_text(RING.rotated(UnsafeSeededEntropy(8)).jwks())
    assert status(files) == 0


def test_another_signed_statement_of_the_portal_is_no_receipt(files: tuple[Path, Path]) -> None:
    """A journal's head is signed with the same key and is another type (RFC 8725 section 3.11)."""
    head = HeadStatement(
        portal="Harbour",
        stream=CLAIMS.stream,
        round_number=1,
        kind="begun",
        sequence=3,
        hash=b"\x03" * 32,
        at=NOW,
        receipt=None,
    )
    assert with_text(files, sign_head(head, RING)) == 1


@pytest.mark.parametrize(
    "keys",
    [b"", b"{", b"[]", b'{"keys": 7}', b"\xff", b"[" * 100_000, RING.dump().encode(), b'{"keys": [7]}'],
)
def test_keys_that_cannot_be_read_are_wrong_usage(
    files: tuple[Path, Path], keys: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and one line: nothing is known of the receipt."""
    files[1].write_bytes(keys)
    assert status(files) == 2
    assert capsys.readouterr().err == f"hht-closure verify-receipt: {files[1]}: not a JWK Set\n"


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_file_is_wrong_usage(
    files: tuple[Path, Path], missing: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and one line with the file's name."""
    files[missing].unlink()
    assert status(files) == 2
    assert capsys.readouterr().err == f"hht-closure verify-receipt: {files[missing]}: No such file or directory\n"


@pytest.mark.parametrize("directory", [0, 1])
def test_a_directory_is_wrong_usage(files: tuple[Path, Path], directory: int) -> None:
    """Status 2."""
    files[directory].unlink()
    files[directory].mkdir()
    assert status(files) == 2
