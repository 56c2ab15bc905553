"""SQS's limits that moto lacks, or counts in characters instead of bytes.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import moto.sqs.responses as moto_responses
from moto.sqs.exceptions import (
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidParameterValue,
    MissingParameter,
    SQSException,
    TooManyEntriesInBatchRequest,
)
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from localcloud import encryption
from localcloud.message_attributes import NOT_IN_TEXT, TEXT, size_of, sqs_problem
from localcloud.sqs import redrive
from localcloud.sqs.rules import ENTRY_ID, MAX_ENTRIES, is_within
from localcloud.upstream import original, replaces

MAX_BYTES = 1024 * 1024
_GROUP_ID = re.compile(r"[!-~]{1,128}")
_MAX_DELAY = 15 * 60  # seconds
_TWO_ENCRYPTIONS = (
    "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS "
    "SSE or SQS SSE."
)
_TIMES = ("CreatedTimestamp", "LastModifiedTimestamp")
_RANGES = {
    "DelaySeconds": (0, _MAX_DELAY),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, MAX_BYTES),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_ATTRIBUTES = {
    *_RANGES,
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
}


class _InvalidContents(SQSException):
    def __init__(self) -> None:
        super().__init__(
            "InvalidMessageContents",
            f"Invalid characters found. Valid unicode characters are {TEXT}",
        )


@replaces(SQSBackend)
def send_message(
    backend: SQSBackend, queue_name: str, message_body: str, **options: Any
) -> Message:
    """A message is text. With its attributes it has at most the queue's maximum size in bytes."""
    _refuse(backend.get_queue(queue_name), message_body, options)
    sent: Message = original(send_message)(backend, queue_name, message_body, **options)
    return sent


def _refuse(queue: Queue, body: str | None, options: dict[str, Any]) -> None:
    """Refuse what SQS does not accept as a message. `options` are moto's."""
    attributes = options.get("message_attributes") or {}
    delay = options.get("delay_seconds")
    if not body:
        raise MissingParameter("MessageBody")
    if NOT_IN_TEXT.search(body):
        raise _InvalidContents
    if problem := sqs_problem(attributes):
        raise InvalidParameterValue(problem)
    _refuse_ids(options.get("group_id"), options.get("deduplication_id"))
    if delay is not None and not 0 <= int(delay) <= _MAX_DELAY:
        raise InvalidParameterValue(
            f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be "
            f">= 0 and <= {_MAX_DELAY}."
        )
    if size_of(body, attributes) > queue.maximum_message_size:
        raise InvalidParameterValue(
            "One or more parameters are invalid. Reason: Message must be shorter than "
            f"{queue.maximum_message_size} bytes."
        )
    if queue.kms_master_key_id:
        _refuse_key(queue)


def _refuse_ids(group: str | None, deduplication: str | None) -> None:
    """Refuse an id that only a FIFO queue heeds, and a malformed one of a group."""
    if group is not None and not _GROUP_ID.fullmatch(group):
        raise InvalidParameterValue(
            f"Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId can "
            "only include alphanumeric and punctuation characters. 1 to 128 in length."
        )
    if deduplication is not None:
        raise InvalidParameterValue(
            f"Value {deduplication} for parameter MessageDeduplicationId is invalid. Reason: The "
            "request include parameter that is not valid for this queue type."
        )


def _refuse_key(queue: Queue) -> None:
    if problem := encryption.problem(queue.kms_master_key_id, queue.region):
        raise SQSException("KMS.NotFoundException", problem)


@replaces(SQSBackend)
def send_message_batch(
    backend: SQSBackend, queue_name: str, entries: dict[str, dict[str, Any]]
) -> tuple[list[Message], list[dict[str, Any]]]:
    """A whole batch has the size limit of one message. A bad entry fails alone, but an entry
    without a body fails the batch."""
    _refuse_batch(list(entries.values()))
    sent, failed = [], []
    for entry in entries.values():
        try:
            message = backend.send_message(
                queue_name,
                entry["MessageBody"],
                message_attributes=entry["MessageAttributes"],
                delay_seconds=entry["DelaySeconds"],
                deduplication_id=entry.get("MessageDeduplicationId"),
                group_id=entry.get("MessageGroupId"),
                system_attributes=entry.get("MessageSystemAttributes"),
            )
        except (_InvalidContents, InvalidParameterValue) as error:
            text = error.message.replace("are invalid", "cannot be validated")
            failed.append(
                {"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": text}
            )
        else:
            message.user_id = entry["Id"]
            sent.append(message)
    return sent, failed


def _refuse_batch(entries: list[dict[str, Any]]) -> None:
    ids = [entry["Id"] for entry in entries]
    if not all(map(ENTRY_ID.fullmatch, ids)):
        raise InvalidBatchEntryId
    if repeated := [entry_id for entry_id, count in Counter(ids).items() if count > 1]:
        raise BatchEntryIdsNotDistinct(repeated[0])
    if len(entries) > MAX_ENTRIES:
        raise TooManyEntriesInBatchRequest(len(entries))
    if not all(entry.get("MessageBody") for entry in entries):
        raise MissingParameter("MessageBody")
    total = sum(size_of(entry["MessageBody"], entry["MessageAttributes"]) for entry in entries)
    if total > MAX_BYTES:
        raise BatchRequestTooLong(total)


def refuse_attributes(attributes: dict[str, Any]) -> None:
    """Refuse attributes that a standard queue does not have, and values out of range.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    """
    for name, value in attributes.items():
        if name not in _ATTRIBUTES:
            raise InvalidAttributeName(name)
        if name in _RANGES and not is_within(value, *_RANGES[name]):
            raise InvalidAttributeValue(name)
        if name == "SqsManagedSseEnabled" and str(value).lower() not in ("true", "false"):
            raise InvalidAttributeValue(name)
        if name == "Policy" and isinstance(value, str) and not _can_be_read(value):
            raise InvalidAttributeValue(name)
    if attributes.get("KmsMasterKeyId") and attributes.get("SqsManagedSseEnabled") == "true":
        raise SQSException("InvalidAttributeName", _TWO_ENCRYPTIONS)
    redrive.refuse_policy(attributes.get("RedrivePolicy"))
    redrive.refuse_allow_policy(attributes.get("RedriveAllowPolicy"))


def _can_be_read(policy: str) -> bool:
    """Whether a policy is JSON, or "", which takes one away."""
    try:
        json.loads(policy or "{}")
    except (ValueError, RecursionError):
        return False
    return True


@replaces(SQSResponse)
def create_queue(response: SQSResponse) -> Any:
    """A new queue's attributes must be known and in range."""
    if not response._get_param("QueueName").endswith(".fifo"):  # FIFO queues are refused by name
        refuse_attributes(response._get_param("Attributes", {}))
    return original(create_queue)(response)


@replaces(SQSResponse)
def set_queue_attributes(response: SQSResponse) -> Any:
    """New attributes of a queue must be known and in range."""
    refuse_attributes(response._get_param("Attributes", {}))
    return original(set_queue_attributes)(response)


@replaces(SQSResponse)
def get_queue_attributes(response: SQSResponse) -> Any:
    """The times are whole seconds."""
    answer = original(get_queue_attributes)(response)
    found = (answer.result or {}).get("Attributes", {})
    found.update({name: found[name].partition(".")[0] for name in _TIMES if name in found})
    return answer


@replaces(SQSResponse, "send_message")
def send_with_system_attributes(response: SQSResponse) -> Any:
    """The answer says what arrived of the system attributes, too. The trace may be in a header."""
    given = response._get_param("MessageSystemAttributes")
    trace = response.headers.get("X-Amzn-Trace-Id")
    if trace and not given:
        header = {"DataType": "String", "StringValue": trace}
        response.params["MessageSystemAttributes"] = {"AWSTraceHeader": header}
    answer = original(send_with_system_attributes)(response)
    if given:
        measured = Message("", "")
        measured.message_attributes = given
        answer.result["MD5OfMessageSystemAttributes"] = measured.attribute_md5
    return answer


@replaces(moto_responses)
def validate_message_attributes(_: Any) -> None:
    """moto refuses attributes, but not in AWS's words."""
