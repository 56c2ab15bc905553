"""SQS standard queues behave as documented, whatever is inside."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.here import local
from tests.support.chapters import status
from tests.support.counts import counts


@pytest.fixture
def sqs(aws: Session) -> Any:
    return aws.client("sqs")


@pytest.fixture
def url(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "1"})["QueueUrl"])


def long_polls(cloud: str) -> int:
    """How many receives wait for a message, on any queue."""
    return sum(queue["long_polls"] for queue in status(cloud)["services"]["sqs"]["queues"])


def receive(sqs: Any, url: str, **options: Any) -> list[Any]:
    options = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], **options}
    return list(sqs.receive_message(QueueUrl=url, **options).get("Messages", []))


@pytest.mark.parity(
    "A standard queue keeps the order of its messages as well as it can",
    kept="more strictly: they come as they were sent",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html",
)
def test_messages_come_in_the_order_in_which_they_were_sent(sqs: Any, url: str) -> None:
    for i in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(i))
    assert [m["Body"] for m in receive(sqs, url)] == ["0", "1", "2", "3", "4"]


@pytest.mark.parity(
    "A received message is hidden for its visibility timeout, and then comes again with"
    " a higher receive count",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html",
)
def test_a_received_message_is_hidden_and_comes_back_when_its_timeout_is_over(
    sqs: Any, url: str
) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    (first,) = receive(sqs, url)
    assert receive(sqs, url) == []
    assert counts(sqs, url) == (0, 1, 0)
    (second,) = receive(sqs, url, WaitTimeSeconds=3)
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parity(
    "A deleted message comes back only on rare occasions, and can be deleted again",
    kept="yes; it never comes back",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html",
)
def test_a_deleted_message_is_gone_for_good_and_deleting_again_succeeds(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    (message,) = receive(sqs, url)
    for _ in range(2):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)
    assert receive(sqs, url, WaitTimeSeconds=2) == []


@pytest.mark.parity(
    "An older receipt handle of a message may no longer delete it",
    kept="more leniently: it deletes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html",
)
def test_an_older_receipt_handle_still_deletes(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    (first,) = receive(sqs, url, VisibilityTimeout=0)
    receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parity("An unknown receipt handle is refused", kept="yes")
def test_an_unknown_receipt_handle_is_refused(sqs: Any, url: str) -> None:
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")


@pytest.mark.parity(
    "ChangeMessageVisibility hides a message for longer, or shows it at once with 0; "
    "beyond 12 hours it is refused",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html",
)
def test_visibility_can_be_made_shorter_and_longer(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    (message,) = receive(sqs, url)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=60)
    assert receive(sqs, url, WaitTimeSeconds=2) == []
    sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    assert len(receive(sqs, url)) == 1
    with pytest.raises(ClientError, match="43200"):
        sqs.change_message_visibility(**handle, VisibilityTimeout=43_200)


@pytest.mark.parity(
    "A message with `DelaySeconds` cannot be received before they are over",
    kept="yes",
    module="sqs.message",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html",
)
def test_a_delayed_message_comes_late(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    assert counts(sqs, url) == (0, 0, 1)
    assert receive(sqs, url) == []
    sqs.send_message(QueueUrl=url, MessageBody="soon", DelaySeconds=1)
    (message,) = receive(sqs, url, WaitTimeSeconds=20)
    assert message["Body"] == "soon"
    assert counts(sqs, url) == (0, 1, 1)


@pytest.mark.parity(
    "A long poll returns as soon as there is a message",
    kept="yes",
    module="sqs.long_poll",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html",
)
def test_a_long_poll_returns_as_soon_as_a_message_is_sent(sqs: Any, url: str, cloud: str) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(1) as threads:
        poll = threads.submit(receive, sqs, url, WaitTimeSeconds=20)
        wait_until(lambda: long_polls(cloud), "it waits", timeout=19)
        assert not poll.done()
        sqs.send_message(QueueUrl=url, MessageBody="tea")
        assert len(poll.result()) == 1
    assert time.monotonic() - started < 20


@pytest.mark.parity(
    "After `maxReceiveCount` receives a message moves to the dead-letter queue, with the same id",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)
def test_a_message_goes_to_the_dead_letter_queue_after_its_last_receive(sqs: Any) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead",
        "maxReceiveCount": "2",
    }
    url = sqs.create_queue(QueueName="q2", Attributes={"RedrivePolicy": json.dumps(redrive)})
    url = url["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody="tea")
    for _ in range(2):
        assert len(receive(sqs, url, VisibilityTimeout=0)) == 1
    assert receive(sqs, url) == []
    (message,) = receive(sqs, dead)
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "tea"


@pytest.mark.parity(
    "PurgeQueue deletes every message, those in flight as well",
    kept="yes, and at once",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html",
)
@pytest.mark.place("purge")
def test_purging_empties_the_queue(sqs: Any, url: str) -> None:
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="tea")
    receive(sqs, url, MaxNumberOfMessages=1)
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parity(
    "A queue is purged once in 60 seconds at most",
    kept="yes",
    module="moto",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html",
)
def test_a_queue_is_not_purged_again_at_once(sqs: Any, url: str) -> None:
    sqs.purge_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=url)


@pytest.mark.parity("SendMessageBatch and DeleteMessageBatch take ten entries", kept="yes")
def test_batches_send_and_delete(sqs: Any, url: str) -> None:
    entries = [{"Id": str(i), "MessageBody": f"tea {i}"} for i in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 10
    handles = [
        {"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in receive(sqs, url)
    ]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]) == 10
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parity(
    "ReceiveMessage returns the message attributes that it asks for",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html",
)
def test_message_attributes_are_returned_when_asked_for(sqs: Any, url: str) -> None:
    color = {"color": {"DataType": "String", "StringValue": "green"}}
    sqs.send_message(QueueUrl=url, MessageBody="tea", MessageAttributes=color)
    (message,) = receive(sqs, url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"]["color"]["StringValue"] == "green"


@pytest.mark.parity("A queue can be a FIFO queue", kept="no: it is refused")
@pytest.mark.place("FIFO queue")
def test_a_fifo_queue_is_refused_clearly(sqs: Any) -> None:
    with pytest.raises(ClientError, match="standard queues only"):
        sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})


@pytest.mark.parity(
    "CreateQueue returns the queue that is there, and refuses other attributes with "
    "`QueueNameExists`",
    kept="yes",
    module="moto",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
)
def test_a_queue_with_other_attributes_is_not_created_again(sqs: Any, url: str) -> None:
    assert sqs.create_queue(QueueName="q")["QueueUrl"] == url
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "77"})


@pytest.mark.slow
@pytest.mark.parity(
    "A message may be delivered more than once",
    kept="more strictly: never within its visibility timeout",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html",
)
@pytest.mark.parity(
    "The numbers of visible and hidden messages are approximate",
    kept="they are exact",
)
def test_thousands_of_messages_all_come_back_once(sqs: Any, url: str) -> None:
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    total = 2000
    for start in range(0, total, 10):
        entries = [{"Id": str(i), "MessageBody": str(start + i)} for i in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    seen: list[str] = []

    def drain() -> bool:
        messages = receive(sqs, url)
        seen.extend(m["Body"] for m in messages)
        return not messages

    wait_until(drain, "the queue is empty", timeout=90, sleep=lambda _: None)
    assert sorted(map(int, seen)) == list(range(total))
    assert counts(sqs, url) == (0, total, 0)


def redrive(name: str, count: int) -> dict[str, str]:
    target = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count})}


@pytest.mark.place("dead-letter queue gone")
def test_a_dead_letter_queue_that_is_gone_keeps_the_message_and_one_made_again_gets_it(
    sqs: Any,
) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    url = sqs.create_queue(QueueName="q3", Attributes=redrive("dead", 1))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    assert receive(sqs, url, VisibilityTimeout=0)
    sqs.delete_queue(QueueUrl=dead)
    assert receive(sqs, url, VisibilityTimeout=0)
    sqs.create_queue(QueueName="dead")
    assert receive(sqs, url) == []
    assert [m["Body"] for m in receive(sqs, dead)] == ["tea"]


def test_a_queue_that_is_its_own_dead_letter_queue_does_no_harm(sqs: Any, url: str) -> None:
    sqs.set_queue_attributes(QueueUrl=url, Attributes=redrive("q", 1))
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    assert receive(sqs, url, VisibilityTimeout=0)
    receive(sqs, url)
    assert sqs.list_queues()["QueueUrls"] == [url]


# -- Dead-letter queues ----------------------------------------------------------


@pytest.mark.parity(
    "A dead letter names the queue that gave it up (`DeadLetterQueueSourceArn`), and "
    "keeps the time at which it was sent",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)
def test_a_dead_letter_says_which_queue_gave_it_up(sqs: Any) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    url = sqs.create_queue(QueueName="q4", Attributes=redrive("dead", 1))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    (before,) = receive(sqs, url, VisibilityTimeout=0)
    assert "DeadLetterQueueSourceArn" not in before["Attributes"]
    assert receive(sqs, url) == []
    named = ["DeadLetterQueueSourceArn"]
    for asked in ({"AttributeNames": named}, {"MessageSystemAttributeNames": named}):
        (message,) = sqs.receive_message(QueueUrl=dead, VisibilityTimeout=0, **asked)["Messages"]
        source = message["Attributes"]["DeadLetterQueueSourceArn"]
        assert source == "arn:aws:sqs:us-east-1:123456789012:q4"
    (message,) = receive(sqs, dead)
    assert message["Attributes"]["SentTimestamp"] == before["Attributes"]["SentTimestamp"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "4"  # counted on


@pytest.mark.parity(
    "ListDeadLetterSourceQueues lists the queues whose redrive policy names this one",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html",
)
def test_the_sources_of_a_dead_letter_queue_are_listed_even_if_it_was_made_again(sqs: Any) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    url = sqs.create_queue(QueueName="q5", Attributes=redrive("dead", 1))["QueueUrl"]
    sqs.create_queue(QueueName="other")
    sqs.delete_queue(QueueUrl=dead)
    sqs.create_queue(QueueName="dead")
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == []


# -- What a queue takes ----------------------------------------------------------

ALLOWED = "\t\n\r \ud7ff\ue000\ufffd🍵شاي"


@pytest.mark.parity(
    "A character outside of XML 1.0 is rejected, and in a batch only the message that has it",
    kept="yes",
    module="sqs.limits",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html",
)
@pytest.mark.parametrize(
    "character", ["\x00", "\x08", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff", "\ud800"]
)
def test_characters_that_xml_cannot_carry_are_rejected(sqs: Any, url: str, character: str) -> None:
    with pytest.raises(sqs.exceptions.InvalidMessageContents, match="#x20 to #xD7FF"):
        sqs.send_message(QueueUrl=url, MessageBody=f"tea{character}")
    entries = [
        {"Id": "good", "MessageBody": ALLOWED},
        {"Id": "bad", "MessageBody": f"tea{character}"},
    ]
    reply = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in reply["Successful"]] == ["good"]
    (failed,) = reply["Failed"]
    assert (failed["Id"], failed["Code"]) == ("bad", "InvalidMessageContents")
    assert failed["SenderFault"]
    assert [m["Body"] for m in receive(sqs, url)] == [ALLOWED]


MIB = 1024 * 1024


@pytest.mark.parity(
    "A message has 1 MiB at most, attributes included",
    kept="yes",
    module="sqs.limits",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html",
)
def test_a_message_of_1_mib_is_taken_and_a_byte_more_is_not(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="é" * (MIB // 2))
    too_long = "Message must be shorter than 1048576 bytes"
    with pytest.raises(ClientError, match=too_long):
        sqs.send_message(QueueUrl=url, MessageBody="é" * (MIB // 2) + "e")
    color = {"color": {"DataType": "String", "StringValue": "green"}}  # 5 + 6 + 5 bytes
    sqs.send_message(QueueUrl=url, MessageBody="e" * (MIB - 16), MessageAttributes=color)
    with pytest.raises(ClientError, match=too_long):
        sqs.send_message(QueueUrl=url, MessageBody="e" * (MIB - 15), MessageAttributes=color)


@pytest.mark.parity(
    "A batch has 1 MiB at most in all",
    kept="yes",
    module="sqs.limits",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html",
)
def test_a_batch_has_1_mib_in_all(sqs: Any, url: str) -> None:
    entries = [{"Id": str(i), "MessageBody": "é" * (MIB // 4)} for i in range(2)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 2
    entries.append({"Id": "more", "MessageBody": "e"})
    with pytest.raises(sqs.exceptions.BatchRequestTooLong, match="You have sent 1048577 bytes"):
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


# -- Time ----------------------------------------------------------


@pytest.mark.parity(
    "A wait (visibility timeout, delay, long poll) takes as long as is set",
    kept="yes, or `--speed N` times as fast; `lab.hurry` changes that",
    module="clock",
)
def test_waits_pass_faster_when_somebody_is_in_a_hurry(aws: Session, sqs: Any) -> None:
    lab.hurry(aws, 50)
    url = sqs.create_queue(QueueName="slow", Attributes={"DelaySeconds": "60"})["QueueUrl"]
    started = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    assert counts(sqs, url) == (0, 0, 1)
    assert receive(sqs, url, WaitTimeSeconds=5) == []  # 100 ms
    wait_until(lambda: receive(sqs, url, VisibilityTimeout=100), "the delay is over", timeout=90)
    assert counts(sqs, url) == (0, 1, 0)
    (again,) = wait_until(lambda: receive(sqs, url), "the message is back", timeout=90)
    handle = {"QueueUrl": url, "ReceiptHandle": again["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=90)
    assert receive(sqs, url) == []
    wait_until(lambda: receive(sqs, url), "the message is back", timeout=90)
    assert time.monotonic() - started < 60 + 100 + 90  # which it takes on AWS


def test_a_wait_that_has_begun_goes_on_as_it_began(aws: Session, sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    assert receive(sqs, url, VisibilityTimeout=600)
    lab.hurry(aws, 1000)
    assert receive(sqs, url, WaitTimeSeconds=20) == []
    assert counts(sqs, url) == (0, 1, 0)


@pytest.mark.place("reset")
def test_a_reset_ends_a_long_poll(sqs: Any, url: str, cloud: str) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(1) as threads:
        poll = threads.submit(receive, sqs, url, WaitTimeSeconds=20)
        wait_until(lambda: long_polls(cloud), "it waits", timeout=19)
        local.reset(cloud)
        with pytest.raises(ClientError, match="NonExistentQueue"):
            poll.result()
    assert time.monotonic() - started < 20
