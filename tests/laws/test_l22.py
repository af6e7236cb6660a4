"""L22: no personal data in clear in the journal, a log, a repr, a receipt or a tombstone, at any moment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from hht_closure.account import Account, AccountId, ContactPoint, Principal
from hht_closure.canonical import unb64
from hht_closure.commands import Command
from hht_closure.errors import ClosureError, ClosureRefused, SealBrokenError
from hht_closure.events import ReasonGiven, Sealed
from hht_closure.keys import seal, unseal
from hht_closure.lifecycle import Decision, decide
from hht_closure.policy import Blocked, Blocker, Clean
from hht_closure.stages import Closure
from hht_closure.testing import UnsafeSeededEntropy
from hht_closure.values import Secret
from tests.stage import MakeStage, Stage

CANARIES = (
    "canary-account-71f3",
    "canary-session-22aa",
    "+8613712345678",
    "canary.mail.9b@example.com",
    "canary-login-5e",
    "canary note: my dog is called Rex",
    "canary-amount-8842",
)
"""What must never be seen: id, session, telephone, e-mail, login name, note, and a blocker's parameter."""

ACCOUNT = Account(
    id=CANARIES[0],
    contacts=(
        ContactPoint(channel="sms", address=CANARIES[2], version="s1"),
        ContactPoint(channel="email", address=CANARIES[3], version="e1"),
    ),
    locale="zh-CN",
    login_name=CANARIES[4],
)
OWED = Blocked((Blocker(code="money_owed", parameters={"for": CANARIES[6]}, ground="Contract 4.2", remedy="/bills"),))


def _person(stage: Stage) -> Principal:
    """Somebody whose every field is a canary."""
    stage.accounts.add(ACCOUNT)
    stage.messages.add(ACCOUNT.id, "a message")
    return Principal(account=AccountId(CANARIES[0]), session=CANARIES[1], logged_in_at=stage.clock.now())


def _whole_life(stage: Stage, person: Principal) -> Iterator[object]:
    """Blocked, withdrawn, begun anew, wrong, closed: everything that is answered on the way."""
    service = stage.service
    stage.money_check.finding = OWED
    yield service.open(person).missing
    stage.money_check.finding = Clean()
    yield service.recheck(person)
    yield stage.eligible(person)
    yield service.give_reason(person, "other", note=CANARIES[5], share_note=True)
    yield service.withdraw(person)
    yield stage.reason_given(person, CANARIES[5])
    yield stage.proved("captcha", person)
    yield stage.challenged("sms_code", person)
    yield service.answer(person, "sms_code", stage.wrong_code("sms_code", person))
    yield service.answer(person, "sms_code", stage.code("sms_code", person))
    yield stage.proved("email_code", person)
    yield service.current(person)
    notice = service.notice(person, "zh-CN")
    yield notice
    confirmation = service.confirm(person, notice.nonce)
    yield confirmation
    yield service.work()
    yield service.status(confirmation.reference)
    yield service.receipt(confirmation.reference)


def _seen(shown: bytes) -> list[str]:
    return [one for one in CANARIES if one.encode() in shown]


def _files(path: Path) -> bytes:
    """Every byte of every file of the store: the databases, their write-ahead logs, and whatever else lies there."""
    return b"\x00".join(one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file())


def test_no_file_ever_holds_a_canary(tmp_path: Path) -> None:
    """Before and after every port call the bytes of all files are searched, ``-wal`` included (L22, KEY-02)."""
    stage = Stage("sqlite", tmp_path)
    found: list[tuple[str, list[str]]] = []
    sizes: set[int] = set()

    def look(_: int, name: str) -> None:
        content = _files(tmp_path)
        sizes.add(len(content))
        found.extend([(name, _seen(content))] if _seen(content) else [])

    stage.watched().before = stage.watch.after = look
    list(_whole_life(stage, _person(stage)))
    stage.close()
    assert (found, len(sizes) > 3, stage.accounts.get(ACCOUNT.id)) == ([], True, None)


def test_the_search_sees_what_stands_in_clear(tmp_path: Path) -> None:
    """The twin: a canary in any file is found (L22)."""
    (tmp_path / "journal.db-wal").write_bytes(b"\x00\x01" + CANARIES[3].encode())
    assert _seen(_files(tmp_path)) == [CANARIES[3]]


def test_no_entry_of_the_journal_holds_a_canary(make_stage: MakeStage) -> None:
    """Bodies as they are stored, and what their sealed fields look like (L22)."""
    stage = make_stage()
    list(_whole_life(stage, _person(stage)))
    assert _seen(b"\n".join(one.body for one in stage.records(CANARIES[0]))) == []


def test_no_repr_of_an_event_a_command_or_an_answer_shows_a_canary(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a log or a debugger prints of the values that pass by (L22)."""
    stage = make_stage()
    shown: list[str] = []

    def noting(closure: Closure, command: Command, *, now: datetime) -> Decision:
        decision = decide(closure, command, now=now)
        shown.append(repr((closure, command, decision)))
        return decision

    monkeypatch.setattr("hht_closure.flows.stream.decide", noting)
    monkeypatch.setattr("hht_closure.worker.shift.decide", noting)
    person = _person(stage)
    answers = [repr(one) for one in _whole_life(stage, person)]
    events = repr((stage.happened.events, stage.events(CANARIES[0]), stage.closure(CANARIES[0])))
    letters = repr((stage.letters.letters, stage.sms.sent, stage.email.sent))
    everything = "\n".join([*shown, *answers, events, letters, repr((person, ACCOUNT, stage.keyring))])
    assert (_seen(everything.encode()), len(shown) > 30) == ([], True)


def test_no_log_holds_a_canary(make_stage: MakeStage, caplog: pytest.LogCaptureFixture) -> None:
    """At the finest level, with senders that fail on the way (L22, ERAS-10)."""
    caplog.set_level(logging.DEBUG)
    stage = make_stage()
    person = _person(stage)
    stage.reason_given(person, CANARIES[5])
    stage.proved("captcha", person)
    stage.sms.failing = True
    stage.challenged("sms_code", person)
    stage.sms.failing = False
    stage.service.withdraw(person)
    stage.clock.advance(stage.terms.codes.resend_after)
    list(_whole_life(stage, person))
    assert (_seen(caplog.text.encode()), "a code was not delivered" in caplog.text) == ([], True)


def test_no_text_of_a_hosts_error_reaches_the_journal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An eraser, a task, a check and a mail server quote the person in their errors: nothing of it is kept (L22)."""
    person = _person(stage)

    def quote(*_: object) -> None:
        raise RuntimeError(" ".join(CANARIES))

    stage.confirmed(person)
    for port, method in ((stage.money_check, "check"), (stage.messages, "erase"), (stage.downstream, "run")):
        with monkeypatch.context() as quoting:
            quoting.setattr(port, method, quote)
            stage.worked_off()
    monkeypatch.setattr(stage.letters, "send", quote)
    for _ in range(4):
        stage.worked_off()
    kept = b"\n".join(one.body for one in stage.records(CANARIES[0])) + repr(stage.happened.events).encode()
    assert (_seen(kept), b"TaskFailed" in kept, stage.accounts.get(ACCOUNT.id)) == ([], True, None)


def test_an_error_of_a_port_says_only_its_type(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes out of the service names the call and the type, and quotes nothing (L22, CODE-27)."""
    person = _person(stage)

    def quote(*_: object) -> None:
        raise RuntimeError(" ".join(CANARIES))

    monkeypatch.setattr(stage.accounts, "get", quote)
    with pytest.raises(ClosureError) as raised:
        stage.service.open(person)
    assert _seen(f"{raised.value} {raised.value!r}".encode()) == []


def test_no_refusal_shows_a_canary(stage: Stage) -> None:
    """The text of the exception is its codes; amounts stand in the parameters alone (L22)."""
    person = _person(stage)
    stage.noticed(person)
    stage.money_check.finding = OWED
    with pytest.raises(ClosureRefused) as raised:
        stage.service.confirm(person, "x")
    assert _seen(str(raised.value).encode()) == []


def test_no_receipt_holds_a_canary(stage: Stage) -> None:
    """The signed payload, taken apart (L22, L25)."""
    token = stage.service.receipt(stage.closed(_person(stage)).reference).token
    assert _seen(b".".join(unb64(part) for part in token.split("."))) == []


def test_the_one_letter_after_the_closing_reaches_the_person(stage: Stage) -> None:
    """The twin: sealed is not lost, and the farewell finds its address (L22, L26)."""
    stage.closed(_person(stage))
    assert [one.to.address for one in stage.letters.letters] == [CANARIES[3]]


def test_a_sealed_note_opens_with_its_key_at_its_place(stage: Stage) -> None:
    """The twin: while the round is open, the key opens the note (L22)."""
    stage.reason_given(note=CANARIES[5])
    key, place, sealed = _note(stage)
    assert unseal(key, sealed, place=place).decode() == CANARIES[5]


def test_a_sealed_note_opens_at_no_other_place(stage: Stage) -> None:
    """Moved to another stream, sequence, event, version or field, it does not open (L22)."""
    stage.reason_given(note=CANARIES[5])
    key, place, sealed = _note(stage)
    others = [(*place[:index], "elsewhere", *place[index + 1 :]) for index in range(len(place))]
    opened = [one for one in others if _opens(key, sealed, one)]
    assert (opened, len(others)) == ([], 5)


def test_a_sealed_note_with_any_bit_flipped_does_not_open(stage: Stage) -> None:
    """Each bit of the stored blob in turn: an integrity error, never garbage (L22, KEY-08)."""
    stage.reason_given(note=CANARIES[5])
    key, place, sealed = _note(stage)
    flipped = [
        bytes([*sealed[:index], sealed[index] ^ (1 << bit), *sealed[index + 1 :]])
        for index in range(len(sealed))
        for bit in range(8)
    ]
    assert [one for one in flipped if _opens(key, one, place)] == []


def test_the_same_note_is_never_sealed_to_the_same_bytes() -> None:
    """Each sealing has a nonce of its own (L22, KEY-09)."""
    entropy = UnsafeSeededEntropy(9)
    key = Secret(entropy.token(32))
    sealed = {seal(key, b"the same", place=("s", 1), nonce=entropy.token(12)) for _ in range(1000)}
    assert len(sealed) == 1000


def _opens(key: Secret[bytes], sealed: bytes, place: tuple[str | int, ...]) -> bool:
    try:
        unseal(key, sealed, place=place)
    except SealBrokenError:
        return False
    return True


def _note(stage: Stage) -> tuple[Secret[bytes], tuple[str | int, ...], bytes]:
    """The round's key, the place of the note, and its sealed bytes."""
    wrapped = stage.store.vault.fetch(f"{stage.stream()}.1")
    key = stage.keyring.unwrap(f"{stage.stream()}.1", getattr(wrapped, "wrapped", b""))
    sequence, event = next(
        (number, one) for number, one in enumerate(stage.events(), start=1) if isinstance(one, ReasonGiven)
    )
    note = event.note
    assert isinstance(note, Sealed)
    return key, (stage.stream(), sequence, "ReasonGiven", 1, "note"), note.data
