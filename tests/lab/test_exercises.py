"""Exercises: each believes evidence only, and says of a wrong answer what is wrong with it.

For each there is a wrong answer, one that is half right, and one that is right by luck only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE, orders
from lab.course.inbox import about_order, inbox
from lab.course.names import names
from lab.engine import exercises
from lab.errors import UnsolvedError
from tests.support.chapters import TOPIC, given, post, status
from tests.support.usage_plan import lift_throttle

Answer = Callable[[Session], None]


def said_of(aws: Session, number: str, answer: Answer) -> str:
    """What the exercise says of an answer, when all that it set off is done."""
    given("01", "02", "03", "04", "05")
    lift_throttle(aws)
    answer(aws)
    address = aws.client("sqs").meta.endpoint_url
    wait_until(lambda: status(address)["is_idle"], "all is done", timeout=90)
    return exercises.missing(aws, COURSE.find(number))


# -- 01 to 05: a setting ---------------------------------------------------------------------------


def wait_time(queue: str, seconds: int) -> Answer:
    def answer(aws: Session) -> None:
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        attributes = {"ReceiveMessageWaitTimeSeconds": str(seconds)}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    return answer


@pytest.mark.parametrize(
    ("queue", "seconds", "says"),
    [
        ("queue", 0, "Expected ReceiveMessageWaitTimeSeconds 20 of CustomerOrders, found 0."),
        ("queue", 2, "Expected ReceiveMessageWaitTimeSeconds 20 of CustomerOrders, found 2."),
        ("queue_dead_letters", 20, "of CustomerOrders, found 0."),
        ("queue", 20, ""),
    ],
)
def test_00_wants_the_queue_to_wait_20_s(aws: Session, queue: str, seconds: int, says: str) -> None:
    found = said_of(aws, "01", wait_time(getattr(names(), queue), seconds))
    assert found.endswith(says) and bool(found) == bool(says)


NOT_A_DRILL = {"anything-but": "drill"}
NO_KIND = {"exists": False}


@pytest.mark.parametrize(
    ("topic", "policy", "says"),
    [
        ("topic", {}, "has no filter policy."),
        ("stakeholders", {"kind": [NOT_A_DRILL, NO_KIND]}, "has no filter policy."),
        ("topic", {"kind": ["drill"]}, "With this policy, drills come by mail."),
        ("topic", {"kind": [NOT_A_DRILL, NO_KIND, "drill"]}, "drills come by mail."),
        ("topic", {"kind": [NO_KIND]}, "every `kind` but `drill` through, found none."),
        ("topic", {"kind": [{"anything-but": "drills"}, NO_KIND]}, "found none."),
        ("topic", {"kind": [NOT_A_DRILL]}, "orders have no attribute `kind`."),
        ("topic", {"kind": [NOT_A_DRILL, NO_KIND], "shop": ["tea"]}, "shop, which no order has."),
        ("topic", {"kind": [NOT_A_DRILL, NO_KIND]}, ""),
        ("topic", {"kind": [NO_KIND, {"anything-but": ["drill"]}]}, ""),
    ],
)  # fmt: skip
def test_03_wants_all_mails_but_those_of_drills(
    aws: Session, topic: str, policy: dict[str, Any], says: str
) -> None:
    found = said_of(aws, "03", filter_policy(topic, policy))
    assert found.endswith(says) and bool(found) == bool(says)


def test_03_wants_it_of_the_attributes(aws: Session) -> None:
    def answer(aws: Session) -> None:
        filter_policy("topic", {"kind": [NOT_A_DRILL, NO_KIND]}, "MessageBody")(aws)

    assert "on message attributes" in said_of(aws, "03", answer)


def filter_policy(topic: str, policy: dict[str, Any], scope: str = "") -> Answer:
    def answer(aws: Session) -> None:
        sns = aws.client("sns")
        arn = TOPIC.replace("Orders", getattr(names(), topic))
        found = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        (mails,) = (each["SubscriptionArn"] for each in found if each["Protocol"] == "email")
        settings = {"FilterPolicyScope": scope, "FilterPolicy": json.dumps(policy)}
        for name, value in settings.items():
            if value:
                sns.set_subscription_attributes(
                    SubscriptionArn=mails, AttributeName=name, AttributeValue=value
                )

    return answer


def test_03_a_right_answer_keeps_drills_out_and_orders_in(aws: Session) -> None:
    def answer(aws: Session) -> None:
        filter_policy("topic", {"kind": [NOT_A_DRILL, NO_KIND]})(aws)
        drill = {"kind": {"DataType": "String", "StringValue": "drill"}}
        text = json.dumps({"order_id": "drill"})
        aws.client("sns").publish(TopicArn=TOPIC, Message=text, MessageAttributes=drill)
        assert post(aws, product="tea", quantity=1, order_id="no-drill") == 202

    assert said_of(aws, "03", answer) == ""
    box = inbox(aws)
    assert box is not None
    assert list(about_order(box, "no-drill")) and not list(about_order(box, "drill"))


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((), "Time to live of Orders is off."),
        (((True, "posted_epoch"),), "for the attribute expires_epoch, found posted_epoch."),
        (((True, "expires_epoch"), (False, "expires_epoch")), "Time to live of Orders is off."),
        (((True, "expires_epoch"),), ""),
    ],
)
def test_02_wants_time_to_live_for_the_right_attribute(
    aws: Session, steps: tuple[tuple[bool, str], ...], says: str
) -> None:
    def answer(aws: Session) -> None:
        for enabled, attribute in steps:
            aws.client("dynamodb").update_time_to_live(
                TableName=names().table,
                TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
            )

    found = said_of(aws, "04", answer)
    assert found.endswith(says) and bool(found) == bool(says)


def trigger(aws: Session, **settings: Any) -> None:
    """Change the trigger, and wait until that is done."""
    lambda_ = aws.client("lambda")
    (found,) = lambda_.list_event_source_mappings()["EventSourceMappings"]
    uuid = found["UUID"]
    lambda_.update_event_source_mapping(UUID=uuid, **settings)
    done = ("Enabled", "Disabled")
    wait_until(
        lambda: lambda_.get_event_source_mapping(UUID=uuid)["State"] in done, "it is changed"
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"BatchSize": 1}, "Expected a batching window of 1 s, found 0 s."),
        ({"MaximumBatchingWindowInSeconds": 5}, "found 5 s."),
        ({"MaximumBatchingWindowInSeconds": 0}, "found 0 s."),
        ({"MaximumBatchingWindowInSeconds": 1}, ""),
    ],
)
def test_03_wants_a_window_of_1_s(aws: Session, settings: dict[str, int], says: str) -> None:
    found = said_of(aws, "05", lambda aws: trigger(aws, **settings))
    assert found.endswith(says) and bool(found) == bool(says)


# -- 06 to 08: orders, and what the functions logged of them ---------------------------------------


def posted(*wanted: dict[str, Any]) -> Answer:
    def answer(aws: Session) -> None:
        for order in wanted:
            assert post(aws, **{"product": "tea", "quantity": 2, **order}) == 202

    return answer


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ((), "There is no order exercise-06"),
        (({"order_id": "exercise-4"},) * 2, "There is no order exercise-06"),
        (({"order_id": "exercise-06"},), "Expected two lines QUEUED with the id exercise-06"),
        (({"order_id": "exercise-06", "quantity": 1},) * 2, "a quantity of at least 2, found 1."),
        (({"order_id": "exercise-06"}, {"order_id": "x"}), "of take_order, found 1: the shop"),
        (({"order_id": "exercise-06"},) * 2, ""),
    ],
)
def test_04_wants_one_order_posted_twice(
    aws: Session, sent: tuple[dict[str, Any], ...], says: str
) -> None:
    found = said_of(aws, "06", posted(*sent))
    assert says in found and bool(found) == bool(says)


RUSH = tuple({"order_id": f"exercise-07-{number}"} for number in range(5))


def test_05_wants_all_five_at_the_same_moment(aws: Session) -> None:
    def slowly(aws: Session) -> None:
        posted(*RUSH[:4])(aws)
        fourth = sent_at(aws)
        wait_until(lambda: is_later(fourth, 1100), "more than a second is over")
        posted(RUSH[4])(aws)

    assert "0 of the 5 orders are in Orders" in said_of(aws, "07", lambda _: None)
    assert "4 of the 5 orders are in Orders" in said_of(aws, "07", posted(*RUSH[:4]))
    found = said_of(aws, "07", slowly)
    assert "Expected all five within a second, found" in found and "five threads" in found
    assert said_of(aws, "07", posted(*RUSH)) == ""
    posted(*RUSH)(aws)  # once more, as somebody tries again
    assert exercises.missing(aws, COURSE.find("07")) == ""


def sent_at(aws: Session) -> float:
    """When the last of the four was received, in epoch milliseconds."""
    table = aws.resource("dynamodb").Table(names().table)
    wait_until(lambda: "Item" in table.get_item(Key={"order_id": "exercise-07-3"}), "it is there")
    return float(table.get_item(Key={"order_id": "exercise-07-3"})["Item"]["received_epoch_ms"])


def is_later(since_ms: float, by_ms: float) -> bool:
    return time.time() * 1000 > since_ms + by_ms


TWO = tuple({"order_id": f"exercise-08-{number}"} for number in range(2))


@pytest.mark.slow
def test_06_wants_both_to_wait_while_the_trigger_is_off(aws: Session) -> None:
    def never_off(aws: Session) -> None:
        posted(*TWO)(aws)

    def off_afterwards(aws: Session) -> None:
        posted(*TWO)(aws)
        address = aws.client("sqs").meta.endpoint_url
        wait_until(lambda: status(address)["is_idle"], "they are through")
        table = aws.resource("dynamodb").Table(names().table)
        item = table.get_item(Key={"order_id": "exercise-08-1"})["Item"]
        wait_until(lambda: is_later(float(item["recorded_epoch_ms"]), 2000), "that was a while ago")
        trigger(aws, Enabled=False)
        trigger(aws, Enabled=True)

    def one_before(aws: Session) -> None:
        posted(TWO[0])(aws)
        address = aws.client("sqs").meta.endpoint_url
        wait_until(lambda: status(address)["is_idle"], "it is through")
        trigger(aws, Enabled=False)
        posted(TWO[1])(aws)
        trigger(aws, Enabled=True)

    def left_off(aws: Session) -> None:
        trigger(aws, Enabled=False)
        posted(*TWO)(aws)

    def right(aws: Session) -> None:
        left_off(aws)
        trigger(aws, Enabled=True)

    assert "0 of the 2 orders are in Orders" in said_of(aws, "08", lambda _: None)
    for answer in (never_off, off_afterwards, one_before):
        assert "did not wait together while the trigger was off" in said_of(aws, "08", answer)
    given("01", "02", "03", "04", "05")
    left_off(aws)
    assert "switch it on again" in exercises.missing(aws, COURSE.find("08"))
    assert said_of(aws, "08", right) == ""


# -- 10: a file ------------------------------------------------------------------------------------


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "orders.jsonl"
    monkeypatch.setattr(orders, "ORDERS_FILE", path)
    return path


def test_07_wants_every_order_in_the_file(aws: Session, file: Path) -> None:
    assert "There is no file" in said_of(aws, "10", lambda _: None)
    table = aws.resource("dynamodb").Table(names().table)
    lines = [json.dumps(item, default=str) for item in table.scan()["Items"]]
    assert len(lines) >= 2
    for text, says in (
        ("", "The file has no order."),
        ("[]\n", "The file has no order."),
        ("tea\n", "found a line that is none"),
        ('{"order_id": "mine", "product": "tea"}\n', f"lacks {len(lines)} of the {len(lines)}"),
        (lines[0] + "\n", f"lacks {len(lines) - 1} of the {len(lines)} orders in the table."),
        ("\n".join(lines) + "\n", ""),
    ):
        file.write_text(text, "utf-8")
        found = exercises.missing(aws, COURSE.find("10"))
        assert says in found and bool(found) == bool(says)


def test_run_all_stops_before_it_tears_down_what_is_not_saved(
    aws: Session, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given("01", "02", "03", "04", "05")
    with pytest.raises(UnsolvedError, match=r"not solved yet.+\*Run All\* stops here"):
        lab.check_exercise("10", then="deletes it all")
    monkeypatch.setenv(exercises.BUILDING, "1")
    lab.check_exercise("10", then="deletes it all")
    assert "not solved yet" in capsys.readouterr().out
    monkeypatch.delenv(exercises.BUILDING)
    items = aws.resource("dynamodb").Table(names().table).scan()["Items"]
    file.write_text("".join(json.dumps(item, default=str) + "\n" for item in items), "utf-8")
    lab.check_exercise("10", then="deletes it all")
    assert capsys.readouterr().out == "Exercise 10: solved.\n"


# -- 09: a field for the whole chain ---------------------------------------------------------------

NOTE = {"type": "string", "maxLength": 200}
SEND = (
    '    if "customer_email" in order:',
    '    text += order.get("gift_note", "")\n    if "customer_email" in order:',
)
KEEP = (
    "for name in CONTENT + HOPS}",
    'for name in (*CONTENT, *HOPS, "gift_note") if name in order}',
)
EDITS = {
    "take_order": ('"customer_email": {', f'"gift_note": {NOTE}, "customer_email": {{'),
    "notify_fulfillment": SEND,
    "record_order": KEEP,
}
DEMAND = ("for name in CONTENT + HOPS}", 'for name in ("gift_note", *CONTENT, *HOPS)}')


def carry(
    aws: Session,
    edits: dict[str, tuple[str, str]],
    field: dict[str, Any] | None,
    required: bool = False,
) -> None:
    """Change the functions and the API's model as a learner does."""
    for stem, (old, new) in edits.items():
        source = lab.source(stem)
        assert old in source
        package = lab.package(stem, **{stem: source.replace(old, new)})
        aws.client("lambda").update_function_code(
            FunctionName=getattr(names(), stem), ZipFile=package
        )
    if field is None:
        return
    schema = lab.schema("take_order")
    schema["properties"]["gift_note"] = field
    schema["required"] = [*schema["required"], *(["gift_note"] if required else [])]
    api = aws.client("apigateway")
    (api_id,) = (each["id"] for each in api.get_rest_apis()["items"])
    patch = {"op": "replace", "path": "/schema", "value": json.dumps(schema)}
    api.update_model(restApiId=api_id, modelName="Order", patchOperations=[patch])
    api.create_deployment(restApiId=api_id, stageName="prod")


def both(aws: Session) -> None:
    post(aws, product="tea", quantity=1, order_id="exercise-09", gift_note="Enjoy it!")
    post(aws, product="tea", quantity=1, order_id="exercise-09-plain")


WITHOUT = {stem: {k: v for k, v in EDITS.items() if k != stem} for stem in EDITS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edits", "field", "says"),
    [
        ({}, None, "no field gift_note, so it refuses such an order."),
        (EDITS, {"type": "string"}, "Expected gift_note to be a string of up to 200 characters"),
        (WITHOUT["take_order"], NOTE, "No order exercise-09 is in the table."),
        (WITHOUT["notify_fulfillment"], NOTE, "The mail about exercise-09 does not tell"),
        (WITHOUT["record_order"], NOTE, "The item of exercise-09 has no gift_note."),
        ({**EDITS, "record_order": DEMAND}, NOTE, "No order exercise-09-plain is in the table."),
        (EDITS, NOTE, ""),
    ],
)
def test_09_wants_the_note_in_the_mail_and_in_the_item(
    aws: Session, edits: dict[str, tuple[str, str]], field: dict[str, Any] | None, says: str
) -> None:
    def answer(aws: Session) -> None:
        carry(aws, edits, field)
        both(aws)

    found = said_of(aws, "09", answer)
    assert says in found and bool(found) == bool(says)


def test_09_wants_the_note_to_be_optional(aws: Session) -> None:
    def answer(aws: Session) -> None:
        carry(aws, EDITS, NOTE, required=True)
        both(aws)

    assert "to be optional" in said_of(aws, "09", answer)


def test_09_does_not_believe_items_that_were_written_by_hand(aws: Session) -> None:
    def answer(aws: Session) -> None:
        carry(aws, EDITS, NOTE)
        table = aws.resource("dynamodb").Table(names().table)
        for order_id, more in (("exercise-09", {"gift_note": "x"}), ("exercise-09-plain", {})):
            table.put_item(Item={"order_id": order_id, **more})

    assert "did not come through the chain" in said_of(aws, "09", answer)
