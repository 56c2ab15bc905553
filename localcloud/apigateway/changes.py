"""Patches of methods, integrations, models, resources and deployments, which moto does not have,
and of APIs, where moto reads them in another way. What a patch may name is in patches.py.

A patch names a member by a path, such as `/apiKeyRequired` or
`/requestParameters/method.request.header.x-h`, where `~1` is a slash.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.apigateway.models import Resource, RestAPI

from localcloud.apigateway.errors import bad_request, not_found
from localcloud.apigateway.rules import (
    ENDPOINTS,
    Asked,
    compression_size,
    refuse_authorization,
    refuse_endpoint,
    refuse_models,
    refuse_place,
    refuse_validator,
    refuse_what_is_no_schema,
)
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


def _validator_name(text: str | None) -> str:
    if not text:
        raise bad_request("Request Validator name cannot be blank")
    return text


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
_VALIDATOR: _Members = {
    "name": ("name", _validator_name),
    "validateRequestBody": ("validate_request_body", _true),
    "validateRequestParameters": ("validate_request_parameters", _true),
}
_API: _Members = {
    "apiKeySource": ("api_key_source", _text),
    "description": ("description", _text),
    "disableExecuteApiEndpoint": ("disableExecuteApiEndpoint", _true),
    "minimumCompressionSize": ("minimum_compression_size", compression_size),
    "name": ("name", _text),
    "version": ("version", _text),
}
_MAPS = ("request_models", "request_parameters")


def answer(operation: str, asked: Asked) -> Response | None:
    """The answer to a patch of one of these; None for any other call. Raises APIGatewayError."""
    if operation == "UpdateRestApi":
        api = _patched(asked.of_api, asked.body["patchOperations"])
        return json_response(200, {**api.to_dict(), "description": api.description or None})
    if operation == "UpdateMethod":
        method = _method(asked)
        for each in asked.body["patchOperations"]:
            _refuse_of_a_method(asked.of_api, each["path"], each.get("value"))
        _patch(method, asked, _METHOD)
        return json_response(200, _without_empty(method.to_json()))
    if operation == "UpdateIntegration":
        integration = _method(asked).method_integration
        _patch(integration, asked, _INTEGRATION)
        return json_response(200, _without_empty(integration.to_json()))
    if operation == "UpdateResource":
        return json_response(200, _moved(asked).to_dict())
    if operation == "UpdateRequestValidator":
        validator = asked.of_api.request_validators[asked.given["requestvalidator_id"]]
        _patch(validator, asked, _VALIDATOR)
        return json_response(200, validator.to_dict())
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


def _refuse_of_a_method(api: RestAPI, path: str, value: str | None) -> None:
    if path == "/authorizationType":
        refuse_authorization(value or "")
    elif path == "/authorizerId":
        refuse_authorization("CUSTOM")
    elif path == "/requestValidatorId":
        refuse_validator(api, value)
    elif path.startswith("/requestModels/") and value:
        refuse_models(api, {"": value})


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
    name, _, key = patch["path"].removeprefix("/").partition("/")
    attribute, read = members[name]
    value = None if patch["op"] == "remove" else read(patch.get("value"))
    return attribute, _unescaped(key) if attribute in _MAPS else None, value


def _unescaped(key: str) -> str:
    return key.replace("~1", "/")


def _moved(asked: Asked) -> Resource:
    """A resource with another parent or name, and with it all that is below."""
    api = asked.of_api
    resource = api.resources[asked.given["resource_id"]]
    parent_id, part = resource.parent_id, resource.path_part
    for each in asked.body["patchOperations"]:
        name, value = each["path"].removeprefix("/"), each["value"]
        if parent_id is None:
            raise bad_request(f"Root resource cannot update its {name}.")
        if name == "pathPart":
            part = value
        elif value not in api.resources:
            raise not_found("Invalid Resource identifier specified")
        else:
            parent_id = value
    above = parent = api.resources[parent_id] if parent_id else None
    while above:
        if above is resource:
            raise bad_request("Resources cannot be cyclical.")
        above = api.resources.get(above.parent_id)
    if parent:
        refuse_place(api, parent, part, resource.id)
    resource.parent_id, resource.path_part = parent_id, part
    return resource


def _patched(api: RestAPI, patches: list[dict[str, Any]]) -> RestAPI:
    """The API, changed as all patches say. moto takes the name of a media type for its value."""
    types, endpoint = list(api.binaryMediaTypes or ()), dict(api.endpoint_configuration)
    found: dict[str, Any] = {"binaryMediaTypes": types, "endpoint_configuration": endpoint}
    for each in patches:
        _, name, key = [*each["path"].split("/", 2), ""][:3]
        value = None if each["op"] == "remove" else each.get("value")
        if name == "binaryMediaTypes":
            _replace(types, _unescaped(key), each["op"], value)
        elif name == "endpointConfiguration":
            _change_endpoint(endpoint, key, value or "")
        else:
            attribute, read = _API[name]
            found[attribute] = read(value)
    for attribute, value in found.items():
        setattr(api, attribute, value)
    return api


def _change_endpoint(endpoint: dict[str, Any], key: str, value: str) -> None:
    if key == "ipAddressType":
        if value not in ("ipv4", "dualstack"):
            raise bad_request("ipAddressType must be either ipv4 or dualstack.")
        refuse_endpoint({**endpoint, key: value})
        endpoint[key] = value
        return
    if value not in ENDPOINTS:
        wanted = ",".join(ENDPOINTS)
        raise bad_request(f"Invalid EndpointTypes specified. Valid options are {wanted}")
    endpoint.pop("ipAddressType", None)  # each type has its own, unless it is set
    endpoint["types"] = [value]


def _replace(types: list[str], named: str, operation: str, value: str | None) -> None:
    """A media type is named by the path. Another one in its place comes last."""
    if operation != "add" and named in types:
        types.remove(named)
    if operation != "remove":
        types.append(value or named if operation == "replace" else named)


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}
