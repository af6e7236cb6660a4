"""One request to an outside service over HTTP, and its answer, bounded in bytes and time (extra ``http``).

What the adapters that talk to such services share. No redirect is followed, no proxy or password is taken from the
environment, and nothing is sent without TLS, but to this very machine.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_address
from threading import Lock, Timer
from typing import Final, Literal, Self, TypeAlias
from urllib.parse import urlsplit

import attrs

from hht_closure.errors import WiringError

Json: TypeAlias = str | int | float | bool | Sequence["Json"] | Mapping[str, "Json"] | None
"""What bodies and answers are made of."""

_asking: Final = ContextVar("hht_closure_asking", default=False)

LONGEST_ANSWER: Final = 65_536
"""The most bytes of an answer that are read."""

Problem = Literal["timeout", "unreachable", "answer_malformed", "answer_too_large"]
"""Why a service was not heard; nothing that it said is in it."""


@attrs.frozen
class Answered:
    """What a service answered: the status, and the JSON of its body where that was asked for."""

    status: int
    content: Json = None


@attrs.frozen(kw_only=True)
class BoundedHttp:
    """How a service is talked to.

    Attributes:
        timeout: the longest wait in seconds for each step of the connection; and a body that is not whole so long after
            the beginning is none.
        context: which certificates are believed; the usual ones where None.
        monotonic: measures that time, in seconds.
    """

    timeout: float
    context: ssl.SSLContext | None = attrs.field(default=None, repr=False)
    monotonic: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)

    def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, reads: Callable[[int], bool]
    ) -> Answered | Problem:
        """Send the body, and give the answer or why there is none.

        Args:
            url: checked with :func:`is_safe_address`.
            headers: the lines of the request.
            body: what is sent.
            reads: whether the body of an answer with that status is wanted.
        """
        import httpx2  # noqa: PLC0415 - an extra

        lines = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        deadline, ending = self.monotonic() + self.timeout, _Ending(self.timeout)
        _hush()
        asked = _asking.set(True)
        try:
            with (
                ending,
                httpx2.Client(verify=self.context or _usual(), timeout=self.timeout, trust_env=False) as client,
                client.stream("POST", url, content=body, headers=lines, extensions={"trace": ending.trace}) as answer,
            ):
                status: int = answer.status_code
                said = self._read(status, answer.iter_raw(), deadline) if reads(status) else Answered(status)
                return "timeout" if ending.is_over else said
        except httpx2.TimeoutException:
            return "timeout"
        except httpx2.HTTPError as error:
            if ending.is_over:
                return "timeout"
            return "answer_malformed" if isinstance(error, httpx2.RemoteProtocolError) else "unreachable"
        finally:
            _asking.reset(asked)

    def _read(self, status: int, chunks: Iterator[bytes], deadline: float) -> Answered | Problem:
        read = bytearray()
        for chunk in chunks:
            read += chunk
            if len(read) > LONGEST_ANSWER:
                return "answer_too_large"
            if self.monotonic() >= deadline:
                return "timeout"
        try:
            return Answered(status, json.loads(read))
        except (ValueError, RecursionError):
            return "answer_malformed"


class _Ending:
    """Ends the connections of one request when its time is over, wherever they are.

    The client's own time-outs hold for each step, and header lines, or a handshake, that come byte by byte keep every
    step in time. What is shut down here is a second descriptor of the same connection, so that nothing is closed under
    a thread that reads from it.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = Lock()
        self._connections: list[socket.socket] = []
        self.is_over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for one in self._connections:
                one.close()
            self._connections.clear()

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Called by the client at every step: a connection was made."""
        if event != "connection.connect_tcp.complete":
            return
        connection = getattr(info["return_value"], "get_extra_info", _nothing)("socket")
        if not isinstance(connection, socket.socket):
            return
        with self._lock:
            self._connections.append(connection.dup())
        if self.is_over:
            self._end()

    def _end(self) -> None:
        self.is_over = True
        with self._lock:
            for one in self._connections:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


def _nothing(_: str) -> None:
    """What a stream says that knows no socket."""


@cache
def _hush() -> None:
    """Keep the client from logging the addresses that we ask, with whatever key stands in them (L22)."""
    logging.getLogger("httpx2").addFilter(lambda record: record.levelno > logging.INFO or not _asking.get())


def check_installed(what: str) -> None:
    """Say which extra is missing.

    Raises:
        WiringError: it is.
    """
    if find_spec("httpx2") is None:
        raise WiringError(f"{what} needs the extra: pip install 'hht-closure[http]'")


def is_safe_address(url: str) -> bool:
    """Whether it is an address with a host and without a password in it, over TLS but on this very machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.fragment or not _is_visible(url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_visible(url: str) -> bool:
    return len(url) <= 2000 and all("!" <= one <= "~" for one in url)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def _usual() -> ssl.SSLContext:
    """The usual certificates, read once: reading them takes a tenth of a second, many times as long as a request."""
    import httpx2  # noqa: PLC0415 - an extra

    return httpx2.create_ssl_context(trust_env=False)
