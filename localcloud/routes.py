"""From path to handler: what a request is for, and who may make it.

AWS's API takes signed requests. There are five more kinds of paths: a worker's Runtime API below
`/_runtime`, opened by the worker's token; deployed stages below `/restapis/.../_user_request_`,
open as on AWS; the links in mails; the pages below `/_localcloud/console/`, behind a cookie; and
the local cloud's own controls below `/_localcloud`, which need the key of its start. Requests that
another site's page makes a browser send are refused.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from localcloud import clock
from localcloud.checkpoint import Checkpoints
from localcloud.cloud import LocalCloud
from localcloud.console import ROOT
from localcloud.http import Request, Response, error_response, json_response, text_response
from localcloud.iam import signatures
from localcloud.iam.signatures import RefusedSignatureError
from localcloud.sns import subscriptions

if TYPE_CHECKING:
    from localcloud.console.site import Console

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_STAGE = re.compile("/restapis/[^/]+/[^/]+/_user_request_")
_CONTROLS = "/_localcloud/"


class Router:
    """Hands each request to the part of a cloud that it is for. The pages and the checkpoints stand
    above the whole cloud, and belong to it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._checkpoints = Checkpoints(cloud)
        self._console: Console | None = None
        self._actions: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "checkpoint": self._checkpoints.handle,
            "console-link": self._console_link,
            "reset": self._reset,
            "speed": _set_speed,
            "stop": self._stop,
            "words": self._words,
        }

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path
        if path.startswith("/_runtime/"):
            token, _, rest = path.removeprefix("/_runtime/").partition("/")
            return await self._cloud.runtime.handle(token, request, rest.partition("/")[2])
        if path.startswith(ROOT):  # it has a cookie, and works behind a proxy of another name
            return await self._pages().answer(request)
        if not _is_local(request):
            text = "The local cloud answers to this machine only."
            return json_response(403, {"message": text})
        if _STAGE.match(path):
            return await self._cloud.apigateway.serve(request)
        if _is_mailed_link(request):
            return _mailed_link(request)
        if path.startswith(_CONTROLS):
            return await self._control(request)
        try:
            return await self._cloud.answer(request)
        except RefusedSignatureError as error:
            status, code = signatures.status_and_code(error)
            # In API Gateway's form where the service is unknown, but for a form of the query
            # protocol.
            if error.service is None and not request.is_form:
                return json_response(status, {"message": str(error)}, x_amzn_errortype=code)
            return error_response(request, status, code, str(error), error.service)

    async def _control(self, request: Request) -> Response:
        """Tell anyone whose cloud this is; the rest is for its user only."""
        action = request.path.removeprefix(_CONTROLS)
        ours = self._cloud.is_of_our_user(request)
        if request.method == "GET" and action == "status":
            return json_response(200, self._cloud.whose() | (self._status() if ours else {}))
        if request.method == "POST" and not ours:
            text = "Only the user who started this local cloud may do that."
            return json_response(403, {"message": text})
        if request.method == "POST" and (handler := self._actions.get(action)):
            return await handler(request)
        return json_response(404, {"message": f"The local cloud has no {request.method} {action}."})

    def _status(self) -> dict[str, Any]:
        return {**self._cloud.status(), "checkpoints": self._checkpoints.names()}

    async def _reset(self, _: Request) -> Response:
        self._cloud.reset()
        return json_response(200, {})

    async def _stop(self, _: Request) -> Response:
        asyncio.get_running_loop().call_soon(self._cloud.on_stop)
        return json_response(200, {})

    async def _console_link(self, _: Request) -> Response:
        return json_response(200, {"path": self._pages().link()})

    async def _words(self, request: Request) -> Response:
        problem = self._pages().tell(request.body)
        return json_response(400 if problem else 200, {"message": problem} if problem else {})

    def _pages(self) -> Console:
        """The pages, made when somebody first asks for them: most starts never do."""
        if self._console is None:
            # Here, as a start that nobody looks at need not wait for it.
            from localcloud.console.site import Console

            self._console = Console(self._cloud)
        return self._console


async def _set_speed(request: Request) -> Response:
    """Set how fast the waits pass that begin from now on: {"speed": 60}."""
    try:
        speed = json.loads(request.body)["speed"]
        if isinstance(speed, bool) or not clock.MIN_SPEED <= speed <= clock.MAX_SPEED:
            raise ValueError
    except (ValueError, TypeError, KeyError):
        text = f"speed: must be a number from {clock.MIN_SPEED:g} to {clock.MAX_SPEED:g}."
        return json_response(400, {"message": text})
    clock.speed = float(speed)
    return json_response(200, {"speed": clock.speed})


def _mailed_link(request: Request) -> Response:
    """Answer a link that was opened from a mail."""
    action, query = _action(request), parse_qs(request.query)
    if action == "ConfirmSubscription":
        arn = subscriptions.confirm(query.get("Token", [""])[0])
        if arn is not None:
            return text_response(200, f"Subscription confirmed: {arn}")
    if action == "Unsubscribe" and "SubscriptionArn" in query:
        subscriptions.remove(query["SubscriptionArn"][0])
        return text_response(200, "You will get no more mail from this topic.")
    return text_response(400, "This link is not, or no longer, valid.")


def _is_local(request: Request) -> bool:
    """Whether a request comes from this machine, and not from another site's page that makes a
    browser send it (DNS rebinding, forms, images).

    A link in a mail is allowed, as a web page may show the mail.
    https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
    """
    headers = request.headers
    host = headers.get("host", "")
    if re.sub(r":\d+$", "", host) not in _LOOPBACK:
        return False
    if headers.get("origin", f"http://{host}") != f"http://{host}":  # another port is another site
        return False
    is_link = _action(request) == "ConfirmSubscription" and _is_mailed_link(request)
    opened = is_link and headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin") or opened


def _is_mailed_link(request: Request) -> bool:
    is_signed = "authorization" in request.headers or "X-Amz-" in request.query
    return (
        request.method == "GET" and request.path == "/" and _action(request) != "" and not is_signed
    )


def _action(request: Request) -> str:
    """The action that the query asks for, or ""."""
    return parse_qs(request.query).get("Action", [""])[0]
