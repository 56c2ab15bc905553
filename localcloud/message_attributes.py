"""Message attributes: how many bytes they add, and which ones SQS and SNS refuse.

Both have the same attributes: a name, a type (String, Number or Binary, with a suffix of your own
after a dot) and one value in the field of that type. moto accepts many that AWS refuses, and then a
subscriber's queue or a handler breaks on them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MAX_NAME = 256  # bytes; a name must be shorter
_MAX_TYPE = 256  # bytes; a type must be shorter
_MAX_ATTRIBUTES = 10  # of a message in a queue
# What XML 1.0 cannot carry. The rule is from the time when SQS still spoke XML.
NOT_IN_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
TEXT = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
_FIELDS = {"String": "StringValue", "Number": "StringValue", "Binary": "BinaryValue"}
_NOT_IN_SNS_NAMES = re.compile(r"[^\w.-]", re.ASCII)
_SQS_NAME = re.compile("[\u00c0-\u017fa-zA-Z0-9_.-]+")
_RESERVED = re.compile(r"(aws|amazon)\..*|\..*|.*\.", re.IGNORECASE)


def size_of(body: str, attributes: Mapping[str, Any]) -> int:
    """The bytes of a message: its body, and each attribute's name, type and value."""
    values = (v for a in attributes.values() for v in a.values() if isinstance(v, str | bytes))
    texts = (body, *attributes, *values)
    return sum(len(t.encode("utf-8", "replace") if isinstance(t, str) else t) for t in texts)


def sns_problem(name: str, value: Mapping[str, Any]) -> str:
    """Why SNS refuses the attribute, or "" """
    if problem := _sns_name_problem(name):
        return problem
    kind, dot, suffix = value["DataType"].partition(".")
    if kind not in _FIELDS or (dot and not suffix):
        return (
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    other = ({"StringValue", "BinaryValue"} - {_FIELDS[kind]}).pop()
    if value.get(other) is not None and value.get(_FIELDS[kind]) is None:
        field = _FIELDS[kind].removesuffix("Value")
        return f"The message attribute '{name}' with type '{kind}' must use field '{field}'."
    if not value.get(_FIELDS[kind]):
        return (
            f"The message attribute '{name}' must contain non-empty message attribute value for "
            f"message attribute type '{kind}'."
        )
    if kind == "Number" and not _is_number(value["StringValue"]):
        return f"Could not cast message attribute '{name}' value to number."
    return ""


def sqs_problem(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Why SQS refuses a message's attributes, or "" """
    if len(attributes) > _MAX_ATTRIBUTES:
        return (
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{_MAX_ATTRIBUTES}]."
        )
    problems = (_one_sqs_problem(name, value) for name, value in attributes.items())
    return next(filter(None, problems), "")


def _one_sqs_problem(name: str, value: Mapping[str, Any]) -> str:
    if problem := _sqs_name_problem(name):
        return problem
    kind = (value.get("DataType") or "").split(".")[0]
    if not kind:
        return f"Message (user) attribute '{name}' must contain a non-empty attribute type."
    if len(value["DataType"].encode("utf-8", "replace")) >= _MAX_TYPE:
        return f"Message (user) attribute types must be shorter than {_MAX_TYPE} Bytes"
    if kind not in _FIELDS:
        return (
            f"The type of message (user) attribute '{name}' is invalid. You must use only the "
            "following supported type prefixes: Binary, Number, String."
        )
    if not value.get(_FIELDS[kind]):
        return f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
    if found := NOT_IN_TEXT.search(value.get("StringValue") or ""):
        return (
            f"Invalid binary character '#x{ord(found[0]):X}' was found in the message attribute "
            f"'{name}' value, the set of allowed characters is {TEXT}"
        )
    if kind == "Number" and not _is_number(value["StringValue"]):
        return f"Can't cast the value of message (user) attribute '{name}' to a number."
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sns_name_problem(name: str) -> str:
    if len(name.encode("utf-8", "replace")) >= _MAX_NAME:
        return f"Length of message attribute name must be less than {_MAX_NAME} bytes."
    if found := _NOT_IN_SNS_NAMES.search(name):
        return (
            f"Invalid non-alphanumeric character '#x{ord(found[0]):X}' was found in the message "
            "attribute name. Can only include alphanumeric characters, hyphens, underscores, or "
            "dots."
        )
    for ends, where in ((name.startswith("."), "starting"), (name.endswith("."), "ending")):
        if ends:
            return f"Invalid message attribute name {where} with character '.' was found."
    if ".." in name:
        return "Message attribute name can not have successive '.' character."
    return ""


def _sqs_name_problem(name: str) -> str:
    if len(name.encode("utf-8", "replace")) >= _MAX_NAME:
        return f"Message (user) attribute names must be shorter than {_MAX_NAME} Bytes"
    if not _SQS_NAME.fullmatch(name):
        return (
            "Message (user) attributes name can only contain upper and lower score characters, "
            "digits, periods, hyphens and underscores. "
        )
    if _RESERVED.fullmatch(name):
        return (
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These "
            "strings are reserved for internal use. Additionally, they cannot start or end with "
            "'.'."
        )
    return ""
