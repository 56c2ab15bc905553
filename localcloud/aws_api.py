"""AWS's API: most calls are moto's to answer; here are those that do something besides.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from urllib.parse import parse_qs, unquote

from localcloud import clock, unserved
from localcloud.apigateway.stages import FrontDoor
from localcloud.iam import enforce as authorization
from localcloud.iam.credentials import KnownCredentials
from localcloud.iam.policies import NOT_ASSUMABLE
from localcloud.iam.signatures import Signed
from localcloud.lambda_.async_invoke import AsyncInvocations
from localcloud.lambda_.event_source_mapping import EventSources
from localcloud.lambda_.runtime.pool import Runtime, ThrottledError
from localcloud.logs.writer import LogWriter
from localcloud.sns.delivery import Notifications
from localcloud.upstream import (
    ACCOUNT_ID,
    Request,
    Response,
    State,
    error_response,
    json_response,
)

_MAX_SYNC_PAYLOAD = 6 * 1024 * 1024
_MAX_ASYNC_PAYLOAD = 1024 * 1024
_MAX_OLD_PAYLOAD = 256 * 1024  # of InvokeAsync
_TEST_INVOKE = re.compile(r"/restapis/([^/]+)/resources/([^/]+)/methods/([^/]+)")


class AwsApi:
    """Takes signed requests."""

    def __init__(
        self,
        state: State,
        logs: LogWriter,
        runtime: Runtime,
        event_sources: EventSources,
        invocations: AsyncInvocations,
        notifications: Notifications,
        front_door: FrontDoor,
        known: KnownCredentials,
    ) -> None:
        self._state = state
        self._logs = logs
        self._runtime = runtime
        self._event_sources = event_sources
        self._invocations = invocations
        self._notifications = notifications
        self._front_door = front_door
        self._known = known
        authorization.install()
        unserved.install()

    async def handle(self, signed: Signed, request: Request) -> Response:
        """Answer a request to the API of the service that it is signed for."""
        service = signed.service
        refused = authorization.refusal(signed, request, self._state, self._known)
        if refused is not None:
            return refused
        if (refused := unserved.refusal(service, request)) is not None:
            return refused
        if service == "lambda":
            if request.method == "POST" and (
                found := authorization.INVOKE.fullmatch(unquote(request.path))
            ):
                name, is_async = found["name"] or found["old"], bool(found["async"])
                return await self._invoke(name, request, signed.region, is_async=is_async)
            response = self._state.call(request)
            if request.method != "GET" and response.status < 300:
                self._follow(request)
            return response
        if service == "sqs" and request.headers.get("x-amz-target", "").endswith(".ReceiveMessage"):
            return await self._receive_message(request, signed.region)
        if service == "sns":
            return self._sns(request)
        if service == "apigateway" and request.method == "POST":
            found = _TEST_INVOKE.fullmatch(request.path)
            if found is not None:
                return await self._front_door.test(found[1], found[2], found[3], request.body)
        if service == "logs":
            self._logs.flush()
        return self._state.call(request)

    def _follow(self, request: Request) -> None:
        """Bring pollers and workers in line with a change to functions or mappings."""
        self._event_sources.reconcile()
        if request.method == "DELETE":
            self._runtime.keep({function.function_arn for function in self._state.functions()})

    async def _invoke(
        self, name: str, request: Request, region: str, *, is_async: bool
    ) -> Response:
        """Lambda's Invoke, in its three types, and the older InvokeAsync."""
        function = self._state.function(name, region)
        if function is None:
            arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}"
            text = {"Type": "User", "Message": f"Function not found: {arn}"}
            return json_response(404, text, x_amzn_errortype="ResourceNotFoundException")
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        kind = "Event" if is_async else kind
        payload = request.body or b"{}"
        limit = _MAX_ASYNC_PAYLOAD if kind == "Event" else _MAX_SYNC_PAYLOAD
        limit = _MAX_OLD_PAYLOAD if is_async else limit
        if len(payload) > limit:
            text = {
                "message": f"Request must be smaller than {limit} bytes for the Invoke operation"
            }
            return json_response(413, text, x_amzn_errortype="RequestTooLargeException")
        try:
            json.loads(payload.decode())  # of bytes it would take UTF-16, too
        except (ValueError, RecursionError) as error:
            return _invalid_content(f"Could not parse request body into json: {error}")
        try:
            context = _client_context(request)
        except (ValueError, RecursionError):
            return _invalid_content("Client context must be a valid Base64-encoded JSON object.")
        if kind == "DryRun":
            return Response(204)
        if kind == "Event":
            request_id = self._invocations.add(function, payload)
            status = b'{"Status": 202}' if is_async else b""
            return Response(202, status, (("x-amzn-RequestId", request_id),))
        try:
            result = await self._runtime.invoke(function, payload, context)
        except ThrottledError as error:
            text = {"Reason": error.reason, "Type": "User", "message": error.message}
            return json_response(429, text, x_amzn_errortype="TooManyRequestsException")
        if result.denied:
            text = {"Type": "User", "Message": NOT_ASSUMABLE}
            return json_response(403, text, x_amzn_errortype="AccessDeniedException")
        headers = [("X-Amz-Executed-Version", str(function.version))]
        headers.append(("x-amzn-RequestId", result.request_id))
        if result.error is not None:
            headers.append(("X-Amz-Function-Error", result.error))
        if request.headers.get("x-amz-log-type") == "Tail":
            headers.append(("X-Amz-Log-Result", base64.b64encode(result.log_tail).decode()))
        return Response(200, result.payload, tuple(headers))

    async def _receive_message(self, request: Request, region: str) -> Response:
        """ReceiveMessage, holding a long poll open here rather than inside moto."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            response = self._state.call(request)
            if response.status != 200 or b'"Messages"' in response.body:
                return response
            call = json.loads(request.body)
            queue = self._state.queue_at(call["QueueUrl"], region)
            if queue is None:
                return response
            wait = call.get("WaitTimeSeconds", queue.receive_message_wait_time_seconds)
            left = started + clock.seconds(float(wait)) - loop.time()
            if left <= 0:
                return response
            await queue.wait_for_message(left)

    def _sns(self, request: Request) -> Response:
        form = parse_qs(request.body.decode("utf-8", "replace"))
        action = form.get("Action", [""])[0]
        if action == "ConfirmSubscription":
            return self._confirm(request, form.get("Token", [""])[0])
        response = self._state.call(request)
        if action == "Subscribe" and form.get("ReturnSubscriptionArn") != ["true"]:
            body = self._notifications.hide_pending(response.body, b"pending confirmation")
        elif action.startswith("ListSubscriptions"):
            body = self._notifications.hide_pending(response.body, b"PendingConfirmation")
        else:
            return response
        headers = tuple(h for h in response.headers if h[0].lower() != "content-length")
        return Response(response.status, body, headers)

    def _confirm(self, request: Request, token: str) -> Response:
        arn = self._notifications.confirm(token)
        if arn is None:
            return error_response(request, 400, "InvalidParameter", "Invalid token")
        body = (
            "<ConfirmSubscriptionResponse><ConfirmSubscriptionResult>"
            f"<SubscriptionArn>{arn}</SubscriptionArn>"
            "</ConfirmSubscriptionResult></ConfirmSubscriptionResponse>"
        )
        return Response(200, body.encode(), (("Content-Type", "text/xml"),))


def _client_context(request: Request) -> str | None:
    """The client context, if there is one, as JSON that a header of the Runtime API can carry.
    Raises ValueError or RecursionError if it is no JSON object in Base64."""
    encoded = request.headers.get("x-amz-client-context")
    if not encoded:
        return None
    context = json.loads(base64.b64decode(encoded, validate=True))
    if not isinstance(context, dict):
        raise ValueError("no object")
    return json.dumps(context)


def _invalid_content(message: str) -> Response:
    error_type = "InvalidRequestContentException"
    return json_response(400, {"message": message}, x_amzn_errortype=error_type)
