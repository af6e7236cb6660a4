"""How this program was called, so that what is printed to be copied runs where it was printed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Final

PROGRAM: Final = "hht-closure"


def called_as(name: str, interpreter: str) -> str:
    """What to type to call this program again, quoted for a shell.

    Args:
        name: ``sys.argv[0]``: a path of the script, or of this package's ``__main__`` for ``python -m``.
        interpreter: the Python that is running.

    Returns:
        The path where it is one, else the bare name of the script.
    """
    if Path(name).parts[-2:] == ("cli", "__main__.py"):
        return f"{shlex.quote(interpreter)} -m hht_closure.cli"
    if os.sep in name and Path(name).name == PROGRAM:
        return shlex.quote(name)
    return PROGRAM
