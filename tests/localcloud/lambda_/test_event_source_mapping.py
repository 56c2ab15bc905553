"""SQS event source mappings: batches, partial failures, redrive, switching off."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.chapters import status
from tests.support.clouds import own_cloud
from tests.support.functions import invoke, make_function, zip_of
from tests.support.mapping import QUEUE, SPY, Setup, bodies
from tests.support.queues import messages_on, set_policy
from tests.support.sessions import make_session


@pytest.fixture
def setup(aws: Session) -> Setup:
    return Setup(aws)


@pytest.mark.parity(
    "Messages that wait come in one batch, of `BatchSize` at most",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html",
)
def test_messages_that_wait_come_in_one_batch_of_up_to_ten(setup: Setup) -> None:
    setup.send(*(f"tea {i}" for i in range(12)))
    setup.map(BatchSize=10, ScalingConfig={"MaximumConcurrency": 2})
    sizes = sorted(len(setup.batch()) for _ in range(2))
    assert sizes == [2, 10]
    setup.wait_until_empty()


@pytest.mark.parity(
    "A record has the documented form",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html",
)
def test_a_record_has_the_form_that_aws_documents(setup: Setup) -> None:
    setup.map()
    setup.send("tea")
    (record,) = setup.batch()
    assert set(record) == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody",
        "eventSource", "eventSourceARN", "awsRegion",
    }  # fmt: skip
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == QUEUE
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"].isdigit()


@pytest.mark.parity(
    "With `ReportBatchItemFailures` only the messages that are reported come back",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
def test_only_the_reported_messages_come_back_and_then_go_to_the_dead_letters(
    setup: Setup,
) -> None:
    setup.send("good 1", "bad", "good 2")
    setup.map()
    batch = setup.batch()
    assert bodies(batch) == ["good 1", "bad", "good 2"]
    setup.wait_until_done()
    assert setup.left(setup.url) == 1
    setup.show_again(batch[1:2])
    batch = setup.batch()  # the second of two receives
    assert bodies(batch) == ["bad"]
    setup.show_again(batch)
    (dead,) = setup.receive(setup.dead)
    assert dead["Body"] == "bad"
    assert setup.left(setup.url) == 0


@pytest.mark.parity(
    "An exception brings the whole batch back",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
def test_an_exception_brings_the_whole_batch_back(setup: Setup) -> None:
    setup.send("good", "raise")
    setup.map()
    batch = setup.batch()
    assert bodies(batch) == ["good", "raise"]
    setup.wait_until_done()
    setup.show_again(batch)
    assert sorted(bodies(setup.batch())) == ["good", "raise"]


@pytest.mark.parity(
    "A partial batch response that is not valid, or names an unknown message, fails the"
    " whole batch",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
@pytest.mark.parametrize(
    "reply",
    [
        '{"batchItemFailures": [{"itemIdentifier": "unknown"}]}',
        '{"batchItemFailures": [{"itemIdentifier": ""}]}',
        '{"batchItemFailures": [{"wrong": "key"}]}',
        '{"batchItemFailures": [{"itemIdentifier": null}]}',
        '{"batchItemFailures": [{"itemIdentifier": ["a", "b"]}]}',
        '{"batchItemFailures": [{}]}',
        '{"batchItemFailures": [null]}',
        '{"batchItemFailures": ["nonsense"]}',
        '{"batchItemFailures": "nonsense"}',
        '{"batchItemFailures": ""}',
        '{"batchItemFailures": {}}',
        '{"batchItemFailures": 0}',
        '"nonsense"',
        "[]",
        "0",
    ],
)
def test_a_reply_that_cannot_be_understood_fails_the_batch(setup: Setup, reply: str) -> None:
    setup.send(f"reply:{reply}")
    setup.map()
    for _ in range(2):
        batch = setup.batch()
        assert batch
        setup.wait_until_done()
        setup.show_again(batch)
    assert setup.receive(setup.dead)


@pytest.mark.parity(
    "A reply with an empty list of failures, or none, is a success",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
@pytest.mark.parametrize(
    "reply",
    [
        "null",
        "{}",
        '{"batchItemFailures": []}',
        '{"batchItemFailures": null}',
        '{"statusCode": 200}',
        '{"statusCode": 200, "batchItemFailures": [], "body": "9 orders sent"}',
    ],
)
def test_a_reply_without_failures_is_a_success(setup: Setup, reply: str) -> None:
    setup.send(f"reply:{reply}")
    setup.map()
    assert setup.batch()
    setup.wait_until_empty()
    assert setup.left(setup.dead) == 0


@pytest.mark.parity("Without `ReportBatchItemFailures` a reply does not count", kept="yes")
def test_without_the_setting_reported_failures_are_ignored(setup: Setup) -> None:
    setup.send("bad")
    setup.map(FunctionResponseTypes=[])
    assert setup.batch()
    setup.wait_until_empty()


@pytest.mark.parity(
    "A mapping can be switched off and on",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html",
)
def test_a_mapping_can_be_switched_off_and_on(setup: Setup) -> None:
    uuid = setup.map()
    setup.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    setup.send("tea")
    assert setup.left(setup.url) == 1
    setup.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert bodies(setup.batch()) == ["tea"]


@pytest.mark.parity(
    "A mapping of a queue does not show how its last batch went",
    kept="yes; `lab status` and the page do",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html",
)
def test_a_mapping_says_nothing_of_its_last_batch(setup: Setup) -> None:
    uuid = setup.map()
    setup.send("tea")
    setup.batch()
    found = setup.lambda_.get_event_source_mapping(UUID=uuid)
    assert found["State"] == "Enabled" and "LastProcessingResult" not in found


@pytest.mark.parity("A mapping that is deleted stops polling", kept="yes")
def test_a_deleted_mapping_stops_polling(setup: Setup) -> None:
    uuid = setup.map()
    setup.send("first")
    assert setup.batch()
    setup.wait_until_empty()
    setup.lambda_.delete_event_source_mapping(UUID=uuid)
    setup.send("second")
    (message,) = setup.receive(setup.url)
    assert message["Body"] == "second"


@pytest.mark.parity(
    "A batching window ends when the batch is full",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html",
)
def test_a_batching_window_gathers_messages_and_ends_when_the_batch_is_full(setup: Setup) -> None:
    setup.map(BatchSize=3, MaximumBatchingWindowInSeconds=60)
    setup.send("one", "two", "three")
    batch = setup.batch()
    assert bodies(batch) == ["one", "two", "three"]
    assert [each["md5OfMessageAttributes"] for each in batch] == [None] * 3  # else it is not there


@pytest.mark.parity(
    "A batching window that is over sends what it has",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html",
)
def test_a_batching_window_that_is_over_sends_what_it_has(setup: Setup) -> None:
    lab.hurry(setup.aws, 30)
    setup.sqs.set_queue_attributes(QueueUrl=setup.url, Attributes={"VisibilityTimeout": "600"})
    setup.map(BatchSize=3, MaximumBatchingWindowInSeconds=60)
    setup.send("one", "two")
    assert bodies(setup.batch()) == ["one", "two"]


COUNT = """
def handler(event, context):
    print("counted", len(event["Records"]))
"""


def batch_sizes(aws: Session) -> list[int]:
    """The sizes of the batches that COUNT got."""
    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/spy")["events"]
    messages = [event["message"].split() for event in events]
    return [int(words[1]) for words in messages if words[0] == "counted"]


def set_code(setup: Setup, source: str) -> None:
    setup.lambda_.update_function_code(FunctionName="spy", ZipFile=zip_of(source))


@pytest.mark.parity(
    "A batch size above ten needs a batching window",
    kept="yes",
    module="lambda_.validation",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html",
)
def test_a_batch_of_more_than_ten_needs_a_window_and_comes_at_once_when_it_is_full(
    setup: Setup,
) -> None:
    error = "Maximum batch window in seconds must be greater than 0"
    with pytest.raises(ClientError, match=error):
        setup.map(BatchSize=11)
    assert setup.lambda_.list_event_source_mappings()["EventSourceMappings"] == []
    set_code(setup, COUNT)
    setup.send(*(f"tea {i}" for i in range(25)))
    uuid = setup.map(BatchSize=25, MaximumBatchingWindowInSeconds=60)
    setup.wait_until_empty()
    assert batch_sizes(setup.aws) == [25]
    with pytest.raises(ClientError, match=error):
        setup.lambda_.update_event_source_mapping(UUID=uuid, MaximumBatchingWindowInSeconds=0)
    setup.lambda_.update_event_source_mapping(
        UUID=uuid, BatchSize=10, MaximumBatchingWindowInSeconds=0
    )
    with pytest.raises(ClientError, match=error):
        setup.lambda_.update_event_source_mapping(UUID=uuid, BatchSize=11)


@pytest.mark.parity(
    "A batch has 6 MB at most",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html",
)
def test_a_batch_has_6_mb_at_most(setup: Setup) -> None:
    set_code(setup, COUNT)
    for _ in range(10):
        setup.send("x" * 1_000_000)
    setup.map(BatchSize=10, MaximumBatchingWindowInSeconds=60)
    wait_until(lambda: setup.left(setup.url) == 4, "the first batch is through", timeout=90)
    setup.send(*["x" * 1_000_000] * 3)
    wait_until(lambda: setup.left(setup.url) == 1, "the second batch is through", timeout=90)
    assert batch_sizes(setup.aws) == [6, 6]


def test_a_mapping_that_is_deleted_in_its_window_gives_its_messages_back(setup: Setup) -> None:
    uuid = setup.map(BatchSize=10, MaximumBatchingWindowInSeconds=60)
    setup.send("tea")
    wait_until(lambda: setup.in_flight() == 1, "the poller has the message", timeout=90)
    setup.lambda_.delete_event_source_mapping(UUID=uuid)
    (message,) = setup.receive(setup.url)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_mapping_whose_batch_was_purged_in_its_window_still_ends(setup: Setup) -> None:
    lab.hurry(setup.aws, 100)  # a poller that is still there polls soon
    setup.sqs.set_queue_attributes(QueueUrl=setup.url, Attributes={"VisibilityTimeout": "43200"})
    uuid = setup.map(BatchSize=10, MaximumBatchingWindowInSeconds=300)
    setup.send("tea")
    wait_until(lambda: setup.in_flight() == 1, "the poller has the message", timeout=90)
    setup.sqs.purge_queue(QueueUrl=setup.url)
    setup.lambda_.delete_event_source_mapping(UUID=uuid)
    time.sleep(0.2)  # one that wrongly goes on polling pauses for 10 ms first
    setup.send("cup")
    assert [message["Body"] for message in setup.receive(setup.url)] == ["cup"]


@pytest.mark.parity("Message attributes reach the function", kept="yes")
def test_attributes_of_every_type_reach_the_function(setup: Setup) -> None:
    setup.map()
    attributes = {
        "color": {"DataType": "String", "StringValue": "green"},
        "leaf": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    setup.sqs.send_message(QueueUrl=setup.url, MessageBody="tea", MessageAttributes=attributes)
    (record,) = setup.batch()
    assert record["messageAttributes"]["color"]["stringValue"] == "green"
    assert record["messageAttributes"]["leaf"]["binaryValue"] == "AP8="


@pytest.mark.parity(
    "A time-out brings the batch back, until its messages are dead letters",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
)
def test_a_time_out_brings_the_batch_back_until_it_is_a_dead_letter(setup: Setup) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
    set_code(setup, source)
    setup.lambda_.update_function_configuration(FunctionName="spy", Timeout=1)
    setup.sqs.set_queue_attributes(QueueUrl=setup.url, Attributes={"VisibilityTimeout": "1"})
    setup.send("tea")
    setup.map()
    (dead,) = setup.receive(setup.dead)
    assert dead["Body"] == "tea"


SLOW = """
import time
def handler(event, context):
    print("started")
    time.sleep(0.7)
"""


def test_a_queue_that_is_deleted_and_made_again_is_polled_again_at_once(setup: Setup) -> None:
    setup.map()
    setup.send("first")
    assert bodies(setup.batch()) == ["first"]
    setup.wait_until_empty()
    setup.sqs.delete_queue(QueueUrl=setup.url)
    setup.sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"})
    setup.send("second")
    assert bodies(setup.batch()) == ["second"]


@pytest.mark.parametrize("end", ["disable", "delete"])
def test_work_in_flight_is_finished_when_the_mapping_ends(setup: Setup, end: str) -> None:
    set_code(setup, SLOW)
    uuid = setup.map()
    setup.send("tea")

    def is_in_flight() -> bool:
        workers = status(str(setup.aws.endpoint_url))["workers"]
        return setup.visible() == 0 and bool(workers)

    wait_until(is_in_flight, "the message is in flight", timeout=90)
    if end == "delete":
        setup.lambda_.delete_event_source_mapping(UUID=uuid)
    else:
        setup.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    setup.send("cup")
    wait_until(lambda: setup.left(setup.url) == 1, "the first message was deleted", timeout=90)
    assert setup.visible() == 1


@pytest.mark.parity(
    "The mappings of a function that is deleted stay",
    kept="yes, and the messages wait in the queue",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html",
)
@pytest.mark.place("batch of a deleted function")
def test_messages_wait_while_the_function_is_gone(setup: Setup) -> None:
    setup.map()
    setup.send("first")
    assert bodies(setup.batch()) == ["first"]
    setup.wait_until_empty()
    setup.lambda_.delete_function(FunctionName="spy")
    setup.send("second")
    assert setup.visible() == 1
    make_function(setup.aws, "spy", SPY, Timeout=30)
    (record,) = setup.batch()
    assert (record["body"], record["attributes"]["ApproximateReceiveCount"]) == ("second", "1")


@pytest.mark.parity(
    "A queue's policy that denies it to the function's role stops the trigger",
    kept="yes",
    service="Lambda",
    module="deliver",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
)
def test_a_queue_that_denies_the_role_gives_it_nothing(setup: Setup) -> None:
    setup.map()
    role = setup.lambda_.get_function_configuration(FunctionName="spy")["Role"]
    denied = {"Principal": {"AWS": role}, "Action": "sqs:ReceiveMessage", "Resource": QUEUE}
    set_policy(setup.aws, setup.url, Effect="Deny", **denied)
    setup.send("first")
    wait_until(lambda: "ReceiveMessage" in last_result(setup), "the trigger says what it lacks")
    assert setup.visible() == 1
    set_policy(setup.aws, setup.url)
    assert bodies(setup.batch()) == ["first"]


def last_result(setup: Setup) -> str:
    (mapping,) = status(str(setup.aws.endpoint_url))["services"]["lambda"]["event_source_mappings"]
    return str(mapping["last_result"])


@pytest.mark.parity(
    "`MaximumConcurrency` bounds the batches that are under way",
    kept="yes",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
)
def test_no_more_batches_are_under_way_than_the_mapping_allows(setup: Setup) -> None:
    set_code(setup, SLOW)
    setup.send(*(f"tea {i}" for i in range(8)))
    setup.map(BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    assert setup.most_in_flight() == 2


def test_a_mapping_that_is_switched_off_and_on_keeps_to_its_concurrency(setup: Setup) -> None:
    set_code(setup, SLOW)
    setup.send(*(f"tea {i}" for i in range(6)))
    uuid = setup.map(BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    wait_until(lambda: setup.in_flight() >= 2, "two are under way", timeout=90)
    for enabled in (False, True):
        setup.lambda_.update_event_source_mapping(UUID=uuid, Enabled=enabled)
    assert setup.most_in_flight() == 2


NAPS = """
import os, time
def handler(event, context):
    while not os.path.exists(event["until"]):
        time.sleep(0.05)
"""


def test_a_batch_that_waited_too_long_for_its_function_is_not_delivered(tmp_path: Path) -> None:
    with own_cloud("--concurrency", "1") as (address, _):
        setup, morning = Setup(make_session(address)), tmp_path / "morning"
        setup.lambda_.update_function_configuration(FunctionName="spy", Timeout=1)
        setup.sqs.set_queue_attributes(QueueUrl=setup.url, Attributes={"VisibilityTimeout": "1"})
        make_function(setup.aws, "naps", NAPS, Timeout=300)
        invoke(setup.aws, "naps", {"until": str(morning)}, InvocationType="Event")
        wait_until(lambda: status(address)["workers"], "it naps", timeout=90)
        setup.map()
        setup.send("tea")
        wait_until(lambda: setup.left(setup.dead) == 1, "tea is a dead letter", timeout=90)
        morning.touch()
        invoke(setup.aws, "naps", {"until": str(morning)})  # after the batches had their turn
        assert messages_on(setup.aws, setup.seen, wait=1) == []


@pytest.mark.parity(
    "The record of a dead letter says which queue gave it up",
    kept="yes",
    module="sqs.message",
    service="Event source mappings",
)
def test_a_dead_letter_tells_the_function_where_it_comes_from(setup: Setup) -> None:
    setup.send("tea")
    for _ in range(2):
        setup.sqs.receive_message(QueueUrl=setup.url, VisibilityTimeout=0)
    setup.sqs.receive_message(QueueUrl=setup.url)
    setup.lambda_.create_event_source_mapping(
        EventSourceArn=f"{QUEUE[:-1]}dead", FunctionName="spy"
    )
    (record,) = setup.batch()
    assert record["attributes"]["DeadLetterQueueSourceArn"] == QUEUE
