"""Deployed stages and the console's Test button invoke a function, if they may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.functions import permit
from tests.support.rest_api import Api


@pytest.mark.parity("A function that is gone is a 500", kept="yes")
def test_a_function_that_is_gone_is_a_500(api: Api) -> None:
    api.put_method()
    api.deploy()
    api.aws.client("lambda").delete_function(FunctionName="echo")
    assert api.post({}) == (500, {"message": "Internal server error"})


@pytest.mark.parity(
    "Without the permission to invoke the function the answer is a bare 500",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html",
)
@pytest.mark.parametrize(
    ("principal", "source_arn"),
    [
        (None, ""),
        ("sns.amazonaws.com", "arn:aws:execute-api:us-east-1:123456789012:{api}/*"),
        ("apigateway.amazonaws.com", "arn:aws:execute-api:us-east-1:123456789012:other/*"),
        ("apigateway.amazonaws.com", "arn:aws:execute-api:us-east-1:123456789012:{api}/*/GET/*"),
        ("apigateway.amazonaws.com", "arn:aws:execute-api:us-east-1:210987654321:{api}/*"),
    ],
)
def test_without_the_permission_to_invoke_the_answer_is_a_bare_500(
    api: Api, principal: str | None, source_arn: str
) -> None:
    api.put_method()
    api.deploy()
    assert api.post({})[0] == 201
    lambda_ = api.aws.client("lambda")
    lambda_.remove_permission(FunctionName="echo", StatementId="apigateway")
    if principal:
        permit(api.aws, "echo", principal, source_arn.format(api=api.id))
    assert api.post({}) == (500, {"message": "Internal server error"})
    tested = api.api.test_invoke_method(
        restApiId=api.id, resourceId=api.resource_id, httpMethod="POST", body="{}"
    )
    assert tested["status"] == 500


@pytest.mark.parity(
    "The permission may name stage, method and path",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html",
)
@pytest.mark.parametrize("path", ["*/POST/orders", "prod/*/orders", "*/*/*", "prod/POST/orders"])
def test_the_permission_may_name_stage_method_and_path(api: Api, path: str) -> None:
    api.put_method()
    api.deploy()
    lambda_ = api.aws.client("lambda")
    lambda_.remove_permission(FunctionName="echo", StatementId="apigateway")
    source_arn = f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/{path}"
    permit(api.aws, "echo", "apigateway.amazonaws.com", source_arn)
    assert api.post({})[0] == 201


@pytest.mark.parity(
    "TestInvokeMethod runs the method as it stands, without key and deployment",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-test-method.html",
)
def test_the_test_button_needs_no_key_and_no_deployment(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    ids = {"restApiId": api.id, "resourceId": api.resource_id, "httpMethod": "POST"}
    answer = api.api.test_invoke_method(**ids, body=json.dumps({"product": "tea"}))
    assert answer["status"] == 201
    assert answer["headers"]["X-Tea"] == "green"
    assert json.loads(answer["body"])["requestContext"]["stage"] == "test-invoke-stage"
    assert "Method completed with status: 201" in answer["log"]
    assert answer["latency"] >= 0
    failed = api.api.test_invoke_method(**ids, body=json.dumps({"product": "raise"}))
    assert failed["status"] == 502


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"statusCode": 200, "isBase64Encoded": True, "body": "/w=="}, "/w=="),
        ({"statusCode": 200, "body": "tea"}, "tea"),
    ],
)
def test_the_test_button_shows_a_binary_reply_as_well_as_it_can(
    api: Api, body: Any, shown: str
) -> None:
    api.put_method()
    ids = {"restApiId": api.id, "resourceId": api.resource_id, "httpMethod": "POST"}
    text = json.dumps({"product": "reply", "reply": body})
    answer = api.api.test_invoke_method(**ids, body=text)
    assert (answer["status"], answer["body"]) == (200, shown)


def test_the_test_button_takes_half_a_character(api: Api) -> None:
    api.put_method()
    ids = {"restApiId": api.id, "resourceId": api.resource_id, "httpMethod": "POST"}
    answer = api.api.test_invoke_method(**ids, body='{"product": "\ud800"}')
    assert json.loads(answer["body"])["body"] == '{"product": "?"}'


def test_the_test_button_of_a_method_that_is_not_there_is_a_404(api: Api) -> None:
    with pytest.raises(api.api.exceptions.NotFoundException):
        api.api.test_invoke_method(
            restApiId=api.id, resourceId=api.resource_id, httpMethod="POST", body="{}"
        )
