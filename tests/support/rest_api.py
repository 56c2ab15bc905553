"""A REST API with one method, in front of a function that shows what it gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import lab
from lab.aws.session import Session
from tests.support import http
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

    def put_method(self, *, timeout_ms: int = 29_000, **options: Any) -> None:
        ids = {"restApiId": self.id, "resourceId": self.resource_id, "httpMethod": "POST"}
        self.api.put_method(**ids, authorizationType="NONE", **options)
        arn = "arn:aws:lambda:us-east-1:123456789012:function:echo"
        self.api.put_integration(
            **ids,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            timeoutInMillis=timeout_ms,
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        )

    def post(self, body: Any, **headers: str) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        answer = http.request("POST", self.url(), body=content, headers=headers)
        return answer.status, answer.json()

    def plan(self, stage: str = "prod", **options: Any) -> str:
        """A usage plan for the stage with a key; returns the key's value."""
        plan = self.api.create_usage_plan(
            name="plan", apiStages=[{"apiId": self.id, "stage": stage}], **options
        )
        key = self.api.create_api_key(name="key", enabled=True)
        self.api.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        return str(key["value"])


def make_api(aws: Session) -> Api:
    """The API, which has no method yet and is not deployed; it may invoke the function."""
    make_function(aws, "echo", ECHO)
    client = aws.client("apigateway")
    made = client.create_rest_api(name="api")
    root = client.get_resources(restApiId=made["id"])["items"][0]["id"]
    orders = client.create_resource(restApiId=made["id"], parentId=root, pathPart="orders")
    source_arn = f"arn:aws:execute-api:us-east-1:123456789012:{made['id']}/*"
    permit(aws, "echo", "apigateway.amazonaws.com", source_arn)
    return Api(aws, client, made["id"], orders["id"])
