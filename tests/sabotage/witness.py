"""A plugin of pytest for the runs of sabotages: it says which package was tested, and what failed first and how.

It takes two paths from the environment: the folder from which the package must come, and the file to write to.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

import hht_closure

COPY: Final = "SABOTAGE_COPY"
STATEMENT: Final = "SABOTAGE_STATEMENT"
WRONG_PACKAGE: Final = 70
"""The exit status of a run that would have tested another package than the copy."""


def pytest_configure() -> None:
    """Leave at once where the package is not the copy: the installed one would catch nothing."""
    if Path(os.environ[COPY]) not in Path(hht_closure.__file__).parents:
        pytest.exit(f"{hht_closure.__file__} was imported, and not the copy", WRONG_PACKAGE)


@pytest.hookimpl(tryfirst=True)  # nobody is asked any more once there is a report
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Write down the first failure: the test, the law it states, and whether an assertion found it."""
    statement = Path(os.environ[STATEMENT])
    if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception) or statement.exists():
        return
    law = (getattr(getattr(item, "function", None), "__doc__", None) or "").partition("\n")[0]
    statement.write_text(
        json.dumps(
            {
                "test": item.nodeid,
                "states": law,
                "asserted": call.when == "call" and _is_of_a_test(call.excinfo),
                "error": call.excinfo.typename,
            }
        ),
        encoding="utf-8",
    )


def _is_of_a_test(failure: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether an assertion of a test failed, or of what the package ships for tests; and not one of its own code."""
    package = Path(os.environ[COPY]) / "hht_closure"
    raised_in = Path(failure.traceback[-1].path)
    is_own_code = package in raised_in.parents and package / "testing" not in raised_in.parents
    return failure.errisinstance((AssertionError, pytest.fail.Exception)) and not is_own_code
