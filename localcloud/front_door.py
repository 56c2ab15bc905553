"""API Gateway's front door: serves deployed stages, and the console's Test button.

A deployment is a snapshot, as on AWS: a change to a resource or method is not served until
it is deployed again. Requests pass the checks in AWS's order (route, API key, throttle and
quota, body) and each refusal has AWS's status code and gateway response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft4Validator
from moto.apigateway.models import APIGatewayBackend, RestAPI

from localcloud.runtime import Result, Runtime
from localcloud.state import ACCOUNT_ID, Request, Response, State, json_response

_INTEGRATION_SECONDS = 29.0
_DEFAULT_RESPONSES = {
    "ACCESS_DENIED": (403, "Forbidden"),
    "BAD_REQUEST_BODY": (400, "Invalid request body"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    "INVALID_API_KEY": (403, "Forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "API_CONFIGURATION_ERROR": (500, "Internal server error"),
    "INTEGRATION_FAILURE": (502, "Internal server error"),
    "QUOTA_EXCEEDED": (429, "Limit Exceeded"),
    "THROTTLED": (429, "Too Many Requests"),
}


class Refusal(Exception):
    """The front door's own answer: a gateway response type, with an optional detail."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class Route:
    """One method of one resource, as it was when it was deployed."""

    resource_id: str
    resource_path: str
    method: str
    api_key_required: bool
    function_arn: str | None
    schema: dict[str, Any] | None
    timeout: float = _INTEGRATION_SECONDS

    def match(self, path: str) -> dict[str, str] | None:
        """The path parameters if the path fits this resource, else None."""
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}",
            lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})",
            re.escape(self.resource_path),
        )
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


@dataclass(frozen=True)
class Deployment:
    """A snapshot of a REST API: its routes and its customized gateway responses."""

    api_id: str
    region: str
    routes: tuple[Route, ...]
    templates: dict[str, tuple[int | None, str]]

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route in self.routes:
            if route.method in (method, "ANY") and (found := route.match(path)) is not None:
                return route, found
        raise Refusal("MISSING_AUTHENTICATION_TOKEN")

    def refusal(self, refusal: Refusal) -> Response:
        status, message = _DEFAULT_RESPONSES[refusal.kind]
        custom_status, template = self.templates.get(
            refusal.kind, (None, '{"message":$context.error.messageString}')
        )
        body = template.replace("$context.error.messageString", json.dumps(message))
        # AWS escapes this one and leaves the quotation marks to the template.
        body = body.replace(
            "$context.error.validationErrorString", json.dumps(refusal.detail)[1:-1]
        )
        headers = (
            ("Content-Type", "application/json"),
            ("x-amzn-ErrorType", f"{refusal.kind.title().replace('_', '')}Exception"),
        )
        return Response(custom_status or status, body.encode(), headers)


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
        self._install()

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
            route, parameters = deployment.route(request.method, path)
            key = self._admit(backend, api_id, stage, request) if route.api_key_required else None
            _validate(route, request)
            return await self._integrate(deployment, route, parameters, stage, path, request, key)
        except Refusal as refusal:
            return deployment.refusal(refusal)

    async def test(self, api_id: str, resource_id: str, method: str, body: bytes) -> Response:
        """TestInvokeMethod: the method as it stands now, without API key and throttle."""
        found = self._state.rest_api(api_id)
        route = next(
            (
                r
                for r in (snapshot(found[1]).routes if found else ())
                if r.resource_id == resource_id and r.method in (method, "ANY")
            ),
            None,
        )
        if found is None or route is None:
            text = "Invalid Method identifier specified"
            return json_response(404, {"message": text}, x_amzn_errortype="NotFoundException")
        options = json.loads(body or b"{}")
        path, _, query = (options.get("pathWithQueryString") or route.resource_path).partition("?")
        headers = {k.lower(): v for k, v in (options.get("headers") or {}).items()}
        request = Request(method, path, query, headers, (options.get("body") or "").encode())
        deployment = snapshot(found[1])
        started = time.monotonic()
        log = [f"Starting execution for test request of {method} {path}"]
        try:
            _validate(route, request)
            parameters = route.match(path) or {}
            response = await self._integrate(
                deployment, route, parameters, "test-invoke-stage", path, request, None
            )
        except Refusal as refusal:
            log.append(f"Refused: {refusal}")
            response = deployment.refusal(refusal)
        latency = int((time.monotonic() - started) * 1000)
        log.append(f"Method completed with status: {response.status}")
        answer = {
            "status": response.status,
            "body": response.body.decode(),
            "headers": dict(response.headers),
            "multiValueHeaders": {name: [value] for name, value in response.headers},
            "log": "\n".join(log),
            "latency": latency,
        }
        return json_response(200, answer)

    def clear(self) -> None:
        self._meters.clear()

    def _install(self) -> None:
        create_deployment = _moto_create_deployment

        def create(api: RestAPI, *args: Any, **kwargs: Any) -> Any:
            deployment = create_deployment(api, *args, **kwargs)
            deployment.snapshot = snapshot(api)
            return deployment

        RestAPI.create_deployment = create

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

    async def _integrate(
        self,
        deployment: Deployment,
        route: Route,
        parameters: dict[str, str],
        stage: str,
        path: str,
        request: Request,
        key_id: str | None,
    ) -> Response:
        function = self._state.function(route.function_arn or "", deployment.region)
        if route.function_arn is None or function is None:
            raise Refusal("API_CONFIGURATION_ERROR")
        event = _proxy_event(deployment, route, parameters, stage, path, request, key_id)
        try:
            invocation = self._runtime.invoke(function, json.dumps(event).encode())
            result = await asyncio.wait_for(invocation, route.timeout)
        except TimeoutError:
            raise Refusal("INTEGRATION_TIMEOUT") from None
        return _proxy_response(result)


_moto_create_deployment = RestAPI.create_deployment


def snapshot(api: RestAPI) -> Deployment:
    """The API as it stands: every method that has an integration."""
    routes = []
    for resource in api.resources.values():
        for name, method in resource.resource_methods.items():
            if method.method_integration is None:
                continue
            integration = method.method_integration
            validator = api.request_validators.get(method.request_validator_id or "")
            model_name = (method.request_models or {}).get("application/json")
            model = api.models.get(model_name or "")
            validates = validator is not None and validator.validate_request_body
            found = re.search(r"/functions/(arn:[^/]+)/invocations", integration.uri or "")
            timeout = float(integration.timeout_in_millis or _INTEGRATION_SECONDS * 1000) / 1000
            routes.append(
                Route(
                    resource_id=resource.id,
                    resource_path=resource.get_path(),
                    method=name,
                    api_key_required=bool(method.api_key_required),
                    function_arn=found[1] if found else None,
                    schema=json.loads(model.schema) if validates and model else None,
                    timeout=timeout,
                )
            )
    templates = {
        kind: (
            int(response.status_code) if response.status_code else None,
            (response.response_templates or {}).get("application/json", "{}"),
        )
        for kind, response in api.gateway_responses.items()
    }
    # The more literal path wins, as on AWS: /orders/new before /orders/{id}.
    routes.sort(key=lambda route: route.resource_path.count("{"))
    return Deployment(api.id, api.region_name, tuple(routes), templates)


def _validate(route: Route, request: Request) -> None:
    """Hold a JSON body against the method's model. AWS has no model for other content
    types and lets them through to the function, which must check again."""
    content_type = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if route.schema is None or content_type != "application/json":
        return
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Refusal("BAD_REQUEST_BODY", "the body is not JSON") from None
    errors = sorted(Draft4Validator(route.schema).iter_errors(body), key=lambda e: list(e.path))
    if errors:
        texts = [f"{'.'.join(map(str, e.path)) or 'body'}: {e.message}" for e in errors[:5]]
        raise Refusal("BAD_REQUEST_BODY", f"[{'; '.join(texts)}]")


def _proxy_event(
    deployment: Deployment,
    route: Route,
    parameters: dict[str, str],
    stage: str,
    path: str,
    request: Request,
    key_id: str | None,
) -> dict[str, Any]:
    """The event of a Lambda proxy integration, payload format 1.0."""
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
        "apiKeyId": key_id,
    }
    return {
        "resource": route.resource_path,
        "path": path,
        "httpMethod": request.method,
        "headers": request.headers,
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": deployment.api_id,
            "httpMethod": request.method,
            "identity": identity,
            "path": f"/{stage}{path}",
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": route.resource_id,
            "resourcePath": route.resource_path,
            "stage": stage,
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
        status = int(reply["statusCode"])
        body = reply.get("body") or ""
        content = base64.b64decode(body) if reply.get("isBase64Encoded") else body.encode()
        headers = {"Content-Type": "application/json", **(reply.get("headers") or {})}
        pairs = [(str(name), str(value)) for name, value in headers.items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refusal("INTEGRATION_FAILURE", "the function's reply has another form") from None
    return Response(status, content, tuple(pairs))
