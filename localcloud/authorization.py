"""Refuses what the caller's role does not allow, with the error of each service.

A function signs with credentials of its execution role, so every request tells who sends it.
The credentials of whoever uses the local cloud may do everything; those of a role that was
assumed, by Lambda or by `sts:AssumeRole`, may do what its policies allow. Asked are the
services that functions of this tutorial call: SQS, SNS, DynamoDB, and Lambda's Invoke.

Batches are no actions of their own: `sqs:SendMessage` covers SendMessageBatch.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.sts.models import AssumedRole, sts_backends

from localcloud.permissions import why_not
from localcloud.signature import access_key_of
from localcloud.state import ACCOUNT_ID, Request, Response, error_response

# The error of each service: its status, its code, and how it writes the action.
_ERRORS: dict[str, tuple[int, str, Callable[[str], str]]] = {
    "sqs": (403, "AccessDenied", str.lower),
    "sns": (403, "AuthorizationError", lambda action: action.replace("sns:", "SNS:")),
    "dynamodb": (400, "AccessDeniedException", str),
    "lambda": (403, "AccessDeniedException", str),
}
INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")


def refusal(service: str, request: Request, region: str) -> Response | None:
    """The answer to a request that its sender may not make; None if it may."""
    caller = _caller(request)
    if caller is None or service not in _ERRORS:
        return None
    status, code, written = _ERRORS[service]
    for action, resource in _needed(service, request, region):
        if reason := why_not(caller.role_arn, action, resource):
            shown = written(action)
            message = (
                f"User: {caller.arn} is not authorized to perform: {shown} on resource: "
                f"{resource} {reason.format(action=shown)}"
            )
            return error_response(request, status, code, message)
    return None


def _caller(request: Request) -> AssumedRole | None:
    """The role that signed the request, or None if it was no role."""
    key = access_key_of(request)
    return sts_backends[ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(key) if key else None


def _needed(service: str, request: Request, region: str) -> Iterator[tuple[str, str]]:
    """What the sender must be allowed: actions, each with the ARN of its resource."""
    operation, call = _call(request)
    arn = f"arn:aws:{service}:{region}:{ACCOUNT_ID}:"
    if service == "sqs":
        name = call.get("QueueName") or call.get("QueueUrl", "*").rsplit("/", 1)[-1]
        yield f"sqs:{operation.removesuffix('Batch')}", arn + name
        if operation == "CreateQueue" and call.get("tags"):
            yield "sqs:TagQueue", arn + name
    elif service == "sns":
        resource = call.get("TopicArn") or call.get("TargetArn") or arn + call.get("Name", "*")
        yield f"sns:{operation.removesuffix('Batch')}", resource
    elif service == "dynamodb":
        for table in _tables(call):
            resource = table if table.startswith("arn:") else f"{arn}table/{table}"
            index = f"/index/{call['IndexName']}" if "IndexName" in call else ""
            yield f"dynamodb:{operation}", resource + index
    elif found := INVOKE.fullmatch(unquote(request.path)):
        name = found[1]
        resource = name if name.startswith("arn:") else f"{arn}function:{name}"
        yield "lambda:InvokeFunction", resource


def _call(request: Request) -> tuple[str, dict[str, Any]]:
    """A request's operation and parameters, in the JSON or the query protocol."""
    if target := request.headers.get("x-amz-target"):
        return target.rsplit(".", 1)[-1], json.loads(request.body or b"{}")
    form = parse_qs(request.body.decode("utf-8", "replace"))
    return form.get("Action", [""])[0], {name: values[0] for name, values in form.items()}


def _tables(call: dict[str, Any]) -> list[str]:
    """The tables that a call of DynamoDB's is about; all of them if it names none."""
    if "RequestItems" in call:
        return list(call["RequestItems"])
    if "TransactItems" in call:
        return [next(iter(item.values()))["TableName"] for item in call["TransactItems"]]
    return [call.get("TableName", "*")]
