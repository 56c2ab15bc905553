"""The three handlers, on the very files in `events/`, with AWS at the local cloud."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from lab.session import Session
from tests.conftest import ROOT, event

Load = Callable[..., ModuleType]
HANDLERS = sorted((ROOT / "lambdas").glob("*.py"))


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_a_handler_imports_the_standard_library_and_boto3_only(path: Any) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names <= sys.stdlib_module_names | {"boto3", "botocore"}


# -- take_order ------------------------------------------------------------------------------


@pytest.fixture
def take_order(load_handler: Load) -> ModuleType:
    return load_handler("take_order", QUEUE_NAME="CustomerOrders")


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


def test_take_order_creates_a_queue_again_that_was_deleted_and_tags_it(
    aws: Session, load_handler: Load
) -> None:
    tags = {"tutorial": "tea"}
    handler = load_handler("take_order", QUEUE_NAME="CustomerOrders", QUEUE_TAGS=json.dumps(tags))
    sqs = aws.client("sqs")
    handler.lambda_handler(event("take_order"), None)
    (url,) = sqs.list_queues()["QueueUrls"]
    sqs.delete_queue(QueueUrl=url)
    assert handler.lambda_handler(event("take_order"), None)["statusCode"] == 202
    assert len(queued(aws)) == 1
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags


def test_take_order_refuses_an_abyss_of_brackets(take_order: ModuleType) -> None:
    reply = take_order.lambda_handler(event("take_order") | {"body": "[" * 200_000}, None)
    assert reply["statusCode"] == 400


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


BAD_ORDERS = [
    ("body", []),
    ("body", "tea"),
    ("product", {"quantity": 1, "product": ""}),
    ("product", {"quantity": 1, "product": "x" * 201}),
    ("product", {"quantity": 1, "product": 7}),
    ("quantity", {"product": "tea"}),
    ("quantity", {"product": "tea", "quantity": 0}),
    ("quantity", {"product": "tea", "quantity": -3}),
    ("quantity", {"product": "tea", "quantity": 10_001}),
    ("quantity", {"product": "tea", "quantity": 1.5}),
    ("quantity", {"product": "tea", "quantity": "3"}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "a b"}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "x" * 65}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "abc\n"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "ana"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": None}),
    ("product", {"quantity": 1, "product": "line\nbreak"}),
    ("product", {"quantity": 1, "product": "\ud800"}),
]


@pytest.mark.parametrize(("field", "order"), BAD_ORDERS)
def test_take_order_names_the_field_at_fault(
    take_order: ModuleType, field: str, order: Any
) -> None:
    reply = take_order.lambda_handler(event("take_order") | {"body": json.dumps(order)}, None)
    assert reply["statusCode"] == 400
    assert json.loads(reply["body"])["message"].startswith(f"{field}: ")


def test_what_the_api_model_refuses_the_handler_refuses_too(take_order: ModuleType) -> None:
    schema = api_schema()
    refused = [order for _, order in BAD_ORDERS if not Draft4Validator(schema).is_valid(order)]
    assert len(refused) >= 13
    for order in refused:
        with pytest.raises(ValueError, match=": "):
            take_order.parse(json.dumps(order))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TEXT = st.text(max_size=20) | st.integers(190, 210).map("x".__mul__) | JSON
ORDER = st.fixed_dictionaries(
    {"product": TEXT, "quantity": st.integers(-2, 2) | st.integers(9_998, 10_002) | JSON},
    optional={
        "order_id": st.integers(62, 67).map("o".__mul__)
        | st.sampled_from(["ok", "é", "a b", ""])
        | JSON,
        "customer_email": st.just("ana@example.com") | JSON,
    },
)


@given(order=ORDER | JSON)
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_the_handler_accepts_the_model_accepts_and_sqs_can_carry(
    take_order: ModuleType, order: Any
) -> None:
    accepted, refusal = None, ""
    try:
        accepted = take_order.parse(json.dumps(order))
    except ValueError as error:
        refusal = str(error)
    if accepted is None:
        fields = {"body", *take_order.FIELDS, *(order if isinstance(order, dict) else ())}
        assert any(refusal.startswith(f"{field}: ") for field in fields)
        return
    assert Draft4Validator(api_schema()).is_valid(order)
    body = json.dumps(accepted, ensure_ascii=False).encode()  # no lone surrogates
    assert len(body) < 256 * 1024
    assert not re.search(rb"[\x00-\x1f]", body)


def api_schema() -> Any:
    """The model as chapter 00 writes it."""
    tree = ast.parse((ROOT / "scripts" / "00_take_orders.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "schema":
            return ast.literal_eval(node.value)
    raise AssertionError("chapter 00 has no schema")


# -- notify_fulfillment ----------------------------------------------------------------------


@pytest.fixture
def notify(aws: Session, load_handler: Load) -> tuple[ModuleType, str]:
    """The handler, and the URL of a queue that gets what is published."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic_arn = sns.create_topic(Name="Orders")["TopicArn"]
    url = sqs.create_queue(QueueName="seen")["QueueUrl"]
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


def test_notify_reports_what_sns_did_not_take(
    notify: tuple[ModuleType, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, _ = notify
    batch = event("notify_fulfillment.one_poison")
    entries = [handler.entry(record) for record in batch["Records"][:3]]

    class RefusesOne:
        def publish_batch(self, **request: Any) -> Any:
            first, *others = request["PublishBatchRequestEntries"]
            return {
                "Successful": [{"Id": entry["Id"], "MessageId": "1"} for entry in others],
                "Failed": [{"Id": first["Id"], "Code": "InternalError", "SenderFault": False}],
            }

    monkeypatch.setattr(handler, "sns", RefusesOne())
    assert handler.publish(entries) == [entries[0]["Id"]]


def test_notify_lets_a_failing_topic_fail_the_batch(load_handler: Load) -> None:
    gone = "arn:aws:sns:us-east-1:123456789012:Gone"
    handler = load_handler("notify_fulfillment", TOPIC_ARN=gone)
    with pytest.raises(handler.sns.exceptions.NotFoundException):
        handler.lambda_handler(event("notify_fulfillment"), None)


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


def test_record_stores_a_redelivered_order_once(aws: Session, record: ModuleType) -> None:
    first = record.lambda_handler(event("record_order"), None)
    before = stored(aws)
    assert record.lambda_handler(event("record_order.redelivered"), None) == first
    assert stored(aws) == before


def test_record_never_overwrites_an_order_with_other_content(
    aws: Session, record: ModuleType
) -> None:
    record.lambda_handler(event("record_order"), None)
    before = stored(aws)
    with pytest.raises(ValueError, match="console-test-1 exists already, with another quantity"):
        record.lambda_handler(event("record_order.other_content"), None)
    assert stored(aws) == before


def test_record_fails_on_an_order_without_an_id(aws: Session, record: ModuleType) -> None:
    with pytest.raises(KeyError, match="order_id"):
        record.lambda_handler(event("record_order.no_order_id"), None)
    assert stored(aws) == []


def test_every_event_file_has_a_test() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    missing = [
        path.stem for path in (ROOT / "events").glob("*.json") if f'"{path.stem}"' not in source
    ]
    assert missing == []
