"""Limits on what SQS and SNS take that moto leaves out, or counts in characters.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import re
from typing import Any

from moto.sns.exceptions import InvalidParameterValue as InvalidPublish
from moto.sns.exceptions import SNSException
from moto.sns.models import SNSBackend
from moto.sqs.exceptions import BatchRequestTooLong, InvalidParameterValue, SQSException
from moto.sqs.models import Message, SQSBackend

from localcloud.messages import size_of

MAX_SQS_BYTES = 1024 * 1024
MAX_SNS_BYTES = 256 * 1024
_MAX_SUBJECT = 100  # characters, and a subject is shorter than that
# What XML 1.0 cannot carry, which SQS still spoke when the rule was made.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_send, _send_batch = SQSBackend.send_message, SQSBackend.send_message_batch
_publish, _publish_batch = SNSBackend.publish, SNSBackend.publish_batch


class _InvalidContents(SQSException):
    def __init__(self) -> None:
        super().__init__(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
            "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )


class _TooLong(SNSException):
    code = "BatchRequestTooLong"
    message = "The length of all the batch messages put together is more than the limit."


def _send_message(
    backend: SQSBackend, queue_name: str, message_body: str, **options: Any
) -> Message:
    """A message is text, of at most the queue's maximum in bytes, attributes included."""
    if _FORBIDDEN.search(message_body):
        raise _InvalidContents
    limit = backend.get_queue(queue_name).maximum_message_size
    if size_of(message_body, options.get("message_attributes") or {}) > limit:
        raise InvalidParameterValue(
            "One or more parameters are invalid. Reason: Message must be shorter than "
            f"{limit} bytes."
        )
    return _send(backend, queue_name, message_body, **options)


def _send_message_batch(
    backend: SQSBackend, queue_name: str, entries: dict[str, dict[str, Any]]
) -> tuple[list[Message], list[dict[str, Any]]]:
    """All of a batch together is held to the limit of one message. What is wrong with one
    entry fails that entry: SendMessageBatch itself has no error for invalid characters."""
    total = sum(
        size_of(entry["MessageBody"], entry["MessageAttributes"]) for entry in entries.values()
    )
    if total > MAX_SQS_BYTES:
        raise BatchRequestTooLong(total)
    valid = {k: e for k, e in entries.items() if not _FORBIDDEN.search(e["MessageBody"])}
    error = _InvalidContents()
    failed = [
        {"Id": e["Id"], "SenderFault": True, "Code": error.code, "Message": error.message}
        for k, e in entries.items()
        if k not in valid
    ]
    sent, others = _send_batch(backend, queue_name, valid)
    return sent, failed + others


def _publish_message(backend: SNSBackend, message: str, arn: str | None, **options: Any) -> str:
    """256 KiB at most, attributes included, and a subject that can stand in a mail's header."""
    subject = options.get("subject")
    if subject is not None and (len(subject) >= _MAX_SUBJECT or _CONTROL.search(subject)):
        raise InvalidPublish("Invalid parameter: Subject")
    if size_of(message, options.get("message_attributes") or {}) > MAX_SNS_BYTES:
        raise InvalidPublish("Invalid parameter: Message too long")
    return _publish(backend, message, arn, **options)


def _publish_message_batch(
    backend: SNSBackend, topic_arn: str, publish_batch_request_entries: list[dict[str, Any]]
) -> Any:
    """The entries of a batch share the 256 KiB.
    https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
    """
    sizes = (
        size_of(entry["Message"], entry.get("MessageAttributes") or {})
        for entry in publish_batch_request_entries
    )
    if sum(sizes) > MAX_SNS_BYTES:
        raise _TooLong
    return _publish_batch(backend, topic_arn, publish_batch_request_entries)


def install() -> None:
    """Make moto keep these limits from now on."""
    SQSBackend.send_message = _send_message
    SQSBackend.send_message_batch = _send_message_batch
    SNSBackend.publish = _publish_message
    SNSBackend.publish_batch = _publish_message_batch
