"""Invoke, with its three types, and the older InvokeAsync.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json

from localcloud.call import Call
from localcloud.deliver import ThrottledError
from localcloud.http import Request, Response, json_response
from localcloud.iam.policies import NOT_ASSUMABLE
from localcloud.lambda_ import errors, functions
from localcloud.lambda_.async_invoke import AsyncInvocations
from localcloud.lambda_.errors import LambdaError
from localcloud.lambda_.functions import LambdaFunction
from localcloud.lambda_.names import LATEST, Name, qualifier_of
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Result

OPERATIONS = ("Invoke", "InvokeAsync")
# Bytes of a payload, by the type of invocation.
_MAX_PAYLOAD = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024}
_MAX_OLD_PAYLOAD = 256 * 1024  # of InvokeAsync


async def invoke(call: Call, runtime: Runtime, invocations: AsyncInvocations) -> Response:
    """Answer a call of one of OPERATIONS, with the function's name in one form. Raises
    LambdaError."""
    named, request = Name(call.parameters["FunctionName"], qualifier_of(call)), call.request
    function, arn = functions.find(named.text, call.region), named.arn(call.region)
    if function is None:
        raise errors.no_function(arn if named.qualifier else f"{arn}:{LATEST}")
    is_old = call.operation == "InvokeAsync"
    kind = "Event" if is_old else request.headers.get("x-amz-invocation-type", "RequestResponse")
    payload = request.body or b"{}"
    if refused := _refuse_payload(payload, kind, is_old=is_old):
        return refused
    try:
        context = _client_context(request)
    except (ValueError, RecursionError):
        return _invalid_content("Client context must be a valid Base64-encoded JSON object.")
    if kind == "DryRun":
        return Response(204)
    if kind == "Event":
        request_id = invocations.add(function, payload, arn)
        status = b'{"Status": 202}' if is_old else b""
        return Response(202, status, (("x-amzn-RequestId", request_id),))
    try:
        result = await runtime.invoke(function, payload, context, invoked_as=arn)
    except ThrottledError as error:
        text = {"Reason": error.reason, "Type": "User", "message": error.message}
        return json_response(429, text, x_amzn_errortype="TooManyRequestsException")
    wants_log = request.headers.get("x-amz-log-type") == "Tail"
    return _answer(function, result, wants_log=wants_log)


def _refuse_payload(payload: bytes, kind: str, *, is_old: bool) -> Response | None:
    limit = _MAX_PAYLOAD.get(kind, _MAX_PAYLOAD["RequestResponse"])
    limit = _MAX_OLD_PAYLOAD if is_old else limit
    if len(payload) > limit:
        text = {"message": f"Request must be smaller than {limit} bytes for the Invoke operation"}
        return json_response(413, text, x_amzn_errortype="RequestTooLargeException")
    try:
        json.loads(payload.decode())  # decoded first, as it would take UTF-16 bytes, too
    except (ValueError, RecursionError) as error:
        return _invalid_content(f"Could not parse request body into json: {error}")
    return None


def _answer(function: LambdaFunction, result: Result, *, wants_log: bool) -> Response:
    if result.denied:
        raise LambdaError(403, "AccessDeniedException", NOT_ASSUMABLE)
    headers = [("X-Amz-Executed-Version", str(function.version))]
    headers.append(("x-amzn-RequestId", result.request_id))
    if result.error is not None:
        headers.append(("X-Amz-Function-Error", result.error))
    if wants_log:
        headers.append(("X-Amz-Log-Result", base64.b64encode(result.log_tail).decode()))
    return Response(200, result.payload, tuple(headers))


def _client_context(request: Request) -> str | None:
    """The client context, if any, as JSON that fits a header of the Runtime API. Raises ValueError
    or RecursionError if it is not a JSON object in Base64."""
    encoded = request.headers.get("x-amz-client-context")
    if not encoded:
        return None
    context = json.loads(base64.b64decode(encoded, validate=True))
    if not isinstance(context, dict):
        raise ValueError("no object")
    return json.dumps(context)


def _invalid_content(message: str) -> Response:
    error_type = "InvalidRequestContentException"
    text = {"Type": "User", "message": message}
    return json_response(400, text, x_amzn_errortype=error_type)
