"""Usage plans: keys, throttles and quotas."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.rest_api import Api


@pytest.mark.parity(
    "A method with `apiKeyRequired` takes a key of a usage plan for this stage",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html",
)
def test_a_method_that_needs_a_key_takes_one_of_a_plan_for_this_stage(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    api.deploy()
    value = api.plan()
    stray = api.api.create_api_key(name="stray", enabled=True)["value"]
    api.api.create_deployment(restApiId=api.id, stageName="test")
    elsewhere = api.plan(stage="test")
    for headers in ({}, *({"x-api-key": key} for key in ("nonsense", stray, elsewhere))):
        assert api.post({}, **headers) == (403, {"message": "Forbidden"})
    status, event = api.post({}, **{"x-api-key": value})
    assert status == 201
    assert event["requestContext"]["identity"]["apiKey"] == value


@pytest.mark.parity(
    "What is above the rate and burst of the usage plan is a 429",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html",
)
def test_a_burst_above_the_plan_is_throttled(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    api.deploy()
    key = {"x-api-key": api.plan(throttle={"rateLimit": 1, "burstLimit": 3})}
    answers = [api.post({}, **key) for _ in range(6)]
    statuses = [status for status, _ in answers]
    assert statuses[:3] == [201, 201, 201]
    assert statuses[4:] == [429, 429]
    assert answers[-1][1] == {"message": "Too Many Requests"}


@pytest.mark.parity(
    "What is above the daily quota of the usage plan is a 429",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html",
)
def test_a_quota_ends_the_day(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    api.deploy()
    key = {"x-api-key": api.plan(quota={"limit": 2, "period": "DAY"})}
    assert [api.post({}, **key)[0] for _ in range(3)] == [201, 201, 429]
    assert api.post({}, **key)[1] == {"message": "Limit Exceeded"}


@pytest.mark.parity(
    "The limits of a usage plan are changed by patches, to numbers",
    kept="yes, in other words where the value is none",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html",
)
def test_the_limits_of_a_plan_are_changed(api: Api) -> None:
    plan = api.api.create_usage_plan(name="p")["id"]

    def change(path: str, value: str) -> Any:
        patch = {"op": "replace", "path": path, "value": value}
        return api.api.update_usage_plan(usagePlanId=plan, patchOperations=[patch])

    change("/throttle/rateLimit", "0.5")
    change("/throttle/burstLimit", "3")
    change("/quota/period", "DAY")
    found = change("/quota/limit", "7")
    assert found["throttle"] == {"rateLimit": 0.5, "burstLimit": 3}
    assert found["quota"] == {"period": "DAY", "limit": 7}
    for path, value in (
        ("/throttle/rateLimit", "tea"),
        ("/quota/limit", "1.5"),
        ("/quota/limit", "-1"),
    ):
        with pytest.raises(ClientError, match="Invalid patch value"):
            change(path, value)
