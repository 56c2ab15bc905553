"""API Gateway's front door: serves deployed stages, and the console's Test button.

Requests pass the checks in AWS's order (route, API key, throttle and
quota, body) and each refusal has AWS's status code and gateway response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft4Validator
from moto.apigateway.models import APIGatewayBackend

from localcloud.apigateway import deployments
from localcloud.apigateway.deployments import Deployment, Refusal, Route, snapshot
from localcloud.iam.policies import policy_of, service_may
from localcloud.lambda_.runtime.pool import Result, Runtime, ThrottledError
from localcloud.upstream import ACCOUNT_ID, Request, Response, State, json_response

logger = logging.getLogger(__name__)
_MAX_BODY = 10 * 1024 * 1024
_LONGEST_TEXT = 200  # of one finding of the validator, which may quote the body
_SERVICE = "apigateway.amazonaws.com"
_SERVER_HEADERS = ("content-length", "transfer-encoding", "connection")
_REPLY = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
# What HTTP has for the name and the value of a header.
# https://www.rfc-editor.org/rfc/rfc9110#section-5.5
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True)
class Call:
    """A request that found its route."""

    deployment: Deployment
    route: Route
    parameters: dict[str, str]
    stage: str
    path: str
    request: Request
    key_id: str | None = None


@dataclass
class _Meter:
    """What one API key has used of its usage plan: a token bucket and a daily count."""

    tokens: float
    refilled: float = field(default_factory=time.monotonic)
    day: str = ""
    used: int = 0


class FrontDoor:
    """Takes requests for deployed stages and invokes the functions behind them."""

    def __init__(self, state: State, runtime: Runtime) -> None:
        self._state = state
        self._runtime = runtime
        self._meters: dict[tuple[str, str], _Meter] = {}
        deployments.install()

    async def handle(self, request: Request) -> Response:
        """Answer `/restapis/{api}/{stage}/_user_request_/{path}`."""
        _, _, api_id, stage, _, *rest = request.path.split("/")
        path = "/" + "/".join(unquote(part) for part in rest)
        found = self._state.rest_api(api_id)
        if found is None or stage not in found[1].stages:
            return json_response(403, {"message": "Forbidden"})
        backend, api = found
        deployment: Deployment = api.deployments[api.stages[stage].deployment_id].snapshot
        try:
            if len(request.body) > _MAX_BODY:
                raise Refusal("REQUEST_TOO_LARGE")
            route, parameters = deployment.route(request.method, path)
            key = self._admit(backend, api_id, stage, request) if route.api_key_required else None
            _validate(route, request)
            call = Call(deployment, route, parameters, stage, path, request, key)
            return await self._integrate(call)
        except Refusal as refusal:
            return deployment.refusal(refusal)

    async def test(self, api_id: str, resource_id: str, method: str, body: bytes) -> Response:
        """TestInvokeMethod: the method as it stands now, without API key and throttle."""
        found = self._state.rest_api(api_id)
        deployment = snapshot(found[1]) if found else None
        route = deployment.method(resource_id, method) if deployment else None
        if deployment is None or route is None:
            text = "Invalid Method identifier specified"
            return json_response(404, {"message": text}, x_amzn_errortype="NotFoundException")
        options = json.loads(body or b"{}")
        path, _, query = (options.get("pathWithQueryString") or route.resource_path).partition("?")
        headers = {k.lower(): v for k, v in (options.get("headers") or {}).items()}
        content = (options.get("body") or "").encode("utf-8", "replace")  # of half characters
        request = Request(method, path, query, headers, content)
        started = time.monotonic()
        log = [f"Starting execution for test request of {method} {path}"]
        try:
            _validate(route, request)
            parameters = route.match(path) or {}
            call = Call(deployment, route, parameters, "test-invoke-stage", path, request)
            response = await self._integrate(call)
        except Refusal as refusal:
            log.append(f"Refused: {refusal}")
            response = deployment.refusal(refusal)
        latency = int((time.monotonic() - started) * 1000)
        log.append(f"Method completed with status: {response.status}")
        answer = {
            "status": response.status,
            "body": response.body.decode("utf-8", "replace"),
            "headers": dict(response.headers),
            "multiValueHeaders": {name: [value] for name, value in response.headers},
            "log": "\n".join(log),
            "latency": latency,
        }
        return json_response(200, answer)

    def clear(self) -> None:
        self._meters.clear()

    def _admit(self, backend: APIGatewayBackend, api_id: str, stage: str, request: Request) -> str:
        """The id of the caller's API key, if its usage plan lets the request pass."""
        value = request.headers.get("x-api-key")
        key = next((k for k in backend.keys.values() if k.enabled and k.value == value), None)
        if value is None or key is None:
            raise Refusal("INVALID_API_KEY")
        for plan in backend.get_usage_plans(key.id):
            if any(s["apiId"] == api_id and s["stage"] == stage for s in plan.api_stages):
                self._meter(plan, key.id)
                return str(key.id)
        raise Refusal("INVALID_API_KEY")

    def _meter(self, plan: Any, key_id: str) -> None:
        """Count a request against the plan. AWS resets a day's quota at midnight UTC."""
        rate = plan.throttle.get("rateLimit")
        burst = plan.throttle.get("burstLimit") or rate
        meter = self._meters.setdefault((plan.id, key_id), _Meter(tokens=float(burst or 0)))
        now, day = time.monotonic(), datetime.now(UTC).strftime("%Y-%m-%d")
        if meter.day != day:
            meter.day, meter.used = day, 0
        if plan.quota and meter.used >= int(plan.quota["limit"]):
            raise Refusal("QUOTA_EXCEEDED")
        if rate:
            refill = (now - meter.refilled) * float(rate)
            meter.tokens = min(float(burst), meter.tokens + refill)
            meter.refilled = now
            if meter.tokens < 1:
                raise Refusal("THROTTLED")
            meter.tokens -= 1
        meter.used += 1

    async def _integrate(self, call: Call) -> Response:
        """Invoke the function behind the route and read its reply."""
        function = self._state.function(call.route.function_arn or "", call.deployment.region)
        if call.route.function_arn is None or function is None:
            raise Refusal("API_CONFIGURATION_ERROR")
        arn = function.function_arn
        policy = policy_of(function)
        if not service_may(policy, _SERVICE, "lambda:InvokeFunction", arn, _source_arn(call)):
            raise Refusal("API_CONFIGURATION_ERROR")
        event = json.dumps(_proxy_event(call)).encode()
        try:
            async with asyncio.timeout(call.route.timeout):
                result = await self._runtime.invoke(function, event)
        except TimeoutError:
            raise Refusal("INTEGRATION_TIMEOUT") from None
        except ThrottledError:
            # Nothing tells the caller that it was too much for the function.
            # https://repost.aws/knowledge-center/api-gateway-internal-server-error
            raise Refusal("INTEGRATION_FAILURE", "the function is throttled", 500) from None
        except (
            Exception
        ) as error:  # no memory, no files: the caller is told, not the connection cut
            logger.exception("%s could not be invoked", function.function_name)
            raise Refusal("INTEGRATION_FAILURE", f"the local cloud failed: {error!r}") from None
        return _proxy_response(result)


def _source_arn(call: Call) -> str:
    """What API Gateway says it calls for: this method of this stage, * for what varies in the path.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """
    path = re.sub(r"\{[^}]+\}", "*", call.route.resource_path)
    where = f"{call.deployment.region}:{ACCOUNT_ID}:{call.deployment.api_id}"
    return f"arn:aws:execute-api:{where}/{call.stage}/{call.request.method}{path}"


def _validate(route: Route, request: Request) -> None:
    """Hold a JSON body against the method's model. AWS has no model for other content
    types and lets them through to the function, which must check again."""
    content_type = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if route.schema is None or content_type != "application/json":
        return
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refusal("BAD_REQUEST_BODY", "[body: is not JSON]") from None
    errors = sorted(Draft4Validator(route.schema).iter_errors(body), key=lambda e: list(e.path))
    if errors:
        texts = [
            f"{'.'.join(map(str, e.path)) or 'body'}: {e.message[-_LONGEST_TEXT:]}"
            for e in errors[:5]
        ]
        raise Refusal("BAD_REQUEST_BODY", f"[{'; '.join(texts)}]")


def _proxy_event(call: Call) -> dict[str, Any]:
    """The event of a Lambda proxy integration, payload format 1.0."""
    request, route = call.request, call.route
    query = parse_qsl(request.query, keep_blank_values=True)
    now = time.time()
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


def _proxy_response(result: Result) -> Response:
    """The function's reply as an HTTP response; anything malformed is a 502."""
    if result.error is not None:
        raise Refusal("INTEGRATION_FAILURE", "the function failed")
    try:
        reply = json.loads(result.payload)
        if reply.keys() - _REPLY:
            raise ValueError("a key of another name")
        status = int(reply.get("statusCode", 200))
        body = reply.get("body") or ""
        content = base64.b64decode(body) if reply.get("isBase64Encoded") else body.encode()
        headers = list(_headers(reply))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise Refusal("INTEGRATION_FAILURE", "the function's reply has another form") from None
    if not 200 <= status <= 599:  # below it HTTP has interim answers, which end no request
        raise Refusal("INTEGRATION_FAILURE", f"{status} is no status code of an answer")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Response(status, content, tuple(headers))


def _headers(reply: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The headers that a reply asks for, but for those that the server sets itself. One of
    `headers` has one value, one of `multiValueHeaders` a list of them."""
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
