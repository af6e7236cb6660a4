"""One request to an outside service over HTTP, and its answer, bounded in bytes and time (extra ``http``).

What the adapters that talk to such services share. No redirect is followed, no proxy or password is taken from the
environment, and nothing is sent without TLS, but to this very machine.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_address
from threading import Timer
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import attrs

from hht_closure.errors import WiringError

Json: TypeAlias = str | int | float | bool | Sequence["Json"] | Mapping[str, "Json"] | None
"""What bodies and answers are made of."""

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
        deadline = self.monotonic() + self.timeout
        client = httpx2.Client(verify=self.context or _usual(), timeout=self.timeout, trust_env=False)
        ending = Timer(self.timeout, client.close)  # header lines that come one by one keep every step in time
        ending.daemon = True
        ending.start()
        try:
            with client, client.stream("POST", url, content=body, headers=lines) as answer:
                status: int = answer.status_code
                return self._read(status, answer.iter_raw(), deadline) if reads(status) else Answered(status)
        except httpx2.TimeoutException:
            return "timeout"
        except httpx2.RemoteProtocolError:
            return "timeout" if ending.finished.is_set() else "answer_malformed"
        except httpx2.HTTPError:
            return "timeout" if ending.finished.is_set() else "unreachable"
        finally:
            ending.cancel()

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
