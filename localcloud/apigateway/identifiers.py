"""What a path of API Gateway's control plane names: an API, a resource, a method, a plan, a key.

Whatever the operation, what it names has to be there. moto checks that here and there only.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.apigateway.models import APIGatewayBackend, RestAPI

from localcloud.apigateway.errors import APIGatewayError, bad_request, not_found
from localcloud.upstream import ACCOUNT_ID

_Given = Mapping[str, str]  # the parts of a path, by AWS's names for them
# The things of an API, with AWS's words for one that is not there.
_OF_AN_API: dict[str, tuple[Callable[[RestAPI], Any], str]] = {
    "authorizer_id": (lambda api: api.authorizers, "Invalid Authorizer identifier specified"),
    "deployment_id": (lambda api: api.deployments, "Invalid Deployment identifier specified"),
    "model_name": (lambda api: api.models, "Invalid model name specified: {}"),
    "parent_id": (lambda api: api.resources, "Invalid Resource identifier specified"),
    "requestvalidator_id": (
        lambda api: api.request_validators,
        "Invalid Request Validator identifier specified",
    ),
    "resource_id": (lambda api: api.resources, "Invalid Resource identifier specified"),
    "stage_name": (lambda api: api.stages, "Invalid stage identifier specified"),
}
_OF_THE_ACCOUNT: dict[str, tuple[Callable[[APIGatewayBackend], Any], str]] = {
    "api_Key": (lambda backend: backend.keys, "Invalid API Key identifier specified"),
    "usageplanId": (lambda backend: backend.usage_plans, "Invalid Usage Plan ID specified"),
}
# What some operations look for before the API.
_LOOKED_FOR = {
    "DeleteModel": "model_name",
    "DeleteRequestValidator": "requestvalidator_id",
    "GetModel": "model_name",
    "GetRequestValidator": "requestvalidator_id",
    "UpdateModel": "model_name",
    "UpdateRequestValidator": "requestvalidator_id",
}


def refuse_what_is_not_there(
    backend: APIGatewayBackend, operation: str, given: _Given
) -> RestAPI | None:
    """The API that a path names, if it names one. Raises APIGatewayError if that, or another thing
    that it names, is not there."""
    _refuse_missing(backend, _OF_THE_ACCOUNT, given)
    if "keyId" in given and given["keyId"] not in _keys_of(backend, given["usageplanId"]):
        raise not_found("Invalid API Key identifier specified")
    if "restapi_id" not in given:
        return None
    api: RestAPI | None = backend.apis.get(given["restapi_id"])
    if api is None:
        raise _no_api(operation, given)
    _refuse_missing(api, _OF_AN_API, given)
    if "http_method" in given and operation not in ("PutMethod", "TestInvokeMethod"):
        _refuse_missing_method(api, operation, given)
    return api


def _no_api(operation: str, given: _Given) -> APIGatewayError:
    """The error for an API that is not there. Some operations say that what they look for in it is
    not there."""
    if operation == "CreateRequestValidator":
        return bad_request("Invalid REST API identifier specified")
    part = "resource_id" if "http_method" in given else _LOOKED_FOR.get(operation)
    if part is None:
        text = f"Invalid API identifier specified {ACCOUNT_ID}:{given['restapi_id']}"
        return not_found(text)
    return not_found(_OF_AN_API[part][1].format(given.get(part)))


def _refuse_missing(
    where: Any, things: Mapping[str, tuple[Callable[[Any], Any], str]], given: _Given
) -> None:
    for part, (found_in, text) in things.items():
        if part in given and given[part] not in found_in(where):
            raise not_found(text.format(given[part]))


def _keys_of(backend: APIGatewayBackend, plan_id: str) -> Mapping[str, Any]:
    return backend.usage_plan_keys.get(plan_id) or {}


def _refuse_missing_method(api: RestAPI, operation: str, given: _Given) -> None:
    method = api.resources[given["resource_id"]].resource_methods.get(given["http_method"])
    if method is None:
        raise not_found("Invalid Method identifier specified")
    if operation == "PutIntegration" or "Integration" not in operation:
        return
    if method.method_integration is None:
        raise not_found("Invalid Integration identifier specified")
