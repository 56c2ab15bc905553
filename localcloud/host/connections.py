"""A limit on open connections.

Each takes a file descriptor, and so do workers, logs and pipes. Without a limit, clients that stay
connected would take the last one, and then nothing works any more. If there are too many, we close
the oldest idle one, or else the new one. We never close a worker's connection: its client would
take that for the end.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

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

    return BoundedProtocol


def _is_idle(protocol: Any) -> bool:
    """Whether it has no request under way."""
    return protocol.cycle is None or protocol.cycle.response_complete


def _is_of_a_worker(protocol: Any) -> bool:
    scope = protocol.scope
    return scope is not None and scope["path"].startswith("/_runtime/")
