"""What a stage serves: the routes of a deployment, and its gateway responses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import http
from tests.support.rest_api import Api


@pytest.mark.parity(
    "Path parameters reach the function",
    kept="yes, undecoded as they were sent",
)
def test_path_parameters_reach_the_function(api: Api) -> None:
    made = api.api.create_resource(
        restApiId=api.id, parentId=api.resource_id, pathPart="{order_id}"
    )
    api.resource_id = made["id"]
    api.put_method()
    api.deploy()
    answer = http.request("POST", api.url("/orders/a%20b"), json={})
    assert answer.json()["pathParameters"] == {"order_id": "a%20b"}


@pytest.mark.parity("The more literal route wins", kept="yes")
def test_the_more_literal_route_wins(api: Api) -> None:
    orders, found = api.resource_id, api.api.get_resources(restApiId=api.id)["items"]
    root = next(each["id"] for each in found if each["path"] == "/")
    for parent, part in ((root, "{proxy+}"), (orders, "{order_id}"), (orders, "new")):
        made = api.api.create_resource(restApiId=api.id, parentId=parent, pathPart=part)
        api.resource_id = made["id"]
        api.put_method()
    api.deploy()

    def resource(path: str) -> str:
        return str(http.request("POST", api.url(path), json={}).json()["resource"])

    assert resource("/orders/new") == "/orders/new"
    assert resource("/orders/7") == "/orders/{order_id}"
    assert resource("/orders/7/lines") == "/{proxy+}"


@pytest.mark.parity(
    'An unknown route is a 403, "Missing Authentication Token"; an unknown stage or API'
    ' a 403, "Forbidden"',
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
)
def test_what_is_not_there_is_refused_with_the_status_of_aws(api: Api) -> None:
    api.put_method()
    api.deploy()
    missing = (403, {"message": "Missing Authentication Token"})
    forbidden = (403, {"message": "Forbidden"})

    def get(method: str, url: str) -> tuple[int, Any]:
        answer = http.request(method, url)
        return answer.status, answer.json()

    assert get("POST", api.url("/nothing")) == missing
    assert get("GET", api.url("/orders")) == missing
    assert get("POST", api.url(stage="test")) == forbidden
    assert get("POST", api.url().replace(api.id, "nosuchapi0")) == forbidden


@pytest.mark.parity(
    "A stage serves what was deployed, without later changes",
    kept="yes",
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
    "A gateway response names its type in `x-amzn-ErrorType`",
    kept="yes",
)
def test_a_gateway_response_says_its_type_as_aws_does(api: Api) -> None:
    api.put_method(apiKeyRequired=True)
    api.deploy()
    answer = http.request("POST", api.url(), json={})
    assert answer.headers["x-amzn-ErrorType"] == "ForbiddenException"


@pytest.mark.parity(
    "A throttled function is a 500; a gateway response for `INTEGRATION_FAILURE` can "
    "change its status",
    kept="yes",
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
