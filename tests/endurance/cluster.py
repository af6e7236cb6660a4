"""A PostgreSQL server of the run's own, which it may restart as it likes without disturbing anybody."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import attrs

from hht_closure.adapters.sql import migrate

_PLACES: Final = "/usr/lib/postgresql"
"""Where Debian has the programs of each release."""


class NoPostgresError(Exception):
    """There is no PostgreSQL to be run here; arg: what is missing, in words."""


Mode = Literal["fast", "immediate"]
"""How a server is stopped: its clients are sent away, or it falls as by a crash and recovers when it starts."""


@attrs.frozen(kw_only=True)
class Cluster:
    """A server that runs.

    Attributes:
        folder: where its files lie, those of its socket among them.
        port: where it listens, on this machine alone.
    """

    folder: Path
    port: int
    _programs: Path
    _user: tuple[str, ...]

    @property
    def url(self) -> str:
        """The address of its one database, with the library's tables."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def restart(self, mode: Mode, *, after: float = 0.0) -> None:
        """Stop it, however many are connected, and start it again when it was away for so many seconds."""
        self.control("stop", "-m", mode)
        time.sleep(after)
        self.control("start")

    def control(self, *arguments: str) -> None:
        """What ``pg_ctl`` does, to its end."""
        log = self.folder / "server.log"
        _run(self._user, self._programs / "pg_ctl", "-D", self.folder / "data", "-l", log, "-w", *arguments)


@contextmanager
def own_cluster() -> Generator[Cluster, None, None]:
    """A server that is made now, and gone when the block ends.

    Where this is root, it is run by the user ``postgres``, since it refuses to be run by root.

    Raises:
        NoPostgresError: there are no programs of PostgreSQL.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="endurance-", dir="/tmp"))  # as short as a socket's path must be
    user: tuple[str, ...] = ()
    if os.geteuid() == 0:
        postgres = pwd.getpwnam("postgres")
        os.chown(folder, postgres.pw_uid, postgres.pw_gid)
        user = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups")
    cluster = Cluster(folder=folder, port=_free_port(), programs=programs, user=user)
    try:
        _run(user, programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync")
        settings = f"port = {cluster.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
        with (folder / "data" / "postgresql.auto.conf").open("a") as file:
            file.write(settings)
        cluster.control("start")
        migrate(cluster.url)
        yield cluster
    finally:
        with suppress(AssertionError):
            cluster.control("stop", "-m", "immediate")
        shutil.rmtree(folder)


def _run(user: tuple[str, ...], program: Path, *arguments: str | Path) -> None:
    """Run it; what it says is kept for the error.

    Its streams are no pipes, since a server that it starts would hold them open for ever.
    """
    with tempfile.TemporaryFile() as said:
        ended = subprocess.run(
            [*user, program, *arguments], check=False, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        said.seek(0)
        assert ended.returncode == 0, f"{program.name}: {said.read().decode()}"


def _programs() -> Path:
    """The newest release's.

    Raises:
        NoPostgresError: there is none.
    """
    found = sorted(Path(_PLACES).glob("*/bin/initdb"), key=lambda one: float(one.parents[1].name))
    if found:
        return found[-1].parent
    raise NoPostgresError(f"no programs of PostgreSQL in {_PLACES}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
