"""What API Gateway's control plane answers when a call succeeds."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.rest_api import Api

REST_API = "https://docs.aws.amazon.com/apigateway/latest/api/API_RestApi.html"


def status(answer: dict[str, Any]) -> int:
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


@pytest.mark.parity(
    "What was made is a 201; what was deleted, a 202, or a 204 without an answer",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteRestApi.html",
)
def test_a_success_has_the_status_that_its_operation_has(aws: Session) -> None:
    api = aws.client("apigateway")
    made = api.create_rest_api(name="a")
    of_api = {"restApiId": made["id"]}
    resource = api.create_resource(**of_api, parentId=made["rootResourceId"], pathPart="r")
    of_method = {**of_api, "resourceId": resource["id"], "httpMethod": "GET"}
    found = [
        made,
        resource,
        api.put_method(**of_method, authorizationType="NONE"),
        api.get_method(**of_method),
        api.delete_method(**of_method),
        api.delete_resource(**of_api, resourceId=resource["id"]),
        api.get_rest_api(**of_api),
        api.delete_rest_api(**of_api),
    ]
    assert [status(each) for each in found] == [201, 201, 201, 200, 204, 202, 200, 202]


@pytest.mark.parity(
    "An API shows no empty lists, the version that it was given, and its kind of addresses",
    kept="yes",
    aws=REST_API,
)
def test_an_api_shows_what_it_has(aws: Session) -> None:
    api = aws.client("apigateway")
    bare = api.create_rest_api(name="bare")
    assert bare.keys().isdisjoint({"binaryMediaTypes", "tags", "version"})
    assert bare["endpointConfiguration"]["ipAddressType"] == "ipv4"
    given = {"binaryMediaTypes": ["image/png"], "tags": {"a": "b"}, "version": "2"}
    full = api.create_rest_api(name="full", **given)
    assert {name: full[name] for name in given} == given
    for each in (bare, full):
        del each["ResponseMetadata"]
        listed = {found["id"]: found for found in api.get_rest_apis()["items"]}[each["id"]]
        one = api.get_rest_api(restApiId=each["id"])
        assert {name: one[name] for name in each} == listed == each
    private = api.create_rest_api(name="p", endpointConfiguration={"types": ["PRIVATE"]})
    assert private["endpointConfiguration"]["ipAddressType"] == "dualstack"


def test_a_method_without_responses_shows_none(api: Api) -> None:
    api.put_method()
    made = api.api.get_method(restApiId=api.id, resourceId=api.resource_id, httpMethod="POST")
    assert "methodResponses" not in made


@pytest.mark.parity(
    "A stage that is deployed to again keeps its description, settings and tags",
    kept="yes",
    module="apigateway.deployments",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html",
)
def test_a_stage_keeps_its_settings_when_it_is_deployed_to_again(api: Api) -> None:
    api.put_method()
    first = api.api.create_deployment(restApiId=api.id)["id"]
    given = {"restApiId": api.id, "stageName": "kept"}
    tags = {"tutorial": "tea"}
    api.api.create_stage(**given, deploymentId=first, description="mine", tags=tags)
    patch = {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "1"}
    before = api.api.update_stage(**given, patchOperations=[patch])
    second = api.api.create_deployment(**given)["id"]
    after = api.api.get_stage(**given)
    assert (before["deploymentId"], after["deploymentId"]) == (first, second)
    changing = {"ResponseMetadata", "deploymentId", "lastUpdatedDate"}
    unchanged = before.keys() - changing
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert (after["description"], after["tags"]) == ("mine", tags)
    assert after["methodSettings"]["*/*"]["throttlingRateLimit"] == 1.0


@pytest.mark.parity(
    "A stage shows its times, and an integration what holds unless it is set",
    kept="yes; nothing is cached",
    module="apigateway.answers",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html",
)
def test_a_stage_and_an_integration_show_what_they_have(api: Api) -> None:
    api.put_method()
    api.api.create_deployment(restApiId=api.id, stageName="new")
    stage = api.api.get_stage(restApiId=api.id, stageName="new")
    assert not {"description", "variables", "accessLogSettings"} & stage.keys()
    assert (stage["cacheClusterStatus"], stage["tracingEnabled"]) == ("NOT_AVAILABLE", False)
    assert abs(stage["createdDate"].timestamp() - time.time()) < 60
    assert stage["lastUpdatedDate"] >= stage["createdDate"]
    named = {"restApiId": api.id, "resourceId": api.resource_id, "httpMethod": "POST"}
    found = api.api.get_integration(**named)
    assert found["passthroughBehavior"] == "WHEN_NO_MATCH"
    assert (found["timeoutInMillis"], found["cacheNamespace"]) == (29_000, api.resource_id)
    put = {name: found[name] for name in ("type", "uri")}
    for timeout in (49, 29_001):
        with pytest.raises(ClientError, match="Timeout should be between 50 ms and 29000 ms"):
            api.api.put_integration(
                **named, **put, integrationHttpMethod="POST", timeoutInMillis=timeout
            )
