"""The command line: ``hht-closure demo``, ``verify-receipt``, ``verify-journal``, ``diagram``.

Exit status 0: it holds, or everything was proved; 1: it does not; 2: wrong usage, or nothing there to look at; 130:
interrupted; 141: whoever read the output has gone away. What goes wrong is one line on the standard error. Importing
this package loads no extra, and next to nothing of its own: what a command needs is loaded when it runs.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Final

HOLDS: Final = 0
DOES_NOT_HOLD: Final = 1
WRONG_USAGE: Final = 2

_INTERRUPTED: Final = 130
_READER_GONE: Final = 141
"""As a shell has it for a program that a signal ended: 128 and the signal's number, SIGINT and SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give its exit status.

    Args:
        arguments: what stands behind the program's name; those of the process where None.
    """
    given = tuple(sys.argv[1:] if arguments is None else arguments)
    try:
        return _status(given)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else HOLDS
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what Python flushes at its end goes nowhere
        return _READER_GONE
    except KeyboardInterrupt:
        return _complain([one for one in given[:1] if not one.startswith("-")], "interrupted", _INTERRUPTED)


def default_locale(environment: Mapping[str, str]) -> str:
    """The locale that the environment asks for (POSIX: ``LC_ALL``, ``LC_MESSAGES``, ``LANG``), or English."""
    from hht_closure.texts.locales import LOCALES, match_locale  # noqa: PLC0415

    asked = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return match_locale(next(filter(None, asked), "")) or LOCALES[0]


def _status(given: Sequence[str]) -> int:
    """Imports stand here and further in, where an interrupt during one of them is caught."""
    import sqlite3  # noqa: PLC0415
    from io import TextIOWrapper  # noqa: PLC0415

    from hht_closure.cli.usage import parser  # noqa: PLC0415
    from hht_closure.errors import ClosureError, ClosureRefused  # noqa: PLC0415

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no Chinese is no reason to stop
    chosen = parser().parse_args(given)
    try:
        status = _run(chosen)
        sys.stdout.flush()  # here, where a reader that has gone away is caught
    except BrokenPipeError:
        raise
    except (ClosureError, ClosureRefused, OSError, sqlite3.Error) as error:
        return _complain((chosen.command,), f"{type(error).__name__}: {error}", DOES_NOT_HOLD)
    return status


def _run(chosen: Namespace) -> int:
    """Each command's module is imported when it is called, so that none of them pays for the others."""
    command: str = chosen.command
    match command:
        case "demo":
            return _demo(chosen)
        case "verify-receipt":
            from hht_closure.cli.verify_receipt import verify_receipt_file  # noqa: PLC0415

            return verify_receipt_file(chosen.file, chosen.keys, locale=default_locale(os.environ))
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
        return _complain(("demo",), missing, WRONG_USAGE)
    from hht_closure.cli.called import called_as  # noqa: PLC0415
    from hht_closure.cli.demo import DirectoryInUseError, StoryError, Wishes, run_demo  # noqa: PLC0415

    wishes = Wishes(
        locale=chosen.locale or default_locale(os.environ),
        directory=chosen.directory,
        seed=chosen.seed,
        messages=chosen.messages,
        as_json=chosen.json,
        program=called_as(sys.argv[0], sys.executable),
    )
    try:
        return HOLDS if run_demo(wishes) else DOES_NOT_HOLD
    except DirectoryInUseError as error:
        return _complain(("demo",), str(error), WRONG_USAGE)
    except StoryError as error:
        return _complain(("demo",), str(error), DOES_NOT_HOLD)


def _complain(command: Sequence[str], problem: str, status: int) -> int:
    """Say what is wrong with that command in one line, whatever is in it."""
    print(" ".join(("hht-closure", *command)) + ":", " ".join(problem.split()), file=sys.stderr)
    return status
