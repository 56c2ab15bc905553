"""The API of the shop: its routes, its stage and its key, whose value stays hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3

from lab.aws.inventory import none_but_ours
from lab.aws.movement import cloud_status
from lab.course.looking import look_at
from lab.course.names import names
from lab.course.resources import inventory
from lab.course.screens.found import found, screen_of
from lab.engine.screen import Screen, Table

_COLUMNS = ("method", "path", "key", "model", "function")


def api(aws: boto3.Session) -> Screen:
    """The REST API with its routes, as they are deployed or not."""
    resource, api_id = found(aws, "REST API", names().api)
    client = look_at(aws).apigateway
    stages = [stage["stageName"] for stage in client.get_stages(restApiId=api_id)["item"]]
    facts: dict[str, object] = {"stages": ", ".join(stages) or "none: not deployed yet"}
    facts |= _key(aws) | _plan(aws, client)
    rows = list(_routes(client, api_id))
    says = "" if rows else "It has no route yet. Run chapter 02 to its end."
    return screen_of(resource, facts, Table(_COLUMNS, rows, "Routes", len(rows)), says=says)


def _id(aws: boto3.Session, kind: str) -> str | None:
    """The id of our only thing of a kind, if it is there."""
    ours = none_but_ours(each for each in inventory(aws) if each.kind == kind)
    return ours[0].id if ours else None


def _key(aws: boto3.Session) -> dict[str, object]:
    """The key without its value, which is a secret; and its use, where that is known."""
    key_id = _id(aws, "API key")
    if key_id is None:
        return {"key": "none yet"}
    facts: dict[str, object] = {"key": f"{names().api_key}, its value is hidden"}
    told = (cloud_status(aws) or {}).get("services") or {}
    for meter in told.get("apigateway", {}).get("meters", ()):
        if meter["api_key_id"] == key_id:
            facts["requests today"] = meter["used"]
    return facts


def _plan(aws: boto3.Session, client: Any) -> dict[str, object]:
    plan_id = _id(aws, "usage plan")
    if plan_id is None:
        return {}
    plan = client.get_usage_plan(usagePlanId=plan_id)
    throttle, quota = plan.get("throttle", {}), plan.get("quota", {})
    limits = [
        f"{throttle['rateLimit']:g} requests a second" if throttle.get("rateLimit") else "",
        f"{quota['limit']:,} a {quota['period'].lower()}" if quota.get("limit") else "",
    ]
    return {"usage plan": ", ".join(filter(None, (plan["name"], *limits)))}


def _routes(client: Any, api_id: str) -> Iterator[tuple[object, ...]]:
    pages = client.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"])
    for resource in sorted(pages.search("items[]"), key=lambda each: each["path"]):
        for verb, method in sorted(resource.get("resourceMethods", {}).items()):
            key = "needed" if method.get("apiKeyRequired") else "not needed"
            model = ", ".join(method.get("requestModels", {}).values())
            yield verb, resource["path"], key, model, _function(method)


def _function(method: dict[str, Any]) -> str:
    """The name of the function that answers, from the integration's address."""
    uri = method.get("methodIntegration", {}).get("uri", "")
    match = re.search(r":function:([^/:]+)", uri)
    return match[1] if match else "none yet"
