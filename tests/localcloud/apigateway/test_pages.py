"""API Gateway's lists come page by page."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session

MODEL = {"contentType": "application/json", "schema": "{}"}


@pytest.fixture
def made(aws: Session) -> tuple[Any, dict[str, dict[str, str]]]:
    """A client, and what each of its lists needs: there are three things, or more, in each."""
    api = aws.client("apigateway")
    ids = [api.create_rest_api(name="tea")["id"] for _ in range(3)]
    of_one = {"restApiId": ids[0]}
    root = api.get_resources(**of_one)["items"][0]["id"]
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    method = {**of_one, "resourceId": root, "httpMethod": "GET"}
    api.put_method(**method, authorizationType="NONE")
    api.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    plans = [api.create_usage_plan(name=f"plan{n}")["id"] for n in range(3)]
    for number in range(3):
        api.create_resource(**of_one, parentId=root, pathPart=f"part{number}")
        api.create_model(**of_one, name=f"Model{number}", **MODEL)
        api.create_request_validator(**of_one, name=f"validator{number}")
        api.create_deployment(**of_one, stageName=f"stage{number}")
        key = api.create_api_key(name=f"key{number}")["id"]
        api.create_usage_plan_key(usagePlanId=plans[0], keyId=key, keyType="API_KEY")
    of_api = dict.fromkeys(
        [
            "get_deployments",
            "get_gateway_responses",
            "get_models",
            "get_request_validators",
            "get_resources",
        ],
        of_one,
    )
    of_account: dict[str, dict[str, str]] = {
        "get_api_keys": {}, "get_rest_apis": {}, "get_usage_plans": {},
        "get_usage_plan_keys": {"usagePlanId": plans[0]},
    }  # fmt: skip
    return api, {**of_api, **of_account}


@pytest.mark.parity(
    "A list has 25 things on a page, or as many as `limit` says, and the `position` of the rest",
    kept="yes",
    module="apigateway.pages",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_GetResources.html",
)
def test_each_list_comes_page_by_page(made: tuple[Any, dict[str, dict[str, str]]]) -> None:
    api, lists = made
    for operation, given in lists.items():
        ask = getattr(api, operation)
        everything = ask(**given, limit=500)
        assert "position" not in everything, operation
        found: list[Any] = []
        position: dict[str, str] = {}
        while True:
            page = ask(**given, limit=2, **position)
            assert 1 <= len(page["items"]) <= 2, operation
            found += page["items"]
            if "position" not in page:
                break
            position = {"position": page["position"]}
        assert len(found) >= 3, operation
        assert sorted(map(str, found)) == sorted(map(str, everything["items"])), operation


def test_a_page_has_25_things_unless_asked_for_more(aws: Session) -> None:
    api = aws.client("apigateway")
    for _ in range(26):
        api.create_api_key(name="key")
    assert len(api.get_api_keys()["items"]) == 25
    assert len(api.get_api_keys(limit=26)["items"]) == 26
    pages = api.get_paginator("get_api_keys").paginate()
    assert len([key for page in pages for key in page["items"]]) == 26


def test_a_thing_that_goes_between_two_pages_takes_no_other_with_it(aws: Session) -> None:
    api = aws.client("apigateway")
    ids = {api.create_api_key(name="key")["id"] for _ in range(4)}
    first = api.get_api_keys(limit=2)
    for key in first["items"]:
        api.delete_api_key(apiKey=key["id"])
    rest = api.get_api_keys(limit=2, position=first["position"])["items"]
    assert {key["id"] for key in [*first["items"], *rest]} == ids


def test_a_position_that_is_none_is_refused(aws: Session) -> None:
    with pytest.raises(ClientError, match=r"BadRequestException.*Invalid position parameter: !"):
        aws.client("apigateway").get_rest_apis(position="!")
