"""Answers of moto's, in the form that API Gateway's have: their status, and what an API shows.

https://docs.aws.amazon.com/apigateway/latest/api/API_RestApi.html
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import moto.apigateway.models as moto_apigateway
from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.responses import APIGatewayResponse

from localcloud import clock, models
from localcloud.apigateway.rules import MAX_TIMEOUT_MS
from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import original, replaces

_OF_ONE_API = ("CreateRestApi", "GetRestApi", "ImportRestApi", "PutRestApi", "UpdateRestApi")
_OF_METHODS = ("GetMethod", "PutMethod", "UpdateMethod")
_SHOWN = (*_OF_ONE_API, *_OF_METHODS, "GetRestApis", "GetStages", "UpdateApiKey")
_OF_A_STAGE = ("accessLogSettings", "description", "variables")  # shown if there are some
_DRAFT_4 = "http://json-schema.org/draft-04/schema#"
# The models that an API has from the start, with what their schemas have besides a title.
_FIRST_MODELS: dict[str, dict[str, Any]] = {
    "Empty": {},
    "Error": {"properties": {"message": {"type": "string"}}},
}
_UNLESS_EMPTY = ("binaryMediaTypes", "methodResponses", "requestModels", "tags")


@replaces(APIGatewayResponse)
def create_rest_api(response: APIGatewayResponse) -> Any:
    """A new API has the version and the binary types that it was given, which moto drops, and
    two models to begin with."""
    status, headers, body = original(create_rest_api)(response)
    given = json.loads(response.body)
    if status >= 300 or "openapi" in given:  # a document says all that itself
        return status, headers, body
    api = response.backend.apis[json.loads(body)["id"]]
    api.version, api.binaryMediaTypes = given.get("version"), given.get("binaryMediaTypes") or []
    for name, more in _FIRST_MODELS.items():
        schema = {"$schema": _DRAFT_4, "title": f"{name} Schema", "type": "object", **more}
        description = f"This is a default {name.lower()} schema model"
        api.add_model(name, description, json.dumps(schema), "application/json")
    return status, headers, json.dumps(api.to_dict())


def in_full(call: Call, response: Response) -> Response:
    """An answer of success as AWS gives it; an error as it is."""
    if response.status >= 300 or not call.operation:
        return response
    response = replace(response, status=models.status("apigateway", call.operation))
    if call.operation in _SHOWN:
        return _with_body(response, _shown(call, json.loads(response.body)))
    return response


def _shown(call: Call, found: dict[str, Any]) -> dict[str, Any]:
    operation = call.operation
    if operation == "GetRestApis":
        return {**found, "item": [_api(each) for each in found["item"]]}
    if operation == "GetStages":
        deployment = parse_qs(call.request.query).get("deploymentId", [None])[0]
        wanted = [each for each in found["item"] if deployment in (None, each["deploymentId"])]
        return {**found, "item": wanted}
    if operation == "UpdateApiKey":
        return {**{n: v for n, v in found.items() if n != "value"}, "tags": found["tags"] or {}}
    if operation == "UpdateRestApi":  # the only one that shows that there are no tags
        return {**_api(found), "tags": found["tags"]}
    return _api(found) if operation in _OF_ONE_API else _without_empty(found)


def _api(found: dict[str, Any]) -> dict[str, Any]:
    """An API, with the kind of addresses that its endpoint has."""
    shown = _without_empty(found)
    endpoint = shown["endpointConfiguration"]
    is_private = endpoint["types"] == ["PRIVATE"]
    kind = endpoint.get("ipAddressType") or ("dualstack" if is_private else "ipv4")
    return {**shown, "endpointConfiguration": {**endpoint, "ipAddressType": kind}}


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value or name not in _UNLESS_EMPTY}


def _with_body(response: Response, found: dict[str, Any]) -> Response:
    headers = tuple(each for each in response.headers if each[0].lower() != "content-length")
    return replace(response, body=json.dumps(found).encode(), headers=headers)


@replaces(moto_apigateway, "Stage")
class DatedStage(moto_apigateway.Stage):
    """moto's stage, which also knows since when it is there and as it is, and shows no empty
    settings."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.created_s = self.updated_s = int(clock.now_ms() / 1000)

    def touch(self) -> None:
        self.updated_s = int(clock.now_ms() / 1000)

    def apply_operations(self, patch_operations: list[dict[str, Any]]) -> moto_apigateway.Stage:
        for each in patch_operations:
            self._refuse_or_forget(each)
        self.touch()
        return super().apply_operations(patch_operations)

    def _refuse_or_forget(self, patch: dict[str, Any]) -> None:
        """Take the settings of a method away: `/orders/GET`, or `/*/*` for the defaults."""
        key = patch["path"].removeprefix("/")
        if patch["op"] != "remove" or "/" not in key or key.startswith("variables/"):
            return
        if self.method_settings.pop(key, None) is None:
            raise BadRequestException(
                f"Cannot remove method setting {key} because there is no method setting for this "
                "method "
            )

    def _get_default_method_settings(self) -> dict[str, Any]:
        """What holds for all methods, and else AWS's own defaults."""
        return {
            **super()._get_default_method_settings(),
            "cacheDataEncrypted": False,
            "throttlingBurstLimit": 5000,
            "throttlingRateLimit": 10000.0,
            **self.method_settings.get("*/*", {}),
        }

    def to_json(self) -> dict[str, Any]:
        found = super().to_json()
        shown = {name: value for name, value in found.items() if value or name not in _OF_A_STAGE}
        return {
            "cacheClusterStatus": "NOT_AVAILABLE",
            "tracingEnabled": False,
            **shown,
            "createdDate": self.created_s,
            "lastUpdatedDate": self.updated_s,
        }


@replaces(moto_apigateway)
class RequestValidator(moto_apigateway.RequestValidator):
    """moto's validator, which also shows what it does not check."""

    def to_dict(self) -> dict[str, Any]:
        return {name: value or False for name, value in super().to_dict().items()}


@replaces(moto_apigateway)
class Integration(moto_apigateway.Integration):
    """moto's integration, which also shows what holds unless it is set."""

    def to_json(self) -> dict[str, Any]:
        found = super().to_json()
        unless_set = {
            "passthroughBehavior": "WHEN_NO_MATCH",
            "timeoutInMillis": MAX_TIMEOUT_MS,
        }
        return {**found, **{n: found.get(n) or value for n, value in unless_set.items()}}


@replaces(moto_apigateway.Resource)
def add_integration(
    resource: moto_apigateway.Resource, *args: Any, **options: Any
) -> moto_apigateway.Integration:
    """The answers of an integration would be cached under the id of its resource."""
    made: moto_apigateway.Integration = original(add_integration)(resource, *args, **options)
    made.cache_namespace = made.cache_namespace or resource.id
    return made
