"""The front door of the chain, to which anything can be sent."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from jsonschema import Draft4Validator

import lab
from lab.aws.session import Session
from lab.course.names import names
from tests.support import http

TEXT = {"type": "string"}


QUEUED = {
    "type": "object",
    "required": ["order_id", "status"],
    "additionalProperties": False,
    "properties": {
        "order_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        "status": {"type": "string", "enum": ["QUEUED"]},
    },
}


REFUSED = {
    "type": "object",
    "required": ["message"],
    "additionalProperties": False,
    "properties": {"message": TEXT, "expected": TEXT},
}


# What SQS does not carry, and what is no character at all.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass
class Door:
    """The front door of chapter 01, where nothing empties the queue, and what it has answered."""

    aws: Session
    taken: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        api = self.aws.client("apigateway")
        (found,) = api.get_rest_apis()["items"]
        self.base = lab.invoke_url(self.aws, found["id"], "prod", "")
        self.model = json.loads(api.get_model(restApiId=found["id"], modelName="Order")["schema"])
        self.paths = {
            resource["path"]: list(resource["resourceMethods"])
            for resource in api.get_resources(restApiId=found["id"])["items"]
            if "resourceMethods" in resource
        }
        (key,) = api.get_api_keys(includeValues=True)["items"]
        self.key = {"x-api-key": key["value"]}
        self.drain()  # of the chapter's own test orders

    def document(self) -> dict[str, Any]:
        """The API as OpenAPI 3.0, whose schemas are nearest to the draft 4 of API Gateway's."""
        key = {"type": "apiKey", "in": "header", "name": "x-api-key"}
        answers = {"202": QUEUED, "400": REFUSED, "403": REFUSED}
        operation = {
            "security": [{"key": []}],
            "requestBody": {"required": True, "content": json_content(self.model)},
            "responses": {
                status: {"description": status, "content": json_content(schema)}
                for status, schema in answers.items()
            },
        }
        return {
            "openapi": "3.0.3",
            "info": {"title": "Orders", "version": "1"},
            "components": {"securitySchemes": {"key": key}},
            "paths": {
                path: {method.lower(): operation for method in methods}
                for path, methods in self.paths.items()
            },
        }

    def is_order(self, body: bytes) -> bool:
        try:
            order = json.loads(body.decode())
        except (ValueError, RecursionError):
            return False
        return Draft4Validator(self.model).is_valid(order) and not (
            NO_TEXT.search(order["product"])
            or NO_TEXT.search(order.get("customer_email", ""))
            or "@" not in order.get("customer_email", "a@b")[1:-1]
        )

    def post(self, body: bytes, headers: dict[str, str], query: dict[str, str]) -> None:
        url = f"{self.base}/orders?{urlencode(query)}"
        answer = http.request("POST", url, body=body, headers={**headers, **self.key})
        assert answer.headers["Content-Type"] == "application/json"
        self.judge(body, answer.status, answer.json())

    def judge(self, body: bytes, status: int, answer: Any) -> None:
        """An order got a 202 and its id; everything else a 400 that names what is wrong."""
        self.statuses[status] += 1
        if self.is_order(body):
            assert (status, answer["status"]) == (202, "QUEUED")
            assert answer["order_id"] == json.loads(body).get("order_id", answer["order_id"])
            self.taken[answer["order_id"]] += 1
        else:
            assert status == 400
            Draft4Validator(REFUSED).validate(answer)
            assert names_a_field(answer["message"], body)

    def drain(self) -> Counter[str]:
        """Take everything from the queue; how often each order was on it, by its id."""
        sqs = self.aws.client("sqs")
        url = sqs.get_queue_url(QueueName=names().queue)["QueueUrl"]
        found: Counter[str] = Counter()
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found[json.loads(message["Body"])["order_id"]] += 1
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found


def json_content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def names_a_field(message: str, body: bytes) -> bool:
    """Whether the message is about the body, or a field of an order or of what was sent."""
    (*known,) = "body", "product", "quantity", "order_id", "customer_email"
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        sent = None
    fields = [*known, *(sent if isinstance(sent, dict) else ())]
    return any(message.startswith((f"{name}: ", f"[{name}: ", f"[{name}.")) for name in fields)
