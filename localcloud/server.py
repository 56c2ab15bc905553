"""The one loopback port: listens, speaks HTTP, and shuts down in order.

uvicorn speaks HTTP; this module is the ASGI application behind it. It does not decide what a
request is for: routes.py does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import uvicorn

from localcloud.cloud import LocalCloud, Options
from localcloud.host import private, start_key
from localcloud.host.connections import SENT_NAMES, bounded_protocol
from localcloud.host.resources import connections_to_hold, raise_file_limit, remove_tree
from localcloud.http import Request, Response, json_response
from localcloud.routes import Router

_MAX_BODY = 80 * 1024 * 1024  # a 50 MB package, in base64
_PREFIX = "localcloud-"  # of the temporary directories; the process id follows
_WITHOUT_BODY = (204, 304)
_GRACE_SECONDS = 4.0  # for an orderly stop, before the process ends itself

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def application(cloud: LocalCloud) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application that hands a cloud's requests to routes.py."""
    router = Router(cloud)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            request = await _read(scope, receive)
        except _HungUpError:
            return
        response = (
            await router.answer(request)
            if request is not None
            else json_response(413, {"message": "Request Entity Too Large"})
        )
        if response.stream is not None:
            await _send_stream(response, response.stream, receive, send)
            return
        body, headers = _on_the_wire(response)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


async def _send_stream(
    response: Response, stream: AsyncGenerator[bytes, None], receive: Receive, send: Send
) -> None:
    """Send a stream until it ends or the client goes away."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    sending = asyncio.ensure_future(_send_parts(stream, send))
    gone = asyncio.ensure_future(receive())  # all that can still come is the end
    await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, gone):
        task.cancel()
    await asyncio.gather(sending, gone, return_exceptions=True)
    if not sending.cancelled():
        sending.result()  # raises what went wrong


async def _send_parts(stream: AsyncGenerator[bytes, None], send: Send) -> None:
    async with contextlib.aclosing(stream):
        async for part in stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class _HungUpError(Exception):
    """The client went away in the middle of its request."""


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The whole request; None if its body is larger than AWS allows. Raises _HungUpError if the
    rest never comes: half an order, or half of a worker's reply, is not one."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _HungUpError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > _MAX_BODY:
            return None
        if not message.get("more_body"):
            break
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    names = (name.decode("latin-1") for name in scope.get(SENT_NAMES, ()))
    sent = tuple((name, value) for name, (_, value) in zip(names, pairs, strict=False))
    path = scope["raw_path"].decode("latin-1").partition("?")[0]
    query = scope["query_string"].decode("latin-1")
    return Request(
        scope["method"], path, query, dict(pairs), b"".join(chunks), sent or tuple(pairs)
    )


def _on_the_wire(response: Response) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Body and headers of a response. Two statuses never have a body: a client would read it as
    the next answer. https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
    """
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    if response.status in _WITHOUT_BODY:
        return b"", [pair for pair in headers if pair[0].lower() != b"content-length"]
    if not any(name.lower() == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.body)).encode()))
    return response.body, headers


class _Server(uvicorn.Server):
    """uvicorn that reports once it listens, and ends the workers first."""

    def __init__(
        self, config: uvicorn.Config, cloud: LocalCloud, on_ready: Callable[[str], None]
    ) -> None:
        super().__init__(config)
        self._cloud = cloud
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready(self._cloud.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._cloud.is_closed = True
        self._cloud.close()
        await super().shutdown(sockets)


def listen(ports: Iterable[int]) -> socket.socket:
    """A socket on the loopback interface, at the first free one of these ports. Raises OSError if
    none is free."""
    *others, last = ports
    for port in others:
        with suppress(OSError):
            return _listen(port)
    return _listen(last)


def _listen(port: int) -> socket.socket:
    server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # on Windows this option would let two servers share the port
            server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server_socket.bind(("127.0.0.1", port))
        server_socket.listen()  # only now is the port taken for sure
    except OSError:
        server_socket.close()
        raise
    return server_socket


def _sweep() -> None:
    """Remove what killed local clouds of this user left behind. The folder is everybody's, so
    others can make what looks like it, under any name."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and _belongs_to_us(directory) and not _runs(int(pid)):
            remove_tree(directory)


def _belongs_to_us(path: Path) -> bool:
    with suppress(OSError):  # its own cloud has just removed it
        return start_key.user_id() in (None, path.lstat().st_uid)
    return False


def _runs(pid: int) -> bool:
    """Whether there is such a process; a zombie counts as dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):  # we may not look at it, so it is there
        return True


def _wait_for_stdin(on_end: Callable[[], None]) -> None:
    """Stop when the process that started us is gone, however it ended."""
    while os.read(0, 1):
        pass
    on_end()
    time.sleep(_GRACE_SECONDS)
    os._exit(1)  # something hangs; the workers notice the end of their pipes, too


def serve(options: Options, server_socket: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Run a local cloud on a socket of `listen` until it is stopped.

    Calls `on_ready` with its host:port. Raises OSError if there is no private folder for its keys,
    or no place for its mailbox.
    """
    port = server_socket.getsockname()[1]
    key = start_key.make(port, Path.cwd(), auth=options.auth, log=options.log)
    start_key.save(key)
    if options.log is not None:
        _write_to(options.log)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again once it has shut down. Exit normally then, so that the
        # temporary directory is removed, too.
        signal.signal(number, lambda *_: sys.exit(0))
    _sweep()
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as directory:
        cloud = LocalCloud(options, Path(directory), key)
        # moto keeps much that never goes away; searching it for garbage again and again took a
        # tenth of a busy cloud's time.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        cloud.bind(f"127.0.0.1:{port}")
        config = uvicorn.Config(
            application(cloud),
            lifespan="off",
            http=bounded_protocol(connections_to_hold(raise_file_limit())),
            ws="none",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            # A worker must find its connection still open after a long invocation.
            timeout_keep_alive=24 * 60 * 60,
            server_header=False,
            date_header=False,
        )
        server = _Server(config, cloud, on_ready)
        cloud.on_stop = lambda: setattr(server, "should_exit", True)
        if options.until_stdin_ends:
            threading.Thread(target=_wait_for_stdin, args=[cloud.on_stop], daemon=True).start()
        try:
            server.run(sockets=[server_socket])
        finally:
            start_key.forget(key)


def _write_to(log: Path) -> None:
    """Send what this process prints from now on to a file. Comes after the port is ours: a start
    that fails to get it must not empty the log of the cloud that has it."""
    descriptor = private.open_log(log)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
