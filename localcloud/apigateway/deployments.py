"""Deployments of a REST API: what a stage serves.

As on AWS, a deployment is a snapshot: a change to a resource or method is not served until you
deploy again.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.apigateway.exceptions import (
    BadRequestException,
    DeploymentNotFoundException,
    StageStillActive,
)
from moto.apigateway.models import APIGatewayBackend, Resource, RestAPI, apigateway_backends

from localcloud import upstream
from localcloud.apigateway import gateway_responses
from localcloud.apigateway.rules import MAX_TIMEOUT_MS
from localcloud.http import Response
from localcloud.upstream import original, replaces

_MODELS = "https://apigateway.amazonaws.com/restapis"
_DEFAULT_RESPONSES = {
    "API_CONFIGURATION_ERROR": (500, "Internal server error", "InternalServerErrorException"),
    "BAD_REQUEST_PARAMETERS": (400, "", "BadRequestException"),  # the detail is its message
    "BAD_REQUEST_BODY": (400, "Invalid request body", "BadRequestException"),
    "INTEGRATION_FAILURE": (502, "Internal server error", "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out", "InternalServerErrorException"),
    "INVALID_API_KEY": (403, "Forbidden", "ForbiddenException"),
    "MISSING_AUTHENTICATION_TOKEN": (
        403,
        "Missing Authentication Token",
        "MissingAuthenticationTokenException",
    ),
    "QUOTA_EXCEEDED": (429, "Limit Exceeded", "LimitExceededException"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long", "RequestTooLargeException"),
    "THROTTLED": (429, "Too Many Requests", "TooManyRequestsException"),
}


class Refusal(Exception):
    """API Gateway's own answer: a gateway response type, an optional detail, and a status code if
    it is not the type's usual one."""

    def __init__(self, kind: str, detail: str = "", status: int | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.status = status


@dataclass(frozen=True)
class Route:
    """One method of one resource, as deployed."""

    resource_id: str
    resource_path: str
    method: str
    api_key_required: bool
    function_arn: str | None
    schema: dict[str, Any] | None
    timeout: float = MAX_TIMEOUT_MS / 1000
    credentials: str | None = None  # the role by which the function is called
    required: tuple[tuple[str, str], ...] = ()  # parameters: "header" or "querystring", and name

    def match(self, path: str) -> dict[str, str] | None:
        """The path parameters if the path fits this resource, else None."""
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}",
            lambda m: f"(?P<{m[1]}>{'.+?' if m[2] else '[^/]+'})",
            re.escape(self.resource_path),
        )
        found = re.fullmatch(f"{pattern}/?", path)
        return found.groupdict() if found else None


@dataclass(frozen=True, eq=False)
class Deployment:
    """A snapshot of a REST API: its routes, its customized gateway responses, the media types of
    what is binary, and its models, by the URL by which they refer to each other. It is the key of
    what is made from it once."""

    api_id: str
    region: str
    routes: tuple[Route, ...]
    templates: dict[str, tuple[int | None, str]]
    binary_types: tuple[str, ...] = ()
    models: dict[str, Any] = field(default_factory=dict)

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route for a request, and its path parameters."""
        for route in self.routes:
            if route.method in (method, "ANY") and (found := route.match(path)) is not None:
                return route, found
        raise Refusal("MISSING_AUTHENTICATION_TOKEN")

    def method(self, resource_id: str, method: str) -> Route | None:
        """The route of a resource's method, by the resource's id."""
        for route in self.routes:
            if route.resource_id == resource_id and route.method in (method, "ANY"):
                return route
        return None

    def refusal(self, refusal: Refusal) -> Response:
        """The gateway response: AWS's default, or the API's own."""
        status, message, error_type = _DEFAULT_RESPONSES[refusal.kind]
        message = message or refusal.detail
        custom_status, template = self.templates.get(
            refusal.kind, (None, gateway_responses.MESSAGE)
        )
        body = template.replace("$context.error.messageString", json.dumps(message))
        # AWS escapes this one, and leaves the quotation marks to the template.
        body = body.replace(
            "$context.error.validationErrorString", json.dumps(refusal.detail)[1:-1]
        )
        headers = (
            ("Content-Type", "application/json"),
            ("x-amzn-ErrorType", error_type),
        )
        return Response(custom_status or refusal.status or status, body.encode(), headers)


def snapshot(api: RestAPI) -> Deployment:
    """The API as it is now: every method that has an integration."""
    routes = [
        _route(api, resource, name, method)
        for resource in api.resources.values()
        for name, method in resource.resource_methods.items()
        if method.method_integration is not None
    ]
    # As on AWS, the more literal path wins (/orders/new, then /orders/{id}, then /{proxy+}), and a
    # method's own entry wins over ANY.
    routes.sort(
        key=lambda route: (
            "+}" in route.resource_path,
            route.resource_path.count("{"),
            -len(route.resource_path),
            route.method == "ANY",
        )
    )
    templates = {
        kind: (
            int(response.status_code) if response.status_code else None,
            (response.response_templates or {}).get("application/json", "{}"),
        )
        for kind, response in api.gateway_responses.items()
    }
    binary_types = tuple(api.binaryMediaTypes or ())
    models = {f"{_MODELS}/{api.id}/models/{m.name}": json.loads(m.schema) for m in _models(api)}
    return Deployment(api.id, api.region_name, tuple(routes), templates, binary_types, models)


def _models(api: RestAPI) -> list[Any]:
    return [model for model in api.models.values() if model.schema]


def _route(api: RestAPI, resource: Any, name: str, method: Any) -> Route:
    integration = method.method_integration
    validator = api.request_validators.get(method.request_validator_id or "")
    model = api.models.get((method.request_models or {}).get("application/json", ""))
    checks_body = validator is not None and validator.validate_request_body
    checks_parameters = validator is not None and validator.validate_request_parameters
    # Nothing else is served, and AWS calls a function by POST only.
    is_proxy = (integration.integration_type, integration.http_method) == ("AWS_PROXY", "POST")
    found = re.search(r"/functions/(arn:[^/]+)/invocations", integration.uri or "")
    return Route(
        resource_id=resource.id,
        resource_path=resource.get_path(),
        method=name,
        api_key_required=bool(method.api_key_required),
        function_arn=found[1] if found and is_proxy else None,
        schema=json.loads(model.schema) if checks_body and model else None,
        timeout=float(integration.timeout_in_millis or MAX_TIMEOUT_MS) / 1000,
        credentials=integration.credentials,
        required=tuple(_required(method)) if checks_parameters else (),
    )


def _required(method: Any) -> Iterator[tuple[str, str]]:
    """The parameters that a method requires: `method.request.header.x-h`, set to true."""
    for parameter, is_required in (method.request_parameters or {}).items():
        _, _, place, name = [*parameter.split(".", 3), "", "", ""][:4]
        if is_required and place in ("header", "querystring"):
            yield place, name


def rest_api(api_id: str) -> tuple[APIGatewayBackend, RestAPI] | None:
    """The REST API with that id, in any region, and the API Gateway of its region."""
    for backend in upstream.backends(apigateway_backends):
        if api_id in backend.apis:
            return backend, backend.apis[api_id]
    return None


@replaces(RestAPI)
def create_deployment(api: RestAPI, name: str, *more: Any, **options: Any) -> Any:
    """A deployment takes a snapshot of its API. A stage that is there serves it from now on, and
    keeps its settings and tags; moto makes another one.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html
    """
    stage = api.stages.get(name)
    deployment = original(create_deployment)(api, name, *more, **options)
    deployment.snapshot = snapshot(api)
    if stage is not None:
        stage.deployment_id = deployment.id
        stage.touch()
        api.stages[name] = stage
    return deployment


@replaces(RestAPI)
def delete_deployment(api: RestAPI, deployment_id: str) -> Any:
    """A deployment that a stage serves cannot be deleted; moto knows only the stage that it was
    made for.

    https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteDeployment.html
    """
    if deployment_id not in api.deployments:
        raise DeploymentNotFoundException
    if any(stage.deployment_id == deployment_id for stage in api.stages.values()):
        raise StageStillActive
    return api.deployments.pop(deployment_id)


@replaces(APIGatewayBackend)
def delete_api_key(backend: APIGatewayBackend, key_id: str) -> None:
    """A key that is deleted is in no usage plan any more."""
    original(delete_api_key)(backend, key_id)
    for keys in backend.usage_plan_keys.values():
        keys.pop(key_id, None)


@replaces(APIGatewayBackend)
def delete_resource(backend: APIGatewayBackend, api_id: str, resource_id: str) -> Resource:
    """With a resource goes all that is below it; moto would keep that, and list no resource again.

    https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteResource.html
    """
    there: dict[str, Resource] = backend.apis[api_id].resources
    for below in [each.id for each in there.values() if each.parent_id == resource_id]:
        delete_resource(backend, api_id, below)
    deleted: Resource = original(delete_resource)(backend, api_id, resource_id)
    return deleted


@replaces(APIGatewayBackend)
def import_rest_api(backend: APIGatewayBackend, document: dict[str, Any], fail: bool) -> RestAPI:
    """A document need not describe its API in words."""
    document.setdefault("info", {}).setdefault("description", "")
    made: RestAPI = original(import_rest_api)(backend, document, fail)
    return made


@replaces(RestAPI)
def create_stage(api: RestAPI, name: str, deployment_id: str, **options: Any) -> Any:
    """A new stage needs a deployment that exists."""
    _refuse_unless_deployed(api, deployment_id)
    return original(create_stage)(api, name, deployment_id, **options)


@replaces(APIGatewayBackend)
def update_stage(
    backend: APIGatewayBackend, api_id: str, stage: str, operations: list[dict[str, Any]]
) -> Any:
    """An updated stage needs a deployment that exists."""
    for operation in operations:
        if operation["path"] == "/deploymentId":
            _refuse_unless_deployed(backend.get_rest_api(api_id), operation["value"])
    return original(update_stage)(backend, api_id, stage, operations)


def _refuse_unless_deployed(api: RestAPI, deployment_id: str) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateStage.html"""
    if deployment_id not in api.deployments:
        raise BadRequestException("Deployment id does not exist")
