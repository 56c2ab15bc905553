"""The one loopback port: takes HTTP requests and hands each to its part of the cloud.

Everything runs on one event loop. uvicorn speaks HTTP; this module is the ASGI
application behind it. Besides AWS's API there are four kinds of paths: a worker's Runtime
API below `/_runtime`, which its token opens; deployed stages below
`/restapis/.../_user_request_`, open as on AWS; the links of mails; and the local cloud's own
controls below `/_localcloud`, for those who sign with the key of its start.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psutil
import uvicorn

from localcloud import clock, losses, tasks
from localcloud.apigateway.stages import FrontDoor
from localcloud.aws_api import AwsApi
from localcloud.host import private, start_key
from localcloud.host.connections import bounded_protocol
from localcloud.host.resources import connections_to_hold, raise_file_limit, remove_tree
from localcloud.host.start_key import StartKey
from localcloud.iam import signatures as signature
from localcloud.iam.credentials import KnownCredentials
from localcloud.iam.signatures import RefusedSignatureError, Signed
from localcloud.lambda_.async_invoke import AsyncInvocations
from localcloud.lambda_.event_source_mapping import EventSources
from localcloud.lambda_.runtime.pool import Runtime
from localcloud.logs.writer import LogWriter
from localcloud.sns.delivery import Notifications
from localcloud.sns.mailbox import Mailbox
from localcloud.sqs.move_tasks import MoveTasks
from localcloud.upstream import Request, Response, State, error_response, json_response

_MAX_BODY = 80 * 1024 * 1024  # a 50 MB package, in base64
_PREFIX = "localcloud-"  # of the temporary directories, with the process id after it
_WITHOUT_BODY = (204, 304)
_LOSSES_SHOWN = 10  # in the status
_GRACE_SECONDS = 4.0  # to stop in good order, before the process ends itself
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Options:
    """How to run a local cloud."""

    mailbox: Path | None = None
    smtp: str | None = None
    concurrency: int = 10
    retry_delay: float = 1.0
    speed: float = 1.0
    queue_name_delay: float = 0.0
    role_delay: float = 0.0
    client: str = "native"
    auth: bool = True
    log: Path | None = None
    until_stdin_ends: bool = False


class LocalCloud:
    """The parts of the cloud, put together."""

    def __init__(self, options: Options, directory: Path, key: StartKey | None = None) -> None:
        self.key = key or start_key.make(0, Path.cwd(), auth=options.auth)
        known = KnownCredentials(self.key)
        self._credentials = known.find
        self._speed = clock.speed = options.speed
        self.state = State(role_delay=options.role_delay, queue_name_delay=options.queue_name_delay)
        self.logs = LogWriter()
        self.runtime = Runtime(
            directory,
            self.state,
            self.logs,
            concurrency=options.concurrency,
            client=options.client,
        )
        self.event_sources = EventSources(self.state, self.runtime)
        self.invocations = AsyncInvocations(
            self.state, self.runtime, retry_delay=options.retry_delay
        )
        self.mailbox = Mailbox(
            options.mailbox or directory / "mail",
            options.smtp,
            keep=options.mailbox is not None,
        )
        self.notifications = Notifications(self.state, self.invocations, self.mailbox)
        self.move_tasks = MoveTasks(self.state)
        self.front_door = FrontDoor(self.state, self.runtime)
        self.aws_api = AwsApi(
            self.state,
            self.logs,
            self.runtime,
            self.event_sources,
            self.invocations,
            self.notifications,
            self.front_door,
            known,
        )
        self.address = ""
        self.on_stop: Callable[[], None] = lambda: None

    def bind(self, address: str) -> None:
        """Tell the parts that hand out addresses where the server listens."""
        self.address = self.runtime.address = self.notifications.address = address

    def close(self) -> None:
        """Stop all work and every worker."""
        self.event_sources.stop()
        self.invocations.clear()
        self.notifications.stop()
        self.move_tasks.clear()
        self.runtime.stop()

    def reset(self) -> None:
        """Forget everything, as if just started."""
        self.close()
        clock.speed = self._speed
        self.logs.clear()
        losses.clear()
        self.notifications.clear()
        self.front_door.clear()
        self.state.reset()

    # -- HTTP ------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            request = await _read(scope, receive)
        except _HungUpError:
            return
        response = (
            await self.handle(request)
            if request is not None
            else json_response(413, {"message": "Request Entity Too Large"})
        )
        body, headers = _on_the_wire(response)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path
        if path.startswith("/_runtime/"):
            token, _, rest = path.removeprefix("/_runtime/").partition("/")
            return await self.runtime.handle(token, request, rest.partition("/")[2])
        if not _is_local(request):
            return json_response(403, {"message": "The local cloud answers to this machine only."})
        if re.match("/restapis/[^/]+/[^/]+/_user_request_", path):
            return await self.front_door.handle(request)
        if _is_mailed_link(request):
            return self._mailed_link(parse_qs(request.query))
        if path.startswith("/_localcloud/"):
            return self._control(request)
        try:
            signed = self._signed(request)
            return await self.aws_api.handle(signed, signature.in_header(request, signed))
        except RefusedSignatureError as error:
            status, code = signature.status_and_code(error)
            if error.service is None:  # as API Gateway puts it, for nobody knows what is meant
                return json_response(status, {"message": str(error)}, x_amzn_errortype=code)
            return error_response(request, status, code, str(error), error.service)

    def _signed(self, request: Request) -> Signed:
        """What the request's signature says, once it is verified. Raises RefusedSignatureError."""
        signed = signature.read(request)
        if self.key.auth:
            signature.verify(request, signed, self._credentials)
        return signed

    def _is_of_our_user(self, request: Request) -> bool:
        """Whether a request to our own controls is signed with the key of the start. Where any
        credentials are taken, a header of ours is enough, which a page of another site cannot
        send."""
        if not self.key.auth:
            return "x-localcloud" in request.headers
        try:
            signed = self._signed(request)
        except RefusedSignatureError:
            return False
        return signed.service == "localcloud" and signed.access_key_id == self.key.access_key_id

    def _control(self, request: Request) -> Response:
        """Whose cloud this is, for anybody; the rest for its user only."""
        action = request.path.removeprefix("/_localcloud/")
        ours = self._is_of_our_user(request)
        if request.method == "GET" and action == "status":
            return json_response(200, self.whose() | (self.status() if ours else {}))
        if request.method == "POST" and not ours:
            text = "Only the user who started this local cloud may do that."
            return json_response(403, {"message": text})
        if request.method == "POST":
            if action == "reset":
                self.reset()
                return json_response(200, {})
            if action == "speed":
                return _set_speed(request)
            if action == "stop":
                asyncio.get_running_loop().call_soon(self.on_stop)
                return json_response(200, {})
        return json_response(404, {"message": f"The local cloud has no {request.method} {action}."})

    def whose(self) -> dict[str, Any]:
        """What anybody may know: that this is a local cloud, and whose it is."""
        return {
            "service": "localcloud",
            "address": f"http://{self.address}",
            "pid": os.getpid(),
            "user": self.key.user,
            "user_id": start_key.user_id(),
            "folder": self.key.folder,
            "auth": self.key.auth,
        }

    def status(self) -> dict[str, Any]:
        """Speed, workers, mailbox and functions of this local cloud."""
        return {
            "speed": clock.speed,
            "workers": self.runtime.processes(),
            "mailbox": None if self.mailbox.sends_out else str(self.mailbox.directory),
            "lost": losses.describe(_LOSSES_SHOWN),
            "functions": [function.function_name for function in self.state.functions()],
            "event_sources": self.event_sources.describe(),
            "runtime": self.runtime.describe(),
            "restarts": tasks.restarted.total(),
        }

    def _mailed_link(self, query: dict[str, list[str]]) -> Response:
        """A link from a mail was opened."""
        action, page = query["Action"][0], (("Content-Type", "text/plain; charset=utf-8"),)
        if action == "ConfirmSubscription":
            arn = self.notifications.confirm(query.get("Token", [""])[0])
            if arn is not None:
                return Response(200, f"Subscription confirmed: {arn}\n".encode(), page)
        if action == "Unsubscribe" and "SubscriptionArn" in query:
            self.notifications.unsubscribe(query["SubscriptionArn"][0])
            return Response(200, b"You will get no more mail from this topic.\n", page)
        return Response(400, b"This link is not, or no longer, valid.\n", page)


def _set_speed(request: Request) -> Response:
    """Change how fast waits pass that begin from now on: {"speed": 60}."""
    try:
        speed = json.loads(request.body)["speed"]
        if isinstance(speed, bool) or not clock.MIN_SPEED <= speed <= clock.MAX_SPEED:
            raise ValueError
    except (ValueError, TypeError, KeyError):
        text = f"speed: must be a number from {clock.MIN_SPEED:g} to {clock.MAX_SPEED:g}."
        return json_response(400, {"message": text})
    clock.speed = float(speed)
    return json_response(200, {"speed": clock.speed})


class _HungUpError(Exception):
    """The client went away in the middle of its request."""


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The whole request; None if its body is larger than any that AWS takes. Raises _HungUpError
    where the rest of it never comes, as half an order, or half a reply of a worker's, is none."""
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
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["raw_path"].decode("latin-1").partition("?")[0]
    query = scope["query_string"].decode("latin-1")
    return Request(scope["method"], path, query, headers, b"".join(chunks))


def _on_the_wire(response: Response) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Body and headers of a response. Two statuses have no body, whatever somebody puts there: a
    client would read it as the next answer. https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
    """
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    if response.status in _WITHOUT_BODY:
        return b"", [pair for pair in headers if pair[0].lower() != b"content-length"]
    if not any(name.lower() == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.body)).encode()))
    return response.body, headers


def _is_local(request: Request) -> bool:
    """Refuse what another site's page can make a browser send (DNS rebinding, forms, images).

    A link in a mail may be opened from a page that shows the mail.
    https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
    """
    headers = request.headers
    host = headers.get("host", "")
    if re.sub(r":\d+$", "", host) not in _LOOPBACK:
        return False
    if headers.get("origin", f"http://{host}") != f"http://{host}":  # another port is another site
        return False
    is_link = "Action=ConfirmSubscription" in request.query and _is_mailed_link(request)
    opened = is_link and headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin") or opened


def _is_mailed_link(request: Request) -> bool:
    is_signed = "authorization" in request.headers or "X-Amz-" in request.query
    return (
        request.method == "GET"
        and request.path == "/"
        and "Action=" in request.query
        and not is_signed
    )


class _Server(uvicorn.Server):
    """uvicorn that says where it listens once it does, and ends the workers first."""

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
        self._cloud.close()
        await super().shutdown(sockets)


def listen(ports: Iterable[int]) -> socket.socket:
    """A socket on the loopback interface, at the first of these ports that is free. Raises
    OSError when none is."""
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
    """Remove what local clouds left behind that were killed before they could tidy up."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not _runs(int(pid)):
            remove_tree(directory)


def _runs(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be waited for is dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):  # it cannot be looked at, so it is there
        return True


def _wait_for_stdin(on_end: Callable[[], None]) -> None:
    """Stop when whoever started us is gone, however it went."""
    while os.read(0, 1):
        pass
    on_end()
    time.sleep(_GRACE_SECONDS)
    os._exit(1)  # something hangs; the workers see the end of their pipes, too


def serve(options: Options, server_socket: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Run a local cloud on a socket of `listen` until it is stopped.

    `on_ready` is told its host:port. Raises OSError if there is no private folder for its keys, or
    no place for its mailbox.
    """
    port = server_socket.getsockname()[1]
    key = start_key.make(port, Path.cwd(), auth=options.auth, log=options.log)
    start_key.save(key)
    if options.log is not None:
        _write_to(options.log)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again once it has shut down; leave by the front door
        # then, so that the temporary directory goes, too.
        signal.signal(number, lambda *_: sys.exit(0))
    _sweep()
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as directory:
        cloud = LocalCloud(options, Path(directory), key)
        cloud.runtime.prepare()
        # moto holds much that never goes away; looking through it for garbage again and
        # again took a tenth of a busy cloud's time.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        cloud.bind(f"127.0.0.1:{port}")
        config = uvicorn.Config(
            cloud,
            lifespan="off",
            http=bounded_protocol(connections_to_hold(raise_file_limit())),
            ws="none",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            # A worker that has been busy for a while must find its connection still open.
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
    """Let what this process prints from now on go to a file. That is done once the port is ours:
    a start that fails to get it must not empty the log of the cloud that has it."""
    descriptor = private.open_log(log)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
