"""What a function behind a stage gets, and what its reply becomes, as AWS was recorded."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from lab.aws.session import Session
from tests.support.functions import make_function, make_role, permit

ACCOUNT = "123456789012"
# The request body is the function's reply; without one, the event is.
SOURCE = """
import json
def handler(event, context):
    if event["httpMethod"] == "POST":
        return json.loads(event["body"])
    return {"statusCode": 200, "body": json.dumps(event)}
"""


@dataclass
class Stage:
    """The stage dev of an API with a function at `/{proxy+}`."""

    aws: Session
    api: Any
    id: str
    resource: str

    def put(self, method: str, function: str = "f", **options: Any) -> None:
        ids = {"restApiId": self.id, "resourceId": self.resource, "httpMethod": method}
        credentials = {"credentials": options.pop("credentials", None)}
        self.api.put_method(**ids, authorizationType="NONE", **options)
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"
        self.api.put_integration(
            **ids, **{name: value for name, value in credentials.items() if value},
            type="AWS_PROXY", integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        )  # fmt: skip
        self.api.create_deployment(restApiId=self.id, stageName="dev")

    def send(
        self, path: str, method: str = "GET", body: Any = None, headers: Any = ()
    ) -> tuple[int, dict[str, str], Any]:
        """Send a request as it is: no header is added, and the path is not changed."""
        host = str(self.aws.endpoint_url).removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        url = f"/restapis/{self.id}/dev/_user_request_{path}"
        connection.putrequest(method, url, skip_accept_encoding=True)
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        raw = content.encode() if isinstance(content, str) else content
        sent = [*headers, *([] if raw is None else [("Content-Length", str(len(raw)))])]
        for name, value in sent:
            connection.putheader(name, value)
        with closing(connection):
            connection.endheaders(raw)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read()

    def event(self, path: str, **options: Any) -> Any:
        status, _, body = self.send(path, **options)
        assert status == 200, body
        return json.loads(body)


@pytest.fixture
def stage(aws: Session) -> Stage:
    make_function(aws, "f", SOURCE)
    api = aws.client("apigateway")
    made = api.create_rest_api(name="api")["id"]
    source = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{made}/*"
    permit(aws, "f", "apigateway.amazonaws.com", source)
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    resource = api.create_resource(restApiId=made, parentId=root, pathPart="{proxy+}")["id"]
    return Stage(aws, api, made, resource)


@pytest.mark.parity(
    "An event has its headers as they were sent, each value of a repeated one, and what API "
    "Gateway adds",
    kept="yes; the forwarded port and protocol are those of this machine",
    module="apigateway.proxy",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
)
@pytest.mark.parity(
    "The server keeps the spelling of a header's name",
    kept="yes, with httptools, which every platform but PyPy has",
    module="host.connections",
    service="API Gateway",
)
def test_headers_arrive_as_they_were_sent(stage: Stage) -> None:
    stage.put("GET")
    many = [("tEsT-HEADeR", "v"), ("X-Multi", "1"), ("X-Multi", "2")]
    known = [("content-type", "text/plain"), ("user-agent", "me"), ("X-Forwarded-For", "1.2.3.4")]
    event = stage.event("/x", headers=[*many, *known])
    headers, values = event["headers"], event["multiValueHeaders"]
    assert (headers["tEsT-HEADeR"], headers["X-Multi"]) == ("v", "2")
    assert values["X-Multi"] == ["1", "2"]
    assert (headers["Content-Type"], headers["User-Agent"]) == ("text/plain", "me")
    assert headers["X-Forwarded-For"] == "1.2.3.4, 127.0.0.1"
    assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert headers["Host"] == event["requestContext"]["domainName"]
    assert headers.keys() == values.keys()
    assert not {name.lower() for name in headers} & {"content-length", "connection"}


def test_a_request_says_where_it_came_in(stage: Stage) -> None:
    stage.put("GET")
    context = stage.event("/x", headers=[("User-Agent", "me")])["requestContext"]
    (deployment,) = stage.api.get_deployments(restApiId=stage.id)["items"]
    assert context["deploymentId"] == deployment["id"]
    assert (context["domainPrefix"], context["path"]) == (stage.id, "/dev/x")
    assert context["extendedRequestId"] and context["requestId"]
    identity = context["identity"]
    assert (identity["sourceIp"], identity["userAgent"]) == ("127.0.0.1", "me")
    assert identity["userArn"] is identity["caller"] is None and "apiKey" not in identity


PATHS = [
    ("/user/test%2Balias@x.com", "/user/test%2Balias@x.com", "user/test%2Balias@x.com"),
    ("/a/", "/a/", "a"),
    ("//a", "/a", "a"),
    ("/a%20b/c", "/a%20b/c", "a%20b/c"),
]


@pytest.mark.parity(
    "The path and its parameters are not decoded; a slash in front of the path counts once, and "
    "one at its end finds the same resource",
    kept="yes",
    module="apigateway.stages",
)
def test_a_path_arrives_as_it_was_sent(stage: Stage) -> None:
    stage.put("GET")
    for sent, path, parameter in PATHS:
        event = stage.event(sent)
        assert (event["path"], event["pathParameters"]) == (path, {"proxy": parameter})
        assert event["requestContext"]["path"] == f"/dev{path}"


REPLIES: list[tuple[Any, int]] = [
    ({"statusCode": 200}, 200),
    ({"statusCode": "201"}, 201),
    ({}, 200),
    ({"headers": {"h": "v"}}, 200),
    ({"statusCode": 200, "body": None, "headers": None}, 200),
    ({"statusCode": 200, "wrongValue": "v"}, 502),
    ({"statusCode": 200, "multiValueHeaders": {"h": "value1"}}, 502),
    ({"statusCode": 200, "headers": {"h": ["a", "b"]}}, 502),
    ({"statusCode": 200, "isBase64Encoded": "true"}, 502),
    ({"statusCode": 200, "body": {"a": 1}}, 502),
    ({"statusCode": "x"}, 502),
    (["statusCode"], 502),
    ("text", 502),
    (None, 502),
]


def test_a_reply_of_another_form_is_a_502(stage: Stage) -> None:
    stage.put("POST")
    for reply, status in REPLIES:
        assert stage.send("/x", "POST", reply)[0] == status, reply


@pytest.mark.parity(
    "What is binary follows from the API's `binaryMediaTypes`, without which all is text",
    kept="yes: by `Content-Type` on the way in, by `Accept` on the way out; a body that "
    "is not UTF-8 arrives whole, in Base64, where AWS would spoil it",
    module="apigateway.proxy",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html",
)
def test_only_what_the_api_calls_binary_is(stage: Stage) -> None:
    reply = {"statusCode": 200, "isBase64Encoded": True, "body": "dGVh"}
    image = [("Accept", "image/png"), ("Content-Type", "image/png")]
    stage.put("POST")
    stage.put("GET")
    assert stage.send("/x", "POST", reply, image)[2] == b"dGVh"
    event = stage.event("/x", body=b"tea", headers=image)
    assert (event["body"], event["isBase64Encoded"]) == ("tea", False)
    patch = {"op": "add", "path": "/binaryMediaTypes/image~1*", "value": "image/*"}
    stage.api.update_rest_api(restApiId=stage.id, patchOperations=[patch])
    stage.api.create_deployment(restApiId=stage.id, stageName="dev")
    for sent, encoded in ((b"tea", "dGVh"), (b"\xff\x00", "/wA=")):
        event = stage.event("/x", body=sent, headers=image)
        assert (event["body"], event["isBase64Encoded"]) == (encoded, True)
    text = [("Accept", "image/png"), ("Content-Type", "text/plain")]
    assert stage.send("/x", "POST", reply, text)[2] == b"tea"
    assert stage.send("/x", "POST", reply, text[1:])[2] == b"dGVh"


@pytest.mark.parity(
    "An integration with a role calls the function as that role",
    kept="yes",
    module="apigateway.stages",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html",
)
def test_an_integration_with_a_role_needs_no_permission(stage: Stage) -> None:
    stage.aws.client("lambda").remove_permission(FunctionName="f", StatementId="apigateway")
    iam = stage.aws.client("iam")
    role = make_role(stage.aws, "caller")
    stage.put("GET", credentials=role)
    assert stage.send("/x")[0] == 500  # the role is Lambda's
    statement = {
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "apigateway.amazonaws.com"},
    }  # fmt: skip
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    iam.update_assume_role_policy(RoleName="caller", PolicyDocument=json.dumps(trust))
    assert stage.send("/x")[0] == 200
    nothing = {**statement, "Effect": "Deny", "Action": "lambda:*", "Resource": "*"}
    del nothing["Principal"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [nothing]})
    iam.put_role_policy(RoleName="caller", PolicyName="policy", PolicyDocument=policy)
    assert stage.send("/x")[0] == 500


@pytest.mark.parity(
    "A required header or query parameter that is missing is a 400",
    kept="yes",
    module="apigateway.stages",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html",
)
def test_a_required_parameter_has_to_be_there(stage: Stage) -> None:
    validator = stage.api.create_request_validator(
        restApiId=stage.id, name="v", validateRequestParameters=True
    )["id"]
    wanted = {
        "method.request.header.x-h": True,
        "method.request.querystring.qs1": True,
        "method.request.querystring.qs2": False,
    }
    stage.put("GET", requestValidatorId=validator, requestParameters=wanted)
    status, headers, body = stage.send("/x")
    assert (status, headers["x-amzn-errortype"]) == (400, "BadRequestException")
    assert json.loads(body) == {"message": "Missing required request parameters: [x-h, qs1]"}
    assert stage.send("/x?qs1=", headers=[("X-H", "1")])[0] == 200


@pytest.mark.parity(
    "A model can refer to another one of the API",
    kept="yes",
    module="apigateway.deployments",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html",
)
def test_a_model_may_refer_to_another_model(stage: Stage) -> None:
    url = f"https://apigateway.amazonaws.com/restapis/{stage.id}/models/"
    inner = {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}}
    for name, schema in (
        ("inner", inner),
        ("outer", {"type": "object", "properties": {"s": {"$ref": f"{url}inner"}}}),
        ("broken", {"type": "object", "properties": {"s": {"$ref": f"{url}nothing"}}}),
    ):
        stage.api.create_model(
            restApiId=stage.id, name=name, contentType="application/json",
            schema=json.dumps(schema),
        )  # fmt: skip
    validator = stage.api.create_request_validator(
        restApiId=stage.id, name="v", validateRequestBody=True
    )["id"]
    for method, model in (("PUT", "outer"), ("PATCH", "broken")):
        models = {"application/json": model}
        stage.put(method, requestValidatorId=validator, requestModels=models)
    assert stage.send("/x", "PUT", {"s": {"a": 1}})[0] == 200
    status, _, body = stage.send("/x", "PUT", {"s": {"a": "x"}})
    assert (status, json.loads(body)) == (400, {"message": "Invalid request body"})
    assert stage.send("/x", "PATCH", {"s": 1})[0] == 500


def test_an_alias_with_the_permission_can_stand_behind_a_method(stage: Stage) -> None:
    lambda_ = stage.aws.client("lambda")
    lambda_.publish_version(FunctionName="f")
    lambda_.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    lambda_.remove_permission(FunctionName="f", StatementId="apigateway")
    stage.put("GET", function="f:live")
    assert stage.send("/x")[0] == 500
    lambda_.add_permission(
        FunctionName="f", Qualifier="live", StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )  # fmt: skip
    assert stage.send("/x")[0] == 200
