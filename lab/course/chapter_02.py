"""Chapter 02: the API in front of the function, which lets a shop in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import urllib3

from lab.aws.inventory import is_one_of_ours
from lab.aws.packaging import schema
from lab.aws.session import invoke_url
from lab.course.looking import Look, look_at
from lab.engine.checks import AGAIN
from lab.engine.course import Box, Chapter, Detail, Exercise, Expectation

# -- What must be true -----------------------------------------------------------------------------


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look = look_at(aws)
    yield from _form_of_an_order(look)
    yield from _refusals(look)
    yield from _post_orders(look)
    yield from _way_in(look)
    yield from _usage_plan(look)


def _form_of_an_order(look: Look) -> Iterator[Expectation]:
    api_id, api = _api_id(look), f"REST API {look.names.api}"
    yield Expectation(
        "The resource /orders",
        "It is the path that the shop posts to.",
        "api-resource",
        lambda: _orders_resource(look, api_id),
        {"path": "/orders"},
        needs=api,
    )
    yield Expectation(
        "The model Order",
        "Where it is not what the function asks for, good orders are refused, or malformed ones "
        "reach the function, and are paid for.",
        "model",
        lambda: _model(look, api_id),
        {"schema": schema("take_order")},
        needs=api,
        if_there=AGAIN.format("02"),
    )


def _refusals(look: Look) -> Iterator[Expectation]:
    api_id, api = _api_id(look), f"REST API {look.names.api}"
    yield Expectation(
        "The request validator",
        "Without it malformed orders reach the function, and are paid for.",
        "validator",
        lambda: _part(look, api_id, "request_validators", "name", "body"),
        {"name": "body"},
        needs=api,
    )
    yield Expectation(
        "The answer to a malformed order",
        "Without it a shop is told that its order is wrong, and not what is wrong.",
        "gateway-response",
        lambda: _part(look, api_id, "gateway_responses", "responseType", "BAD_REQUEST_BODY"),
        {"defaultResponse": False},
        needs=api,
    )


def _post_orders(look: Look) -> Iterator[Expectation]:
    """The method, and who answers it."""
    n, api_id = look.names, _api_id(look)
    function = f":function:{n.take_order}/invocations"
    yield Expectation(
        "The method POST /orders",
        "Without a key, anybody who knows the address can send orders.",
        "method",
        lambda: _post(look, api_id),
        {"apiKeyRequired": True, "requestModels": {"application/json": "Order"}},
        needs="The resource /orders",
        if_there=AGAIN.format("02"),
        details={"requestModels": Detail("Without the model malformed orders reach the function.")},
    )
    yield Expectation(
        f"The integration of POST /orders with {n.take_order}",
        "Without it the API does not know whom to call.",
        "integration",
        lambda: _integration(look, api_id, function),
        {"type": "AWS_PROXY", "uri ending with": function},
        needs="The method POST /orders",
    )


def _way_in(look: Look) -> Iterator[Expectation]:
    n, api_id, api = look.names, _api_id(look), f"REST API {look.names.api}"
    source = f"arn:aws:execute-api:{look.region}:{look.account}:{api_id}/*/POST/orders"
    yield Expectation(
        f"The permission of {n.api} to invoke {n.take_order}",
        "Without it the API answers a bare 500.",
        "permission",
        lambda: look.statement(n.take_order, f"orders-api-{api_id}"),
        {"Principal": {"Service": "apigateway.amazonaws.com"}, "SourceArn": source},
        needs=api,
    )
    yield Expectation(
        "The stage prod",
        "Before it is deployed, nothing of an API is served.",
        "stage",
        lambda: _part(look, api_id, "stages", "stageName", "prod"),
        {"stageName": "prod"},
        needs=api,
    )


def _usage_plan(look: Look) -> Iterator[Expectation]:
    n = look.names
    yield Expectation(
        f"The stage in {n.usage_plan}",
        "A key opens the stages of its usage plan and no others.",
        "usage-plan",
        lambda: _plan(look),
        {"stage": f"{n.api}:prod"},
        needs=f"usage plan {n.usage_plan}",
    )
    yield Expectation(
        f"The key in {n.usage_plan}",
        "A key without a usage plan opens nothing.",
        "api-key",
        lambda: _plan(look),
        {"key": n.api_key},
        needs=f"API key {n.api_key}",
    )


# -- Looking at API Gateway ------------------------------------------------------------------------


def _ours(look: Look, listing: str, name: str) -> list[dict[str, Any]]:
    """The entries of a listing that have this name and are ours."""
    found = look.apigateway.get_paginator(f"get_{listing}").paginate().search("items[]")
    return [item for item in found if is_one_of_ours(item, name, look.names.tags)]


def _api_id(look: Look) -> str:
    return next((api["id"] for api in _ours(look, "rest_apis", look.names.api)), "")


def _part(look: Look, api_id: str, listing: str, key: str, value: str) -> dict[str, Any]:
    """A part of the API from one of its listings."""
    found = getattr(look.apigateway, f"get_{listing}")(restApiId=api_id)
    parts = found.get("items") or found.get("item") or []
    return next((dict(part) for part in parts if part.get(key) == value), {})


def _model(look: Look, api_id: str) -> dict[str, Any]:
    found = _part(look, api_id, "models", "name", "Order")
    return {**found, "schema": json.loads(found["schema"])} if found else {}


def _orders_resource(look: Look, api_id: str) -> dict[str, Any]:
    found = look.apigateway.get_resources(restApiId=api_id, limit=500, embed=["methods"])
    return next((dict(r) for r in found["items"] if r["path"] == "/orders"), {})


def _post(look: Look, api_id: str) -> dict[str, Any]:
    return dict(_orders_resource(look, api_id).get("resourceMethods", {}).get("POST", {}))


def _integration(look: Look, api_id: str, function: str) -> dict[str, Any]:
    found = _post(look, api_id).get("methodIntegration", {})
    same = found.get("uri", "").endswith(function)
    return {**found, "uri ending with": function if same else found["uri"]} if found else {}


def _plan(look: Look) -> dict[str, Any]:
    n = look.names
    plans = _ours(look, "usage_plans", n.usage_plan)
    if not plans:
        return {}
    apis = {api["id"] for api in _ours(look, "rest_apis", n.api)}
    stages = {s["apiId"] for s in plans[0].get("apiStages", []) if s["stage"] == "prod"}
    keys = {key["id"] for key in _ours(look, "api_keys", n.api_key)}
    in_plan = look.apigateway.get_usage_plan_keys(usagePlanId=plans[0]["id"])["items"]
    return {
        "stage": f"{n.api}:prod" if apis & stages else "none",
        "key": n.api_key if keys & {key["id"] for key in in_plan} else "none",
    }


# -- The exercise ----------------------------------------------------------------------------------

_HEADER = "x-api-key"


def _words_for_a_missing_key(aws: boto3.Session) -> str:
    """What is missing is seen as a shop sees it: by posting without a key, which queues nothing."""
    look = look_at(aws)
    api_id = _api_id(look)
    if not api_id:
        return f"There is no REST API {look.names.api}: run the cells above first."
    url = invoke_url(aws, api_id, "prod", "/orders")
    answer = urllib3.request("POST", url, json={}, timeout=30)
    said = answer.data.decode("utf-8", "replace")
    if answer.status >= 400 and _HEADER in said.lower():
        return ""
    response = _part(look, api_id, "gateway_responses", "responseType", "INVALID_API_KEY")
    if _HEADER in json.dumps(response.get("responseTemplates", {})).lower():
        return "The gateway response is right, and the stage serves an older copy: deploy the API."
    return f"Expected an answer that names {_HEADER}, found {answer.status} {said[:200]}."


CHAPTER = Chapter(
    stem="02_front_door",
    builds="REST API with model, validator, key and usage plan",
    article="taken for granted",
    builds_on=("01",),
    orders=2,
    expects=_expects,
    exercise=Exercise(
        _words_for_a_missing_key,
        hints=(
            "A cell above sets the gateway response for a bad body. This is the same call with "
            "another responseType.",
            '`put_gateway_response` takes responseType INVALID_API_KEY, statusCode "403" and '
            "responseTemplates. Its template is JSON as text.",
            "The stage serves a copy. After the change: `apigateway.create_deployment("
            'restApiId=api_id, stageName="prod")`.',
        ),
    ),
    boxes=(Box("API Gateway\nOrders", 1, 0),),
    arrows=(
        ("shop", "API Gateway\nOrders"),
        ("API Gateway\nOrders", "Lambda\ntake_order"),
    ),
)
