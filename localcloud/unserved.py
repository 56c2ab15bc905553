"""What the local cloud refuses by name, because moto would take it and nothing would come of it.

moto has nearly all services of AWS's. Some of them hand on what they are given, on a schedule, by
a rule, or to a function in Docker: here that would vanish without a word. A call that sets such a
thing up is answered with NotImplemented, and nothing that moto does starts Docker.
"""

from __future__ import annotations

import re
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.utilities.docker_utilities import DockerModel

from localcloud.upstream import Request, Response, error_response

_FUNCTION = re.compile(rb"arn(:|%3A)aws[\w-]*(:|%3A)lambda(:|%3A)", re.IGNORECASE)
_BY_EVENTS = "has no EventBridge that hands events on; invoke the function, or send to a queue."
_BY_MAIL = "sends no mail through SES; subscribe an address to an SNS topic."
# By the service in the signature's scope; operations by the end of X-Amz-Target or the Action.
_OPERATIONS = {
    "events": {
        "PutTargets": _BY_EVENTS,
        "PutEvents": _BY_EVENTS,
        "CreateArchive": _BY_EVENTS,
    },
    "ses": {
        "SendEmail": _BY_MAIL,
        "SendRawEmail": _BY_MAIL,
        "SendTemplatedEmail": _BY_MAIL,
        "SendBulkTemplatedEmail": _BY_MAIL,
    },
    "firehose": {
        "CreateDeliveryStream": "has no Firehose; send to a queue.",
    },
}
# Services that speak REST, by method and path.
_PATHS = {
    "scheduler": [("POST", r"/schedules/.+", "has no schedules; run the call yourself.")],
    "pipes": [("POST", r"/v1/pipes/.+", "has no pipes; use an event source mapping.")],
    "ses": [("POST", r"/v2/email/outbound-(bulk-)?emails?", _BY_MAIL)],
}


def refusal(service: str, request: Request) -> Response | None:
    """The answer to a call of which nothing would come; None to any other."""
    text = _what_is_lacking(service, request)
    if not text:
        return None
    if service in ("s3", "ses"):  # their clients read XML, and S3's would not know a form
        headers = {**request.headers, "content-type": "application/x-www-form-urlencoded"}
        request = Request(request.method, request.path, request.query, headers, request.body)
    return error_response(request, 501, "NotImplemented", f"The local cloud {text}")


def _what_is_lacking(service: str, request: Request) -> str:
    if service in ("logs", "s3") and _FUNCTION.search(request.body):
        if _operation(request) == "PutSubscriptionFilter":
            return "calls no functions for log lines; read them by FilterLogEvents."
        if service == "s3" and request.query.startswith("notification"):
            return "calls no functions for what happens in a bucket; send it to a queue."
    if service in _OPERATIONS and (known := _OPERATIONS[service].get(_operation(request))):
        return known
    for method, path, text in _PATHS.get(service, []):
        if method == request.method and re.fullmatch(path, request.path):
            return text
    return ""


def _operation(request: Request) -> str:
    """In the JSON or the query protocol."""
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    found = re.search(rb"(?:^|&)Action=(\w+)", request.body)
    return found[1].decode() if found else ""


def _refuse_to_run(function: LambdaFunction, *_: Any, **__: Any) -> Any:
    raise NotImplementedError(
        f"The local cloud does not call {function.function_name} from here; only Invoke, API "
        "Gateway, SNS and SQS call functions."
    )


def _refuse_docker(_: DockerModel) -> Any:
    raise NotImplementedError("The local cloud starts no containers.")


def install() -> None:
    """Make sure that nothing of moto's runs a function or starts Docker."""
    LambdaFunction.invoke = LambdaFunction._invoke_lambda = _refuse_to_run
    DockerModel.docker_client = property(_refuse_docker)
