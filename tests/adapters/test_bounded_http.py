"""A service that drips its answer holds nobody longer than the time-out, wherever in the answer it drips."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from threading import Event, Thread
from time import monotonic

import pytest

from hht_closure.adapters.bounded_http import Answered, BoundedHttp

PATIENCE = 10.0
"""Seconds after which a service gives up by itself; a call that takes as long was not bounded."""

BEGINNINGS = {
    "header": b"HTTP/1.1 200 OK\r\nX: ",
    "informational": b"HTTP/1.1 100 Continue\r\n\r\n",
    "body": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.fixture
def serve() -> Iterator[Callable[[bytes, bytes], str]]:
    """Starts a service on loopback that answers with a beginning, and then drips."""
    ended, sockets = Event(), list[socket.socket]()

    def dripping(beginning: bytes, drop: bytes) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)

        def answer() -> None:
            connection, _ = listening.accept()
            with closing(connection), suppress(OSError):
                connection.recv(65_536)
                connection.sendall(beginning)
                end = monotonic() + PATIENCE
                while drop and monotonic() < end and not ended.wait(0.05):
                    connection.sendall(drop)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass  # who closes with something unread resets the connection, and the answer is lost

        Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"

    yield dripping
    ended.set()
    for each in sockets:
        each.close()


@pytest.mark.parametrize("where", BEGINNINGS)
def test_an_answer_that_drips_is_none(serve: Callable[[bytes, bytes], str], where: str) -> None:
    """Each byte comes in time, and the whole does not (L8)."""
    drop = BEGINNINGS[where] if where == "informational" else b" "
    url, began = serve(BEGINNINGS[where], drop), monotonic()
    said = BoundedHttp(timeout=0.5).post(url, headers={}, body=b"x", reads=lambda _: True)
    assert (said, monotonic() - began < PATIENCE / 2) == ("timeout", True)


def test_an_answer_that_ends_is_read(serve: Callable[[bytes, bytes], str]) -> None:
    """The twin: the same service, which says what it has to say and closes."""
    url = serve(b'HTTP/1.1 200 OK\r\n\r\n{"ok": true}', b"")
    said = BoundedHttp(timeout=5).post(url, headers={}, body=b"x", reads=lambda _: True)
    assert said == Answered(200, {"ok": True})
