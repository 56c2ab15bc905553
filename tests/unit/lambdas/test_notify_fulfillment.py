"""notify_fulfillment reports what a topic does not take."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.support.handlers import failures, logged

Load = Callable[..., ModuleType]


class FakeTopic:
    """Takes only what AWS takes: ten entries, distinct ids, 256 KiB in all.

    It does not take an order of the product `refused`, and breaks down at one of `broken`.
    """

    def __init__(self, refused: str = "", broken: str = "") -> None:
        self.refused, self.broken = refused, broken
        self.products: list[str] = []

    def publish_batch(self, TopicArn: str, PublishBatchRequestEntries: list[Any]) -> Any:
        entries = {entry["Id"]: entry for entry in PublishBatchRequestEntries}
        assert 1 <= len(entries) == len(PublishBatchRequestEntries) <= 10
        assert sum(len(entry["Message"].encode()) for entry in entries.values()) <= 262_144
        orders = {i: json.loads(json.loads(e["Message"])["default"]) for i, e in entries.items()}
        if self.broken in [order["product"] for order in orders.values()]:
            raise EndpointConnectionError(endpoint_url="https://sns")
        taken = {i: o for i, o in orders.items() if o["product"] != self.refused}
        self.products += [order["product"] for order in taken.values()]
        failed = [{"Id": i, "Code": "InternalError"} for i in orders.keys() - taken.keys()]
        return {"Successful": [{"Id": i, "MessageId": "m"} for i in taken], "Failed": failed}


@pytest.fixture
def fake_topic(
    load_handler: Load, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[ModuleType, FakeTopic]]:
    def make(**trouble: str) -> tuple[ModuleType, FakeTopic]:
        handler = load_handler("notify_fulfillment", TOPIC_ARN="any")
        topic = FakeTopic(**trouble)
        monkeypatch.setattr(handler, "sns", topic)
        return handler, topic

    return make


FakeTopics = Callable[..., tuple[ModuleType, FakeTopic]]


def batch_of(*products: str) -> Any:
    """An event with an order for each product, m-0, m-1, …"""
    bodies = [
        {"product": product, "quantity": 1, "order_id": f"o-{number}"}
        for number, product in enumerate(products)
    ]
    return {
        "Records": [
            {"messageId": f"m-{number}", "body": json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def test_notify_reports_what_sns_did_not_take(
    fake_topic: FakeTopics, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, _ = fake_topic(refused="bad tea")
    reply = handler.lambda_handler(batch_of("tea", "bad tea", "tea"), None)
    assert failures(reply) == ["m-1"]
    assert "2 customer orders sent" in reply["body"]
    lines = {line["message_id"]: line for line in logged(capsys)}
    assert [lines[f"m-{n}"]["status"] for n in range(3)] == [
        "PUBLISHED", "NOT_PUBLISHED", "PUBLISHED",
    ]  # fmt: skip
    assert lines["m-1"] == {
        "hop": "notify_fulfillment",
        "order_id": "o-1",
        "status": "NOT_PUBLISHED",
        "message_id": "m-1",
        "error": "InternalError: ",
    }


def test_notify_keeps_batches_within_what_sns_takes(fake_topic: FakeTopics) -> None:
    handler, topic = fake_topic()
    products = ["a" * 60_000, "b" * 60_000, "c" * 60_000, *("tea" for _ in range(12))]
    assert failures(handler.lambda_handler(batch_of(*products), None)) == []
    assert topic.products == products


@pytest.mark.parametrize("where", [0, 1, 2])
def test_notify_reports_an_order_that_is_too_large_and_publishes_the_others(
    fake_topic: FakeTopics, capsys: pytest.CaptureFixture[str], where: int
) -> None:
    handler, topic = fake_topic()
    products = ["tea", "tea", "tea"]
    products[where] = "x" * 262_144
    assert failures(handler.lambda_handler(batch_of(*products), None)) == [f"m-{where}"]
    assert topic.products == ["tea", "tea"]
    (line,) = [line for line in logged(capsys) if line["status"] != "PUBLISHED"]
    assert (line["order_id"], line["status"]) == (f"o-{where}", "NOT_PUBLISHED")
    assert "bytes are more than SNS takes" in line["error"]


def test_notify_reports_only_the_batch_that_sns_broke_down_on(
    fake_topic: FakeTopics, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, topic = fake_topic(broken="b" * 120_000)
    products = ["a" * 120_000, "b" * 120_000, "c" * 120_000]
    assert failures(handler.lambda_handler(batch_of(*products), None)) == ["m-1"]
    assert topic.products == [products[0], products[2]]
    (line,) = [line for line in logged(capsys) if line["status"] != "PUBLISHED"]
    assert "EndpointConnectionError" in line["error"]


def test_notify_publishes_a_message_that_is_twice_in_a_batch(fake_topic: FakeTopics) -> None:
    handler, topic = fake_topic()
    twice = batch_of("tea", "tea")
    twice["Records"][1] = twice["Records"][0]
    assert failures(handler.lambda_handler(twice, None)) == []
    assert topic.products == ["tea", "tea"]


@pytest.mark.parametrize("body", ["[" * 200_000, "[]", '"tea"', "7", "null", '{"order_id": "o"}'])
def test_notify_reports_whatever_is_no_order(
    fake_topic: FakeTopics, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    handler, _ = fake_topic()
    batch = batch_of("tea", "tea")
    batch["Records"][0]["body"] = body
    assert failures(handler.lambda_handler(batch, None)) == ["m-0"]
    line = logged(capsys)[0]
    assert (line["status"], line["message_id"]) == ("UNREADABLE", "m-0")
    assert line["order_id"] == ("o" if "order_id" in body else None)
