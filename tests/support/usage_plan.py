"""The usage plan of the chain, out of the way of a test that sends many orders."""

from __future__ import annotations

from typing import Any


def lift_throttle(aws: Any) -> None:
    """The tutorial's usage plan lets 20 orders a second in, which is what it is for."""
    apigateway = aws.client("apigateway")
    for plan in apigateway.get_usage_plans()["items"]:
        operations = [
            {"op": "replace", "path": f"/throttle/{limit}", "value": "100000"}
            for limit in ("rateLimit", "burstLimit")
        ]
        apigateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=operations)
