"""The command line itself: help, usage, and what goes wrong in one line."""

from __future__ import annotations

import subprocess
import sys
from importlib.abc import MetaPathFinder
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from hht_closure.cli import default_locale, main
from hht_closure.cli.called import called_as


@pytest.mark.parametrize("command", [[], ["demo"], ["verify-receipt"], ["verify-journal"], ["diagram"]])
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` ends with status 0."""
    assert main([*command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(" ".join(["usage: hht-closure", *command]))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["close"],
        ["demo", "--locale", "fi"],
        ["demo", "--locale", ""],
        ["demo", "--locale", "zh" * 40],
        ["demo", "--seed", "-1"],
        ["demo", "--seed", "1.5"],
        ["demo", "--seed", "９"],
        ["demo", "--seed", "9" * 5_000],
        ["demo", "--messages", "0"],
        ["demo", "--messages", "1000001"],
        ["demo", "--messages", "many\nmore"],
        ["demo", "now"],
        ["verify-receipt"],
        ["verify-receipt", "receipt.jws"],
        ["verify-receipt", "--keys", "keys.json"],
        ["verify-journal"],
        ["verify-journal", "a.db", "b.db"],
        ["diagram", "--some"],
    ],
)
def test_wrong_usage_is_status_2_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong, and where to read more; never a traceback."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("hht-closure")


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the installed package."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"hht-closure": "7.8.9"}[name])
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "hht-closure 7.8.9\n"


def test_the_statuses_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of signals, too."""
    main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "130 interrupted (Control-C), 141 whoever read the output has gone away" in said


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("hht-closure", "hht-closure"),
        (".venv/bin/hht-closure", ".venv/bin/hht-closure"),
        ("/opt/my tools/bin/hht-closure", "'/opt/my tools/bin/hht-closure'"),
        ("/src/hht_closure/cli/__main__.py", "'/my python' -m hht_closure.cli"),
        ("/usr/bin/pytest", "hht-closure"),
        ("", "hht-closure"),
        ("-c", "hht-closure"),
    ],
)
def test_what_is_to_be_copied_calls_this_program(name: str, called: str) -> None:
    """By its path where it was called by one; quoted for a shell."""
    assert called_as(name, "/my python") == called


def test_an_interrupt_while_a_command_is_loaded_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control-C before anything has begun."""

    class Interrupting(MetaPathFinder):
        """Somebody presses it during an import."""

        def find_spec(self, fullname: str, path: object, target: object = None) -> None:
            """Not found, but interrupted."""
            if fullname == "hht_closure.cli.usage":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "hht_closure.cli.usage", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert main(["verify-journal", "a.db"]) == 130
    assert capsys.readouterr().err == "hht-closure verify-journal: interrupted\n"


def test_a_source_that_is_not_installed_has_no_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and does not fail."""

    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", unknown)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "hht-closure (not installed: run from its source)\n"


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_SG"}, "zh-CN"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fi_FI"}, "en"),
        ({"LANG": ""}, "en"),
        ({"LANG": "en_GB", "LC_MESSAGES": "zh_CN"}, "zh-CN"),
        ({"LANG": "zh_CN", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "zh-CN"),
    ],
)
def test_the_environment_decides_the_language_unless_it_is_asked_for(environment: dict[str, str], locale: str) -> None:
    """In the order that POSIX lays down; English where nothing fits."""
    assert default_locale(environment) == locale


@pytest.mark.parametrize("name", ["aiosmtpd", "altcha", "captcha", "httpx2", "rich"])
def test_a_missing_extra_is_named_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to install, and status 2."""
    monkeypatch.setitem(sys.modules, name, None)
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == (
        "hht-closure demo: the extra 'demo' is missing: install 'hht-closure[demo]', or '.[demo]' in a checkout"
        f" (not found: {name})\n"
    )


def loaded_by(statement: str) -> set[str]:
    """The names of the top packages that a new interpreter has loaded after that statement."""
    shown = f"{statement}; import sys; print(*{{one.split('.')[0] for one in sys.modules}}, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(ran.stderr.split())


def test_importing_the_command_line_loads_no_extra() -> None:
    """Neither rich nor a server nor a client, so that the other commands need only what is mandatory."""
    loaded = loaded_by("import hht_closure.cli")
    assert loaded & {"rich", "aiosmtpd", "httpx2", "altcha", "captcha", "PIL", "cryptography", "asyncio"} == set()


def test_verifying_loads_no_extra(tmp_path: Path) -> None:
    """Whoever is handed a receipt or a journal needs the library and nothing else."""
    commands = (
        "from hht_closure.cli import main;"
        f"main(['verify-receipt', {str(tmp_path / 'a')!r}, '--keys', 'b']);"
        f"main(['verify-journal', {str(tmp_path / 'c')!r}]); main(['diagram'])"
    )
    assert loaded_by(commands) & {"rich", "aiosmtpd", "httpx2", "altcha", "captcha", "PIL"} == set()


@pytest.mark.parametrize(
    "command", [["diagram", "--all"], ["demo", "--messages", "5"], ["demo", "--messages", "5", "--json"]]
)
def test_a_reader_that_goes_away_gets_no_traceback(command: list[str]) -> None:
    """``hht-closure diagram | head -1`` ends quietly, with the status of a program that SIGPIPE ended."""
    writing = subprocess.Popen(
        [sys.executable, "-m", "hht_closure.cli", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writing.stdout is not None
    assert writing.stderr is not None
    writing.stdout.close()
    said = writing.stderr.read()
    writing.stderr.close()
    assert (writing.wait(timeout=30), said) == (141, b"")
