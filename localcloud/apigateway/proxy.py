"""The Lambda proxy integration: the event that a function gets, and its reply as HTTP.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from localcloud import clock
from localcloud.apigateway.deployments import Deployment, Refusal, Route
from localcloud.http import Request, Response
from localcloud.upstream import ACCOUNT_ID

# Headers that are no part of an event.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_NOT_PASSED_ON = (
    "connection", "content-length", "content-md5", "expect", "max-forwards", "proxy-authenticate",
    "server", "te", "trailer", "transfer-encoding", "upgrade", "www-authenticate",
)  # fmt: skip
# These have one spelling in events, however they were sent.
_SPELLED = ("Accept", "Authorization", "Content-Type", "Host", "User-Agent")
_SPELLING = {name.lower(): name for name in _SPELLED}
_CLIENT = "127.0.0.1"
_UNKNOWN = (
    "accessKey", "accountId", "caller", "cognitoAuthenticationProvider",
    "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId",
    "user", "userArn",
)  # fmt: skip
# Headers that a function cannot set: they are dropped, or come under another name.
_DROPPED = (
    "expect", "host", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "via",
)  # fmt: skip
_REMAPPED = (
    "authorization", "connection", "content-length", "content-md5", "date", "max-forwards",
    "server", "user-agent", "www-authenticate", "x-amzn-requestid",
)  # fmt: skip
_REPLY = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
# What HTTP allows in the name and the value of a header.
# https://www.rfc-editor.org/rfc/rfc9110#section-5.5
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True)
class Ids:
    """What a request is known by: in its event, in the answer, and in AWS's own logs."""

    request: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended: str = field(
        default_factory=lambda: base64.b64encode(secrets.token_bytes(11)).decode()
    )
    trace: str = field(
        default_factory=lambda: f"Root=1-{int(clock.now_ms() / 1000):08x}-{secrets.token_hex(12)}"
    )


@dataclass(frozen=True)
class Matched:
    """A request that found its route."""

    deployment: Deployment
    route: Route
    parameters: dict[str, str]
    stage: str
    path: str
    request: Request
    key_id: str | None = None
    deployment_id: str = ""
    ids: Ids = field(default_factory=Ids)


def source_arn(call: Matched) -> str:
    """What API Gateway says it calls for: this method of this stage, with * for path parameters.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """
    path = re.sub(r"\{[^}]+\}", "*", call.route.resource_path)
    where = f"{call.deployment.region}:{ACCOUNT_ID}:{call.deployment.api_id}"
    return f"arn:aws:execute-api:{where}/{call.stage}/{call.request.method}{path}"


def event_of(call: Matched) -> dict[str, Any]:
    """The event of a Lambda proxy integration, payload format 1.0."""
    request = call.request
    query = parse_qsl(request.query, keep_blank_values=True)
    headers = [*_sent(request), *_forwarding(request, call.ids)]
    is_encoded = bool(request.body) and _is_binary(call)
    body = base64.b64encode(request.body) if is_encoded else request.body
    return {
        "resource": call.route.resource_path,
        "path": call.path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "pathParameters": call.parameters or None,
        "stageVariables": None,
        "requestContext": _context(call),
        "body": body.decode() or None,
        "isBase64Encoded": is_encoded,
    }


def _is_binary(call: Matched) -> bool:
    """Whether the body is of a type that the API calls binary, or is no text. AWS would make that
    into text all the same, and nobody could tell what it was."""
    try:
        call.request.body.decode()
    except UnicodeDecodeError:
        return True
    return matches(call.deployment.binary_types, call.request.headers.get("content-type", ""))


def _context(call: Matched) -> dict[str, Any]:
    request, route, now = call.request, call.route, clock.now_ms() / 1000
    return {
        "accountId": ACCOUNT_ID,
        "apiId": call.deployment.api_id,
        "deploymentId": call.deployment_id,
        "domainName": request.headers.get("host", ""),
        "domainPrefix": call.deployment.api_id,
        "extendedRequestId": call.ids.extended,
        "httpMethod": request.method,
        "identity": _identity(call),
        "path": f"/{call.stage}{call.path}",
        "protocol": "HTTP/1.1",
        "requestId": call.ids.request,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": route.resource_id,
        "resourcePath": route.resource_path,
        "stage": call.stage,
    }


def _identity(call: Matched) -> dict[str, str | None]:
    """Who sends the request. Nobody signs it, so all that IAM or Cognito would say is null."""
    headers = call.request.headers
    found: dict[str, str | None] = dict.fromkeys(_UNKNOWN)
    found |= {"sourceIp": _CLIENT, "userAgent": headers.get("user-agent")}
    if call.key_id:
        found |= {"apiKey": headers.get("x-api-key"), "apiKeyId": call.key_id}
    return found


def _sent(request: Request) -> Iterator[tuple[str, str]]:
    """The headers of an event, in the order in which they were sent."""
    for name, value in request.sent_headers or request.headers.items():
        if name.lower() not in _NOT_PASSED_ON:
            yield _SPELLING.get(name.lower(), name), value


def _forwarding(request: Request, ids: Ids) -> Iterator[tuple[str, str]]:
    """What API Gateway adds: the trace, and for whom it calls."""
    yield "X-Amzn-Trace-Id", ids.trace
    before = request.headers.get("x-forwarded-for")
    yield "X-Forwarded-For", f"{before}, {_CLIENT}" if before else _CLIENT
    yield "X-Forwarded-Port", request.headers.get("host", "").rpartition(":")[2] or "80"
    yield "X-Forwarded-Proto", "http"


def matches(binary_types: tuple[str, ...], header: str) -> bool:
    """Whether the first media type of a header is one of those that are binary.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
    """
    media_type = header.split(",")[0].split(";")[0].strip().lower()
    patterns = (each.lower() for each in binary_types)
    return any(each == "*/*" or fnmatchcase(media_type, each) for each in patterns)


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def response_of(payload: bytes, *, is_binary: bool = False) -> Response:
    """The function's reply as an HTTP response; anything malformed is a 502. A body in Base64 is
    decoded if the client accepts what is binary for this API."""
    try:
        reply = json.loads(payload)
        if reply.keys() - _REPLY:
            raise ValueError("a key of another name")
        if not isinstance(reply.get("isBase64Encoded", False), bool):
            raise ValueError("isBase64Encoded is neither true nor false")
        status = int(reply.get("statusCode", 200))
        body = reply.get("body") or ""
        is_encoded = is_binary and reply.get("isBase64Encoded")
        content = base64.b64decode(body) if is_encoded else body.encode()
        headers = list(_headers(reply))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise Refusal("INTEGRATION_FAILURE", "the function's reply is malformed") from None
    if not 200 <= status <= 599:  # lower ones are interim answers, which end no request
        raise Refusal("INTEGRATION_FAILURE", f"expected statusCode 200 to 599, found {status}")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Response(status, content, tuple(headers))


def _headers(reply: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The headers in a reply, with other names for those that the server sets itself. One in
    `headers` has one value, one in `multiValueHeaders` a list, which comes first."""
    single = (reply.get("headers") or {}).items()
    many = (reply.get("multiValueHeaders") or {}).items()
    if not all(isinstance(values, list) for _, values in many):
        raise ValueError("multiValueHeaders without a list")
    for name, value in [(name, value) for name, values in many for value in values] + [*single]:
        if isinstance(value, list | dict):
            raise ValueError(f"header {name}")
        text = "true" if value is True else "false" if value is False else str(value)
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(text)):
            raise ValueError(f"header {name}")
        if value is not None and name.lower() not in _DROPPED:
            is_remapped = name.lower() in _REMAPPED
            yield f"x-amzn-Remapped-{name}" if is_remapped else name, text
