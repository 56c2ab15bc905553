"""One request to an address that anything may listen at, and its answer.

The whole answer has so many seconds, and only so much of it is read: the timeout of a socket is for
each read, so one byte a second would hold us up forever. No proxy is asked, as this is about this
machine, and no redirect is followed.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

_MOST = 64 * 1024 * 1024  # bytes; a status takes a few hundred for each thing in a cloud


@dataclass(frozen=True)
class Answer:
    """A status of HTTP and a body."""

    status: int
    body: bytes

    def said(self) -> dict[str, Any]:
        """The object that the body is in JSON; {} if it is anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):  # no JSON, or too deep
            return {}
        return found if isinstance(found, dict) else {}


def exchange(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
) -> Answer:
    """The answer to a request. Raises TimeoutError if it is not complete after so many seconds,
    another OSError if nobody listens or the connection breaks, and HTTPException or ValueError if
    what comes is no HTTP."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=seconds)) as connection:
        connection.connect()
        with _cut_off_after(seconds, connection.sock):
            connection.request(method, parts.path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.read(_MOST))


@contextmanager
def _cut_off_after(seconds: float, connected: socket.socket) -> Iterator[None]:
    """End a connection after so many seconds. Raises TimeoutError then, whatever came until now."""
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        with suppress(OSError):  # it has just ended by itself
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_over.is_set():
            raise TimeoutError
