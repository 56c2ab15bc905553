"""The control plane of API Gateway refuses what AWS refuses, in its words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

import lab
from lab.aws.session import Session
from tests.support import http
from tests.support.functions import make_function, permit
from tests.support.rest_api import Api

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
MODEL = {"contentType": "application/json", "schema": "{}"}


@dataclass
class Ground:
    """A REST API with GET and POST at `/{proxy+}`, a stage, a model, a validator, a usage plan and
    its key. POST has no integration."""

    api: Any
    id: str
    root: str
    resource: str
    plan: str
    key: str
    validator: str

    def call(self, operation: str, **given: Any) -> Any:
        """Call an operation; a name in angle brackets is one of ours."""
        ours = {f"<{name}>": value for name, value in vars(self).items() if name != "api"}
        return getattr(self.api, operation)(**_filled(given, ours))


def _filled(given: Any, ours: dict[str, str]) -> Any:
    if isinstance(given, dict):
        return {name: _filled(value, ours) for name, value in given.items()}
    if isinstance(given, list):
        return [_filled(value, ours) for value in given]
    for name, value in ours.items():
        given = given.replace(name, value) if isinstance(given, str) else given
    return given


@pytest.fixture
def ground(aws: Session) -> Ground:
    make_function(aws, "f", "def handler(event, context):\n    return {'statusCode': 200}\n")
    api = aws.client("apigateway")
    made = api.create_rest_api(name="api")["id"]
    permit(
        aws, "f", "apigateway.amazonaws.com", f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{made}/*"
    )
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    ids = {"restApiId": made}
    ids["resourceId"] = api.create_resource(parentId=root, pathPart="{proxy+}", **ids)["id"]
    for method in ("GET", "POST"):
        api.put_method(**ids, httpMethod=method, authorizationType="NONE")
    api.put_integration(
        **ids, httpMethod="GET", type="AWS_PROXY", integrationHttpMethod="POST", uri=URI
    )
    api.create_model(restApiId=made, name="Order", **MODEL)
    api.delete_method(**ids, httpMethod="POST")
    api.create_deployment(restApiId=made, stageName="dev")
    api.put_method(**ids, httpMethod="POST", authorizationType="NONE")
    plan = api.create_usage_plan(name="plan", apiStages=[{"apiId": made, "stage": "dev"}])["id"]
    key = api.create_api_key(name="key", enabled=True)["id"]
    api.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    validator = api.create_request_validator(restApiId=made, name="v")["id"]
    return Ground(api, made, root, ids["resourceId"], plan, key, validator)


API = {"restApiId": "<id>"}
RESOURCE = {**API, "resourceId": "<resource>"}
GET, POST = {**RESOURCE, "httpMethod": "GET"}, {**RESOURCE, "httpMethod": "POST"}
PATCH = {**RESOURCE, "httpMethod": "PATCH"}
NO_API = f"Invalid API identifier specified {ACCOUNT}:nope"
NO_METHOD = "Invalid Method identifier specified"
NO_RESOURCE = "Invalid Resource identifier specified"
NO_PLAN, NO_KEY = "Invalid Usage Plan ID specified", "Invalid API Key identifier specified"
MISSING: list[tuple[str, dict[str, Any], str]] = [
    ("delete_rest_api", {"restApiId": "nope"}, NO_API),
    ("get_rest_api", {"restApiId": "nope"}, NO_API),
    ("update_rest_api", {"restApiId": "nope", "patchOperations": []}, NO_API),
    ("get_resources", {"restApiId": "nope"}, NO_API),
    ("get_stages", {"restApiId": "nope"}, NO_API),
    ("create_deployment", {"restApiId": "nope"}, NO_API),
    ("get_resource", {**API, "resourceId": "nope"}, NO_RESOURCE),
    ("delete_resource", {**API, "resourceId": "nope"}, NO_RESOURCE),
    ("create_resource", {**API, "parentId": "nope", "pathPart": "x"}, NO_RESOURCE),
    ("put_method", {**API, "resourceId": "nope", "httpMethod": "GET", "authorizationType": "NONE"},
     NO_RESOURCE),
    ("get_method", PATCH, NO_METHOD),
    ("delete_method", PATCH, NO_METHOD),
    ("put_integration", {**PATCH, "type": "MOCK"}, NO_METHOD),
    ("get_integration", PATCH, NO_METHOD),
    ("delete_integration", PATCH, NO_METHOD),
    ("test_invoke_method", PATCH, NO_METHOD),
    ("update_method", {**PATCH, "patchOperations": []}, NO_METHOD),
    ("get_integration", POST, "Invalid Integration identifier specified"),
    ("delete_integration", POST, "Invalid Integration identifier specified"),
    ("get_deployment", {**API, "deploymentId": "nope"}, "Invalid Deployment identifier specified"),
    ("delete_deployment", {**API, "deploymentId": "nope"},
     "Invalid Deployment identifier specified"),
    ("get_stage", {**API, "stageName": "nope"}, "Invalid stage identifier specified"),
    ("delete_stage", {**API, "stageName": "nope"}, "Invalid stage identifier specified"),
    ("get_model", {**API, "modelName": "nope"}, "Invalid model name specified: nope"),
    ("delete_model", {**API, "modelName": "nope"}, "Invalid model name specified: nope"),
    ("get_request_validator", {**API, "requestValidatorId": "nope"},
     "Invalid Request Validator identifier specified"),
    ("delete_request_validator", {**API, "requestValidatorId": "nope"},
     "Invalid Request Validator identifier specified"),
    ("get_authorizer", {**API, "authorizerId": "nope"}, "Invalid Authorizer identifier specified"),
    ("delete_authorizer", {**API, "authorizerId": "nope"},
     "Invalid Authorizer identifier specified"),
    ("delete_gateway_response", {**API, "responseType": "THROTTLED"},
     "Gateway response type not defined on api"),
    ("get_usage_plan", {"usagePlanId": "nope"}, NO_PLAN),
    ("delete_usage_plan", {"usagePlanId": "nope"}, NO_PLAN),
    ("get_usage_plan_keys", {"usagePlanId": "nope"}, NO_PLAN),
    ("create_usage_plan_key", {"usagePlanId": "nope", "keyId": "<key>", "keyType": "API_KEY"},
     NO_PLAN),
    ("create_usage_plan_key", {"usagePlanId": "<plan>", "keyId": "nope", "keyType": "API_KEY"},
     NO_KEY),
    ("get_usage_plan_key", {"usagePlanId": "<plan>", "keyId": "nope"}, NO_KEY),
    ("delete_usage_plan_key", {"usagePlanId": "<plan>", "keyId": "nope"}, NO_KEY),
    ("get_api_key", {"apiKey": "nope"}, NO_KEY),
    ("delete_api_key", {"apiKey": "nope"}, NO_KEY),
    ("create_usage_plan", {"name": "p", "apiStages": [{"apiId": "<id>", "stage": "nope"}]},
     "API Stage not found: <id>:nope"),
    ("update_usage_plan", {"usagePlanId": "<plan>", "patchOperations": [
        {"op": "add", "path": "/apiStages", "value": "nope:dev"}]},
     "Invalid API Stage {api: nope, stage: dev} specified for usageplan <plan>"),
    ("update_resource", {**RESOURCE, "patchOperations": [
        {"op": "replace", "path": "/parentId", "value": "nope"}]}, NO_RESOURCE),
]  # fmt: skip


@pytest.mark.parity(
    "What a call to the control plane names has to be there, else it is a 404",
    kept="yes",
    module="apigateway.identifiers",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html",
)
def test_what_is_not_there_is_not_found(ground: Ground) -> None:
    for operation, given, said in MISSING:
        with pytest.raises(ClientError) as caught:
            ground.call(operation, **given)
        error = caught.value.response["Error"]
        wanted = said.replace("<id>", ground.id).replace("<plan>", ground.plan)
        assert (error["Code"], error["Message"]) == ("NotFoundException", wanted), operation


NONE = {"authorizationType": "NONE"}
PROXY = {**GET, "type": "AWS_PROXY", "integrationHttpMethod": "POST"}
BAD, CONFLICT, HERE = "BadRequestException", "ConflictException", "NotImplemented"
WRONG_URI = "Integrations of type 'AWS_PROXY' currently only supports Lambda function"
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("create_resource", {**API, "parentId": "<root>", "pathPart": "{proxy+}"}, CONFLICT,
     "Another resource with the same parent already has this name: {proxy+}"),
    ("create_resource", {**API, "parentId": "<resource>", "pathPart": "x"}, BAD,
     "Cannot create a child of a resource with a greedy path variable: {proxy+}"),
    ("create_resource", {**API, "parentId": "<root>", "pathPart": "{id}"}, BAD,
     "A sibling ({proxy+}) of this resource already has a variable path part"),
    ("create_resource", {**API, "parentId": "<root>", "pathPart": "a b"}, BAD,
     "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly "
     "braces at the beginning and the end."),
    ("create_resource", {**API, "parentId": "<root>", "pathPart": "{id"}, BAD,
     "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy"),
    ("create_resource", {**API, "parentId": "<root>", "pathPart": "id+"}, BAD,
     "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy"),
    ("create_rest_api", {"name": "a", "description": ""}, BAD,
     "Description cannot be an empty string"),
    ("create_rest_api", {"name": "a", "minimumCompressionSize": -1}, BAD,
     "Invalid minimum compression size, must be between 0 and 10485760"),
    ("create_rest_api", {"name": "a", "endpointConfiguration": {"types": []}}, BAD,
     "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED."),
    ("create_rest_api", {"name": "a", "endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}},
     BAD, "Cannot create an api with multiple Endpoint Types."),
    ("create_rest_api", {"name": "a", "endpointConfiguration": {
        "types": ["PRIVATE"], "ipAddressType": "ipv4"}}, BAD,
     "Only dualstack ipAddressType is supported for Private APIs."),
    ("put_method", {**RESOURCE, "httpMethod": "FOO", **NONE}, BAD,
     "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"),
    ("put_method", {**GET, **NONE}, CONFLICT, "Method already exists for this resource"),
    ("put_method", {**PATCH, "authorizationType": "CUSTOM"}, BAD,
     "Invalid authorizer ID specified."),
    ("put_method", {**PATCH, "authorizationType": "AWS_IAM"}, HERE, "has no IAM authorization"),
    ("put_method", {**PATCH, **NONE, "requestValidatorId": "nope"}, BAD,
     "Invalid Request Validator identifier specified"),
    ("put_method", {**PATCH, **NONE, "requestModels": {"application/json": "Nope"}}, BAD,
     "Invalid model identifier specified: Nope"),
    ("update_method", {**GET, "patchOperations": [
        {"op": "replace", "path": "/authorizationType", "value": "AWS_IAM"}]}, HERE,
     "has no IAM authorization"),
    ("update_rest_api", {**API, "patchOperations": [{"op": "replace", "path": "/name"}]}, BAD,
     "Invalid patch value  'null' specified for op 'replace'"),
    ("update_account", {}, BAD, "Invalid request input"),
    ("update_stage", {**API, "stageName": "dev", "patchOperations": [{"path": "/description"}]},
     BAD, "Invalid patch operation 'None'. Must be one of: [add, copy"),
    ("put_integration", {**PROXY, "uri": URI.replace("lambda:path/2015-03-31", "firehose:path/x")},
     BAD, WRONG_URI),
    ("put_integration", {**PROXY, "uri": URI.replace("functions", "random")}, BAD, WRONG_URI),
    ("put_integration", {**PROXY, "uri": FUNCTION}, BAD,
     "AWS ARN for integration must contain path or action"),
    ("put_integration", {**PROXY, "uri": f"bad-{URI}"}, BAD,
     "Invalid ARN specified in the request"),
    ("put_integration", {**PROXY, "type": "HTTPS"}, "ValidationException",
     "1 validation error detected: Value 'HTTPS' at 'putIntegrationInput.type' failed to satisfy"),
    ("get_gateway_response", {**API, "responseType": "TEA"}, "ValidationException",
     "1 validation error detected: Value 'TEA' at 'responseType' failed to satisfy constraint"),
    ("create_api_key", {"name": "a" * 1025}, BAD,
     "Invalid API Key name, can be at most 1024 characters."),
    ("create_api_key", {"value": "short"}, BAD, "API Key value should be at least 20 characters"),
    ("create_api_key", {"value": "a" * 129}, BAD,
     "API Key value exceeds maximum size of 128 characters"),
    ("create_model", {**API, **MODEL, "name": "Order"}, CONFLICT,
     "Model name already exists for this REST API"),
    ("create_model", {**API, **MODEL, "name": "an-order"}, BAD,
     "Model name must be alphanumeric: an-order"),
    ("create_model", {**API, **MODEL, "name": "Tea", "schema": "{"}, BAD,
     "Invalid model specified: Validation Result"),
    ("create_model", {**API, **MODEL, "name": "Tea", "schema": ""}, BAD,
     "Model schema must have at least 1 property or array items defined"),
    ("create_model", {**API, **MODEL, "name": ""}, BAD, "Model name must be non-empty"),
    ("put_method", {**PATCH, **NONE, "requestParameters": {
        "method.request.querystring.a": False, "method.request.header.a": False}}, BAD,
     "Parameter names must be unique across querystring, header and path"),
    ("create_deployment", {**API, "stageName": "a b"}, BAD, "Stage name only allows a-zA-Z0-9_"),
    ("create_authorizer", {**API, "name": "a", "type": "TOKEN"}, HERE, "has no authorizers"),
    ("delete_usage_plan", {"usagePlanId": "<plan>"}, BAD, "Cannot delete Usage Plan <plan> because "
     "there are API Stages associated with it"),
    ("update_usage_plan", {"usagePlanId": "<plan>", "patchOperations": [
        {"op": "remove", "path": "/apiStages/<id>:dev"}]}, BAD,
     "Invalid patch path  '/apiStages/<id>:dev' specified for op 'remove'"),
    ("update_usage_plan", {"usagePlanId": "<plan>"}, BAD, "Invalid request input"),
    ("update_stage", {**API, "stageName": "dev"}, BAD, "Invalid request input"),
    ("import_rest_api", {"body": b'{"swagger": "2.0", "info": {"title": "t", "version": "1"}}'},
     HERE, "imports OpenAPI 3 in JSON only"),
]  # fmt: skip


@pytest.mark.parity(
    "A resource, method, integration, model, stage or usage plan that cannot work is refused",
    kept="yes",
    module="apigateway.rules",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html",
)
def test_what_cannot_work_is_refused(ground: Ground) -> None:
    for operation, given, code, said in REFUSED:
        with pytest.raises(ClientError) as caught:
            ground.call(operation, **given)
        error = caught.value.response["Error"]
        wanted = said.replace("<id>", ground.id).replace("<plan>", ground.plan)
        assert (error["Code"], wanted in error["Message"]) == (code, True), (operation, error)


ROOT = {**API, "resourceId": "<root>"}
STAGE, VALIDATOR = {**API, "stageName": "dev"}, {**API, "requestValidatorId": "<validator>"}
OF_AN_API, OF_A_PLAN, OF_A_KEY = "update_rest_api", "update_usage_plan", "update_api_key"
PLAN, KEY = {"usagePlanId": "<plan>"}, {"apiKey": "<key>"}
NO_SETTING = "because there is no method setting for this method "
NO_ACCESS_LOG = (
    "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, "
    "/accessLogSettings/format]"
)
PATCHES: list[tuple[str, dict[str, str], str, str, str | None, str]] = [
    ("update_method", GET, "add", "/httpMethod", "PUT", "Invalid patch path /httpMethod"),
    ("update_method", GET, "replace", "/requestParameters", "x",
     "Invalid patch path /requestParameters"),
    ("update_method", GET, "add", "/requestModels/application/json", "Empty",
     "Invalid patch path /requestModels/application/json"),
    ("update_method", GET, "add", "/operationName", "x",
     "Invalid patch operation specified. Must be one of: [replace]"),
    ("update_method", GET, "replace", "/authorizerId", "nope", "Invalid authorizer ID specified."),
    ("update_method", GET, "replace", "/requestValidatorId", "nope",
     "Invalid Request Validator identifier specified"),
    ("update_method", GET, "replace", "/requestModels/application~1json", "Nope",
     "Invalid model identifier specified: Nope"),
    ("update_resource", RESOURCE, "replace", "/invalid", "x",
     "Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: "
     "[/parentId, /pathPart]"),
    ("update_resource", RESOURCE, "remove", "/pathPart", None,
     "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported "
     "operations"),
    ("update_resource", RESOURCE, "replace", "/parentId", "<resource>",
     "Resources cannot be cyclical."),
    ("update_resource", ROOT, "replace", "/pathPart", "x",
     "Root resource cannot update its pathPart."),
    ("update_resource", ROOT, "replace", "/parentId", "<resource>",
     "Root resource cannot update its parentId."),
    ("update_model", {**API, "modelName": "Order"}, "replace", "/name", "x",
     "Invalid patch path  '/name' specified for op 'replace'. Must be one of: "
     "[/description, /schema]"),
    ("update_request_validator", VALIDATOR, "replace", "/invalidPath", "x",
     "Invalid patch path  '/invalidPath' specified for op 'replace'. Must be one of: [/name, "
     "/validateRequestParameters, /validateRequestBody]"),
    ("update_request_validator", VALIDATOR, "replace", "/name", "",
     "Request Validator name cannot be blank"),
    (OF_A_KEY, KEY, "replace", "/id", "x",
     "Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description, "
     "/enabled, /name, /customerId]"),
    (OF_A_KEY, KEY, "add", "/name", "x",
     "Invalid patch path  '/name' specified for op 'add'. Please choose supported operations"),
    (OF_A_PLAN, PLAN, "remove", "/apiStages", None, "Invalid API Stage specified"),
    (OF_A_PLAN, PLAN, "add", "/apiStages", "<id>", "Invalid API Stage specified"),
    (OF_A_PLAN, PLAN, "replace", "/throttle", "x", "Invalid patch path  '/throttle' specified"),
    (OF_AN_API, API, "add", "/binaryMediaTypes", "image/gif",
     "Invalid patch path /binaryMediaTypes"),
    (OF_AN_API, API, "replace", "/minimumCompressionSize", "test",
     "Invalid minimum compression size, must be between 0 and 10485760"),
    (OF_AN_API, API, "add", "/minimumCompressionSize", "10",
     "Invalid patch operation specified. Must be one of: [replace]"),
    (OF_AN_API, API, "replace", "/endpointConfiguration/ipAddressType", "wrong",
     "ipAddressType must be either ipv4 or dualstack."),
    (OF_AN_API, API, "replace", "/endpointConfiguration/types/0", "wrong",
     "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"),
    (OF_AN_API, API, "replace", "/nmae", "x", "Invalid patch path /nmae"),
    ("update_stage", STAGE, "replace", "/tags/tag1", "x",
     "Invalid method setting path: /tags/tag1. Must be one of: [/deploymentId, /description, "),
    ("update_stage", STAGE, "add", "/accessLogSettings/randomValue", "x", NO_ACCESS_LOG),
    ("update_stage", STAGE, "remove", "/accessLogSettings/randomValue", None,
     f"Cannot remove method setting accessLogSettings/randomValue {NO_SETTING}"),
    ("update_stage", STAGE, "remove", "/*/*", None,
     f"Cannot remove method setting */* {NO_SETTING}"),
]  # fmt: skip


@pytest.mark.parity(
    "A patch of what is not there, or with an operation that is not for it, is refused",
    kept="yes; patches of canaries, of an API's policy and of limits for single methods by name",
    module="apigateway.patches",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html",
)
def test_a_patch_that_would_change_nothing_is_refused(ground: Ground) -> None:
    for operation, ids, what, path, value, said in PATCHES:
        patch = {"op": what, "path": path} | ({} if value is None else {"value": value})
        with pytest.raises(ClientError) as caught:
            ground.call(operation, **ids, patchOperations=[patch])
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (BAD, True), (path, error)


HERE_ONLY: list[tuple[str, dict[str, str], str, str]] = [
    (OF_AN_API, API, "/policy", "has no policies of APIs"),
    (OF_A_PLAN, PLAN, "/apiStages/<id>:dev/throttle/x/GET/rateLimit", "limits a plan as a whole"),
    ("update_stage", STAGE, "/canarySettings/percentTraffic", "has no canary releases"),
]


def test_a_patch_that_is_not_done_is_refused_by_name(ground: Ground) -> None:
    for operation, ids, path, said in HERE_ONLY:
        patch = {"op": "replace", "path": path, "value": "1"}
        with pytest.raises(ClientError, match=said):
            ground.call(operation, **ids, patchOperations=[patch])


def test_an_api_is_changed_by_patches(ground: Ground) -> None:
    def patched(*patches: tuple[str, str, str | None]) -> Any:
        given = [{"op": op, "path": path} | ({} if v is None else {"value": v})
                 for op, path, v in patches]  # fmt: skip
        return ground.call(OF_AN_API, **API, patchOperations=given)

    png, jpeg = "/binaryMediaTypes/image~1png", "/binaryMediaTypes/image~1jpeg"
    found = patched(("add", png, None), ("add", jpeg, None), ("replace", "/description", "tea"))
    assert found["binaryMediaTypes"] == ["image/png", "image/jpeg"]
    assert (found["description"], found["tags"]) == ("tea", {})
    found = patched(("replace", png, "image/gif"), ("remove", "/description", None))
    assert found["binaryMediaTypes"] == ["image/jpeg", "image/gif"]
    assert "description" not in found
    found = patched(("replace", "/minimumCompressionSize", "10"))
    assert found["minimumCompressionSize"] == 10
    assert "minimumCompressionSize" not in patched(("replace", "/minimumCompressionSize", ""))
    found = patched(("replace", "/disableExecuteApiEndpoint", "false"))
    assert found["disableExecuteApiEndpoint"] is False
    found = patched(("replace", "/endpointConfiguration/types/0", "PRIVATE"))
    assert found["endpointConfiguration"] == {"types": ["PRIVATE"], "ipAddressType": "dualstack"}
    body = {"op": "replace", "path": "/validateRequestBody"}
    assert ground.call("get_request_validator", **VALIDATOR)["validateRequestBody"] is False
    for value, checks in ({"value": "true"}, True), ({}, False):
        given = {"patchOperations": [body | value]}
        found = ground.call("update_request_validator", **VALIDATOR, **given)
        assert found["validateRequestBody"] is checks


def test_a_stage_has_settings_for_all_methods_and_for_one(ground: Ground) -> None:
    def patched(**values: str) -> Any:
        patches = [{"op": "replace", "path": path, "value": v} for path, v in values.items()]
        return ground.call("update_stage", **STAGE, patchOperations=patches)["methodSettings"]

    found = patched(**{"/*/*/caching/enabled": "true", "/test/GET/throttling/burstLimit": "124"})
    assert found["test/GET"] == {**found["*/*"], "throttlingBurstLimit": 124}
    assert (found["*/*"]["throttlingRateLimit"], found["*/*"]["cachingEnabled"]) == (10_000.0, True)
    assert found["*/*"]["cacheDataEncrypted"] is False
    patches = [{"op": "remove", "path": "/*/*"}]
    found = ground.call("update_stage", **STAGE, patchOperations=patches)
    assert list(found["methodSettings"]) == ["test/GET"]


@pytest.mark.parity(
    "A resource moves, and is deleted, with all that is below it",
    kept="yes",
    module="apigateway.deployments",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteResource.html",
)
def test_a_resource_moves_with_all_that_is_below(ground: Ground) -> None:
    def made(parent: str, part: str) -> str:
        return str(ground.call("create_resource", **API, parentId=parent, pathPart=part)["id"])

    pets = made("<root>", "pets")
    sub = made(pets, "subpets")
    below = made(sub, "pets")
    to_root = [{"op": "replace", "path": "/parentId", "value": "<root>"}]
    with pytest.raises(ClientError, match="already has this name: pets"):
        ground.call("update_resource", **API, resourceId=below, patchOperations=to_root)
    moved = ground.call("update_resource", **API, resourceId=sub, patchOperations=to_root)
    assert moved["path"] == "/subpets"
    assert ground.call("get_resource", **API, resourceId=below)["path"] == "/subpets/pets"
    ground.call("delete_resource", **API, resourceId=sub)
    left = {each["path"] for each in ground.call("get_resources", **API)["items"]}
    assert left == {"/", "/pets", "/{proxy+}"}


@pytest.mark.parity(
    "An API has the models Empty and Error; a model that a method names cannot be deleted",
    kept="yes",
    module="apigateway.answers",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-create-model.html",
)
def test_a_model_that_a_method_names_stays(ground: Ground) -> None:
    found = {each["name"]: each for each in ground.call("get_models", **API)["items"]}
    assert found.keys() == {"Empty", "Error", "Order"}
    assert found["Empty"]["description"] == "This is a default empty schema model"
    model = [{"op": "add", "path": "/requestModels/application~1json", "value": "Order"}]
    ground.call("update_method", **GET, patchOperations=model)
    with pytest.raises(ClientError) as caught:
        ground.call("delete_model", **API, modelName="Order")
    said = "Cannot delete model 'Order', is referenced in method request: /{proxy+}/GET"
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (CONFLICT, said)
    ground.call("delete_model", **API, modelName="Error")


def test_a_key_is_in_one_plan_of_a_stage_and_leaves_it_when_it_is_deleted(ground: Ground) -> None:
    stages = [{"apiId": ground.id, "stage": "dev"}]
    other = ground.api.create_usage_plan(name="other", apiStages=stages)["id"]
    with pytest.raises(ClientError, match="cannot reference multiple Usage Plans with the same"):
        ground.api.create_usage_plan_key(usagePlanId=other, keyId=ground.key, keyType="API_KEY")
    ground.api.delete_api_key(apiKey=ground.key)
    assert ground.api.get_usage_plan_keys(usagePlanId=ground.plan)["items"] == []


def test_a_changed_key_shows_its_tags_and_not_its_value(ground: Ground) -> None:
    patch = [{"op": "replace", "path": "/enabled", "value": "whatever"}]
    changed = ground.call("update_api_key", **KEY, patchOperations=patch)
    assert (changed["enabled"], changed["tags"], "value" in changed) == (False, {}, False)


def test_stages_are_found_by_their_deployment(ground: Ground) -> None:
    (stage,) = ground.call("get_stages", **API)["item"]
    given = {**API, "deploymentId": stage["deploymentId"]}
    ground.call("create_stage", **given, stageName="next")
    ground.call("delete_method", **{**RESOURCE, "httpMethod": "POST"})
    ground.call("create_deployment", **API, stageName="next")
    assert [each["stageName"] for each in ground.call("get_stages", **given)["item"]] == ["dev"]


def test_a_usage_plan_without_stages_can_be_deleted(ground: Ground) -> None:
    patch = {"op": "remove", "path": "/apiStages", "value": f"{ground.id}:dev"}
    ground.api.update_usage_plan(usagePlanId=ground.plan, patchOperations=[patch])
    ground.api.delete_usage_plan(usagePlanId=ground.plan)
    assert ground.api.get_usage_plans()["items"] == []


@pytest.mark.parity(
    "A method, integration, model, resource or deployment is changed by patches",
    kept="in those members that are heeded at all",
    module="apigateway.changes",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html",
)
def test_a_method_is_changed_by_patches(aws: Session, ground: Ground) -> None:
    def patched(operation: str, path: str, value: str | None, **ids: Any) -> Any:
        patch = {"op": "remove" if value is None else "replace", "path": path}
        patches = [patch if value is None else {**patch, "value": value}]
        return ground.call(operation, patchOperations=patches, **ids)

    found = patched("update_method", "/apiKeyRequired", "true", **GET)
    assert found["apiKeyRequired"] is True
    name = "/requestParameters/method.request.header.x-h"
    found = patched("update_method", name, "true", **GET)
    assert found["requestParameters"] == {"method.request.header.x-h": True}
    assert patched("update_method", name, None, **GET)["requestParameters"] == {}
    found = patched("update_method", "/requestModels/application~1json", "Order", **GET)
    assert found["requestModels"] == {"application/json": "Order"}
    found = patched("update_integration", "/timeoutInMillis", "2000", **GET)
    assert found["timeoutInMillis"] == 2000
    found = patched("update_resource", "/pathPart", "{rest+}", **RESOURCE)
    assert found["path"] == "/{rest+}"
    (made,) = ground.call("get_deployments", **API)["items"]
    changed = patched("update_deployment", "/description", "tea", **API, deploymentId=made["id"])
    assert changed["description"] == "tea"
    schema = '{"type": "object"}'
    found = patched("update_model", "/schema", schema, **API, modelName="Order")
    assert found["schema"] == schema
    with pytest.raises(ClientError, match="Invalid model schema specified"):
        patched("update_model", "/schema", "[", **API, modelName="Order")
    with pytest.raises(ClientError, match="Invalid model name specified: Tea"):
        patched("update_model", "/schema", schema, **API, modelName="Tea")
    assert ground.call("get_model", **API, modelName="Order")["schema"] == schema
    ground.api.delete_method(restApiId=ground.id, resourceId=ground.resource, httpMethod="POST")
    ground.call("create_deployment", **API, stageName="dev")
    url = lab.invoke_url(aws, ground.id, "dev", "/x")
    assert http.request("GET", url).status == 403
    value = ground.api.get_api_key(apiKey=ground.key, includeValue=True)["value"]
    assert http.request("GET", url, headers={"x-api-key": value}).status == 200


@pytest.mark.parity(
    "There is a default for each gateway response, which is shown until another one is put",
    kept="yes",
    module="apigateway.gateway_responses",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
)
def test_a_gateway_response_has_a_default(ground: Ground) -> None:
    ids = {**API, "responseType": "THROTTLED"}
    found = ground.call("get_gateway_response", **ids)
    template = '{"message":$context.error.messageString}'
    assert (found["statusCode"], found["defaultResponse"]) == ("429", True)
    assert found["responseTemplates"] == {"application/json": template}
    assert len(ground.call("get_gateway_responses", **API)["items"]) > 20
    made = ground.call("put_gateway_response", **ids, responseTemplates={"application/json": "{}"})
    assert (made["statusCode"], made["defaultResponse"]) == ("429", False)
    assert (
        ground.call("get_gateway_response", **ids)["responseTemplates"]["application/json"] == "{}"
    )
    ground.call("delete_gateway_response", **ids)
    assert ground.call("get_gateway_response", **ids)["defaultResponse"] is True


def test_an_api_is_imported_without_a_description(ground: Ground) -> None:
    document = {"openapi": "3.0.1", "info": {"title": "tea", "version": "1"}, "paths": {}}
    made = ground.api.import_rest_api(body=json.dumps(document).encode())
    assert ground.api.get_rest_api(restApiId=made["id"])["name"] == "tea"


@pytest.mark.parity(
    "A method can have an integration with HTTP, with a service of AWS's, or none (a mock)",
    kept="no: they are refused by name, in an import as well",
    module="apigateway.rules",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-integration-types.html",
)
def test_an_integration_that_is_no_proxy_is_refused_by_name(aws: Session, ground: Ground) -> None:
    more = {"integrationHttpMethod": "POST", "uri": URI}
    for kind, given in (("AWS", more), ("MOCK", {}), ("HTTP", more), ("HTTP_PROXY", more)):
        with pytest.raises(ClientError, match=f"has no integrations of type {kind}; use AWS_PROXY"):
            ground.call("put_integration", **GET, type=kind, **given)
    document = {
        "openapi": "3.0.1",
        "info": {"title": "tea", "version": "1"},
        "paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}},
    }
    with pytest.raises(ClientError, match="has no integrations of type MOCK; use AWS_PROXY"):
        ground.api.import_rest_api(body=json.dumps(document).encode())


def test_an_imported_integration_needs_all_of_its_members(ground: Ground) -> None:
    integration = {"type": "aws_proxy", "uri": URI}
    document = {
        "openapi": "3.0.1",
        "info": {"title": "tea", "version": "1"},
        "paths": {"/x": {"get": {"x-amazon-apigateway-integration": integration}}},
    }
    with pytest.raises(ClientError, match="uri and httpMethod are needed"):
        ground.api.import_rest_api(body=json.dumps(document).encode())
    integration["httpMethod"] = "POST"
    assert ground.api.import_rest_api(body=json.dumps(document).encode())["name"] == "tea"


SCHEMA_PATCH = [{"op": "replace", "path": "/description", "value": "x"}]
WITHOUT_AN_API: list[tuple[str, dict[str, Any], str, str]] = [
    ("get_resources", {}, "NotFoundException",
     "Invalid API identifier specified 123456789012:none"),
    ("get_model", {"modelName": "M"}, "NotFoundException", "Invalid model name specified: M"),
    ("update_model", {"modelName": "M", "patchOperations": SCHEMA_PATCH}, "NotFoundException",
     "Invalid model name specified: M"),
    ("delete_model", {"modelName": "M"}, "NotFoundException", "Invalid model name specified: M"),
    ("get_request_validators", {}, "NotFoundException",
     "Invalid API identifier specified 123456789012:none"),
    ("delete_request_validator", {"requestValidatorId": "v"}, "NotFoundException",
     "Invalid Request Validator identifier specified"),
    ("create_request_validator", {"name": "v"}, "BadRequestException",
     "Invalid REST API identifier specified"),
    ("put_method", {"resourceId": "r", "httpMethod": "GET", "authorizationType": "NONE"},
     "NotFoundException", "Invalid Resource identifier specified"),
    ("get_integration", {"resourceId": "r", "httpMethod": "GET"},
     "NotFoundException", "Invalid Resource identifier specified"),
]  # fmt: skip


@pytest.mark.parity(
    "Without the API, some calls say that what they look for in it is not there",
    kept="yes, where AWS was recorded saying so",
    module="apigateway.identifiers",
    aws="https://docs.aws.amazon.com/apigateway/latest/api/API_GetModel.html",
)
@pytest.mark.parametrize(("name", "given", "code", "said"), WITHOUT_AN_API)
def test_an_api_that_is_not_there_is_named_by_what_was_looked_for(
    aws: Session, name: str, given: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client("apigateway"), name)(restApiId="none", **given)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (code, said)


@pytest.mark.parity(
    "An API is deployed when each of its methods has an integration",
    kept="yes",
    module="apigateway.rules",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html",
)
def test_a_method_without_an_integration_is_not_deployed(api: Api) -> None:
    api.put_method()
    api.api.create_deployment(restApiId=api.id)
    method = {"restApiId": api.id, "resourceId": api.resource_id, "httpMethod": "DELETE"}
    api.api.put_method(**method, authorizationType="NONE")
    with pytest.raises(ClientError, match="No integration defined for method") as caught:
        api.api.create_deployment(restApiId=api.id)
    assert caught.value.response["Error"]["Code"] == "BadRequestException"
    api.api.delete_method(**method)
    api.api.create_deployment(restApiId=api.id)
