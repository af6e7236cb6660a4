"""``hht-closure demo``: a person closes an account, from the log-in to the signed receipt, and the result is proved.

:mod:`~hht_closure.cli.demo.stage` puts a portal together as a host would, :mod:`~hht_closure.cli.demo.story` is what
the person does, :mod:`~hht_closure.cli.demo.erasing` what the worker does, :mod:`~hht_closure.cli.demo.proofs` what is
checked at the end, :mod:`~hht_closure.cli.demo.screen` how it is shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import attrs

from hht_closure.cli.demo.erasing import Watcher, erase
from hht_closure.cli.demo.outside import look, search, traces
from hht_closure.cli.demo.proofs import KEYS, PEM, RECEIPT, Before, Proofs
from hht_closure.cli.demo.screen import JsonScreen, RichScreen, Screen
from hht_closure.cli.demo.stage import Stage, opened_stage
from hht_closure.cli.demo.steps import Line, Step, Table, Words, quoted
from hht_closure.cli.demo.story import Story
from hht_closure.portal import Argon2idHasher, PasswordHasher
from hht_closure.ports import Clock, Entropy
from hht_closure.receipts import Receipt
from hht_closure.system import system_clock, system_entropy
from hht_closure.texts import moment, text

__all__ = ["DirectoryInUseError", "Wishes", "run_demo"]


@attrs.frozen(kw_only=True)
class Wishes:
    """What was asked for on the command line; without a directory, the files go when the demonstration ends."""

    locale: str
    directory: Path | None = None
    seed: int = 1
    messages: int = 1_200
    as_json: bool = False


class DirectoryInUseError(Exception):
    """The directory cannot be taken: it is not empty, or not a directory; nothing in it was touched."""


def run_demo(
    wishes: Wishes,
    *,
    out: TextIO | None = None,
    clock: Clock = system_clock,
    entropy: Entropy = system_entropy,
    hasher: PasswordHasher | None = None,
) -> bool:
    """Show it, and say whether everything was proved.

    Args:
        wishes: what was asked for.
        out: where it is shown; the standard output where None.
        clock: the time.
        entropy: the randomness of keys, sessions and codes.
        hasher: how the sample portal keeps passwords; Argon2id where None.

    Raises:
        DirectoryInUseError: the directory is not empty.
        StoryError: something that must happen did not.
        ClosureRefused: the library refused something that it should have allowed.
        ClosureError: a store, a port or a value failed.
    """
    begun, words = time.monotonic(), Words(wishes.locale)
    screen = _screen(out or sys.stdout, as_json=wishes.as_json)
    watcher = Watcher(screen, words)
    with (
        _folder(wishes.directory) as folder,
        opened_stage(
            folder,
            words=words,
            seed=wishes.seed,
            messages=wishes.messages,
            clock=clock,
            entropy=entropy,
            hasher=hasher or Argon2idHasher(entropy),
            observer=watcher,
        ) as stage,
    ):
        proved = _performed(stage, screen, watcher)
    _end(screen, words, wishes, proved=proved, seconds=time.monotonic() - begun)
    return proved


def _performed(stage: Stage, screen: Screen, watcher: Watcher) -> bool:
    """The whole piece, in its order."""
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
    proofs = Proofs(
        stage,
        before,
        kept=told.kept,
        reference=told.confirmation.reference,
        sealed=(stage.words("reason.note"),),
    )
    screen.show(_proving(stage.words, proofs.counts()))
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
    rows = tuple(
        (
            words.data_set(one.name),
            text(f"disposition.{fate.disposition}", words.locale),
            "" if fate.until is None else moment(fate.until, words.locale),
        )
        for one in claims.data_sets
        for fate in one.fates
    )
    heads = tuple(words(f"column.{one}") for one in ("data_set", "disposition", "until"))
    return Step(
        code="receipt",
        title=words("receipt.title"),
        call="service.receipt(reference)",
        parts=(
            words.say("receipt.says", portal=claims.portal, at=claims.closed_at),
            Table(heads, rows),
            words.say("receipt.signed", characters=len(receipt.token)),
            Line("copy", f"{receipt.token[:60]}..."),
        ),
        facts={"portal": claims.portal, "closed_at": claims.closed_at.isoformat(), "data_sets": len(claims.data_sets)},
    )


def _farewell(stage: Stage) -> Step:
    arrived = stage.mail.to(stage.address("email"))
    last = arrived[-1]
    return Step(
        code="farewell",
        title=stage.words("farewell.title"),
        parts=(stage.words.say("farewell.arrived"), *quoted(f"{last.subject}\n\n{last.text}")),
        facts={"mails": len(arrived)},
    )


def _proving(words: Words, counts: Table) -> Step:
    return Step(code="proofs", title=words("proof.title"), parts=(words.say("proof.how"), counts))


def _end(screen: Screen, words: Words, wishes: Wishes, *, proved: bool, seconds: float) -> None:
    tenths = f"{seconds:.1f}"
    result = words.yes("result.proved", seconds=tenths) if proved else words.no("result.failed", seconds=tenths)
    if wishes.directory is None:
        lines = (words.say("result.removed"),)
    else:
        where = wishes.directory
        lines = (
            words.say("result.kept", directory=str(where)),
            Line("copy", f"hht-closure verify-receipt {where / RECEIPT} --keys {where / KEYS}"),
            Line("copy", f"hht-closure verify-journal {where / 'closures' / 'journal.db'}"),
            words.say("result.keyring"),
        )
    directory = None if wishes.directory is None else str(wishes.directory)
    screen.end(proved=proved, lines=(result, *lines), facts={"directory": directory})


def _screen(out: TextIO, *, as_json: bool) -> Screen:
    return JsonScreen(out) if as_json else RichScreen(out)


@contextmanager
def _folder(wanted: Path | None) -> Generator[Path, None, None]:
    """The directory that was asked for, which stays, or one that goes."""
    if wanted is None:
        with TemporaryDirectory(prefix="hht-closure-") as made:
            yield Path(made)
        return
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        is_empty = next(wanted.iterdir(), None) is None
    except OSError as error:
        raise DirectoryInUseError(f"{wanted}: {error.strerror}") from error
    if not is_empty:
        raise DirectoryInUseError(f"{wanted}: the directory is not empty; name a new one")
    yield wanted
