"""The proof from outside proves something: whatever is wrong makes exactly the proof of it fail."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from io import StringIO
from pathlib import Path

import attrs
import pytest

from hht_closure.cli.demo.acts import prove
from hht_closure.cli.demo.proofs import Proofs
from hht_closure.cli.demo.screen import JsonScreen
from hht_closure.cli.demo.stage import SENDER, Stage
from hht_closure.cli.servers import HOST
from hht_closure.keys import KeyRing
from hht_closure.portal import UnsafeCheapHasher
from hht_closure.testing.clock import UnsafeSeededEntropy
from tests.cli.evidence import closed_account, edit

Closed = tuple[Stage, Proofs]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Closed]:
    """An account that was closed, and what is to be proved of it."""
    with closed_account(tmp_path) as made:
        yield made


def write(stage: Stage, statement: str, *values: str) -> None:
    """Something that happens to the portal's database behind the library's back."""
    with stage.sample.database.transaction() as connection:
        assert connection.execute(statement, values).rowcount == 1


def failing(proofs: Proofs) -> list[str]:
    """The names of the proofs that do not hold."""
    return [one.name for one in proofs.all() if not one.holds]


def test_everything_holds_when_nothing_is_wrong(closed: Closed) -> None:
    """The control for all that follows."""
    stage, proofs = closed
    assert (failing(proofs), prove(proofs, JsonScreen(StringIO()), stage.words)) == ([], True)


def a_message_stayed(stage: Stage) -> None:
    """A row that should have gone."""
    write(
        stage,
        "INSERT INTO messages (user_id, contact_id, direction, body, sent_at)"
        " SELECT ?, contact_id, direction, 'left behind', sent_at FROM messages LIMIT 1",
        stage.person.account,
    )


def a_kept_order_went(stage: Stage) -> None:
    """A row that the law keeps."""
    write(
        stage,
        "DELETE FROM orders WHERE id = (SELECT min(id) FROM orders WHERE user_id = ?)",
        stage.person.account,
    )


def a_message_of_somebody_else_changed(stage: Stage) -> None:
    """By one character."""
    write(stage, "UPDATE messages SET body = body || '!' WHERE id = (SELECT max(id) FROM messages)")


def somebody_else_is_gone(stage: Stage) -> None:
    """Another account."""
    write(stage, "UPDATE users SET phone = NULL WHERE id = ?", stage.sample.others[0])


def the_phone_number_is_in_a_file(stage: Stage) -> None:
    """As in a log that somebody forgot."""
    (stage.folder / "closures" / "debug.log").write_text(f"sending to {stage.address('sms')}")


def the_note_is_in_a_file(stage: Stage) -> None:
    """What the person wrote in confidence."""
    (stage.folder / "note.txt").write_text(f"... {stage.words('reason.note')} ...", encoding="utf-8")


def the_journal_was_edited(stage: Stage) -> None:
    """One byte of one entry."""
    edit(stage.journal_file, "UPDATE entry SET body = CAST(body || ' ' AS BLOB) WHERE sequence = 5")


def the_entry_of_the_receipt_is_another(stage: Stage) -> None:
    """The journal's head before the closing has another hash than the receipt says."""
    edit(
        stage.journal_file,
        "UPDATE entry SET hash = zeroblob(32) WHERE sequence ="
        ' (SELECT sequence - 1 FROM entry WHERE CAST(body AS TEXT) LIKE \'%"kind":"ClosureClosed"%\')',
    )


def the_receipt_was_edited(stage: Stage) -> None:
    """One character."""
    file = stage.folder / "receipt.jws"
    token = file.read_text()
    file.write_text(token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1])


def the_keys_are_anothers(stage: Stage) -> None:
    """A set that did not sign it."""
    (stage.folder / "keys.jwks.json").write_text(KeyRing.generate(UnsafeSeededEntropy(9)).jwks())


def the_log_in_still_works(stage: Stage) -> None:
    """A row with the person's name and password has come back."""
    write(
        stage,
        "UPDATE users SET login_name = ?, password_hash = ? WHERE id = 'u0000001'",
        stage.person.login_name,
        UnsafeCheapHasher().hash(stage.person.password),
    )


def the_tombstone_is_gone(stage: Stage) -> None:
    """Anybody could take the name."""
    edit(stage.journal_file, "DELETE FROM tombstone")


def the_farewell_came_twice(stage: Stage) -> None:
    """A second one to the same address."""
    farewell, message = stage.mail.to(stage.address("email"))[-1], EmailMessage()
    message["Subject"] = farewell.subject
    message.set_content(farewell.text)
    with smtplib.SMTP(HOST, stage.mail.port) as connection:
        connection.send_message(message, SENDER, [stage.address("email")])


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (a_message_stayed, ["rows"]),
        (a_kept_order_went, ["rows"]),
        (a_message_of_somebody_else_changed, ["others"]),
        (somebody_else_is_gone, ["others"]),
        (the_phone_number_is_in_a_file, ["traces"]),
        (the_note_is_in_a_file, ["traces"]),
        (the_receipt_was_edited, ["receipt", "head"]),
        (the_keys_are_anothers, ["receipt", "head"]),
        (the_log_in_still_works, ["others", "traces", "login"]),
        (the_tombstone_is_gone, ["reserved"]),
        (the_farewell_came_twice, ["farewell"]),
    ],
)
def test_what_is_wrong_fails_its_own_proof(closed: Closed, wrong: Callable[[Stage], None], names: list[str]) -> None:
    """One thing goes wrong after the closing, and the proof of just that does not hold."""
    stage, proofs = closed
    wrong(stage)
    assert failing(proofs) == names


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (the_journal_was_edited, ["journal", "status"]),
        (the_entry_of_the_receipt_is_another, ["journal", "head", "status"]),
    ],
)
def test_an_edited_journal_fails_the_proof_of_it(
    closed: Closed, wrong: Callable[[Stage], None], names: list[str]
) -> None:
    """The chain is broken, the receipt speaks of another entry, and the library reads nothing from it any more."""
    stage, proofs = closed
    wrong(stage)
    assert failing(proofs) == names


def test_what_does_not_hold_is_shown_and_said(closed: Closed) -> None:
    """All other proofs are made all the same, and the whole is not proved."""
    stage, proofs = closed
    a_message_stayed(stage)
    out = StringIO()
    assert not prove(proofs, JsonScreen(out), stage.words)
    assert [line for line in out.getvalue().splitlines() if '"holds": false' in line] == [
        '{"step": "proof", "name": "rows", "holds": false, "gone": 47, "left": 13}'
    ]


def test_a_search_that_could_not_find_before_proves_nothing(tmp_path: Path) -> None:
    """The same search must have found every text while it was there; else it is no proof that it finds none now."""
    with closed_account(tmp_path) as (stage, proofs):
        before = attrs.evolve(proofs.before, texts=(*proofs.before.texts, "never there"))
        searched = Proofs(stage, before, kept=proofs.kept, reference=proofs.reference, sealed=())
        assert failing(searched) == ["traces"]


def test_what_cannot_be_checked_does_not_hold(closed: Closed) -> None:
    """And the other checks are made all the same."""
    stage, proofs = closed
    (stage.folder / "receipt.jws").unlink()
    assert [(one.name, one.text) for one in proofs.all() if not one.holds] == [
        ("receipt", "This could not be checked: receipt (FileNotFoundError)"),
        ("head", "This could not be checked: head (FileNotFoundError)"),
    ]
