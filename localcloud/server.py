"""The one loopback port: takes HTTP requests and hands each to its part of the cloud.

Everything runs on one event loop. uvicorn speaks HTTP; this module is the ASGI
application behind it. Besides AWS's API there are three kinds of paths: a worker's Runtime
API below `/_runtime`, deployed stages below `/restapis/.../_user_request_`, and the local
cloud's own controls below `/_localcloud`.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import psutil
import uvicorn

from localcloud.asynchronous import AsyncInvocations
from localcloud.event_sources import EventSources
from localcloud.front_door import FrontDoor
from localcloud.logs import LogWriter
from localcloud.mailbox import Mailbox
from localcloud.notifications import Notifications
from localcloud.runtime import Runtime
from localcloud.state import (
    ACCOUNT_ID,
    Request,
    Response,
    State,
    error_response,
    json_response,
)

_MAX_BODY = 80 * 1024 * 1024  # a 50 MB package, in base64
_MAX_SYNC_PAYLOAD = 6 * 1024 * 1024
_MAX_ASYNC_PAYLOAD = 1024 * 1024
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_TEST_INVOKE = re.compile(r"/restapis/([^/]+)/resources/([^/]+)/methods/([^/]+)")
_PREFIX = "localcloud-"  # of the temporary directories, with the process id after it
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Options:
    """How to run a local cloud. A port of 0 takes any that is free."""

    port: int = 0
    mailbox: Path | None = None
    smtp: str | None = None
    concurrency: int = 10
    retry_delay: float = 1.0
    client: str = "native"


class LocalCloud:
    """The parts of the cloud, put together."""

    def __init__(self, options: Options, directory: Path) -> None:
        self.state = State()
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
        self.mailbox = Mailbox(options.mailbox or directory / "mail", options.smtp)
        self.notifications = Notifications(self.state, self.invocations, self.mailbox)
        self.front_door = FrontDoor(self.state, self.runtime)
        self.address = ""
        self.on_stop: Callable[[], None] = lambda: None

    def bind(self, address: str) -> None:
        """Tell the parts that hand out addresses where the server listens."""
        self.address = self.runtime.address = self.notifications.address = address

    def close(self) -> None:
        """Stop all work and every worker."""
        self.event_sources.stop()
        self.invocations.clear()
        self.runtime.stop()

    def reset(self) -> None:
        """Forget everything, as if just started; mail that was delivered stays."""
        self.close()
        self.logs.clear()
        self.notifications.clear()
        self.front_door.clear()
        self.state.reset()

    # -- HTTP ------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        response = (
            await self.handle(request)
            if request is not None
            else json_response(413, {"message": "Request Entity Too Large"})
        )
        headers = [(n.encode(), v.encode("latin-1")) for n, v in response.headers]
        if not any(name.lower() == b"content-length" for name, _ in headers):
            headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path
        if path.startswith("/_runtime/"):
            _, _, token, _, action = path.split("/", 4)
            return await self.runtime.handle(token, request, action)
        if not _is_local(request):
            return json_response(403, {"message": "The local cloud answers to this machine only."})
        if path.startswith("/restapis/") and "/_user_request_" in path:
            return await self.front_door.handle(request)
        if path.startswith("/_localcloud/"):
            return self._control(request)
        if (service := _service(request)) is not None:
            return await self._aws(service, request)
        if path == "/" and request.method == "GET" and "Action=" in request.query:
            return self._mailed_link(parse_qs(request.query))
        return json_response(403, {"message": "Missing Authentication Token"})

    def _control(self, request: Request) -> Response:
        """Status for whoever asks; stop and reset for those who can send a header of ours,
        which a web page on another site cannot."""
        action = request.path.removeprefix("/_localcloud/")
        if request.method == "GET" and action == "status":
            return json_response(200, self.status())
        if request.method == "POST" and "x-localcloud" in request.headers:
            if action == "reset":
                self.reset()
                return json_response(200, {})
            if action == "stop":
                asyncio.get_running_loop().call_soon(self.on_stop)
                return json_response(200, {})
        return json_response(404, {"message": f"The local cloud has no {request.method} {action}."})

    def status(self) -> dict[str, Any]:
        """Address, process ids, mailbox and functions of this local cloud."""
        return {
            "service": "localcloud",
            "address": f"http://{self.address}",
            "pid": os.getpid(),
            "workers": self.runtime.processes(),
            "mailbox": None if self.mailbox.sends_out else str(self.mailbox.directory),
            "functions": [function.function_name for function in self.state.functions()],
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

    # -- AWS's API ---------------------------------------------------------------------------

    async def _aws(self, service: str, request: Request) -> Response:
        if service == "lambda":
            if request.method == "POST" and (found := _INVOKE.fullmatch(unquote(request.path))):
                return await self._invoke(found[1], request)
            response = self.state.call(request)
            if request.method != "GET" and response.status < 300:
                self._follow(request)
            return response
        if service == "sqs" and request.headers.get("x-amz-target", "").endswith(".ReceiveMessage"):
            return await self._receive_message(request)
        if service == "sns":
            return self._sns(request)
        if service == "apigateway" and request.method == "POST":
            found = _TEST_INVOKE.fullmatch(request.path)
            if found is not None:
                return await self.front_door.test(found[1], found[2], found[3], request.body)
        if service == "logs":
            self.logs.flush()
        return self.state.call(request)

    def _follow(self, request: Request) -> None:
        """Bring pollers and workers in line with a change to functions or mappings."""
        self.event_sources.reconcile()
        if request.method == "DELETE":
            self.runtime.keep({function.function_arn for function in self.state.functions()})

    async def _invoke(self, name: str, request: Request) -> Response:
        """Lambda's Invoke, in its three types."""
        function = self.state.function(name, _region(request))
        if function is None:
            arn = f"arn:aws:lambda:{_region(request)}:{ACCOUNT_ID}:function:{name}"
            text = {"Type": "User", "Message": f"Function not found: {arn}"}
            return json_response(404, text, x_amzn_errortype="ResourceNotFoundException")
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        payload = request.body or b"{}"
        limit = _MAX_ASYNC_PAYLOAD if kind == "Event" else _MAX_SYNC_PAYLOAD
        if len(payload) > limit:
            text = {
                "message": f"Request must be smaller than {limit} bytes for the Invoke operation"
            }
            return json_response(413, text, x_amzn_errortype="RequestTooLargeException")
        try:
            json.loads(payload)
        except ValueError as error:
            text = {"message": f"Could not parse request body into json: {error}"}
            return json_response(400, text, x_amzn_errortype="InvalidRequestContentException")
        if kind == "DryRun":
            return Response(204)
        if kind == "Event":
            self.invocations.add(function, payload)
            return Response(202)
        context = request.headers.get("x-amz-client-context")
        decoded = base64.b64decode(context).decode() if context else None
        result = await self.runtime.invoke(function, payload, decoded)
        headers = [("X-Amz-Executed-Version", str(function.version))]
        headers.append(("x-amzn-RequestId", result.request_id))
        if result.error is not None:
            headers.append(("X-Amz-Function-Error", result.error))
        if request.headers.get("x-amz-log-type") == "Tail":
            headers.append(("X-Amz-Log-Result", base64.b64encode(result.log_tail).decode()))
        return Response(200, result.payload, tuple(headers))

    async def _receive_message(self, request: Request) -> Response:
        """ReceiveMessage, holding a long poll open here rather than inside moto."""
        started = time.monotonic()
        while True:
            response = self.state.call(request)
            if response.status != 200 or b'"Messages"' in response.body:
                return response
            call = json.loads(request.body)
            queue = self.state.queue_at(call["QueueUrl"], _region(request))
            if queue is None:
                return response
            wait = call.get("WaitTimeSeconds", queue.receive_message_wait_time_seconds)
            left = started + float(wait) - time.monotonic()
            if left <= 0:
                return response
            await queue.wait_for_message(left)

    def _sns(self, request: Request) -> Response:
        form = parse_qs(request.body.decode("utf-8", "replace"))
        action = form.get("Action", [""])[0]
        if action == "ConfirmSubscription":
            return self._confirm(request, form.get("Token", [""])[0])
        response = self.state.call(request)
        if action == "Subscribe" and form.get("ReturnSubscriptionArn") != ["true"]:
            body = self.notifications.hide_pending(response.body, b"pending confirmation")
        elif action.startswith("ListSubscriptions"):
            body = self.notifications.hide_pending(response.body, b"PendingConfirmation")
        else:
            return response
        headers = tuple(h for h in response.headers if h[0].lower() != "content-length")
        return Response(response.status, body, headers)

    def _confirm(self, request: Request, token: str) -> Response:
        arn = self.notifications.confirm(token)
        if arn is None:
            return error_response(request, 400, "InvalidParameter", "Invalid token")
        body = (
            "<ConfirmSubscriptionResponse><ConfirmSubscriptionResult>"
            f"<SubscriptionArn>{arn}</SubscriptionArn>"
            "</ConfirmSubscriptionResult></ConfirmSubscriptionResponse>"
        )
        return Response(200, body.encode(), (("Content-Type", "text/xml"),))


async def _read(scope: Scope, receive: Receive) -> Request | None:
    """The whole request; None if its body is larger than any that AWS takes."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MAX_BODY:
            return None
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["raw_path"].decode("latin-1").partition("?")[0]
    return Request(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body)


def _is_local(request: Request) -> bool:
    """Refuse what another site's page can make a browser send (DNS rebinding, forms)."""
    host = re.sub(r":\d+$", "", request.headers.get("host", ""))
    origin = request.headers.get("origin")
    if origin is not None:
        origin_host = re.sub(r":\d+$", "", origin.removeprefix("http://"))
        return host in _LOOPBACK and origin_host in _LOOPBACK
    return host in _LOOPBACK


def _service(request: Request) -> str | None:
    """The service that a signed request is for, from its credential scope."""
    found = re.search(r"Credential=[^,]*?/\d{8}/[^/]+/([^/]+)/aws4_request", _signature(request))
    return found[1].lower() if found else None


def _region(request: Request) -> str:
    found = re.search(r"Credential=[^,]*?/\d{8}/([^/]+)/", _signature(request))
    return found[1] if found else "us-east-1"


def _signature(request: Request) -> str:
    return request.headers.get("authorization") or unquote(request.query).replace("X-Amz-", "")


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


def listen(port: int) -> socket.socket:
    """A socket on the loopback interface. Raises OSError when the port is taken."""
    server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # on Windows this option would let two servers share the port
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server_socket.bind(("127.0.0.1", port))
    return server_socket


def _sweep() -> None:
    """Remove what local clouds left behind that were killed before they could tidy up."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(directory, ignore_errors=True)


def serve(options: Options, on_ready: Callable[[str], None]) -> None:
    """Run a local cloud until it is stopped. `on_ready` is told its host:port.

    Raises OSError when the port is taken.
    """
    server_socket = listen(options.port)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again once it has shut down; leave by the front door
        # then, so that the temporary directory goes, too.
        signal.signal(number, lambda *_: sys.exit(0))
    _sweep()
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as directory:
        cloud = LocalCloud(options, Path(directory))
        # moto holds much that never goes away; looking through it for garbage again and
        # again took a tenth of a busy cloud's time.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        cloud.bind(f"127.0.0.1:{server_socket.getsockname()[1]}")
        config = uvicorn.Config(
            cloud,
            lifespan="off",
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
        server.run(sockets=[server_socket])
