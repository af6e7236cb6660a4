"""The whole piece in its order: the dialogue, the erasure, the receipt, the farewell; and then the proof."""

from __future__ import annotations

from collections.abc import Iterator

from hht_closure.cli.demo.erasing import Watcher, erase
from hht_closure.cli.demo.outside import look, search, traces
from hht_closure.cli.demo.proofs import KEYS, PEM, RECEIPT, Before, Proofs
from hht_closure.cli.demo.screen import Screen
from hht_closure.cli.demo.stage import Stage
from hht_closure.cli.demo.steps import Line, Step, StoryError, Table, Words, quoted
from hht_closure.cli.demo.story import Story
from hht_closure.receipts import DataSetFate, Receipt
from hht_closure.texts import deadline


def close_account(stage: Stage, screen: Screen, watcher: Watcher) -> Proofs:
    """Close the account of the person, show every step, and give what is to be proved.

    Raises:
        StoryError: something that must happen did not.
        ClosureRefused: the library refused something that it should have allowed.
        ClosureError: a store, a port or a value failed.
    """
    outlook = look(stage.portal_file, stage.person.account)
    texts = traces(stage.portal_file, stage.person.account)
    before = Before(outlook=outlook, texts=texts, found=search(stage.folder, texts))
    story = Story(stage, outlook)
    for step in story.steps():
        screen.show(step)
    told = story.told
    totals = {name: count - told.kept[name] for name, count in outlook.theirs.items()}
    erase(stage.service, screen, watcher, stage.words, totals)
    receipt = stage.service.receipt(told.confirmation.reference)
    _write(stage, receipt)
    screen.show(_receipt(stage.words, receipt))
    screen.show(_farewell(stage))
    return Proofs(
        stage,
        before,
        kept=told.kept,
        reference=told.confirmation.reference,
        sealed=(stage.words("reason.note"),),
    )


def prove(proofs: Proofs, screen: Screen, words: Words) -> bool:
    """Check and show everything, whatever came of what was before it; whether all of it holds."""
    counts = proofs.counts()
    screen.show(Step(code="proofs", title=words("proof.title"), parts=(words.say("proof.how"), counts)))
    results = tuple(proofs.all())
    for one in results:
        screen.proof(one)
    return all(one.holds for one in results)


def _write(stage: Stage, receipt: Receipt) -> None:
    """What the person and anybody else would be given: the receipt, and the public keys in both forms."""
    (stage.folder / RECEIPT).write_text(receipt.token, encoding="ascii")
    (stage.folder / KEYS).write_text(stage.keyring.jwks(), encoding="utf-8")
    (stage.folder / PEM).write_text(stage.keyring.public_pem(), encoding="ascii")


def _receipt(words: Words, receipt: Receipt) -> Step:
    claims = receipt.claims
    heads = tuple(words(f"column.{one}") for one in ("data_set", "disposition", "until"))
    rows = tuple(row for one in claims.data_sets for row in _fates(words, one))
    return Step(
        code="receipt",
        title=words("receipt.title"),
        call="service.receipt(reference)",
        parts=(
            words.say("receipt.says", portal=words("portal.name"), at=claims.closed_at),
            Table(heads, rows),
            words.say("receipt.signed", characters=len(receipt.token)),
            Line("copy", f"{receipt.token[:60]}..."),
        ),
        facts={"portal": claims.portal, "closed_at": claims.closed_at.isoformat(), "data_sets": len(claims.data_sets)},
    )


def _fates(words: Words, data_set: DataSetFate) -> Iterator[tuple[str, ...]]:
    """A row for each disposition, as the notice had it; a receipt has no counts."""
    for disposition in dict.fromkeys(one.disposition for one in data_set.fates):
        ends = [one.until for one in data_set.fates if one.disposition == disposition and one.until is not None]
        until = deadline(max(ends), words.locale) if ends else ""
        yield words.data_set(data_set.name), words(f"fate.{disposition}"), until


def _farewell(stage: Stage) -> Step:
    """What arrived last.

    Raises:
        StoryError: no mail has ever arrived.
    """
    arrived = stage.mail.to(stage.address("email"))
    if not arrived:
        raise StoryError("farewell", "no mail has arrived")
    last = arrived[-1]
    return Step(
        code="farewell",
        title=stage.words("farewell.title"),
        parts=(stage.words.say("farewell.arrived"), *quoted(f"{last.subject}\n\n{last.text}")),
        facts={"mails": len(arrived)},
    )
