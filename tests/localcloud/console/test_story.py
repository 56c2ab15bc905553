"""What the page tells of an order's way, of retries and errors, and of what moved lately."""

from __future__ import annotations

import json

import pytest

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.names import names
from localcloud import steps
from localcloud.call import Call
from localcloud.http import Request, Response
from localcloud.trail import Trail
from tests.support.chapters import given, post, status
from tests.support.functions import make_function
from tests.support.visitor import Visitor


def recorded(aws: Session, order_id: str) -> None:
    table = aws.resource("dynamodb").Table(names().table)
    wait_until(lambda: table.get_item(Key={"order_id": order_id}).get("Item"), "it is recorded")
    wait_until(lambda: status(aws.client("sqs").meta.endpoint_url)["is_idle"], "all is done")


def test_a_story_has_every_hop_with_its_time(visitor: Visitor, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    n = names()
    assert post(aws, product="tea", quantity=2, order_id="way") == 202
    assert post(aws, product="tea", quantity=2, order_id="way-2") == 202  # another order
    recorded(aws, "way")
    recorded(aws, "way-2")
    rows = visitor.rows("order/way", " ms ")
    for what in (
        f"api {n.api} answered POST /orders with 202",
        f"queue {n.queue} took it",
        f"queue {n.queue} gave it out, attempt 1",
        f"queue {n.queue} deleted it",
        f"topic {n.topic} delivered to lambda {n.record_order}",
        f"topic {n.topic} delivered to email",
        f"function {n.take_order} ran,",
        f"function {n.notify_fulfillment} ran,",
        f"function {n.record_order} ran,",
    ):
        assert sum(what in row for row in rows) == 1, (what, rows)
    assert not any("way-2" in row for row in rows)


def test_retries_and_their_error_are_in_the_story(visitor: Visitor, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    n, lambda_ = names(), aws.client("lambda")
    lambda_.update_function_configuration(
        FunctionName=n.record_order, Handler="record_order.no_such_handler"
    )
    assert post(aws, product="tea", quantity=2, order_id="fails") == 202
    wait_until(lambda: status(visitor.address)["is_idle"], "it is a dead letter", timeout=60)
    tries = [row for row in visitor.rows("order/fails", "✕") if n.record_order in row]
    assert len(tries) == 3
    assert all("Runtime.HandlerNotFound" in each for each in tries)
    assert "✕ It has failed for good" in visitor.get("order/fails")[1]
    assert "✕ 3 errors" in visitor.get()[1]
    (came,) = visitor.rows(f"queue/{n.function_dead_letters}", "took it")
    assert "fails" in came


def test_a_topic_tells_its_last_deliveries(visitor: Visitor, aws: Session) -> None:
    sns = aws.client("sns")
    arn = make_function(aws, "f", "def handler(event, context): pass")
    topic = sns.create_topic(Name="tea")["TopicArn"]
    policy = json.dumps({"kind": ["green"]})
    sns.subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=arn, Attributes={"FilterPolicy": policy}
    )
    for kind in ("green", "black"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Message=f"{kind} tea", MessageAttributes=attributes)
    (black,) = visitor.rows("topic/tea", "black tea")
    assert "filtered out to lambda f" in black
    (green,) = visitor.rows("topic/tea", "green tea")  # SNS may not call it: no permission yet
    assert "not delivered to lambda f" in green and "✕ the policy of" in green


def test_steps_are_bounded_in_number_and_bytes() -> None:
    steps.clear()
    for number in range(6000):
        steps.note("a", "took it", f"number {number}")
    kept = list(steps.at("a"))
    assert len(kept) == 5000 and kept[0].text == "number 5999"
    assert steps.total("a") == 6000
    for _ in range(20):
        steps.note("b", "took it", "x" * 1024 * 1024)
    assert sum(1 for _ in steps.at("b")) == 16
    steps.clear()
    assert not list(steps.at("b")) and steps.total("a") == 0


def test_the_trail_is_bounded_and_keeps_no_body() -> None:
    trail = Trail()
    request = Request("POST", "/", "", {}, b"x" * 100_000)
    for number in range(3000):
        parameters = {"QueueName": f"tea-{number}", "MessageBody": "x" * 100_000}
        made = Call(request, "sqs", "us-east-1", "key", "SendMessage", parameters)
        trail.add(made, Response(400 if number % 2 else 200, b"y" * 100_000))
    assert len(trail) == 2000 and trail.total == 3000
    newest = next(trail.newest_first())
    assert newest.resource == "tea-2999" and len(newest.error) == 600
    assert newest.call.request.body == b"" and newest.call.parameters == {"QueueName": "tea-2999"}


@pytest.mark.parametrize(
    ("text", "is_about"),
    [
        ('{"order_id": "a-1"}', True),
        (b'{\\"order_id\\": \\"a-1\\"}', True),
        ("(order a-1).", True),
        ('{"order_id": "a-12"}', False),
        ('{"order_id": "ba-1"}', False),
        ("a_1", False),
        (b"\xff", False),
    ],
)
def test_a_step_is_about_a_whole_id(text: str | bytes, is_about: bool) -> None:
    steps.clear()
    steps.note("a", "took it", text)
    assert bool(steps.about("a-1")) == is_about
    steps.clear()
