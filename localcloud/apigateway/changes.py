"""Patches of methods, integrations, models, resources and deployments, which moto does not have.

A patch names a member by a path, such as `/apiKeyRequired` or
`/requestParameters/method.request.header.x-h`, where `~1` is a slash.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.apigateway.errors import bad_request, not_found
from localcloud.apigateway.rules import Asked, refuse_authorization, refuse_what_is_no_schema
from localcloud.http import Response, json_response


def _true(text: str | None) -> bool:
    return text == "true"


def _text(text: str | None) -> str:
    return text or ""


def _number(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise bad_request(f"Invalid number specified: {text}") from None


def _schema(text: str | None) -> str:
    refuse_what_is_no_schema(text)
    return text or ""


_Members = Mapping[str, tuple[str, Callable[[str | None], Any]]]  # moto's names, and how to read
_METHOD: _Members = {
    "apiKeyRequired": ("api_key_required", _true),
    "authorizationType": ("authorization_type", _text),
    "operationName": ("operation_name", _text),
    "requestModels": ("request_models", _text),
    "requestParameters": ("request_parameters", _true),
    "requestValidatorId": ("request_validator_id", _text),
}
_INTEGRATION: _Members = {
    "credentials": ("credentials", _text),
    "httpMethod": ("http_method", _text),
    "timeoutInMillis": ("timeout_in_millis", _number),
    "uri": ("uri", _text),
}
_MAPS = ("request_models", "request_parameters")


def answer(operation: str, asked: Asked) -> Response | None:
    """The answer to a patch of one of these; None for any other call. Raises APIGatewayError."""
    if operation == "UpdateMethod":
        method = _method(asked)
        for each in asked.body.get("patchOperations") or []:
            if each.get("path") == "/authorizationType":
                refuse_authorization(each.get("value", ""))
        _patch(method, asked, _METHOD)
        return json_response(200, _without_empty(method.to_json()))
    if operation == "UpdateIntegration":
        integration = _method(asked).method_integration
        _patch(integration, asked, _INTEGRATION)
        return json_response(200, _without_empty(integration.to_json()))
    if operation == "UpdateResource":
        resource = asked.of_api.resources[asked.given["resource_id"]]
        _patch(resource, asked, {"pathPart": ("path_part", _text)})
        return json_response(200, resource.to_dict())
    if operation == "UpdateModel":
        model = asked.of_api.models[asked.given["model_name"]]
        _patch(model, asked, {"description": ("description", _text), "schema": ("schema", _schema)})
        return json_response(200, model.to_json())
    if operation == "UpdateDeployment":
        deployment = asked.of_api.deployments.get(asked.given["deployment_id"])
        if deployment is None:
            raise not_found("Invalid Deployment identifier specified")
        _patch(deployment, asked, {"description": ("description", _text)})
        return json_response(200, deployment.to_json())
    return None


def _method(asked: Asked) -> Any:
    resource = asked.of_api.resources[asked.given["resource_id"]]
    return resource.resource_methods[asked.given["http_method"]]


def _patch(thing: Any, asked: Asked, members: _Members) -> None:
    """Change it as all patches say, or not at all."""
    patches = [_read(each, members) for each in asked.body.get("patchOperations") or []]
    for attribute, key, value in patches:
        if key is None:
            setattr(thing, attribute, value)
            continue
        found = dict(getattr(thing, attribute) or {})
        if value is None:
            found.pop(key, None)
        else:
            found[key] = value
        setattr(thing, attribute, found)


def _read(patch: Mapping[str, Any], members: _Members) -> tuple[str, str | None, Any]:
    """What a patch changes: an attribute, its key (if it is a map), and the value, if any."""
    operation, path = patch.get("op"), patch.get("path") or ""
    name, _, key = path.removeprefix("/").partition("/")
    if name not in members:
        wanted = ", ".join(f"/{each}" for each in members)
        raise bad_request(
            f"Invalid patch path  '{path}' specified for op '{operation}'. Must be one of: "
            f"[{wanted}]"
        )
    attribute, read = members[name]
    if attribute in _MAPS and not key:
        raise bad_request(f"Invalid patch path  '{path}' specified for op '{operation}'")
    value = None if operation == "remove" else read(patch.get("value"))
    return attribute, key.replace("~1", "/") if attribute in _MAPS else None, value


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}
