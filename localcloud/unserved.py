"""What the local cloud refuses by name, because moto would accept it and then do nothing.

moto has nearly all AWS services. Some of them pass on what they get: on a schedule, by a rule, or
to a function in Docker. Here that would vanish without a word. So a call that sets up such a thing
is answered with NotImplemented, and moto never starts Docker.
"""

from __future__ import annotations

import re
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.utilities.docker_utilities import DockerModel

from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import replaces

_FUNCTION = re.compile(rb"arn(:|%3A)aws[\w-]*(:|%3A)lambda(:|%3A)", re.IGNORECASE)
_BY_EVENTS = "has no EventBridge that passes events on; invoke the function, or send to a queue."
_BY_MAIL = "sends no mail through SES; subscribe an address to an SNS topic."
_NO_LAYERS = "has no layers; put what the function needs into its package."
_NO_URLS = "has no function URLs; put a REST API in front of the function."
_NO_DOMAINS = "has no domain names of your own; use the address of the stage."
# By the service in the signature's scope and the operation: the end of X-Amz-Target, the Action, or
# what a path stands for.
_OPERATIONS = {
    "apigateway": {
        "CreateBasePathMapping": _NO_DOMAINS,
        "CreateDocumentationPart": "has no documentation of APIs; write it elsewhere.",
        "CreateDomainName": _NO_DOMAINS,
        "CreateVpcLink": "has no networks to link to; call a function.",
        "GenerateClientCertificate": "has no client certificates; the function is called directly.",
        "GetExport": "exports no APIs; keep the script that makes yours.",
        "GetSdk": "makes no SDKs; call the address of the stage.",
        "GetUsage": "has no history of usage; GetUsagePlan has the limits.",
    },
    "dynamodb": {
        "PutResourcePolicy": "heeds no policies of tables; give the role a policy.",
    },
    "iam": {
        "PutUserPermissionsBoundary": "heeds no permissions boundaries of users; put the limit "
        "into the policy.",
    },
    "lambda": {
        "CreateCodeSigningConfig": "has no code signing; leave it out.",
        "CreateFunctionUrlConfig": _NO_URLS,
        "InvokeWithResponseStream": "streams no replies; use Invoke.",
        "PublishLayerVersion": _NO_LAYERS,
        "PutFunctionCodeSigningConfig": "has no code signing; leave it out.",
        "PutProvisionedConcurrencyConfig": "has no provisioned concurrency; its workers stay warm.",
        "PutFunctionRecursionConfig": "looks for no loops of functions; leave it out.",
        "PutRuntimeManagementConfig": "runs functions with its own Python; leave it out.",
        "UpdateFunctionUrlConfig": _NO_URLS,
    },
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
    "apigateway": [
        ("POST", r"/v2/.+", "has REST APIs, and no HTTP or WebSocket APIs; make a REST API.")
    ],
    "scheduler": [("POST", r"/schedules/.+", "has no schedules; run the call yourself.")],
    "pipes": [("POST", r"/v1/pipes/.+", "has no pipes; use an event source mapping.")],
    "ses": [("POST", r"/v2/email/outbound-(bulk-)?emails?", _BY_MAIL)],
}


def refusal(call: Call) -> Response | None:
    """The answer to a call that would do nothing here; None for any other call."""
    if not (text := _what_is_lacking(call)):
        return None
    name = f" ({call.operation})" if call.operation else ""
    return call.error(501, "NotImplemented", f"The local cloud {text}{name}")


def _what_is_lacking(call: Call) -> str:
    service, request = call.service, call.request
    is_notification = service == "s3" and request.query.startswith("notification")
    if is_notification and _FUNCTION.search(request.body):
        return "calls no functions for what happens in a bucket; send it to a queue."
    if known := _OPERATIONS.get(service, {}).get(call.operation):
        return known
    for method, path, text in _PATHS.get(service, []):
        if method == request.method and re.fullmatch(path, request.path):
            return text
    return ""


@replaces(LambdaFunction)
def invoke(function: LambdaFunction, *_: Any, **__: Any) -> Any:
    """moto would call a function in Docker."""
    raise NotImplementedError(
        f"The local cloud does not call {function.function_name} from here; only Invoke, API "
        "Gateway, SNS and SQS call functions."
    )


@replaces(LambdaFunction)
def _invoke_lambda(function: LambdaFunction, *_: Any, **__: Any) -> Any:
    """moto would call a function in Docker."""
    return invoke(function)


@replaces(DockerModel)
def docker_client(_: DockerModel) -> Any:
    """moto would start Docker."""
    raise NotImplementedError("The local cloud starts no containers.")
