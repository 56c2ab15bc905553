"""Strangers at the front door: whatever is posted is taken as an order or refused, and no more.

schemathesis makes requests from an OpenAPI document of what stands in the cloud; Hypothesis
makes those that no document describes. What an order is, is judged here anew, by the deployed
model and one rule on characters, and not by asking the handler.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from schemathesis import GenerationMode

import lab
from benchmarks.bench import lift_throttle
from lab.aws.session import Session
from lab.course.names import names
from tests.lab.test_chapters import run_chapters
from tests.lambdas.test_lambdas import JSON

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


def examples(count: int) -> Callable[[Any], Any]:
    """The same examples in every run, as many as the time for them allows."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


@dataclass
class Door:
    """The front door of chapter 00, where nothing empties the queue, and what it has answered."""

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
        answer = urllib3.request("POST", url, body=body, headers={**headers, **self.key})
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


@pytest.fixture
def door(aws: Session) -> Door:
    run_chapters("00")
    lift_throttle(aws)
    return Door(aws)


@pytest.mark.parametrize("mode", GenerationMode)
def test_requests_made_from_the_deployed_model_get_what_is_documented(
    door: Door, mode: GenerationMode
) -> None:
    checks = {
        "positive_data_acceptance": {"enabled": False},  # `judge` knows better
        "unsupported_method": {"enabled": False},  # AWS says 403, not 405
    }
    config = {"checks": checks, "generation": {"with-security-parameters": False}}
    schema = schemathesis.openapi.from_dict(
        door.document(), config=schemathesis.Config.from_dict(config)
    )
    schema.config.update(base_url=door.base)

    @given(case=schema["/orders"]["POST"].as_strategy(generation_mode=mode))
    @examples(200)
    def call(case: schemathesis.Case[Any]) -> None:
        answer = case.call_and_validate(headers=door.key)
        sent = answer.request.body or b""
        assert isinstance(sent, bytes)
        door.judge(sent, answer.status_code, answer.json())

    call()
    assert door.drain() == door.taken
    assert door.statuses[202 if mode is GenerationMode.POSITIVE else 400] > 20


# Bodies: orders, orders with one field changed, cut short, in another encoding; and anything.
ORDERS = st.fixed_dictionaries(
    {"product": st.text(max_size=20).map("tea".__add__), "quantity": st.integers(1, 10_000)},
    optional={"order_id": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)},
)
VALUES = JSON | st.integers(-1, 1) | st.just(10_001) | st.sampled_from(["a@b", "x" * 201, "é"])
NEARLY = st.builds(
    lambda order, name, value: {**order, name: value},
    ORDERS,
    st.sampled_from(["product", "quantity", "order_id", "customer_email", "color"]),
    VALUES,
)
BODIES = (
    ORDERS.map(json.dumps).map(str.encode)
    | NEARLY.map(json.dumps).map(str.encode)
    | NEARLY.map(json.dumps).map(lambda text: text[: len(text) // 2].encode())
    | NEARLY.map(json.dumps).map(lambda text: text.encode("utf-16"))
    | JSON.map(json.dumps).map(str.encode)
    | st.binary(max_size=50)
    | st.sampled_from([b"", b'{"product": "a", "quantity": 1e2}'])
)
HEAVY = (b"[" * 100_000, b"9" * 5_000, b'"%s"' % (b"x" * 1_000_000))
CONTENT_TYPES = st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", "x",
     "application/x-www-form-urlencoded", "application/octet-stream", "multipart/form-data"]
)  # fmt: skip
HEADERS = st.dictionaries(
    st.from_regex(r"[Xx]-[A-Za-z0-9-]{1,20}", fullmatch=True),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=50).map(str.strip),
    max_size=3,
)
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])


def test_any_body_under_any_content_type_is_an_order_or_refused(door: Door) -> None:
    @given(body=BODIES, content_type=CONTENT_TYPES, headers=HEADERS, query=HEADERS)
    @examples(400)
    def post(body: bytes, content_type: str, headers: Any, query: Any) -> None:
        door.post(body, {**headers, "Content-Type": content_type}, query)

    post()
    for body in HEAVY:
        door.post(body, {"Content-Type": "text/plain"}, {})
    assert door.drain() == door.taken
    assert min(door.statuses[202], door.statuses[400]) > 20


def test_another_method_is_refused_and_nothing_is_queued(door: Door) -> None:
    @given(method=METHODS, body=BODIES, headers=HEADERS)
    @examples(100)
    def call(method: str, body: bytes, headers: Any) -> None:
        url, headers = f"{door.base}/orders", {**headers, **door.key}
        answer = urllib3.request(method, url, body=body, headers=headers)
        assert answer.status == 403
        assert method == "HEAD" or answer.json() == {"message": "Missing Authentication Token"}

    call()
    assert not door.drain()
