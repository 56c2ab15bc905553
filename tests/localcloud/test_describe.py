"""What each service tells of itself, for a page or `lab status`, and telling it changes nothing."""

from __future__ import annotations

from typing import Any

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.chain import Chain
from tests.support.chapters import status
from tests.support.counts import counts
from tests.support.functions import invoke, make_function

SLOW = """
import time, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    url = sqs.get_queue_url(QueueName="go")["QueueUrl"]
    while not sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"):
        pass
"""


def services(cloud: str) -> dict[str, Any]:
    return dict(status(cloud)["services"])


def test_a_queue_tells_its_messages_without_receiving_them(aws: Session, cloud: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"tea {number}")
    sqs.send_message(QueueUrl=url, MessageBody="x" * 5000, DelaySeconds=60)
    sqs.receive_message(QueueUrl=url)
    for _ in range(2):
        (queue,) = services(cloud)["sqs"]["queues"]
        assert (queue["name"], queue["visible"], queue["in_flight"], queue["delayed"]) == (
            "q",
            11,
            1,
            1,
        )
        assert queue["oldest_seconds"] >= 0
        first, second = queue["messages"][:2]
        assert len(queue["messages"]) == 10
        assert (first["body"], first["state"], first["receive_count"]) == ("tea 0", "in flight", 1)
        assert 0 < first["visible_in_seconds"] <= 30
        assert (second["body"], second["state"], second["receive_count"]) == ("tea 1", "visible", 0)
    assert counts(sqs, url) == (11, 1, 1)


def test_a_long_message_is_told_by_its_beginning(aws: Session, cloud: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1_000_000)
    (message,) = services(cloud)["sqs"]["queues"][0]["messages"]
    assert (message["bytes"], message["body"]) == (1_000_000, "x" * 1000)


def test_a_function_tells_its_workers_and_what_waits_for_it(aws: Session, cloud: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="go")["QueueUrl"]
    make_function(aws, "slow", SLOW, Timeout=60)
    aws.client("lambda").put_function_concurrency(
        FunctionName="slow", ReservedConcurrentExecutions=1
    )
    for _ in range(3):
        invoke(aws, "slow", InvocationType="Event")

    def lambda_of(wanted: tuple[int, int]) -> dict[str, Any] | None:
        found = dict(services(cloud)["lambda"])
        states = [event["state"] for event in found["events"]]
        return found if (states.count("under way"), states.count("waiting")) == wanted else None

    found = wait_until(lambda: lambda_of((1, 2)), "one is under way and two wait", timeout=90)
    assert found is not None
    (function,) = found["functions"]
    assert (function["name"], function["reserved_concurrency"]) == ("slow", 1)
    assert "function" not in function  # which would be its name once more
    busy = wait_until(
        lambda: services(cloud)["lambda"]["functions"][0]["under_way"], "it is invoked", timeout=90
    )
    assert busy[0]["request_id"] in {event["request_id"] for event in found["events"]}
    assert {event["throttles"] for event in found["events"] if event["state"] == "waiting"} != {0}
    assert not status(cloud)["is_idle"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="go")
    wait_until(lambda: status(cloud)["is_idle"], "all is done", timeout=90)
    assert services(cloud)["lambda"]["events"] == []


def test_a_topic_tells_its_subscriptions(aws: Session, cloud: str) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="t", Attributes={"DisplayName": "Tea"})["TopicArn"]
    arn = make_function(aws, "f", "def handler(event, context): pass")
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    sns.subscribe(
        TopicArn=topic,
        Protocol="lambda",
        Endpoint=arn,
        Attributes={"FilterPolicy": '{"kind": ["tea"]}'},
    )
    (found,) = services(cloud)["sns"]["topics"]
    assert (found["name"], found["arn"], found["display_name"]) == ("t", topic, "Tea")
    mail, function = found["subscriptions"]
    assert (mail["protocol"], mail["state"], mail["filter_policy"]) == ("email", "pending", None)
    assert (function["endpoint"], function["state"]) == (arn, "confirmed")
    assert function["filter_policy"] == {"kind": ["tea"]}
    wait_until(lambda: services(cloud)["sns"]["mailbox"]["mails"] == 1, "the mail is here")
    assert services(cloud)["sns"]["mailbox"]["directory"]


def test_an_api_tells_its_stages_and_what_a_key_has_used(chain: Chain) -> None:
    cloud = str(chain.aws.endpoint_url)
    used = {meter["api_key_id"]: meter["used"] for meter in services(cloud)["apigateway"]["meters"]}
    for number in range(3):
        chain.post({"product": "tea", "quantity": 1, "order_id": f"described-{number}"})
    found = services(cloud)["apigateway"]
    (api,) = found["apis"]
    assert [(stage["name"], stage["routes"]) for stage in api["stages"]] == [
        ("prod", ["POST /orders"])
    ]
    (meter,) = found["meters"]
    assert meter["used"] - used.get(meter["api_key_id"], 0) == 3
    (mapping,) = services(cloud)["lambda"]["event_source_mappings"]
    assert mapping["polls"] and mapping["queue_exists"]
