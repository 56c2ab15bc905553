"""The Lambda proxy integration: the event that a function gets, and its reply as HTTP.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from localcloud import clock
from localcloud.apigateway.deployments import Deployment, Refusal, Route
from localcloud.http import Request, Response
from localcloud.upstream import ACCOUNT_ID

_SERVER_HEADERS = ("content-length", "transfer-encoding", "connection")
_REPLY = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
# What HTTP allows in the name and the value of a header.
# https://www.rfc-editor.org/rfc/rfc9110#section-5.5
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


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


def source_arn(call: Matched) -> str:
    """What API Gateway says it calls for: this method of this stage, with * for path parameters.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """
    path = re.sub(r"\{[^}]+\}", "*", call.route.resource_path)
    where = f"{call.deployment.region}:{ACCOUNT_ID}:{call.deployment.api_id}"
    return f"arn:aws:execute-api:{where}/{call.stage}/{call.request.method}{path}"


def event_of(call: Matched) -> dict[str, Any]:
    """The event of a Lambda proxy integration, payload format 1.0."""
    request, route = call.request, call.route
    query = parse_qsl(request.query, keep_blank_values=True)
    now = clock.now_ms() / 1000
    try:
        body, encoded = request.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(request.body).decode(), True
    identity = {
        "sourceIp": "127.0.0.1",
        "userAgent": request.headers.get("user-agent"),
        "apiKey": request.headers.get("x-api-key"),
        "apiKeyId": call.key_id,
    }
    return {
        "resource": route.resource_path,
        "path": call.path,
        "httpMethod": request.method,
        "headers": request.headers,
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "pathParameters": call.parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": call.deployment.api_id,
            "httpMethod": request.method,
            "identity": identity,
            "path": f"/{call.stage}{call.path}",
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": route.resource_id,
            "resourcePath": route.resource_path,
            "stage": call.stage,
        },
        "body": body or None,
        "isBase64Encoded": encoded,
    }


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def response_of(payload: bytes) -> Response:
    """The function's reply as an HTTP response; anything malformed is a 502."""
    try:
        reply = json.loads(payload)
        if reply.keys() - _REPLY:
            raise ValueError("a key of another name")
        status = int(reply.get("statusCode", 200))
        body = reply.get("body") or ""
        content = base64.b64decode(body) if reply.get("isBase64Encoded") else body.encode()
        headers = list(_headers(reply))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise Refusal("INTEGRATION_FAILURE", "the function's reply is malformed") from None
    if not 200 <= status <= 599:  # lower ones are interim answers, which end no request
        raise Refusal("INTEGRATION_FAILURE", f"expected statusCode 200 to 599, found {status}")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Response(status, content, tuple(headers))


def _headers(reply: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The headers in a reply, except those that the server sets itself. One in `headers` has one
    value, one in `multiValueHeaders` a list."""
    single = list((reply.get("headers") or {}).items())
    many = (reply.get("multiValueHeaders") or {}).items()
    if not all(isinstance(values, list) for _, values in many):
        raise ValueError("multiValueHeaders without a list")
    for name, value in single + [(name, value) for name, values in many for value in values]:
        if isinstance(value, list | dict):
            raise ValueError(f"header {name}")
        text = "true" if value is True else "false" if value is False else str(value)
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(text)):
            raise ValueError(f"header {name}")
        if value is not None and name.lower() not in _SERVER_HEADERS:
            yield name, text
