"""A bound on the connections that are open at one time.

Each takes a file descriptor, and so do workers, logs and pipes. Without a bound, clients that come
and stay would take the last one, and then nothing works any more. When there are too many, the
oldest idle connection is closed, or else the new one. A worker's connection stays: its client would
take that for the end.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_Protocol: Any = AutoHTTPProtocol  # one of two, by what is installed


def bounded_protocol(limit: int) -> type[Any]:
    """uvicorn's HTTP protocol, with at most `limit` connections that are no worker's."""

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
    """Whether no request of it is being answered."""
    return protocol.cycle is None or protocol.cycle.response_complete


def _is_of_a_worker(protocol: Any) -> bool:
    scope = protocol.scope
    return scope is not None and scope["path"].startswith("/_runtime/")
