"""The three handlers, on the very files in `events/`, with AWS at the local cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from lab.aws.session import Session
from lab.here.folders import ROOT
from tests.support.events import event
from tests.support.handlers import logged
from tests.support.queues import open_queue

Load = Callable[..., ModuleType]


# -- take_order ------------------------------------------------------------------------------


def queued(aws: Session) -> list[Any]:
    sqs = aws.client("sqs")
    names = sqs.list_queues().get("QueueUrls", [])
    if not names:
        return []
    reply = sqs.receive_message(QueueUrl=names[0], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in reply.get("Messages", [])]


def test_take_order_queues_the_order_and_answers_202(aws: Session, take_order: ModuleType) -> None:
    reply = take_order.lambda_handler(event("take_order"), None)
    assert reply["statusCode"] == 202
    assert json.loads(reply["body"]) == {"order_id": "console-test-1", "status": "QUEUED"}
    (order,) = queued(aws)
    assert order.pop("queued_epoch_ms") > 1_700_000_000_000
    assert order == {
        "product": "Ceylon tea, 250 g",
        "quantity": 3,
        "order_id": "console-test-1",
        "customer_email": "ana@example.com",
        "received_epoch_ms": 1680376465123,
    }


def test_take_order_creates_the_queue_once_and_uses_one_that_is_there(
    aws: Session, take_order: ModuleType
) -> None:
    take_order.lambda_handler(event("take_order"), None)
    take_order.lambda_handler(event("take_order.emoji"), None)
    assert len(aws.client("sqs").list_queues()["QueueUrls"]) == 1
    assert {order["product"] for order in queued(aws)} == {"Ceylon tea, 250 g", "شاي 🍵"}


def test_take_order_mints_an_id_for_an_order_without_one(take_order: ModuleType) -> None:
    order = event("take_order") | {"body": json.dumps({"product": "tea", "quantity": 1})}
    ids = {json.loads(take_order.lambda_handler(order, None)["body"])["order_id"] for _ in range(3)}
    assert len(ids) == 3


def test_take_order_creates_a_queue_again_that_was_deleted_with_its_settings_and_tags(
    aws: Session, load_handler: Load
) -> None:
    tags, attributes = {"tutorial": "tea"}, {"VisibilityTimeout": "90"}
    handler = load_handler(
        "take_order",
        QUEUE_NAME="CustomerOrders",
        QUEUE_TAGS=json.dumps(tags),
        QUEUE_ATTRIBUTES=json.dumps(attributes),
    )
    sqs = aws.client("sqs")
    handler.lambda_handler(event("take_order"), None)
    (url,) = sqs.list_queues()["QueueUrls"]
    sqs.delete_queue(QueueUrl=url)
    assert handler.lambda_handler(event("take_order"), None)["statusCode"] == 202
    assert len(queued(aws)) == 1
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"] == attributes


class Stakeholders:
    """A topic that keeps what it is told."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    def publish(self, TopicArn: str, Subject: str, Message: str) -> None:
        assert TopicArn == "theirs" and "CustomerOrders" in Message
        self.subjects.append(Subject)


@pytest.mark.parametrize(("there", "told"), [(False, ["The order queue was missing"]), (True, [])])
def test_take_order_tells_stakeholders_once_of_a_queue_that_it_had_to_create(
    aws: Session,
    load_handler: Load,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    told: list[str],
) -> None:
    if there:
        aws.client("sqs").create_queue(QueueName="CustomerOrders")
    handler = load_handler(
        "take_order", QUEUE_NAME="CustomerOrders", STAKEHOLDERS_TOPIC_ARN="theirs"
    )
    topic = Stakeholders()
    monkeypatch.setattr(handler, "sns", topic)
    for _ in range(3):
        assert handler.lambda_handler(event("take_order"), None)["statusCode"] == 202
    assert topic.subjects == told


@pytest.mark.parametrize(
    "variables", [{"STAKEHOLDERS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:Gone"}, {}]
)
def test_take_order_takes_the_order_also_when_stakeholders_cannot_be_told(
    aws: Session,
    load_handler: Load,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
) -> None:
    handler = load_handler("take_order", QUEUE_NAME="CustomerOrders", **variables)
    assert handler.lambda_handler(event("take_order"), None)["statusCode"] == 202
    taken, not_told = logged(capsys)
    assert (taken["status"], not_told["status"]) == ("QUEUED", "STAKEHOLDERS_NOT_TOLD")
    assert taken["order_id"] == not_told["order_id"] == "console-test-1"
    assert not_told["error"]
    assert len(queued(aws)) == 1


def test_take_order_logs_what_came_of_an_order_and_never_the_customers_e_mail(
    take_order: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    good = event("take_order")
    order = json.loads(good["body"])
    take_order.lambda_handler(good, None)
    take_order.lambda_handler(good | {"body": json.dumps({**order, "quantity": 0})}, None)
    take_order.lambda_handler(good | {"body": json.dumps({**order, "order_id": "a@b"})}, None)
    take_order.lambda_handler(event("take_order.not_json"), None)
    queued, refused, bad_id, no_json = [
        line for line in logged(capsys) if line["status"] != "STAKEHOLDERS_NOT_TOLD"
    ]
    assert queued.pop("message_id")
    assert queued == {"hop": "take_order", "order_id": "console-test-1", "status": "QUEUED"}
    assert refused == {
        "hop": "take_order",
        "order_id": "console-test-1",
        "status": "REFUSED",
        "error": "quantity: must be 1 or more",
    }
    assert (bad_id["order_id"], no_json["order_id"]) == (None, None)


def test_take_order_logs_an_order_that_it_could_not_queue_and_raises(
    aws: Session, load_handler: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = load_handler("take_order", QUEUE_NAME="no name for a queue")
    with pytest.raises(handler.ClientError):
        handler.lambda_handler(event("take_order"), None)
    (line,) = logged(capsys)
    assert (line["status"], line["order_id"]) == ("NOT_QUEUED", "console-test-1")
    assert "ClientError" in line["error"]


@pytest.mark.parametrize(
    ("stem", "field"),
    [
        ("take_order.not_json", "body"),
        ("take_order.empty_body", "body"),
        ("take_order.missing_product", "product"),
        ("take_order.boolean_quantity", "quantity"),
        ("take_order.unknown_field", "colour"),
        ("take_order.control_character", "product"),
    ],
)
def test_take_order_refuses_a_bad_event_and_queues_nothing(
    aws: Session, take_order: ModuleType, stem: str, field: str
) -> None:
    reply = take_order.lambda_handler(event(stem), None)
    assert reply["statusCode"] == 400
    assert json.loads(reply["body"])["message"].startswith(f"{field}: ")
    assert queued(aws) == []


# -- notify_fulfillment ----------------------------------------------------------------------


@pytest.fixture
def notify(aws: Session, load_handler: Load) -> tuple[ModuleType, str]:
    """The handler, and the URL of a queue that gets what is published."""
    sns = aws.client("sns")
    topic_arn = sns.create_topic(Name="Orders")["TopicArn"]
    url = open_queue(aws, "seen", topic_arn)
    sns.subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:seen",
        Attributes={"RawMessageDelivery": "true"},
    )
    return load_handler("notify_fulfillment", TOPIC_ARN=topic_arn), url


def published(aws: Session, url: str) -> list[Any]:
    reply = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in reply.get("Messages", [])]


def test_notify_publishes_the_order_and_says_so(
    aws: Session, notify: tuple[ModuleType, str]
) -> None:
    handler, url = notify
    reply = handler.lambda_handler(event("notify_fulfillment"), None)
    assert reply["statusCode"] == 200
    assert "1 customer order sent to fulfillment" in reply["body"]
    assert reply["batchItemFailures"] == []
    (order,) = published(aws, url)
    assert order["order_id"] == "console-test-1"
    assert order["notified_epoch_ms"] > order["queued_epoch_ms"]


def test_notify_reports_one_poison_message_and_publishes_the_other_nine(
    aws: Session, notify: tuple[ModuleType, str]
) -> None:
    handler, url = notify
    batch = event("notify_fulfillment.one_poison")
    reply = handler.lambda_handler(batch, None)
    assert reply["batchItemFailures"] == [{"itemIdentifier": batch["Records"][3]["messageId"]}]
    assert "9 customer orders sent" in reply["body"]
    assert len(published(aws, url)) == 9


def test_notify_lets_a_failing_topic_fail_the_batch_and_logs_each_order(
    load_handler: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = "arn:aws:sns:us-east-1:123456789012:Gone"
    handler = load_handler("notify_fulfillment", TOPIC_ARN=gone)
    with pytest.raises(handler.sns.exceptions.NotFoundException):
        handler.lambda_handler(event("notify_fulfillment"), None)
    (line,) = logged(capsys)
    assert (line["status"], line["order_id"]) == ("NOT_PUBLISHED", "console-test-1")
    assert "NotFound" in line["error"]


# -- record_order ----------------------------------------------------------------------------


@pytest.fixture
def record(aws: Session, load_handler: Load) -> ModuleType:
    aws.client("dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return load_handler("record_order", TABLE_NAME="Orders")


def stored(aws: Session) -> list[Any]:
    return list(aws.resource("dynamodb").Table("Orders").scan()["Items"])


def test_record_stores_the_order_with_its_times(aws: Session, record: ModuleType) -> None:
    reply = record.lambda_handler(event("record_order"), None)
    (item,) = stored(aws)
    assert json.loads(reply["body"]) == [item["record_id"]]
    assert item.pop("recorded_epoch_ms") > 1_700_000_000_000
    assert item.pop("record_id") == "7628feef-9ef8-563d-bf77-6b43831f20c0"
    assert {name: str(value) for name, value in item.items()} == {
        "order_id": "console-test-1",
        "product": "Ceylon tea, 250 g",
        "quantity": "3",
        "received_epoch_ms": "1680376465123",
        "queued_epoch_ms": "1680376465167",
        "notified_epoch_ms": "1680376465195",
        "posted_epoch": "1680376465.201",
        "posted_at": "2023-04-01 19:14:25 UTC",
        "order_date": "2023-04-01",
    }


def test_record_stores_a_redelivered_order_once(
    aws: Session, record: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    first = record.lambda_handler(event("record_order"), None)
    before = stored(aws)
    assert record.lambda_handler(event("record_order.redelivered"), None) == first
    assert stored(aws) == before
    lines = logged(capsys)
    assert [line.pop("status") for line in lines] == ["RECORDED", "ALREADY_RECORDED"]
    assert all(line.pop("message_id") for line in lines)
    assert (
        lines[0]
        == lines[1]
        == {
            "hop": "record_order",
            "order_id": "console-test-1",
            "record_id": "7628feef-9ef8-563d-bf77-6b43831f20c0",
        }
    )


@pytest.mark.parity(
    "A put on the condition `attribute_not_exists` fails if the item is there, and "
    "returns that item if asked",
    kept="yes",
    module="moto",
    service="DynamoDB",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html",
)
def test_record_never_overwrites_an_order_with_other_content(
    aws: Session, record: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    record.lambda_handler(event("record_order"), None)
    before = stored(aws)
    conflict = "console-test-1 exists already, with another quantity"
    with pytest.raises(record.ConflictError, match=conflict):
        record.lambda_handler(event("record_order.other_content"), None)
    assert stored(aws) == before
    line = logged(capsys)[-1]
    assert (line["status"], line["order_id"]) == ("CONFLICT", "console-test-1")
    assert conflict in line["error"]


def test_record_fails_on_an_order_without_an_id(
    aws: Session, record: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyError, match="order_id"):
        record.lambda_handler(event("record_order.no_order_id"), None)
    assert stored(aws) == []
    (line,) = logged(capsys)
    assert (line["status"], line["order_id"]) == ("UNREADABLE", None)


def test_record_logs_an_order_that_it_could_not_write(
    aws: Session, record: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.client("dynamodb").delete_table(TableName="Orders")
    with pytest.raises(record.dynamodb.meta.client.exceptions.ResourceNotFoundException):
        record.lambda_handler(event("record_order"), None)
    (line,) = logged(capsys)
    assert (line["status"], line["order_id"]) == ("NOT_RECORDED", "console-test-1")


def test_every_event_file_has_a_test() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    missing = [
        path.stem for path in (ROOT / "events").glob("*.json") if f'"{path.stem}"' not in source
    ]
    assert missing == []
