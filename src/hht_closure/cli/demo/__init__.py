"""``hht-closure demo``: a person closes an account, from the log-in to the signed receipt, and the result is proved.

:mod:`~hht_closure.cli.demo.stage` puts a portal together as a host would, :mod:`~hht_closure.cli.demo.story` is what
the person does, :mod:`~hht_closure.cli.demo.erasing` what the worker does, :mod:`~hht_closure.cli.demo.proofs` what is
checked at the end, :mod:`~hht_closure.cli.demo.acts` the order of all that, :mod:`~hht_closure.cli.demo.screen` how it
is shown.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import attrs

from hht_closure.cli.called import PROGRAM
from hht_closure.cli.demo.acts import close_account, prove
from hht_closure.cli.demo.erasing import Watcher
from hht_closure.cli.demo.proofs import KEYS, RECEIPT
from hht_closure.cli.demo.screen import JsonScreen, RichScreen, Screen
from hht_closure.cli.demo.stage import opened_stage
from hht_closure.cli.demo.steps import Line, StoryError, Words
from hht_closure.portal import Argon2idHasher, PasswordHasher
from hht_closure.ports import Clock, Entropy
from hht_closure.system import system_clock, system_entropy

__all__ = ["DirectoryInUseError", "StoryError", "Wishes", "run_demo"]


@attrs.frozen(kw_only=True)
class Wishes:
    """What was asked for on the command line; without a directory, the files go when the demonstration ends.

    Attributes:
        locale: the language of the person, and of what is shown.
        directory: where the files are kept.
        seed: which sample portal.
        messages: how many messages the person has.
        as_json: for programs instead of people.
        program: how this program is called in the commands that are shown at the end.
    """

    locale: str
    directory: Path | None = None
    seed: int = 1
    messages: int = 1_200
    as_json: bool = False
    program: str = PROGRAM


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
    with _folder(wishes.directory) as folder:
        screen.begin(words("head"))
        with opened_stage(
            folder,
            words=words,
            seed=wishes.seed,
            messages=wishes.messages,
            clock=clock,
            entropy=entropy,
            hasher=hasher or Argon2idHasher(entropy),
            observer=watcher,
        ) as stage:
            proved = prove(close_account(stage, screen, watcher), screen, words)
    _end(screen, words, wishes, proved=proved, seconds=time.monotonic() - begun)
    return proved


def _end(screen: Screen, words: Words, wishes: Wishes, *, proved: bool, seconds: float) -> None:
    tenths = f"{seconds:.1f}"
    result = words.yes("result.proved", seconds=tenths) if proved else words.no("result.failed", seconds=tenths)
    if wishes.directory is None:
        lines: tuple[Line, ...] = (words.say("result.removed"),)
    else:
        receipt, keys, journal = (
            shlex.quote(str(wishes.directory.absolute() / one)) for one in (RECEIPT, KEYS, "closures/journal.db")
        )
        lines = (
            words.say("result.kept", directory=str(wishes.directory)),
            Line("copy", f"{wishes.program} verify-receipt {receipt} --keys {keys}"),
            Line("copy", f"{wishes.program} verify-journal {journal}"),
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
