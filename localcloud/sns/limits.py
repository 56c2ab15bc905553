"""What SNS refuses to publish, and which text each protocol gets.

moto accepts messages that no subscriber can get: a structured one without `default`, one with an
attribute without a value, an empty one. The sender gets no error, and the message is gone. AWS
refuses such a message, and the whole batch if it is in one.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from moto.sns.exceptions import (
    BatchEntryIdsNotDistinct,
    InvalidParameterValue,
    SNSException,
    TooManyEntriesInBatchRequest,
)
from moto.sns.models import SNSBackend
from moto.sns.responses import SNSResponse

from localcloud import arn as arns
from localcloud import encryption
from localcloud.call import Call
from localcloud.message_attributes import size_of, sns_problem
from localcloud.upstream import original, replaces

_ARNS = ("TopicArn", "TargetArn", "SubscriptionArn", "ResourceArn")
_PARTS = 6  # of an ARN, at least
_TARGETS = {"TopicArn", "TargetArn", "PhoneNumber"}
MAX_BYTES = 256 * 1024
_MAX_SUBJECT = 100  # characters; a subject must be shorter
_MAX_ENTRIES = 10
_ENTRY_ID = re.compile(r"[\w-]{1,80}", re.ASCII)
_IN_ENTRY_ID = re.compile(r"[\w-]+", re.ASCII)
_IMPERMISSIBLE = "contains an impermissible character"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _TooLong(SNSException):
    code = "BatchRequestTooLong"
    message = "The length of all the messages put together is more than the limit."


class _EmptyBatch(SNSException):
    code = "EmptyBatchRequest"
    message = "The batch request doesn't contain any entries."


class _InvalidEntryId(SNSException):
    code = "InvalidBatchEntryId"

    def __init__(self, entry_id: str) -> None:
        problem = "is too long" if _IN_ENTRY_ID.fullmatch(entry_id) else _IMPERMISSIBLE
        super().__init__(f"The Id of a batch entry in the batch request {problem}: {entry_id}")


class _InvalidAttribute(SNSException):
    code = "ParameterValueInvalid"


class _Invalid(SNSException):
    code = "ValidationError"


class _KeyNotFound(SNSException):
    code = "KMSNotFound"


def text_for(protocol: str, message: str) -> str:
    """The text of a structured message for this protocol. Skips what is not text, as AWS does.
    Raises moto's InvalidParameterValue if AWS refuses the message."""
    try:
        texts = json.loads(message)
    except (ValueError, RecursionError):
        texts = None
    if not isinstance(texts, dict):
        problem = "Message Structure - JSON message body failed to parse"
        raise InvalidParameterValue(f"Invalid parameter: {problem}")
    texts = {key: text for key, text in texts.items() if isinstance(text, str)}
    if "default" not in texts:
        problem = "Message Structure - No default entry in JSON message body"
        raise InvalidParameterValue(f"Invalid parameter: {problem}")
    return str(texts.get(protocol, texts["default"]))


def _refuse_subject(subject: str | None) -> None:
    """Refuse a subject that cannot be a mail's header."""
    if subject is not None and (
        not subject or len(subject) >= _MAX_SUBJECT or _CONTROL.search(subject)
    ):
        raise InvalidParameterValue("Invalid parameter: Subject")


def _refuse_message(message: str, structure: str | None) -> None:
    """Refuse what AWS does not publish, no matter who subscribes."""
    if not message:
        raise InvalidParameterValue("Invalid parameter: Empty message")
    if structure == "json":
        text_for("default", message)
    elif structure:
        raise InvalidParameterValue("Invalid parameter: MessageStructure")


@replaces(SNSBackend)
def publish(backend: SNSBackend, message: str, arn: str | None, **options: Any) -> str:
    """A message has at most 256 KiB, attributes included."""
    if options.get("phone_number"):
        raise NotImplementedError(
            "The local cloud sends no text messages; publish to a topic (TopicArn) instead."
        )
    _refuse_message(message, options.get("message_structure"))
    _refuse_subject(options.get("subject"))
    if size_of(message, options.get("message_attributes") or {}) > MAX_BYTES:
        raise InvalidParameterValue("Invalid parameter: Message too long")
    _refuse_topic(backend, arn or "")
    message_id: str = original(publish)(backend, message, arn, **options)
    return message_id


def arn_problem(call: Call) -> str:
    """What is wrong with an ARN in a call, in AWS's words, or "". What is in another region cannot
    be meant."""
    for name in _ARNS:
        if (text := call.parameters.get(name)) is None:
            continue
        parts = text.split(":")
        if len(parts) < _PARTS:
            return f"{name} Reason: An ARN must have at least {_PARTS} elements, not {len(parts)}"
        if call.operation == "Unsubscribe" and len(parts) == _PARTS:
            return "SubscriptionId"
        if name != "ResourceArn" and parts[3] != call.region:
            return name
    if not call.parameters.get("NextToken", "0").isdigit():
        return "NextToken"
    if call.operation == "Publish" and not call.parameters.keys() & _TARGETS:
        return "TopicArn or TargetArn Reason: no value for required parameter"
    if call.operation == "PublishBatch" and "TopicArn" not in call.parameters:
        return "TopicArn Reason: no value for required parameter"
    if call.operation == "Unsubscribe" and "SubscriptionArn" not in call.parameters:
        return "SubscriptionArn Reason: no value for required parameter"
    return ""


def unreadable(call: Call) -> bool:
    """Whether a binary attribute of a message is no Base64."""
    texts = (text for name, text in call.parameters.items() if name.endswith(".BinaryValue"))
    try:
        return any(base64.b64decode(text) is None for text in texts)
    except ValueError:
        return True


def _refuse_topic(backend: SNSBackend, arn: str) -> None:
    if arns.parse(arn).resource.startswith("endpoint/"):
        raise NotImplementedError(
            "The local cloud has no mobile push; publish to a topic (TopicArn) instead."
        )
    topic = backend.get_topic(arn)
    key = topic.kms_master_key_id
    if key and (problem := encryption.problem(key, backend.region_name)):
        raise _KeyNotFound(problem)


@replaces(SNSBackend)
def publish_batch(
    backend: SNSBackend, topic_arn: str, publish_batch_request_entries: list[dict[str, Any]]
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """A batch has at most 256 KiB in all, and one bad message or attribute fails all of it. Errors
    that come later fail only their entry, and are in `Failed`."""
    _refuse_topic(backend, topic_arn)
    # moto reads what is no structure as an object without anything.
    entries = [each if isinstance(each, dict) else {} for each in publish_batch_request_entries]
    _refuse_batch(entries)
    successful: list[dict[str, str]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            message_id = backend.publish(
                entry["Message"],
                arn=topic_arn,
                subject=entry.get("Subject"),
                message_attributes=entry.get("MessageAttributes") or {},
                message_structure=entry.get("MessageStructure"),
            )
        except SNSException as error:
            failed.append(_failure(entry["Id"], error.code, error.message, at_fault=True))
        except Exception as error:  # moto would drop it without a word
            text = f"{type(error).__name__}: {error}"
            failed.append(_failure(entry["Id"], "InternalError", text, at_fault=False))
        else:
            successful.append({"MessageId": message_id, "Id": entry["Id"]})
    return successful, failed


def _failure(entry_id: str, code: str, message: str, *, at_fault: bool) -> dict[str, Any]:
    return {"Id": entry_id, "Code": code, "Message": message, "SenderFault": at_fault}


def _refuse_batch(entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise _EmptyBatch
    if len(entries) > _MAX_ENTRIES:
        raise TooManyEntriesInBatchRequest
    ids = [str(entry.get("Id", "")) for entry in entries]
    for entry_id in ids:
        if not _ENTRY_ID.fullmatch(entry_id):
            raise _InvalidEntryId(entry_id)
    if len(set(ids)) < len(ids):
        raise BatchEntryIdsNotDistinct
    if not all("Message" in entry for entry in entries):
        raise InvalidParameterValue("Invalid parameter: Empty message")
    sizes = (size_of(entry["Message"], entry.get("MessageAttributes") or {}) for entry in entries)
    if sum(sizes) > MAX_BYTES:
        raise _TooLong
    for entry in entries:
        _refuse_message(entry["Message"], entry.get("MessageStructure"))


@replaces(SNSResponse, "_transform_message_attributes")
def transform_message_attributes(
    response: SNSResponse, attributes: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Message attributes are checked, and delivered in SNS's form."""
    for name, value in attributes.items():
        if not isinstance(value, Mapping) or not value.get("DataType"):
            raise _Invalid(
                f"1 validation error detected: Value null at '{_place_of(response, attributes)}"
                f"messageAttributes.{name}.member.dataType' failed to satisfy constraint: Member "
                "must not be null"
            )
        if problem := sns_problem(name, value):
            raise _InvalidAttribute(problem)
    return {name: _passed_on(value) for name, value in attributes.items()}


def _place_of(response: SNSResponse, attributes: Mapping[str, Any]) -> str:
    """Where the attributes stand in a batch, in AWS's words; "" for those of a single message."""
    for number, entry in enumerate(response._get_param("PublishBatchRequestEntries", []), 1):
        if isinstance(entry, dict) and entry.get("MessageAttributes") is attributes:
            return f"publishBatchRequestEntries.{number}.member."
    return ""


def _passed_on(value: Mapping[str, Any]) -> dict[str, Any]:
    """DataType becomes Type, and StringValue or BinaryValue becomes Value (a binary in Base64)."""
    binary = value.get("BinaryValue")
    text = value.get("StringValue") if binary is None else base64.b64encode(binary).decode()
    return {"Type": value["DataType"], "Value": text}
