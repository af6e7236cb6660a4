"""How the command line is called: the commands, their options, and what ``--help`` says of them."""

from __future__ import annotations

from argparse import Action, ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Final, NoReturn

from hht_closure.texts.locales import LOCALES, match_locale

WRONG_USAGE: Final = 2

_MOST_MESSAGES: Final = 1_000_000
_LARGEST_SEED: Final = 2**63 - 1
_EPILOG: Final = (
    "Exit status: 0 it holds, 1 it does not, 2 wrong usage or nothing to look at, 130 interrupted (Control-C), "
    "141 whoever read the output has gone away."
)


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


def parser() -> ArgumentParser:
    """What reads the arguments."""
    made = _Parser(
        prog="hht-closure",
        description="Close accounts properly: see it done, and check what is left of it.",
        epilog=_EPILOG,
    )
    made.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
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
    return made


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
