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
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

import lab
from lab.aws.session import Session
from lab.here.folders import ROOT
from tests.support.events import event
from tests.support.queues import open_queue
from tests.support.strategies import JSON

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


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_every_client_says_how_long_it_waits_and_how_often_it_tries(path: Any) -> None:
    """boto3's own defaults, 60 s and a pause of a second, outlast a function's timeout."""
    source = ast.parse(path.read_text("utf-8"))
    values = {ast.unparse(n.targets[0]): n.value for n in source.body if isinstance(n, ast.Assign)}
    made = [ast.unparse(v) for v in values.values() if ast.unparse(v).startswith("boto3.")]
    assert made
    for text in made:
        for option in ("connect_timeout=", "read_timeout=", "retries="):
            assert option in text, text
    assert source_of(path).count("total_max_attempts") == len(made)
    assert source_of(path).count("boto3.") == len(made)  # and there are no others


def source_of(path: Any) -> str:
    return str(path.read_text("utf-8"))


def logged(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """The lines that a handler has printed since the last time, each one JSON."""
    text = capsys.readouterr().out
    assert "ana@example.com" not in text
    return [json.loads(line) for line in text.splitlines()]


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


@pytest.mark.parametrize(
    "field", ["ana@example.com", "ana maria lopez@example.com", "a" * 64 + "@example.com"]
)
def test_take_order_logs_nothing_of_a_field_that_it_does_not_know(
    take_order: ModuleType, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    body = json.dumps({"product": "tea", "quantity": 1, field: 1})
    reply = take_order.lambda_handler(event("take_order") | {"body": body}, None)
    assert json.loads(reply["body"])["message"].startswith(f"{field[:64]}: ")
    (line,) = logged(capsys)
    assert line["error"] == "body: must be left out, as it is not a field of an order"


def test_take_order_logs_an_order_that_it_could_not_queue_and_raises(
    aws: Session, load_handler: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = load_handler("take_order", QUEUE_NAME="no name for a queue")
    with pytest.raises(handler.ClientError):
        handler.lambda_handler(event("take_order"), None)
    (line,) = logged(capsys)
    assert (line["status"], line["order_id"]) == ("NOT_QUEUED", "console-test-1")
    assert "ClientError" in line["error"]


@pytest.mark.parametrize("body", [None, 7, True, {"product": "tea", "quantity": 1}, ["tea"]])
def test_take_order_refuses_a_body_that_is_no_text(take_order: ModuleType, body: Any) -> None:
    reply = take_order.lambda_handler(event("take_order") | {"body": body}, None)
    assert (reply["statusCode"], json.loads(reply["body"])) == (
        400,
        {"message": "body: must be JSON"},
    )


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
    ("quantity", {"product": "tea", "quantity": 3.0}),
    ("quantity", {"product": "tea", "quantity": True}),
    ("quantity", {"product": "tea", "quantity": "3"}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "a b"}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "x" * 65}),
    ("order_id", {"product": "tea", "quantity": 1, "order_id": "abc\n"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "ana"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": None}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "ana@"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "a\r@b"}),
    ("customer_email", {"product": "tea", "quantity": 1, "customer_email": "a@" + "b" * 253}),
    ("colour", {"product": "tea", "quantity": 1, "colour": "green"}),
    ("product", {"quantity": 1, "product": "line\nbreak"}),
    ("product", {"quantity": 1, "product": "tea\n"}),
    ("product", {"quantity": 1, "product": "\x7f"}),
    ("product", {"quantity": 1, "product": "\ud800"}),
    ("product", {"quantity": 1, "product": "\ufffe"}),
    ("product", {"quantity": 1, "product": "\uffff"}),
]
UNSENDABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")


@pytest.mark.parametrize(("field", "order"), BAD_ORDERS)
def test_take_order_names_the_field_at_fault(
    take_order: ModuleType, field: str, order: Any
) -> None:
    reply = take_order.lambda_handler(event("take_order") | {"body": json.dumps(order)}, None)
    assert reply["statusCode"] == 400
    assert json.loads(reply["body"])["message"].startswith(f"{field}: ")


def test_what_a_refusal_says_is_short_whatever_was_sent(take_order: ModuleType) -> None:
    order = {"product": "tea", "quantity": 1, "x" * 100_000: 1}
    reply = take_order.lambda_handler(event("take_order") | {"body": json.dumps(order)}, None)
    assert reply["statusCode"] == 400
    assert len(reply["body"]) < 300


# What ECMA-262 means by $ is \Z in Python, whose $ lets a line break pass at the end.
MODEL = Draft4Validator(json.loads(json.dumps(lab.schema("take_order")).replace('$"', '\\\\Z"')))


def test_the_schema_is_one_that_api_gateway_can_read(take_order: ModuleType) -> None:
    """Draft 4, and patterns that mean the same on UTF-16 as here: no character above it."""
    schema = lab.schema("take_order")
    assert schema == take_order.SCHEMA
    Draft4Validator.check_schema(schema)
    for field in schema["properties"].values():
        assert re.fullmatch(r"\^[\x20-\x7e]*\$", field.get("pattern", "^$"))
        assert not re.search(r"\\u[d-f]|\\[AZbBdDwWsSpP]|\(\?", field.get("pattern", ""))


def test_the_handler_knows_every_keyword_of_the_schema(take_order: ModuleType) -> None:
    known = {*take_order.RULES, "required", "additionalProperties", "properties", "$schema"}
    schema = take_order.SCHEMA
    assert schema["additionalProperties"] is False
    assert schema.keys() <= known
    for field in schema["properties"].values():
        assert field.keys() <= take_order.RULES.keys()
        assert field["type"] in take_order.TYPES


def test_what_the_api_model_refuses_the_handler_refuses_too(take_order: ModuleType) -> None:
    refused = [order for _, order in BAD_ORDERS if not MODEL.is_valid(order)]
    assert len(refused) == len(BAD_ORDERS) - 3  # the three that only the handler can tell
    for order in refused:
        with pytest.raises(ValueError, match="must be "):
            take_order.parse(json.dumps(order))


ANY_TEXT = st.text(max_size=20) | st.text(
    st.sampled_from("a\n\x00\x1f\x7f\x80\ud800\udfff\ufffe\uffff🍵@"), max_size=4
)
TEXT = ANY_TEXT | st.sampled_from([199, 200, 201]).map("x".__mul__) | JSON
EMAIL = st.builds("{}@{}".format, ANY_TEXT, ANY_TEXT) | st.sampled_from([253, 254]).map("@".rjust)
ORDER = st.fixed_dictionaries(
    {
        "product": TEXT,
        "quantity": st.integers(-2, 2)
        | st.integers(9_998, 10_002)
        | st.sampled_from([3.0, 1e2, True])
        | JSON,
    },
    optional={
        "order_id": st.sampled_from([62, 64, 65]).map("o".__mul__)
        | st.sampled_from(["ok", "é", "a b", "", "ok\n"])
        | JSON,
        "customer_email": EMAIL | JSON,
    },
)
GOOD = {"product": "tea", "quantity": 1}


@given(order=ORDER | JSON | st.builds(GOOD.__or__, st.dictionaries(st.text(max_size=9), JSON)))
@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_handler_and_model_accept_the_same_but_for_what_sqs_cannot_carry(
    take_order: ModuleType, order: Any
) -> None:
    accepted, field, must = None, "", ""
    try:
        accepted = take_order.parse(json.dumps(order))
    except ValueError as error:
        field, must = error.args
    if accepted is None:
        own = order if type(order) is dict else ()
        assert field in {"body", *take_order.SCHEMA["properties"], *own}
        assert must.startswith("must be ")
        texts = order.values() if isinstance(order, dict) else ()
        assert not MODEL.is_valid(order) or any(UNSENDABLE.search(str(text)) for text in texts)
        return
    assert MODEL.is_valid(order)
    body = json.dumps(accepted, ensure_ascii=False).encode()  # no lone surrogates
    assert len(body) < 256 * 1024
    assert not re.search("[\x00-\x1f\ufffe\uffff]", body.decode())


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


class FakeTopic:
    """Takes what AWS takes, and no more: ten entries, distinct ids, 256 KiB in all.

    Whatever is about a product in `refused` it does not take, and it breaks down at one in
    `broken`.
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


def failures(reply: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in reply["batchItemFailures"]]


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
