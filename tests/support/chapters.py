"""The chapters: running them, and what they leave."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE
from lab.here import local
from tests.support import http

TOPIC = "arn:aws:sns:us-east-1:123456789012:Orders"
BARE_API = {"apis": 1, "api resources": 1, "models": 2}  # what an API has from the start


def run_chapters(*numbers: str) -> None:
    for number in numbers:
        COURSE.find(number).run()


def given(*numbers: str) -> None:
    """An empty cloud gets what these chapters make. They run once on it; from then on the cloud is
    brought back to the state after them, with warm workers."""
    address, name = os.environ["AWS_ENDPOINT_URL"], f"chapters-{'-'.join(numbers)}"
    assert "LAB_PREFIX" not in os.environ
    if name in status(address)["checkpoints"]:
        local.checkpoint(address, "restore", name)
        return
    run_chapters(*numbers)
    wait_until(lambda: status(address)["is_idle"], "the chapters' orders are through")
    local.checkpoint(address, "take", name)


def status(address: str) -> dict[str, Any]:
    """What the local cloud at this address says of itself."""
    found = local.status(address)
    assert found is not None
    return found


def resources(aws: Session) -> Counter[str]:
    """How many of everything there is in the account, ours or not."""
    api, lambda_ = aws.client("apigateway"), aws.client("lambda")
    apis = [found["id"] for found in api.get_rest_apis()["items"]]
    functions = [f["FunctionName"] for f in lambda_.list_functions()["Functions"]]
    policies = [json.loads(p) for p in (_policy(lambda_, name) for name in functions) if p]
    roles = [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]]
    found = {
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "topics": aws.client("sns").list_topics()["Topics"],
        "subscriptions": aws.client("sns").list_subscriptions()["Subscriptions"],
        "tables": aws.client("dynamodb").list_tables()["TableNames"],
        "roles": roles,
        "role policies": [
            policy
            for role in roles
            for policy in aws.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        ],
        "functions": functions,
        "permissions": [statement for policy in policies for statement in policy["Statement"]],
        "mappings": lambda_.list_event_source_mappings()["EventSourceMappings"],
        "log groups": aws.client("logs").describe_log_groups()["logGroups"],
        "apis": apis,
        "api resources": [r for i in apis for r in api.get_resources(restApiId=i)["items"]],
        "methods": [
            method
            for i in apis
            for resource in api.get_resources(restApiId=i)["items"]
            for method in resource.get("resourceMethods", {})
        ],
        "models": [m for i in apis for m in api.get_models(restApiId=i)["items"]],
        "validators": [v for i in apis for v in api.get_request_validators(restApiId=i)["items"]],
        "gateway responses": [
            response
            for i in apis
            for response in api.get_gateway_responses(restApiId=i)["items"]
            if not response["defaultResponse"]
        ],
        "deployments": [d for i in apis for d in api.get_deployments(restApiId=i)["items"]],
        "stages": [s for i in apis for s in api.get_stages(restApiId=i)["item"]],
        "usage plans": api.get_usage_plans()["items"],
        "plan keys": [
            key
            for plan in api.get_usage_plans()["items"]
            for key in api.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
        ],
        "api keys": api.get_api_keys()["items"],
    }
    return Counter({kind: len(things) for kind, things in found.items() if things})


def _policy(lambda_: Any, name: str) -> str | None:
    try:
        return str(lambda_.get_policy(FunctionName=name)["Policy"])
    except lambda_.exceptions.ResourceNotFoundException:
        return None


def post(aws: Session, **order: Any) -> int:
    """Post an order as the shop does; the status of the answer."""
    api = aws.client("apigateway")
    key = api.get_api_keys(includeValues=True)["items"][0]["value"]
    url = lab.invoke_url(aws, api.get_rest_apis()["items"][0]["id"], "prod", "/orders")
    return http.request("POST", url, json=order, headers={"x-api-key": key}).status


def second_trigger(aws: Session) -> None:
    """A second function that gets some of the orders, as somebody's experiment that was left."""
    client = aws.client("lambda")
    role = client.get_function_configuration(FunctionName="notify_fulfillment")["Role"]
    client.create_function(
        FunctionName="experiment",
        Runtime=lab.RUNTIME,
        Handler="notify_fulfillment.lambda_handler",
        Role=role,
        Code={"ZipFile": lab.package("notify_fulfillment")},
    )
    client.create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:123456789012:CustomerOrders",
        FunctionName="experiment",
    )


def wait_at_once(wait: Callable[..., Any], look: Callable[[], Any], what: str, **_: Any) -> Any:
    """`wait_until` without patience."""
    return wait(look, what, timeout=0)


# The kind of the inventory that undoes each call, or that the made thing goes away with.
UNDONE_BY = {
    "CreateQueue": "SQS queue",
    "SetQueueAttributes": "SQS queue",
    "CreateLogGroup": "log group",
    "PutRetentionPolicy": "log group",
    "CreateRole": "IAM role",
    "PutRolePolicy": "IAM role",
    "UpdateAssumeRolePolicy": "IAM role",
    "CreateFunction": "Lambda function",
    "UpdateFunctionCode": "Lambda function",
    "UpdateFunctionConfiguration": "Lambda function",
    "AddPermission": "permission",
    "CreateEventSourceMapping": "event source mapping",
    "UpdateEventSourceMapping": "event source mapping",
    "CreateRestApi": "REST API",
    "CreateResource": "REST API",
    "CreateModel": "REST API",
    "UpdateModel": "REST API",
    "CreateRequestValidator": "REST API",
    "PutGatewayResponse": "REST API",
    "PutMethod": "REST API",
    "PutIntegration": "REST API",
    "CreateDeployment": "REST API",
    "TagResource": "REST API",
    "CreateUsagePlan": "usage plan",
    "CreateUsagePlanKey": "usage plan",
    "CreateApiKey": "API key",
    "CreateTopic": "SNS topic",
    "Subscribe": "subscription",
    "ConfirmSubscription": "SNS topic",
    "SetSubscriptionAttributes": "subscription",
    "CreateTable": "DynamoDB table",
}


READS = re.compile("(Get|List|Describe|Scan|Filter|Invoke|TestInvoke)")
