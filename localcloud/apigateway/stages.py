"""Deployed stages: routes a request, checks it, and invokes the function behind it.

The checks come in AWS's order (route, API key, throttle and quota, body), and each refusal has
AWS's status code and gateway response. The console's Test button takes the same way, without key
and throttle.

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft4Validator, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

from localcloud import clock, deliver, steps
from localcloud.apigateway.deployments import Deployment, Refusal, Route, rest_api, snapshot
from localcloud.apigateway.proxy import Ids, Matched, event_of, matches, response_of, source_arn
from localcloud.apigateway.usage_plans import UsagePlans
from localcloud.host.time_limit import time_limit
from localcloud.http import Request, Response, json_response
from localcloud.iam.policies import find_role, service_may

logger = logging.getLogger(__name__)
_MAX_BODY = 10 * 1024 * 1024
_VALIDATION_SECONDS = 1.0  # that a body may take; everybody waits for it
_LONGEST_TEXT = 200  # characters of one finding of the validator, which may quote the body
_SERVICE = "apigateway.amazonaws.com"


async def serve(request: Request, plans: UsagePlans) -> Response:
    """Answer `/restapis/{api}/{stage}/_user_request_/{path}`."""
    _, _, api_id, stage, _, *rest = request.path.split("/")
    path = "/" + "/".join(rest).lstrip("/")
    found, ids = rest_api(api_id), Ids()
    if found is None or stage not in found[1].stages:
        code = "ForbiddenException"
        refusal = json_response(403, {"message": "Forbidden"}, x_amzn_ErrorType=code)
        return _with_ids(refusal, ids)
    began_ms = clock.now_ms()
    answer = _with_ids(await _answer(request, found, stage, path, plans, ids), ids)
    refused = "" if answer.status < 400 else answer.body[:_LONGEST_TEXT].decode("utf-8", "replace")
    took = clock.now_ms() - began_ms
    said = f"answered {request.method} {path} with {answer.status}, after {took:.0f} ms"
    text = answer.body + b"\n" + request.body
    steps.note(api_id, said, text, problem=refused, began_ms=began_ms)
    return answer


def _with_ids(answer: Response, ids: Ids) -> Response:
    known = ("x-amzn-RequestId", ids.request), ("x-amz-apigw-id", ids.extended)
    return replace(answer, headers=(*answer.headers, *known))


async def _answer(
    request: Request, found: tuple[Any, Any], stage: str, path: str, plans: UsagePlans, ids: Ids
) -> Response:
    backend, api = found
    deployment_id = api.stages[stage].deployment_id
    deployment: Deployment = api.deployments[deployment_id].snapshot
    try:
        if len(request.body) > _MAX_BODY:
            raise Refusal("REQUEST_TOO_LARGE")
        route, parameters = deployment.route(request.method, path)
        key = request.headers.get("x-api-key")
        key_id = plans.admit(backend, api.id, stage, key) if route.api_key_required else None
        _validate(deployment, route, request)
        matched = Matched(
            deployment, route, parameters, stage, path, request, key_id, deployment_id, ids
        )
        return await _integrate(matched)
    except Refusal as refusal:
        if refusal.kind == "API_CONFIGURATION_ERROR":  # the caller is not told what is wrong
            logger.error("API %s: %s", api.id, refusal.detail)
        return deployment.refusal(refusal)


async def test_invoke(api_id: str, resource_id: str, method: str, body: bytes) -> Response:
    """TestInvokeMethod: the method as it is now, without API key and throttle."""
    found = rest_api(api_id)
    deployment = snapshot(found[1]) if found else None
    route = deployment.method(resource_id, method) if deployment else None
    if deployment is None or route is None:
        text = "Invalid Method identifier specified"
        return json_response(404, {"message": text}, x_amzn_errortype="NotFoundException")
    request = _test_request(route, method, body)
    started = time.monotonic()
    log = [f"Starting execution for test request of {method} {request.path}"]
    try:
        _validate(deployment, route, request)
        parameters, stage = route.match(request.path) or {}, "test-invoke-stage"
        matched = Matched(deployment, route, parameters, stage, request.path, request)
        response = await _integrate(matched)
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


def _test_request(route: Route, method: str, body: bytes) -> Request:
    options = json.loads(body or b"{}")
    path, _, query = (options.get("pathWithQueryString") or route.resource_path).partition("?")
    sent = tuple((options.get("headers") or {}).items())
    headers = {name.lower(): value for name, value in sent}
    content = (options.get("body") or "").encode("utf-8", "replace")  # it may have half characters
    return Request(method, path, query, headers, content, sent)


async def _integrate(matched: Matched) -> Response:
    """Invoke the function behind the route and read its reply."""
    event = json.dumps(event_of(matched)).encode()
    sender = _sender(matched)
    try:
        async with asyncio.timeout(matched.route.timeout):
            reply = await deliver.invoke(matched.route.function_arn or "", event, sender)
    except deliver.CannotInvokeError as error:
        raise Refusal("API_CONFIGURATION_ERROR", str(error)) from None
    except TimeoutError:
        raise Refusal("INTEGRATION_TIMEOUT") from None
    except deliver.ThrottledError:
        # The caller is not told that the function was throttled.
        # https://repost.aws/knowledge-center/api-gateway-internal-server-error
        raise Refusal("INTEGRATION_FAILURE", "the function is throttled", 500) from None
    except Exception as error:  # no memory, no files: tell the caller, do not cut the connection
        logger.exception("%s could not be invoked", matched.route.function_arn)
        raise Refusal("INTEGRATION_FAILURE", f"the local cloud failed: {error!r}") from None
    if reply.error is not None:
        raise Refusal("INTEGRATION_FAILURE", "the function failed")
    accepted = matched.request.headers.get("accept", "")
    is_binary = matches(matched.deployment.binary_types, accepted)
    response = response_of(reply.payload, is_binary=is_binary)
    trace = ("X-Amzn-Trace-Id", matched.ids.trace)
    return replace(response, headers=(*response.headers, trace))


def _sender(matched: Matched) -> deliver.Role | deliver.ServicePrincipal:
    """Who calls the function: API Gateway, or the integration's role, if API Gateway may assume it.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
    """
    source, credentials = source_arn(matched), matched.route.credentials
    if not credentials:
        return deliver.ServicePrincipal(_SERVICE, source)
    role = find_role(credentials)
    trust = json.loads(role.assume_role_policy_document)["Statement"] if role else []
    statements = trust if isinstance(trust, list) else [trust]
    policy = {"Statement": [{**statement, "Resource": "*"} for statement in statements]}
    if not service_may(policy, _SERVICE, "sts:AssumeRole", credentials, source):
        raise Refusal("API_CONFIGURATION_ERROR", f"API Gateway may not assume {credentials}")
    return deliver.Role(credentials)


def _validate(deployment: Deployment, route: Route, request: Request) -> None:
    """Check that the required parameters are there, and a JSON body against the method's model. AWS
    has no model for other content types: they go through to the function, which must check
    again."""
    query = parse_qs(request.query, keep_blank_values=True)
    found: dict[str, Mapping[str, Any]] = {"header": request.headers, "querystring": query}
    missing = [
        name
        for place, name in route.required
        if (name.lower() if place == "header" else name) not in found[place]
    ]
    if missing:
        text = f"Missing required request parameters: [{', '.join(missing)}]"
        raise Refusal("BAD_REQUEST_PARAMETERS", text)
    content_type = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if route.schema is None or content_type != "application/json":
        return
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refusal("BAD_REQUEST_BODY", "[body: is not JSON]") from None
    if errors := _misfits(deployment, route.schema, body):
        texts = [
            f"{'.'.join(map(str, e.path)) or 'body'}: {e.message[-_LONGEST_TEXT:]}"
            for e in errors[:5]
        ]
        raise Refusal("BAD_REQUEST_BODY", f"[{'; '.join(texts)}]")


def _misfits(deployment: Deployment, schema: dict[str, Any], body: Any) -> list[ValidationError]:
    """Where a body does not fit a model. With some models nobody can tell, or only in hours: then
    it is the API that is wrong."""
    validator = Draft4Validator(schema, registry=_models(deployment))
    try:
        with time_limit(_VALIDATION_SECONDS):
            return sorted(validator.iter_errors(body), key=lambda error: list(error.path))
    except Unresolvable as error:
        problem = f"the model refers to {error.ref}"
    except Exception as error:  # a model that was imported may be anything
        problem = f"a body cannot be checked against the model: {error}"
    raise Refusal("API_CONFIGURATION_ERROR", problem)


@lru_cache(maxsize=16)
def _models(deployment: Deployment) -> Registry[Any]:
    """A deployment's models, for a validator. Putting them together takes longer than a check."""
    return Registry().with_contents(deployment.models.items(), default_specification=DRAFT4)
