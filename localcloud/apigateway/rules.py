"""What API Gateway's control plane refuses, and moto accepts or fails on.

Each function is the rule of one operation. It gets the request's body, and the API and the parts
of the path that identifiers.py has found to be there.

https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import best_match
from moto.apigateway.models import APIGatewayBackend, Resource, RestAPI

from localcloud.apigateway import patches
from localcloud.apigateway.errors import bad_request, conflict, not_found, not_here

MAX_TIMEOUT_MS = 29_000  # of an integration, and what holds unless it is set
# The limits of a plan that a patch can set, and what each is.
LIMITS: dict[str, type[int] | type[float]] = {
    "/quota/limit": int,
    "/quota/offset": int,
    "/throttle/burstLimit": int,
    "/throttle/rateLimit": float,
}
ENDPOINTS = ("REGIONAL", "EDGE", "PRIVATE")
_MAX_COMPRESSION_SIZE = 10_485_760
_MAX_NAME, _MIN_VALUE, _MAX_VALUE = 1024, 20, 128  # characters of a key
_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
_PATH_PART = re.compile(r"[a-zA-Z0-9._:-]+|\{[a-zA-Z0-9._-]+\+?\}")
_VARIABLE = re.compile(r"\{[^}]+\}")
_STAGE_NAME = re.compile(r"\w+", re.ASCII)
_STAGE_ARN = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]+::/restapis/([^/]+)/stages/([^/]+)")
_MODEL_NAME = re.compile(r"[a-zA-Z0-9]+")
_FUNCTION_URI = re.compile(
    r"arn:aws[\w-]*:apigateway:[\w-]+:lambda:path/2015-03-31/functions/arn:aws[\w-]*:lambda:"
    r"[\w-]+:\d{12}:function:[^/]+/invocations"
)
_SCHEMAS = Draft4Validator(
    Draft4Validator.META_SCHEMA, format_checker=Draft4Validator.FORMAT_CHECKER
)


@dataclass(frozen=True)
class Asked:
    """A call to the control plane: the parts of its path, and its body."""

    backend: APIGatewayBackend
    api: RestAPI | None
    given: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def of_api(self) -> RestAPI:
        assert self.api is not None  # the path of the operation names one
        return self.api


def check(operation: str, asked: Asked) -> None:
    """Refuse what AWS refuses. Raises APIGatewayError."""
    if operation.startswith("Update"):
        _refuse_malformed_patches(operation, asked)
    if rule := _RULES.get(operation):
        rule(asked)


def refuse_what_is_no_openapi(document: bytes) -> None:
    """Refuse descriptions that moto cannot read: those in another language than JSON, and in
    another version than OpenAPI 3."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise not_here("imports OpenAPI 3 in JSON only; convert the document.") from None
    if not isinstance(found, dict) or not str(found.get("openapi")).startswith("3."):
        raise not_here("imports OpenAPI 3 in JSON only; convert the document.")
    for each in _integrations_in(found):
        _refuse_another_kind(str(each.get("type")).upper())
        if not each.get("uri") or not each.get("httpMethod"):
            raise bad_request("Unable to parse integration: uri and httpMethod are needed")


def _integrations_in(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The integrations of an OpenAPI document's methods.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
    """
    methods = [
        method
        for path in (document.get("paths") or {}).values()
        if isinstance(path, dict)
        for method in path.values()
        if isinstance(method, dict)
    ]
    for each in methods:
        if isinstance(found := each.get("x-amazon-apigateway-integration"), dict):
            yield found


def _rest_api(asked: Asked) -> None:
    if asked.body.get("description") == "":
        raise bad_request("Description cannot be an empty string")
    compression_size(asked.body.get("minimumCompressionSize"))
    endpoint = asked.body.get("endpointConfiguration")
    if endpoint is not None:
        refuse_endpoint(endpoint)


def compression_size(given: int | str | None) -> int | None:
    """From how many bytes on answers are to be compressed; None for never."""
    if given in (None, ""):
        return None
    try:
        size = int(given or 0)
    except ValueError:
        size = -1
    if not 0 <= size <= _MAX_COMPRESSION_SIZE:
        raise bad_request(
            f"Invalid minimum compression size, must be between 0 and {_MAX_COMPRESSION_SIZE}"
        )
    return size


def refuse_endpoint(endpoint: Mapping[str, Any]) -> None:
    """Refuse an endpoint without a type, or with several, and an address that its type lacks."""
    types = endpoint.get("types", ["EDGE"])
    if not types:
        raise bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    if len(types) > 1:
        raise bad_request("Cannot create an api with multiple Endpoint Types.")
    if types == ["PRIVATE"] and endpoint.get("ipAddressType") == "ipv4":
        raise bad_request("Only dualstack ipAddressType is supported for Private APIs.")


def _api_key(asked: Asked) -> None:
    name, value = asked.body.get("name") or "", asked.body.get("value") or ""
    if len(name) > _MAX_NAME:
        raise bad_request(f"Invalid API Key name, can be at most {_MAX_NAME} characters.")
    if 0 < len(value) < _MIN_VALUE:
        raise bad_request(f"API Key value should be at least {_MIN_VALUE} characters")
    if len(value) > _MAX_VALUE:
        raise bad_request(f"API Key value exceeds maximum size of {_MAX_VALUE} characters")


def _resource(asked: Asked) -> None:
    parent = asked.of_api.resources[asked.given["parent_id"]]
    refuse_place(asked.of_api, parent, asked.body["pathPart"])


def refuse_place(api: RestAPI, parent: Resource, part: str, own_id: str = "") -> None:
    """Refuse a path part that cannot be, or not below this parent. `own_id` is of the resource that
    moves there, if it is no new one."""
    if not _PATH_PART.fullmatch(part):
        raise bad_request(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and "
            "curly braces at the beginning and the end."
        )
    if "+}" in (parent.path_part or ""):
        raise bad_request(
            f"Cannot create a child of a resource with a greedy path variable: {parent.path_part}"
        )
    others = [each for each in api.resources.values() if each.id != own_id]
    siblings = [each.path_part for each in others if each.parent_id == parent.id]
    if part in siblings:
        text = f"Another resource with the same parent already has this name: {part}"
        raise conflict(text)
    variables = list(filter(_VARIABLE.fullmatch, filter(None, siblings)))
    if _VARIABLE.fullmatch(part) and variables:
        raise bad_request(
            f"A sibling ({variables[0]}) of this resource already has a variable path part -- "
            "only one is allowed"
        )


def _method(asked: Asked) -> None:
    name, kind = asked.given["http_method"], asked.body["authorizationType"]
    if name not in _METHODS:
        raise bad_request(f"Invalid HttpMethod specified. Valid options are {','.join(_METHODS)}")
    if name in asked.of_api.resources[asked.given["resource_id"]].resource_methods:
        raise conflict("Method already exists for this resource")
    refuse_authorization(kind)
    refuse_validator(asked.of_api, asked.body.get("requestValidatorId"))
    refuse_models(asked.of_api, asked.body.get("requestModels") or {})
    _parameters(asked.body.get("requestParameters") or {})


def refuse_authorization(kind: str) -> None:
    """Refuse a kind of authorization that the local cloud would not check."""
    if kind in ("CUSTOM", "COGNITO_USER_POOLS"):  # there are no authorizers here
        raise bad_request(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
            "COGNITO_USER_POOLS requires a valid authorizer."
        )
    if kind == "AWS_IAM":
        raise not_here("has no IAM authorization of methods; use NONE, and an API key.")


def _parameters(given: Mapping[str, Any]) -> None:
    """Refuse parameters of one name in several places."""
    names = [each.rpartition(".")[2] for each in given]
    if len(set(names)) < len(names):
        raise bad_request("Parameter names must be unique across querystring, header and path")


def refuse_validator(api: RestAPI, validator_id: str | None) -> None:
    if validator_id and validator_id not in api.request_validators:
        raise bad_request("Invalid Request Validator identifier specified")


def refuse_models(api: RestAPI, models: Mapping[str, str]) -> None:
    for name in models.values():
        if name not in api.models:
            raise bad_request(f"Invalid model identifier specified: {name}")


def _integration(asked: Asked) -> None:
    _refuse_another_kind(asked.body["type"])
    uri = asked.body.get("uri", "")
    if not uri.startswith("arn:"):
        raise bad_request("Invalid ARN specified in the request")
    parts = uri.split(":", 5)
    if len(parts) == 6 and parts[5].partition("/")[0] not in ("action", "path"):
        raise bad_request("AWS ARN for integration must contain path or action")
    if not _FUNCTION_URI.fullmatch(uri):
        raise bad_request(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and "
            "Firehose stream invocations."
        )
    timeout = asked.body.get("timeoutInMillis")
    if timeout is not None and not 50 <= int(timeout) <= MAX_TIMEOUT_MS:
        raise bad_request(f"Timeout should be between 50 ms and {MAX_TIMEOUT_MS} ms")


def _refuse_another_kind(kind: str) -> None:
    """Refuse integrations that would not be served."""
    if kind != "AWS_PROXY":
        raise not_here(
            f"has no integrations of type {kind}; use AWS_PROXY, with a function that answers. "
            "(PutIntegration)"
        )


def _model(asked: Asked) -> None:
    name = asked.body["name"]
    if not name:
        raise bad_request("Model name must be non-empty")
    if not _MODEL_NAME.fullmatch(name):
        raise bad_request(f"Model name must be alphanumeric: {name}")
    if name in asked.of_api.models:
        raise conflict("Model name already exists for this REST API")
    refuse_what_is_no_schema(asked.body.get("schema"))


def _model_deletion(asked: Asked) -> None:
    """A model that a method names cannot be deleted."""
    name = asked.given["model_name"]
    for resource in asked.of_api.resources.values():
        for verb, method in resource.resource_methods.items():
            if name in (method.request_models or {}).values():
                raise conflict(
                    f"Cannot delete model '{name}', is referenced in method request: "
                    f"{resource.get_path()}/{verb}"
                )


def refuse_what_is_no_schema(schema: str | None) -> None:
    """Refuse the schema of a model that is no JSON object, or no schema of draft 4. Patterns are
    Java's on AWS and Python's here, so we refuse one that Python cannot read by name."""
    if not schema:
        raise bad_request("Model schema must have at least 1 property or array items defined")
    try:
        found = json.loads(schema)
        problem = best_match(_SCHEMAS.iter_errors(found))
        is_schema = isinstance(found, dict) and problem is None
    except (ValueError, RecursionError):
        is_schema, problem = False, None
    if problem is not None and problem.validator == "format" and problem.validator_value == "regex":
        raise not_here(f"reads patterns as Python does, and cannot read {problem.instance}.")
    if not is_schema:
        raise bad_request(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model "
            "schema specified]"
        )


def _stage(asked: Asked) -> None:
    name = asked.body.get("stageName")
    if name and not _STAGE_NAME.fullmatch(name):
        raise bad_request("Stage name only allows a-zA-Z0-9_")


def _deployment(asked: Asked) -> None:
    """Refuse to deploy a method that nothing answers.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html
    """
    _stage(asked)
    resources = asked.of_api.resources.values()
    methods = [method for each in resources for method in each.resource_methods.values()]
    if not all(method.method_integration for method in methods):
        raise bad_request("No integration defined for method")


def _authorizer(_: Asked) -> None:
    raise not_here("has no authorizers; use an API key, or check in the function.")


def _usage_plan(asked: Asked) -> None:
    for stage in asked.body.get("apiStages") or []:
        _refuse_missing_stage(asked.backend, stage.get("apiId", ""), stage.get("stage", ""))


def _refuse_malformed_patches(operation: str, asked: Asked) -> None:
    """Refuse a patch without a path, an operation, or the value that it takes."""
    found = asked.body.get("patchOperations")
    if not isinstance(found, list) or not all(each.get("path") for each in found):
        raise bad_request("Invalid request input")
    patches.check(operation, found)


def _usage_plan_patch(asked: Asked) -> None:
    for each in asked.body["patchOperations"]:
        path, operation = each["path"], each["op"]
        if operation in patches.WITH_VALUE and path in LIMITS:
            _refuse_no_limit(path, each["value"])
        if path != "/apiStages":
            continue
        api_id, _, stage = (each.get("value") or "").partition(":")
        if not api_id or not stage:
            raise bad_request("Invalid API Stage specified")
        plan = asked.backend.usage_plans[asked.given["usageplanId"]]
        is_in = {"apiId": api_id, "stage": stage} in plan.api_stages
        if not (is_in if operation == "remove" else _is_stage(asked.backend, api_id, stage)):
            raise not_found(
                f"Invalid API Stage {{api: {api_id}, stage: {stage}}} specified for usageplan "
                f"{plan.id}"
            )


def _refuse_no_limit(path: str, value: str) -> None:
    try:
        is_one = LIMITS[path](value) >= 0
    except ValueError:
        is_one = False
    if not is_one:
        raise bad_request(f"Invalid patch value '{value}' specified for '{path}'")


def _refuse_missing_stage(backend: APIGatewayBackend, api_id: str, stage: str) -> None:
    if not _is_stage(backend, api_id, stage):
        raise not_found(f"API Stage not found: {api_id}:{stage}")


def _is_stage(backend: APIGatewayBackend, api_id: str, stage: str) -> bool:
    return api_id in backend.apis and stage in backend.apis[api_id].stages


def _usage_plan_deletion(asked: Asked) -> None:
    plan_id, apis = asked.given["usageplanId"], asked.backend.apis
    stages = asked.backend.usage_plans[plan_id].api_stages
    if any(
        each["apiId"] in apis and each["stage"] in apis[each["apiId"]].stages for each in stages
    ):
        raise bad_request(
            f"Cannot delete Usage Plan {plan_id} because there are API Stages associated with it"
        )


def _usage_plan_key(asked: Asked) -> None:
    """A key may be in one plan of a stage only."""
    plan_id, key_id = asked.given["usageplanId"], asked.body["keyId"]
    if key_id not in asked.backend.keys:
        raise not_found("Invalid API Key identifier specified")
    stages = asked.backend.usage_plans[plan_id].api_stages
    for other in asked.backend.get_usage_plans(key_id):
        shared = [each for each in other.api_stages if each in stages]
        if shared and other.id != plan_id:
            stage = f"{shared[0]['apiId']}:{shared[0]['stage']}"
            raise conflict(
                f"Usage Plan {plan_id} cannot be added because API Key {key_id} cannot reference "
                f"multiple Usage Plans with the same API stage: {stage}"
            )


def _tags(asked: Asked) -> None:
    found = _STAGE_ARN.fullmatch(asked.given["resource_arn"])
    if found is None:
        raise not_here("changes tags of stages only; give others when you make the thing.")
    _refuse_missing_stage(asked.backend, found[1], found[2])


_RULES: dict[str, Callable[[Asked], None]] = {
    "CreateApiKey": _api_key,
    "CreateAuthorizer": _authorizer,
    "CreateDeployment": _deployment,
    "CreateModel": _model,
    "CreateResource": _resource,
    "CreateRestApi": _rest_api,
    "CreateStage": _stage,
    "CreateUsagePlan": _usage_plan,
    "CreateUsagePlanKey": _usage_plan_key,
    "DeleteModel": _model_deletion,
    "DeleteUsagePlan": _usage_plan_deletion,
    "PutIntegration": _integration,
    "GetTags": _tags,
    "PutMethod": _method,
    "TagResource": _tags,
    "UntagResource": _tags,
    "UpdateUsagePlan": _usage_plan_patch,
}
