"""HTTP connections: a limit on the open ones, and the names of headers as they are sent.

Each takes a file descriptor, and so do workers, logs and pipes. Without a limit, clients that stay
connected would take the last one, and then nothing works any more. If there are too many, we close
the oldest idle one, or else the new one. We never close a worker's connection: its client would
take that for the end.

uvicorn writes the names of headers in lower case. A function behind API Gateway gets them as they
were sent, so they are kept in the scope of the request as well.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

SENT_NAMES = "localcloud.sent_names"  # of the headers, in the scope of a request
_Protocol: Any = AutoHTTPProtocol  # one of two, depending on what is installed


def bounded_protocol(limit: int) -> type[Any]:
    """uvicorn's HTTP protocol, with at most `limit` connections besides those of workers."""

    class BoundedProtocol(_Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.made = self.loop.time()
            if len(self.connections) <= limit:
                return
            others = [each for each in self.connections if not _is_of_a_worker(each)]
            if len(others) > limit:
                idle = [each for each in others if each is not self and _is_idle(each)]
                min(idle, key=lambda each: each.made, default=self).transport.close()

        def on_header(self, name: bytes, value: bytes) -> None:
            self.scope.setdefault(SENT_NAMES, []).append(name)
            super().on_header(name, value)

    return BoundedProtocol


def _is_idle(protocol: Any) -> bool:
    """Whether it has no request under way."""
    return protocol.cycle is None or protocol.cycle.response_complete


def _is_of_a_worker(protocol: Any) -> bool:
    scope = protocol.scope
    return scope is not None and scope["path"].startswith("/_runtime/")
