"""API Gateway: its stages, its Test button, and the permissions for each call."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from moto.apigateway.models import apigateway_backends

from localcloud import like_aws, models, upstream
from localcloud.apigateway import (
    answers,
    changes,
    gateway_responses,
    identifiers,
    pages,
    rules,
    stages,
)
from localcloud.apigateway.errors import APIGatewayError
from localcloud.apigateway.usage_plans import UsagePlans
from localcloud.call import Call
from localcloud.http import Request, Response
from localcloud.service import Needed, Service
from localcloud.upstream import ACCOUNT_ID

_OF_DOCUMENTS = ("ImportRestApi", "PutRestApi")  # their body is a description of an API
_OF_TEXTS = ("ImportApiKeys", "ImportDocumentationParts")  # which moto does not have


class APIGateway(Service):
    """REST APIs. Their stages are open, as on AWS; only usage plans limit access."""

    name = "apigateway"

    def __init__(self) -> None:
        self.usage_plans = UsagePlans()

    async def serve(self, request: Request) -> Response:
        """Answer a request to a deployed stage."""
        return await stages.serve(request, self.usage_plans)

    async def handle(self, call: Call) -> Response | None:
        answer = await self._answer_to(call) or upstream.ask(call.request)
        if like_aws.is_on:
            self.usage_plans.note(call, answer)
        return answers.in_full(call, answer)

    async def _answer_to(self, call: Call) -> Response | None:
        sent, call = call, _as_known(call)
        try:
            answer = _answer(call)
            if call is not sent and call.operation != "TestInvokeMethod":
                answer = answer or upstream.ask(call.request)
            if pages.is_paged(call.operation):
                answer = pages.page_of(call, answer or upstream.ask(call.request))
        except APIGatewayError as error:
            return call.error(error.status, error.code, error.text)
        if answer or call.operation != "TestInvokeMethod":
            return answer
        given = call.parameters
        return await stages.test_invoke(
            given["restapi_id"], given["resource_id"], given["http_method"], call.request.body
        )

    def needed(self, call: Call) -> Needed:
        """API Gateway's actions are the HTTP methods.
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
        """
        yield f"apigateway:{call.request.method}", ""

    def describe(self) -> dict[str, Any]:
        backends = upstream.backends(apigateway_backends)
        return {
            "apis": [
                {**_described(api), "region": backend.region_name, "plans": _plans(backend, api.id)}
                for backend in backends
                for api in backend.apis.values()
            ],
            "meters": self.usage_plans.describe(),
        }

    def saved(self) -> Any:
        return self.usage_plans.meters

    def restore(self, saved: Any) -> None:
        self.usage_plans.meters = saved

    def reset(self) -> None:
        self.usage_plans.reset()


def _as_known(call: Call) -> Call:
    """The call without the members that AWS does not know, and with a body: moto would fail."""
    if call.request.method in ("DELETE", "GET") or call.operation in _OF_DOCUMENTS + _OF_TEXTS:
        return call
    given = json.loads(call.request.body or b"{}")
    known = models.known("apigateway", call.operation, given)
    if known == given and call.request.body:
        return call
    return replace(call, request=replace(call.request, body=json.dumps(known).encode()))


def _answer(call: Call) -> Response | None:
    """What moto cannot answer; None for the rest. Raises APIGatewayError for what names something
    that is not there, and for what the rules do not allow."""
    backend = upstream.backend(apigateway_backends, ACCOUNT_ID, call.region)
    if backend is None or not call.operation or call.operation in _OF_TEXTS:
        return None
    api = identifiers.refuse_what_is_not_there(backend, call.operation, call.parameters)
    if call.operation in _OF_DOCUMENTS:
        rules.refuse_what_is_no_openapi(call.request.body)
        return None
    body = call.request.body if call.request.method != "GET" else b""
    asked = rules.Asked(backend, api, call.parameters, json.loads(body or b"{}"))
    rules.check(call.operation, asked)
    return gateway_responses.answer(call.operation, asked) or changes.answer(call.operation, asked)


def _described(api: Any) -> dict[str, Any]:
    return {
        "id": api.id,
        "name": api.name,
        "stages": [
            {
                "name": name,
                "deployment_id": stage.deployment_id,
                "routes": _routes(api, stage),
                "functions": _functions(api, stage),
            }
            for name, stage in api.stages.items()
        ],
        "resources": {resource.get_path(): resource.id for resource in api.resources.values()},
    }


def _plans(backend: Any, api_id: str) -> list[dict[str, Any]]:
    """The usage plans that an API's stages are in, with their keys, but not the keys' values."""
    return [
        {
            "id": plan.id,
            "name": plan.name,
            "quota": plan.quota,
            "throttle": plan.throttle,
            "keys": [
                {"id": key_id, "name": backend.keys[key_id].name}
                for key_id in backend.usage_plan_keys.get(plan.id, {})
                if key_id in backend.keys
            ],
        }
        for plan in backend.usage_plans.values()
        if any(stage["apiId"] == api_id for stage in plan.api_stages)
    ]


def _routes(api: Any, stage: Any) -> list[str]:
    """What a stage serves: "POST /orders"."""
    routes = api.deployments[stage.deployment_id].snapshot.routes
    return [f"{route.method} {route.resource_path}" for route in routes]


def _functions(api: Any, stage: Any) -> list[str]:
    """The ARNs of the functions behind a stage, each once."""
    routes = api.deployments[stage.deployment_id].snapshot.routes
    return list(dict.fromkeys(r.function_arn for r in routes if r.function_arn))
