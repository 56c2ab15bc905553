"""Deployed stages answer as API Gateway does, and so does the console's Test button."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

import lab
from lab.aws.session import Session
from tests.support.functions import make_function, permit

ECHO = """
import json
def handler(event, context):
    wish = json.loads(event["body"] or "{}").get("product")
    if wish == "raise":
        raise ValueError("as asked")
    if wish == "malformed":
        return "no status code"
    if wish == "reply":
        return json.loads(event["body"])["reply"]
    if wish == "sleep":
        import time
        time.sleep(3)
    return {"statusCode": 201, "headers": {"X-Tea": "green"}, "body": json.dumps(event)}
"""
SCHEMA = {
    "type": "object",
    "required": ["product"],
    "additionalProperties": False,
    "properties": {"product": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
}


@dataclass
class Api:
    """A REST API with POST /orders in front of ECHO."""

    aws: Session
    api: Any
    id: str
    resource_id: str

    def url(self, path: str = "/orders", stage: str = "prod") -> str:
        return lab.invoke_url(self.aws, self.id, stage, path)

    def deploy(self) -> None:
        self.api.create_deployment(restApiId=self.id, stageName="prod")

    def put_method(self, **options: Any) -> None:
        ids = {"restApiId": self.id, "resourceId": self.resource_id, "httpMethod": "POST"}
        self.api.put_method(**ids, authorizationType="NONE", **options)
        arn = "arn:aws:lambda:us-east-1:123456789012:function:echo"
        self.api.put_integration(
            **ids,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            timeoutInMillis=1000,
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        )

    def post(self, body: Any, **headers: str) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        answer = urllib3.request("POST", self.url(), body=content, headers=headers)
        return answer.status, answer.json()

    def plan(self, stage: str = "prod", **options: Any) -> str:
        """A usage plan for the stage with a key; returns the key's value."""
        plan = self.api.create_usage_plan(
            name="plan", apiStages=[{"apiId": self.id, "stage": stage}], **options
        )
        key = self.api.create_api_key(name="key", enabled=True)
        self.api.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        return str(key["value"])


@pytest.fixture
def api(aws: Session) -> Api:
    make_function(aws, "echo", ECHO)
    client = aws.client("apigateway")
    made = client.create_rest_api(name="api")
    root = client.get_resources(restApiId=made["id"])["items"][0]["id"]
    orders = client.create_resource(restApiId=made["id"], parentId=root, pathPart="orders")
    source_arn = f"arn:aws:execute-api:us-east-1:123456789012:{made['id']}/*"
    permit(aws, "echo", "apigateway.amazonaws.com", source_arn)
    return Api(aws, client, made["id"], orders["id"])


@pytest.mark.parity(
    "A Lambda proxy integration hands the function the event of format 1.0, and its "
    "reply is the answer",
    kept="yes",
    module="apigateway.proxy",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
)
def test_the_function_gets_the_documented_event_and_its_reply_is_the_answer(api: Api) -> None:
    api.put_method()
    api.deploy()
    answer = urllib3.request(
        "POST", api.url() + "?a=1&a=2&b=%20x", json={"product": "شاي 🍵"}, headers={"X-Me": "ana"}
    )
    assert (answer.status, answer.headers["X-Tea"]) == (201, "green")
    event = answer.json()
    assert event["httpMethod"] == "POST"
    assert (event["path"], event["resource"]) == ("/orders", "/orders")
    assert event["queryStringParameters"] == {"a": "2", "b": " x"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" x"]}
    assert json.loads(event["body"]) == {"product": "شاي 🍵"}
    assert event["headers"]["X-Me"] == "ana"
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["stage"], context["apiId"], context["path"]) == ("prod", api.id, "/prod/orders")
    assert context["requestTimeEpoch"] > 1_700_000_000_000


@pytest.mark.parity(
    "Path parameters reach the function",
    kept="yes, undecoded as they were sent",
    module="apigateway.deployments",
)
def test_path_parameters_reach_the_function(api: Api) -> None:
    made = api.api.create_resource(
        restApiId=api.id, parentId=api.resource_id, pathPart="{order_id}"
    )
    api.resource_id = made["id"]
    api.put_method()
    api.deploy()
    answer = urllib3.request("POST", api.url("/orders/a%20b"), json={})
    assert answer.json()["pathParameters"] == {"order_id": "a%20b"}


@pytest.mark.parity(
    'An unknown route is a 403, "Missing Authentication Token"; an unknown stage or API'
    ' a 403, "Forbidden"',
    kept="yes",
    module="apigateway.deployments",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
)
def test_what_is_not_there_is_refused_with_the_status_of_aws(api: Api) -> None:
    api.put_method()
    api.deploy()
    missing = (403, {"message": "Missing Authentication Token"})
    forbidden = (403, {"message": "Forbidden"})

    def get(method: str, url: str) -> tuple[int, Any]:
        answer = urllib3.request(method, url)
        return answer.status, answer.json()

    assert get("POST", api.url("/nothing")) == missing
    assert get("GET", api.url("/orders")) == missing
    assert get("POST", api.url(stage="test")) == forbidden
    assert get("POST", api.url().replace(api.id, "nosuchapi0")) == forbidden


@pytest.mark.parity(
    "A stage serves what was deployed, without later changes",
    kept="yes",
    module="apigateway.deployments",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html",
)
def test_nothing_is_served_before_it_is_deployed(api: Api) -> None:
    api.put_method()
    assert api.post({})[0] == 403
    api.deploy()
    assert api.post({})[0] == 201
    api.api.delete_method(restApiId=api.id, resourceId=api.resource_id, httpMethod="POST")
    assert api.post({})[0] == 201  # the deployment is a snapshot


@pytest.mark.parity(
    "A stage serves a deployment that exists, and which then cannot be deleted",
    kept="yes",
    module="apigateway.deployments",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteDeployment.html",
)
def test_a_stage_serves_a_deployment_that_is_there(api: Api) -> None:
    def serve(deployment_id: str) -> None:
        patch = {"op": "replace", "path": "/deploymentId", "value": deployment_id}
        api.api.update_stage(restApiId=api.id, stageName="prod", patchOperations=[patch])

    def delete(deployment_id: str) -> None:
        api.api.delete_deployment(restApiId=api.id, deploymentId=deployment_id)

    api.put_method()
    api.deploy()
    first = api.api.get_stage(restApiId=api.id, stageName="prod")["deploymentId"]
    second = api.api.create_deployment(restApiId=api.id)["id"]
    refused = api.api.exceptions.BadRequestException
    with pytest.raises(refused, match="Deployment id does not exist"):
        serve("nosuch")
    with pytest.raises(refused, match="Deployment id does not exist"):
        api.api.create_stage(restApiId=api.id, stageName="test", deploymentId="nosuch")
    serve(second)
    with pytest.raises(refused, match="Active stages pointing to this deployment"):
        delete(second)
    delete(first)
    with pytest.raises(api.api.exceptions.NotFoundException):
        delete(first)
    assert api.post({})[0] == 201


@pytest.mark.parity(
    "A function that fails, or replies in another form, is a 502; one that takes too long is a 504",
    kept="yes",
    module="apigateway.proxy",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
)
@pytest.mark.parametrize(
    ("wish", "status", "message"),
    [
        ("raise", 502, "Internal server error"),
        ("malformed", 502, "Internal server error"),
        ("sleep", 504, "Endpoint request timed out"),
    ],
)
def test_a_failing_function_is_a_5xx(api: Api, wish: str, status: int, message: str) -> None:
    api.put_method()
    api.deploy()
    assert api.post({"product": wish}) == (status, {"message": message})


@pytest.mark.parity("A function that is gone is a 500", kept="yes")
def test_a_function_that_is_gone_is_a_500(api: Api) -> None:
    api.put_method()
    api.deploy()
    api.aws.client("lambda").delete_function(FunctionName="echo")
    assert api.post({}) == (500, {"message": "Internal server error"})


@pytest.mark.parity(
    "A method with `apiKeyRequired` takes a key of a usage plan for this stage",
    kept="yes",
    module="apigateway.usage_plans",
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
    module="apigateway.usage_plans",
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
    module="apigateway.usage_plans",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html",
)
def test_a_quota_ends_the_day(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    api.deploy()
    key = {"x-api-key": api.plan(quota={"limit": 2, "period": "DAY"})}
    assert [api.post({}, **key)[0] for _ in range(3)] == [201, 201, 429]
    assert api.post({}, **key)[1] == {"message": "Limit Exceeded"}


def put_validated_method(api: Api) -> None:
    api.api.create_model(
        restApiId=api.id, name="Order", contentType="application/json", schema=json.dumps(SCHEMA)
    )
    validator = api.api.create_request_validator(
        restApiId=api.id, name="body", validateRequestBody=True
    )
    api.put_method(requestValidatorId=validator["id"], requestModels={"application/json": "Order"})


BAD_BODIES = [
    ({"quantity": 1}, "product"),
    ({"product": 7}, "product"),
    ({"product": "tea", "quantity": True}, "quantity"),
    ({"product": "tea", "quantity": 1.5}, "quantity"),
    ({"product": "tea", "quantity": 0}, "quantity"),
    ({"product": "tea", "color": "green"}, "color"),
    ([], "body"),
    (b"{tea", "body"),
    (b"", "body"),
    (b"\xff\xfe", "body"),
]


@pytest.mark.parity(
    "A JSON body that the model refuses is a 400",
    kept="yes; `validationErrorString` is in other words, and always names the field",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html",
)
@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
def test_a_body_that_the_model_refuses_is_a_400(api: Api, body: Any, field: str) -> None:
    put_validated_method(api)
    api.deploy()
    assert api.post(body) == (400, {"message": "Invalid request body"})
    api.api.put_gateway_response(
        restApiId=api.id,
        responseType="BAD_REQUEST_BODY",
        responseTemplates={
            "application/json": '{"message": "$context.error.validationErrorString"}'
        },
    )
    api.deploy()
    status, answer = api.post(body)
    assert status == 400
    assert field in answer["message"]


@pytest.mark.parity(
    "A body of a content type without a model is not validated",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html",
)
def test_a_body_of_another_content_type_passes_the_model_by(api: Api) -> None:
    put_validated_method(api)
    api.deploy()
    assert api.post({"quantity": 0}, **{"Content-Type": "text/plain"})[0] == 201


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


def replied(api: Api, reply: Any) -> Any:
    api.put_method()
    api.deploy()
    body = {"product": "reply", "reply": reply}
    return urllib3.request("POST", api.url(), json=body, retries=False, timeout=10)


@pytest.mark.parity(
    "The headers of a reply are kept, those with many values as well",
    kept="yes",
    module="apigateway.proxy",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
)
def test_the_headers_of_a_reply_are_kept_and_those_of_the_server_are_its_own(api: Api) -> None:
    headers = {"content-type": "text/plain", "Content-Length": "99", "X-Many": 7, "X-No": None}
    answer = replied(
        api,
        {
            "statusCode": 200,
            "headers": headers,
            "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
            "body": "tea",
        },
    )
    assert (answer.status, answer.data) == (200, b"tea")
    assert answer.headers.getlist("Content-Type") == ["text/plain"]
    assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers["X-Many"] == "7"
    assert "X-No" not in answer.headers


@pytest.mark.parametrize(
    "reply",
    [
        {"statusCode": 99},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": float("inf")},
        {"statusCode": "tea"},
        {"statusCode": 200, "headers": {"X Tea": "green"}},
        {"statusCode": 200, "headers": {"": "green"}},
        {"statusCode": 200, "headers": {"X": "green\x00"}},
        {"statusCode": 200, "multiValueHeaders": {"X": ["green", "\x7f"]}},
        {"statusCode": 200, "headers": {"X": "tea\r\nSet-Cookie: a=1"}},
        {"statusCode": 200, "headers": {"X": "شاي"}},
        {"statusCode": 200, "body": {"tea": 1}},
        {"statusCode": 200, "headers": {"Set-Cookie": ["a=1", "b=2"]}},
        {"statusCode": 200, "headers": {"X": {"tea": "green"}}},
        {"statusCode": 200, "multiValueHeaders": {"X": "green"}},
        {"statusCode": 200, "multiValueHeaders": {"X": [["green"]]}},
        {"statusCode": 200, "cookies": ["a=1"]},
    ],
)
def test_a_reply_that_http_cannot_carry_is_a_502(api: Api, reply: Any) -> None:
    assert replied(api, reply).status == 502


def test_a_reply_without_a_status_code_is_a_200(api: Api) -> None:
    answer = replied(api, {"headers": {"X": "green"}})
    assert (answer.status, answer.headers["X"], answer.data) == (200, "green", b"")


@pytest.mark.parity(
    "A reply with the status 204 or 304 has no body, and the next one on the connection is whole",
    kept="yes",
    module="server",
    service="API Gateway",
)
@pytest.mark.parametrize("status", [204, 304])
def test_a_204_and_a_304_have_no_body(api: Api, status: int) -> None:
    api.put_method()
    api.deploy()
    host, _, rest = api.url().removeprefix("http://").partition("/")
    bodies = [
        json.dumps({"product": "reply", "reply": reply})
        for reply in ({"statusCode": status, "body": "tea"}, {"statusCode": 200, "body": "cup"})
    ]
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        for body in bodies:  # at once, as a pipelining client does
            connection.sendall(
                f"POST /{rest} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
        got = b""
        while not got.endswith(b"cup"):
            got += connection.recv(65536)
    first, _, second = got.partition(b"\r\n\r\n")
    assert f"HTTP/1.1 {status}".encode() in first and b"content-length" not in first.lower()
    assert second.startswith(b"HTTP/1.1 200")


@pytest.mark.parity(
    "A body of more than 10 MB is a 413",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html",
)
def test_endless_brackets_are_a_400_and_a_huge_body_is_a_413(api: Api) -> None:
    put_validated_method(api)
    api.deploy()
    assert api.post(b"[" * 200_000)[0] == 400
    assert api.post(b"x" * (10 * 1024 * 1024 + 1)) == (413, {"message": "Request Too Long"})
    status, answer = api.post({"product": ["x" * 100_000]})
    assert status == 400
    assert len(answer["message"]) < 1000


@pytest.mark.parity(
    "A gateway response names its type in `x-amzn-ErrorType`",
    kept="yes",
    module="apigateway.deployments",
)
def test_a_gateway_response_says_its_type_as_aws_does(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    api.deploy()
    answer = urllib3.request("POST", api.url(), json={})
    assert answer.headers["x-amzn-ErrorType"] == "ForbiddenException"


@pytest.mark.parity("The more literal route wins", kept="yes", module="apigateway.deployments")
def test_the_more_literal_route_wins(api: Api) -> None:
    orders, found = api.resource_id, api.api.get_resources(restApiId=api.id)["items"]
    root = next(each["id"] for each in found if each["path"] == "/")
    for parent, part in ((root, "{proxy+}"), (orders, "{order_id}"), (orders, "new")):
        made = api.api.create_resource(restApiId=api.id, parentId=parent, pathPart=part)
        api.resource_id = made["id"]
        api.put_method()
    api.deploy()

    def resource(path: str) -> str:
        return str(urllib3.request("POST", api.url(path), json={}).json()["resource"])

    assert resource("/orders/new") == "/orders/new"
    assert resource("/orders/7") == "/orders/{order_id}"
    assert resource("/orders/7/lines") == "/{proxy+}"


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
    "A throttled function is a 500; a gateway response for `INTEGRATION_FAILURE` can "
    "change its status",
    kept="yes",
    module="apigateway.deployments",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
)
def test_a_throttled_function_is_an_internal_error_for_the_caller(api: Api) -> None:
    api.put_method()
    api.deploy()
    api.aws.client("lambda").put_function_concurrency(
        FunctionName="echo", ReservedConcurrentExecutions=0
    )
    assert api.post({}) == (500, {"message": "Internal server error"})
    api.api.put_gateway_response(
        restApiId=api.id, responseType="INTEGRATION_FAILURE", statusCode="503"
    )
    api.deploy()
    assert api.post({})[0] == 503
