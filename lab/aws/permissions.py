"""What somebody must be allowed to do for the calls that a program makes.

Most calls have an action of the same name. The exceptions are AWS's:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

_OTHER_NAME = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "sns:PublishBatch": "sns:Publish",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# Who makes something with tags must be allowed to tag.
_TAGGING = {
    "dynamodb": "dynamodb:TagResource",
    "iam": "iam:TagRole",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "sns": "sns:TagResource",
    "sqs": "sqs:TagQueue",
    "apigateway": "apigateway:PUT",  # on /tags/*
}
_ALSO = {
    # Without it the answer has no tags, and no error tells that.
    "lambda:GetFunction": ("lambda:ListTags",),
    # SQS does in the caller's name what moves the messages.
    "sqs:StartMessageMoveTask": (
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"),
    ),
}
_ALWAYS_ALLOWED = ("sts:GetCallerIdentity",)


def needed(model: Any, parameters: dict[str, Any]) -> Iterator[str]:
    """The actions for a call of the operation that botocore's `model` describes."""
    service = model.service_model.service_name
    action = f"{service}:{model.name}"
    if action in _ALWAYS_ALLOWED:
        return
    if service == "apigateway":  # its actions are the HTTP methods
        yield f"apigateway:{model.http['method']}"
    else:
        yield _OTHER_NAME.get(action, action)
    yield from _ALSO.get(action, ())
    if model.name.startswith("Create") and any(name.lower() == "tags" for name in parameters):
        yield _TAGGING[service]
    if service == "lambda" and "Role" in parameters:
        yield "iam:PassRole"


@contextmanager
def recorded(aws: boto3.Session) -> Iterator[set[str]]:
    """Yields a set that gets the actions for every call of the clients that this session makes in
    here."""
    actions: set[str] = set()

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        actions.update(needed(model, params))

    aws.events.register("before-parameter-build", note, unique_id="lab-permissions")
    try:
        yield actions
    finally:
        aws.events.unregister("before-parameter-build", unique_id="lab-permissions")
