"""The command line: ``hht-closure demo``, ``verify-receipt``, ``verify-journal``, ``diagram``.

Exit status 0: it holds, or everything was proved; 1: it does not; 2: wrong usage, or nothing there to look at. What
goes wrong is one line on the standard error. Importing this package loads no extra.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Final, NoReturn

from hht_closure.errors import ClosureError, ClosureRefused
from hht_closure.texts.locales import LOCALES, match_locale

HOLDS: Final = 0
DOES_NOT_HOLD: Final = 1
WRONG_USAGE: Final = 2

_INTERRUPTED: Final = 130
_MOST_MESSAGES: Final = 1_000_000
_LARGEST_SEED: Final = 2**63 - 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give its exit status.

    Args:
        arguments: what stands behind the program's name; those of the process where None.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no Chinese is no reason to stop
    try:
        chosen = _parser().parse_args(arguments)
        status = _run(chosen)
        sys.stdout.flush()  # here, where a reader that has gone away is caught
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else HOLDS
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what Python flushes at its end goes nowhere
        return DOES_NOT_HOLD
    except KeyboardInterrupt:
        return _complain("interrupted", _INTERRUPTED)
    except (ClosureError, ClosureRefused, OSError, sqlite3.Error) as error:
        return _complain(f"{type(error).__name__}: {error}", DOES_NOT_HOLD)
    return status


def default_locale(environment: Mapping[str, str]) -> str:
    """The locale that the environment asks for (POSIX: ``LC_ALL``, ``LC_MESSAGES``, ``LANG``), or English."""
    asked = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return match_locale(next(filter(None, asked), "")) or LOCALES[0]


def _run(chosen: Namespace) -> int:
    """Each command's module is imported when it is called, so that none of them pays for the others."""
    command: str = chosen.command
    match command:
        case "demo":
            return _demo(chosen)
        case "verify-receipt":
            from hht_closure.cli.verify_receipt import verify_receipt_file  # noqa: PLC0415

            return verify_receipt_file(chosen.file, chosen.keys)
        case "verify-journal":
            from hht_closure.cli.verify_journal import verify_journal_file  # noqa: PLC0415

            return verify_journal_file(chosen.file)
        case _:
            from hht_closure.cli.diagram import mermaid  # noqa: PLC0415

            print(mermaid(loops=chosen.all), end="")
            return HOLDS


def _demo(chosen: Namespace) -> int:
    from hht_closure.cli.extras import missing_extra  # noqa: PLC0415

    missing = missing_extra()
    if missing is not None:
        return _complain(missing, WRONG_USAGE)
    from hht_closure.cli.demo import DirectoryInUseError, StoryError, Wishes, run_demo  # noqa: PLC0415

    wishes = Wishes(
        locale=chosen.locale or default_locale(os.environ),
        directory=chosen.directory,
        seed=chosen.seed,
        messages=chosen.messages,
        as_json=chosen.json,
    )
    try:
        return HOLDS if run_demo(wishes) else DOES_NOT_HOLD
    except DirectoryInUseError as error:
        return _complain(str(error), WRONG_USAGE)
    except StoryError as error:
        return _complain(str(error), DOES_NOT_HOLD)


def _complain(problem: str, status: int) -> int:
    """Say what is wrong in one line, whatever is in it."""
    print("hht-closure:", " ".join(problem.split()), file=sys.stderr)
    return status


class _Parser(ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to read more."""
        self.exit(WRONG_USAGE, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


class _Version(Action):
    """Show the version of the installed package; it is looked up only when asked for."""

    def __call__(self, parser: ArgumentParser, *_: object) -> NoReturn:
        """Print it, and end."""
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            installed = version("hht-closure")
        except PackageNotFoundError:
            installed = "(not installed: run from its source)"
        print("hht-closure", installed)
        parser.exit()


def _parser() -> ArgumentParser:
    parser = _Parser(
        prog="hht-closure",
        description="Close accounts properly: see it done, and check what is left of it.",
        epilog="Exit status: 0 it holds, 1 it does not, 2 wrong usage.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    _add_demo(commands.add_parser("demo", help="close a sample account from beginning to end, and prove the result"))
    receipt = commands.add_parser("verify-receipt", help="check a signed receipt against the portal's public keys")
    receipt.description = "Check a receipt (a compact JWS, one newline at the end allowed), and show what it says."
    receipt.add_argument("file", type=Path, metavar="FILE", help="the receipt")
    receipt.add_argument("--keys", type=Path, metavar="JWKS", required=True, help="the portal's public keys, a JWK Set")
    journal = commands.add_parser("verify-journal", help="check the hash chains of a journal's file")
    journal.description = "Check every stream of a journal.db, without a key and without changing anything."
    journal.add_argument("file", type=Path, metavar="DB", help="the file, journal.db")
    diagram = commands.add_parser("diagram", help="draw the machine as a Mermaid state diagram")
    diagram.description = "Write the machine as Mermaid to the standard output; it is drawn from the code."
    diagram.add_argument("--all", action="store_true", help="with the events that stay within a stage")
    return parser


def _add_demo(demo: ArgumentParser) -> None:
    demo.formatter_class = RawDescriptionHelpFormatter
    demo.description = (
        "A person closes an account of a sample portal, from the log-in to the signed receipt. The portal's\n"
        "database, the mail server and the SMS gateway are real and run on this machine only; all people are\n"
        "invented. At the end the result is proved from outside."
    )
    demo.add_argument("--locale", type=_locale, metavar="|".join(LOCALES), help="the language; else the environment's")
    demo.add_argument(
        "--directory", type=Path, metavar="DIR", help="keep all files in this new or empty directory; else they go"
    )
    demo.add_argument("--seed", type=_seed, default=1, metavar="N", help="another portal with other people (1)")
    demo.add_argument(
        "--messages", type=_messages, default=1_200, metavar="N", help="how many messages the person has (1200)"
    )
    demo.add_argument("--json", action="store_true", help="one JSON object a line for each step, for programs")


def _locale(written: str) -> str:
    found = match_locale(written)
    if found is None:
        raise ArgumentTypeError(f"there is no text in {written!r}; choose from {', '.join(LOCALES)}")
    return found


def _seed(written: str) -> int:
    return _number(written, 0, _LARGEST_SEED)


def _messages(written: str) -> int:
    return _number(written, 1, _MOST_MESSAGES)


def _number(written: str, lowest: int, highest: int) -> int:
    if not (written.isascii() and written.isdigit() and len(written) < 20 and lowest <= int(written) <= highest):
        raise ArgumentTypeError(f"not a whole number from {lowest} to {highest}: {written[:40]!r}")
    return int(written)
