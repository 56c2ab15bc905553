"""SQS refuses a call in AWS's words, and its answers have no empty lists."""

from __future__ import annotations

import hashlib
import json
import time
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
TARGETS = [
    ("x", "Only SQS queues are valid resources for deadLetterTargetArn."),
    (TARGET.replace("sqs", "sns"), "Only SQS queues are valid resources for deadLetterTargetArn."),
    (TARGET.replace("us-east-1", "eu-west-1"),
     "Dead-letter target must be in same region as the source."),
    (TARGET.replace("123456789012", "210987654321"),
     "Dead-letter target owner should be same as the source."),
    (f"{TARGET}.fifo", "Dead-letter queue must be same type of queue as the source."),
    (f"{QUEUE}nope", "Dead letter target does not exist."),
    (f"{QUEUE}closed", "The redrive allow policy of the dead-letter queue"),
]  # fmt: skip
CANNOT = "Reason: Amazon SQS can't create the redrive allow policy"
ALLOW = [
    *((policy, "InvalidAttributeValue", f"RedriveAllowPolicy. {CANNOT}, as it\u2019s in an uns")
      for policy in ("x", "[]", "{}", '{"redrivePermission":"some"}',
                     '{"redrivePermission":"allowAll","x":1}',
                     '{"redrivePermission":"byQueue","sourceQueueArns":[1]}')),
    ('{"redrivePermission":"denyAll","sourceQueueArns":["x"]}', "InvalidParameterValue",
     f"{CANNOT}. To specify one or more source queue ARNs, you must set redrivePermission to byQ"),
    *((f'{{"redrivePermission":"byQueue"{sources}}}', "InvalidParameterValue",
       f"{CANNOT}. When you specify the byQueue permission type, you must also specify one or mo")
      for sources in ("", ',"sourceQueueArns":[]')),
    (json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["x"] * 11}),
     "InvalidParameterValue",
     f"{CANNOT}. The maximum number of source queue ARNs you can specify is 10."),
]  # fmt: skip
DENY_ALL = '{"redrivePermission":"denyAll"}'
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
    ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid",
     'The input receipt handle "x" is not a valid receipt handle.'),
    ("remove_permission", {"Label": "x"}, "InvalidParameterValue",
     "Value x for parameter Label is invalid. Reason: can't find label."),
    ("send_message", message(MessageAttributes={
        "a": {"DataType": f"String.{'x' * 249}", "StringValue": "x"}}), "InvalidParameterValue",
     "Message (user) attribute types must be shorter than 256 Bytes"),
    ("send_message", message(MessageAttributes={
        "a": {"DataType": "String", "StringValue": "\b"}}), "InvalidParameterValue",
     "Invalid binary character '#x8' was found in the message attribute 'a' value"),
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
    ("send_message", message(MessageDeduplicationId="a"), "InvalidParameterValue",
     "Value a for parameter MessageDeduplicationId is invalid. Reason: The request include "
     "parameter that is not valid for this queue type."),
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
     "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn]."),
    ("set_queue_attributes", redrive(), "InvalidParameterValue",
     "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
    *(("set_queue_attributes", redrive(deadLetterTargetArn=target, maxReceiveCount=3),
       "InvalidParameterValue", f"for parameter RedrivePolicy is invalid. Reason: {said}")
      for target, said in TARGETS),
    *(("set_queue_attributes", {"Attributes": {"RedriveAllowPolicy": policy}}, code, said)
      for policy, code, said in ALLOW),
    ("set_queue_attributes", {"Attributes": {"SqsManagedSseEnabled": "maybe"}},
     "InvalidAttributeValue", "Invalid value for the parameter SqsManagedSseEnabled."),
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
    sqs.create_queue(QueueName="closed", Attributes={"RedriveAllowPolicy": DENY_ALL})
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for operation, given, code, said in REFUSED:
        with pytest.raises(ClientError) as caught:
            getattr(sqs, operation)(QueueUrl=url, **given)
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (code, True), (operation, error)


@pytest.mark.parity(
    "A dead-letter queue is one here that lets the source send to it",
    kept="yes",
    module="sqs.redrive",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)
def test_a_dead_letter_queue_says_which_queues_may_use_it(aws: Session) -> None:
    sqs = aws.client("sqs")
    allows = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [f"{QUEUE}q"]})
    dead = sqs.create_queue(QueueName="dead", Attributes={"RedriveAllowPolicy": allows})
    asked = {"QueueUrl": dead["QueueUrl"], "AttributeNames": ["All"]}
    assert sqs.get_queue_attributes(**asked)["Attributes"]["RedriveAllowPolicy"] == allows
    policy = redrive(deadLetterTargetArn=TARGET, maxReceiveCount=1)
    sqs.create_queue(QueueName="q", **policy)
    with pytest.raises(ClientError, match="does not let this queue send to it"):
        sqs.create_queue(QueueName="other", **policy)
    sqs.set_queue_attributes(QueueUrl=dead["QueueUrl"], Attributes={"RedriveAllowPolicy": ""})
    assert "RedriveAllowPolicy" not in sqs.get_queue_attributes(**asked)["Attributes"]
    sqs.create_queue(QueueName="other", **policy)


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


@pytest.mark.parity(
    "A message of a standard queue keeps its group, and is refused with a deduplication id; in a "
    "batch only its entry is",
    kept="yes; groups wait for each other no more than other messages",
    module="sqs.message",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html",
)
def test_a_message_keeps_its_group_and_is_refused_with_a_deduplication_id(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    ids: list[Any] = [
        {"MessageGroupId": "tea"},
        {"MessageGroupId": "a b"},
        {"MessageGroupId": "tea", "MessageDeduplicationId": "1"},
    ]
    entries: Any = [{"Id": str(n), "MessageBody": "tea", **each} for n, each in enumerate(ids)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["0"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [
        ("1", "InvalidParameterValue"),
        ("2", "InvalidParameterValue"),
    ]
    (got,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert got["Attributes"]["MessageGroupId"] == "tea"


@pytest.mark.parity(
    "A queue takes any name for a KMS key, and no message while there is no such key",
    kept="yes; nothing is encrypted, and a key's own policy is not asked",
    module="encryption",
    service="SQS",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html",
)
def test_a_queue_without_its_key_takes_no_message(aws: Session) -> None:
    sqs, kms = aws.client("sqs"), aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/tea", TargetKeyId=key["KeyId"])
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for name in ("alias/aws/sqs", "alias/tea", key["KeyId"], key["Arn"]):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": name})
        sqs.send_message(QueueUrl=url, MessageBody="tea")
    here = "arn:aws:kms:us-east-1:123456789012"
    for name, said in (
        ("alias/nope", f"Alias {here}:alias/nope is not found."),
        (f"{here}:key/nope", f"Key '{here}:key/nope' does not exist"),
    ):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": name})
        with pytest.raises(sqs.exceptions.KmsNotFound) as caught:
            sqs.send_message(QueueUrl=url, MessageBody="tea")
        error: Any = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("KMS.NotFoundException", said)


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


NAMES: list[tuple[str, dict[str, Any], tuple[str, str, int]]] = [
    ("get_queue_attributes", {"QueueUrl": f"{QUEUE}nope"},
     ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400)),
    ("send_message", {"MessageBody": ""},
     ("MissingParameter", "MissingRequiredParameterException", 400)),
    ("receive_message", {"MaxNumberOfMessages": 11},
     ("InvalidParameterValue", "InvalidParameterValueException", 400)),
    ("delete_message_batch", {"Entries": []},
     (f"{PREFIX}EmptyBatchRequest", "EmptyBatchRequest", 400)),
    ("set_queue_attributes", {"Attributes": {"DelaySeconds": "x"}},
     ("InvalidAttributeValue", "InvalidAttributeValue", 400)),
    ("start_message_move_task", {"QueueUrl": None, "SourceArn": f"{QUEUE}nope"},
     ("ResourceNotFoundException", "ResourceNotFoundException", 404)),
]  # fmt: skip


@pytest.mark.parity(
    "An error has its name in JSON, and that of the query protocol in a header",
    kept="yes",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html",
)
def test_an_error_has_both_of_its_names(aws: Session) -> None:
    sqs = aws.client("sqs", config=UNCHECKED)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for operation, given, expected in NAMES:
        members = {"QueueUrl": url, **given}
        with pytest.raises(ClientError) as caught:
            getattr(sqs, operation)(**{k: v for k, v in members.items() if v is not None})
        answer: Any = caught.value.response
        error, status = answer["Error"], answer["ResponseMetadata"]["HTTPStatusCode"]
        assert (error["Code"], error["QueryErrorCode"], status) == expected, operation


def test_a_queue_that_is_there_has_the_attributes_that_are_asked_for(aws: Session) -> None:
    sqs = aws.client("sqs")
    wanted = {"DelaySeconds": "1", "ReceiveMessageWaitTimeSeconds": "1"}
    url = sqs.create_queue(QueueName="q", Attributes=wanted)["QueueUrl"]
    for same in ({}, {"DelaySeconds": "1"}, wanted):
        assert sqs.create_queue(QueueName="q", Attributes=same)["QueueUrl"] == url
    said = (
        "A queue already exists with the same name and a different value for attribute DelaySeconds"
    )
    with pytest.raises(ClientError, match=said):
        sqs.create_queue(QueueName="q", Attributes={**wanted, "DelaySeconds": "2"})


def test_a_deleted_message_cannot_be_hidden(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    with pytest.raises(ClientError, match="Message does not exist or is not available") as caught:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"


@pytest.mark.parity(
    "AddPermission makes a policy of the older version, and RemovePermission takes a label that is "
    "there",
    kept="yes",
    module="sqs.permissions",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html",
)
def test_a_permission_makes_a_policy_of_the_older_version(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.add_permission(
        QueueUrl=url, Label="a", AWSAccountIds=["123456789012"], Actions=["ReceiveMessage"]
    )
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert json.loads(found["Policy"])["Version"] == "2008-10-17"
    sqs.remove_permission(QueueUrl=url, Label="a")
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    assert "Policy" not in answer.get("Attributes", {})


@pytest.mark.parity(
    "AddPermission and RemovePermission leave statements without a label as they are",
    kept="yes, for queues and topics",
    module="labels",
    service="SQS",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html",
)
def test_a_permission_goes_beside_statements_without_a_label(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    own = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    for statement in (own, [own]):
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        sqs.add_permission(
            QueueUrl=url, Label="a", AWSAccountIds=["123456789012"], Actions=["ReceiveMessage"]
        )
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        assert [each.get("Sid") for each in json.loads(found["Policy"])["Statement"]] == [None, "a"]
        sqs.remove_permission(QueueUrl=url, Label="a")
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        assert json.loads(found["Policy"])["Statement"] == [own]


@pytest.mark.parity(
    "The times of a queue are whole seconds, and it is encrypted in one way",
    kept="yes; nothing is encrypted",
    module="sqs.limits",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html",
)
def test_a_queue_has_times_in_seconds_and_one_encryption(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert abs(int(found["CreatedTimestamp"]) - time.time()) < 60
    assert int(found["LastModifiedTimestamp"]) >= int(found["CreatedTimestamp"])
    both = {"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "true"}
    with pytest.raises(ClientError, match="one type of server-side encryption") as caught:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=both)
    assert caught.value.response["Error"]["Code"] == "InvalidAttributeName"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (found["SqsManagedSseEnabled"], found["KmsMasterKeyId"]) == ("false", "alias/aws/sqs")


def test_a_star_asks_for_all_attributes_of_a_message(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    attributes: Any = {"gr\u00fcn.1": {"DataType": "String", "StringValue": "sencha"}}
    sqs.send_message(QueueUrl=url, MessageBody="tea", MessageAttributes=attributes)
    (got,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["*"])["Messages"]
    assert got["MessageAttributes"] == attributes


def test_the_trace_of_a_message_may_be_in_a_header(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = "Root=1"

    sqs.meta.events.register("before-sign.sqs.SendMessage", add)
    try:
        sqs.send_message(QueueUrl=url, MessageBody="tea")
    finally:
        sqs.meta.events.unregister("before-sign.sqs.SendMessage", add)
    (got,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert got["Attributes"]["AWSTraceHeader"] == "Root=1"


def test_a_queue_without_tags_has_none_in_the_answer(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q", tags={"shop": "tea"})["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"shop": "tea"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["shop"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
