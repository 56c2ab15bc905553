"""SQS refuses a call in AWS's words, and its answers have no empty lists."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support.functions import make_function

QUEUE = "arn:aws:sqs:us-east-1:123456789012:"
UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})
ELEVEN = [{"Id": str(i), "ReceiptHandle": "x"} for i in range(11)]
HIDDEN = [{**entry, "VisibilityTimeout": 1} for entry in ELEVEN]
PREFIX = "AWS.SimpleQueueService."
TOO_MANY = "Maximum number of entries per request are 10. You have sent 11."
ENTRY_ID = "A batch entry id can only contain alphanumeric characters, hyphens and underscores."


def redrive(**policy: Any) -> dict[str, Any]:
    return {"Attributes": {"RedrivePolicy": json.dumps(policy)}}


def one(entry_id: str, **options: Any) -> dict[str, Any]:
    return {"Entries": [{"Id": entry_id, "ReceiptHandle": "x", **options}]}


def message(**options: Any) -> dict[str, Any]:
    return {"MessageBody": "tea", **options}


TARGET = f"{QUEUE}dead"
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue", "Value 11 for "
     "parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
    ("receive_message", {"MaxNumberOfMessages": 0}, "InvalidParameterValue", "Value 0 for"),
    ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue", "Value 21 for parameter "
     "WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."),
    ("receive_message", {"VisibilityTimeout": 43201}, "InvalidParameterValue", "Value 43201 for "
     "parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200, if provided."),
    ("receive_message", {"VisibilityTimeout": -1}, "InvalidParameterValue", "Value -1 for"),
    ("receive_message", {"AttributeNames": ["Nope"]}, "InvalidAttributeName", "Attribute Nope."),
    ("change_message_visibility", {"ReceiptHandle": "x", "VisibilityTimeout": 43201},
     "InvalidParameterValue", "Value 43201 for parameter VisibilityTimeout is invalid."),
    ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", "receipt handle"),
    ("delete_message", {}, "MissingParameter",
     "The request must contain the parameter ReceiptHandle."),
    ("delete_message_batch", {"Entries": ELEVEN}, f"{PREFIX}TooManyEntriesInBatchRequest",
     TOO_MANY),
    ("delete_message_batch", one("invalid:id"), f"{PREFIX}InvalidBatchEntryId", ENTRY_ID),
    ("delete_message_batch", one(""), f"{PREFIX}InvalidBatchEntryId", ENTRY_ID),
    ("delete_message_batch", {"Entries": []}, f"{PREFIX}EmptyBatchRequest",
     "There should be at least one DeleteMessageBatchRequestEntry in the request."),
    ("change_message_visibility_batch", {"Entries": HIDDEN},
     f"{PREFIX}TooManyEntriesInBatchRequest", TOO_MANY),
    ("change_message_visibility_batch", one("a.b", VisibilityTimeout=1),
     f"{PREFIX}InvalidBatchEntryId", ENTRY_ID),
    ("change_message_visibility_batch", {"Entries": HIDDEN[:1] * 2},
     f"{PREFIX}BatchEntryIdsNotDistinct", "Id 0 repeated."),
    ("send_message", message(MessageGroupId="a b"), "InvalidParameterValue",
     "Value a b for parameter MessageGroupId is invalid."),
    ("send_message", message(MessageGroupId=""), "InvalidParameterValue", "MessageGroupId"),
    ("send_message", message(MessageSystemAttributes={
        "Foo": {"DataType": "String", "StringValue": "x"}}), "InvalidParameterValue",
     "Message system attribute name 'Foo' is invalid."),
    ("send_message", {}, "MissingParameter",
     "The request must contain the parameter MessageBody."),
    ("set_queue_attributes", redrive(maxReceiveCount=3), "InvalidParameterValue",
     "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
    ("set_queue_attributes", redrive(deadLetterTargetArn=TARGET), "InvalidParameterValue",
     "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
    ("set_queue_attributes", redrive(deadLetterTargetArn=TARGET, maxReceiveCount=3, x=1),
     "InvalidParameterValue",
     "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."),
    ("set_queue_attributes", redrive(deadLetterTargetArn=TARGET, maxReceiveCount="x"),
     "InvalidParameterValue", "valid values are from 1 to 1000 both inclusive."),
    ("set_queue_attributes", {"Attributes": {"Foo": "1"}}, "InvalidAttributeName",
     "Unknown Attribute Foo."),
    ("get_queue_attributes", {"AttributeNames": ["Foo"]}, "InvalidAttributeName",
     "Unknown Attribute Foo."),
]  # fmt: skip


@pytest.mark.parity(
    "A value out of its range, an unknown name and a malformed batch are refused",
    kept="yes",
    module="sqs.rules",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html",
)
def test_what_sqs_cannot_take_is_refused_in_the_words_of_aws(aws: Session) -> None:
    sqs = aws.client("sqs", config=UNCHECKED)
    sqs.create_queue(QueueName="dead")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for operation, given, code, said in REFUSED:
        with pytest.raises(ClientError) as caught:
            getattr(sqs, operation)(QueueUrl=url, **given)
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (code, True), (operation, error)


def test_an_answer_to_a_batch_has_no_empty_list(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    entries = [{"Id": "a", "MessageBody": "tea"}]
    assert "Failed" not in sqs.send_message_batch(QueueUrl=url, Entries=entries)
    (got,) = sqs.receive_message(QueueUrl=url)["Messages"]
    gone = sqs.delete_message_batch(
        QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": got["ReceiptHandle"]}]
    )
    assert "Failed" not in gone
    wrong = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": "x"}])
    assert "Successful" not in wrong and wrong["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"


@pytest.mark.parity(
    "The trace header of a message is carried along, and its MD5 is answered",
    kept="yes",
    module="sqs.message",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html",
)
def test_the_trace_header_of_a_message_arrives(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = sqs.send_message(QueueUrl=url, MessageBody="tea", MessageSystemAttributes=trace)
    parts = [b"AWSTraceHeader", b"String", b"Root=1"]
    measured = [len(part).to_bytes(4, "big") + part for part in parts]
    digest = hashlib.md5(b"".join([*measured[:2], b"\x01", measured[2]])).hexdigest()
    assert sent["MD5OfMessageSystemAttributes"] == digest
    (got,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert got["Attributes"]["AWSTraceHeader"] == "Root=1"


def test_a_record_has_the_md5_of_its_attributes_and_no_empty_member(aws: Session) -> None:
    sqs, lambda_ = aws.client("sqs"), aws.client("lambda")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    make_function(
        aws, "f", "import json\ndef handler(event, context):\n    print(json.dumps(event))"
    )
    lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=f"{QUEUE}q")
    attributes: Any = {
        "Title": {"DataType": "String", "StringValue": "x"},
        "Raw": {"DataType": "Binary", "BinaryValue": b"x"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="tea", MessageAttributes=attributes)
    logs, found = aws.client("logs"), list[Any]()

    def is_logged() -> bool:
        if logs.describe_log_groups()["logGroups"]:
            events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
            found[:] = [e["message"] for e in events if e["message"].startswith("{")]
        return bool(found)

    wait_until(is_logged, "the record is printed", timeout=90)
    (record,) = json.loads(found[0])["Records"]
    assert record["md5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    assert record["messageAttributes"] == {
        "Title": {"stringValue": "x", "dataType": "String", **lists},
        "Raw": {"binaryValue": "eA==", "dataType": "Binary", **lists},
    }
